"""Layers that a reader fills in: trees without them, and trees where every layer is said."""

from __future__ import annotations

from dataclasses import replace

from derive.algebra.symbols import Label
from derive.reading.defaults import top_label
from derive.reading.tree import Applied, Entry, Function, Node, rebuilt


def unfilled(node: Node) -> Node:
    """The tree without the layers that a reader has filled in.

    An array of one's own is the same with the sign of its entries as with a sign of its own.
    """
    made = rebuilt(node, unfilled)
    if isinstance(made, Entry) and made.role == "own" and made.form == "entry" and not made.places:
        made = replace(made, form="whole")
    if isinstance(made, Entry | Function) and made.assumed:
        return replace(made, label=None, assumed=False)
    return made


def nameless(node: Node) -> Node:
    """The tree with a sign of a function that is any activation too as the latter."""
    made = rebuilt(node, nameless)
    if isinstance(made, Function) and made.activation and made.name:
        return replace(made, name="")
    return made


def told(node: Node, kept: frozenset[Entry] = frozenset()) -> Node:
    """The tree with every layer said, but for functions whose argument says it, and as in `kept`.

    `kept` are entries without a layer: they stay so, and so does another entry of the same array,
    if theirs is the only layer that the array has there.
    """
    labels: dict[tuple[str, str], set[Label | None]] = {}
    for entry in kept:
        labels.setdefault((entry.role, entry.form), set()).add(entry.label)

    def unsaid(entry: Entry) -> bool:
        same = labels.get((entry.role, entry.form)) == {entry.label}
        return entry.assumed and (same or entry in kept)

    def visit(part: Node) -> Node:
        made = rebuilt(part, visit)
        if isinstance(made, Entry):
            return replace(made, assumed=unsaid(made))
        if isinstance(made, Applied) and made.function.label is not None and made.function.assumed:
            same = top_label(list(made.args)) == made.function.label
            return replace(made, function=replace(made.function, assumed=same))
        return made

    return visit(node)
