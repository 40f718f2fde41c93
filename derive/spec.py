"""The network spec: what is built from a file, a mapping or one line, and checked as a whole."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import PrivateAttr, ValidationError, model_validator

from derive.errors import SpecError, join, shown
from derive.formulas import bounds
from derive.formulas.written import named_entry, read_index_formula
from derive.network.layers import (
    AnyLayer,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Equations,
    Flatten,
    Layer,
    LayerNorm,
    Layers,
    MaxPool,
    Residual,
)
from derive.network.loading import check_data, parse, read_file
from derive.network.parts import LIKELIHOOD, Activation, Init, Loss, Model
from derive.network.problems import problems_of
from derive.network.shapes import Shape, pads, through, written
from derive.network.shorthand import is_one_line
from derive.network.values import (
    NAME,
    SHAPE,
    TITLE,
    Table,
    Typed,
    rational,
    read_name,
    whole,
    word,
)

__all__ = [
    "Activation",
    "AnyLayer",
    "AvgPool",
    "BatchNorm",
    "Conv",
    "Dense",
    "Dropout",
    "Equations",
    "Flatten",
    "Init",
    "Layer",
    "LayerNorm",
    "Loss",
    "MaxPool",
    "Network",
    "Residual",
    "Shape",
    "Training",
    "load",
    "load_text",
    "pads",
    "plain",
    "walk",
    "written",
]
NOTATIONS = ("signals", "neurons", "columns", "units", "named_layers", "rows")


def _read_notation(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[\w./ -]{1,200}\.toml", value, re.ASCII):
        return value
    return str(_NOTATION_WORD.reader(value))


_NOTATION_WORD = word(*NOTATIONS)
_NOTATION = Typed(
    _read_notation,
    {"anyOf": [_NOTATION_WORD.schema, {"type": "string", "pattern": r"\.toml$"}]},
    _NOTATION_WORD.wanted,
)


class Training(Model):
    """How the emitted module trains unless told otherwise."""

    optimizer: Annotated[Literal["sgd", "momentum"], word("sgd", "momentum")] = "sgd"
    learning_rate: Annotated[Fraction, rational(0, 1000, open_low=True)] = Fraction(1, 10)
    momentum: Annotated[Fraction, rational(0, 1, open_high=True)] = Fraction(0)
    batch_size: Annotated[int, whole(1, 1_000_000)] = 32
    epochs: Annotated[int, whole(1, 1_000_000)] = 100
    seed: Annotated[int, whole(0, 2**32 - 1)] = 0

    @model_validator(mode="after")
    def _momentum(self) -> Self:
        given = "momentum" in self.model_fields_set and self.momentum != 0
        if given and self.optimizer == "sgd":
            raise SpecError('.momentum: belongs to the optimizer "momentum", found "sgd"')
        if self.optimizer == "momentum" and "momentum" not in self.model_fields_set:
            return self._set(momentum=Fraction(9, 10))
        return self


class Network(Model):
    """A validated network; the layers have every default and every size per axis written out."""

    name: Annotated[str, NAME] = "network"
    title: Annotated[str, TITLE] | None = None
    input: Annotated[tuple[int | str, ...], SHAPE]
    layers: Layers
    loss: Loss
    reduction: Annotated[Literal["mean", "sum"], word("mean", "sum")] = "mean"
    weight_decay: Annotated[Fraction, rational(0, 1000)] = Fraction(0)
    notation: Annotated[str, _NOTATION] = "columns"
    dtype: Annotated[Literal["float32", "float64"], word("float32", "float64")] = "float64"
    accuracy: Annotated[Literal["fast", "exact"], word("fast", "exact")] = "fast"
    domain: Annotated[Literal["checked", "unchecked"], word("checked", "unchecked")] = "checked"
    training: Training = Training()

    _output: Shape = PrivateAttr(())

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        every = tuple(walk(self.layers))
        repeated = [layer for layer in every if isinstance(layer, Dense) and layer.repeat]
        if len(repeated) > 1 or any(layer not in self.layers for layer in repeated):
            raise SpecError(".layers: one layer of the outermost list can be repeated, no more")
        if repeated and self.layers[0] is not repeated[0]:
            place = self.layers.index(repeated[0])
            raise SpecError(
                f".layers[{place}].repeat: a repeated layer stands for the numbers 1 to "
                f"{repeated[0].repeat}, so it must be the first layer, found it behind {place}"
            )
        layers, output = through(self.layers, self.input)
        if not any(isinstance(layer, _TRAINED) for layer in every):
            raise SpecError(".layers: none of them has parameters, expected at least one")
        if self.loss.name == "index_formula":
            try:
                loss = read_index_formula(self.loss.formula, output, named_entry)
                if not bounds.depends(loss, "o"):
                    raise SpecError("found a loss that ignores the output o")
            except SpecError as error:
                raise error.under(".loss") from None
        self._output = output
        return self._set(layers=layers)

    @property
    def output_shape(self) -> Shape:
        """The extents of the output of one sample."""
        return self._output

    @property
    def numeric(self) -> bool:
        """Whether every size is a number and no activation or loss is generic."""
        return (
            self.loss.numeric
            and not any(isinstance(size, str) for size in self.input)
            and all(_is_numeric(layer) for layer in walk(self.layers))
        )

    def canonical(self) -> str:
        """The canonical JSON: every default written out, the same for every way of writing."""
        return json.dumps(plain(self), separators=(",", ":"), ensure_ascii=True)

    @property
    def sha256(self) -> str:
        """The hash of the canonical JSON."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()


