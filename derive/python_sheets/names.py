"""What the names of a Python sheet mean: W1, dW1, delta2, z_1, y_hat, grad_b2, learning_rate."""

# ruff: noqa: RUF001  (Greek letters are what one of the tables is about)
from __future__ import annotations

import re
from dataclasses import dataclass, replace

from derive.algebra.symbols import Label

#: Stem of a name -> role; the stem is what stays without number and sign of a derivative.
STEMS = {
    "w": "weight", "weight": "weight", "weights": "weight", "theta": "weight", "kernel": "weight",
    "syn": "weight", "ws": "weight", "b": "bias", "bias": "bias", "biases": "bias", "bs": "bias",
    "zs": "preactivation", "activations": "activation", "deltas": "delta",
    "z": "preactivation", "s": "preactivation", "net": "preactivation", "pre": "preactivation",
    "logits": "preactivation", "u": "preactivation", "scores": "preactivation",
    "a": "activation", "h": "activation", "o": "activation", "act": "activation",
    "hidden": "activation", "layer": "activation", "l": "activation",
    "x": "input", "input": "input", "inputs": "input",
    "y": "target", "t": "target", "target": "target", "targets": "target", "labels": "target",
    "y_true": "target", "ytrue": "target", "truth": "target",
    "y_hat": "output", "yhat": "output", "y_pred": "output", "ypred": "output", "out": "output",
    "output": "output", "outputs": "output", "pred": "output", "prediction": "output",
    "predictions": "output", "probs": "output", "p": "output", "probabilities": "output",
    "delta": "delta", "d": "delta", "err": "delta",
    "loss": "loss", "cost": "loss", "e": "loss", "c": "loss", "j": "loss", "error": "loss",
    "lr": "learning_rate", "eta": "learning_rate", "alpha": "learning_rate",
    "learning_rate": "learning_rate", "rate": "learning_rate", "step_size": "learning_rate",
    "n": "samples", "m": "samples", "batch_size": "samples", "batch": "samples",
}  # fmt: skip
_SHORT = {
    "wh": ("weight", Label(1)), "bh": ("bias", Label(1)), "wih": ("weight", Label(1)),
    "wout": ("weight", Label(0, "L")), "bout": ("bias", Label(0, "L")),
    "who": ("weight", Label(0, "L")),
}  # fmt: skip
#: Lists with one array for each layer; W and b are such lists where a number picks one.
LISTS = {
    "weights": "weight", "ws": "weight", "biases": "bias", "bs": "bias", "zs": "preactivation",
    "activations": "activation", "deltas": "delta",
}  # fmt: skip
_WHOLE = {"L": "loss", "J": "loss", "E": "loss", "C": "loss", "N": "samples", "H": "activation"}
_LAYERED = ("weight", "bias", "preactivation", "activation", "delta")
_DERIVED = re.compile(
    r"(?:d[lLjJeEcC](?:oss)?_?d_?|grad_|g_|grads_|nabla_|partial_|d_|d(?=[A-Za-z]))(?P<rest>\w+)"
)
#: w_input_hidden, hidden_weights, output_bias; l2_delta.
_BETWEEN = re.compile(
    r"(?P<stem>weights?|w)_?(?P<from>i|in|input|h|hidden)_?(?:to_)?(?P<to>h|hidden|o|out|output)"
)
_BEFORE = re.compile(r"(?P<layer>hidden|output|out)_(?P<stem>weights?|w|bias|biases|b)")
_DELTA = re.compile(r"(?:l|layer_?)(?P<number>\d+)_delta")
_BEHIND = re.compile(r"(?P<rest>\w+?)_(?:grad|gradient|g)\Z")
_COUNT = re.compile(
    r"(?:n|num|nb|number_of)_?(?:samples|examples|records|points|obs|observations|train|rows|data)"
)
_NUMBER = re.compile(
    r"(?P<stem>[A-Za-z][A-Za-z_]*?)_?(?P<number>\d+)?(?P<last>_out|_o|_h|_hidden)?"
)
GREEK = {
    "δ": "delta", "Δ": "delta", "σ": "sigma", "η": "eta", "α": "alpha", "θ": "theta", "ŷ": "y_hat",
    "φ": "phi", "ϕ": "phi", "λ": "lambda", "∂": "d",
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A name's role and layer; `derived` says that it is the derivative of the loss by it."""

    role: str
    label: Label | None = None
    derived: bool = False
    hidden: bool = False  # of a hidden layer that has no number


def meaning(name: str) -> Named | None:
    """What a name means, or None for a name of the writer's own.

    >>> meaning("dW1"), meaning("y_hat").role, meaning("delta2").label, meaning("mask")
    (Named(role='weight', label=Label(offset=1, base=''), derived=True, hidden=False), 'output', \
Label(offset=2, base=''), None)
    """
    plain = "".join(GREEK.get(c, c) for c in name)
    found = _plain(plain)
    if found is not None:
        return found
    for pattern in (_DERIVED, _BEHIND):
        if parts := pattern.fullmatch(plain):
            inner = _plain(parts["rest"])
            if inner is not None and inner.role not in ("loss", "samples", "learning_rate"):
                return replace(inner, derived=True)
    return None


def by_what(name: str) -> str | None:
    """By what the name of a derivative is one: h of dh, W1 of grad_W1.

    >>> by_what("grad_h"), by_what("dW1"), by_what("z1")
    ('h', 'W1', None)
    """
    for pattern in (_DERIVED, _BEHIND):
        parts = None if _plain(name) else pattern.fullmatch(name)
        if parts is not None:
            return parts["rest"]
    return None


def _plain(name: str) -> Named | None:
    if name in _WHOLE:
        return Named(_WHOLE[name], hidden=name == "H")
    if _COUNT.fullmatch(name.lower()):
        return Named("samples")
    if name.lower() in STEMS and not name[-1].isdigit():
        made = _filled(STEMS[name.lower()], None)
        return replace(made, hidden=name.lower() in ("h", "hidden"))
    if name.lower() in _SHORT:
        return Named(*_SHORT[name.lower()])
    if told := _in_words(name.lower()):
        return told
    parts = _NUMBER.fullmatch(name)
    if parts is None:
        return None
    role = STEMS.get(parts["stem"].lower().strip("_"))
    some = parts["number"] or parts["last"]
    if role is None or (some and role not in (*_LAYERED, "input")):
        return None
    label = Label(int(parts["number"])) if parts["number"] else None
    if parts["last"]:
        label = Label(0, "L") if parts["last"] in ("_out", "_o") else Label(1)
    return _filled(role, label)


def _in_words(name: str) -> Named | None:
    """Names that say their layer in words: weights_input_hidden, output_bias, l2_delta."""
    if parts := _BETWEEN.fullmatch(name):
        last = parts["to"].startswith("o")
        if last == parts["from"].startswith("h"):
            return Named("weight", Label(0, "L") if last else Label(1))
    if parts := _BEFORE.fullmatch(name):
        label = Label(1) if parts["layer"] == "hidden" else Label(0, "L")
        return Named(STEMS[parts["stem"]], label)
    if parts := _DELTA.fullmatch(name):
        return Named("delta", Label(int(parts["number"])))
    return None


def _filled(role: str, label: Label | None) -> Named:
    """Only some roles have a layer."""
    return Named(role, label if role in _LAYERED else None)
