r"""Signs for arrays that the network has under other letters: \mu, \sigma^2, \hat x of a norm.

A sign that stands alone on the left of an equation is the array of the network that has these
values, whatever the sheet calls it.  Dense layers have none of these: their arrays have roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from derive.algebra.symbols import Tensor
from derive.marking.judging import Judge
from derive.reading.latex_macros import Macros
from derive.reading.own import Bound, Definition, symbol
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Num, Power, Root
from derive.sheets.agreements import quickly_holds
from derive.sheets.door import claims_of
from derive.sheets.sheet import Formula
from derive.sheets.statements import EQUALS, Written, names_in, only_name, statements
from derive.writing.signs import Sign

ROUNDS = 3  # an equation may use a sign that one below it defines
SMALL = ("epsilon", "varepsilon")


def identified(judge: Judge, scope: Scope, formulas: tuple[Formula, ...], macros: Macros) -> Scope:
    """The scope with the signs of arrays without a role bound to these."""
    arrays = [t for t in scope.shapes if _is_inner(t, scope)]
    if not arrays:
        return scope
    arrays += [t for t in scope.shapes if t.role == "delta"]
    scope = _with_small_number(judge, scope, formulas, macros)
    for _ in range(ROUNDS):
        before = scope
        for formula in formulas:
            for name in _defined(formula, macros):
                scope = _bound(judge, scope, formula, macros, name, arrays)
        if scope is before:
            break
    return scope


def _with_small_number(
    judge: Judge, scope: Scope, formulas: tuple[Formula, ...], macros: Macros
) -> Scope:
    """The scope with epsilon for the small number of the norms, where all have the same."""
    values = {layer.eps for layer in _layers(judge.network.layers) if hasattr(layer, "eps")}
    written = [s for formula in formulas for s in statements(formula, macros)]
    names = [n for s in written for member in s.members for n in names_in(member)]
    for letter in SMALL:
        uses = [name for name in names if name.sign == Sign(letter)]
        if len(values) != 1 or not uses or any(n.below or n.above for n in uses):
            continue
        known = {**scope.own.definitions, letter: Definition((), None, Num(*values))}
        own = replace(scope.own, definitions=known)
        scope = _with(replace(scope, own=own), uses[0], Bound("user", letter=letter))
    return scope


def _layers(layers: Iterable[Any]) -> Iterator[Any]:
    for layer in layers:
        yield layer
        yield from _layers(getattr(layer, "layers", ()))


def _is_inner(tensor: Tensor, scope: Scope) -> bool:
    """Whether an array is computed by a layer and has no role in the notation."""
    computed = tensor.role in ("quantity", "preactivation", "activation")
    return computed and not scope.has_role(tensor)


def _defined(formula: Formula, macros: Macros) -> Iterator[Written]:
    """The names that stand alone on the left, with no layer above them."""
    for statement in statements(formula, macros):
        name = only_name(statement.members[0])
        if name is None or name.primes or statement.relations[:1] not in {(s,) for s in EQUALS}:
            continue
        if name.above.strip("{}") in ("", "2"):
            yield name


def _bound(
    judge: Judge,
    scope: Scope,
    formula: Formula,
    macros: Macros,
    name: Written,
    arrays: list[Tensor],
) -> Scope:
    """The scope with the name bound to the array whose values the right side has."""
    known = scope.own.signs.get(name.key)
    if known is not None and known.role == "own":
        return scope
    letter, square = symbol(*name.key), name.above.strip("{}") == "2"
    trial = _with(scope, name, Bound("user", letter=letter))
    for claim in claims_of(formula, trial, macros).claims:
        lhs, rhs = claim.lhs, claim.rhs
        if square:
            lhs = lhs.base if isinstance(lhs, Power) and lhs.exponent == Num(Fraction(2)) else None
        if not isinstance(lhs, Entry) or lhs.letter != letter or rhs is None:
            continue
        for array in arrays:
            entry = _entry(array, lhs, scope)
            if entry is not None and quickly_holds(judge, replace(claim, lhs=entry), trial):
                if array.role == "delta":
                    return _with(scope, name, Bound("delta", array.label))
                if not square:
                    return _with(scope, name, Bound("own", array.label, letter=array.letter))
                root = Definition((), None, Root(replace(entry, places=(), form="whole")))
                definitions = {**scope.own.definitions, letter: root}
                own = replace(scope.own, definitions=definitions)
                return _with(replace(scope, own=own), name, Bound("user", letter=letter))
    return scope


def _entry(array: Tensor, lhs: Entry, scope: Scope) -> Entry | None:
    """The entry of the array at the same places; None where it has others."""
    if lhs.places and len(lhs.places) != len(scope.shapes[array]):
        return None
    form = "entry" if lhs.places or not scope.shapes[array] else "whole"
    role, letter = ("delta", "") if array.role == "delta" else ("own", array.letter)
    return Entry(role, letter, array.label, lhs.places, form=form)


def _with(scope: Scope, name: Written, bound: Bound) -> Scope:
    signs = {**scope.own.signs, name.key: bound}
    return replace(scope, own=replace(scope.own, signs=signs))
