"""Convolutions before a maximum in the Trainer: one product of matrices, the same step."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from codegen.emitting import phases
from codegen.emitting.module import emit
from codegen.verify import load_source
from derive.derivation import derive


def spec(shape: list[int], *layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A network that ends in a dense layer."""
    end: list[Any] = [{"kind": "flatten"}, "dense 2"]
    return {"input": shape, "layers": [*layers, *end], "loss": "squared_error", **more}


def conv(**options: Any) -> dict[str, Any]:
    return {"kind": "conv", "channels": 3, "kernel": 3, "activation": "relu", **options}


def pool(kernel: Any = 2, **options: Any) -> dict[str, Any]:
    return {"kind": "max_pool", "kernel": kernel, **options}


NETWORKS = {
    "even": spec([2, 8, 8], conv(), pool()),
    "rows and columns left over": spec([1, 9, 8], conv(kernel=2), pool(3)),
    "padding": spec([2, 6, 7], conv(padding=1), pool()),
    "wide padding": spec([1, 5, 5], conv(padding=2), pool()),
    "one dimension": spec([2, 17], conv(kernel=4), pool(3)),
    "oblong": spec([1, 9, 9], conv(kernel=[2, 3]), pool([4, 2])),
    "no cut-off": spec([1, 8, 8], conv(activation="linear"), pool()),
    "tanh behind": spec([1, 8, 8], conv(activation="linear"), pool(activation="tanh")),
    "no bias": spec([1, 8, 8], conv(bias=False), pool()),
    "threshold": spec([1, 8, 8], conv(bias="threshold"), pool()),
    "two": spec([1, 14, 14], conv(), pool(), conv(channels=2), pool()),
    "the second moves by two": spec([1, 14, 14], conv(), pool(), conv(stride=2), pool()),
    "decay and momentum": spec(
        [1, 8, 8],
        conv(),
        pool(),
        weight_decay=0.1,
        training={"optimizer": "momentum", "momentum": 0.5},
    ),
    "sum": spec([2, 8, 8], conv(), pool(), reduction="sum"),
}
PLAIN = {
    "windows that overlap": spec([1, 8, 8], conv(), pool(3, stride=2)),
    "windows with a border": spec([1, 8, 8], conv(), pool(2, padding=1)),
    "by two": spec([1, 9, 9], conv(stride=2), pool()),
    "tanh between": spec([1, 8, 8], conv(activation="tanh"), pool()),
    "two readers": spec(
        [1, 8, 8],
        conv(activation="linear"),
        {"kind": "residual", "layers": [conv(padding=1, activation="linear")]},
        pool(),
    ),
}


def emitted(network: dict[str, Any], patch: pytest.MonkeyPatch) -> tuple[ModuleType, int]:
    """The module, with the new form wherever it is possible, and how often it has it."""
    patch.setattr(phases, "SHARE", 0)
    patch.setattr(phases, "MOST_ZEROS", 99.0)
    text = emit(derive(network))
    return load_source(text), text.count("_left = ")


def steps_agree(net: ModuleType, x: Any, momentum: float = 0.0) -> None:
    """Steps of two batch sizes are those of the plain gradients."""
    params, rate = net.init(1), 0.01
    y = np.random.default_rng(2).normal(size=(len(x), *net.TARGET_SHAPE))
    trainer = net.Trainer(params, len(x), learning_rate=rate)
    speed = {k: np.zeros_like(p) for k, p in params.items()}
    for size in (len(x), 2, len(x)):
        value, slopes = net.loss_and_gradients(params, x[:size], y[:size])
        assert trainer.step(x[:size], y[:size]) == pytest.approx(value, rel=1e-12)
        for k, slope in slopes.items():
            speed[k] = momentum * speed[k] + rate * slope
            params[k] = params[k] - speed[k]
            np.testing.assert_allclose(trainer.params[k], params[k], 1e-11, 1e-12, err_msg=k)


@pytest.mark.parametrize("name", NETWORKS)
def test_steps_are_those_of_the_gradient(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net, count = emitted(NETWORKS[name], monkeypatch)
    assert count == (2 if name == "two" else 1)
    momentum = NETWORKS[name].get("training", {}).get("momentum", 0.0)
    steps_agree(net, np.random.default_rng(3).normal(size=(5, *net.INPUT_SHAPE)), momentum)


@pytest.mark.parametrize("name", PLAIN)
def test_other_forms_stay_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net, count = emitted(PLAIN[name], monkeypatch)
    assert count == 0
    steps_agree(net, np.random.default_rng(3).normal(size=(3, *net.INPUT_SHAPE)))


@pytest.mark.parametrize("name", ["even", "oblong", "two", "no cut-off"])
def test_the_first_of_equal_entries_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole numbers, so that equal entries are equal to the last bit, and empty parts."""
    net, _ = emitted(NETWORKS[name], monkeypatch)
    rng = np.random.default_rng(4)
    x = rng.integers(-1, 2, (8, *net.INPUT_SHAPE)).astype(float)
    x[0] = 0
    x[1] = 1
    params = {k: rng.integers(-1, 2, p.shape).astype(float) for k, p in net.init(0).items()}
    y = rng.integers(-3, 4, (8, 2)).astype(float)
    trainer = net.Trainer(params, 8, learning_rate=0.5)
    slopes = net.gradients(params, x, y)
    trainer.step(x, y)
    for k, p in trainer.params.items():
        np.testing.assert_array_equal(p, params[k] - 0.5 * slopes[k], err_msg=k)


def test_small_layers_and_many_channels_keep_the_plain_form() -> None:
    """V would have more entries than is worth its while."""
    few = spec([1, 28, 28], conv(channels=8, kernel=5), pool())
    many = spec([16, 12, 12], conv(channels=8, kernel=5), pool())
    wide = spec([1, 28, 28], conv(channels=8, kernel=2), pool(4))
    found = {
        k: emit(derive(s)).count("_left = ") for k, s in zip("fmw", (few, many, wide), strict=True)
    }
    assert found == {"f": 1, "m": 0, "w": 0}
