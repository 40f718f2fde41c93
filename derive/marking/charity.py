"""Charitable readings: what a writer plainly meant where something was left out or run together.

A claim that fails as written and holds under exactly one of these is a defect, no mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.reading.scope import Meaning, Scope
from derive.reading.tree import (
    Applied,
    Derivative,
    Entry,
    Function,
    Letter,
    Minus,
    Node,
    Plus,
    Size,
    Times,
    rebuilt,
    walk,
)

LAST = Label(0, "L")
LAYER = Label(0, "l")


@dataclass(frozen=True)
class Charity:
    """One reading: the claim as meant, the part that was read otherwise, and the kind of defect."""

    claim: Claim
    kind: str  # layer, index, hadamard or separator
    before: Node  # as written
    after: Node  # as meant


def charitable(claim: Claim, scope: Scope) -> Iterator[Charity]:
    """Every charitable reading of a complete claim."""
    yield from _last_for_generic(claim)
    yield from _other_layers(claim, scope)
    yield from _indices(claim, scope)
    yield from _entries(claim, scope)
    yield from _apart(claim)


def _changed(claim: Claim, visit: Callable[[Node], Node]) -> Claim:
    """The claim with both sides rebuilt."""

    def deep(node: Node) -> Node:
        return visit(rebuilt(node, deep))

    lhs, rhs = (None if side is None else deep(side) for side in (claim.lhs, claim.rhs))
    return replace(claim, lhs=lhs, rhs=rhs)


# ------------------------------------------------------------------ layers


def _last_for_generic(claim: Claim) -> Iterator[Charity]:
    """The letter of any layer where only the last one can be meant."""
    labels = [label for side in claim.sides for n in walk(side) if (label := _label(n)) is not None]
    generic = [label for label in labels if label.base == "l"]
    roles = {n.role for side in claim.sides for n in walk(side) if isinstance(n, Entry)}
    about_end = any(label.base == "L" for label in labels) or roles & {"target", "output"}
    if LAYER not in generic or not about_end:
        return

    def visit(node: Node) -> Node:
        label = _label(node)
        if label is None or label.base != "l":
            return node
        return _relabelled(node, Label(label.offset, "L"))

    made = _changed(claim, visit)
    first = next((n for side in claim.sides for n in walk(side) if LAYER in _labels(n)), None)
    if first is not None:
        yield Charity(made, "layer", first, rebuilt(visit(first), visit))


def _label(node: Node) -> Label | None:
    label = getattr(node, "label", None)
    return label if isinstance(label, Label) else None


def _labels(node: Node) -> tuple[Label | None, ...]:
    """The layer of a quantity, or of the function that is applied."""
    if isinstance(node, Entry):
        return (node.label,)
    return (node.function.label,) if isinstance(node, Applied) else ()


def _relabelled(node: Node, label: Label) -> Node:
    return replace(node, label=label) if isinstance(node, Entry | Function | Size) else node


def _other_layers(claim: Claim, scope: Scope) -> Iterator[Charity]:
    """Another layer than the one filled in for a label that is not written."""
    missing = dict.fromkeys(
        n for side in claim.sides for n in walk(side) if isinstance(n, Entry) and n.assumed
    )
    for entry in missing:
        assert entry.label is not None
        for label in (entry.label.shifted(-1), entry.label.shifted(1), LAST, scope.last):
            if label is None or label == entry.label:
                continue
            other = replace(entry, label=label)

            def visit(node: Node, old: Entry = entry, new: Entry = other) -> Node:
                return new if node == old and getattr(node, "assumed", False) else node

            yield Charity(_changed(claim, visit), "layer", entry, other)


# ------------------------------------------------------------------ indices


def _indices(claim: Claim, scope: Scope) -> Iterator[Charity]:
    """An index that is left out, or one more than the quantity has."""
    entries = dict.fromkeys(n for side in claim.sides for n in walk(side) if isinstance(n, Entry))
    letters = dict.fromkeys(
        p.name for e in entries for p in e.places if isinstance(p, Letter) and p.name
    )
    for entry in entries:
        rank = scope.rank(Meaning(entry.role, entry.form, entry.letter), entry.label)
        if letters and rank == 1 and not entry.places and entry.form != "batch":
            for name in letters:
                yield _placed(claim, entry, replace(entry, places=(Letter(name),), form="entry"))
        elif isinstance(entry.sample, Letter) and entry.sample.name in letters and rank == 1:
            yield _placed(claim, entry, replace(entry, sample=None))
            yield _placed(claim, entry, replace(entry, sample=None, places=(entry.sample,)))
        elif len(entry.places) == rank + 1 and entry.fixed is None:
            for k in range(len(entry.places)):
                fewer = (*entry.places[:k], *entry.places[k + 1 :])
                yield _placed(claim, entry, replace(entry, places=fewer))


def _placed(claim: Claim, entry: Entry, other: Entry) -> Charity:
    return Charity(
        _changed(claim, lambda node: other if node == entry else node), "index", entry, other
    )


# ------------------------------------------------------------------ two equations in one


def _entries(claim: Claim, scope: Scope) -> Iterator[Charity]:
    """Columns side by side, in a product that is entry by entry elsewhere: u (.) a (1 - a)."""
    for product in walk(claim.rhs) if claim.rhs is not None else ():
        if not isinstance(product, Times):
            continue
        signs = product.signs
        entrywise = next((sign for sign in signs if sign in scope.entrywise), "")
        for k in [k for k, sign in enumerate(signs) if not sign and entrywise]:
            made = replace(product, signs=(*signs[:k], entrywise, *signs[k + 1 :]))
            rhs = _put(claim.rhs, product, made) if claim.rhs is not None else None
            yield Charity(replace(claim, rhs=rhs), "hadamard", product, made)


def _put(node: Node, old: Node, new: Node) -> Node:
    return new if node is old else rebuilt(node, lambda part: _put(part, old, new))


def _apart(claim: Claim) -> Iterator[Charity]:
    """A product that is the end of one equation and the beginning of the next."""
    rhs, before = claim.rhs, claim.before
    last = not claim.members or rhs is claim.members[-1]
    if rhs is not None and not last:  # the second equation goes on behind it
        for head, _ in _parted(rhs):
            yield Charity(replace(claim, rhs=head), "separator", rhs, head)
    if before is not None and before is not claim.lhs:
        for _, tail in _parted(before):
            yield Charity(replace(claim, lhs=tail), "separator", before, tail)


def _parted(node: Node) -> Iterator[tuple[Node, Node]]:
    """The end of one equation and the beginning of the next, in a product or the last summand."""
    match node:
        case Times():
            for k in _seams(node):
                yield _product(node, 0, k), _product(node, k, len(node.args))
        case Minus(arg=arg):
            for head, tail in _parted(arg):
                yield replace(node, arg=head), tail
        case Plus(args=(*rest, last)):
            for head, tail in _parted(last):
                yield replace(node, args=(*rest, head)), tail


def _seams(node: Times) -> Iterator[int]:
    """Where a second equation can begin: before a derivative, with no sign in between."""
    for k in range(1, len(node.args)):
        if node.signs[k - 1] == "" and isinstance(node.args[k], Derivative):
            yield k


def _product(node: Times, start: int, end: int) -> Node:
    args, signs = node.args[start:end], node.signs[start : end - 1]
    if len(args) == 1:
        return args[0]
    return Times(args, signs, span=(args[0].span[0], args[-1].span[1]))
