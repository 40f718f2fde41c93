"""accuracy = "exact": for targets 0 and 1 losses and deltas are right to a few last places."""

from __future__ import annotations

import json
from functools import cache
from types import ModuleType
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from codegen.build import report_text
from codegen.emitting.module import emit
from codegen.report import Report, Row
from codegen.verify import load_source, verify
from codegen.verify_exactness import exactness, promised
from derive.derivation import derive
from derive.spec import load

GRID = np.concatenate([sign * np.logspace(-8, 4, 323) for sign in (-1, 1)])
#: How many last places the loss and the delta may be off, for targets 0 and 1.
PLACES = {
    ("linear", "squared_error"): 5,
    ("relu", "squared_error"): 5,
    ("leaky_relu", "squared_error"): 5,
    ("elu", "squared_error"): 5,
    ("sigmoid", "binary_cross_entropy"): 5,
    ("softmax", "cross_entropy"): 5,
    ("sigmoid", "squared_error"): 7,
    ("tanh", "squared_error"): 7,
}
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])


@cache
def module(activation: str, loss: str, accuracy: str = "exact") -> ModuleType:
    units = 3 if activation == "softmax" else 1
    layer = {"kind": "dense", "units": units, "activation": activation}
    spec = {"name": "pair", "input": units, "layers": [layer], "loss": loss}
    return load_source(emit(derive(load({**spec, "accuracy": accuracy, "domain": "unchecked"}))))


def sigmoid(s: Any) -> Any:
    return 1 / (1 + mp.exp(-s))


def activated(activation: str, s: Any) -> tuple[Any, Any, Any]:
    """o, 1 - o and do/ds, each without cancellation."""
    match activation:
        case "sigmoid":
            return sigmoid(s), sigmoid(-s), sigmoid(s) * sigmoid(-s)
        case "tanh":
            return mp.tanh(s), 2 * sigmoid(-2 * s), 4 * sigmoid(2 * s) * sigmoid(-2 * s)
        case "elu" if s <= 0:
            return mp.expm1(s), 2 - mp.exp(s), mp.exp(s)
        case "relu" | "leaky_relu" if s <= 0:
            slope = mp.mpf(0) if activation == "relu" else mp.mpf(1) / 100
            return slope * s, 1 - slope * s, slope
    return s, 1 - s, mp.mpf(1)


def truth(activation: str, loss: str, row: Any, k: int) -> tuple[Any, list[Any]]:
    """The loss and the deltas for the target k of one unit, or for the class k."""
    with mp.workdps(80):
        if loss == "cross_entropy":
            top = max(map(float, row))
            e = [mp.exp(mp.mpf(float(v)) - top) for v in row]
            others = [sum(e[:j] + e[j + 1 :]) for j in range(len(e))]
            deltas = [e[j] / sum(e) if j != k else -others[k] / sum(e) for j in range(len(e))]
            return mp.log1p(others[k] / e[k]), deltas
        s = mp.mpf(float(row[0]))
        if loss == "binary_cross_entropy":
            return mp.log1p(mp.exp(-s if k else s)), [-sigmoid(-s) if k else sigmoid(s)]
        o, rest, slope = activated(activation, s)
        error = -rest if k else o
        return error**2, [2 * error * slope]


def off(found: Any, true: Any, dtype: Any) -> float:
    """In last places of the true value; none where that is beyond the largest number."""
    info = np.finfo(dtype)
    if abs(true) > float(info.max):
        return 0.0
    exponent = int(mp.floor(mp.log(abs(true), 2))) if true else int(info.minexp)
    place = mp.mpf(2) ** (max(exponent, int(info.minexp)) - info.nmant)
    return float(abs(mp.mpf(float(found)) - true) / place)


def worst(activation: str, loss: str, dtype: Any, grid: Any) -> float:
    net, largest = module(activation, loss), 0.0
    units = net.TARGET_SHAPE[0]
    x = np.zeros((len(grid), units), dtype)
    x[:, 0] = grid
    params = {"W1": np.eye(units, dtype=dtype), "b1": np.zeros(units, dtype)}
    for k in range(max(2, units)):
        y = np.tile(np.eye(units)[k] if units > 1 else [k], (len(x), 1)).astype(dtype)
        with np.errstate(over="ignore", under="ignore"):  # a squared error overflows in truth
            traced = net.trace(params, x, y)
        for n, row in enumerate(x):
            loss_true, deltas = truth(activation, loss, row, k)
            largest = max(largest, off(traced["L"][n], loss_true, dtype))
            for found, true in zip(traced["delta1"][n], deltas, strict=True):
                largest = max(largest, off(found, true, dtype))
    return largest


