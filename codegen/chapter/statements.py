"""Statements of lemmas: in the line where the formulas are small, else below it."""

from __future__ import annotations

from codegen.pages.document import (
    Block,
    Equation,
    EquationRow,
    Equations,
    Inlines,
    Lemma,
    Math,
    Paragraph,
)
from codegen.pages.measure import width
from derive.writing import layout as lay
from derive.writing.layout import Layout, row

WIDE = 26.0  # ems that the formulas of a statement may take in a line of text


def lemma(
    start: Inlines, given: Equation | None, claim: Equation, proof: tuple[Block, ...], key: str
) -> Lemma:
    """For given, claim: in the line where both are small, else below it."""
    both = [equation for equation in (given, claim) if equation is not None]
    parts = [row(e.lhs, "=", e.rhs) for e in both if e.lhs is not None]
    if sum(map(width, parts)) <= WIDE and not any(map(_tall, parts)):
        formulas = [Math(part) for part in parts]
        joint: Inlines = (*start, " ", formulas[0], ", ", *formulas[1:], ".")
        return Lemma(joint if given else (*start, ", ", *formulas, "."), proof, key)
    small = given is not None and width(parts[0]) <= WIDE and not _tall(parts[0])
    if small:
        below = (Equations((EquationRow((claim,)),)),)
        return Lemma((*start, " ", Math(parts[0]), ","), proof, key, shown=below)
    rows = tuple(EquationRow((equation,)) for equation in both)
    return Lemma((*start, ":") if given is None else ("Let",), proof, key, shown=_let(rows))


def _let(rows: tuple[EquationRow, ...]) -> tuple[Block, ...]:
    """One formula, or two with a word between them."""
    if len(rows) == 1:
        return (Equations(rows),)
    return (Equations(rows[:1]), Paragraph(("Then",)), Equations(rows[1:]))


def _tall(layout: Layout) -> bool:
    """Whether a formula would tear the lines of a paragraph apart."""
    return any(
        isinstance(node, lay.Cases)
        or (
            isinstance(node, lay.Fraction) and any(isinstance(n, _TALL) for n in lay.walk(node.num))
        )
        or (
            isinstance(node, lay.Fenced)
            and any(isinstance(n, lay.Fraction) for n in lay.walk(node))
        )
        for node in lay.walk(layout)
    )


_TALL = (lay.Fraction, lay.Fenced)
