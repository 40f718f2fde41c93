"""Signs with their scripts, as written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from derive.reading.cursor import ACCENTS, STYLES, Cursor
from derive.reading.labels import Above, Labels, top_level
from derive.reading.latex_tokens import Token
from derive.reading.scope import Scope
from derive.reading.tree import (
    Node,
    Power,
    Transposed,
)
from derive.writing.marks import GREEK
from derive.writing.signs import Sign

_LAYER = r"(?:l|ell|L|\d)(?:[+-]\d)?"  # the label of a layer behind a name


@dataclass
class Name:
    """A sign with its scripts, as written."""

    sign: Sign
    order: int  # of the derivative, by dots
    below: list[Node] | None
    below_tokens: Cursor | None
    raised: list[tuple[list[Token], int]]
    primes: int
    start: int
    end: int = 0


class Names(Labels):
    """Reads names."""

    scope: Scope

    # ---------------------------------------------------------------- signs

    def sign(self, c: Cursor) -> tuple[Sign, int] | None:
        """A letter under its style and accent, and the number of dots; None where there is none."""
        token = c.peek()
        name = token.text[1:]
        if token.kind == "letter":
            c.next()
            return Sign(token.text), 0
        if token.raw and not name.startswith("operatorname"):
            c.next()
            return Sign(" ".join(token.raw.split()), "text"), 0
        if token.kind != "command":
            return None
        if name in GREEK or name == "ell":
            c.next()
            return Sign(name), 0
        if name in STYLES or name in ACCENTS:
            c.next()
            inside = c.argument()
            return self._under(name, inside)
        return None

    def _under(self, name: str, inside: Cursor) -> tuple[Sign, int]:
        if (
            name in STYLES
            and len(inside.tokens) > 1
            and all(t.kind in ("letter", "digit") or t.text in ("_", r"\_") for t in inside.tokens)
        ):
            word = "".join(t.text.lstrip("\\") for t in inside.tokens)
            return Sign(word, STYLES[name]), 0
        if len(inside.tokens) == 1 and inside.peek().kind == "digit":
            return Sign(inside.next().text, STYLES.get(name, "bold")), 0
        found = self.sign(inside)
        if found is None or not inside.done:
            raise inside.wrong(f"one letter under \\{name}")
        sign, order = found
        if name in STYLES:
            return replace(sign, style=STYLES[name]), order
        if name in ("dot", "ddot"):
            return sign, order + (1 if name == "dot" else 2)
        return replace(sign, accent=ACCENTS[name]), order

    # ---------------------------------------------------------------- names

    def name(self, c: Cursor) -> Name | None:
        """A sign with its scripts; braces around a sign are opened."""
        start, place = c.peek().start, c.place
        if c.peek().text == "{":
            inside = c.group()
            made = self.name(inside)
            if made is None or not inside.done:
                c.place = place
                return None
        elif (dressed := self._dressed_name(c)) is not None:
            made = dressed
        else:
            found = self.sign(c)
            if found is None:
                c.place = place
                return None
            made = Name(*found, None, None, [], 0, start)
        self._scripts(c, made)
        self._from_behind(c, made)
        made.end = c.last_end
        return made

    def _from_behind(self, c: Cursor, into: Name) -> None:
        """The layer or the sample in fences behind a name, moved to where others write it."""
        behind = self.scope.own.behind
        if behind is None or c.peek().text != behind.opening:
            return
        closing = {"(": ")", "[": "]"}[behind.opening]
        texts = [t.text for t in c.tokens[c.place + 1 :]]
        if closing not in texts:
            return
        inside = c.tokens[c.place + 1 : c.place + 1 + texts.index(closing)]
        text = "".join(t.text.lstrip("\\") for t in inside)
        wanted = re.escape(behind.sample) if behind.sample else _LAYER
        if not re.fullmatch(wanted, text):
            return
        left, right = "[]" if behind.sample else "()"
        first, last = c.next(), c.tokens[c.place + len(inside)]
        c.place += len(inside) + 1
        fences = (
            Token("mark", left, first.start, first.end),
            Token("mark", right, last.start, last.end),
        )
        into.raised.append(([fences[0], *inside, fences[1]], last.end))

    def _dressed_name(self, c: Cursor) -> Name | None:
        r"""A style or accent over a sign with its scripts: \overline{w_{ij}}, \mathbf{W^{(1)}}."""
        command = c.peek().text[1:]
        styled = STYLES.get(command) in ("bold", "calligraphic", "sans")
        if not (styled or command in ACCENTS) or c.peek(1).text != "{":
            return None
        ahead = c.fork()
        ahead.next()
        inside = ahead.group()
        if inside.peek().raw or not any(t.text in ("_", "^", "'") for t in top_level(inside)):
            return None
        made = self.name(inside)
        if made is None or not inside.done:
            return None
        c.place = ahead.place
        if command in STYLES:
            made.sign = replace(made.sign, style=STYLES[command])
        elif command in ("dot", "ddot"):
            made.order += 1 if command == "dot" else 2
        else:
            made.sign = replace(made.sign, accent=ACCENTS[command])
        return made

    def _scripts(self, c: Cursor, into: Name) -> None:
        while True:
            token = c.peek()
            if token.text == "_" and into.below_tokens is None:
                c.next()
                into.below_tokens = c.argument()
            elif token.text == "^":
                c.next()
                inside = c.argument()
                into.raised.append((inside.tokens[inside.place :], inside.stop.start))
            elif token.text == "'":
                c.next()
                into.primes += 1
            else:
                return

    def _marks(self, name: Name) -> list[str]:
        into = Above()
        for tokens, end in name.raised:
            c = Cursor(tokens, end)
            while not c.done and self._mark(c, into):
                pass
        return into.marks

    def _above(self, name: Name, labelled: bool) -> Above:
        into = Above()
        for tokens, end in name.raised:
            self.above(tokens, end, labelled, into)
        into.primes += name.primes
        return into

    def _raised(self, made: Node, above: Above, span: tuple[int, int]) -> Node:
        if above.exponent is not None:
            made = Power(made, above.exponent, above.entrywise, span=span)
        for _ in range(above.transposes):
            made = Transposed(made, span=span)
        return made
