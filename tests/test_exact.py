"""accuracy = "exact": for targets 0 and 1 losses and deltas are right to a few last places."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from codegen.emitting.module import emit
from codegen.verify import load_source, verify
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
