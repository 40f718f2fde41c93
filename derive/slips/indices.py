"""Slips of indices, labels, samples and ranges; one quantity for another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product

from derive.algebra.symbols import Label
from derive.reading.tree import (
    Applied,
    Bound,
    Bracket,
    Derivative,
    Entry,
    Kronecker,
    Letter,
    Minus,
    Node,
    Num,
    Plus,
    Size,
    Times,
    Total,
    walk,
)
from derive.slips.sites import Site, changed
from derive.slips.view import LABELLED, UNIT_ROLES, View

Edits = Iterator[Node]
#: What a quantity is taken for.
LIKE = {
    "activation": ("preactivation", "target", "output", "input"),
    "preactivation": ("activation", "output", "input"),
    "output": ("target", "preactivation", "activation"),
    "input": ("activation", "preactivation"),
    "target": ("output", "activation"),
    "delta": ("error",), "error": ("delta",), "bias": (),
}  # fmt: skip


# ------------------------------------------------------------------ indices


def places_swapped(site: Site, view: View) -> Edits:
    """w_ij for w_ji; of more places any two."""
    if isinstance(site.node, Entry):
        places = site.node.places
        for a, b in combinations(range(len(places)), 2):
            made = list(places)
            made[a], made[b] = made[b], made[a]
            yield replace(site.node, places=tuple(made))


def other_place(site: Site, view: View) -> Edits:
    """a_j for a_i: another letter or number; a layer that was filled in goes with it."""
    node = site.node
    if not isinstance(node, Entry):
        return
    usable = [Letter(x) for x in view.usable(site)]
    numbers = [p for p in view.places if isinstance(p, Num)]
    for k, old in enumerate(node.places):
        for new in usable if isinstance(old, Letter) else (*numbers, *usable):
            if new != old:
                made = replace(node, places=(*node.places[:k], new, *node.places[k + 1 :]))
                yield made
                if node.assumed and node.label is not None:
                    yield from (replace(made, label=node.label.shifted(by)) for by in (1, -1))


def kronecker_place(site: Site, view: View) -> Edits:
    """[i = k] for [i = j]."""
    for new in map(Letter, view.usable(site)):
        match site.node:
            case Kronecker():
                yield replace(site.node, left=new)
                yield replace(site.node, right=new)
            case Bracket(members=(Letter() as left, Letter() as right), relations=("=",)):
                yield replace(site.node, members=(new, right))
                yield replace(site.node, members=(left, new))


def place_missing(site: Site, view: View) -> Edits:
    """a_i for a, w_ij for w_i; a_i for a_ij where one index is too many."""
    node = site.node
    if not isinstance(node, Entry) or node.role in ("loss", "objective"):
        return
    rank, before = view.rank(node), node.places
    if node.form == "entry" and len(before) == rank - 1:
        for new in map(Letter, view.usable(site)):
            yield from (replace(node, places=p) for p in ((*before, new), (new, *before)))
    if len(before) > rank > 0:
        yield from (replace(node, places=before[:k] + before[k + 1 :]) for k in range(len(before)))


def place_for_a_sample(site: Site, view: View) -> Edits:
    """a_i for a_ji, where j was read as a sample."""
    node = site.node
    found = node.sample if isinstance(node, Entry) else None
    if isinstance(node, Entry) and isinstance(found, Letter) and found.name != view.scope.sample:
        yield replace(node, sample=None, places=(found,))
        yield replace(node, sample=None)


def entry_for_array(site: Site, view: View) -> Edits:
    """a for a_i, a_i for a."""
    node = site.node
    if isinstance(node, Entry) and node.role not in ("loss", "objective"):
        usable = [Letter(x) for x in view.usable(site)]
        if node.form == "whole" and view.rank(node) == 1:
            yield from (replace(node, form="entry", places=(x,)) for x in usable)
        if node.form == "entry" and node.places:
            yield replace(node, form="whole", places=())
        if node.form in ("whole", "batch") and node.role not in ("weight", "bias"):
            yield replace(node, form="batch" if node.form == "whole" else "whole")


def letters_renamed(site: Site, view: View) -> Edits:
    """Everywhere i for k: on a side, or in a sum with its index."""
    if site.path and not isinstance(site.node, Total):
        return
    used = {n.name for n in walk(site.node) if isinstance(n, Letter | Bound)}
    for a in view.letters:
        for b in view.letters:
            if a in used and a != b:
                yield renamed(site.node, {a: b})


def letters_exchanged(site: Site, view: View) -> Edits:
    """Everywhere i for k and k for i: on a side, or in a sum."""
    if not site.path or isinstance(site.node, Total):
        used = {n.name for n in walk(site.node) if isinstance(n, Letter | Bound)}
        for a, b in combinations([x for x in view.letters if x in used], 2):
            yield renamed(site.node, {a: b, b: a})


def places_off_by_one(site: Site, view: View) -> Edits:
    """x_(p + u - 1) for x_(p + u): one place of a window, or all of them."""
    node = site.node
    places = node.places if isinstance(node, Entry) else ()
    moving = [k for k, p in enumerate(places) if isinstance(p, Plus | Times)]
    groups = [moving, *([k] for k in moving)] if len(moving) > 1 else [moving] if moving else []
    for group, by in product(groups, (-1, 1)):
        moved = (_moved(p, by) if k in group else p for k, p in enumerate(places))
        yield replace(node, places=tuple(moved))  # type: ignore[call-arg]


def renamed(node: Node, names: dict[str, str]) -> Node:
    """The formula with other letters."""
    if isinstance(node, Letter | Bound):
        node = replace(node, name=names.get(node.name, node.name))
    return changed(node, lambda part: renamed(part, names))


# ------------------------------------------------------------------ layers


def other_layer(site: Site, view: View) -> Edits:
    """l - 1 for l: of one quantity, one function, one size."""
    node = site.node
    label = getattr(node, "label", None)
    if isinstance(node, Entry | Size) and label is not None:
        for new in near(label, view):
            moved = replace(node, label=new)
            yield replace(moved, assumed=False) if isinstance(moved, Entry) else moved
    if isinstance(node, Applied) and node.function.label is not None:
        for new in near(node.function.label, view):
            yield replace(node, function=replace(node.function, label=new, assumed=False))
            made = replace(node, function=replace(node.function, label=new))
            roles = {n.role for n in walk(node) if isinstance(n, Entry)}
            yield relabelled(made, node.function.label, new, roles)


def range_of_another_layer(site: Site, view: View) -> Edits:
    """Up to n_l for up to n_(l-1)."""
    high = site.node.high if isinstance(site.node, Bound) else None
    if isinstance(site.node, Bound) and isinstance(high, Size) and high.label is not None:
        for new in near(high.label, view):
            yield replace(site.node, high=replace(high, label=new))


def near(label: Label, view: View) -> list[Label]:
    """The other labels, the nearest first."""
    return sorted(
        (x for x in view.labels if x != label),
        key=lambda x: (x.base != label.base, abs(x.offset - label.offset), x.offset < label.offset),
    )


def layers_together(site: Site, view: View) -> Edits:
    """One label for another on all quantities of a side or a sum, on two roles, or on one."""
    if site.path and not isinstance(site.node, Total):
        return
    found = [n for n in walk(site.node) if isinstance(n, Entry) and n.label is not None]
    for label in dict.fromkeys(n.label for n in found if n.label is not None):
        here = [n.role for n in found if n.label == label]
        roles = sorted(set(here))
        groups = [set(roles), *map(set, combinations(roles, 2)), *({r} for r in roles)]
        some = [g for g in groups if sum(r in g for r in here) > 1]
        for new, group in product(near(label, view), some):
            yield relabelled(site.node, label, new, group)
        if isinstance(site.node, Total):
            for new, group in product(near(label, view), groups):
                yield ranges_relabelled(relabelled(site.node, label, new, group), label, new)


def ranges_relabelled(node: Node, old: Label, new: Label) -> Node:
    """Sums over the units of one layer as sums over those of another."""
    node = changed(node, lambda part: ranges_relabelled(part, old, new))
    if isinstance(node, Bound) and isinstance(node.high, Size) and node.high.label == old:
        return replace(node, high=replace(node.high, label=new))
    return node


def relabelled(node: Node, old: Label, new: Label, roles: set[str]) -> Node:
    """Every quantity of the roles moved from one layer to another, functions of them with it."""
    node = changed(node, lambda part: relabelled(part, old, new, roles))
    if isinstance(node, Entry) and node.label == old and node.role in roles:
        return replace(node, label=new, assumed=False)
    if isinstance(node, Applied) and node.function.label == old and node.function.activation:
        return replace(node, function=replace(node.function, label=new))
    return node


# ------------------------------------------------------------------ quantities


def other_quantity(site: Site, view: View) -> Edits:
    """s for o, o for y: another quantity of the units at the same place."""
    node = site.node
    if not isinstance(node, Entry) or isinstance(site.parent, Derivative):
        return
    for role in LIKE.get(node.role, ()):
        yield from _as(node, role, view)
    if node.role in ("loss", "objective"):
        role = "objective" if node.role == "loss" else "loss"
        yield replace(node, role=role, sample=node.sample if role == "loss" else None)


def other_letter(site: Site, view: View) -> Edits:
    """s for a letter that stands for no quantity."""
    if isinstance(site.node, Letter):
        bare = [e for e in view.entries if not e.places and e.label is None and e.sample is None]
        yield from (e for e in bare if e.role in UNIT_ROLES)


def derivative_of_another(site: Site, view: View) -> Edits:
    """dL/do for dL/ds."""
    if isinstance(site.parent, Derivative):
        yield from other_quantity(replace(site, parents=()), view)


def derivative_by_a_target(site: Site, view: View) -> Edits:
    """dL/do for dL/dy: nothing is derived by what is given."""
    node, parent = site.node, site.parent
    below = isinstance(parent, Derivative) and any(by is node for by in parent.by)
    if below and isinstance(node, Entry) and node.role == "target":
        for role in ("output", "activation"):
            yield from _as(node, role, view)


def far_quantity(site: Site, view: View) -> Edits:
    """A quantity that has little in common with the one that is meant."""
    if isinstance(site.node, Entry) and site.node.role in UNIT_ROLES:
        for role in UNIT_ROLES:
            if role != site.node.role and role not in LIKE[site.node.role]:
                yield from _as(site.node, role, view)


def _as(node: Entry, role: str, view: View) -> Edits:
    """The quantity of another role: at the same layer, at the others where it has none."""
    form = "entry" if role == "bias" and node.form == "batch" else node.form
    made = replace(node, role=role, letter="", form=form, fixed=None, barred=False)
    if role not in LABELLED:
        yield replace(made, label=None)
    elif node.label is not None:
        yield made
    elif node.places or node.form != "entry":
        yield from (replace(made, label=label) for label in view.labels)
    else:
        yield made


def everywhere_another_quantity(site: Site, view: View) -> Edits:
    """One quantity for another wherever it stands on the side."""
    for node in _repeated(site):
        for new in other_quantity(Site(site.side, (), node, ()), view):
            yield put_for(site.node, node, new)


def everywhere_another_place(site: Site, view: View) -> Edits:
    """One index for another on a quantity wherever it stands on the side or in a product."""
    for node in _repeated(site):
        for new in other_place(Site(site.side, (), node, site.parents), view):
            yield put_for(site.node, node, new)


def everywhere_another_layer(site: Site, view: View) -> Edits:
    """One layer for another on a quantity wherever it stands on the side or in a product."""
    for node in _repeated(site):
        for new in other_layer(Site(site.side, (), node, site.parents), view):
            yield put_for(site.node, node, new)


def _repeated(site: Site) -> list[Entry]:
    """The quantities of units that stand more than once on a side or in a product."""
    if site.path and not isinstance(site.node, Times | Total):
        return []
    found = [n for n in walk(site.node) if isinstance(n, Entry) and n.role in UNIT_ROLES]
    return [n for n in dict.fromkeys(found) if found.count(n) > 1]


def put_for(node: Node, old: Node, new: Node) -> Node:
    """The formula with `new` wherever `old` stands."""
    if node == old:
        return replace(new, span=node.span)
    return changed(node, lambda part: put_for(part, old, new))


# ------------------------------------------------------------------ samples and ranges


def other_sample(site: Site, view: View) -> Edits:
    """x_n for x_m, or x without the index of the sample."""
    node = site.node
    if isinstance(node, Entry) and view.batched(node):
        letters = (view.scope.sample, *view.letters)
        others = dict.fromkeys((None, *(Letter(x) for x in letters)))
        yield from (replace(node, sample=x) for x in others if x != node.sample)


def range_off_by_one(site: Site, view: View) -> Edits:
    """From 1 for from 0; up to n - 1 for up to n."""
    node = site.node
    if not isinstance(node, Bound):
        return
    if isinstance(node.low, Num):
        for by in (1, -1):
            yield replace(node, low=replace(node.low, value=node.low.value + by))
    if node.high is not None:
        for by in (1, -1):
            yield replace(node, high=_moved(node.high, by))
        if isinstance(node.low, Num):
            for by in (1, -1):
                low = replace(node.low, value=node.low.value + by)
                yield replace(node, low=low, high=_moved(node.high, by))


def _moved(node: Node, by: int) -> Node:
    match node:
        case Num(value=value):
            return replace(node, value=value + by)
        case Plus(args=(*rest, Num(value=value))):
            return _with_number(rest, value + by)
        case Plus(args=(*rest, Minus(arg=Num(value=value)))):
            return _with_number(rest, by - value)
        case Plus(args=args):
            return _with_number(args, Fraction(by))
    return _with_number((node,), Fraction(by))


def _with_number(rest: Sequence[Node], number: Fraction) -> Node:
    """The sum with a number behind it, where it is not 0."""
    whole = rest[0] if len(rest) == 1 else Plus(tuple(rest))
    if not number:
        return whole
    return Plus((whole, Num(number) if number > 0 else Minus(Num(-number))))
