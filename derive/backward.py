"""The backward pass of dense networks: lemmas, the generic layer, then every layer from the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from derive.adjoint import apart, append_rule, carried, formal
from derive.equation import Equation
from derive.forward import (
    LOSS,
    SAMPLE,
    Forward,
    Moved,
    Stage,
    X,
    delta_of,
    dense_stage,
    entry,
    relabelled,
)
from derive.identities import O, S
from derive.index import contracted, derivative, replace_term
from derive.layers import Activation, Dense
from derive.lemmas import jacobian_lemma, loss_lemma, slope_lemmas
from derive.prove import Fact, tidy_given
from derive.simplify import tidy
from derive.steps import BY_DEFINITION, Builder, Chain
from derive.terms import (
    ONE,
    Apply,
    Extent,
    Index,
    Label,
    Partial,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
    free_indices,
    mul,
    ordered,
    power,
    ref,
    total,
    walk,
)

Bias = Literal["added", "absent", "threshold"]


@dataclass(frozen=True)
class Backward:
    """Chains of the backward pass, and its equations as the module computes them."""

    lemmas: tuple[Chain, ...]
    generic: tuple[Chain, ...]
    layers: tuple[Chain, ...]
    equations: tuple[Equation, ...]
    gradients: tuple[Equation, ...]


def error(s: Ref) -> Ref:
    """delta at the place of a pre-activation."""
    assert s.tensor.label is not None
    return Ref(delta_of(s.tensor.label), s.at)


def of_loss(by: Ref) -> Partial:
    """dL/d by for one sample."""
    return Partial(entry(LOSS), by)


def backward(forward: Forward) -> Backward:
    """Every step back from the loss to the input."""
    lemmas = Lemmas(forward)
    stages = forward.stages
    generic = generic_chains(stages)
    layers: list[Chain] = []
    for k in reversed(range(len(stages))):
        end = at_end(stages[k])
        if k + 1 < len(stages):
            layers.append(hidden_delta(end, stages[k + 1], generic, lemmas))
        else:
            layers.append(output_delta(forward, lemmas))
        if stages[k].layer.repeat is not None:
            layers.append(hidden_delta(stages[k], following(stages[k]), generic, lemmas))
    deltas = tuple(_defines(chain) for chain in layers)
    gradients: list[Equation] = []
    for stage in stages:
        chains = weight_chains(stage, generic)
        layers.extend(chains)
        gradients.extend(_gradient(forward, chain) for chain in chains)
    layers.append(input_chain(forward))
    order = ("likelihood", "slope", "jacobian", "loss slope")
    found = sorted(lemmas.chains.values(), key=lambda chain: order.index(chain.kind))
    return Backward(tuple(found), tuple(generic.values()), tuple(layers), deltas, tuple(gradients))


def at_end(stage: Stage) -> Stage:
    """A repeated stage at its last number, any other as it is."""
    if stage.layer.repeat is None:
        return stage
    end, units = stage.layer.repeat, stage.layer.units
    extents: dict[Extent, Extent] = {
        f"{units}^(l-1)": f"{units}^({end}-1)",
        f"{units}^(l)": f"{units}^({end})",
    }
    source = Tensor("o", "activation", Label(-1, end))
    return relabelled(stage, Label(0, end), source, extents)


def following(stage: Stage) -> Stage:
    """The stage l + 1 after a repeated stage l."""
    units = stage.layer.units
    extents: dict[Extent, Extent] = {
        f"{units}^(l-1)": f"{units}^(l)",
        f"{units}^(l)": f"{units}^(l+1)",
    }
    return relabelled(stage, Label(1, "l"), stage.output, extents)


class Lemmas:
    """The lemmas that a network needs, each derived once."""

    def __init__(self, forward: Forward) -> None:
        """No lemma yet, but the likelihood's, whose result is the loss."""
        self.forward = forward
        self.chains: dict[str, Chain] = {}
        if forward.likelihood is not None:
            chain = Builder("loss", "the loss", forward.loss.lhs, "likelihood")
            chain.by_rule(forward.likelihood.rhs, "negative log-likelihood", check=BY_DEFINITION)
            chain.equal(forward.loss.rhs, "logarithms of products and powers")
            self.chains["loss"] = chain.chain()

    def slope(self, stage: Stage, s: Ref) -> tuple[Term, tuple[str, ...]]:
        """phi'(s) at an entry in forward quantities, and the key of the lemma that says so."""
        if stage.phi is None or stage.function is None or stage.activation is None:
            return ONE, ()
        if isinstance(stage.phi, Apply):
            return Apply(stage.phi.function, s, 1), ()
        chains = slope_lemmas(stage.phi, stage.function)
        self.chains.update((chain.key, chain) for chain in chains)
        o = Ref(stage.activation.lhs.tensor, s.at)
        result = replace_term(replace_term(chains[-1].result, S, s), O, o)
        return result, (chains[-1].key,)

    def loss_slope(self, by: Ref) -> tuple[Term, tuple[str, ...]]:
        """dL/d by for an entry of the output."""
        if isinstance(self.forward.loss.rhs, Apply):
            return of_loss(by), ()
        chain = loss_lemma(self.forward.loss, by, "loss.slope", ("loss",))
        self.chains[chain.key] = chain
        return chain.result, (chain.key,)

    def jacobian(self, equation: Equation, by: Ref, stage: Stage) -> tuple[Term, tuple[str, ...]]:
        """d lhs/d by for an activation over an index."""
        name = str(stage.function)
        chain = jacobian_lemma(equation, by, f"jacobian.{name}", f"the Jacobian of {name}")
        known = self.chains.setdefault(chain.key, chain)
        return chain.result, (known.key,)


