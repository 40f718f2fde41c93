"""Another summed index: what turns a sum over the places into one over the taps of a kernel.

    Sum_u [0 <= m(u) < S] f(u) = Sum_m [0 <= u(m) < K] f(u(m))    for m(u) = rest + u or rest - u

where u runs over K values and m over S.  The map m(u) is a bijection of the whole numbers, so both
sides add up the same pairs (u, m).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations

from derive.algebra.canon import normal
from derive.algebra.contraction import guard
from derive.algebra.flattening import joined
from derive.algebra.polynomial import Polynomial, plus, times, to_term
from derive.algebra.substitution import at, fresh
from derive.algebra.terms import (
    Affine,
    Guard,
    Index,
    Ref,
    Sum,
    Term,
    bound,
    factors_of,
    free_indices,
    mul,
    rebuild,
    structure,
    total,
    walk,
)

MOST_INDICES = 5  # of a sum whose index is changed
MOST_FORMS = 64  # of one sum; a convolution of k dimensions has 2^k


def opened(term: Term) -> Term:
    """Padded entries as their range guards times plain entries, sums inside sums as one sum."""
    term = rebuild(term, opened)
    if isinstance(term, Sum):
        factors = factors_of(term.body)
        return joined(factors, term.indices)
    if not isinstance(term, Ref) or not term.padded or term.lowest:
        return term
    guards = (guard(p, size) for p, size in zip(term.at, term.padded, strict=True))
    return mul(*guards, Ref(term.tensor, term.at))


def summed_alike(poly: Polynomial) -> Polynomial:
    """The polynomial with every sum over the index that the rule of structure prefers."""
    result: Polynomial = {}
    for mono, c in poly.items():
        product: Polynomial = {(): c}
        for atom, exponent in mono:
            chosen = _least(atom) if isinstance(atom, Sum) else atom
            product = times(product, {((chosen, exponent),): Fraction(1)})
        result = plus(result, product)
    return result


def _least(term: Sum) -> Sum:
    """The same for all sums that changes of index lead to, whatever the order of their indices."""
    candidates = []
    for form in _forms(term):
        for order in permutations(form.indices):
            names = tuple(Index(f"_m{k}", i.size, i.sample) for k, i in enumerate(order))
            renaming = {i: Affine.of(n) for i, n in zip(order, names, strict=True)}
            body = normal(_sorted_places(at(form.body, renaming)))
            candidates.append(Sum(to_term(body), names))
    return min(candidates, key=structure)


def _sorted_places(term: Term) -> Term:
    """u + p as p + u, at every entry and in every guard."""
    match term:
        case Ref():
            return Ref(term.tensor, tuple(map(_sorted, term.at)), term.padded, term.lowest)
        case Guard():
            return Guard(_sorted(term.place), term.size)
    return rebuild(term, _sorted_places)


def _sorted(place: Affine) -> Affine:
    return Affine(place.offset, tuple(sorted(place.terms, key=str)))


def _forms(first: Sum) -> list[Sum]:
    """The sum over all indices that changes of index lead to, in normal form."""
    found = [first]
    if len(first.indices) > MOST_INDICES:
        return found
    for form in found:
        for other in _changes(form):
            if other not in found and len(found) < MOST_FORMS:
                found.append(other)
    return found


def _changes(term: Sum) -> Iterator[Sum]:
    """Every sum that one change of index makes of this one."""
    factors = factors_of(term.body)
    for k, factor in enumerate(factors):
        if not isinstance(factor, Guard):
            continue
        for index in term.indices:
            if abs(factor.place.coefficient(index)) != 1:
                continue
            rest = mul(*factors[:k], *factors[k + 1 :])
            changed = normal(_changed(rest, factor, index, term.indices))
            for mono, c in changed.items():
                if len(changed) == 1 and c == 1 and len(mono) == 1 and mono[0][1] == 1:
                    atom = mono[0][0]
                    if isinstance(atom, Sum):
                        yield atom


def _changed(rest: Term, known: Guard, old: Index, indices: tuple[Index, ...]) -> Term:
    """Sum over m = known.place in place of `old`."""
    sign = known.place.coefficient(old)
    taken = {*indices, *free_indices(rest), *(i for i, _ in known.place.terms)}
    taken |= {i for node in walk(rest) for i in bound(node)}
    new = fresh("m", known.size, taken)
    value = (Affine.of(new) - (known.place - Affine.of(old) * sign)) * sign
    body = mul(at(rest, {old: value}), guard(value, old.size))
    return total(body, *(new if i == old else i for i in indices))
