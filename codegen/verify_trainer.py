"""The trainer of an emitted module against the generic backprop, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from codegen.backprop import Backprop, next_state, next_state_sizes, passed, sizes
from codegen.referee.draws import Draw, Floats
from codegen.report import GENERIC
from derive.spec import Network

RATE = 0.01  # of a gradient up to 1; a larger one is followed more slowly, so that nothing diverges


class Judge(Protocol):
    """What compares, and with what."""

    network: Network
    module: ModuleType
    net: Backprop

    def compare(
        self, referee: str, quantity: str, at: Draw, found: Any, true: Any, size: Any
    ) -> None:
        """Entry by entry, in units of eps * size."""

    def must(self, promise: str, dtype: Any, holds: Callable[[], Any]) -> bool:
        """A promise of the module's contract."""


def trains(judge: Judge, at: Draw) -> bool:
    """Two steps, the second with a shorter batch; the loss is that before the step."""
    momentum = float(judge.network.training.momentum)
    given = {name: value.copy() for name, value in at.params.items()}
    rate = _rate(judge, at)
    trainer = judge.module.Trainer(given, len(at.x), learning_rate=rate)
    params, velocity = trainer.params, dict.fromkeys(at.params, np.float64(0))
    unsure = dict(velocity)  # the size of the velocity's terms
    same = all(np.array_equal(params[name], at.params[name]) for name in at.params)
    for x, y in ((at.x, at.y), (at.x[:3], at.y[:3])):
        state = trainer.state
        loss = trainer.step(x, y)
        masks = _masks(judge, at, trainer, len(x))
        answer = passed(judge.network, params, x, y, np.float64, masks=masks)
        size = sizes(judge.network, params, x, y, masks=masks)
        judge.compare(GENERIC, "Trainer: loss", at, loss, answer.loss, size.loss)
        _averages(judge, at, (params, state, x), trainer.state, masks)
        after = trainer.params
        for name, p in params.items():
            velocity[name] = momentum * velocity[name] - rate * answer.gradients[name]
            unsure[name] = momentum * unsure[name] + rate * size.gradients[name]
            room = np.abs(p) + unsure[name] + np.abs(velocity[name])
            judge.compare(GENERIC, "Trainer: step", at, after[name], p + velocity[name], room)
        params = after
    return same and all(np.array_equal(given[name], at.params[name]) for name in given)


def _rate(judge: Judge, at: Draw) -> float:
    """A learning rate at which the parameters stay near those drawn."""
    gradients = passed(judge.network, at.params, at.x, at.y, np.float64).gradients
    steepest = max(float(np.abs(g).max(initial=0)) for g in gradients.values())
    return RATE / max(1.0, steepest)


def _masks(judge: Judge, at: Draw, trainer: Any, samples: int) -> dict[str, Floats]:
    """The masks that a trainer drew for its last step: 0 or 1/(1 - rate), of the right shapes."""
    if not judge.net.masks:
        return {}
    masks: dict[str, Floats] = trainer.masks
    fine = set(masks) == set(judge.net.masks)
    for name, (shape, rate) in judge.net.masks.items():
        mask = masks[name]
        kept = np.array([0, float(1 / (1 - rate))], at.x.dtype)
        fine = fine and mask.shape == (samples, *shape) and mask.dtype == at.x.dtype
        fine = fine and bool(np.isin(mask, kept).all())
    judge.must("Trainer: masks of 0 and 1/(1 - rate)", at.x.dtype, lambda: fine)
    return masks


def _averages(
    judge: Judge, at: Draw, before: tuple[Any, Any, Floats], after: Any, masks: Mapping[str, Floats]
) -> None:
    """The running averages after a step, from those before it."""
    if judge.net.state:
        true = next_state(judge.network, *before, np.float64, masks=masks)
        size = next_state_sizes(judge.network, *before, masks=masks)
        for name in true:
            judge.compare(GENERIC, "Trainer: state", at, after[name], true[name], size[name])
