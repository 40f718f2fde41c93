"""The generic backprop: textbook, layer by layer, straight from the spec.

It shares nothing with the derivation but the spec, so it can be the referee of the emitted modules:
the same formulas give the gradients in float32 and float64, the forward pass for the complex step
(`loss_value` at complex parameters), the loss to 60 digits (at mpmath parameters), and the sizes of
the terms that decide how far two right programs may differ (`sizes`).

A kind of layer is a class with `shapes`, `forward` and `backward` in the table `LAYERS`.  The loss
of a network is (1/N) sum_n L_n, or sum_n L_n, plus (lambda/2) sum w^2 over its weights; delta is
dL_n/ds, sample by sample, without 1/N.  A Gaussian likelihood keeps its constant (t/2) log(2 pi).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from codegen.arithmetic import PRECISE, REAL, Array, Real, Sizes, arithmetic_of
from codegen.textbook import Objective, Unit, objective_of, unit_of
from derive.spec import Dense, Network

Floats = np.ndarray[Any, Any]
Params = Mapping[str, Array]
Named = dict[str, Array]
Shape = tuple[int, ...]


class Layer(Protocol):
    """What every kind of layer can do."""

    weights: tuple[str, ...]  # the parameters that weight decay shrinks
    out: Shape  # the shape of one sample's output

    def shapes(self) -> dict[str, Shape]:
        """The shapes of the parameters, by name."""

    def forward(self, m: Real, params: Params, x: Array, trace: Named) -> tuple[Array, Any]:
        """The output, and what the backward pass needs; named quantities go into the trace."""

    def backward(
        self, m: Real, params: Params, kept: Any, d_o: Array, trace: Named
    ) -> tuple[Array, Named]:
        """dL/dx sample by sample, and the sums over the samples of dL/d(parameter)."""


class DenseLayer:
    """s_j = sum_i W_ij x_i + b_j (or no b, or - b_j), o_j = f(s_j).

    x: (samples, in), W: (in, out), b: (out,), s, o and delta: (samples, out).
    """

    def __init__(self, spec: Dense, number: int, shape: Shape) -> None:
        """The layer with this number, for inputs of this shape."""
        (inputs,) = shape
        self.inputs, self.outputs, self.number = inputs, int(spec.units), number
        self.bias, self.unit = spec.bias, unit_of(spec.activation)
        self.linear = spec.activation.name == "linear"
        self.w, self.b = f"W{number}", f"b{number}"
        self.weights: tuple[str, ...] = (self.w,)
        self.out: Shape = (self.outputs,)

    def shapes(self) -> dict[str, Shape]:
        """W and, unless it is absent, b."""
        weight: dict[str, Shape] = {self.w: (self.inputs, self.outputs)}
        return weight if self.bias == "absent" else {**weight, self.b: (self.outputs,)}

    def forward(self, m: Real, params: Params, x: Array, trace: Named) -> tuple[Array, Any]:
        """o = f(x W + b)."""
        s = x @ params[self.w]
        if self.bias == "added":
            s = s + params[self.b]
        elif self.bias == "threshold":
            s = s - params[self.b]
        o = self.unit.value(m, s)
        trace[f"s{self.number}"] = s
        if not self.linear:
            trace[f"o{self.number}"] = o
        return o, (x, s, o)

    def backward(
        self, m: Real, params: Params, kept: Any, d_o: Array, trace: Named
    ) -> tuple[Array, Named]:
        """delta = dL/ds; dL/dW = x^T delta, dL/db = (-) sum_n delta, dL/dx = delta W^T."""
        x, s, o = kept
        delta = self.unit.pull(m, s, o, d_o)
        trace[f"delta{self.number}"] = delta
        gradients = {self.w: x.T @ delta}
        if self.bias != "absent":
            total = delta.sum(axis=0)
            gradients[self.b] = -total if self.bias == "threshold" else total
        return delta @ params[self.w].T, gradients


LAYERS: dict[str, Callable[[Any, int, Shape], Layer]] = {"dense": DenseLayer}


@dataclass(frozen=True)
class Pass:
    """One forward and backward pass."""

    loss: Any
    gradients: Named
    output: Array
    trace: Named = field(repr=False)
    margin: float = float("inf")  # distance to the nearest kink, see arithmetic.Sizes


class Backprop:
    """A network as a list of layers and a loss."""

    def __init__(self, network: Network) -> None:
        """Build the layers, one for each layer of the spec."""
        if not network.numeric:
            raise ValueError(
                f"{network.name}: numbers need a size for every layer and a formula for every"
                " activation and loss, but the spec has symbolic sizes or generic functions"
            )
        shape: Shape = tuple(int(size) for size in network.input)
        self.layers: list[Layer] = []
        for number, spec in enumerate(network.layers, 1):
            if spec.kind not in LAYERS:
                raise NotImplementedError(
                    f"{network.name}: layers[{number - 1}]: the generic backprop has no layer"
                    f" of the kind {spec.kind} yet; it has {', '.join(LAYERS)}"
                )
            self.layers.append(LAYERS[spec.kind](spec, number, shape))
            shape = self.layers[-1].out
        self.network, self.output_shape = network, shape
        self.objective: Objective = objective_of(network.loss)
        self.weights = tuple(name for layer in self.layers for name in layer.weights)

    def shapes(self) -> dict[str, Shape]:
        """The shape of every parameter."""
        return {name: shape for layer in self.layers for name, shape in layer.shapes().items()}

    def targets(self, y: Floats, dtype: Any) -> Floats:
        """Targets with one row for each sample; integer classes become one-hot rows."""
        y = np.asarray(y)
        loss = self.network.loss
        classes = loss.name == "cross_entropy" or loss.likelihood == "categorical"
        if classes and y.ndim == 1 and np.issubdtype(y.dtype, np.integer):
            return np.asarray(np.eye(self.output_shape[0], dtype=dtype)[y])
        return np.asarray(y, dtype=dtype).reshape(len(y), *self.output_shape)

    def forward(
        self, m: Real, params: Params, x: Array, trace: Named | None = None
    ) -> tuple[Array, list[Any]]:
        """The output, and what each layer keeps."""
        trace, kept = {} if trace is None else trace, []
        for layer in self.layers:
            x, memory = layer.forward(m, params, x, trace)
            kept.append(memory)
        return x, kept

    def loss(self, m: Real, params: Params, o: Array, y: Array) -> Any:
        """The mean or the sum of the samples' losses, plus the weight decay."""
        losses = self.objective.value(m, o, y)
        total = losses.sum(axis=0)
        if self.network.reduction == "mean":
            total = total / o.shape[0]
        if decay := self.network.weight_decay:
            for name in self.weights:
                w = params[name]
                total = total + m.number(decay / 2) * (w * w).sum(axis=(0, 1))
        return total

    def run(self, m: Real, params: Params, x: Array, y: Array) -> Pass:
        """Loss, gradients and every named quantity."""
        trace: Named = {}
        output, kept = self.forward(m, params, x, trace)
        loss = self.loss(m, params, output, y)
        d_o, gradients = self.objective.slope(m, output, y), Named()
        for layer, memory in zip(reversed(self.layers), reversed(kept), strict=True):
            d_o, found = layer.backward(m, params, memory, d_o, trace)
            gradients |= found
        return Pass(loss, self._reduced(m, params, gradients, x.shape[0]), output, trace)

    def _reduced(self, m: Real, params: Params, gradients: Named, samples: int) -> Named:
        """(1/N) sum_n dL_n/dw + lambda w, in the order of the parameters."""
        reduced: Named = {}
        for name in self.shapes():
            g = gradients[name]
            reduced[name] = g / samples if self.network.reduction == "mean" else g
            if self.network.weight_decay and name in self.weights:
                reduced[name] = reduced[name] + m.number(self.network.weight_decay) * params[name]
        return reduced


