"""The forward pass of a network of several kinds of layers: each in words, entry by entry, and
as windows or whole arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import singledispatch

from codegen.chapter.groups import Group
from codegen.chapter.keys import forward_key, forward_rows
from codegen.chapter.reach import spatial
from codegen.chapter.sheet import Sheet
from codegen.chapter.stage_names import KINDS, decimal, sides
from codegen.chapter.words import capital, count
from codegen.document import (
    Block,
    CodeLine,
    CodeListing,
    Equation,
    EquationRow,
    Equations,
    Inline,
    Inlines,
    Math,
    Paragraph,
)
from derive import equation as terms_equation
from derive import layout as lay
from derive.layers import (
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool,
    Residual,
)
from derive.layers import Equations as OwnEquations
from derive.layout import Layout, row
from derive.shapes import pads
from derive.stages import Stage
from derive.terms import Affine, Label, Ref, Size, Tensor, lift

Rows = list[tuple[terms_equation.Equation, ...]]


def stage_blocks(sheet: Sheet) -> list[Block]:
    """Layer by layer: what it does, its equations, and how they read as windows."""
    blocks: list[Block] = []
    said: set[str] = set()
    lead: Inlines
    text: Inlines
    for group in sheet.groups:
        rows = list(forward_rows(group))
        if group.run:
            lead = ("Layers ", sheet.span(group), ".")
            text = ("Alike, each with numbers of its own:",)
            blocks += [Paragraph(text, lead), *_formulas(sheet, rows, group)]
            continue
        for stage in stages_of(sheet, group):
            mine = {e.lhs.tensor for e in stage.equations}
            own = [r for r in rows if r[0].lhs.tensor in mine]
            lead = ("Layer ", sheet.label(group.label), f", {KINDS[stage.kind]}.")
            if group.label == Label(0):
                lead = (f"{capital(KINDS[stage.kind])}.",)
            text = forward_words(stage.layer, sheet, stage, stage.kind not in said)
            said.add(stage.kind)
            blocks += [Paragraph(text, lead), *_source(stage), *_formulas(sheet, own)]
            blocks += [*window_form(sheet, stage), *_outside_training(sheet, stage)]
    return blocks


def stages_of(sheet: Sheet, group: Group) -> Iterator[Stage]:
    """The stages under a number."""
    for stage in sheet.derivation.forward_pass.stages:
        if stage.label == group.label:
            yield stage


def _formulas(sheet: Sheet, rows: Rows, run: Group | None = None) -> list[Block]:
    """The numbered equations, as whole arrays where there is such a form, then entry by entry."""
    made, entries = [], []
    for equations in rows:
        parts = [sheet.best(equation) for equation in equations]
        if run is not None and not run.open:
            parts.append(Equation(None, "", sheet.span(run).layout))
        made.append(EquationRow(tuple(parts), forward_key(equations[0])))
        if any(sheet.arrays(equation) is not None for equation in equations):
            entries.append(EquationRow(tuple(sheet.equation(e) for e in equations)))
    blocks: list[Block] = [Equations(tuple(made))]
    if entries:
        blocks += [Paragraph(("Entry by entry:",)), Equations(tuple(entries))]
    return blocks


def _source(stage: Stage) -> list[Block]:
    """The equations of a user's own layer as the spec has them."""
    if not isinstance(stage.layer, OwnEquations):
        return []
    return [CodeListing(tuple(CodeLine(text) for text in stage.layer.forward))]


# ------------------------------------------------------------------ words


@singledispatch
def forward_words(layer: object, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    """What a layer does; in full where it is the first of its kind on the page."""
    raise NotImplementedError(f"no words for {type(layer).__name__}; add them in stage_forward.py")


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
            " a sum over samples has the index ", sheet.index("n"), ". From here on read ",
            _slope(sheet), " as the derivative of the sum of the losses of the batch; what is"
            " said of one sample is its share. ", *_gains(sheet, stage),
            " give a scale and a shift that can be learnt:")  # fmt: skip


def _slope(sheet: Sheet) -> Math:
    return Math(row(lay.Symbol("partial"), sheet.write(sheet.derivation.loss.lhs)))


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
def _(layer: OwnEquations, sheet: Sheet, stage: Stage, first: bool) -> Inlines:
    made: Inlines = ("Written by the user of the program as index equations; ",)
    source = sheet.tensor(stage.source)
    return (*made, "x is the input ", source, ", and the last line gives the output:")


