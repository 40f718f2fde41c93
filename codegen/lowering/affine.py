"""Arrays read at affine places: padded, in slices, through windows, by splitting an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from codegen.lowering.contract import Labelled
from codegen.lowering.nodes import Node, expand, node, transpose
from derive.algebra.terms import Affine, Extent
from derive.errors import NotYet


@dataclass(frozen=True)
class Window:
    """An axis at the places start + step*i + gap*u, for i < count and u < taps."""

    axis: int
    start: int
    count: int
    step: int
    taps: int
    gap: int

    @property
    def length(self) -> int:
        """From the first tap to the last."""
        return self.gap * (self.taps - 1) + 1

    @property
    def end(self) -> int:
        """Behind the last window's first place."""
        return self.start + self.step * (self.count - 1) + 1


def read(found: Node, places: Sequence[Affine], lowest: bool = False) -> Labelled:
    """The entries of an array at affine places, one for each axis; outside of it is 0, or -inf."""
    plain = [
        p.index is not None and p.index.size == s for p, s in zip(places, found.shape, strict=True)
    ]
    lone = {i for p in places for i, _ in p.terms if i.size == 1}
    places = [p if own else _moving(p) for p, own in zip(places, plain, strict=True)]
    found, places = _padded(found, places, lowest)
    found, places = _constants_taken(found, places)
    labelled = _plain(found, places)
    labelled = _diagonal(labelled)
    missing = sorted(i for i in lone if i not in labelled.axes)
    for index in missing:
        new = expand_last(labelled.node)
        labelled = Labelled(new, (*labelled.axes, index))
    return labelled


def _moving(place: Affine) -> Affine:
    """The place without indices that are always 0."""
    return Affine(place.offset, tuple((i, c) for i, c in place.terms if i.size != 1))


def expand_last(item: Node) -> Node:
    """A new axis of length 1 at the end."""
    if not item.shape:
        return node("expand", item, detail=(0,), shape=(1,))
    return expand(item, (item.rank,))


def span(place: Affine) -> tuple[int, int]:
    """The smallest and the largest value of a place."""
    ends = [c * (whole_size(i.size) - 1) for i, c in place.terms]
    low = place.offset + sum(min(0, e) for e in ends)
    return low, place.offset + sum(max(0, e) for e in ends)


def whole_size(extent: Extent) -> int:
    """The number of places, where it is known when the code is made."""
    if not isinstance(extent, int):
        raise NotYet(f"an access that moves along the axis of size {extent} has no array form")
    return extent


def _padded(found: Node, places: Sequence[Affine], lowest: bool) -> tuple[Node, list[Affine]]:
    widths: list[tuple[int, int]] = []
    moved: list[Affine] = []
    for place, size in zip(places, found.shape, strict=True):
        if place.index is not None and place.index.size == size:
            widths.append((0, 0))
            moved.append(place)
            continue
        low, high = span(place)
        before, behind = max(0, -low), max(0, high - (whole_size(size) - 1))
        widths.append((before, behind))
        moved.append(place + before)
    if any(map(any, widths)):
        shape = tuple(
            s + a + b if isinstance(s, int) else s
            for s, (a, b) in zip(found.shape, widths, strict=True)
        )
        found = node("pad", found, detail=(tuple(widths), lowest), shape=shape)
    return found, moved


def _constants_taken(found: Node, places: list[Affine]) -> tuple[Node, list[Affine]]:
    for k in reversed(range(len(places))):
        if not places[k].terms:
            shape = tuple(s for m, s in enumerate(found.shape) if m != k)
            found = node("take", found, detail=(k, places[k].offset), shape=shape)
    return found, [p for p in places if p.terms]


