"""Can we trust it: what was checked and how, central differences, conventions, conditions."""

from __future__ import annotations

from codegen.chapter import words
from codegen.chapter.example import Example
from codegen.chapter.figures import power_of_ten
from codegen.chapter.sheet import Sheet
from codegen.pages.diagrams import Note, plot_loglog
from codegen.pages.document import (
    Block,
    Code,
    CrossRef,
    Figure,
    Inline,
    Inlines,
    Listing,
    Math,
    Paragraph,
    Section,
    Table,
)
from derive.algebra.prove import PROVED, SAMPLED, TESTED
from derive.algebra.terms import ZERO, Call, Compare, Extremum, Piecewise, walk
from derive.domain import Condition
from derive.steps import Chain
from derive.writing import layout as lay
from derive.writing.layout import Layout, row

STRATEGY_WORDS = {
    "weight_by_weight": "weight by weight",
    "activations": "table of derivatives",
    "three_factors": "three factors",
    "paths": "paths",
    "apparent_error": "apparent error",
}
EXPONENTS = tuple(range(1, 11))
MOST = 6  # parameters whose differences are drawn
ROUNDING = 1e-9  # below this the error of the largest step is rounding, not truncation


def section(sheet: Sheet, example: Example | None) -> Section:
    """Table of checks, central differences, what `verify` does, conventions and conditions."""
    blocks: list[Block] = [Paragraph(_words(sheet)), _table(sheet)]
    if example is not None:
        blocks += _differences(example)
    if sheet.derivation.network.numeric:
        blocks.append(Paragraph(_referees()))
    conditions = _conditions(sheet)
    if conditions:
        blocks.append(Paragraph(("What has to be true:",), ("Conditions.",)))
        blocks.append(Listing(tuple(conditions)))
    conventions = _conventions(sheet)
    blocks.append(Paragraph(("What was agreed on:",), ("Conventions.",)))
    blocks.append(Listing(tuple(conventions)))
    return Section(("Can we trust it?",), tuple(blocks), "sec:trust")


def _words(sheet: Sheet) -> Inlines:
    many = sum(sheet.checks.values())
    runs = any(group.run and not group.open for group in sheet.groups)
    more = " (every layer by itself, also those that the pages show together)" if runs else ""
    return (f"Each of the {many} steps was checked when this page was made{more}; ",
            CrossRef("tab:checks"), " counts them. A step that fails stops the derivation; no"
            " formula on these pages was typed by hand.")  # fmt: skip


def _table(sheet: Sheet) -> Table:
    parts = (
        ("facts", sheet.derivation.lemmas),
        ("any layer", sheet.derivation.generic),
        ("this network", sheet.derivation.layers),
        *((STRATEGY_WORDS[told.name], told.chains) for told in sheet.told),
    )
    columns: tuple[Inlines, ...] = (("steps",), (PROVED,), (TESTED,), (SAMPLED,))
    rows: list[tuple[Inlines, ...]] = []
    for name, chains in parts:
        if chains:
            counts = _count(chains)
            cells: list[Inlines] = [(name,)]
            cells += [(Math(lay.number(counts[w])),) for w in (PROVED, TESTED, SAMPLED)]
            rows.append(tuple(cells))
    caption: Inlines = ("How the steps were checked.",)
    if _has_facts(sheet):
        caption = ("How the steps were checked; the words are explained in ",
                   CrossRef("sec:facts"), ".")  # fmt: skip
    return Table(columns, tuple(rows), caption, "tab:checks")


def _has_facts(sheet: Sheet) -> bool:
    return bool(sheet.derivation.lemmas or sheet.derivation.facts)


def _count(chains: tuple[Chain, ...]) -> dict[str, int]:
    found = [step.check.word for chain in chains for step in chain.steps]
    return {word: found.count(word) for word in (PROVED, TESTED, SAMPLED)}


# ------------------------------------------------------------------ central differences


