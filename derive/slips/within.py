"""Two slips in factors of the terms of one sum: each factor is computed once for every repair.

The side is A T + B with the sum T; so T is known, and T = sum of products of factors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import nan, prod

from derive.claims.arrays import Matrix
from derive.claims.claim import Claim
from derive.claims.numbers import Outside
from derive.claims.places import NoValue
from derive.reading.tree import Node, Num, Times, Total
from derive.slips.catalogue import Edit
from derive.slips.meet import Meeting, Sides
from derive.slips.probe import ODD, Probe, Remembering
from derive.slips.sites import Path, Site, exchanged

Table = tuple[tuple[float, ...], ...]  # for each place looked at, a number for each summand
BODY = ("body", ())


@dataclass(frozen=True)
class Variant:
    """A factor after a repair."""

    edit: Edit
    table: Table


class Within:
    """The sum of one side with the repairs of its factors."""

    def __init__(self, claim: Claim, site: Site, probe: Probe, singles: list[Edit]) -> None:
        """The factors as written and repaired, at every place and for every summand."""
        self.claim, self.site, self.probe = claim, site, probe
        assert isinstance(site.node, Total)
        body = site.node.body
        self.factors = body.args if isinstance(body, Times) else (body,)
        self.alone = not isinstance(body, Times)
        self.written = [self.table(f) for f in self.factors]
        self.variants = [self._variants(k, singles) for k in range(len(self.factors))]

    def table(self, factor: Node) -> Table | None:
        """The values of a factor, nan outside its range; None where it is no number anywhere."""
        assert isinstance(self.site.node, Total)
        made = []
        with suppress(NoValue, *ODD):
            for setting in self.probe.valued:
                made.append(tuple(_number(row, factor) for row in setting.within(self.site.node)))
            known = [any(x == x for x in row) for row in made]
            return tuple(made) if all(known) else None
        return None

    def _variants(self, k: int, singles: list[Edit]) -> list[Variant]:
        start: Path = (*self.site.path, BODY) if self.alone else (*self.site.path, BODY,
                                                                  ("args", (k,)))  # fmt: skip
        made = []
        for edit in singles:
            if edit.site.side == self.site.side and edit.site.path[: len(start)] == start:
                new = exchanged(self.factors[k], edit.site.path[len(start) :], edit.after)
                table = self.table(new)
                if table is not None:
                    made.append(Variant(edit, table))
        return made

    def side(self, total: float) -> list[float] | None:
        """The right side at every place, were the sum this number."""
        assert self.claim.rhs is not None
        node = exchanged(self.claim.rhs, self.site.path, Num(Fraction(total)))
        made = []
        with suppress(Outside, NoValue, *ODD):
            for setting in self.probe.valued:
                value = setting.value(node)
                if isinstance(value, Matrix):
                    return None
                made.append(value.real)
            return made
        return None

    def sums(self) -> Iterator[tuple[Edit, Edit, list[float]]]:
        """Two repairs and the sum that they make, at every place."""
        if None in self.written:
            return
        for p, q in combinations(range(len(self.factors)), 2):
            rest = [t for k, t in enumerate(self.written) if k not in (p, q) and t is not None]
            for first in self.variants[p]:
                begun = [
                    [prod(column) for column in zip(*rows, strict=True)]
                    for rows in zip(first.table, *rest, strict=True)
                ]
                for second in self.variants[q]:
                    pairs = zip(begun, second.table, strict=True)
                    yield first.edit, second.edit, [_total(a, b) for a, b in pairs]

    def found(self, written: Sides, meeting: Meeting | None) -> Iterator[tuple[Edit, ...]]:
        """Pairs that make the claim hold; with a meeting, and one more factor beside them."""
        none, one = self.side(0), self.side(1)
        if none is None or one is None or len(written.lhs) != len(none):
            return
        slopes = [b - a for a, b in zip(none, one, strict=True)]
        for first, second, sums in self.sums():
            rhs = tuple(b + a * t for a, b, t in zip(slopes, none, sums, strict=True))
            if meeting is not None:
                yield from ((first, second, e) for e in meeting.completing(Sides(written.lhs, rhs)))
            elif all(
                abs(x - y) <= 1e-8 * (1e-3 + abs(x) + abs(y))
                for x, y in zip(rhs, written.lhs, strict=True)
            ):
                yield first, second


def _number(setting: Remembering, factor: Node) -> float:
    try:
        value = setting.value(factor)
    except Outside:
        return nan
    return nan if isinstance(value, Matrix) else value.real


def _total(a: list[float], b: tuple[float, ...]) -> float:
    """The sum of products over the range of both."""
    return sum(z for x, y in zip(a, b, strict=True) if (z := x * y) == z)
