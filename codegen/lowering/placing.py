"""Arrays written at affine places: entries of one row, and sums over what meets at a place.

Adding every value [p, u] to the place 2*p + u - 1 is a loop over the few taps u, with a slice of
all positions p for each: the inverse of reading through windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from codegen.lowering.affine import row_major, sliced, span, whole_size
from codegen.lowering.contract import Labelled
from codegen.lowering.nodes import Node, node
from derive.algebra.terms import Affine, Extent, Index
from derive.errors import NotYet


@dataclass(frozen=True)
class Target:
    """Values [i, u] of `axis` are added at the place start + step*i + gap*u, of `size` places.

    The taps u are the last axes of the values, in the order of the targets.
    """

    axis: int
    size: int
    start: int
    count: int
    step: int
    taps: int
    gap: int

    @property
    def before(self) -> int:
        """Places in front of the first one that counts."""
        return max(0, -self.start)

    @property
    def width(self) -> int:
        """All places that values fall on, those outside included."""
        end = self.start + self.step * (self.count - 1) + self.gap * (self.taps - 1) + 1
        return self.before + max(self.size, end)

    @property
    def inside(self) -> bool:
        """Whether no value falls outside."""
        return self.width == self.size

    @property
    def apart(self) -> bool:
        """Whether no two values meet."""
        return self.step > self.gap * (self.taps - 1) or self.count == 1


def merged(item: Node, lhs: Sequence[Affine]) -> Node:
    """The array with an axis for each index as one with an axis for each place of the left side."""
    shape: list[Extent] = []
    for place in lhs:
        if place.index is not None:
            shape.append(place.index.size)
            continue
        sizes = [i.size for i, _ in place.terms]
        size = prod(map(whole_size, sizes)) if sizes else 1
        kept = Affine(place.offset, tuple((i, c) for i, c in place.terms if i.size != 1))
        if kept.terms and row_major(kept, size) is None and kept.index is None:
            raise NotYet(f"entries defined at {place} have no array form")
        shape.append(size)
    if all(place.index is not None for place in lhs):  # what is the same for all is repeated
        full = tuple(shape)
        return item if item.shape == full else node("full", item, shape=full)
    return node("merge", item, shape=tuple(shape))


def spread(
    values: Labelled,
    targets: Sequence[tuple[Index, Affine]],
    order: Callable[[Index], int] | None = None,
) -> Labelled:
    """The sum of all values that meet at the places: for each target, index = affine place.

    The places come last among the axes, or where `order` ranks them.
    """
    outs: list[Index | None] = []
    taps: list[Index | None] = []
    sizes: list[tuple[int, int, int, int, int, int]] = []
    for index, place in targets:
        values, place = _forwards(values, place)
        if len(place.terms) > 2:
            values, place = _folded(values, place)
        terms = sorted(place.terms, key=lambda t: -t[1] * (whole_size(t[0].size) - 1))
        (out, step), (tap, gap) = [*terms, (None, 1), (None, 1)][:2]
        outs.append(out)
        taps.append(tap)
        count, width = (1 if i is None else whole_size(i.size) for i in (out, tap))
        sizes.append((whole_size(index.size), place.offset, count, step, width, gap))
    lead = [i for i in values.axes if i not in (*outs, *taps)]
    axes = [*lead, *(i for i, _ in targets)]
    if order is not None:
        axes.sort(key=order)
    made = dict(zip((i for i, _ in targets), zip(outs, sizes, strict=True), strict=True))
    source = [made[i][0] if i in made else i for i in axes]
    found = _arranged(values, [*source, *taps])
    detail = tuple(Target(axes.index(i), *made[i][1]) for i, _ in targets)
    shape = tuple(i.size for i in axes)
    return Labelled(node("spread", found, detail=detail, shape=shape), tuple(axes))


def _arranged(values: Labelled, order: Sequence[Index | None]) -> Node:
    """The values with these axes; an axis that they do not have is of length 1."""
    own = [i for i in order if i is not None and i in values.axes]
    found = values.arranged(own).node
    lacking = tuple(k for k, i in enumerate(order) if i is None or i not in values.axes)
    if not lacking:
        return found
    rest = iter(found.shape)
    shape = tuple(1 if k in lacking else next(rest) for k in range(len(order)))
    return node("expand", found, detail=lacking, shape=shape)


def _forwards(values: Labelled, place: Affine) -> tuple[Labelled, Affine]:
    """A place that falls with an index, with the values in the other direction."""
    for index, c in place.terms:
        if c < 0:
            count = whole_size(index.size)
            if index in values.axes:
                slices = tuple((count - 1, -1, count) if i == index else None for i in values.axes)
                values = Labelled(sliced(values.node, slices), values.axes)
            place = place + Affine(c * (count - 1), ((index, -2 * c),))
    return values, place


def _folded(values: Labelled, place: Affine) -> tuple[Labelled, Affine]:
    """A place of three or more indices: all but one of them are brought to one axis first."""
    out, *rest = sorted(place.terms, key=lambda t: -t[1] * (whole_size(t[0].size) - 1))
    inner = Affine(0, tuple(rest))
    index = Index("+".join(i.name for i, _ in rest), span(inner)[1] + 1)
    return spread(values, [(index, inner)]), Affine(place.offset, (out, (index, 1)))
