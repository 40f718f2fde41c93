"""Three modules after the contract of emitted ones, written by hand, to try verification on.

Each is a text, so that a mutant is the text with one edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

from derive.spec import Dense, Network, load

HEAD = """
import numpy as np

NAME = "{name}"
SPEC_SHA256 = "{sha256}"
PARAMETERS = {parameters}
STATE = {{}}
INPUT_SHAPE = ({inputs},)
TARGET_SHAPE = ({outputs},)
MOMENTUM = {momentum}
"""

TAIL = """
def init(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in PARAMETERS.items()}


def init_state(dtype=np.float64):
    return {}


def rows(params, x, y):
    x = np.asarray(x, dtype=params["W1"].dtype)
    y = np.asarray(y)
    if y.ndim == 1 and np.issubdtype(y.dtype, np.integer) and TARGET_SHAPE[0] > 1:
        y = np.eye(TARGET_SHAPE[0])[y]
    return x, y.astype(x.dtype).reshape(len(x), *TARGET_SHAPE)


def forward(params, x, state=None):
    x, y = rows(params, x, np.zeros((len(x), *TARGET_SHAPE)))
    return passes(params, x, y)[2]


def loss(params, x, y, *, masks=None):
    return float(passes(params, *rows(params, x, y))[0])


def loss_and_gradients(params, x, y, *, masks=None):
    value, gradients, _, _ = passes(params, *rows(params, x, y))
    return float(value), gradients


def gradients(params, x, y, *, masks=None):
    return loss_and_gradients(params, x, y)[1]


def trace(params, x, y, *, masks=None):
    return passes(params, *rows(params, x, y))[3]


class Trainer:
    def __init__(self, params, batch_size, *, learning_rate, seed=0, momentum=MOMENTUM):
        self.now = {name: value.copy() for name, value in params.items()}
        self.velocity = {name: np.zeros_like(value) for name, value in params.items()}
        self.rate, self.momentum, self.batch_size = learning_rate, momentum, batch_size

    @property
    def params(self):
        return {name: value.copy() for name, value in self.now.items()}

    @property
    def state(self):
        return {}

    def step(self, x, y):
        value, slopes = loss_and_gradients(self.now, x, y)
        for name, slope in slopes.items():
            self.velocity[name] = self.momentum * self.velocity[name] - self.rate * slope
            self.now[name] += self.velocity[name]
        return value


def fit(params, x, y, *, epochs, batch_size, learning_rate, seed=0, progress=None):
    raise NotImplementedError


def save(path, params, state=None):
    raise NotImplementedError


def load(path):
    raise NotImplementedError
"""

CLASSIFIER = """
def passes(params, x, y):
    W1, b1, W2, b2, W3, b3 = (params[name] for name in PARAMETERS)
    n = len(x)
    s1 = x @ W1 + b1
    o1 = np.tanh(s1)
    s2 = o1 @ W2 + b2
    o2 = np.tanh(s2)
    s3 = o2 @ W3 + b3
    e = np.exp(s3 - s3.max(axis=1, keepdims=True))
    o3 = e / e.sum(axis=1, keepdims=True)
    decay = 0.005 * ((W1**2).sum() + (W2**2).sum() + (W3**2).sum())
    value = -(y * np.log(o3)).sum() / n + decay
    delta3 = o3 - y
    delta2 = (delta3 @ W3.T) * (1 - o2 * o2)
    delta1 = (delta2 @ W2.T) * (1 - o1 * o1)
    slopes = {
        "W1": x.T @ delta1 / n + 0.01 * W1,
        "b1": delta1.sum(axis=0) / n,
        "W2": o1.T @ delta2 / n + 0.01 * W2,
        "b2": delta2.sum(axis=0) / n,
        "W3": o2.T @ delta3 / n + 0.01 * W3,
        "b3": delta3.sum(axis=0) / n,
    }
    named = {"s1": s1, "o1": o1, "delta1": delta1, "s2": s2, "o2": o2, "delta2": delta2}
    return value, slopes, o3, {**named, "s3": s3, "o3": o3, "delta3": delta3}
