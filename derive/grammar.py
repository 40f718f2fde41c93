"""From the text of a formula to a tree, within bounds; nothing is looked up and nothing is run.

    equation   ::= name [ "[" index, ... "]" ] "=" sum
    argument   ::= sum [ ("<" | "<=" | ">" | ">=") sum ]
    sum        ::= product (("+" | "-") product)*
    product    ::= signed (("*" | "/") signed)*
    signed     ::= ("+" | "-") signed | power
    power      ::= atom [ "**" signed ]
    atom       ::= number | name | name "(" argument, ... ")" | name "[" sum, ... "]"
                 | "(" argument, ... ")"

A parser of our own, for three reasons: every name is simply a name (lambda, E, I); a mistake has
its column and a remedy; and the bounds (length, depth, nodes, digits) hold while reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from derive.errors import SpecError, shown

LONGEST_TEXT, MOST_NODES, DEEPEST = 2000, 500, 60
MOST_DIGITS, LARGEST_SCALE = 60, 100


@dataclass(frozen=True)
class Tree:
    """A part of a formula; `column` counts from 1."""

    column: int


@dataclass(frozen=True)
class Number(Tree):
    """A number with its exact value."""

    value: Fraction


@dataclass(frozen=True)
class Name(Tree):
    """A bare name."""

    name: str


@dataclass(frozen=True)
class Entry(Tree):
    """name[place, ...]."""

    name: str
    places: tuple[Tree, ...]


@dataclass(frozen=True)
class Invocation(Tree):
    """name(argument, ...)."""

    name: str
    args: tuple[Tree, ...]


@dataclass(frozen=True)
class Negation(Tree):
    """-operand."""

    operand: Tree


@dataclass(frozen=True)
class Binary(Tree):
    """left op right, op one of + - * / **."""

    op: str
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Relation(Tree):
    """left op right, op one of < <= > >=."""

    op: str
    left: Tree
    right: Tree


@dataclass(frozen=True)
class Group(Tree):
    """(a, b, ...), which only Piecewise takes."""

    items: tuple[Tree, ...]


@dataclass(frozen=True)
class _Token:
    kind: str  # number, name, operator, end
    text: str
    column: int


_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z]\w*)"
    r"|(?P<operator>\*\*|<=|>=|[-+*/<>=(),\[\]])|(?P<space>[ \t\r\n]+)",
    re.ASCII,
)
_REMEDIES = {
    "^": "write ** for a power",
    "==": "a condition takes < <= > or >=",
    "!=": "a condition takes < <= > or >=",
    "//": "write / for a quotient",
    ":=": "a formula assigns nothing",
    "%": "there is no remainder in a formula",
    "&": "a condition is one comparison",
    "|": "a condition is one comparison; write abs(...) for the absolute value",
    "~": "a condition is one comparison",
    "!": "there is no factorial in a formula",
    '"': "there is no text in a formula",
    "'": "there is no text in a formula",
    "#": "there are no comments in a formula",
    "{": "write parentheses ( )",
    "}": "write parentheses ( )",
    "\\": "write plain names, such as sqrt(s)",
    ".": "there are no attributes in a formula",
    "_": "a name begins with a letter",
}


def read_tree(text: object) -> Tree:
    """The tree of an expression."""
    parser = _Parser(_checked_text(text))
    tree = parser.sum()
    parser.end()
    return tree


def read_sides(text: object) -> tuple[Tree, Tree]:
    """The trees of both sides of an equation."""
    parser = _Parser(_checked_text(text))
    left = parser.sum()
    if not parser.take("="):
        raise parser.unexpected("= after the left side")
    right = parser.sum()
    parser.end()
    return left, right


def fault(tree: Tree | _Token, message: str) -> SpecError:
    """The error at the place of `tree`."""
    return SpecError(f"column {tree.column}: {message}")


def _checked_text(text: object) -> str:
    if not isinstance(text, str):
        raise SpecError(f"found {shown(text)}, expected a formula as text")
    if not text.strip():
        raise SpecError("found an empty text, expected a formula")
    if len(text) > LONGEST_TEXT:
        raise SpecError(f"found {len(text)} characters, expected at most {LONGEST_TEXT}")
    if not text.isascii():
        column = next(n for n, c in enumerate(text, 1) if not c.isascii())
        raise SpecError(
            f"column {column}: found the character {shown(text[column - 1])}, "
            "expected plain ASCII letters, digits and signs"
        )
    return text


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _strange(text, place)
        kind = str(match.lastgroup)
        token = _Token(kind, match.group(), place + 1)
        place = match.end()
        if kind == "number":
            _check_number(token, text[place : place + 40])
        if kind == "operator" and (token.text + text[place : place + 1]) in _REMEDIES:
            raise fault(
                token, f'found "{token.text}{text[place]}"; {_REMEDIES[token.text + text[place]]}'
            )
        if "__" in token.text or (kind == "name" and len(token.text) > 64):
            raise fault(token, f"found {shown(token.text)}, expected a name of at most 64 letters")
        if kind != "space":
            tokens.append(token)
    return [*tokens, _Token("end", "", len(text) + 1)]


def _strange(text: str, place: int) -> SpecError:
    pair, sign = text[place : place + 2], text[place]
    remedy = _REMEDIES.get(pair) or _REMEDIES.get(sign) or "it has no meaning in a formula"
    found = pair if pair in _REMEDIES else sign
    return SpecError(f"column {place + 1}: found {shown(found)}; {remedy}")


def _check_number(token: _Token, rest: str) -> None:
    """Refuse 2s, 1_000, 1.2.3 and numbers of too many digits."""
    if follows := re.match(r"[A-Za-z]\w*", rest):
        word = follows.group()
        raise fault(token, f'found "{token.text[:20]}{word}"; write {token.text[:20]}*{word}')
    if rest[:1] in ("_", "."):
        raise fault(token, f'found "{token.text[:20]}{rest[0]}", expected a number such as 0.5')
    mantissa, _, scale = token.text.lower().partition("e")
    if len(mantissa) > MOST_DIGITS or len(scale) > 5 or abs(int(scale or 0)) > LARGEST_SCALE:
        raise fault(
            token,
            f"found the number {token.text[:12]}..., expected at most {MOST_DIGITS} digits "
            f"and a power of ten from -{LARGEST_SCALE} to {LARGEST_SCALE}"
            if len(token.text) > 12
            else f"found the number {token.text}, expected a power of ten "
            f"from -{LARGEST_SCALE} to {LARGEST_SCALE}",
        )


class _Parser:
    """Recursive descent, one method for each line of the grammar."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.place = self.nodes = self.depth = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def take(self, *texts: str) -> _Token | None:
        token = self.token
        if token.kind != "operator" or token.text not in texts:
            return None
        self.place += 1
        return token

    def made(self, tree: Tree) -> Tree:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise fault(tree, f"the formula has more than {MOST_NODES} parts")
        return tree

    def deeper(self, token: _Token) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise fault(token, f"the formula is nested more than {DEEPEST} deep")

    def unexpected(self, wanted: str) -> SpecError:
        token, before = self.token, self.tokens[self.place - 1]
        if token.kind == "end":
            return fault(token, f"the formula ends here, expected {wanted}")
        begins = token.kind in ("number", "name") or token.text in "(["
        ends = before.kind in ("number", "name") or before.text in (")", "]")
        if self.place and begins and ends:
            return fault(
                token, f"a sign is missing before {shown(token.text)}; write * to multiply"
            )
        return fault(token, f"found {shown(token.text)}, expected {wanted}")

    def end(self) -> None:
        if self.token.kind != "end":
            raise self.unexpected("the end of the formula")

    def argument(self) -> Tree:
        left = self.sum()
        if not (op := self.take("<", "<=", ">", ">=")):
            return left
        tree = self.made(Relation(op.column, op.text, left, self.sum()))
        if self.token.text in ("<", "<=", ">", ">="):
            raise fault(self.token, "a condition is one comparison, such as s < 1")
        return tree

    def sum(self) -> Tree:
        tree = self.product()
        while op := self.take("+", "-"):
            tree = self.made(Binary(op.column, op.text, tree, self.product()))
        return tree

    def product(self) -> Tree:
        tree = self.signed()
        while op := self.take("*", "/"):
            tree = self.made(Binary(op.column, op.text, tree, self.signed()))
        return tree

    def signed(self) -> Tree:
        op = self.take("+", "-")
        if op is None:
            return self.power()
        self.deeper(op)
        operand = self.signed()
        self.depth -= 1
        return self.made(Negation(op.column, operand)) if op.text == "-" else operand

    def power(self) -> Tree:
        base = self.atom()
        if not (op := self.take("**")):
            return base
        self.deeper(op)
        exponent = self.signed()
        self.depth -= 1
        return self.made(Binary(op.column, "**", base, exponent))

    def atom(self) -> Tree:
        token = self.token
        if token.kind == "number":
            self.place += 1
            return self.made(Number(token.column, Fraction(token.text)))
        if token.kind == "name":
            self.place += 1
            if self.take("("):
                return self.made(Invocation(token.column, token.text, self.several(")")))
            if self.take("["):
                return self.made(Entry(token.column, token.text, self.several("]")))
            return self.made(Name(token.column, token.text))
        if self.take("("):
            items = self.several(")")
            return items[0] if len(items) == 1 else self.made(Group(token.column, items))
        raise self.unexpected("a number, a name or a parenthesis")

    def several(self, closing: str) -> tuple[Tree, ...]:
        self.deeper(self.token)
        items = [self.argument()]
        while self.take(","):
            items.append(self.argument())
        if not self.take(closing):
            raise self.unexpected(f'"{closing}"')
        self.depth -= 1
        return tuple(items)
