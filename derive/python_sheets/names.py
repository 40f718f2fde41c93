"""What the names of a Python sheet mean: W1, dW1, delta2, z_1, y_hat, grad_b2, learning_rate."""

# ruff: noqa: RUF001  (Greek letters are what one of the tables is about)
from __future__ import annotations

import re
from dataclasses import dataclass, replace

from derive.algebra.symbols import Label

#: Stem of a name -> role; the stem is what stays without number and sign of a derivative.
STEMS = {
    "w": "weight", "weight": "weight", "weights": "weight", "theta": "weight", "kernel": "weight",
    "b": "bias", "bias": "bias", "biases": "bias",
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
    "n": "samples", "m": "samples", "batch_size": "samples", "num_samples": "samples",
    "n_samples": "samples", "batch": "samples", "num_examples": "samples",
}  # fmt: skip
_SHORT = {
    "wh": ("weight", Label(1)), "bh": ("bias", Label(1)),
    "wout": ("weight", Label(0, "L")), "bout": ("bias", Label(0, "L")),
}  # fmt: skip
_WHOLE = {"L": "loss", "J": "loss", "E": "loss", "C": "loss", "N": "samples", "H": "activation"}
_LAYERED = ("weight", "bias", "preactivation", "activation", "delta")
_DERIVED = re.compile(
    r"(?:d[lLjJeEcC](?:oss)?_?d_?|grad_|g_|grads_|nabla_|partial_|d_|d(?=[A-Za-z]))(?P<rest>\w+)"
)
_BEHIND = re.compile(r"(?P<rest>\w+?)_(?:grad|gradient|g)\Z")
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


def _plain(name: str) -> Named | None:
    if name in _WHOLE:
        return Named(_WHOLE[name], hidden=name == "H")
    if name.lower() in STEMS and not name[-1].isdigit():
        made = _filled(STEMS[name.lower()], None)
        return replace(made, hidden=name.lower() in ("h", "hidden"))
    if name.lower() in _SHORT:
        return Named(*_SHORT[name.lower()])
    parts = _NUMBER.fullmatch(name)
    if parts is None:
        return None
    role = STEMS.get(parts["stem"].lower().strip("_"))
    if role is None or (parts["number"] and role not in (*_LAYERED, "input")):
        return None
    label = Label(int(parts["number"])) if parts["number"] else None
    if parts["last"]:
        label = Label(0, "L") if parts["last"] in ("_out", "_o") else Label(1)
    return _filled(role, label)


def _filled(role: str, label: Label | None) -> Named:
    """An activation of layer 0 is the input; only some roles have a layer."""
    if role == "activation" and label == Label(0):
        return Named("input")
    return Named(role, label if role in _LAYERED else None)
