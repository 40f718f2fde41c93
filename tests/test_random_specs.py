"""Random specs go the whole way: derive, emit, verify."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from codegen.module import emit
from codegen.verify import verify
from derive.derivation import derive
from derive.spec import Network, load
from tests.layer_strategies import layered_networks
from tests.strategies import networks

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def assert_verified(network: Network) -> None:
    report = verify(network, emit(derive(network)))
    assert report.ok, f"{network.canonical()}\n{report.table()}"


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_random_networks_verify(network: Network) -> None:
    assert_verified(network)


@pytest.mark.sweep
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW)
@given(networks())
def test_many_random_networks_verify(network: Network) -> None:
    assert_verified(network)


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=SLOW)
@given(layered_networks())
def test_random_networks_of_all_kinds_verify(network: Network) -> None:
    assert_verified(network)


@pytest.mark.sweep
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW)
@given(layered_networks())
def test_many_random_networks_of_all_kinds_verify(network: Network) -> None:
    assert_verified(network)


#: Networks on which random search once found something wrong.
ONCE_WRONG: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a root of a tail": (
        {
            "input": 6,
            "layers": [
                "2 softplus",
                *(
                    {"kind": "dense", "units": 4, "bias": False, "activation": activation}
                    for activation in ("asin(tanh(2*s - 1.7159))", "asin(tanh((s - 1.7159)**2))")
                ),
                "4",
            ],
        },
        {"loss": "squared_error"},
    ),
    "a flat output": (
        {"input": [1, 5], "layers": ["batch_norm", "flatten"]},
        {"loss": "mean_squared_error", "reduction": "sum"},
    ),
    "a quantity that only a gradient reads": (
        {
            "input": [2, 3],
            "layers": [
                {"kind": "flatten", "activation": "tanh"},
                {
                    "kind": "equations",
                    "indices": {"i": 6, "a": 1, "j": 2},
                    "parameters": {"w": ["i", "a"], "v": ["a", "j"]},
                    "forward": [
                        "h[a] = softmax(Sum(w[i,a]*x[i], i), a)",
                        "s[j] = Sum(h[a]*v[a,j], a)",
                    ],
                },
            ],
        },
        {"loss": "squared_error"},
    ),
    "two dropouts of one number": (
        {"input": 3, "layers": ["3 tanh", "dropout 0.5", "dropout 0.25", "2"]},
        {"loss": "squared_error"},
    ),
    "letters that names of slopes would take": (
        {
            "input": 3,
            "layers": [
                {
                    "kind": "equations",
                    "indices": {"i": 3},
                    "parameters": {"delta": ["i"], "dh": ["i"], "elta": ["i"]},
                    "forward": [
                        "h[i] = tanh(delta[i]*x[i])",
                        "q[i] = dh[i]*h[i]**2 + elta[i]*h[i]",
                    ],
                },
                "2",
            ],
        },
        {"loss": "squared_error"},
    ),
    "a steady batch after one that moved": (
        {
            "input": [1, 3],
            "layers": [
                {"kind": "conv", "channels": 1, "kernel": 1, "padding": 2},
                {"kind": "max_pool", "kernel": 4, "stride": 1, "padding": 2},
                "batch_norm",
            ],
        },
        {"loss": "squared_error", "training": {"optimizer": "momentum"}},
    ),
}


@pytest.mark.parametrize("what", ONCE_WRONG)
def test_networks_once_wrong(what: str) -> None:
    spec, more = ONCE_WRONG[what]
    assert_verified(load({"name": "once", **spec, **more}))
