"""Seeded random networks of every kind of layer, small enough for plain Python loops."""

from __future__ import annotations

import random
from typing import Any

ACTIVATIONS = ("linear", "tanh", "relu", "sigmoid", "leaky_relu", "softplus")


def random_spec(seed: int) -> dict[str, Any]:
    """A network with one to three layers of other kinds before a dense layer at the end."""
    rng = random.Random(seed)
    space = rng.choice((0, 1, 1, 2, 2, 2))
    shape = [rng.randint(1, 2 if space else 4), *(rng.randint(4, 7) for _ in range(space))]
    layers: list[dict[str, Any]] = []
    source, count = list(shape), rng.randint(1, 3)
    while len(layers) < count:
        layer, shape = _layer(rng, shape)
        layers.append(layer)
    if len(shape) > 1:
        layers.append({"kind": "flatten"})
    loss = rng.choice(("squared_error", "cross_entropy", "huber"))
    softmax = "softmax" if loss == "cross_entropy" else rng.choice(("linear", "tanh"))
    layers.append({"kind": "dense", "units": 2, "activation": softmax})
    return {
        "name": f"random{seed}",
        "input": source,
        "layers": layers,
        "loss": loss,
        "reduction": rng.choice(("mean", "sum")),
        "weight_decay": rng.choice((0, 0.1)),
    }


def _layer(rng: random.Random, shape: list[int]) -> tuple[dict[str, Any], list[int]]:
    norms = ["layer_norm"] if shape[-1] > 1 else []  # over one value it is always 0
    if len(shape) == 1:
        kind = rng.choice(("dense", "batch_norm", "dropout", "residual", *norms))
    else:
        kind = rng.choice(
            ("conv", "conv", "conv", "max_pool", "avg_pool", "batch_norm", "dropout", *norms)
        )
    layer: dict[str, Any] = {"kind": kind, "activation": rng.choice(ACTIVATIONS)}
    match kind:
        case "dense":
            layer["units"] = rng.randint(2, 3)
            return layer, [layer["units"]]
        case "conv" | "max_pool" | "avg_pool":
            return _windowed(rng, layer, shape)
        case "dropout":
            layer["rate"] = 0.5
        case "layer_norm":
            layer["axes"] = rng.choice(("last", "all"))
        case "residual":
            inner = {"kind": "dense", "units": shape[0], "activation": "tanh"}
            layer["layers"] = (
                [inner] if not norms or rng.random() < 0.7 else [{"kind": "layer_norm"}, inner]
            )
    return layer, shape


def _windowed(
    rng: random.Random, layer: dict[str, Any], shape: list[int]
) -> tuple[dict[str, Any], list[int]]:
    rank, conv = len(shape) - 1, layer["kind"] == "conv"
    out = []
    fields: dict[str, list[int]] = {"kernel": [], "stride": [], "padding": [], "dilation": []}
    for size in shape[1:]:
        kernel = rng.randint(1, min(3, size))
        most = 2 if conv else kernel // 2
        padding = rng.randint(0, most)
        room = size + 2 * padding
        dilation = rng.randint(1, 2 if conv and 2 * (kernel - 1) < room else 1)
        stride = rng.randint(1, 3)
        for name, value in zip(fields, (kernel, stride, padding, dilation), strict=True):
            fields[name].append(value)
        out.append((room - dilation * (kernel - 1) - 1) // stride + 1)
    assert rank == len(out)
    if not conv:
        del fields["dilation"]
    layer |= fields
    if conv:
        layer["channels"] = rng.randint(1, 3)
        layer["bias"] = rng.choice((True, False, "threshold"))
    return layer, [layer["channels"] if conv else shape[0], *out]
