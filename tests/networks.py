"""Small dense networks as equation lists, written by hand: what the emission is tested against.

The backward equations are the textbook's, in the named forward quantities.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from codegen.emitting.program import Program, Start, Training
from derive.algebra.equation import Equation
from derive.algebra.terms import (
    ONE,
    ZERO,
    Compare,
    Index,
    Label,
    Piecewise,
    Pow,
    Size,
    Sum,
    Tensor,
    Term,
    call,
    exp,
    mul,
    ref,
)

N = Index("n", "N", sample=True)
Unary = Callable[[Term], Term]


def relu(s: Term) -> Term:
    return Piecewise(((s, Compare(">", s, ZERO)), (ZERO, True)))


#: phi(s), and phi' as a function of (s, o).
ACTIVATIONS: dict[str, tuple[Unary, Callable[[Term, Term], Term]]] = {
    "sigmoid": (lambda s: call("sigmoid", s), lambda s, o: mul(o, 1 - o)),
    "tanh": (lambda s: call("tanh", s), lambda s, o: 1 - o**2),
    "relu": (relu, lambda s, o: Piecewise(((ONE, Compare(">", s, ZERO)), (ZERO, True)))),
    "leaky_relu": (
        lambda s: Piecewise(((s, Compare(">", s, ZERO)), (Fraction(1, 100) * s, True))),
        lambda s, o: Piecewise(((ONE, Compare(">", s, ZERO)), (ONE * Fraction(1, 100), True))),
    ),
    "softplus": (
        lambda s: call("log", 1 + exp(s)),
        lambda s, o: 1 / (1 + exp(-s)),
    ),
}


def dense(
    sizes: tuple[int, ...],
    activations: tuple[str, ...],
    loss: str,
    *,
    reduction: str = "mean",
    decay: Fraction = Fraction(0),
    bias: str = "added",
    dtype: str = "float64",
    momentum: float = 0.0,
    name: str = "net",
) -> Program:
    x, y = Tensor("x", "input"), Tensor("y", "target")
    shapes: dict[Tensor, tuple[int | str, ...]] = {x: (sizes[0],), y: (sizes[-1],)}
    forward: list[Equation] = []
    layers = []
    below = x
    for m, (inputs, units, activation) in enumerate(
        zip(sizes[:-1], sizes[1:], activations, strict=True), 1
    ):
        label = Label(m)
        i, j = Index(f"i{m}", inputs), Index(f"j{m}", units)
        w, b = Tensor("W", "weight", label, False), Tensor("b", "bias", label, False)
        s, o = Tensor("s", "preactivation", label), Tensor("o", "activation", label)
        shapes |= {w: (inputs, units), s: (units,)}
        rhs: Term = Sum(ref(w, i, j) * ref(below, N, i), (i,))
        if bias != "absent":
            shapes[b] = (units,)
            rhs = rhs + ref(b, j) if bias == "added" else rhs - ref(b, j)
        forward.append(Equation(ref(s, N, j), rhs))
        out = s
        if activation == "softmax":
            k = Index(f"c{m}", units)
            value = exp(ref(s, N, j)) / Sum(exp(ref(s, N, k)), (k,))
            forward.append(Equation(ref(o, N, j), value))
            out = o
        elif activation != "linear":
            forward.append(Equation(ref(o, N, j), ACTIVATIONS[activation][0](ref(s, N, j))))
            out = o
        if out is o:
            shapes[o] = (units,)
        layers.append((below, w, b, s, out, i, j, activation))
        below = out
    last = below
    k = Index("k", sizes[-1])
    el = Tensor("L", "loss")
    shapes[el] = ()
    p, t = ref(last, N, k), ref(y, N, k)
    losses = {
        "squared_error": Sum((p - t) ** 2, (k,)),
        "cross_entropy": -Sum(t * call("log", p), (k,)),
        "binary_cross_entropy": -Sum(t * call("log", p) + (1 - t) * call("log", 1 - p), (k,)),
    }
    loss_equation = Equation(ref(el, N), losses[loss])
    backward, gradients = [], []
    above: tuple[Tensor, Tensor, Index] | None = None
    factor = Pow(Size("N"), Fraction(-1)) if reduction == "mean" else ONE
    for below, w, b, s, out, i, j, activation in reversed(layers):
        delta = Tensor("delta", "delta", s.label)
        shapes[delta] = shapes[s]
        so, oo = ref(s, N, j), ref(out, N, j)
        slope = ONE if activation in ("linear", "softmax") else ACTIVATIONS[activation][1](so, oo)
        if above is None:
            error = ref(out, N, j) - ref(y, N, j)
            cancels = loss in ("cross_entropy", "binary_cross_entropy")
            rhs = error if cancels else mul(2, error, slope)
        else:
            w_up, d_up, j_up = above
            rhs = mul(Sum(ref(w_up, j, j_up) * ref(d_up, N, j_up), (j_up,)), slope)
        backward.append(Equation(ref(delta, N, j), rhs))
        dw = Tensor("W", "gradient", s.label, False)
        shapes[dw] = shapes[w]
        gradient = mul(factor, Sum(ref(delta, N, j) * ref(below, N, i), (N,)))
        gradients.append(Equation(ref(dw, i, j), gradient + decay * ref(w, i, j)))
        if bias != "absent":
            db = Tensor("b", "gradient", s.label, False)
            shapes[db] = shapes[b]
            sign = 1 if bias == "added" else -1
            gradients.append(Equation(ref(db, j), mul(sign, factor, Sum(ref(delta, N, j), (N,)))))
        above = (w, delta, j)
    objective = mul(factor, Sum(ref(el, N), (N,)))
    for _, w, *_, i, j, _a in layers:
        objective = objective + decay / 2 * Sum(ref(w, i, j) ** 2, (i, j))
    weights = {str(t): Start("glorot") for t in shapes if t.role == "weight"}
    return Program(
        name=name,
        sha256="0" * 64,
        forward=tuple(forward),
        loss=loss_equation,
        objective=objective,
        backward=tuple(backward),
        gradients=tuple(gradients),
        shapes=shapes,
        dtype=dtype,
        labels=loss == "cross_entropy",
        sum_to_one=loss == "cross_entropy",
        starts=weights,
        training=Training(momentum=momentum),
    )
