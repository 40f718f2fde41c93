"""The same expression of several layers in one go: 1 - o*o of all hidden layers by two calls.

The arrays that it reads then lie one after the other in a common array, and so do the results.  A
call costs as much as some thousand entries, so that this pays as long as layers are narrow.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import reduce

from codegen.emitting.calls import Calls
from codegen.lowering.nodes import BINARY, LEAVES, Node, array, factors, remade, ufunc, walk

WIDEST = 128  # units of a layer up to which calls count more than memory
MOST = 2048  # units of all layers together
ELEMENTWISE = BINARY | {"neg", "absolute", "exp", "tanh", "sqrt", "sign", "power"}


@dataclass(frozen=True)
class Group:
    """One expression of several arrays."""

    name: str  # of the common array
    leaves: tuple[Node, ...]
    roots: tuple[Node, ...]

    @property
    def width(self) -> int:
        """The units of all of them."""
        return sum(_width(leaf) for leaf in self.leaves)

    @property
    def places(self) -> list[tuple[int, int, Node, Node]]:
        """(start, end, array, expression of it) in units."""
        made, start = [], 0
        for leaf, root in zip(self.leaves, self.roots, strict=True):
            made.append((start, start + _width(leaf), leaf, root))
            start += _width(leaf)
        return made

    @property
    def lines(self) -> tuple[str, ...]:
        """What is bound before the step."""
        parts = [
            f"{leaf.detail} = {self.name}{_place(start, end)}"
            for start, end, leaf, _ in self.places
        ]
        return (f'{self.name} = self._array("{self.name}", n, {self.width})', *parts)

    def compute(self, calls: Calls) -> None:
        """The calls that leave all the values, each known as that of its expression."""
        common = array(self.name, ("N", self.width))
        (leaf, *_), (root, *_) = self.leaves, self.roots
        made: dict[Node, Node] = {leaf: common}
        for item in walk(root):
            if item not in made:
                made[item] = remade(item, tuple(made[a] for a in item.args))
        found = calls.array(made[root])
        for start, end, part, expression in self.places:
            suffix = str(part.detail)
            calls.known[expression] = calls.view(found, suffix, _place(start, end))


def _place(start: int, end: int) -> str:
    return f".ravel()[n * {start} : n * {end}].reshape(n, {end - start})"


def _width(leaf: Node) -> int:
    width = leaf.shape[1]
    assert isinstance(width, int)
    return width


def groups(
    calls: Calls, forward: Sequence[tuple[str, Node]], backward: Sequence[Node]
) -> tuple[Group, ...]:
    """The expressions of the backward pass that several results of the forward pass share."""
    results = {name for name, node in forward if node.op in ELEMENTWISE | {"matmul"}}
    before = {item for _, node in forward for item in walk(node) if item.op not in LEAVES}
    alike: dict[Hashable, dict[Node, Node]] = {}
    for root in backward:
        for leaf, item in _single(root, before):
            if leaf.detail in results and leaf.rank == 2 and _width(leaf) <= WIDEST:
                alike.setdefault(_pattern(item, leaf), {}).setdefault(leaf, item)
    made: list[Group] = []
    taken: set[Node] = set()
    for found in alike.values():
        chosen = {leaf: item for leaf, item in found.items() if leaf not in taken}
        if len(chosen) > 1 and sum(map(_width, chosen)) <= MOST:
            name = calls.fresh("together" if not made else f"together{len(made) + 1}")
            made.append(Group(name, tuple(chosen), tuple(chosen.values())))
            taken |= set(chosen)
    return tuple(made)


def regrouped(root: Node) -> Node:
    """A product with the factors that read one and the same array multiplied first."""
    parts = factors(root)
    alike: dict[Node, list[Node]] = {}
    for factor in parts:
        leaf = _leaf(factor, set())
        if leaf is not None and leaf.shape == factor.shape == root.shape:
            alike.setdefault(leaf, []).append(factor)
    several = [group for group in alike.values() if len(group) > 1]
    if not several or len(several[0]) == len(parts):
        return root
    (group, *_) = several
    first = reduce(lambda a, b: ufunc("mul", a, b), group)
    return reduce(lambda a, b: ufunc("mul", a, b), [f for f in parts if f not in group] + [first])


def _single(root: Node, before: set[Node]) -> list[tuple[Node, Node]]:
    """The largest new elementwise expressions of one array, with that array."""
    found: list[tuple[Node, Node]] = []
    seen: set[Node] = set()
    todo = [root]
    while todo:
        item = todo.pop()
        if item in seen:
            continue
        seen.add(item)
        leaf = _leaf(item, before)
        if leaf is not None and leaf is not item and leaf.shape == item.shape:
            found.append((leaf, item))
        else:
            todo.extend(reversed(item.args))
    return found


def _leaf(root: Node, before: set[Node]) -> Node | None:
    """The one array that an elementwise expression reads."""
    leaves = set()
    for item in walk(root):
        if item.op == "array":
            leaves.add(item)
        elif item.op != "number" and (item.op not in ELEMENTWISE or item in before):
            return None
    return leaves.pop() if len(leaves) == 1 else None


def _pattern(root: Node, leaf: Node) -> Hashable:
    """The expression with its array left open."""
    if root is leaf:
        return "o"
    return (root.op, root.detail, *(_pattern(a, leaf) for a in root.args))
