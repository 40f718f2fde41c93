"""Slips in the slopes of activations, as edits of the generic backprop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from codegen.asserts.numeric_slips import NumericSlip
from codegen.backprop import Backprop
from codegen.referee.arithmetic import Array, Real
from codegen.referee.layers import Layer
from codegen.referee.textbook import POINTWISE, Identity, Pointwise, Softmax, Unit
from derive.algebra.terms import refs
from derive.algebra.text import plain
from derive.identities import O, function_slope

Pull = Callable[[Unit, Real, Array, Array, Array], Array]


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


def _turned_round(u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return u.pull(m, -s, u.value(m, -s), d_o)


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
    ("sign", "the slope of the activation of {layer} is that at -s: its branches are exchanged",
     _turned_round),
    ("slope", "the slope of the activation of {layer} divides in place of multiplying", _divided),
)  # fmt: skip
_SOFTMAX: tuple[tuple[str, str, Pull], ...] = (
    ("jacobian", "the Jacobian of the softmax of {layer} is reduced to its diagonal", _diagonal),
    ("slope", "the Jacobian of the softmax of {layer} is missing", _missing),
    ("slope", "the error of {layer} is multiplied by the diagonal of the softmax's Jacobian once"
     " more", _extra_diagonal),
    ("term", "of the softmax of {layer} only o dL/do is left", _value),
    ("sign", "the slope of the softmax of {layer} has the wrong sign", _negative),
)  # fmt: skip


def activations(net: Backprop) -> Iterator[NumericSlip]:
    """The slope of every activation."""
    for k, layer in enumerate(net.layers):
        unit = getattr(layer, "unit", None)
        if unit is None or isinstance(unit, Identity):
            continue
        for kind, words, how in _SOFTMAX if isinstance(unit, Softmax) else _POINTWISE:
            said = words.format(layer=called(layer))

            def edit(made: Backprop, k: int = k, how: Pull = how) -> None:
                made.layers[k].unit = _Pulled(made.layers[k].unit, how)

            yield NumericSlip(kind, said, edit)
        if not isinstance(unit, Softmax):
            yield from _other_slopes(unit, k, called(layer))


def _other_slopes(unit: Unit, k: int, layer: str) -> Iterator[NumericSlip]:
    """The slope of another activation."""
    for name in ("sigmoid", "tanh", "relu"):
        other = Pointwise(*POINTWISE[name])
        if getattr(unit, "f", None) is other.f:
            continue
        ways: list[tuple[str, Pull]] = [(name, partial(_of_another, other))]
        slope = function_slope(name)
        if all(r is O for r in refs(slope)):
            ways.append((f"{name}, {plain(slope)},", partial(_form_of_another, other)))
        for whose, how in ways:

            def edit(made: Backprop, k: int = k, how: Pull = how) -> None:
                made.layers[k].unit = _Pulled(made.layers[k].unit, how)

            words = f"the slope of {whose} stands for that of the activation of {layer}"
            yield NumericSlip("slope", words, edit)


def _of_another(of: Unit, u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return of.pull(m, s, of.value(m, s), d_o)


def _form_of_another(of: Unit, u: Unit, m: Real, s: Array, o: Array, d_o: Array) -> Array:
    return of.pull(m, s, o, d_o)


def called(layer: Layer) -> str:
    """A layer by the number of its quantities."""
    names = [*layer.parameters, *(n for n in vars(layer).values() if isinstance(n, str))]
    numbers = [
        name.lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") for name in names
    ]
    number = next((n for n in numbers if n.isdigit()), "")
    kind = type(layer).__name__.removesuffix("Layer")
    return f"layer {number}" if kind in ("Dense", "Conv") else f"the {kind.lower()} layer {number}"
