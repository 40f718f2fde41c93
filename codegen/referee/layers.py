"""What the layers of the generic backprop share, and the layers without windows and statistics.

A layer is s = body(x), o = f(s).  Its backward pass takes dL/do to delta = dL/ds through f, and
delta to dL/dx and to the sum over the samples of dL/d(parameter); L is the sum of the samples'
losses, so that this holds also where samples meet (batch_norm).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import chain, count
from math import prod
from typing import Any

from codegen.referee.arithmetic import Array, Real
from codegen.referee.textbook import FormulaUnit, unit_of
from derive.spec import Activation, Dense, Dropout, Flatten

Known = Mapping[str, Array]  # parameters, masks and state by name
Named = dict[str, Array]
Shape = tuple[int, ...]


class Names:
    """Names of quantities: a letter and the number of the layer.

    Layers with parameters are numbered 1, 2, ...; a layer without belongs to the number before it.
    With h, dh is taken too: so the slope by h is called; delta is the slope by the pre-activation.
    Where a letter is taken, a quantity inside a layer gets one of `OTHERS`; else it is doubled.
    """

    OTHERS = "uvcgrpqt"

    def __init__(self) -> None:
        """Before the first layer."""
        self.number = 0
        self._taken: set[tuple[str, int]] = set()

    def next_number(self) -> None:
        """The next layer has parameters."""
        self.number += 1

    def __call__(self, letter: str) -> str:
        """A free name for a quantity of that letter."""
        return self._first(letter, "")

    def inner(self, letter: str) -> str:
        """A free name for a quantity inside a layer that is not one of index equations."""
        return self._first(letter, self.OTHERS)

    def _first(self, letter: str, others: str) -> str:
        for name in chain((letter,), others, (letter + letter[0] * k for k in count(1))):
            both = (name, self.number), (f"d{name}", self.number)
            if "delta" not in (name, f"d{name}") and self._taken.isdisjoint(both):
                self._taken.update(both)
                return f"{name}{self.number}"
        raise AssertionError("one of the doubled letters is free")

    def delta(self) -> str | None:
        """The name of dL/ds; a number has one, that of its first layer with a pre-activation."""
        if ("delta", self.number) in self._taken:
            return None
        self._taken.add(("delta", self.number))
        return f"delta{self.number}"


class Layer:
    """One layer for samples of the shape `shape`, with the output shape `out`.

    Subclasses fill in the attributes that do not fit and write `body` and `back`.
    """

    weights: tuple[str, ...] = ()  # the parameters that weight decay shrinks
    delta: str | None = None

    def __init__(self, shape: Shape, out: Shape) -> None:
        """No parameters, no masks, no state."""
        self.shape, self.out = shape, out
        self.parameters: dict[str, Shape] = {}
        self.masks: dict[str, tuple[Shape, Fraction]] = {}  # with the rate of dropout
        self.state: dict[str, Shape] = {}
        self.work = prod(out)  # multiplications for one sample, roughly

    @property
    def trained(self) -> bool:
        """Whether the layer has parameters."""
        return bool(self.parameters)

    def ends_with(self, activation: Activation, names: Names) -> None:
        """The activation o = f(s); a linear one has no o of its own."""
        self.unit = unit_of(activation)
        linear = activation.name == "linear" or (activation.formula or "").strip() == "s"
        self.o = None if linear else names.inner("o")

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """The pre-activation s, and what the backward pass needs; quantities into the trace."""
        raise NotImplementedError(type(self).__name__)

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """dL/dx sample by sample, and dL/d(parameter)."""
        raise NotImplementedError(type(self).__name__)

    def forward(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool = False
    ) -> tuple[Array, Any]:
        """The output, and what the backward pass needs."""
        s, kept = self.body(m, known, x, trace, inference)
        o = self.unit.value(m, s)
        same = isinstance(self.unit, FormulaUnit) and (m.real(o) == m.real(s)).all()
        if self.o is not None and not same:  # a formula such as -(-s) has no o either
            trace[self.o] = o
        return o, (kept, s, o)

    def parameter_slopes(self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Named:
        """dL/d(parameter) alone; layers whose dL/dx costs more than that leave it out."""
        return self.back(m, known, kept, d_s, trace)[1]

    def backward(
        self, m: Real, known: Known, kept: Any, d_o: Array, trace: Named
    ) -> tuple[Array, Named]:
        """dL/dx sample by sample, and dL/d(parameter), from dL/do."""
        return self.back(m, known, kept[0], self._delta(m, kept, d_o, trace), trace)

    def backward_first(self, m: Real, known: Known, kept: Any, d_o: Array, trace: Named) -> Named:
        """dL/d(parameter) from dL/do, for a layer that reads the data: nobody needs dL/dx."""
        return self.parameter_slopes(m, known, kept[0], self._delta(m, kept, d_o, trace), trace)

    def _delta(self, m: Real, kept: Any, d_o: Array, trace: Named) -> Array:
        """dL/ds from dL/do."""
        _, s, o = kept
        d_s = self.unit.pull(m, s, o, d_o)
        if self.delta is not None:
            trace[self.delta] = d_s
        return d_s

    def next_state(self, m: Real, known: Known, trace: Known, samples: int) -> Named:
        """The state after a training batch, from the state before it and the batch's trace."""
        return {}


