"""What the three words mean that stand behind every step."""

from __future__ import annotations

from codegen.chapter.sheet import Sheet
from codegen.pages.document import Block, Inline, Paragraph, Strong
from derive.algebra.prove import DIGITS, POINTS, PROVED, SAMPLED, TESTED

MEANING = {
    PROVED: "a rule of the calculus, itself proved by a test of the program, or exact arithmetic"
    " decides it",
    TESTED: "both sides agree modulo a large prime at random points, at several sizes, after"
    " exponentials, logarithms and roots were replaced by consistent random values",
    SAMPLED: f"both sides agree to {DIGITS} digits at {POINTS} points or more",
}


def legend(sheet: Sheet) -> tuple[Block, ...]:
    """The words that occur, with their meaning."""
    used = [word for word, n in sheet.checks.items() if n]
    made: list[Inline] = []
    for word in used:
        made += ["; " if made else "", Strong((word,)), ": ", MEANING[word]]
    return (
        Paragraph(("Behind every step stands why it holds, and how it was checked. ", *made, ".")),
    )
