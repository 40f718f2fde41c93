"""Slips of sums, terms, entries and products of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import permutations, product

from derive.reading_tree import (
    Applied,
    Bound,
    Derivative,
    Dots,
    Entry,
    Grid,
    Letter,
    Listed,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Power,
    Times,
    Total,
    Transposed,
    Value,
    walk,
)
from derive.slip_indices import renamed
from derive.slip_signs import times, without
from derive.slip_sites import Site, changed, letters_in
from derive.slip_slopes import complement, is_slope
from derive.slip_view import ONE, TWO, View, is_number

Edits = Iterator[Node]
ONES = Letter("bold 1")
ENTRYWISE = ("odot", "circ", "ast")


# ------------------------------------------------------------------ sums


def sum_missing(site: Site, view: View) -> Edits:
    """sum_i a_i for a_i."""
    whole = site.parent is None or isinstance(site.parent, Plus | Minus | Times | Total | Over)
    if not whole or isinstance(site.node, Minus):
        return
    found = [x for x in letters_in(site.node) if x not in site.bound]
    for name in sorted(found, key=lambda x: x in view.free):
        yield Total("sum", (Bound(name),), site.node, span=site.node.span)
    samples = [n for n in walk(site.node) if isinstance(n, Entry) and view.batched(n)]
    n = view.scope.sample
    if samples and not view.samples_written(site.node):
        yield Total("sum", (Bound(n),), view.with_sample(site.node, n), span=site.node.span)


def sum_extra(site: Site, view: View) -> Edits:
    """a_i for sum_i a_i."""
    if isinstance(site.node, Total):
        yield site.node.body
        for bound in site.node.bounds if len(site.node.bounds) > 1 else ():
            rest = tuple(b for b in site.node.bounds if b != bound)
            yield replace(site.node, bounds=rest)


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


# ------------------------------------------------------------------ terms and factors


def term_extra(site: Site, view: View) -> Edits:
    """a for a + b."""
    if isinstance(site.node, Plus):
        args = site.node.args
        for k in reversed(range(len(args))):
            rest = (*args[:k], *args[k + 1 :])
            if not is_number(_bare(args[k])):
                yield rest[0] if len(rest) == 1 else replace(site.node, args=rest)


def constant_extra(site: Site, view: View) -> Edits:
    """a for a + 1."""
    if isinstance(site.node, Plus):
        args = site.node.args
        for k in range(len(args)):
            rest = (*args[:k], *args[k + 1 :])
            if is_number(_bare(args[k])):
                yield rest[0] if len(rest) == 1 else replace(site.node, args=rest)


def constant_missing(site: Site, view: View) -> Edits:
    """1 + a for a, 1 - a for a."""
    if not is_number(site.node) and not isinstance(site.parent, Derivative | Plus):
        yield Plus((ONE, Minus(_bare(site.node))), span=site.node.span)
        yield Plus((ONE, site.node), span=site.node.span)


def constant_wrong(site: Site, view: View) -> Edits:
    """1 - a for 2 - a."""
    if isinstance(site.node, Num) and isinstance(site.parent, Plus | Minus | None):
        for by in (1, -1):
            if site.node.value + by >= 0:
                yield replace(site.node, value=site.node.value + by)


def _bare(node: Node) -> Node:
    return node.arg if isinstance(node, Minus) else node


def term_missing(site: Site, view: View) -> Edits:
    """a + b for a: a bias, a target, a quantity of the claim."""
    whole = site.parent is None or isinstance(site.parent, Times | Total | Derivative)
    argument = type(site.parent).__name__ in ("Applied", "Power", "Norm")
    if isinstance(site.node, Plus) or ((whole or argument) and not is_number(site.node)):
        for term in terms(site, view):
            args = site.node.args if isinstance(site.node, Plus) else (site.node,)
            if term not in map(_bare, args):
                yield Plus((*args, term), span=site.node.span)
                yield Plus((*args, Minus(term)), span=site.node.span)


def terms(site: Site, view: View) -> Edits:
    """What a writer may leave out of a sum."""
    arrays = view.is_array(site.node)
    form = "whole" if arrays else "entry"
    usable = [Letter(x) for x in view.usable(site)]
    forms = ("whole", "batch") if arrays else ("entry",)
    roles = ("bias", "target", "output", "activation", "error", "delta")
    for role, written in product(roles, forms):
        for node in view.units(role, written):
            if arrays or node.places[0] in usable or _numbered(node):
                yield node
    yield from weighted(view, form)
    weights = [e for e in view.entries if e.role in ("weight", "bias") and not e.step]
    for n in view.nodes:
        if isinstance(n, Applied) and n.order and len(n.args) == 1:  # what slopes are made of
            yield from (Power(replace(n, order=0), TWO), replace(n, order=0))
    for name in ("decay",):
        yield from (times(Value(name), w) for w in weights)
    yield from weights


def weighted(view: View, form: str) -> Edits:
    """The weighted sums of the outputs of a layer: sum_j w_ij o_j, W o, O W."""
    j, k = Letter(view.fresh), view.free[:1]
    for label in view.labels:
        units = (Entry("activation", "", label.shifted(-1)), Entry("input", "", None))
        for o in units:
            w = Entry("weight", "", label)
            if form == "entry":
                for i in map(Letter, k):
                    for places in ((i, j), (j, i)):
                        made = times(replace(w, places=places), replace(o, places=(j,)))
                        yield Total("sum", (Bound(j.name),), made)
                continue
            w, x, batch = (
                replace(e, form=f) for e, f in ((w, "whole"), (o, "whole"), (o, "batch"))
            )
            yield from (times(w, x), times(Transposed(w), x))
            yield from (times(batch, w), times(batch, Transposed(w)))


def _numbered(node: Entry) -> bool:
    return isinstance(node.places[0], Num)


def factor_missing(site: Site, view: View) -> Edits:
    """a b for a: a quantity of the claim, a derivative of its chain."""
    whole = site.parent is None or isinstance(site.parent, Plus | Minus | Total | Times)
    if not whole or isinstance(site.node, Minus | Num) or is_number(site.node):
        return
    if isinstance(site.parent, Times) or (isinstance(site.node, Plus) and site.path):
        return
    usable = [Letter(x) for x in view.usable(site)]
    for role in ("activation", "delta", "error", "input", "bias"):
        for node in view.units(role):
            if node.places[0] in usable or _numbered(node):
                yield times(site.node, node, span=site.node.span)
    for label in view.labels:
        for a, b in permutations(usable, 2):
            weight = Entry("weight", "", label, (a, b))
            yield times(weight, site.node, span=site.node.span)


def factor_extra(site: Site, view: View) -> Edits:
    """a for a b."""
    if isinstance(site.node, Times):
        for k in reversed(range(len(site.node.args))):
            arg = site.node.args[k]
            if not (is_number(arg) or is_slope(arg) or complement(arg) is not None):
                yield without(site.node, k)


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
    width = len(node.rows[0])
    row, col = divmod(k, width)
    cells = (*node.rows[row][:col], new, *node.rows[row][col + 1 :])
    return replace(node, rows=(*node.rows[:row], cells, *node.rows[row + 1 :]))


# ------------------------------------------------------------------ products of matrices


def transposed(site: Site, view: View) -> Edits:
    """W^T for W, W for W^T."""
    if isinstance(site.node, Transposed):
        before_ones = isinstance(site.parent, Times) and site.parent.args[-1] == ONES
        if not (before_ones and isinstance(site.node.arg, Entry)):  # no column before ones
            yield site.node.arg
    elif (
        view.is_array(site.node)
        and isinstance(site.node, Entry | Times | Plus | Grid | Derivative)
        and not isinstance(site.parent, Transposed | Derivative)
    ):
        yield Transposed(site.node, span=site.node.span)


def order_of_factors(site: Site, view: View) -> Edits:
    """A B for B A."""
    if not isinstance(site.node, Times):
        return
    args = site.node.args
    arrays = [view.is_array(arg) for arg in args]
    for k in range(len(args) - 1):
        swapped = (*args[:k], args[k + 1], args[k], *args[k + 2 :])
        column = args[k] == ONES and isinstance(args[k + 1], Entry)  # none stands before ones
        if arrays[k] and arrays[k + 1] and site.node.signs[k] not in ENTRYWISE and not column:
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
            new = "" if sign in ENTRYWISE else "odot"
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


def bound_renamed(site: Site, view: View) -> Edits:
    """sum_k a_k for sum_i a_i where i stands for something else outside."""
    if isinstance(site.node, Total):
        for bound in site.node.bounds:
            yield renamed(site.node, {bound.name: view.fresh})
