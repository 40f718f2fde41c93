"""Sums of products with sums in them as one sum over all the indices, and orders of indices.

Sum_q u_q Sum_p W_pq m_p = Sum_{q,p} u_q W_pq m_p: terms that differ in nothing else are equal, and
`derive.algebra.canon` compares them in this form.  Whole powers up to the third are written out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from math import factorial, prod

from derive.algebra.polynomial import LIMIT, TooBig
from derive.algebra.substitution import at, fresh
from derive.algebra.terms import (
    Add,
    Affine,
    Index,
    Mul,
    Pow,
    Sum,
    Term,
    add,
    free_indices,
    mul,
    rebuild,
    refs,
    total,
    walk,
)

MOST_POWER = 3
MOST_ORDERS = 24


def nested(term: Term) -> bool:
    """Whether a sum is a factor or a summand inside a sum somewhere."""
    return any(isinstance(node, Sum) and _opens(node.body) for node in walk(term))


def flattened(term: Term) -> Term:
    """The term with every sum of products in one; raises TooBig where that gets long.

    >>> from derive.algebra.terms import Tensor, ref
    >>> p, q = Index("p", 2), Index("q", 3)
    >>> u, v, w = (ref(Tensor(c, "parameter", batched=False), i) for c, i in zip("uvw", (p, q, q)))
    >>> str(flattened(Sum(v * (w + Sum(u, (p,))), (q,))))
    'Sum(v[q]*w[q], q) + Sum(v[q]*u[p], q, p)'
    """
    return rebuild(term, flattened) if not isinstance(term, Sum) else _flat(term)


def _flat(term: Sum) -> Term:
    summands = list(_summands(flattened(term.body)))
    return add(*(joined(factors, term.indices) for factors in summands))


def _summands(body: Term) -> Iterator[tuple[Term, ...]]:
    """The products of which the body is the sum, as far as sums stand in them."""
    if isinstance(body, Add):
        for arg in body.args:
            yield from _summands(arg)
        return
    if not (isinstance(body, Mul | Pow) and any(map(_opens, _factors(body)))):
        yield (body,)
        return
    parts = [list(_summands(f)) if _opens(f) else [(f,)] for f in _factors(body)]
    count = 1
    for part in parts:
        count *= len(part)
    if count > LIMIT:
        raise TooBig("a sum of products gets too long")
    for chosen in product(*parts):
        yield tuple(factor for factors in chosen for factor in factors)


def _factors(body: Term) -> tuple[Term, ...]:
    """The factors of a product; powers of what has a sum in it are written out."""
    match body:
        case Mul():
            return tuple(f for arg in body.args for f in _factors(arg))
        case Pow(base, e) if e.denominator == 1 and 1 < e <= MOST_POWER and _opens(base):
            return (base,) * int(e)
    return (body,)


def _opens(factor: Term) -> bool:
    """Whether the factor is a sum over an index, or a sum or product with one in it."""
    match factor:
        case Sum():
            return True
        case Add() | Mul():
            return any(map(_opens, factor.args))
        case Pow(base, e):
            return e.denominator == 1 and 1 < e <= MOST_POWER and _opens(base)
    return False


def joined(factors: tuple[Term, ...], indices: tuple[Index, ...]) -> Term:
    """The sum of the product, with the indices of the sums among the factors."""
    made = list(indices)
    taken = {*indices, *(i for factor in factors for i in free_indices(factor))}
    plain: list[Term] = []
    for factor in factors:
        if isinstance(factor, Sum):
            renaming: dict[Index, Affine] = {}
            for index in factor.indices:
                new = fresh(index.name, index.size, taken, index.sample)
                taken.add(new)
                made.append(new)
                renaming[index] = Affine.of(new)
            factor = at(factor.body, renaming)
        plain.append(factor)
    return total(mul(*plain), *made)


def orders(body: Term, indices: tuple[Index, ...]) -> Iterator[tuple[Index, ...]]:
    """Orders of the indices of a sum, the same ones however the indices are named.

    Up to four indices come in every order.  More of them come in the order of where they stand,
    and those that stand alike in every order, as long as these are few.
    """
    if len(indices) <= 4:
        yield from permutations(indices)
        return
    groups: dict[str, list[Index]] = {}
    for index in indices:
        groups.setdefault(_standing(index, body), []).append(index)
    alike = [groups[key] for key in sorted(groups)]
    if prod(factorial(len(group)) for group in alike) > MOST_ORDERS:
        yield tuple(index for group in alike for index in group)
        return
    for chosen in product(*map(permutations, alike)):
        yield tuple(index for group in chosen for index in group)


def _standing(index: Index, body: Term) -> str:
    """The range of an index and the axes along which it stands, whatever its name."""
    found = sorted(
        f"{ref.tensor} {axis} {place.coefficient(index)} {len(place.terms)}"
        for ref in refs(body)
        for axis, place in enumerate(ref.at)
        if place.coefficient(index)
    )
    return f"{index.size} {index.sample} {found}"