# ------------------------------------------------------------------ the last layer


def output_delta(forward: Forward, lemmas: Lemmas) -> Chain:
    """delta of the last layer."""
    stage = at_end(forward.stages[-1])
    s = stage.s
    chain = Builder(f"delta.{stage.label}", f"the error of layer {stage.label}", error(s), "delta")
    chain.by_rule(of_loss(s), "definition of the error", check=BY_DEFINITION)
    if stage.activation is None:
        result, cites = lemmas.loss_slope(s)
        return chain.by_rule(result, "slope of the loss", *cites).chain()
    o = stage.activation.lhs
    if stage.phi is None:
        return _through_index(chain, stage, lemmas, forward.facts)
    loss_slope, from_loss = lemmas.loss_slope(o)
    slope, from_phi = lemmas.slope(stage, s)
    chain.by_rule(mul(of_loss(o), Partial(o, s)), "chain rule: only the unit's own output")
    chain.by_rule(mul(loss_slope, slope), "insert both slopes", *from_loss, *from_phi)
    return _shortest(chain, forward.facts).chain()


def _through_index(chain: Builder, stage: Stage, lemmas: Lemmas, facts: tuple[Fact, ...]) -> Chain:
    """The error before a softmax: every output depends on every pre-activation."""
    assert stage.activation is not None
    user = apart(stage.activation, stage.s)
    chain.by_rule(formal(user, stage.s, of_loss), "chain rule: every output depends on it")
    loss_slope, from_loss = lemmas.loss_slope(user.lhs)
    jacobian, from_phi = lemmas.jacobian(user, stage.s, stage)
    within = tuple(i for i in ordered(free_indices(user.lhs)) if not i.sample)
    chain.by_rule(
        total(mul(loss_slope, jacobian), *within),
        "insert the slope of the loss and the Jacobian",
        *from_loss,
        *from_phi,
    )
    chain.equal(contracted(chain.last), "only the term with equal indices remains")
    return _shortest(chain, facts).chain()


