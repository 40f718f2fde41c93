"""Entries of tensors, Kronecker deltas and range guards as arrays with named axes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce as fold

from codegen.lowering.affine import read
from codegen.lowering.contract import Labelled, Rank, elementwise
from codegen.lowering.nodes import (
    Node,
    array,
    node,
    number,
    transpose,
)
from derive.algebra.terms import (
    Affine,
    Delta,
    Extent,
    Guard,
    Ref,
    Tensor,
)
from derive.errors import NotYet


def entry(
    ref: Ref, shapes: Mapping[Tensor, tuple[Extent, ...]], last: frozenset[Tensor] = frozenset()
) -> Labelled:
    """An entry t[i, j] is the whole array t with the axes i, j; windows of it at affine places.

    Tensors in `last` lie in memory with the samples as their last axis.
    """
    shape, places = shapes[ref.tensor], ref.at
    if ref.tensor.batched:
        shape = ("N", *shape)
    found = array(str(ref.tensor), shape)
    if ref.tensor in last:
        shape, places = (*shape[1:], shape[0]), (*places[1:], places[0])
        if ref.tensor.role == "input":
            found = node("copy", transpose(found, (*range(1, len(shape)), 0)), shape=shape)
        else:
            found = array(str(ref.tensor), shape)
    return read(found, places, ref.lowest)


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


def extent(size: Extent) -> Node:
    """The size of a range, as a number or by name."""
    return number(size) if isinstance(size, int) else node("size", detail=size)


def _whole(extent: Extent) -> int:
    if not isinstance(extent, int):
        raise NotYet(f"the size {extent} is not known")
    return extent
