"""The Trainer: the same descent as the plain functions, in memory that is there already."""

from __future__ import annotations

import re
import tracemalloc
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from codegen.emitting.module import emit, emit_program
from codegen.emitting.program import Program
from codegen.verify import load_source
from derive.derivation import derive
from tests.networks import dense

NETWORKS: dict[str, Program] = {
    "xor": dense((2, 2, 1), ("sigmoid", "sigmoid"), "binary_cross_entropy"),
    "classes": dense((4, 6, 5, 3), ("tanh", "sigmoid", "softmax"), "cross_entropy"),
    "deep": dense((3, 4, 5, 2), ("relu", "softplus", "linear"), "squared_error"),
    "decay": dense(
        (3, 4, 2), ("tanh", "linear"), "squared_error", decay=Fraction(1, 10), momentum=0.5
    ),
    "threshold": dense(
        (3, 4, 2), ("leaky_relu", "linear"), "squared_error", bias="threshold", reduction="sum"
    ),
    "no bias": dense((3, 4, 1), ("tanh", "linear"), "squared_error", bias="absent"),
    "mixed": dense(
        (3, 4, 5, 4, 3),
        ("tanh", "relu", "sigmoid", "softmax"),
        "cross_entropy",
        decay=Fraction(1, 10),
        momentum=0.5,
    ),
    "sigmoids": dense(
        (3, 4, 5, 4, 6, 2),
        ("sigmoid", "sigmoid", "sigmoid", "tanh", "linear"),
        "squared_error",
        momentum=0.5,
    ),
    "sigmoid behind relu": dense((3, 5, 4, 2), ("relu", "sigmoid", "softmax"), "cross_entropy"),
    "two thresholds": dense(
        (3, 4, 5, 2), ("tanh", "tanh", "linear"), "squared_error", bias="threshold"
    ),
    "softmax squared": dense((3, 4, 2), ("tanh", "linear"), "squared_error", momentum=0.9),
}


@cache
def module(name: str) -> ModuleType:
    return load_source(emit_program(NETWORKS[name]))


def batch(net: ModuleType, n: int, dtype: Any = np.float64, seed: int = 3) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    params = {k: rng.normal(size=s).astype(dtype) for k, s in net.PARAMETERS.items()}
    x, y = net._example(n, seed)
    if y.ndim == 1:
        y = np.eye(*net.TARGET_SHAPE)[y]
    return params, x.astype(dtype), y.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
def test_steps_are_those_of_the_gradient(name: str, dtype: Any) -> None:
    """Five steps, two of them with shorter batches, against the plain functions in float64."""
    net, momentum = module(name), NETWORKS[name].training.momentum
    params, x, y = batch(net, 6, dtype)
    trainer = net.Trainer(params, 6, learning_rate=0.05)
    now = {k: p.astype(np.float64) for k, p in params.items()}
    speed: dict[str, Any] = {k: np.zeros_like(p) for k, p in now.items()}
    room = 2e-4 if dtype == np.float32 else 1e-12
    with np.errstate(all="raise", under="ignore"):
        for size in (6, 6, 2, 5, 6):
            value, slopes = net.loss_and_gradients(now, x[:size], y[:size])
            assert trainer.step(x[:size], y[:size]) == pytest.approx(value, rel=room, abs=room)
            for k, slope in slopes.items():
                speed[k] = momentum * speed[k] + 0.05 * slope
                now[k] = now[k] - speed[k]
                np.testing.assert_allclose(trainer.params[k], now[k], room, room, err_msg=k)
    assert all(p.dtype == dtype for p in trainer.params.values())


def test_the_trainer_leaves_the_given_parameters_alone() -> None:
    net = module("deep")
    params, x, y = batch(net, 4)
    before = {k: p.copy() for k, p in params.items()}
    trainer = net.Trainer(params, 4, learning_rate=0.1)
    trainer.step(x, y)
    assert all(np.array_equal(params[k], p) for k, p in before.items())
    held = trainer.params
    trainer.step(x, y)
    assert not np.array_equal(held["W1"], trainer.params["W1"])


