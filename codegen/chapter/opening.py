"""Title, badges, and the paragraph that says what is wanted and how it will be reached."""

from __future__ import annotations

from codegen.chapter import words
from codegen.chapter.example import Example
from codegen.chapter.figures import power_of_ten
from codegen.chapter.sheet import Sheet
from codegen.pages.document import CrossRef, Emph, Inline, Inlines, Math, Paragraph

SUBTITLE = "Every gradient, derived step by step, and one example in full"
SUBTITLE_WITHOUT = "Every gradient, derived step by step"


# ------------------------------------------------------------------ badges and opening


def badges(sheet: Sheet, example: Example | None) -> tuple[Inlines, ...]:
    """What was checked, in true numbers."""
    checks = sheet.checks
    every = sum(checks.values())
    made: list[Inlines] = []
    for word, n in checks.items():
        if n == every:
            made.append((f"all {n} steps {word}",))
        elif n:
            made.append((f"{n} of {every} steps {word}",))
    if example is not None:
        gap = example.numbers.difference
        many = example.numbers.parameters
        what = "the gradient" if many == 1 else f"all {words.number(many)} gradients"
        of = "of the example" if example.stands_for_itself else "of the worked example"
        made.append((f"{what} {of} agree with central differences to ", Math(power_of_ten(gap))))
    return tuple(made)


def opening(sheet: Sheet) -> tuple[Paragraph, ...]:
    """What we want, and the plan."""
    many = parameter_count(sheet)
    which = (
        f"each of the {words.number(many)} parameters" if many and many > 1 else "each parameter"
    )
    delta = sheet.last.delta
    plan: tuple[Inline, ...] = ()
    if delta is not None:
        of = "the losses of the batch" if sheet.mixed else "the loss"
        error, slope = sheet.math(delta.lhs), Math(sheet.write(delta.steps[0].rhs))
        plan = (
            " The plan is the same for every network: compute the ", Emph(("error",)), " ",
            error, " of the last layer, which is the derivative ", slope,
            f" of {of} by what the layer sums up; carry it back, one layer at a time; and read"
            " every gradient off as “error times input”.",
        )  # fmt: skip
    first = Paragraph(
        ("We want the derivative of the loss with respect to ", which, " of the network in ",
         CrossRef("fig:network"), ", because gradient descent moves every parameter against its"
         " derivative.", *plan),
    )  # fmt: skip
    return (first, _why_not_one_by_one(many))


def _why_not_one_by_one(many: int | None) -> Paragraph:
    """Why one goes backward: the cost of anything else."""
    start = "One could nudge each parameter in turn and watch the loss"
    if many is None:
        cost = "that costs one more forward pass for every parameter, and it is not exact"
    else:
        passes = words.count(many, "more forward pass", "more forward passes")
        cost = f"that costs {passes}, and it is not exact"
    text = (
        f"{start}, but {cost}. Going backward gives all derivatives at once for about the price of"
        " two forward passes, since what the layers share is computed once and handed on."
    )
    return Paragraph((text,))


def parameter_count(sheet: Sheet) -> int | None:
    """How many numbers are trained, where all sizes are numbers."""
    many = 0
    for equation in sheet.derivation.gradients:
        entries = 1
        for place in equation.lhs.at:
            size = place.index.size if place.index is not None else None
            if not isinstance(size, int):
                return None
            entries *= size
        many += entries
    return None if any(group.open for group in sheet.groups) else many
