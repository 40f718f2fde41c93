"""Symbols that a sheet defines, on a small network: a symbol is worth what its definition is.

What a symbol is worth in one setting is computed once, since definitions may name others twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from derive.algebra.symbols import Tensor
from derive.claims.arrays import Matrix, Value, column, entries, together
from derive.claims.calculus import Calculus
from derive.claims.numbers import Outside, Places
from derive.claims.places import NoValue
from derive.claims.world import LOSS, OBJECTIVE, World
from derive.reading.own import Definition, defined
from derive.reading.tree import Derivative, Entry, Grid, Letter, Node, walk

_UNITS = ("output", "activation", "preactivation", "own")


@dataclass(frozen=True)
class OwnSymbols(Calculus):
    """Puts the definition of a symbol in its place."""

    known: dict[Any, tuple[Any, Value]] = field(default_factory=dict, repr=False, compare=False)
    ranges: dict[Any, tuple[Any, int | None]] = field(
        default_factory=dict, repr=False, compare=False
    )
    told: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def extent(self, name: str, node: Node) -> int | None:
        """The number of values of an index, from the places where it stands."""
        raise NotImplementedError

    def _defined(self, node: Entry) -> tuple[Definition, OwnSymbols]:
        """The definition of a symbol, and this setting at the symbol's layer."""
        known = defined(self.scope.own.definitions, node.letter, node.label)
        if known is None:
            raise NoValue(f"the symbol {node.letter}, which nothing gives a value")
        here = self
        if known.label is not None and known.label.base == "l" and node.label is not None:
            here = replace(self, layer=self.layer_number(node.label) - known.label.offset)
        return known, here

    def elsewhere(self, world: World) -> OwnSymbols:
        """The same place on a network with other values: symbols are worth other things there."""
        return replace(self, world=world, known={})

    def _user(self, node: Entry) -> Value:
        moved = (self.now, self.numbers)  # kept, so that no other object takes their identity
        where = (self.layer, self.sample, *self.letters.items())
        key = (node.letter, node.label, node.places, *map(id, moved), *where)
        if key not in self.known:
            self.known[key] = moved, self._computed(node)
        return self.known[key][1]

    def _computed(self, node: Entry) -> Value:
        known, here = self._defined(node)
        if node.places and not known.places:
            made = here.value(known.rhs)
            place = self.place(node.places[0]) - self.scope.profile.base
            if not isinstance(made, Matrix) or not 0 <= place < len(made.entries):
                raise Outside(f"index {place + self.scope.profile.base} of {node.letter}")
            return made.entries[place]
        if len(known.places) == 1 and not node.places:
            extent = here.extent(known.places[0], known.rhs)
            if extent is None:
                raise NoValue(f"the number of entries of {node.letter}")
            base = self.scope.profile.base
            rows = ({known.places[0]: k} for k in range(base, base + extent))
            return column([here._at(known, row) for row in rows])
        if len(node.places) != len(known.places):
            raise NoValue(f"{len(known.places)} indices of {node.letter}")
        row = dict(zip(known.places, map(self.place, node.places), strict=True))
        return here.but(letters={**self.letters, **row}).value(known.rhs)

    def _at(self, known: Definition, row: dict[str, int]) -> complex:
        return self.but(letters={**self.letters, **row}).number(known.rhs)

    def _by_user(self, of: Node, by: Entry) -> Value:
        """Through the only quantity of units in the symbol's definition, by which both change."""
        known, here = self._defined(by)
        if isinstance(known.rhs, Grid) and not by.places:  # of blocks, such as (b | W)
            rows = known.rhs.rows
            parts = tuple(tuple(Derivative(of, (cell,)) for cell in row) for row in rows)
            return here.value(Grid(parts))
        if len(by.places) != len(known.places):
            raise NoValue(f"a derivative by the whole of {by.letter}")
        row = dict(zip(known.places, map(self.place, by.places), strict=True))
        inside = replace(here, letters={**self.letters, **row})
        units = {n for n in walk(known.rhs) if isinstance(n, Entry) and n.role in _UNITS}
        if len(units) != 1:
            raise NoValue(f"a derivative by {by.letter}, which depends on several quantities")
        (unit,) = units
        below = inside.value(Derivative(known.rhs, (unit,)))
        tensor, places = inside._addressed(unit)
        if isinstance(below, Matrix) or below == 0 or not isinstance(places, tuple):
            raise NoValue(f"a derivative by {by.letter}")
        above = self._moved(of, tensor, places)
        return together(above, below, lambda a, b: a / b)

    def _user_extents(self, part: Entry, name: str) -> Iterator[int]:
        """The ranges that a definition gives to the indices of its symbol."""
        try:
            known, here = self._defined(part)
        except (NoValue, Outside):
            return
        for letter, place in zip(known.places, part.places, strict=False):
            if place != Letter(name):
                continue
            key = (part.letter, part.label, letter, here.layer)
            if key not in self.ranges:
                self.ranges[key] = known, here.extent(letter, known.rhs)
            if (extent := self.ranges[key][1]) is not None:
                yield extent

    # ---------------------------------------------------------------- steps of training

    def _gradient(self, node: Entry) -> Value:
        """The gradient of the sheet's own objective, if it has one; a maximised one is climbed."""
        letter = self.scope.own.objective
        if not letter:
            return super()._gradient(node)
        of = Entry("user", letter, None)
        own = self.value(Derivative(of, (node,)))
        uphill = self._likeness(of, replace(node, places=(), form="whole")) < 0
        return together(own, -1 + 0j, lambda a, b: a * b) if uphill else own

    def _likeness(self, of: Entry, whole: Entry) -> float:
        """How far the objective grows with the loss of the sample, or of all samples."""
        told = [a.real for a in entries(self.value(Derivative(of, (whole,))))]
        found = []
        for target, at in ((LOSS, (self.sample,)), (OBJECTIVE, ())):
            slopes = partial(self.world.slope, target, at)

            def get(
                tensor: Tensor, places: Places, _: Entry, of: Callable[..., complex] = slopes
            ) -> complex:
                return of(tensor, places)

            down = [b.real for b in entries(self._read(whole, get))]
            size = sum(b * b for b in down) ** 0.5 or 1.0
            found.append(sum(a * b for a, b in zip(told, down, strict=True)) / size)
        return max(found, key=abs)
