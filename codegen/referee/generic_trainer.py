"""Training on the generic backprop: what an emitted trainer is held against, also in speed."""

from __future__ import annotations

from typing import Any

import numpy as np

from codegen.backprop import Backprop, Floats, Params
from codegen.referee.arithmetic import REAL
from derive.spec import Network


class GenericTrainer:
    """Plain stochastic gradient descent on the generic backprop: w <- w - eta dL/dw.

    With momentum mu: v <- mu v - eta dL/dw, w <- w + v.  Running averages start at mean 0 and
    variance 1.
    """

    def __init__(
        self,
        network: Network,
        params: Params,
        *,
        learning_rate: float,
        momentum: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Copy the parameters."""
        self.net, self.learning_rate, self.momentum = Backprop(network), learning_rate, momentum
        self.params = {name: np.array(value) for name, value in params.items()}
        self.velocity = {name: np.zeros_like(value) for name, value in self.params.items()}
        dtype = np.result_type(*self.params.values())
        self.state = {
            name: np.full(shape, name.startswith("var"), dtype)
            for name, shape in self.net.state.items()
        }
        self.random = np.random.default_rng(seed)

    def step(self, x: Floats, y: Any, masks: Params | None = None) -> float:
        """One step; the loss before it.  Masks are drawn where none are given."""
        y = self.net.targets(y, x.dtype)
        masks = self.net.drawn_masks(self.random, len(x), x.dtype) if masks is None else masks
        known = {**self.params, **self.state, **masks}
        result = self.net.run(REAL, known, x, y)
        if self.state:
            self.state = self.net.next_state(REAL, known, result.trace, len(x))
        for name, g in result.gradients.items():
            if self.momentum:
                self.velocity[name] = self.momentum * self.velocity[name] - self.learning_rate * g
                self.params[name] = self.params[name] + self.velocity[name]
            else:
                self.params[name] = self.params[name] - self.learning_rate * g
        return float(result.loss)
