"""Slips of terms and factors: left out, or too many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, permutations, product

from derive.reading.tree import (
    Applied,
    Bound,
    Derivative,
    Entry,
    Letter,
    Minus,
    Node,
    Norm,
    Num,
    Plus,
    Power,
    Times,
    Total,
    Transposed,
    Value,
    walk,
)
from derive.slips.indices import put_for
from derive.slips.signs import times, without
from derive.slips.sites import Site
from derive.slips.slopes import complement, is_slope
from derive.slips.view import ONE, TWO, View, is_number

Edits = Iterator[Node]


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
        near = (site.node.value + 1, site.node.value - 1, *view.numbers)
        for value in dict.fromkeys(near):
            if value >= 0 and value != site.node.value:
                yield replace(site.node, value=value)


def _bare(node: Node) -> Node:
    return node.arg if isinstance(node, Minus) else node


def term_missing(site: Site, view: View) -> Edits:
    """a + b for a: a bias, a target, a quantity of the claim."""
    whole = site.parent is None or isinstance(site.parent, Times | Total | Derivative)
    argument = isinstance(site.parent, Applied | Power | Norm)
    if isinstance(site.node, Plus) or (
        (whole or argument) and not (site.path and is_number(site.node))
    ):
        for term in terms(site, view):
            args = site.node.args if isinstance(site.node, Plus) else (site.node,)
            if term not in map(_bare, args):
                yield Plus((*args, term), span=site.node.span)
                yield Plus((*args, Minus(term)), span=site.node.span)


def term_like_another(site: Site, view: View) -> Edits:
    """w_1 x_1 + w_2 x_2 for w_1 x_1: a term that is written for one number and not for another."""
    if not isinstance(site.node, Plus):
        return
    for arg in site.node.args:
        places = (p for e in walk(arg) if isinstance(e, Entry) for p in e.places)
        for a in dict.fromkeys(p for p in places if isinstance(p, Num)):
            for b in (p for p in view.places if isinstance(p, Num) and p != a):
                for made in _numbered_on(arg, a, b):
                    if made not in site.node.args:
                        yield replace(site.node, args=(*site.node.args, made))


def _numbered_on(term: Node, a: Node, b: Node) -> Edits:
    """The term with one number for another: everywhere, or not at one place of a weight."""
    yield put_for(term, a, b)
    for w in (n for n in walk(term) if isinstance(n, Entry) and len(n.places) == 2):
        if w.places == (a, a):
            for places in ((b, a), (a, b)):
                yield put_for(
                    put_for(term, a, b), replace(w, places=(b, b)), replace(w, places=places)
                )


def other_way_round(site: Site, view: View) -> Edits:
    """w_ij + w_ji for w_ij: the derivative of a product by one that stands in it twice."""
    node, parent = site.node, site.parent
    if isinstance(node, Entry) and isinstance(parent, Times | Total):
        for a, b in combinations(range(len(node.places)), 2):
            made = list(node.places)
            made[a], made[b] = made[b], made[a]
            if made != list(node.places):
                yield Plus((node, replace(node, places=tuple(made))), span=node.span)


def terms(site: Site, view: View) -> Edits:
    """What a writer may leave out of a sum."""
    arrays = view.is_array(site.node)
    usable = [Letter(x) for x in view.usable(site)]
    roles = ("bias", "target", "output", "activation", "error", "delta")
    for role, form in product(roles, ("whole", "batch") if arrays else ("entry",)):
        for node in view.units(role, form):
            if arrays or node.places[0] in usable or _numbered(node):
                yield node
    own = view.own("whole" if arrays else "entry")
    yield from (n for n in own if not n.places or n.places[0] in usable)
    yield from weighted(view, "whole" if arrays else "entry")
    for n in view.nodes:
        if isinstance(n, Applied) and n.order and len(n.args) == 1:  # what slopes are made of
            yield from (Power(replace(n, order=0), TWO), replace(n, order=0))
    found = [e for e in view.entries if e.role in ("weight", "bias")]
    yield from _steps(found, view)
    weights = [replace(e, step=0) if e.step else e for e in found]
    decay = view.network.weight_decay if view.network is not None else 0
    yield from (times(Num(Fraction(decay)), w) for w in weights if decay)
    yield from (*(times(Value("decay"), w) for w in weights), *weights)


def _steps(parameters: list[Entry], view: View) -> Edits:
    """The step of training: eta dC/dw."""
    for w in dict.fromkeys(replace(e, step=0) if e.step else e for e in parameters):
        for role in ("loss", "objective") if view.steps else ():
            yield times(Value("learning_rate"), Derivative(Entry(role, "", None), (w,)))


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
    """a b for a: a quantity of the claim."""
    whole = site.parent is None or isinstance(site.parent, Plus | Minus | Total)
    inner = isinstance(site.node, Plus) and site.path
    if not whole or inner or isinstance(site.node, Minus) or is_number(site.node):
        return
    for factor in factors(site, view):
        yield times(factor, site.node, span=site.node.span)


def factors(site: Site, view: View) -> Edits:
    """What a writer may leave out of a product."""
    usable = [Letter(x) for x in view.usable(site)]
    for role in ("activation", "delta", "error", "input", "bias"):
        yield from (n for n in view.units(role) if n.places[0] in usable or _numbered(n))
    yield from (n for n in view.own() if not n.places or n.places[0] in usable)
    for label in view.labels:
        yield from (Entry("weight", "", label, pair) for pair in permutations(usable, 2))


def factor_extra(site: Site, view: View) -> Edits:
    """a for a b."""
    if isinstance(site.node, Times):
        for k in reversed(range(len(site.node.args))):
            arg = site.node.args[k]
            if not (is_number(arg) or is_slope(arg) or complement(arg) is not None):
                yield without(site.node, k)
