"""A network as forward equations: stages one after another, then the loss of one sample.

Layers with parameters are numbered 1, 2, ..., nested ones included; a layer without parameters
belongs to the number before it.  The repeated layers of a generic network have the numbers
l = 1 .. L and those after it L + 1, ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from derive.algebra.equation import Equation
from derive.algebra.index import define, size_of
from derive.algebra.prove import Fact
from derive.algebra.simplify import split_logs
from derive.algebra.terms import (
    ONE,
    Add,
    Apply,
    Extent,
    Function,
    Index,
    Label,
    Mul,
    Num,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
    add,
    call,
    factors_of,
    mul,
    power,
    ref,
    refs,
    total,
)
from derive.formulas.formula import read_formula
from derive.formulas.written import read_index_formula
from derive.kinds import recipe, residual
from derive.network.layers import AnyLayer, Dense, Residual
from derive.network.shapes import Shape, after
from derive.primitives import LIKELIHOODS, LOSSES, UNIT_SUM
from derive.spec import Network
from derive.stages import SAMPLE, Stage, entry, relabelled
from derive.staging import Naming, make_stage

X, Y = Tensor("x", "input"), Tensor("y", "target")
LOSS = Tensor("L", "loss")
LETTERS = "kmpqrt"  # for the indices of the outputs


@dataclass(frozen=True)
class Forward:
    """The whole forward pass: stages, the loss of one sample, and what is known of the targets."""

    network: Network
    stages: tuple[Stage, ...]
    output: Ref
    loss: Equation
    likelihood: Equation | None
    facts: tuple[Fact, ...]
    output_shape: Shape

    @cached_property
    def equations(self) -> tuple[Equation, ...]:
        """Every forward equation but the loss."""
        return tuple(e for stage in self.stages for e in stage.equations)

    @cached_property
    def shapes(self) -> Mapping[Tensor, tuple[Extent, ...]]:
        """The shape of every tensor of the forward pass and of every error, without samples."""
        found: dict[Tensor, Shape] = {X: self.network.input, Y: self.output_shape, LOSS: ()}
        for stage in self.stages:
            for at_number in (stage, at_end(stage)):
                found.update(at_number.shapes)
                if at_number.s.tensor.role == "preactivation":  # else delta is another layer's
                    found[delta_of(at_number.label)] = at_number.shapes[at_number.s.tensor]
        return found

    @property
    def across_samples(self) -> bool:
        """Whether the loss of a sample depends on other samples (batch_norm)."""
        return any(stage.across_samples for stage in self.stages)


def delta_of(label: Label) -> Tensor:
    """The tensor of the error delta = dL/ds of a layer."""
    return Tensor("delta", "delta", label)


def forward(network: Network) -> Forward:
    """The forward equations of a network."""
    builder = _Builder()
    stages = tuple(builder.chain(network.layers, network.input))
    shape = builder.shape
    output = at_end(stages[-1]).out
    loss, likelihood = _loss(network, output.tensor, shape)
    facts = unit_sum_facts(network, shape)
    return Forward(network, stages, output, loss, likelihood, facts, shape)


class _Builder:
    """Walks through the layers: the number, the tensor and the shape reached so far."""

    def __init__(self) -> None:
        self.label = Label(0)
        self.source = X
        self.shape: Shape = ()
        self.naming = Naming()

    def chain(self, layers: tuple[AnyLayer, ...], shape: Shape) -> Iterator[Stage]:
        self.shape = shape
        for layer in layers:
            if isinstance(layer, Residual):
                yield from self._residual(layer)
            else:
                yield self._single(layer)

    def _single(self, layer: AnyLayer) -> Stage:
        if isinstance(layer, Dense) and layer.repeat is not None:
            return self._repeated(layer, layer.repeat)
        plan = recipe(layer, self.shape)
        if plan.parameters:
            self.label = self.label.shifted(1)
        stage = make_stage(layer, plan, self.label, self.source, self.shape, self.naming)
        return self._reached(stage, after(layer, self.shape)[1])

    def _reached(self, stage: Stage, shape: Shape) -> Stage:
        self.source, self.shape = stage.output, shape
        return stage

    def _residual(self, layer: Residual) -> Iterator[Stage]:
        outer, shape = self.source, self.shape
        yield from self.chain(layer.layers, shape)
        inner = self.source
        yield self._reached(
            make_stage(layer, residual(shape), self.label, outer, shape, self.naming, inner), shape
        )

    def _repeated(self, layer: Dense, end: str) -> Stage:
        """A layer l that stands for all of 1 .. L."""
        stage = generic_stage(layer, self.naming)
        self.label = Label(0, end)
        self._reached(at_end(stage), (f"{layer.units}^({end})",))
        return stage


def generic_stage(layer: Dense, naming: Naming) -> Stage:
    """The dense layer l with the input o^(l-1), at sizes d^(l-1) and d^(l)."""
    below, above = f"{layer.units}^(l-1)", f"{layer.units}^(l)"
    source = Tensor("o", "activation", Label(-1, "l"))
    plan = recipe(layer.model_copy(update={"units": above}), (below,))
    return make_stage(layer, plan, Label(0, "l"), source, (below,), naming)


def at_number(stage: Stage, label: Label, source: Tensor | None = None) -> Stage:
    """The generic stage l at another number."""
    assert isinstance(stage.layer, Dense)
    units = stage.layer.units
    extents: dict[Extent, Extent] = {
        f"{units}^(l-1)": f"{units}^({label.shifted(-1)})",
        f"{units}^(l)": f"{units}^({label})",
    }
    below = Tensor("o", "activation", label.shifted(-1))
    return relabelled(stage, label, source or below, extents)


def at_end(stage: Stage) -> Stage:
    """A repeated stage at its last number, any other as it is."""
    return stage if stage.repeat is None else at_number(stage, Label(0, stage.repeat))


# ------------------------------------------------------------------ the loss


def _loss(network: Network, output: Tensor, shape: Shape) -> tuple[Equation, Equation | None]:
    """The loss of one sample, and for a likelihood the equation from which it is derived."""
    lhs = entry(LOSS)
    spec = network.loss
    if spec.name == "generic":
        return Equation(lhs, Apply(Function("loss"), entry(output)), "a smooth loss"), None
    if spec.formula is not None and "[" in spec.formula:
        tensors = {"o": output, "y": Y}
        rhs = read_index_formula(
            spec.formula, shape, lambda n, at: entry(tensors[n], *at), frozenset({SAMPLE})
        )
        return Equation(lhs, rhs, "the loss"), None
    indices = [Index(name, size) for name, size in zip(LETTERS, shape, strict=False)]
    names = {"o": entry(output, *indices), "y": entry(Y, *indices), "t": mul(*map(size_of, shape))}
    names.update({option: mul(value) for option, value in spec.options.items()})
    if spec.likelihood is not None:
        density = read_formula(LIKELIHOODS[spec.likelihood], names)
        start = -Sum(call("log", density), tuple(indices))
        rhs = summed(split_logs(-call("log", density)), indices)
        return Equation(lhs, rhs, "negative log-likelihood"), Equation(lhs, start)
    if spec.formula is not None:
        names.pop("t")
    each = read_formula(spec.formula or LOSSES[spec.name], names)
    return Equation(lhs, summed(each, indices), "the loss"), None


def summed(body: Term, indices: list[Index]) -> Term:
    """The sum over all indices, with numbers and sizes in front of it, constants by their count."""
    body = _signs_inside(body)
    if isinstance(body, Add) and not all(map(refs, body.args)):
        constant = add(*(arg for arg in body.args if not refs(arg)))
        varying = add(*(arg for arg in body.args if refs(arg)))
        return summed(varying, indices) + mul(*(size_of(i.size) for i in indices), constant)
    factors = factors_of(body)
    front = [f for f in factors if not refs(f)]
    inner = mul(*(f for f in factors if refs(f)))
    return mul(*front, Sum(inner, tuple(indices)))


def _signs_inside(body: Term) -> Term:
    """-(a + c) with a constant c as -a - c, so that the constant can be counted."""
    match body:
        case Mul(args=(Num(value=Fraction(numerator=-1, denominator=1)), Add() as inner)):
            if not all(map(refs, inner.args)):
                return add(*(-arg for arg in inner.args))
    return body


def unit_sum_facts(network: Network, shape: Shape) -> tuple[Fact, ...]:
    """What the loss declares of its targets: those of a cross-entropy are probabilities."""
    name = network.loss.likelihood or network.loss.name
    if name not in UNIT_SUM:
        return ()
    *others, last = (Index(n, size) for n, size in zip(LETTERS, shape, strict=False))
    probabilities = Sum(entry(Y, *others, last), (last,))
    return (Fact("fact.targets", "the targets of a sample sum to 1", probabilities, ONE),)


def objective(forward: Forward) -> Term:
    """The mean or sum of the losses over the samples, plus (lambda/2) Sum w^2."""
    network = forward.network
    losses = total(forward.loss.lhs, SAMPLE)
    value = losses if network.reduction == "sum" else power(Size(SAMPLE.size), -1) * losses
    if network.weight_decay:
        for stage in forward.stages:
            for parameter in filter(stage.decayed, stage.parameters):
                sizes = zip("ijkmpqrt", stage.shapes[parameter], strict=False)
                indices = tuple(Index(name, size) for name, size in sizes)
                square = Sum(power(ref(parameter, *indices), 2), indices)
                value = value + Num(network.weight_decay / 2) * square
    return value


def expression(forward: Forward) -> Term:
    """The loss of one sample as one expression over input, target and all parameters."""
    term = forward.loss.rhs
    for equation in reversed(forward.equations):
        term = define(term, equation.lhs, equation.rhs)
    return term
