"""Activations and losses as a textbook prints them, with derivatives written out by hand.

With the layers of `textbook_layers`, `textbook_windows` and `textbook_norms` the only place in the
project where a derivative is typed: the rest derives them, and these say independently whether it
derived them right.  Everything is over an arithmetic `m`.

At a kink the last alternative of the written form counts: relu'(0) = 0, leaky_relu'(0) = slope,
elu'(0) = alpha, and |s|' = 0 at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Any, Protocol

from codegen.referee.arithmetic import Array, Real
from codegen.referee.evaluate_formula import Formula
from codegen.referee.index_loss import IndexLoss
from derive.spec import Activation, Loss

Options = dict[str, Any]


class Unit(Protocol):
    """An activation: o = value(s), and the chain rule dL/ds from dL/do."""

    def value(self, m: Real, s: Array) -> Array:
        """The output o."""

    def pull(self, m: Real, s: Array, o: Array, d_o: Array) -> Array:
        """dL/ds."""


class Objective(Protocol):
    """A loss of one sample: one number for each row, and its slope in every output."""

    def value(self, m: Real, o: Array, y: Array) -> Array:
        """The losses of the samples."""

    def slope(self, m: Real, o: Array, y: Array) -> Array:
        """dL/do, sample by sample."""


@dataclass(frozen=True)
class Pointwise:
    """o_j = f(s_j): the slope is a function of s_j and o_j."""

    f: Callable[..., Array]
    slope: Callable[..., Array]
    options: Mapping[str, Fraction] = field(default_factory=dict)

    def value(self, m: Real, s: Array) -> Array:
        """o = f(s)."""
        return self.f(m, s, **_numbers(m, self.options))

    def pull(self, m: Real, s: Array, o: Array, d_o: Array) -> Array:
        """dL/ds_j = dL/do_j f'(s_j)."""
        return d_o * self.slope(m, s, o, **_numbers(m, self.options))


class Softmax:
    """o_j = exp(s_j) / sum_k exp(s_k); the largest s is taken off, which changes nothing."""

    def value(self, m: Real, s: Array) -> Array:
        """o."""
        e = m.exp(s - m.peak(s))
        return e / e.sum(axis=-1, keepdims=True)

    def pull(self, m: Real, s: Array, o: Array, d_o: Array) -> Array:
        """dL/ds_j = sum_k dL/do_k o_k (delta_jk - o_j) = o_j (dL/do_j - sum_k dL/do_k o_k)."""
        return o * (d_o - (d_o * o).sum(axis=-1, keepdims=True))


class Identity:
    """o = s."""

    def value(self, m: Real, s: Array) -> Array:
        """s itself."""
        return s

    def pull(self, m: Real, s: Array, o: Array, d_o: Array) -> Array:
        """dL/ds = dL/do."""
        return d_o


@dataclass(frozen=True)
class FormulaUnit:
    """o_j = formula(s_j), by forward-mode differentiation."""

    formula: Formula

    def value(self, m: Real, s: Array) -> Array:
        """o."""
        return m.like(self.formula.value(m, {"s": s}), s)

    def pull(self, m: Real, s: Array, o: Array, d_o: Array) -> Array:
        """dL/ds_j = dL/do_j f'(s_j)."""
        slope = m.like(self.formula.slope(m, {"s": s}, "s"), s)
        return d_o * m.rearranged(slope, o)


@dataclass(frozen=True)
class SumOverOutputs:
    """L = factor(t) * sum_j f(o_j, y_j) + offset(t), with t outputs."""

    f: Callable[..., Array]
    d_f: Callable[..., Array]
    options: Mapping[str, Fraction] = field(default_factory=dict)
    mean: bool = False
    offset: Callable[[Real, int], Any] | None = None

    def value(self, m: Real, o: Array, y: Array) -> Array:
        """The losses of the samples."""
        total = self.f(m, o, y, **_numbers(m, self.options)).sum(axis=_outputs(o))
        total = total / _count(o) if self.mean else total
        return total if self.offset is None else total + self.offset(m, _count(o))

    def slope(self, m: Real, o: Array, y: Array) -> Array:
        """dL/do_j = factor(t) * df/do(o_j, y_j)."""
        slope = self.d_f(m, o, y, **_numbers(m, self.options))
        return slope / _count(o) if self.mean else slope


