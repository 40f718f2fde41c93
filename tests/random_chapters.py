"""Seeded random networks for the law of chapters: small, and with a bit of everything in a spec."""

from __future__ import annotations

import random
from typing import Any

NAMED = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "silu",
         "softsign", "mish")  # fmt: skip
FORMULAS = ("s/(1 + exp(-2*s))", "1.7159*tanh(2*s/3)", "max(s, 0.5)", "s**2/8", "sin(s)",
            "log(1 + s**2)", "Piecewise((s, s > 0), (0.25*s, True))", "atan(s)",
            "sqrt(1 + s**2)", "s*sigmoid(s)", "exp(-s**2)")  # fmt: skip
REAL_LOSSES: tuple[Any, ...] = (
    "squared_error", "half_squared_error", "mean_squared_error", "huber",
    {"name": "huber", "delta": 0.5}, "log(cosh(o - y))", "(o - y)**4/4", "sqrt(1 + (o - y)**2)",
    "Abs(o - y)", "Sum((o[k] - y[k])**2, k)/size(k)", "log(Sum(exp(o[k]), k)) - Sum(y[k]*o[k], k)",
)  # fmt: skip
SIZES = ("n", "m", "d", "h", "d_h", "n1", "k", "i", "d2", "p", "x", "r")
OPTIONS = {"leaky_relu": {"slope": 0.2}, "elu": {"alpha": 0.5}}


def chapter_spec(seed: int) -> dict[str, Any]:
    """A network of one of five families, by the seed."""
    rng = random.Random(f"chapter {seed}")
    family = (_dense, _symbolic, _generic, _layered, _own)[seed % 5]
    made = family(rng)
    made["name"] = f"chapter{seed}"
    if rng.random() < 0.25:
        made["weight_decay"] = rng.choice((0.01, 0.1))
    if rng.random() < 0.3:
        made["reduction"] = "sum"
    return made


def _activation(rng: random.Random) -> Any:
    if rng.random() < 0.3:
        return rng.choice(FORMULAS)
    name = rng.choice(NAMED)
    return {"name": name, **OPTIONS[name]} if name in OPTIONS and rng.random() < 0.5 else name


def _layer(rng: random.Random, units: Any, activation: Any) -> dict[str, Any]:
    bias = rng.choice((True, True, False, "threshold"))
    return {"kind": "dense", "units": units, "activation": activation, "bias": bias}


def _ending(rng: random.Random) -> tuple[Any, dict[str, Any]]:
    """The activation of the last layer with a loss, or a likelihood, that suits it."""
    return rng.choice(
        (
            ("sigmoid", {"loss": "binary_cross_entropy"}),
            ("softmax", {"loss": "cross_entropy"}),
            ("softmax", {"loss": rng.choice(("squared_error", "half_squared_error"))}),
            ("sigmoid", {"likelihood": "bernoulli"}),
            ("softmax", {"likelihood": "categorical"}),
            ("linear", {"likelihood": "gaussian"}),
            (_activation(rng), {"loss": rng.choice(REAL_LOSSES)}),
            (_activation(rng), {"loss": rng.choice(REAL_LOSSES)}),
        )
    )


def _dense(rng: random.Random) -> dict[str, Any]:
    last, loss = _ending(rng)
    hidden = [_layer(rng, rng.randint(1, 4), _activation(rng)) for _ in range(rng.randint(0, 3))]
    units = rng.randint(2, 3) if last == "softmax" else rng.randint(1, 3)
    return {"input": rng.randint(1, 4), "layers": [*hidden, _layer(rng, units, last)], **loss}


def _symbolic(rng: random.Random) -> dict[str, Any]:
    last, loss = _ending(rng)
    sizes = rng.sample(SIZES, 4)
    hidden = [_layer(rng, sizes[k], _activation(rng)) for k in range(rng.randint(1, 2))]
    return {"input": sizes[2], "layers": [*hidden, _layer(rng, sizes[3], last)], **loss}


