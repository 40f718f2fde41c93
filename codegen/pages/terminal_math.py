"""Layouts as one line of plain text: readable Unicode, no markup."""
# ruff: noqa: RUF001, RUF002  (signs that look alike are meant)

from __future__ import annotations

from functools import singledispatch

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
from derive.writing.marks import BIG, BINARY, FENCES, OPERATORS, PREFIXES, RELATIONS, SYMBOLS

_RAISED = dict(
    zip(
        "0123456789+-=()niTabcdefghjklmoprstuvwxyz",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵀᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻ",
        strict=True,
    )
)
_LOWERED = dict(
    zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
_COMBINING = {"vec": "\u20d7", "bar": "\u0304", "dot": "\u0307", "ddot": "\u0308",
              "hat": "\u0302", "tilde": "\u0303"}  # fmt: skip


@singledispatch
def text(node: Layout) -> str:
    """The formula in one line.

    >>> from derive.writing.layout import ident, number, paren, row, sub, sup
    >>> text(row(sub(sup(ident("a"), paren(number(1))), ident("j")), "-", number(1)))
    'aⱼ⁽¹⁾ − 1'
    """
    raise NotImplementedError(f"no plain text for {type(node).__name__}")


@text.register
def _(node: Ident) -> str:
    return node.greek or node.text


@text.register
def _(node: Number) -> str:
    return node.text.replace("-", "\u2212")


@text.register
def _(node: Symbol) -> str:
    return SYMBOLS[node.name]


@text.register
def _(node: Operator) -> str:
    return OPERATORS[node.name]


@text.register
def _(node: Function) -> str:
    return node.name


@text.register
def _(node: Text) -> str:
    return visible(node.text)


@text.register
def _(node: Space) -> str:
    return "   " if node.width in ("quad", "qquad") else " "


@text.register
def _(node: Row) -> str:
    made, infix = "", False  # infix: a sign here would stand between two parts
    before: Layout | None = None
    for item in node.items:
        sign = isinstance(item, Operator)
        prefix = isinstance(item, Operator) and item.name in PREFIXES and not infix
        made += _glue(before, item) + text(item)
        before = None if prefix else item  # nothing between a prefix and what it belongs to
        infix = not sign
    return made


def _glue(before: Layout | None, item: Layout) -> str:
    """The space between two parts: around signs, after commas, between factors of many letters."""
    if before is None or isinstance(before, Space | Text) or isinstance(item, Space | Text):
        return ""
    if isinstance(item, Operator):
        return " " if item.name in {**BINARY, **RELATIONS} else ""
    if isinstance(before, Operator):
        return "" if before.name in ("/", "!", ".") else " "
    if isinstance(item, Fenced) or before in (Symbol("partial"), Symbol("nabla")):
        return ""
    return " " if isinstance(before, Fenced) or _is_wide(before) or _is_wide(item) else ""


def _is_wide(node: Layout) -> bool:
    return isinstance(node, Function | Script | Tinted | BigOp | Fraction | Matrix) or (
        isinstance(node, Ident) and len(text(node)) > 1
    )


@text.register
def _(node: Fraction) -> str:
    return f"{_closed(node.num)}/{_closed(node.den)}"


def _closed(node: Layout) -> str:
    """In parentheses where it has more than one part and no sign of differentiation in front."""
    inner = node.body if isinstance(node, Tinted) else node
    derivative = isinstance(inner, Row) and inner.items[0] == Symbol("partial")
    open_row = isinstance(inner, Row | BigOp | Fraction) and not derivative
    return f"({text(node)})" if open_row else text(node)


@text.register
def _(node: Script) -> str:
    base = text(node.base)
    if isinstance(node.base, Row | Fraction | BigOp):
        base = f"({base})"
    return base + _script(node.sub, "_", _LOWERED) + _script(node.sup, "^", _RAISED)


def _script(node: Layout | None, mark: str, table: dict[str, str]) -> str:
    if node is None:
        return ""
    plain = text(node).replace("\u2212", "-")
    tight = plain.replace(" ", "")
    if set(plain) <= set("′⋆∗†⊤"):
        return plain
    if all(c in table for c in tight):
        return "".join(table[c] for c in tight)
    closed = len(tight) == 1 or (tight[0] == "(" and tight.find(")") == len(tight) - 1)
    return mark + (tight if closed else f"{{{text(node)}}}")


@text.register
def _(node: Root) -> str:
    degree = "" if node.degree is None else _script(node.degree, "^", _RAISED)
    return f"{degree}√({text(node.body)})"


@text.register
def _(node: BigOp) -> str:
    sign = BIG[node.name].replace(" ", "")
    limits = _script(node.lower, "_", _LOWERED) + _script(node.upper, "^", _RAISED)
    return sign + limits + ("" if node.body is None else " " + text(node.body))


@text.register
def _(node: Fenced) -> str:
    return FENCES[node.left] + text(node.body) + FENCES[node.right]


@text.register
def _(node: Cases) -> str:
    return "{ " + "; ".join(f"{text(value)} if {text(when)}" for value, when in node.rows) + " }"


@text.register
def _(node: Matrix) -> str:
    return "[" + "; ".join("  ".join(map(text, entries)) for entries in node.rows) + "]"


@text.register
def _(node: Underbrace) -> str:
    return text(node.body)


@text.register
def _(node: Accent) -> str:
    return text(node.body) + _COMBINING[node.kind]


@text.register
def _(node: Tinted) -> str:
    return text(node.body)
