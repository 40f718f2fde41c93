"""Sizes that a sheet states: numbers in its formulas, layers, and how many samples there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.claims.ends import ends
from derive.claims.parts import spoken
from derive.claims.world import Ends
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Letter, Node, Num, Size, Total, walk

SAMPLES = Size(None)


def numbers(claims: Iterable[Claim]) -> frozenset[int]:
    """The whole numbers that the sheet writes: sizes that must stay as they are."""
    found = (_whole(node) for node in _nodes(claims))
    return frozenset(n for n in found if n is not None)


def deepest(claims: Iterable[Claim]) -> int:
    """The greatest number of a layer that the sheet names."""
    labels = (getattr(node, "label", None) for node in _nodes(claims))
    numbers = (label.offset for label in labels if isinstance(label, Label) and not label.base)
    return max(numbers, default=0)


def samples(claims: Iterable[Claim]) -> int | None:
    """The number of samples, if the sheet says one: N = 4, a sum to 4, or all of C_1 to C_4."""
    every = tuple(claims)
    said = {n for claim in every for n in _equal_to_size(claim)}
    said |= {n for node in _nodes(every) if isinstance(node, Total) for n in _ends(node)}
    if not said and not any(_counts(node) for node in _nodes(every)):
        named = {n for node in _nodes(every) if (n := _number_of(node)) is not None}
        said = {max(named)} if len(named) > 1 and named == {*range(1, len(named) + 1)} else set()
    return said.pop() if len(said) == 1 else None


def ranges(claims: Iterable[tuple[Claim, Scope]]) -> Ends:
    """The letters that end ranges, in the lines of the sheet and in its definitions."""
    found: dict[int, Node] = {}
    for claim, scope in claims:
        for side in claim.sides:
            found |= {id(node): node for node in spoken(side, scope)}
    return ends(found.values())


def _nodes(claims: Iterable[Claim]) -> Iterator[Node]:
    return (node for claim in claims for side in claim.sides for node in walk(side))


def _whole(node: Node | None) -> int | None:
    return int(node.value) if isinstance(node, Num) and node.value.denominator == 1 else None


def _equal_to_size(claim: Claim) -> Iterator[int]:
    """4 where the claim is N = 4."""
    for side, other in ((claim.lhs, claim.rhs), (claim.rhs, claim.lhs)):
        if side == SAMPLES and (number := _whole(other)) is not None and number > 0:
            yield number


def _ends(node: Total) -> Iterator[int]:
    """The last sample of a sum over samples, where it is a number."""
    for bound in node.bounds:
        counted = any(
            isinstance(n, Entry) and n.sample == Letter(bound.name) for n in walk(node.body)
        )
        if counted and (last := _whole(bound.high)) is not None and last > 0:
            yield last


def _counts(node: Node) -> bool:
    """Whether the number of samples, or any sample, is spoken of."""
    sample = node.sample if isinstance(node, Entry) else None
    return node == SAMPLES or isinstance(sample, Letter)


def _number_of(node: Node) -> int | None:
    """The number of the sample to which a quantity belongs."""
    return _whole(node.sample) if isinstance(node, Entry) else None