_BUILT: dict[str, Backprop] = {}


def backprop_of(network: Network) -> Backprop:
    """The generic backprop of a network, built once."""
    key = network.canonical()
    if key not in _BUILT:
        if len(_BUILT) > 100:
            _BUILT.clear()
        _BUILT[key] = Backprop(network)
    return _BUILT[key]


def _staged(network: Network, params: Params, x: Any, y: Any, m: Real, dtype: Any) -> Any:
    """Network, parameters, inputs and targets as arrays of one arithmetic."""
    net = backprop_of(network)
    data = np.float64 if np.dtype(dtype).kind in "cO" else dtype
    lifted = {name: m.array(np.asarray(value, dtype=dtype)) for name, value in params.items()}
    inputs = m.array(np.asarray(x, dtype=data))
    targets = None if y is None else m.array(net.targets(y, data))
    return net, lifted, inputs, targets


def _dtype(params: Params) -> Any:
    return np.result_type(*(np.asarray(value).dtype for value in params.values()))


def forward(network: Network, params: Params, x: Any, dtype: Any = None) -> Floats:
    """The network's output for rows of samples."""
    net, params, x, _ = _staged(network, params, x, None, REAL, dtype or _dtype(params))
    return np.asarray(net.forward(REAL, params, x)[0])


def passed(network: Network, params: Params, x: Any, y: Any, dtype: Any = None) -> Pass:
    """One forward and backward pass with all its results."""
    net, params, x, y = _staged(network, params, x, y, REAL, dtype or _dtype(params))
    result: Pass = net.run(REAL, params, x, y)
    return result


def loss_and_gradients(
    network: Network, params: Params, x: Any, y: Any, dtype: Any = None
) -> tuple[float, dict[str, Floats]]:
    """The loss and its gradient by every parameter, in the parameters' precision or in `dtype`."""
    result = passed(network, params, x, y, dtype)
    return float(result.loss), result.gradients


def trace(network: Network, params: Params, x: Any, y: Any, dtype: Any = None) -> dict[str, Floats]:
    """s1, o1, s2, ..., delta1: a layer with linear activation has no o, its o is s."""
    return passed(network, params, x, y, dtype).trace


def loss_value(network: Network, params: Params, x: Any, y: Any) -> Any:
    """The loss in the arithmetic of the parameters: real, complex (complex step) or mpmath."""
    dtype = _dtype(params)
    m = arithmetic_of(np.empty(0, dtype=dtype))
    net, params, x, y = _staged(network, params, x, y, m, dtype)
    return net.loss(m, params, net.forward(m, params, x)[0], y)


def precise(values: Floats) -> Array:
    """The same numbers for mpmath, exactly."""
    return PRECISE.array(np.asarray(values))


def sizes(network: Network, params: Params, x: Any, y: Any) -> Pass:
    """The same pass on absolute values: how large the terms are that make each result.

    A right computation in a precision eps is off by a modest multiple of eps times these.
    """
    m = Sizes()
    net, params, x, y = _staged(network, params, x, y, m, np.float64)
    found = net.run(m, params, x, y)
    size = {name: g.size for name, g in found.gradients.items()}
    named = {name: q.size for name, q in found.trace.items()}
    return Pass(float(found.loss.size), size, found.output.size, named, m.margin)


__all__ = [
    "Backprop",
    "Layer",
    "Pass",
    "Unit",
    "backprop_of",
    "forward",
    "loss_and_gradients",
    "loss_value",
    "passed",
    "precise",
    "sizes",
    "trace",
]
