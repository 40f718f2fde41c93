"""Derivatives on small networks: step by step they are what the whole network shows."""

from __future__ import annotations

from random import Random

import pytest

from derive.algebra.terms import Tensor
from derive.claims.local_slopes import STEP
from derive.claims.numbers import Array, Places
from derive.claims.world import LOSS, OBJECTIVE, World
from derive.spec import load
from tests.random_chapters import chapter_spec

NORMS = {
    "name": "norms", "input": [2, 4], "loss": "squared_error", "weight_decay": 0.1,
    "layers": [{"kind": "conv", "channels": 2, "kernel": 2, "padding": 1, "activation": "tanh"},
               {"kind": "batch_norm"}, {"kind": "max_pool", "kernel": 2}, {"kind": "flatten"},
               {"kind": "residual", "layers": ["dense 4 gelu"]}, {"kind": "layer_norm"},
               {"kind": "dropout", "rate": 0.5}, {"kind": "dense", "units": 2}],
}  # fmt: skip
PLACES = 3  # that are looked at in each array


def by_whole_network(world: World, tensor: Tensor, place: Places) -> dict[Tensor, Array]:
    """All values when one entry has moved by an imaginary step, computed anew."""
    return world.shifted(tensor, place, 1j * STEP).values


def alike(found: complex, expected: complex) -> bool:
    return abs(found - expected) <= 1e-9 * (1 + abs(expected))


@pytest.mark.parametrize(
    "spec", [NORMS, "n > d generic repeat=L : generic"], ids=["norms", "any depth"]
)
def test_named_networks(spec: object) -> None:
    step_by_step(spec)


@pytest.mark.parametrize("seed", range(20))
def test_random_networks(seed: int) -> None:
    step_by_step(chapter_spec(seed))


def step_by_step(spec: object) -> None:
    world, random = World(load(spec)), Random("places")  # type: ignore[arg-type]
    nonzero = 0
    for tensor, array in tuple(world.values.items()):
        for place in random.sample(sorted(array), min(PLACES, len(array))):
            if tensor == OBJECTIVE:
                continue
            whole = by_whole_network(world, tensor, place)
            moved = world.perturbed(tensor, place)
            for of, values in world.values.items():
                for at in values:
                    expected = whole[of][at].imag / STEP
                    assert alike(moved[of][at].imag / STEP, expected)
                    assert alike(world.slope(of, at, tensor, place), expected)
                    nonzero += expected != 0 and of != tensor
    assert nonzero > 20


def test_what_is_held_at_rest_hands_nothing_on() -> None:
    """d s / d x past the block that is held is the slope of the connection around it alone."""
    block = {"kind": "residual", "layers": ["dense 2 tanh"]}
    world = World(load({"name": "held", "input": 2, "loss": "squared_error", "layers": [block]}))
    x = next(t for t in world.values if t.role == "input")
    inner = next(t for t in world.values if t.role == "preactivation")
    sums = [t for t, _, _ in world.steps if t not in (LOSS, inner)]
    last, rest = sums[-1], frozenset(sums[:-1]) | {inner}
    assert alike(world.slope(last, (0, 0), x, (0, 0), rest), 1)
    assert alike(world.perturbed(x, (0, 0), rest)[last][0, 0].imag / STEP, 1)
    assert not alike(world.slope(last, (0, 0), x, (0, 0)), 1)
    assert world.slope(inner, (0, 0), x, (0, 0), rest) == 0
