"""The normal form of a term: a Laurent polynomial in atoms, with rational exponents.

Two terms with the same normal form are equal: this is the exact arithmetic behind the word PROVED.

Sums are linear, factors that do not depend on the bound index are in front, Kronecker deltas are
contracted, bound indices have canonical names.  Conditions are numbers 0 or 1 with [c]^2 = [c].
The identities used are those of exact arithmetic, exp(a + b) = exp(a) exp(b), log(a b) = log(a) +
log(b) for positive factors, and sin^2 = 1 - cos^2.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from string import ascii_lowercase

from derive.algebra.brackets import assume, bracket_of, case_split, sign
from derive.algebra.contraction import contract
from derive.algebra.effort import charged
from derive.algebra.flattening import flattened, nested, orders
from derive.algebra.functions import exponential, function_of, logarithm, raised
from derive.algebra.polynomial import (
    Monomial,
    Polynomial,
    TooBig,
    constant,
    opposite,
    over_common,
    plus,
    product_of,
    scaled,
    single,
    times,
    to_term,
)
from derive.algebra.substitution import at, expand_functions, replace_term
from derive.algebra.terms import (
    Add,
    Affine,
    Apply,
    Argmax,
    Call,
    Compare,
    Const,
    Delta,
    Extremum,
    Guard,
    Index,
    Mul,
    Num,
    Partial,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Term,
    free_indices,
    structure,
    walk,
)
from derive.errors import NotYet

__all__ = [
    "Monomial",
    "Polynomial",
    "TooBig",
    "equal",
    "normal",
    "over_common",
    "plus",
    "scaled",
    "sign",
    "structure",
    "times",
    "to_term",
    "vanishes",
]


@charged
def normal(term: Term) -> Polynomial:
    """The normal form.  Raises TooBig, and ZeroDivisionError for 1/0."""
    return _with_deltas(_normal(term))


def _normal(term: Term) -> Polynomial:
    match term:
        case Num():
            return constant(term.value)
        case Size():
            return constant(term.extent) if isinstance(term.extent, int) else single(term)
        case Const() | Partial() | Delta() | Guard():
            return _delta(term) if isinstance(term, Delta) else single(term)
        case Ref():
            return single(term)
        case Add():
            return plus(*map(normal, term.args))
        case Mul():
            result = constant(1)
            for arg in term.args:
                result = times(result, normal(arg))
            return result
        case Pow():
            return raised(normal(term.base), term.exponent)
        case Piecewise():
            return _piecewise(term)
        case Call():
            return _call(term)
        case Apply():
            return single(Apply(term.function, to_term(normal(term.arg)), term.order))
        case Sum():
            return _sum(normal(term.body), term.indices)
        case Extremum():
            return single(_extremum(term))
        case Argmax():
            return single(Argmax(_extremum(term.extremum), term.at))
    raise NotYet(f"no normal form for {type(term).__name__}")


def _call(term: Call) -> Polynomial:
    if term.function in {"exp", "log"}:
        inner = normal(term.args[0])
        return exponential(inner) if term.function == "exp" else logarithm(inner)
    expanded = expand_functions(term)
    if expanded is not term and not (
        isinstance(expanded, Call) and expanded.function == term.function
    ):
        return normal(expanded)
    return function_of(term.function, normal(term.args[0]))


def _extremum(term: Extremum) -> Extremum:
    """The extremum with canonical names; their order, which an argmax depends on, is kept."""
    renamed = _renamed(term.body, term.indices, (term.indices,))
    return Extremum(term.kind, renamed.body, renamed.indices)


def _delta(term: Delta) -> Polynomial:
    """[a = b] in a fixed orientation; decided where it is constant."""
    gap = term.left - term.right
    if not gap.terms:
        return constant(1 if gap.offset == 0 else 0)
    left, right = sorted((term.left, term.right), key=str)
    return single(Delta(left, right))


def _with_deltas(poly: Polynomial) -> Polynomial:
    """f(i, j) [i = j] = f(i, i) [i = j]: the later index gives way in the other factors."""
    if not any(isinstance(atom, Delta) for mono in poly for atom, _ in mono):
        return poly
    return plus(*(scaled(_one_index(mono), c) for mono, c in poly.items()))


def _one_index(mono: Monomial) -> Polynomial:
    for atom, _ in mono:
        if isinstance(atom, Delta):
            gone, value = atom.right.index, atom.left
            if gone is None:
                gone, value = atom.left.index, atom.right
            rest = product_of(tuple(item for item in mono if item[0] is not atom))
            if gone is not None and _depends(rest, (gone,)):
                return times(normal(at(rest, {gone: value})), single(atom))
    return {mono: Fraction(1)}


def _condition(cond: Compare | bool) -> Polynomial:
    if isinstance(cond, bool):
        return constant(int(cond))
    match cond.op:
        case ">":
            return bracket_of(normal(cond.lhs - cond.rhs))
        case "<":
            return bracket_of(normal(cond.rhs - cond.lhs))
        case ">=":
            return plus(constant(1), scaled(bracket_of(normal(cond.rhs - cond.lhs)), Fraction(-1)))
    return plus(constant(1), scaled(bracket_of(normal(cond.lhs - cond.rhs)), Fraction(-1)))


def _piecewise(term: Piecewise) -> Polynomial:
    result: Polynomial = {}
    still = constant(1)
    for value, cond in term.branches:
        here = _condition(cond)
        weight = times(still, here)
        if weight:
            result = plus(result, times(weight, normal(value)))
        still = times(still, plus(constant(1), scaled(here, Fraction(-1))))
    return result


# ------------------------------------------------------------------ sums over indices


def _sum(body: Polynomial, indices: tuple[Index, ...]) -> Polynomial:
    result: Polynomial = {}
    for mono, c in body.items():
        result = plus(result, scaled(_sum_monomial(mono, indices), c))
    return result


def _sum_monomial(mono: Monomial, indices: tuple[Index, ...]) -> Polynomial:
    """Contract deltas, bring free factors to the front, split into independent sums."""
    for atom, _ in mono:
        if isinstance(atom, Delta):
            contracted = contract(Sum(product_of(mono), indices))
            if contracted is not None:
                return normal(contracted)
    front = tuple(item for item in mono if not _depends(item[0], indices))
    result: Polynomial = {front: Fraction(1)}
    inner = [item for item in mono if _depends(item[0], indices)]
    left = list(indices)
    while left:
        group, used = _connected(left[0], inner, indices)
        members = tuple(i for i in indices if i in used)
        left = [i for i in left if i not in used]
        if not group:
            for index in members:
                result = times(result, normal(Size(index.size)))
            continue
        inner = [item for item in inner if item not in group]
        result = times(result, single(_renamed(product_of(tuple(group)), members)))
    return result


def _depends(atom: Term, indices: Iterable[Index]) -> bool:
    return not free_indices(atom).isdisjoint(indices)


def _connected(
    start: Index, items: list[tuple[Term, Fraction]], indices: tuple[Index, ...]
) -> tuple[list[tuple[Term, Fraction]], set[Index]]:
    """The factors and summed indices that hang together with `start`."""
    used, group = {start}, []
    grown = True
    while grown:
        grown = False
        for item in items:
            if item not in group and _depends(item[0], used):
                group.append(item)
                used |= {i for i in indices if i in free_indices(item[0])}
                grown = True
    return [item for item in items if item in group], used


def _renamed(
    body: Term, indices: tuple[Index, ...], given: Iterable[tuple[Index, ...]] = ()
) -> Sum:
    """The sum with canonical names of its bound indices: the least of all their orders."""
    depth = 1 + max(
        (_depth(node) for node in walk(body) if isinstance(node, Sum | Extremum)), default=0
    )
    candidates = []
    for order in given or orders(body, indices):
        names = tuple(Index(f"_{depth}{_letter(k)}", i.size, i.sample) for k, i in enumerate(order))
        renaming = {i: Affine.of(n) for i, n in zip(order, names, strict=True)}
        renamed = to_term(normal(at(body, renaming)))
        candidates.append(Sum(renamed, names))
    return min(candidates, key=structure)


def _letter(k: int) -> str:
    return ascii_lowercase[k] if k < len(ascii_lowercase) else f"z{k}"


def _depth(term: Sum | Extremum) -> int:
    return 1 + max((_depth(n) for n in walk(term.body) if isinstance(n, Sum | Extremum)), default=0)


# ------------------------------------------------------------------ deciding


def equal(a: Term, b: Term) -> bool:
    """Whether exact arithmetic shows a = b (False: it does not show it)."""
    try:
        return vanishes(plus(normal(a), scaled(normal(b), Fraction(-1))))
    except (TooBig, ZeroDivisionError, RecursionError):
        return False


def vanishes(poly: Polynomial) -> bool:
    """Whether the polynomial is 0 in every case of its conditions."""
    poly, _ = over_common(poly)
    if not poly:
        return True
    if nested(whole := to_term(poly)):
        poly, _ = over_common(normal(flattened(whole)))
    return not poly or _in_each_case(poly)


def _in_each_case(poly: Polynomial) -> bool:
    split = case_split(poly)
    if split is None:
        return False
    bracket, yes, no = split
    other = opposite(bracket)
    if not any(atom is other for mono in no for atom, _ in mono):
        return vanishes(yes) and vanishes(no)
    below, zero = assume(no, other, True), assume(no, other, False)
    return vanishes(yes) and vanishes(below) and vanishes(_where_zero(zero, bracket))


def _where_zero(poly: Polynomial, bracket: Piecewise) -> Polynomial:
    """The polynomial on d = 0, for the d of [d > 0], where d is linear in an atom."""
    cond = bracket.branches[0][1]
    assert isinstance(cond, Compare)
    gap = normal(cond.lhs)
    for mono, c in gap.items():
        if len(mono) == 1 and mono[0][1] == 1:
            rest = {m: -v / c for m, v in gap.items() if m != mono}
            return normal(replace_term(to_term(poly), mono[0][0], to_term(rest)))
    return poly
