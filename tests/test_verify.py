"""Verification: what it refuses to load, how it measures, what its report says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from codegen.referee.draws import draw, targets
from codegen.referee.sized import Sized
from codegen.report import CONTRACT, GENERIC, Report, Row
from codegen.verify import LIMIT, load_source, verify, worst_ratio
from derive.errors import SpecError
from derive.spec import load
from tests.contract_modules import SAMPLES


def test_worst_ratio() -> None:
    eps = float(np.finfo(np.float64).eps)
    assert worst_ratio([1.0, 2.0], [1.0, 2.0 + 4 * eps], [1.0, 2.0], np.float64) == 2
    assert worst_ratio([1.0], [1.0, 2.0], [1.0], np.float64) == np.inf
    assert worst_ratio([np.nan], [1.0], [1.0], np.float64) == np.inf
    assert worst_ratio([np.inf], [1.0], [1.0], np.float64) == np.inf
    assert worst_ratio([0.0], [0.0], [0.0], np.float64) == 0
    assert worst_ratio([], [], [], np.float64) == 0


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import os, requests", "the module requests"),
        ("from derive import spec", "the module derive"),
        ("from . import other", "the module ."),
        ("x = eval('1')", "the name eval"),
        ("x = (1).__class__.__mro__", "the attribute __"),
        ("exec('1')", "the name exec"),
    ],
)
def test_only_plain_modules_are_loaded(source: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"line 1 of the module uses {what}"):
        load_source(source)


def test_a_loaded_module_does_not_run_its_main_part() -> None:
    module = load_source("import numpy\nif __name__ == '__main__':\n    raise SystemExit(1)\n")
    assert module.__name__ == "emitted"


def test_the_report() -> None:
    sample = SAMPLES["xor"]
    report = verify(sample.network, sample.source)
    assert report.ok
    assert not report.failures
    data = json.loads(report.to_json())
    assert data["spec_sha256"] == sample.network.sha256
    assert data["ok"] is True
    assert {row["precision"] for row in data["rows"]} == {"any", "float32", "float64"}
    assert all(row["worst"] <= LIMIT for row in data["rows"])
    table = report.table()
    assert "xor: every referee agrees" in table
    assert max(map(len, table.splitlines())) < 100
    for quantity in ("gradient of W1", "descent step", "random direction", "every delta", "output"):
        assert quantity in table


def test_a_failing_report_says_what_and_where() -> None:
    broken = Row(CONTRACT, "runs", "float32", 1.0, 0.0, "ValueError: no")
    wrong = Row(GENERIC, "gradient of W2", "float64", float("nan"), LIMIT)
    report = Report("net", "0" * 64, (Row(GENERIC, "loss", "float64", 1.5, LIMIT), wrong, broken))
    assert not report.ok
    assert report.failures == (wrong, broken)
    assert report.worst is wrong
    table = report.table()
    assert "SOME REFEREE DISAGREES" in table
    assert "runs, float32: ValueError: no" in table
    assert json.loads(report.to_json())["rows"][1]["worst"] == "nan"


def test_an_empty_report_is_not_ok() -> None:
    assert not Report("net", "0" * 64, ()).ok


def test_verify_is_repeatable() -> None:
    sample = SAMPLES["classifier"]
    assert verify(sample.network, sample.source) == verify(sample.network, sample.source)


def test_a_module_without_the_contract() -> None:
    report = verify(SAMPLES["xor"].network, "import numpy as np\nNAME = 'xor'\n")
    assert not report.ok
    assert "the module lacks SPEC_SHA256" in report.table()


@pytest.mark.parametrize("spec", ["2 > n tanh > 1 : squared_error", "2 > 2 generic > 1 : generic"])
def test_only_networks_of_numbers(spec: str) -> None:
    with pytest.raises(SpecError, match="a number for every size"):
        verify(load(spec), "")


def test_outside_the_domain() -> None:
    network = load("2 > 3 tanh > 8 softsign : y*log(o - 3)")
    with pytest.raises(SpecError, match="inside the domain of the loss"):
        draw(network, np.random.default_rng(0), 3, np.float64)


TARGETS: list[tuple[str, Any]] = [
    ("2 > 3 sigmoid : binary_cross_entropy", lambda y: ((y >= 0) & (y <= 1)).all()),
    ("2 > 3 softmax : cross_entropy", lambda y: np.allclose(y.sum(axis=1), 1)),
    ("2 > 3 : squared_error", lambda y: y.min() < -1 and y.max() > 1),
]


@pytest.mark.parametrize(("spec", "suits"), TARGETS)
def test_targets_suit_the_loss(spec: str, suits: Any) -> None:
    y = targets(load(spec), np.random.default_rng(0), 200)
    assert y.shape == (200, 3)
    assert suits(y)


def test_draws_keep_away_from_kinks() -> None:
    network = load("8 > 8 relu > 8 relu > 8 relu > 8 relu : squared_error")
    rng = np.random.default_rng(0)
    for _ in range(10):
        at = draw(network, rng, 7, np.float32)
        assert at.size.margin > 10 * at.eps


def test_sizes_of_the_smallest_numbers_do_not_vanish() -> None:
    """The square of 1e-170 is 0; a bell far from its middle is right to a few last places."""
    tiny = Sized.exactly(np.full((2, 3), 1e-170))
    assert np.allclose((tiny * 3).size, np.hypot(3, 3) * 1e-170, rtol=1e-12, atol=0)
    assert np.allclose(tiny.sum(axis=1).size, np.hypot(3, 3**0.5) * 1e-170, rtol=1e-12, atol=0)
    assert ((tiny @ Sized.exactly(np.ones((3, 2)))).size >= 2.9e-170).all()
