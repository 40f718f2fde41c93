"""Slopes in forward quantities: exactly the forms that people write, and all of them true."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import pytest

from derive.algebra.canon import normal
from derive.algebra.fitting import Span, fit
from derive.algebra.index import replace_term
from derive.algebra.simplify import cost
from derive.algebra.terms import ONE, Apply, Function, Num, Term, call, exp, lift, power, walk
from derive.formulas.formula import read_formula
from derive.identities import O, S, function_slope, recognised, slope, with_slopes
from derive.primitives import ACTIVATIONS, DEFINED
from tests.brute import DIGITS, Brute, close, difference, mp_function

OPTIONS: dict[str, Term] = {"slope": lift(1) / 100, "alpha": ONE}
NAMES = {"s": S, **OPTIONS}
POINTS = [mpmath.mpf(v) for v in (-2.3, -0.7, -0.1, 0.2, 0.9, 2.4)]

#: phi' in the forward quantities o = phi(s) and s.
FORMS = {
    "linear": "1",
    "sigmoid": "o*(1 - o)",
    "tanh": "1 - o**2",
    "relu": "Piecewise((1, s > 0), (0, True))",
    "leaky_relu": "Piecewise((1, s > 0), (1/100, True))",
    "elu": "Piecewise((1, s > 0), (1 + o, True))",
    "softplus": "sigmoid(s)",
    "gelu": "1/2*(1 + erf(s/2**(1/2))) + s*exp(-1/2*s**2)/(2*pi)**(1/2)",
    "silu": "sigmoid(s) + o*(1 - sigmoid(s))",
    "softsign": "(1 - abs(o))**2",
    "mish": "tanh(softplus(s)) + s*(1 - tanh(softplus(s))**2)*sigmoid(s)",
}

#: A user's own formulas: the same identities are found in every spelling.
OWN = {
    "1/(1 + exp(-s))": "o*(1 - o)",
    "exp(s)/(1 + exp(s))": "o*(1 - o)",
    "(1 - exp(-s))/(1 + exp(-s))": "1/2*(1 - o**2)",
    "2*sigmoid(2*s) - 1": "1 - o**2",
    "1.7159*tanh(2*s/3)": None,
    "log(1 + exp(s))": "sigmoid(s)",
    "s/(1 + exp(-s))": None,
    "exp(s)": "o",
    "s**2": "2*s",
    "atan(s)": "1/(1 + s**2)",
    "sin(s)": "cos(s)",
    "sqrt(1 + s**2)": None,
    "s*tanh(s)": None,
    "log(cosh(s))": "tanh(s)",
    "exp(-s**2)": "-2*o*s",
    "Max(-1, Min(s, 1))": None,
}


@pytest.fixture(autouse=True)
def precise() -> Any:
    with mpmath.workdps(DIGITS):
        yield


def assert_slope(phi: Term, found: Term) -> None:
    """found, in s and o = phi(s), is the difference quotient of phi."""
    for point in POINTS:

        def value(term: Term, s: Any, o: Any = 0) -> Any:
            return Brute(lambda tensor, where: s if tensor == S.tensor else o)(term, {})

        expected = difference(lambda s: value(phi, s), point)
        assert close(value(found, point, value(phi, point)), expected), f"at s = {point}"


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_of_built_in_activations(name: str) -> None:
    phi = read_formula(ACTIVATIONS[name], NAMES)
    found = slope(phi)
    assert str(found.best) == FORMS[name]
    assert_slope(phi, found.best)
    assert_slope(phi, found.direct)


def test_every_built_in_activation_has_a_form() -> None:
    assert FORMS.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize("formula", OWN)
def test_slopes_of_a_users_own_activation(formula: str) -> None:
    phi = read_formula(formula, NAMES)
    found = slope(phi)
    assert_slope(phi, found.best)
    assert_slope(phi, found.direct)
    if OWN[formula] is not None:
        assert str(found.best) == OWN[formula]


def test_a_scaled_tanh_folds_over_powers_of_its_exponential() -> None:
    folded = slope(read_formula("1.7159*tanh(2*s/3)", NAMES)).folded
    assert folded is not None
    assert O in set(walk(folded))
    assert S not in set(walk(folded))


@pytest.mark.parametrize("name", [n for n in DEFINED if n not in {"max", "min"}])
def test_slopes_of_functions_with_a_definition(name: str) -> None:
    assert_slope(call(name, S), function_slope(name))


def test_slopes_are_inserted_at_any_argument() -> None:
    term = Apply(Function("tanh"), 2 * S, 1) * Apply(Function("softplus"), S**2, 1)
    assert str(with_slopes(term)) == "(1 - tanh(2*s)**2)*sigmoid(s**2)"


def test_nothing_found_is_said_honestly() -> None:
    """No polynomial in forward quantities gives this slope: the calculus' own form is kept."""
    found = slope(read_formula("erf(s)**3", NAMES))
    assert found.best is found.direct or S in set(walk(found.best))
    assert_slope(found.phi, found.best)


