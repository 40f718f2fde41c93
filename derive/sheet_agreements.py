"""Conventions that a sheet declares by its own forward equations: layouts, storage, numbering."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from derive.claims import Claim
from derive.conventions import PLAIN, Conventions
from derive.judging import Judge
from derive.reading_scope import Scope

Change = Callable[[Conventions], Conventions]
CHANGES: tuple[Change, ...] = (
    lambda c: replace(c, row_vectors=not c.row_vectors),
    lambda c: replace(c, sample_columns=not c.sample_columns),
    lambda c: replace(c, transposed=not c.transposed),
    lambda c: replace(c, swapped=not c.swapped),
    lambda c: replace(c, first_layer=1),
    lambda c: replace(c, weights_from=not c.weights_from),
    lambda c: replace(c, biases="threshold"),
    lambda c: replace(c, biases="bias"),
)
MOST_CHANGES = 3


def declared(judge: Judge, claims: Sequence[Claim], scope: Scope) -> Conventions:
    """The fewest changes under which most of the claims hold."""
    best = PLAIN
    count = _count(judge, claims, scope, best)
    frontier = [best]
    for _ in range(MOST_CHANGES):
        if not claims or count == len(claims):
            break
        tried = list(dict.fromkeys(_around(frontier)))
        counts = [_count(judge, claims, scope, made) for made in tried]
        top = max(counts, default=0)
        if top > count:
            best, count = tried[counts.index(top)], top
        frontier = tried if len(frontier) == 1 and top <= count else [best]
    return best


def _around(made: Sequence[Conventions]) -> Iterator[Conventions]:
    for one in made:
        for change in CHANGES:
            if (other := change(one)) != one:
                yield other


def _count(judge: Judge, claims: Sequence[Claim], scope: Scope, made: Conventions) -> int:
    here = replace(scope, conventions=made)
    return sum(judge.holds(claim, here) for claim in claims)
