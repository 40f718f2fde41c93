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

from derive.claim_arrays import Matrix, Value
from derive.claim_evaluation import agree, evidence, parallel
from derive.claim_numbers import NoLayer, Outside
from derive.claim_places import NoValue, is_variable
from derive.claim_values import Setting
from derive.claims import Claim
from derive.judging import Judge
from derive.reading_scope import Scope
from derive.reading_tree import Entry, Letter, Node, Num, walk
from derive.spec import Network

PLACES = 5  # looked at
Vector = tuple[complex, ...]


@dataclass(frozen=True)
class Remembering(Setting):
    """A setting that remembers the values of parts by the very object and the letters."""

    memo: dict[Any, tuple[Node, Value | Outside]] = field(default_factory=dict)

    def value(self, node: Node) -> Value:
        """The value of a formula."""
        if isinstance(node, Num | Letter):
            return super().value(node)
        key = (id(node), id(self.now), *self.letters.items())
        found = self.memo.get(key)
        if found is None:
            try:
                found = node, super().value(node)
            except Outside as problem:
                found = node, problem
            self.memo[key] = found
        made = found[1]
        if isinstance(made, Outside):
            raise made
        return made


@lru_cache(maxsize=8)
def judge(network: Network) -> Judge:
    """The small relatives of a network, made once."""
    return Judge(network)


class Probe:
    """Tells candidates that differ at a few places from those that may hold."""

    def __init__(self, claim: Claim, scope: Scope, network: Network) -> None:
        """Choose the places by the written claim; there may be none that can be evaluated."""
        self.claim = claim
        self.numbered = any(
            (isinstance(n, Entry) and is_variable(n)) for side in claim.sides for n in walk(side)
        )
        self.settings = [] if self.numbered else list(self._chosen(scope, network))

    @property
    def sees(self) -> bool:
        """Whether there is a place to look at."""
        return bool(self.settings)

    def _chosen(self, scope: Scope, network: Network) -> Iterator[Remembering]:
        for world in judge(network).worlds(scope.conventions):
            found: list[Setting] = []
            with suppress(NoValue):
                found = [e.setting for e in evidence(self.claim, world, scope)
                         if e.setting is not None]  # fmt: skip
            step = max(1, len(found) // PLACES)
            for setting in found[::step][:PLACES]:
                given = {f.name: getattr(setting, f.name) for f in fields(setting)}
                yield Remembering(**given, memo={})
            if found:
                return

    # ---------------------------------------------------------------- looking

    def may_hold(self, claim: Claim) -> bool:
        """Whether no place looked at tells the sides apart."""
        seen = False
        for setting in self.settings:
            try:
                lhs, rhs = sides(claim, setting)
            except NoLayer:
                continue
            except Outside:
                continue
            except (NoValue, ArithmeticError):
                return False
            close = parallel if claim.relation in ("approx", "propto", "sim") else agree
            if not close(lhs, rhs):
                return False
            seen = True
        return seen

    def values(self, claim: Claim) -> tuple[Vector, Vector] | None:
        """Both sides at all places; None where one has no value."""
        left: list[complex] = []
        right: list[complex] = []
        for setting in self.settings:
            try:
                lhs, rhs = sides(claim, setting)
            except (Outside, NoValue, ArithmeticError):
                return None
            a, b = _entries(lhs), _entries(rhs)
            if len(a) != len(b):
                return None
            left += a
            right += b
        return tuple(left), tuple(right)


def sides(claim: Claim, setting: Setting) -> tuple[Value, Value]:
    """Both sides; the left one after the step of training where it is assigned."""
    assert claim.lhs is not None
    assert claim.rhs is not None
    updated = claim.relation in ("gets", ":=") and claim.lhs in tuple(walk(claim.rhs))
    lhs = setting.updated(claim.lhs) if updated else setting.value(claim.lhs)
    return lhs, setting.value(claim.rhs)


def _entries(value: Value) -> Vector:
    return value.entries if isinstance(value, Matrix) else (value,)
