"""Break a formula that is too wide for its line, at relations first, then at + and -."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.measure import width
from derive.layout import Layout, Operator, Row, Symbol, row
from derive.marks import RELATIONS

_LEVELS = (frozenset(RELATIONS), frozenset({"+", "-"}), frozenset({"cdot", "odot", "times"}))
INDENT = 2.0  # ems that a continued line is moved in


def broken(layout: Layout, room: float) -> tuple[Layout, ...]:
    """The formula as lines of at most `room` ems, where signs allow it; later lines begin with one.

    >>> from derive.layout import ident
    >>> [len(line.items) for line in broken(row(ident("a"), "+", ident("b"), "+", ident("c")), 3.5)]
    [3, 3]
    """
    lines: tuple[Layout, ...] = (layout,)
    for level in range(len(_LEVELS)):
        signs = frozenset().union(*_LEVELS[: level + 1])
        lines = tuple(_fill(layout, signs, room))
        if all(width(line) <= room for line in lines):
            return lines
    return lines


def _fill(layout: Layout, signs: frozenset[str], room: float) -> Iterator[Layout]:
    """Greedy filling, as in a paragraph."""
    line: list[Layout] = []
    used = 0.0
    for piece in _pieces(layout, signs):
        wide = sum(map(width, piece))
        if line and used + wide > room:
            yield row(*line)
            line, used = _continued(piece), INDENT
        line.extend(piece)
        used += wide
    yield row(*line)


def _continued(piece: list[Layout]) -> list[Layout]:
    """What a continued line begins with, so that its + or - stands between two parts."""
    first = piece[0]
    relation = isinstance(first, Operator) and first.name in RELATIONS
    return [] if relation else [Symbol("blank")]


def _pieces(layout: Layout, signs: frozenset[str]) -> Iterator[list[Layout]]:
    """The parts of a top-level row; each but the first begins with one of the signs."""
    items = layout.items if isinstance(layout, Row) else (layout,)
    piece: list[Layout] = []
    for k, item in enumerate(items):
        prefix = k == 0 or isinstance(items[k - 1], Operator)
        if isinstance(item, Operator) and item.name in signs and piece and not prefix:
            yield piece
            piece = []
        piece.append(item)
    yield piece
