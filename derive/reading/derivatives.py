"""Fractions, derivatives in all forms, and gradients."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from derive.reading.cursor import Cursor
from derive.reading.environments import Environments
from derive.reading.labels import fenced, split, top_level
from derive.reading.latex_tokens import Unreadable
from derive.reading.tree import (
    Applied,
    AtPoint,
    Derivative,
    Entry,
    Letter,
    Nabla,
    Node,
    Num,
    Over,
    Power,
    Times,
)
from derive.reading.words import RELATIONS
from derive.writing.marks import GREEK

HIGHEST = 9  # order of a derivative that is read


class Derivatives(Environments):
    """Reads fractions, derivatives in all forms, and gradients."""

    # ---------------------------------------------------------------- derivatives

    def _fraction(self, c: Cursor) -> Node:
        token = c.next()
        above, below = c.argument(), c.argument()
        sign = _derivative_sign(above, below)
        if sign is None and _is_variation(above) and _is_variation(below):
            raise above.wrong(r"\partial or d as the sign of a derivative")
        span = (token.start, c.last_end)
        if sign is None:
            return Over(self.unbarred(above), self.unbarred(below), span=span)
        return self._derivative(c, above, below, sign, token.start)

    def _derivative(self, c: Cursor, above: Cursor, below: Cursor, sign: str, start: int) -> Node:
        _drop(above, sign)
        power = self._count(above)
        by = self._by(below, sign, ordered=power is not None)
        if power not in (None, len(by)):
            raise below.wrong("as many variables as the order of the derivative")
        if not above.done:
            of = self.unbarred(above)
        elif self.starts(c) or c.peek().text == "(":
            of = self._operand(c)
        else:
            return Derivative(None, by, span=(start, c.last_end))
        made: Node = Derivative(_called(of, by), by, span=(start, c.last_end))
        if c.peek().text == "(" and above.tokens and (at := self._point(c)) is not None:
            made = AtPoint(made, at, span=(start, c.last_end))
        return made

    def _point(self, c: Cursor) -> tuple[Node, ...] | None:
        """Values of the arguments behind a derivative: a list in parentheses."""
        place = c.place
        inside = fenced(c, "(", ")")
        parts = split(inside, ",")
        if len(parts) < 2:
            c.place = place
            return None
        return tuple(self.whole(p) for p in parts)

    def _count(self, above: Cursor) -> int | None:
        """The order of the derivative behind its sign; None where there is none, or a letter."""
        if above.peek().text != "^" or above.place != 1:
            return None
        above.next()
        inside = above.argument()
        text = "".join(t.text for t in inside.tokens[inside.place :])
        if not text.isalnum() or (not text.isdigit() and any(map(str.isdigit, text))):
            raise inside.wrong("a number or a letter as the order of the derivative")
        return int(text) if text.isdigit() else None

    def _by(self, below: Cursor, sign: str, ordered: bool = True) -> tuple[Node, ...]:
        """The variables; without an order above, a square is the variable: of sigma^2."""
        made: list[Node] = []
        while not below.done:
            _drop(below, sign)
            first = below.peek()
            variable = self.factor(below)
            if not (isinstance(variable, Power) and isinstance(variable.exponent, Num)):
                made.append(variable)
                continue
            order = variable.exponent.value
            if order.denominator != 1 or not 1 <= order <= HIGHEST:
                raise below.wrong(f"a whole order from 1 to {HIGHEST} of a derivative", first)
            made += [variable.base] * int(order) if ordered else [variable]
        return tuple(made)

    def _operand(self, c: Cursor) -> Node:
        """What an operator d/dx acts on: a factor in parentheses, else factors side by side."""
        if c.peek().text in ("(", "["):
            return self.factor(c)
        start = c.peek().start
        factors = [self.factor(c)]
        while self.starts(c):
            factors.append(self.factor(c))
        if len(factors) == 1:
            return factors[0]
        return Times(tuple(factors), ("",) * (len(factors) - 1), span=(start, c.last_end))

    def inline_derivative(self, c: Cursor) -> Node | None:
        r"""dE/dw_{ij}, also with an upright d; None where something else begins with a d."""
        start = c.peek().start
        ahead = c.fork()
        if not self._differential(ahead):
            return None
        with suppress(Unreadable):
            of = self.factor(ahead)
            if ahead.take("/") and self._differential(ahead):
                by = self.factor(ahead)
                c.place = ahead.place
                return Derivative(_called(of, (by,)), (by,), span=(start, c.last_end))
        return None

    def _differential(self, c: Cursor) -> bool:
        """Take the sign of a differential, if one stands here with something behind it."""
        token = c.next()
        plain = token.text == "d" or token.raw == "d"
        if token.text in (r"\mathrm", r"\rm", r"\mathit") and c.peek().text in ("{", "d"):
            plain = "".join(t.text for t in c.argument().tokens) == "d"
        return plain and (c.peek().kind in ("letter", "command") or c.peek().text == "{")

    def _inline_partial(self, c: Cursor) -> Node:
        r"""\partial f / \partial x, \partial_x f."""
        start = c.next().start
        if c.take("_"):
            by = self.whole(c.argument())
            of = self._operand(c)
            return Derivative(of, (by,), span=(start, c.last_end))
        of = self.factor(c)
        c.expect("/", r'"/\partial" and the variable')
        c.expect(r"\partial", r'"\partial" and the variable')
        by = self.factor(c)
        return Derivative(_called(of, (by,)), (by,), span=(start, c.last_end))

    def _nabla(self, c: Cursor) -> Node:
        start = c.next().start
        if c.peek().text == "^":
            raise c.wrong("a gradient of first order")
        by = self.whole(c.argument()) if c.take("_") else None
        of: Node | None = self.factor(c) if self.starts(c) else None
        if of is None and by is not None and (c.done or c.peek().text in RELATIONS):
            of = Entry(self.scope.own.gradient_of, "", None, span=(start, c.last_end))
        return Nabla(of, by, span=(start, c.last_end))


def _called(of: Node, by: tuple[Node, ...]) -> Node:
    r"""A function by its name alone, at what it is differentiated by: d sigma / d z."""
    if isinstance(of, Applied) and not of.args and len(by) == 1 and _is_argument(by[0]):
        return replace(of, args=by)
    return of


def _is_argument(node: Node) -> bool:
    return isinstance(node, Letter) or (
        isinstance(node, Entry) and node.role in ("preactivation", "activation", "input")
    )


def _derivative_sign(above: Cursor, below: Cursor) -> str | None:
    r"""\partial or d where both parts of a fraction begin with it, else None."""
    if all(any(t.text == "/" for t in top_level(part)) for part in (above, below)):
        return None  # a quotient of derivatives that are written in one line
    for sign in (r"\partial", "d"):
        words = ["".join(t.text for t in part.tokens) for part in (above, below)]
        if all(word.startswith(sign) for word in words) and len(below.tokens) > 1:
            return sign
    return None


def _is_variation(c: Cursor) -> bool:
    r"""Whether a \delta without scripts stands before a symbol: of a derivative, or a factor?"""
    behind = c.peek(1)
    return c.peek().text == r"\delta" and (behind.kind == "letter" or behind.text[1:] in GREEK)


def _drop(c: Cursor, sign: str) -> None:
    """Take the sign of a derivative."""
    text = ""
    start = c.place
    while len(text) < len(sign) and not c.done:
        text += c.next().text
    if text != sign:
        c.place = start
        raise c.wrong(f"{sign} and a variable")
