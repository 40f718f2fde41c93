"""Which conventions a sheet follows, judged by all of its claims together.

A convention is taken where the sheet says so, or where at least two claims hold under it that fail
otherwise and none that depends on it holds only without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from derive.claims.claim import Claim
from derive.marking.conventions import Conventions, tried
from derive.marking.following import Earlier, carried_on
from derive.marking.judging import Judge
from derive.reading.scope import Scope
from derive.reading.tree import Entry

ENOUGH = 2


@dataclass(frozen=True)
class Judged:
    """A claim in its scope, and whether it holds there."""

    claim: Claim
    scope: Scope
    holds: bool
    again: Callable[[Conventions], Claim]  # as it is read under a convention

    def under(self, judge: Judge, conventions: Conventions) -> bool:
        """Whether it holds under a convention."""
        return judge.under(self.again(conventions), self.scope, conventions)


@dataclass(frozen=True)
class Agreement:
    """A convention, and for which claims it makes the difference."""

    name: str
    conventions: Conventions
    explains: tuple[int, ...]
    taken: bool  # whether the sheet keeps to it


def agreements(judge: Judge, claims: Sequence[Judged], here: Conventions) -> tuple[Agreement, ...]:
    """The conventions that explain failing claims, those taken by the sheet first."""
    found: list[Agreement] = []
    failing = [k for k, c in enumerate(claims) if not c.holds]
    for name, other in tried(here) if failing else ():
        explains = tuple(k for k in failing if claims[k].under(judge, other))
        if not explains:
            continue
        against = any(c.holds and not c.under(judge, other) for c in claims)
        declared = any(_defines_loss(claims[k].claim) for k in explains)
        enough = declared or _independent([claims[k] for k in explains], judge) >= ENOUGH
        found.append(Agreement(name, other, explains, enough and not against))
    return tuple(sorted(found, key=lambda a: (not a.taken, -len(a.explains))))


def _independent(claims: Sequence[Judged], judge: Judge) -> int:
    """How many of the claims do not only carry on one that stands before them."""
    count = 0
    earlier: list[Earlier] = []
    for k, here in enumerate(claims):
        same = any(
            here.claim.chain
            and other.claim.chain == here.claim.chain
            and other.claim.lhs == here.claim.lhs
            for other in claims[:k]
        )
        if not same and carried_on(here.claim, earlier, judge, here.scope) is None:
            count += 1
        earlier.append(Earlier(k, here.claim))
    return count


def _defines_loss(claim: Claim) -> bool:
    """Whether the line says what the loss is."""
    return isinstance(claim.lhs, Entry) and claim.lhs.role in ("loss", "objective")
