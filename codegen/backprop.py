"""The generic backprop: textbook, layer by layer, straight from the spec.

It shares nothing with the derivation but the spec, so it can be the referee of the emitted modules:
the same formulas give the gradients in float32 and float64, the forward pass for the complex step
(`loss_value` at complex parameters), the loss to 60 digits (at mpmath parameters), and the sizes of
the terms that decide how far two right programs may differ (`sizes`).

A kind of layer is a class in the table of `textbook_chain`.  The loss of a network is
(1/N) sum_n L_n, or sum_n L_n, plus (lambda/2) sum w^2 over its weights; delta is d(sum_n L_n)/ds,
without 1/N.  A Gaussian likelihood keeps its constant (t/2) log(2 pi).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from codegen.referee.arithmetic import PRECISE, REAL, Array, Real, Sizes, arithmetic_of
from codegen.referee.chain import Chain
from codegen.referee.layers import Known, Layer, Named, Names, Shape
from codegen.referee.textbook import Objective, Unit, objective_of
from derive.spec import Network

Floats = np.ndarray[Any, Any]
Params = Mapping[str, Array]


@dataclass(frozen=True)
class Pass:
    """One forward and backward pass."""

    loss: Any
    gradients: Named
    output: Array
    trace: Named = field(repr=False)
    margin: float = float("inf")  # distance to the nearest kink, see arithmetic.Sizes


class Backprop:
    """A network as a chain of layers and a loss."""

    def __init__(self, network: Network) -> None:
        """Build the layers, one for each layer of the spec."""
        if not network.numeric:
            raise ValueError(
                f"{network.name}: numbers need a size for every layer and a formula for every"
                " activation and loss, but the spec has symbolic sizes or generic functions"
            )
        self.network = network
        self.chain = Chain(network.layers, tuple(int(size) for size in network.input), Names())
        self.layers = list(self.chain)
        self.output_shape = self.chain.out
        self.objective: Objective = objective_of(network.loss)
        self.weights = tuple(name for layer in self.layers for name in layer.weights)

    def shapes(self) -> dict[str, Shape]:
        """The shape of every parameter."""
        return {n: shape for layer in self.layers for n, shape in layer.parameters.items()}

    @property
    def masks(self) -> dict[str, tuple[Shape, Fraction]]:
        """The shape of every mask for one sample, and its rate."""
        return {name: mask for layer in self.layers for name, mask in layer.masks.items()}

    def drawn_masks(self, rng: np.random.Generator, samples: int, dtype: Any) -> dict[str, Floats]:
        """Masks of dropout: 0 at the rate, else 1/(1 - rate)."""
        masks = {}
        for name, (shape, rate) in self.masks.items():
            kept = rng.random((samples, *shape)) >= float(rate)
            masks[name] = (kept * float(1 / (1 - rate))).astype(dtype)
        return masks

    @property
    def state(self) -> dict[str, Shape]:
        """The shape of every running average."""
        return {name: shape for layer in self.layers for name, shape in layer.state.items()}

    @property
    def work(self) -> int:
        """The number of multiplications for one sample, roughly."""
        return sum(layer.work for layer in self.layers)

    def targets(self, y: Floats, dtype: Any) -> Floats:
        """Targets with one row for each sample; integer classes become one-hot rows."""
        y = np.asarray(y)
        loss = self.network.loss
        classes = loss.name == "cross_entropy" or loss.likelihood == "categorical"
        classes = classes and len(self.output_shape) == 1
        if classes and y.ndim == 1 and np.issubdtype(y.dtype, np.integer):
            return np.asarray(np.eye(self.output_shape[0], dtype=dtype)[y])
        return np.asarray(y, dtype=dtype).reshape(len(y), *self.output_shape)

    def forward(
        self,
        m: Real,
        known: Known,
        x: Array,
        trace: Named | None = None,
        inference: bool = False,
    ) -> tuple[Array, list[Any]]:
        """The output, and what each layer keeps."""
        return self.chain.forward(m, known, x, {} if trace is None else trace, inference)

    def loss(self, m: Real, known: Known, o: Array, y: Array) -> Any:
        """The mean or the sum of the samples' losses, plus the weight decay."""
        total = self.objective.value(m, o, y).sum(axis=0)
        if self.network.reduction == "mean":
            total = total / o.shape[0]
        if decay := self.network.weight_decay:
            for name in self.weights:
                w = known[name]
                total = total + m.number(decay / 2) * (w * w).sum(axis=tuple(range(w.ndim)))
        return total

    def run(self, m: Real, known: Known, x: Array, y: Array) -> Pass:
        """Loss, gradients and every named quantity, in training."""
        trace: Named = {}
        output, kept = self.forward(m, known, x, trace)
        loss = self.loss(m, known, output, y)
        d_o = self.objective.slope(m, output, y)
        gradients = self.chain.parameter_slopes(m, known, kept, d_o, trace)
        return Pass(loss, self.reduced(m, known, gradients, x.shape[0]), output, trace)

    def next_state(self, m: Real, known: Known, trace: Known, samples: int) -> Named:
        """The state after a training batch."""
        found: Named = {}
        for layer in self.layers:
            found |= layer.next_state(m, known, trace, samples)
        return found

    def reduced(self, m: Real, known: Known, gradients: Named, samples: int) -> Named:
        """(1/N) sum_n dL_n/dw + lambda w, in the order of the parameters."""
        reduced: Named = {}
        for name in self.shapes():
            g = gradients[name]
            reduced[name] = g / samples if self.network.reduction == "mean" else g
            if self.network.weight_decay and name in self.weights:
                reduced[name] = reduced[name] + m.number(self.network.weight_decay) * known[name]
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


