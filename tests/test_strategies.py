"""Strategies: every step is true on small networks; a false one is refused.

The oracle is the evaluation of what a notation prints of a step, by complex steps on random
networks: it knows nothing of how the step was derived.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from codegen.pages.latex_math import formula
from derive.algebra.prove import PROVED, TESTED, Unproved
from derive.algebra.terms import mul
from derive.claims.world import World
from derive.derivation import Derivation, derive
from derive.lemma_book import of_loss
from derive.reading.network import scope_of
from derive.reading.reader import read
from derive.spec import load
from derive.steps import Chain
from derive.strategies.checks import Proof
from derive.strategies.ladder import (
    Ladder,
    by_activation,
    by_parameter,
    ladder_of,
    own_unit,
    parameter_entry,
)
from derive.strategies.ways import UPDATE, tell
from derive.writing.profile import STRATEGIES
from tests.claims import holds
from tests.notations import writer_of

NETWORKS: dict[str, Any] = {
    "entropy": "2 > 3 tanh > 2 sigmoid : binary_cross_entropy",
    "softmax": "2 > 3 tanh > 3 softmax : cross_entropy",
    "linear": "2 > 3 sigmoid > 2 linear : half_squared_error",
    "threshold": {
        "name": "threshold", "input": 2, "loss": "squared_error",
        "layers": [{"kind": "dense", "units": n, "activation": "sigmoid", "bias": "threshold"}
                   for n in (3, 1)],
    },
}  # fmt: skip
#: Three layers cross two of them on every path; that takes longer.
DEEP = "2 > 2 tanh > 3 sigmoid > 2 sigmoid : binary_cross_entropy"
TOLD = [name for name in STRATEGIES if name != "delta"]
CONV = {
    "name": "conv", "input": [1, 4, 4], "loss": "squared_error",
    "layers": [{"kind": "conv", "channels": 2, "kernel": 3, "activation": "relu"},
               {"kind": "flatten"}, "dense 2 sigmoid"],
}  # fmt: skip


@cache
def derivation(name: str) -> Derivation:
    return derive(NETWORKS[name])


@pytest.mark.parametrize("strategy", TOLD)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_step_holds_on_small_networks(name: str, strategy: str) -> None:
    holds_on(NETWORKS[name], strategy, "units" if name != "threshold" else "signals")


@pytest.mark.sweep
@pytest.mark.parametrize("notation", ["columns", "named_layers", "units"])
@pytest.mark.parametrize("strategy", TOLD)
def test_every_step_holds_on_a_deeper_network(strategy: str, notation: str) -> None:
    holds_on(DEEP, strategy, notation)


def holds_on(network: Any, strategy: str, notation: str) -> None:
    """Every claim of every chain, printed and read, holds on a random network of that kind."""
    derived = derive(network)
    writer = writer_of(derived, notation)
    scope = scope_of(derived, writer.profile)
    world = World(load(network), seed=7)
    chains = [c for c in tell(derived, strategy).chains if c.steps and c.kind != UPDATE]
    assert chains
    for chain in chains:
        text = formula(writer.chain(chain.lhs, *(("=", s.rhs) for s in chain.steps)))
        reading = read(text, scope)
        assert not reading.problems, text
        for claim in reading.claims:
            assert holds(claim, world, scope), text


@pytest.mark.parametrize("strategy", [*TOLD, "delta", UPDATE])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_step_is_proved_or_tested(name: str, strategy: str) -> None:
    told = tell(derivation(name), strategy)
    words = {s.check.word for c in told.chains for s in c.steps}
    assert words <= {PROVED, TESTED}
    assert all(step.why for c in told.chains for step in c.steps)


@pytest.mark.parametrize("strategy", TOLD)
def test_steps_rest_on_the_lemmas_of_slopes(strategy: str) -> None:
    """Also where the slope in forward quantities is a form that is hard to recognise."""
    told = tell(derive("5 > 4 elu > 3 softsign > 2 mish > 2 : squared_error"), strategy)
    words = {s.check.word for c in told.chains for s in c.steps}
    assert words <= {PROVED, TESTED}


def test_every_form_of_the_bias_is_told() -> None:
    """Where layers differ in it, layer l has one gradient of the bias for each form."""
    dense = [{"kind": "dense", "units": 2, "activation": "tanh", "bias": bias}
             for bias in ("threshold", False, True)]  # fmt: skip
    derived = derive({"name": "mixed", "input": 3, "loss": "squared_error", "layers": dense})
    told = tell(derived, "activations")
    parts = [part for part in told.parts if part.kind == "generic gradient"]
    assert [part.bias for part in parts] == ["threshold", "absent", "added"]
    results = [[str(chain.result) for chain in part.chains] for part in parts]
    slope = "phil'(sl[n,j])*d(L[n])/d(ol[n,j])"
    assert [len(found) for found in results] == [2, 1, 2]
    assert results[2][1] == slope
    assert results[0][1] == f"-{slope}"
    factors = [c for part in told.parts if part.kind == "factors" for c in part.chains]
    assert [str(c.result) for c in factors if ".b" in c.key] == ["-1", "1"]
    assert len({chain.key for chain in told.chains}) == len(told.chains)


def test_a_false_step_is_refused() -> None:
    """A missing slope, and the weight of another unit."""
    ladder = ladder_of(derivation("entropy"))
    assert isinstance(ladder, Ladder)
    stage = ladder.last
    by = parameter_entry(stage, stage.parameters[0])
    o, slope = by_activation(ladder, stage, own_unit(stage, by))
    factor = by_parameter(stage, by)
    assert slope is not None
    right = mul(of_loss(o), slope.formal, factor.formal)
    for wrong in (
        mul(of_loss(o), factor.formal),
        mul(of_loss(o), slope.formal, slope.formal, factor.formal),
        -right,
    ):
        proof = Proof.of(ladder.frame, "wrong", "wrong", of_loss(by), "wrong")
        with pytest.raises(Unproved):
            proof.step(wrong, "wrong")
    proof = Proof.of(ladder.frame, "right", "right", of_loss(by), "right")
    assert proof.step(right, "right").done().steps[0].check.word == PROVED


def test_the_generic_layer_is_told_for_every_depth() -> None:
    layer = {"kind": "dense", "units": "d", "activation": "generic", "repeat": "L"}
    derived = derive({"name": "deep", "input": "n", "loss": "squared_error", "layers": [layer]})
    for strategy in TOLD:
        told = tell(derived, strategy)
        if strategy == "weight_by_weight":
            assert "no weight has a number" in told.missing
        else:
            assert told.chains


def test_other_kinds_are_told_apart() -> None:
    derived = derive(CONV)
    for strategy in TOLD:
        told = tell(derived, strategy)
        assert not told.parts
        assert "this network has others (conv, flatten)" in told.missing
    slopes = _of(tell(derived, "delta").chains, "delta.slope.o1")
    assert str(slopes.result) == "Piecewise((1, s1[n,c,p,q] > 0), (0, True))"


def _of(chains: tuple[Chain, ...], key: str) -> Chain:
    return next(chain for chain in chains if chain.key == key)


def test_recursion_on_the_apparent_error() -> None:
    told = tell(derivation("entropy"), "apparent_error")
    named = _of(told.chains, "apparent_error.recursion.generic.named")
    assert str(named.lhs) == "errorl-1[n,j]"
    assert str(named.result) == "Sum(errorl[n,k]*phil'(sl[n,k])*Wl[j,k], k)"


def test_paths_are_written_out_where_they_are_few() -> None:
    small = tell(derive("2 > 2 tanh > 2 tanh : half_squared_error"), "paths")
    (written,) = (c for part in small.parts if part.kind == "written out" for c in part.chains)
    assert str(written.steps[0].rhs).count(" + ") == 1  # two outputs, two paths
    large = tell(derive("2 > 3 tanh > 9 tanh : half_squared_error"), "paths")
    assert not [part for part in large.parts if part.kind == "written out"]
