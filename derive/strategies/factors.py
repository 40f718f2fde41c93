"""The gradient of a weight as a product of three factors: dL/da, da/dz and dz/dw, each by itself.

In a layer below, the first factor is a sum over the outputs of the layer above.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.adjoint import apart
from derive.algebra.index import contracted, define, expand_functions
from derive.algebra.simplify import cost, tidy
from derive.algebra.terms import Apply, Partial, Ref, Tensor, Term, mul, total
from derive.identities import KNOWN
from derive.lemma_book import of_loss
from derive.stages import Stage
from derive.steps import Chain
from derive.strategies.adjoints import single
from derive.strategies.checks import Proof, placed
from derive.strategies.ladder import (
    Factor,
    Ladder,
    by_activation,
    by_input,
    by_parameter,
    cited,
    neighbours,
    own_unit,
    parameter_entry,
    product,
)
from derive.strategies.parts import Part, Told

NAME = "three_factors"
SHORT = 12  # operations of a slope that may be shown written out


def three_factors(ladder: Ladder) -> Told:
    """The output layer, each layer below it, then layer l."""
    return Told(NAME, tuple(_parts(ladder)))


def _parts(ladder: Ladder) -> Iterator[Part]:
    last = ladder.last
    weight, *others = last.parameters
    yield Part("output", (_gradient(ladder, last, weight, "split"),))
    yield Part("factors", tuple(_factors(ladder, last, weight)))
    together = [_together(ladder, last, parameter, None) for parameter in (weight, *others)]
    yield Part("together", tuple(together))
    for below, above in neighbours(ladder):
        weight, *others = below.parameters
        yield Part("hidden", (_hidden(ladder, below, above, weight),))
        first = _first_factor(ladder, below, above)
        yield Part("first factor", (first,))
        if _is_output(ladder, above):
            chains = [_together(ladder, below, p, first) for p in (weight, *others)]
            yield Part("together", tuple(chains))
    if not ladder.unitwise:
        return
    layer = ladder.generic()
    yield Part("generic", tuple(_gradient(ladder, layer, p, "generic") for p in layer.parameters))


def _is_output(ladder: Ladder, stage: Stage) -> bool:
    return stage.label == ladder.last.label


# ------------------------------------------------------------------ the output layer


def _chain_of(ladder: Ladder, stage: Stage, by: Ref) -> tuple[Ref, list[Factor]]:
    """The output on which the weight acts, and the factors from the loss down to the weight."""
    o, slope = by_activation(ladder, stage, own_unit(stage, by))
    first = Factor(of_loss(o), of_loss(o))
    return o, [f for f in (first, slope, by_parameter(stage, by)) if f is not None]


def _gradient(ladder: Ladder, stage: Stage, parameter: Tensor, where: str) -> Chain:
    """dL/dw = dL/da da/dw = dL/da da/dz dz/dw; in layer l also with the derivatives inserted."""
    by = parameter_entry(stage, parameter)
    o, chain = _chain_of(ladder, stage, by)
    key = f"{NAME}.{where}.{stage.label}.{parameter.role}"
    proof = Proof.of(ladder.frame_of(stage), key, f"the gradient of {parameter}", of_loss(by), NAME)
    if len(chain) == 3:
        two = mul(of_loss(o), Partial(o, by))
        proof.step(total(two, *chain[1].over), "the weight acts through the output of its unit")
    proof.step(product(*chain, formal=True), "the output acts through the weighted sum")
    if where == "generic":
        proof.step(product(*chain, formal=False), "insert the derivatives", *cited(*chain))
    return proof.done()


def _factors(ladder: Ladder, stage: Stage, weight: Tensor) -> Iterator[Chain]:
    """The three factors of the output layer, one after the other."""
    by = parameter_entry(stage, weight)
    o, (first, *_) = _chain_of(ladder, stage, by)
    result, cites = ladder.lemmas.loss_slope(o)
    if result is not first.formal:
        key = f"{NAME}.factor.loss"
        proof = Proof.of(ladder.frame, key, "the slope of the loss", of_loss(o), NAME)
        own = apart_loss(ladder, o)
        proof.defined(Partial(own, o), "definition")
        yield proof.step(result, "the outputs of other units do not matter", *cites).done()
    yield from slope_chain(ladder, stage)
    s = own_unit(stage, by)
    value = by_parameter(stage, by).value
    yield single(ladder.frame_of(stage), NAME, s, by, placed(stage.main, s), value)


def apart_loss(ladder: Ladder, o: Ref) -> Term:
    """The loss with indices of its own."""
    return apart(ladder.derivation.loss, o).rhs


def slope_chain(ladder: Ladder, stage: Stage) -> Iterator[Chain]:
    """da/dz from the definition of the activation, written out where that is short."""
    if stage.activation is None or stage.phi is None:
        return
    s = stage.s
    o, slope = by_activation(ladder, stage, s)
    assert slope is not None
    key = f"{NAME}.factor.{o.tensor}"
    proof = Proof.of(ladder.frame, key, "the slope of the activation", Partial(o, s), NAME)
    phi = placed(stage.activation, o)
    written = expand_functions(phi)
    proof.defined(Partial(written, s), "definition of the activation")
    if isinstance(phi, Apply):
        yield proof.step(slope.value, "its slope stays a symbol").done()
        return
    in_full = define(slope.value, stage.activation.lhs, written)
    if cost(in_full) <= SHORT and getattr(phi, "function", "") in KNOWN:
        proof.step(in_full, "derivative of the activation", *slope.cites)
    yield proof.step(slope.value, "in forward quantities", *slope.cites).done()


def _together(ladder: Ladder, stage: Stage, parameter: Tensor, below: Chain | None) -> Chain:
    """All three factors inserted."""
    by = parameter_entry(stage, parameter)
    o, chain = _chain_of(ladder, stage, by)
    first, *rest = chain
    if below is None:
        value, cites = ladder.lemmas.loss_slope(o)
    else:
        value, cites = _at(below, o), ()
    chain = [Factor(first.formal, value, tuple(cites)), *rest]
    key = f"{NAME}.together.{stage.label}.{parameter.role}"
    proof = Proof.of(ladder.frame_of(stage), key, f"the gradient of {parameter}", of_loss(by), NAME)
    proof.step(product(*chain, formal=True), "product of the factors")
    made = product(*chain, formal=False)
    proof.step(made, "insert the factors", *cited(*chain))
    if any(f.over for f in chain):
        proof.step(tidy(contracted(proof.last)), "in short form")
    return proof.done()


def _at(chain: Chain, place: Ref) -> Term:
    """The result of a chain about dL/do at the places of an entry."""
    assert isinstance(chain.lhs, Partial)
    return define(place, chain.lhs.by, chain.result)


# ------------------------------------------------------------------ a layer below


def _hidden(ladder: Ladder, below: Stage, above: Stage, weight: Tensor) -> Chain:
    """dL/dw as a sum over the outputs of the layer above, then as three factors."""
    by = parameter_entry(below, weight)
    a, chain = _chain_of(ladder, below, by)
    user = apart(above.main, a)
    o, upper = by_activation(ladder, above, user.lhs)
    over = tuple(i for p in o.at if (i := p.index) is not None and not i.sample)
    key = f"{NAME}.hidden.{below.label}"
    proof = Proof.of(ladder.frame, key, f"the gradient of {weight}", of_loss(by), NAME)
    if not any(f.over for f in chain):
        outer = (of_loss(o), Partial(o, a), Partial(a, by))
        proof.step(total(mul(*outer), *over), "every output of the layer above depends on it")
        if upper is not None and not upper.over:
            inner = (
                upper.formal,
                by_input(above, user.lhs, a).formal,
                *(f.formal for f in chain[1:]),
            )
            opened = total(mul(of_loss(o), *inner), *over)
            proof.step(opened, "a composition of functions: one factor for each of them")
        proof.step(mul(of_loss(a), Partial(a, by)), "the sum is the derivative by the own output")
    return proof.step(product(*chain, formal=True), "product of three factors").done()


def _first_factor(ladder: Ladder, below: Stage, above: Stage) -> Chain:
    """dL/da of a layer below: one product for every output above."""
    by = below.out
    user = apart(above.main, by)
    s = user.lhs
    o, slope = by_activation(ladder, above, s)
    weight = by_input(above, s, by)
    over = tuple(i for p in s.at if (i := p.index) is not None and not i.sample)
    first = Factor(of_loss(o), of_loss(o))
    chain = [f for f in (first, slope, weight) if f is not None]
    key = f"{NAME}.first.{below.label}"
    proof = Proof.of(ladder.frame, key, f"the derivative by {by.tensor}", of_loss(by), NAME)
    if slope is not None and not slope.over:
        proof.step(
            total(mul(of_loss(o), Partial(o, by)), *over),
            "every output of the layer above depends on it",
        )
    proof.step(total(product(*chain, formal=True), *over), "each of them through its weighted sum")
    if _is_output(ladder, above):
        value, cites = ladder.lemmas.loss_slope(o)
        chain[0] = Factor(first.formal, value, tuple(cites))
    proof.step(total(product(*chain, formal=False), *over), "insert the factors", *cited(*chain))
    if any(f.over for f in chain):
        proof.step(tidy(contracted(proof.last)), "in short form")
    return proof.done()
