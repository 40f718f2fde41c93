"""Sums of products become matrix products: which two factors next, and in which orientation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

from codegen.lowering.nodes import Node, expand, matmul, node, reduce, squeeze, transpose, ufunc
from derive.algebra.terms import Index

Rank = Callable[[Index], int]

NOMINAL = 64  # stands for a size that is not known when the code is made: the number of samples


@dataclass(frozen=True)
class Labelled:
    """An array whose axes are named by indices."""

    node: Node
    axes: tuple[Index, ...] = ()

    def arranged(self, order: Sequence[Index]) -> Labelled:
        """The same array with its axes in the given order."""
        return Labelled(
            transpose(self.node, tuple(self.axes.index(i) for i in order)), tuple(order)
        )


def size(index: Index) -> int:
    """The length of the axis, for counting operations."""
    return index.size if isinstance(index.size, int) else NOMINAL


def aligned(parts: Sequence[Labelled], rank: Rank) -> tuple[tuple[Index, ...], list[Node]]:
    """Common axes in rank order, and every array with its axes so placed that NumPy broadcasts."""
    met = dict.fromkeys(i for p in parts for i in p.axes)  # in an order that is always the same
    axes = tuple(sorted(met, key=rank))
    nodes = []
    for part in parts:
        own = [i for i in axes if i in part.axes]
        missing = tuple(k for k, i in enumerate(axes) if i not in part.axes)
        moved = part.arranged(own).node
        nodes.append(expand(moved, missing) if own else moved)
    return axes, nodes


def elementwise(op: str, parts: Sequence[Labelled], rank: Rank) -> Labelled:
    """op(parts...) entry by entry."""
    axes, nodes = aligned(parts, rank)
    return Labelled(ufunc(op, *nodes), axes)


def summed(part: Labelled, indices: Sequence[Index]) -> Labelled:
    """The sum over some axes."""
    places = tuple(sorted(part.axes.index(i) for i in indices))
    return Labelled(
        reduce("sum", part.node, places), tuple(i for i in part.axes if i not in indices)
    )


def contract(factors: Sequence[Labelled], bound: Sequence[Index], rank: Rank) -> Labelled:
    """Sum over `bound` of the product of `factors`, two factors at a time, cheapest pair first."""
    left = list(factors)
    while len(left) > 1:
        one, two = min(combinations(range(len(left)), 2), key=lambda p: _cost(left, p, bound))
        rest = [f for k, f in enumerate(left) if k not in (one, two)]
        elsewhere = {i for f in rest for i in f.axes}
        over = [i for i in bound if i not in elsewhere]
        left = [*rest[:one], _pair(left[one], left[two], over, rank), *rest[one:]]
    return summed(left[0], [i for i in bound if i in left[0].axes])


def _cost(left: list[Labelled], pair: tuple[int, int], bound: Sequence[Index]) -> tuple[int, int]:
    """Multiplications of the pair; then the size of what it leaves."""
    union = {i for k in pair for i in left[k].axes}
    elsewhere = {i for k, f in enumerate(left) if k not in pair for i in f.axes}
    stay = [i for i in union if i not in bound or i in elsewhere]
    return prod(map(size, union)), prod(map(size, stay))


def _pair(a: Labelled, b: Labelled, over: Sequence[Index], rank: Rank) -> Labelled:
    """Sum over `over` of a*b."""
    lone_a = [i for i in over if i in a.axes and i not in b.axes]
    lone_b = [i for i in over if i in b.axes and i not in a.axes]
    a, b = summed(a, lone_a), summed(b, lone_b)
    shared = [i for i in over if i in a.axes and i in b.axes]
    batch = sorted((i for i in a.axes if i in b.axes and i not in shared), key=rank)
    free_a = sorted((i for i in a.axes if i not in b.axes), key=rank)
    free_b = sorted((i for i in b.axes if i not in a.axes), key=rank)
    if not shared or (batch and not free_a and not free_b):
        return summed(elementwise("mul", (a, b), rank), shared)
    if free_b and (not free_a or rank(free_b[0]) < rank(free_a[0])):
        a, b, free_a, free_b = b, a, free_b, free_a
    if len(shared) > 1 or len(free_a) > 1 or len(free_b) > 1:
        return _many(a, b, batch, free_a, free_b, shared)
    return _matrices(a, b, batch, free_a, free_b, shared)


def _matrices(
    a: Labelled,
    b: Labelled,
    batch: list[Index],
    free_a: list[Index],
    free_b: list[Index],
    shared: list[Index],
) -> Labelled:
    """One matrix product, for every value of the batch indices."""
    left = a.arranged([*batch, *free_a, *shared]).node
    right = b.arranged([*batch, *shared, *free_b]).node
    axes = (*batch, *free_a, *free_b)
    if batch and not free_b:  # a matrix times a vector: the vector as a matrix of one column
        column = matmul(left, expand(right, (right.rank,)))
        return Labelled(squeeze(column, column.rank - 1), axes)
    if batch and not free_a:
        row = matmul(expand(left, (left.rank - 1,)), right)
        return Labelled(squeeze(row, row.rank - 2), axes)
    return Labelled(matmul(left, right), axes)


def _many(
    a: Labelled,
    b: Labelled,
    batch: list[Index],
    free_a: list[Index],
    free_b: list[Index],
    shared: list[Index],
) -> Labelled:
    """Several summed or free axes: tensordot, or matrix products for every batch index.

    Where one factor has no axis of its own, or the samples would have to be joined with other axes,
    a matrix product would only copy: einsum needs a single pass (measured: 2.5 times as fast).
    """
    if batch:
        groups = (free_a, free_b, shared)
        alone = any(_apart(i, group) for group in groups for i in group)
        if alone or not free_a or not free_b:
            return _one_pass(a, b, (*batch, *free_a, *free_b), shared)
        return _stacked(a, b, batch, free_a, free_b, shared)
    places = tuple(tuple(f.axes.index(i) for i in shared) for f in (a, b))
    free = [i for i in a.axes if i in free_a], [i for i in b.axes if i in free_b]
    plain = (*free[0], *free[1])
    shape = tuple(i.size for i in plain)
    return Labelled(node("tensordot", a.node, b.node, detail=places, shape=shape), plain)


def _one_pass(a: Labelled, b: Labelled, axes: tuple[Index, ...], shared: list[Index]) -> Labelled:
    """The sum over the shared axes, by einsum."""
    letters = {i: chr(ord("a") + k) for k, i in enumerate((*axes, *shared))}
    left, right, out = ("".join(letters[i] for i in part) for part in (a.axes, b.axes, axes))
    shape = tuple(i.size for i in axes)
    return Labelled(
        node("einsum", a.node, b.node, detail=f"{left},{right}->{out}", shape=shape), axes
    )


def _stacked(
    a: Labelled,
    b: Labelled,
    batch: list[Index],
    rows: list[Index],
    columns: list[Index],
    shared: list[Index],
) -> Labelled:
    """One matrix product for every batch index, several axes joined to one where they must be."""
    left, right = _joined(a, batch, rows, shared), _joined(b, batch, shared, columns)
    made = matmul(left, right)
    axes = (*batch, *rows, *columns)
    shape = tuple(i.size for i in axes)
    if len(made.shape) != len(shape):
        made = node("split", made, detail=(len(batch), shape), shape=shape)
    return Labelled(made, axes)


def _apart(index: Index, group: Sequence[Index]) -> bool:
    """Whether the index stands in a group that cannot be joined with it."""
    return len(group) > 1 and not isinstance(index.size, int)


def _joined(
    part: Labelled, stack: Sequence[Index], rows: Sequence[Index], columns: Sequence[Index]
) -> Node:
    """The array with one axis for all rows and one for all columns, behind those of the stack."""
    found = part.arranged([*stack, *rows, *columns]).node
    groups = (rows, columns)
    if all(len(group) == 1 for group in groups):
        return found
    joined = [g[0].size if len(g) == 1 else prod(map(size, g)) for g in groups]
    return node("merge", found, shape=(*(i.size for i in stack), *joined))
