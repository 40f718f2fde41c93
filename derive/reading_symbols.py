"""One symbol: a sign with its scripts and arguments, found among the roles of the profile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from derive.latex_tokens import Token
from derive.marks import GREEK
from derive.reading_cursor import ACCENTS, STYLES, Cursor
from derive.reading_labels import Above, Labels, fenced, split, step_of
from derive.reading_scope import FUNCTIONS, LABELLED, WORD_FUNCTIONS, Meaning, Scope
from derive.reading_tree import (
    Applied,
    AtPoint,
    Change,
    Entry,
    Function,
    Kronecker,
    Letter,
    Listed,
    Node,
    Power,
    Size,
    Space,
    Transposed,
    Value,
    Words,
    walk,
)
from derive.signs import Sign
from derive.symbols import Label

UNKNOWN_FUNCTIONS = frozenset("fghpquvFGH")
INDEX_LETTERS = frozenset("ijkmn")  # alone they are numbers, whatever else a profile makes of them
PARAMETERS = ("weight", "bias")


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


class Symbols(Labels):
    """Reads names, and says what they are."""

    scope: Scope

    def factor(self, c: Cursor) -> Node:
        """One factor with its powers."""
        raise NotImplementedError

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
        if name in STYLES and len(inside.tokens) == 1 and inside.peek().kind == "digit":
            return Sign(inside.next().text, STYLES[name]), 0
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
        else:
            found = self.sign(c)
            if found is None:
                c.place = place
                return None
            made = Name(*found, None, None, [], 0, start)
        self._scripts(c, made)
        made.end = c.last_end
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

    def symbol(self, c: Cursor) -> Node | None:
        """A name and its arguments as a node; None where no name stands."""
        place = c.place
        name = self.name(c)
        if name is None:
            return None
        span = (name.start, name.end)
        sign = name.sign
        meanings = self.scope.meanings(sign)
        barred = sign.accent == "bar" and not meanings
        if barred:
            meanings = self.scope.barred(sign)
        marks = self._marks(name)
        fitting = [m for m in meanings if set(m.marks) == set(marks) & {"star", "asterisk"}]
        starred = [m for m in meanings if m.marks and marks]
        chosen = starred or fitting or ([m for m in meanings if not m.marks] if not marks else [])
        if sign.style == "blackboard":
            return self._space(name, span)
        if sign == Sign(self.scope.samples) and not meanings and span[1] - span[0] == 1:
            return Size(None, span=span)
        if sign.letter in INDEX_LETTERS and sign.style == "italic" and span[1] - span[0] == 1:
            return Letter(sign.letter, span=span)
        if sign == Sign("Delta") and not name.raised and name.below_tokens is None:
            arg = self.factor(c)
            return Change(arg, span=(span[0], c.last_end))
        if sign.letter == "e" and sign.style in ("italic", "roman") and not meanings:
            return self._exponential(c, name, span)
        if sign.letter == "delta" and self._is_kronecker(name):
            assert name.below_tokens is not None
            left, right = self.below(name.below_tokens)
            return Kronecker(left, right, span=span)
        if self._is_size(name):
            return self._size(name, span)
        if sign.letter == "pi" and not meanings:
            return self._raised(Value("pi", span=span), self._above(name, False), span)
        if sign.letter == self.scope.samples and name.below_tokens is None and not meanings:
            return self._raised(Size(None, span=span), self._above(name, False), span)
        if sign.letter in self.scope.size_names and name.below_tokens is None and not meanings:
            made = Size(None, self.scope.size_names[sign.letter], span=span)
            return self._raised(made, self._above(name, False), span)
        if sign.style == "text" and sign.letter in WORD_FUNCTIONS:
            return self._applied(c, name, Function(WORD_FUNCTIONS[sign.letter], True, span=span))
        function = self._function(name, chosen)
        if function is not None:
            return self._applied(c, name, function)
        tensors = [m for m in chosen if m.role not in ("activation_function", "learning_rate")]
        if tensors:
            return self._quantity(c, name, tensors, barred)
        if any(m.role == "learning_rate" for m in chosen):
            return Value("learning_rate", span=span)
        if any(m.role == "activation_function" for m in chosen):  # named without an argument
            above = self._above(name, True)
            return Applied(
                Function("", True, above.label),
                (),
                name.order + name.primes + above.primes,
                span=span,
            )
        c.place = place
        return self._unknown(c)

    def _space(self, name: Name, span: tuple[int, int]) -> Node:
        """R, R^n, R^{n x m}."""
        if not name.raised:
            return Space(None, span=span)
        tokens, end = name.raised[0]
        sizes = [self.place(part) for part in split(Cursor(tokens, end), r"\times")]
        size = sizes[0] if len(sizes) == 1 else Listed(tuple(sizes), span=span)
        return Space(size, span=span)

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

    # ---------------------------------------------------------------- special letters

    def _exponential(self, c: Cursor, name: Name, span: tuple[int, int]) -> Node:
        if name.below_tokens is not None or name.primes:
            raise c.wrong("e with an exponent")
        if not name.raised:
            return Value("e", span=span)
        inside = Cursor(name.raised[0][0], name.raised[0][1])
        return Applied(Function("exp", span=span), (self.whole(inside),), span=span)

    def _is_kronecker(self, name: Name) -> bool:
        if name.raised or name.primes or name.below_tokens is None:
            return False
        return (
            name.sign.style == "italic"
            and len(self.below(name.below_tokens.fork())) == 2
            and (
                not any(m.role == "delta" for m in self.scope.meanings(name.sign))
                or not self._is_sample_first(name)
            )
        )

    def _is_sample_first(self, name: Name) -> bool:
        return False

    def _is_size(self, name: Name) -> bool:
        sign, place = self.scope.profile.layer_size
        if name.sign != sign or name.primes or name.order:
            return False
        if name.below_tokens is not None:
            from derive.reading_labels import strip

            return self.label(strip(name.below_tokens.fork())) is not None
        return any(self._size_label(tokens, end) for tokens, end in name.raised)

    def _size_label(self, tokens: list[Token], end: int) -> Label | None:
        from derive.reading_labels import strip

        return self.label(strip(Cursor(tokens, end)))

    def _size(self, name: Name, span: tuple[int, int]) -> Node:
        from derive.reading_labels import strip

        if name.below_tokens is not None:
            return Size(self.label(strip(name.below_tokens)), span=span)
        return Size(self._size_label(*name.raised[0]), span=span)

    # ---------------------------------------------------------------- functions

    def _function(self, name: Name, chosen: list[Meaning]) -> Function | None:
        """The function that the name stands for, or None."""
        sign, named = name.sign, self.scope.profile.functions
        own = next((k for k, s in named.items() if s == sign), None)
        role = any(m.role == "activation_function" for m in chosen)
        if own is None and not role:
            if sign.letter in self.scope.functions and not chosen:
                return Function(sign.letter)
            if sign.style == "italic" and sign.letter == "sigma" and not chosen:
                return Function("sigmoid")
            if (
                sign.style in ("roman", "italic")
                and sign.letter in FUNCTIONS
                and len(sign.letter) > 1
            ):
                return Function(FUNCTIONS[sign.letter])
            return None
        if own is not None and not role and [m for m in chosen if m.role != "activation_function"]:
            return None
        return Function(own or "", role)

    def _applied(self, c: Cursor, name: Name, function: Function) -> Node:
        """The function at its arguments; without them, the function itself."""
        labelled = function.activation or function.name in self.scope.functions
        above = self._above(name, labelled)
        if name.below_tokens is not None and name.sign.style != "text":
            raise name.below_tokens.wrong("a function without an index")
        order = name.order + above.primes
        label = above.label
        made = replace(function, label=label, span=(name.start, name.end))
        args = self.arguments(c)
        span = (name.start, c.last_end)
        if args is None:
            if not function.activation:
                raise c.wrong("an argument in parentheses")
            args = ()
        return self._raised(Applied(made, args, order, span=span), above, span)

    def arguments(self, c: Cursor) -> tuple[Node, ...] | None:
        """What stands in parentheses or brackets behind a function, or None."""
        if c.peek().text not in ("(", "["):
            return None
        inside = fenced(c, c.peek().text, ")" if c.peek().text == "(" else "]")
        return tuple(self.argument(part) for part in split(inside, ",", "|", ";"))

    def argument(self, c: Cursor) -> Node:
        """One argument; a dot stands for any."""
        if [t.text for t in c.tokens[c.place :]] == [r"\cdot"]:
            return Words("any", span=(c.next().start, c.last_end))
        return self.whole(c)

    # ---------------------------------------------------------------- quantities

    def _quantity(
        self, c: Cursor, name: Name, meanings: list[Meaning], barred: bool = False
    ) -> Node:
        labelled = any(m.role in LABELLED for m in meanings)
        above = self._above(name, labelled)
        if name.order or above.primes:
            raise c.wrong(
                "a quantity without dots or primes", Token("mark", "'", name.start, name.end)
            )
        places = [] if name.below_tokens is None else self.below(name.below_tokens)
        span = (name.start, name.end)
        made = replace(self.entry(meanings, above, places, name, c), barred=barred)
        made = self._behind(c, made, meanings)
        return self._raised(made, above, (span[0], c.last_end))

    def entry(
        self, meanings: list[Meaning], above: Above, places: list[Node], name: Name, c: Cursor
    ) -> Entry:
        """The entry or array that the sign with these places is."""
        meaning = self._meant(meanings, places, above)
        rank = self.scope.rank(meaning, above.label)
        sample = above.sample
        whole = meaning.form != "entry"
        if sample is None and places and self._sample_first(meaning, places, rank, whole):
            sample, *places = places
        fixed = meaning.fixed
        if fixed is not None and whole and meaning.role == "bias" and places:
            places = []
        if rank > 1 and len(places) == 1 and _digits(name) and not whole:
            raise c.wrong(f"{rank} indices", Token("mark", "_", name.start, name.end))
        if rank == 1 and len(places) > 1 and _digits(name):
            places = self._merged(places)
        form = meaning.form
        if form == "entry" and not places and rank and self._has_whole(meaning):
            form = "whole"
        return Entry(
            meaning.role, meaning.letter, above.label, tuple(places), sample, form, above.step,
            span=(name.start, name.end), fixed=fixed if meaning.role == "bias" else None,
        )  # fmt: skip

    def _meant(self, meanings: list[Meaning], places: list[Node], above: Above) -> Meaning:
        """The role among several that share a sign."""
        if len(meanings) == 1:
            return meanings[0]
        by_role = {m.role: m for m in reversed(meanings)}  # the first of each role
        if "bias" in by_role and by_role["bias"].fixed is not None and "weight" in by_role:
            bias = by_role["bias"]
            where = 1 if self.scope.profile.out_first else 0
            fixed = len(places) == 2 and _is_number(places[where], bias.fixed)
            alone = len(places) == 1 and _is_number(places[0], bias.fixed)
            return bias if fixed or alone else by_role["weight"]
        if "loss" in by_role and "objective" in by_role:
            loss = by_role["loss"]
            sampled = bool(places) or above.sample is not None
            return by_role["objective"] if loss.samples and not sampled else loss
        entries = [m for m in meanings if m.form == "entry"]
        if places and entries:
            meanings = entries
        for role in ("activation", "preactivation"):
            if role in by_role and any(m.role == role for m in meanings):
                return next(m for m in meanings if m.role == role)
        return meanings[0]

    def _sample_first(self, m: Meaning, places: list[Node], rank: int, whole: bool) -> bool:
        if not self.scope.batched(m):
            return False
        if m.role == "loss":
            return True
        subscripts = self.scope.profile.writing["sample"] == "subscript"
        if whole:
            return subscripts and len(places) == 1
        if len(places) == rank + 1:
            return subscripts
        first = places[0]
        return subscripts and len(places) == 1 and first == Letter(self.scope.sample)

    def _has_whole(self, m: Meaning) -> bool:
        if m.letter:
            return False
        role = self.scope.profile.roles[m.role]
        return role.whole == role.entry and m.role not in LABELLED

    def _merged(self, places: list[Node]) -> list[Node]:
        from fractions import Fraction

        from derive.reading_tree import Num

        text = "".join(str(p.value) for p in places if isinstance(p, Num))
        return [Num(Fraction(int(text)), span=(places[0].span[0], places[-1].span[1]))]

    def _behind(self, c: Cursor, made: Entry, meanings: list[Meaning]) -> Node:
        """A sample or iteration in parentheses, or the arguments of a loss."""
        if c.peek().text != "(":
            return made
        place = c.place
        inside = fenced(c, "(", ")")
        step = step_of(inside)
        if step is not None:
            letter, shift = step
            timed = made.role in ("weight", "bias") or shift or letter is None
            if timed or made.role not in ("loss",) and letter == Letter("n"):
                return replace(made, step=shift, span=(made.span[0], c.last_end))
            return replace(made, sample=letter, span=(made.span[0], c.last_end))
        parts = split(inside, ",", ";")
        roles = {m.role for m in meanings}
        if len(parts) > 1 or roles & {"loss", "objective", "error"}:
            args = tuple(self.argument(part) for part in parts)
            arrays = all(
                isinstance(a, Entry) and (a.role in PARAMETERS or made.role == "error")
                for a in args
            )
            if len(parts) > 1 or arrays:
                if "objective" in roles and self.scope.profile.roles["objective"].arguments:
                    made = replace(made, role="objective")
                span = (made.span[0], c.last_end)
                if made.role in ("loss", "objective"):
                    return replace(made, span=span)
                return AtPoint(made, args, span=span)
        c.place = place
        return made

    def _raised(self, made: Node, above: Above, span: tuple[int, int]) -> Node:
        if above.exponent is not None:
            made = Power(made, above.exponent, above.entrywise, span=span)
        for _ in range(above.transposes):
            made = Transposed(made, span=span)
        return made

    # ---------------------------------------------------------------- letters without a role

    def _unknown(self, c: Cursor) -> Node:
        """A letter of the sheet's own, a function of its own, or words."""
        name = self.name(c)
        assert name is not None
        span = (name.start, name.end)
        sign = name.sign
        if sign.style == "text":
            return Words(sign.letter, span=span)
        below = (
            ""
            if name.below_tokens is None
            else "_" + "".join(t.text for t in name.below_tokens.tokens if t.text not in "{}")
        )
        text = str(sign) if sign.style != "italic" or sign.accent else sign.letter
        if sign.letter in UNKNOWN_FUNCTIONS and c.peek().text in ("(", "["):
            return self._applied(c, replace(name, below_tokens=None), Function(text + below, False))
        above = self._above(name, False)
        if name.order or above.primes or above.label:
            raise c.wrong("a quantity of the notation", Token("mark", sign.letter, *span))
        return self._raised(Letter(text + below, span=span), above, span)


def _digits(name: Name) -> bool:
    tokens = name.below_tokens.tokens if name.below_tokens is not None else []
    return len(tokens) > 0 and all(t.kind == "digit" for t in tokens)


def _is_number(node: Node, value: int | None) -> bool:
    from derive.reading_tree import Num

    return isinstance(node, Num) and node.value == value


__all__ = ["Name", "Symbols", "Listed", "walk"]
