"""What each kind of layer IS: its forward equations in index notation, and nothing else.

A kind is a function from the layer's options and the shape of its input to a `Recipe`, whose
equations are read by the reader of a user's own layers.  x is the input; the last left side is the
output.  Adding a kind means adding its recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from math import prod

from derive.algebra.terms import Extent
from derive.errors import NotYet, rational_text
from derive.network.layers import (
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Equations,
    Flatten,
    LayerNorm,
    MaxPool,
)
from derive.network.shapes import Shape, pads, positions


@dataclass(frozen=True)
class Recipe:
    """Equations over named indices; parameters and masks by the indices of their axes."""

    indices: Mapping[str, Extent]
    equations: tuple[str, ...]
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    masks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    padded: frozenset[str] = frozenset()
    lowest: bool = False  # reading outside gives -inf instead of 0, under a maximum
    across_samples: bool = False  # the equations name the sample index n themselves
    state: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kept between batches
    updates: Mapping[str, str] = field(default_factory=dict)  # "next[...] = ..." for each state
    inference: tuple[str, ...] = ()  # in place of the equations, outside training
    ones: frozenset[str] = frozenset()  # parameters and state that start at 1, others at 0
    flat: bool = False  # the output lists all entries of the input in row-major order


@singledispatch
def recipe(layer: object, shape: Shape) -> Recipe:
    """The equations of a layer for an input of that shape."""
    raise NotYet(f"no equations for the layer kind {type(layer).__name__}; add them in kinds.py")


@recipe.register
def _dense(layer: Dense, shape: Shape) -> Recipe:
    """A weighted sum for every unit; a threshold is the weight of a fixed input -1."""
    bias = {"added": " + b[j]", "threshold": " - b[j]", "absent": ""}[layer.bias]
    weights = {"W": ("i", "j"), "b": ("j",)}
    if not bias:
        weights.pop("b")
    indices = {"i": shape[-1], "j": layer.units}
    return Recipe(indices, (f"s[j] = Sum(W[i,j]*x[i], i){bias}",), weights)


@recipe.register
def _conv(layer: Conv, shape: Shape) -> Recipe:
    """A correlation of the padded input with each channel's kernel."""
    axes = [_Window(*names) for names in ("pu", "qv")[: len(shape) - 1]]
    before = [front for front, _ in pads(layer)]
    places = [
        axis.place(stride, dilation, pad)
        for axis, stride, dilation, pad in zip(
            axes, layer.stride, layer.dilation, before, strict=True
        )
    ]
    outs, kernels = [a.out for a in axes], [a.tap for a in axes]
    weights = {"W": ("c", "k", *kernels), "b": ("c",)}
    bias = {"added": " + b[c]", "threshold": " - b[c]", "absent": ""}[layer.bias]
    if not bias:
        weights.pop("b")
    indices: dict[str, Extent] = {"c": layer.channels, "k": shape[0]}
    indices.update(zip(kernels, layer.kernel, strict=True))
    indices.update(zip(outs, positions(layer, shape), strict=True))
    product = f"W[c,k,{','.join(kernels)}]*x[k,{','.join(places)}]"
    text = f"s[c,{','.join(outs)}] = Sum({product}, k, {', '.join(kernels)}){bias}"
    return Recipe(indices, (text,), weights, padded=frozenset("x"))


@recipe.register
def _max_pool(layer: MaxPool, shape: Shape) -> Recipe:
    """The largest entry of each window, the first in row-major order at a tie."""
    indices, outs, taps, places = _pooling(layer, shape)
    text = f"g[c,{outs}] = Max(x[c,{places}], {taps})"
    return Recipe(indices, (text,), padded=frozenset("x"), lowest=True)


@recipe.register
def _avg_pool(layer: AvgPool, shape: Shape) -> Recipe:
    """The mean of each window, padding included."""
    indices, outs, taps, places = _pooling(layer, shape)
    text = f"g[c,{outs}] = Sum(x[c,{places}], {taps})/{prod(layer.kernel)}"
    return Recipe(indices, (text,), padded=frozenset("x"))


@recipe.register
def _flatten(layer: Flatten, shape: Shape) -> Recipe:
    """The same entries in one row."""
    names = "cpqrt"[: len(shape)]
    at = ",".join(names)
    return Recipe(dict(zip(names, shape, strict=True)), (f"f[{at}] = x[{at}]",), flat=True)


@recipe.register
def _layer_norm(layer: LayerNorm, shape: Shape) -> Recipe:
    """Mean, variance, r = 1/sqrt(v + eps), then scale and shift entry by entry."""
    names = "i" if len(shape) == 1 else "tcpqr"[: len(shape)]
    over = list(names) if layer.axes == "all" else [names[-1]]
    kept = [n for n in names if n not in over]
    gains = {"gamma": tuple(over), "beta": tuple(over)}
    one = _standardised(names, kept, over, over, rational_text(layer.eps))
    return Recipe(dict(zip(names, shape, strict=True)), one, gains, ones=frozenset({"gamma"}))