RECOGNISED: dict[str, tuple[Term, str]] = {
    "tanh": (call("sinh", S) / call("cosh", S), "tanh(s)"),
    "sigmoid": (exp(S) / (1 + exp(S)), "sigmoid(s)"),
    "of an argument": (1 / (1 + exp(-2 * S)), "sigmoid(2*s)"),
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_known_functions_are_recognised(name: str) -> None:
    term, text = RECOGNISED[name]
    assert str(recognised(term)) == text


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softplus"])
def test_a_recognised_function_is_never_longer(name: str) -> None:
    for term in (call(name, S) * 2, 1 - call(name, S) ** 2, DEFINED[name](S) + 3):
        assert cost(recognised(term)) <= cost(term)


# ------------------------------------------------------------------ the linear system behind it


def test_coefficients_are_found_exactly() -> None:
    u = exp(S)
    target = 3 * u - u**2 / 7 + 2
    assert [str(c) for c in fit([normal(b) for b in (ONE, u, u**2)], normal(target)) or []] == [
        "2",
        "3",
        "-1/7",
    ]


def test_no_coefficients_where_there_are_none() -> None:
    assert fit([normal(ONE), normal(exp(S))], normal(S)) is None


def test_a_product_of_quantities_is_found_from_their_values_alone() -> None:
    u, v = exp(S), call("log", 1 + exp(S))
    span = Span([normal(u), normal(v)], normal(2 * u * v - v**2 / 3))
    assert span.multiplies
    assert [str(c) for c in span.combination([(), (0, 1), (1, 1)]) or []] == ["0", "2", "-1/3"]
    assert span.reaches([(0, 0), (0, 1), (1, 1)])
    assert not span.reaches([(0, 0), (0, 1), (0,)])


def test_quantities_tied_by_a_law_are_multiplied_as_terms() -> None:
    """sin^2 = 1 - cos^2 and sqrt(u)^2 = u are not seen by independent values."""
    sine, cosine = call("sin", S), call("cos", S)
    assert not Span([normal(sine)], normal(cosine)).multiplies
    assert not Span([normal(power(1 + S**2, ONE.value / 2))], normal(S)).multiplies
    assert str(slope(read_formula("tan(s)", NAMES)).best) == "1 + o**2"


def test_roots_inside_of_denominators_count_as_roots() -> None:
    """1/(1 + sqrt(u)) is no constant, and 1/sqrt(u) is not 1 beside 1/u."""
    below = power(1 + power(S, ONE.value / 2), -1)
    assert fit([normal(ONE)], normal(below)) is None
    assert fit([normal(below)], normal(3 * below)) == [Fraction(3)]
    base = 1 + S**2
    assert fit([normal(ONE), normal(power(base, -1))], normal(power(base, -ONE.value / 2))) is None


def test_branches_of_one_slope_are_joined_only_at_the_end() -> None:
    """The slope is 1 on both sides of a middle piece: neither condition may be lost."""
    phi = read_formula("Piecewise((s, s > 1), (s, s < -1), (s**3, True))", NAMES)
    assert_slope(phi, slope(phi).best)
    assert_slope(phi, slope(phi).direct)


def test_conditions_are_fitted_on_every_branch() -> None:
    absolute = call("abs", S)
    assert fit([normal(absolute), normal(S)], normal(call("relu", S))) is not None
    assert fit([normal(absolute)], normal(call("relu", S))) is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda form: form + Num(ONE.value) / 10**9,
        lambda form: -form,
        lambda form: form * 2,
        lambda form: replace_term(form, O, O**2),
    ],
)
def test_the_oracle_sees_a_wrong_slope(wrong: Callable[[Term], Term]) -> None:
    phi = call("sigmoid", S)
    with pytest.raises(AssertionError):
        assert_slope(phi, wrong(slope(phi).best))


def test_the_oracle_knows_the_functions_by_their_mathematics() -> None:
    assert close(mp_function("sigmoid")(mpmath.mpf(0)), mpmath.mpf(1) / 2)
    assert str(power(lift(4), 2)) == "16"


def test_a_fold_that_would_cancel_badly_is_not_taken() -> None:
    """Near s = 0 both forms agree, but the folded one would subtract terms of 200 o^2."""
    phi = read_formula("tanh(s) + 0.01*s/(2 + s**2)", {"s": S})
    assert slope(phi).folded is None
