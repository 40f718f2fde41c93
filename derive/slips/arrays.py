"""Slips of entries of arrays and of products of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

from derive.reading.tree import (
    Derivative,
    Dots,
    Entry,
    Grid,
    Letter,
    Listed,
    Node,
    Plus,
    Times,
    Transposed,
)
from derive.slips.signs import times
from derive.slips.sites import Site
from derive.slips.view import View

Edits = Iterator[Node]
ONES = Letter("bold 1")


# ------------------------------------------------------------------ entries of arrays


def cell_of_another(site: Site, view: View) -> Edits:
    """An entry that repeats another, with one index moved on."""
    cells = _cells(site.node)
    for k, cell in enumerate(cells):
        for other in dict.fromkeys(cells):
            if other != cell and not isinstance(other, Dots) and not isinstance(cell, Dots):
                yield _with_cell(site.node, k, other)
        for m in range(k + 1, len(cells)):
            if cells[m] != cell:
                swapped = _with_cell(site.node, k, cells[m])
                yield _with_cell(swapped, m, cell)


def _cells(node: Node) -> list[Node]:
    if isinstance(node, Grid):
        return [cell for row in node.rows for cell in row]
    return list(node.items) if isinstance(node, Listed) else []


def _with_cell(node: Node, k: int, new: Node) -> Node:
    if isinstance(node, Listed):
        return replace(node, items=(*node.items[:k], new, *node.items[k + 1 :]))
    assert isinstance(node, Grid)
    rows = []
    for row in node.rows:  # not all of one length, in a sheet that somebody wrote
        rows.append((*row[:k], new, *row[k + 1 :]) if 0 <= k < len(row) else row)
        k -= len(row)
    return replace(node, rows=tuple(rows))


# ------------------------------------------------------------------ products of matrices


def transposed(site: Site, view: View) -> Edits:
    """W^T for W, W for W^T."""
    if isinstance(site.node, Transposed):
        before_ones = isinstance(site.parent, Times) and site.parent.args[-1] == ONES
        if not (before_ones and isinstance(site.node.arg, Entry)):  # no column before ones
            yield site.node.arg
    elif (
        view.is_array(site.node)
        and (isinstance(site.node, Entry | Times | Plus | Grid | Derivative) or site.node == ONES)
        and not isinstance(site.parent, Transposed | Derivative)
    ):
        yield from _turned(site.node, view)
        yield Transposed(site.node, span=site.node.span)


def _turned(node: Node, view: View) -> Edits:
    """B A^T for A B^T: a product the other way round, without parentheses."""
    if isinstance(node, Times) and set(node.signs).isdisjoint(view.scope.entrywise):
        args = [a.arg if isinstance(a, Transposed) else Transposed(a) for a in node.args]
        if len(args) == 2 and any(isinstance(a, Transposed) for a in node.args):
            yield replace(node, args=tuple(reversed(args)))


def entrywise_for_inner(site: Site, view: View) -> Edits:
    """a (.) b for a^T b."""
    match site.node:
        case Times(args=(Transposed(arg=Entry() as a), *rest), signs=(sign, *signs)):
            if view.whole(a) and view.rank(a) == 1 and sign not in view.scope.entrywise:
                yield replace(site.node, args=(a, *rest), signs=("odot", *signs))


def order_of_factors(site: Site, view: View) -> Edits:
    """A B for B A."""
    if not isinstance(site.node, Times):
        return
    args, entrywise = site.node.args, view.scope.entrywise
    arrays = [view.is_array(arg) for arg in args]
    for k in range(len(args) - 1):
        swapped = (*args[:k], args[k + 1], args[k], *args[k + 2 :])
        column = args[k] == ONES and isinstance(args[k + 1], Entry)  # none stands before ones
        if arrays[k] and arrays[k + 1] and site.node.signs[k] not in entrywise and not column:
            yield replace(site.node, args=swapped)
    if 2 < len(args) < 5 and all(arrays) and len(set(site.node.signs)) == 1:
        for order in permutations(range(len(args))):
            yield replace(site.node, args=tuple(args[k] for k in order))


def order_with_signs(site: Site, view: View) -> Edits:
    """The order changed together with the signs: (A (.) B) C for A (B (.) C)."""
    node = site.node
    if isinstance(node, Times) and len(node.args) > 2 and view.is_array(node):
        for k in range(1, len(node.args)):
            args = (*node.args[k:], *node.args[:k])
            signs = (*node.signs[k:], node.signs[k - 1], *node.signs[: k - 1])
            yield replace(node, args=args, signs=signs)


def entrywise_product(site: Site, view: View) -> Edits:
    """a (.) b for a b, A B for A (.) B."""
    if isinstance(site.node, Times) and view.is_array(site.node):
        for k, sign in enumerate(site.node.signs):
            new = "" if sign in view.scope.entrywise else "odot"
            if new and ONES in site.node.args[k : k + 2]:
                continue
            signs = (*site.node.signs[:k], new, *site.node.signs[k + 1 :])
            yield replace(site.node, signs=signs)
        yield from _grouped(site.node)


def _grouped(node: Times) -> Edits:
    """A (b (.) c) for (A b) (.) c, and the other way round."""
    for k in range(len(node.args) - 1):
        inner = Times(node.args[k:], node.signs[k:])
        if k:
            yield Times((*node.args[:k], inner), node.signs[:k], span=node.span)


def ones_missing(site: Site, view: View) -> Edits:
    """A 1 or 1^T A for A: the sum over all samples of a batch."""
    ones = ONES
    if view.is_array(site.node) and (site.parent is None or isinstance(site.parent, Plus)):
        yield times(Transposed(ones), site.node, span=site.node.span)
        yield times(site.node, ones, span=site.node.span)
        yield times(Transposed(site.node), ones, span=site.node.span)
