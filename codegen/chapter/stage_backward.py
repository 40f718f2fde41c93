"""What one sees when an error has come back through a layer, kind by kind."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from codegen.chapter.groups import place_of
from codegen.chapter.reach import bracketed, by_taps, figure, flipped, spatial
from codegen.chapter.sheet import Sheet
from codegen.chapter.stage_windows import column
from codegen.pages.document import (
    Block,
    CrossRef,
    Display,
    Figure,
    Inline,
    Inlines,
    Line,
    Listing,
    Math,
    Paragraph,
)
from derive.adjoint import apart, carried, partner
from derive.algebra.index import at, fresh
from derive.algebra.terms import Affine, Guard, Index, Ref, Sum, Term, mul, walk
from derive.lemma_book import error, of_loss
from derive.network.layers import AvgPool, Conv, MaxPool
from derive.stages import Stage
from derive.steps import Chain
from derive.writing import layout as lay

SHORT = "in the standardised values"
STRIDED = "conv with a stride"
OUTSIDE = "An error outside its range counts as 0 here, since no output is there."
MEETING = (
    "The bracket is 1 where an output and a weight meet at this input, and 0 elsewhere: only such"
    " terms are left of the sums."
)
REACHED = "Brackets leave out the outputs that the input does not reach."
GAPS = (
    "The kernel moved in steps larger than 1, so some of its weights lead from this input to no"
    " output, as if zeros stood between the errors"
)


class Seen:
    """Words about the layers that errors come back through, each said once on a page."""

    def __init__(self, sheet: Sheet) -> None:
        """Nothing said yet."""
        self.sheet = sheet
        self.said: set[str] = set()

    def after(self, chain: Chain) -> list[Block]:
        """What is to be said behind an error."""
        made: list[Block] = []
        for stage, place in carriers(self.sheet, chain):
            meeting = _meeting(self.sheet, stage, place)
            if meeting and meeting not in self.said:
                made.append(Paragraph((meeting,)))
            words = _WORDS.get(stage.kind)
            if words is not None and stage.kind not in self.said:
                made += words(self.sheet, stage, chain, place)
            elif _strided(stage) and STRIDED not in self.said:
                made += _more_steps(self.sheet, stage)
            self.said |= {stage.kind, meeting, *([STRIDED] if _strided(stage) else ())}
        return made


def _strided(stage: Stage) -> bool:
    return isinstance(stage.layer, Conv) and max(stage.layer.stride) > 1


def carriers(sheet: Sheet, chain: Chain) -> Iterator[tuple[Stage, Ref]]:
    """The layers that an error has come back through, with the entry of their input.

    A layer's error comes through whatever reads the layer's output.
    """
    if chain.kind == "gradient":
        return
    place = place_of(chain)
    entries = [place]
    for stage in sheet.derivation.forward_pass.stages:
        if stage.phi is not None and stage.s.tensor == place.tensor:
            entries.append(Ref(stage.output, place.at))
    if place.tensor.role == "delta":
        entries = list(_outputs(sheet, place))
    for stage in sheet.derivation.forward_pass.stages:
        for entry in entries:
            if stage.source == entry.tensor:
                yield stage, entry


def _outputs(sheet: Sheet, delta: Ref) -> Iterator[Ref]:
    """The pre-activation that an error is about, and the activation where it has one."""
    for stage in sheet.derivation.forward_pass.stages:
        s = stage.s.tensor
        if stage.label == delta.tensor.label and s.role == "preactivation":
            yield Ref(s, delta.at)
            if stage.phi is not None:
                yield Ref(stage.output, delta.at)


# ------------------------------------------------------------------ windows


def _conv(sheet: Sheet, stage: Stage, chain: Chain, place: Ref) -> list[Block]:
    """Why the kernel is turned round; the picture; the sum over its taps; the windows."""
    layer = stage.layer
    assert isinstance(layer, Conv)
    picture = figure(sheet, stage)
    seen = _cited(picture)
    text: list[Inline] = [
        "An input reaches only the outputs over whose window it lies", *seen, ". In the forward"
        " pass the place in the kernel grows with the place in the input. Here the input stands"
        " still: the further on an output lies, the earlier the weight by which the input reaches"
        " it. So the errors are gathered by the same kernel turned round, its last weight first.",
    ]  # fmt: skip
    if _strided(stage):
        text.append(f" {GAPS}.")
    blocks: list[Block] = [Paragraph(tuple(text), ("The kernel turned round.",))]
    blocks += [picture] if picture else []
    known = carried(apart(stage.main, place), place, error)
    plain = by_taps(sheet, stage) and not bracketed(known) and _many_places(stage)
    made = flipped(stage, place) if plain else None
    if made is not None:
        claim, check = made
        blocks.append(Paragraph(("Added up over the weights it is a sliding kernel once more, over"
                                 " the errors this time:",)))  # fmt: skip
        why: Inlines = ("the same sum, by the place in the kernel",)
        line = Line(sheet.write(of_loss(place)), "=", sheet.write(claim), why, check.word)
        blocks.append(Display((line,)))
        blocks.append(Paragraph((OUTSIDE,)))
    return [*blocks, *column(sheet, stage)]


def _meeting(sheet: Sheet, stage: Stage, place: Ref) -> str:
    """How the error through a convolution says which outputs an input reaches."""
    if not isinstance(stage.layer, Conv):
        return ""
    known = carried(apart(stage.main, place), place, error)
    if bracketed(known) and by_taps(sheet, stage) and flipped(stage, place) is not None:
        return OUTSIDE
    if bracketed(known):
        return MEETING
    return REACHED if any(isinstance(node, Guard) for node in walk(known)) else ""


def _many_places(stage: Stage) -> bool:
    """Whether the kernel is laid on more than one place."""
    return prod(int(index.size) for index in spatial(stage)) > 1


def _cited(picture: Figure | None) -> Inlines:
    return () if picture is None or picture.key is None else (" (", CrossRef(picture.key), ")")


def _more_steps(sheet: Sheet, stage: Stage) -> list[Block]:
    """What a stride changes, where the kernel turned round has been explained."""
    picture = figure(sheet, stage)
    text = Paragraph((GAPS, *_cited(picture), "."))
    return [text, picture] if picture else [text]


def _max_pool(sheet: Sheet, stage: Stage, chain: Chain, place: Ref) -> list[Block]:
    layer = stage.layer
    assert isinstance(layer, MaxPool)
    return [
        Paragraph(("Only the largest value of a window has moved the output, so the whole error of"
                   " a window goes to that one value, the winner, and the others get none: this is"
                   " what the bracket with argmax says. ", *_overlap(layer, "win"))),
    ]  # fmt: skip


def _avg_pool(sheet: Sheet, stage: Stage, chain: Chain, place: Ref) -> list[Block]:
    layer = stage.layer
    assert isinstance(layer, AvgPool)
    share = lay.frac(lay.number(1), lay.number(prod(layer.kernel)))
    return [
        Paragraph(("Every value of a window has the same share ", Math(share), " in the mean, so"
                   " the error of a window is spread evenly over its values. ",
                   *_overlap(layer, "lie"))),
    ]  # fmt: skip


def _overlap(layer: MaxPool | AvgPool, verb: str) -> Inlines:
    overlap = any(s < k for s, k in zip(layer.stride, layer.kernel, strict=True))
    if overlap:
        return (f"Windows lie over one another, so a value can {verb} in several of them, and what"
                " it gets from them adds up.",)  # fmt: skip
    return ("The windows do not lie over one another, so of the sum at most one term is left.",)


# ------------------------------------------------------------------ names, masks, two ways


def _flatten(sheet: Sheet, stage: Stage, chain: Chain, place: Ref) -> list[Block]:
    return [Paragraph(("Flattening only gave the entries new names, so the error only gets its old"
                       " ones back.",))]  # fmt: skip


def _dropout(sheet: Sheet, stage: Stage, chain: Chain, place: Ref) -> list[Block]:
    mask = sheet.tensor(stage.masks[0])
    return [Paragraph(("The error meets the same mask ", mask, " as the values did: what was"
                       " dropped did not matter, and gets no error.",))]  # fmt: skip


def _residual(sheet: Sheet, stage: Stage, chain: Chain, place: Ref) -> list[Block]:
    assert stage.inner is not None
    return [
        Paragraph(("The error has two ways back, and they add: one through the layers of the block,"
                   " and one straight from ", sheet.tensor(stage.main.lhs.tensor), ", with the"
                   " factor 1. However small the slopes of the block are, the straight way loses"
                   " nothing.")),
    ]  # fmt: skip


# ------------------------------------------------------------------ the three terms of a norm


def _norm(sheet: Sheet, stage: Stage, chain: Chain, place: Ref) -> list[Block]:
    """What each of the three terms does, where the short form was reached."""
    if not any(SHORT in step.why for step in chain.steps):
        return []
    h, over = stage.body[3].lhs, _over(stage)
    taken = {i for p in h.at if (i := p.index) is not None}
    places: dict[Index, Affine] = {}
    for index in over:
        new = fresh(index.name, index.size, taken, index.sample)
        if not index.sample:
            new = Index(partner(index.name, {i.name for i in taken}), index.size)
        taken.add(new)
        places[index] = Affine.of(new)
    bound = tuple(i for p in places.values() if (i := p.index) is not None)
    slope, values = at(of_loss(h), places), at(h, places)
    mean: Term = Sum(slope, bound)
    along: Term = mul(h, Sum(mul(slope, values), bound))
    r = sheet.math(stage.body[2].lhs)
    items: tuple[Inlines, ...] = (
        (sheet.math(of_loss(h)), " is what arrives at the value itself: the scaling passes it on."),
        (sheet.math(mean), " comes from the mean. To add the same number to all values changes"
         " nothing behind the norm, so the average of the errors is taken out: what goes on"
         " adds up to 0."),
        (sheet.math(along), " comes from the variance. To stretch all deviations by the same factor"
         " is undone by the scaling, up to the small constant under the root, so the part of the"
         " errors that points along the standardised values is taken out as well."),
    )  # fmt: skip
    lead: Inlines = ("Three terms.",)
    text: Inlines = (
        "The standardised values have taken the place of mean and variance, and the error of ",
        sheet.tensor(place.tensor), " through the norm has three terms, all scaled by ", r,
        ", the sums divided by the number of values:",
    )  # fmt: skip
    return [Paragraph(text, lead), Listing(items)]


def _over(stage: Stage) -> tuple[Index, ...]:
    """The indices that the statistics are taken over."""
    sums = [node for node in walk(stage.body[0].rhs) if isinstance(node, Sum)]
    return tuple(i for node in sums for i in node.indices)


_WORDS = {
    "conv": _conv,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "flatten": _flatten,
    "dropout": _dropout,
    "residual": _residual,
    "layer_norm": _norm,
    "batch_norm": _norm,
}
