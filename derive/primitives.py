"""What functions, activations and losses ARE: forward formulas only, no derivative anywhere.

`DEFINED` holds the functions of the formula language that have a definition in terms of the
calculus' own primitives; layers, activations and losses are formulas in the formula language
itself, read by the same reader as a user's own.
"""

from __future__ import annotations

from collections.abc import Callable

from derive.algebra.terms import ZERO, Compare, Num, Piecewise, Term, call, exp, power


def _max(*args: Term) -> Term:
    """The first that exceeds all after it; constants count as last, so at a tie they win."""
    first, *rest = _constants_last(args)
    if not rest:
        return first
    others = call("max", *rest) if len(rest) > 1 else rest[0]
    return Piecewise(((first, Compare(">", first, others)), (others, True)))


def _min(*args: Term) -> Term:
    first, *rest = _constants_last(args)
    if not rest:
        return first
    others = call("min", *rest) if len(rest) > 1 else rest[0]
    return Piecewise(((first, Compare("<", first, others)), (others, True)))


def _constants_last(args: tuple[Term, ...]) -> list[Term]:
    return sorted(args, key=lambda arg: isinstance(arg, Num))


DEFINED: dict[str, Callable[..., Term]] = {
    "sigmoid": lambda s: power(1 + exp(-s), -1),
    "softplus": lambda s: call("log", 1 + exp(s)),
    "relu": lambda s: Piecewise(((s, Compare(">", s, ZERO)), (ZERO, True))),
    "tanh": lambda s: (exp(s) - exp(-s)) / (exp(s) + exp(-s)),
    "sinh": lambda s: (exp(s) - exp(-s)) / 2,
    "cosh": lambda s: (exp(s) + exp(-s)) / 2,
    "tan": lambda s: call("sin", s) / call("cos", s),
    "abs": lambda s: Piecewise(
        ((s, Compare(">", s, ZERO)), (-s, Compare("<", s, ZERO)), (ZERO, True))
    ),
    "max": _max,
    "min": _min,
}

#: Each activation as a formula in s and its options.
ACTIVATIONS: dict[str, str] = {
    "linear": "s",
    "sigmoid": "sigmoid(s)",
    "tanh": "tanh(s)",
    "relu": "Max(s, 0)",
    "leaky_relu": "Piecewise((s, s > 0), (slope*s, True))",
    "elu": "Piecewise((s, s > 0), (alpha*(exp(s) - 1), True))",
    "softplus": "softplus(s)",
    "gelu": "s*(1 + erf(s/sqrt(2)))/2",
    "silu": "s*sigmoid(s)",
    "softsign": "s/(1 + Abs(s))",
    "mish": "s*tanh(softplus(s))",
}

#: The activations that mix the units of a layer: index formulas over the last axis {j}.
INDEXED_ACTIVATIONS: dict[str, str] = {"softmax": "exp(s[{j}])/Sum(exp(s[{k}]), {k})"}

#: Each loss of one sample as a formula in o and y, summed over the t outputs.
LOSSES: dict[str, str] = {
    "squared_error": "(o - y)**2",
    "half_squared_error": "(o - y)**2/2",
    "mean_squared_error": "(o - y)**2/t",
    "binary_cross_entropy": "-(y*log(o) + (1 - y)*log(1 - o))",
    "cross_entropy": "-y*log(o)",
    "huber": "Piecewise(((o - y)**2/2, Abs(o - y) < delta), (delta*(Abs(o - y) - delta/2), True))",
}

#: The probability (or density) of one target given its output, for `likelihood = ...`.
LIKELIHOODS: dict[str, str] = {
    "gaussian": "exp(-(y - o)**2/2)/sqrt(2*pi)",
    "bernoulli": "exp(y*log(o))*exp((1 - y)*log(1 - o))",
    "categorical": "exp(y*log(o))",
}

#: The losses and likelihoods whose targets are probabilities, so that they sum to 1.
UNIT_SUM = ("cross_entropy", "categorical")
