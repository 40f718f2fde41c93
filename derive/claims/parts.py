"""The parts of a formula that have a value, and the letters that are numbers of their own."""

from __future__ import annotations

from collections.abc import Iterator

from derive.reading.tree import AtPoint, Entry, Letter, Node, children


def parts(node: Node) -> tuple[Node, ...]:
    """The direct parts that have a value; arguments that are only named are left out."""
    if not isinstance(node, AtPoint):
        return children(node)
    bare = isinstance(node.arg, Entry) and node.arg.role == "error" and not node.arg.places
    return (node.arg, *node.points[:1]) if bare else (node.arg,)


def counted(node: Node) -> Iterator[Node]:
    """The node and everything in it that has a value."""
    yield node
    for part in parts(node):
        yield from counted(part)


def variable(node: Node) -> str:
    """The name of a number that no quantity of the network is."""
    if isinstance(node, Letter):
        return node.name
    assert isinstance(node, Entry)
    return f"{node.role} {node.letter}".strip()


def is_variable(node: Entry) -> bool:
    """Whether the entry stands for a number of its own: s, o, x without index and layer."""
    return (
        not node.places
        and node.form == "entry"
        and node.label is None
        and node.sample is None
        and (node.role in ("preactivation", "activation"))
    )
