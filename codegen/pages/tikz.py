"""Pictures for LaTeX."""

from __future__ import annotations

from functools import singledispatch

from codegen.pages.latex_math import formula
from codegen.pages.picture import Box, Circle, Content, Dot, Label, Picture, Shape, Stroke
from codegen.pages.tex_text import escape

_TINTS = {"": "ink", "forward": "fwdcolor", "backward": "bwdcolor", "soft": "softcolor"}
_ANCHORS = {"start": "west", "middle": "center", "end": "east"}


def tikz(picture: Picture) -> str:
    """The picture as a tikzpicture with the exact size of its sheet."""
    body = "\n".join(f"  {draw(shape)}" for shape in picture.shapes)
    sheet = rf"  \useasboundingbox (0,0) rectangle ({_n(picture.width)},{_n(picture.height)});"
    head = r"\begin{tikzpicture}[x=1mm,y=-1mm,>={Stealth[length=2mm]}]"
    return f"{head}\n{sheet}\n{body}\n\\end{{tikzpicture}}"


@singledispatch
def draw(shape: Shape) -> str:
    """The TikZ command of one shape."""
    raise NotImplementedError(f"no TikZ for {type(shape).__name__}")


@draw.register
def _(shape: Circle) -> str:
    size = f"circle,minimum size={_n(2 * shape.radius)}mm"
    return _node(shape.x, shape.y, f"unit,{size}", shape.content)


@draw.register
def _(shape: Box) -> str:
    size = f"minimum width={_n(shape.width)}mm,minimum height={_n(shape.height)}mm"
    fill = ",fill=paper" if shape.filled else ""
    return _node(shape.x, shape.y, f"unit,rounded corners=1.5pt,{size}{fill}", shape.content)


@draw.register
def _(shape: Stroke) -> str:
    options = [f"draw={_TINTS[shape.tint]}", f"line width={_n(shape.width)}mm"]
    options += ["->"] * shape.arrow + ["dashed"] * shape.dashed
    path = " -- ".join(f"({_n(x)},{_n(y)})" for x, y in shape.points)
    return rf"\draw[{','.join(options)}] {path};"


@draw.register
def _(shape: Dot) -> str:
    place = f"({_n(shape.x)},{_n(shape.y)})"
    return rf"\fill[{_TINTS[shape.tint]}] {place} circle[radius={_n(shape.radius)}mm];"


@draw.register
def _(shape: Label) -> str:
    options = [f"text={_TINTS[shape.tint]}", f"anchor={_ANCHORS[shape.anchor]}", "inner sep=1pt"]
    options += [r"font=\footnotesize"] * shape.small + ["fill=white"] * shape.backed
    if shape.turned:
        options.append("rotate=90")
    return _node(shape.x, shape.y, ",".join(options), shape.content)


def _node(x: float, y: float, options: str, content: Content) -> str:
    text = escape(content) if isinstance(content, str) else f"${formula(content)}$"
    return rf"\node[{options}] at ({_n(x)},{_n(y)}) {{{text}}};"


def _n(value: float) -> str:
    """A length with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("-0", "0" if value > -0.005 else "-0")