def _generic(rng: random.Random) -> dict[str, Any]:
    """Activations or losses that are left open, and networks of any depth."""
    loss = rng.choice(("generic", "generic", "squared_error", "half_squared_error"))
    if rng.random() < 0.5:
        activation = rng.choice(("generic", "tanh", "sigmoid", "relu"))
        bias = rng.choice((True, False, "threshold"))
        deep = {"kind": "dense", "units": "d", "repeat": "L", "activation": activation,
                "bias": bias}  # fmt: skip
        end = [_layer(rng, "m", "linear") | {"bias": bias}] if rng.random() < 0.4 else []
        return {"input": rng.choice(("d0", "n")), "layers": [deep, *end], "loss": loss}
    sizes = [rng.choice((2, 3, "n", "d", "h")) for _ in range(3)]
    layers = [_layer(rng, size, rng.choice(("generic", "tanh"))) for size in sizes[1:]]
    return {"input": sizes[0], "layers": layers, "loss": loss}


def _layered(rng: random.Random) -> dict[str, Any]:
    """Windows over two axes, pools, dropout, residual and normalising layers."""
    layers: list[dict[str, Any]] = []
    if rng.random() < 0.6:
        shape: list[int] = [rng.randint(1, 2), 4, 5]
        layers.append(
            {"kind": "conv", "channels": rng.randint(1, 2), "kernel": 2, "stride": 1,
             "padding": rng.choice((0, 1)), "bias": rng.choice((True, False)),
             "activation": _activation(rng)}
        )  # fmt: skip
        if rng.random() < 0.5:
            layers.append({"kind": rng.choice(("max_pool", "avg_pool")), "kernel": 2})
        layers.append({"kind": "flatten"})
    else:
        shape = [3]
        layers.append(_layer(rng, 3, _activation(rng)))
        kind = rng.choice(("dropout", "residual", "layer_norm", "batch_norm"))
        layer: dict[str, Any] = {"kind": kind}
        if kind == "dropout":
            layer["rate"] = 0.5
        if kind == "residual":
            layer["layers"] = [_layer(rng, 3, "tanh")]
            layer["activation"] = rng.choice(("linear", "relu"))
        layers.append(layer)
    last, loss = _ending(rng)
    return {"input": shape if len(shape) > 1 else 3,
            "layers": [*layers, _layer(rng, 2, last)], **loss}  # fmt: skip


OWN = (
    {"indices": {"i": 3, "k": 3, "j": 2}, "parameters": {"w": ["i", "k", "j"]},
     "forward": ["s[j] = Sum(w[i,k,j]*x[i]*x[k], i, k)"]},
    {"indices": {"i": 3, "j": 2}, "parameters": {"u": ["i", "j"], "v": ["i", "j"]},
     "forward": ["g[j] = sigmoid(Sum(v[i,j]*x[i], i))", "s[j] = g[j]*Sum(u[i,j]*x[i], i)"]},
    {"indices": {"i": 3, "r": 2, "j": 2},
     "parameters": {"u": ["i", "r"], "v": ["r", "j"], "b": ["j"]},
     "forward": ["h[r] = Sum(u[i,r]*x[i], i)", "s[j] = Sum(v[r,j]*h[r], r) + b[j]"]},
    {"indices": {"i": 3}, "parameters": {"g": ["i"]},
     "forward": ["m = Sum(x[i], i)/size(i)", "s[i] = g[i]*(x[i] - m)"]},
    {"indices": {"i": 3, "k": 3}, "parameters": {"w": ["i", "k"]},
     "forward": ["e[k] = Sum(w[i,k]*x[i], i)", "p[k] = softmax(e[k], k)", "s[k] = p[k]*x[k]"]},
    {"indices": {"i": 3, "j": 2}, "parameters": {"w": ["i", "j"]},
     "forward": ["s[j] = Max(w[i,j]*x[i], i)"]},
)  # fmt: skip


def _own(rng: random.Random) -> dict[str, Any]:
    """A layer of the user's own equations, with a dense layer before or behind it."""
    layer: dict[str, Any] = {"kind": "equations", **rng.choice(OWN)}
    layer["activation"] = rng.choice(("linear", "tanh", "relu"))
    last, loss = _ending(rng)
    before = [_layer(rng, 3, "tanh")] if rng.random() < 0.5 else []
    return {"input": 3, "layers": [*before, layer, _layer(rng, 2, last)], **loss}
