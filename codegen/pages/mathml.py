"""Layouts as MathML, with the LaTeX of the formula as an annotation.

Only what browsers draw by themselves is used, so styles are letters of the mathematical alphabets
and every sign says whether it stands between its neighbours or before them.
"""

from __future__ import annotations

from functools import singledispatchmethod
from html import escape

from codegen.pages.alphabets import styled
from codegen.pages.latex_math import formula
from codegen.pages.measure import rank
from codegen.pages.plain import visible
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
from derive.writing.marks import (
    ACCENTS,
    BIG,
    BINARY,
    FENCES,
    OPERATORS,
    PREFIXES,
    RELATIONS,
    SPACES,
    SYMBOLS,
)

APPLY = "<mo>&#x2061;</mo>"  # the invisible sign of function application
THIN = '<mspace width="0.1667em"></mspace>'
_TIGHT = 'lspace="0" rspace="0"'


def mathml(layout: Layout, *, display: bool = False) -> str:
    """A complete <math> element; `display` in the size of formulas on their own line."""
    style = ' displaystyle="true"' if display else ""
    tex = escape(formula(layout, plain=True))
    annotation = f'<annotation encoding="application/x-tex">{tex}</annotation>'
    return f"<math{style}><semantics>{_Printer(False).one(layout)}{annotation}</semantics></math>"


class _Printer:
    """Prints one formula; inside scripts, where `small`, signs stand close."""

    def __init__(self, small: bool) -> None:
        self.small = small

    def script(self, layout: Layout) -> str:
        """A script, a limit or a label as one element."""
        return _Printer(True).one(layout)

    def one(self, layout: Layout) -> str:
        """The layout as exactly one element."""
        made = self.element(layout)
        return f"<mrow>{made}</mrow>" if isinstance(layout, Row | Number | Function) else made

    @singledispatchmethod
    def element(self, node: Layout) -> str:
        """The MathML of a layout: one element, or for rows several."""
        raise NotImplementedError(f"no MathML for {type(node).__name__}")

    @element.register
    def _(self, node: Ident) -> str:
        text = styled(node)
        upright = (
            ' mathvariant="normal"' if len(node.greek or node.text) == 1 and text.isalpha() else ""
        )
        return f"<mi{upright}>{text}</mi>"

    @element.register
    def _(self, node: Number) -> str:
        if node.text.startswith("-"):
            return f'<mo form="prefix" {_TIGHT}>−</mo><mn>{node.text[1:]}</mn>'  # noqa: RUF001
        return f"<mn>{node.text}</mn>"

    @element.register
    def _(self, node: Symbol) -> str:
        sign = SYMBOLS[node.name]
        if node.name == "prime":
            return f"<mo {_TIGHT}>{sign}</mo>"
        if node.name == "blank":
            return "<mrow></mrow>"
        if node.name == "partial":
            return f"<mi>{sign}</mi>"  # slanted, as in TeX
        return f'<mi mathvariant="normal">{sign}</mi>'

    @element.register
    def _(self, node: Operator) -> str:
        return _operator(node, "infix", self.small)

    @element.register
    def _(self, node: Function) -> str:
        return f'<mi mathvariant="normal">{node.name}</mi>'

    @element.register
    def _(self, node: Text) -> str:
        return f"<mtext>{escape(_visible_spaces(visible(node.text)))}</mtext>"

    @element.register
    def _(self, node: Space) -> str:
        return f'<mspace width="{SPACES[node.width] / 18:.4f}em"></mspace>'

    @element.register
    def _(self, node: Row) -> str:
        pieces: list[str] = []
        before: Layout | None = None
        for item in node.items:
            if isinstance(item, Operator):
                prefix = item.name in PREFIXES and isinstance(before, Operator | None)
                pieces.append(_operator(item, "prefix" if prefix else "infix", self.small))
            else:
                if _is_function(before):
                    pieces.append(APPLY)
                after = _is_function(before) and not isinstance(item, Fenced)
                if after or (_is_function(item) and not isinstance(before, Operator | None)):
                    pieces.append(THIN)
                pieces.append(self.element(item))
            before = item
        return "".join(pieces)

    @element.register
    def _(self, node: Fraction) -> str:
        made = f"<mfrac>{self.one(node.num)}{self.one(node.den)}</mfrac>"
        return f'<mstyle displaystyle="false">{made}</mstyle>' if node.small else made

    @element.register
    def _(self, node: Script) -> str:
        base = self.one(node.base)
        if _is_primes(node.sup):  # the sign is raised by itself; as a superscript it would be tiny
            made = f"<mrow>{base}{self.element(node.sup)}</mrow>" if node.sup is not None else base
            return made if node.sub is None else f"<msub>{made}{self.script(node.sub)}</msub>"
        if node.sub is not None and node.sup is not None:
            return f"<msubsup>{base}{self.script(node.sub)}{self.script(node.sup)}</msubsup>"
        if node.sub is not None:
            return f"<msub>{base}{self.script(node.sub)}</msub>"
        return f"<msup>{base}{self.script(node.sup)}</msup>" if node.sup is not None else base

    @element.register
    def _(self, node: Root) -> str:
        if node.degree is None:
            return f"<msqrt>{self.element(node.body)}</msqrt>"
        return f"<mroot>{self.one(node.body)}{self.one(node.degree)}</mroot>"

    @element.register
    def _(self, node: BigOp) -> str:
        words = BIG[node.name].isascii()
        space = 'lspace="0.1667em" rspace="0"' if words else 'lspace="0.1667em" rspace="0.1667em"'
        sign = BIG[node.name].replace(" ", "\u2009")
        made = f'<mo form="prefix" movablelimits="true" {space}>{sign}</mo>'
        if node.lower is not None and node.upper is not None:
            made = (
                f"<munderover>{made}{self.script(node.lower)}{self.script(node.upper)}</munderover>"
            )
        elif node.lower is not None:
            made = f"<munder>{made}{self.script(node.lower)}</munder>"
        elif node.upper is not None:
            made = f"<mover>{made}{self.script(node.upper)}</mover>"
        if node.body is None:
            return made
        gap = THIN if words else ""
        return f"<mrow>{made}{gap}{self.element(node.body)}</mrow>"

    @element.register
    def _(self, node: Fenced) -> str:
        body = self.element(node.body)
        return _fenced(node.left, body, node.right, grows=rank(node.body) == 2)

    @element.register
    def _(self, node: Cases) -> str:
        rows = "".join(
            f"<mtr>{self.cell(value)}{self.cell(condition)}</mtr>" for value, condition in node.rows
        )
        return _fenced("{", f'<mtable class="left">{rows}</mtable>', "", grows=True)

    @element.register
    def _(self, node: Matrix) -> str:
        rows = "".join(f"<mtr>{''.join(map(self.cell, entries))}</mtr>" for entries in node.rows)
        table = f'<mtable class="{node.align}">{rows}</mtable>'
        return _fenced(node.left, table, node.right, grows=True)

    def cell(self, layout: Layout) -> str:
        return f"<mtd>{self.element(layout)}</mtd>"

    @element.register
    def _(self, node: Underbrace) -> str:
        brace = '<mo stretchy="true">⏟</mo>'
        inner = f'<munder accentunder="true">{self.one(node.body)}{brace}</munder>'
        return f"<munder>{inner}{self.script(node.label)}</munder>"

    @element.register
    def _(self, node: Accent) -> str:
        wide = node.kind in ("bar", "hat", "tilde") and not isinstance(node.body, Ident)
        mark = f'<mo stretchy="{str(wide).lower()}">{ACCENTS[node.kind]}</mo>'
        return f'<mover accent="true">{self.one(node.body)}{mark}</mover>'

    @element.register
    def _(self, node: Tinted) -> str:
        return f'<mrow class="{node.tint}">{self.element(node.body)}</mrow>'


