"""Pieces of a printed formula: a layout, and how tightly it holds together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from derive.writing import layout as lay
from derive.writing.layout import Accent, BigOp, Cases, Layout, Matrix, Row, Script, Tinted, row

SUM, PRODUCT, ATOM = 1, 2, 3


@dataclass(frozen=True)
class Piece:
    """A printed term.

    `reach` says what would be read as part of it when it follows: 0 nothing, 1 further factors
    (a sum sign, a bare logarithm), 2 further summands as well (cases).
    """

    layout: Layout
    level: int = ATOM
    reach: int = 0
    exponent: bool = True  # may carry an exponent as it is
    closed: Layout | None = None  # another way to write it that has no reach
    chain: bool = False  # a factor of a chain rule

    def factor(self, last: bool = True) -> Layout:
        """As a factor of a product."""
        if self.level < PRODUCT:
            return lay.paren(self.layout)
        return self.layout if last or not self.reach else self.shut

    def summand(self, last: bool = True) -> Layout:
        """As a summand."""
        if self.level == SUM or (self.reach == 2 and not last):
            return self.shut
        return self.layout

    @property
    def shut(self) -> Layout:
        """With nothing open to the right."""
        return lay.paren(self.layout) if self.closed is None else self.closed

    def raised(self, exponent: Layout) -> Piece:
        """To a power; parentheses wherever the exponent could be taken for a label."""
        tint, body = None, self.layout
        if isinstance(body, Tinted):
            tint, body = body.tint, body.body
        if self.level < ATOM or self.reach or not self.exponent:
            body = lay.paren(body)
        made: Layout = lay.sup(body, exponent)
        return Piece(Tinted(made, tint) if tint else made, exponent=False)


def negative(piece: Piece) -> Piece:
    """With a minus sign in front."""
    return Piece(row("-", piece.factor()), SUM, piece.reach)


def numeral(value: Fraction) -> Piece:
    """A number that is not negative: a decimal where that is shorter, else a fraction.

    >>> numeral(Fraction(1, 100)).layout, numeral(Fraction(17159, 10000)).layout
    (Number(text='0.01'), Number(text='1.7159'))
    """
    if value.denominator == 1:
        return Piece(lay.number(value))
    decimal = decimal_text(value)
    if value.numerator == 1 and decimal is not None and re.fullmatch(r"0\.0000*1", decimal):
        return Piece(lay.sup(lay.number(10), lay.number(1 - len(decimal[1:]))), exponent=False)
    if decimal is not None and len(decimal) < len(str(value)):
        return Piece(lay.number(decimal))
    return Piece(lay.number(value), exponent=False)


def decimal_text(value: Fraction) -> str | None:
    """The exact decimal of a positive rational, if it has one."""
    rest, places = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        places = max(places, count)
    if rest != 1:
        return None
    digits = str(value.numerator * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def juxtaposed(pieces: list[Piece], sign: str) -> Layout:
    """Factors side by side; `sign` stands beside the factors of a chain rule ("none": nothing)."""
    parts: list[lay.Part] = []
    for k, piece in enumerate(pieces):
        made = piece.factor(last=k == len(pieces) - 1)
        if k:
            before = pieces[k - 1]
            if piece.chain or before.chain:
                parts += [] if sign == "none" else [sign]
            elif starts_with_number(made) or _fractions(before.layout, made):
                parts.append("cdot")
        parts.append(made)
    return row(*parts)


def _fractions(before: Layout, after: Layout) -> bool:
    return isinstance(before, lay.Fraction) and isinstance(after, lay.Fraction) and not before.small


def starts_with_number(layout: Layout) -> bool:
    """Whether a numeral before it would run into it."""
    match layout:
        case Row():
            return bool(layout.items) and starts_with_number(layout.items[0])
        case Script():
            return starts_with_number(layout.base)
        case Tinted():
            return starts_with_number(layout.body)
        case lay.Fraction():
            return layout.small
    return isinstance(layout, lay.Number)


def flat(layout: Layout, depth: int = 1) -> bool:
    """Whether the layout is low enough to stand as an exponent."""
    if isinstance(layout, lay.Fraction | BigOp | Cases | Matrix | Accent | lay.Root):
        return False
    if isinstance(layout, Script):
        below = (p for p in (layout.sub, layout.sup) if p is not None)
        return depth > 0 and flat(layout.base, depth) and all(flat(p, depth - 1) for p in below)
    return all(flat(part, depth) for part in lay.parts(layout))
