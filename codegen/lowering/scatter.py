"""Sums in which an entry collects from several places, turned round: each place gives to entries.

The derivation writes what reaches an input entry as a sum over the outputs r that it reaches,

    dx[a] = Sum([0 <= a - 2*r + 1 < 3] * w[a - 2*r + 1] * dy[r], r),

or, where no index could be solved for, with Kronecker's delta: Sum([2*r + 2*u = a] * ...).  With
the tap u = a - 2*r + 1 as an index both say: add w[u]*dy[r] to the entry a = 2*r + u - 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.algebra.index import at, away_from
from derive.algebra.terms import (
    Affine,
    Delta,
    Guard,
    Index,
    Sum,
    Term,
    bound,
    factors_of,
    free_indices,
    places,
    walk,
)


@dataclass(frozen=True)
class Scatter:
    """`outer` times: the sum of the product of `factors` over `summed`, added at the targets."""

    outer: tuple[Term, ...]
    factors: tuple[Term, ...]
    summed: tuple[Index, ...]
    targets: tuple[tuple[Index, Affine], ...]

    @property
    def outs(self) -> list[Index]:
        """The indices of positions, that with the largest steps for each target."""
        return [_by_step(place)[0] for _, place in self.targets]

    @property
    def taps(self) -> list[Index]:
        """The other indices of the places."""
        return [i for _, place in self.targets for i in _by_step(place)[1:]]


def _by_step(place: Affine) -> list[Index]:
    return [i for i, _ in sorted(place.terms, key=lambda t: -abs(t[1]))]


def scattered(factors: Sequence[Term], over: Sequence[Index]) -> Scatter | None:
    """The sum turned round; None where no guard or delta ties an entry to the summed indices."""
    if not any(isinstance(n, Guard | Delta) for f in factors for n in walk(f)):
        return None
    inlined, summed = _inlined(factors, over)
    targets: list[tuple[Index, Affine]] = []
    moving = [f for f in inlined if free_indices(f) & set(summed) or _shifted(f)]
    outer = [f for f in inlined if f not in moving]
    for tie in [f for f in moving if isinstance(f, Guard | Delta)]:
        (tied,) = _substituted([tie], targets)
        found = _solved(tied, summed, targets)
        if found is None or all(f is tie for f in moving):
            continue
        index, place, taps = found
        targets.append((index, place))
        summed = [*summed, *taps]
        moving = [at(f, {index: place}) for f in moving if f is not tie]
    if not targets:
        return None
    kept = {i for _, place in targets for i, _ in place.terms}
    left = tuple(i for i in summed if i not in kept)
    return Scatter(tuple(outer), tuple(moving), left, tuple(targets))


def _shifted(term: Term) -> bool:
    """Whether an entry is read, or an index bounded, at another place than a plain index."""
    return any(p.terms and p.index is None for n in walk(term) for p in places(n))


def _substituted(terms: Sequence[Term], targets: Sequence[tuple[Index, Affine]]) -> list[Term]:
    values = dict(targets)
    return [at(t, values) for t in terms]


def _solved(
    tie: Term, summed: Sequence[Index], targets: Sequence[tuple[Index, Affine]]
) -> tuple[Index, Affine, tuple[Index, ...]] | None:
    """(entry index, its place in summed indices, new tap indices) for a guard or a delta."""
    used = {i for _, place in targets for i, _ in place.terms}
    gap = tie.left - tie.right if isinstance(tie, Delta) else tie.place  # type: ignore[attr-defined]
    others = set(summed)
    free = [(i, c) for i, c in gap.terms if i not in others]
    if len(free) != 1 or abs(free[0][1]) != 1 or free[0][0].sample:
        return None
    (index, c), own = free[0], {i for i, _ in gap.terms} & others
    if own & used or any(i.sample for i in own):
        return None
    rest = gap - Affine(0, ((index, c),))
    if isinstance(tie, Delta):
        return index, rest * -c, ()
    assert isinstance(tie, Guard)
    tap = Index(f"{index.name}_{len(targets)}", tie.size)
    return index, (Affine.of(tap) - rest) * c, (tap,)


def _inlined(factors: Sequence[Term], over: Sequence[Index]) -> tuple[list[Term], list[Index]]:
    """Sums among the factors that hold a tie to an index summed outside, as part of the sum."""
    summed, result = list(over), list(factors)
    for _ in range(8):
        inner = next((f for f in result if isinstance(f, Sum) and _ties(f, summed)), None)
        if inner is None:
            break
        rest = [f for f in result if f is not inner]
        taken = {*summed, *(i for f in rest for n in walk(f) for i in bound(n))}
        taken |= {i for f in rest for i in free_indices(f)}
        moved = away_from(inner, taken)
        body = moved.body
        result = [*rest, *(factors_of(body))]
        summed += moved.indices
    return result, summed


def _ties(inner: Sum, summed: Sequence[Index]) -> bool:
    outside = set(summed)
    return any(isinstance(n, Guard | Delta) and free_indices(n) & outside for n in walk(inner.body))
