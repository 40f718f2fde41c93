"""The search for slips: singly, in pairs, in triples, the likeliest first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from derive.claims.claim import Claim
from derive.claims.numbers import Outside
from derive.claims.places import NoValue
from derive.reading.scope import Scope
from derive.reading.tree import Applied, Derivative, Entry, Nabla, Node, Total, walk
from derive.slips.catalogue import COMMON, EVERYWHERE, SYMBOL, Edit, edits
from derive.slips.fitted import fitted
from derive.slips.meet import FACTORS, SUMMANDS, Meeting, Sides
from derive.slips.probe import ODD, Probe
from derive.slips.sites import exchanged_object, sites
from derive.slips.view import View
from derive.slips.within import Within
from derive.spec import Network

ALTERNATIVES = 3
AS_LIKELY = 0.1  # by how much an alternative may cost more than the best repair
NEAR = 160  # repairs that are tried in pairs
FEW = 40  # of which a second one is looked for inside the first
DEAR = 2.5  # pairs that cost less come before all others
SMALL = 8  # nodes of a part in which two slips are looked for
TRIPLES = 150  # repairs of which two may be part of a triple
SUMMANDS_OF_ONE = 4  # a candidate with more summands counts for several


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
        self.weight = 1 if self.probe is None else max(1, self.probe.summands // SUMMANDS_OF_ONE)
        self.deadline = time.process_time() + limit.seconds

    # ---------------------------------------------------------------- what is tried

    def found(self) -> tuple[tuple[Repair, ...], ...]:
        """The best repairs."""
        if not self.claim.complete:
            return ()
        try:
            singles = edits(View(self.claim, self.scope, self.network))
            for ways in self._ways(singles):
                if ways:
                    return tuple(map(self._repairs, ways))
        except Spent:
            pass
        return ()

    def _ways(self, singles: list[Edit]) -> Iterator[list[tuple[Edit, ...]]]:
        yield self._first((e,) for e in singles)
        yield self._first((e,) for e in self._fitted())
        if self.limit.together < 2:
            return
        yield self._first(_likeliest(self._in_symbols(singles)))
        known = self._known(singles)
        meetings = [Meeting(law, *known) for law in (FACTORS, SUMMANDS)] if known else []
        if known:
            singles = _different(known[1])
        met: list[tuple[Edit, ...]] = [pair for m in meetings for pair in m.pairs()]
        near = self._near(singles) if known else list(combinations(singles[:NEAR], 2))
        if not known:
            met += self._mended(singles)
        sums = self._sums(singles) if known else []
        met += [pair for w in sums if known for pair in w.found(known[0], None)]
        met = [*map(_outer_first, met), *self._then_everywhere(singles)]
        yield self._first(g for g in _likeliest(met) if _cost(g) < DEAR)
        rest = [g for g in met if _cost(g) >= DEAR]
        yield self._first(_likeliest([*rest, *map(_outer_first, near)]))
        if self.limit.together > 2:
            more = (t for w in sums if known for t in w.found(known[0], meetings[0]))
            yield self._first(_likeliest(map(_outer_first, more)))
            triples = (_outer_first(t) for m in meetings for t in m.triples(TRIPLES))
            yield self._first(_likeliest(triples))
        yield self._first(_likeliest(self._nested(singles)))

    def _fitted(self) -> Iterator[Edit]:
        """A number before or behind the right side."""
        written = None if self.probe is None else self.probe.values(self.claim)
        yield from () if written is None else fitted(self.claim, written)

    def _known(self, singles: list[Edit]) -> tuple[Sides, list[tuple[Edit, Sides]]] | None:
        """Both sides as written, and after each single repair; None where nothing has a value."""
        written = None if self.probe is None else self.probe.values(self.claim)
        if self.probe is None or written is None:
            return None
        made = []
        for edit in singles:
            if self.weight > 1:
                self._count()  # long sums take their time here too
            after = _after(self.claim, edit)
            sides = None if after is None else self.probe.values(after)
            if sides is not None:
                made.append((edit, sides))
        return written, made

    def _near(self, singles: list[Edit]) -> list[tuple[Edit, ...]]:
        """Pairs whose effects neither multiply nor add: in a product of arrays, in a sum in one."""
        view = View(self.claim, self.scope, self.network)
        found: dict[int, list[Edit]] = {}
        for edit in singles:
            totals = [p for p in edit.site.parents if isinstance(p, Total)]
            arrays = [p for p in edit.site.parents if view.is_array(p)]
            for parent in (*arrays[:1], *totals[1:2]):
                found.setdefault(id(parent), []).append(edit)
        return [pair for group in found.values() for pair in combinations(group[:NEAR], 2)]

    def _mended(self, singles: list[Edit]) -> list[tuple[Edit, ...]]:
        """Pairs where the written claim has no value: one that gives it one, and any other."""
        if self.probe is None:
            return []
        alone = [(e, _after(self.claim, e)) for e in singles]
        menders = [e for e, made in alone if made is not None and self.probe.gives_value(made)]
        return [(a, b) for a in menders[:NEAR] for b in singles if a is not b]

    def _sums(self, singles: list[Edit]) -> list[Within]:
        """The outermost sums of the right side."""
        if self.probe is None:
            return []
        outer = (
            s for s in sites(self.claim)
            if s.side == "rhs" and isinstance(s.node, Total) and not s.inside(Total)
        )  # fmt: skip
        return [
            Within(self.claim, site, self.probe, singles)
            for site in outer
            if isinstance(site.node, Total) and site.node.kind == "sum"
        ]

    def _in_symbols(self, singles: list[Edit]) -> Iterator[tuple[Edit, ...]]:
        """Two slips in one symbol: its index and its layer."""
        for first in singles:
            if isinstance(first.site.node, Entry) and isinstance(first.after, Entry):
                made = _after(self.claim, first)
                if made is None:
                    continue
                within = (first.site.side, first.site.path)
                for second in edits(View(made, self.scope, self.network), within, SYMBOL):
                    if first.kind < second.kind:
                        yield first, second

    def _then_everywhere(self, singles: list[Edit]) -> Iterator[tuple[Edit, ...]]:
        """A slip at one place, and one that changes a symbol wherever it stands."""
        firsts = [e for e in singles if e.kind != "layer"]
        for first in firsts[: 2 * FEW]:
            made = _after(self.claim, first)
            if made is None:
                continue
            for second in edits(View(made, self.scope, self.network), None, EVERYWHERE):
                yield first, second

    def _nested(self, singles: list[Edit]) -> Iterator[tuple[Edit, ...]]:
        """Two repairs of which the second is inside the first."""
        small = [e for e in singles if sum(1 for _ in walk(e.after)) <= SMALL]
        for first in small[:FEW]:
            made = _after(self.claim, first)
            assert made is not None
            within = (first.site.side, first.site.path)
            for second in edits(View(made, self.scope, self.network), within)[:FEW]:
                yield first, second

    # ---------------------------------------------------------------- whether it holds

    def _first(self, groups: Iterable[tuple[Edit, ...]]) -> list[tuple[Edit, ...]]:
        """The first groups that make the claim hold: the best, and others that are as likely."""
        found: list[tuple[Edit, ...]] = []
        for group in groups:
            if found and _cost(group) > _cost(found[0]) + AS_LIKELY:
                break
            if not _plausible(group):
                continue
            made = self._made(group)
            try:
                if made is not None and self.holds(made):
                    found.append(group)
            except Spent:
                if found:
                    break
                raise
            if len(found) == ALTERNATIVES:
                break
        return found

    def _made(self, group: tuple[Edit, ...]) -> Claim | None:
        """The claim with all edits made, the outer ones first."""
        made: Claim | None = self.claim
        for edit in group:
            if made is not None:
                made = _after(made, edit)
        return made

    def holds(self, claim: Claim) -> bool:
        """Whether the candidate holds; what the quick look refuses is not judged."""
        self._count()
        if self.probe is not None and not self.probe.may_hold(claim):
            return False
        if self._circular(claim):
            return False
        self.judged += 1
        try:
            return self.judge(claim)
        except (Outside, NoValue, *ODD):
            return False

    def _count(self) -> None:
        self.tried += self.weight
        late = self.tried % 64 < self.weight and time.process_time() > self.deadline
        if late or self.tried > self.limit.evaluations:
            raise Spent

    def _circular(self, claim: Claim) -> bool:
        """Whether the left side has come into the right one: true, and not what was meant."""
        if claim.relation in ("gets", ":=") or claim.lhs is None or claim.rhs is None:
            return False
        return _repeats(claim, self._named) and not _repeats(self.claim, self._named)

    def _named(self, node: Node) -> Node:
        """The output of the network by its name as the last activation."""
        if isinstance(node, Entry) and node.role == "output":
            return replace(node, role="activation", label=self.scope.last)
        return node

    def _repairs(self, group: tuple[Edit, ...]) -> tuple[Repair, ...]:
        made = self.claim
        found = []
        for edit in group:
            made = _after(made, edit) or made
            found.append(Repair(edit.kind, edit.site.node, edit.after, made))
        return tuple(found)


def _plausible(group: tuple[Edit, ...]) -> bool:
    """Whether one person may have made all of these slips: a rare one beside a common one."""
    rare = [e for e in group if e.rare]
    if len(group) == 1 or not rare:
        return True
    return len(group) == 2 and len(rare) == 1 and all(e.rare or e.kind in COMMON for e in group)


def _repeats(claim: Claim, named: Callable[[Node], Node]) -> bool:
    """Whether the left side stands in the right one."""
    if claim.lhs is None or claim.rhs is None:
        return False
    if not isinstance(claim.lhs, Entry | Derivative | Nabla | Applied):
        return claim.lhs == claim.rhs
    return named(claim.lhs) in map(named, walk(claim.rhs))


def _different(known: list[tuple[Edit, Sides]]) -> list[Edit]:
    """Of repairs that do the same the likeliest."""
    found: dict[tuple[str, ...], Edit] = {}
    for edit, sides in known:
        found.setdefault(tuple(f"{x:.8g}" for x in (*sides.lhs, *sides.rhs)), edit)
    return list(found.values())


def _likeliest(groups: Iterable[tuple[Edit, ...]]) -> Iterator[tuple[Edit, ...]]:
    """The groups by what they cost together, each once."""
    found = {frozenset((e.site.side, e.site.path, e.after) for e in g): g for g in groups}
    yield from sorted(found.values(), key=_cost)


def _cost(group: tuple[Edit, ...]) -> float:
    return sum(e.cost for e in group)


def _after(claim: Claim, edit: Edit) -> Claim | None:
    """The claim with one more edit made; None where its place is gone."""
    side = getattr(claim, edit.site.side)
    made = exchanged_object(side, edit.site.node, edit.after)
    if made is None:
        return None
    return replace(claim, lhs=made) if edit.site.side == "lhs" else replace(claim, rhs=made)


def _outer_first(group: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The outer ones first; of those one after the other on the same place, as they come."""
    return tuple(sorted(group, key=lambda e: len(e.site.path)))
