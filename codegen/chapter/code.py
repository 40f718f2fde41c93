"""The same thing as code: the lines of the generated module that compute the equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codegen.chapter.example import Example
from codegen.chapter.sheet import Sheet
from codegen.emitting.plan import Plan, Step, plan_of
from codegen.emitting.program import program_of
from codegen.emitting.python import source
from codegen.lowering.nodes import names
from codegen.pages.document import (
    Block,
    Code,
    CodeLine,
    CodeListing,
    Inline,
    Paragraph,
    Section,
)
from derive.algebra.terms import Label, Tensor


def section(sheet: Sheet, example: Example | None) -> Section | None:
    """The listing, of the network itself where it has numbers, else of the example."""
    own = sheet if sheet.derivation.network.numeric else example.sheet if example else None
    if own is None:
        return None
    plan = plan_of(program_of(own.derivation))
    intro: list[Inline] = ["In the generated module samples are rows and ", Code("@"),
                           " is the matrix product. Behind each line stands the equation that it"
                           " computes; ", Code("n"), " is the number of samples."]  # fmt: skip
    if own is not sheet:
        intro.append(" The network is the one of the example, since code needs numbers.")
    blocks: list[Block] = [Paragraph(tuple(intro))]
    parts: Sequence[Sequence[Step]] = (
        plan.forward,
        (plan.loss,),
        (*plan.backward, *plan.gradients),
    )
    lines: list[CodeLine] = []
    left_out = False
    for steps in parts:
        kept = [step for step in steps if _shown(own, step)]
        left_out = left_out or len(kept) < len(steps)
        lines += _lines(sheet, own, plan, kept)
    blocks.append(CodeListing(tuple(lines)))
    if left_out:
        blocks.append(Paragraph(("Layers that are alike have the same lines with other numbers; the"
                                 " first of them is shown.",)))  # fmt: skip
    return Section(("The same thing as code",), tuple(blocks), "sec:code")


def _shown(own: Sheet, step: Step) -> bool:
    """Of layers that are alike only the first one's lines are shown."""
    label = step.equation.lhs.tensor.label
    return not any(group.run and label in group.numbers[1:] for group in own.groups)


def _lines(sheet: Sheet, own: Sheet, plan: Plan, steps: Sequence[Step]) -> list[CodeLine]:
    taken = {n for s in plan.steps for n in names(s.node)}
    by_name = {step.name: step for step in steps}
    bare = [replace(step.statement, comment="") for step in steps]
    made = []
    for line in source(bare, taken):
        name = line.partition(" = ")[0].strip()
        step = by_name.get(name)
        key = _key(sheet, own, step) if step is not None else None
        made.append(CodeLine(line.rstrip(), (key,) if key else ()))
    return made


def _key(sheet: Sheet, own: Sheet, step: Step) -> str | None:
    """The equation of the chapter that a line computes; for a stand-in the one of its kind."""
    tensor = step.equation.lhs.tensor
    computed = sheet.keys.computed
    if own is sheet:
        return computed.get((tensor.role, str(tensor)))
    for label in _like(sheet, own, tensor):
        key = computed.get((tensor.role, str(replace(tensor, label=label))))
        if key is not None:
            return key
    return None


def _like(sheet: Sheet, own: Sheet, tensor: Tensor) -> list[Label | None]:
    """The labels in the chapter that a layer of the example can stand for."""
    if tensor.label is None:
        return [None]
    last = own.output.tensor.label
    ends: list[Label | None] = [sheet.output.tensor.label] if tensor.label == last else []
    return [*ends, *(group.label for group in sheet.groups if group.open), tensor.label]