@dataclass(frozen=True)
class FormulaLoss:
    """L = sum_j formula(o_j, y_j)."""

    formula: Formula

    def value(self, m: Real, o: Array, y: Array) -> Array:
        """The losses of the samples."""
        return m.like(self.formula.value(m, {"o": o, "y": y}), o).sum(axis=_outputs(o))

    def slope(self, m: Real, o: Array, y: Array) -> Array:
        """dL/do, entry by entry."""
        return m.like(self.formula.slope(m, {"o": o, "y": y}, "o"), o)


def _outputs(o: Array) -> tuple[int, ...]:
    """The axes of the outputs: all but the samples."""
    return tuple(range(1, o.ndim))


def _count(o: Array) -> int:
    """The number t of outputs."""
    return prod(o.shape[1:])


def _numbers(m: Real, options: Mapping[str, Fraction]) -> Options:
    return {name: m.number(value) for name, value in options.items()} if options else {}


def _step(m: Real, s: Array) -> Array:
    return m.like(m.pick(m.greater(s, 0), 1, 0), s)


def _sigmoid(m: Real, s: Array) -> Array:
    return 1 / (1 + m.exp(-s))


def _softplus(m: Real, s: Array) -> Array:
    return m.log(1 + m.exp(s))


def _relu(m: Real, s: Array) -> Array:
    return m.pick(m.greater(s, 0), s, 0)


def _leaky_relu(m: Real, s: Array, slope: Any) -> Array:
    return m.pick(m.greater(s, 0), s, slope * s)


def _d_leaky_relu(m: Real, s: Array, o: Array, slope: Any) -> Array:
    return m.like(m.pick(m.greater(s, 0), 1, slope), s)


def _elu(m: Real, s: Array, alpha: Any) -> Array:
    positive = m.greater(s, 0)
    return m.pick(positive, s, alpha * (m.exp(m.pick(positive, 0, s)) - 1))


def _d_elu(m: Real, s: Array, o: Array, alpha: Any) -> Array:
    return m.pick(m.greater(s, 0), 1 + 0 * s, o + alpha)


def _gelu(m: Real, s: Array) -> Array:
    return s * (1 + m.erf(s / m.root(m.number(2)))) / 2


def _d_gelu(m: Real, s: Array, o: Array) -> Array:
    density = m.exp(-s * s / 2) / m.root(2 * m.pi)
    return (1 + m.erf(s / m.root(m.number(2)))) / 2 + s * density


def _d_silu(m: Real, s: Array, o: Array) -> Array:
    g = _sigmoid(m, s)
    return g + s * g * (1 - g)


def _magnitude(m: Real, s: Array) -> Array:
    return m.pick(m.greater(s, 0), s, -s)


def _d_softsign(m: Real, s: Array, o: Array) -> Array:
    u = 1 + _magnitude(m, s)
    return 1 / (u * u)


def _d_mish(m: Real, s: Array, o: Array) -> Array:
    t = m.tanh(_softplus(m, s))
    return t + s * (1 - t * t) * _sigmoid(m, s)


#: f(s) and f'(s), the latter from s and o = f(s).
POINTWISE: dict[str, tuple[Callable[..., Array], Callable[..., Array]]] = {
    "sigmoid": (_sigmoid, lambda m, s, o: o * (1 - o)),
    "tanh": (lambda m, s: m.tanh(s), lambda m, s, o: 1 - o * o),
    "relu": (_relu, lambda m, s, o: _step(m, s)),
    "leaky_relu": (_leaky_relu, _d_leaky_relu),
    "elu": (_elu, _d_elu),
    "softplus": (_softplus, lambda m, s, o: _sigmoid(m, s)),
    "gelu": (_gelu, _d_gelu),
    "silu": (lambda m, s: s * _sigmoid(m, s), _d_silu),
    "softsign": (lambda m, s: s / (1 + _magnitude(m, s)), _d_softsign),
    "mish": (lambda m, s: s * m.tanh(_softplus(m, s)), _d_mish),
}


