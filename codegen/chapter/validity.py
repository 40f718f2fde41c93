"""For which layers the generic equations hold, where a network has layers of other kinds too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from codegen.chapter.sheet import Sheet
from codegen.pages.document import Equation, Line
from derive.algebra import equation as terms_equation
from derive.algebra.terms import Label, Tensor, Term, refs
from derive.generic import follows_dense, is_link, template
from derive.network.layers import Dense
from derive.stages import Moved, Stage
from derive.steps import Chain
from derive.writing import layout as lay
from derive.writing.layout import Layout, Space, row
from derive.writing.naming import LETTERS


def everywhere(sheet: Sheet) -> bool:
    """Whether every layer is a dense one that takes what the layer before it gives."""
    stages = sheet.derivation.forward_pass.stages
    plain = all(isinstance(s.layer, Dense) for s in stages)
    return plain and (any(s.repeat for s in stages) or len(weighted(stages)) == len(stages))


def weighted(stages: Iterable[Stage]) -> list[int]:
    """The dense layers whose input and output are written as activations, their own at that."""
    made = tuple(stages)
    return [s.label.offset for s in made if _is_weighted(s, made)]


def _is_weighted(stage: Stage, stages: tuple[Stage, ...]) -> bool:
    output = _below(stages, stage.label.offset + 1)
    return _takes_activations(stage, stages) and stage.output == output


def _takes_activations(stage: Stage, stages: tuple[Stage, ...]) -> bool:
    source = _below(stages, stage.label.offset)
    return isinstance(stage.layer, Dense) and stage.source == source


def between(sheet: Sheet) -> list[int]:
    """The dense layers whose output goes into the next dense layer, and nowhere else."""
    made = sheet.derivation.forward_pass
    known = [s.label.offset for s in made.stages if _takes_activations(s, made.stages)]
    users = [tensor for equation in made.equations for tensor in _read(equation.rhs)]
    return [
        below.label.offset
        for below, above in pairwise(made.stages)
        if is_link(below, above) and above.label.offset in known and users.count(below.output) == 1
    ]


def alone(sheet: Sheet) -> Stage | None:
    """The only dense layer that takes what is written as an activation, or the first of all."""
    stages = sheet.derivation.forward_pass.stages
    dense = [s for s in stages if isinstance(s.layer, Dense)]
    known = [s for s in dense if _is_weighted(s, stages)]
    linked = follows_dense(sheet.derivation.forward_pass)
    if everywhere(sheet) or len(known) > 1 or (known and linked):
        return None if len(dense) > 1 else next(iter(dense), None)
    return next(iter([*known, *dense]), None)


def at_layer(chain: Chain, moved: Moved) -> Chain:
    """The chain of layer l at one layer."""
    steps = tuple(replace(step, rhs=moved(step.rhs)) for step in chain.steps)
    return replace(chain, lhs=moved(chain.lhs), steps=steps)


def condition(sheet: Sheet, numbers: list[int]) -> Equation | None:
    """l = 1, 3, where the network has other layers too, and not one of them alone is shown."""
    return None if everywhere(sheet) or alone(sheet) else _listed(sheet, numbers)


def _listed(sheet: Sheet, numbers: list[int]) -> Equation | None:
    if not numbers:
        return None
    letter = sheet.writer.label(Label(0, "l"))
    return Equation(letter, "=", lay.listed(*map(lay.number, numbers)))


def biases(sheet: Sheet) -> dict[str, list[int]]:
    """The forms of the bias, each with the dense layers that have it, as in `weighted`."""
    stages = sheet.derivation.forward_pass.stages
    found: dict[str, list[int]] = {}
    for stage in stages:
        if isinstance(stage.layer, Dense):
            numbers = found.setdefault(stage.layer.bias, [])
            numbers += [stage.label.offset] if _is_weighted(stage, stages) else []
    return found


def forms(sheet: Sheet) -> list[tuple[tuple[terms_equation.Equation, ...], Equation | None]]:
    """The equations of layer l, then its weighted sum with every other form of the bias; beside
    them the layers that have it."""
    found = biases(sheet)
    first, *others = [bias for bias, numbers in found.items() if numbers] or list(found)[:1]
    shown = template(first)
    whole = shown.equations if entrywise(sheet) else (shown.main,)
    made = [(whole, alike(sheet, first))]
    return [*made, *(((template(bias).main,), alike(sheet, bias)) for bias in others)]


def entrywise(sheet: Sheet) -> bool:
    """Whether the activation of some dense layer is computed unit by unit: softmax is not."""
    dense = [s for s in sheet.derivation.forward_pass.stages if isinstance(s.layer, Dense)]
    return any(stage.activation is None or stage.phi is not None for stage in dense)


def alike(sheet: Sheet, bias: str) -> Equation | None:
    """The layers with such a bias, where the network has others too."""
    found, stages = biases(sheet), sheet.derivation.forward_pass.stages
    if len(found) == 1 or alone(sheet) or any(s.repeat for s in stages):
        return condition(sheet, weighted(stages))
    return _listed(sheet, found[bias])


def restricted(lines: tuple[Line, ...], where: Equation | None) -> tuple[Line, ...]:
    """The lines, the last of them with the layers for which they hold."""
    if where is None or not lines:
        return lines
    last = replace(lines[-1], rhs=aside(lines[-1].rhs, where))
    return (*lines[:-1], last)


def aside(layout: Layout, where: Equation) -> Layout:
    """A formula with the layers for which it holds behind it."""
    assert where.lhs is not None
    return row(layout, Space("qquad"), where.lhs, where.relation, where.rhs)


def _read(term: Term) -> set[Tensor]:
    return {ref.tensor for ref in refs(term)}


def _below(stages: tuple[Stage, ...], number: int) -> Tensor | None:
    """What the notation writes as the activation of the layer before."""
    outputs = [s.output for s in stages if s.label == Label(number - 1)]
    named = [t for t in outputs if t.role in ("activation", "preactivation")]
    active = [t for t in named if t.role == "activation"]
    active = [t for t in active if t.letter == LETTERS["activation"]] or active
    if active or named:
        return (active or named)[-1]
    return stages[0].source if number == 1 else None
