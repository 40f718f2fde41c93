"""Sums, products and maxima over the places of arrays, over samples and over layers.

The range of an index is told by its bounds, or by the arrays in which it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import prod
from typing import Self

from derive.claims.arrays import Matrix, Value, together
from derive.claims.numbers import NoLayer, Outside
from derive.claims.own import OwnSymbols
from derive.claims.parts import counted, in_order
from derive.claims.places import NoValue
from derive.reading.tree import Entry, Letter, Node, Num, Plus, Total, children

MOST_TERMS = 200_000  # of sums inside of one another


@dataclass(frozen=True)
class Sums(OwnSymbols):
    """Reads off large operators."""

    terms: int = 1  # of the sums around this place

    def _total(self, node: Total) -> Value:
        if not node.bounds and node.kind == "sum":  # over the entries of an array
            made = self.value(node.body)
            return sum(made.entries, 0j) if isinstance(made, Matrix) else made
        rows = list(self._rows(node))
        if not rows:
            raise Outside("an empty sum")
        here = self.but(terms=self.terms * len(rows))
        parts = [here._in_row(row, node.body).value(node.body) for row in rows]
        if node.kind in ("max", "min"):
            best = max if node.kind == "max" else min
            numbers = [p for p in parts if not isinstance(p, Matrix)]
            if len(numbers) < len(parts):
                raise NoValue(f"the {node.kind} of arrays")
            return best(numbers, key=lambda z: z.real)
        if node.kind not in ("sum", "prod"):
            raise NoValue(node.kind)
        result = parts[0]
        for part in parts[1:]:
            sign = (lambda a, b: a + b) if node.kind == "sum" else (lambda a, b: a * b)
            result = together(result, part, sign)
        return result

    def _in_row(self, row: Mapping[str, int], body: Node) -> Self:
        """With the values of the indices of a large operator; one of them may be the layer."""
        made = self.but(letters={**self.letters, **row})
        for name, number in row.items():
            if self._counts_layers(name, body):
                made = made.but(layer=number - self.scope.conventions.first_layer)
        return made

    def _counts_layers(self, name: str, body: Node) -> bool:
        """Whether a letter under an operator is the layer, and no index of a unit."""
        return self.scope.layer_letters.get(name) == "l" and self.extent(name, body) is None

    def _layer_limit(self, node: Node | None) -> int:
        """The last layer of a sum over layers; L is the last of all."""
        if node is None:
            return self.world.last + self.scope.conventions.first_layer
        last = [k for k, base in self.scope.layer_letters.items() if base == "L"]
        known = dict.fromkeys(last, self.top + self.scope.conventions.first_layer)
        return replace(self, letters={**self.letters, **known}).place(node)

    def _rows(self, node: Total) -> Iterator[dict[str, int]]:
        ranges = []
        for bound in node.bounds:
            base = self.scope.profile.base
            extent = self.extent(bound.name, node.body)
            low = base if bound.low is None else self.place(bound.low)
            if self._counts_layers(bound.name, node.body):
                high = self._layer_limit(bound.high)
            elif bound.high is not None:
                high = self._limit(bound.high, extent, base)
            elif extent is not None:
                high = base + extent - 1
            else:
                self.need_layers(node.body)
                raise NoValue(f"the range of {bound.name}")
            ranges.append(range(low, high + 1))
        if self.terms * prod(map(len, ranges)) > MOST_TERMS:
            raise NoValue(f"sums of more than {MOST_TERMS} terms")
        names = [b.name for b in node.bounds]
        for row in product(*ranges):
            yield dict(zip(names, row, strict=True))

    def need_layers(self, node: Node) -> None:
        """Raise NoLayer where a quantity belongs to a layer that does not exist."""
        if isinstance(node, Total) and any(
            self._counts_layers(bound.name, node.body) for bound in node.bounds
        ):
            return  # the layers are those of the sum
        if isinstance(node, Entry) and node.role == "user" and node.label is not None:
            if not 0 <= self.layer_number(node.label) <= self.world.last:
                raise NoLayer(f"layer {node.label}")
        elif isinstance(node, Entry) and node.label is not None:
            try:
                self.tensor(node)
            except NoLayer:
                raise
            except Outside:  # an array that only the network itself has
                return
        for part in children(node):
            self.need_layers(part)

    def _limit(self, node: Node, extent: int | None, base: int) -> int:
        if isinstance(node, Letter) and node.name not in self.letters and extent is not None:
            size = self.scope.size_names.get(node.name)  # of the network, which may be another
            return base + self.world.symbols.get(size or "", extent) - 1
        if self.scope.own.absorbed and extent is not None and isinstance(node, Plus):
            letters = [a for a in node.args if isinstance(a, Letter) and a.name not in self.letters]
            if len(node.args) == 2 and letters and Num(Fraction(1)) in node.args:
                return base + extent  # n + 1: with the input that is always 1
        return self.place(node)

    def extent(self, name: str, node: Node) -> int | None:
        """The number of values of an index, from the places where it stands."""
        key = (name, id(node), self.layer)
        known = self.ranges.get(key)
        if known is None:  # with the node, so that no other takes its identity
            known = self.ranges[key] = node, self._extent(name, node)
        return known[1]

    def _extent(self, name: str, node: Node) -> int | None:
        found: list[int] = []
        for part in counted(node):
            if not isinstance(part, Entry):
                continue
            if part.sample == Letter(name):
                found.append(self.world.samples)
            if Letter(name) in part.places:
                found += self._extents(part, name)
        return max(found) if found else None

    def _extents(self, part: Entry, name: str) -> list[int]:
        if part.form == "window":  # its places are those of the output
            return []
        if part.role == "user":
            return list(self._user_extents(part, name))
        try:
            shape = [self.world.extent(e) for e in self._shape(self.tensor(part))]
        except (Outside, NoValue):
            return []
        places = list(part.places)
        if part.fixed is not None and len(places) == 2:
            places.pop(1 if self.scope.out_first else 0)
        elif part.role == "weight" and self._of_unit(part, shape):
            shape = shape[1:]
        elif part.role == "weight":
            out_first = self.scope.out_first_of(part.label)
            places = in_order(places, shape, out_first, self.scope.profile.base)
        if self.world.channels_apart(self.tensor(part), len(places)):
            shape = shape[1:]  # all channels at a place
        left = len(shape) - len(places)
        if self.scope.own.one_channel and shape[:left] in ([1], [1, 1]):
            shape = shape[left:]
        if len(places) != len(shape):
            return []
        return [size for place, size in zip(places, shape, strict=True) if place == Letter(name)]
