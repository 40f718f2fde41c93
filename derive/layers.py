"""The parts of a network as models: activations, losses, initial values and the kinds of layers.

A model holds what was written with every default filled in.  What an activation or a layer *is*
(its forward equation) stands in `primitives`; here are only names, sizes and options.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from derive.choices import ACTIVATIONS, LOSSES, RELU_LIKE, check_activation, check_loss, named
from derive.errors import SpecError, listed, shown
from derive.problems import problems_of
from derive.shorthand import expand_layer
from derive.values import (
    BIAS,
    PADDING,
    SIZE,
    SYMBOL,
    Table,
    each,
    expected,
    per_axis,
    rational,
    table,
    texts,
    word,
)

__all__ = ["ACTIVATIONS", "LOSSES"]


class Model(BaseModel):
    """A frozen model that takes no unknown key and compares and hashes by its values."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    also: ClassVar[dict[str, Any] | None] = None  # the JSON schema of its short form

    def __hash__(self) -> int:
        """By the values of all fields."""
        return hash((type(self).__name__, *(getattr(self, f) for f in type(self).model_fields)))

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, raw: Any, handler: Any) -> Any:
        """Turn what pydantic says into our sentences, at every level."""
        try:
            return handler(raw)
        except ValidationError as error:
            raise SpecError(*problems_of(error, cls)) from None

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        """The schema of the table, or of the short form."""
        own = handler.resolve_ref_schema(handler(core))
        if cls.also is None:
            return own
        return {"anyOf": [cls.also, own]}

    def _set(self, **values: Any) -> Self:
        """The frozen model with a field completed during validation."""
        for name, value in values.items():
            object.__setattr__(self, name, value)
        return self


_TEXT = {"type": "string", "minLength": 1}


class Activation(Model):
    """A named activation with options, or a formula in s."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": {"type": "number"}})
    also = _TEXT

    name: str = "linear"
    formula: str | None = None
    options: Annotated[Table[str, Fraction], table()] = Table()

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        if isinstance(raw, cls):
            return raw
        fields = named(raw if raw != {} else "linear", ACTIVATIONS, "activation")
        if fields.get("formula") is not None:
            check_activation(fields["formula"])
        return fields

    @property
    def numeric(self) -> bool:
        """Whether numbers can be computed with it."""
        return self.name != "generic"


LIKELIHOOD = word("gaussian", "bernoulli", "categorical")


class Loss(Model):
    """A named loss with options, a formula in o and y, an index formula, or a likelihood."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": {"type": "number"}})
    also = _TEXT

    name: str
    formula: str | None = None
    options: Annotated[Table[str, Fraction], table()] = Table()
    likelihood: Annotated[Literal["gaussian", "bernoulli", "categorical"], LIKELIHOOD] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        if isinstance(raw, cls):
            return raw
        if isinstance(raw, Mapping) and "likelihood" in raw:
            rest = {k: v for k, v in raw.items() if k not in ("likelihood", "name") and v != {}}
            if rest or raw.get("name", "likelihood") != "likelihood":
                raise SpecError("a likelihood stands without another loss")
            return {"name": "likelihood", "likelihood": raw["likelihood"]}
        fields = named(raw, LOSSES, "loss")
        if fields.get("formula") is not None:
            fields["name"] = "index_formula" if "[" in fields["formula"] else "formula"
            check_loss(fields["formula"])
        return fields

    @property
    def numeric(self) -> bool:
        """Whether numbers can be computed with it."""
        return self.name != "generic"


_INITS = word("glorot", "he", "zeros", "normal")


