"""What was written, as a tree of roles: entries, sums, derivatives; every node knows its place.

    node ::= Num | Letter | Size | Value | Entry | Applied | Plus | Minus | Times | Over | Power
           | Total | Derivative | Nabla | Transposed | Grid | Branches | Norm | Bars | Root
           | Kronecker | Bracket | Listed | Dots | Words | Change | AtPoint | Space | Picked
           | Differential | ClassOf

The tree keeps the written form; what it means on a network is said by `derive.claims.values`, and
`derive.claims.terms` gives the term of the calculus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Any

from derive.algebra.symbols import Label

Span = tuple[int, int]


@dataclass(frozen=True)
class Node:
    """Any part of a formula; `span` is where it stands in the text."""

    span: Span = field(default=(0, 0), compare=False, kw_only=True)


@dataclass(frozen=True)
class Num(Node):
    """A number."""

    value: Fraction


@dataclass(frozen=True)
class Letter(Node):
    """The letter of an index, or of a number that the sheet does not name: i, x, t."""

    name: str


@dataclass(frozen=True)
class Size(Node):
    """A size: the units of a layer, or the number of samples."""

    label: Label | None  # None: the number of samples
    name: str = ""  # a symbolic size of the network by its name


@dataclass(frozen=True)
class Value(Node):
    """A named number: pi, e, learning_rate, decay."""

    name: str


@dataclass(frozen=True)
class Entry(Node):
    """A quantity of the network: one entry, the array of one sample, or that of a batch.

    Places are written values (counted from the profile's first index).  `step` is the iteration in
    w(n+1); `assumed` says that the label was left out and filled in.
    """

    role: str
    letter: str  # the letter of the calculus for an array outside the roles, else ""
    label: Label | None
    places: tuple[Node, ...] = ()
    sample: Node | None = None
    form: str = "entry"  # entry, whole, batch
    step: int | None = None
    assumed: bool = field(default=False, compare=False)
    fixed: int | None = None
    barred: bool = False  # the derivative of the loss by it


@dataclass(frozen=True)
class Function(Node):
    """A function: one by its name, the activation of a layer, or one that the sheet brings."""

    name: str  # "" for the activation function alone
    activation: bool = False
    label: Label | None = None
    assumed: bool = field(default=False, compare=False)  # the label is that of the argument


@dataclass(frozen=True)
class Applied(Node):
    """The `order`-th derivative of a function, at its arguments."""

    function: Function
    args: tuple[Node, ...]
    order: int = 0


@dataclass(frozen=True)
class Plus(Node):
    """A sum."""

    args: tuple[Node, ...]


@dataclass(frozen=True)
class Minus(Node):
    """The negative."""

    arg: Node


@dataclass(frozen=True)
class Times(Node):
    """A product; `signs[k]` stands before args[k + 1]: "" for side by side, cdot, odot, ..."""

    args: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True)
class Over(Node):
    """A quotient."""

    above: Node
    below: Node


@dataclass(frozen=True)
class Power(Node):
    """A power; `entrywise` where the sign of the entrywise product stands in the exponent."""

    base: Node
    exponent: Node
    entrywise: bool = False


@dataclass(frozen=True)
class Bound(Node):
    """An index under a large operator, with its limits where they are written."""

    name: str
    low: Node | None = None
    high: Node | None = None


@dataclass(frozen=True)
class Total(Node):
    """A large operator: sum, prod, max, min, argmax, argmin."""

    kind: str
    bounds: tuple[Bound, ...]
    body: Node


@dataclass(frozen=True)
class Derivative(Node):
    """d of / d by; `of` is None for an operator with nothing behind it."""

    of: Node | None
    by: tuple[Node, ...]


@dataclass(frozen=True)
class Nabla(Node):
    """The gradient, by everything or by the arrays named."""

    of: Node | None
    by: Node | None = None


@dataclass(frozen=True)
class Transposed(Node):
    """The transpose."""

    arg: Node


@dataclass(frozen=True)
class Grid(Node):
    """A matrix by its entries."""

    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Branches(Node):
    """Cases: values with their conditions; None is "otherwise"."""

    rows: tuple[tuple[Node, Node | None], ...]


@dataclass(frozen=True)
class Norm(Node):
    """The norm; `kind` is the written index, "" where there is none."""

    arg: Node
    kind: str = ""


@dataclass(frozen=True)
class Bars(Node):
    """The absolute value."""

    arg: Node


@dataclass(frozen=True)
class Root(Node):
    """The square root."""

    arg: Node


@dataclass(frozen=True)
class Kronecker(Node):
    """1 where the two places are equal, else 0."""

    left: Node
    right: Node


@dataclass(frozen=True)
class Bracket(Node):
    """1 where the comparisons hold, else 0: members with relations between them."""

    members: tuple[Node, ...]
    relations: tuple[str, ...]


@dataclass(frozen=True)
class Listed(Node):
    """Things with commas between them."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Dots(Node):
    """And so on."""


@dataclass(frozen=True)
class Words(Node):
    """Words that stand for no quantity."""

    text: str


@dataclass(frozen=True)
class Change(Node):
    """The change of a quantity in one step of training."""

    arg: Node


@dataclass(frozen=True)
class AtPoint(Node):
    """A quantity at given values of its arguments."""

    arg: Node
    points: tuple[Node, ...]


@dataclass(frozen=True)
class Picked(Node):
    """An entry of an array that is no quantity of its own: (W x)_i; `places` as in an entry."""

    arg: Node
    places: tuple[Node, ...]


@dataclass(frozen=True)
class ClassOf(Node):
    """The class that a target of zeros and one names, as an index: y_i in p_{y_i}."""

    target: Entry


@dataclass(frozen=True)
class Differential(Node):
    """The differential of a quantity: dL = tr(G^T dW); `along`: whose differentials are given."""

    arg: Node
    along: tuple[Node, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Space(Node):
    """Vectors of a number of entries: R^n."""

    size: Node | None


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts, from left to right; found once, since nodes never change."""
    known: tuple[Node, ...] | None = node.__dict__.get("_children")
    if known is not None:
        return known
    found: list[Node] = []
    for name in _parts_of(type(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, tuple):
            found += _nodes(value)
    made = node.__dict__["_children"] = tuple(found)
    return made


_FIELDS: dict[type[Node], tuple[str, ...]] = {}


def _parts_of(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a kind of node in which parts may stand."""
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(f.name for f in fields(kind) if f.name not in ("span", "along"))
    return _FIELDS[kind]


def _nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _nodes(part)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything in it, from left to right."""
    return iter(_everything(node))


def _everything(node: Node) -> tuple[Node, ...]:
    known: tuple[Node, ...] | None = node.__dict__.get("_everything")
    if known is not None:
        return known
    made = node, *(part for child in children(node) for part in _everything(child))
    node.__dict__["_everything"] = made
    return made


def letters(node: Node) -> tuple[str, ...]:
    """The names of the letters in it, each once, in the order of first use."""
    known: tuple[str, ...] | None = node.__dict__.get("_letters")
    if known is None:
        known = tuple(dict.fromkeys(n.name for n in walk(node) if isinstance(n, Letter)))
        node.__dict__["_letters"] = known
    return known


def rebuilt(node: Node, visit: Callable[[Node], Node]) -> Node:
    """The same node over visited parts."""
    changed = {}
    for f in fields(node):
        value = getattr(node, f.name)
        if f.name not in ("span", "along") and any(True for _ in _nodes(value)):
            changed[f.name] = _visited(value, visit)
    return replace(node, **changed) if changed else node


def _visited(value: Any, visit: Callable[[Node], Node]) -> Any:
    if isinstance(value, Node):
        return visit(value)
    if isinstance(value, tuple):
        return tuple(_visited(part, visit) for part in value)
    return value
