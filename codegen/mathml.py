"""Layouts as MathML, with the LaTeX of the formula as an annotation.

Only what browsers draw by themselves is used, so styles are letters of the mathematical alphabets
and every sign says whether it stands between its neighbours or before them.
"""

from __future__ import annotations

from functools import singledispatch
from html import escape

from codegen.alphabets import styled
from codegen.latex_math import formula
from codegen.measure import rank
from derive.layout import (
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
from derive.marks import ACCENTS, BIG, BINARY, FENCES, OPERATORS, RELATIONS, SPACES, SYMBOLS

APPLY = "<mo>&#x2061;</mo>"  # the invisible sign of function application
_TIGHT = 'lspace="0" rspace="0"'


def mathml(layout: Layout, *, display: bool = False) -> str:
    """A complete <math> element; `display` in the size of formulas on their own line."""
    style = ' displaystyle="true"' if display else ""
    tex = escape(formula(layout, tints=False))
    annotation = f'<annotation encoding="application/x-tex">{tex}</annotation>'
    return f"<math{style}><semantics>{_one(layout)}{annotation}</semantics></math>"


def _one(layout: Layout) -> str:
    """The layout as exactly one element."""
    made = element(layout)
    return f"<mrow>{made}</mrow>" if isinstance(layout, Row | Number | Function) else made


@singledispatch
def element(node: Layout) -> str:
    """The MathML of a layout: one element, or for rows several."""
    raise NotImplementedError(f"no MathML for {type(node).__name__}")


@element.register
def _(node: Ident) -> str:
    text = styled(node)
    upright = (
        ' mathvariant="normal"' if len(node.greek or node.text) == 1 and text.isalpha() else ""
    )
    return f"<mi{upright}>{text}</mi>"


@element.register
def _(node: Number) -> str:
    if node.text.startswith("-"):
        return f'<mo form="prefix" {_TIGHT}>−</mo><mn>{node.text[1:]}</mn>'  # noqa: RUF001
    return f"<mn>{node.text}</mn>"


@element.register
def _(node: Symbol) -> str:
    sign = SYMBOLS[node.name]
    if node.name == "prime":
        return f"<mo {_TIGHT}>{sign}</mo>"
    return f'<mi mathvariant="normal">{sign}</mi>'


@element.register
def _(node: Operator) -> str:
    return _operator(node, "infix")


def _operator(node: Operator, form: str) -> str:
    sign = escape(OPERATORS[node.name])
    if form == "prefix":
        return f'<mo form="prefix" {_TIGHT}>{sign}</mo>'
    if node.name in BINARY:
        space = 'lspace="0.2222em" rspace="0.2222em"'
    elif node.name in RELATIONS:
        space = 'lspace="0.2778em" rspace="0.2778em"'
    else:
        space = 'lspace="0" rspace="0.1667em"' if node.name in (",", ";") else _TIGHT
    return f'<mo form="infix" stretchy="false" {space}>{sign}</mo>'


@element.register
def _(node: Function) -> str:
    return f'<mi mathvariant="normal">{node.name}</mi>'


@element.register
def _(node: Text) -> str:
    return f"<mtext>{escape(_visible_spaces(node.text))}</mtext>"


def _visible_spaces(text: str) -> str:
    """MathML drops white space at the edges of words."""
    return text.replace(" ", "\u00a0")


@element.register
def _(node: Space) -> str:
    return f'<mspace width="{SPACES[node.width] / 18:.4f}em"></mspace>'


@element.register
def _(node: Row) -> str:
    pieces: list[str] = []
    before: Layout | None = None
    for item in node.items:
        if isinstance(item, Operator):
            prefix = item.name in ("-", "+", "pm") and isinstance(before, Operator | None)
            # a row that begins with a sign continues the line above: only a minus is a prefix there
            pieces.append(_operator(item, "prefix" if prefix else "infix"))
        else:
            if _is_function(before):
                pieces.append(APPLY)
                if not isinstance(item, Fenced):
                    pieces.append('<mspace width="0.1667em"></mspace>')
            pieces.append(element(item))
        before = item
    return "".join(pieces)


def _is_function(node: Layout | None) -> bool:
    return isinstance(node.base if isinstance(node, Script) else node, Function)


@element.register
def _(node: Fraction) -> str:
    made = f"<mfrac>{_one(node.num)}{_one(node.den)}</mfrac>"
    return f'<mstyle displaystyle="false">{made}</mstyle>' if node.small else made


@element.register
def _(node: Script) -> str:
    base = _one(node.base)
    if node.sub is not None and node.sup is not None:
        return f"<msubsup>{base}{_one(node.sub)}{_one(node.sup)}</msubsup>"
    if node.sub is not None:
        return f"<msub>{base}{_one(node.sub)}</msub>"
    return f"<msup>{base}{_one(node.sup)}</msup>" if node.sup is not None else base


@element.register
def _(node: Root) -> str:
    if node.degree is None:
        return f"<msqrt>{element(node.body)}</msqrt>"
    return f"<mroot>{_one(node.body)}{_one(node.degree)}</mroot>"


@element.register
def _(node: BigOp) -> str:
    words = BIG[node.name].isascii()
    space = 'lspace="0.1667em" rspace="0"' if words else 'lspace="0.1667em" rspace="0.1667em"'
    sign = BIG[node.name].replace(" ", "\u2009")
    made = f'<mo form="prefix" movablelimits="true" {space}>{sign}</mo>'
    if node.lower is not None and node.upper is not None:
        made = f"<munderover>{made}{_one(node.lower)}{_one(node.upper)}</munderover>"
    elif node.lower is not None:
        made = f"<munder>{made}{_one(node.lower)}</munder>"
    elif node.upper is not None:
        made = f"<mover>{made}{_one(node.upper)}</mover>"
    if node.body is None:
        return made
    gap = '<mspace width="0.1667em"></mspace>' if words else ""
    return f"<mrow>{made}{gap}{element(node.body)}</mrow>"


def _fence(sign: str, form: str, *, grows: bool) -> str:
    stretch = 'stretchy="true" symmetric="true"' if grows else 'stretchy="false"'
    return f'<mo form="{form}" fence="true" {stretch} {_TIGHT}>{escape(FENCES[sign])}</mo>'


def _fenced(left: str, body: str, right: str, *, grows: bool) -> str:
    opening = _fence(left, "prefix", grows=grows) if left else ""
    closing = _fence(right, "postfix", grows=grows) if right else ""
    return f"<mrow>{opening}{body}{closing}</mrow>"


@element.register
def _(node: Fenced) -> str:
    body = element(node.body)
    return _fenced(node.left, body, node.right, grows=rank(node.body) == 2)


@element.register
def _(node: Cases) -> str:
    rows = "".join(f"<mtr>{_cell(value)}{_cell(condition)}</mtr>" for value, condition in node.rows)
    return _fenced("{", f'<mtable class="left">{rows}</mtable>', "", grows=True)


@element.register
def _(node: Matrix) -> str:
    rows = "".join(f"<mtr>{''.join(map(_cell, entries))}</mtr>" for entries in node.rows)
    table = f'<mtable class="{node.align}">{rows}</mtable>'
    return _fenced(node.left, table, node.right, grows=True)


def _cell(layout: Layout) -> str:
    return f"<mtd>{element(layout)}</mtd>"


@element.register
def _(node: Underbrace) -> str:
    brace = '<mo stretchy="true">⏟</mo>'
    inner = f'<munder accentunder="true">{_one(node.body)}{brace}</munder>'
    return f"<munder>{inner}{_one(node.label)}</munder>"


@element.register
def _(node: Accent) -> str:
    wide = node.kind in ("bar", "hat", "tilde") and not isinstance(node.body, Ident)
    mark = f'<mo stretchy="{str(wide).lower()}">{ACCENTS[node.kind]}</mo>'
    return f'<mover accent="true">{_one(node.body)}{mark}</mover>'


@element.register
def _(node: Tinted) -> str:
    return f'<mrow class="{node.tint}">{element(node.body)}</mrow>'
