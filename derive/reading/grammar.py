"""Expressions: sums of products of symbols, fractions, sums, derivatives, matrices, cases."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from derive.reading.bound import script
from derive.reading.cursor import Cursor
from derive.reading.labels import Above, fenced
from derive.reading.latex_tokens import Token
from derive.reading.points import Points
from derive.reading.scope import FUNCTIONS, Scope
from derive.reading.tree import (
    Applied,
    Dots,
    Function,
    Letter,
    Listed,
    Minus,
    Node,
    Norm,
    Num,
    Over,
    Picked,
    Plus,
    Power,
    Root,
    Times,
    Value,
)
from derive.reading.words import (
    BIG,
    DOTS,
    FRACTIONS,
    OPERAND,
    PRODUCTS,
    RELATIONS,
    STOPS,
    conjunction,
)

INDEXED = ("log", "softmax")  # functions that may bear an index before their argument


class Grammar(Points):
    """Reads expressions under a scope."""

    def __init__(self, scope: Scope) -> None:
        """Nothing read yet."""
        self.scope = scope
        self.bars = 0
        self.deep = 0
        self.sided = 0
        self.summed = frozenset()

    # ---------------------------------------------------------------- sums and products

    def expression(self, c: Cursor) -> Node:
        """A sum of products."""
        self.deep += 1
        if self.deep > 200:
            raise c.wrong("less nesting")
        parts: list[Node] = []
        start = c.peek().start
        while True:
            minus = self.signs(c) if parts or c.peek().text in ("+", "-", r"\pm") else False
            made = self.product(c)
            parts.append(Minus(made, span=made.span) if minus else made)
            if c.peek().text not in ("+", "-"):
                break
        self.deep -= 1
        span = (start, c.last_end)
        return replace(parts[0], span=span) if len(parts) == 1 else Plus(tuple(parts), span=span)

    def signs(self, c: Cursor) -> bool:
        """Whether the signs that come next make a minus."""
        minus = False
        while c.peek().text in ("+", "-"):
            minus ^= c.next().text == "-"
        return minus

    def product(self, c: Cursor) -> Node:
        """Factors side by side, with signs between them, and quotients with a slash."""
        start = c.peek().start
        first = self.factor(c)
        factors, signs = [first], []
        while True:
            token = c.peek()
            if token.text in PRODUCTS:
                c.next()
                signs.append(PRODUCTS[token.text])
                minus = self.signs(c)
                made = self.factor(c)
                factors.append(Minus(made, span=made.span) if minus else made)
            elif token.text == "/":
                c.next()
                below = self.factor(c)
                above = factors.pop()
                factors.append(Over(above, below, span=(above.span[0], below.span[1])))
            elif token.text == ":" and (other := self.beside_colon(c, factors[-1])) is not None:
                last = factors.pop()
                span = (last.span[0], c.last_end)
                inner = Function("inner", span=(token.start, token.end))
                factors.append(Applied(inner, (last, other), span=span))
            elif self.starts(c):
                signs.append("")
                factors.append(self.factor(c))
            else:
                break
        if len(factors) == 1:
            return factors[0]
        if (composed := self.composition(factors, signs)) is not None:
            return replace(composed, span=(start, c.last_end))
        return Times(tuple(factors), tuple(signs), span=(start, c.last_end))

    def starts(self, c: Cursor) -> bool:
        """Whether a factor can begin here."""
        token = c.peek()
        if token.kind in ("letter", "digit"):
            return True
        if token.text in ("(", "[", "{", r"\{"):
            return True
        if token.text in ("|", r"\|"):
            return not self.bars
        if token.kind != "command":
            return False
        name = token.text[1:]
        if name in ("and", "text") or token.raw:
            return not conjunction(token)
        return not (
            token.text in RELATIONS
            or token.text in STOPS
            or name in ("rvert", "rVert", "end", "right", "}", "rangle", "mid", "rrbracket")
        )

    # ---------------------------------------------------------------- factors

    def factor(self, c: Cursor) -> Node:
        """One factor with its powers."""
        token = c.peek()
        start = token.start
        made = self.indicator(c) or self.inline_derivative(c) or self.differential_of(c)
        if made is None and self._is_name(token):
            made = self.symbol(c)
        if made is None:
            made = self._number(c) or self.fence(c) or self._command(c)
        if made is None:
            raise c.wrong(OPERAND)
        return self._scripted(c, made, start)

    def _is_name(self, token: Token) -> bool:
        return token.kind in ("letter", "command") or token.text == "{"

    def _scripted(self, c: Cursor, made: Node, start: int) -> Node:
        """Exponents, transposes and primes behind a finished factor."""
        if self.is_composition(made) and c.peek().text in ("'", "("):
            made = self.composed(c, made, start)
        while c.peek().text in ("^", "_", "'") or self._is_point(c):
            if c.peek().text in ("|", r"\rvert"):
                made = self.at_point(c, made)
                made = replace(made, span=(start, c.last_end))
                continue
            if c.peek().text == "_":
                made = replace(self._indexed(c, made), span=(start, c.last_end))
                continue
            if c.take("'"):
                made = self.primed(c, made, (start, c.last_end))
                continue
            c.next()
            inside = c.argument()
            above = Above()
            self.above(inside.tokens[inside.place :], inside.stop.start, False, above)
            if above.marks == ["asterisk"] and above.exponent is not None:
                above.marks, above.entrywise = [], True  # (x y)^{* 2}
            if above.marks or above.label or above.sample is not None:
                raise inside.wrong("an exponent or a transpose")
            if above.primes:
                made = self.primed(c, made, (start, c.last_end))
            made = self._raised(made, above, (start, c.last_end))
        return made

    def _is_point(self, c: Cursor) -> bool:
        """Whether a bar with a value below comes next: at z = z^(2)."""
        bar = c.peek().text in ("|", r"\rvert") and c.peek(1).text == "_"
        return bar and not self.bars and not self.sided

    def _indexed(self, c: Cursor, made: Node) -> Node:
        r"""An index behind a finished expression: of a norm, of an array in fences; (z)_+."""
        closed = c.tokens[c.place - 1].text in (")", "]", r"\}")
        if isinstance(made, Norm) and not made.kind:
            c.next()
            return replace(made, kind=script(c.argument()).lstrip("\\"))
        if not closed or isinstance(made, Num | Letter | Listed):
            raise c.wrong("no index behind a finished expression")
        c.next()
        inside = c.argument()
        if [t.text for t in inside.tokens[inside.place :]] == ["+"]:
            zero = Num(Fraction(0), span=made.span)
            return Applied(Function("max", span=made.span), (zero, made))
        return Picked(made, tuple(self.classes(self.below(inside), alone=True)))

    def _number(self, c: Cursor) -> Node | None:
        point = c.peek().text == "." and c.peek(1).start == c.peek().end  # .5
        if c.peek().kind != "digit" and not (point and c.peek(1).kind == "digit"):
            return None
        start, text = c.peek().start, ""
        while c.peek().kind == "digit" or (
            c.peek().text == "." and c.peek(1).kind == "digit" and "." not in text
        ):
            text += c.next().text
        return Num(Fraction(text), span=(start, c.last_end))

    # ---------------------------------------------------------------- commands

    def _command(self, c: Cursor) -> Node | None:
        token = c.peek()
        name = token.text[1:]
        if token.kind != "command":
            return None
        if token.text in FRACTIONS:
            return self._fraction(c)
        if token.text in BIG or name.startswith("operatorname"):
            return self._operator(c)
        if name in FUNCTIONS and token.text != r"\sqrt":
            c.next()
            return self.named(c, name, token)
        if token.text == r"\sqrt":
            return self._root(c)
        if token.text == r"\partial":
            return self._inline_partial(c)
        if token.text == r"\nabla":
            return self._nabla(c)
        if token.text == r"\begin":
            return self._environment(c)
        if token.text in DOTS:
            c.next()
            return Dots(span=(token.start, token.end))
        if token.text == r"\infty":
            c.next()
            return Value("infinity", span=(token.start, token.end))
        return None

    def _root(self, c: Cursor) -> Node:
        """The square root; one of another degree is a power."""
        start = c.next().start
        degree = fenced(c, "[", "]") if c.peek().text == "[" else None
        inner = self.whole(c.argument())
        span = (start, c.last_end)
        if degree is None:
            return Root(inner, span=span)
        number = self.whole(degree.fork())
        if not isinstance(number, Num) or number.value.denominator > 1 or number.value < 2:
            raise degree.wrong("a whole number from 2 as the degree of a root")
        one = Num(Fraction(1), span=number.span)
        return Power(inner, Over(one, number, span=number.span), span=span)

    def named(self, c: Cursor, name: str, token: Token) -> Node:
        r"""A function by its name: \tanh(s), \log o_i, \exp[s], \tanh^2(s)."""
        above = Above()
        function = Function(FUNCTIONS.get(name, name), span=(token.start, token.end))
        below: Cursor | None = None
        while c.peek().text in ("^", "'") or (c.peek().text == "_" and function.name in INDEXED):
            if c.take("'"):
                above.primes += 1
                continue
            mark = c.next().text
            inside = c.argument()
            if mark == "_":
                below = inside
                continue
            self.above(inside.tokens[inside.place :], inside.stop.start, False, above)
        args = self.arguments(c)
        if args is None:
            args = (self.bare_argument(c),) if self.starts(c) else ()
        span = (token.start, c.last_end)
        made = Applied(function, args, above.primes, span=span)
        if below is None:
            return self.of_power(c, made, above)
        if function.name == "log":
            base = Applied(function, (self.whole(below),), span=(below.stop.start, token.end))
            return self._raised(Over(made, base, span=span), above, span)
        return self._raised(Picked(made, tuple(self.below(below)), span=span), above, span)

    def bare_argument(self, c: Cursor) -> Node:
        """The argument without parentheses: one factor, with a number before it."""
        first = self.factor(c)
        if isinstance(first, Num) and self.starts(c):
            second = self.factor(c)
            return Times((first, second), ("",), span=(first.span[0], c.last_end))
        return first