_TRAINED = (Dense, Conv, LayerNorm, BatchNorm, Equations)


def walk(layers: tuple[AnyLayer, ...]) -> Iterator[AnyLayer]:
    """Every layer in order; those inside a residual layer come before it."""
    for layer in layers:
        if isinstance(layer, Residual):
            yield from walk(layer.layers)
        yield layer


def _is_numeric(layer: AnyLayer) -> bool:
    sizes: list[int | str] = []
    match layer:
        case Dense():
            sizes = [layer.units] if layer.repeat is None else [layer.repeat]
        case Conv():
            sizes = [layer.channels]
        case Equations():
            sizes = list(layer.indices.values())
    activation = getattr(layer, "activation", None)
    return not any(isinstance(s, str) for s in sizes) and (activation is None or activation.numeric)


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
    """The network of a file, of a one-line network or of a mapping; a network stays as it is."""
    if isinstance(source, Network):
        return source
    if isinstance(source, Mapping):
        return _build(source, "spec")
    if isinstance(source, str) and _is_text(source):
        return load_text(source)
    if not isinstance(source, Path | str):
        raise SpecError(f"spec: found {shown(source)}, expected a path, a text or a mapping")
    path = Path(source)
    label = str(path) if len(str(path)) <= 80 else "..." + str(path)[-77:]
    try:
        text = read_file(path)
    except SpecError as error:
        raise error.under(label) from None
    return load_text(text, label, path.stem)


def _is_text(source: str) -> bool:
    """Whether a string is a network itself, not the path of one."""
    return is_one_line(source) or "\n" in source or source.lstrip().startswith("{")


def load_text(text: str, label: str = "spec", name: str = "network") -> Network:
    """The network that a text writes in TOML, JSON or one line; `name` where it gives none."""
    try:
        data = parse(text)
    except SpecError as error:
        raise error.under(label) from None
    return _build(data, label, name)


def _build(raw: Mapping[str, Any], label: str, name: str = "network") -> Network:
    """The network of plain data, or all that is wrong with it, each line with the label."""
    problems: list[str] = []
    data = dict(raw)
    try:
        check_data(data)
        data.setdefault("name", _legal_name(name))
        problems += _choose_loss(data)
        made = Network.model_validate(data)
        if not problems:
            return made
    except ValidationError as error:
        problems += [problem.removeprefix(".") for problem in problems_of(error, Network)]
    except SpecError as error:
        problems += error.problems
    raise SpecError(*(join(label, problem) for problem in problems))


def _choose_loss(data: dict[str, Any]) -> list[str]:
    """Bring `likelihood` under `loss`; where that fails, a generic loss stands in for the check."""
    likelihood, loss = data.pop("likelihood", None), data.get("loss")
    data["loss"] = "generic" if loss is None else loss
    if likelihood is None:
        return [] if loss is not None else ["loss: missing, expected a loss or a likelihood"]
    if loss is not None:
        return ["likelihood: found a loss as well, expected exactly one of the two"]
    try:
        data["loss"] = {"likelihood": LIKELIHOOD.reader(likelihood)}
    except SpecError as error:
        return error.under("likelihood").problems
    return []


def _legal_name(name: str) -> str:
    try:
        return read_name(name)
    except SpecError:
        return "network"