class Init(Model):
    """How weights start: glorot, he, zeros, or normal with the standard deviation sigma."""

    also = {"type": "string", "pattern": r"^(glorot|he|zeros|normal\([0-9.e-]+\))$"}

    name: Annotated[str, _INITS] = "glorot"
    sigma: Annotated[Fraction, rational(0, 1000, open_low=True)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        if isinstance(raw, cls):
            return raw
        if isinstance(raw, str):
            match = re.fullmatch(
                r"(\w+)\s*\(\s*(-?\d{0,20}\.?\d{1,20}(e-?\d\d?)?)\s*\)", raw[:100], re.ASCII
            )
            raw = {"name": match[1], "sigma": Fraction(match[2])} if match else {"name": raw}
        if not isinstance(raw, Mapping):
            raise expected(raw, 'glorot, he, zeros or "normal(0.1)"')
        name = raw.get("name", "glorot")
        _INITS.reader(name)
        if (name == "normal") != (raw.get("sigma") is not None):
            raise SpecError(f'found {shown(name)}; sigma belongs to normal, as in "normal(0.1)"')
        return {k: v for k, v in raw.items() if v is not None}


def _read_init(raw: Any) -> Init:
    try:
        return Init.model_validate(raw)
    except ValidationError as error:
        raise SpecError(*problems_of(error, Init)) from None


_Size = Annotated[int | str, SIZE]
_Bias = Annotated[Literal["added", "absent", "threshold"], BIAS]
_Axes = Annotated[tuple[int, ...], per_axis(1, 10_000)]
_Eps = Annotated[Fraction, rational(0, 1, open_low=True)]
_ONE, _LINEAR = (1,), Activation()


class _Weighted(Model):
    """A layer whose weights start by `init`; he is the default before a relu-like activation."""

    activation: Activation = _LINEAR
    bias: _Bias = "added"
    init: Init = Init()

    @model_validator(mode="after")
    def _default_init(self) -> Self:
        relu_like = self.activation.name in RELU_LIKE
        chosen = "init" in self.model_fields_set
        return self if chosen or not relu_like else self._set(init=Init(name="he"))


class Dense(_Weighted):
    """s[j] = Sum(W[i,j]*x[i], i) + b[j]."""

    kind: Literal["dense"] = "dense"
    units: _Size
    repeat: Annotated[str, SYMBOL] | None = None

    @model_validator(mode="after")
    def _generic_sizes(self) -> Self:
        if self.repeat is not None and isinstance(self.units, int):
            raise SpecError(
                f'.units: found {self.units}, expected a symbolic size such as "d", '
                "because the layer is repeated with a size of its own each time"
            )
        return self


class Conv(_Weighted):
    """s[c,p,q] = Sum(W[c,k,u,v]*x[k,p+u,q+v], k, u, v) + b[c]; in one dimension without q."""

    kind: Literal["conv"] = "conv"
    channels: _Size
    kernel: _Axes
    stride: _Axes = _ONE
    padding: Annotated[Literal["same"] | tuple[int, ...], PADDING] = (0,)
    dilation: _Axes = _ONE


class _Pool(Model):
    kernel: _Axes
    stride: _Axes = ()
    padding: Annotated[tuple[int, ...], per_axis(0, 10_000)] = (0,)

    @model_validator(mode="after")
    def _default_stride(self) -> Self:
        return self if self.stride else self._set(stride=self.kernel)


class MaxPool(_Pool):
    """The largest value of every window."""

    kind: Literal["max_pool"] = "max_pool"


class AvgPool(_Pool):
    """The mean of every window, padding included."""

    kind: Literal["avg_pool"] = "avg_pool"


class Flatten(Model):
    """All entries in one row."""

    kind: Literal["flatten"] = "flatten"


class LayerNorm(Model):
    """Each sample brought to mean 0 and variance 1, over the last axis or over all, then scaled."""

    kind: Literal["layer_norm"] = "layer_norm"
    eps: _Eps = Fraction(1, 100_000)
    axes: Annotated[Literal["last", "all"], word("last", "all")] | None = None


class BatchNorm(Model):
    """Each unit or channel brought to mean 0 and variance 1 over the batch, then scaled."""

    kind: Literal["batch_norm"] = "batch_norm"
    eps: _Eps = Fraction(1, 100_000)
    momentum: Annotated[Fraction, rational(0, 1, open_low=True)] = Fraction(1, 10)


class Dropout(Model):
    """Each value kept with the probability 1 - rate, and then divided by it."""

    kind: Literal["dropout"] = "dropout"
    rate: Annotated[Fraction, rational(0, 1, open_high=True)]


class Equations(Model):
    """A layer that its user has written as index equations; x is the input."""

    kind: Literal["equations"] = "equations"
    indices: Annotated[Table[str, int | str], table(SIZE.reader, most=40)]
    parameters: Annotated[Table[str, tuple[str, ...]], table(texts(0, 8).reader)] = Table()
    initial: Annotated[Table[str, Init], table(_read_init)] = Table()
    forward: Annotated[tuple[str, ...], texts(1, 100)]
    padded: Annotated[tuple[str, ...], texts(0, 100)] = ()
    activation: Activation = _LINEAR

    @model_validator(mode="after")
    def _initial_of_all(self) -> Self:
        """A start for every parameter: matrices by glorot, the others by zeros."""
        default = {
            name: Init(name="glorot" if len(axes) > 1 else "zeros")
            for name, axes in self.parameters.items()
        }
        if strangers := [name for name in self.initial if name not in default]:
            raise SpecError(f".initial: {shown(strangers[0])} is not the name of a parameter")
        return self._set(initial=Table({**default, **self.initial}))


class Residual(Model):
    """x + layers(x), then the activation."""

    kind: Literal["residual"] = "residual"
    layers: Layers
    activation: Activation = _LINEAR


KINDS = (
    *("dense", "conv", "max_pool", "avg_pool", "flatten", "layer_norm", "batch_norm", "dropout"),
    *("residual", "equations"),
)
MOST_LAYERS = 1000


def _written_out(raw: Any) -> Any:
    """A layer as a table, whatever way it was written; its kind is one of those that exist."""
    if isinstance(raw, Model):
        return raw
    if isinstance(raw, str):
        raw = expand_layer(raw)
    if not isinstance(raw, Mapping):
        raise expected(raw, 'a table with a kind, or a short form such as "dense 2 sigmoid"')
    if "kind" not in raw:
        raise SpecError(f".kind: missing, expected {listed(KINDS)}")
    each([(".kind", raw["kind"])], word(*KINDS).reader)
    return raw


def _several(raw: Any) -> Any:
    if not isinstance(raw, list | tuple) or not 1 <= len(raw) <= MOST_LAYERS:
        raise expected(raw, f"a list of 1 to {MOST_LAYERS} layers")
    return tuple(raw)


AnyLayer = (
    Dense
    | Conv
    | MaxPool
    | AvgPool
    | Flatten
    | LayerNorm
    | BatchNorm
    | Dropout
    | Residual
    | Equations
)
Layer = Annotated[AnyLayer, Field(discriminator="kind"), BeforeValidator(_written_out)]
Layers = Annotated[tuple[Layer, ...], BeforeValidator(_several)]
Residual.model_rebuild()
