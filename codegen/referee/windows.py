"""Convolution and pooling: one array statement for each place (u, v) in the kernel.

For one place the windows of all positions read the input at p stride + u dilation - padding: a
slice.  Where that leaves the input, the positions p that stay inside are a slice too, so that no
padding is ever stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from codegen.referee.arithmetic import Array, Real
from codegen.referee.layers import Known, Layer, Named, Names, Shape, bias_of, weights_of
from derive.spec import AvgPool, Conv, MaxPool

Slices = tuple[slice, ...]
ALL = slice(None)


@dataclass(frozen=True)
class Tap:
    """One place in the kernel: the positions at which it is inside the input, and what it reads."""

    place: Shape
    outs: Slices
    ins: Slices


@dataclass(frozen=True)
class Axis:
    """Windows along one axis."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    behind: int

    @property
    def positions(self) -> int:
        """How many windows fit."""
        reach = self.dilation * (self.kernel - 1) + 1
        return (self.size + self.before + self.behind - reach) // self.stride + 1

    def taps(self) -> list[tuple[int, slice, slice]]:
        """Place, positions and input of each place that is inside the input anywhere."""
        found = []
        for place in range(self.kernel):
            first = place * self.dilation - self.before
            inside = [p for p in range(self.positions) if 0 <= first + p * self.stride < self.size]
            if inside:
                low, high = inside[0], inside[-1] + 1
                start, stop = (first + p * self.stride for p in (low, high - 1))
                ins = slice(start, stop + 1, self.stride)
                found.append((place, slice(low, high), ins))
        return found


def taps_of(axes: Sequence[Axis]) -> list[Tap]:
    """The places in a kernel of any rank, in row-major order."""
    return [
        Tap(*(tuple(part) for part in zip(*choice, strict=True)))
        for choice in product(*(axis.taps() for axis in axes))
    ]


