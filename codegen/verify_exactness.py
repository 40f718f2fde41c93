"""How many last places the loss and the delta of the output layer are off, for targets 0 and 1.

The pre-activations are the module's own numbers, of every size and both signs: the parameters of
the last layer are scaled until the largest has the size wanted.  The truth is the textbook's
formula at so many digits that 1 - sigmoid(s) still has them at the largest s.  Of softmax the
differences to the largest pre-activation are taken as given: they are rounded before anything else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np

from codegen.backprop import Backprop, backprop_of
from codegen.referee.arithmetic import Precise
from codegen.referee.draws import Draw, Floats, draw, takes_labels
from codegen.referee.layers import DenseLayer
from codegen.referee.textbook import Softmax
from codegen.referee.windows import ConvLayer
from codegen.report import Exactness, LastPlaces
from derive.spec import Network

SIZES = np.logspace(-8, 3, 45)
SAMPLES = 2  # of each size
DOMAIN = "pre-activations of size 1e-8 to 1e3, both signs; targets 0 and 1"
MOST_ENTRIES = 500  # of pre-activations; with more outputs there are fewer sizes
NEAR = 30.0  # up to here few digits are enough
FEW, MANY = Precise(120), Precise(1040)  # digits: 2.2 |s| / log(10) and 80 more

#: What is promised of an output layer, by its activation and its loss.  An exponential in float32
#: is off by up to 2.5 last places, and a square doubles that.
PROMISED = {
    **{(name, "squared_error"): 5 for name in ("linear", "relu", "leaky_relu")},
    **{(name, "squared_error"): 12 for name in ("elu", "sigmoid", "tanh")},
    ("sigmoid", "binary_cross_entropy"): 5,
    ("softmax", "cross_entropy"): 5,
}
DEFAULTS = ({"alpha": Fraction(1)}, {"slope": Fraction(1, 100)})
LIKELIHOODS = {"bernoulli": "binary_cross_entropy", "categorical": "cross_entropy"}


class _Largest:
    """The largest error of each quantity in units in the last place of the true value."""

    def __init__(self, dtype: Any) -> None:
        self.limits = np.finfo(dtype)
        self.found = {"loss": 0.0, "delta": 0.0}
        self.numbers = 0

    def take(self, m: Precise, quantity: str, found: float, true: Any) -> None:
        """Compare one number with the truth; nothing is said where that is beyond all numbers."""
        limits, context = self.limits, m.context
        if abs(true) > float(limits.max):
            return
        error = abs(context.mpf(found) - true) if math.isfinite(found) else context.inf
        exponent = max(context.mag(true) - 1 if true else -math.inf, int(limits.minexp))
        place = context.ldexp(1, exponent - int(limits.nmant))
        self.found[quantity] = max(self.found[quantity], float(error / place))
        self.numbers += 1


def promised(network: Network) -> int | None:
    """How many last places loss and delta may be off, if that is promised of this output layer."""
    last, loss = network.layers[-1], network.loss
    options = dict(last.activation.options)
    if last.kind not in ("dense", "conv") or options not in ({}, *DEFAULTS):
        return None
    return PROMISED.get((last.activation.name, LIKELIHOODS.get(loss.likelihood or "", loss.name)))


def exactness(network: Network, module: ModuleType, seed: int = 0) -> Exactness:
    """What is measured in each precision; nothing for an output layer without weights."""
    net = backprop_of(network)
    last = net.chain.layers[-1]
    found: dict[str, LastPlaces] = {}
    if isinstance(last, DenseLayer | ConvLayer) and last.delta:
        for dtype in (np.float64, np.float32):
            at = draw(network, np.random.default_rng(seed), SAMPLES, dtype)
            found[np.dtype(dtype).name] = _measured(network, net, last, module, at)
    return Exactness(DOMAIN, promised(network), found)


def _measured(
    network: Network, net: Backprop, last: DenseLayer | ConvLayer, module: ModuleType, at: Draw
) -> LastPlaces:
    largest = _Largest(at.x.dtype)
    for y, params in _scaled(network, last, at):
        with np.errstate(all="ignore"):
            traced = module.trace(params, at.x, y, **at.masked)
        for n, (row, target) in enumerate(zip(traced[last.s], y, strict=True)):
            m = FEW if np.abs(row).max() <= NEAR else MANY
            loss, slopes = _truth(m, net, last, row, target)
            largest.take(m, "loss", float(traced["L"][n]), loss)
            deltas = traced[str(last.delta)][n].ravel()
            for value, true in zip(deltas, slopes.ravel(), strict=True):
                largest.take(m, "delta", float(value), true)
    return LastPlaces(**largest.found, numbers=largest.numbers)


def _scaled(
    network: Network, last: DenseLayer | ConvLayer, at: Draw
) -> Iterator[tuple[Floats, dict[str, Floats]]]:
    """Targets and parameters; the pre-activations of the last layer are linear in its own."""
    rng = np.random.default_rng(1)
    entries = 2 * SAMPLES * math.prod(last.out) * len(SIZES)
    sizes = SIZES[:: math.ceil(entries / MOST_ENTRIES)]
    largest = float(np.abs(at.answer.trace[last.s]).max())
    for size in sizes if largest else ():
        for sign in (1, -1):
            factor = at.x.dtype.type(sign * size / largest)
            params = {n: p * factor if n in last.parameters else p for n, p in at.params.items()}
            yield _targets(network, rng, at).astype(at.x.dtype), params


def _targets(network: Network, rng: np.random.Generator, at: Draw) -> Floats:
    """0 and 1; one 1 in a row where the targets are classes."""
    if takes_labels(network):
        rows: Floats = np.eye(at.y.shape[1])[rng.integers(at.y.shape[1], size=len(at.y))]
        return rows
    either: Floats = rng.integers(2, size=at.y.shape).astype(float)
    return either


def _truth(
    m: Precise, net: Backprop, last: DenseLayer | ConvLayer, row: Floats, target: Floats
) -> tuple[Any, Any]:
    """Loss and delta of one sample."""
    if isinstance(last.unit, Softmax):
        row = row - row.max(axis=-1, keepdims=True)
    s, y = m.array(row[None]), m.array(target[None])
    o = last.unit.value(m, s)
    return net.objective.value(m, o, y)[0], last.unit.pull(m, s, o, net.objective.slope(m, o, y))[0]
