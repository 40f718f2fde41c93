"""Every pair of activation and loss is accurate for every finite pre-activation.

The truth is made with mpmath from textbook formulas of this file, the error delta by a central
difference with hundreds of digits.  The weights are the identity, so that s = x exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from random import Random
from types import ModuleType
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from codegen.emitting.module import emit
from codegen.stability.positive_powers import roots_joined
from codegen.stability.stable import stable, stable_form
from codegen.verify import load_source
from derive.algebra.simplify import tidy
from derive.algebra.terms import (
    ONE,
    ZERO,
    Compare,
    Index,
    Label,
    Num,
    Piecewise,
    Pow,
    Sum,
    Tensor,
    Term,
    call,
    exp,
    mul,
    power,
    ref,
)
from derive.derivation import derive
from derive.errors import NotYet

Truth = Callable[[Any], Any]
UNITS = 3
SQUARED = {"loss": "squared_error"}

ACTIVATIONS: dict[str, Truth] = {
    "linear": lambda s: s,
    "sigmoid": lambda s: 1 / (1 + mp.exp(-s)),
    "tanh": mp.tanh,
    "relu": lambda s: max(s, mp.mpf(0)),
    "leaky_relu": lambda s: s if s > 0 else s / 100,
    "elu": lambda s: s if s > 0 else mp.expm1(s),
    "softplus": lambda s: mp.log(1 + mp.exp(s)),
    "gelu": lambda s: s * mp.ncdf(s),
    "silu": lambda s: s / (1 + mp.exp(-s)),
    "softsign": lambda s: s / (1 + abs(s)),
    "mish": lambda s: s * mp.tanh(mp.log(1 + mp.exp(s))),
    "s/(1+exp(-s))": lambda s: s / (1 + mp.exp(-s)),
    "exp(s)/(1+exp(s))": lambda s: mp.exp(s) / (1 + mp.exp(s)),
    "log(1+exp(s))": lambda s: mp.log(1 + mp.exp(s)),
    "1.7159*tanh(2*s/3)": lambda s: mp.mpf("1.7159") * mp.tanh(2 * s / 3),
    "(exp(s)-exp(-s))/(exp(s)+exp(-s))": mp.tanh,
    "(1+tanh(s/2))/2": lambda s: (1 + mp.tanh(s / 2)) / 2,
    "1 - 1/(1+exp(s))": lambda s: mp.exp(s) / (1 + mp.exp(s)),
}
#: Each loss of one output.
LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "squared_error": lambda o, y: (o - y) ** 2,
    "half_squared_error": lambda o, y: (o - y) ** 2 / 2,
    "mean_squared_error": lambda o, y: (o - y) ** 2 / UNITS,
    "huber": lambda o, y: (o - y) ** 2 / 2 if abs(o - y) < 1 else abs(o - y) - mp.mpf(1) / 2,
    "binary_cross_entropy": lambda o, y: -_product(y, o) - _product(1 - y, 1 - o),
    "cross_entropy": lambda o, y: -_product(y, o),
    "log(cosh(o - y))": lambda o, y: mp.log(mp.cosh(o - y)),
    "-(y*log(o)+(1-y)*log(1-o))": lambda o, y: -_product(y, o) - _product(1 - y, 1 - o),
}
SMOOTH = ("squared_error", "half_squared_error", "mean_squared_error", "huber", "log(cosh(o - y))")
PROBABLE = ("sigmoid", "exp(s)/(1+exp(s))", "(1+tanh(s/2))/2", "1 - 1/(1+exp(s))")
PAIRS = [
    *((a, loss) for a in (*ACTIVATIONS, "softmax") for loss in ("squared_error", "huber")),
    *((a, loss) for a in (*PROBABLE, "softmax") for loss in ("binary_cross_entropy",)),
    *((a, loss) for a in (*PROBABLE, "softmax") for loss in ("cross_entropy",)),
    *((a, "-(y*log(o)+(1-y)*log(1-o))") for a in PROBABLE),
    *((a, "cross_entropy") for a in ("softplus", "log(1+exp(s))")),  # positive, of any sum
]
EVERY_PAIR = list(
    dict.fromkeys([*PAIRS, *((a, loss) for a in (*ACTIVATIONS, "softmax") for loss in SMOOTH)])
)
ROWS = (
    (0.3, -0.7, 1.1),
    (1e-8, -1e-8, 2.5),
    (-3.0, 6.5, -9.0),
    (17.0, -37.5, 0.0625),
    (90.0, -90.0, 88.0),
    (-104.0, -3.5, 103.0),
)
FAR = ((350.0, -350.0, 10.0), (-745.5, 710.5, -20.0), (1e4, -1e4, 1.5))
TARGETS = ((0.0, 1.0, 0.0), (0.25, 0.5, 0.25), (1.0, 0.0, 0.0))


def _product(y: Any, p: Any) -> Any:
    return y * mp.log(p) if y else mp.mpf(0)


def outputs(activation: str, s: list[Any]) -> list[Any]:
    if activation == "softmax":
        powers = [mp.exp(v - max(s)) for v in s]
        return [p / sum(powers) for p in powers]
    return [ACTIVATIONS[activation](v) for v in s]


@cache
def truth(
    activation: str, loss: str, row: tuple[float, ...], y: tuple[float, ...]
) -> tuple[Any, tuple[Any, ...]]:
    """The loss and the deltas of one sample."""
    digits = int(2.2 * max(map(abs, row)) / 2.3 + 120) if max(map(abs, row)) > 20 else 150
    with mp.workdps(min(digits, 10_000)):
        h = mp.mpf(10) ** -40

        def value(s: list[Any]) -> Any:
            return sum(
                LOSSES[loss](o, mp.mpf(t)) for o, t in zip(outputs(activation, s), y, strict=True)
            )

        s = [mp.mpf(v) for v in row]
        deltas = []
        for k in range(len(s)):
            up, down = (
                [v + sign * h if i == k else v for i, v in enumerate(s)] for sign in (1, -1)
            )
            deltas.append((value(up) - value(down)) / (2 * h))
        return value(s), tuple(deltas)


@cache
def module_of(activation: str, loss: str) -> ModuleType:
    spec = {
        "name": "pair",
        "input": UNITS,
        "layers": [{"kind": "dense", "units": UNITS, "activation": activation}],
        "loss": loss,
        "domain": "unchecked",
    }
    return load_source(emit(derive(spec)))


def worst(activation: str, loss: str, dtype: Any, rows: Any) -> float:
    """The largest error in units of eps max(1, |value|), over losses and deltas."""
    module = module_of(activation, loss)
    params = {"W1": np.eye(UNITS, dtype=dtype), "b1": np.zeros(UNITS, dtype)}
    eps, largest = float(np.finfo(dtype).eps), 0.0
    for y in TARGETS:
        x = np.array(rows, dtype)
        with np.errstate(all="raise", under="ignore"):
            traced = module.trace(params, x, np.tile(np.array(y, dtype), (len(x), 1)))
        assert np.array_equal(traced["s1"], x)
        for n, row in enumerate(x):
            exact, deltas = truth(activation, loss, tuple(map(float, row)), y)
            pairs = [(traced["L"][n], exact), *zip(traced["delta1"][n], deltas, strict=True)]
            for found, true in pairs:
                assert np.isfinite(found)
                error = abs(mp.mpf(float(found)) - true) / max(1, abs(true)) / eps
                largest = max(largest, float(error))
    return largest


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("activation", "loss"), PAIRS, ids=str)
def test_pairs_are_accurate(activation: str, loss: str, dtype: Any) -> None:
    assert worst(activation, loss, dtype, ROWS) <= 4


@pytest.mark.sweep
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("activation", "loss"), EVERY_PAIR, ids=str)
def test_pairs_are_accurate_far_out(activation: str, loss: str, dtype: Any) -> None:
    assert worst(activation, loss, dtype, (*ROWS, *FAR)) <= 4


# ------------------------------------------------------------------ one form for every spelling

N, K, J = Index("n", "N", sample=True), Index("k", 3), Index("j", 3)
LABEL = Label(1)
S, T = Tensor("s", "preactivation", LABEL), Tensor("y", "target")
s, y = ref(S, N, K), ref(T, N, K)
everyone = Sum(exp(ref(S, N, J)), (J,))

SPELLINGS: dict[str, tuple[Term, ...]] = {
    "sigmoid(s1[n,k])": (
        1 / (1 + exp(-s)),
        exp(s) / (1 + exp(s)),
        1 - 1 / (1 + exp(s)),
        exp(s / 2) / (exp(s / 2) + exp(-s / 2)),
    ),
    "softplus(s1[n,k])": (
        call("log", 1 + exp(s)),
        -call("log", 1 / (1 + exp(s))),
        -call("log", 1 - call("sigmoid", s)),
        s - call("log", call("sigmoid", s)),
    ),
    "softplus(-s1[n,k])": (
        -call("log", 1 / (1 + exp(-s))),
        call("log", 1 + exp(-s)),
        -call("log", call("sigmoid", s)),
        -call("log", exp(s) / (exp(s) + 1)),
    ),
    "tanh(s1[n,k])": (
        call("tanh", s),
        (exp(s) - exp(-s)) / (exp(s) + exp(-s)),
        (exp(2 * s) - 1) / (exp(2 * s) + 1),
        call("sinh", s) / call("cosh", s),
    ),
    "expm1(s1[n,k])": (exp(s) - 1, -(1 - exp(s))),
    "erfc(s1[n,k])": (1 - call("erf", s), -(call("erf", s) - 1)),
    "log1p(y[n,k])": (call("log", 1 + y), call("log", y + 1)),
    "s1[n,k] - log(3)": (call("log", exp(s) / 3),),
    "log1p(sigmoid(s1[n,k])**2)": (call("log", 1 + call("sigmoid", s) ** 2),),
    "1/3/(s1[n,k]**2 + 1)": (100_000 / (300_000 * s**2 + 300_000),),
    "tanh(max(s1[n,k], y[n,k]))": (
        call("sinh", call("max", s, y)) / call("cosh", call("max", s, y)),
        1 - 2 / (exp(2 * call("max", s, y)) + 1),
    ),
    "softplus(abs(s1[n,k]))": (
        call("log", 1 + exp(call("abs", s))),
        call("abs", s) - call("log", call("sigmoid", call("abs", s))),
    ),
    "tanh(s1[n,k])*sinh(y[n,k])": (call("sinh", y) * call("sinh", s) / call("cosh", s),),
}


@pytest.mark.parametrize(
    ("form", "term"), [(form, term) for form, terms in SPELLINGS.items() for term in terms], ids=str
)
def test_every_spelling_has_the_same_form(form: str, term: Term) -> None:
    assert str(stable(term)) == form


def test_softmax_takes_out_the_maximum() -> None:
    assert "s1[n,k] - Max(s1[n," in str(stable(exp(s) / everyone))
    assert "s1[n,k] - Max(s1[n," in str(stable(call("log", exp(s) / everyone)))


def test_exponentials_of_a_product_are_taken_together_where_one_may_overflow() -> None:
    assert str(stable_form(exp(y) / exp(s), {})) == "exp(y[n,k] - s1[n,k])"
    assert str(stable_form(exp(-(s**2)) * exp(s / 3), {})) == "exp(-s1[n,k]**2 + 1/3*s1[n,k])"


def test_an_exponent_is_held_only_where_it_makes_the_whole_sink() -> None:
    """Beside a factor that may be small exp(80) need not make exp(-a exp(v)) vanish."""
    held = "exp(-3*exp(min(s1[n,k], 80)))"
    assert str(stable(exp(-3 * exp(s)))) == held
    assert str(stable(exp(-3 * exp(3 * s) * exp(-2 * s)))) == held
    assert "min(s1[n,k], 80)" in str(stable(exp(-exp(s) * (1 + y**2))))
    for other in (exp(exp(-y)) - ONE, Num(Fraction(1, 10**40))):
        assert "min(s1[n,k]" not in str(stable(exp(-exp(s) * other)))


def test_a_branch_stays_on_its_side() -> None:
    elu = Piecewise(((s, Compare(">", s, ZERO)), (exp(s) - ONE, True)))
    assert "expm1(min(s1[n,k], 0))" in str(stable(elu))


def test_a_root_and_a_quotient_of_one_tail_are_one_root() -> None:
    """The slope of asin(tanh(s)) is 0/0 far out, unless the two meet."""
    half, low, high = Fraction(1, 2), call("sigmoid", -s), call("sigmoid", s)
    joined = roots_joined(mul(6, y, low, high, Pow(4 * low * high, -half)))
    assert str(joined) == "3*y[n,k]*(sigmoid(-s1[n,k])*sigmoid(s1[n,k]))**(1/2)"
    assert str(roots_joined(mul(low, Pow(low, -half * 3)))) == "sigmoid(-s1[n,k])**(-1/2)"
    assert roots_joined(mul(y, Pow(4 - s, -half), 4 - s)) is None  # 4 - s may be negative
    assert roots_joined(mul(low, Pow(high, -half))) is None


@pytest.mark.parametrize(
    ("formula", "truth"),
    [
        ("tanh(17*s/10)/(2 + tanh(s)**2)", lambda s: mp.tanh(17 * s / 10) / (2 + mp.tanh(s) ** 2)),
        ("tanh(s)/(1 + exp(-s))", lambda s: mp.tanh(s) / (1 + mp.exp(-s))),
        ("s*tanh(s)/(1 + sigmoid(s))", lambda s: s * mp.tanh(s) / (1 + 1 / (1 + mp.exp(-s)))),
        ("sinh(s)/(1 + sinh(s)**2)", lambda s: mp.sinh(s) / mp.cosh(s) ** 2),
    ],
)
def test_small_values_of_a_quotient_keep_their_digits(formula: str, truth: Any) -> None:
    """tanh(s) as exponentials, 1 - exp(-2s) over 1 + exp(-2s), is right to eps and no better."""
    layer = {"kind": "dense", "units": 1, "activation": formula}
    spec = {"name": "small", "input": 1, "layers": [layer], "loss": "squared_error"}
    net = load_source(emit(derive(spec)))
    x = np.array([[1e-9], [-1e-5], [3e-3], [0.7], [-5.0]])
    found = net.forward({"W1": np.ones((1, 1)), "b1": np.zeros(1)}, x)
    for s, o in zip(x[:, 0], found[:, 0], strict=True):
        with mp.workdps(40):
            true = truth(mp.mpf(float(s)))
        assert abs(o - true) <= 8 * np.finfo(float).eps * abs(true)


def sunk(u: Any) -> Any:
    """exp(-u); beyond 10**5 it is 0 in 40,000 digits, and takes long for more of them."""
    return mp.exp(-min(u, mp.mpf(10) ** 5))


FAR_OUT: dict[str, Truth] = {
    "log(cosh(Max(s, 1/2)))": lambda s: mp.log(mp.cosh(max(s, mp.mpf(1) / 2))),
    "log(cosh(Max(sigmoid(s), s/(2 + s**2))))": lambda s: mp.log(
        mp.cosh(max(1 / (1 + mp.exp(-s)), s / (2 + s**2)))
    ),
    "s*sigmoid(s/3)/(3 + (5*s)**2)": lambda s: s / (1 + mp.exp(-s / 3)) / (3 + 25 * s**2),
    "log(1 + sigmoid(s)**2)": lambda s: mp.log(1 + (1 + mp.exp(-s)) ** -2),
    "log(cosh(log(cosh(s - 2/3))))": lambda s: mp.log(mp.cosh(mp.log(mp.cosh(s - mp.mpf(2) / 3)))),
    "log(cosh(exp(-s**2)))": lambda s: mp.log(mp.cosh(mp.exp(-(s**2)))),
    "log(cosh(s))*sinh(sin(s))": lambda s: mp.log(mp.cosh(s)) * mp.sinh(mp.sin(s)),
    "sinh(s)/(1 + sinh(s)**2)": lambda s: mp.sinh(s) / mp.cosh(s) ** 2,
    "1/sqrt(cosh(s))": lambda s: 1 / mp.sqrt(mp.cosh(s)),
    "exp(-exp(s)*exp(-s/2))": lambda s: sunk(mp.exp(s / 2)),
    "exp(-exp(s)*exp(-9*s/10))": lambda s: sunk(mp.exp(s / 10)),
    "exp(-exp(s))": lambda s: sunk(mp.exp(s)),
    "1 - exp(-exp(s))": lambda s: 1 - sunk(mp.exp(s)),
    "exp(s)*(1 + exp(s))**(-3/2)": lambda s: mp.exp(s) * (1 + mp.exp(s)) ** (-mp.mpf(3) / 2),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("formula", FAR_OUT)
def test_formulas_with_hyperbolic_functions_are_right_far_out(formula: str, dtype: Any) -> None:
    """The value and the slope, which is -delta/2 for a target of o + 1."""
    layer = {"kind": "dense", "units": 1, "activation": formula}
    net = load_source(emit(derive({"name": "far", "input": 1, "layers": [layer]} | SQUARED)))
    x = np.array([[-1e4], [-710.5], [-104], [-88.5], [-3], [0.25], [3], [90], [350], [746], [1e4]])
    x = x.astype(dtype)
    params = {"W1": np.ones((1, 1), dtype), "b1": np.zeros(1, dtype)}
    with np.errstate(all="raise", under="ignore"):
        o = net.forward(params, x)
        slopes = net.trace(params, x, o + 1)["delta1"] / -2
    for s, value, slope in zip(x[:, 0], o[:, 0], slopes[:, 0], strict=True):
        with mp.workdps(200):
            h = mp.mpf(10) ** -60
            at, up, down = (FAR_OUT[formula](mp.mpf(float(s)) + d) for d in (0, h, -h))
            for found, true in ((value, at), (slope, (up - down) / (2 * h))):
                assert abs(mp.mpf(float(found)) - true) <= 8 * np.finfo(dtype).eps * max(
                    1, abs(true)
                )


def test_the_logarithm_of_a_number_counts_once() -> None:
    number = 1 + exp(Num(Fraction(2)))
    found = str(stable(call("log", (1 + exp(s)) ** 2 / number)))
    assert found.endswith(" - log1p(exp(1)**2)")
    assert found.count("(2)") == 1  # of 2 exp(s), in the square of 1 + exp(s)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("formula", ["log(3*tanh(s))", "log(sinh(s))", "log(2*exp(3*s) - exp(s))"])
def test_the_logarithm_of_a_difference_of_exponentials(formula: str, dtype: Any) -> None:
    layer = {"kind": "dense", "units": 1, "activation": formula}
    net = load_source(emit(derive({"name": "gap", "input": 1, "layers": [layer]} | SQUARED)))
    x = np.array([[1e-3], [0.5], [3], [90], [400], [1e4]], dtype)
    params = {"W1": np.ones((1, 1), dtype), "b1": np.zeros(1, dtype)}
    with np.errstate(all="raise", under="ignore"):
        found = net.forward(params, x)[:, 0]
    for s, value in zip(x[:, 0], found, strict=True):
        names = {name: getattr(mp, name) for name in ("log", "exp", "sinh", "tanh")}
        with mp.workdps(9000 if s > 1000 else 400):
            true = eval(formula, {**names, "s": mp.mpf(float(s))})
        assert abs(float(value) - true) <= 8 * np.finfo(dtype).eps * max(1, abs(true))


def test_stable_forms_are_fixed_points() -> None:
    opened = -2 / (s**3 * call("softplus", s))  # once opened by one rule and closed by another
    opened = opened - call("sigmoid", s) / (s**2 * call("softplus", s) ** 2)
    assert stable(stable(opened)) is stable(opened)
    for terms in SPELLINGS.values():
        for term in terms:
            assert stable(stable(term)) is stable(term)


def _formula(random: Random, depth: int) -> Term:
    """A random formula in two entries, with exponentials above all."""
    if depth == 0:
        return random.choice((s, s, y, ONE, Num(Fraction(-1)), Num(Fraction(1, 2))))
    a, kind = _formula(random, depth - 1), random.random()
    if kind < 0.3:
        return a + _formula(random, depth - 1) * random.choice((1, -1))
    if kind < 0.45:
        return a * _formula(random, depth - 1)
    if kind < 0.6:
        return power(a, random.choice((2, -1, -2, Fraction(1, 2), Fraction(-1, 2))))
    names = ("exp", "exp", "log", "sigmoid", "tanh", "softplus", "erf", "sinh", "cosh", "relu")
    return call(random.choice(names), a)


def test_rules_do_not_go_in_circles() -> None:
    """A second visit finds nothing to do: in the rules of stability and in those of short forms."""
    visits: dict[str, Callable[[Term], Term]] = {
        "stable": stable,
        "stable_form": lambda t: stable_form(t, {}),
        "tidy": tidy,
    }
    count = 0
    for seed in range(150):
        random = Random(seed)
        term = _formula(random, random.choice((2, 3, 3)))
        for name, visit in visits.items():
            try:
                once = visit(term)
            except (NotYet, ZeroDivisionError):
                continue
            assert visit(once) is once, f"{name} of {term}: {once}"
            count += 1
    assert count > 400
