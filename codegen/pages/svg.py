"""Pictures for HTML: inline SVG in the colours of the page, readable without them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch
from html import escape

from codegen.pages.alphabets import styled
from codegen.pages.measure import SCRIPT, letters, width
from codegen.pages.picture import Box, Circle, Content, Dot, Label, Picture, Point, Shape, Stroke
from codegen.pages.plain import visible
from codegen.pages.terminal_math import text
from codegen.render import picture_style
from derive.writing.layout import (
    Fenced,
    Ident,
    Layout,
    Number,
    Operator,
    Row,
    Script,
    Symbol,
    Text,
    Tinted,
)
from derive.writing.marks import BINARY, FENCES, OPERATORS, RELATIONS, SYMBOLS

SCALE = 3.9  # pixels a millimetre
LEAST = 2.9  # the same on a narrow page, where wide pictures scroll
NORMAL, SMALL = 4.3, 3.6  # letters in millimetres


def svg(picture: Picture) -> str:
    """The picture as one <svg> element."""
    wide, tall = picture.width, picture.height
    body, alt = "".join(map(draw, picture.shapes)), escape(visible(picture.alt))
    return (
        f'<svg viewBox="0 0 {_n(wide)} {_n(tall)}" width="{wide * SCALE:.0f}" role="img"'
        f' style="--least:{wide * LEAST:.0f}px"'
        f' aria-label="{alt}"><title>{alt}</title>{body}</svg>'
    )


def standalone(picture: Picture) -> str:
    """The picture as a file of its own, on a ground of its own."""
    head, body = svg(picture).split(">", 1)
    named = head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    ground = f'<rect class="back" width="{_n(picture.width)}" height="{_n(picture.height)}"/>'
    return f"{named}><style>{picture_style()}</style>{ground}{body}\n"


@singledispatch
def draw(shape: Shape) -> str:
    """The elements of one shape."""
    raise NotImplementedError(f"no SVG for {type(shape).__name__}")


@draw.register
def _(shape: Circle) -> str:
    ring = f'<circle class="unit" cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}"/>'
    return ring + _text(shape.x, shape.y, shape.content, NORMAL)


@draw.register
def _(shape: Box) -> str:
    x, y = shape.x - shape.width / 2, shape.y - shape.height / 2
    size = f'width="{_n(shape.width)}" height="{_n(shape.height)}" rx="0.6"'
    kind = "unit filled" if shape.filled else "unit"
    box = f'<rect class="{kind}" x="{_n(x)}" y="{_n(y)}" {size}/>'
    return box + _text(shape.x, shape.y, shape.content, NORMAL)


@draw.register
def _(shape: Stroke) -> str:
    points = list(shape.points)
    head = ""
    if shape.arrow:
        points[-1], head = _arrow(points[-2], points[-1], shape.tint)
    path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    dashes = ' stroke-dasharray="1 0.8"' if shape.dashed else ""
    kind = f'class="line {shape.tint}" stroke-width="{_n(max(shape.width, 0.25))}"'
    return f'<polyline {kind}{dashes} points="{path}"/>{head}'


def _arrow(start: Point, end: Point, tint: str) -> tuple[Point, str]:
    """Where the line ends, and the head from there to the point."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    ux, uy = dx / length, dy / length
    x, y = end[0] - 2.2 * ux, end[1] - 2.2 * uy
    inner = (end[0] - 1.7 * ux, end[1] - 1.7 * uy)
    corners = [end, (x - 0.9 * uy, y + 0.9 * ux), inner, (x + 0.9 * uy, y - 0.9 * ux)]
    path = " ".join(f"{_n(a)},{_n(b)}" for a, b in corners)
    return inner, f'<polygon class="head {tint}" points="{path}"/>'


@draw.register
def _(shape: Dot) -> str:
    place = f'cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}"'
    return f'<circle class="dot {shape.tint}" {place}/>'


@draw.register
def _(shape: Label) -> str:
    size = SMALL if shape.small else NORMAL
    back = ""
    if shape.backed:
        wide = size * _wide(shape.content) + 1.2
        x, y = shape.x - wide / 2, shape.y - size * 0.72
        back = (
            f'<rect class="back" x="{_n(x)}" y="{_n(y)}" width="{_n(wide)}"'
            f' height="{_n(size * 1.44)}"/>'
        )
    return back + _text(
        shape.x, shape.y, shape.content, size, shape.anchor, shape.tint, shape.turned
    )


