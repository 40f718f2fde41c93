"""Arrays of a Python sheet: what kind each is, and how NumPy puts two of them side by side.

Kinds: s a number; v one-dimensional; b a row for each sample; t its transpose; p a parameter
matrix; c a column, r a row of two dimensions; m any other matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from derive.reading.tree import (
    Applied,
    Bracket,
    Function,
    Letter,
    Minus,
    Node,
    Num,
    Plus,
    Span,
    Times,
    Transposed,
)

ONES = Letter("bold 1")
UNITS_AXIS = {"b": 1, "t": 0}  # along which the units of one sample stand


@dataclass(frozen=True)
class Array:
    """A node and what kind of array it makes."""

    node: Node
    kind: str

    def at(self, span: Span) -> Array:
        """The same at a place in the text."""
        return Array(replace(self.node, span=span), self.kind)

    def made(self, kind: str) -> Array:
        """The same numbers as another kind."""
        return Array(self.node, kind)


def transposed(made: Array) -> Array:
    """The transpose; a one-dimensional array stays as it is."""
    if made.kind in ("s", "v"):
        return made
    kind = {"b": "t", "t": "b", "c": "r", "r": "c"}.get(made.kind, made.kind)
    if isinstance(made.node, Transposed):
        return Array(made.node.arg, kind)
    return Array(Transposed(made.node), kind)


def multiplied(left: Array, right: Array) -> Array:
    """The matrix product."""
    a, b = left.node, right.node
    if "s" in (left.kind, right.kind):
        return Array(Times((a, b), ("",)), right.kind if left.kind == "s" else left.kind)
    if left.kind == "v" and right.kind == "v":
        return Array(Times((Transposed(a), b), ("",)), "s")
    if left.kind == "v":
        return Array(Transposed(Times((Transposed(a), b), ("",))), "v")
    node = Times((a, b), ("",))
    return Array(node, _product(left.kind, right.kind))


def _stretched(made: Array, beside: Array) -> Node:
    """A row or a column that NumPy repeats to the size of the matrix beside it."""
    if beside.kind in ("b", "t", "m") and made.kind == "c":
        return Times((made.node, Transposed(ONES)), ("",), span=made.node.span)
    if beside.kind in ("b", "t", "m") and made.kind == "r":
        return Times((ONES, made.node), ("",), span=made.node.span)
    return made.node


def beside(left: Array, right: Array) -> tuple[Node, Node, str]:
    """Two arrays entry by entry; a one-dimensional one beside a matrix is a row of it."""
    a, b = _stretched(left, right), _stretched(right, left)
    kinds = {left.kind, right.kind}
    if kinds == {"v"} or "s" in kinds or "v" not in kinds:
        order = "btmpcrvs"
        return a, b, min(left.kind, right.kind, key=order.index)
    if left.kind == "v":
        return (a if right.kind == "b" else Transposed(a)), b, right.kind
    return a, (b if left.kind == "b" else Transposed(b)), left.kind


def chosen(when: Array, first: Array, second: Array) -> Array:
    """Entry by entry the first where a condition holds, else the second."""
    other = Plus((Num(Fraction(1)), Minus(when.node)))
    one = Times((when.node, first.node), ("odot",))
    return Array(Plus((one, Times((other, second.node), ("odot",)))), when.kind)


def greater(first: Array, second: Array, relation: str) -> Array:
    """The greater of two arrays entry by entry, or with "<" the less."""
    a, b, kind = beside(first, second)
    return chosen(Array(Bracket((a, b), (relation,)), kind), first, second)


def matched(left: Array, right: Array) -> tuple[Node, Node]:
    """Both sides of an equation; rows and columns that are kept beside 1-D arrays are one."""
    if (left.kind, right.kind) in (("v", "r"), ("r", "v")):
        inner = right.node
        made = inner.arg if isinstance(inner, Transposed) else Transposed(inner)
        return left.node, replace(made, span=inner.span)
    return left.node, right.node


def summed(made: Array, axis: int | None, keeps: bool) -> Array:
    """The sum over an axis, by a column of ones."""
    if made.kind == "s":
        return made
    if axis is None:
        column = made.kind in ("v", "c")
        total = Times((Transposed(made.node), ONES), ("",)) if column else _whole_sum(made.node)
        return Array(total, "s")
    if made.kind == "v":
        return Array(Times((Transposed(made.node), ONES), ("",)), "s")
    if axis == 0:
        column_node = Times((Transposed(made.node), ONES), ("",))
        return Array(Transposed(column_node), "r") if keeps else Array(column_node, "v")
    return Array(Times((made.node, ONES), ("",)), "c" if keeps else "v")


def softmax(made: Array) -> Array:
    """The softmax over the units of each sample, whose arrays are the rows of a batch."""
    if made.kind == "t":
        return transposed(softmax(transposed(made)))
    return Array(Applied(Function("softmax"), (made.node,)), made.kind)


def _whole_sum(node: Node) -> Node:
    """The sum of all entries of a matrix."""
    row = Transposed(Times((Transposed(node), ONES), ("",)))
    return Times((row, ONES), ("",))


def _product(left: str, right: str) -> str:
    """The kind of a matrix product: its rows come from the left, its columns from the right."""
    if right == "v":
        return "v"
    rows = {"b": "n", "t": "u", "p": "u", "c": "u", "r": "1", "m": "u"}[left]
    cols = {"b": "u", "t": "n", "p": "u", "c": "1", "r": "u", "m": "u"}[right]
    return {"nu": "b", "un": "t", "uu": "p", "u1": "c", "1u": "r", "n1": "c"}.get(rows + cols, "m")