def test_lists_views_and_other_precisions_are_accepted() -> None:
    net = module("classes")
    params, x, y = batch(net, 4)
    forms = [
        (x, y),
        (x.tolist(), y.tolist()),
        (np.asfortranarray(x), np.asfortranarray(y)),
        (np.repeat(x, 2, axis=0)[::2], np.repeat(y, 2, axis=1)[:, ::2]),
        (x, y.argmax(axis=1)),
    ]
    results = []
    for a, b in forms:
        trainer = net.Trainer(params, 4, learning_rate=0.1)
        results.append((trainer.step(a, b), trainer.params))
    for loss, after in results[1:]:
        assert loss == pytest.approx(results[0][0], rel=1e-14)
        np.testing.assert_allclose(after["W1"], results[0][1]["W1"], rtol=1e-13)


@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf])
def test_spoilt_targets_change_nothing(spoilt: float) -> None:
    for name in ("deep", "classes"):
        net = module(name)
        params, x, y = batch(net, 4)
        trainer = net.Trainer(params, 4, learning_rate=0.1)
        y[1, 0] = spoilt
        with pytest.raises(ValueError, match="y: found"):
            trainer.step(x, y)
        assert all(np.array_equal(trainer.params[k], p) for k, p in params.items())


@pytest.mark.parametrize("row", [[0.7, 0.4, 0.2], [0.0, 0.0, 0.0], [2.0, -1.5, 0.0]])
def test_targets_that_do_not_sum_to_1_change_nothing(row: list[float]) -> None:
    """Also where the sums of two rows make up for each other."""
    for name in ("classes", "mixed"):
        net = module(name)
        params, x, y = batch(net, 4, np.float32)
        trainer = net.Trainer(params, 4, learning_rate=0.1)
        y[1] = row
        y[2] = [0, 0, 2 - sum(row)]
        with pytest.raises(ValueError, match="y: found targets that sum to"):
            trainer.step(x, y)
        assert all(np.array_equal(trainer.params[k], p) for k, p in params.items())


HELD = {
    "xor": ["W1b1"],
    "classes": ["W1b1", "W2b2"],
    "deep": [],  # relu and softplus are nowhere flat at 1
    "decay": ["W1b1"],
    "threshold": [],
    "mixed": ["W1b1", "W3b3"],
    "two thresholds": ["W1b1", "W2b2"],
}


@pytest.mark.parametrize("name", HELD)
def test_units_that_hold_themselves_at_1_stay_so(name: str) -> None:
    """Their weights are 0 and K to the last bit after many steps, also in float32."""
    net = module(name)
    params, x, y = batch(net, 6, np.float32)
    trainer = net.Trainer(params, 6, learning_rate=0.01)
    for _ in range(20):
        trainer.step(x, y)
    held = dict(zip(trainer._step.__code__.co_freevars, trainer._step.__closure__, strict=True))
    found = []
    for block in (k for k in held if re.fullmatch(r"W(\d)b\1", k)):
        weights = held[block].cell_contents
        if weights.shape[1] > net.PARAMETERS[block[:2]][1]:
            found.append(block)
            assert not weights[:-1, -1].any()
            assert abs(weights[-1, -1]) == 80
    assert sorted(found) == HELD[name]


SCALED = {
    "xor": (0.5, 0.5, 0.5, 0.5),
    "sigmoids": (0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.5, 0.5, 1, 1),
    "sigmoid behind relu": (1, 1, 0.5, 0.5, 0.5, 0.5),
    "classes": (1, 1, 0.5, 0.5, 0.5, 0.5),
    "mixed": None,  # the decay reads the weights
    "deep": None,
}


@pytest.mark.parametrize("name", SCALED)
def test_sigmoid_layers_without_their_halves(name: str) -> None:
    """Weights are stored halved and read as they were, to the last bit."""
    net = module(name)
    params, *_ = batch(net, 4, np.float32)
    trainer = net.Trainer(params, 4, learning_rate=0.1)
    assert getattr(trainer, "_scales", None) == SCALED[name]
    for key, value in trainer.params.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, params[key])


def test_no_unit_is_added_where_more_than_the_next_layer_reads() -> None:
    """A residual connection reads the same outputs."""
    layers: list[Any] = [
        "dense 4 tanh",
        {"kind": "residual", "layers": ["dense 4 tanh", "dense 4 linear"]},
        "dense 2 linear",
    ]
    network = {"name": "around", "input": 3, "loss": "squared_error", "layers": layers}
    source = emit(derive(network))
    flat = source[source.index("    def __init__") : source.index("    def params")]
    assert flat.count("self._flat[") == 1  # that of the layer inside
    net = load_source(source)
    params, x, y = batch(net, 5)
    trainer = net.Trainer(params, 5, learning_rate=0.1)
    slopes = net.gradients(params, x, y)
    trainer.step(x, y)
    for name, p in trainer.params.items():
        np.testing.assert_allclose(p, params[name] - 0.1 * slopes[name], rtol=1e-12, atol=1e-14)