def _differences(example: Example) -> list[Block]:
    numbers = example.numbers
    curve = numbers.curve(EXPONENTS, MOST)
    points = [(10.0**-k, max(float(error), 1e-17)) for k, error in curve]
    truncated = points[0][1] > ROUNDING
    h = lay.Ident("h")
    labels = (row(lay.Text("step "), h), "largest error")
    picture = plot_loglog(points, _alt(truncated), labels, _notes(points, truncated), falling=True)
    some = (
        "all"
        if numbers.parameters <= MOST
        else words.number(len(numbers.trained[:: -(-len(numbers.trained) // MOST)]))
    )
    caption: list[Inline] = [
        "Largest difference between the gradients of the example and central differences ",
        Math(_quotient(example)), f" in double precision, over {some} parameters. ",
    ]  # fmt: skip
    if truncated:
        caption.append("A correct gradient gives this V; a wrong one gives a flat line.")
    else:
        caption.append("In each parameter the objective is a polynomial of degree two between"
                       " its kinks, so the difference is exact up to rounding; a wrong gradient"
                       " gives a flat line.")  # fmt: skip
    limits = "the best step is a compromise" if truncated else "rounding spoils small steps"
    before: Inlines = (
        "A check that knows nothing of the derivation: nudge a parameter up and down and watch the"
        " objective. With 50 digits and a step of ", Math(power_of_ten(1e-15)),
        " all gradients of the example are right to ", Math(power_of_ten(numbers.difference)),
        "; with the digits of a computer ", limits, ", ", CrossRef("fig:check"), ".",
    )  # fmt: skip
    return [Paragraph(before), Figure(picture, tuple(caption), "fig:check")]


def _quotient(example: Example) -> Layout:
    c = example.sheet.writer.objective
    if isinstance(c, lay.Row):
        c = c.items[0]
    w, h = lay.Ident("w"), lay.Ident("h")
    above = row(lay.apply(c, row(w, "+", h)), "-", lay.apply(c, row(w, "-", h)))
    return lay.frac(above, row(lay.number(2), h))


def _alt(truncated: bool) -> str:
    if truncated:
        return "The error falls with the step, then grows again: a V"
    return "The error grows as the step gets smaller"


def _notes(points: list[tuple[float, float]], truncated: bool) -> tuple[Note, ...]:
    h = lay.Ident("h")
    up = row(lay.Text("rounding, grows like "), lay.slashed(lay.number(1), h))
    down = row(lay.Text("truncation, falls like "), lay.sup(h, lay.number(2)))
    right = Note(points[6][0] * 0.6, points[6][1] * 0.12, up)
    if not truncated:
        return (Note(points[6][0] * 0.6, points[5][1], up),)
    return (Note(points[1][0] * 0.5, points[1][1] * 3, down), right)


# ------------------------------------------------------------------ referees


def _referees() -> Inlines:
    return ("The generated module is held against four referees by ", Code("gradwright verify"),
            ": backpropagation written without any of this; complex steps; derivatives in 50"
            " digits;"
            " and one step downhill, which must lower the loss by the learning rate times the"
            " squared"
            " length of the gradient, to first order.")  # fmt: skip


# ------------------------------------------------------------------ conventions and conditions


def _conventions(sheet: Sheet) -> list[Inlines]:
    of = "the sum of the losses of the batch" if sheet.mixed else "the loss of one sample"
    made: list[Inlines] = [(f"The error of a layer is the derivative of {of} by its"
                            " pre-activation.",)]  # fmt: skip
    if _kinks(sheet):
        made.append(("At a kink the last alternative counts: the slope of ", _at_kink("max"),
                     " at 0 is 0, and so is that of ", _at_kink("abs"), "."))  # fmt: skip
    mean = sheet.derivation.network.reduction == "mean"
    made.append((f"The objective is the {'mean' if mean else 'sum'} over the samples; the sum"
                 f" over the"
                 " outputs is part of the loss of a sample.",))  # fmt: skip
    return made


def _at_kink(name: str) -> Math:
    s = lay.Ident("s")
    if name == "abs":
        return Math(lay.bars(s))
    return Math(lay.apply(lay.Function("max"), s, lay.number(0)))


def _kinks(sheet: Sheet) -> bool:
    terms = [e.rhs for e in (*sheet.derivation.forward, sheet.derivation.loss)]
    return any(
        isinstance(n, Piecewise | Extremum)
        or (isinstance(n, Call) and n.function in ("max", "min", "abs"))
        for term in terms
        for n in walk(term)
    )


def _conditions(sheet: Sheet) -> list[Inlines]:
    made: list[Inlines] = []
    for fact in sheet.derivation.facts:
        made.append((words.capital(fact.sentence), " (", CrossRef(fact.key), ")."))
    made += [_condition(sheet, c) for c in sheet.derivation.conditions]
    return made


def _condition(sheet: Sheet, condition: Condition) -> Inlines:
    bound = Math(sheet.writer.condition(Compare(">", condition.positive, ZERO)))
    if condition.holds:
        return ("The logarithm of the loss needs ", bound, ", which holds whatever the parameters"
                " are.")  # fmt: skip
    remedy = f"; as a remedy, {condition.remedy}" if condition.remedy else ""
    return ("The loss is defined only for ", bound, ", and the output can leave that range: the"
            f" results hold where it does not{remedy}.")  # fmt: skip
