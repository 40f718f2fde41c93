"""Two modules after the contract of emitted ones with the other kinds of layers, by hand.

Each is a text, so that a mutant is the text with one edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

from derive.spec import Network, load
from tests import contract_modules

HEAD = """
import numpy as np

NAME = "{name}"
SPEC_SHA256 = "{sha256}"
MOMENTUM = 0.0
"""

#: The same contract with masks and state.
TAIL = (
    contract_modules.TAIL.replace("return {}\n\n\ndef rows", "return start(dtype)\n\n\ndef rows")
    .replace(
        "return passes(params, x, y)[2]",
        "return passes(params, x, y, None, state or start(x.dtype))[2]",
    )
    .replace("*rows(params, x, y))", "*rows(params, x, y), masks)")
    .replace("gradients(params, x, y)[1]", "gradients(params, x, y, masks=masks)[1]")
    .replace(
        "self.rate, self.momentum, self.batch_size",
        'self.averages = start(params["W1"].dtype)\n        '
        "self.random = np.random.default_rng(seed)\n        "
        "self.rate, self.momentum, self.batch_size",
    )
    .replace(
        "        return {}\n\n    def step(self, x, y):\n"
        "        value, slopes = loss_and_gradients(self.now, x, y)\n",
        "        return dict(self.averages)\n\n    def step(self, x, y):\n"
        "        self.masks = draw(self.random, len(x), x.dtype)\n"
        "        named = trace(self.now, x, y, masks=self.masks)\n"
        "        value, slopes = loss_and_gradients(self.now, x, y, masks=self.masks)\n"
        "        self.averages = average(self.averages, named, len(x))\n",
    )
)

PICTURES = """
PARAMETERS = {
    "W1": (3, 2, 3, 2), "b1": (3,), "gamma2": (3,), "beta2": (3,), "W3": (24, 3), "b3": (3,)
}
STATE = {"mean2": (3,), "var2": (3,)}
INPUT_SHAPE = (2, 5, 4)
TARGET_SHAPE = (3,)


def start(dtype):
    return {"mean2": np.zeros(3, dtype), "var2": np.ones(3, dtype)}


def draw(random, samples, dtype):
    return {"mask2": ((random.random((samples, 24)) >= 0.25) / 0.75).astype(dtype)}


def average(old, named, samples):
    count = samples * 8
    return {
        "mean2": 0.9 * old["mean2"] + 0.1 * named["m2"],
        "var2": 0.9 * old["var2"] + 0.1 * named["v2"] * count / (count - 1),
    }