"""

REGRESSION = """
def passes(params, x, y):
    W1, b1, W2, W3, b3 = (params[name] for name in PARAMETERS)
    s1 = x @ W1 - b1
    o1 = np.where(s1 > 0, s1, 0.2 * s1)
    s2 = o1 @ W2
    e = np.exp(s2 - s2.max(axis=1, keepdims=True))
    o2 = e / e.sum(axis=1, keepdims=True)
    s3 = o2 @ W3 + b3
    value = ((s3 - y) ** 2).sum()
    delta3 = 2 * (s3 - y)
    back = delta3 @ W3.T
    delta2 = o2 * (back - (back * o2).sum(axis=1, keepdims=True))
    delta1 = (delta2 @ W2.T) * np.where(s1 > 0, 1, 0.2).astype(s1.dtype)
    slopes = {
        "W1": x.T @ delta1,
        "b1": -delta1.sum(axis=0),
        "W2": o1.T @ delta2,
        "W3": o2.T @ delta3,
        "b3": delta3.sum(axis=0),
    }
    named = {"s1": s1, "o1": o1, "delta1": delta1, "s2": s2, "o2": o2, "delta2": delta2}
    return value, slopes, s3, {**named, "s3": s3, "delta3": delta3}
"""

XOR = """
def passes(params, x, y):
    W1, b1, W2, b2 = (params[name] for name in PARAMETERS)
    n = len(x)
    s1 = x @ W1 + b1
    o1 = 1 / (1 + np.exp(-s1))
    s2 = o1 @ W2 + b2
    o2 = 1 / (1 + np.exp(-s2))
    value = (y * np.logaddexp(0, -s2) + (1 - y) * np.logaddexp(0, s2)).sum() / n
    delta2 = o2 - y
    delta1 = (delta2 @ W2.T) * o1 * (1 - o1)
    slopes = {
        "W1": x.T @ delta1 / n,
        "b1": delta1.sum(axis=0) / n,
        "W2": o1.T @ delta2 / n,
        "b2": delta2.sum(axis=0) / n,
    }
    named = {"s1": s1, "o1": o1, "delta1": delta1, "s2": s2, "o2": o2, "delta2": delta2}
    return value, slopes, o2, named
"""


@dataclass(frozen=True)
class Sample:
    """A network and a module for it."""

    network: Network
    core: str

    @property
    def source(self) -> str:
        """The whole module."""
        sizes = [int(self.network.input[0]), *(int(layer.units) for layer in self.layers)]
        parameters: dict[str, tuple[int, ...]] = {}
        for number, layer in enumerate(self.layers, 1):
            parameters[f"W{number}"] = (sizes[number - 1], sizes[number])
            if layer.bias != "absent":
                parameters[f"b{number}"] = (sizes[number],)
        head = HEAD.format(
            name=self.network.name,
            sha256=self.network.sha256,
            parameters=parameters,
            inputs=sizes[0],
            outputs=sizes[-1],
            momentum=float(self.network.training.momentum),
        )
        return head + dedent(self.core) + TAIL

    @property
    def layers(self) -> list[Dense]:
        return [layer for layer in self.network.layers if isinstance(layer, Dense)]


SAMPLES = {
    "classifier": Sample(
        load(
            {
                "name": "classifier",
                "input": 3,
                "layers": ["3 tanh", "3 tanh", "3 softmax"],
                "loss": "cross_entropy",
                "weight_decay": 0.01,
            }
        ),
        CLASSIFIER,
    ),
    "regression": Sample(
        load(
            {
                "name": "regression",
                "input": 3,
                "layers": [
                    {
                        "kind": "dense",
                        "units": 3,
                        "activation": {"name": "leaky_relu", "slope": 0.2},
                        "bias": "threshold",
                    },
                    {"kind": "dense", "units": 3, "activation": "softmax", "bias": False},
                    "2",
                ],
                "loss": "squared_error",
                "reduction": "sum",
                "training": {"optimizer": "momentum", "momentum": 0.9},
            }
        ),
        REGRESSION,
    ),
    "xor": Sample(
        load(
            {
                "name": "xor",
                "input": 2,
                "layers": ["2 sigmoid", "1 sigmoid"],
                "loss": "binary_cross_entropy",
            }
        ),
        XOR,
    ),
}
