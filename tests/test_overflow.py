"""A short form is preferred only where it can be computed wherever the long one can."""

from __future__ import annotations

import math

import pytest

from derive.algebra.overflow import failures
from derive.algebra.simplify import tidy
from derive.formulas.formula import read_formula
from derive.identities import S, slope


def test_failures_are_those_of_floating_point() -> None:
    """e^(s^2) overflows from s = 27 on; e^(-s^2) never does."""
    grown, bell = (read_formula(text, {"s": S}) for text in ("exp(s**2)", "exp(-s**2)"))
    with pytest.raises(OverflowError):
        math.exp(30.0**2)
    assert {size for size, _ in failures(grown)} == {30.0, 200.0, 1000.0}
    assert not failures(bell)


@pytest.mark.parametrize(
    "formula",
    [
        "exp(-(s - 0.5)**2)/(2 + exp(-s**2)**2)",
        "s*exp(-s**2)/(1 + exp(-2*s**2))",
        "exp(-s**2)/(1 + exp(-s**2))",
    ],
)
def test_slopes_of_bells_stay_computable(formula: str) -> None:
    phi = read_formula(formula, {"s": S})
    assert not failures(phi)
    assert not failures(slope(phi).direct)


def test_a_root_of_a_negative_number_is_a_failure() -> None:
    term = read_formula("sqrt(s)*exp(s)", {"s": S})
    assert {size for size, same in failures(term) if not same} == {1.0, 30.0, 200.0, 1000.0}
    assert (1.0, True) not in failures(term)


def test_tidy_never_loses_a_point() -> None:
    for formula in ("exp(-s)/(1 + exp(-s))", "exp(s)/exp(2*s)", "1/(exp(s) + exp(-s))"):
        term = read_formula(formula, {"s": S})
        assert failures(tidy(term)) <= failures(term)
