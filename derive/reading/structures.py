"""Large operators with their limits, matrices and cases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

from derive.reading.cursor import Cursor
from derive.reading.labels import split
from derive.reading.latex_tokens import Token, Unreadable
from derive.reading.scope import FUNCTIONS, Meaning
from derive.reading.symbols import Symbols
from derive.reading.tree import (
    Bound,
    Bracket,
    Branches,
    Entry,
    Letter,
    Minus,
    Node,
    Num,
    Plus,
    Times,
    Total,
    Value,
    rebuilt,
    walk,
)
from derive.reading.words import BIG, DOTS, RELATIONS, conjunction


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

    def bracket(self, c: Cursor, indicator: bool = False) -> Node:
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
        if kind in ("argmax", "argmin", "lim") or token.text in (r"\sum", r"\prod"):
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
                high = self._high(c.argument())
        bounds: tuple[Bound, ...] = ()
        guards: tuple[Node, ...] = ()
        if kind == "lim":
            bounds = (self._approach(below or c, high, token),)
        elif below is not None:
            bounds, guards = self._bounds(_listed(_opened(below)), high)
        outside, self.summed = self.summed, self.summed | {bound.name for bound in bounds}
        minus = self.signs(c)
        body = self.product(c)
        self.summed = outside
        body = Minus(body, span=body.span) if minus else body
        for bound in bounds:
            body = self._of_samples(bound.name, body)
        for guard in guards[::-1]:
            body = _guarded(kind, guard, body)
        if kind == "lim":
            body = _by_letter(bounds[0].name, body, c)
        if kind == "lim" and Letter(bounds[0].name) not in walk(body):
            raise c.wrong(f"the letter {bounds[0].name} behind the limit, without another meaning")
        return Total(kind, bounds, body, span=(token.start, c.last_end))

    def _approach(self, c: Cursor, high: Node | None, token: Token) -> Bound:
        r"""What goes where in a limit: h \to 0."""
        first = c.peek()
        name = self.place_until(c) if token.start != first.start and not c.done else None
        if not isinstance(name, Letter) or RELATIONS.get(c.peek().text) != "to" or high is not None:
            raise c.wrong("a letter, an arrow and a number below the limit", first)
        c.next()
        low = self.expression(c)
        if not c.done:
            raise c.wrong("a limit from both sides")
        return Bound(name.name, low, span=name.span)

    def _of_samples(self, name: str, body: Node) -> Node:
        """The body of a sum over samples: what belongs to a sample belongs to the one counted.

        A letter counts samples where a quantity bears it as its sample, or where it is the letter
        for them and no index.
        """
        parts = [part for part in walk(body) if isinstance(part, Entry)]
        letter = Letter(name)
        used = any(part.sample == letter for part in parts)
        index = any(letter in part.places for part in parts)
        if index or not (used or name in (self.scope.own.sample, self.scope.sample)):
            return body

        def visit(node: Node) -> Node:
            node = rebuilt(node, visit)
            if isinstance(node, Entry) and node.sample is None and self._bears_sample(node):
                return replace(node, sample=letter)
            return node

        return visit(body)

    def _bears_sample(self, node: Entry) -> bool:
        """Whether there is one of the entry for every sample, and this is one."""
        if node.form not in ("entry", "whole") or node.role == "objective":
            return False
        return self.scope.batched(Meaning(node.role, node.form, node.letter, label=node.label))

    def _high(self, c: Cursor) -> Node:
        """The upper limit: a letter there is a number, also where it is the sign of a quantity.

        So L is the last layer, and C the number of classes, beside a loss L or C.
        """
        ahead = c.fork()
        made = self.whole(c)
        if any(isinstance(part, Entry) for part in walk(made)):
            with suppress(Unreadable):
                return self.place(ahead)
        return made

    def _bounds(self, c: Cursor, high: Node | None) -> tuple[tuple[Bound, ...], tuple[Node, ...]]:
        """The indices with their limits, and what else is asked of them: k != j."""
        start = c.peek().start
        texts = [t.text for t in c.tokens]
        if any(t in RELATIONS for t in texts):
            asked = self._asked(c) if high is None else None
            if asked is not None:
                return asked
            parts = split(c, ",")
            conditions = [p for p in parts if any(RELATIONS.get(t.text) == "ne" for t in p.tokens)]
            parts = [p for p in parts if p not in conditions]
            guards = tuple(self.bracket(p) for p in conditions)
            if not parts:
                raise c.wrong("the letter of an index with its first value")
            if len(parts) > 1 and high is None:
                return tuple(self._ranges(parts)), guards
            bounds, between = self._limits(parts[0] if guards else c, high, start)
            return bounds, (*guards, *between)
        letters = self.below(c)
        for letter in letters:
            if not isinstance(letter, Letter):
                raise c.wrong("the letter of an index", Token("mark", texts[0], *letter.span))
        return tuple(
            Bound(letter.name, None, high, span=letter.span)
            for letter in letters
            if isinstance(letter, Letter)
        ), ()

    def _asked(self, c: Cursor) -> tuple[tuple[Bound, ...], tuple[Node, ...]] | None:
        """k != j; i < j; j in C; also "k, k != j": None where the limits are of another form."""
        found: dict[str, Bound] = {}
        guards: list[Bracket] = []
        parts = [p for p in split(c.fork(), ",", ":", "|", r"\mid", "\\\\") if not p.done]
        for part in parts:
            first = self.place_until(part)
            if not isinstance(first, Letter):
                return None
            found.setdefault(first.name, Bound(first.name, span=first.span))
            relation = RELATIONS.get(part.peek().text, "")
            if part.done:
                continue
            if relation == "in":
                part.next()
                if not self._is_set(part):
                    return None
                continue
            if relation not in ("ne", "<", ">"):
                return None
            part.next()
            members: list[Node] = [first, *self.classes([self.place_until(part)])]
            if not part.done:
                return None
            guards.append(Bracket(tuple(members), (relation,), span=(first.span[0], part.last_end)))
        return tuple(found.values()), tuple(guards)

    def _is_set(self, c: Cursor) -> bool:
        """Whether a set of every index: by its name, or from the first to the last with dots."""
        texts = [t.text for t in c.tokens[c.place :]]
        if texts[:1] == [r"\{"]:
            return any(t in DOTS for t in texts)
        return bool(texts) and not any(t.isdigit() or t in RELATIONS for t in texts)

    def _limits(
        self, c: Cursor, high: Node | None, start: int
    ) -> tuple[tuple[Bound, ...], tuple[Node, ...]]:
        """i=1, 1 <= i <= n, 1 <= i < j <= n: the indices, and what is asked of several."""
        first = self.place_until(c)
        relation = RELATIONS.get(c.peek().text)
        if relation is None:
            raise c.wrong("a relation")
        c.next()
        second = self.place_until(c)
        if relation in ("le", "<") and isinstance(second, Letter) and c.peek().text in RELATIONS:
            low = first if relation == "le" else _shifted(first, 1)
            return self._between(c, low, second, start)
        if relation in ("ge", ">") and isinstance(second, Letter) and c.peek().text in RELATIONS:
            return self._down(c, first if relation == "ge" else _shifted(first, -1), second, start)
        if not isinstance(first, Letter) or not c.done:
            raise c.wrong("the letter of an index with its first value")
        if relation == "=":
            return (Bound(first.name, second, high, span=(start, c.last_end)),), ()
        raise c.wrong('"=" behind the letter of an index', c.tokens[1])

    def _down(
        self, c: Cursor, high: Node, letter: Letter, start: int
    ) -> tuple[tuple[Bound, ...], tuple[Node, ...]]:
        """The index of a range that begins with its last value: t >= i > k."""
        token = c.next()
        relation, low = RELATIONS[token.text], self.place_until(c)
        if relation not in ("ge", ">") or not c.done:
            raise c.wrong('">=" or ">" and the end of the range', token)
        low = low if relation == "ge" else _shifted(low, 1)
        return (Bound(letter.name, low, high, span=(start, c.last_end)),), ()

    def _between(
        self, c: Cursor, low: Node, first: Letter, start: int
    ) -> tuple[tuple[Bound, ...], tuple[Node, ...]]:
        """The indices of a range, in the order that stands between them."""
        letters, guards = [first], []
        while True:
            relation, place = RELATIONS[c.peek().text], c.place
            c.next()
            other = self.place_until(c)
            if c.done:
                break
            if relation not in ("le", "<", "ne") or not isinstance(other, Letter):
                raise c.wrong("the letter of an index, or the end of the range", c.tokens[place])
            span = (letters[-1].span[0], other.span[1])
            guards.append(Bracket((letters[-1], other), (relation,), span=span))
            letters.append(other)
        c.place = place
        high = self._last(c)
        span = (start, c.last_end)
        return tuple(Bound(letter.name, low, high, span=span) for letter in letters), tuple(guards)

    def _last(self, c: Cursor) -> Node:
        """The last value of a range: behind <= or <."""
        relation = RELATIONS[c.next().text]
        if relation not in ("le", "<"):
            raise c.wrong('"<=" or "<" and the end of the range')
        made = self.place_until(c)
        if relation == "le":
            return made
        return _shifted(made, -1)

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


def _by_letter(name: str, body: Node, c: Cursor) -> Node:
    """The body in which a quantity of no layer, written by the letter alone, is that letter."""

    def visit(node: Node) -> Node:
        plain = isinstance(node, Entry) and node.label is None and not node.places
        if plain and c.text(node.span).lstrip("\\") == name:
            return Letter(name, span=node.span)
        return rebuilt(node, visit)

    return visit(body)


def _shifted(node: Node, by: int) -> Node:
    """The whole number after or before an index expression."""
    if isinstance(node, Num):
        return replace(node, value=node.value + by)
    one = Num(Fraction(1), span=node.span)
    return Plus((node, one if by > 0 else Minus(one, span=node.span)), span=node.span)


def _guarded(kind: str, guard: Node, body: Node) -> Node:
    """What counts under an operator where a condition holds, and what where it does not."""
    if kind == "sum":
        return Times((guard, body), ("",), span=body.span)
    nothing: Node = Num(Fraction(1), span=body.span)
    if kind != "prod":
        nothing = Value("infinity", span=body.span)
    nothing = Minus(nothing, span=body.span) if kind.endswith("max") else nothing
    return Branches(((body, guard), (nothing, None)), span=body.span)


def _listed(c: Cursor) -> Cursor:
    r"""Limits without words, \text{all } k, and a list of what is asked of them: k (k \ne j)."""
    rest = c.tokens[c.place :]
    all_of = ("all", "every", "each", "all ")
    made = [t for t in rest if t.text != r"\forall" and t.raw.strip().lower() not in all_of]
    made = [Token("mark", ",", t.start, t.end) if conjunction(t) and t.raw else t for t in made]
    opens = next((k for k, t in enumerate(made) if t.text == "("), 0)
    asked = opens and made[-1].text == ")" and any(t.text in RELATIONS for t in made[opens:])
    if asked:
        made[opens] = Token("mark", ",", made[opens].start, made[opens].end)
        made.pop()
    return Cursor(made, c.stop.start)


def _opened(c: Cursor) -> Cursor:
    """Without braces around everything."""
    inside = c.tokens[c.place :]
    if inside and inside[0].text == "{":
        group = c.fork().group()
        if len(group.tokens) == len(inside) - 2:
            return _opened(group)
    return c
