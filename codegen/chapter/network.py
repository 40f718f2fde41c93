"""The picture of the network and the table of its symbols."""

from __future__ import annotations

from itertools import pairwise

from codegen.chapter import words
from codegen.chapter.groups import Group
from codegen.chapter.shapes import shape_of
from codegen.chapter.sheet import MOST_PICTURED, Sheet
from codegen.chapter.stage_forward import stages_of
from codegen.chapter.stage_names import stage_name
from codegen.chapter.symbols import symbols
from codegen.pages.diagrams import Column, Step, block_picture, elided, network_picture
from codegen.pages.document import (
    CrossRef,
    Emph,
    Figure,
    Inline,
    Inlines,
    Math,
    Paragraph,
    Section,
)
from codegen.pages.picture import Content, Picture
from derive.algebra.terms import Extent, Function, Index, Label, Tensor, ref
from derive.network.layers import Dense
from derive.stages import Stage
from derive.writing import layout as lay
from derive.writing.layout import Layout, row

MOST_NAMED = 6  # weights that are named in the picture


def section(sheet: Sheet) -> Section:
    """Picture and table."""
    picture, table = figure(sheet), symbols(sheet)
    assert picture.key is not None
    assert table.key is not None
    words_: Inlines = (CrossRef(picture.key), " shows the network; what the symbols mean, and what"
                       " the program calls them, stands in ", CrossRef(table.key), ".")  # fmt: skip
    return Section(("The network",), (Paragraph(words_), picture, table), "sec:network")


# ------------------------------------------------------------------ the picture


def figure(sheet: Sheet) -> Figure:
    """Units where they fit, else blocks."""
    units = in_units(sheet)
    picture = _units(sheet) if units else _blocks(sheet)
    return Figure(picture, _caption(sheet, units), "fig:network")


def in_units(sheet: Sheet) -> bool:
    """Whether the network is drawn unit by unit."""
    network = sheet.derivation.network
    return (
        sheet.dense
        and len(network.layers) <= MOST_PICTURED
        and len(network.input) == 1
        and all(isinstance(size, int) for size in sizes(sheet))
    )


def sizes(sheet: Sheet) -> list[Extent]:
    """The widths from the input to the output, for a network of dense layers."""
    layers = [layer for layer in sheet.derivation.network.layers if isinstance(layer, Dense)]
    return [sheet.derivation.network.input[-1], *(layer.units for layer in layers)]


def _units(sheet: Sheet) -> Picture:
    tensors = [sheet.derivation.forward_pass.stages[0].source]
    tensors += [stage.output for stage in sheet.derivation.forward_pass.stages]
    widths = [int(size) for size in sizes(sheet)]
    columns = [
        Column(elided([_name(sheet, tensor, k) for k in range(width)]), caption)
        for tensor, width, caption in zip(tensors, widths, _captions(sheet), strict=True)
    ]
    loss = sheet.write(sheet.derivation.loss.lhs)
    columns.append(Column((loss,), "loss", boxed=True))
    many = sum(a * b for a, b in pairwise(widths))
    named = _weights(sheet, widths) if many <= MOST_NAMED else {}
    alt = "A network of " + words.joined([words.number(width) for width in widths]) + " units"
    return network_picture(columns, alt, named)


def _name(sheet: Sheet, tensor: Tensor, k: int) -> Layout:
    made = sheet.write(sheet.place(tensor, k))
    return made.body if isinstance(made, lay.Tinted) else made


def _weights(sheet: Sheet, widths: list[int]) -> dict[tuple[int, int, int], Layout]:
    made = {}
    for k, stage in enumerate(sheet.derivation.forward_pass.stages):
        weight = next(t for t in stage.parameters if t.role == "weight")
        for i in range(widths[k]):
            for j in range(widths[k + 1]):
                made[k, i, j] = sheet.write(sheet.place(weight, i, j))
    return made


