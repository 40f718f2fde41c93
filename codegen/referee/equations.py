"""A user's own layer in the generic backprop: by brute force."""

from __future__ import annotations

from typing import Any

from codegen.referee.arithmetic import Array, Real
from codegen.referee.brute_force import Definition, Loops, numbers_needed
from codegen.referee.layers import Known, Layer, Named, Names, Shape
from derive.spec import Equations


class EquationsLayer(Layer):
    """The equations of the spec, entry by entry; the last left side is s."""

    def __init__(self, spec: Equations, shape: Shape, names: Names) -> None:
        """Parameters and quantities under the user's own names."""
        self.sizes = {name: int(size) for name, size in spec.indices.items()}
        self.definitions = [Definition.read(text) for text in spec.forward]
        self.padded = spec.padded
        out = tuple(self.sizes[index] for index in self.definitions[-1].indices)
        super().__init__(shape, out)
        if spec.parameters:
            names.next_number()
        self.own: dict[str, str] = {}  # the user's name -> the name of the parameter
        for name, axes in spec.parameters.items():
            self.own[name] = names(name)
            self.parameters[self.own[name]] = tuple(self.sizes[axis] for axis in axes)
        self.weights = tuple(name for name, axes in self.parameters.items() if len(axes) > 1)
        self.quantities = {d.name: names(d.name) for d in self.definitions}
        self.delta = names.delta()
        self.ends_with(spec.activation, names)
        self.work = sum(numbers_needed(d, self.sizes) for d in self.definitions)

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """Every quantity, by loops over the indices."""
        loops = Loops(m, self.sizes, x[(slice(None), *(0 for _ in self.shape))], self.padded)
        loops.give("x", x)
        for own, name in self.own.items():
            loops.share(own, known[name])
        for definition in self.definitions:
            loops.define(definition)
            trace[self.quantities[definition.name]] = loops.array(definition.name)
        return trace[self.quantities[self.definitions[-1].name]], loops

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """One sweep over the tape."""
        entries = kept.arrays[self.definitions[-1].name]
        kept.sweep((number, d_s[(slice(None), *at)]) for at, number in entries.items())
        gradients = {name: kept.slope(own).sum(axis=0) for own, name in self.own.items()}
        return kept.slope("x"), gradients
