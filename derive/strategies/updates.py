"""The step of gradient descent: with the gradient as a letter, then with what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from derive.algebra.index import at, fresh
from derive.algebra.terms import (
    Affine,
    Partial,
    Ref,
    Size,
    Tensor,
    Term,
    free_indices,
    mul,
    ordered,
    power,
    total,
    walk,
)
from derive.lemma_book import of_loss
from derive.stages import SAMPLE, Stage
from derive.steps import BY_DEFINITION, Builder, Chain
from derive.strategies.adjoints import moved
from derive.strategies.checks import Proof
from derive.strategies.factors import three_factors
from derive.strategies.ladder import (
    Factor,
    Ladder,
    by_activation,
    by_parameter,
    own_unit,
    parameter_entry,
    product,
)
from derive.strategies.parts import Part, Told

NAME = "update"


def updates(ladder: Ladder) -> Told:
    """One sample's step of every weight and bias, in layer l and in the output layer.

    The left side of such a chain is the new value; the right side speaks of the old ones.
    """
    generic = {_key(chain): chain for chain in ladder.derivation.generic}
    layer = ladder.generic()
    parts = [Part("layer", tuple(_steps(ladder, layer, generic)))]
    own = {_key(chain): chain for chain in three_factors(ladder).chains if "together" in chain.key}
    parts.append(Part("output", tuple(_steps(ladder, ladder.last, own))))
    parts.append(Part("samples", tuple(_samples(ladder))))
    if ladder.derivation.network.reduction == "mean":
        parts.append(Part("direction", tuple(_direction(ladder))))
    return Told(NAME, tuple(parts))


def _samples(ladder: Ladder) -> Iterator[Chain]:
    """The gradient of the objective in the output layer as a sum over the samples."""
    if ladder.derivation.network.weight_decay:
        return
    mean = ladder.derivation.network.reduction == "mean"
    front = [power(Size(SAMPLE.size), -1)] if mean else []
    stages = (ladder.generic(), ladder.last) if ladder.many else (ladder.last,)
    for stage in stages:
        for parameter in stage.parameters:
            by = parameter_entry(stage, parameter)
            s, factor = own_unit(stage, by), by_parameter(stage, by)
            o, slope = by_activation(ladder, stage, s)
            lhs = Ref(replace(parameter, role="gradient"), by.at)
            title = f"the gradient of {parameter} over all samples"
            key = f"{NAME}.samples.{parameter}"
            proof = Proof.of(ladder.frame_of(stage), key, title, lhs, "samples")
            proof.defined(mul(*front, total(of_loss(by), SAMPLE)), "the objective adds up")
            by_sum = total(mul(of_loss(s), factor.formal), SAMPLE)
            proof.step(mul(*front, by_sum), "chain rule: it acts through one sum only")
            if slope is not None and not slope.over and ladder.unitwise:
                outer = Factor(of_loss(o), of_loss(o))
                made = total(product(outer, slope, factor, formal=True), SAMPLE)
                proof.step(mul(*front, made), "the sum acts through the output")
            yield proof.done()


def _direction(ladder: Ladder) -> Iterator[Chain]:
    """A mean in place of a sum of samples changes the length of a step, not its direction."""
    for parameter in ladder.generic().parameters:
        by = parameter_entry(ladder.generic(), parameter)
        of_all = Ref(replace(parameter, role="gradient"), by.at)
        summed = total(of_loss(by), SAMPLE)
        mean = mul(power(Size(SAMPLE.size), -1), summed)
        title = f"the direction of the gradient of {parameter}"
        chain = Builder(f"{NAME}.direction.{parameter}", title, _unit(of_all), "direction")
        chain.by_rule(_unit(mean), "the mean over the samples", check=BY_DEFINITION)
        yield chain.equal(_unit(summed), "a common factor cancels").chain()


def _unit(entry: Term) -> Term:
    """The entry divided by the length of the array."""
    indices = [i for i in ordered(free_indices(entry)) if not i.sample]
    taken = {i for n in walk(entry) for i in (*free_indices(n), *getattr(n, "indices", ()))}
    new = []
    for i in indices:
        new.append(fresh("k", i.size, taken))
        taken.add(new[-1])
    other = at(entry, {i: Affine.of(k) for i, k in zip(indices, new, strict=True)})
    return entry * power(total(power(other, 2), *new), Fraction(-1, 2))


def _key(chain: Chain) -> Tensor | None:
    """The parameter whose gradient the chain is about."""
    return chain.lhs.by.tensor if isinstance(chain.lhs, Partial) else None


def _steps(ladder: Ladder, stage: Stage, known: dict[Tensor | None, Chain]) -> Iterator[Chain]:
    for parameter in stage.parameters:
        by = parameter_entry(stage, parameter)
        frame, title = ladder.frame_of(stage), f"the step of {parameter}"
        proof = Proof.of(frame, f"{NAME}.{parameter}", title, by, NAME)
        proof.defined(moved(by, of_loss(by)), "a step against the gradient")
        chain = known.get(parameter)
        if chain is not None and not _formal(chain.result):
            proof.step(moved(by, chain.result), "insert the gradient", chain.key)
        yield proof.done()


def _formal(term: Term) -> bool:
    return any(isinstance(n, Partial) for n in walk(term))
