"""Random specs go the whole way: derive, emit, verify."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from codegen.module import emit
from codegen.verify import verify
from derive.derivation import derive
from derive.spec import Network
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
