"""The box that one comes back to, and the step of gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from codegen.chapter.errors import error_equation
from codegen.chapter.groups import Group
from codegen.chapter.reach import bracketed
from codegen.chapter.sheet import Sheet
from codegen.pages.document import (
    Block,
    CrossRef,
    EquationRow,
    Equations,
    Inline,
    Inlines,
    Math,
    Paragraph,
    Result,
)
from codegen.pages.document import Equation as Shown
from codegen.pages.measure import width
from derive.algebra.equation import Equation
from derive.algebra.terms import Extent, Index, Label, Ref, Tensor
from derive.writing.layout import Layout, row
from derive.writing.layout import number as numeral
from derive.writing.notation import STEP

WIDE = 24.0  # ems of the widest formula of the box; a wider one is cited

_LEADS = {"weight": "weights", "bias": "biases"}


def summary(sheet: Sheet) -> Result:
    """Errors, weights and biases in matrix form with their shapes."""
    rows: list[tuple[Inlines, ...]] = []
    for group in reversed(sheet.groups):
        for chain in group.errors:
            equation = error_equation(chain)
            if equation is not None:
                rows.append(_row(sheet, group, "error" if not rows else "", equation))
    for role in ("weight", "bias", ""):
        found = [(group, g) for group in reversed(sheet.groups) for g in group.gradients
                 if (g.parameter.tensor.role == role if role else
                     g.parameter.tensor.role not in _LEADS)]  # fmt: skip
        for k, (group, gradient) in enumerate(found):
            lead = _LEADS.get(role, "parameters") if k == 0 else ""
            made = gradient.equation if sheet.mixed else gradient.of_sample
            rows.append(_row(sheet, group, lead, made))
    form = "errors of one sample, gradients of the batch" if sheet.mixed else "for one sample"
    columns: tuple[Inlines, ...] = ((), (form,), ("shape",))
    if any(group.run for group in sheet.groups):
        columns += ((),)
    return Result(("The whole backward pass",), columns, tuple(rows))


def _row(sheet: Sheet, group: Group, lead: str, equation: Equation) -> tuple[Inlines, ...]:
    batch = sheet.mixed and equation.lhs.tensor.role == "gradient"
    shown = sheet.best(equation, batch)
    assert shown.lhs is not None
    made = row(shown.lhs, shown.relation, shown.rhs)
    formula: Inlines = (Math(made),)
    key = sheet.keys.computed.get((equation.lhs.tensor.role, str(equation.lhs.tensor)))
    if key is not None and (width(made) > WIDE or bracketed(equation.rhs)):
        formula = (Math(shown.lhs), " by ", CrossRef(key))
    cells: tuple[Inlines, ...] = (
        (lead,) if lead else (),
        formula,
        (Math(_shape(sheet, equation.lhs)),),
    )
    if any(g.run for g in sheet.groups):
        less = 1 if group.open and equation.lhs.tensor.role == "delta" else 0
        cells += ((sheet.span(group, less),) if group.run else (),)
    return cells


def _shape(sheet: Sheet, lhs: Ref) -> Layout:
    extents: list[Extent] = []
    for place in lhs.at:
        index = place.index
        if isinstance(index, Index) and not index.sample:
            extents.append(index.size)
    if lhs.tensor.turns and len(extents) == 2 and sheet.writer.profile.out_first:
        extents.reverse()
    parts: list[Layout | str] = []
    for extent in extents:
        parts += ["times"] if parts else []
        parts.append(sheet.writer.size(extent))
    return row(*parts) if parts else numeral(1)


def update(sheet: Sheet) -> tuple[Block, ...]:
    """Every parameter moves against its gradient."""
    parameters = [g.parameter.tensor for group in sheet.groups for g in group.gradients]
    tensors = {str(made): made for made in (_generic(t, sheet) for t in parameters)}  # each once
    rows = []
    eta = sheet.writer.names.constant("learning_rate")
    for tensor in tensors.values():
        change = row(eta, sheet.writer.partial_tensor(tensor))
        rows.append(Shown(*sheet.writer.update(sheet.writer.tensor(tensor), _less(change))))
    eta_words: Inlines = (Math(eta),)
    counted: Inlines = ()
    if sheet.writer.profile.writing["update"] == "iterations":
        counted = ("; ", Math(STEP), " counts the steps")
    before: Inlines = (
        "Gradient descent takes a step of learning rate ", *eta_words, " against the gradient,"
        " for every layer at the same time", *counted, ":",
    )  # fmt: skip
    after: list[Inline] = []
    momentum = sheet.derivation.network.training.momentum
    if momentum:
        after.append(
            "The generated code adds momentum: each step keeps a part of the step before it."
        )
    blocks: list[Block] = [Paragraph(before)]
    for k in range(0, len(rows), 2):
        blocks.append(Equations((EquationRow(tuple(rows[k : k + 2])),)))
    return (*blocks, Paragraph(tuple(after))) if after else tuple(blocks)


def _less(change: Layout) -> Callable[[Layout], Layout]:
    return lambda old: row(old, "-", change)


def _generic(tensor: Tensor, sheet: Sheet) -> Tensor:
    """The parameter under the letter l where several layers have it."""
    label = tensor.label
    alike = {g.parameter.tensor for group in sheet.groups for g in group.gradients
             if g.parameter.tensor.letter == tensor.letter}  # fmt: skip
    if label is None or (len(alike) == 1 and not label.base):
        return tensor
    return replace(tensor, label=Label(0, "l"))
