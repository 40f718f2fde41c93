"""The bundled examples: what they cover, that they hold, and that the digits are learnt."""

from __future__ import annotations

import io
import sys
import tomllib
from typing import Any

import numpy as np
import pytest

from codegen import build, examples
from codegen.commands.sources import example, read_source
from codegen.toml_text import toml
from codegen.verify import load_source
from derive.derivation import Derivation, derive
from derive.profiles import names as notations
from derive.spec import Dense, load_text

ALL = examples.names()


@pytest.fixture(scope="module")
def derived() -> dict[str, Derivation]:
    return {name: derive(example(name).network) for name in ALL}


def test_the_examples_cover_the_dense_networks(derived: dict[str, Derivation]) -> None:
    assert len(ALL) >= 10
    networks = [d.network for d in derived.values()]
    assert {network.notation for network in networks} == set(notations())
    losses = {network.loss.name for network in networks}
    assert losses >= {
        "squared_error", "half_squared_error", "mean_squared_error", "binary_cross_entropy",
        "cross_entropy", "huber", "formula", "generic", "likelihood",
    }  # fmt: skip
    assert any(isinstance(n.layers[0], Dense) and n.layers[0].repeat for n in networks)
    assert {network.reduction for network in networks} == {"mean", "sum"}
    assert any(network.weight_decay for network in networks)
    assert sum(not network.numeric for network in networks) == 3


@pytest.mark.parametrize("name", ALL)
def test_an_example_is_derived_without_samples(derived: dict[str, Derivation], name: str) -> None:
    derivation = derived[name]
    assert derivation.network.name == name
    assert derivation.network.title == examples.title(name)
    assert derivation.in_domain
    assert derivation.checks["SAMPLED"] == 0 < derivation.checks["PROVED"]
    assert examples.text(name).startswith("# ")


@pytest.mark.parametrize(
    "spec",
    [
        "2 > 3 tanh > 1 sigmoid : binary_cross_entropy",
        "3x2 > flatten > 3 leaky_relu slope=0.2 bias=false > 1 : huber delta=2 weight_decay=1e-3",
        '{"input": 2, "name": "copied", "title": "A \\"title\\" \\\\ with \\u00e9 \\ud83d\\ude00",'
        ' "layers": [{"units": 1, "kind": "dense", "activation": {"name": "elu", "alpha": 0.5},'
        ' "bias": false}], "loss": "(o - y)**2", "training": {"epochs": 3}}',
        '\ufeff# A comment\r\ninput = 2\r\nlayers = ["1"]\r\nloss = "huber"\r\n',
    ],
    ids=["one line", "long line", "JSON", "TOML"],
)
def test_the_copy_of_a_spec_is_the_same_network(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(spec.encode())))
    source = read_source("-")
    again = load_text(source.copy, name=source.network.name)
    assert again.canonical() == source.network.canonical()
    assert load_text(spec, name=source.network.name).sha256 == again.sha256


def test_keys_and_values_of_any_kind_survive() -> None:
    data: dict[str, Any] = {"a b": {"": [1, True, "x\x7f\n\t\u2028"]}, "none": None, "list": [[]]}
    assert tomllib.loads(toml(data)) == {k: v for k, v in data.items() if k != "none"}


def test_the_exclusive_or_is_learnt() -> None:
    net = load_source(build.module(derive(example("xor").network), "xor"))
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
    y = np.array([[0], [1], [1], [0]], dtype=float)
    params = net.init(seed=0)
    losses = net.fit(params, x, y)
    assert losses[-1] < 0.01 < losses[0]
    assert np.abs(net.forward(params, x) - y).max() < 0.05


def assert_digits_are_learnt(name: str, accuracy: float) -> None:
    """1797 real images, every fifth kept for the test; so many of those are read right."""
    data = pytest.importorskip("sklearn.datasets").load_digits()
    network = example(name).network
    net = load_source(build.module(derive(network), name))
    x, labels = (data.data / 16).reshape(-1, *network.input), data.target
    kept = np.arange(len(x)) % 5 == 4
    params = net.init(seed=0)
    losses = net.fit(params, x[~kept], labels[~kept], seed=0)
    assert all(p.dtype == np.float32 for p in params.values())
    assert losses[-1] < losses[0] / 10
    found = net.forward(params, x[kept]).argmax(axis=1)
    assert (found == labels[kept]).mean() >= accuracy


def test_handwritten_digits_are_learnt() -> None:
    assert_digits_are_learnt("digits", 0.95)


@pytest.mark.sweep
def test_handwritten_digits_are_learnt_by_convolutions() -> None:
    assert_digits_are_learnt("digits_conv", 0.97)
