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

from dataclasses import dataclass
from fractions import Fraction

from derive.errors import SpecError, shown
from derive.formulas.tokens import Token, fault, tokens_of

MOST_NODES, DEEPEST = 500, 60


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


def read_tree(text: object) -> Tree:
    """The tree of an expression."""
    parser = _Parser(text)
    tree = parser.sum()
    parser.end()
    return tree


def read_sides(text: object) -> tuple[Tree, Tree]:
    """The trees of both sides of an equation."""
    parser = _Parser(text)
    left = parser.sum()
    if not parser.take("="):
        raise parser.unexpected("= after the left side")
    right = parser.sum()
    parser.end()
    return left, right


class _Parser:
    """Recursive descent, one method for each line of the grammar."""

    def __init__(self, text: object) -> None:
        self.tokens = tokens_of(text)
        self.place = self.nodes = self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def take(self, *texts: str) -> Token | None:
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

    def deeper(self, token: Token) -> None:
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
