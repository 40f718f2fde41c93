"""Kronecker deltas under sums: Sum_i f(i) [i = m] = f(m) [m in the range of i]."""

from __future__ import annotations

from derive.algebra.substitution import at
from derive.algebra.terms import (
    ONE,
    ZERO,
    Add,
    Affine,
    Delta,
    Extent,
    Guard,
    Index,
    Mul,
    Piecewise,
    Sum,
    Term,
    add,
    factors_of,
    free_indices,
    mul,
    rebuild,
    total,
    walk,
)


def solve(delta: Delta, index: Index) -> Affine | None:
    """The value of `index` at which the delta is 1, where its coefficient is 1 or -1."""
    gap = delta.left - delta.right
    coef = gap.coefficient(index)
    if abs(coef) != 1:
        return None
    value = (gap - Affine.of(index) * coef) * -coef
    return Affine(value.offset, tuple(sorted(value.terms, key=lambda term: term[1] < 0)))


def in_range(place: Affine, size: Extent) -> bool:
    """Whether the place is in 0 .. size - 1 for every value of its indices, as far as is known."""
    if place.index is not None and place.index.size == size:
        return True
    span = reach(place)
    least = size if isinstance(size, int) else 1  # that a letter can stand for
    return span is not None and span[0] >= 0 and span[1] < least


def reach(place: Affine) -> tuple[int, int] | None:
    """The least and the largest value of the place; None where a range is a letter."""
    ends = []
    for index, factor in place.terms:
        if isinstance(index.size, str):
            return None
        ends.append(factor * (index.size - 1))
    low, high = (place.offset + sum(pick(end, 0) for end in ends) for pick in (min, max))
    return low, high


def guard(place: Affine, size: Extent) -> Term:
    """[0 <= place < size], or 1 where that is known."""
    return ONE if in_range(place, size) else Guard(place, size)


def contract(term: Sum) -> Term | None:
    """Sum_i f(i) [i = m] = f(m) [m in the range of i], for one delta; None where none applies.

    An index that needs no guard is taken first.
    """
    factors = factors_of(term.body)
    found: Term | None = None
    for k, factor in enumerate(factors):
        for index in term.indices:
            place = solve(factor, index) if isinstance(factor, Delta) else None
            if place is None:
                continue
            inside = in_range(place, index.size)
            if found is None or inside:
                rest = mul(*factors[:k], *factors[k + 1 :])
                body = mul(at(rest, {index: place}), guard(place, index.size))
                found = total(body, *(i for i in term.indices if i != index))
            if inside:
                return found
    return found


def contracted(term: Term) -> Term:
    """Every Kronecker delta under a sum contracted; sums are split over such summands first."""
    term = rebuild(term, contracted)
    if not isinstance(term, Sum) or not any(isinstance(n, Delta) for n in walk(term.body)):
        return term
    body = _delta_outwards(term.body, set(term.indices))
    if isinstance(body, Add):
        return add(*(contracted(Sum(arg, term.indices)) for arg in body.args))
    found = contract(Sum(body, term.indices))
    return Sum(body, term.indices) if found is None else contracted(found)


def _delta_outwards(body: Term, bound_here: set[Index]) -> Term:
    """A factor that is a sum of deltas and other terms is multiplied out over them."""
    if isinstance(body, Piecewise):
        return _delta_of_branches(body)
    if not isinstance(body, Mul):
        return body
    for k, factor in enumerate(body.args):
        if isinstance(factor, Piecewise):
            moved = _delta_of_branches(factor)
            if moved is not factor:
                return mul(*body.args[:k], moved, *body.args[k + 1 :])
        if isinstance(factor, Add) and any(_has_delta(arg, bound_here) for arg in factor.args):
            others = (*body.args[:k], *body.args[k + 1 :])
            return add(*(_delta_outwards(mul(arg, *others), bound_here) for arg in factor.args))
    return body


def _delta_of_branches(term: Piecewise) -> Term:
    """A delta that every branch but those of value 0 has as a factor comes in front."""
    values = [v for v, _ in term.branches if v is not ZERO]
    factors = [factors_of(v) for v in values]
    common = [
        f
        for f in (factors[0] if factors else ())
        if isinstance(f, Delta) and all(f in fs for fs in factors)
    ]
    if not common:
        return term
    inner = tuple(
        (v if v is ZERO else mul(*(f for f in factors_of(v) if f not in common)), c)
        for v, c in term.branches
    )
    return mul(*common, Piecewise(inner))


def _has_delta(term: Term, bound_here: set[Index]) -> bool:
    return any(isinstance(f, Delta) and free_indices(f) & bound_here for f in factors_of(term))