@DTYPES
@pytest.mark.parametrize(("activation", "loss"), PLACES)
def test_hard_targets(activation: str, loss: str, dtype: Any) -> None:
    assert worst(activation, loss, dtype, GRID[::13]) <= PLACES[activation, loss]


@pytest.mark.sweep
@DTYPES
@pytest.mark.parametrize(("activation", "loss"), PLACES)
def test_hard_targets_everywhere(activation: str, loss: str, dtype: Any) -> None:
    assert worst(activation, loss, dtype, GRID) <= PLACES[activation, loss]


@pytest.mark.parametrize(("activation", "loss"), [pair for pair in PLACES if "softmax" not in pair])
def test_what_the_report_promises_holds_at_random_numbers(activation: str, loss: str) -> None:
    """In float32, whose truth is quickly had: 30,000 pre-activations, from tiny to saturated."""
    rng = np.random.default_rng(2)
    sizes = 10 ** rng.uniform(-8, 2, (10_000, 1))
    s = np.concatenate([sizes, -sizes, 3 * rng.normal(size=(10_000, 1))]).astype(np.float32)
    net = module(activation, loss)
    params = {"W1": np.ones((1, 1), np.float32), "b1": np.zeros(1, np.float32)}
    spec = {"name": "pair", "input": 1, "layers": [f"1 {activation}"], "loss": loss}
    limit = promised(load(spec))
    assert limit is not None
    for target in (0, 1):
        traced = net.trace(params, s, np.full_like(s, target))
        losses, deltas = in_doubles(activation, loss, s.astype(np.float64), target)
        assert off_in_float32(traced["L"], losses[:, 0]) <= limit
        assert off_in_float32(traced["delta1"], deltas) <= limit


def in_doubles(activation: str, loss: str, s: Any, target: int) -> tuple[Any, Any]:
    """Losses and deltas that are right to about ten last places of a double."""
    low, high = 1 / (1 + np.exp(s)), 1 / (1 + np.exp(-s))  # sigmoid(-s), sigmoid(s)
    if loss == "binary_cross_entropy":
        turned = -s if target else s
        slope = -low if target else high
        return np.maximum(turned, 0) + np.log1p(np.exp(-np.abs(s))), slope
    below = np.minimum(s, 0)
    twice = 1 / (1 + np.exp(2 * s)), 1 / (1 + np.exp(-2 * s))
    error, slope = {
        "sigmoid": (-low if target else high, low * high),
        "tanh": (-2 * twice[0] if target else np.tanh(s), 4 * twice[0] * twice[1]),
        "elu": (np.where(s > 0, s, np.expm1(below)) - target, np.exp(below)),
        "relu": (np.maximum(s, 0) - target, s > 0),
        "leaky_relu": (np.where(s > 0, s, s / 100) - target, np.where(s > 0, 1, 0.01)),
        "linear": (s - target, np.ones_like(s)),
    }[activation]
    return error**2, 2 * error * slope


def off_in_float32(found: Any, true: Any) -> float:
    """The largest error in last places of float32."""
    exponents = np.frexp(true)[1] - 1
    places = np.ldexp(1.0, np.maximum(exponents, -126) - 23)
    return float(np.max(np.abs(found.astype(np.float64) - true) / places))


def test_the_report_states_the_last_places() -> None:
    line = "3 > 4 tanh > 2 sigmoid : binary_cross_entropy"
    network = load(line).model_copy(update={"accuracy": "exact"})
    derivation = derive(network)
    report = verify(network, emit(derivation))
    assert report.ok
    assert report.exactness is not None
    assert report.exactness.promised == 5
    assert "allowed: 5\n  float64: loss " in report.table()
    for text in (report_text(derivation, report, "columns"), report.to_json()):
        data = json.loads(text)
        stated = data["measured"]["last_places"] if "measured" in data else data["last_places"]
        for precision in ("float64", "float32"):
            assert 0 < stated[precision]["loss"] <= 5
            assert 0 < stated[precision]["delta"] <= 5
            assert stated[precision]["numbers"] > 400
    assert verify(load(line), emit(derive(load(line)))).exactness is None


