"""Layers that bring numbers to mean 0 and variance 1: over one sample's, or over the batch's.

    m = mean(x), v = mean((x - m)^2), r = 1/sqrt(v + eps), h = (x - m) r, s = gamma h + beta

With dh = gamma ds, and means over the same entries, m and v being functions of x:

    dx = r (dh - mean(dh) - h mean(dh h))
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

from codegen.referee.arithmetic import Array, Real
from codegen.referee.layers import Known, Layer, Named, Names, Shape
from derive.spec import BatchNorm, LayerNorm


class _Norm(Layer):
    """The statistics over some axes, the gains gamma and beta over others."""

    eps: Fraction
    over: tuple[int, ...]  # the axes of the statistics, the samples being axis 0
    gains: tuple[int, ...]  # the axes of gamma and beta

    def starts(self, names: Names, state: tuple[str, ...] = ()) -> None:
        """The names of the parameters, the state and all quantities."""
        names.next_number()
        shape = tuple(self.shape[axis - 1] for axis in self.gains)
        self.gamma, self.beta = names("gamma"), names("beta")
        self.parameters = {self.gamma: shape, self.beta: shape}
        self.state = {names(letter): shape for letter in state}
        self.m, self.v, self.r, self.h = (names.inner(letter) for letter in "mvrh")
        self.s = names("s")
        self.delta = names.delta()
        self.wide = [size if axis in self.gains else 1 for axis, size in enumerate(self.shape, 1)]

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """s, through m, v, r and h."""
        mean = x.sum(axis=self.over, keepdims=True) / self.entries(x)
        apart = x - mean
        variance = (apart * apart).sum(axis=self.over, keepdims=True) / self.entries(x)
        r = 1 / m.sqrt(variance + m.number(self.eps))
        h = apart * r
        for name, statistic in ((self.m, mean), (self.v, variance), (self.r, r)):
            trace[name] = statistic.reshape(*self.kept(x))
        trace[self.h] = h
        trace[self.s] = s = self.gained(known, h)
        return s, (r, h)

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """dx = r (dh - mean(dh) - h mean(dh h)); dgamma = sum ds h, dbeta = sum ds."""
        r, h = kept
        others = tuple(axis for axis in range(d_s.ndim) if axis not in self.gains)
        gradients = {self.gamma: (d_s * h).sum(axis=others), self.beta: d_s.sum(axis=others)}
        d_h, mean, along = self.ways(known, kept, d_s)
        return r * (d_h - mean - along), gradients

    def ways(self, known: Known, kept: Any, d_s: Array) -> tuple[Array, Array, Array]:
        """dh, mean(dh) and h mean(dh h): what x does by itself, by the mean, by the variance."""
        _, h = kept
        d_h = d_s * known[self.gamma].reshape(1, *self.wide)
        count = self.entries(d_s)
        mean = d_h.sum(axis=self.over, keepdims=True) / count
        along = (d_h * h).sum(axis=self.over, keepdims=True) / count
        return d_h, mean, h * along

    def gained(self, known: Known, h: Array) -> Array:
        """gamma h + beta."""
        gamma, beta = (known[name].reshape(1, *self.wide) for name in (self.gamma, self.beta))
        return gamma * h + beta

    def entries(self, x: Array) -> int:
        """How many entries a mean is taken over."""
        return prod(x.shape[axis] for axis in self.over)

    def kept(self, x: Array) -> Shape:
        """The shape of a statistic."""
        return tuple(size for axis, size in enumerate(x.shape) if axis not in self.over)


class LayerNormLayer(_Norm):
    """Each sample over its last axis, or over all."""

    def __init__(self, spec: LayerNorm, shape: Shape, names: Names) -> None:
        """gamma and beta for every entry of the axes."""
        super().__init__(shape, shape)
        every = tuple(range(1, len(shape) + 1))
        self.over = self.gains = every if spec.axes == "all" else every[-1:]
        self.eps = spec.eps
        self.starts(names)
        self.ends_with(spec.activation, names)


class BatchNormLayer(_Norm):
    """Each unit or channel over all samples (and positions) of a batch.

    Outside training the running averages stand in for mean and variance.
    """

    def __init__(self, spec: BatchNorm, shape: Shape, names: Names) -> None:
        """gamma and beta, running mean and variance, for every unit or channel."""
        super().__init__(shape, shape)
        self.gains = (1,)
        self.over = (0, *range(2, len(shape) + 1))
        self.eps, self.momentum = spec.eps, spec.momentum
        self.starts(names, ("mean", "var"))
        self.ends_with(spec.activation, names)

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """In training as every norm; else h by the running averages."""
        if not inference:
            return super().body(m, known, x, trace, inference)
        mean, variance = (known[name].reshape(1, *self.wide) for name in self.state)
        trace[self.h] = h = (x - mean) / m.sqrt(variance + m.number(self.eps))
        trace[self.s] = s = self.gained(known, h)
        return s, None

    def next_state(self, m: Real, known: Known, trace: Known, samples: int) -> Named:
        """(1 - momentum) old + momentum new, the new variance over count - 1."""
        count = samples * prod(self.shape[1:])
        new = (trace[self.m], trace[self.v] * count / (count - 1))
        keep, take = m.number(1 - self.momentum), m.number(self.momentum)
        return {
            name: keep * known[name] + take * value
            for name, value in zip(self.state, new, strict=True)
        }
