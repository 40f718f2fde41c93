"""Windows of a convolution or a pooling as columns: x with a hat at a place.

The rows run over what the layer sums over, channels first; the kernel of each output channel is a
row of the matrix of weights in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from derive.algebra.symbols import Tensor
from derive.algebra.terms import Extremum, Index, Ref, Sum, refs, walk
from derive.claims.numbers import Places, placed
from derive.claims.world import WINDOWED, World
from derive.stages import Stage


@dataclass(frozen=True)
class Window:
    """The entries that a layer looks at for one place of its output."""

    stage: Stage
    entry: Ref
    inner: tuple[Index, ...]

    def rows(self, world: World) -> list[tuple[int, ...]]:
        """The values of the inner indices, row after row."""
        return list(product(*(range(world.extent(i.size)) for i in self.inner)))

    def places(self, world: World, sample: int, at: Sequence[int]) -> list[Places]:
        """The places under the window at the last places of the output."""
        outer = [p.index for p in self.stage.main.lhs.at]
        known = {i: 0 for p in self.entry.at for i, _ in p.terms}
        known |= {i: v for i, v in zip(outer[len(outer) - len(at) :], at, strict=True) if i}
        known |= {i: sample for i in known if i.sample}
        return [
            tuple(placed(p, {**known, **dict(zip(self.inner, row, strict=True))})
                  for p in self.entry.at)
            for row in self.rows(world)
        ]  # fmt: skip


def window_of(world: World, tensor: Tensor) -> Window | None:
    """The window that a layer moves over the array, if one does."""
    for stage in world.passed.stages:
        if stage.kind not in WINDOWED or stage.source != tensor:
            continue
        for node in walk(stage.main.rhs):
            found = refs(node.body) if isinstance(node, Sum | Extremum) else ()
            for entry in found:
                if entry.tensor == tensor and isinstance(node, Sum | Extremum):
                    return Window(stage, entry, node.indices)
    return None
