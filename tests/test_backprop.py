"""The generic backprop against autograd, the complex step, 60 digits and numbers worked by hand."""

from __future__ import annotations

import ast
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import codegen.backprop
from codegen.backprop import (
    backprop_of,
    forward,
    loss_and_gradients,
    loss_value,
    passed,
    precise,
    sizes,
    trace,
)
from codegen.referee import evaluate_formula
from codegen.referee.arithmetic import COMPLEX, PRECISE, REAL
from codegen.referee.draws import draw
from codegen.referee.evaluate_formula import Formula
from codegen.referee.index_loss import IndexLoss
from codegen.referee.textbook import LOSSES, POINTWISE
from codegen.verify import worst_ratio
from derive.spec import Network, load
from tests.strategies import INDEX_FORMULAS, REAL_FORMULAS, networks

CODEGEN = Path(codegen.backprop.__file__).parent
#: The files of the referee, which share nothing with the rest but the spec.
REFEREE = [CODEGEN / "backprop.py", *sorted((CODEGEN / "referee").glob("*.py"))]
ACTIVATIONS = ("linear", "softmax", *POINTWISE)
FORMULAS = (
    *("s/(1 + exp(-s))", "1.7159*tanh(2*s/3)", "erf(s) + atan(s)/2", "Max(s, -1, 0.3)"),
    *("Piecewise((s**2, s > 0), (s, True))", "Abs(s)*exp(-s**2/3)", "min(s, 2*s)", "2**s"),
    *("log(cosh(s))", "asin(tanh(s)) + acos(tanh(s)/2)", "tan(s/4) + sinh(s)/3", "sqrt(2)*s*pi"),
    *("relu(s) - softplus(-s)", "(1 + s**2)**(-3/2)", "sigmoid(sin(s))", "cos(s)", "-s**2"),
)


def one_layer(activation: Any, loss: str, units: int = 3, **more: Any) -> Network:
    layer = {"kind": "dense", "units": units, "activation": activation}
    return load({"name": "one_layer", "input": 2, "layers": [layer], "loss": loss, **more})


def assert_complex_step_agrees(network: Network, samples: int = 3, seed: int = 0) -> None:
    at = draw(network, np.random.default_rng(seed), samples, np.float64)
    for name, found in at.answer.gradients.items():
        for i in np.ndindex(found.shape):
            moved = {key: value.astype(complex) for key, value in at.params.items()}
            moved[name][i] += 1e-30j
            true = loss_value(network, moved, at.x, at.y).imag / 1e-30
            ratio = worst_ratio(found[i], true, at.size.gradients[name][i], np.float64)
            assert ratio < 8, f"d/d{name}{list(i)}: {found[i]}, by complex step {true}"


def assert_digits_agree(network: Network, seed: int = 1) -> None:
    rng = np.random.default_rng(seed)
    at = draw(network, rng, 2, np.float64)
    way = {name: np.asarray(rng.normal(size=p.shape)) for name, p in at.params.items()}
    h = PRECISE.context.mpf("1e-25")
    here = {name: precise(value) for name, value in at.params.items()}
    there = {name: here[name] + h * precise(way[name]) for name in here}
    low, high = (loss_value(network, p, at.x, at.y) for p in (here, there))
    slope = sum((at.answer.gradients[name] * way[name]).sum() for name in way)
    room = sum((at.size.gradients[name] * np.abs(way[name])).sum() for name in way)
    assert worst_ratio(slope, float((high - low) / h), room, np.float64) < 8
    assert worst_ratio(at.answer.loss, float(low), at.size.loss, np.float64) < 8


@pytest.mark.parametrize("activation", [*ACTIVATIONS, *FORMULAS])
def test_every_activation(activation: str) -> None:
    network = one_layer(activation, "squared_error")
    assert_complex_step_agrees(network)
    assert_digits_agree(network)


@pytest.mark.parametrize("loss", [*LOSSES, *REAL_FORMULAS, *INDEX_FORMULAS])
def test_every_loss(loss: str) -> None:
    last = {"binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}.get(loss, "linear")
    network = one_layer(last, loss)
    assert_complex_step_agrees(network)
    assert_digits_agree(network)


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(most_layers=4, most_units=4))
def test_random_networks(network: Network) -> None:
    assert_complex_step_agrees(network, samples=2)


# ------------------------------------------------------------------ autograd