@dataclass(frozen=True)
class Staged:
    """A network with its data in one arithmetic; parameters, masks and state are known."""

    net: Backprop
    m: Real
    known: Named
    x: Array
    y: Array | None = None

    def run(self) -> Pass:
        """Loss, gradients and every named quantity, in training."""
        return self.net.run(self.m, self.known, self.x, self.y)

    def next_state(self) -> Named:
        """The running averages after training on this batch."""
        found: Named = {}
        self.net.forward(self.m, self.known, self.x, found)
        return self.net.next_state(self.m, self.known, found, self.x.shape[0])

    def inferred(self) -> Array:
        """The output outside training."""
        missing = [name for name in self.net.state if name not in self.known]
        if missing:
            raise ValueError(f"the output outside training needs the state {', '.join(missing)}")
        return self.net.forward(self.m, self.known, self.x, inference=True)[0]


def _staged(
    network: Network,
    m: Real,
    dtype: Any,
    params: Params,
    x: Any,
    y: Any = None,
    *others: Params | None,
) -> Staged:
    """Parameters in the precision `dtype`; data and the others (masks, state) in real numbers."""
    net = backprop_of(network)
    data = np.float64 if np.dtype(dtype).kind in "cO" else dtype
    known = {name: m.array(np.asarray(value, dtype=dtype)) for name, value in params.items()}
    for more in filter(None, others):
        known |= {name: m.array(np.asarray(value, dtype=data)) for name, value in more.items()}
    inputs = m.array(np.asarray(x, dtype=data))
    return Staged(net, m, known, inputs, None if y is None else m.array(net.targets(y, data)))


def _dtype(params: Params) -> Any:
    return np.result_type(*(np.asarray(value).dtype for value in params.values()))


def forward(
    network: Network, params: Params, x: Any, dtype: Any = None, *, state: Params | None = None
) -> Floats:
    """The network's output for rows of samples, outside training."""
    dtype = dtype or _dtype(params)
    return np.asarray(_staged(network, REAL, dtype, params, x, None, state).inferred())


def passed(
    network: Network,
    params: Params,
    x: Any,
    y: Any,
    dtype: Any = None,
    *,
    masks: Params | None = None,
) -> Pass:
    """One forward and backward pass in training, with all its results."""
    return _staged(network, REAL, dtype or _dtype(params), params, x, y, masks).run()


def loss_and_gradients(
    network: Network,
    params: Params,
    x: Any,
    y: Any,
    dtype: Any = None,
    *,
    masks: Params | None = None,
) -> tuple[float, dict[str, Floats]]:
    """The loss and its gradient by every parameter, in the parameters' precision or in `dtype`."""
    result = passed(network, params, x, y, dtype, masks=masks)
    return float(result.loss), result.gradients


def trace(
    network: Network,
    params: Params,
    x: Any,
    y: Any,
    dtype: Any = None,
    *,
    masks: Params | None = None,
) -> dict[str, Floats]:
    """s1, o1, s2, ..., delta1: a layer with linear activation has no o, its o is s."""
    return passed(network, params, x, y, dtype, masks=masks).trace


def loss_value(
    network: Network, params: Params, x: Any, y: Any, *, masks: Params | None = None
) -> Any:
    """The loss in the arithmetic of the parameters: real, complex (complex step) or mpmath."""
    dtype = _dtype(params)
    at = _staged(network, arithmetic_of(np.empty(0, dtype)), dtype, params, x, y, masks)
    return at.net.loss(at.m, at.known, at.net.forward(at.m, at.known, at.x)[0], at.y)


def next_state(
    network: Network,
    params: Params,
    state: Params,
    x: Any,
    dtype: Any = None,
    *,
    masks: Params | None = None,
) -> dict[str, Floats]:
    """The running averages after training on a batch."""
    dtype = dtype or _dtype(params)
    return _staged(network, REAL, dtype, params, x, None, masks, state).next_state()


def next_state_sizes(
    network: Network, params: Params, state: Params, x: Any, *, masks: Params | None = None
) -> dict[str, Floats]:
    """How large the terms are that make the running averages after training on a batch."""
    found = _staged(network, Sizes(), np.float64, params, x, None, masks, state).next_state()
    return {name: value.size for name, value in found.items()}


def precise(values: Floats) -> Array:
    """The same numbers for mpmath, exactly."""
    return PRECISE.array(np.asarray(values))


def sizes(network: Network, params: Params, x: Any, y: Any, *, masks: Params | None = None) -> Pass:
    """The same pass on absolute values: how large the terms are that make each result.

    A right computation in a precision eps is off by a modest multiple of eps times these.
    """
    m = Sizes()
    found = _staged(network, m, np.float64, params, x, y, masks).run()
    size = {name: g.size for name, g in found.gradients.items()}
    named = {name: q.size for name, q in found.trace.items()}
    return Pass(float(found.loss.size), size, found.output.size, named, m.margin)


def inferred_size(
    network: Network, params: Params, x: Any, state: Params | None = None
) -> tuple[Floats, float]:
    """How large the terms are that make the output outside training, and the margin."""
    m = Sizes()
    output = _staged(network, m, np.float64, params, x, None, state).inferred()
    return output.size, m.margin


__all__ = [
    "Backprop",
    "Layer",
    "Pass",
    "Unit",
    "backprop_of",
    "forward",
    "inferred_size",
    "loss_and_gradients",
    "loss_value",
    "next_state",
    "next_state_sizes",
    "passed",
    "precise",
    "sizes",
    "trace",
]
