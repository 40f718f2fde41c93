"""Weights and bias of a narrow layer as one matrix, for an input with a column of ones.

[W; b] lies in one piece of the flat parameters, so that s = [x, 1] [W; b] is one product, and
[dW; db] = [x, 1]^T delta another: no broadcast, no sum over the samples.  For wide layers the
unaligned rows cost more than the two calls saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codegen.emitting.plan import Plan, Step
from codegen.lowering.nodes import Node, array, matmul, node, transpose

WIDEST = {"input": 64, "hidden": 128}  # columns up to which joining was measured to be faster


@dataclass(frozen=True)
class Join:
    """s = source @ W + sign * b as one product."""

    name: str  # of s
    source: str
    weight: str
    bias: str
    sign: int
    shape: tuple[int, int]  # of W
    delta: str

    @property
    def both(self) -> str:
        """The name of [W; b]."""
        return self.weight + self.bias

    @property
    def rows(self) -> str:
        """The name of [W; b] without the row of the bias, where that is wider than W."""
        return self.both + "_0"

    @property
    def wide(self) -> str:
        """The name of the source with its column of ones."""
        return self.source + "_1"

    @property
    def inner(self) -> str:
        """The name of the part of it that holds the source."""
        return self.source + "_0"

    @property
    def ones(self) -> tuple[str, ...]:
        """What is bound before the step where the column of ones is beside a copy."""
        rows = self.shape[0] + 1
        return (
            f'{self.wide} = self._array("{self.wide}", n, {rows})',
            f"{self.wide}[:, {rows - 1}] = {self.sign}",
            f"{self.inner} = {self.wide}[:, :{rows - 1}]",
        )

    def forward(self, source: str, columns: int) -> Node:
        """s, from the source with its column of ones."""
        rows = self.shape[0] + 1
        return matmul(array(source, ("N", rows)), array(self.both, (rows, columns)))

    def backward(self, source: str, columns: int) -> Node:
        """[dW; db]."""
        wide = transpose(array(source, ("N", self.shape[0] + 1)), (1, 0))
        return matmul(wide, array(self.delta, ("N", columns)))


def joins(plan: Plan, gradients: Mapping[str, Node], parameters: Sequence[str]) -> tuple[Join, ...]:
    """The layers whose weights and bias are used as one matrix."""
    found = (_join(step, gradients, parameters) for step in plan.forward)
    return tuple(join for join in found if join is not None)


def _join(step: Step, gradients: Mapping[str, Node], order: Sequence[str]) -> Join | None:
    """The layer as a join, where its equations have that form and its input is narrow."""
    if step.node.op not in ("add", "sub"):
        return None
    product, bias = step.node.args
    if product.op != "matmul" or any(a.op != "array" for a in (*product.args, bias)):
        return None
    source, weight = product.args
    w, b, o = str(weight.detail), str(bias.detail), str(source.detail)
    if list(order[order.index(w) : order.index(w) + 2] if w in order else ()) != [w, b]:
        return None
    rows, columns = weight.shape
    narrow = WIDEST["input" if o == "x" else "hidden"]
    if not isinstance(rows, int) or not isinstance(columns, int) or rows > narrow:
        return None
    sign = 1 if step.node.op == "add" else -1
    slope, total = gradients[w], gradients[b]
    if slope.op != "matmul" or slope.args[0] is not transpose(source, (1, 0)):
        return None
    delta = slope.args[1]
    plain = node("sum", delta, detail=(0,), shape=(columns,))
    expected = plain if sign > 0 else node("neg", plain, shape=(columns,))
    if delta.op != "array" or total is not expected:
        return None
    return Join(step.name, o, w, b, sign, (rows, columns), str(delta.detail))
