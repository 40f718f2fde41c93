"""The shape of one sample on its way through the layers, and what does not fit together."""

from __future__ import annotations

from math import prod
from typing import TypeVar, cast

from derive.algebra.terms import Extent, Index, refs, tensors
from derive.errors import SpecError, shown
from derive.formulas.written import (
    RESERVED,
    Resolve,
    Scope,
    Written,
    check_new_name,
    named_entry,
    read_equations,
)
from derive.network.layers import (
    AnyLayer,
    AvgPool,
    Conv,
    Dense,
    Equations,
    Flatten,
    LayerNorm,
    MaxPool,
    Residual,
)
from derive.network.parts import Activation
from derive.network.values import Table

Shape = tuple[Extent, ...]
Windowed = TypeVar("Windowed", bound=Conv | MaxPool | AvgPool)
Pool = TypeVar("Pool", bound=MaxPool | AvgPool)


def through(layers: tuple[AnyLayer, ...], shape: Shape) -> tuple[tuple[AnyLayer, ...], Shape]:
    """The layers with every size per axis written out, and the shape of what comes out of them."""
    problems: list[str] = []
    made: list[AnyLayer] = []
    for n, layer in enumerate(layers):
        try:
            layer, shape = after(layer, shape)
        except SpecError as error:
            problems += error.under(f".layers[{n}]").problems
            if not isinstance(layer, Dense):
                break
            shape = (layer.units,)
        made.append(layer)
    if problems:
        raise SpecError(*problems)
    return tuple(made), shape


def after(layer: AnyLayer, shape: Shape) -> tuple[AnyLayer, Shape]:
    """The layer with every size per axis written out, and the shape behind it."""
    match layer:
        case Dense():
            if len(shape) != 1:
                raise SpecError(
                    f"dense takes features, found the shape {_text(shape)}; flatten first"
                )
            return layer, _activated(layer.activation, (layer.units,))
        case Conv():
            layer = _conv(layer, shape)
            return layer, _activated(layer.activation, (layer.channels, *positions(layer, shape)))
        case MaxPool() | AvgPool():
            layer = _pool(layer, shape)
            return layer, _activated(layer.activation, (shape[0], *positions(layer, shape)))
        case Flatten():
            return layer, _activated(layer.activation, _flat(shape))
        case LayerNorm():
            return _normed(layer, shape), _activated(layer.activation, shape)
        case Residual():
            return _residual(layer, shape)
        case Equations():
            return layer, _activated(layer.activation, written(layer, shape)[-1].shape)
    return layer, _activated(layer.activation, shape)  # batch_norm and dropout


def written(layer: Equations, shape: Shape, resolve: Resolve = named_entry) -> tuple[Written, ...]:
    """The layer's equations for an input x of that shape; `resolve` gives entries their meaning."""
    indices = {name: Index(name, size) for name, size in layer.indices.items()}
    scope = Scope(indices, {"x": shape}, resolve, frozenset(layer.padded))
    parameters = _parameters(layer, scope)
    scope = Scope(indices, {"x": shape, **parameters}, resolve, scope.padded)
    try:
        made = read_equations(layer.forward, scope)
    except SpecError as error:
        raise error.under(".forward") from None
    names = {"x", *parameters, *(equation.name for equation in made)}
    if strangers := [name for name in layer.padded if name not in names]:
        raise SpecError(f".padded: {shown(strangers[0])} is no name of this layer")
    if resolve is named_entry:
        _check_use(made, tuple(parameters))
        _check_reach(made, shape)
    return made


