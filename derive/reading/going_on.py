r"""Lists with dots: what their last part means, as the first ones show it: x_1, x_2, \dots, x_n.

Alone x_n may be the n-th sample; behind x_1 and dots it is the last entry.
"""

from __future__ import annotations

from dataclasses import replace

from derive.reading.tree import Dots, Entry, Grid, Listed, Node, Num, Plus, Times, rebuilt, walk


def continued(node: Node) -> Node:
    """The node with the last parts of its lists read as the first ones are."""
    if not any(isinstance(part, Dots) for part in walk(node)):
        return node
    node = rebuilt(node, continued)
    match node:
        case Plus(args=args) | Times(args=args):
            return replace(node, args=_like_first(args))
        case Listed(items=items):
            return replace(node, items=_like_first(items))
        case Grid(rows=rows) if len(rows) > 1 and all(len(row) == 1 for row in rows):
            column = _like_first(tuple(row[0] for row in rows))
            return replace(node, rows=tuple((one,) for one in column))
        case Grid(rows=rows):
            return replace(node, rows=tuple(_like_first(row) for row in rows))
    return node


def _like_first(parts: tuple[Node, ...]) -> tuple[Node, ...]:
    if len(parts) < 3 or not isinstance(parts[-2], Dots):
        return parts
    return (*parts[:-1], _like(parts[0], parts[-1]))


def _like(first: Node, last: Node) -> Node:
    """The last part, with an index where the first has a number as its index."""
    shown = [n for n in walk(first) if isinstance(n, Entry)]
    found = [n for n in walk(last) if isinstance(n, Entry)]
    if len(shown) != len(found):
        return last
    alike = {id(b): _indexed(a, b) for a, b in zip(shown, found, strict=True)}

    def visit(node: Node) -> Node:
        return alike.get(id(node)) or rebuilt(node, visit)

    return visit(last)


def _indexed(shown: Entry, entry: Entry) -> Entry:
    places = shown.places
    one = len(places) == 1 and isinstance(places[0], Num) and shown.sample is None
    if not one or shown.role != entry.role or entry.places or entry.sample is None:
        return entry
    return replace(entry, places=(entry.sample,), sample=None, form=shown.form)
