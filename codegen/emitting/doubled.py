"""The sigmoid (1 + tanh(s/2))/2 without its halves, which the weights around it take over.

A layer with a unit that holds itself at 1 may keep u = 2 o = 1 + tanh(s/2) in place of o.  The
weights before it are then stored halved, those behind it as well; as a power of two this rounds
nothing.  Of a matrix P = c [W; b] behind a source that is a times as large, the descent is
P -= c/a source' delta, so that each delta is held c/a times as large, which the factor of the
first one and a factor 4 or 1/4 here and there bring about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from codegen.emitting.faster import faster
from codegen.emitting.joined import Join
from codegen.emitting.unit_columns import Units, back
from codegen.lowering.nodes import Node, array, factors, number, scalar, ufunc, walk

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Doubled:
    """The sigmoid layers that keep 2 o, by their s and their o."""

    joined: tuple[Join, ...]
    inputs: frozenset[str]
    outputs: frozenset[str]

    def scale(self, join: Join) -> Fraction:
        """c, how many times [W; b] is stored."""
        return (HALF if join.name in self.inputs else Fraction(1)) * self._behind(join)

    def _behind(self, join: Join) -> Fraction:
        return HALF if join.source in self.outputs else Fraction(1)

    def scales(self, parameters: Sequence[str]) -> tuple[str, ...]:
        """c of each parameter as text; nothing where all are 1."""
        found = {name: self.scale(j) for j in self.joined for name in (j.weight, j.bias)}
        if not self.outputs:
            return ()
        return tuple(repr(float(found.get(name, 1))) for name in parameters)

    def forward(self, name: str, item: Node) -> Node:
        """A result of the forward pass."""
        if name not in self.outputs:
            return item
        (s,) = (i for i in walk(item) if i.op == "array")
        return ufunc("add", ufunc("tanh", s), number(1))

    def backward(self, name: str, item: Node) -> Node:
        """An error, as large as the gradients need it."""
        factor = Fraction(1)
        own = [j for j in self.joined if j.delta == name]
        for join in own:
            factor *= self.scale(join) * self._behind(join)
        for join in self.joined:
            if back(join) in set(walk(item)):
                factor /= self.scale(join) ** 2 * self._behind(join)
                if join.source in self.outputs:
                    u = array(join.source, item.shape)
                    slope = ufunc("mul", u, ufunc("sub", number(2), u))
                    item, factor = ufunc("mul", back(join), slope), factor / 4
        return _times(factor, item)


def _times(factor: Fraction, item: Node) -> Node:
    """factor * item, within the learning rate where that is a factor."""
    if factor != 1 and item.op == "mul" and item.args[1].op == "scalar":
        scaled = scalar(f"{float(factor)!r} * {item.args[1].detail}")
        return ufunc("mul", item.args[0], scaled)
    return ufunc("mul", number(factor), item)


def doubled(
    joined: Sequence[Join],
    units: Units,
    forward: Mapping[str, Node],
    backward: Mapping[str, Node],
    others: Sequence[Node],
) -> Doubled:
    """The layers that can be kept so; `others` are further expressions of the step."""
    backs = {back(j): j for j in joined}
    made = {j.name for j in joined}
    roots = [*(n for k, n in forward.items() if k not in made), *backward.values(), *others]
    read = {str(i.detail) for root in roots for i in _outside(root, backs) if i.op == "array"}
    free = [
        j for j in joined if not {j.weight, j.bias, j.delta} & read and _factor(j, backward, others)
    ]
    inputs, outputs = set[str](), set[str]()
    for join in free:
        for first in free:
            shape = ("N", first.shape[1])
            s, o = array(first.name, shape), array(join.source, shape)
            slope = ufunc("sub", number(1), o)
            if (
                first.name in units.entries
                and forward.get(join.source) is faster(ufunc("sigmoid", s))
                and set(factors(backward[first.delta])) == {back(join), o, slope}
            ):
                inputs.add(first.name)
                outputs.add(join.source)
    return Doubled(tuple(joined), frozenset(inputs), frozenset(outputs))


def _outside(root: Node, backs: Mapping[Node, Join]) -> Iterator[Node]:
    """The parts of an expression, without what is in a product delta W'."""
    seen: set[Node] = set()
    stack = [root]
    while stack:
        item = stack.pop()
        if item not in seen and item not in backs:
            seen.add(item)
            yield item
            stack.extend(item.args)


def _factor(join: Join, backward: Mapping[str, Node], others: Sequence[Node]) -> bool:
    """Whether delta W' is nothing but a factor of errors."""
    item = back(join)
    readers = [n for n in backward.values() if item in set(walk(n))]
    alone = all(sum(item in set(walk(f)) for f in factors(n)) == 1 for n in readers)
    return (
        alone
        and all(item in factors(n) for n in readers)
        and not any(item in set(walk(n)) for n in others)
    )