@pytest.mark.parametrize(
    "line", ["2 > 2 sigmoid : squared_error", "2 > 3 relu > 2 tanh : squared_error"]
)
def test_a_module_with_differences_does_not_keep_the_promise(line: str) -> None:
    """o - y for o near 1 has lost its digits."""
    fast = load_source(emit(derive(load(line))))
    network = load(line).model_copy(update={"accuracy": "exact"})
    measured = exactness(network, fast)
    assert not measured.ok
    assert exactness(network, load_source(emit(derive(network)))).ok
    report = Report("net", "0", (Row("contract", "runs", "float32", 0.0, 0.0),), measured)
    assert not report.ok
    assert "every referee agrees; MORE LAST PLACES ARE LOST THAN PROMISED" in report.table()


def test_last_places_of_softmax_are_those_of_its_differences() -> None:
    line = "3 > 7 softmax : cross_entropy"
    network = load(line).model_copy(update={"accuracy": "exact"})
    measured = exactness(network, load_source(emit(derive(network))))
    assert measured.promised == 5
    assert measured.ok
    assert min(f.numbers for f in measured.found.values()) > 100


@DTYPES
def test_the_two_classes_are_mirror_images_bit_for_bit(dtype: Any) -> None:
    net = module("sigmoid", "binary_cross_entropy")
    s = (30 * np.random.default_rng(0).normal(size=(100_000, 1))).astype(dtype)
    params = {"W1": np.ones((1, 1), dtype), "b1": np.zeros(1, dtype)}
    one = net.trace(params, s, np.ones_like(s))
    zero = net.trace(params, -s, np.zeros_like(s))
    assert np.array_equal(one["L"], zero["L"])
    assert np.array_equal(one["delta1"], -zero["delta1"])


@DTYPES
@pytest.mark.parametrize(("activation", "loss"), PLACES)
def test_soft_targets_keep_the_bound_of_fast(activation: str, loss: str, dtype: Any) -> None:
    """4 eps max(1, |value|): both accuracies may differ by twice that."""
    rng = np.random.default_rng(1)
    nets = [module(activation, loss, accuracy) for accuracy in ("exact", "fast")]
    units = nets[0].TARGET_SHAPE[0]
    x = (rng.normal(size=(200, units)) * 10 ** rng.uniform(-2, 2, (200, 1))).astype(dtype)
    y = rng.dirichlet(np.ones(max(2, units)), 200)[:, :units]
    params = {"W1": np.eye(units, dtype=dtype), "b1": np.zeros(units, dtype)}
    exact, fast = (net.trace(params, x, y) for net in nets)
    for name in ("L", "delta1"):
        room = 8 * np.finfo(dtype).eps * np.maximum(1, np.abs(fast[name]))
        assert (np.abs(exact[name] - fast[name]) <= room).all()


@DTYPES
@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_a_trainer_sees_the_smallest_losses(activation: str, dtype: Any) -> None:
    loss = "cross_entropy" if activation == "softmax" else "binary_cross_entropy"
    net = module(activation, loss)
    units = net.TARGET_SHAPE[0]
    x = np.full((1, units), -30, dtype)
    x[0, 0] = 30
    y = np.eye(units, dtype=dtype)[:1]
    trainer = net.Trainer(
        {"W1": np.eye(units, dtype=dtype), "b1": np.zeros(units, dtype)}, 1, learning_rate=0.5
    )
    true, deltas = truth(activation, loss, x[0], 0 if units > 1 else 1)
    assert off(trainer.step(x, y), true, dtype) <= 8
    assert off(trainer.params["b1"][0], -0.5 * deltas[0], dtype) <= 8


@pytest.mark.parametrize(
    "line",
    ["3 > 4 tanh > 3 elu > 2 softmax : cross_entropy", "2 > 3 sigmoid > 2 tanh : squared_error",
     "2 > 3 silu > 2 mish > 1 sigmoid : binary_cross_entropy", "3 > 2 gelu > 2 softmax : huber"],
)  # fmt: skip
def test_exact_modules_verify(line: str) -> None:
    network = load(line).model_copy(update={"accuracy": "exact"})
    source = emit(derive(network))
    report = verify(network, source)
    assert report.ok, report.table()