def passes(params, x, y, masks, state=None):
    W1, b1, gamma2, beta2, W3, b3 = (params[name] for name in PARAMETERS)
    n, spots = len(x), [(u, v) for u in range(3) for v in range(2)]
    edged = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    s1 = np.zeros((n, 3, 3, 5), x.dtype)
    for u, v in spots:
        s1 += np.einsum("nkpq,ck->ncpq", edged[:, :, u : u + 5 : 2, v : v + 5], W1[:, :, u, v])
    s1 += b1[:, None, None]
    o1 = np.maximum(s1, 0)
    corners = [(u, v) for u in range(2) for v in range(2)]
    windows = np.stack([o1[:, :, u : u + 2, v : v + 4] for u, v in corners])
    g1, first = windows.max(axis=0), windows.argmax(axis=0)
    axes = (0, 2, 3)
    m2 = g1.mean(axis=axes) if state is None else state["mean2"]
    v2 = ((g1 - m2[:, None, None]) ** 2).mean(axis=axes) if state is None else state["var2"]
    r2 = 1 / np.sqrt(v2 + 1e-5)
    h2 = (g1 - m2[:, None, None]) * r2[:, None, None]
    s2 = gamma2[:, None, None] * h2 + beta2[:, None, None]
    f2 = s2.reshape(n, 24)
    mask = np.ones_like(f2) if masks is None else masks["mask2"]
    d2 = mask * f2
    s3 = d2 @ W3 + b3
    e = np.exp(s3 - s3.max(axis=1, keepdims=True))
    o3 = e / e.sum(axis=1, keepdims=True)
    decay = 0.005 * ((W1**2).sum() + (W3**2).sum())
    value = -(y * np.log(o3)).sum() / n + decay
    delta3 = o3 - y
    df2 = mask * (delta3 @ W3.T)
    delta2 = df2.reshape(s2.shape)
    dh2 = gamma2[:, None, None] * delta2
    along = (dh2 * h2).mean(axis=axes, keepdims=True)
    dg1 = r2[:, None, None] * (dh2 - dh2.mean(axis=axes, keepdims=True) - h2 * along)
    do1 = np.zeros_like(o1)
    for k, (u, v) in enumerate(corners):
        do1[:, :, u : u + 2, v : v + 4] += np.where(first == k, dg1, 0)
    delta1 = do1 * (s1 > 0)
    dW1 = np.zeros_like(W1)
    for u, v in spots:
        seen = edged[:, :, u : u + 5 : 2, v : v + 5]
        dW1[:, :, u, v] = np.einsum("ncpq,nkpq->ck", delta1, seen)
    slopes = {
        "W1": dW1 / n + 0.01 * W1,
        "b1": delta1.sum(axis=axes) / n,
        "gamma2": (delta2 * h2).sum(axis=axes) / n,
        "beta2": delta2.sum(axis=axes) / n,
        "W3": d2.T @ delta3 / n + 0.01 * W3,
        "b3": delta3.sum(axis=0) / n,
    }
    named = {"s1": s1, "o1": o1, "g1": g1, "m2": m2, "v2": v2, "r2": r2, "h2": h2, "s2": s2}
    named |= {"f2": f2, "d2": d2, "s3": s3, "o3": o3}
    return value, slopes, o3, {**named, "delta1": delta1, "delta2": delta2, "delta3": delta3}
"""

SEQUENCE = """
PARAMETERS = {
    "W1": (3, 2, 3), "b1": (3,), "W2": (2, 3, 3), "W3": (12, 4), "b3": (4,), "W4": (4, 4),
    "b4": (4,), "gamma5": (4,), "beta5": (4,), "W6": (4, 2), "b6": (2,)
}
STATE = {}
INPUT_SHAPE = (2, 9)
TARGET_SHAPE = (2,)


def start(dtype):
    return {}


def draw(random, samples, dtype):
    return None


def average(old, named, samples):
    return {}


