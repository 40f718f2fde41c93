"""Layers one after another, and around them: a chain, a residual layer, the table of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from codegen.referee.arithmetic import Array, Real
from codegen.referee.equations import EquationsLayer
from codegen.referee.layers import (
    DenseLayer,
    DropoutLayer,
    FlattenLayer,
    Known,
    Layer,
    Named,
    Names,
    Shape,
)
from codegen.referee.norms import BatchNormLayer, LayerNormLayer
from codegen.referee.windows import AvgPoolLayer, ConvLayer, MaxPoolLayer
from derive.spec import Residual


class Chain:
    """Layers of which each reads the output of the one before."""

    def __init__(self, specs: Sequence[Any], shape: Shape, names: Names) -> None:
        """The layers of these specs for inputs of this shape."""
        self.layers: list[Layer] = []
        for spec in specs:
            if spec.kind not in LAYERS:
                known = ", ".join(LAYERS)
                raise NotImplementedError(
                    f"the generic backprop has no layer of the kind {spec.kind} yet; it has {known}"
                )
            self.layers.append(LAYERS[spec.kind](spec, shape, names))
            shape = self.layers[-1].out
        self.out = shape

    def __iter__(self) -> Iterator[Layer]:
        """Every layer; those inside a residual layer come before it."""
        for layer in self.layers:
            if isinstance(layer, ResidualLayer):
                yield from layer.inner
            yield layer

    def forward(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool = False
    ) -> tuple[Array, list[Any]]:
        """The output, and what each layer keeps."""
        kept = []
        for layer in self.layers:
            x, memory = layer.forward(m, known, x, trace, inference)
            kept.append(memory)
        return x, kept

    def backward(
        self, m: Real, known: Known, kept: list[Any], d_o: Array, trace: Named
    ) -> tuple[Array, Named]:
        """dL/dx, and dL/d(parameter) for every parameter."""
        gradients: Named = {}
        for layer, memory in zip(reversed(self.layers), reversed(kept), strict=True):
            d_o, found = layer.backward(m, known, memory, d_o, trace)
            gradients |= found
        return d_o, gradients

    def parameter_slopes(
        self, m: Real, known: Known, kept: list[Any], d_o: Array, trace: Named
    ) -> Named:
        """dL/d(parameter) for every parameter, where nobody asks for dL/dx.

        Below the first layer with parameters nothing is left to do.
        """
        gradients: Named = {}
        last = next((k for k, layer in enumerate(self.layers) if layer.trained), None)
        if last is None:
            return gradients
        for layer, memory in zip(self.layers[:last:-1], kept[:last:-1], strict=True):
            d_o, found = layer.backward(m, known, memory, d_o, trace)
            gradients |= found
        return gradients | self.layers[last].backward_first(m, known, kept[last], d_o, trace)


class ResidualLayer(Layer):
    """u = x + h, h being what the inner layers make of x."""

    def __init__(self, spec: Residual, shape: Shape, names: Names) -> None:
        """The inner layers, then u."""
        super().__init__(shape, shape)
        self.inner = Chain(spec.layers, shape, names)
        self.u = names.inner("u")
        self.ends_with(spec.activation, names)

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """u."""
        h, kept = self.inner.forward(m, known, x, trace, inference)
        trace[self.u] = u = x + h
        return u, kept

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """dL/dx = dL/du + what comes back through the inner layers."""
        d_x, gradients = self.inner.backward(m, known, kept, d_s, trace)
        return d_s + d_x, gradients

    @property
    def trained(self) -> bool:
        """Whether a layer of the block has parameters."""
        return any(layer.trained for layer in self.inner)

    def parameter_slopes(self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Named:
        """Those of the inner layers."""
        return self.inner.parameter_slopes(m, known, kept, d_s, trace)


LAYERS: dict[str, Callable[[Any, Shape, Names], Layer]] = {
    "dense": DenseLayer,
    "conv": ConvLayer,
    "max_pool": MaxPoolLayer,
    "avg_pool": AvgPoolLayer,
    "flatten": FlattenLayer,
    "layer_norm": LayerNormLayer,
    "batch_norm": BatchNormLayer,
    "dropout": DropoutLayer,
    "residual": ResidualLayer,
    "equations": EquationsLayer,
}
