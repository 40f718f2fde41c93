"""Several slips at once, found from what each repair alone does to the sides.

Repairs in different factors multiply their effects, repairs in different summands add them.  So the
repair that is missing beside a first one has a known effect, and is looked up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from derive.slips.catalogue import Edit

Vector = tuple[float, ...]
CLOSE = 1e-8


@dataclass(frozen=True)
class Effect:
    """What a repair does: the factor or the summand that the right side lacks beside it."""

    edit: Edit
    vector: Vector


@dataclass(frozen=True)
class Sides:
    """Both sides at several places."""

    lhs: Vector
    rhs: Vector


def _quotient(a: Vector, b: Vector) -> Vector | None:
    if any(abs(y) < 1e-12 for y in b):
        return None
    return tuple(x / y for x, y in zip(a, b, strict=True))


def _difference(a: Vector, b: Vector) -> Vector | None:
    return tuple(x - y for x, y in zip(a, b, strict=True))


@dataclass(frozen=True)
class Law:
    """How effects go together: they multiply, or they add."""

    missing: Callable[[Vector, Vector], Vector | None]  # what takes the second to the first
    neutral: float


FACTORS = Law(_quotient, 1.0)
SUMMANDS = Law(_difference, 0.0)


class Meeting:
    """The effects of all single repairs of a claim under one law."""

    def __init__(self, law: Law, written: Sides, made: list[tuple[Edit, Sides]]) -> None:
        """Repairs without an effect are left out; of those with the same, the likeliest stay."""
        self.law = law
        self.target = law.missing(written.lhs, written.rhs)
        self.effects: list[Effect] = []
        for edit, sides in made:
            vector = self._effect(written, sides)
            if vector is not None and any(abs(x - law.neutral) > 1e-9 for x in vector):
                self.effects.append(Effect(edit, vector))
        self.effects.sort(key=lambda e: e.vector)
        self.keys = [e.vector[0] for e in self.effects]

    def _effect(self, written: Sides, sides: Sides) -> Vector | None:
        """The change of the right side against that of the left."""
        if len(sides.lhs) != len(written.lhs) or len(sides.rhs) != len(written.rhs):
            return None
        right = self.law.missing(sides.rhs, written.rhs)
        left = self.law.missing(sides.lhs, written.lhs)
        return None if right is None or left is None else self.law.missing(right, left)

    def _with(self, wanted: Vector) -> Iterator[Edit]:
        """The repairs with the effect."""
        near = CLOSE * (1e-3 + abs(wanted[0]))
        k = bisect_left(self.keys, wanted[0] - near)
        while k < len(self.keys) and self.keys[k] <= wanted[0] + near:
            vector = self.effects[k].vector
            if all(
                abs(x - y) <= CLOSE * (1e-3 + abs(x) + abs(y))
                for x, y in zip(vector, wanted, strict=True)
            ):
                yield self.effects[k].edit
            k += 1

    def pairs(self) -> Iterator[tuple[Edit, Edit]]:
        """Two repairs that together do what is missing."""
        for first in self.effects if self.target is not None else ():
            wanted = self.law.missing(self.target, first.vector) if self.target else None
            for other in self._with(wanted) if wanted is not None else ():
                if first.edit.cost <= other.cost:
                    yield first.edit, other

    def completing(self, sides: Sides) -> Iterator[Edit]:
        """The repairs that do what is missing between two sides."""
        wanted = self.law.missing(sides.lhs, sides.rhs)
        if wanted is not None and len(wanted) == len(self.target or ()):
            yield from self._with(wanted)

    def triples(self, most: int) -> Iterator[tuple[Edit, Edit, Edit]]:
        """Three repairs, two of them among the `most` likeliest with effects of their own."""
        likely = self._likeliest(most)
        for k, first in enumerate(likely):
            rest = self.law.missing(self.target, first.vector) if self.target else None
            for second in likely[:k] if rest is not None else ():
                assert rest is not None
                wanted = self.law.missing(rest, second.vector)
                for third in self._with(wanted) if wanted is not None else ():
                    yield second.edit, first.edit, third

    def _likeliest(self, most: int) -> list[Effect]:
        found: dict[tuple[str, ...], Effect] = {}
        for effect in sorted(self.effects, key=lambda e: e.edit.cost):
            found.setdefault(tuple(f"{x:.7g}" for x in effect.vector), effect)
        return list(found.values())[:most]
