"""Gradients as sums over all paths from a quantity to the loss."""

from __future__ import annotations

from codegen.chapter.sheet import Sheet
from codegen.chapter.strategy_blocks import chains, display
from codegen.pages.document import Block, Inline, Math, Paragraph
from derive.algebra.terms import Partial, Sum, walk
from derive.steps import Chain
from derive.strategies.ways import Told


def paths(sheet: Sheet, told: Told) -> list[Block]:
    """One layer, two layers, then from the weights of the network."""
    blocks: list[Block] = [
        Paragraph(("A change of a quantity reaches the loss by every path that leads there through"
                   " the network. Each path gives a product with one factor for each step, and the"
                   " derivative is the sum of these products.",)),
    ]  # fmt: skip
    for kind, words in (
        ("one layer", "From one layer to the next:"),
        ("two layers", "Over two layers the paths run through two units, so two sums stand there:"),
    ):
        for chain in chains(told, kind):
            blocks += [Paragraph((words,)), display(sheet, chain)]
    for chain in chains(told, "weights"):
        blocks += [Paragraph(_from_weight(sheet, chain)), display(sheet, chain)]
    for chain in chains(told, "written out"):
        text = ("Written out, path by path:",)
        blocks += [Paragraph(text), display(sheet, chain)]
    return blocks


def _from_weight(sheet: Sheet, chain: Chain) -> tuple[Inline, ...]:
    assert isinstance(chain.lhs, Partial)
    by = Math(sheet.write(chain.lhs.by))
    sums = sum(len(n.indices) for n in walk(chain.steps[0].rhs) if isinstance(n, Sum))
    if not sums:
        return ("From the weight ", by, " one path leads to the loss:")
    many = "a unit of one layer" if sums == 1 else "units of several layers"
    return ("From the weight ", by, f" the paths differ by {many}:")
