"""The forward pass of a network of several kinds of layers: each in words, entry by entry, and
as windows or whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from codegen.chapter.groups import Group
from codegen.chapter.keys import forward_key, forward_rows
from codegen.chapter.reach import spatial
from codegen.chapter.sheet import Sheet, replaced
from codegen.chapter.stage_names import KINDS
from codegen.chapter.stage_windows import window_form
from codegen.chapter.stage_words import forward_words
from codegen.chapter.words import capital
from codegen.pages.document import (
    Block,
    CodeLine,
    CodeListing,
    Equation,
    EquationRow,
    Equations,
    Inlines,
    Math,
    Paragraph,
)
from derive.algebra import equation as terms_equation
from derive.algebra.terms import Label
from derive.network.layers import Equations as OwnEquations
from derive.stages import Stage
from derive.writing import layout as lay
from derive.writing.layout import Layout, row
from derive.writing.notation import STEP

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
            blocks += [Paragraph(text, lead), *_source(stage), *_formulas(sheet, own)]
            blocks += window_form(sheet, stage, stage.kind not in said)
            blocks += _outside_training(sheet, stage)
            said.add(stage.kind)
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
        whole = all(sheet.arrays(equation) is not None for equation in equations)
        form = sheet.best if whole else sheet.equation
        parts = [form(equation) for equation in equations]
        plain = [sheet.equation(equation) for equation in equations]
        if whole and plain != parts:  # a lone number reads alike in both forms
            entries.append(EquationRow(tuple(plain)))
        if run is not None and not run.open:
            parts.append(Equation(None, "", sheet.span(run).layout))
        made.append(EquationRow(tuple(parts), forward_key(equations[0])))
    blocks: list[Block] = [Equations(tuple(made))]
    if entries:
        blocks += [Paragraph(("Entry by entry:",)), Equations(tuple(entries))]
    return blocks


def _source(stage: Stage) -> list[Block]:
    """The equations of a user's own layer as the spec has them."""
    if not isinstance(stage.layer, OwnEquations):
        return []
    listing = CodeListing(tuple(CodeLine(text) for text in stage.layer.forward))
    named = len(stage.body) - len(stage.layer.forward)
    extra = "" if not named else ", where a softmax inside of a formula has a name of its own"
    return [listing, Paragraph((f"In the notation of this page{extra}:",))]


def _outside_training(sheet: Sheet, stage: Stage) -> list[Block]:
    """The running averages and the equations that use them."""
    if not stage.updates:
        return []
    updates = [Equation(*sheet.writer.update(sheet.write(e.lhs), _renewed(sheet, e)))
               for e in stage.updates]  # fmt: skip
    after = [sheet.equation(e) for e in stage.inference[:-1]]
    counted: Inlines = ()
    if sheet.writer.profile.writing["update"] == "iterations":
        counted = (" (", Math(STEP), " counts the steps)")
    return [
        Paragraph(("While it trains, the layer keeps running averages of both, the variance with ",
                   Math(_unbiased(sheet, stage)), " in the denominator", *counted, ":")),
        Equations(tuple(EquationRow((e,)) for e in updates)),
        Paragraph(("Outside training they stand in for the statistics of the batch, and every"
                   " sample is on its own again:",)),
        Equations(tuple(EquationRow((e,)) for e in after)),
    ]  # fmt: skip


def _renewed(sheet: Sheet, equation: terms_equation.Equation) -> Callable[[Layout], Layout]:
    """The new value of a running average, written with the old one as it is given."""
    written, place = sheet.write(equation.rhs), sheet.write(equation.lhs)
    return lambda old: replaced(written, place, old)


def _unbiased(sheet: Sheet, stage: Stage) -> Layout:
    """The number of values behind a statistic, less one."""
    made: list[lay.Part] = [sheet.writer.size("N")]
    for index in spatial(stage):
        made += ["cdot", sheet.writer.size(index.size)]
    return row(*made, "-", lay.number(1))
