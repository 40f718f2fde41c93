"""The search for slips: singly, in pairs, in triples, the likeliest first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from derive.claim_numbers import Outside
from derive.claim_places import NoValue
from derive.claims import Claim
from derive.reading_scope import Scope
from derive.reading_tree import Node, walk
from derive.slip_catalogue import Edit, edits
from derive.slip_probe import Probe
from derive.slip_sites import exchanged
from derive.slip_view import View
from derive.spec import Network

ALTERNATIVES = 3


@dataclass(frozen=True)
class Limit:
    """Where a search stops: at a number of candidates; the time only guards against a hang."""

    evaluations: int = 20_000
    seconds: float = 20.0
    together: int = 3  # slips in one claim


@dataclass(frozen=True)
class Repair:
    """One slip undone: `after` in place of `before` gives `claim`, the repairs before it kept."""

    kind: str
    before: Node
    after: Node
    claim: Claim


class Spent(Exception):
    """The search has reached its limit."""


class Search:
    """Looks for the slips of one claim."""

    def __init__(
        self,
        claim: Claim,
        holds: Callable[[Claim], bool],
        scope: Scope,
        network: Network | None,
        limit: Limit,
    ) -> None:
        """Nothing tried yet."""
        self.claim, self.judge, self.limit = claim, holds, limit
        self.scope, self.network = scope, network
        self.probe = None if network is None else Probe(claim, scope, network)
        self.tried = self.judged = 0
        self.deadline = time.process_time() + limit.seconds

    # ---------------------------------------------------------------- what is tried

    def found(self) -> tuple[tuple[Repair, ...], ...]:
        """The best repairs."""
        if not self.claim.complete:
            return ()
        try:
            singles = self.singles(self.claim)
            for ways in self._ways(singles):
                if ways:
                    return tuple(map(self._repairs, ways))
        except Spent:
            pass
        return ()

    def _ways(self, singles: list[Edit]) -> Iterator[list[tuple[Edit, ...]]]:
        yield self._first((e,) for e in singles)
        if self.limit.together > 1:
            yield self._first(self._apart(singles, 2))
            yield self._first(self._nested(singles))
        if self.limit.together > 2:
            yield self._first(self._apart(singles, 3))

    def singles(self, claim: Claim) -> list[Edit]:
        """All single repairs of a claim."""
        return edits(View(claim, self.scope, self.network))

    def _apart(self, singles: list[Edit], many: int) -> Iterator[tuple[Edit, ...]]:
        """Repairs at places of their own, the cheapest together first."""
        few = singles[: 160 if many == 2 else 40]
        groups = [g for g in combinations(few, many) if not _overlap(g)]
        yield from sorted(groups, key=lambda g: sum(e.cost for e in g))

    def _nested(self, singles: list[Edit]) -> Iterator[tuple[Edit, ...]]:
        """Two repairs of which the second is inside the first."""
        for first in singles[:200]:
            made = _after(self.claim, first)
            within = (first.site.side, first.site.path)
            for second in edits(View(made, self.scope, self.network), within)[:40]:
                yield first, second

    # ---------------------------------------------------------------- whether it holds

    def _first(self, groups: Iterator[tuple[Edit, ...]]) -> list[tuple[Edit, ...]]:
        found: list[tuple[Edit, ...]] = []
        for group in groups:
            if self.holds(self._made(group)):
                found.append(group)
                if len(found) == ALTERNATIVES:
                    break
        return found

    def _made(self, group: tuple[Edit, ...]) -> Claim:
        made = self.claim
        for edit in group:
            made = _after(made, edit)
        return made

    def holds(self, claim: Claim) -> bool:
        """Whether the candidate holds; what the quick look refuses is not judged."""
        self.tried += 1
        late = self.tried % 64 == 0 and time.process_time() > self.deadline
        if late or self.tried > self.limit.evaluations:
            raise Spent
        if self.probe is not None and not self.probe.may_hold(claim):
            return False
        if self._circular(claim):
            return False
        self.judged += 1
        try:
            return self.judge(claim)
        except (ArithmeticError, Outside, NoValue):
            return False

    def _circular(self, claim: Claim) -> bool:
        """Whether the left side has come into the right one: true, and not what was meant."""
        if claim.relation in ("gets", ":=") or claim.lhs is None or claim.rhs is None:
            return False
        lhs = claim.lhs
        before = self.claim.rhs is not None and lhs in tuple(walk(self.claim.rhs))
        return not before and lhs in tuple(walk(claim.rhs))

    def _repairs(self, group: tuple[Edit, ...]) -> tuple[Repair, ...]:
        made = self.claim
        found = []
        for edit in group:
            made = _after(made, edit)
            found.append(Repair(edit.kind, edit.site.node, edit.after, made))
        return tuple(found)


def _after(claim: Claim, edit: Edit) -> Claim:
    """The claim with one edit made."""
    side = exchanged(getattr(claim, edit.site.side), edit.site.path, edit.after)
    return replace(claim, lhs=side) if edit.site.side == "lhs" else replace(claim, rhs=side)


def _overlap(group: tuple[Edit, ...]) -> bool:
    return any(a.meets(b) for a, b in combinations(group, 2))
