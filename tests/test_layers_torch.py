"""Emitted modules against PyTorch: values, gradients, batch statistics and running averages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from codegen.emitting.module import emit
from codegen.verify import load_source
from derive.algebra.terms import Tensor
from derive.derivation import Derivation, derive
from derive.network.shapes import pads
from derive.stages import Stage
from tests.layer_networks import random_spec

torch = pytest.importorskip("torch")
F = torch.nn.functional
Value = Any

ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "linear": lambda s: s,
    "tanh": torch.tanh,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "leaky_relu": lambda s: F.leaky_relu(s, 0.01),
    "softplus": F.softplus,
    "softmax": lambda s: F.softmax(s, dim=-1),
}


class Reference:
    """The network in PyTorch, over the same parameters."""

    def __init__(
        self, derivation: Derivation, params: dict[str, Any], state: dict[str, Any]
    ) -> None:
        self.derivation = derivation
        self.params = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}
        self.state = {k: torch.tensor(v) for k, v in state.items()}

    def output(self, x: Any, masks: dict[str, Any], training: bool) -> Value:
        values: dict[Tensor, Value] = {self.derivation.forward_pass.stages[0].source: x}
        for stage in self.derivation.forward_pass.stages:
            values[stage.output] = self.stage(stage, values, masks, training)
        return values[self.derivation.forward_pass.output.tensor]

    def stage(
        self, stage: Stage, values: dict[Tensor, Value], masks: dict[str, Any], training: bool
    ) -> Value:
        x = values[stage.source]
        layer: Any = stage.layer
        own: list[Value] = [self.params[str(p)] for p in stage.parameters]
        match stage.kind:
            case "dense":
                sign = -1 if layer.bias == "threshold" else 1
                s = x @ own[0] + (sign * own[1] if len(own) > 1 else 0)
            case "conv":
                sign = -1 if layer.bias == "threshold" else 1
                conv = F.conv1d if x.ndim == 3 else F.conv2d
                around = [w for pair in reversed(pads(layer)) for w in pair]
                bias = sign * own[1] if len(own) > 1 else None
                s = conv(
                    F.pad(x, around), own[0], bias, stride=layer.stride, dilation=layer.dilation
                )
            case "max_pool":
                pool = F.max_pool1d if x.ndim == 3 else F.max_pool2d
                s = pool(x, layer.kernel, layer.stride, layer.padding)
            case "avg_pool":
                pool = F.avg_pool1d if x.ndim == 3 else F.avg_pool2d
                s = pool(x, layer.kernel, layer.stride, layer.padding)
            case "flatten":
                s = x.flatten(1)
            case "layer_norm":
                s = F.layer_norm(x, own[0].shape, own[0], own[1], float(layer.eps))
            case "batch_norm":
                mean, var = (self.state[str(t)] for t in stage.state)
                momentum = float(layer.momentum)
                s = F.batch_norm(x, mean, var, *own, training, momentum, float(layer.eps))
            case "dropout":
                s = x * masks[str(stage.masks[0])] if training else x
            case "residual":
                assert stage.inner is not None
                s = x + values[stage.inner]
            case _:
                raise AssertionError(stage.kind)
        return ACTIVATIONS[layer.activation.name](s)

    def loss(self, out: Value, y: Any) -> Value:
        network = self.derivation.network
        losses = {
            "squared_error": lambda: ((out - y) ** 2).sum(),
            "cross_entropy": lambda: -(y * torch.log(out)).sum(),
            "huber": lambda: F.huber_loss(out, y, reduction="sum"),
        }
        value = losses[network.loss.name]()
        value = value / len(y) if network.reduction == "mean" else value
        for stage in self.derivation.forward_pass.stages:
            for p in filter(stage.decayed, stage.parameters):
                value = value + float(network.weight_decay) / 2 * (self.params[str(p)] ** 2).sum()
        return value


def assert_like_torch(spec: dict[str, Any], seed: int, samples: int = 4) -> None:
    derivation = derive(spec)
    net = load_source(emit(derivation))
    rng = np.random.default_rng(seed)
    params = {k: v + 0.1 * rng.normal(size=v.shape) for k, v in net.init(seed).items()}
    x, y = net._example(samples, seed)
    y = np.eye(net.TARGET_SHAPE[0])[y] if y.ndim == 1 else y
    trainer = net.Trainer(params, samples, learning_rate=0.05, seed=seed)
    state = net.init_state()
    for _ in range(2):
        params = trainer.params
        loss = trainer.step(x, y)
        masks = trainer.masks if hasattr(net, "MASKS") else {}
        reference = Reference(derivation, params, state)
        out = reference.output(
            torch.tensor(x), {k: torch.tensor(v) for k, v in masks.items()}, True
        )
        objective = reference.loss(out, torch.tensor(y))
        objective.backward()
        true_loss = float(objective.detach())
        assert loss == pytest.approx(true_loss, rel=1e-11)
        found, slopes = net.loss_and_gradients(params, x, y, masks=masks or None)
        assert found == pytest.approx(true_loss, rel=1e-11)
        for name, slope in slopes.items():
            true = reference.params[name].grad.numpy()
            np.testing.assert_allclose(slope, true, 1e-8, 1e-9, err_msg=f"{spec}: {name}")
        state = {k: v.numpy() for k, v in reference.state.items()}
        for name, value in trainer.state.items():
            np.testing.assert_allclose(value, state[name], 1e-11, 1e-12, err_msg=name)
    with torch.no_grad():
        reference = Reference(derivation, trainer.params, state)
        true = reference.output(torch.tensor(x), {}, False).numpy()
    np.testing.assert_allclose(net.forward(trainer.params, x, state), true, 1e-9, 1e-11)


@pytest.mark.parametrize("seed", range(100, 140))
def test_random_networks(seed: int) -> None:
    assert_like_torch(random_spec(seed), seed)


@pytest.mark.sweep
def test_many_random_networks() -> None:
    for seed in range(2000, 3000):
        assert_like_torch(random_spec(seed), seed)
