"""Shapes as they are written: 2 x 3."""

from __future__ import annotations

from codegen.chapter.sheet import Sheet
from derive.algebra.terms import Extent
from derive.writing import layout as lay
from derive.writing.layout import Layout, row


def shape_of(sheet: Sheet, shape: tuple[Extent, ...]) -> Layout:
    """The extents with signs between them; a single number has the shape 1."""
    sides: list[lay.Part] = []
    for size in shape or (1,):
        sides += ["times"] if sides else []
        sides.append(sheet.writer.size(size))
    return row(*sides)
