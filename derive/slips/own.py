"""Slips between the quantities that a network brings besides those of every notation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from derive.reading.tree import Derivative, Entry, Node, Times, Total, walk
from derive.slips.indices import put_for
from derive.slips.sites import Site
from derive.slips.view import UNIT_ROLES, View

Edits = Iterator[Node]


def own_quantity(site: Site, view: View) -> Edits:
    """h for a, gamma for beta: a quantity of this network's own, or another one for it."""
    node = site.node
    if not isinstance(node, Entry) or node.role in ("loss", "objective", "target"):
        return
    if isinstance(site.parent, Derivative):
        return
    for tensor, shape in view.scope.shapes.items():
        named = node.role == "own" or not view.scope.has_role(tensor)
        if named and len(shape) == (len(node.places) or view.rank(node)):
            yield view.named(tensor, node)


def quantities_exchanged(site: Site, view: View) -> Edits:
    """y log o for o log y: two quantities of the same unit, each in the place of the other."""
    if not isinstance(site.node, Times | Total):
        return
    found = dict.fromkeys(n for n in walk(site.node) if isinstance(n, Entry))
    units = [n for n in found if n.role in (*UNIT_ROLES, "own")]
    for a, b in combinations(units, 2):
        if a.places == b.places and a.form == b.form and (a.role, a.letter) != (b.role, b.letter):
            aside = Entry("aside", "", None)
            yield put_for(put_for(put_for(site.node, a, aside), b, a), aside, b)
