"""Data on which comparisons are exact ties: who counts there is a promise of the spec.

With whole numbers for parameters and inputs, sums of products are exact in any order of summation,
so that every right program meets the same zeros at a relu and the same equal entries in a window.
This holds up to the first function that rounds; a network with a kink behind that has no such data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from codegen.backprop import backprop_of
from codegen.referee.draws import Draw, answered
from derive.spec import Activation, AnyLayer, Dropout, Equations, Network, Residual

KINKS = re.compile(r"\b(abs|max|min|piecewise|relu)\b", re.IGNORECASE)
NUMBERS = re.compile(r"(?<![\w.])\d+\.?\d*(?:[eE][+-]?\d+)?")
DIVISORS = re.compile(r"/\s*(\d+\.?\d*(?:[eE][+-]?\d+)?)")
EXACT_KINDS = ("dense", "conv", "max_pool", "flatten", "residual")
LARGEST = 2**20  # a sum of this size is still exact in float32
TRIES = 5


class _Rounded(Exception):
    """A kink behind a function that rounds."""


def tied(network: Network, rng: np.random.Generator, samples: int, dtype: Any) -> Draw | None:
    """A draw of whole numbers, if the network meets every kink exactly and there is one."""
    try:
        kinks = _kinks(network.layers, True)[1]
    except _Rounded:
        return None
    net = backprop_of(network)
    for attempt in range(TRIES if kinks else 0):
        often = 0.5 / (attempt + 1)
        params = {n: _whole(rng, shape, often).astype(dtype) for n, shape in net.shapes().items()}
        x = _whole(rng, (samples, *map(int, network.input)), 0.7).astype(dtype)
        state = {n: np.ones(shape, dtype) for n, shape in net.state.items()}
        masks = net.drawn_masks(rng, samples, dtype)
        found = answered(network, rng, params, x, masks, state)
        if found is not None and all(np.max(q) < LARGEST for q in found.size.trace.values()):
            return found
    return None


def _whole(rng: np.random.Generator, shape: tuple[int, ...], often: float) -> Any:
    """-1, 0 or 1, not 0 with this probability."""
    return rng.choice([-1, 1], size=shape) * (rng.random(shape) < often)


def _kinks(layers: Sequence[AnyLayer], exact: bool) -> tuple[bool, bool]:
    """Whether the numbers behind the layers are exact, and whether there is a kink in them."""
    kinks = False
    for layer in layers:
        if isinstance(layer, Residual):
            inner, found = _kinks(layer.layers, exact)
            exact, kinks = exact and inner, kinks or found
        if isinstance(layer, Equations) and any(map(KINKS.search, layer.forward)):
            raise _Rounded
        kinked = _is_kinked(layer.activation)
        if kinked and not _is_dyadic(layer.activation.formula or ""):
            raise _Rounded
        smooth = layer.kind in EXACT_KINDS or (
            isinstance(layer, Dropout) and layer.rate in (0, Fraction(1, 2))
        )
        if (layer.kind == "max_pool" and not exact) or (kinked and not (exact and smooth)):
            raise _Rounded
        kinks = kinks or kinked or layer.kind == "max_pool"
        exact = exact and smooth and layer.activation.name in ("linear", "relu")
    return exact, kinks


def _is_dyadic(formula: str) -> bool:
    """Whether all numbers are exact in binary: s - 1/3 against 2/3*s is decided by rounding."""
    numbers = [Fraction(n) for n in NUMBERS.findall(formula)]
    divisors = [Fraction(n) for n in DIVISORS.findall(formula)]
    return all(_power_of_two(n.denominator) for n in numbers) and all(
        n and _power_of_two(n.numerator) and _power_of_two(n.denominator) for n in divisors
    )


def _power_of_two(n: int) -> bool:
    return n & (n - 1) == 0


def _is_kinked(activation: Activation) -> bool:
    """Whether the slope jumps anywhere."""
    if activation.formula is not None:
        return KINKS.search(activation.formula) is not None
    return activation.name in ("relu", "leaky_relu", "elu")
