"""Which outputs of a convolution an input reaches, and the kernel turned round on the way back.

Output p reads the inputs at stride*p + dilation*u - padding for every tap u of the kernel, so input
a reaches the outputs p for which some tap fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from codegen.chapter.sheet import Sheet
from codegen.pages.document import Figure, Inline
from codegen.pages.grids import Grid, grid_picture
from codegen.pages.picture import Content
from derive.adjoint import apart, carried, users_of
from derive.algebra.canon import equal
from derive.algebra.index import at, fresh
from derive.algebra.prove import PROVED, Check, prove
from derive.algebra.terms import (
    Affine,
    Delta,
    Index,
    Ref,
    Sum,
    Term,
    mul,
    rebuild,
    refs,
    walk,
)
from derive.lemma_book import error
from derive.network.layers import Conv
from derive.network.shapes import pads
from derive.stages import Stage
from derive.steps import Chain, Step

BY_PLACE = "the sum by the place in the kernel"
MOST_DRAWN = 7  # cells on a side; of a larger plane a corner is drawn
LARGEST = 7  # kernels beyond that are not drawn
Place = tuple[int, ...]


def figure(sheet: Sheet, stage: Stage) -> Figure | None:
    """An input, the kernel with numbered weights, and the outputs with those that lead there."""
    layer = stage.layer
    assert isinstance(layer, Conv)
    if max(layer.kernel) > LARGEST:
        return None
    extents = sheet.derivation.shapes
    source = [min(int(e), MOST_DRAWN) for e in extents[stage.source][1:]]
    target = [min(int(e), MOST_DRAWN) for e in extents[stage.s.tensor][1:]]
    origin = _widest(layer, source, target)
    found = dict(_reached(layer, origin, target))
    taps = list(product(*map(range, layer.kernel)))
    number = {tap: str(k) for k, tap in enumerate(taps, 1)}
    reached: dict[tuple[int, int], Content] = {_cell(p): number[tap] for p, tap in found.items()}
    kernel: dict[tuple[int, int], Content] = {_cell(tap): number[tap] for tap in taps}
    grids = (
        _grid(source, "the input", dotted=frozenset({_cell(origin)})),
        _grid(list(layer.kernel), "the kernel", kernel),
        _grid(target, "the outputs it reaches", reached, frozenset(reached)),
    )
    corner = any(
        int(e) > MOST_DRAWN for t in (stage.source, stage.s.tensor) for e in extents[t][1:]
    )
    alt = "One input, the kernel with its weights numbered, and the outputs that the input reaches"
    return Figure(grid_picture(grids, alt), _caption(layer, corner), f"fig:reach.{stage.label}")


def _grid(
    sides: list[int],
    caption: str,
    written: Mapping[tuple[int, int], Content] | None = None,
    filled: frozenset[tuple[int, int]] = frozenset(),
    dotted: frozenset[tuple[int, int]] = frozenset(),
) -> Grid:
    rows, columns = (1, *sides)[-2:]
    return Grid(rows, columns, caption, filled | dotted, written or {}, dotted)


def _cell(place: Place) -> tuple[int, int]:
    rows, columns = (0, *place)[-2:]
    return rows, columns


def _caption(layer: Conv, corner: bool) -> tuple[Inline, ...]:
    made = "One input, the kernel, and the outputs that the input reaches, each with the number of"
    made += " the weight that leads there: "
    made += "read in order, the numbers run backwards."
    if max(layer.stride) > 1:
        made += " The stride passes over the other weights."
    return (made + " Of a large plane a corner is drawn." * corner,)


def _widest(layer: Conv, source: list[int], target: list[int]) -> Place:
    """The input that reaches most outputs, near the middle."""

    def rank(place: Place) -> tuple[int, float]:
        off = sum((2 * a - n + 1) ** 2 for a, n in zip(place, source, strict=True))
        return (-len(dict(_reached(layer, place, target))), off)

    return min(product(*map(range, source)), key=rank)


def _reached(layer: Conv, origin: Place, target: list[int]) -> Iterator[tuple[Place, Place]]:
    """The outputs that an input reaches, each with the tap by which it does."""
    for tap in product(*map(range, layer.kernel)):
        place: list[int] = []
        for a, u, s, d, (front, _), size in zip(
            origin, tap, layer.stride, layer.dilation, pads(layer), target, strict=True
        ):
            p, rest = divmod(a + front - d * u, s)
            if rest or not 0 <= p < size:
                break
            place.append(p)
        else:
            yield tuple(place), tap


# ------------------------------------------------------------------ the flipped kernel as a formula


def by_taps(sheet: Sheet, stage: Stage) -> bool:
    """Whether the error of an input is a sum over the taps and nothing else."""
    alone = len(users_of(stage.source, sheet.derivation.forward)) == 1
    return alone and isinstance(stage.layer, Conv) and max(stage.layer.stride) == 1


def bracketed(known: Term) -> bool:
    """Whether an output and a tap are still found by an equation in a bracket."""
    return any(
        isinstance(node, Delta)
        and any(p.terms and p.index is None for p in (node.left, node.right))
        for node in walk(known)
    )


def by_place(sheet: Sheet, chain: Chain, carriers: Iterable[tuple[Stage, Ref]]) -> Chain:
    """The chain with the sum over the taps where the sum over the outputs would need a bracket.

    A kernel with gaps reaches an input at some outputs only; which they are is plain once the sum
    runs over the taps.
    """
    for stage, place in carriers:
        if not isinstance(stage.layer, Conv) or not by_taps(sheet, stage):
            continue
        known = carried(apart(stage.main, place), place, error)
        made = flipped(stage, place) if bracketed(known) else None
        if made is not None:
            chain = replace(chain, steps=tuple(_swapped(chain.steps, known, made[0])))
    return chain


def _swapped(steps: Sequence[Step], known: Term, claim: Term) -> Iterator[Step]:
    """The steps with the claim in the place of what it was proved to be; the first that holds it
    stays as it was derived, where others follow."""

    def visit(term: Term) -> Term:
        if isinstance(term, Sum) and equal(term, known):
            return claim
        return rebuild(term, visit)

    met = 0
    for step in steps:
        rhs = visit(step.rhs)
        met += rhs is not step.rhs
        if rhs is step.rhs or (met == 1 and step is not steps[-1]):
            yield step
            continue
        first = met <= 2
        yield replace(step, rhs=rhs, why=f"{BY_PLACE}; {step.why}" if first else step.why)


def flipped(stage: Stage, place: Ref) -> tuple[Term, Check] | None:
    """The error of an input as a sum over the taps; None where it is not proved to be one.

    dL/dx[k,a] = Sum(W[c,k,u]*delta[c, a + padding - dilation*u], c, u), with 0 read outside.
    """
    layer = stage.layer
    assert isinstance(layer, Conv)
    weight = _apart(stage, place)
    sample, inner, *spots = place.at
    channel, own, *taps = (p.index for p in weight.at)
    if channel is None or own is None or inner.index is None:
        return None
    known = carried(apart(stage.main, place), place, error)
    delta = next(r.tensor for r in refs(known) if r.tensor.role == "delta")
    positions = [
        a + front - Affine.of(u) * d
        for a, u, d, (front, _) in zip(spots, taps, layer.dilation, pads(layer), strict=True)
        if u is not None
    ]
    extents = ("N", *stage.shapes[stage.s.tensor])
    entry = Ref(delta, (sample, Affine.of(channel), *positions), extents)
    claim = Sum(mul(at(weight, {own: inner}), entry), (channel, *(u for u in taps if u)))
    check = prove(known, claim)
    return (claim, check) if check.word == PROVED else None


def _apart(stage: Stage, place: Ref) -> Ref:
    """The weight in the layer's equation, its indices renamed where the place has the same."""
    weight = next(r for r in refs(stage.main.rhs) if r.tensor == stage.parameters[0])
    taken = {i for p in place.at if (i := p.index) is not None}
    renaming: dict[Index, Affine] = {}
    for index in (i for p in weight.at if (i := p.index) is not None):
        new = fresh(index.name, index.size, taken)
        taken.add(new)
        renaming[index] = Affine.of(new)
    made = at(weight, renaming)
    assert isinstance(made, Ref)
    return made


def spatial(stage: Stage) -> tuple[Index, ...]:
    """The indices of the places of a window."""
    places = [p.index for p in stage.main.lhs.at if p.index is not None and not p.index.sample]
    return tuple(places[1:])
