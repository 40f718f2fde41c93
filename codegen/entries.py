"""Entries of tensors, Kronecker deltas and range guards as arrays with named axes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce as fold

from codegen.contract import Labelled, Rank, elementwise
from codegen.nodes import (
    Node,
    array,
    node,
    number,
    transpose,
)
from derive.errors import NotYet
from derive.terms import (
    Affine,
    Delta,
    Extent,
    Guard,
    Index,
    Ref,
    Tensor,
)


def entry(ref: Ref, shapes: Mapping[Tensor, tuple[Extent, ...]]) -> Labelled:
    """An entry t[i, j] is the whole array t with the axes i, j."""
    shape = shapes[ref.tensor]
    if ref.tensor.batched:
        shape = ("N", *shape)
    found = array(str(ref.tensor), shape)
    axes: list[Index] = []
    fixed: list[tuple[int, int]] = []
    for k, place in enumerate(ref.at):
        if not place.terms:
            fixed.append((k, place.offset))
        elif place.index is None:
            raise NotYet(f"an access at {place} has no array form yet")
        else:
            axes.append(place.index)
    for k, at in reversed(fixed):
        rest = tuple(s for m, s in enumerate(found.shape) if m != k)
        found = node("take", found, detail=(k, at), shape=rest)
    return _diagonal(found, axes)


def kronecker(delta: Delta, rank: Rank) -> Labelled:
    """1 where two index expressions are equal."""
    left, right = delta.left.index, delta.right.index
    if left is None or right is None:
        return _comparison("==", delta.left, delta.right, rank)
    if left == right:
        return Labelled(number(1))
    shape = (left.size, right.size)
    return Labelled(node("eye", detail=shape, shape=shape), (left, right))


def in_range(guard: Guard, rank: Rank) -> Labelled:
    """1 where an index expression is in its range."""
    low = _comparison(">=", guard.place, Affine(0), rank)
    high = _comparison("<", guard.place, Affine(_whole(guard.size)), rank)
    return elementwise("mul", (low, high), rank)


def _comparison(op: str, left: Affine, right: Affine, rank: Rank) -> Labelled:
    return elementwise(op, (values(left, rank), values(right, rank)), rank)


def values(place: Affine, rank: Rank) -> Labelled:
    """The values of an affine index expression."""
    parts = [Labelled(number(place.offset))] if place.offset or not place.terms else []
    for index, c in place.terms:
        steps = Labelled(node("arange", detail=index.size, shape=(index.size,)), (index,))
        parts.append(elementwise("mul", (Labelled(number(c)), steps), rank))
    return fold(lambda a, b: elementwise("add", (a, b), rank), parts)


def _diagonal(found: Node, axes: list[Index]) -> Labelled:
    """An array in which an index stands twice: its diagonal."""
    while len(set(axes)) < len(axes):
        twice = next(i for i in axes if axes.count(i) > 1)
        one, two = [k for k, i in enumerate(axes) if i == twice][:2]
        rest = [k for k in range(len(axes)) if k not in (one, two)]
        moved = transpose(found, (*rest, one, two))
        found = node("diagonal", moved, shape=moved.shape[:-1])
        axes = [*(axes[k] for k in rest), twice]
    return Labelled(found, tuple(axes))


def extent(size: Extent) -> Node:
    """The size of a range, as a number or by name."""
    return number(size) if isinstance(size, int) else node("size", detail=size)


def _whole(extent: Extent) -> int:
    if not isinstance(extent, int):
        raise NotYet(f"the size {extent} is not known")
    return extent
