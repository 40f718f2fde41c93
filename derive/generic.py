"""The generic dense layer l between two others: derived once, valid for every l."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from derive.adjoint import apart, append_rule, carried, formal, users_of
from derive.algebra.equation import Equation
from derive.algebra.index import derivative
from derive.algebra.terms import Extent, Index, Label, Partial, Tensor, free_indices, mul, ref
from derive.forward import Forward, at_end, at_number, generic_stage
from derive.lemma_book import error, of_loss
from derive.network.layers import Activation, Dense
from derive.stages import Moved, Stage
from derive.staging import Naming
from derive.steps import BY_DEFINITION, Builder, Chain


@lru_cache(maxsize=8)
def template(bias: str) -> Stage:
    """The dense layer l with a generic activation."""
    layer = Dense(units="d", activation=Activation(name="generic"), bias=bias, repeat="L")  # type: ignore[arg-type]
    return generic_stage(layer, Naming())


def generic_chains(forward: Forward) -> dict[str, Chain]:
    """The error and the gradients of a dense layer l, where the network has dense layers."""
    stages = forward.stages
    dense = [stage for stage in stages if isinstance(stage.layer, Dense)]
    found: dict[str, Chain] = {}
    if follows_dense(forward):
        found["generic.delta"] = _delta(template("added"))
    for stage in dense:
        assert isinstance(stage.layer, Dense)
        for weight in template(stage.layer.bias).parameters:
            chain = _gradient(template(stage.layer.bias), weight, stage.layer.bias)
            found.setdefault(chain.key, chain)
    return found


def follows_dense(forward: Forward) -> bool:
    """Whether a dense layer is read by another one alone, or stands for several."""
    stages, equations = forward.stages, (*forward.equations, forward.loss)
    linked = any(is_link(a, b) and is_only_reader(a, equations) for a, b in pairwise(stages))
    return linked or any(s.repeat for s in stages)


def is_only_reader(below: Stage, equations: Sequence[Equation]) -> bool:
    """Whether one equation alone reads what the layer hands on."""
    return len(users_of(at_end(below).output, equations)) <= 1


def is_link(below: Stage, above: Stage) -> bool:
    """Whether the generic layer step leads from `above` to `below`."""
    return (
        below.kind == above.kind == "dense"
        and above.source == at_last(below)
        and (below.activation is None or below.phi is not None)
    )


def at_last(stage: Stage) -> Tensor:
    """The output tensor of a stage, at its last number where it is repeated."""
    if stage.repeat is None:
        return stage.output
    return replace(stage.output, label=Label(0, stage.repeat))


def _delta(stage: Stage) -> Chain:
    assert stage.activation is not None
    above = at_number(stage, Label(1, "l"))
    s, o = stage.s, stage.activation.lhs
    user = apart(above.main, o)
    chain = Builder("generic.delta", "the error of a layer between two others", error(s), "generic")
    chain.by_rule(of_loss(s), "definition of the error", check=BY_DEFINITION)
    chain.by_rule(mul(of_loss(o), Partial(o, s)), "chain rule: only the unit's own output")
    slope = derivative(stage.activation.rhs, s)
    chain.by_rule(
        mul(formal(user, o, error), slope),
        "chain rule: every unit of the next layer sees the output",
    )
    chain.by_rule(mul(carried(user, o, error), slope), "derivative of the weighted sum")
    return chain.chain()


def _gradient(stage: Stage, weight: Tensor, bias: str) -> Chain:
    (j,) = (i for i in free_indices(stage.s) if not i.sample)
    weights = weight.role == "weight"
    by = ref(weight, Index("i", "d^(l-1)"), j) if weights else ref(weight, j)
    what = "weights" if weights else "biases"
    chain = Builder(
        gradient_key(weight, bias), f"the gradient of the {what}", of_loss(by), "generic"
    )
    return append_rule(chain, stage.main, of_loss, error, ("generic.s",)).chain()


def gradient_key(weight: Tensor, bias: str) -> str:
    """The key of the generic chain for a weight or a bias of that form."""
    return "generic.W" if weight.role == "weight" else f"generic.b.{bias}"


def instance(stage: Stage) -> Moved:
    """Takes terms of the generic layer l to the dense stage."""
    assert isinstance(stage.layer, Dense)
    weight = next(t for t in stage.parameters if t.role == "weight")
    below, above = stage.shapes[weight]
    extents: dict[Extent, Extent] = {"d^(l-1)": below, "d^(l)": above}
    return Moved(template(stage.layer.bias), stage.label, stage.source, extents)
