"""Conventions that a sheet declares by its own forward equations: layouts, storage, numbering."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice

from derive.claims.claim import Claim
from derive.claims.evaluation import evidence
from derive.claims.places import NoValue
from derive.marking.conventions import PLAIN, Conventions
from derive.marking.judging import GENERAL, Assumptions, Judge
from derive.reading.scope import Scope
from derive.reading.tree import Num
from derive.sheets.sheet import Heading, Part, Prose

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
MOST_CHOICES = 12


#: What the words of a sheet declare.
WORDS: tuple[tuple[str, Change], ...] = (
    (r"numerator[- ]layout|gradients?\W+(?:are|is|as)\W+(?:a )?row|row gradients?",
     lambda c: replace(c, gradient_rows=True)),
    (r"(?:delta|error (?:signal|term))s? (?:is|are)? ?(?:the )?negative (?:derivative|gradient)",
     lambda c: replace(c, delta_sign=-1)),
)  # fmt: skip


def in_words(parts: Sequence[Part]) -> Conventions:
    """The conventions that the prose declares."""
    text = " ".join(part.text for part in parts if isinstance(part, Prose | Heading))
    made = PLAIN
    for pattern, change in WORDS:
        if re.search(pattern, text, re.IGNORECASE):
            made = change(made)
    return made


def quickly_holds(
    judge: Judge, claim: Claim, scope: Scope, assumptions: Assumptions = GENERAL
) -> bool:
    """Whether a claim holds on one small network, at the first choices of its letters.

    One whose sides vanish there, though nobody wrote a 0, speaks for no reading: where two signs
    are taken for one quantity, their difference makes everything right.
    """
    world = next(iter(judge.worlds(scope.conventions, assumptions)), None)
    if world is None:
        return False
    seen = False
    try:
        for found in islice(evidence(claim, world, scope), MOST_CHOICES):
            if not found.agrees:
                return False
            seen = seen or not found.vanishes or _says_zero(claim)
    except (NoValue, RecursionError):
        return False
    return seen


def _says_zero(claim: Claim) -> bool:
    return Num(Fraction(0)) in claim.sides


Read = Callable[[Conventions], Sequence[Claim]]


def declared(judge: Judge, read: Read, scope: Scope, start: Conventions = PLAIN) -> Conventions:
    """The fewest changes under which most of the claims hold, read as they are read then.

    Two changes are looked for together, since each alone may make nothing right.
    """
    best, claims = start, read(start)
    counts = {start: _count(judge, claims, scope, start)}
    frontier = [best]
    for _ in range(MOST_CHANGES):
        if not claims or counts[best] == len(claims):
            break
        tried = list(dict.fromkeys(_around(frontier)))
        for made in tried:
            if made not in counts:
                counts[made] = _count(judge, read(made), scope, made)
        best = max([best, *tried], key=lambda made: counts[made])
        frontier = tried if len(frontier) == 1 else [best]
    return best


def _around(made: Sequence[Conventions]) -> Iterator[Conventions]:
    for one in made:
        for change in CHANGES:
            if (other := change(one)) != one:
                yield other


def _count(judge: Judge, claims: Sequence[Claim], scope: Scope, made: Conventions) -> int:
    here = replace(scope, conventions=made)
    return sum(quickly_holds(judge, claim, here) for claim in claims)
