"""A quick look at candidates: both sides at a few places of one small network.

What differs there is wrong; what agrees is handed on to the judge.  Parts that a candidate shares
with the written claim are computed once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

from derive.claim_arrays import Value
from derive.claim_evaluation import agree, evidence, free_letters, parallel
from derive.claim_numbers import Outside
from derive.claim_places import NoValue, is_variable, variable
from derive.claim_values import Setting
from derive.claims import Claim
from derive.judging import Assumptions, Judge
from derive.reading_scope import Scope
from derive.reading_tree import Entry, Letter, Node, Num, walk
from derive.spec import Network

PLACES = 5  # looked at
MILD = Assumptions(normalised=True)  # under what the judge may take for granted


@dataclass(frozen=True)
class Remembering(Setting):
    """A setting that remembers the values of parts by the very object and the letters."""

    memo: dict[Any, tuple[Any, Value | Outside]] = field(default_factory=dict)

    def value(self, node: Node) -> Value:
        """The value of a formula."""
        if isinstance(node, Num | Letter):
            return super().value(node)
        key = (id(node), id(self.now), id(self.numbers), *self.letters.items())
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
        self.own = frozenset(_letters(claim))
        self.settings = self._places(claim, self.own)

    def _for(self, claim: Claim) -> list[Remembering]:
        """Where to look at a candidate with letters of its own: they need values."""
        letters = frozenset(_letters(claim))
        return [] if letters <= self.own else self._places(claim, letters)

    def _places(self, claim: Claim, letters: frozenset[str]) -> list[Remembering]:
        if not self._chosen.get(letters):
            self._chosen[letters] = list(self._first(claim))
        return self._chosen[letters]

    def _first(self, claim: Claim) -> Iterator[Remembering]:
        for world in judge(self.network).worlds(self.scope.conventions, MILD):
            found: list[Setting] = []
            with suppress(NoValue, Outside, ArithmeticError):
                found = [
                    e.setting for e in evidence(claim, world, self.scope) if e.setting is not None
                ]
            step = max(1, len(found) // PLACES)
            for setting in found[::step][:PLACES]:
                given = {f.name: getattr(setting, f.name) for f in fields(setting)}
                yield Remembering(**given, memo={})
            if found:
                return

    def may_hold(self, claim: Claim) -> bool:
        """Whether no place looked at tells the sides apart, and one shows that they agree."""
        try:
            return self._holds(claim, self.settings or self._for(claim))
        except NoValue:
            with suppress(NoValue):
                return self._holds(claim, self._for(claim))
        return False

    def _holds(self, claim: Claim, settings: list[Remembering]) -> bool:
        seen = False
        for setting in settings:
            try:
                lhs, rhs = sides(claim, setting)
            except Outside:
                continue
            except ArithmeticError:
                return False
            close = parallel if claim.relation in ("approx", "propto", "sim") else agree
            if not close(lhs, rhs):
                return False
            seen = True
        return seen


def _letters(claim: Claim) -> Iterator[str]:
    """The letters that need a value: indices that nothing binds, and numbers."""
    yield from free_letters(claim)
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Entry) and is_variable(node):
                yield variable(node)


def sides(claim: Claim, setting: Setting) -> tuple[Value, Value]:
    """Both sides; the left one after the step of training where it is assigned."""
    assert claim.lhs is not None
    assert claim.rhs is not None
    updated = claim.relation in ("gets", ":=") and claim.lhs in tuple(walk(claim.rhs))
    lhs = setting.updated(claim.lhs) if updated else setting.value(claim.lhs)
    return lhs, setting.value(claim.rhs)
