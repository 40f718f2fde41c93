"""Break a formula that is too wide for its line, at relations first, then at + and -."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from codegen.pages.document import Line
from codegen.pages.measure import width
from derive.writing.layout import BigOp, Fenced, Layout, Operator, Row, Space, Symbol, row
from derive.writing.marks import RELATIONS

_LEVELS = (frozenset(RELATIONS), frozenset({"+", "-"}), frozenset({"cdot", "odot", "times"}))
WIDEST_LEFT = 12.5  # ems of a left side that still stands in its own column
ASIDE = Space("qquad")  # before the layers for which a formula holds
INDENT = 2.0  # ems that a continued line is moved in


def broken(layout: Layout, room: float) -> tuple[Layout, ...]:
    """The formula as lines of at most `room` ems, where signs allow it; later lines begin with one.

    >>> from derive.writing.layout import ident
    >>> [len(line.items) for line in broken(row(ident("a"), "+", ident("b"), "+", ident("c")), 3.5)]
    [3, 3]
    """
    lines: tuple[Layout, ...] = (layout,)
    for level in range(len(_LEVELS)):
        signs = frozenset().union(*_LEVELS[: level + 1])
        lines = tuple(_fill(layout, signs, room))
        if all(width(line) <= room for line in lines):
            return lines
    return tuple(piece for line in lines for piece in _inside(line, room))


def _inside(line: Layout, room: float) -> tuple[Layout, ...]:
    """A line that is still too wide, broken inside its widest sum or pair of fences."""
    if width(line) <= room:
        return (line,)
    items = line.items if isinstance(line, Row) else (line,)
    k = max(range(len(items)), key=lambda k: width(items[k]))
    widest, before, after = items[k], items[:k], items[k + 1 :]
    if isinstance(widest, BigOp) and widest.body is not None:
        return broken(row(*before, replace(widest, body=None), widest.body, *after), room)
    if not isinstance(widest, Fenced):
        return (line,)
    around = sum(map(width, (*before, *after))) + 1.5
    first, *rest = broken(widest.body, max(room - around, room / 2))
    if not rest:
        return (line,)
    *middle, last = rest
    return (
        row(*before, Fenced(widest.left, first, "")),
        *(Fenced("", piece, "") for piece in middle),
        row(Fenced("", last, widest.right), *after),
    )


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
    """The parts of a top-level row; each but the first begins with one of the signs.

    What stands behind a wide space is for which layers the formula holds: it stays together.
    """
    items = layout.items if isinstance(layout, Row) else (layout,)
    aside = next((k for k, item in enumerate(items) if item == ASIDE), len(items))
    piece: list[Layout] = []
    for k, item in enumerate(items):
        if k == aside and piece:
            yield piece
            yield list(items[k:])
            return
        prefix = k == 0 or isinstance(items[k - 1], Operator)
        if isinstance(item, Operator) and item.name in signs and piece and not prefix:
            yield piece
            piece = []
        piece.append(item)
    yield piece


def short_left_side(line: Line) -> Line:
    """A line whose left side leaves too little room goes as one formula, to be broken anywhere."""
    if line.lhs is None or width(line.lhs) <= WIDEST_LEFT:
        return line
    return replace(line, lhs=None, relation="", rhs=row(line.lhs, line.relation, line.rhs))