def _visible_spaces(text: str) -> str:
    """MathML drops white space at the edges of words."""
    return text.replace(" ", "\u00a0")


def _is_function(node: Layout | None) -> bool:
    return isinstance(node.base if isinstance(node, Script) else node, Function)


def _is_primes(node: Layout | None) -> bool:
    marks = node.items if isinstance(node, Row) else (node,)
    return all(mark == Symbol("prime") for mark in marks)


def _fence(sign: str, form: str, *, grows: bool) -> str:
    stretch = 'stretchy="true" symmetric="true"' if grows else 'stretchy="false"'
    return f'<mo form="{form}" fence="true" {stretch} {_TIGHT}>{escape(FENCES[sign])}</mo>'


def _fenced(left: str, body: str, right: str, *, grows: bool) -> str:
    opening = _fence(left, "prefix", grows=grows) if left else ""
    closing = _fence(right, "postfix", grows=grows) if right else ""
    return f"<mrow>{opening}{body}{closing}</mrow>"


def _operator(node: Operator, form: str, small: bool) -> str:
    sign = escape(OPERATORS[node.name])
    if small:
        return f'<mo form="{form}" stretchy="false" {_TIGHT}>{sign}</mo>'
    if form == "prefix":
        return f'<mo form="prefix" {_TIGHT}>{sign}</mo>'
    if node.name in BINARY:
        space = 'lspace="0.2222em" rspace="0.2222em"'
    elif node.name in RELATIONS:
        space = 'lspace="0.2778em" rspace="0.2778em"'
    else:
        space = 'lspace="0" rspace="0.1667em"' if node.name in (",", ";") else _TIGHT
    return f'<mo form="infix" stretchy="false" {space}>{sign}</mo>'
