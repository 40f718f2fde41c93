"""Slips of comparisons and cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from derive.reading.tree import Applied, Bracket, Branches, Node, Num
from derive.slips.sites import Site
from derive.slips.view import View

Edits = Iterator[Node]
COMPARISONS = (">", "<", "ge", "le")


def comparison(site: Site, view: View) -> Edits:
    """[s > 0] for [s < 0]."""
    if isinstance(site.node, Bracket):
        for k, old in enumerate(site.node.relations):
            for new in COMPARISONS if old in COMPARISONS else ():
                relations = (*site.node.relations[:k], new, *site.node.relations[k + 1 :])
                if new != old:
                    yield replace(site.node, relations=relations)


def other_threshold(site: Site, view: View) -> Edits:
    """[s > 0] for [s > 1]."""
    if isinstance(site.node, Num) and isinstance(site.parent, Bracket):
        value = site.node.value
        near = dict.fromkeys((Fraction(0), -value, value + 1, value - 1))
        yield from (Num(v, span=site.node.span) for v in near if v != value)


def extremum(site: Site, view: View) -> Edits:
    """max(s, 0) for min(s, 0)."""
    node = site.node
    if isinstance(node, Applied) and node.function.name in ("max", "min"):
        other = "min" if node.function.name == "max" else "max"
        yield replace(node, function=replace(node.function, name=other))


def cases_exchanged(site: Site, view: View) -> Edits:
    """The value of one case for that of another."""
    if isinstance(site.node, Branches):
        rows = site.node.rows
        for k in range(len(rows) - 1):
            (a, first), (b, second) = rows[k], rows[k + 1]
            yield replace(site.node, rows=(*rows[:k], (b, first), (a, second), *rows[k + 2 :]))
