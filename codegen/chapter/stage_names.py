"""A layer in a few words: its kind with its options, and what each of its quantities is."""

from __future__ import annotations

from fractions import Fraction
from functools import singledispatch

from codegen.chapter import words
from derive.algebra.terms import Tensor
from derive.network.layers import (
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Equations,
    Flatten,
    LayerNorm,
    MaxPool,
    Residual,
)
from derive.stages import Stage

TIMES = "\u00d7"

KINDS = {
    "dense": "a fully connected layer",
    "conv": "a convolution",
    "max_pool": "max pooling",
    "avg_pool": "average pooling",
    "flatten": "flattening",
    "layer_norm": "layer normalisation",
    "batch_norm": "batch normalisation",
    "dropout": "dropout",
    "residual": "a residual connection",
    "equations": "given by its own equations",
}
_NORM = ("mean", "variance", "one over the standard deviation", "standardised values")
QUANTITIES = {
    "max_pool": ("largest value of each window",),
    "avg_pool": ("mean of each window",),
    "flatten": ("the same entries in one row",),
    "layer_norm": _NORM,
    "batch_norm": _NORM,
    "dropout": ("what the mask lets through",),
    "residual": ("sum of the two ways",),
}


def stage_name(stage: Stage) -> str:
    """The kind with its options: conv 8@5\u00d75, stride 2, relu."""
    parts = [option_text(stage.layer)]
    activation = getattr(stage.layer, "activation", None)
    if stage.activation is not None and activation is not None:
        name = activation.name
        parts.append(words.ACTIVATION_WORDS.get(name, name.replace("_", " ")))
    return ", ".join(parts)


@singledispatch
def option_text(layer: object) -> str:
    """The kind of a layer with what sets it apart from others of its kind.

    >>> option_text(Conv(channels=8, kernel=(5, 5), stride=(2, 2))) == "conv 8@5\u00d75, stride 2"
    True
    >>> option_text(Dropout(rate=Fraction(1, 4)))
    'dropout 0.25'
    """
    raise NotImplementedError(f"no name for {type(layer).__name__}; add one in stage_names.py")


@option_text.register
def _(layer: Dense) -> str:
    return f"dense {layer.units}"


@option_text.register
def _(layer: Conv) -> str:
    made = [f"conv {layer.channels}@{sides(layer.kernel)}", *_stride(layer.stride)]
    made += ["same"] if layer.padding == "same" else _padding(layer.padding)
    return ", ".join(made + ([f"dilation {_per_axis(layer.dilation)}"] * (max(layer.dilation) > 1)))


@option_text.register
def _(layer: MaxPool | AvgPool) -> str:
    name = "max pool" if isinstance(layer, MaxPool) else "average pool"
    stride = [] if layer.stride == layer.kernel else [f"stride {_per_axis(layer.stride)}"]
    return ", ".join([f"{name} {sides(layer.kernel)}", *stride, *_padding(layer.padding)])


@option_text.register
def _(layer: Flatten) -> str:
    return "flatten"


@option_text.register
def _(layer: LayerNorm) -> str:
    return "layer norm"


@option_text.register
def _(layer: BatchNorm) -> str:
    return "batch norm"


@option_text.register
def _(layer: Dropout) -> str:
    return f"dropout {decimal(layer.rate)}"


@option_text.register
def _(layer: Residual) -> str:
    return "residual"


@option_text.register
def _(layer: Equations) -> str:
    return "own equations"


def sides(sizes: tuple[int, ...]) -> str:
    """The sides of a window: 3, or 3\u00d75."""
    return TIMES.join(map(str, sizes))


def decimal(value: Fraction) -> str:
    """A fraction as a decimal number where it is one, else as a fraction."""
    text = f"{float(value):.10g}"
    return text if Fraction(text) == value else str(value)


def _per_axis(sizes: tuple[int, ...]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else sides(sizes)


def _stride(stride: tuple[int, ...]) -> list[str]:
    return [f"stride {_per_axis(stride)}"] if max(stride) > 1 else []


def _padding(padding: tuple[int, ...]) -> list[str]:
    return [f"padding {_per_axis(padding)}"] if max(padding) > 0 else []


def quantity_words(stage: Stage, tensor: Tensor) -> str:
    """What a quantity of a layer is, in words."""
    names = QUANTITIES.get(stage.kind, ())
    for equation, name in zip(stage.body, names, strict=False):
        if equation.lhs.tensor == tensor:
            return name
    return "quantity of the layer\u2019s own equations"


def mask_words(stage: Stage) -> str:
    """What the mask of a dropout layer holds."""
    rate = getattr(stage.layer, "rate", Fraction(0))
    return f"mask: 1/(1 \u2212 {decimal(rate)}) where a value is kept, else 0"


def state_words(tensor: Tensor) -> str:
    """What is kept between batches."""
    return {"mean": "running mean", "var": "running variance"}.get(tensor.letter, "state")
