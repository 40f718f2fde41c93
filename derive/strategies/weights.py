"""A small network weight by weight: every unit by its number, sums written out, then in general."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from derive.algebra.index import at, define
from derive.algebra.terms import (
    Affine,
    Apply,
    Index,
    Partial,
    Ref,
    Tensor,
    Term,
    add,
    mul,
    total,
)
from derive.lemma_book import error, of_loss
from derive.stages import Stage
from derive.steps import Chain
from derive.strategies.checks import Proof, opened, placed
from derive.strategies.ladder import (
    Factor,
    Ladder,
    by_activation,
    by_input,
    by_parameter,
    own_unit,
    parameter_entry,
    product,
)
from derive.strategies.parts import Part, Told

NAME = "weight_by_weight"
MOST = 20  # parameters that are told one by one; of a larger network the first of each layer


def weight_by_weight(ladder: Ladder) -> Told:
    """Layer by layer from the last: what a unit computes, each weight, each error."""
    if not ladder.concrete:
        return Told(NAME, missing="the widths are letters, so no weight has a number of its own")
    return Told(NAME, tuple(_parts(ladder)))


def _parts(ladder: Ladder) -> Iterator[Part]:
    every = _size(ladder) <= MOST
    for k in reversed(range(len(ladder.stages))):
        stage = ladder.stages[k]
        above = ladder.stages[k + 1] if k + 1 < len(ladder.stages) else None
        units = [_unit(stage, n) for n in range(_width(stage) if every else 1)]
        if above is None:
            yield Part("output unit", tuple(_computed(ladder, stage, s) for s in units))
        else:
            yield Part("nested output", (_nested(ladder, stage, above),))
        for s in units:
            yield Part("unit", tuple(_gradients(ladder, stage, s, every)))
        if above is None:
            yield Part("output error", tuple(_output_error(ladder, stage, s) for s in units))
        else:
            first = _unit(above, 0)
            yield Part("nested unit", (_nested_unit(ladder, stage, above, first),))
            for s in units:
                yield Part("error", tuple(_errors(ladder, stage, above, s)))
    yield Part("general", ())


def _size(ladder: Ladder) -> int:
    shapes = [stage.shapes[t] for stage in ladder.stages for t in stage.parameters]
    return sum(prod(int(e) for e in shape) for shape in shapes)


def _width(stage: Stage) -> int:
    return int(stage.shapes[stage.s.tensor][0])


def _unit(stage: Stage, number: int) -> Ref:
    """The pre-activation of the unit of that number."""
    j = stage.s.at[-1].index
    assert j is not None
    made = at(stage.s, {j: Affine(number)})
    assert isinstance(made, Ref)
    return made


def _started(ladder: Ladder, key: str, title: str, lhs: Term) -> Proof:
    return Proof.of(ladder.frame, f"{NAME}.{key}", title, lhs, NAME, concrete=True)


# ------------------------------------------------------------------ what a unit computes


def _computed(ladder: Ladder, stage: Stage, s: Ref) -> Chain:
    """s_1 = w_11 x_1 + w_21 x_2 + b_1."""
    proof = _started(ladder, f"sum.{s}", f"the weighted sum of {s.tensor}", s)
    return proof.defined(opened(placed(stage.main, s)), "the sum written out").done()


def _nested(ladder: Ladder, stage: Stage, above: Stage) -> Chain:
    """The output of the layer above as a function of the weighted sums of this one."""
    o = above.out
    value = o if above.activation is None else placed(above.activation, o)
    value = define(value, above.main.lhs, above.main.rhs)
    if stage.activation is not None:
        value = define(value, stage.activation.lhs, stage.activation.rhs)
    title = f"{o.tensor} as a function of {stage.s.tensor}"
    proof = Proof.of(ladder.frame, f"{NAME}.nested.{o.tensor}", title, o, NAME)
    return proof.defined(value, "both layers in one formula").done()


def _nested_unit(ladder: Ladder, stage: Stage, above: Stage, s: Ref) -> Chain:
    """s_1 = w_11 phi(s_1) + w_21 phi(s_2) + b_1, in the sums of the layer below."""
    value = placed(above.main, s)
    if stage.activation is not None:
        value = define(value, stage.activation.lhs, stage.activation.rhs)
    proof = _started(ladder, f"nested.{s}", f"{s.tensor} in the sums of the layer below", s)
    return proof.defined(opened(value), "with the layer below inserted").done()


# ------------------------------------------------------------------ weights and biases


def _gradients(ladder: Ladder, stage: Stage, s: Ref, every: bool) -> Iterator[Chain]:
    """The bias of a unit, then its weights one after the other."""
    for parameter in sorted(stage.parameters, key=lambda t: t.role != "bias"):
        below = int(stage.shapes[parameter][0]) if parameter.role == "weight" else 1
        for i in range(below if every else 1):
            by = _entry(stage, parameter, i, s)
            value = opened(by_parameter(stage, by).value)
            proof = _started(ladder, f"gradient.{by}", f"the gradient of {by}", of_loss(by))
            proof.step(mul(of_loss(s), Partial(s, by)), "chain rule: it acts through this sum")
            proof.step(mul(error(s), Partial(s, by)), "definition of the error")
            yield proof.step(mul(error(s), value), "derivative of the weighted sum").done()


def _entry(stage: Stage, parameter: Tensor, i: int, s: Ref) -> Ref:
    free = parameter_entry(stage, parameter)
    numbers: dict[Index, Affine] = {}
    for place, number in zip(reversed(free.at), (s.at[-1], Affine(i)), strict=False):
        assert place.index is not None
        numbers[place.index] = number
    made = at(free, numbers)
    assert isinstance(made, Ref)
    assert own_unit(stage, made) is s
    return made


# ------------------------------------------------------------------ errors


def _output_error(ladder: Ladder, stage: Stage, s: Ref) -> Chain:
    """delta of an output unit: through its own output, or through all of them after a softmax."""
    proof = _started(ladder, f"error.{s}", f"the error of {s}", error(s))
    proof.defined(of_loss(s), "definition of the error")
    o, slope = by_activation(ladder, stage, s)
    result, cites = ladder.lemmas.loss_slope(o)
    if slope is None:
        return proof.step(opened(result), "slope of the loss", *cites).done()
    outer = Factor(of_loss(o), of_loss(o))
    proof.step(opened(product(outer, slope, formal=True)), "the loss sees it through the output")
    proof.step(opened(product(outer, slope, formal=False)), "insert the slope", *slope.cites)
    inserted = product(Factor(of_loss(o), result), slope, formal=False)
    return proof.step(opened(inserted), "slope of the loss", *cites).done()


def _errors(ladder: Ladder, stage: Stage, above: Stage, s: Ref) -> Iterator[Chain]:
    """delta of a hidden unit through each unit above: first formally, then with its derivative."""
    units = [_unit(above, n) for n in range(_width(above))]
    key, title = f"error.{s}", f"the error of {s}"
    formal = [Partial(t, s) for t in units]
    proof = _started(ladder, key, title, error(s)).defined(of_loss(s), "definition of the error")
    proof.step(
        add(*(mul(of_loss(t), d) for t, d in zip(units, formal, strict=True))),
        "chain rule: it acts through every unit of the next layer",
    )
    proof.step(
        add(*(mul(error(t), d) for t, d in zip(units, formal, strict=True))),
        "definition of the error",
    )
    yield proof.done()
    inserted = []
    for t in units:
        chain, value = _between(ladder, stage, above, t, s)
        inserted.append(mul(error(t), value))
        if t is units[0] or len(units) <= 2:
            yield chain
    proof = _started(ladder, f"{key}.inserted", title, error(s))
    proof.step(add(*(mul(error(t), d) for t, d in zip(units, formal, strict=True))), "from above")
    yield proof.step(add(*inserted), "insert the derivatives").done()


def _between(ladder: Ladder, stage: Stage, above: Stage, t: Ref, s: Ref) -> tuple[Chain, Term]:
    """The derivative of a sum above by a sum below."""
    o, slope = by_activation(ladder, stage, s)
    weight = by_input(above, t, o)
    proof = _started(ladder, f"between.{t}.{s}", f"d {t} / d {s}", Partial(t, s))
    if slope is None:
        return proof.step(weight.value, "derivative of the weighted sum").done(), weight.value
    factors = mul(weight.value, slope.formal)
    if slope.over:
        factors = total(factors, *slope.over)
    elif stage.activation is not None and stage.phi is not None:
        phi = placed(stage.activation, o)
        proof.step(mul(weight.value, Partial(phi, s)), "only one term depends on it")
        if isinstance(phi, Apply):
            value = mul(weight.value, slope.value)
            return proof.step(value, "the slope of the activation").done(), value
    proof.step(opened(factors), "derivative of the weighted sum")
    value = mul(weight.value, slope.value)
    made = opened(total(value, *slope.over) if slope.over else value)
    proof.step(made, "insert the slope", *slope.cites)
    return proof.done(), made
