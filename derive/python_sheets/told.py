"""What names of a Python sheet stand for where their spelling alone says something else.

h = x @ W1        the sum before the activation, since h_relu = np.maximum(h, 0) comes next
d_out = y - out   minus the slope, since the steps go up along it: W2 += lr * h.T @ d_out
dz = ...          of the layer before, where the sheet has no numbers

A name is given another meaning only if its first value is exactly that, and if more lines of the
sheet hold then; a slip makes a line wrong under every meaning, or those that use it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.marking.judging import GENERAL, Assumptions, Judge
from derive.python_sheets.bindings import pairs, statement_of
from derive.python_sheets.names import Named, by_what, meaning
from derive.python_sheets.places import key_of, named_place
from derive.reading.own import NameReading
from derive.reading.scope import Scope
from derive.sheets.agreements import quickly_holds
from derive.sheets.door import claims_of
from derive.sheets.sheet import Formula

MOST_NAMES = 12  # that are given another meaning
#: Letters that sheets use for several things: h and o before or behind the activation.
_LOOSE = ("h", "hidden", "l", "layer", "o", "out", "output", "s", "u", "a", "act")
_UNSURE = ("s", "u", "h", "o", "p", "l", "t", "e", "c", "j")
OF_CLASSES = {"cross_entropy", "categorical"}
OF_UNITS = ("preactivation", "activation", "output", "delta")


@dataclass(frozen=True)
class Told:
    """A scope with what names stand for, and how many of the claims hold in it."""

    scope: Scope
    score: int
    claims: int


def told_names(judge: Judge, scope: Scope, formulas: Sequence[Formula]) -> Told:
    """The scope in which names stand for what most lines take them for."""
    held = _held(judge, scope, formulas)
    if _score(held) < sum(map(len, held)):
        down = replace(scope.own, python=replace(scope.own.python, down=True))
        tried = _held(judge, replace(scope, own=down), formulas)
        if _score(tried) > _score(held) + 1:
            scope, held = replace(scope, own=down), tried
    changed = 0
    for k, formula in enumerate(formulas):
        if changed >= MOST_NAMES:
            break
        place = _defined(formula, scope)
        if place is None or any(held[k].values()) or not held[k]:
            continue
        for made, gain in _others(place, scope, formulas):
            first = _of_formula(judge, made, formula)
            if gain and not all(first.values()):
                continue
            tried = _held(judge, made, formulas)
            if _score(tried) >= _score(held) + gain:
                scope, held = made, tried
                changed += 1
                break
    return Told(scope, _score(held), sum(map(len, held)))


def _held(judge: Judge, scope: Scope, formulas: Sequence[Formula]) -> list[dict[int, bool]]:
    return [_of_formula(judge, scope, formula) for formula in formulas]


def _of_formula(judge: Judge, scope: Scope, formula: Formula) -> dict[int, bool]:
    """Of every claim of a formula, whether it holds."""
    claims: Sequence[Claim] = claims_of(formula, scope).claims
    complete = [claim for claim in claims if claim.complete]
    return {k: holds(judge, claim, scope) for k, claim in enumerate(complete)}


def holds(judge: Judge, claim: Claim, scope: Scope) -> bool:
    """Whether a claim holds on one small network; of classes, where the targets sum to 1."""
    loss = judge.network.loss if judge.network is not None else None
    classes = loss is not None and {loss.name, loss.likelihood} & OF_CLASSES
    return quickly_holds(judge, claim, scope, Assumptions(normalised=True) if classes else GENERAL)


def _score(held: Sequence[dict[int, bool]]) -> int:
    return sum(sum(each.values()) for each in held)


def _defined(formula: Formula, scope: Scope) -> ast.expr | None:
    """The one place that a formula gives a value, where it says something of the network."""
    node = statement_of(formula)
    found = [target for target, _ in pairs(node)]
    if isinstance(node, ast.AugAssign):
        found = [node.target]
    if len(found) != 1:
        return None
    place = found[0]
    if isinstance(place, ast.Subscript) and key_of(place) is None:
        place = place.value  # dh[h <= 0] = 0
    named = named_place(place)
    if named is None or key_of(place) is None or ast.unparse(place) in scope.own.readings:
        return None
    return place


def _others(
    place: ast.expr, scope: Scope, formulas: Sequence[Formula]
) -> Iterator[tuple[Scope, int]]:
    """Scopes in which a name stands for something else, and how many more lines must hold then.

    Another layer or the mean of the samples is told by the line itself; another sign or another
    quantity must be told by one more line.
    """
    named, key = named_place(place), ast.unparse(place)
    assert named is not None
    derived = named.derived or named.role == "delta"
    if named.role not in OF_UNITS and not derived:
        return
    last = scope.last or Label(0, "L")
    word = key.split("[")[-1].strip("]'\"").split(".")[-1]
    stem = (by_what(word) or word).rstrip("0123456789_").lower()
    for reading, gain in _readings(named, last, derived, stem in _LOOSE, scope):
        readings = {**scope.own.readings, key: reading}
        yield replace(scope, own=replace(scope.own, readings=readings)), gain
    if (
        not derived
        and stem in _UNSURE
        and isinstance(place, ast.Name)
        and _spoken(named, key, formulas)
    ):
        text = next(ast.unparse(v) for f in formulas for t, v in pairs(statement_of(f))
                    if ast.unparse(t) == key)  # fmt: skip
        names = {**scope.own.names, key: text}
        yield replace(scope, own=replace(scope.own, names=names)), 0


def _readings(
    named: Named, last: Label, derived: bool, loose: bool, scope: Scope
) -> Iterator[tuple[NameReading, int]]:
    """Other meanings of a name, the nearest first."""
    role = "preactivation" if named.role == "delta" else named.role
    own = named.label or (None if role in ("output", "input") else last)
    if own is not None and named.role == "delta" and named.label and scope.own.python.above:
        own = own.shifted(-1)
    if own is not None and named.label and named.role in scope.own.python.from_zero:
        own = own.shifted(1)
    if named.hidden and own == last and last != Label(1):
        own = last.shifted(-1)
    labels = [own]
    if (
        named.label is None
        and role in ("preactivation", "activation", "weight", "bias")
        and not last.base
    ):
        labels += [Label(n) for n in range(last.offset, 0, -1) if Label(n) != own]
    roles = [(role, 0)]
    if role in ("activation", "output") and (derived or loose):
        roles.append(("preactivation", 0 if derived else 1))
    elif role == "preactivation" and loose and not derived:
        roles.append(("activation", 1))
    units = role in (*OF_UNITS, "input")
    for minus in (False, True) if derived else (False,):
        for mean in (False, True) if derived and units and scope.own.python.batch else (False,):
            for label in labels:
                for other, more in roles:
                    at = label
                    if other == "preactivation" and at is None:
                        at = last
                    made = NameReading(other, at, derived, minus, mean)
                    yield made, 1 + minus + more + (mean and scope.own.python.mean)


def _spoken(named: Named, key: str, formulas: Sequence[Formula]) -> bool:
    """Whether another name stands for the same quantity."""
    for formula in formulas:
        for node in ast.walk(statement_of(formula)):
            if isinstance(node, ast.Name) and node.id != key and meaning(node.id) == named:
                return True
    return False
