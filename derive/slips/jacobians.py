"""Slips of Jacobians: of softmax, where every output depends on every input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from derive.reading.tree import (
    Bound,
    Derivative,
    Entry,
    Letter,
    Minus,
    Node,
    Plus,
    Times,
    Total,
)
from derive.slips.indices import put_for
from derive.slips.signs import times, without
from derive.slips.sites import Site
from derive.slips.slopes import complement, in_place, written_slopes
from derive.slips.view import View

Edits = Iterator[Node]


def kronecker_for_one(site: Site, view: View) -> Edits:
    """o_j ([i = j] - o_i) for o_j (1 - o_j): all of a Jacobian, not its diagonal alone."""
    for _, x in written_slopes(site.node):
        if isinstance(site.node, Times) and isinstance(x, Entry):
            for name, k in product(view.usable(site), range(len(x.places))):
                other, place = Letter(name), x.places[k]
                if other != place:
                    moved = Plus((view.same(place, other), Minus(at_place(x, k, other))))
                    yield from (in_place(site.node, pair, times(x, moved))
                                for pair, _ in written_slopes(site.node))  # fmt: skip


def kronecker_for_a_one(site: Site, view: View) -> Edits:
    """[i = j] - o_j for 1 - o_j."""
    x = complement(site.node)
    for place in x.places if isinstance(x, Entry) else ():
        for name in view.usable(site):
            if Letter(name) != place and x is not None:
                yield Plus((view.same(place, Letter(name)), Minus(x)), span=site.node.span)


def at_place(x: Entry, k: int, new: Node) -> Entry:
    """The entry with another index k."""
    return replace(x, places=(*x.places[:k], new, *x.places[k + 1 :]))


def diagonal_missing(site: Site, view: View) -> Edits:
    """o_i ([i = j] - o_j) for -o_i o_j and for o_i o_j."""
    match site.node:
        case Minus(Times(args=(Entry(places=(i,)) as x, Entry(places=(j,)) as y))):
            if x.role == y.role and i != j:
                yield times(x, Plus((view.same(i, j), Minus(y))), span=site.node.span)
        case Times(args=(Entry(places=(i,)) as x, Entry(places=(j,)) as y)):
            if x.role == y.role and i != j:
                yield times(x, Plus((view.same(i, j), Minus(y))), span=site.node.span)


def all_of_the_jacobian(site: Site, view: View) -> Edits:
    """sum_k a_k o_k ([k = i] - o_i) for a_i o_i (1 - o_i)."""
    k = Letter(view.fresh)
    for pair, x in written_slopes(site.node):
        for m in range(len(x.places)) if isinstance(x, Entry) and pair else ():
            assert isinstance(site.node, Times)
            assert isinstance(x, Entry)
            place = x.places[m]
            rest = times(*(a for n, a in enumerate(site.node.args) if n not in pair))
            row = times(at_place(x, m, k), Plus((view.same(k, place), Minus(x))))
            made = times(put_for(rest, place, k), row)
            yield Total("sum", (Bound(k.name),), made, span=site.node.span)


def all_of_a_derivative(site: Site, view: View) -> Edits:
    """sum_k a_k do_k/ds_i for a_i do_i/ds_i."""
    k = Letter(view.fresh)
    for n, factor in enumerate(site.node.args if isinstance(site.node, Times) else ()):
        match factor:
            case Derivative(of=Entry(places=(i,)) as o, by=(Entry(places=(j,)),)) if i == j:
                assert isinstance(site.node, Times)
                rest = put_for(without(site.node, n), i, k)
                body = times(rest, replace(factor, of=replace(o, places=(k,))))
                yield Total("sum", (Bound(k.name),), body, span=site.node.span)
