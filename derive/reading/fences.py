"""Fences: parentheses, brackets, bars, and indicators of a condition."""

from __future__ import annotations

from dataclasses import replace

from derive.reading.cursor import STYLES, Cursor
from derive.reading.derivatives import Derivatives
from derive.reading.labels import fenced, split, top_level
from derive.reading.tree import (
    Applied,
    Bars,
    Bracket,
    Entry,
    Function,
    Grid,
    Letter,
    Listed,
    Node,
    Norm,
    Num,
)
from derive.reading.words import PLACE_SIGNS, RELATIONS
from derive.writing.signs import Sign

CLOSING = {"(": ")", "[": "]", r"\{": r"\}", r"\llbracket": r"\rrbracket"}
BARS = ("|", r"\|", r"\lvert", r"\lVert", r"\mid")
_ONES = ("1", "I")  # under a style they are the sign of an indicator


class Fences(Derivatives):
    """Reads what stands between fences."""

    bars: int  # how many pairs of equal bars are open
    sided: int  # how many pairs of bars that say their side

    # ---------------------------------------------------------------- indicators

    def indicator(self, c: Cursor) -> Node | None:
        r"""1\{y = k\}, \mathbb{1}[z > 0], \mathbf{1}_{y=k}, I(z > 0): 1 where it holds, else 0."""
        start = c.peek().start
        ahead = c.fork()
        if not self._indicates(ahead):
            return None
        inside = self._condition(ahead)
        if inside is None:
            return None
        c.place = ahead.place
        return replace(self.bracket(inside, indicator=True), span=(start, c.last_end))

    def _indicates(self, c: Cursor) -> bool:
        """Take the sign of an indicator, if one stands here."""
        token = c.next()
        if token.text in _ONES:
            return not (token.text == "1" and c.peek().kind == "digit")
        if token.text == r"\chi":
            return True
        if token.text[1:] in STYLES and c.peek().text in ("{", *_ONES):
            return "".join(t.text for t in c.argument().tokens) in _ONES
        return False

    def _condition(self, c: Cursor) -> Cursor | None:
        """The condition in fences or below the sign; None where no relation stands there."""
        if c.take("_"):
            inside = c.argument()
            first = inside.peek().text
            if first in CLOSING and inside.tokens[-1].text == CLOSING[first]:
                inside = fenced(inside, first, CLOSING[first])
        elif c.peek().text in CLOSING:
            inside = fenced(c, c.peek().text, CLOSING[c.peek().text])
        else:
            return None
        return inside if any(t.text in RELATIONS for t in top_level(inside)) else None

    # ---------------------------------------------------------------- fences

    def fence(self, c: Cursor) -> Node | None:
        """What stands between the fences that come next; None where no fence opens."""
        token = c.peek()
        if token.text in ("(", r"\{"):
            inside = fenced(c, token.text, CLOSING[token.text])
            parts = split(inside, ",")
            if len(parts) > 1:
                items = tuple(self.unbarred(p) for p in parts)
                return Listed(items, span=(token.start, c.last_end))
            return replace(self.unbarred(inside), span=(token.start, c.last_end))
        if token.text in ("[", r"\llbracket"):
            inside = fenced(c, token.text, CLOSING[token.text])
            parts = split(inside, ",")
            if len(parts) > 1:  # a row
                cells = tuple(self.unbarred(p) for p in parts)
                return Grid((cells,), span=(token.start, c.last_end))
            return replace(self.bracket(inside), span=(token.start, c.last_end))
        if token.text == "{":
            inside = c.group()
            if inside.done:
                return self.factor(c)
            return replace(self.unbarred(inside), span=(token.start, c.last_end))
        if token.text in BARS:
            return self._bars(c)
        if token.text == r"\langle":
            return self._inner(c)
        return None

    def _inner(self, c: Cursor) -> Node:
        """The inner product, of all entries of two arrays."""
        token = c.peek()
        inside = fenced(c, r"\langle", r"\rangle")
        parts = split(inside, ",", r"\mid", "|")
        if len(parts) != 2:
            raise c.wrong("two factors with a comma between them", token)
        args = tuple(self.unbarred(part) for part in parts)
        function = Function("inner", span=(token.start, token.end))
        return Applied(function, args, span=(token.start, c.last_end))

    def unbarred(self, c: Cursor) -> Node:
        """An expression inside fences of its own."""
        bars, self.bars = self.bars, 0
        made = self.whole(c)
        self.bars = bars
        return made

    def bracket(self, c: Cursor, indicator: bool = False) -> Node:
        """An indicator where a relation stands inside, else parentheses."""
        bars, self.bars = self.bars, 0
        found = [RELATIONS[t.text] for t in top_level(c) if t.text in RELATIONS]
        places = (found in (["="], ["ne"]) or len(found) > 1) and not self._is_of_number(c)
        members, relations = [self._member(c, places)], []
        while c.peek().text in RELATIONS:
            relations.append(RELATIONS[c.next().text])
            members.append(self._member(c, places))
        self.bars = bars
        if not c.done:
            raise c.wrong('a relation or "]"')
        if not relations:
            return members[0]
        made = self._of_class(members, indicator) if relations == ["="] else None
        return made or Bracket(tuple(self.classes(members)), tuple(relations))

    def _is_of_number(self, c: Cursor) -> bool:
        """Whether a quantity by its letter alone is compared with a number: z = 0."""
        tokens = c.tokens[c.place :]
        texts = [t.text.lstrip("\\") for t in tokens if t.text not in ("-", "+")]
        if len(texts) != 3 or not texts[2].isdigit() or self.scope.windows:
            return False
        roles = {m.role for m in self.scope.meanings(Sign(texts[0]))}
        return bool(roles & {"preactivation", "activation", "input"})

    def _of_class(self, members: list[Node], indicator: bool) -> Node | None:
        """[y = k], whether k is the class that is wanted: the entry k of a target of zeros and one.

        An index of the target is the sample, since the class is the value.
        """
        for target, place in (members, members[::-1]):
            if isinstance(target, Letter) and indicator:  # in brackets it is an index
                target = self._target(target) or target
            if not isinstance(target, Entry) or target.role != "target":
                continue
            given = (*target.places, *(() if target.sample is None else (target.sample,)))
            if len(given) > 1 or not self._is_class(place):
                continue
            sample = given[0] if given else None
            return replace(target, places=(place,), sample=sample, form="entry")
        return None

    def _is_class(self, place: Node) -> bool:
        """Whether a side of the comparison can be a class; 1 alone is also a target of one unit."""
        if isinstance(place, Letter):
            return True
        sizes = [shape for t, shape in self.scope.shapes.items() if t.role == "target"]
        return isinstance(place, Num) and any(shape != (1,) for shape in sizes)

    def _target(self, letter: Letter) -> Node | None:
        """The letter as the target, if it is its sign."""
        if any(m.role == "target" for m in self.scope.meanings(Sign(letter.name))):
            return Entry("target", "", None, span=letter.span)
        bound = self.scope.own.signs.get((Sign(letter.name), ""))
        if bound is not None and bound.role == "target":
            return Entry("target", "", None, span=letter.span)
        return None

    def _member(self, c: Cursor, places: bool) -> Node:
        """A side of a comparison: an index expression where `places` are compared, or any other."""
        ahead = c.fork()
        while not ahead.done and ahead.peek().text not in RELATIONS:
            ahead.next()
        inside = c.tokens[c.place : ahead.place]
        plain = all(t.kind in ("letter", "digit") or t.text in PLACE_SIGNS for t in inside)
        if inside and plain and places:
            c.place = ahead.place
            return self.place(Cursor(inside, ahead.peek().start))
        if inside and inside[0].text == "(" and inside[-1].text == ")" and places:
            c.place = ahead.place  # several places at once
            parts = split(Cursor(inside[1:-1], inside[-1].start), ",")
            span = (inside[0].start, inside[-1].end)
            return Listed(tuple(self.place(part) for part in parts), span=span)
        return self.expression(c)

    def _bars(self, c: Cursor) -> Node:
        opening = c.next()
        double = opening.text in (r"\|", r"\lVert")
        if opening.text == "|" and c.peek().text == "|":
            c.next()
            double = True
        closing = {r"\lvert": r"\rvert", r"\lVert": r"\rVert"}.get(opening.text, opening.text)
        equal = closing in ("|", r"\|", r"\mid")
        self.bars, self.sided = self.bars + equal, self.sided + (not equal)
        inner = self.expression(c)
        self.bars, self.sided = self.bars - equal, self.sided - (not equal)
        c.expect(closing, f'"{closing}"')
        if opening.text == "|" and double:
            c.expect("|")
        span = (opening.start, c.last_end)
        return Norm(inner, span=span) if double else Bars(inner, span=span)
