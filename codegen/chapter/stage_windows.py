"""Layers that slide a window over their input, in windows: forward, errors and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from codegen.chapter.reach import spatial
from codegen.chapter.sheet import Sheet
from codegen.pages.document import Block, Equation, EquationRow, Equations, Inlines, Math, Paragraph
from derive.algebra.terms import Affine, Ref, Tensor
from derive.forward import delta_of
from derive.network.layers import AvgPool, Conv, MaxPool
from derive.stages import Stage
from derive.writing import layout as lay
from derive.writing.layout import Layout, row


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


def window_form(sheet: Sheet, stage: Stage, first: bool) -> list[Block]:
    """The same in windows, for layers that have them; in full for the first of its kind."""
    if isinstance(stage.layer, Conv):
        return _conv_window(sheet, stage, first)
    if isinstance(stage.layer, MaxPool | AvgPool):
        largest = isinstance(stage.layer, MaxPool)
        many = prod(stage.layer.kernel)
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


def _conv_window(sheet: Sheet, stage: Stage, first: bool) -> list[Block]:
    weight, *bias = stage.parameters
    hat = window(sheet, stage)
    parts: list[lay.Part] = [sheet.writer.tensor(weight), hat]
    if bias:
        sign = "-" if getattr(stage.layer, "bias", "") == "threshold" else "+"
        parts += [sign, sheet.writer.tensor(bias[0])]
    shown = Equation(outputs(sheet, stage, stage.s.tensor), "=", row(*parts))
    if not first:
        return [Paragraph(("As windows:",)), Equations((EquationRow((shown,)),))]
    before: Inlines = (
        "As windows: write the values under the kernel, of all input channels, as a column ",
        Math(hat), ", and the kernel of each output channel as a row of ", sheet.tensor(weight),
        ". Then all channels at a place are one product:",
    )  # fmt: skip
    return [Paragraph(before), Equations((EquationRow((shown,)),))]


# ------------------------------------------------------------------ errors


def column(sheet: Sheet, stage: Stage) -> list[Block]:
    """The error of a window, which is how it is computed."""
    turned = _turned(sheet, sheet.writer.tensor(stage.parameters[0]))
    by = lay.partial(sheet.writer.of_sample, window(sheet, stage))
    shown = Equation(by, "=", row(turned, outputs(sheet, stage, delta_of(stage.label))))
    text = ("As windows: each place gives its window the column below, and where windows lie over"
            " one another what they give adds up:",)  # fmt: skip
    return [Paragraph(text), Equations((EquationRow((shown,)),))]


def _turned(sheet: Sheet, layout: Layout) -> Layout:
    """The transpose of a column or of a matrix."""
    if isinstance(layout, lay.Tinted):
        return replace(layout, body=_turned(sheet, layout.body))
    return lay.sup_more(layout, sheet.writer.names.transpose)


# ------------------------------------------------------------------ gradients of shared weights


def shared(sheet: Sheet) -> list[Block]:
    """The gradients of kernels, as windows."""
    stages = [s for s in sheet.derivation.forward_pass.stages if isinstance(s.layer, Conv)]
    if not stages or sheet.mixed:  # a sample has no gradient of its own there
        return []
    rows = [EquationRow(tuple(_kernel_gradients(sheet, stage))) for stage in stages]
    text = ("A kernel works at every place with the same weights, so its gradient is \u201cerror"
            " times input\u201d added up over all places; as windows:",)  # fmt: skip
    return [Paragraph(text), Equations(tuple(rows))]


def _kernel_gradients(sheet: Sheet, stage: Stage) -> Iterator[Equation]:
    """Sum_p delta_p window_p^T, and the sum of the errors for the bias."""
    loss, names = sheet.writer.of_sample, sheet.writer.names
    delta = outputs(sheet, stage, delta_of(stage.label))
    places = names.joined([names.letter(i.name) for i in spatial(stage) if i.size != 1])
    weight, *bias = stage.parameters
    product = row(delta, _turned(sheet, window(sheet, stage)))
    yield Equation(lay.partial(loss, sheet.writer.tensor(weight)), "=", _summed(places, product))
    for tensor in bias:
        total = _summed(places, delta)
        if getattr(stage.layer, "bias", "") == "threshold":
            total = row("-", total)
        yield Equation(lay.partial(loss, sheet.writer.tensor(tensor)), "=", total)


def _summed(places: Layout | None, body: Layout) -> Layout:
    return body if places is None else lay.BigOp("sum", places, None, body)