def _captions(sheet: Sheet) -> list[Content]:
    stages = sheet.derivation.forward_pass.stages
    made: list[Content] = ["input"]
    for k, stage in enumerate(stages):
        where = "output" if k == len(stages) - 1 else "hidden"
        if stage.function is None:
            made.append(f"{where}, linear")
        else:
            made.append(row(lay.Text(f"{where}, "), sheet.writer.names.function(stage.function)))
    return made


def _blocks(sheet: Sheet) -> Picture:
    """The layers as blocks, alike ones in one block."""
    derivation = sheet.derivation
    steps = [Step("input", shape_of(sheet, derivation.network.input))]
    for group in sheet.groups:
        if group.forward and not (sheet.dense or group.run):
            steps += [_stage_block(sheet, stage) for stage in stages_of(sheet, group)]
        elif group.forward:
            out = group.forward[-1].lhs.tensor
            shape = derivation.shapes.get(group.each(out)[0], ())
            steps.append(Step(_block_name(sheet, group), shape_of(sheet, shape)))
    loss = Step("loss", sheet.write(derivation.loss.lhs))
    return block_picture([*steps, loss], "The layers of the network as blocks in a row")


def _stage_block(sheet: Sheet, stage: Stage) -> Step:
    """A layer by its kind; a sum says what comes round the layers of its block."""
    name: Content = stage_name(stage)
    if stage.inner is not None:
        name = row(lay.Text("add "), sheet.writer.tensor(stage.source))
    return Step(name, shape_of(sheet, sheet.derivation.shapes[stage.output]))


def _block_name(sheet: Sheet, group: Group) -> Content:
    label = sheet.writer.label
    first, last = label(group.numbers[0]), label(group.numbers[-1])
    name: list[lay.Part] = [lay.Text("layer "), first]
    if group.run:
        dots = row(first, ",", lay.Symbol("ldots"), ",", last)
        name = [lay.Text("layers "), dots]
    function = _function(sheet, group)
    if function is not None:
        plain = function.name.replace("_", " ")
        written = sheet.writer.names.function(function)
        name += [lay.Text(": "), written if plain == function.name else lay.Text(plain)]
    return row(*name)


def _function(sheet: Sheet, group: Group) -> Function | None:
    stages = sheet.derivation.forward_pass.stages
    found = [s for s in stages if s.label in (group.label, group.numbers[0])]
    return found[-1].function if found else None


def _caption(sheet: Sheet, units: bool) -> Inlines:
    network = sheet.derivation.network
    made: list[Inline] = []
    if units:
        *_, out = widths = [int(size) for size in sizes(sheet)]
        parts = [words.count(widths[0], "input"), *_hidden(widths[1:-1])]
        parts.append(words.count(out, "output"))
        made.append(words.capital(", ".join(parts)) + ".")
    else:
        several = len(network.layers) > 1 or any(group.run for group in sheet.groups)
        made.append("The layers in order" if several else "The layer")
        made.append("; below each block the size of what comes out of it.")
    weight = _a_weight(sheet)
    if weight is not None:
        source, target = sheet.index("i"), sheet.index("j")
        made += [" The weight ", weight, " leads ", Emph(("from",)), " unit ", source, " ",
                 Emph(("to",)), " unit ", target, "."]  # fmt: skip
    return tuple(made)


def _hidden(widths: list[int]) -> list[str]:
    """The hidden layers in words."""
    if len(widths) < 2:
        return [words.count(width, "hidden unit") for width in widths]
    if len(set(widths)) == 1:
        each = words.count(widths[0], "unit")
        return [f"{words.number(len(widths))} hidden layers of {each} each"]
    each = words.joined([words.number(width) for width in widths])
    return [f"hidden layers of {each} units"]


def _a_weight(sheet: Sheet) -> Math | None:
    if not any(layer.kind == "dense" for layer in sheet.derivation.network.layers):
        return None
    weight = Tensor("W", "weight", Label(0, "l"), batched=False)
    return sheet.math(ref(weight, Index("i", "p"), Index("j", "q")))
