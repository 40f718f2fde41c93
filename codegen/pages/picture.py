"""Pictures as data: circles, boxes, lines and labels on a sheet measured in millimetres.

x runs to the right and y down.  `codegen.pages.tikz` and `codegen.pages.svg` print the same shapes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from derive.writing.layout import Layout, Symbol, Tinted

Content = Layout | str
Point = tuple[float, float]


@dataclass(frozen=True)
class Shape:
    """Anything on the sheet."""


@dataclass(frozen=True)
class Circle(Shape):
    """A circle with something in the middle."""

    x: float
    y: float
    radius: float
    content: Content = ""


@dataclass(frozen=True)
class Box(Shape):
    """A rectangle around (x, y) with something in the middle."""

    x: float
    y: float
    width: float
    height: float
    content: Content = ""
    filled: bool = False


@dataclass(frozen=True)
class Stroke(Shape):
    """A line through points, perhaps with an arrow at its end."""

    points: tuple[Point, ...]
    arrow: bool = False
    tint: str = "soft"
    width: float = 0.21
    dashed: bool = False


@dataclass(frozen=True)
class Dot(Shape):
    """A filled dot."""

    x: float
    y: float
    radius: float = 0.55
    tint: str = "forward"


@dataclass(frozen=True)
class Label(Shape):
    """Words or a formula at a place; `backed` hides the line below it."""

    x: float
    y: float
    content: Content
    anchor: str = "middle"  # start | middle | end, in the direction of reading
    tint: str = ""
    small: bool = True
    backed: bool = False
    turned: bool = False  # read from below to above


@dataclass(frozen=True)
class Picture:
    """Shapes on a sheet; `alt` says in words what there is to see."""

    shapes: tuple[Shape, ...]
    width: float
    height: float
    alt: str


# ------------------------------------------------------------------------------------- helpers


def clipped(start: Point, end: Point, before: float, after: float) -> tuple[Point, Point]:
    """The part of a line that leaves `before` free at its start and `after` at its end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    ux, uy = dx / length, dy / length
    return (
        (start[0] + before * ux, start[1] + before * uy),
        (end[0] - after * ux, end[1] - after * uy),
    )


def between(start: Point, end: Point, part: float) -> Point:
    """The point that lies at `part` of the way."""
    return (start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1]))


def vertical_dots(x: float, y: float) -> Label:
    """The mark for units that are left out."""
    return Label(x, y, Tinted(Symbol("vdots"), "soft"), small=False)