# ------------------------------------------------------------------ windows


def window(sheet: Sheet, stage: Stage, channel: bool = False) -> Layout:
    """The entries that lie under the kernel at a place, with a hat over the name of the source."""
    entry = Ref(stage.source, _places(stage, channel))
    return _hatted(sheet.write(entry))


def outputs(sheet: Sheet, stage: Stage, tensor: Tensor) -> Layout:
    """All channels of an output at a place."""
    return sheet.write(Ref(tensor, _places(stage, False)))


def _places(stage: Stage, channel: bool) -> tuple[Affine, ...]:
    sample, first, *_ = stage.main.lhs.at
    return (sample, *((first,) if channel else ()), *map(Affine.of, spatial(stage)))


def _hatted(layout: Layout) -> Layout:
    if isinstance(layout, lay.Tinted):
        return replace(layout, body=_hatted(layout.body))
    if isinstance(layout, lay.Script):
        return replace(layout, base=_hatted(layout.base))
    return lay.Accent("hat", layout.body if isinstance(layout, lay.Accent) else layout)


def window_form(sheet: Sheet, stage: Stage) -> list[Block]:
    """The same in windows, for layers that have them."""
    if isinstance(stage.layer, Conv):
        return _conv_window(sheet, stage)
    if isinstance(stage.layer, MaxPool | AvgPool):
        largest = isinstance(stage.layer, MaxPool)
        many = 1
        for side in stage.layer.kernel:
            many *= side
        hat = window(sheet, stage, True)
        value: Layout = row(lay.Function("max"), hat)
        if not largest:
            value = row(lay.frac(lay.number(1), lay.number(many)), _ones(sheet), hat)
        shown = Equation(sheet.write(stage.main.lhs), "=", value)
        before = ("With the column ", Math(hat), " of the values in a window:")
        return [Paragraph(before), Equations((EquationRow((shown,)),))]
    return []


def _ones(sheet: Sheet) -> Layout:
    return lay.sup(lay.Ident("1", "bold"), sheet.writer.names.transpose)


def _conv_window(sheet: Sheet, stage: Stage) -> list[Block]:
    weight, *bias = stage.parameters
    hat = window(sheet, stage)
    parts: list[lay.Part] = [sheet.writer.tensor(weight), hat]
    if bias:
        sign = "-" if getattr(stage.layer, "bias", "") == "threshold" else "+"
        parts += [sign, sheet.writer.tensor(bias[0])]
    shown = Equation(outputs(sheet, stage, stage.s.tensor), "=", row(*parts))
    before: Inlines = (
        "As windows: write the values under the kernel, of all input channels, as a column ",
        Math(hat), ", and the kernel of each output channel as a row of ", sheet.tensor(weight),
        ". Then all channels at a place are one product:",
    )  # fmt: skip
    return [Paragraph(before), Equations((EquationRow((shown,)),))]


# ------------------------------------------------------------------ outside training


def _outside_training(sheet: Sheet, stage: Stage) -> list[Block]:
    """The running averages and the equations that use them."""
    if not stage.updates:
        return []
    updates = [Equation(sheet.write(e.lhs), "gets", sheet.write(e.rhs)) for e in stage.updates]
    after = [sheet.equation(e) for e in stage.inference[:-1]]
    return [
        Paragraph(("While it trains the layer keeps running averages of both, the variance with ",
                   Math(_unbiased(sheet, stage)), " in the denominator:")),
        Equations(tuple(EquationRow((e,)) for e in updates)),
        Paragraph(("Outside training they stand in for the statistics of the batch, and every"
                   " sample is on its own again:",)),
        Equations(tuple(EquationRow((e,)) for e in after)),
    ]  # fmt: skip


def _unbiased(sheet: Sheet, stage: Stage) -> Layout:
    """The number of values behind a statistic, less one."""
    made: list[lay.Part] = [sheet.writer.size("N")]
    for index in spatial(stage):
        made += ["cdot", sheet.writer.size(index.size)]
    return row(*made, "-", lay.number(1))
