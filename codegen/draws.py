"""Random parameters, inputs and targets on which right programs agree, whatever their forms.

Targets suit the loss: 0, 1 and numbers between for binary cross-entropy, rows that sum to 1 for
cross-entropy, real numbers otherwise.  A draw keeps away from kinks, where the last digit decides
which side counts, and stays inside the domain of the loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from codegen.backprop import Pass, backprop_of, passed, sizes
from derive.errors import SpecError
from derive.spec import Network

Floats = np.ndarray[Any, Any]
TRIES = 60
CLEAR = 100  # a comparison this many eps * size from a tie is decided alike by every program
LARGEST = 1e9  # beyond that the sizes say that the draw is hopelessly ill-conditioned


@dataclass(frozen=True)
class Draw:
    """Data in one precision, with the generic backprop's answer in float64 and its sizes."""

    params: dict[str, Floats]
    x: Floats
    y: Floats
    answer: Pass
    size: Pass

    @property
    def eps(self) -> float:
        """The relative precision of the data."""
        return float(np.finfo(self.x.dtype).eps)


def draw(network: Network, rng: np.random.Generator, samples: int, dtype: Any) -> Draw:
    """Data for a batch; the clearest of a few tries, or the first that is clear of every kink."""
    best: Draw | None = None
    for attempt in range(TRIES):
        found = _attempt(network, rng, samples, dtype, scale=0.9 ** (attempt // 10))
        if found is None:
            continue
        if best is None or found.size.margin > best.size.margin:
            best = found
        if best.size.margin >= CLEAR * best.eps or attempt >= TRIES // 3:
            break
    if best is None:
        if samples > 1:
            return draw(network, rng, 1, dtype)
        raise SpecError(
            f"{network.name}: none of {TRIES} random draws stays inside the domain of the loss;"
            " is the range of the last activation right for it?"
        )
    return best


def _attempt(
    network: Network, rng: np.random.Generator, samples: int, dtype: Any, scale: float
) -> Draw | None:
    """One draw, or None where some number is not finite or far too large."""
    params = {}
    for name, shape in backprop_of(network).shapes().items():
        deviation = scale / np.sqrt(shape[0]) if len(shape) > 1 else 0.5 * scale
        params[name] = rng.normal(scale=deviation, size=shape).astype(dtype)
    x = rng.normal(size=(samples, *map(int, network.input))).astype(dtype)
    y = targets(network, rng, samples).astype(dtype)
    with np.errstate(all="ignore"):
        size = sizes(network, params, x, y)
        answer = passed(network, params, x, y, np.float64)
    numbers = [size.loss, *size.trace.values(), *size.gradients.values()]
    fine = all(np.isfinite(n).all() and np.max(n, initial=0) < LARGEST for n in numbers)
    return Draw(params, x, y, answer, size) if fine else None


def targets(network: Network, rng: np.random.Generator, samples: int) -> Floats:
    """Targets that suit the loss."""
    shape = (samples, *map(int, network.output_shape))
    loss = network.loss
    kind = loss.likelihood or loss.name
    if kind in ("cross_entropy", "categorical", "index_formula"):
        rows = rng.dirichlet(np.ones(shape[-1]), size=samples)
        hard = rng.integers(shape[-1], size=samples)
        return np.where(rng.random((samples, 1)) < 0.5, rows, np.eye(shape[-1])[hard])
    if kind in ("binary_cross_entropy", "bernoulli"):
        soft = rng.uniform(size=shape)
        return np.where(rng.random(shape) < 0.5, soft, np.round(soft))
    if kind == "formula" and rng.random() < 0.5:
        return rng.uniform(size=shape)
    return rng.normal(size=shape)


def takes_labels(network: Network) -> bool:
    """Whether whole numbers may stand for one-hot rows."""
    return network.loss.likelihood == "categorical" or network.loss.name == "cross_entropy"
