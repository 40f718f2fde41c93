"""Slips of comparisons and cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.reading.tree import Bracket, Branches, Node
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


def cases_exchanged(site: Site, view: View) -> Edits:
    """The value of one case for that of another."""
    if isinstance(site.node, Branches):
        rows = site.node.rows
        for k in range(len(rows) - 1):
            (a, first), (b, second) = rows[k], rows[k + 1]
            yield replace(site.node, rows=(*rows[:k], (b, first), (a, second), *rows[k + 2 :]))
