"""Claims that sum over the samples, on a sheet whose letter of the loss is that of one sample.

Writers say L for both: the loss of a sample in most lines, that of all samples in those that sum
over them. Where such a line names no sample beside the letter, it speaks of all of them.
"""

from __future__ import annotations

from dataclasses import replace

from derive.claims.claim import Claim
from derive.reading.tree import Derivative, Entry, Letter, Nabla, Node, Total, rebuilt, walk


def of_all_samples(claim: Claim) -> Claim | None:
    """The claim about the gradient of the objective; None where it does not sum over samples."""
    if claim.rhs is None or not any(_sums_samples(n) for n in walk(claim.rhs)):
        return None
    lhs = None if claim.lhs is None else _turned(claim.lhs)
    return None if lhs == claim.lhs else replace(claim, lhs=lhs)


def _sums_samples(node: Node) -> bool:
    """A sum over a letter that is a sample of what is summed, or an array of all samples."""
    if isinstance(node, Entry):
        return node.form == "batch"
    letters = [Letter(b.name) for b in node.bounds] if isinstance(node, Total) else []
    return any(
        isinstance(n, Entry) and n.sample is not None and n.sample in letters for n in walk(node)
    )


def _turned(node: Node) -> Node:
    """With the objective in place of the loss that is differentiated, where no sample is named."""
    if isinstance(node, Derivative | Nabla):
        of = node.of
        if isinstance(of, Entry) and of.role == "loss" and of.sample is None and not of.places:
            return replace(node, of=replace(of, role="objective"))
        return node
    return rebuilt(node, _turned)
