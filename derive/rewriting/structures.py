"""Derivatives, matrices, cases and comparisons of a reading tree as LaTeX."""

from __future__ import annotations

from derive.reading.tree import (
    Applied,
    AtPoint,
    Bars,
    Bracket,
    Branches,
    Change,
    Derivative,
    Entry,
    Grid,
    Kronecker,
    Letter,
    Listed,
    Minus,
    Nabla,
    Node,
    Norm,
    Num,
    Plus,
    Root,
    Times,
    walk,
)
from derive.reading.words import RELATIONS
from derive.rewriting.names import NameWriter

SUM, PRODUCT, FACTOR = 1, 2, 3  # how tightly a text holds together
_RELATION = {name: sign for sign, name in reversed(RELATIONS.items())} | {"<": "<", ">": ">"}


class StructureWriter(NameWriter):
    """Writes what has parts of its own."""

    def text(self, node: Node, level: int = SUM, *, last: bool = True) -> str:
        """The node where something of the level is expected."""
        raise NotImplementedError

    def fenced(self, text: str, left: str = "(", right: str = ")") -> str:
        """In parentheses."""
        raise NotImplementedError

    # ---------------------------------------------------------------- derivatives

    def _slope(self, node: Node) -> str:
        match node:
            case Derivative():
                return self._derivative(node)
            case Nabla():
                below = "" if node.by is None else self.script("_", self.text(node.by))
                of = "" if node.of is None else " " + self.text(node.of, FACTOR)
                return rf"\nabla{below}{of}"
            case AtPoint():
                inside = ", ".join(map(self.text, node.points))
                return f"{self.text(node.arg, FACTOR)}({inside})"
            case Change():
                return rf"\Delta {self.text(node.arg, FACTOR)}"
        raise TypeError(f"{type(node).__name__} is no derivative")

    def _derivative(self, node: Derivative) -> str:
        of_loss = isinstance(node.of, Entry) and node.of.role in ("loss", "objective")
        if self.scope.own.differentials and of_loss and len(node.by) == 1:
            short = "d" + self.text(node.by[0], FACTOR)
            if self.reads(short, node):
                return short
        sign = self.spelling.partial
        gap = "" if sign.endswith("}") or not sign.startswith("\\") else " "
        power = "" if len(node.by) == 1 else f"^{{{len(node.by)}}}"
        by = " ".join(f"{sign}{gap}{self.text(v, FACTOR)}" for v in node.by)
        operator = rf"\frac{{{sign}{power}}}{{{by}}}"
        if node.of is None:
            return operator
        of = self.text(node.of, FACTOR)
        made = rf"\frac{{{sign}{power}{gap}{of}}}{{{by}}}"
        if isinstance(node.of, Entry | Letter | Applied | Derivative) and self.reads(made, node):
            return made
        if not of.startswith((r"\left(", "(")):
            of = self.fenced(of)
        return f"{operator}{of}"

    # ---------------------------------------------------------------- matrices, cases, fences

    def _structure(self, node: Node) -> str:
        match node:
            case Grid():
                rows = r" \\ ".join(" & ".join(map(self.text, row)) for row in node.rows)
                return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"
            case Branches():
                rows = r" \\ ".join(self._branch(*row) for row in node.rows)
                return rf"\begin{{cases}} {rows} \end{{cases}}"
            case Bracket():
                return self.fenced(self.comparison(node), "[", "]")
            case Kronecker():
                left, right = self.place(node.left), self.place(node.right)
                return rf"\delta_{{{left},{right}}}"
            case Norm():
                kind = f"_{{{node.kind}}}" if node.kind else ""
                return rf"\left\|{self.text(node.arg)}\right\|{kind}"
            case Bars():
                return rf"\left|{self.text(node.arg)}\right|"
            case Root():
                return rf"\sqrt{{{self.text(node.arg)}}}"
        raise TypeError(f"{type(node).__name__} is no structure")

    def _branch(self, value: Node, when: Node | None) -> str:
        if when is None:
            return rf"{self.text(value)} & \text{{otherwise}}"
        cond = self.comparison(when) if isinstance(when, Bracket) else self.text(when)
        return rf"{self.text(value)} & \text{{if }} {cond}"

    def comparison(self, node: Bracket) -> str:
        """Members with relations between them; index expressions where they are read as such."""
        made = ""
        for places in (True, False):
            made = self._member(node.members[0], places)
            for relation, member in zip(node.relations, node.members[1:], strict=True):
                made += f" {_RELATION[relation]} {self._member(member, places)}"
            if self.reads(f"[{made}]", node):
                break
        return made

    def _member(self, node: Node, places: bool) -> str:
        """A side of a comparison: an index expression or any other."""
        if isinstance(node, Listed):
            return f"({', '.join(self._member(item, places) for item in node.items)})"
        plain = all(isinstance(n, Letter | Num | Plus | Minus | Times) for n in walk(node))
        return self.place(node) if plain and places else self.text(node)
