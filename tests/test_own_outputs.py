"""Outputs that a layer of one's own computes: as good as those of a built-in activation."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from codegen.emitting.module import emit
from codegen.refusals import outside
from codegen.verify import load_source, verify
from derive.derivation import Derivation, derive
from derive.spec import load

Z = "Sum(w[i,j]*x[i], i) + b[j]"
CROSS, BINARY = "cross_entropy", "binary_cross_entropy"
CONV = {"kind": "conv", "channels": 1, "kernel": 3}


def own(*forward: str, loss: str) -> dict[str, Any]:
    """A network of one layer in equations, of four features and three outputs."""
    layer = {
        "kind": "equations",
        "indices": {"i": 4, "j": 3, "k": 3},
        "parameters": {"w": ["i", "j"], "b": ["j"]},
        "forward": list(forward),
    }
    return {"name": "own", "input": 4, "layers": [layer], "loss": loss}


def windows(*layers: Any, loss: str = BINARY) -> dict[str, Any]:
    return {"name": "windows", "input": [1, 6, 6], "layers": list(layers), "loss": loss}


#: A network, and the built-in layer that computes the same.
ALIKE: dict[str, tuple[dict[str, Any], str]] = {
    "softmax": (own(f"e[j] = {Z}", "p[j] = softmax(e[j], j)", loss=CROSS), "3 softmax"),
    "a quotient": (
        own(f"e[j] = {Z}", "p[j] = exp(e[j])/Sum(exp(e[k]), k)", loss=CROSS), "3 softmax"),
    "sigmoid": (own(f"e[j] = {Z}", "p[j] = sigmoid(e[j])", loss=BINARY), "3 sigmoid"),
    "in one line": (own(f"p[j] = sigmoid({Z})", loss=BINARY), "3 sigmoid"),
    "by exp": (own(f"p[j] = 1/(1 + exp(-({Z})))", loss=BINARY), "3 sigmoid"),
    "Poisson": (own(f"e[j] = {Z}", "m[j] = exp(e[j])", loss="o - y*log(o)"), "3 exp(s)"),
}  # fmt: skip


def module(spec: Any) -> ModuleType:
    return load_source(emit(derive(spec)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", ALIKE)
def test_as_good_as_a_built_in_activation(name: str, dtype: Any) -> None:
    """The same losses and gradients, near and far out, with nothing divided by zero."""
    spec, layer = ALIKE[name]
    mine, built = module(spec), module(f"4 > {layer} : {spec['loss']}")
    random = np.random.default_rng(0)
    w, b = (random.normal(size=shape).astype(dtype) for shape in ((4, 3), 3))
    y = np.eye(3, dtype=dtype)[[0, 2, 1, 1]]
    for scale in (1, 30) if name == "Poisson" else (1, 100, 1e4):
        x = (scale * random.normal(size=(4, 4))).astype(dtype)
        with np.errstate(all="raise", under="ignore"):
            found, slopes = mine.loss_and_gradients({"w1": w, "b1": b}, x, y)
            true, gradients = built.loss_and_gradients({"W1": w, "b1": b}, x, y)
        tolerance = 16 * np.finfo(dtype).eps * scale
        np.testing.assert_allclose(found, true, rtol=tolerance)
        for here, there in (("w1", "W1"), ("b1", "b1")):
            size = max(1, np.abs(gradients[there]).max())
            np.testing.assert_allclose(slopes[here], gradients[there], atol=tolerance * size)


@pytest.mark.parametrize("name", ALIKE)
def test_every_referee_agrees(name: str) -> None:
    network = load(ALIKE[name][0])
    assert verify(network, emit(derive(network))).ok


def steps(derivation: Derivation, title: str) -> list[str]:
    chain = next(c for c in derivation.layers if c.title == title)
    return [f"{step.rhs}" for step in chain.steps]


def test_the_error_before_a_probability_is_output_minus_target() -> None:
    told = steps(derive(ALIKE["a quotient"][0]), "the error of e1")
    assert told[-2:] == ["p1[n,j]*Sum(y[n,k], k) - y[n,j]", "p1[n,j] - y[n,j]"]
    told = steps(derive(ALIKE["by exp"][0]), "the gradient of w1")
    assert told[-1] == "x[n,i]*(p1[n,j] - y[n,j])"
    mixed = own(f"e[j] = {Z}", "p[j] = (1 + sigmoid(e[j]))/3", loss=BINARY)
    told = steps(derive(mixed), "the error of e1")
    assert "delta1" in told[-1]  # where nothing cancels the error has its name


#: A network -> whether its outputs stay where the loss is defined.
DOMAINS: dict[str, tuple[dict[str, Any], bool]] = {
    **{name: (spec, True) for name, (spec, _) in ALIKE.items()},
    "a mixture": (
        own(f"e[j] = {Z}", "g[j] = sigmoid(b[j])", "p[j] = g[j]*sigmoid(e[j]) + (1 - g[j])/2",
            loss=BINARY), True),
    "tanh": (own(f"p[j] = tanh({Z})", loss=BINARY), False),
    "nothing": (own(f"p[j] = {Z}", loss=BINARY), False),
    "0 at the start": (own(f"e[j] = {Z}", "p[j] = e[j]**2/(1 + e[j]**2)", loss=CROSS), False),
    "mean of sigmoids": (
        windows(CONV | {"activation": "sigmoid"}, {"kind": "avg_pool", "kernel": 4}), True),
    "largest of relus": (
        windows(CONV | {"activation": "relu"}, {"kind": "max_pool", "kernel": 4}), False),
    "dropout": (
        {"input": 4, "layers": ["3 sigmoid", {"kind": "dropout", "rate": 0.5}], "loss": BINARY},
        False),
    "residual": (
        {"input": 4, "layers": [{"kind": "residual", "layers": ["4 sigmoid"]}],
         "loss": "o - y*log(o)"}, False),
    "above 1": (
        {"input": 4, "layers": ["4 sigmoid", {"kind": "equations", "indices": {"i": 4},
         "parameters": {}, "forward": ["s[i] = 1 + x[i]"]}], "loss": "log(o - 1) + y*o"}, True),
}  # fmt: skip


@pytest.mark.parametrize("name", DOMAINS)
def test_where_the_loss_is_defined(name: str) -> None:
    spec, inside = DOMAINS[name]
    assert derive(spec).in_domain == inside


def test_a_list_of_entries_is_refused_where_only_rounding_is_in_the_way() -> None:
    """1 - o for o = sigmoid(40), known as the number 1."""
    before = windows(CONV | {"activation": "sigmoid"}, {"kind": "flatten"})
    (message,) = outside(derive(before))
    assert "0 < o < 1" in message
    assert "give the activation to the last layer itself" in message
    assert derive(windows(CONV, {"kind": "flatten", "activation": "sigmoid"})).in_domain


def test_an_output_has_no_name_of_another_activation() -> None:
    (message,) = outside(derive(DOMAINS["tanh"][0]))
    assert message.startswith("loss: defined only for 0 < o < 1, which the output can leave; use")
