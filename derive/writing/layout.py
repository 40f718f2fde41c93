"""Formulas as arrangements of marks: what stands where, and nothing about what it means.

    layout ::= Ident | Number | Symbol | Operator | Function | Text | Space
             | Row | Fraction | Script | Root | BigOp | Fenced | Cases | Matrix
             | Underbrace | Accent | Tinted

Every page format prints the same layout.  A layout holds names from the closed tables in
`derive.writing.marks` and never a piece of LaTeX or HTML; a name outside its table is refused where
the node is made.  Parentheses stand exactly where a `Fenced` stands: deciding on them is the work
of a notation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction as Rational
from typing import ClassVar

from derive.writing.marks import (
    ACCENTS,
    BIG,
    FENCES,
    GREEK,
    OPERATORS,
    SPACES,
    STYLES,
    SYMBOLS,
    TINTS,
)

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
LETTERING = re.compile(rf"{NAME.pattern}|[01]")  # a bold 1 is a column of ones
NUMERAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
ALIGNMENTS = ("left", "center", "right")

Allowed = dict[str, Collection[str] | re.Pattern[str]]


@dataclass(frozen=True)
class Layout:
    """Any piece of a formula; `allowed` says what its fields may hold."""

    allowed: ClassVar[Allowed] = {}

    def __post_init__(self) -> None:
        """Refuse a name outside its table."""
        for field, allowed in self.allowed.items():
            found = getattr(self, field)
            if isinstance(allowed, re.Pattern):
                if not allowed.fullmatch(found):
                    raise ValueError(
                        f"{type(self).__name__}.{field}: {found!r} does not match {allowed.pattern}"
                    )
            elif found not in allowed:
                words = ", ".join(map(repr, allowed))
                raise ValueError(
                    f"{type(self).__name__}.{field}: found {found!r}, expected one of {words}"
                )


@dataclass(frozen=True)
class Ident(Layout):
    """A name: one letter, a Greek letter by its name, or a word such as `net`."""

    allowed: ClassVar[Allowed] = {"text": LETTERING, "style": STYLES}

    text: str
    style: str = "italic"

    @property
    def greek(self) -> str | None:
        """The Greek letter of this name, if it is written as one."""
        return GREEK.get(self.text) if self.style in ("italic", "bold") else None


@dataclass(frozen=True)
class Number(Layout):
    """A decimal numeral, perhaps with a minus sign."""

    allowed: ClassVar[Allowed] = {"text": NUMERAL}

    text: str


@dataclass(frozen=True)
class Symbol(Layout):
    """A mark of the table SYMBOLS."""

    allowed: ClassVar[Allowed] = {"name": SYMBOLS}

    name: str


@dataclass(frozen=True)
class Operator(Layout):
    """A sign between two parts of a row; at the start of a row, or after a sign, it is a prefix."""

    allowed: ClassVar[Allowed] = {"name": OPERATORS}

    name: str


@dataclass(frozen=True)
class Function(Layout):
    """The upright name of a function: ln, exp, tanh, softmax."""

    allowed: ClassVar[Allowed] = {"name": NAME}

    name: str


@dataclass(frozen=True)
class Text(Layout):
    """Words inside a formula."""

    text: str


@dataclass(frozen=True)
class Space(Layout):
    """White space of a named width."""

    allowed: ClassVar[Allowed] = {"width": SPACES}

    width: str = "thin"


@dataclass(frozen=True)
class Row(Layout):
    """Parts side by side."""

    items: tuple[Layout, ...]


@dataclass(frozen=True)
class Fraction(Layout):
    """num over den; `small` in the size of inline formulas even in a display."""

    num: Layout
    den: Layout
    small: bool = False


@dataclass(frozen=True)
class Script(Layout):
    """A base with a subscript, a superscript, or both, one above the other."""

    base: Layout
    sub: Layout | None = None
    sup: Layout | None = None


@dataclass(frozen=True)
class Root(Layout):
    """A square root, or the root of a written degree."""

    body: Layout
    degree: Layout | None = None


@dataclass(frozen=True)
class BigOp(Layout):
    """A large operator with its limits and what it acts on."""

    allowed: ClassVar[Allowed] = {"name": BIG}

    name: str
    lower: Layout | None = None
    upper: Layout | None = None
    body: Layout | None = None


@dataclass(frozen=True)
class Fenced(Layout):
    """A body between two fences of fitting size; "" is no fence."""

    allowed: ClassVar[Allowed] = {"left": FENCES, "right": FENCES}

    left: str
    body: Layout
    right: str


@dataclass(frozen=True)
class Cases(Layout):
    """Values with their conditions, one below the other behind a brace."""

    rows: tuple[tuple[Layout, Layout], ...]


@dataclass(frozen=True)
class Matrix(Layout):
    """Entries in rows and columns; `align` is right for numbers, center otherwise."""

    allowed: ClassVar[Allowed] = {"align": ALIGNMENTS, "left": FENCES, "right": FENCES}

    rows: tuple[tuple[Layout, ...], ...]
    align: str = "center"
    left: str = "("
    right: str = ")"

    def __post_init__(self) -> None:
        """Refuse rows of different lengths."""
        super().__post_init__()
        if not self.rows or not self.rows[0] or len(set(map(len, self.rows))) != 1:
            raise ValueError("a matrix needs rows of one and the same positive length")


@dataclass(frozen=True)
class Underbrace(Layout):
    """A body with a brace below it, and below that what the brace says."""

    body: Layout
    label: Layout


@dataclass(frozen=True)
class Accent(Layout):
    """A body under an accent."""

    allowed: ClassVar[Allowed] = {"kind": ACCENTS}

    kind: str
    body: Layout


@dataclass(frozen=True)
class Tinted(Layout):
    """A body in the colour of forward values, derivatives, side remarks or checks."""

    allowed: ClassVar[Allowed] = {"tint": TINTS}

    body: Layout
    tint: str


# ------------------------------------------------------------------------------- making layouts

Part = Layout | str  # in `row` a string is the name of an operator


def row(*parts: Part) -> Layout:
    """Parts side by side; rows inside are opened, a single part stays alone.

    >>> row(ident("a"), "+", number(1))
    Row(items=(Ident(text='a', style='italic'), Operator(name='+'), Number(text='1')))
    """
    flat: list[Layout] = []
    for part in parts:
        made = Operator(part) if isinstance(part, str) else part
        flat.extend(made.items if isinstance(made, Row) else (made,))
    return flat[0] if len(flat) == 1 else Row(tuple(flat))


def ident(text: str, style: str = "italic") -> Ident:
    """A name."""
    return Ident(text, style)


def number(value: int | Rational | str) -> Layout:
    """A numeral; a rational number becomes a small fraction."""
    if isinstance(value, Rational) and value.denominator != 1:
        top = Fraction(number(abs(value.numerator)), number(value.denominator), small=True)
        return row("-", top) if value < 0 else top
    return Number(str(value))


def scientific(mantissa: str, exponent: int) -> Layout:
    """mantissa x 10^exponent."""
    return row(Number(mantissa), "times", Script(Number("10"), None, Number(str(exponent))))


def frac(num: Layout, den: Layout) -> Fraction:
    """num over den."""
    return Fraction(num, den)


def slashed(num: Layout, den: Layout) -> Layout:
    """num/den on one line."""
    return row(num, "/", den)


def paren(body: Layout) -> Fenced:
    """(body)."""
    return Fenced("(", body, ")")


def bracket(body: Layout) -> Fenced:
    """[body]."""
    return Fenced("[", body, "]")


def bars(body: Layout) -> Fenced:
    """|body|."""
    return Fenced("|", body, "|")


def apply(function: Layout, *args: Layout) -> Layout:
    """function(args)."""
    return row(function, paren(listed(*args)))


def listed(*parts: Layout) -> Layout:
    """Parts with commas between them."""
    return row(*_commas(parts))


def _commas(parts: tuple[Layout, ...]) -> tuple[Layout, ...]:
    pieces: list[Layout] = []
    for part in parts:
        pieces += [Operator(","), part] if pieces else [part]
    return tuple(pieces)


def sub(base: Layout, script: Layout) -> Script:
    """`base` with a subscript; joins a superscript that is already there."""
    if isinstance(base, Script) and base.sub is None:
        return Script(base.base, script, base.sup)
    return Script(base, script, None)


def sup(base: Layout, script: Layout) -> Script:
    """`base` with a superscript; joins a subscript that is already there.

    A second superscript would read as one: put the base in parentheses, or use `sup_more`.
    """
    if isinstance(base, Script):
        if base.sup is not None:
            raise ValueError("the base has a superscript already: use paren(base) or sup_more")
        return Script(base.base, base.sub, script)
    return Script(base, None, script)


def sup_more(base: Layout, script: Layout) -> Script:
    """`base` with one more mark behind its superscript, as in the transpose of W^(2)."""
    if isinstance(base, Script) and base.sup is not None:
        return Script(base.base, base.sub, row(base.sup, script))
    return sup(base, script)


def prime(base: Layout, order: int = 1) -> Script:
    """The base with primes; from the fourth on as a number in parentheses."""
    if order > 3:
        return sup_more(base, paren(number(order)))
    marks = row(*(Symbol("prime") for _ in range(order)))
    if isinstance(base, Script) and base.sup is not None:
        return Script(base.base, base.sub, row(marks, base.sup))
    return sup(base, marks)


def partial(of: Layout, by: Layout) -> Fraction:
    """The partial derivative of `of` with respect to `by` as a fraction."""
    return Fraction(row(Symbol("partial"), of), row(Symbol("partial"), by))


def forward(body: Layout) -> Tinted:
    """In the colour of forward values."""
    return Tinted(body, "forward")


def backward(body: Layout) -> Tinted:
    """In the colour of derivatives coming back."""
    return Tinted(body, "backward")


# ------------------------------------------------------------------------------- looking at them


def parts(layout: Layout) -> tuple[Layout, ...]:
    """The direct parts of a layout, in the order of reading."""
    match layout:
        case Row():
            return layout.items
        case Fraction():
            return (layout.num, layout.den)
        case Script():
            return tuple(p for p in (layout.base, layout.sub, layout.sup) if p is not None)
        case Root():
            return tuple(p for p in (layout.degree, layout.body) if p is not None)
        case BigOp():
            return tuple(p for p in (layout.lower, layout.upper, layout.body) if p is not None)
        case Fenced() | Accent() | Tinted():
            return (layout.body,)
        case Underbrace():
            return (layout.body, layout.label)
        case Cases():
            return tuple(p for pair in layout.rows for p in pair)
        case Matrix():
            return tuple(p for entries in layout.rows for p in entries)
    return ()


def walk(layout: Layout) -> Iterator[Layout]:
    """The layout and everything inside it, in the order of reading."""
    yield layout
    for part in parts(layout):
        yield from walk(part)
