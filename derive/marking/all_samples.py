"""Claims that sum over the samples, on a sheet whose letter of the loss is that of one sample.

Writers say L for both: the loss of a sample in most lines, that of all samples in those that sum
over them. Where such a line names no sample beside the letter, it speaks of all of them.
"""

from __future__ import annotations

from dataclasses import replace

from derive.claims.claim import Claim
from derive.claims.samples_summed import is_bare_loss, sums_samples
from derive.reading.tree import Derivative, Entry, Nabla, Node, rebuilt


def of_all_samples(claim: Claim) -> Claim | None:
    """The claim about the objective or its gradient; None where it does not sum over samples."""
    if claim.rhs is None or not sums_samples(claim.rhs):
        return None
    lhs = None if claim.lhs is None else _turned(claim.lhs)
    if claim.relation == "=" and isinstance(lhs, Entry) and is_bare_loss(lhs):
        lhs = replace(lhs, role="objective")  # L = 1/n sum_i ...
    return None if lhs == claim.lhs else replace(claim, lhs=lhs)


def _turned(node: Node) -> Node:
    """With the objective in place of the loss that is differentiated, where no sample is named."""
    if isinstance(node, Derivative | Nabla):
        of = node.of
        if isinstance(of, Entry) and is_bare_loss(of):
            return replace(node, of=replace(of, role="objective"))
        return node
    return rebuilt(node, _turned)
