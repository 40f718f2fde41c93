"""Slips inside the layers and the loss of a backward pass, as edits of the generic backprop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from codegen.asserts.numeric_slips import Case, NumericSlip
from codegen.asserts.slope_slips import called
from codegen.backprop import Backprop
from codegen.referee.arithmetic import Array, Real
from codegen.referee.chain import ResidualLayer
from codegen.referee.layers import DenseLayer, Known, Named
from codegen.referee.norms import BatchNormLayer, LayerNormLayer
from codegen.referee.textbook import (
    Objective,
)
from codegen.referee.windows import ConvLayer

Back = Callable[..., tuple[Array, Named]]


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
        name = called(layer)
        below = f"what {name} hands on to its input"
        for factor, kind, words in (
            (-1, "sign", "has the wrong sign"),
            (0, "term", "is missing"),
        ):
            yield _back(k, kind, f"{below} {words}", _scaled_input(factor))
        if isinstance(layer, DenseLayer | ConvLayer):
            yield from _weights(net, case, k)
        if isinstance(layer, DenseLayer):
            yield from _products(case, k, layer)
        if isinstance(layer, ConvLayer):
            yield from _places(k, layer)
        if isinstance(layer, LayerNormLayer | BatchNormLayer):
            yield from _norms(k, name)
        if isinstance(layer, ResidualLayer):
            words = f"the way past the inner layers of {name} is forgotten"
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
            words = f"{name} stands for {layer.delta} in the gradients of {called(layer)}"
            yield _back(k, "layer", words, _with_delta(name))


def _products(case: Case, k: int, layer: DenseLayer) -> Iterator[NumericSlip]:
    """Other factors in delta x^T, and the bias."""
    for name, value in case.trace.items():
        if value.shape == (case.samples, *layer.shape):
            words = f"{name} stands for the input of {called(layer)} in the gradient of {layer.w}"
            yield _back(k, "variable", words, _with_input(layer.w, name))
    if layer.b is not None:
        b = layer.b

        def turned(own: Back, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Any:
            d_x, gradients = own(m, known, kept, d_s, trace)
            return d_x, {**gradients, b: d_s.sum(axis=1)}

        if case.samples == case.params[b].size:
            words = f"the gradient of {b} is summed over the units, not over the samples"
            yield _back(k, "sum", words, turned)


def _places(k: int, layer: ConvLayer) -> Iterator[NumericSlip]:
    """The weights of a convolution stand at every place, and so all places count."""
    for which, word in ((0, "first"), (-1, "last")):
        for names in (tuple(layer.parameters), *((name,) for name in layer.parameters)):
            words = f"only the {word} place of {called(layer)} counts in the gradient of "
            yield _back(k, "sharing", words + " and ".join(names), _at_place(which, names))


def _at_place(which: int, names: tuple[str, ...]) -> Back:
    def back(own: Back, m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Any:
        d_x, gradients = own(m, known, kept, d_s, trace)
        alone, place = np.zeros_like(d_s), (..., *(which,) * (d_s.ndim - 2))
        alone[place] = d_s[place]
        one = own(m, known, kept, alone, trace)[1]
        return d_x, {n: one[n] if n in names else g for n, g in gradients.items()}

    return back


def _norms(k: int, name: str) -> Iterator[NumericSlip]:
    for words, mean_in, variance_in in (
        (f"mean and variance of {name} are held constant", False, False),
        (f"the variance of {name} is held constant", True, False),
        (f"the mean of {name} is held constant", False, True),
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

    def edit_axes(net: Backprop, k: int = k) -> None:
        layer = net.layers[k]
        assert isinstance(layer, LayerNormLayer | BatchNormLayer)
        own = layer.back

        def back(m: Real, known: Known, kept: Any, d_s: Array, trace: Named) -> Any:
            d_h, h = layer.ways(known, kept, d_s)[0], kept[1]
            axes = (0,) if 0 not in layer.over else tuple(range(1, d_s.ndim))
            means = (part.mean(axis=axes, keepdims=True) for part in (d_h, d_h * h))
            d_x = kept[0] * (d_h - next(means) - h * next(means))
            return d_x, own(m, known, kept, d_s, trace)[1]

        vars(layer)["back"] = back

    yield NumericSlip("sum", f"the means of {name} are taken over the other axis", edit_axes)


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
