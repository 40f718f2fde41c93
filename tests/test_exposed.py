"""What is small and stands under a root or in a quotient is right to its last digits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from codegen.emitting.faster import faster
from codegen.emitting.module import emit
from codegen.lowering.nodes import array, node, number, ufunc, walk
from codegen.stability.exposed import exposed, exposed_names
from codegen.verify import load_source
from derive.derivation import derive
from derive.spec import load

A, B = array("a", ("n", 3)), array("b", ("n", 3))
TAIL = ufunc("sigmoid", A)

LOSSES = {
    "sqrt(sigmoid(s))": lambda s: mpmath.sqrt(1 / (1 + mpmath.exp(-s))),
    "1/(1 + s**2*sqrt(softplus(s)))": lambda s: (
        1 / (1 + s**2 * mpmath.sqrt(mpmath.log1p(mpmath.exp(s))))
    ),
}


@pytest.mark.parametrize("activation", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_trainer_keeps_the_digits_of_tails(activation: str, dtype: Any) -> None:
    """One weight w = 1 on one sample: the step is minus the rate times 2 (o - y) phi'(x) x."""
    spec = {
        "name": "tail",
        "input": 1,
        "loss": "squared_error",
        "layers": [{"kind": "dense", "units": 1, "bias": False, "activation": activation}],
    }
    net = load_source(emit(derive(load(spec))))
    for s in (-30.0, -14.0, -3.0, 0.5, 9.0, 30.0):
        trainer = net.Trainer({"W1": np.ones((1, 1), dtype)}, 1, learning_rate=1.0)
        x, y = np.full((1, 1), s, dtype), np.zeros((1, 1), dtype)
        with np.errstate(all="raise", under="ignore"), mpmath.workdps(60):
            value = trainer.step(x, y)
            truth = LOSSES[activation](mpmath.mpf(s))
            slope = mpmath.diff(LOSSES[activation], mpmath.mpf(s))
            change = 1 - 2 * truth * slope * s
        eps = float(np.finfo(dtype).eps)
        assert abs(value - truth**2) <= 16 * eps * abs(truth**2)
        assert abs(float(trainer.params["W1"][0, 0]) - change) <= 16 * eps * max(1, abs(change))


def test_where_digits_count() -> None:
    assert TAIL in exposed(ufunc("sqrt", ufunc("mul", B, TAIL)))
    assert TAIL in exposed(ufunc("div", B, TAIL))
    assert TAIL not in exposed(ufunc("div", TAIL, B))
    assert TAIL not in exposed(ufunc("div", B, ufunc("add", number(1), TAIL)))
    assert TAIL in exposed(ufunc("div", B, ufunc("sub", number(1), TAIL)))
    other = ufunc("softplus", B)
    assert TAIL in exposed(ufunc("mul", TAIL, ufunc("div", B, other)))
    assert TAIL in exposed(ufunc("power", TAIL, detail=Fraction(-1)))
    assert TAIL not in exposed(ufunc("power", TAIL, detail=Fraction(2)))
    assert TAIL not in exposed(ufunc("log", ufunc("exp", TAIL)))
    summed = node("sum", TAIL, detail=(1,), shape=("n",))
    assert TAIL not in exposed(ufunc("sqrt", summed))
    assert TAIL in exposed(TAIL, whole=True)


def test_where_digits_count_in_an_earlier_step() -> None:
    steps = {
        "a": ufunc("sigmoid", B),
        "c": ufunc("mul", A, B),
        "d": ufunc("sqrt", array("c", A.shape)),
    }
    assert exposed_names(steps, ()) == {"a", "b", "c"}
    assert exposed_names({"c": steps["c"]}, (ufunc("add", A, B),)) == frozenset()


def test_only_there_the_exact_form_is_taken() -> None:
    assert any(item.op == "tanh" for item in walk(faster(TAIL)))
    assert not any(item.op == "tanh" for item in walk(faster(ufunc("sqrt", TAIL))))
    assert not any(item.op == "tanh" for item in walk(faster(TAIL, exact=True)))