def passes(params, x, y, masks, state=None):
    W1, b1, W2, W3, b3, W4, b4, gamma5, beta5, W6, b6 = (params[name] for name in PARAMETERS)
    n = len(x)
    edged = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    s1 = sum(np.einsum("nkp,ck->ncp", edged[:, :, u : u + 9 : 2], W1[:, :, u]) for u in range(3))
    s1 = s1 + b1[:, None]
    o1 = np.tanh(s1)
    wide = np.pad(o1, ((0, 0), (0, 0), (2, 2)))
    s2 = sum(np.einsum("nkp,ck->ncp", wide[:, :, 2 * u : 2 * u + 5], W2[:, :, u]) for u in range(3))
    around = np.pad(s2, ((0, 0), (0, 0), (1, 1)))
    g2 = (around[:, :, :6] + around[:, :, 1:]) / 2
    f2 = g2.reshape(n, 12)
    s3 = f2 @ W3 + b3
    o3 = np.tanh(s3)
    s4 = o3 @ W4 + b4
    m5 = s4.mean(axis=1)
    v5 = ((s4 - m5[:, None]) ** 2).mean(axis=1)
    r5 = 1 / np.sqrt(v5 + 1e-5)
    h5 = (s4 - m5[:, None]) * r5[:, None]
    s5 = gamma5 * h5 + beta5
    u5 = o3 + s5
    o5 = np.maximum(u5, 0)
    s6 = o5 @ W6 + b6
    value = ((s6 - y) ** 2).sum() / n
    delta6 = 2 * (s6 - y)
    du5 = (delta6 @ W6.T) * (u5 > 0)
    delta5 = du5
    dh5 = gamma5 * delta5
    along = (dh5 * h5).mean(axis=1, keepdims=True)
    delta4 = r5[:, None] * (dh5 - dh5.mean(axis=1, keepdims=True) - h5 * along)
    do3 = du5 + delta4 @ W4.T
    delta3 = do3 * (1 - o3**2)
    dg2 = (delta3 @ W3.T).reshape(g2.shape)
    padded = np.zeros_like(around)
    padded[:, :, :6] += dg2 / 2
    padded[:, :, 1:] += dg2 / 2
    delta2 = padded[:, :, 1:-1]
    do1 = np.zeros_like(wide)
    for u in range(3):
        do1[:, :, 2 * u : 2 * u + 5] += np.einsum("ncp,ck->nkp", delta2, W2[:, :, u])
    delta1 = do1[:, :, 2:-2] * (1 - o1**2)
    reads = [wide[:, :, 2 * u : 2 * u + 5] for u in range(3)]
    slopes = {
        "W1": np.stack(
            [np.einsum("ncp,nkp->ck", delta1, edged[:, :, u : u + 9 : 2]) for u in range(3)], 2
        ) / n,
        "b1": delta1.sum(axis=(0, 2)) / n,
        "W2": np.stack([np.einsum("ncp,nkp->ck", delta2, read) for read in reads], 2) / n,
        "W3": f2.T @ delta3 / n,
        "b3": delta3.sum(axis=0) / n,
        "W4": o3.T @ delta4 / n,
        "b4": delta4.sum(axis=0) / n,
        "gamma5": (delta5 * h5).sum(axis=0) / n,
        "beta5": delta5.sum(axis=0) / n,
        "W6": o5.T @ delta6 / n,
        "b6": delta6.sum(axis=0) / n,
    }
    named = {"s1": s1, "o1": o1, "s2": s2, "g2": g2, "f2": f2, "s3": s3, "o3": o3, "s4": s4}
    named |= {"m5": m5, "v5": v5, "r5": r5, "h5": h5, "s5": s5, "u5": u5, "o5": o5, "s6": s6}
    named |= {"delta1": delta1, "delta2": delta2, "delta3": delta3, "delta4": delta4}
    return value, slopes, s6, {**named, "delta5": delta5, "delta6": delta6}
"""


@dataclass(frozen=True)
class Sample:
    """A network and a module for it."""

    network: Network
    core: str

    @property
    def source(self) -> str:
        """The whole module."""
        head = HEAD.format(name=self.network.name, sha256=self.network.sha256)
        return head + dedent(self.core) + TAIL


SAMPLES = {
    "pictures": Sample(
        load(
            {
                "name": "pictures",
                "input": [2, 5, 4],
                "layers": [
                    {
                        "kind": "conv",
                        "channels": 3,
                        "kernel": [3, 2],
                        "stride": [2, 1],
                        "padding": 1,
                        "activation": "relu",
                    },
                    {"kind": "max_pool", "kernel": 2, "stride": 1},
                    {"kind": "batch_norm"},
                    {"kind": "flatten"},
                    {"kind": "dropout", "rate": 0.25},
                    "3 softmax",
                ],
                "loss": "cross_entropy",
                "weight_decay": 0.01,
            }
        ),
        PICTURES,
    ),
    "sequence": Sample(
        load(
            {
                "name": "sequence",
                "input": [2, 9],
                "layers": [
                    "conv 3 3 tanh stride=2 padding=1",
                    {
                        "kind": "conv",
                        "channels": 2,
                        "kernel": 3,
                        "dilation": 2,
                        "padding": 2,
                        "bias": False,
                    },
                    {"kind": "avg_pool", "kernel": 2, "stride": 1, "padding": 1},
                    {"kind": "flatten"},
                    "4 tanh",
                    {"kind": "residual", "layers": ["4", "layer_norm"], "activation": "relu"},
                    "2",
                ],
                "loss": "squared_error",
            }
        ),
        SEQUENCE,
    ),
}
