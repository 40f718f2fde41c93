"""Expressions: sums of products of symbols, fractions, sums, derivatives, matrices, cases."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from derive.latex_tokens import Token
from derive.reading_cursor import Cursor
from derive.reading_labels import Above, fenced, split
from derive.reading_scope import FUNCTIONS, Scope
from derive.reading_symbols import Symbols
from derive.reading_tree import (
    Applied,
    Bars,
    Bound,
    Bracket,
    Branches,
    Change,
    Derivative,
    Dots,
    Entry,
    Function,
    Grid,
    Letter,
    Listed,
    Minus,
    Nabla,
    Node,
    Norm,
    Num,
    Over,
    Plus,
    Power,
    Root,
    Size,
    Space,
    Times,
    Total,
    Transposed,
    Value,
    Words,
)

RELATIONS = {
    "=": "=", r"\approx": "approx", r"\propto": "propto", r"\equiv": "equiv", r"\ne": "ne",
    r"\neq": "ne", r"\leftarrow": "gets", r"\gets": "gets", ":=": ":=", r"\coloneqq": ":=",
    r"\coloneq": ":=", r"\in": "in", r"\le": "le", r"\leq": "le", r"\ge": "ge", r"\geq": "ge",
    r"\lt": "<", r"\gt": ">", "<": "<", ">": ">", r"\sim": "sim", r"\simeq": "approx", r"\to": "to",
    r"\rightarrow": "to", r"\ll": "ll", r"\gg": "gg", r"\triangleq": "=", r"\doteq": "=",
    r"\cong": "approx", ":": "colon", r"\colon": "colon", r"\mapsto": "mapsto",
    r"\longleftarrow": "gets", r"\notin": "notin", r"\overset": "=", r"\eqqcolon": "=",
}  # fmt: skip
PRODUCTS = {
    r"\cdot": "cdot", r"\times": "times", r"\odot": "odot", r"\circ": "circ", r"\ast": "ast",
    "*": "ast", r"\otimes": "otimes", r"\bullet": "cdot",
}  # fmt: skip
BIG = {r"\sum": "sum", r"\prod": "prod", r"\max": "max", r"\min": "min"}
FRACTIONS = (r"\frac", r"\tfrac", r"\dfrac", r"\cfrac")
DOTS = (r"\dots", r"\ldots", r"\cdots", r"\vdots", r"\ddots", r"\dotsc", r"\dotsb", r"\dotsm")
MATRICES = ("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "smallmatrix", "array", "matrix*",
            "pmatrix*", "bmatrix*")  # fmt: skip
PLACE_SIGNS = ("+", "-", "'", "^", "{", "}", r"\prime")  # of an index expression
OPERAND = 'a symbol, a number, "(" or another beginning of an expression'


class Grammar(Symbols):
    """Reads expressions under a scope."""

    def __init__(self, scope: Scope) -> None:
        """Nothing read yet."""
        self.scope = scope
        self.bars = 0
        self.deep = 0

    # ---------------------------------------------------------------- sums and products

    def expression(self, c: Cursor) -> Node:
        """A sum of products."""
        self.deep += 1
        if self.deep > 200:
            raise c.wrong("less nesting")
        parts: list[Node] = []
        start = c.peek().start
        while True:
            minus = self._sign(c) if parts or c.peek().text in ("+", "-", r"\pm") else False
            made = self.product(c)
            parts.append(Minus(made, span=made.span) if minus else made)
            if c.peek().text not in ("+", "-"):
                break
        self.deep -= 1
        span = (start, c.last_end)
        return replace(parts[0], span=span) if len(parts) == 1 else Plus(tuple(parts), span=span)

    def _sign(self, c: Cursor) -> bool:
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
                minus = self._sign(c)
                made = self.factor(c)
                factors.append(Minus(made, span=made.span) if minus else made)
            elif token.text == "/":
                c.next()
                below = self.factor(c)
                above = factors.pop()
                factors.append(Over(above, below, span=(above.span[0], below.span[1])))
            elif self._starts(c):
                signs.append("")
                factors.append(self.factor(c))
            else:
                break
        if len(factors) == 1:
            return factors[0]
        return Times(tuple(factors), tuple(signs), span=(start, c.last_end))

    def _starts(self, c: Cursor) -> bool:
        """Whether a factor can begin here."""
        token = c.peek()
        if token.kind in ("letter", "digit"):
            return True
        if token.text in ("(", "[", "{"):
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
            or name in ("rvert", "rVert", "end", "right", "}", "rangle", "mid")
        )

    # ---------------------------------------------------------------- factors

    def factor(self, c: Cursor) -> Node:
        """One factor with its powers."""
        token = c.peek()
        start = token.start
        made = self.symbol(c) if self._is_name(token) else None
        if made is not None:
            return self._scripted(c, made, start)
        made = self._number(c) or self._fence(c) or self._command(c)
        if made is None:
            raise c.wrong(OPERAND)
        return self._scripted(c, made, start)

    def _is_name(self, token: Token) -> bool:
        return token.kind in ("letter", "command") or token.text == "{"

    def _scripted(self, c: Cursor, made: Node, start: int) -> Node:
        """Exponents, transposes and primes behind a finished factor."""
        while c.peek().text in ("^", "_", "'"):
            if c.peek().text == "_":
                if not isinstance(made, Norm):
                    raise c.wrong("no index behind a finished expression")
                c.next()
                kind = "".join(t.text for t in c.argument().tokens)
                made = replace(made, kind=kind, span=(start, c.last_end))
                continue
            if c.take("'"):
                made = Transposed(made, span=(start, c.last_end))
                continue
            c.next()
            inside = c.argument()
            above = Above()
            self.above(inside.tokens[inside.place :], inside.stop.start, False, above)
            if above.marks or above.label or above.sample is not None:
                raise inside.wrong("an exponent or a transpose")
            if above.primes:
                above.transposes += 1
            made = self._raised(made, above, (start, c.last_end))
        return made

    def _number(self, c: Cursor) -> Node | None:
        if c.peek().kind != "digit":
            return None
        start, text = c.peek().start, ""
        while c.peek().kind == "digit" or (
            c.peek().text == "." and c.peek(1).kind == "digit" and "." not in text
        ):
            text += c.next().text
        return Num(Fraction(text), span=(start, c.last_end))

    # ---------------------------------------------------------------- fences

    def _fence(self, c: Cursor) -> Node | None:
        token = c.peek()
        if token.text == "(":
            inside = fenced(c, "(", ")")
            parts = split(inside, ",")
            if len(parts) > 1:
                items = tuple(self.whole(p) for p in parts)
                return Listed(items, span=(token.start, c.last_end))
            return replace(self._unbarred(inside), span=(token.start, c.last_end))
        if token.text == "[":
            inside = fenced(c, "[", "]")
            return replace(self._bracket(inside), span=(token.start, c.last_end))
        if token.text == "{":
            inside = c.group()
            if inside.done:
                return self.factor(c)
            return replace(self._unbarred(inside), span=(token.start, c.last_end))
        if token.text in ("|", r"\|", r"\lvert", r"\lVert"):
            return self._bars(c)
        return None

    def _unbarred(self, c: Cursor) -> Node:
        """An expression inside fences of its own."""
        bars, self.bars = self.bars, 0
        made = self.whole(c)
        self.bars = bars
        return made

    def _bracket(self, c: Cursor) -> Node:
        """An indicator where a relation stands inside, else parentheses."""
        bars, self.bars = self.bars, 0
        members, relations = [self._member(c)], []
        while c.peek().text in RELATIONS:
            relations.append(RELATIONS[c.next().text])
            members.append(self._member(c))
        self.bars = bars
        if not c.done:
            raise c.wrong('a relation or "]"')
        return Bracket(tuple(members), tuple(relations)) if relations else members[0]

    def _member(self, c: Cursor) -> Node:
        """A side of a comparison: an index expression or any other."""
        ahead = c.fork()
        while not ahead.done and ahead.peek().text not in RELATIONS:
            ahead.next()
        inside = c.tokens[c.place : ahead.place]
        relation = next((t.text for t in c.tokens[c.place :] if t.text in RELATIONS), "")
        plain = all(t.kind in ("letter", "digit") or t.text in PLACE_SIGNS for t in inside)
        if inside and plain and RELATIONS.get(relation or "=") in ("=", "ne", "le", "ge"):
            c.place = ahead.place
            return self.place(Cursor(inside, ahead.peek().start))
        if inside and inside[0].text == "(" and inside[-1].text == ")" and relation == "=":
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
        self.bars += closing in ("|", r"\|")
        inner = self.expression(c)
        self.bars -= closing in ("|", r"\|")
        c.expect(closing, f'"{closing}"')
        if opening.text == "|" and double:
            c.expect("|")
        span = (opening.start, c.last_end)
        return Norm(inner, span=span) if double else Bars(inner, span=span)

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
            return self._named(c, name, token)
        if token.text == r"\sqrt":
            c.next()
            if c.peek().text == "[":
                raise c.wrong("a square root without a degree")
            inner = self.whole(c.argument())
            return Root(inner, span=(token.start, c.last_end))
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

    def _named(self, c: Cursor, name: str, token: Token) -> Node:
        r"""A function by its name: \tanh(s), \log o_i, \exp[s], \tanh^2(s), \operatorname{diag}(v)."""
        above = Above()
        while c.peek().text in ("^", "'"):
            if c.take("'"):
                above.primes += 1
                continue
            c.next()
            inside = c.argument()
            self.above(inside.tokens[inside.place :], inside.stop.start, False, above)
        function = Function(FUNCTIONS.get(name, name), span=(token.start, token.end))
        args = self.arguments(c)
        if args is None:
            if not self._starts(c):
                raise c.wrong(f"the argument of {name}")
            args = (self._bare_argument(c),)
        span = (token.start, c.last_end)
        return self._raised(Applied(function, args, above.primes, span=span), above, span)

    def _bare_argument(self, c: Cursor) -> Node:
        """The argument without parentheses: one factor, with a number before it."""
        first = self.factor(c)
        if isinstance(first, Num) and self._starts(c):
            second = self.factor(c)
            return Times((first, second), ("",), span=(first.span[0], c.last_end))
        return first

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
            return self._named(c, kind, token)
        if c.peek().text in ("(", "[", "'", "^"):
            return self._named(c, kind, token)
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
        minus = self._sign(c)
        body = self.product(c)
        body = Minus(body, span=body.span) if minus else body
        return Total(kind, bounds, body, span=(token.start, c.last_end))

    def _bounds(self, c: Cursor, high: Node | None) -> tuple[Bound, ...]:
        start = c.peek().start
        texts = [t.text for t in c.tokens]
        if any(t in RELATIONS for t in texts):
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
        if relation == "le" and c.peek().text in RELATIONS:
            c.next()
            third = self.place_until(c)
            if isinstance(second, Letter):
                return Bound(second.name, first, third, span=(start, c.last_end))
        if not isinstance(first, Letter) or not c.done:
            raise c.wrong("the letter of an index with its first value")
        if relation == "=":
            return Bound(first.name, second, high, span=(start, c.last_end))
        raise c.wrong('"=" behind the letter of an index', c.tokens[1])

    def place_until(self, c: Cursor) -> Node:
        """An index expression that ends at a relation."""
        start = c.place
        while not c.done and c.peek().text not in RELATIONS:
            c.next()
        return self.place(Cursor(c.tokens[start : c.place], c.peek().start))

    # ---------------------------------------------------------------- derivatives

    def _fraction(self, c: Cursor) -> Node:
        token = c.next()
        above, below = c.argument(), c.argument()
        sign = _derivative_sign(above, below)
        span = (token.start, c.last_end)
        if sign is None:
            return Over(self._unbarred(above), self._unbarred(below), span=span)
        return self._derivative(c, above, below, sign, token.start)

    def _derivative(self, c: Cursor, above: Cursor, below: Cursor, sign: str, start: int) -> Node:
        _drop(above, sign)
        power = self._count(above)
        by = self._by(below, sign)
        if power not in (None, len(by)):
            raise below.wrong("as many variables as the order of the derivative")
        if not above.done:
            of = self._unbarred(above)
        elif self._starts(c) or c.peek().text == "(":
            of = self._operand(c)
        else:
            return Derivative(None, by, span=(start, c.last_end))
        made: Node = Derivative(of, by, span=(start, c.last_end))
        if c.peek().text == "(" and not above.tokens == [] and (at := self._point(c)) is not None:
            from derive.reading_tree import AtPoint

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
        if above.peek().text == "^" and above.place == 1:
            above.next()
            inside = above.argument()
            return (
                int("".join(t.text for t in inside.tokens))
                if inside.peek().kind == "digit"
                else None
            )
        return None

    def _by(self, below: Cursor, sign: str) -> tuple[Node, ...]:
        made: list[Node] = []
        while not below.done:
            _drop(below, sign)
            variable = self.factor(below)
            if isinstance(variable, Power) and isinstance(variable.exponent, Num):
                made += [variable.base] * int(variable.exponent.value)
            else:
                made.append(variable)
        return tuple(made)

    def _operand(self, c: Cursor) -> Node:
        """What an operator d/dx acts on: a factor in parentheses, else factors side by side."""
        if c.peek().text in ("(", "["):
            return self.factor(c)
        start = c.peek().start
        factors = [self.factor(c)]
        while self._starts(c):
            factors.append(self.factor(c))
        if len(factors) == 1:
            return factors[0]
        return Times(tuple(factors), ("",) * (len(factors) - 1), span=(start, c.last_end))

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
        return Derivative(of, (by,), span=(start, c.last_end))

    def _nabla(self, c: Cursor) -> Node:
        start = c.next().start
        by = self.whole(c.argument()) if c.take("_") else None
        of = self.factor(c) if self._starts(c) else None
        return Nabla(of, by, span=(start, c.last_end))

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
            return Grid(tuple(tuple(self.whole(cell) for cell in row) for row in rows), span=span)
        raise c.wrong("a matrix or cases", Token("command", name, start, start))

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
        return value, self._bracket(_trimmed(when))


def _trimmed(c: Cursor) -> Cursor:
    """Without a comma at the end."""
    tokens = c.tokens[c.place :]
    while tokens and tokens[-1].text in (",", "."):
        tokens = tokens[:-1]
    return Cursor(tokens, c.stop.start)


def _derivative_sign(above: Cursor, below: Cursor) -> str | None:
    r"""\partial or d where both parts of a fraction begin with it, else None."""
    for sign in (r"\partial", "d", r"\mathrm{d}", r"\text{d}"):
        words = ["".join(t.text for t in part.tokens) for part in (above, below)]
        if all(word.startswith(sign) for word in words) and len(below.tokens) > 1:
            return sign
    return None


def _drop(c: Cursor, sign: str) -> None:
    """Take the sign of a derivative."""
    text = ""
    start = c.place
    while len(text) < len(sign) and not c.done:
        text += c.next().text
    if text != sign:
        c.place = start
        raise c.wrong(f"{sign} and a variable")


#: Commands that end an expression.
STOPS = (r"\quad", r"\qquad", r"\implies", r"\Rightarrow", r"\iff", r"\Leftrightarrow",
         r"\therefore", r"\because", r"\\", r"\Longrightarrow", r"\Longleftrightarrow",
         r"\land", r"\wedge", r"\forall")  # fmt: skip
CONJUNCTIONS = ("and", "or", "where", "for", "so", "hence", "therefore", "thus", "if", "when", "then",
                "with", "since", "because", "as", "that is", "i.e.", "assume", "using", "by", "let",
                "for all", "if and only if", "iff", "which is", "gives", "implies", "similarly",
                "in particular", "also", "while", "but")  # fmt: skip


def conjunction(token: Token) -> bool:
    """Whether the words of a text token stand between formulas."""
    words = token.raw.strip().strip(",.;:").lower()
    return not words or words in CONJUNCTIONS or words.split()[0] in CONJUNCTIONS


__all__ = ["Change", "Entry", "Grammar", "Listed", "Size", "Space", "Words", "conjunction"]
