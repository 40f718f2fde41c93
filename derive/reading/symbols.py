"""One symbol: a sign with its scripts and arguments, found among the roles of the profile."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.reading.bound import script
from derive.reading.cursor import Cursor
from derive.reading.functions import INDEX_LETTERS, PRIMED, Functions
from derive.reading.labels import Above, fenced, split, step_of, strip
from derive.reading.latex_tokens import Token
from derive.reading.names import Name
from derive.reading.scope import WORD_FUNCTIONS, Meaning, Scope
from derive.reading.tree import (
    Applied,
    Change,
    Function,
    Kronecker,
    Letter,
    Listed,
    Node,
    Num,
    Size,
    Space,
    Value,
    Words,
)
from derive.writing.signs import Sign

CONSTANTS = ("const", "constant")
BARRED = ("weight", "bias", "preactivation", "activation", "input", "output")
NUMBERS = ("R", "N", "Z", "Q", "C", "K", "F", "S", "B")  # blackboard letters that are spaces


class Symbols(Functions):
    """Reads names, and says what they are."""

    scope: Scope

    def factor(self, c: Cursor) -> Node:
        """One factor with its powers."""
        raise NotImplementedError

    def symbol(self, c: Cursor) -> Node | None:
        """A name and its arguments as a node; None where no name stands."""
        place = c.place
        name = self.name(c)
        if name is None:
            return None
        own = self.bound(name)
        if own is not None:
            return self.bound_symbol(c, name, own)
        if name.sign.accent == "bar" and not self.scope.meanings(name.sign):
            plain = replace(name, sign=replace(name.sign, accent=""))
            if (own := self.bound(plain)) is not None and own.role in BARRED:
                return self.derived_by(self.bound_symbol(c, plain, own))
        differential = self.differential(c, name)
        if differential is not None:
            return differential
        span = (name.start, name.end)
        sign = name.sign
        meanings = self.scope.meanings(sign)
        if sign.style == "bold" and not meanings and self._is_bold_function(sign):
            name.sign = sign = replace(sign, style="italic")  # entry by entry
            meanings = self.scope.meanings(sign)
        barred = sign.accent == "bar" and not meanings
        if barred:
            meanings = self.scope.barred(sign)
        marks = self._marks(name)
        fitting = [m for m in meanings if set(m.marks) == set(marks)]
        starred = [m for m in meanings if m.marks and marks]
        chosen = starred or fitting or ([m for m in meanings if not m.marks] if not marks else [])
        if sign.style == "blackboard" and not sign.letter.isdigit():
            if sign.letter in NUMBERS:
                return self._space(name, span)
            c.place = place
            return self._unknown(c)
        if sign == Sign(self.scope.samples) and not meanings and span[1] - span[0] == 1:
            return Size(None, span=span)
        is_size = sign.letter in self.scope.size_names and sign.letter != self.scope.sample
        letter = sign.letter in INDEX_LETTERS and not is_size
        if letter and sign.style == "italic" and span[1] - span[0] == 1:
            return Letter(sign.letter, span=span)
        if sign == Sign("Delta") and not name.raised and self._is_change(c, name):
            arg = self.factor(c)
            return Change(arg, span=(span[0], c.last_end))
        euler = sign.letter == "e" and sign.style in ("italic", "roman") and not meanings
        if euler and name.below_tokens is None and not self._called(c, name):
            return self._exponential(c, name, span)
        if sign.letter == "delta" and self._is_kronecker(name):
            assert name.below_tokens is not None
            left, right = self.classes(self.below(name.below_tokens))
            return Kronecker(left, right, span=span)
        if self._is_diagonal(c, name, meanings):
            return self._diagonal(c, name)
        if named := self._named_size(name, meanings):
            return self._raised(Size(None, named, span=span), self._above(name, False), span)
        if self._is_size(name):
            return self._size(name, span)
        if sign.letter == "pi" and not meanings:
            return self._raised(Value("pi", span=span), self._above(name, False), span)
        counted = sign.letter == self.scope.samples and sign.style in ("italic", "roman")
        if counted and name.below_tokens is None and not meanings:
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
        if any(m.role == "learning_rate" for m in chosen) and self._is_rate(name):
            rate = Value("learning_rate", span=span)
            if c.peek().text == "(" and step_of(fenced(c.fork(), "(", ")")) is not None:
                fenced(c, "(", ")")  # of the step
            return self._raised(rate, self._above(name, False), (span[0], c.last_end))
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

    def _is_bold_function(self, sign: Sign) -> bool:
        """Whether the plain sign is a function, which bold applies entry by entry."""
        plain = replace(sign, style="italic")
        roles = {meaning.role for meaning in self.scope.meanings(plain)}
        return "activation_function" in roles or plain in self.scope.profile.functions.values()

    def _is_change(self, c: Cursor, name: Name) -> bool:
        r"""Whether the sign stands for a change: alone, or of one sample before a parameter."""
        if name.below_tokens is None:
            return self.starts(c)
        below, ahead = name.below_tokens, c.fork()
        lone = len(below.tokens) - below.place == 1 and below.peek().kind == "letter"
        inner = self.name(ahead) if lone and c.peek().kind in ("letter", "command") else None
        if inner is None:
            return False
        own = self.bound(inner)
        roles = {own.role} if own else {m.role for m in self.scope.meanings(inner.sign)}
        return bool(roles & {"weight", "bias"})

    def _is_rate(self, name: Name) -> bool:
        r"""Whether it is a number, at most one for each step: no \alpha_{0m}, no \alpha_j."""
        places = [] if name.below_tokens is None else self.below(name.below_tokens.fork())
        unit = len(places) == 1 and isinstance(places[0], Letter) and places[0].name in ("i", "j")
        return (
            len(places) < 2
            and not unit
            and not (self._above(name, False).transposes or name.primes or name.order)
        )

    def _space(self, name: Name, span: tuple[int, int]) -> Node:
        """R, R^n, R^{n x m}."""
        if not name.raised:
            return Space(None, span=span)
        tokens, end = name.raised[0]
        sizes = [self.place(part) for part in split(Cursor(tokens, end), r"\times")]
        size = sizes[0] if len(sizes) == 1 else Listed(tuple(sizes), span=span)
        return Space(size, span=span)

    # ---------------------------------------------------------------- special letters

    def _exponential(self, c: Cursor, name: Name, span: tuple[int, int]) -> Node:
        if name.primes:
            raise c.wrong("e with an exponent")
        if not name.raised:
            return Value("e", span=span)
        inside = Cursor(name.raised[0][0], name.raised[0][1])
        return Applied(Function("exp", span=span), (self.whole(inside),), span=span)

    def _is_kronecker(self, name: Name) -> bool:
        if name.raised or name.primes or name.below_tokens is None:
            return False
        if self.scope.own.places or self.scope.own.one_channel:
            return False
        return (
            name.sign.style == "italic"
            and len(self.below(name.below_tokens.fork())) == 2
            and (
                not any(m.role == "delta" for m in self.scope.meanings(name.sign))
                or not self._is_sample_first(name)
            )
        )

    def _is_diagonal(self, c: Cursor, name: Name, meanings: list[Meaning]) -> bool:
        r"""\Sigma'(z), where sigma is the activation function: a diagonal matrix of slopes."""
        small = Sign(name.sign.letter.lower())
        known = self.scope.profile.roles["activation_function"].entry
        own = self.scope.own.signs.get((small, ""))
        role = small == known or (own is not None and own.role == "activation_function")
        capital = (
            name.sign.letter in ("Sigma", "Phi", "F", "G") and name.sign.letter != small.letter
        )
        slope = name.order + name.primes > 0 and name.below_tokens is None
        return capital and role and slope and not meanings and c.peek().text in ("(", "[")

    def _diagonal(self, c: Cursor, name: Name) -> Node:
        small = replace(name, sign=Sign(name.sign.letter.lower()))
        function = self._function(small, self.scope.meanings(small.sign))
        slopes = self._applied(c, small, function or Function("", True))
        return Applied(Function("diag", span=slopes.span), (slopes,), span=slopes.span)

    def _is_sample_first(self, name: Name) -> bool:
        """Whether the sheet's own letter of the samples goes before the index of a unit."""
        if not self.scope.own.always_sample or name.below_tokens is None:
            return False
        return self.below(name.below_tokens.fork())[:1] == [Letter(self.scope.own.sample)]

    def _named_size(self, name: Name, meanings: list[Meaning]) -> str | None:
        """A size that the network itself calls d_1: no other notation's size of a layer."""
        if meanings or name.below_tokens is None or name.sign.style != "italic":
            return None
        return self.scope.named_size(name.sign.letter, name.below_tokens.plain)

    def _is_size(self, name: Name) -> bool:
        sign, _ = self.scope.profile.layer_size
        if name.sign != sign or name.primes or name.order:
            return False
        if name.below_tokens is not None:
            return self.label(strip(name.below_tokens.fork())) is not None
        return any(self._size_label(tokens, end) for tokens, end in name.raised)

    def _size_label(self, tokens: list[Token], end: int) -> Label | None:
        return self.label(strip(Cursor(tokens, end)))

    def _size(self, name: Name, span: tuple[int, int]) -> Node:
        if name.below_tokens is not None:
            return Size(self.label(strip(name.below_tokens)), span=span)
        return Size(self._size_label(*name.raised[0]), span=span)

    # ---------------------------------------------------------------- letters without a role

    def _unknown(self, c: Cursor) -> Node:
        """A letter of the sheet's own, a function of its own, or words."""
        name = self.name(c)
        assert name is not None
        span = (name.start, name.end)
        sign = name.sign
        called = self._called(c, name)
        if not called and (
            sign.style == "text" or (sign.style == "roman" and sign.letter in CONSTANTS)
        ):
            return Words(sign.letter, span=span)
        below = "" if name.below_tokens is None else script(name.below_tokens)
        below = f"_{below}" if below else ""
        word = called and len(sign.letter) > 1 and sign.style == "roman"
        plain = word or sign.style in ("italic", "text")
        text = sign.letter if plain and not sign.accent else str(sign)
        if text == "bold 0":  # an array of zeros
            return self._raised(Num(Fraction(0), span=span), self._above(name, False), span)
        of_set = called and len(below) > 2  # the indicator of a set: 1_{R^+}(z)
        if text in ("blackboard 1", "bold 1") and not of_set:  # as many as there are rows
            ones = Letter("bold 1", span=span)
            return self._raised(ones, self._above(name, False), span)
        if called:
            return self._of_layer_or_order(c, name, text + below)
        if sign.style == "blackboard":  # of what stands behind it, no factor
            return Applied(Function(text + below, span=span), (), span=span)
        label = self._label_at(name)[0]
        parens = label is not None and name.raised[0][0][0].text == "("
        above = Above(label=label, primes=name.primes) if parens else self._above(name, False)
        order = name.order + above.primes
        if order and sign.letter in PRIMED and not (below or above.label):
            function = Function(text, span=span)
            return self._raised(Applied(function, (), order, span=span), above, span)
        if name.order:
            raise c.wrong("a quantity of the notation", Token("mark", sign.letter, *span))
        text = " ".join((text, *above.marks)) + below + "'" * above.primes
        if above.sample is not None or above.label is not None:  # another number for each
            text += f"^({_numbered(name, bool(above.transposes))})"
        return self._raised(Letter(text, span=span), above, span)


def _numbered(name: Name, transposed: bool) -> str:
    """What numbers a symbol above it; the sign of a transpose behind its fences does not."""
    depth, texts = 0, []
    for token in (token for raised, _ in name.raised for token in raised):
        depth -= token.text in (")", "]")
        if depth or not transposed or token.text in ("(", ")", "[", "]"):
            texts.append(token.text)
        depth += token.text in ("(", "[")
    return "".join(texts)
