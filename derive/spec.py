"""The network spec: what is built from a file, a mapping or one line, and checked as a whole."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from derive.errors import SpecError
from derive.layers import Activation, Dense, Init, Loss, Model
from derive.values import Table

__all__ = ["Activation", "Dense", "Init", "Layer", "Loss", "Network", "load", "load_text"]
Layer = Dense


class Training(Model):
    """How the emitted module trains unless told otherwise."""

    optimizer: Literal["sgd", "momentum"] = "sgd"
    learning_rate: Fraction = Fraction(1, 10)
    momentum: Fraction = Fraction(9, 10)
    batch_size: int = 32
    epochs: int = 100
    seed: int = 0


class Network(Model):
    """A validated network."""

    name: str = "network"
    title: str | None = None
    input: tuple[int | str, ...]
    layers: tuple[Dense, ...]
    loss: Loss
    reduction: Literal["mean", "sum"] = "mean"
    weight_decay: Fraction = Fraction(0)
    notation: str = "columns"
    dtype: Literal["float32", "float64"] = "float64"
    accuracy: Literal["fast", "exact"] = "fast"
    domain: Literal["checked", "unchecked"] = "checked"
    training: Training = Training()

    @property
    def output_shape(self) -> tuple[int | str, ...]:
        """The extents of the output of one sample."""
        return (self.layers[-1].units,)

    @property
    def numeric(self) -> bool:
        """Whether every size is a number and no activation or loss is generic."""
        sizes = [*self.input, *(layer.units for layer in self.layers)]
        generic = [layer for layer in self.layers if not layer.activation.numeric or layer.repeat]
        return all(isinstance(s, int) for s in sizes) and not generic and self.loss.numeric

    def canonical(self) -> str:
        """The canonical JSON: every default written out, the same for every way of writing."""
        return json.dumps(plain(self), separators=(",", ":"), ensure_ascii=True)

    @property
    def sha256(self) -> str:
        """The hash of the canonical JSON."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()


def plain(value: Any) -> Any:
    """A model as JSON data, with sorted keys, exact numbers and no absent entries."""
    if isinstance(value, Model):
        pairs = sorted((name, getattr(value, name)) for name in type(value).model_fields)
        return {name: plain(entry) for name, entry in pairs if entry is not None}
    if isinstance(value, Table):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else str(value)
    return value


def load(source: Path | str | Mapping[str, Any] | Network) -> Network:
    """The network of a file, of a one-line network, of a mapping; a network is returned as it is."""
    if isinstance(source, Network):
        return source
    if isinstance(source, Mapping):
        return _build(source)
    if isinstance(source, str) and ">" in source:
        return load_text(source)
    path = Path(source)
    raw = tomllib.loads(path.read_text())
    return _build({"name": path.stem, **raw})


def load_text(text: str, name: str = "spec") -> Network:
    """The network that a text writes: one line, or TOML."""
    if "\n" in text.strip():
        return _build(tomllib.loads(text))
    shape, *layers = [part.strip() for part in text.rsplit(":", 1)[0].split(">")]
    size = int(shape) if shape.isdigit() else shape
    return _build({"input": size, "layers": layers, "loss": text.rsplit(":", 1)[1].strip()})


def _build(raw: Mapping[str, Any]) -> Network:
    data = dict(raw)
    data["input"] = data["input"] if isinstance(data["input"], list) else (data["input"],)
    data["layers"] = tuple(_layer(layer) for layer in data["layers"])
    if "likelihood" in data:
        data["loss"] = {"likelihood": data.pop("likelihood")}
    try:
        return Network(**data)
    except ValueError as error:
        raise SpecError(str(error)) from None


def _layer(raw: Any) -> Any:
    if isinstance(raw, str):
        words = raw.removeprefix("dense ").split(None, 1)
        units = int(words[0]) if words[0].isdigit() else words[0]
        raw = {"units": units, **({"activation": words[1]} if words[1:] else {})}
    raw = dict(raw)
    bias = raw.get("bias", True)
    raw["bias"] = {True: "added", False: "absent"}.get(bias, bias)
    return raw