def _plain(found: Node, places: list[Affine]) -> Labelled:
    """The axes one after another: slices, splits and windows, until each is one index."""
    back: set[int] = set()  # axes that run backwards
    slices: list[tuple[int, int, int] | None] = [None] * len(places)
    for k, place in enumerate(places):
        if len(place.terms) == 1:
            (index, c), size = place.terms[0], found.shape[k]
            if index.size == size and c == 1 and place.offset == 0:
                continue
            count = whole_size(index.size)
            slices[k] = (place.offset, c, count)
            places[k] = Affine.of(index)
    found = sliced(found, tuple(slices))
    while wide := [k for k, p in enumerate(places) if len(p.terms) > 1]:
        at = wide[0]
        if (sizes := row_major(places[at], found.shape[at])) is None:
            found, places, back = _windows(found, places, back)
            continue
        indices = [i for i, _ in sorted(places[at].terms, key=lambda t: -t[1])]
        shape = (*found.shape[:at], *sizes, *found.shape[at + 1 :])
        found = node("split", found, detail=(at, sizes), shape=shape)
        places[at : at + 1] = map(Affine.of, indices)
        back = {k + len(sizes) - 1 if k > at else k for k in back}
    axes = tuple(p.index for p in places if p.index is not None)
    flips: list[tuple[int, int, int] | None] = [
        (whole_size(i.size) - 1, -1, whole_size(i.size)) if k in back else None
        for k, i in enumerate(axes)
    ]
    return Labelled(sliced(found, tuple(flips)), axes)


def sliced(found: Node, slices: tuple[tuple[int, int, int] | None, ...]) -> Node:
    """(start, step, count) of each axis, None for all of it."""
    if not any(slices):
        return found
    shape = tuple(s if c is None else c[2] for s, c in zip(found.shape, slices, strict=True))
    return node("slice", found, detail=slices, shape=shape)


def row_major(place: Affine, size: Extent) -> tuple[int, ...] | None:
    """The sizes of the indices, where the place counts through them like a row-major index."""
    if place.offset or any(not isinstance(i.size, int) for i, _ in place.terms):
        return None
    terms = sorted(place.terms, key=lambda t: -t[1])
    sizes = tuple(whole_size(i.size) for i, _ in terms)
    steps = tuple(prod(sizes[k + 1 :]) for k in range(len(sizes)))
    right = steps == tuple(c for _, c in terms) and prod(sizes) == size
    return sizes if right else None


def _windows(
    found: Node, places: list[Affine], back: set[int]
) -> tuple[Node, list[Affine], set[int]]:
    """For every axis with several indices: the one that spans most, and windows of the rest."""
    windows, extra = [], []
    places, back = list(places), set(back)
    shape: list[Extent] = list(found.shape)
    for k, place in enumerate(places):
        if len(place.terms) < 2:
            continue
        out, *rest = sorted(place.terms, key=lambda t: -abs(t[1]) * (whole_size(t[0].size) - 1))
        inner = Affine(0, tuple(rest))
        (index, c), offset = out, place.offset
        if c < 0:
            offset += c * (whole_size(index.size) - 1)
            back.add(k)
        low, high = span(inner)
        offset += low
        inner = inner - low
        if len(rest) == 1 and rest[0][1] > 0:
            taps, gap, inner = whole_size(rest[0][0].size), rest[0][1], Affine.of(rest[0][0])
        else:
            taps, gap = high - low + 1, 1
        windows.append(Window(k, offset, whole_size(index.size), abs(c), taps, gap))
        shape[k] = whole_size(index.size)
        shape.append(taps)
        places[k] = Affine.of(index)
        extra.append(inner)
    found = node("windows", found, detail=tuple(windows), shape=tuple(shape))
    places += extra
    slices: list[tuple[int, int, int] | None] = [None] * len(places)
    for k, place in enumerate(places):  # what is left of a single index that does not fit
        if len(place.terms) == 1 and place.index is None:
            index, c = place.terms[0]
            slices[k] = (place.offset, c, whole_size(index.size))
            places[k] = Affine.of(index)
    return sliced(found, tuple(slices)), places, back


def _diagonal(part: Labelled) -> Labelled:
    """An array in which an index stands twice: its diagonal."""
    found, axes = part.node, list(part.axes)
    while len(set(axes)) < len(axes):
        twice = next(i for i in axes if axes.count(i) > 1)
        one, two = [k for k, i in enumerate(axes) if i == twice][:2]
        rest = [k for k in range(len(axes)) if k not in (one, two)]
        moved = transpose(found, (*rest, one, two))
        found = node("diagonal", moved, shape=moved.shape[:-1])
        axes = [*(axes[k] for k in rest), twice]
    return Labelled(found, tuple(axes))
