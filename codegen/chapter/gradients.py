"""The gradients of all parameters: for one sample, then for a batch."""

from __future__ import annotations

from codegen.chapter.errors import error_equation
from codegen.chapter.groups import place_of
from codegen.chapter.keys import gradient_key, gradient_rows
from codegen.chapter.sheet import Sheet
from codegen.chapter.stage_windows import shared
from codegen.pages.document import (
    Block,
    CrossRef,
    Equation,
    EquationRow,
    Equations,
    Inline,
    Paragraph,
    Section,
)
from derive.algebra.terms import Size, Sum, walk


def parameters(sheet: Sheet) -> Section:
    """For one sample, entry by entry."""
    before: tuple[Inline, ...] = ("With the errors known, every gradient is one product.",)
    if not sheet.dense:
        results = [g.chain.result for group in sheet.groups for g in group.gradients]
        adds = any(isinstance(node, Sum) for result in results for node in walk(result))
        over = ["all places at which the parameter is used"] if adds else []
        over += ["the samples"] if sheet.mixed else []
        places = f", added up over {' and over '.join(over)}" if over else ""
        many = "" if sheet.mixed else ". For one sample"
        before = (f"With the errors known, every gradient is “error times input”{places}{many}:",)
    elif "generic.W" in sheet.keys.equations:
        before = ("With the errors known, every gradient is ", CrossRef("generic.W"), " at its"
                  " layer. For one sample:")  # fmt: skip
    rows = []
    for group in sheet.groups:
        for gradients in gradient_rows(group):
            parts = [
                Equation(
                    sheet.write(g.chain.lhs), "=", sheet.write(sheet.over_samples(g.chain.result))
                )
                for g in gradients
            ]
            if group.run:
                parts.append(Equation(None, "", sheet.span(group).layout))
            rows.append(EquationRow(tuple(parts)))
    return Section(
        ("Gradients of the parameters",),
        (Paragraph(before), Equations(tuple(rows)), *shared(sheet)),
        "sec:parameters",
    )


def batch(sheet: Sheet) -> Section:
    """Samples as rows: errors, then gradients of the objective."""
    rows = []
    for group in reversed(sheet.groups):
        for chain in group.errors:
            equation = error_equation(chain)
            made = None if equation is None else sheet.arrays(equation, batch=True)
            if made is not None:
                parts = [made]
                if group.run:
                    parts.append(
                        Equation(None, "", sheet.span(group, 1 if group.open else 0).layout)
                    )
                rows.append(EquationRow(tuple(parts)))
    blocks: list[Block] = [Paragraph(_words(sheet, bool(rows)))]
    if rows:
        blocks.append(Equations(tuple(rows)))
    blocks.append(Paragraph(_sum_words(sheet)))
    blocks.append(Equations(tuple(_gradients(sheet))))
    blocks += _decay(sheet)
    return Section(("All samples at once",), tuple(blocks), "sec:batch")


def _words(sheet: Sheet, rows: bool) -> tuple[Inline, ...]:
    if not sheet.dense:
        return _index_words(sheet, rows)
    stage = sheet.derivation.forward_pass.stages[0]
    x = sheet.tensor(stage.source, batch=True)
    s = sheet.tensor(stage.s.tensor, batch=True)
    delta = sheet.last.delta
    assert delta is not None or sheet.groups
    names: list[Inline] = ["Nobody computes one sample after the other. Write the samples below one"
                           " another, as the rows of ", x, ", and their pre-activations and"
                           " errors as the rows of ", s]  # fmt: skip
    if delta is not None:
        names += [" and ", sheet.tensor(place_of(delta).tensor, batch=True)]
    names.append(", and so on. Then the same equations hold for all of them:")
    return tuple(names)


def _index_words(sheet: Sheet, rows: bool) -> tuple[Inline, ...]:
    """Arrays of any rank get the sample as one more index, vectors become rows."""
    made: list[Inline] = ["Nobody computes one sample after the other. Every array gets the sample"
                          " ", sheet.index("n"), " as one more index, in front, and the equations"
                          " stay as they are."]  # fmt: skip
    if rows:
        made.append(" Where the array of one sample is a vector, the samples are the rows of a"
                    " matrix:")  # fmt: skip
    return tuple(made)


def _sum_words(sheet: Sheet) -> tuple[Inline, ...]:
    if not sheet.dense:
        return ("The objective ", CrossRef("objective"), " adds up the samples, and so does its"
                " gradient:")  # fmt: skip
    mean = sheet.derivation.network.reduction == "mean"
    many = sheet.math(Size("N"))
    middle: tuple[Inline, ...] = (" divided by ", many, ",") if mean else ()
    return ("The objective ", CrossRef("objective"), " adds up the samples, and so does its"
            " gradient: the sum of all products “error times input”,", *middle, " is one matrix"
            " product,"
            " whose inner index is the sample.")  # fmt: skip


def _gradients(sheet: Sheet) -> list[EquationRow]:
    made = []
    for group in sheet.groups:
        for gradients in gradient_rows(group):
            parts = [sheet.best(g.equation, batch=True) for g in gradients]
            if group.run:
                parts.append(Equation(None, "", sheet.span(group).layout))
            made.append(EquationRow(tuple(parts), gradient_key(gradients[0])))
    return made


def _decay(sheet: Sheet) -> list[Block]:
    decay = sheet.derivation.network.weight_decay
    if not decay:
        return []
    return [
        Paragraph(("The last term comes from the penalty: the derivative of half a square is the"
                   " weight itself, so weight decay pulls every weight towards 0 by a fixed"
                   " share.",))
    ]  # fmt: skip
