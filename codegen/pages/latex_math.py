r"""Layouts as LaTeX formulas.

>>> from derive.writing.layout import ident, paren, row, number, sub, sup
>>> formula(row(sub(sup(ident("delta"), paren(number(2))), ident("j")), "=", ident("o")))
'\\delta_{j}^{(2)} = o'
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod

from codegen.pages.measure import rank
from codegen.pages.plain import bare
from codegen.pages.tex_text import (
    ACCENT_COMMAND,
    BIG_COMMAND,
    FENCE_COMMAND,
    FUNCTION_COMMAND,
    GREEK_COMMAND,
    OPERATOR_COMMAND,
    PLAIN_OPERATOR,
    SPACE_COMMAND,
    STYLE_COMMAND,
    SYMBOL_COMMAND,
    TINT_COMMAND,
    escape,
)
from derive.writing.layout import (
    Accent,
    BigOp,
    Cases,
    Fenced,
    Fraction,
    Function,
    Ident,
    Layout,
    Matrix,
    Number,
    Operator,
    Root,
    Row,
    Script,
    Space,
    Symbol,
    Text,
    Tinted,
    Underbrace,
)
from derive.writing.marks import PREFIXES, TIGHT


def formula(layout: Layout, *, plain: bool = False) -> str:
    """The layout as the inside of a LaTeX formula.

    `plain` is for other readers of LaTeX than TeX itself: one colour, the most common commands,
    and no sign that HTML would take as its own.
    """
    return _Printer(plain).tex(layout)


class _Printer:
    """Prints one formula, in full or in plain LaTeX."""

    def __init__(self, plain: bool) -> None:
        self.plain = plain

    @singledispatchmethod
    def tex(self, node: Layout) -> str:
        raise NotImplementedError(f"no LaTeX for {type(node).__name__}")

    @tex.register
    def _(self, node: Ident) -> str:
        if node.greek:
            letter = GREEK_COMMAND[node.text]
            return letter if node.style == "italic" else rf"\boldsymbol{{{letter}}}"
        text = node.text.replace("_", r"\_")
        if node.style == "italic":
            return text if len(node.text) == 1 else rf"\mathit{{{text}}}"
        return f"{STYLE_COMMAND[node.style]}{{{text}}}"

    @tex.register
    def _(self, node: Number) -> str:
        return node.text

    @tex.register
    def _(self, node: Symbol) -> str:
        return SYMBOL_COMMAND[node.name]

    @tex.register
    def _(self, node: Operator) -> str:
        return PLAIN_OPERATOR[node.name] if self.plain else OPERATOR_COMMAND[node.name]

    @tex.register
    def _(self, node: Function) -> str:
        name = node.name.replace("_", r"\_")
        return FUNCTION_COMMAND.get(node.name, rf"\operatorname{{{name}}}")

    @tex.register
    def _(self, node: Text) -> str:
        words = bare(node.text) if self.plain else escape(node.text, breakable=False)
        return rf"\text{{{words}}}"

    @tex.register
    def _(self, node: Space) -> str:
        return SPACE_COMMAND[node.width]

    @tex.register
    def _(self, node: Row) -> str:
        return juxtaposed(node.items, self.tex)

    @tex.register
    def _(self, node: Fraction) -> str:
        command = r"\tfrac" if node.small else r"\frac"
        return f"{command}{{{self.tex(node.num)}}}{{{self.tex(node.den)}}}"

    @tex.register
    def _(self, node: Script) -> str:
        base = self.tex(node.base)
        if not isinstance(node.base, Ident | Number | Symbol | Fenced | Function):
            base = f"{{{base}}}"
        below = "" if node.sub is None else f"_{{{self.tex(node.sub)}}}"
        above = "" if node.sup is None else f"^{{{self.tex(node.sup)}}}"
        return base + below + above

    @tex.register
    def _(self, node: Root) -> str:
        degree = "" if node.degree is None else f"[{self.tex(node.degree)}]"
        return rf"\sqrt{degree}{{{self.tex(node.body)}}}"

    @tex.register
    def _(self, node: BigOp) -> str:
        below = "" if node.lower is None else f"_{{{self.tex(node.lower)}}}"
        above = "" if node.upper is None else f"^{{{self.tex(node.upper)}}}"
        body = "" if node.body is None else " " + self.tex(node.body)
        return BIG_COMMAND[node.name] + below + above + body

    @tex.register
    def _(self, node: Fenced) -> str:
        left, right = FENCE_COMMAND[node.left], FENCE_COMMAND[node.right]
        body = self.tex(node.body)
        size = rank(node.body)
        if size == 2 or not (left and right):
            return rf"\left{left or '.'} {body} \right{right or '.'}"
        opening, closing = (r"\bigl", r"\bigr") if size else ("", "")
        return f"{opening}{_closed(left)}{body}{closing}{right}"

    @tex.register
    def _(self, node: Cases) -> str:
        rows = (f"{self.tex(value)} & {self.tex(condition)}" for value, condition in node.rows)
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"

    @tex.register
    def _(self, node: Matrix) -> str:
        rows = r" \\ ".join(" & ".join(map(self.tex, entries)) for entries in node.rows)
        inside = rf"\begin{{matrix}} {rows} \end{{matrix}}"
        if not self.plain and node.align != "center":
            inside = rf"\begin{{matrix*}}[{node.align[0]}] {rows} \end{{matrix*}}"
        left, right = FENCE_COMMAND[node.left] or ".", FENCE_COMMAND[node.right] or "."
        return rf"\left{left} {inside} \right{right}"

    @tex.register
    def _(self, node: Underbrace) -> str:
        return rf"\underbrace{{{self.tex(node.body)}}}_{{{self.tex(node.label)}}}"

    @tex.register
    def _(self, node: Accent) -> str:
        return f"{ACCENT_COMMAND[node.kind]}{{{self.tex(node.body)}}}"

    @tex.register
    def _(self, node: Tinted) -> str:
        body = self.tex(node.body)
        return body if self.plain else f"{TINT_COMMAND[node.tint]}{{{body}}}"


def _closed(command: str) -> str:
    """A command that letters may follow."""
    return command + " " if command.startswith("\\") and command[-1].isalpha() else command


def juxtaposed(items: tuple[Layout, ...], tex: Callable[[Layout], str]) -> str:
    """Printed parts in a row, with white space where TeX or a reader needs it."""
    made, gap, infix = "", "", False  # `gap` is what a following part needs before it
    for item in items:
        piece = tex(item)
        if isinstance(item, Operator) and item.name in (",", ";"):
            made, gap, infix = made + piece, " ", False
        elif isinstance(item, Operator) and item.name in TIGHT:
            made, gap, infix = made + piece, "", False
        elif isinstance(item, Operator) and infix:
            made, gap, infix = f"{made} {piece}", " ", False
        elif isinstance(item, Operator):  # a prefix, or the relation that begins a line
            close = item.name in PREFIXES and not _open_command(piece)
            made, gap = made + gap + piece, "" if close else " "
        else:
            tight = isinstance(item, Fenced) and infix
            made, gap, infix = made + ("" if tight else gap) + piece, " ", True
    return made


def _open_command(text: str) -> bool:
    """Does the text end in a command name that a following letter would lengthen?"""
    name = text.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    return name.endswith("\\") and len(name) < len(text)
