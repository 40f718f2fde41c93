"""Pictures of windows: an input, a kernel and an output as grids of cells, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codegen.pages.picture import Box, Content, Dot, Label, Picture, Shape, Stroke

CELL = 6.0
GAP = 17.0
PAPER = 140.0
Place = tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """Rows and columns of cells; some are filled, some have a dot or something written in them."""

    rows: int
    columns: int
    caption: Content
    filled: frozenset[Place] = frozenset()
    written: Mapping[Place, Content] = field(default_factory=dict)
    dotted: frozenset[Place] = frozenset()


def grid_picture(grids: Sequence[Grid], alt: str) -> Picture:
    """Grids from left to right with arrows between them and captions below."""
    columns = sum(grid.columns for grid in grids)
    cell = min(CELL, (PAPER - GAP * len(grids)) / columns)
    tall = max(grid.rows for grid in grids) * cell
    shapes: list[Shape] = []
    left = GAP / 2
    for k, grid in enumerate(grids):
        wide = grid.columns * cell
        if k:
            middle = 1 + tall / 2
            shapes.append(Stroke(((left - GAP + 4, middle), (left - 4, middle)), arrow=True))
        shapes += _cells(grid, left, 1 + (tall - grid.rows * cell) / 2, cell)
        shapes.append(Label(left + wide / 2, tall + 5, grid.caption, tint="soft"))
        left += wide + GAP
    return Picture(tuple(shapes), left - GAP / 2, tall + 8, alt)


def _cells(grid: Grid, left: float, top: float, cell: float) -> list[Shape]:
    """The filled cells last, so that their edges lie on top."""
    places = [(r, c) for r in range(grid.rows) for c in range(grid.columns)]
    made: list[Shape] = []
    for r, c in sorted(places, key=lambda place: place in grid.filled):
        x, y = left + (c + 0.5) * cell, top + (r + 0.5) * cell
        filled = (r, c) in grid.filled
        made.append(Box(x, y, cell, cell, "", filled))
        content = grid.written.get((r, c), "")
        if (r, c) in grid.dotted:
            made.append(Dot(x, y, cell / 6))
        if content != "":
            made.append(Label(x, y, content, tint="backward" if filled else ""))
    return made
