"""What each kind of layer does, in words for the forward pass."""

from __future__ import annotations

from functools import singledispatch

from codegen.chapter.sheet import Sheet
from codegen.chapter.stage_names import decimal, sides
from codegen.chapter.words import capital, count
from codegen.pages.document import Code, Inline, Inlines, Math
from derive.algebra.terms import Size, lift
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
from derive.network.shapes import pads
from derive.stages import Stage
from derive.writing import layout as lay


@singledispatch
def forward_words(layer: object, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    """What a layer does; in full where it is the first of its kind on the page."""
    raise NotImplementedError(f"no words for {type(layer).__name__}; add them in stage_words.py")


@forward_words.register
def _(layer: Dense, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    source = sheet.tensor(stage.source)
    if first:
        return ("Every unit weighs all of ", source, " and adds up:")
    return ("From ", source, ":")


@forward_words.register
def _(layer: Conv, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    size = f"{sides(layer.kernel)}"
    made: list[Inline] = [f"{capital(count(int(layer.channels), 'kernel'))} of {size} weights"
                          " for each input channel"]  # fmt: skip
    if first:
        one = layer.channels == 1
        made.append(f". {'It' if one else 'Each'} is laid on every place of the input; what it"
                    " covers is multiplied by its weights and added up, so the same few weights"
                    " serve at every place")  # fmt: skip
    made += _steps(layer.stride, layer.dilation)
    if any(pad for pair in pads(layer) for pad in pair):
        made.append(". Around the input lie zeros, and an index outside it reads such a zero")
    return (*made, ":")


def _steps(stride: tuple[int, ...], dilation: tuple[int, ...]) -> list[Inline]:
    made: list[Inline] = []
    if max(stride) > 1:
        made.append(f". From place to place it moves on by {_by(stride)}")
    if max(dilation) > 1:
        made.append(f". Its weights lie {_by(dilation)} apart")
    return made


def _by(steps: tuple[int, ...]) -> str:
    return str(steps[0]) if len(set(steps)) == 1 else " and ".join(map(str, steps))


@forward_words.register
def _(layer: MaxPool, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    made: list[Inline] = [f"Of every window of {sides(layer.kernel)} values the largest is kept"]
    made += [f"; the windows lie {_by(layer.stride)} apart"] if _own_step(layer) else []
    if max(layer.padding) > 0:
        made.append(". Around the input lies minus infinity, which never wins")
    if first:
        made.append(". Where two are equal the first counts, in the order of reading")
    return (*made, ":")


@forward_words.register
def _(layer: AvgPool, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    made: list[Inline] = [f"Every window of {sides(layer.kernel)} values is replaced by its mean"]
    made += [f"; the windows lie {_by(layer.stride)} apart"] if _own_step(layer) else []
    if max(layer.padding) > 0:
        made.append(". Around the input lie zeros, which count in the mean")
    return (*made, ":")


def _own_step(layer: MaxPool | AvgPool) -> bool:
    return layer.stride != layer.kernel


@forward_words.register
def _(layer: Flatten, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    return ("Nothing is computed: the entries of ", sheet.tensor(stage.source), " get new names, in"
            " one row, the last index running fastest:")  # fmt: skip


@forward_words.register
def _(layer: LayerNorm, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    if not first:
        return ("Over ", sheet.tensor(stage.source), ":")
    what = "all entries" if len(stage.body[0].lhs.at) == 1 else "the last index"
    return (f"For each sample by itself, mean and variance over {what} of ",
            sheet.tensor(stage.source), "; the values are shifted to mean 0 and scaled to variance"
            " 1, up to the small ", sheet.math(lift(layer.eps)), " that keeps the root"
            " away from 0; then ", *_gains(sheet, stage),
            " give the layer a scale and a shift that it can learn:")  # fmt: skip


@forward_words.register
def _(layer: BatchNorm, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    positions = " and over all places" if len(stage.main.lhs.at) > 2 else ""
    each = "channel" if positions else "unit"
    if not first:
        return ("Over the samples of ", sheet.tensor(stage.source), ":")
    return (f"Mean and variance of each {each} are taken over all ", sheet.math(Size("N")),
            f" samples of the batch{positions}. So what comes out for one sample depends on all"
            " the others: there is no form for one sample alone, only the one for the batch, and"
            " a sum over samples has the index ", sheet.index("n"), ". What is differentiated is"
            " therefore the sum ", Math(sheet.writer.of_sample), " of the losses of the batch: an"
            " error says how that sum changes with the pre-activation of one sample. The"
            " parameters ", *_gains(sheet, stage), " give a scale and a shift that can be"
            " learnt:")  # fmt: skip


def _gains(sheet: Sheet, stage: Stage) -> Inlines:
    gamma, beta = stage.parameters
    return (sheet.tensor(gamma), " and ", sheet.tensor(beta))


@forward_words.register
def _(layer: Dropout, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    mask, kept = sheet.tensor(stage.masks[0]), 1 - layer.rate
    made: Inlines = ("Every value is dropped with the probability ",
                     Math(lay.number(decimal(layer.rate))), ". ")  # fmt: skip
    if not first:
        return (*made, "The mask is ", mask, ":")
    return (*made, "The mask ", mask, " is drawn anew for every sample in every step; it holds 0"
            " where a value is dropped and ", Math(sheet.write(lift(1 / kept))),
            " where it is kept, so that on average nothing changes. For the derivation it is one"
            " more input, which nobody differentiates by. Outside training no value is"
            " dropped:")  # fmt: skip


@forward_words.register
def _(layer: Residual, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    inner = stage.inner
    assert inner is not None
    return ("The input ", sheet.tensor(stage.source), " of the block goes round its layers and is"
            " added to what they make of it, ", sheet.tensor(inner), ":")  # fmt: skip


@forward_words.register
def _(layer: Equations, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    return ("The spec of this network writes the layer as index equations, in which ", Code("x"),
            " is the input ", sheet.tensor(stage.source), " and the last line gives the"
            " output:")  # fmt: skip
