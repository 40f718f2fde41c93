"""The emitted module of every kind of layer, against plain loops with complex step and PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from codegen.module import emit
from codegen.verify import load_source
from derive.derivation import Derivation, derive
from derive.terms import Tensor
from tests.layer_networks import random_spec
from tests.loops import Loops, objective_value, random_arrays

Arrays = dict[str, Any]


def arrays_of(loops: Loops, tensors: list[Tensor], derivation: Derivation) -> Arrays:
    """Entries of the loops as arrays."""
    found: Arrays = {}
    for tensor in tensors:
        shape = tuple(map(loops.extent, derivation.shapes[tensor]))
        full = (loops.sizes["N"], *shape) if tensor.batched else shape
        array = np.zeros(full)
        for where, value in loops.arrays[tensor].items():
            array[where] = complex(value).real
        found[str(tensor)] = array
    return found


def assert_module(spec: dict[str, Any], samples: int = 3, seed: int = 0) -> ModuleType:
    """Loss, every gradient, the named quantities and a descent step agree with plain loops."""
    derivation = derive(spec)
    net = load_source(emit(derivation))
    loops = Loops(samples)
    parameters = random_arrays(derivation, loops, seed)
    tensors = list(derivation.shapes)
    inputs = arrays_of(loops, [t for t in tensors if t in loops.arrays], derivation)
    params = {str(p): inputs[str(p)] for p in parameters}
    assert {k: v.shape for k, v in params.items()} == net.PARAMETERS
    masks = {str(t): inputs[str(t)] for t in tensors if t.role == "mask"} or None
    expected = complex(objective_value(derivation, loops)).real
    trace = net.trace(params, inputs["x"], inputs["y"], masks=masks)
    for equation in derivation.forward:
        tensor = equation.lhs.tensor
        (true,) = arrays_of(loops, [tensor], derivation).values()
        close(trace[str(tensor)], true, str(tensor))
    value, slopes = net.loss_and_gradients(params, inputs["x"], inputs["y"], masks=masks)
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert net.loss(params, inputs["x"], inputs["y"], masks=masks) == pytest.approx(value, 1e-13)
    for parameter in parameters:
        entries = loops.arrays[parameter]
        for where, kept in list(entries.items()):
            entries[where] = kept + 1e-30j
            true = complex(objective_value(derivation, loops)).imag / 1e-30
            entries[where] = kept
            found = slopes[str(parameter)][where]
            assert abs(found - true) <= 1e-9 * (1 + abs(true)), (
                f"{spec}: d/d{parameter}{list(where)} is {found}, complex step {true}"
            )
    assert_trainer(net, params, inputs["x"], inputs["y"])
    return net


def close(found: Any, true: Any, what: str, room: float = 1e-10) -> None:
    np.testing.assert_allclose(np.broadcast_to(found, true.shape), true, room, room, err_msg=what)


def assert_trainer(net: ModuleType, params: Arrays, x: Any, y: Any, rate: float = 0.05) -> None:
    """Steps with batches of several sizes are those of the gradient, with the masks it drew."""
    trainer = net.Trainer(params, len(x), learning_rate=rate)
    for size in (len(x), len(x) - 1, len(x)):
        if size < 2 and net.STATE:
            continue
        before = trainer.params
        found = trainer.step(x[:size], y[:size])
        masks = trainer.masks if hasattr(net, "MASKS") else None
        value, slopes = net.loss_and_gradients(before, x[:size], y[:size], masks=masks)
        assert found == pytest.approx(value, rel=1e-11, abs=1e-11)
        for name, after in trainer.params.items():
            close(after, before[name] - rate * slopes[name], f"{name} after a step")


@pytest.mark.parametrize("seed", range(40))
def test_random_networks(seed: int) -> None:
    assert_module(random_spec(seed), samples=3, seed=seed)


@pytest.mark.sweep
def test_many_random_networks() -> None:
    for seed in range(1000):
        assert_module(random_spec(seed), samples=2 + seed % 2, seed=seed)
