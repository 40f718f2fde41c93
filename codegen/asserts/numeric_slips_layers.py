"""Slips inside the layers and the loss of a backward pass, as edits of the generic backprop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from codegen.asserts.numeric_slips import Case, NumericSlip
from codegen.backprop import Backprop
from codegen.referee.arithmetic import Array, Real
from codegen.referee.chain import ResidualLayer
from codegen.referee.layers import DenseLayer, Known, Layer, Named
from codegen.referee.norms import BatchNormLayer, LayerNormLayer
from codegen.referee.textbook import Identity, Objective, Softmax, Unit
from codegen.referee.windows import ConvLayer

Pull = Callable[[Unit, Real, Array, Array, Array], Array]
Back = Callable[..., tuple[Array, Named]]


# ------------------------------------------------------------------------------------- activations


@dataclass(frozen=True)
class _Pulled:
    """An activation with another way back."""

    unit: Unit
    how: Pull

    def value(self, m: Real, s: Array) -> Array:
        """As before."""
        return self.unit.value(m, s)

    def pull(self, m: Real, s: Array, o: Array, d_o: Array) -> Array:
        """With the slip."""
        return self.how(self.unit, m, s, o, d_o)


def _missing(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return d_o


def _twice(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return u.pull(m, s, o, u.pull(m, s, o, d_o))


def _at_output(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return u.pull(m, o, u.value(m, o), d_o)


def _form_of_output(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return u.pull(m, s, s, d_o)


def _value(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return d_o * o


def _rectified(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return u.pull(m, s, o, d_o) * (s > 0)


def _negative(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return -u.pull(m, s, o, d_o)


def _divided(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    slope = u.pull(m, s, o, np.ones_like(d_o))
    return d_o / np.where(slope == 0, 1, slope)


def _diagonal(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    """Only do_k/ds_k: every output alone, and of what it gives only its own entry."""
    each = np.eye(o.shape[-1])
    return sum(u.pull(m, s, o, d_o * only) * only for only in each)


def _extra_diagonal(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return _diagonal(u, m, s, o, u.pull(m, s, o, d_o))


def _only_products(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return d_o * o


_POINTWISE: tuple[tuple[str, str, Pull], ...] = (
    ("slope", "the slope of the activation of {layer} is missing", _missing),
    ("slope", "the slope of the activation of {layer} stands twice", _twice),
    ("slope", "the slope of the activation of {layer} is taken at the output o, not at s",
     _at_output),
    ("slope", "the slope of the activation of {layer}, which is written in the output o, is taken"
     " at s", _form_of_output),
    ("slope", "the activation of {layer} itself stands in place of its slope", _value),
    ("slope", "the slope of the activation of {layer} is 0 where s is negative", _rectified),
    ("sign", "the slope of the activation of {layer} has the wrong sign", _negative),
    ("slope", "the slope of the activation of {layer} divides in place of multiplying", _divided),
)  # fmt: skip
_SOFTMAX: tuple[tuple[str, str, Pull], ...] = (
    ("jacobian", "the Jacobian of the softmax of {layer} is reduced to its diagonal", _diagonal),
    ("slope", "the Jacobian of the softmax of {layer} is missing", _missing),
    ("slope", "the error of {layer} is multiplied by o (1 - o) once more", _extra_diagonal),
    ("term", "of the softmax of {layer} only o dL/do is left", _only_products),
    ("sign", "the slope of the softmax of {layer} has the wrong sign", _negative),
)


def activations(net: Backprop) -> Iterator[NumericSlip]:
    """The slope of every activation."""
    for k, layer in enumerate(net.layers):
        unit = getattr(layer, "unit", None)
        if unit is None or isinstance(unit, Identity):
            continue
        for kind, words, how in _SOFTMAX if isinstance(unit, Softmax) else _POINTWISE:
            said = words.format(layer=_called(layer))

            def edit(made: Backprop, k: int = k, how: Pull = how) -> None:
                made.layers[k].unit = _Pulled(made.layers[k].unit, how)

            yield NumericSlip(kind, said, edit)


# -------------------------------------------------------------------------------------------- loss


@dataclass(frozen=True)
class _Sloped:
    """A loss with another slope."""

    objective: Objective
    how: Callable[[Objective, Real, Array, Array], Array]

    def value(self, m: Real, o: Array, y: Array) -> Array:
        """As before."""
        return self.objective.value(m, o, y)

    def slope(self, m: Real, o: Array, y: Array) -> Array:
        """With the slip."""
        return self.how(self.objective, m, o, y)


def losses(net: Backprop) -> Iterator[NumericSlip]:
    """The slope of the loss by the output."""
    count = int(np.prod(net.output_shape))
    ways: list[tuple[str, str, Callable[[Objective, Real, Array, Array], Array]]] = [
        ("sign", "dL/do has the wrong sign", lambda f, m, o, y: -f.slope(m, o, y)),
        ("factor", "dL/do has a factor 2 too much", lambda f, m, o, y: 2 * f.slope(m, o, y)),
        ("factor", "the factor 2 of dL/do is missing", lambda f, m, o, y: f.slope(m, o, y) / 2),
        ("variable", "output and target are exchanged in dL/do",
         lambda f, m, o, y: f.slope(m, y, o)),
        ("variable", "the output stands for dL/do", lambda f, m, o, y: o),
        ("variable", "o - y stands for dL/do", lambda f, m, o, y: o - y),
        ("variable", "the target stands for the output", lambda f, m, o, y: y),
    ]  # fmt: skip
    if count > 1:
        ways += [
            ("factor", "dL/do is divided by the number of outputs",
             lambda f, m, o, y: f.slope(m, o, y) / count),
            ("factor", "dL/do is not divided by the number of outputs",
             lambda f, m, o, y: f.slope(m, o, y) * count),
        ]  # fmt: skip
    for kind, words, how in ways:

        def edit(made: Backprop, how: Any = how) -> None:
            made.objective = _Sloped(made.objective, how)

        yield NumericSlip(kind, words, edit)


# ------------------------------------------------------------------------------------------ layers


def layers(net: Backprop, case: Case) -> Iterator[NumericSlip]:
    """What a layer does with its delta."""
    for k, layer in enumerate(net.layers):
        called = _called(layer)
        below = f"what {called} hands on to its input"
        for factor, kind, words in (
            (-1, "sign", "has the wrong sign"),
            (0, "term", "is missing"),
        ):
            yield _back(k, kind, f"{below} {words}", _scaled_input(factor))
        if isinstance(layer, DenseLayer | ConvLayer):
            yield from _weights(net, case, k)
        if isinstance(layer, DenseLayer):
            yield from _products(case, k, layer)
        if isinstance(layer, LayerNormLayer | BatchNormLayer):
            yield from _norms(k, called)
        if isinstance(layer, ResidualLayer):
            words = f"the way past the inner layers of {called} is forgotten"
            yield _back(k, "term", words, _without_skip)


def _without_skip(own: Back, *args: Any) -> tuple[Array, Named]:
    d_x, gradients = own(*args)
    return d_x - args[3], gradients  # args[3] is delta, which the skip hands on


def _scaled_input(factor: float) -> Back:
    def back(own: Back, *args: Any) -> tuple[Array, Named]:
        d_x, gradients = own(*args)
        return factor * d_x, gradients

    return back


def _weights(net: Backprop, case: Case, k: int) -> Iterator[NumericSlip]:
    """Other weights on the way back, and other deltas in the gradients."""
    layer = net.layers[k]
    assert isinstance(layer, DenseLayer | ConvLayer)
    w = layer.w
    own = case.params[w]
    for other, value in case.params.items():
        if value.ndim != own.ndim:
            continue
        if other != w and value.shape == own.shape:
            words = f"the weights {other} stand for {w} on the way back"
            yield _back(k, "layer", words, _with_weights(w, other))
        if value.ndim == 2 and value.T.shape == own.shape:
            turned = f"{other} stands" if other == w else f"the transpose of {other} stands"
            words = f"{turned} for {w}{'^T' if other == w else ''} on the way back"
            kind = "transpose" if other == w else "layer"
            yield _back(k, kind, words, _with_weights(w, other, np.transpose))
    if own.ndim > 2:
        axes = tuple(range(2, own.ndim))
        words = f"the kernel {w} is turned round on the way back"
        yield _back(k, "index", words, _with_weights(w, w, partial(np.flip, axis=axes)))
    shape = case.trace.get(layer.delta or "", np.empty(0)).shape
    for name, value in case.trace.items():
        if value.shape == shape and name != layer.delta and name.startswith("delta"):
            words = f"{name} stands for {layer.delta} in the gradients of {_called(layer)}"
            yield _back(k, "layer", words, _with_delta(name))


def _products(case: Case, k: int, layer: DenseLayer) -> Iterator[NumericSlip]:
    """Other factors in delta x^T, and the bias."""
    for name, value in case.trace.items():
        if value.shape == (case.samples, *layer.shape):
            words = f"{name} stands for the input of {_called(layer)} in the gradient of {layer.w}"
            yield _back(k, "variable", words, _with_input(layer.w, name))
    if layer.b is not None:
        b = layer.b

        def turned(own: Back, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Any:
            d_x, gradients = own(m, known, kept, d_s, trace)
            return d_x, {**gradients, b: d_s.sum(axis=1)}

        if case.samples == case.params[b].size:
            words = f"the gradient of {b} is summed over the units, not over the samples"
            yield _back(k, "sum", words, turned)


def _norms(k: int, called: str) -> Iterator[NumericSlip]:
    for words, mean_in, variance_in in (
        (f"mean and variance of {called} are held constant", False, False),
        (f"the variance of {called} is held constant", True, False),
        (f"the mean of {called} is held constant", False, True),
    ):

        def edit(net: Backprop, k: int = k, a: bool = mean_in, b: bool = variance_in) -> None:
            layer = net.layers[k]
            assert isinstance(layer, LayerNormLayer | BatchNormLayer)
            own = layer.back

            def back(m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Any:
                d_h, mean, along = layer.ways(known, kept, d_s)
                d_x = kept[0] * (d_h - (mean if a else 0) - (along if b else 0))
                return d_x, own(m, known, kept, d_s, trace)[1]

            vars(layer)["back"] = back

        yield NumericSlip("term", words, edit)


# ------------------------------------------------------------------------------------------- edits


def _back(k: int, kind: str, words: str, how: Back) -> NumericSlip:
    """A layer with another way back; `how` is given the right one first."""

    def edit(net: Backprop) -> None:
        layer = net.layers[k]
        own = layer.back
        vars(layer)["back"] = lambda *args: how(own, *args)

    return NumericSlip(kind, words, edit)


def _with_weights(w: str, other: str, change: Callable[[Array], Array] = np.asarray) -> Back:
    """dL/dx by other weights; the gradients stay."""

    def back(own: Back, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Any:
        d_x, _ = own(m, {**known, w: change(known[other])}, kept, d_s, trace)
        return d_x, own(m, known, kept, d_s, trace)[1]

    return back


def _with_delta(name: str) -> Back:
    """The gradients by another delta; deltas of the layers below are not known yet."""

    def back(own: Back, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Any:
        d_x, gradients = own(m, known, kept, d_s, trace)
        if name in trace:
            gradients = own(m, known, kept, trace[name], trace)[1]
        return d_x, gradients

    return back


def _with_input(w: str, name: str) -> Back:
    """The gradient of the weights by another array than the input."""

    def back(own: Back, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Any:
        d_x, gradients = own(m, known, kept, d_s, trace)
        return d_x, {**gradients, w: trace[name].T @ d_s}

    return back


def _called(layer: Layer) -> str:
    """A layer by the number of its quantities."""
    names = [*layer.parameters, *(n for n in vars(layer).values() if isinstance(n, str))]
    numbers = [
        name.lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") for name in names
    ]
    number = next((n for n in numbers if n.isdigit()), "")
    kind = type(layer).__name__.removesuffix("Layer")
    return f"layer {number}" if kind in ("Dense", "Conv") else f"the {kind.lower()} layer {number}"