def _used(m: Real, y: Array, o: Array) -> Array:
    """o where y is not 0, else 1: 0 log 0 = 0 and 0/0 = 0."""
    return m.pick(m.real(y) == 0, 1, o)


def _bernoulli(m: Real, o: Array, y: Array) -> Array:
    no = 1 - y
    return -(y * m.log(_used(m, y, o)) + no * m.log(_used(m, no, 1 - o)))


def _d_bernoulli(m: Real, o: Array, y: Array) -> Array:
    r = o - y
    return r / _used(m, r, o * (1 - o))


def _categorical(m: Real, o: Array, y: Array) -> Array:
    return -(y * m.log(_used(m, y, o)))


def _d_categorical(m: Real, o: Array, y: Array) -> Array:
    return -(y / _used(m, y, o))


def _huber(m: Real, o: Array, y: Array, delta: Any) -> Array:
    r = _magnitude(m, o - y)
    return m.pick(m.greater(delta, r), r * r / 2, delta * (r - delta / 2))


def _d_huber(m: Real, o: Array, y: Array, delta: Any) -> Array:
    r = o - y
    sign = m.pick(m.greater(r, 0), m.like(delta, r), m.like(-delta, r))
    return m.pick(m.greater(delta, _magnitude(m, r)), r, sign)


def _square(m: Real, o: Array, y: Array) -> Array:
    return (o - y) * (o - y)


def _d_square(m: Real, o: Array, y: Array) -> Array:
    return 2 * (o - y)


def _half_square(m: Real, o: Array, y: Array) -> Array:
    return (o - y) * (o - y) / 2


def _d_half_square(m: Real, o: Array, y: Array) -> Array:
    return o - y


def _gaussian_constant(m: Real, outputs: int) -> Any:
    """(t/2) log(2 pi): minus the logarithm of the normal density's constant, unit variance."""
    return m.number(Fraction(outputs, 2)) * m.log(2 * m.pi)


LOSSES: dict[str, SumOverOutputs] = {
    "squared_error": SumOverOutputs(_square, _d_square),
    "half_squared_error": SumOverOutputs(_half_square, _d_half_square),
    "mean_squared_error": SumOverOutputs(_square, _d_square, mean=True),
    "binary_cross_entropy": SumOverOutputs(_bernoulli, _d_bernoulli),
    "cross_entropy": SumOverOutputs(_categorical, _d_categorical),
    "huber": SumOverOutputs(_huber, _d_huber),
}

#: Minus the logarithm of the likelihood, every constant kept.
LIKELIHOODS: dict[str, SumOverOutputs] = {
    "gaussian": SumOverOutputs(_half_square, _d_half_square, offset=_gaussian_constant),
    "bernoulli": LOSSES["binary_cross_entropy"],
    "categorical": LOSSES["cross_entropy"],
}


def unit_of(activation: Activation) -> Unit:
    """The activation that a spec names or writes."""
    if activation.formula is not None:
        return FormulaUnit(Formula(activation.formula))
    if activation.name in ("linear", "softmax"):
        return Identity() if activation.name == "linear" else Softmax()
    f, slope = POINTWISE[activation.name]
    return Pointwise(f, slope, activation.options)


def objective_of(loss: Loss) -> Objective:
    """The loss that a spec names, writes, or means by a likelihood."""
    if loss.likelihood is not None:
        return LIKELIHOODS[loss.likelihood]
    if loss.formula is not None:
        formula = Formula(loss.formula)
        return IndexLoss(formula) if formula.indexed else FormulaLoss(formula)
    known = LOSSES[loss.name]
    return SumOverOutputs(known.f, known.d_f, loss.options, known.mean) if loss.options else known
