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
        case Grid(rows=rows):
            return replace(node, rows=_grid(tuple(_like_first(row) for row in rows)))
    return node


def _grid(rows: tuple[tuple[Node, ...], ...]) -> tuple[tuple[Node, ...], ...]:
    """Rows with the last one read as the first one, and the end of the diagonal as its start."""
    if len({len(row) for row in rows}) > 1:
        return rows
    columns = (_like_first(column) for column in zip(*rows, strict=True))
    made = tuple(zip(*columns, strict=True))
    first, last = made[0][0], made[-1][-1]
    if not any(isinstance(cell, Dots) for cell in made[len(made) // 2]):
        return made
    return (*made[:-1], (*made[-1][:-1], _like(first, last)))


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
