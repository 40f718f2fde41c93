"""Which expressions sum over the samples, and which loss names none."""

from __future__ import annotations

from derive.reading.tree import Entry, Letter, Node, Total, walk


def sums_samples(node: Node) -> bool:
    """Whether there is a sum over a letter that is a sample of what is summed, or an array of all
    samples.
    """
    return any(_sums(part) for part in walk(node))


def is_bare_loss(node: Node) -> bool:
    """Whether it is the loss without a sample."""
    return (
        isinstance(node, Entry)
        and node.role == "loss"
        and node.sample is None
        and not node.places
        and node.form == "entry"
    )


def _sums(node: Node) -> bool:
    if isinstance(node, Entry):
        return node.form == "batch"
    letters = [Letter(b.name) for b in node.bounds] if isinstance(node, Total) else []
    return any(
        isinstance(n, Entry) and n.sample is not None and n.sample in letters for n in walk(node)
    )
