"""The gradient told in the other ways that a notation asks for, each in a section of its own.

A way that stands before the recursion on delta in the profile comes first on the page, the others
come after it.  The recursion on delta itself is the backward pass of the chapter.
"""

from __future__ import annotations

from collections.abc import Callable

from codegen.chapter.sheet import Sheet
from codegen.chapter.strategy_blocks import layer
from codegen.chapter.strategy_factors import three_factors
from codegen.chapter.strategy_paths import paths
from codegen.chapter.strategy_tables import activations, apparent_error
from codegen.chapter.strategy_weights import weight_by_weight
from codegen.pages.document import Block, Paragraph, Section
from derive.strategies.ways import Told
from derive.writing.profile import STRATEGIES

_TITLES = {
    "weight_by_weight": "Weight by weight",
    "activations": "A table of derivatives",
    "three_factors": "A product of three factors",
    "paths": "Sums over paths",
    "apparent_error": "The apparent error",
}
_SECTIONS: dict[str, Callable[[Sheet, Told], list[Block]]] = {
    "weight_by_weight": weight_by_weight,
    "activations": activations,
    "three_factors": three_factors,
    "paths": paths,
    "apparent_error": apparent_error,
}


def before(sheet: Sheet) -> list[Block]:
    """The sections of the strategies that the profile names before the recursion on delta."""
    return [_section(sheet, told, first=True) for told in _split(sheet)[0]]


def after(sheet: Sheet) -> list[Block]:
    """The sections of the others, and of which there is nothing to tell."""
    made: list[Block] = [_section(sheet, told, first=False) for told in _split(sheet)[1]]
    for told in sheet.told:
        if told.missing and told.name != "activations":
            made.append(
                Paragraph((f"Not told here: the {STRATEGIES[told.name]}; {told.missing}.",))
            )
    return made


def _split(sheet: Sheet) -> tuple[list[Told], list[Told]]:
    names = sheet.writer.profile.strategies
    place = names.index("delta") if "delta" in names else len(names)
    early = set(names[:place])
    present = [told for told in sheet.told if told.parts]
    return [t for t in present if t.name in early], [t for t in present if t.name not in early]


def _section(sheet: Sheet, told: Told, first: bool) -> Section:
    blocks = _SECTIONS[told.name](sheet, told)
    if first and told.name != "weight_by_weight":
        blocks = [*layer(sheet), *blocks]
    return Section((_TITLES[told.name],), tuple(blocks), f"sec:{told.name}")
