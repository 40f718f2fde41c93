r"""Symbols that a sheet defines: "let e_j = ..." adds e_j for the lines below and above.

A symbol is the sheet's own where it stands alone on the left of the first equation about it and
the notation has no meaning for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from derive.claims.claim import Claim
from derive.claims.own_functions import functions_of
from derive.marking.compositions import WRITTEN
from derive.reading.latex_macros import Macros
from derive.reading.own import Bound, Definition, numbered, symbol
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Letter, Node, walk
from derive.sheets.door import claims_of
from derive.sheets.numbered_errors import Used, used
from derive.sheets.sheet import Formula, Part, Prose
from derive.sheets.statements import (
    EQUALS,
    INDICES,
    Statement,
    Written,
    names_in,
    only_name,
    statements,
)
from derive.writing.signs import Sign

_LET = re.compile(
    r"\b(?:let|define|defining|write|denote|set|call|put|introduce|abbreviate)\W*(?:\w+\W*){0,3}$",
    re.IGNORECASE,
)
_CALLED = re.compile(r"[^=]*\)\s*(?:&\s*)?(?::|\\equiv|=)")  # f(x) = ...
_ANY_LAYER = ("l", r"\ell", "l-1", "l+1", "L")
_NEVER = frozenset(("pi", "infty", "ell", "nabla", "partial"))


def with_definitions(scope: Scope, parts: tuple[Part, ...], macros: Macros) -> Scope:
    """The scope with the symbols that the formulas define."""
    found: dict[str, Statement] = {}
    assigned: dict[Written, int] = {}
    signs = dict(scope.own.signs)
    formulas = tuple(p for p in parts if isinstance(p, Formula) and p.language == "latex")
    before = {id(b): a.text for a, b in pairwise(parts) if isinstance(a, Prose)}
    stated = {id(f): statements(f, macros) for f in formulas}
    told = used(tuple(s for f in formulas for s in stated[id(f)]), scope)
    for formula in formulas:
        let = bool(_LET.search(before.get(id(formula), "")))
        for statement in stated[id(formula)]:
            for variable in _assigned(statement, scope, signs):
                assigned[variable] = assigned.get(variable, 0) + 1
            name = _defined(statement, scope, signs, told, let)
            if name is not None and symbol(*name.key) not in found:
                found[symbol(*name.key)] = statement
                layered = scope.own.below and (name.below.isdigit() or name.below in _ANY_LAYER)
                layered = layered and not name.numbered
                signs[name.key] = Bound(
                    "user", form="layered" if layered else "", letter=symbol(*name.key)
                )
    changing = {
        name.key: Bound("user", letter=symbol(*name.key))
        for name, times in assigned.items()
        if times > 1
    }
    signs |= changing  # worth something else after every line: no definition
    scope = _with_functions(scope, formulas, macros)
    if not found and not changing:
        return scope
    named = replace(scope, own=replace(scope.own, signs=signs))
    definitions: dict[str, Definition] = dict(scope.own.definitions)
    for claim in _claims(named, formulas, macros):
        lhs = claim.lhs
        if not (isinstance(lhs, Entry) and lhs.role == "user"):
            continue
        name_of = numbered(lhs.letter, lhs.label)
        if name_of in definitions:
            continue
        if lhs.letter in {symbol(*key) for key in changing}:
            continue
        made = _definition(claim, lhs)
        if made is not None and not _circular(name_of, made.rhs, definitions):
            definitions[name_of] = made
            definitions.setdefault(lhs.letter, made)
    return replace(named, own=replace(named.own, definitions=definitions))


def _with_functions(scope: Scope, formulas: tuple[Formula, ...], macros: Macros) -> Scope:
    """The scope with the functions of one number that the formulas define."""
    texts = (f for f in formulas if _CALLED.match(f.text.strip()))
    claims = [c for f in texts for c in claims_of(f, scope, macros).claims]
    functions = functions_of(claims, WRITTEN | scope.functions)
    return replace(scope, own=replace(scope.own, functions=functions)) if functions else scope


def _assigned(
    statement: Statement, scope: Scope, signs: dict[tuple[Sign, str], Bound]
) -> Iterator[Written]:
    """A variable of a program, g <- ..., of which the notation knows nothing."""
    name = only_name(statement.members[0])
    if name is None or statement.relations[:1] != ("gets",) or name.above:
        return
    if not scope.meanings(name.sign) and name.key not in signs:
        yield name


def _claims(scope: Scope, formulas: tuple[Formula, ...], macros: Macros) -> Iterator[Claim]:
    for formula in formulas:
        yield from claims_of(formula, scope, macros).claims


def _defined(
    statement: Statement,
    scope: Scope,
    signs: dict[tuple[Sign, str], Bound],
    told: Used,
    let: bool,
) -> Written | None:
    """The symbol that a statement brings, if it brings one."""
    if not statement.relations or statement.relations[0] not in EQUALS:
        return None
    name = only_name(statement.members[0])
    if name in told.numbered:
        name = replace(name, numbered=True)
        return None if name.key in signs else name
    if name is None or name.primes or name.key in signs or not statement.members[1]:
        return None
    sign = name.sign
    free = {m.role for m in scope.meanings(sign)} <= {"mask", "target"}
    if scope.meanings(sign) and not (let or free or statement.relations[0] == ":="):
        return None
    if not _may_be_own(scope, statement, name):
        return None
    letter = sign.letter
    is_size = sign == scope.profile.layer_size[0] and bool(name.above or name.below)
    is_size = is_size and not _of_units(statement, scope, signs)
    layered = name.above.replace(r"\prime", "")
    is_function = statement.members[0][-1].text == ")" and not layered
    if is_size or is_function:
        return None
    index = len(letter) == 1 and letter.islower() and not name.below and not name.above
    if index and letter in "ijklmnpqrst":  # r := V^T g is no index, where no sign bears an r
        taken = letter in told.indices or letter in "ijkn"
        index = taken or not (let or statement.relations[0] == ":=")
        if index:
            return None
    if letter in _NEVER or letter in scope.profile.functions:
        return None
    kronecker = letter == "delta" and len(name.indices) == 2
    plain = all(t.kind == "digit" or t.text in (".", "-", r"\ldots") for t in statement.members[1])
    if kronecker or plain or letter in scope.size_names or letter == scope.samples:
        return None
    if any(str(s) == letter for s in scope.profile.functions.values()):
        return None
    return name


def _of_units(statement: Statement, scope: Scope, signs: dict[tuple[Sign, str], Bound]) -> bool:
    """Whether a formula is made of what units compute, as that of a size never is."""
    for name in names_in(statement.members[1]):
        bound = signs.get(name.key)
        roles = [bound.role] if bound else [m.role for m in scope.meanings(name.sign)]
        if set(roles) & {"activation", "preactivation", "output", "delta", "error"}:
            return True
    return False


def _may_be_own(scope: Scope, statement: Statement, name: Written) -> bool:
    """Whether the notation leaves the sign free; errors of the writer's own may take one of it."""
    roles = {m.role for m in scope.meanings(name.sign)}
    if not any(t.role == "mask" for t in scope.shapes):
        roles -= {"mask"}
    if not roles:
        return not (name.sign.accent == "bar" and scope.barred(name.sign))
    derived = any(t.text in (r"\partial", r"\nabla") for t in statement.members[1])
    if roles == {"target"}:  # y_i = \gamma \hat x_i + \beta is no target
        found = names_in(statement.members[1])
        calls = any(a.kind == "letter" and b.text == "(" for a, b in pairwise(statement.members[1]))
        if calls or not statement.formula.display:  # y = f(x) says nothing
            return False
        return not derived and sum(bool(n.below) or str(n.sign) not in INDICES for n in found) > 1
    return roles <= {"delta", "error"} and not derived and not name.number


def _definition(claim: Claim, lhs: Entry) -> Definition | None:
    if claim.rhs is None or claim.relation not in EQUALS:
        return None
    places = []
    for place in lhs.places:
        if not isinstance(place, Letter):
            return None
        places.append(place.name)
    return Definition(tuple(places), lhs.label, claim.rhs)


def _circular(letter: str, rhs: Node, known: dict[str, Definition]) -> bool:
    """Whether a definition leads back to its own symbol."""
    seen: set[str] = set()
    waiting = [rhs]
    while waiting:
        used = (n for n in walk(waiting.pop()) if isinstance(n, Entry) and n.role == "user")
        for inner in {numbered(node.letter, node.label) for node in used} - seen:
            seen.add(inner)
            if inner in known:
                waiting.append(known[inner].rhs)
    return letter in seen
