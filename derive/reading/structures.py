"""Large operators with their limits, matrices and cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from derive.reading.cursor import Cursor
from derive.reading.labels import fenced, split
from derive.reading.latex_tokens import Token
from derive.reading.scope import FUNCTIONS
from derive.reading.symbols import Symbols
from derive.reading.tree import (
    Bound,
    Branches,
    Dots,
    Grid,
    Letter,
    Minus,
    Node,
    Num,
    Plus,
    Total,
)
from derive.reading.words import BIG, MATRICES, RELATIONS


class Structures(Symbols):
    """Reads large operators and environments."""

    def starts(self, c: Cursor) -> bool:
        """Whether a factor can begin here."""
        raise NotImplementedError

    def product(self, c: Cursor) -> Node:
        """Factors side by side."""
        raise NotImplementedError

    def unbarred(self, c: Cursor) -> Node:
        """An expression inside fences of its own."""
        raise NotImplementedError

    def signs(self, c: Cursor) -> bool:
        """Whether the signs that come next make a minus."""
        raise NotImplementedError

    def bracket(self, c: Cursor) -> Node:
        """An indicator where a relation stands inside, else parentheses."""
        raise NotImplementedError

    def named(self, c: Cursor, name: str, token: Token) -> Node:
        """A function by its name."""
        raise NotImplementedError

    # ---------------------------------------------------------------- large operators

    def _operator(self, c: Cursor) -> Node:
        r"""A large operator, or a function written with \operatorname."""
        token = c.next()
        kind = BIG.get(token.text) or "".join(token.raw.split()).replace(r"\,", "").replace(
            r"\_", "_"
        )
        kind = kind.replace("\\", "")
        if kind in ("argmax", "argmin") or token.text in (r"\sum", r"\prod"):
            return self._total(c, kind, token)
        if kind in ("max", "min") and c.peek().text == "_":
            return self._total(c, kind, token)
        if kind in FUNCTIONS or kind in self.scope.functions:
            return self.named(c, kind, token)
        if c.peek().text in ("(", "[", "'", "^"):
            return self.named(c, kind, token)
        raise c.wrong(f"a known function; {kind} is not one", token)

    def _total(self, c: Cursor, kind: str, token: Token) -> Node:
        below: Cursor | None = None
        high: Node | None = None
        while c.peek().text in ("_", "^"):
            if c.next().text == "_":
                below = c.argument()
            else:
                high = self.whole(c.argument())
        bounds = () if below is None else self._bounds(below, high)
        minus = self.signs(c)
        body = self.product(c)
        body = Minus(body, span=body.span) if minus else body
        return Total(kind, bounds, body, span=(token.start, c.last_end))

    def _bounds(self, c: Cursor, high: Node | None) -> tuple[Bound, ...]:
        start = c.peek().start
        texts = [t.text for t in c.tokens]
        if any(t in RELATIONS for t in texts):
            parts = split(c, ",")
            if len(parts) > 1 and high is None:
                return tuple(self._ranges(parts))
            return (self._limits(c, high, start),)
        letters = self.below(c)
        for letter in letters:
            if not isinstance(letter, Letter):
                raise c.wrong("the letter of an index", Token("mark", texts[0], *letter.span))
        return tuple(
            Bound(letter.name, None, high, span=letter.span)
            for letter in letters
            if isinstance(letter, Letter)
        )

    def _limits(self, c: Cursor, high: Node | None, start: int) -> Bound:
        """i=1, 1 <= i <= n, k != i, i in S."""
        first = self.place_until(c)
        relation = RELATIONS.get(c.peek().text)
        if relation is None:
            raise c.wrong("a relation")
        c.next()
        second = self.place_until(c)
        if relation == "le" and isinstance(second, Letter) and c.peek().text in RELATIONS:
            last = self._last(c)
            return Bound(second.name, first, last, span=(start, c.last_end))
        if not isinstance(first, Letter) or not c.done:
            raise c.wrong("the letter of an index with its first value")
        if relation == "=":
            return Bound(first.name, second, high, span=(start, c.last_end))
        raise c.wrong('"=" behind the letter of an index', c.tokens[1])

    def _last(self, c: Cursor) -> Node:
        """The last value of a range: behind <= or <."""
        relation = RELATIONS[c.next().text]
        if relation not in ("le", "<"):
            raise c.wrong('"<=" or "<" and the end of the range')
        made = self.place_until(c)
        if relation == "le":
            return made
        if isinstance(made, Num):
            return replace(made, value=made.value - 1)
        return Plus((made, Minus(Num(Fraction(1)))), span=made.span)

    def _ranges(self, parts: list[Cursor]) -> Iterator[Bound]:
        """c, 1 <= u, v <= 2: letters alone, and letters with a range together."""
        low: Node | None = None
        group: list[Letter] = []
        for c in parts:
            texts = [t.text for t in c.tokens[c.place :]]
            if low is None and any(t in RELATIONS for t in texts):
                low = self.place_until(c)
                if RELATIONS.get(c.peek().text) != "le":
                    raise c.wrong('"<="')
                c.next()
            letter = self.place_until(c)
            if not isinstance(letter, Letter):
                raise c.wrong("the letter of an index")
            group.append(letter)
            if low is not None and c.done:
                continue
            high = None if c.done else self._last(c)
            yield from (Bound(one.name, low, high, span=one.span) for one in group)
            low, group = None, []
        if group:
            raise parts[-1].wrong('"<=" and the end of the range')

    def place_until(self, c: Cursor) -> Node:
        """An index expression that ends at a relation."""
        start = c.place
        while not c.done and c.peek().text not in RELATIONS:
            c.next()
        return self.place(Cursor(c.tokens[start : c.place], c.peek().start))

    # ---------------------------------------------------------------- environments

    def _environment(self, c: Cursor) -> Node:
        start = c.next().start
        name = "".join(t.text for t in c.group().tokens)
        if name in ("array", "matrix*", "pmatrix*", "bmatrix*"):
            if c.peek().text == "[":
                fenced(c, "[", "]")
            elif name == "array":
                c.group()
        body = self._until_end(c, name, start)
        rows = [split(row, "&") for row in split(body, "\\\\")]
        rows = [row for row in rows if any(not cell.done for cell in row)]
        span = (start, c.last_end)
        if name == "cases":
            return Branches(tuple(self._branch(row) for row in rows), span=span)
        if name in MATRICES:
            return Grid(tuple(tuple(map(self._cell, row)) for row in rows), span=span)
        raise c.wrong("a matrix or cases", Token("command", name, start, start))

    def _cell(self, cell: Cursor) -> Node:
        """An entry; an empty place beside dots is left out like them."""
        return Dots() if cell.done else self.whole(cell)

    def _until_end(self, c: Cursor, name: str, start: int) -> Cursor:
        depth, first = 1, c.place
        while True:
            if c.done:
                raise c.wrong(rf"\end{{{name}}}", Token("command", r"\begin", start, start))
            token = c.next()
            depth += {r"\begin": 1, r"\end": -1}.get(token.text, 0)
            if not depth:
                body = Cursor(c.tokens[first : c.place - 1], token.start)
                closing = "".join(t.text for t in c.group().tokens)
                if closing != name:
                    raise c.wrong(rf"\end{{{name}}}", token)
                return body

    def _branch(self, row: list[Cursor]) -> tuple[Node, Node | None]:
        value = self.whole(_trimmed(row[0]))
        if len(row) < 2:
            raise row[0].wrong("a condition behind the value")
        when = row[1]
        if when.peek().raw and when.peek().raw.strip() in ("if", "for", "when", "where"):
            when.next()
        if when.peek().raw.strip() in ("otherwise", "else", "otherwise."):
            return value, None
        return value, self.bracket(_trimmed(when))


def _trimmed(c: Cursor) -> Cursor:
    """Without a comma at the end."""
    tokens = c.tokens[c.place :]
    while tokens and tokens[-1].text in (",", "."):
        tokens = tokens[:-1]
    return Cursor(tokens, c.stop.start)
