"""Losses with two indices, the batch and the sample in it: the gradient of a batch as a sum.

The first index is read as the batch, the second as the sample, so that a batch is a row of the
table of losses.  Of one batch alone the small networks know the truth: its loss is the objective,
its samples are all samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.claims.claim import Claim
from derive.marking.listings import Fault
from derive.reading.tree import Dots, Entry, Letter, Node, Plus, Size, rebuilt, walk

READ = "a loss with two indices is read as that of a batch and of a sample in it"


def is_minibatch(claim: Claim) -> bool:
    """Whether the claim says the loss of a batch by the losses of its samples."""
    return bool(_batch(claim)) and any(True for _ in _losses(claim.rhs))


def faults(claim: Claim) -> tuple[Fault, ...]:
    """The losses on the right that are summed over the batches in place of the samples."""
    batch = Letter(_batch(claim))
    found = []
    for loss in _losses(claim.rhs):
        (place,) = loss.places
        if loss.sample != batch and place == batch:
            turned = replace(loss, sample=place, places=(loss.sample,)) if loss.sample else None
            found.append(Fault("index", loss, turned))
    return tuple(found)


def of_one_batch(claim: Claim) -> Claim:
    """The claim about the only batch: a loss with two indices is the loss of one sample."""
    batch = Letter(_batch(claim))

    def visit(node: Node) -> Node:
        if isinstance(node, Entry) and node.role == "loss" and node.sample == batch:
            if len(node.places) == 1:
                return replace(node, sample=node.places[0], places=())
            return replace(node, role="objective", sample=None)
        made = rebuilt(node, visit)
        return _ended(made) if isinstance(made, Plus) else made

    lhs, rhs = (None if side is None else visit(side) for side in (claim.lhs, claim.rhs))
    return replace(claim, lhs=lhs, rhs=rhs, before=None)


def _ended(node: Plus) -> Plus:
    """A sum with dots that ends with the last sample, however its number is written."""

    def visit(part: Node) -> Node:
        if isinstance(part, Entry) and part.role == "loss" and part.sample is not None:
            return replace(part, sample=Size(None))
        return rebuilt(part, visit)

    *front, last = node.args
    return replace(node, args=(*front, visit(last))) if Dots() in front else node


def _batch(claim: Claim) -> str:
    """The letter of the batch on the left side."""
    if claim.lhs is None or claim.rhs is None:
        return ""
    single = [
        n for n in walk(claim.lhs) if isinstance(n, Entry) and n.role == "loss" and not n.places
    ]
    letters = {n.sample.name for n in single if isinstance(n.sample, Letter)}
    return letters.pop() if len(letters) == 1 else ""


def _losses(node: Node | None) -> Iterator[Entry]:
    """The losses with two indices."""
    for part in walk(node) if node is not None else ():
        loss = isinstance(part, Entry) and part.role == "loss"
        if loss and isinstance(part, Entry) and len(part.places) == 1 and part.sample is not None:
            yield part