def test_slopes_of_like_layers_are_computed_together() -> None:
    """The slopes 1 - o*o of four layers of different widths take two calls."""
    source = emit(derive("3 > 5 tanh > 40 tanh > 7 tanh > 6 tanh > 2 linear : squared_error"))
    step = source[source.index("def step(x, y, checked=False)") :]
    assert step.count("(together, together, ") == 1
    source = emit(derive("3 > 5 sigmoid > 40 sigmoid > 7 sigmoid > 2 linear : squared_error"))
    step = source[source.index("def step(x, y, checked=False)") :]
    assert len(re.findall(r"^ +multiply\(.*together", step, re.M)) == 1  # o (1 - o)
    wide = emit(derive("3 > 500 tanh > 400 tanh > 2 linear : squared_error"))
    assert "together" not in wide


def test_arguments_of_the_trainer() -> None:
    net = module("deep")
    params, x, y = batch(net, 4)
    with pytest.raises(ValueError, match="batch_size: found 0"):
        net.Trainer(params, 0, learning_rate=0.1)
    with pytest.raises(ValueError, match="learning_rate: found nan"):
        net.Trainer(params, 4, learning_rate=float("nan"))
    with pytest.raises(ValueError, match="x: found 5 samples, expected at most 4"):
        net.Trainer(params, 4, learning_rate=0.1).step(x[[0, 1, 2, 3, 3]], y[[0, 1, 2, 3, 3]])


SPECS = {
    "tanh": "8 > {0} tanh > {0} tanh > 3 softmax : cross_entropy",
    "sigmoid": "8 > {0} sigmoid > 1 sigmoid : binary_cross_entropy",
    "relu": "8 > {0} relu > 2 linear : squared_error",
    "gelu": "8 > {0} gelu > {0} silu > 2 softplus : huber",
    "elu": "8 > {0} elu > {0} mish > 2 softsign : mean_squared_error",
    "leaky": "8 > {0} leaky_relu > 2 softmax : squared_error",
}


@pytest.mark.parametrize("name", SPECS)
def test_a_step_allocates_no_array_data(name: str) -> None:
    """At most 1 KiB and one buffer of 64 KiB, for every batch and width."""
    for width, n in ((16, 32), (96, 512)):
        net = load_source(emit(derive(SPECS[name].format(width))))
        params = net.init(0, np.float32)
        x, y = net._example(n, 0)
        if y.ndim == 1:
            y = np.eye(*net.TARGET_SHAPE)[y]
        x, y = x.astype(np.float32), y.astype(np.float32)
        trainer = net.Trainer(params, n, learning_rate=0.01)
        for _ in range(3):
            trainer.step(x, y)
        tracemalloc.start()
        start = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        trainer.step(x, y)
        peak = tracemalloc.get_traced_memory()[1] - start
        tracemalloc.stop()
        assert peak <= 1024 + 65536, f"width {width}, batch {n}: {peak} bytes"


@pytest.mark.parametrize("name", SPECS)
def test_small_results_have_memory_of_their_own(name: str) -> None:
    """NumPy looks long at operands that overlap the result and are another object."""
    source = emit(derive(SPECS[name].format(16)))
    step = load_source(source).Trainer(load_source(source).init(0), 4, learning_rate=0.01)._step
    names = step.__code__.co_freevars
    held = dict(zip(names, (cell.cell_contents for cell in step.__closure__), strict=True))
    calls = re.findall(
        r"^            (\w+)\((.*?)\)",
        source[source.index("def step(x, y, checked=False)") :],
        re.M,
    )
    ufuncs = [(f, args) for f, args in calls if isinstance(held.get(f), np.ufunc)]
    assert len(ufuncs) > 4
    for function, args in ufuncs:
        *operands, result = (held.get(a.removeprefix("out=")) for a in args.split(", "))
        for operand in operands:
            apart = operand is None or not np.shares_memory(operand, result)
            assert apart or operand is result, f"{function}({args})"