def _shortest(chain: Builder, facts: tuple[Fact, ...]) -> Builder:
    chain.equal(tidy(chain.last), "in short form")
    given = tidy_given(chain.last, facts)
    if given is not chain.last:
        chain.equal(given, "a fact about the data", *(f.key for f in facts), facts=facts)
    return chain


# ------------------------------------------------------------------ the generic layer


def _generic_stage(bias: Bias, label: Label, below: str, above: str) -> Stage:
    layer = Dense(units="d", activation=Activation(name="generic"), bias=bias, repeat="L")
    stage = dense_stage(layer, label, X, below, above, {})
    return stage


def generic_chains(stages: tuple[Stage, ...]) -> dict[str, Chain]:
    """The error and the gradients of a layer l between two others."""
    biases = dict.fromkeys(stage.layer.bias for stage in stages)
    found: dict[str, Chain] = {}
    for bias in biases:
        stage = _generic_stage(bias, Label(0), "d^(l-1)", "d^(l)")
        above = relabelled(
            stage, Label(1, "l"), stage.output, {"d^(l-1)": "d^(l)", "d^(l)": "d^(l+1)"}
        )
        if len(stages) > 1 or stages[0].layer.repeat:
            found.setdefault("generic.delta", _generic_delta(stage, above))
        for weight in stage.weights:
            chain = _generic_weight(stage, weight, bias)
            found.setdefault(chain.key, chain)
    return found


def _generic_delta(stage: Stage, above: Stage) -> Chain:
    assert stage.activation is not None
    s, o = stage.s, stage.activation.lhs
    user = apart(above.affine, o)
    chain = Builder("generic.delta", "the error of a layer between two others", error(s), "generic")
    chain.by_rule(of_loss(s), "definition of the error", check=BY_DEFINITION)
    chain.by_rule(mul(of_loss(o), Partial(o, s)), "chain rule: only the unit's own output")
    slope = derivative(stage.activation.rhs, s)
    paths = formal(user, o, lambda entry: error(entry))
    chain.by_rule(mul(paths, slope), "chain rule: every unit of the next layer sees the output")
    weighted = carried(user, o, lambda entry: error(entry))
    chain.by_rule(mul(weighted, slope), "derivative of the weighted sum")
    return chain.chain()


def _generic_weight(stage: Stage, weight: Tensor, bias: str) -> Chain:
    j = next(i for i in free_indices(stage.s) if not i.sample)
    places = (Index("i", "d^(l-1)"), j) if weight.role == "weight" else (j,)
    by = ref(weight, *places)
    what = "weights" if weight.role == "weight" else "biases"
    key = "generic.W" if weight.role == "weight" else f"generic.b.{bias}"
    chain = Builder(key, f"the gradient of the {what}", of_loss(by), "generic")
    return append_rule(chain, stage.affine, of_loss, error, ("generic.s",)).chain()


# ------------------------------------------------------------------ instances


def _moved(stage: Stage, shapes: tuple[Extent, Extent, Extent]) -> Moved:
    template = _generic_stage("added", Label(0), "d^(l-1)", "d^(l)")
    below, above, beyond = shapes
    extents: dict[Extent, Extent] = {"d^(l-1)": below, "d^(l)": above, "d^(l+1)": beyond}
    return Moved(template, stage.label, stage.source, extents)


def _sizes(stage: Stage) -> tuple[Extent, Extent]:
    (summed,) = (n.indices for n in walk(stage.affine.rhs) if isinstance(n, Sum))
    (j,) = (i for i in free_indices(stage.s) if not i.sample)
    return summed[0].size, j.size


def hidden_delta(stage: Stage, above: Stage, generic: dict[str, Chain], lemmas: Lemmas) -> Chain:
    """delta of a layer before another: the generic step at its number, with its slope inserted."""
    s = stage.s
    chain = Builder(f"delta.{stage.label}", f"the error of layer {stage.label}", error(s), "delta")
    if stage.activation is not None and stage.phi is None:
        return _hidden_softmax(chain, stage, above, lemmas)
    weighted = carried(apart(above.affine, _out(stage)), _out(stage), error)
    if stage.function is None:
        return chain.by_rule(weighted, "the generic step; the slope is 1", "generic.delta").chain()
    slope, cites = lemmas.slope(stage, s)
    formal_slope = Apply(stage.function, s, 1)
    chain.by_rule(mul(weighted, formal_slope), "the generic step", "generic.delta")
    return chain.by_rule(mul(weighted, slope), "insert the slope", *cites).chain()


