"""Letters that are numbers of summands: they end the range of a sum, or divide it.

In 1/t sum_{j=1}^t e_j the letter t is the number of entries of e. It is that in the other lines of
the sheet too, where all sums that end with it have the same number of summands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from derive.claims.claim import Claim
from derive.claims.values import Setting
from derive.claims.world import Ends, Range
from derive.reading.tree import Letter, Node, Num, Over, Times, Total, walk

_SIZES = frozenset("dnmpDNMHKCJ")  # letters for a number of units


def ends(nodes: Iterable[Node]) -> Ends:
    """The letters that end ranges in a sheet."""
    found: dict[str, list[Range]] = {}
    for node in nodes:
        for part in walk(node):
            for letter, made in (*_means(part), *_bounds(part)):
                found.setdefault(letter, []).append(made)
    return {letter: tuple(ranges) for letter, ranges in found.items()}


def sizes_of_letters(claim: Claim, setting: Setting) -> dict[str, int]:
    """What the letters are that end ranges in a claim, and in the sheet around it."""
    found: dict[str, int] = {}
    for letter, ranges in setting.world.ends.items():
        extents = {setting.extent(index, body) for index, body in ranges}
        if len(extents) == 1 and (extent := extents.pop()) is not None:
            found[letter] = extent
    own = ends(claim.sides)
    for letter, ranges in own.items():
        for index, body in ranges:
            extent = setting.extent(index, body)
            if extent is not None:
                found[letter] = extent
    named = setting.scope.size_names
    symbols = setting.world.symbols
    return found | {k: symbols[named[k]] for k in found if named.get(k) in symbols}


def _bounds(node: Node) -> Iterator[tuple[str, Range]]:
    """sum_{i=1}^n s_i."""
    if isinstance(node, Total):
        for bound in node.bounds:
            if isinstance(bound.high, Letter):
                yield bound.high.name, (bound.name, node.body)


def _means(node: Node) -> Iterator[tuple[str, Range]]:
    """1/d sum_i s_i."""
    over: Node | None = None
    total: Node | None = None
    if isinstance(node, Over):
        over, total = node, node.above
    if isinstance(node, Times) and len(node.args) == 2:
        over, total = node.args
    if not isinstance(over, Over) or not isinstance(over.below, Letter):
        return
    if not isinstance(total, Total) or len(total.bounds) != 1:
        return
    alone = node is over or over.above == Num(Fraction(1))
    if alone and over.below.name in _SIZES and total.kind == "sum":
        yield over.below.name, (total.bounds[0].name, total.body)
