"""Layers that a sheet tells by the letters of its indices: i inputs, j hidden units, k outputs.

Every weight w_ji leads from one letter to another; the letters of the targets are those of the
last layer.  Where all of that fits together, a letter says the layer of what bears it.
"""

from __future__ import annotations

from collections.abc import Mapping

from derive.reading.own import Bound
from derive.reading.scope import Scope
from derive.sheets.findings import Key
from derive.sheets.forward import Forward
from derive.sheets.statements import Written, labelled, number_of


def index_layers(
    names: list[Written],
    forwards: list[Forward],
    below: bool,
    base: Scope,
    made: Mapping[Key, Bound],
    last: int,
) -> dict[str, int]:
    """Letter of an index -> number of its layer; nothing where the letters are used freely."""
    told = [name for name in names if labelled(name, below)]
    weights = all(role_in(n, base, made) == "weight" and len(n.indices) == 2 for n in told)
    if not last or not weights:
        return {}
    first = _out_first(forwards, base)
    counts: dict[tuple[str, str], int] = {}
    found: dict[str, int] = {}
    for name in names:
        role = role_in(name, base, made)
        if role == "weight" and len(name.indices) == 2 and not any(map(str.isdigit, name.indices)):
            out, into = name.indices if first else name.indices[::-1]
            counts[into, out] = counts.get((into, out), 0) + 1
        elif role == "target" and len(name.indices) == 1 and not name.below.isdigit():
            found[name.indices[0]] = last
    edges = _commoner(counts)
    if not edges or not found:
        return {}
    for _ in range(len(edges) + 1):
        for into, out in edges:
            if out in found:
                found.setdefault(into, found[out] - 1)
            elif into in found:
                found.setdefault(out, found[into] + 1)
    fits = all(found.get(into, 0) == found.get(out, 0) - 1 for into, out in edges)
    within = all(0 <= number <= last for number in found.values())
    fits &= all(number_of(n, below) == found.get(n.indices[0 if first else 1]) for n in told)
    return found if fits and within and len(set(found.values())) > 1 else {}


def _commoner(counts: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """The steps from letter to letter; of two opposite ones the commoner, or the first."""
    made: list[tuple[str, str]] = []
    for (into, out), count in counts.items():
        other = counts.get((out, into), 0)
        if count > other or (count == other and (out, into) not in made):
            made.append((into, out))
    return made


def _out_first(forwards: list[Forward], base: Scope) -> bool:
    """Whether weights bear the letter of the unit they lead to first, as the sums show it."""
    for forward in forwards:
        if forward.affine is None or len(forward.affine.weight.indices) != 2:
            continue
        lhs, weight = forward.lhs.indices, forward.affine.weight.indices
        if len(lhs) == 1 and lhs[0] in weight:
            return weight.index(lhs[0]) == 0
    return base.out_first


def role_in(name: Written, base: Scope, made: Mapping[Key, Bound]) -> str:
    """The role that a sheet gives to a name, or else the notation."""
    if name.key in made:
        return made[name.key].role
    roles = [m.role for m in base.meanings(name.sign)]
    return roles[0] if roles else ""
