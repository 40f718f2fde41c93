"""Layers that a reader fills in: trees without them, and trees where every layer is said."""

from __future__ import annotations

from dataclasses import replace

from derive.reading_defaults import top_label
from derive.reading_tree import Applied, Entry, Function, Node, rebuilt


def unfilled(node: Node) -> Node:
    """The tree without the layers that a reader has filled in."""
    made = rebuilt(node, unfilled)
    if isinstance(made, Entry | Function) and made.assumed:
        return replace(made, label=None, assumed=False)
    return made


def told(node: Node, kept: frozenset[Entry] = frozenset()) -> Node:
    """The tree with every layer said, but for `kept` ones and functions whose argument says it."""

    def visit(part: Node) -> Node:
        made = rebuilt(part, visit)
        if isinstance(made, Entry):
            return replace(made, assumed=made.assumed and made in kept)
        if isinstance(made, Applied) and made.function.label is not None and made.function.assumed:
            same = top_label(list(made.args)) == made.function.label
            return replace(made, function=replace(made.function, assumed=same))
        return made

    return visit(node)
