"""A small network weight by weight, then in general."""

from __future__ import annotations

from codegen.chapter.sheet import Sheet
from codegen.chapter.strategy_blocks import display, fits, inline
from codegen.pages.document import (
    Block,
    CrossRef,
    EquationRow,
    Equations,
    Inline,
    Inlines,
    Math,
    Paragraph,
)
from derive.algebra.terms import Partial, Term, walk
from derive.steps import Chain
from derive.strategies.ways import Part, Told


def weight_by_weight(sheet: Sheet, told: Told) -> list[Block]:
    """Unit by unit from the last layer: weights, then the error of the unit."""
    blocks: list[Block] = []
    seen: set[str] = set()
    for part in told.parts:
        if part.kind == "general":
            blocks.append(Paragraph(_general(sheet), ("In general.",)))
            continue
        lead: Inlines = ()
        if part.kind in ("output unit", "nested output"):
            lead = ("The output layer.",) if part.kind == "output unit" else ("The layer below.",)
        blocks.append(Paragraph(_words(sheet, part, part.kind in seen), lead))
        blocks += _chains(sheet, part, part.kind in seen)
        seen.add(part.kind)
    return blocks


def _chains(sheet: Sheet, part: Part, known: bool) -> list[Block]:
    """The first of its kind line by line, the others on one line each."""
    if part.kind in ("output unit", "nested output", "nested unit"):
        return [Equations(tuple(EquationRow((inline(sheet, c),)) for c in part.chains))]
    blocks: list[Block] = []
    rows: list[EquationRow] = []
    for k, chain in enumerate(part.chains):
        shown = inline(sheet, chain, skip=(1,) if part.kind == "unit" else ())
        if (k or known) and fits(shown):
            rows.append(EquationRow((shown,)))
            continue
        if rows:
            blocks.append(Equations(tuple(rows)))
            rows = []
        blocks.append(display(sheet, chain))
    if rows:
        blocks.append(Equations(tuple(rows)))
    return blocks


def _words(sheet: Sheet, part: Part, known: bool) -> Inlines:
    first = part.chains[0]
    if part.kind == "output unit":
        return ("What the unit sums up, written out:" if len(part.chains) == 1 else
                "What the units sum up, written out:",)  # fmt: skip
    if part.kind == "nested output":
        return ("The loss depends on these weights through the output, which is",)
    if part.kind == "nested unit":
        return ("How the loss depends on a sum of this layer, the sum above tells:",)
    if part.kind == "unit":
        return _unit(sheet, first, known)
    if part.kind == "output error":
        return ("It remains to find the error itself, by the chain rule once more:",)
    shown = Math(sheet.write(first.lhs))
    return ("In the same way ", shown, ":") if known else ("Its error ", shown, " follows:")


def _unit(sheet: Sheet, chain: Chain, known: bool) -> Inlines:
    step = chain.steps[0].rhs
    sums = [n.by for n in _partials(step) if n.by.tensor.role == "preactivation"]
    unit: Inline = Math(sheet.write(sums[0])) if sums else ""
    if known:
        return ("For the sum ", unit, ":")
    return ("Each of its parameters acts on the loss through the sum ", unit, " only:")


def _partials(term: Term) -> list[Partial]:
    return [n for n in walk(term) if isinstance(n, Partial)]


def _general(sheet: Sheet) -> Inlines:
    """From the numbers to the letters."""
    made: list[Inline] = ["From weight to weight only the numbers change, so they may be letters"]
    if "generic.W" in sheet.keys.equations:
        made += [": this is what ", CrossRef("generic.W")]
        if "generic.delta" in sheet.keys.equations:
            made += [" and ", CrossRef("generic.delta")]
        made.append(" say for every layer")
    return (*made, ".")
