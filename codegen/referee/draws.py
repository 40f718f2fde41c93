"""Random parameters, inputs, targets, masks and running averages on which right programs agree.

Targets suit the loss: 0, 1 and numbers between for binary cross-entropy, rows that sum to 1 for
cross-entropy, real numbers otherwise.  A draw keeps away from kinks, where the last digit decides
which side counts, and stays inside the domain of the loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from codegen.backprop import Pass, backprop_of, forward, inferred_size, passed, sizes
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
    inferred: Floats  # the output outside training, and its size
    inferred_size: Floats
    masks: dict[str, Floats] = field(default_factory=dict)
    state: dict[str, Floats] = field(default_factory=dict)

    @property
    def masked(self) -> dict[str, dict[str, Floats]]:
        """The arguments of a function that takes masks."""
        return {"masks": self.masks} if self.masks else {}

    @property
    def stated(self) -> dict[str, dict[str, Floats]]:
        """The arguments of a function that takes a state."""
        return {"state": self.state} if self.state else {}

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
    net = backprop_of(network)
    params = {name: _start(rng, name, shape, scale) for name, shape in net.shapes().items()}
    params = {name: value.astype(dtype) for name, value in params.items()}
    masks = net.drawn_masks(rng, samples, dtype)
    state = {
        name: (rng.normal(size=shape) if name.startswith("mean") else rng.uniform(0.5, 2, shape))
        for name, shape in net.state.items()
    }
    state = {name: value.astype(dtype) for name, value in state.items()}
    x = rng.normal(size=(samples, *map(int, network.input))).astype(dtype)
    return answered(network, rng, params, x, masks, state)


def answered(
    network: Network,
    rng: np.random.Generator,
    params: dict[str, Floats],
    x: Floats,
    masks: dict[str, Floats],
    state: dict[str, Floats],
) -> Draw | None:
    """The draw with random targets, or None where some number is not finite or far too large."""
    y = targets(network, rng, len(x)).astype(x.dtype)
    with np.errstate(all="ignore"):
        size = sizes(network, params, x, y, masks=masks)
        answer = passed(network, params, x, y, np.float64, masks=masks)
        inferred, inferred_as = answer.output, size.output
        if masks or state:
            inferred = forward(network, params, x, np.float64, state=state)
            inferred_as, margin = inferred_size(network, params, x, state)
            size = replace(size, margin=min(size.margin, margin))
    numbers = [size.loss, *size.trace.values(), *size.gradients.values()]
    fine = all(np.isfinite(n).all() and np.max(n, initial=0) < LARGEST for n in numbers)
    if not fine:
        return None
    return Draw(params, x, y, answer, size, inferred, inferred_as, masks, state)


def _start(rng: np.random.Generator, name: str, shape: tuple[int, ...], scale: float) -> Floats:
    """Weights by their number of inputs, gains around 1, all others of moderate size."""
    if name.startswith("gamma"):
        return rng.normal(1, 0.3, shape)
    if len(shape) < 2:
        return rng.normal(scale=0.5 * scale, size=shape)
    inputs = shape[0] if len(shape) == 2 else prod(shape[1:])
    return rng.normal(scale=scale / np.sqrt(inputs), size=shape)


def targets(network: Network, rng: np.random.Generator, samples: int) -> Floats:
    """Targets that suit the loss."""
    shape = (samples, *map(int, network.output_shape))
    loss = network.loss
    kind = loss.likelihood or loss.name
    if kind in ("cross_entropy", "categorical", "index_formula"):
        rows = rng.dirichlet(np.ones(shape[-1]), size=shape[:-1])
        hard = rng.integers(shape[-1], size=shape[:-1])
        return np.where(rng.random((*shape[:-1], 1)) < 0.5, rows, np.eye(shape[-1])[hard])
    if kind in ("binary_cross_entropy", "bernoulli"):
        soft = rng.uniform(size=shape)
        return np.where(rng.random(shape) < 0.5, soft, np.round(soft))
    if kind == "formula" and rng.random() < 0.5:
        return rng.uniform(size=shape)
    return rng.normal(size=shape)


def takes_labels(network: Network) -> bool:
    """Whether whole numbers may stand for one-hot rows."""
    classes = network.loss.likelihood == "categorical" or network.loss.name == "cross_entropy"
    return classes and len(network.output_shape) == 1