def _out(stage: Stage) -> Ref:
    return stage.s if stage.activation is None else stage.activation.lhs


def _hidden_softmax(chain: Builder, stage: Stage, above: Stage, lemmas: Lemmas) -> Chain:
    """The error before a softmax inside the network."""
    assert stage.activation is not None
    s = stage.s
    chain.by_rule(of_loss(s), "definition of the error", check=BY_DEFINITION)
    user = apart(stage.activation, s)
    chain.by_rule(formal(user, s, of_loss), "chain rule: every output depends on it")
    jacobian, cites = lemmas.jacobian(user, s, stage)
    reached = apart(above.affine, user.lhs)
    weighted = carried(_away(reached, s), user.lhs, error)
    within = tuple(i for i in ordered(free_indices(user.lhs)) if not i.sample)
    chain.by_rule(total(mul(weighted, jacobian), *within), "insert both", "generic.delta", *cites)
    chain.equal(contracted(chain.last), "only the term with equal indices remains")
    return chain.equal(tidy(chain.last), "in short form").chain()


def _away(user: Equation, s: Ref) -> Equation:
    """The equation with a free index that is not one of s either."""
    return apart(user, s) if free_indices(user.lhs) & free_indices(s) else user


def weight_chains(stage: Stage, generic: dict[str, Chain]) -> list[Chain]:
    """The gradients of one layer for one sample: the generic ones at its number."""
    below, above = _sizes(stage)
    moved = _moved(stage, (below, above, above))
    found = []
    for weight in stage.weights:
        key = "generic.W" if weight.role == "weight" else f"generic.b.{stage.layer.bias}"
        template = generic[key]
        title = f"{template.title} of layer {stage.label}"
        chain = Builder(f"gradient.{weight}", title, moved(template.lhs), "gradient")
        chain.by_rule(moved(template.result), "the generic step", key)
        found.append(chain.chain())
    return found


def input_chain(forward: Forward) -> Chain:
    """The gradient of one sample's loss by the input."""
    stage = forward.stages[0]
    if stage.layer.repeat is not None:
        units = stage.layer.units
        sizes: dict[Extent, Extent] = {
            f"{units}^(l-1)": forward.network.input[-1],
            f"{units}^(l)": f"{units}^(1)",
        }
        stage = relabelled(stage, Label(1), X, sizes)
    source = stage.source
    below, _ = _sizes(stage)
    by = entry(source, Index("i", below))
    chain = Builder("gradient.x", "the gradient of the input", of_loss(by), "input")
    return append_rule(chain, stage.affine, of_loss, error, (f"forward.{stage.s.tensor}",)).chain()


def _defines(chain: Chain) -> Equation:
    assert isinstance(chain.lhs, Ref)
    return Equation(chain.lhs, chain.result, chain.title)


def _gradient(forward: Forward, chain: Chain) -> Equation:
    """The gradient of the objective: mean or sum over the samples, plus the decay."""
    assert isinstance(chain.lhs, Partial)
    by = chain.lhs.by
    rhs: Term = Sum(chain.result, (SAMPLE,))
    if forward.network.reduction == "mean":
        rhs = mul(power(Size(SAMPLE.size), -1), rhs)
    if forward.network.weight_decay and by.tensor.role == "weight":
        rhs = rhs + mul(forward.network.weight_decay, by)
    gradient = Tensor(by.tensor.letter, "gradient", by.tensor.label, batched=False)
    return Equation(Ref(gradient, by.at), rhs, chain.title)
