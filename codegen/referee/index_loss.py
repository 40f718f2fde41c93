"""A loss over indices in the generic backprop: by brute force."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from codegen.referee.arithmetic import Array, Real
from codegen.referee.brute_force import Loops
from codegen.referee.evaluate_formula import Formula
from codegen.referee.tape import Number


@dataclass(frozen=True)
class IndexLoss:
    """L as an index formula in o and y, whose indices run over the axes of the output."""

    formula: Formula

    def value(self, m: Real, o: Array, y: Array) -> Array:
        """The losses of the samples."""
        return self._evaluated(m, o, y)[1].value

    def slope(self, m: Real, o: Array, y: Array) -> Array:
        """dL/do, sample by sample."""
        loops, loss = self._evaluated(m, o, y)
        loops.sweep([(loss, m.like(1, loops.like))])
        return loops.slope("o")

    def _evaluated(self, m: Real, o: Array, y: Array) -> tuple[Loops, Number]:
        loops = Loops(m, self._sizes(o.shape[1:]), o[(slice(None), *(0 for _ in o.shape[1:]))])
        loops.give("o", o)
        loops.give("y", y)
        return loops, loops.at(loops.start(self.formula), {})

    def _sizes(self, shape: tuple[int, ...]) -> dict[str, int]:
        """index -> size, from the entries in which it stands alone."""
        sizes: dict[str, int] = {}
        for node in ast.walk(self.formula.read[0]):
            if isinstance(node, ast.Subscript):
                places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                for place, size in zip(places, shape, strict=True):
                    if isinstance(place, ast.Name) and place.id.startswith("name_"):
                        sizes.setdefault(place.id.removeprefix("name_"), size)
        return sizes
