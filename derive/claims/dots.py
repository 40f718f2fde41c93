"""Sequences with dots written out: C_0 + C_1 + ... + C_N, w_11, ..., w_1n."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from fractions import Fraction
from typing import Any

from derive.reading.tree import Dots, Node, Num, rebuilt


def continued(
    items: tuple[Node, ...], whole: Callable[[Node], int] | None = None
) -> Iterator[Node]:
    """The items; dots between two that differ in one number become those between."""
    for k, item in enumerate(items):
        if not isinstance(item, Dots):
            yield item
            continue
        if whole is None or not 0 < k < len(items) - 1:
            yield item
            continue
        before, after = items[k - 1], items[k + 1]
        gap = _difference(before, after)
        if gap is None:
            yield item
            continue
        first, last = whole(gap[0]), whole(gap[1])
        for value in range(first + 1, last):
            yield _with(before, gap[0], Num(Fraction(value)))


def _difference(a: Any, b: Any) -> tuple[Node, Node] | None:
    """The only parts in which two trees differ."""
    if a == b:
        return None
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        found = [d for x, y in zip(a, b, strict=True) if x != y and (d := _difference(x, y))]
        return found[0] if len(found) == 1 else None
    if isinstance(a, Node) and isinstance(b, Node):
        if type(a) is not type(b) or isinstance(a, Num):
            return a, b
        found = []
        for f in fields(a):
            x, y = getattr(a, f.name), getattr(b, f.name)
            if f.name != "span" and x != y and (d := _difference(x, y)):
                found.append(d)
        return found[0] if len(found) == 1 else None
    return None


def _with(node: Node, old: Node, new: Node) -> Node:
    """The tree with the part at that very place replaced."""
    if node is old:
        return new
    return rebuilt(node, lambda part: _with(part, old, new))
