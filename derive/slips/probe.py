"""A quick look at candidates: both sides at a few places of one small network.

What differs there is wrong; what agrees is handed on to the judge.  Parts that a candidate shares
with the written claim are computed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache, partial, reduce
from itertools import product
from math import prod
from operator import add
from typing import Any

from derive.claims.arrays import Matrix, Value, entries, together
from derive.claims.choices import free_letters, settings
from derive.claims.claim import Claim
from derive.claims.evaluation import agree, at_setting, left_side, parallel
from derive.claims.numbers import NoLayer, Nowhere, Outside
from derive.claims.parts import is_variable, variable
from derive.claims.places import NoValue
from derive.claims.values import Setting
from derive.claims.world import World
from derive.marking.judging import Assumptions, Judge
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Letter, Node, Num, Total, children, letters, walk
from derive.slips.meet import Sides
from derive.spec import Network

PLACES = 5  # looked at
#: What the values of a tree that nobody wrote may raise.
ODD = (ArithmeticError, ValueError)
MILD = Assumptions(normalised=True)  # under what the judge may take for granted


@dataclass(frozen=True)
class Remembering(Setting):
    """A setting that remembers the values of parts by the very object and the letters."""

    memo: dict[Any, tuple[Any, Value | Outside]] = field(default_factory=dict)
    inner: dict[Any, Remembering] = field(default_factory=dict)

    def but(self, **changes: Any) -> Remembering:
        """The same with some changes, and no settings within it that were made before them."""
        return super().but(**{"inner": {}, **changes})

    def at(self, row: dict[str, int]) -> Remembering:
        """The setting with more letters, made once."""
        key = tuple(row.items())
        found = self.inner.get(key)
        if found is None:
            found = self.inner[key] = self.but(letters={**self.letters, **row})
        return found

    def elsewhere(self, world: World) -> Remembering:
        """The same place on a network with other values: nothing is remembered of it."""
        return replace(self, world=world, known={}, memo={}, inner={})

    def within(self, total: Total) -> list[Remembering]:
        """The settings of all summands that there may be: a range not written may be another."""
        rows: Iterable[dict[str, int]]
        if any(b.high is not None for b in total.bounds):
            rows = self._rows(total)
        else:
            base = self.scope.profile.base
            starts = [base if b.low is None else self.place(b.low) for b in total.bounds]
            names = [b.name for b in total.bounds]
            ends = [base + (self.extent(name, total.body) or self._most) for name in names]
            choices = product(*map(range, starts, ends))
            rows = (dict(zip(names, row, strict=True)) for row in choices)
        return [self.at(row) for row in rows]

    @property
    def _most(self) -> int:
        """The greatest number of values of any index."""
        sizes = [self.world.extent(e) for s in self.world.shapes.values() for e in s]
        return max((*sizes, self.world.samples))

    def _total(self, node: Total) -> Value:
        """A sum over what there is: ranges that clash are left to the judge."""
        if node.kind != "sum" or any(b.high is not None for b in node.bounds):
            return super()._total(node)
        parts: list[Value] = []
        layers = any(self._counts_layers(b.name, node.body) for b in node.bounds)
        for row in self.within(node):
            try:
                parts.append(row.value(node.body))
            except (Nowhere, NoLayer):
                if not layers:
                    raise  # the next row has no value either
            except Outside:
                continue
        if not parts:
            raise Outside("an empty sum")
        return reduce(partial(together, function=add), parts)

    def value(self, node: Node) -> Value:
        """The value of a formula."""
        if isinstance(node, Num | Letter):
            return super().value(node)
        key = (id(node), id(self.now), id(self.numbers), self.layer, *self._there(node))
        found = self.memo.get(key)
        if found is None:
            made: Value | Outside
            try:
                made = super().value(node)
            except Outside as problem:
                made = problem
            found = self.memo[key] = (node, self.now, self.numbers), made  # ids stay taken
        if isinstance(found[1], Outside):
            raise found[1]
        return found[1]

    def _there(self, node: Node) -> Iterable[Any]:
        """The values of the letters on which the value of a part depends."""
        own = self.scope.own.definitions
        if own and any(isinstance(n, Entry) and n.role == "user" for n in walk(node)):
            return self.letters.items()
        return map(self.letters.get, letters(node))


@lru_cache(maxsize=8)
def judge(network: Network) -> Judge:
    """The small relatives of a network, made once."""
    return Judge(network)


class Probe:
    """Tells candidates that differ at a few places from those that may hold."""

    def __init__(self, claim: Claim, scope: Scope, network: Network) -> None:
        """The places are those of the written claim, where it has a value at any."""
        self.scope, self.network = scope, network
        self._chosen: dict[frozenset[str], list[Remembering]] = {}
        self._looked: Claim | None = None  # whose places were looked for at last
        self._sides = claim.sides
        self.own = frozenset(_letters(claim))
        self.settings = self._places(claim, self.own)
        self.one_layer = len({s.layer for s in self.settings}) == 1
        self.valued = [s for s in self.settings if _has_value(claim, s)]

    @property
    def summands(self) -> int:
        """About how many summands the written claim has at one place."""
        return max(
            (_summands(side, s) for s in self.settings[:1] for side in self._sides), default=1
        )

    def _for(self, claim: Claim) -> list[Remembering]:
        """Where to look at a candidate with letters of its own: they need values."""
        own = frozenset(_letters(claim))
        known = bool(self.settings) and own <= self.own
        return [] if known else self._places(claim, own)

    def _places(self, claim: Claim, named: frozenset[str]) -> list[Remembering]:
        if not self._chosen.get(named):
            self._chosen[named] = list(self._first(claim))
        return self._chosen[named]

    def _first(self, claim: Claim) -> Iterator[Remembering]:
        """Places where the claim has a value; else the first ones, where any repair has one."""
        self._looked = claim
        for world in judge(self.network).worlds(self.scope.conventions, MILD):
            valued: list[Setting] = []
            others: list[Setting] = []
            with suppress(NoValue, Outside, RecursionError, *ODD):
                for setting in _spread(settings(claim, world, self.scope)):
                    seen = at_setting(claim, setting)
                    if seen is not None:
                        (others if seen.problem else valued).append(setting)
                    if len(valued) == PLACES:
                        break
            others.sort(key=lambda s: sum(s.letters.values()))
            for setting in (valued or others)[:PLACES]:
                given = {f.name: getattr(setting, f.name) for f in fields(setting)}
                yield Remembering(**given, memo={}, inner={})
            if valued or others:
                return

    def may_hold(self, claim: Claim) -> bool:
        """Whether no place looked at tells the sides apart, and one shows that they agree."""
        try:
            seen = self._holds(claim, self.settings or self._for(claim))
            others = not self.settings and self._looked is not claim
            if seen is None and others:  # the places were those of another candidate
                seen = self._holds(claim, list(self._first(claim)))
        except NoValue:
            seen = False
            with suppress(NoValue):
                seen = self._holds(claim, self._for(claim))
        return bool(seen)

    def _holds(self, claim: Claim, settings: list[Remembering]) -> bool | None:
        """None where there is no place with a value."""
        seen = None
        for setting in settings:
            try:
                lhs, rhs = sides(claim, setting)
            except Nowhere:
                if self.one_layer:
                    return False
                continue
            except Outside:
                continue
            except ODD:
                return False
            close = parallel if claim.relation in ("approx", "propto", "sim") else agree
            if not close(lhs, rhs):
                return False
            seen = True
        return seen

    def gives_value(self, claim: Claim) -> bool:
        """Whether a candidate has a value somewhere, where the written claim has none."""
        return any(_has_value(claim, s) for s in self.settings)

    def values(self, claim: Claim) -> Sides | None:
        """Both sides at the places of the written claim; None where one has no value."""
        left: list[float] = []
        right: list[float] = []
        for setting in self.valued:
            try:
                lhs, rhs = sides(claim, setting)
            except (Outside, NoValue, *ODD):
                return None
            if _shape(lhs) != _shape(rhs):
                return None
            left += _numbers(lhs)
            right += _numbers(rhs)
        return Sides(tuple(left), tuple(right)) if left else None


def _summands(node: Node, setting: Setting) -> int:
    """The product of the ranges of sums one in the other, as far as they are known."""
    inside = max((_summands(part, setting) for part in children(node)), default=1)
    bounds = node.bounds if isinstance(node, Total) else ()
    return inside * prod(setting.extent(b.name, node) or 1 for b in bounds)


def _spread(places: list[Setting]) -> list[Setting]:
    """The places with some from all over in front."""
    step = max(1, len(places) // PLACES)
    return [*places[::step], *(s for k, s in enumerate(places) if k % step)]


def _has_value(claim: Claim, setting: Setting) -> bool:
    try:
        lhs, rhs = sides(claim, setting)
    except (Outside, NoValue, *ODD):
        return False
    return _shape(lhs) == _shape(rhs)


def _shape(value: Value) -> tuple[int, int]:
    return value.shape if isinstance(value, Matrix) else (1, 1)


def _numbers(value: Value) -> list[float]:
    return [z.real for z in entries(value)]


def _letters(claim: Claim) -> Iterator[str]:
    """The letters that need a value: indices that nothing binds, and numbers."""
    yield from free_letters(claim)
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Entry) and is_variable(node):
                yield variable(node)


def sides(claim: Claim, setting: Setting) -> tuple[Value, Value]:
    """Both sides; the left one after the step of training where it is assigned."""
    lhs = left_side(claim, setting)
    assert claim.rhs is not None
    return lhs, setting.value(claim.rhs)
