"""The forward pass: numbered equations between arrays, then entry by entry."""

from __future__ import annotations

from dataclasses import replace

from codegen.chapter import words
from codegen.chapter.groups import Group
from codegen.chapter.keys import forward_key, forward_rows
from codegen.chapter.sheet import Sheet
from codegen.chapter.stage_forward import stage_blocks
from codegen.pages.document import (
    Block,
    Equation,
    EquationRow,
    Equations,
    Inline,
    Inlines,
    Math,
    Paragraph,
    Section,
)
from derive.algebra.terms import Extremum, Label, Size, Sum, refs, walk
from derive.stages import Stage
from derive.writing import layout as lay


def section(sheet: Sheet) -> Section:
    """Layer by layer, loss, objective."""
    blocks: list[Block] = []
    if sheet.dense:
        blocks += [Paragraph(_intro(sheet)), Equations(tuple(_rows(sheet)))]
        blocks += [*_thresholds(sheet), *_entries(sheet)]
    else:
        blocks += [*stage_blocks(sheet), *_thresholds(sheet)]
    blocks += [Paragraph(_loss_words(sheet)), Equations((_loss(sheet),))]
    blocks += [Paragraph(_objective_words(sheet)), Equations((_objective(sheet),))]
    return Section(("Forward pass",), tuple(blocks), "sec:forward")


def _intro(sheet: Sheet) -> tuple[Inline, ...]:
    layers = len(sheet.derivation.network.layers)
    source = sheet.tensor(sheet.derivation.forward_pass.stages[0].source)
    if any(group.open for group in sheet.groups):
        group = next(group for group in sheet.groups if group.open)
        whole = ("Every layer weighs what comes from the layer below, adds up, and applies its"
                 " activation. For ", sheet.span(group), ", starting from the input ")  # fmt: skip
        found = next(r for r in refs(group.forward[0].rhs) if r.tensor.role == "activation")
        first = replace(found.tensor, label=group.numbers[0].shifted(-1))
        return (*whole, sheet.tensor(first), ":")
    if layers == 1:
        return ("The layer weighs the inputs ", source, " and adds up:")
    plain = any(stage.activation is None for stage in sheet.derivation.forward_pass.stages)
    where = ", where it has one" if plain else ""
    return (
        "Every layer weighs what comes from the layer below, adds up, and applies its"
        f" activation{where}."
        " It begins with the input ", source, ":",
    )  # fmt: skip


def _rows(sheet: Sheet) -> list[EquationRow]:
    made = []
    for group in sheet.groups:
        for equations in forward_rows(group):
            parts = [sheet.best(equation) for equation in equations]
            if group.run and not _said_before(sheet, group):
                parts.append(Equation(None, "", sheet.span(group).layout))
            made.append(EquationRow(tuple(parts), forward_key(equations[0])))
    return made


def _said_before(sheet: Sheet, group: Group) -> bool:
    """Whether the words before the rows say which layers are meant, and no others stand there."""
    return group.open and len(sheet.groups) == 1


def _thresholds(sheet: Sheet) -> list[Block]:
    stages = sheet.derivation.forward_pass.stages
    having = [s for s in stages if any(t.role == "bias" for t in s.parameters)]
    subtracted = [s for s in having if getattr(s.layer, "bias", "") == "threshold"]
    added = [s for s in having if s not in subtracted]
    blocks: list[Block] = []
    if subtracted:
        start: Inlines = ("The bias is a threshold here",)
        if added:
            start = ("In ", *_numbers(sheet, subtracted), " the bias is a threshold")
        blocks.append(Paragraph(
            (*start, ": it is subtracted, as if it were the weight of one more input that is"
             " always ", Math(lay.row("-", lay.number(1))), ". A unit is driven up only by what"
             " exceeds it."),
        ))  # fmt: skip
    if added and sheet.writer.profile.roles["bias"].fixed is not None:
        bias = next(t for t in added[0].parameters if t.role == "bias")
        many = len(added) > 1 or any(s.repeat for s in added)
        shown = sheet.tensor(replace(bias, label=Label(0, "l")) if many else bias)
        blocks.append(Paragraph(
            ("The biases ", shown, " are written as the weights of one more input that is"
             " always ", Math(lay.number(1)), "."),
        ))  # fmt: skip
    return blocks


def _numbers(sheet: Sheet, stages: list[Stage]) -> Inlines:
    """layer 1, or layers 1 and 3."""
    labels: list[Inlines] = [(sheet.label(stage.label),) for stage in stages]
    return ("layer " if len(labels) == 1 else "layers ", *words.series(labels))


def _entries(sheet: Sheet) -> list[Block]:
    """The index form, where it differs from what is printed above."""
    rows = []
    for group in sheet.groups:
        for equations in forward_rows(group):
            if any(sheet.arrays(equation) is not None for equation in equations):
                parts = [sheet.equation(equation) for equation in equations]
                if group.run and not _said_before(sheet, group):
                    parts.append(Equation(None, "", sheet.span(group).layout))
                rows.append(EquationRow(tuple(parts)))
    if not rows:
        return []
    return [Paragraph(("Entry by entry, for one sample, this reads",)), Equations(tuple(rows))]


def _loss_words(sheet: Sheet) -> tuple[Inline, ...]:
    network = sheet.derivation.network
    output = sheet.output.tensor
    y = next(t for t in sheet.derivation.shapes if t.role == "target")
    if network.loss.likelihood:
        return ("The loss of one sample is minus the logarithm of how likely the network thinks its"
                " target is:",)  # fmt: skip
    if network.loss.name == "generic":
        return ("The loss of one sample is any smooth function of the output:",)
    terms = list(walk(sheet.derivation.loss.rhs))
    adds = any(isinstance(t, Sum) and t.indices[0].size != 1 for t in terms)
    more = ", added up over the outputs" if adds else ""
    if any(isinstance(t, Extremum) for t in terms):
        more = ""
    return ("The loss of one sample compares the output ", sheet.tensor(output), " with the"
            " target ", sheet.tensor(y), f"{more}:")  # fmt: skip


def _loss(sheet: Sheet) -> EquationRow:
    return EquationRow((sheet.equation(sheet.derivation.loss),), "loss")


def _objective_words(sheet: Sheet) -> tuple[Inline, ...]:
    network = sheet.derivation.network
    mean = "mean" if network.reduction == "mean" else "sum"
    made: list[Inline] = [f"Training minimises the {mean} over the ", sheet.math(Size("N")),
                          " samples of a batch"]  # fmt: skip
    if network.weight_decay:
        stages = sheet.derivation.forward_pass.stages
        own = any(stage.kind == "equations" for stage in stages)
        spared = ", in own equations parameters with fewer than two indices," if own else ""
        made.append(", plus a penalty on large weights (weight decay), which biases"
                    f"{spared} do not pay")  # fmt: skip
    return (*made, ":")


def _objective(sheet: Sheet) -> EquationRow:
    rhs = sheet.write(sheet.derivation.objective)
    return EquationRow((Equation(sheet.writer.objective, "=", rhs),), "objective")
