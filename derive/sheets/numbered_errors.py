r"""Errors that a sheet only counts: \delta_1 = \partial J/\partial\theta, \delta_2 = U^T \delta_1.

The number is part of the name there.  Elsewhere it counts units, samples or layers, and the signs
beside it bear such numbers and indices too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from derive.reading.scope import Scope
from derive.sheets.statements import EQUALS, Statement, Written, names_in, only_name

MOST = 9  # errors that a sheet counts


@dataclass(frozen=True)
class Used:
    """What the signs of a sheet bear."""

    indices: frozenset[str]  # letters below signs
    numbered: frozenset[Written]  # errors whose number is part of their name


def used(statements: tuple[Statement, ...], scope: Scope) -> Used:
    """What the signs of the statements bear."""
    names = [n for s in statements for m in s.members for n in names_in(m)]
    indices = frozenset(i for n in names for i in n.indices if not i.isdigit())
    return Used(indices, frozenset(_numbered(statements, names, scope)))


def _numbered(
    statements: tuple[Statement, ...], names: list[Written], scope: Scope
) -> Iterator[Written]:
    """Errors that are defined by whole arrays, whose numbers are those of no layer."""
    errors = [n for n in names if _is_error(n, scope)]
    if not errors or not all(n.below.isdigit() and not n.above for n in errors):
        return
    brought: dict[Written, Statement] = {}
    for statement in statements:
        name = only_name(statement.members[0])
        equation = bool(statement.relations) and statement.relations[0] in EQUALS
        if name in errors and equation:
            brought.setdefault(name, statement)
    if not 1 < len(brought) <= MOST or {n.sign for n in brought} != {errors[0].sign}:
        return
    others = [
        other
        for statement in brought.values()
        for member in statement.members[1:]
        for other in names_in(member)
        if not _is_error(other, scope)
    ]
    last = scope.last.offset if scope.last is not None and not scope.last.base else MOST
    beyond = max(int(n.below) for n in brought) > last  # no layers: there are not so many
    if all(_is_whole(other, beyond and scope.own.below) for other in others):
        yield from brought


def _is_whole(name: Written, numbered: bool) -> bool:
    """Whether a sign bears neither an index nor a number of its own."""
    return not name.number and (not name.indices or (numbered and name.below.isdigit()))


def _is_error(name: Written, scope: Scope) -> bool:
    roles = {m.role for m in scope.meanings(name.sign)}
    return bool(roles) and roles <= {"delta", "error"}
