"""Differentials: how much a quantity changes when what others are computed from moves a little.

In dL = tr(G^T dW) and dz = W dx + dW x everything moves from which the quantities on the right side
are computed, all of it in one direction that is drawn once.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from derive.algebra.symbols import Tensor
from derive.claims.arrays import Matrix, Value
from derive.claims.local_slopes import STEP
from derive.claims.numbers import Array, Outside
from derive.claims.places import NoValue
from derive.claims.whole_arrays import WholeArrays
from derive.claims.world import World
from derive.reading.tree import Differential, Entry, Node, walk


class Differentials(WholeArrays):
    """Reads off differentials."""

    def _differential(self, node: Differential) -> Value:
        if self._stepping:
            raise NoValue("a differential inside of a derivative")
        if not any(isinstance(part, Entry) for part in walk(node.arg)):
            raise NoValue("the differential of something that is no quantity")
        moving = {tensor for part in node.along for tensor in self._sources(part)}
        if not moving:
            raise NoValue("a differential along nothing")
        key = ("differential", *sorted(map(str, moving)), id(self.world))
        if key not in self.told:
            self.told[key] = self.world, moved_values(self.world, moving)
        made = self.but(now=self.told[key][1]).value(node.arg)
        return made.map(_slope) if isinstance(made, Matrix) else _slope(made)

    def _sources(self, node: Node) -> Iterator[Tensor]:
        """What is computed from nothing else, and the quantities in a formula from it."""
        for part in walk(node):
            if not isinstance(part, Entry) or part.role in ("delta", "error", "user"):
                continue
            try:
                tensor = self.tensor(part)
            except Outside as problem:
                raise NoValue(f"a differential of {part.role}") from problem
            yield from sources(self.world, tensor)


def sources(world: World, tensor: Tensor) -> Iterator[Tensor]:
    """The leaves from which the array is computed; a leaf itself."""
    computed = {made for made, _, _ in world.steps}
    leaves = [leaf for leaf in world.values if leaf not in computed]
    yield from (leaf for leaf in leaves if leaf == tensor or world.between(leaf, tensor))


def moved_values(world: World, moving: set[Tensor]) -> dict[Tensor, Array]:
    """All values where these arrays have moved by an imaginary step in a direction."""
    given: dict[Tensor, Array] = {}
    for tensor in sorted(moving, key=str):
        random = Random(f"direction {tensor}")
        array = sorted(world.values[tensor].items())
        given[tensor] = {at: z + 1j * STEP * random.uniform(0.2, 1.0) for at, z in array}
    return world.with_values(given).values


def _slope(value: complex) -> complex:
    return complex(value.imag / STEP)