TORCH = {
    "linear": lambda torch, s: s,
    "sigmoid": lambda torch, s: torch.sigmoid(s),
    "tanh": lambda torch, s: torch.tanh(s),
    "relu": lambda torch, s: torch.relu(s),
    "leaky_relu": lambda torch, s: torch.nn.functional.leaky_relu(s),
    "elu": lambda torch, s: torch.nn.functional.elu(s),
    "softplus": lambda torch, s: torch.nn.functional.softplus(s),
    "gelu": lambda torch, s: torch.nn.functional.gelu(s),
    "silu": lambda torch, s: torch.nn.functional.silu(s),
    "softsign": lambda torch, s: torch.nn.functional.softsign(s),
    "mish": lambda torch, s: torch.nn.functional.mish(s),
    "softmax": lambda torch, s: torch.softmax(s, dim=1),
}
TORCH_LOSSES = {
    "squared_error": lambda F, o, y: ((o - y) ** 2).sum(1).mean(),
    "half_squared_error": lambda F, o, y: ((o - y) ** 2).sum(1).mean() / 2,
    "mean_squared_error": lambda F, o, y: F.mse_loss(o, y),
    "huber": lambda F, o, y: F.huber_loss(o, y) * o.shape[1],
    "binary_cross_entropy": lambda F, o, y: F.binary_cross_entropy(o, y) * o.shape[1],
    "cross_entropy": lambda F, o, y: F.nll_loss(o.log(), y.argmax(1)),
}
PAIRS = [(name, "huber") for name in TORCH] + [
    ("sigmoid", "binary_cross_entropy"),
    ("softmax", "cross_entropy"),
    ("softmax", "squared_error"),
    ("tanh", "mean_squared_error"),
    ("linear", "half_squared_error"),
]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_against_autograd(activation: str, loss: str) -> None:
    torch = pytest.importorskip("torch")
    spec = {"name": "two", "input": 4, "layers": [f"5 {activation}", f"3 {activation}"]}
    network = load({**spec, "loss": loss})
    at = draw(network, np.random.default_rng(2), 6, np.float64)
    y = np.eye(3)[at.y.argmax(axis=1)] if loss == "cross_entropy" else at.y
    value, found = loss_and_gradients(network, at.params, at.x, y)
    params = {name: torch.tensor(p, requires_grad=True) for name, p in at.params.items()}
    o = torch.tensor(at.x)
    for k in (1, 2):
        o = TORCH[activation](torch, o @ params[f"W{k}"] + params[f"b{k}"])
    true = TORCH_LOSSES[loss](torch.nn.functional, o, torch.tensor(y))
    true.backward()
    assert value == pytest.approx(true.item(), rel=1e-13)
    for name, parameter in params.items():
        ratio = worst_ratio(found[name], parameter.grad, at.size.gradients[name], np.float64)
        assert ratio < 16, name


# ------------------------------------------------------------------ by hand


def test_one_weight_by_hand() -> None:
    """s = 2 * 3 - 1 = 5, L = (5 - 1)^2 + 0.05 * 2^2: dL/dW = 2 * 4 * 3 + 0.1 * 2, dL/db = -8."""
    spec = {"name": "hand", "input": 1, "loss": "squared_error", "weight_decay": 0.1}
    layer = {"kind": "dense", "units": 1, "bias": "threshold"}
    network = load({**spec, "layers": [layer]})
    params = {"W1": np.array([[2.0]]), "b1": np.array([1.0])}
    loss, found = loss_and_gradients(network, params, [[3.0]], [[1.0]])
    assert loss == pytest.approx(16.2)
    assert found["W1"] == pytest.approx(np.array([[24.2]]))
    assert found["b1"] == pytest.approx(np.array([-8.0]))
    named = trace(network, params, [[3.0]], [[1.0]])
    assert {name: float(value[0, 0]) for name, value in named.items()} == {"s1": 5, "delta1": 8}


def test_reduction_and_decay() -> None:
    """The mean divides the losses by N, never the decay; delta is per sample under both."""
    x, y = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[1.0], [2.0]])
    params = {"W1": np.array([[0.3], [-0.2]]), "b1": np.array([0.1])}
    spec = {"name": "two", "input": 2, "layers": ["1"], "loss": "half_squared_error"}
    total = passed(load({**spec, "reduction": "sum"}), params, x, y)
    mean = passed(load(spec), params, x, y)
    decayed = passed(load({**spec, "weight_decay": 0.5}), params, x, y)
    assert mean.loss == pytest.approx(total.loss / 2)
    assert mean.gradients["W1"] == pytest.approx(total.gradients["W1"] / 2)
    assert mean.trace["delta1"] == pytest.approx(total.trace["delta1"])
    assert decayed.loss - mean.loss == pytest.approx(0.25 * (0.3**2 + 0.2**2))
    assert decayed.gradients["W1"] - mean.gradients["W1"] == pytest.approx(0.5 * params["W1"])
    assert decayed.gradients["b1"] == pytest.approx(mean.gradients["b1"])


