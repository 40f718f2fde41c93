"""The pictures of the notes: networks, blocks, graphs of values, and curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from codegen.pages.measure import letters, width
from codegen.pages.picture import (
    Box,
    Circle,
    Content,
    Dot,
    Label,
    Picture,
    Point,
    Shape,
    Stroke,
    between,
    clipped,
    vertical_dots,
)
from derive.writing.layout import Layout, Number, sup

RADIUS = 4.75
SHOWN = 6  # a layer with more units is drawn as three, dots, and the last
PAPER = 146.0  # the width of the text


@dataclass(frozen=True)
class Column:
    """A layer in a picture: its units by name (None stands for those left out), and a caption."""

    units: tuple[Content | None, ...]
    caption: Content = ""
    boxed: bool = False


@dataclass(frozen=True)
class Node:
    """A unit in a graph of values: column and row, name, the value above, the derivative below."""

    name: Content
    column: float
    row: float
    value: Content = ""
    derivative: Content = ""
    boxed: bool = False


def elided(names: Sequence[Content]) -> tuple[Content | None, ...]:
    """The names of a layer's units, those in the middle of a wide layer left out.

    >>> elided(["a", "b", "c", "d", "e", "f", "g"])
    ('a', 'b', 'c', None, 'g')
    """
    return tuple(names) if len(names) <= SHOWN else (*names[:3], None, names[-1])


def network_picture(
    columns: Sequence[Column],
    alt: str,
    weights: Mapping[tuple[int, int, int], Layout] | None = None,
) -> Picture:
    """Layers of units from left to right, each unit joined to every unit of the next layer.

    `weights` names edges by (column, unit, unit of the next column); give them for tiny networks
    only.
    """
    tallest = max(len(column.units) for column in columns)
    dx, dy = _steps(len(columns), tallest, bool(weights))
    middle = RADIUS + (tallest - 1) * dy / 2 + 0.5
    places = [_places(column, 0.0, k * dx, middle, dy) for k, column in enumerate(columns)]
    left = max(RADIUS + 1, _half_width(columns[0].caption))
    right = max(RADIUS + 1, _half_width(columns[-1].caption))
    places = [[(x + left, y) for x, y in column] for column in places]
    shapes: list[Shape] = []
    named: list[Shape] = []
    for k, (here, there) in enumerate(pairwise(columns)):
        for i, j in _pairs(here, there):
            start, end = places[k][i], places[k + 1][j]
            reach = _reach(start, end, there.boxed)
            shapes.append(Stroke(clipped(start, end, RADIUS, reach), arrow=True))
            name = (weights or {}).get((k, i, j))
            if name is not None:
                part = 0.5 if abs(start[1] - end[1]) < dy / 2 else 0.3
                named.append(Label(*between(start, end, part), name, tint="soft", backed=True))
    for column, spots in zip(columns, places, strict=True):
        shapes += [
            _unit(unit, x, y, column.boxed)
            for unit, (x, y) in zip(column.units, spots, strict=True)
        ]
    bottom = 2 * middle + 3.5
    captions = [
        Label(spots[0][0], bottom, column.caption, tint="soft")
        for column, spots in zip(columns, places, strict=True)
        if column.caption != ""
    ]
    size = (left + (len(columns) - 1) * dx + right, bottom + 3 if captions else 2 * middle)
    return Picture((*shapes, *named, *captions), *size, alt)


def _steps(columns: int, tallest: int, named: bool) -> tuple[float, float]:
    """The distances between columns and between units."""
    across = min(38.0, (PAPER - 30.0) / max(columns - 1, 1))
    down = 30.0 if tallest == 2 else 18.0 if tallest <= 4 and named else 13.5
    return across, down if named else min(down, 15.0)


def _places(column: Column, left: float, x: float, middle: float, dy: float) -> list[Point]:
    top = middle - (len(column.units) - 1) * dy / 2
    return [(left + x, top + k * dy) for k in range(len(column.units))]


def _half_width(caption: Content) -> float:
    return _text_width(caption) / 2


def _text_width(content: Content, point: float = 3.3) -> float:
    """In millimetres, for small print."""
    return point * (letters(content) if isinstance(content, str) else width(content))


def _pairs(here: Column, there: Column) -> list[tuple[int, int]]:
    """The drawn edges; a boxed column, the loss, takes one edge from every unit as well."""
    return [
        (i, j)
        for i, unit in enumerate(here.units)
        for j, other in enumerate(there.units)
        if unit is not None and other is not None
    ]


def _reach(start: Point, end: Point, boxed: bool) -> float:
    """How far before its end a line meets the edge of the unit there."""
    dx, dy = abs(end[0] - start[0]), abs(end[1] - start[1])
    return RADIUS * math.hypot(dx, dy) / max(dx, dy) if boxed else RADIUS


def _unit(content: Content | None, x: float, y: float, boxed: bool) -> Shape:
    if content is None:
        return vertical_dots(x, y)
    return Box(x, y, 2 * RADIUS, 2 * RADIUS, content) if boxed else Circle(x, y, RADIUS, content)


# --------------------------------------------------------------------------------------- blocks


@dataclass(frozen=True)
class Step:
    """A block in a picture of a deep network: what it is, and below it what comes out."""

    name: Content
    shape: Content = ""


def block_picture(steps: Sequence[Step], alt: str) -> Picture:
    """Blocks in a row with arrows between them, continued on the next row where a row is full."""
    wide = max(16.0, *(max(_text_width(s.name, 4.0), _text_width(s.shape)) + 6 for s in steps))
    gap, tall, down = 8.0, 10.0, 22.0
    per_row = max(1, min(len(steps), int((PAPER + gap) // (wide + gap))))
    shapes: list[Shape] = []
    previous: Point | None = None
    for k, step in enumerate(steps):
        line, place = divmod(k, per_row)
        x, y = 1 + wide / 2 + place * (wide + gap), 1 + tall / 2 + line * down
        if previous is not None:
            shapes.append(_joint(previous, (x, y), wide, tall))
        shapes.append(Box(x, y, wide, tall, step.name))
        if step.shape != "":
            shapes.append(Label(x, y + tall / 2 + 3, step.shape, tint="soft"))
        previous = (x, y)
    rows = -(-len(steps) // per_row)
    size = (2 + per_row * wide + (per_row - 1) * gap, 7 + tall + (rows - 1) * down)
    return Picture(tuple(shapes), *size, alt)


def _joint(start: Point, end: Point, wide: float, tall: float) -> Stroke:
    (x, y), (u, v) = start, end
    if y == v:
        return Stroke(((x + wide / 2, y), (u - wide / 2, v)), arrow=True)
    half = (y + tall / 2 + v - tall / 2) / 2 + 2.5
    turn = ((x, y + tall / 2 + 5.2), (x, half), (u, half), (u, v - tall / 2))
    return Stroke(turn, arrow=True)


# ------------------------------------------------------------------------------ graph of values


def value_graph(nodes: Sequence[Node], edges: Sequence[tuple[int, int]], alt: str) -> Picture:
    """Units with the value going forward above and the derivative coming back below."""
    columns = max(node.column for node in nodes)
    rows = max(node.row for node in nodes)
    across = min(25.0, (PAPER - 2 * RADIUS - 8) / max(columns, 1))
    down, left, top = 22.0, RADIUS + 4, RADIUS + 6
    spots = [(left + node.column * across, top + node.row * down) for node in nodes]
    shapes: list[Shape] = [
        Stroke(
            clipped(spots[i], spots[j], RADIUS, _reach(spots[i], spots[j], nodes[j].boxed)),
            arrow=True,
        )
        for i, j in edges
    ]
    for node, (x, y) in zip(nodes, spots, strict=True):
        shapes.append(_unit(node.name, x, y, node.boxed))
        if node.value != "":
            shapes.append(Label(x, y - RADIUS - 2.6, node.value, tint="forward", backed=True))
        if node.derivative != "":
            below = Label(x, y + RADIUS + 2.8, node.derivative, tint="backward", backed=True)
            shapes.append(below)
    return Picture(tuple(shapes), 2 * left + columns * across, 2 * top + rows * down + 0.5, alt)


# --------------------------------------------------------------------------------------- curves


@dataclass(frozen=True)
class Note:
    """Words in a plot, beginning at the data point (x, y)."""

    x: float
    y: float
    content: Content


def plot_loglog(
    points: Sequence[Point],
    alt: str,
    labels: tuple[Content, Content] = ("", ""),
    notes: Sequence[Note] = (),
    falling: bool = False,
) -> Picture:
    """A curve over logarithmic axes, ticks at powers of ten; `falling`: x from large to small."""
    wide, tall, left, top = 92.0, 36.0, 22.0, 3.0
    xs = _Axis.around([x for x, _ in points], wide - 8, left + 4, falling)
    ys = _Axis.around([y for _, y in points], tall - 4, top + tall - 2, False, upward=True)
    curve = tuple((xs.place(x), ys.place(y)) for x, y in points)
    base = top + tall
    shapes: list[Shape] = [Stroke(((left, top), (left, base), (left + wide, base)), width=0.14)]
    for power in xs.ticks():
        x = xs.place(10.0**power)
        shapes += [Stroke(((x, base), (x, base + 0.9)), width=0.14)]
        shapes += [Label(x, base + 4.0, sup(Number("10"), Number(str(power))))]
    for power in ys.ticks():
        y = ys.place(10.0**power)
        shapes += [Stroke(((left - 0.9, y), (left, y)), width=0.14)]
        shapes += [Label(left - 2.0, y, sup(Number("10"), Number(str(power))), anchor="end")]
    shapes += [Stroke(curve, tint="forward", width=0.35), *(Dot(x, y) for x, y in curve)]
    shapes += [Label(xs.place(n.x), ys.place(n.y), n.content, "start", "soft") for n in notes]
    if labels[0] != "":
        shapes.append(Label(left + wide / 2, base + 9.5, labels[0]))
    if labels[1] != "":
        shapes.append(Label(4.0, top + tall / 2, labels[1], turned=True))
    ends = [xs.place(n.x) + _text_width(n.content, 3.6) for n in notes]
    return Picture(tuple(shapes), max([left + wide + 4, *ends]), base + 13, alt)


@dataclass(frozen=True)
class _Axis:
    """A logarithmic axis from 10^low to 10^high over `length`, beginning at `start`."""

    low: int
    high: int
    length: float
    start: float
    sign: int

    @staticmethod
    def around(
        values: list[float], length: float, start: float, falling: bool, upward: bool = False
    ) -> _Axis:
        low = math.floor(min(map(math.log10, values)) + 1e-9)
        high = max(math.ceil(max(map(math.log10, values)) - 1e-9), low + 1)
        if falling:
            start += length
        return _Axis(low, high, length, start, -1 if falling or upward else 1)

    def place(self, value: float) -> float:
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + self.sign * part * self.length

    def ticks(self) -> range:
        """Every power of ten, or every second, third, ... where there are many."""
        return range(self.low, self.high + 1, max(1, math.ceil((self.high - self.low) / 6)))