def pads(layer: Conv | MaxPool | AvgPool) -> tuple[tuple[int, int], ...]:
    """Zeros before and after the input on every spatial axis; an odd one too many goes behind."""
    if isinstance(layer.padding, tuple):
        return tuple((p, p) for p in layer.padding)
    assert isinstance(layer, Conv)
    totals = [d * (k - 1) for k, d in zip(layer.kernel, layer.dilation, strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)


def _activated(activation: Activation, shape: Shape) -> Shape:
    if activation.name == "softmax" and shape[-1] == 1:
        raise SpecError(
            ".activation: softmax over one unit is always 1; use sigmoid, or more units"
        )
    return shape


def _conv(layer: Conv, shape: Shape) -> Conv:
    layer = _per_axis(layer, shape, "kernel", "stride", "dilation", "padding")
    if layer.padding == "same" and set(layer.stride) != {1}:
        raise SpecError('.padding: found "same" with a stride above 1, expected a whole number')
    return layer


def _pool(layer: Pool, shape: Shape) -> Pool:
    layer = _per_axis(layer, shape, "kernel", "stride", "padding")
    for kernel, padding in zip(layer.kernel, layer.padding, strict=True):
        if not isinstance(padding, int) or 2 * padding > kernel:
            raise SpecError(
                f".padding: found {padding}, expected at most half of the kernel {kernel}"
            )
    return layer


def _per_axis(layer: Windowed, shape: Shape, *fields: str) -> Windowed:
    """The layer with one value for each spatial axis."""
    rank = len(shape) - 1
    if rank not in (1, 2):
        raise SpecError(
            f"{layer.kind} takes [channels, length] or [channels, height, width], "
            f"found the shape {_text(shape)}"
        )
    values: dict[str, tuple[int, ...]] = {}
    for field in fields:
        value = getattr(layer, field)
        if value == "same":
            continue
        if len(value) not in (1, rank):
            raise SpecError(f".{field}: found {len(value)} numbers, expected 1 or {rank}")
        values[field] = value * rank if len(value) == 1 else value
    return cast(Windowed, layer.model_copy(update=values))


def positions(layer: Conv | MaxPool | AvgPool, shape: Shape) -> Shape:
    """The number of window positions on every spatial axis; options are given for each of them."""
    found: list[Extent] = []
    dilation = layer.dilation if isinstance(layer, Conv) else (1,) * len(layer.kernel)
    for size, k, s, (front, behind), d in zip(
        shape[1:], layer.kernel, layer.stride, pads(layer), dilation, strict=True
    ):
        reach = d * (k - 1) + 1
        if s == 1 and reach == 1 + front + behind:
            found.append(size)
        elif isinstance(size, str):
            raise SpecError(f"the size {size} must be a number here, or the padding the same")
        elif reach > size + front + behind:
            wide = f" (spread over {reach} by the dilation)" if d > 1 else ""
            raise SpecError(
                f".kernel: found {k}{wide}, larger than the input of {size} with padding {front}"
            )
        else:
            found.append((size + front + behind - reach) // s + 1)
    return tuple(found)


def _flat(shape: Shape) -> Shape:
    if len(shape) == 1:
        return shape
    if any(isinstance(size, str) for size in shape):
        raise SpecError(f"flatten takes a shape of numbers, found {_text(shape)}")
    return (prod(int(size) for size in shape),)


def _normed(layer: LayerNorm, shape: Shape) -> LayerNorm:
    axes = layer.axes or ("last" if len(shape) == 1 else "all")
    over = shape if axes == "all" else shape[-1:]
    if all(size == 1 for size in over):
        raise SpecError("layer_norm over one value is always 0; it takes two or more")
    return layer.model_copy(update={"axes": axes})


def _residual(layer: Residual, shape: Shape) -> tuple[Residual, Shape]:
    inner, result = through(layer.layers, shape)
    if result != shape:
        raise SpecError(
            f".layers: found the shape {_text(result)} behind them, "
            f"expected that of the input, {_text(shape)}, to which it is added"
        )
    return layer.model_copy(update={"layers": inner}), _activated(layer.activation, shape)


def _parameters(layer: Equations, scope: Scope) -> Table[str, Shape]:
    """The shapes of the parameters; their names and indices are checked."""
    problems: list[str] = []
    for name in layer.indices:
        if name in scope.arrays:
            problems.append(f".indices: {name} is the input; take another name")
        if name in RESERVED:
            problems.append(
                f".indices: {name} is a word of the formula language; take another name"
            )
    shapes: dict[str, Shape] = {}
    for name, axes in layer.parameters.items():
        try:
            check_new_name(name, scope)
        except SpecError as error:
            problems += error.under(f".parameters.{name}").problems
        unknown = [axis for axis in axes if axis not in layer.indices]
        if unknown:
            problems.append(
                f".parameters.{name}: found {shown(unknown[0])}, expected names of indices"
            )
        shapes[name] = tuple(layer.indices.get(axis, 1) for axis in axes)
    if problems:
        raise SpecError(*problems)
    return Table(shapes)


def _check_use(made: tuple[Written, ...], parameters: tuple[str, ...]) -> None:
    """Every name must reach the output, and the output must have an axis and depend on x."""
    if not made[-1].at:
        raise SpecError(f".forward: the output {made[-1].name} has no index, expected one or more")
    needed = {made[-1].name}
    for equation in reversed(made):
        if equation.name in needed:
            needed |= {tensor.letter for tensor in tensors(equation.rhs)}
    unused = [n for n in (*parameters, *(e.name for e in made)) if n not in needed]
    if unused:
        raise SpecError(f".forward: {unused[0]} does not reach the output {made[-1].name}")
    if "x" not in needed:
        raise SpecError(f".forward: the output {made[-1].name} does not depend on the input x")


def _check_reach(made: tuple[Written, ...], shape: Shape) -> None:
    """An axis of x that is read by plain indices alone must be read to its end by one of them."""
    entries = [entry for equation in made for entry in refs(equation.rhs)]
    places = [entry.at for entry in entries if entry.tensor.letter == "x"]
    for axis, extent in enumerate(shape):
        indices = [at[axis].index for at in places]
        if all(index is not None and index.size != extent for index in indices):
            raise SpecError(
                f".indices: {indices[0]} has the size {indices[0] and indices[0].size}, but runs "
                f"over an axis of x of the size {extent}"
            )


def _text(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"
