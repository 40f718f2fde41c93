"""Losses with two indices, the batch and the sample in it: the gradient of a batch as a sum.

The first index is read as the batch, the second as the sample, so that a batch is a row of the
table of losses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.claims import Claim
from derive.listings import Fault
from derive.reading_tree import Entry, Letter, Node, walk

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