KINKS = [
    ("relu", 0.0),
    ("leaky_relu", 0.01),
    ({"name": "leaky_relu", "slope": 0.3}, 0.3),
    ({"name": "elu", "alpha": 0.5}, 0.5),
    ("softsign", 1.0),
    ("Abs(s)", 0.0),
    ("abs(s)", 0.0),
    ("Max(s, 0)", 0.0),
    ("Max(0, s)", 0.0),
    ("Max(2*s, s)", 1.0),
    ("Max(s, 2*s)", 2.0),
    ("Min(3*s, 0, 2*s)", 0.0),
    ("Max(3*s, 2*s, s)", 1.0),
    ("Piecewise((s, s > 0), (0.25*s, True))", 0.25),
    ("Piecewise((s, s >= 0), (0.25*s, True))", 1.0),
    ("Piecewise((5*s, s < 0), (3*s, s <= 0), (2*s, True))", 3.0),
    ("relu(s) + s", 1.0),
]


@pytest.mark.parametrize(("activation", "slope"), KINKS, ids=str)
def test_the_last_alternative_counts_at_a_tie(activation: Any, slope: float) -> None:
    """At s = 0 exactly, with dL/do = 1."""
    spec = {"name": "kink", "input": 1, "loss": "half_squared_error"}
    layer = {"kind": "dense", "units": 1, "activation": activation, "bias": False}
    network = load({**spec, "layers": [layer]})
    params = {"W1": np.array([[0.0]])}
    o = forward(network, params, [[1.0]])
    assert loss_and_gradients(network, params, [[1.0]], o - 1)[1]["W1"] == pytest.approx(slope)


def test_likelihoods() -> None:
    o, y = np.array([[0.3, 0.9]]), np.array([[1.0, 0.5]])
    spec = {"name": "nll", "input": 2, "layers": [{"kind": "dense", "units": 2, "bias": False}]}
    gauss = load({**spec, "likelihood": "gaussian"})
    loss = loss_and_gradients(gauss, {"W1": np.eye(2)}, o, y)[0]
    assert loss == pytest.approx((0.7**2 + 0.4**2) / 2 + math.log(2 * math.pi))
    for likelihood, name in (
        ("bernoulli", "binary_cross_entropy"),
        ("categorical", "cross_entropy"),
    ):
        pair = (
            loss_and_gradients(load({**spec, **form}), {"W1": np.eye(2)}, o, y)
            for form in ({"likelihood": likelihood}, {"loss": name})
        )
        (a, first), (b, second) = pair
        assert a == b
        assert np.array_equal(first["W1"], second["W1"])


def test_whole_labels_are_one_hot_rows() -> None:
    network = load("2 > 3 softmax : cross_entropy")
    at = draw(network, np.random.default_rng(0), 4, np.float64)
    labels = np.array([0, 2, 1, 2])
    a, b = (loss_and_gradients(network, at.params, at.x, y) for y in (labels, np.eye(3)[labels]))
    assert a[0] == b[0]
    assert all(np.array_equal(a[1][name], b[1][name]) for name in a[1])


def test_confident_labels_cost_nothing() -> None:
    """0 log 0 = 0, at no warning."""
    network = load("1 > 2 softmax : cross_entropy")
    params = {"W1": np.array([[0.0, 2000.0]]), "b1": np.zeros(2)}
    loss, found = loss_and_gradients(network, params, [[1.0]], [[0.0, 1.0]])
    assert loss == 0
    assert not found["W1"].any()


# ------------------------------------------------------------------ formulas


def test_numbers_are_exact() -> None:
    tenth = Formula("0.1 + 0*s").value(PRECISE, {"s": precise(np.zeros(1))})[0]
    assert abs(tenth * 10 - 1) < 1e-55
    assert Formula("1e-3").value(REAL, {}) == 1e-3


