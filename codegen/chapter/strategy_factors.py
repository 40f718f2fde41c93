"""The gradient of a weight as a product of three factors, one after the other."""

from __future__ import annotations

from codegen.chapter.sheet import Sheet
from codegen.chapter.strategy_blocks import chains, display, parts, result, side_by_side
from codegen.pages.document import Block, Inlines, Paragraph
from derive.algebra.terms import Partial, Term
from derive.forward import at_end
from derive.steps import Chain
from derive.strategies.ladder import by_parameter
from derive.strategies.ways import Part, Told


def three_factors(sheet: Sheet, told: Told) -> list[Block]:
    """The output layer, the layers below it, any layer."""
    blocks: list[Block] = [
        Paragraph(("A weight acts on the loss through the output of its unit, and on that through"
                   " the weighted sum. The chain rule makes a product of it:",),
                  ("The output layer.",)),
        *(display(sheet, c) for c in chains(told, "output")),
    ]  # fmt: skip
    factors = chains(told, "factors")
    if factors:
        blocks.append(Paragraph(("The factors one by one:",)))
        blocks += [display(sheet, c) for c in factors]
    together = True
    for part in told.parts:
        if part.kind == "together":
            blocks += _together(sheet, part, first=together)
            together = False
        elif part.kind in _WORDS:
            blocks.append(Paragraph(*_WORDS[part.kind]))
            blocks += [display(sheet, c) for c in part.chains]
    return [*blocks, *_generic(sheet, told)]


_WORDS: dict[str, tuple[Inlines, Inlines]] = {
    "hidden": (
        ("Every output of the layer above depends on an output of this layer, so the products add"
         " up, one for every way:",),
        ("A layer below.",),
    ),
    "first factor": (
        ("The first factor is a sum over the layer above; the other two are those of the layer"
         " itself:",),
        (),
    ),
}  # fmt: skip


def _together(sheet: Sheet, part: Part, first: bool) -> list[Block]:
    """All factors inserted: the weights line by line, the biases in short."""
    weight, *others = part.chains
    text = "Putting all of it together:" if first else "Together:"
    blocks: list[Block] = [Paragraph((text,)), display(sheet, weight)]
    if others:
        factor = sheet.math(_last_factor(sheet, others[0]))
        blocks.append(Paragraph(("For a bias the last factor is ", factor, ":")))
        blocks.append(side_by_side(result(sheet, c) for c in others))
    return blocks


def _last_factor(sheet: Sheet, chain: Chain) -> Term:
    """What the weighted sum of the unit changes by with the parameter."""
    assert isinstance(chain.lhs, Partial)
    by = chain.lhs.by
    stages = sheet.derivation.forward_pass.stages
    own = next(s for s in map(at_end, stages) if by.tensor in s.parameters)
    return by_parameter(own, by).value


def _generic(sheet: Sheet, told: Told) -> list[Block]:
    found: list[Chain] = [c for part in parts(told, "generic") for c in part.chains]
    if not found:
        return []
    return [
        Paragraph(("In general, for any layer and any activation:",), ("Any layer.",)),
        *(display(sheet, c) for c in found[:1]),
    ]
