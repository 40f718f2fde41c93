"""Units that hold themselves at 1: the column of ones that the bias of the next layer needs.

A column (0, ..., 0, K) beside the weights of a layer gives a unit with the pre-activation K.  Where
the activation is then exactly 1 and its slope exactly 0, as of tanh and the sigmoid, the error of
that unit is exactly 0, so that its weights never change, and what the layer returns is already
[o, 1]: nothing is copied beside a column of ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from codegen.emitting.joined import Join
from codegen.lowering.nodes import Node, Shape, array, matmul, remade, transpose, value_of, walk

FAR = 80.0  # tanh and the sigmoid are 1 long before
WIDEST = 32  # units up to which the odd width costs less than the copy that it spares

#: The elementwise operations with which a unit can be followed, on Python numbers.
OPERATIONS: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "absolute": abs,
    "maximum": max,
    "minimum": min,
    "tanh": math.tanh,
    "exp": math.exp,
}


@dataclass(frozen=True)
class Units:
    """The layers with such a unit: by the name of s the entry K, and which names are wider."""

    entries: Mapping[str, float]
    wide: frozenset[str]  # s, o and delta of these layers

    def columns(self, join: Join) -> int:
        """The columns of [W; b], with that of the unit."""
        return join.shape[1] + (join.name in self.entries)

    def widened(self, root: Node, joined: Sequence[Join]) -> Node:
        """The expression with the unit's column in everything that has it."""
        backs = {back(j): j for j in joined}
        made: dict[Node, Node] = {}
        for item in walk(root):
            if item in backs:
                made[item] = self._back(backs[item])
            elif item.op == "array" and item.detail in self.wide:
                rows, columns = item.shape
                assert isinstance(columns, int)
                made[item] = array(str(item.detail), (rows, columns + 1))
            else:
                made[item] = remade(item, tuple(made[a] for a in item.args))
        return made[root]

    def _back(self, join: Join) -> Node:
        """delta W', over the unit of the layer before, where it has one."""
        rows, columns = join.shape[0], self.columns(join)
        delta = array(join.delta, ("N", columns))
        if join.source in self.wide:
            weights = array(join.both, (rows + 1, columns))
        elif columns > join.shape[1]:
            weights = array(join.rows, (rows, columns))
        else:
            weights = array(join.weight, join.shape)
        return matmul(delta, transpose(weights, (1, 0)))


def back(join: Join) -> Node:
    """delta W', the way back through a layer."""
    delta = array(join.delta, ("N", join.shape[1]))
    return matmul(delta, transpose(array(join.weight, join.shape), (1, 0)))


def unit_columns(
    joined: Sequence[Join], nodes: Mapping[str, Node], others: Sequence[Node]
) -> Units:
    """The layers that can have such a unit.

    `nodes` are the named results of a step, without what the joins replace; `others` are further
    expressions that are computed in it.
    """
    makers = {j.name: j for j in joined}
    entries: dict[str, float] = {}
    wide: set[str] = set()
    for join in joined:
        first = _first(join, makers, nodes)
        if first is None or sum(j.source == join.source for j in joined) > 1:
            continue
        entry = _entry(first, join, nodes)
        names = (first.name, join.source, first.delta)
        own = {names[1]: nodes[names[1]], names[2]: nodes[names[2]]}
        rest = [node for name, node in nodes.items() if name not in own]
        if entry is not None and _alone(first, join, own, [*rest, *others]):
            entries[first.name] = entry
            wide.update(names)
    return Units(entries, frozenset(wide))


def _first(join: Join, makers: Mapping[str, Join], nodes: Mapping[str, Node]) -> Join | None:
    """The joined layer whose pre-activation alone makes the source of this one."""
    node = nodes.get(join.source)
    if node is None or join.shape[0] > WIDEST:
        return None
    leaves = {str(item.detail) for item in walk(node) if item.op == "array"}
    first = makers.get(leaves.pop()) if len(leaves) == 1 else None
    return first if first is not None and first.delta in nodes else None


def _entry(first: Join, join: Join, nodes: Mapping[str, Node]) -> float | None:
    """K, with which the activation is exactly what the bias is multiplied by, its slope 0."""
    shape = ("N", first.shape[1])
    s, o = array(first.name, shape), array(join.source, shape)
    for far in (FAR, -FAR):
        known: dict[Node, float | None] = {s: far, o: join.sign, back(join): None}
        if _value(nodes[join.source], {s: far}) != join.sign:
            continue
        if _value(nodes[first.delta], known) == 0:
            return far * first.sign
    return None


def _value(root: Node, known: Mapping[Node, float | None]) -> float | None:
    """The value of an elementwise expression for one unit; None where it is not known."""
    found: dict[Node, float | None] = {}
    for item in walk(root):
        if item in known:
            found[item] = known[item]
        elif item.op in ("number", "constant"):
            value = value_of(item)
            found[item] = None if value is None else float(value)
        else:
            found[item] = _operated(item, [found[a] for a in item.args])
    return found[root]


def _operated(item: Node, args: Sequence[float | None]) -> float | None:
    if item.op == "mul" and 0 in args:
        return 0.0
    values = [a for a in args if a is not None]
    if len(values) < len(args) or not values:
        return None
    if item.op == "mul":
        return values[0] * values[1]
    try:
        return OPERATIONS[item.op](*values) if item.op in OPERATIONS else None
    except (ArithmeticError, ValueError):  # beyond all numbers, or outside the domain
        return None


def _alone(first: Join, join: Join, own: Mapping[str, Node], rest: Sequence[Node]) -> bool:
    """Whether nothing else reads the three wider arrays, but the products of the two layers."""
    shape = ("N", first.shape[1])
    arrays = {array(name, shape) for name in (first.name, join.source, first.delta)}
    read = {item for root in rest for item in walk(root)} - {back(first)}
    if any(a in arrays for item in read for a in item.args) or arrays & set(rest):
        return False
    return all(_elementwise(root, shape, back(join)) for root in own.values())


def _elementwise(root: Node, shape: Shape, product: Node) -> bool:
    """Whether every operation is entry by entry, down to the product and to whole arrays."""
    if root is product:
        return True
    return root.shape in (shape, ()) and all(_elementwise(a, shape, product) for a in root.args)