def _wide(content: Content) -> float:
    return letters(content) if isinstance(content, str) else width(content)


def _text(
    x: float,
    y: float,
    content: Content,
    size: float,
    anchor: str = "middle",
    tint: str = "",
    turned: bool = False,
) -> str:
    if content == "":
        return ""
    if isinstance(content, str):
        inside = escape(visible(content))
    else:
        made = runs(content)
        heights = (0.0, *(run.rise for run in made))
        inside = "".join(
            _tspan(run, size, run.rise - low) for run, low in zip(made, heights, strict=False)
        )
    kind = f' class="{tint}"' if tint else ""
    turn = f' transform="rotate(-90 {_n(x)} {_n(y)})"' if turned else ""
    base = y + 0.34 * size  # the middle of small letters and digits
    place = f'x="{_n(x)}" y="{_n(base)}" font-size="{_n(size)}" text-anchor="{anchor}"'
    return f"<text{kind} {place}{turn}>{inside}</text>"


# ----------------------------------------------------------------- formulas as pieces of text


@dataclass(frozen=True)
class Run:
    """Letters, their size and height against the line, a step before them, all in ems."""

    text: str
    size: float = 1.0
    rise: float = 0.0
    step: float = 0.0
    tint: str = ""


def runs(layout: Layout) -> tuple[Run, ...]:
    """The pieces of a formula; each `rise` is measured from the base line."""
    return tuple(_runs(layout, 1.0, 0.0, ""))


def _runs(node: Layout, size: float, rise: float, tint: str) -> Iterator[Run]:
    match node:
        case Row():
            for k, item in enumerate(node.items):
                if isinstance(item, Operator):
                    yield Run(_sign(item, size, k == 0), size, rise, 0.0, tint)
                else:
                    yield from _runs(item, size, rise, tint)
        case Tinted():
            yield from _runs(node.body, size, rise, node.tint)
        case Script():
            yield from _runs(node.base, size, rise, tint)
            yield from _scripts(node, size, rise, tint)
        case Fenced():
            yield Run(FENCES[node.left], size, rise, 0.0, tint)
            yield from _runs(node.body, size, rise, tint)
            yield Run(FENCES[node.right], size, rise, 0.0, tint)
        case _:
            yield Run(_plain(node), size, rise, 0.0, tint)


def _plain(node: Layout) -> str:
    if isinstance(node, Ident):
        return styled(node)
    if isinstance(node, Symbol):
        return SYMBOLS[node.name]
    if isinstance(node, Number):
        return node.text.replace("-", "\u2212")
    if isinstance(node, Text):
        return visible(node.text)
    return text(node)


def _scripts(node: Script, size: float, rise: float, tint: str) -> Iterator[Run]:
    small = size * SCRIPT
    step = 0.0
    if node.sup is not None:
        yield from _runs(node.sup, small, rise + 0.38 * size, tint)
        step = -0.9 * width(node.sup, small=True) * small
    if node.sub is not None:
        first, *rest = _runs(node.sub, small, rise - 0.24 * size, tint)
        yield Run(first.text, first.size, first.rise, step, first.tint)
        yield from rest


def _sign(node: Operator, size: float, first: bool) -> str:
    sign = OPERATORS[node.name]
    spaced = size == 1.0 and not first and node.name in {**BINARY, **RELATIONS}
    return f"\u2004{sign}\u2004" if spaced else sign + "\u2009" * (node.name == ",")


def _tspan(run: Run, size: float, up: float) -> str:
    kind = f' class="{run.tint}"' if run.tint else ""
    small = f' font-size="{_n(run.size * size)}"' if run.size != 1.0 else ""
    step = f' dx="{_n(run.step * size)}"' if run.step else ""
    shift = f' dy="{_n(-up * size)}"' if up else ""
    return f"<tspan{kind}{small}{step}{shift}>{escape(run.text)}</tspan>"


def _n(value: float) -> str:
    """A length with at most two decimals."""
    short = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if short in ("-0", "") else short
