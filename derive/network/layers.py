"""The kinds of layers as models, with every default filled in.

What a layer *is* (its forward equation) stands in `primitives`; here are only sizes and options.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from derive.errors import SpecError, listed, shown
from derive.network.choices import RELU_LIKE
from derive.network.parts import Activation as Activation
from derive.network.parts import Init, Model, read_init
from derive.network.shorthand import expand_layer
from derive.network.values import (
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
    activation: Activation = _LINEAR

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
    activation: Activation = _LINEAR


class LayerNorm(Model):
    """Each sample brought to mean 0 and variance 1, over the last axis or over all, then scaled."""

    kind: Literal["layer_norm"] = "layer_norm"
    activation: Activation = _LINEAR
    eps: _Eps = Fraction(1, 100_000)
    axes: Annotated[Literal["last", "all"], word("last", "all")] | None = None


class BatchNorm(Model):
    """Each unit or channel brought to mean 0 and variance 1 over the batch, then scaled."""

    kind: Literal["batch_norm"] = "batch_norm"
    activation: Activation = _LINEAR
    eps: _Eps = Fraction(1, 100_000)
    momentum: Annotated[Fraction, rational(0, 1, open_low=True)] = Fraction(1, 10)


class Dropout(Model):
    """Each value kept with the probability 1 - rate, and then divided by it."""

    kind: Literal["dropout"] = "dropout"
    activation: Activation = _LINEAR
    rate: Annotated[Fraction, rational(0, 1, open_high=True)]


class Equations(Model):
    """A layer that its user has written as index equations; x is the input."""

    kind: Literal["equations"] = "equations"
    indices: Annotated[Table[str, int | str], table(SIZE.reader, most=40)]
    parameters: Annotated[Table[str, tuple[str, ...]], table(texts(0, 8).reader)] = Table()
    initial: Annotated[Table[str, Init], table(read_init)] = Table()
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