class DenseLayer(Layer):
    """s_j = sum_i W_ij x_i + b_j (or no b, or - b_j).

    x: (samples, in), W: (in, out), b: (out,), s, o and delta: (samples, out).
    """

    def __init__(self, spec: Dense, shape: Shape, names: Names) -> None:
        """W and, unless it is absent, b."""
        super().__init__(shape, (int(spec.units),))
        names.next_number()
        self.w, self.parameters = weights_of(names, (*shape, *self.out), self.out, spec.bias)
        self.b, self.sign = bias_of(self.parameters, spec.bias)
        self.weights = (self.w,)
        self.s, self.delta = names("s"), names.delta()
        self.ends_with(spec.activation, names)
        self.work = prod(self.parameters[self.w])

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """s = x W + b."""
        s = x @ known[self.w]
        if self.b is not None:
            s = s + known[self.b] if self.sign > 0 else s - known[self.b]
        trace[self.s] = s
        return s, x

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """dL/dW, dL/db and dL/dx = delta W^T."""
        gradients = self.parameter_slopes(m, known, kept, d_s, trace)
        return d_s @ known[self.w].T, gradients

    def parameter_slopes(self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Named:
        """dL/dW = x^T delta, dL/db = (-) sum_n delta."""
        gradients = {self.w: kept.T @ d_s}
        if self.b is not None:
            total = d_s.sum(axis=0)
            gradients[self.b] = total if self.sign > 0 else -total
        return gradients


class FlattenLayer(Layer):
    """f lists the entries of x in row-major order."""

    def __init__(self, spec: Flatten, shape: Shape, names: Names) -> None:
        """One row of all entries."""
        super().__init__(shape, (prod(shape),))
        self.f = names.inner("f")
        self.ends_with(spec.activation, names)

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """f."""
        trace[self.f] = f = x.reshape(x.shape[0], *self.out)
        return f, None

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """The slopes in the shape of x."""
        return d_s.reshape(d_s.shape[0], *self.shape), {}


class DropoutLayer(Layer):
    """d = mask x, entry by entry; the mask is 0, or 1/(1 - rate) where the entry is kept.

    Without a mask, and outside training, d = x.
    """

    def __init__(self, spec: Dropout, shape: Shape, names: Names) -> None:
        """One mask entry for every entry of x."""
        super().__init__(shape, shape)
        self.mask = names("mask")
        self.masks = {self.mask: (shape, spec.rate)}
        self.d = names.inner("d")
        self.ends_with(spec.activation, names)

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """d."""
        mask = None if inference else known.get(self.mask)
        trace[self.d] = d = x if mask is None else mask * x
        return d, mask

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """dL/dx = mask dL/dd."""
        return d_s if kept is None else kept * d_s, {}


def weights_of(
    names: Names, shape: Shape, bias_shape: Shape, bias: str
) -> tuple[str, dict[str, Shape]]:
    """The name of W, and the shapes of W and, unless it is absent, b."""
    w = names("W")
    return w, {w: shape} if bias == "absent" else {w: shape, names("b"): bias_shape}


def bias_of(parameters: Mapping[str, Shape], bias: str) -> tuple[str | None, int]:
    """The name of b, if there is one, and its sign in s."""
    return (None if bias == "absent" else [*parameters][1]), (-1 if bias == "threshold" else 1)