@recipe.register
def _batch_norm(layer: BatchNorm, shape: Shape) -> Recipe:
    """The same over the samples (and positions) of each unit or channel.

    Running averages of mean and (unbiased) variance stand in for them outside training.
    """
    names = ["n", "j"] if len(shape) == 1 else ["n", "c", *"pq"[: len(shape) - 1]]
    unit = names[1]
    over = [n for n in names if n != unit]
    gains, state = (dict.fromkeys(pair, (unit,)) for pair in (("gamma", "beta"), ("mean", "var")))
    eps, keep = rational_text(layer.eps), rational_text(1 - layer.momentum)
    momentum, count = rational_text(layer.momentum), "*".join(f"size({n})" for n in over)
    body = _standardised("".join(names), [unit], over, [unit], eps)
    at = ",".join(names)
    unbiased = f"v[{unit}]*({count})/({count} - 1)"
    return Recipe(
        dict(zip(names[1:], shape, strict=True)),
        body,
        gains,
        across_samples=True,
        state=state,
        updates={
            "mean": f"next[{unit}] = {keep}*mean[{unit}] + {momentum}*m[{unit}]",
            "var": f"next[{unit}] = {keep}*var[{unit}] + {momentum}*{unbiased}",
        },
        ones=frozenset({"gamma", "var"}),
        inference=(f"h[{at}] = (x[{at}] - mean[{unit}])/sqrt(var[{unit}] + {eps})", body[-1]),
    )


@recipe.register
def _dropout(layer: Dropout, shape: Shape) -> Recipe:
    """Each entry times a mask: 0, or 1/(1 - rate) where the entry is kept."""
    names = "ipqrt"[: len(shape)]
    at = ",".join(names)
    return Recipe(
        dict(zip(names, shape, strict=True)),
        (f"d[{at}] = mask[{at}]*x[{at}]",),
        masks={"mask": tuple(names)},
        inference=(f"d[{at}] = x[{at}]",),
    )


@recipe.register
def _equations(layer: Equations, shape: Shape) -> Recipe:
    """A user's own layer, as written."""
    return Recipe(
        dict(layer.indices), layer.forward, dict(layer.parameters), padded=frozenset(layer.padded)
    )


def residual(shape: Shape) -> Recipe:
    """The sum of the input x and of what the inner layers h make of it."""
    names = "ipqrt"[: len(shape)]
    at = ",".join(names)
    return Recipe(dict(zip(names, shape, strict=True)), (f"u[{at}] = x[{at}] + h[{at}]",))


# ------------------------------------------------------------------ windows and means


@dataclass(frozen=True)
class _Window:
    """The index of a window's position and of a tap in it."""

    out: str
    tap: str

    def place(self, stride: int, dilation: int, padding: int) -> str:
        """The place of the input that a tap reads."""
        text = f"{stride}*{self.out} + {dilation}*{self.tap}"
        return text + (f" - {padding}" if padding else "")


def _pooling(layer: MaxPool | AvgPool, shape: Shape) -> tuple[dict[str, Extent], str, str, str]:
    axes = [_Window(*names) for names in ("pu", "qv")[: len(shape) - 1]]
    indices: dict[str, Extent] = {"c": shape[0]}
    places = []
    for axis, many, k, s, p in zip(
        axes, positions(layer, shape), layer.kernel, layer.stride, layer.padding, strict=True
    ):
        indices[axis.tap] = k
        indices[axis.out] = many
        places.append(axis.place(s, 1, p))
    outs, taps = ",".join(a.out for a in axes), ", ".join(a.tap for a in axes)
    return indices, outs, taps, ",".join(places)


def _standardised(
    names: str, kept: list[str], over: list[str], gains: list[str], eps: str
) -> tuple[str, ...]:
    """m, v, r, h and the output s of a norm over the indices `over`."""
    at, of, gain = ",".join(names), ",".join(kept), ",".join(gains)
    stat = f"[{of}]" if of else ""
    bound, count = ", ".join(over), "*".join(f"size({n})" for n in over)
    return (
        f"m{stat} = Sum(x[{at}], {bound})/({count})",
        f"v{stat} = Sum((x[{at}] - m{stat})**2, {bound})/({count})",
        f"r{stat} = 1/sqrt(v{stat} + {eps})",
        f"h[{at}] = (x[{at}] - m{stat})*r{stat}",
        f"s[{at}] = gamma[{gain}]*h[{at}] + beta[{gain}]",
    )
