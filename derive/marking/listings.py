r"""Arrays written with dots: W = (w_11 ... w_1n; ...; w_m1 ... w_mn), a gradient as a list.

What is written must stand where it stands: the first entry first, the last one last, no entry
twice, every index in its range.  What the dots leave out is not judged, nor, where the sizes of the
small networks are not those of the network itself, what reaches beyond them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.claims.arrays import Matrix
from derive.claims.claim import Claim
from derive.claims.evaluation import agree, evidence
from derive.claims.numbers import Outside
from derive.claims.places import NoValue
from derive.claims.values import Setting
from derive.claims.world import World
from derive.reading.scope import Scope
from derive.reading.tree import (
    Dots,
    Entry,
    Grid,
    Letter,
    Node,
    Num,
    Size,
    Transposed,
    rebuilt,
    walk,
)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in the list."""

    kind: str  # base, entry or layer
    cell: Node
    repaired: Node | None


def is_listing(claim: Claim) -> bool:
    """Whether the right side is an array with dots."""
    grid = _grid(claim.rhs)
    return grid is not None and any(isinstance(c, Dots) for row in grid.rows for c in row)


def faults(
    claim: Claim, worlds: Iterator[World], scope: Scope, *, sized: bool
) -> tuple[Fault, ...]:
    """What is wrong in the list; NoValue where it cannot be told.

    `sized`: the worlds have the sizes of the network itself.
    """
    grid = _grid(claim.rhs)
    assert grid is not None
    found: list[Fault] = []
    for world in worlds:
        found = list(_Listing(claim, grid, world, scope, sized).faults())
        if found:
            break
    return tuple(found)


def _grid(node: Node | None) -> Grid | None:
    while isinstance(node, Transposed):
        node = node.arg
    return node if isinstance(node, Grid) else None


class _Listing:
    """One list on one network."""

    def __init__(self, claim: Claim, grid: Grid, world: World, scope: Scope, sized: bool) -> None:
        self.claim, self.grid, self.world, self.scope = claim, grid, world, scope
        self.sized = sized
        assert claim.lhs is not None
        same = Claim(claim.lhs, "=", claim.lhs, claim.span)
        self.settings = [e.setting for e in evidence(same, world, scope) if e.setting is not None]

    def faults(self) -> Iterator[Fault]:
        cells = [c for row in self.grid.rows for c in row if not isinstance(c, Dots)]
        named = [c for c in cells if not _letters(c)]
        seen: list[Node] = []
        for cell in cells:
            if cell in seen and any(isinstance(n, Entry) for n in walk(cell)):
                yield Fault("entry", cell, self._last(cell))
            seen.append(cell)
        for setting in self.settings:
            whole = setting.value(self.claim.lhs) if self.claim.lhs is not None else 0j
            if not isinstance(whole, Matrix):
                raise NoValue("an array on the left side")
            made = list(self._at(setting, whole, named))
            if made:
                yield from made
                return

    def _at(self, setting: Setting, whole: Matrix, named: list[Node]) -> Iterator[Fault]:
        """What is wrong at one layer and sample."""
        beyond: list[Node] = []
        for cell in named:
            try:
                setting.value(cell)
            except Outside:
                beyond.append(cell)
                first = _shifted(cell, self.scope.profile.base)
                if self.sized or first is not None:
                    yield Fault("base", cell, first)
        for cell, row, col in self._placed(whole):
            if not (0 <= row < whole.shape[0] and 0 <= col < whole.shape[1]):
                if self.sized and cell not in beyond:
                    yield Fault("entry", cell, None)
                continue
            if _letters(cell):
                if (row, col) == (whole.shape[0] - 1, whole.shape[1] - 1):
                    yield from self._end(cell)
                continue
            try:
                right = agree(setting.value(cell), whole.rows[row][col])
            except Outside:
                continue
            if not right:
                yield Fault("entry", cell, None)

    def _end(self, cell: Node) -> Iterator[Fault]:
        """A general entry at the end of the list stands for the last one: is its layer the last?"""
        last = self._last(cell)
        labels = {n.label for n in walk(cell) if isinstance(n, Entry) and n.label is not None}
        numbers = {label.offset for label in labels if not label.base}
        if numbers and max(numbers) < self.world.last:
            yield Fault("layer", cell, last)

    def _placed(self, whole: Matrix) -> Iterator[tuple[Node, int, int]]:
        """Every cell whose row and column the dots leave no doubt about."""
        grid = self.grid.rows
        if isinstance(self.claim.rhs, Transposed):
            grid = tuple(zip(*grid, strict=True)) if len({len(r) for r in grid}) == 1 else grid
        rows = _positions([all(isinstance(c, Dots) for c in r) for r in grid], whole.shape[0])
        for r, cells in zip(rows, grid, strict=True):
            cols = _positions([isinstance(c, Dots) for c in cells], whole.shape[1])
            for c, cell in zip(cols, cells, strict=True):
                if r is not None and c is not None and not isinstance(cell, Dots):
                    yield cell, r, c

    def _last(self, cell: Node) -> Node:
        """The cell with the last entry of the last layer in its place."""
        label = Label(0, "L")

        def visit(node: Node) -> Node:
            if isinstance(node, Entry) and node.label is not None and node.places:
                below = label.shifted(-1)
                ends: list[Node] = [Size(label), Size(below)]
                if len(node.places) == 1:
                    ends = [Size(label)]
                elif not self.scope.out_first:
                    ends.reverse()
                return replace(node, label=label, places=tuple(ends))
            return rebuilt(node, visit)

        return visit(cell)


def _letters(cell: Node) -> bool:
    """Whether a cell stands for any entry; a single letter may have been read as a sample."""
    entries = [n for n in walk(cell) if isinstance(n, Entry)]
    samples = [e.sample for e in entries if not e.places]
    return any(isinstance(p, Letter) for p in (*samples, *(p for e in entries for p in e.places)))


def _shifted(cell: Node, base: int) -> Node | None:
    """The cell with the first index in place of the one before it."""
    below = Num(Fraction(base - 1))

    def visit(node: Node) -> Node:
        if isinstance(node, Entry) and below in node.places:
            first = Num(Fraction(base))
            return replace(node, places=tuple(first if p == below else p for p in node.places))
        return rebuilt(node, visit)

    made = visit(cell)
    return None if made == cell else made


def _positions(dots: list[bool], count: int) -> list[int | None]:
    """The place of everything before the first dots, and of what stands at the end."""
    if not any(dots):
        return list(range(len(dots)))
    first, after = dots.index(True), len(dots) - 1 - dots[::-1].index(True)
    made: list[int | None] = []
    for k in range(len(dots)):
        if k < first:
            made.append(k)
        elif k > after:
            made.append(count - (len(dots) - k))
        else:
            made.append(None)
    return made
