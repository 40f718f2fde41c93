"""Signs that the sheet binds itself, layers and iterations below a symbol, and differentials."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.reading.cursor import STYLES, Cursor
from derive.reading.labels import fenced, split
from derive.reading.latex_tokens import Token, tokens
from derive.reading.names import Name
from derive.reading.own import Bound, symbol
from derive.reading.quantities import UNITS, Quantities, is_total
from derive.reading.scope import LABELLED, RANKS, Meaning
from derive.reading.tree import (
    Derivative,
    Entry,
    Function,
    Letter,
    Node,
    Num,
    Size,
    Transposed,
    Value,
    rebuilt,
)
from derive.writing.signs import Sign

_DIFFERENTIATED = ("weight", "bias", "preactivation", "activation", "input", "output", "own")
_CHANGE = Sign("Delta")
_NEW, _OLD = ("new", "neu", "next", "updated"), ("old", "alt", "prev", "current")


class BoundNames(Quantities):
    """Reads what the sheet has bound."""

    def symbol(self, c: Cursor) -> Node | None:
        """A name and its arguments."""
        raise NotImplementedError

    def _applied(self, c: Cursor, name: Name, function: Function) -> Node:
        """A function at its arguments."""
        raise NotImplementedError

    # ---------------------------------------------------------------- bound signs

    def bound(self, name: Name) -> Bound | None:
        """What the sheet says that the name is; a subscript that belongs to it is taken."""
        signs = self.scope.own.signs
        if not signs or name.sign.letter.isdigit():  # a bold 1 is an array of ones
            return None
        if name.sign == _CHANGE and name.below_tokens is None and not name.raised:
            return None  # of what stands behind it
        if name.below_tokens is not None:
            found = signs.get((name.sign, script(name.below_tokens)))
            if found is not None:
                name.below_tokens = None
                return found
        return signs.get((name.sign, ""))

    def bound_symbol(self, c: Cursor, name: Name, bound: Bound) -> Node:
        """The node of a bound name."""
        span = (name.start, name.end)
        match bound.role:
            case "size":
                return self._raised(Size(bound.label, span=span), self._above(name, False), span)
            case "learning_rate":
                rate = Value("learning_rate", span=span)
                return self._raised(rate, self._above(name, False), span)
            case "letter":
                made = Letter(str(name.sign), span=span)
                return self._raised(made, self._above(name, False), span)
            case "function":
                return self._applied(c, name, Function(bound.form))
            case "activation_function":
                return self._applied(
                    c, name, Function("", True, self._layer_of(name) or bound.label)
                )
        self._moved(name, "activation" if bound.form == "layered" else bound.role)
        labelled = bound.label is None and bound.role in (*LABELLED, "user")
        if bound.role in ("loss", "objective") and is_total(name):
            total = Entry("loss", "", None, form="batch", span=span)
            return self._raised(total, self._above(name, False), span)
        above = self._above(name, labelled)
        if name.order or above.primes:
            raise c.wrong("a quantity without dots or primes", Token("mark", "'", *span))
        places = [] if name.below_tokens is None else self.below(name.below_tokens)
        places = self.classes(places, alone=bound.role in UNITS)
        if bound.places:
            places = [Num(Fraction(p), span=span) for p in bound.places]
        label = above.label if above.label is not None else bound.label
        sample = above.sample
        named = Meaning(bound.role, "entry", bound.letter if bound.role == "own" else "")
        rank = RANKS.get(bound.role, 1) if label is None else self.scope.rank(named, label)
        if self.scope.own.one_channel:  # of windows: the places at which they stand
            rank = max(rank, len(places))
        meaning = Meaning(bound.role, "entry")
        sampled = bool(places) and (
            self._sample_first(meaning, places, rank, False) or len(places) == rank + 1
        )
        if sample is None and sampled and bound.role != "user":
            sample, *places = places
        form = "entry" if places or bound.role == "user" or not rank else bound.form or "whole"
        if form == "batch" and sample is not None:
            form = "whole"  # S_n: a row of S
        letter = (bound.letter or symbol(name.sign)) if bound.role == "user" else ""
        letter = bound.letter if bound.role == "own" else letter
        role = bound.role
        if role == "loss" and bound.form == "sampled" and sample is None:
            role = "objective"
        elif role == "objective" and (sample is not None or self._of_sample(c)):
            role = "loss"  # J(W, b; x, y)
        entry = Entry(role, letter, label, tuple(places), sample, form, above.step, span=span)
        if c.peek().text == "(" and (bound.role in ("loss", "objective") or self._named(c, bound)):
            fenced(c, "(", ")")  # the quantities that it depends on
            entry = replace(entry, span=(span[0], c.last_end))
        elif role in UNITS and sample is None:
            return self._raised(self._behind(c, entry, [meaning]), above, (span[0], c.last_end))
        return self._raised(entry, above, (span[0], c.last_end))

    def _layer_of(self, name: Name) -> Label | None:
        """The layer below a function, which is taken: f_l."""
        label = None if name.below_tokens is None else self.label(name.below_tokens.fork())
        if label is not None:
            name.below_tokens = None
        return label

    def _of_sample(self, c: Cursor) -> bool:
        """Whether an input or a target stands in the parentheses behind a loss."""
        if c.peek().text != "(":
            return False
        for part in split(fenced(c.fork(), "(", ")"), ",", ";"):
            name = self.name(part)
            if name is None or not part.done:
                continue
            bound = self.bound(name)
            roles = [bound.role] if bound else [m.role for m in self.scope.meanings(name.sign)]
            if set(roles) & {"input", "target"}:
                return True
        return False

    def _named(self, c: Cursor, bound: Bound) -> bool:
        """Whether what a symbol depends on is named behind it: h(x), J(w, b)."""
        if not bound.called and bound.role != "user":
            return False
        parts = split(fenced(c.fork(), "(", ")"), ",", ";")
        names = [self.name(part) for part in parts]
        bare = all(n is not None and part.done for n, part in zip(names, parts, strict=True))
        return bare and (bound.called or len(parts) > 1)

    # ---------------------------------------------------------------- layers below

    def _quantity(
        self, c: Cursor, name: Name, meanings: list[Meaning], barred: bool = False
    ) -> Node:
        roles = [meaning.role for meaning in meanings]
        if roles:
            self._moved(name, next((r for r in roles if r in LABELLED), roles[0]))
        made = super()._quantity(c, name, meanings, barred)
        return self._of_parameters(made) if barred and self.scope.own.signs else made

    def derived_by(self, node: Node) -> Node:
        """The derivative of the loss by a quantity that stands under a bar."""

        def barred(part: Node) -> Node:
            part = rebuilt(part, barred)
            return replace(part, barred=True) if isinstance(part, Entry) else part

        return self._of_parameters(barred(node))

    def _of_parameters(self, node: Node) -> Node:
        """A parameter under a bar: the derivative of the loss of the sample that is meant."""
        node = rebuilt(node, self._of_parameters)
        if isinstance(node, Entry) and node.barred and node.role in ("weight", "bias"):
            of = Entry(self.scope.own.gradient_of, "", None, span=node.span)
            return Derivative(of, (replace(node, barred=False),), span=node.span)
        return node

    def _sample_first(self, m: Meaning, places: list[Node], rank: int, whole: bool) -> bool:
        letter = self.scope.own.sample
        if letter and m.role != "weight" and places and places[0] == Letter(letter):
            return True
        return super()._sample_first(m, places, rank, whole)

    def _moved(self, name: Name, role: str) -> None:
        """A layer or an iteration below the symbol, moved to where others write it."""
        below, own = name.below_tokens, self.scope.own
        if own.brackets:
            name.raised = [(_rounded(raised), end) for raised, end in name.raised]
        if own.sample:
            unit = own.bare_sample and role not in ("weight", "bias")
            name.raised = [(_as_sample(r, own.sample, unit), end) for r, end in name.raised]
        words = _word(name) if role in ("weight", "bias") else ""
        if words:
            later = tokens("(t+1)") if words == "new" else []
            name.raised.append(([t.at(name.start, name.end) for t in later], name.start))
            return
        if below is None:
            return
        text = script(below)
        if own.steps and role in ("weight", "bias") and text in (own.steps, own.steps + "+1"):
            shift = "(t+1)" if text.endswith("+1") else "(t)"
            moved = [t.at(below.stop.start - 1, below.stop.start) for t in tokens(shift)]
            name.raised.append((moved, below.stop.start))
            name.below_tokens = None
            return
        has_label = any(t.text == "(" for raised, _ in name.raised for t in raised)
        layered = own.below and role in LABELLED and not has_label and "," not in text
        if layered and self.label(below.fork()) is not None:
            inside = below.tokens[below.place :]
            first, last = inside[0].start, inside[-1].end
            fences = [Token("mark", "(", first, first), Token("mark", ")", last, last)]
            name.raised.append(([fences[0], *inside, fences[1]], below.stop.start))
            name.below_tokens = None

    # ---------------------------------------------------------------- differentials

    def differential(self, c: Cursor, name: Name) -> Node | None:
        """dW, where the sheet writes so for the derivative of the loss by W."""
        plain = name.sign.letter == "d" and name.sign.style in ("italic", "roman")
        bare = name.below_tokens is None and not name.raised and not name.primes
        if not (self.scope.own.differentials and plain and bare):
            return None
        place = c.place
        ahead = c.fork()
        inner = self.name(ahead)
        if inner is not None:
            bound = self.bound(inner)
            roles = [bound.role] if bound else [m.role for m in self.scope.meanings(inner.sign)]
            if set(roles) & set(_DIFFERENTIATED):
                by = self.symbol(c)
                span = (name.start, c.last_end)
                if isinstance(by, Entry):
                    return self._derived(by, span)
                if isinstance(by, Transposed) and isinstance(by.arg, Entry):
                    return replace(by, arg=self._derived(by.arg, span), span=span)
        c.place = place
        return None

    def _derived(self, by: Entry, span: tuple[int, int]) -> Node:
        if by.form == "batch" and not self.scope.own.unit_means:
            return replace(by, barred=True, span=span)
        of = self.scope.own.gradient_of
        unit = by.role not in ("weight", "bias") and by.form != "batch"
        if unit and not self.scope.own.unit_means:
            of = "loss"
        return Derivative(Entry(of, "", None, span=span), (by,), span=span)


def script(c: Cursor) -> str:
    r"""The text of a subscript without braces and styles: W_{\text{in}} is W with "in"."""
    parts = []
    for token in c.tokens[c.place :]:
        if token.raw:
            parts.append(token.raw.strip())
        elif token.text not in ("{", "}") and token.text[1:] not in STYLES:
            parts.append(token.text)
    return "".join(parts)


def _word(name: Name) -> str:
    """Whether "new" or "old" stands at the name; the word is taken."""
    if name.below_tokens is not None and script(name.below_tokens).lower() in _NEW + _OLD:
        word = script(name.below_tokens).lower()
        name.below_tokens = None
        return "new" if word in _NEW else "old"
    for k, (raised, end) in enumerate(name.raised):
        word = script(Cursor(raised, end)).lower().strip("()")
        if word in (*_NEW, *_OLD, "+"):
            name.raised.pop(k)
            return "old" if word in _OLD else "new"
    return ""


def _rounded(raised: list[Token]) -> list[Token]:
    """Square brackets as parentheses."""
    signs = {"[": "(", "]": ")"}
    return [replace(t, text=signs.get(t.text, t.text)) for t in raised]


def _as_sample(raised: list[Token], letter: str, bare: bool) -> list[Token]:
    """A sample in parentheses, x^{(i)}, as others write it in brackets; `bare`: without any."""
    lone = [t for t in raised if t.text not in "{}"]
    if bare and [t.text.lstrip("\\") for t in lone] == [letter]:
        (only,) = lone
        left, right = (
            Token("mark", "[", only.start, only.start),
            Token("mark", "]", only.end, only.end),
        )
        return [left, only, right]
    if [t.text.lstrip("\\") for t in raised if t.text not in "{}"] != ["(", letter, ")"]:
        return raised
    signs = {"(": "[", ")": "]"}
    return [replace(t, text=signs.get(t.text, t.text)) for t in raised]
