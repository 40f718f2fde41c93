"""Slips of sums and of lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial, reduce
from itertools import combinations

from derive.reading.tree import (
    Bound,
    Derivative,
    Dots,
    Entry,
    Letter,
    Listed,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Size,
    Times,
    Total,
    walk,
)
from derive.slips.signs import times, without
from derive.slips.sites import Site, changed, letters_in
from derive.slips.view import View, is_number

Edits = Iterator[Node]


# ------------------------------------------------------------------ sums


def sum_missing(site: Site, view: View) -> Edits:
    """sum_i a_i for a_i, where i is undefined."""
    if not _summed(site):
        return
    found = [x for x in _unbound(site.node) if x not in site.bound and x not in view.free]
    for names in ([found] if len(found) > 1 else []) + [[x] for x in found]:
        yield _with_sum(names, site.node)
    for name in found:  # from 0: with the threshold
        yield Total("sum", (Bound(name, Num(Fraction(0))),), site.node, span=site.node.span)


def _with_sum(names: list[str], node: Node) -> Node:
    """The sum over the node, numbers in front of it; under the sum that stands there already."""
    bounds = tuple(map(Bound, names))
    if isinstance(node, Total) and node.kind == "sum" and all(b.low is None for b in node.bounds):
        return replace(node, bounds=(*node.bounds, *bounds))
    if isinstance(node, Times) and is_number(node.args[0]) and not node.signs[0]:
        rest = without(node, 0)
        return times(node.args[0], Total("sum", bounds, rest), span=node.span)
    return Total("sum", bounds, node, span=node.span)


def sum_over_a_free_index(site: Site, view: View) -> Edits:
    """sum_i a_i for a_i, where i is an index of the left side."""
    for name in _unbound(site.node) if _summed(site) else ():
        if name in view.free and name not in site.bound:
            yield Total("sum", (Bound(name),), site.node, span=site.node.span)


def _unbound(node: Node) -> list[str]:
    """The letters of indices over which no sum in the formula runs already."""
    bound = {b.name for n in walk(node) if isinstance(n, Total) for b in n.bounds}
    return [name for name in letters_in(node) if name not in bound]


def sum_over_the_samples(site: Site, view: View) -> Edits:
    """sum_n a_n for a, where no sample is named."""
    if not _summed(site):
        return
    samples = [n for n in walk(site.node) if isinstance(n, Entry) and view.batched(n)]
    n = view.scope.sample
    if samples and not view.samples_written(site.node):
        yield Total("sum", (Bound(n),), view.with_sample(site.node, n), span=site.node.span)


def _summed(site: Site) -> bool:
    """Whether a sum may stand before the node."""
    parent = site.parent
    whole = parent is None or isinstance(parent, Plus | Minus | Times | Total | Over | Derivative)
    return whole and not isinstance(site.node, Minus)


def sum_extra(site: Site, view: View) -> Edits:
    """a_i for sum_i a_i."""
    if isinstance(site.node, Total):
        yield site.node.body
        for bound in site.node.bounds if len(site.node.bounds) > 1 else ():
            rest = tuple(b for b in site.node.bounds if b != bound)
            yield replace(site.node, bounds=rest)


def index_of_two_sums(site: Site, view: View) -> Edits:
    """sum_k w_kj a_k for sum_j w_jj a_j, where j has its meaning outside the sum already."""
    if not isinstance(site.node, Total) or len(site.node.bounds) > 1:
        return
    bound, new = site.node.bounds[0], Letter(view.fresh)
    taken = bound.name in site.bound or bound.name in view.free
    places = [n for n in walk(site.node.body) if isinstance(n, Letter) and n.name == bound.name]
    for count in range(1, len(places)) if taken and len(places) < 7 else ():
        for chosen in combinations(places, count):
            body = reduce(lambda made, old: _letter_at(made, old, new), chosen, site.node.body)
            yield replace(site.node, bounds=(replace(bound, name=new.name),), body=body)


def _letter_at(node: Node, old: Letter, new: Letter) -> Node:
    """The formula with another letter in the place of this very one."""
    if node is old:
        return replace(new, span=old.span)
    return changed(node, lambda part: _letter_at(part, old, new))


def sum_over_another_index(site: Site, view: View) -> Edits:
    """sum_i for sum_j."""
    if isinstance(site.node, Total):
        inside = letters_in(site.node.body)
        for k, bound in enumerate(site.node.bounds):
            for name in (*inside, view.scope.sample):
                if name not in {b.name for b in site.node.bounds}:
                    new = replace(bound, name=name)
                    bounds = (*site.node.bounds[:k], new, *site.node.bounds[k + 1 :])
                    yield replace(site.node, bounds=bounds)


def end_of_a_sum(site: Site, view: View) -> Edits:
    """sum_{i=1}^d for sum_{i=1}^m, where both are sizes of the network; a sum to no number."""
    if not isinstance(site.node, Total):
        return
    sizes = view.scope.size_names
    for k, bound in enumerate(site.node.bounds):
        high = bound.high
        own = high.name if isinstance(high, Size) else ""
        own = sizes.get(high.name, "") if isinstance(high, Letter) else own
        ends: list[Node | None] = [Letter(x) for x, name in sizes.items() if name != own]
        for end in ends if own else [None] if isinstance(high, Num) else []:
            new = replace(bound, high=end, low=None if end is None else bound.low)
            bounds = (*site.node.bounds[:k], new, *site.node.bounds[k + 1 :])
            yield replace(site.node, bounds=bounds)


def kind_of_operator(site: Site, view: View) -> Edits:
    """A sum for a product or a maximum."""
    if isinstance(site.node, Total):
        kinds = ("sum", "prod", "max", "min")
        yield from (replace(site.node, kind=k) for k in kinds if k != site.node.kind)


def factor_of_a_sum(site: Site, view: View) -> Edits:
    """sum_i (a_i b) for (sum_i a_i) b, where b has the letter too."""
    match site.node:
        case Times(args=(*front, Total() as total, last)):
            yield times(*front, replace(total, body=times(total.body, last)), span=site.node.span)
        case Times(args=(first, Total() as total)):
            yield replace(total, body=times(first, total.body), span=site.node.span)
        case Total(body=Times(args=(*front, last))):
            inner = replace(site.node, body=times(*front))
            yield times(inner, last, span=site.node.span)


def list_for_a_sum(site: Site, view: View) -> Edits:
    """a + b for the list a, b."""
    if isinstance(site.node, Listed):
        yield Plus(site.node.items, span=site.node.span)


def range_with_dots(site: Site, view: View) -> Edits:
    """a_1 + ... + a_N for a_0 + a_1 + ... + a_N or a_0 + ... + a_N."""
    items = site.node.args if isinstance(site.node, Plus) else ()
    if any(isinstance(item, Dots) for item in items):
        if not isinstance(items[1], Dots):
            yield replace(site.node, args=items[1:])  # type: ignore[call-arg]
        for k, by in ((0, 1), (0, -1), (len(items) - 1, 1), (len(items) - 1, -1)):
            moved = changed(items[k], partial(_numbered_on, by))
            yield replace(site.node, args=(*items[:k], moved, *items[k + 1 :]))  # type: ignore[call-arg]


def _numbered_on(by: int, node: Node) -> Node:
    """The next sample."""
    if isinstance(node, Entry) and isinstance(node.sample, Num):
        return replace(node, sample=Num(node.sample.value + by))
    return changed(node, partial(_numbered_on, by))


def two_equations(site: Site, view: View) -> Edits:
    """a = b, c = d for a = b c = d."""
    if site.parent is None and isinstance(site.node, Times):
        last = site.node.args[-1]
        if isinstance(last, Derivative):
            yield without(site.node, len(site.node.args) - 1)