class ConvLayer(Layer):
    """s[c,p,q] = sum_kuv W[c,k,u,v] x[k, p + u, q + v] + b[c], with stride, dilation and padding.

    x: (samples, in, *size), W: (out, in, *kernel), s, o and delta: (samples, out, *positions).
    """

    def __init__(self, spec: Conv, shape: Shape, names: Names) -> None:
        """W and, unless it is absent, b."""
        pads = (0,) * len(spec.kernel) if spec.padding == "same" else spec.padding
        axes = []
        for size, kernel, stride, dilation, pad in zip(
            shape[1:], spec.kernel, spec.stride, spec.dilation, pads, strict=True
        ):
            spread = dilation * (kernel - 1)
            same = (spread // 2, spread - spread // 2)
            around = same if spec.padding == "same" else (pad, pad)
            axes.append(Axis(size, kernel, stride, dilation, *around))
        channels = int(spec.channels)
        super().__init__(shape, (channels, *(axis.positions for axis in axes)))
        names.next_number()
        filters = (channels, shape[0], *spec.kernel)
        self.w, self.parameters = weights_of(names, filters, (channels,), spec.bias)
        self.b, self.sign = bias_of(self.parameters, spec.bias)
        self.weights = (self.w,)
        self.s, self.delta = names("s"), names.delta()
        self.ends_with(spec.activation, names)
        self.taps = taps_of(axes)
        self.work = prod(filters) * prod(self.out[1:])

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """s, the channels last while it is added up."""
        w = known[self.w]
        s = m.zeros((x.shape[0], *self.out[1:], self.out[0]), x)
        for tap in self.taps:
            lengths = tuple(at.stop - at.start for at in tap.outs)
            part = _rows(x[(ALL, ALL, *tap.ins)]) @ w[(ALL, ALL, *tap.place)].T
            s[(ALL, *tap.outs)] += part.reshape(-1, *lengths, self.out[0])
        s = _channels_first(s)
        if self.b is not None:
            b = known[self.b].reshape(-1, *(1 for _ in self.out[1:]))
            s = s + b if self.sign > 0 else s - b
        trace[self.s] = s
        return s, x

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """The slopes of the parameters; each delta goes back to where x was read."""
        w, d_x = known[self.w], m.zeros(kept.shape, kept)
        for tap in self.taps:
            lengths = tuple(at.stop - at.start for at in tap.outs)
            delta = _rows(d_s[(ALL, ALL, *tap.outs)])
            part = (delta @ w[(ALL, ALL, *tap.place)]).reshape(-1, *lengths, self.shape[0])
            d_x[(ALL, ALL, *tap.ins)] += _channels_first(part)
        return d_x, self.parameter_slopes(m, known, kept, d_s, trace)

    def parameter_slopes(self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Named:
        """dW[c,k,u,v] = sum delta[c,p,q] x[k,p+u,q+v]."""
        d_w = m.zeros(self.parameters[self.w], known[self.w])
        for tap in self.taps:
            delta = _rows(d_s[(ALL, ALL, *tap.outs)])
            d_w[(ALL, ALL, *tap.place)] = delta.T @ _rows(kept[(ALL, ALL, *tap.ins)])
        gradients = {self.w: d_w}
        if self.b is not None:
            total = d_s.sum(axis=(0, *range(2, d_s.ndim)))
            gradients[self.b] = total if self.sign > 0 else -total
        return gradients


class PoolLayer(Layer):
    """Windows of one channel; the channels stay apart."""

    def __init__(self, spec: MaxPool | AvgPool, shape: Shape, names: Names) -> None:
        """The windows along every axis."""
        axes = [
            Axis(size, kernel, stride, 1, pad, pad)
            for size, kernel, stride, pad in zip(
                shape[1:], spec.kernel, spec.stride, spec.padding, strict=True
            )
        ]
        super().__init__(shape, (shape[0], *(axis.positions for axis in axes)))
        self.g = names.inner("g")
        self.ends_with(spec.activation, names)
        self.taps, self.entries = taps_of(axes), prod(spec.kernel)
        self.work = self.entries * prod(self.out)


class MaxPoolLayer(PoolLayer):
    """g[c,p,q] = max_uv x[c, p stride + u, q stride + v]; the first in row-major order counts."""

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """The largest entry of each window, and the number of its place in the kernel."""
        best = m.zeros((x.shape[0], *self.out), x)
        chosen = np.full(best.shape, -1)
        for number, tap in enumerate(self.taps):
            outs = (ALL, ALL, *tap.outs)
            entry, first = x[(ALL, ALL, *tap.ins)], chosen[outs] < 0
            beats = first | m.greater(entry, m.pick(first, entry, best[outs]))
            best[outs] = m.pick(beats, entry, best[outs])
            chosen[outs] = np.where(beats, number, chosen[outs])
        trace[self.g] = best
        return best, chosen

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """The whole slope goes to the entry that was chosen."""
        d_x = m.zeros((d_s.shape[0], *self.shape), d_s)
        for number, tap in enumerate(self.taps):
            outs = (ALL, ALL, *tap.outs)
            part = m.pick(kept[outs] == number, d_s[outs], 0)
            d_x[(ALL, ALL, *tap.ins)] += part
        return d_x, {}


class AvgPoolLayer(PoolLayer):
    """g[c,p,q] = mean_uv x[c, p stride + u, q stride + v]; zeros around x count."""

    def body(
        self, m: Real, known: Known, x: Array, trace: Named, inference: bool
    ) -> tuple[Array, Any]:
        """The mean of each window."""
        total = m.zeros((x.shape[0], *self.out), x)
        for tap in self.taps:
            total[(ALL, ALL, *tap.outs)] += x[(ALL, ALL, *tap.ins)]
        trace[self.g] = g = total / self.entries
        return g, None

    def back(
        self, m: Real, known: Known, kept: Any, d_s: Array, trace: Named
    ) -> tuple[Array, Named]:
        """Every entry of a window gets the same part of the slope."""
        d_x, share = m.zeros((d_s.shape[0], *self.shape), d_s), d_s / self.entries
        for tap in self.taps:
            d_x[(ALL, ALL, *tap.ins)] += share[(ALL, ALL, *tap.outs)]
        return d_x, {}


def _rows(x: Array) -> Array:
    """(samples, channels, *space) as rows of channels."""
    return x.transpose(0, *range(2, x.ndim), 1).reshape(-1, x.shape[1])


def _channels_first(x: Array) -> Array:
    """(samples, *space, channels) as (samples, channels, *space)."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))