def test_any_index_name() -> None:
    o, y = np.array([[1.0, 2.0, 4.0]]), np.zeros((1, 3))
    squares = IndexLoss(Formula("Sum(o[lambda]**2, lambda)/size(lambda)"))
    assert squares.value(REAL, o, y) == pytest.approx([7.0])
    assert squares.slope(REAL, o, y) == pytest.approx(2 * o / 3)
    softmax = IndexLoss(Formula("Sum(softmax(o[k], k)*o[k], k)"))
    p = np.exp(o) / np.exp(o).sum()
    mean = (p * o).sum()
    assert softmax.value(REAL, o, y) == pytest.approx([mean])
    assert softmax.slope(REAL, o, y) == pytest.approx(p * (1 + o - mean))
    shifted = IndexLoss(Formula("Sum(o[k], k) - Sum(o[2 - k], k) + Sum(o[2 - k], k) + o[0]*o[2]"))
    assert shifted.value(REAL, o, y) == pytest.approx([11.0])
    assert shifted.slope(REAL, o, y) == pytest.approx(np.array([[5.0, 1, 2]]))


def test_the_first_maximum_counts() -> None:
    o = np.array([[2.0, 5.0, 5.0]])
    slope = IndexLoss(Formula("Max(o[k], k)")).slope(REAL, o, o)
    assert np.array_equal(slope, [[0, 1, 0]])


def test_complex_erf() -> None:
    """erf(a + ih) = erf(a) + ih 2/sqrt(pi) exp(-a^2), up to h^2."""
    a = np.array([-3.0, -0.2, 0.0, 0.7, 4.0])
    found = COMPLEX.erf(a + 1e-30j)
    assert found.real == pytest.approx([math.erf(v) for v in a], rel=1e-15)
    slope = 2 / math.sqrt(math.pi) * np.exp(-a * a)
    assert found.imag / 1e-30 == pytest.approx(slope, rel=1e-14)


# ------------------------------------------------------------------ sizes


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_float32_stays_within_the_sizes(network: Network) -> None:
    """The same textbook in float32 and float64 differs by at most 8 eps of the sizes."""
    at = draw(network, np.random.default_rng(0), 7, np.float32)
    with np.errstate(all="ignore"):
        rough = passed(network, at.params, at.x, at.y, np.float32)
    for name, true in at.answer.gradients.items():
        ratio = worst_ratio(rough.gradients[name], true, at.size.gradients[name], np.float32)
        assert ratio < 8, network.canonical()
        assert rough.gradients[name].dtype == np.float32


@pytest.mark.parametrize(("depth", "width", "kind"), [(20, 32, "tanh"), (60, 8, "relu")])
def test_sizes_do_not_grow_with_depth(depth: int, width: int, kind: str) -> None:
    """A wrong digit must be visible however deep the network: sizes stay near the gradients."""
    network = load(
        {
            "name": "deep",
            "input": width,
            "layers": [f"{width} {kind}"] * depth,
            "loss": "squared_error",
        }
    )
    at = draw(network, np.random.default_rng(0), 7, np.float64)
    for name, true in at.answer.gradients.items():
        typical = np.median(at.size.gradients[name] / np.maximum(np.abs(true), 1e-300))
        assert typical < 1e4 or not true.any(), name


def test_margin_is_the_distance_to_a_kink() -> None:
    network = one_layer("relu", "squared_error", units=1)
    params = {"W1": np.array([[1.0], [1.0]]), "b1": np.array([-1.5])}
    near = sizes(network, params, [[1.0, 0.5 + 1e-9]], [[0.0]])
    far = sizes(network, params, [[1.0, 2.0]], [[0.0]])
    assert near.margin < 1e-9 < 0.1 < far.margin


# ------------------------------------------------------------------ training and structure


def test_numbers_need_numbers() -> None:
    with pytest.raises(ValueError, match="symbolic sizes or generic functions"):
        backprop_of(load("2 > n tanh > 1 : squared_error"))


@pytest.mark.parametrize("path", REFEREE, ids=lambda p: p.stem)
def test_the_referee_shares_only_the_spec(path: Path) -> None:
    """Independence: of derive only spec and its errors, of codegen only the referee's own files."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
        for module in names:
            package, _, rest = module.partition(".")
            shared = module in ("derive.spec", "derive.errors")
            assert package not in ("derive", "sympy") or shared, module
            assert package != "codegen" or rest.split(".")[0] in ("backprop", "referee"), module


def test_fractions_reach_the_formula() -> None:
    assert evaluate_formula.Formula("1/3").value(PRECISE, {}) * 3 == 1
    assert REAL.number(Fraction(1, 4)) == 0.25
