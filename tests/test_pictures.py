"""Pictures: what is drawn, that it stays on its sheet, and that both printers draw all of it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from codegen.pages.diagrams import (
    Column,
    Note,
    Step,
    block_picture,
    elided,
    network_picture,
    plot_loglog,
)
from codegen.pages.document import Figure
from codegen.pages.picture import Box, Circle, Dot, Label, Picture, Shape, Stroke
from codegen.pages.svg import svg
from codegen.pages.tikz import tikz
from derive.writing.layout import Symbol, ident, number, paren, sub, sup
from tests.notes_sample import example, network, trust


def figures() -> list[Picture]:
    found = [network()]
    for section in (example(), trust()):
        found += [block for block in section.blocks if isinstance(block, Figure)]
    return [figure.picture for figure in found]


def wide_network() -> Picture:
    names = [sub(sup(ident("a"), paren(number(1))), number(k)) for k in range(1, 31)]
    columns = [Column(elided(names), f"layer {k}") for k in range(5)]
    return network_picture([*columns, Column(("L",), "loss", boxed=True)], "a wide network")


def blocks(count: int) -> Picture:
    return block_picture([Step(f"layer {k}", "8 x 8") for k in range(count)], "many layers")


ALL = [*figures(), wide_network(), blocks(3), blocks(17)]


def corners(shape: Shape) -> list[tuple[float, float]]:
    match shape:
        case Circle():
            return [(shape.x + d, shape.y + e) for d in (-shape.radius, shape.radius)
                    for e in (-shape.radius, shape.radius)]  # fmt: skip
        case Box():
            return [(shape.x + d * shape.width / 2, shape.y + e * shape.height / 2)
                    for d in (-1, 1) for e in (-1, 1)]  # fmt: skip
        case Stroke():
            return list(shape.points)
        case Dot() | Label():
            return [(shape.x, shape.y)]
    raise AssertionError(f"no corners for {shape}")


@pytest.mark.parametrize("picture", ALL, ids=lambda p: p.alt[:20])
def test_everything_is_on_the_sheet(picture: Picture) -> None:
    assert picture.width <= 146
    for shape in picture.shapes:
        for x, y in corners(shape):
            assert -0.01 <= x <= picture.width + 0.01, shape
            assert -0.01 <= y <= picture.height + 0.01, shape


@pytest.mark.parametrize("picture", ALL, ids=lambda p: p.alt[:20])
def test_both_printers_draw_every_shape(picture: Picture) -> None:
    tree = ET.fromstring(svg(picture))
    count = {tag: len(list(tree.iter(tag))) for tag in ("polyline", "polygon", "text")}
    strokes = [s for s in picture.shapes if isinstance(s, Stroke)]
    texts = [s for s in picture.shapes if isinstance(s, Label) or getattr(s, "content", "") != ""]
    assert count == {
        "polyline": len(strokes),
        "polygon": sum(s.arrow for s in strokes),
        "text": len(texts),
    }
    lines = tikz(picture).splitlines()
    assert sum(line.startswith(r"  \draw") for line in lines) == len(strokes)
    assert len(lines) == len(picture.shapes) + 3


def test_wide_layers_leave_units_out() -> None:
    picture = wide_network()
    dots = [s for s in picture.shapes if isinstance(s, Label) and s.content != "loss"
            and getattr(getattr(s.content, "body", None), "name", "") == "vdots"]  # fmt: skip
    assert len(dots) == 5
    assert sum(isinstance(s, Circle) for s in picture.shapes) == 5 * 4
    edges = [s for s in picture.shapes if isinstance(s, Stroke)]
    assert len(edges) == 4 * 4 * 4 + 4


def test_lines_end_where_units_begin() -> None:
    units = [s for s in wide_network().shapes if isinstance(s, Circle)]
    for stroke in (s for s in wide_network().shapes if isinstance(s, Stroke)):
        (x, y), *_ = stroke.points
        gap = min(((x - u.x) ** 2 + (y - u.y) ** 2) ** 0.5 - u.radius for u in units)
        assert abs(gap) < 0.01


def test_a_plot_is_true_to_its_logarithms() -> None:
    points = [(10.0**-k, 10.0 ** (-2 * k)) for k in range(1, 6)]
    curve = next(s for s in plot_loglog(points, "straight", falling=True).shapes
                 if isinstance(s, Stroke) and s.tint == "forward").points  # fmt: skip
    slopes = {round((v - y) / (u - x), 6) for (x, y), (u, v) in pairwise(curve)}
    assert len(slopes) == 1, "a power law is a straight line"
    assert len({round(u - x, 6) for (x, _), (u, _) in pairwise(curve)}) == 1, "one step a decade"
    assert curve[0][0] < curve[-1][0], "x falls to the right"
    assert curve[0][1] < curve[-1][1], "and the value with it: y points down"


def test_one_point_makes_a_plot() -> None:
    picture = plot_loglog([(1.0, 1.0)], "one point", notes=(Note(1.0, 1.0, Symbol("star")),))
    assert any(isinstance(s, Dot) for s in picture.shapes)


def test_words_in_pictures_are_escaped() -> None:
    picture = Picture((Label(1, 1, "</text><script> \\input{x} & 5%"),), 9, 9, 'a "b" <c>')
    assert "<script" not in svg(picture)
    ET.fromstring(svg(picture))
    assert not re.search(r"\\input|(?<!\\)[&%]", tikz(picture))
