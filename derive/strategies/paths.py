"""Gradients as sums over all paths from a quantity to the loss, one product of factors a path."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from derive.adjoint import apart
from derive.algebra.index import at, contracted, define
from derive.algebra.simplify import cost, tidy
from derive.algebra.terms import (
    ONE,
    Affine,
    Index,
    Ref,
    Term,
    free_indices,
    mul,
    refs,
    total,
)
from derive.lemma_book import of_loss
from derive.stages import Stage
from derive.steps import Chain
from derive.strategies.checks import Proof, opened
from derive.strategies.ladder import (
    Factor,
    Ladder,
    Upstream,
    by_activation,
    by_input,
    by_parameter,
    cited,
    own_unit,
    parameter_entry,
)
from derive.strategies.parts import Part, Told

NAME = "paths"
MOST_PATHS = 6  # that are worth writing out one by one
DEEPEST = 3  # layers above a weight that a sum over paths may cross


def paths(ladder: Ladder) -> Told:
    """From one layer and from two layers below; then from every weight of the network."""
    return Told(NAME, tuple(_parts(ladder)))


def _parts(ladder: Ladder) -> Iterator[Part]:
    repeated = any(s.repeat for s in ladder.stages)
    if ladder.many and _hidden_unitwise(ladder):
        layers = [ladder.generic(), ladder.generic(-1), ladder.generic(-2)]
        yield Part("one layer", (from_above(ladder, layers[:2]),))
        if len(ladder.stages) > 2 or repeated:
            yield Part("two layers", (from_above(ladder, layers),))
    if repeated:
        yield Part("weights", (_weight(ladder, [ladder.last]),))
        return
    for k in reversed(range(len(ladder.stages))):
        above = list(reversed(ladder.stages[k:]))
        if len(above) <= DEEPEST:
            yield Part("weights", (_weight(ladder, above),))
    written = _written_out(ladder)
    if written is not None:
        yield Part("written out", (written,))


def _hidden_unitwise(ladder: Ladder) -> bool:
    """Whether the activations below the output act on each unit by itself."""
    return all(s.activation is None or s.phi is not None for s in ladder.stages[:-1])


# ------------------------------------------------------------------ one path, at free indices


class _Path:
    """The factors met on the way down, and the indices over which the paths are summed."""

    def __init__(self, ladder: Ladder) -> None:
        self.ladder = ladder
        self.factors: list[Factor] = []
        self.over: list[Index] = []

    def into(self, above: Stage, by: Ref) -> Ref:
        """Down one layer: the weighted sum of a unit of `above` that reads the entry `by`."""
        taken = Ref(by.tensor, (*by.at, *map(Affine.of, self.over)))
        s = apart(above.main, taken).lhs
        self.over.insert(0, _unit(s))
        self.factors.insert(0, by_input(above, s, by))
        return s

    def through(self, stage: Stage, s: Ref) -> Ref:
        """Through the activation of a unit."""
        o, slope = by_activation(self.ladder, stage, s, tuple(self.over))
        if slope is not None:
            self.factors.insert(0, slope)
            if slope.over:
                self.over[:0] = slope.over
        return o

    def ends(self, at_end: Term, value: Term | None = None, cites: tuple[str, ...] = ()) -> None:
        """What the loss makes of the end of the path."""
        self.factors.insert(0, Factor(at_end, at_end if value is None else value, cites))

    def total(self, formal: bool, start: int = 0) -> Term:
        """The sum over all paths; factors from `start` on inserted, the others formal."""
        terms = [f.formal if formal and k >= start else f.value for k, f in enumerate(self.factors)]
        body = mul(*(t for t in terms if t is not ONE))
        for index in reversed(self.over):
            body = total(body, index)
        return body


def _unit(s: Ref) -> Index:
    index = s.at[-1].index
    assert index is not None
    return index


# ------------------------------------------------------------------ from a layer below


def from_above(
    ladder: Ladder, layers: list[Stage], upstream: Upstream = of_loss, name: str = NAME
) -> Chain:
    """dL/ds of the last of the layers as a sum over the paths to the first of them."""
    path = _Path(ladder)
    bottom = layers[-1]
    s = bottom.s
    for below, above in zip(reversed(layers[1:]), reversed(layers[:-1]), strict=True):
        s = path.into(above, path.through(below, s))
    path.ends(of_loss(s))
    key = f"{name}.{len(layers) - 1}"
    title = f"from layer {layers[0].label} to {bottom.label}"
    proof = Proof.of(ladder.frame_of(bottom), key, title, upstream(bottom.s), name)
    proof.defined(of_loss(bottom.s), "definition of the error")
    proof.step(path.total(formal=True), "chain rule: one product for every path")
    path.factors[0] = Factor(upstream(s), upstream(s))
    proof.step(path.total(formal=True), "definition of the error")
    weights = mul(*(f.value if _is_weight(f) else f.formal for f in path.factors))
    for index in reversed(path.over):
        weights = total(weights, index)
    proof.step(weights, "a weighted sum changes by its weight", "generic.s")
    proof.step(path.total(formal=False), "insert the slopes")
    return proof.done()


def _is_weight(factor: Factor) -> bool:
    return any(r.tensor.role == "weight" for r in refs(factor.value))


# ------------------------------------------------------------------ from a weight


def _weight(ladder: Ladder, above: list[Stage]) -> Chain:
    """dL/dw as a sum over the paths from the weight to the outputs; `above` from the last down."""
    stage = above[-1]
    by = parameter_entry(stage, stage.parameters[0])
    path = _path(ladder, above, by)
    key = f"{NAME}.weight.{stage.label}"
    title = f"the gradient of {by.tensor}"
    proof = Proof.of(ladder.frame, key, title, of_loss(by), NAME)
    proof.step(path.total(formal=True), "chain rule: one product for every path")
    cites = cited(*path.factors)
    facts = tuple(f for f in ladder.derivation.facts if f.key in cites)
    proof.step(path.total(formal=False), "insert the factors", *cites, facts=facts)
    short = tidy(contracted(proof.last)) if len(above) <= 2 else proof.last
    if cost(short) <= cost(proof.last):
        proof.step(short, "what all paths share stands in front")
    return proof.done()


def _path(ladder: Ladder, above: list[Stage], by: Ref) -> _Path:
    path = _Path(ladder)
    stage, last = above[-1], above[0]
    s = own_unit(stage, by)
    path.factors.append(by_parameter(stage, by))
    for below, upper in zip(reversed(above[1:]), reversed(above[:-1]), strict=True):
        s = path.into(upper, path.through(below, s))
    if last.activation is not None and last.phi is None:  # every output depends on every sum
        path.ends(of_loss(s), *_error(ladder, s))
        return path
    o = path.through(last, s)
    path.ends(of_loss(o), *ladder.lemmas.loss_slope(o))
    return path


def _error(ladder: Ladder, s: Ref) -> tuple[Term, tuple[str, ...]]:
    """The error of the output layer at an entry, and what it rests on."""
    chain = next(c for c in ladder.derivation.layers if c.key == f"delta.{s.tensor.label}")
    assert isinstance(chain.lhs, Ref)
    value = define(Ref(chain.lhs.tensor, s.at), chain.lhs, chain.result)
    facts = tuple(c for step in chain.steps for c in step.cites if c.startswith("fact."))
    return value, (chain.key, *facts)


def _written_out(ladder: Ladder) -> Chain | None:
    """The first weight of the first layer, every path on a line of its own."""
    stages = list(reversed(ladder.stages))
    widths = [stage.shapes[stage.s.tensor][0] for stage in stages[:-1]]
    if not ladder.concrete or not 1 < len(stages) <= DEEPEST:
        return None
    if any(s.activation is not None and s.phi is None for s in stages):
        return None
    if not 1 < prod(int(w) for w in widths) <= MOST_PATHS:
        return None
    by = parameter_entry(stages[-1], stages[-1].parameters[0])
    first = at(by, {i: Affine() for i in free_indices(by)})
    assert isinstance(first, Ref)
    path = _path(ladder, stages, first)
    key = f"{NAME}.written.{by.tensor}"
    proof = Proof.of(ladder.frame, key, "path by path", of_loss(first), NAME, concrete=True)
    proof.step(opened(path.total(formal=True)), "one product for every path")
    cites = cited(*path.factors)
    return proof.step(opened(path.total(formal=False)), "insert the factors", *cites).done()
