"""The backward pass: lemmas, the generic dense layer, then every stage, the last one first.

A dense layer between two others is an instance of the generic layer l; every other quantity gets
its error by the chain rule over the equations that use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.adjoint import (
    apart,
    append_paths,
    append_rule,
    carried,
    formal,
    paths,
    users_of,
)
from derive.algebra.equation import Equation
from derive.algebra.index import contracted, define
from derive.algebra.prove import Fact, tidy_given
from derive.algebra.simplify import tidy
from derive.algebra.terms import (
    Apply,
    Index,
    Label,
    Partial,
    Pow,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
    mul,
    power,
    rebuild,
    ref,
    refs,
    total,
    walk,
)
from derive.errors import NotYet
from derive.forward import Forward, X, at_end, at_number
from derive.generic import generic_chains, gradient_key, instance, is_link, is_only_reader
from derive.lemma_book import LemmaBook, error, of_loss
from derive.norms import in_standardised
from derive.stages import SAMPLE, Stage, entry
from derive.steps import BY_DEFINITION, Builder, Chain


@dataclass(frozen=True)
class Backward:
    """Chains of the backward pass, and its equations as the module computes them."""

    lemmas: tuple[Chain, ...]
    generic: tuple[Chain, ...]
    layers: tuple[Chain, ...]
    equations: tuple[Equation, ...]
    gradients: tuple[Equation, ...]
    input_gradient: Equation


def backward(forward: Forward) -> Backward:
    """Every step back from the loss to the input."""
    return _Pass(forward).run()


class _Pass:
    """The state of one backward pass: what was derived so far."""

    def __init__(self, forward: Forward) -> None:
        self.forward = forward
        self.lemmas = LemmaBook(forward)
        self.generic = generic_chains(forward)
        self.equations = (*forward.equations, forward.loss)
        self.layers: list[Chain] = []

    def run(self) -> Backward:
        stages = self.forward.stages
        for k in reversed(range(len(stages))):
            self._stage(stages, k)
        errors = tuple(_defines(chain) for chain in self.layers)
        gradients: list[Equation] = []
        for stage in stages:
            for chain in self._gradients(stage):
                self.layers.append(chain)
                gradients.append(_gradient(self.forward, stage, chain))
        into = self._input()
        self.layers.append(into)
        order = ("likelihood", "slope", "jacobian", "loss slope")
        lemmas = sorted(self.lemmas.chains.values(), key=lambda chain: order.index(chain.kind))
        return Backward(
            tuple(lemmas),
            tuple(self.generic.values()),
            tuple(self.layers),
            errors if any(stage.repeat for stage in stages) else _needed(errors, gradients),
            tuple(gradients),
            _defines(into),
        )

    def _stage(self, stages: tuple[Stage, ...], k: int) -> None:
        """The errors of everything that a stage computes, the last quantity first."""
        stage, above = at_end(stages[k]), stages[k + 1] if k + 1 < len(stages) else None
        if above is None and stage.out.tensor == self.forward.output.tensor:
            self.layers.append(self._output_delta(stage))
        elif above is not None and self._is_generic(stages[k], above):
            self.layers.append(self._hidden_delta(stage, above))
        else:
            self.layers.extend(self._last_quantity(stage))
        if stages[k].repeat is not None:
            following = at_number(stages[k], Label(1, "l"))
            self.layers.append(self._hidden_delta(stages[k], following))
        for equation in reversed(stage.body[:-1]):
            self.layers.append(self._quantity(equation.lhs))

    def _is_generic(self, below: Stage, above: Stage) -> bool:
        """Whether only the next dense layer reads the output, through the generic step."""
        return is_link(below, above) and is_only_reader(below, self.equations)

    # -------------------------------------------------------------- the last layer

    def _output_delta(self, stage: Stage) -> Chain:
        s = stage.s
        chain = _started(s, f"the error of layer {stage.label}")
        if stage.activation is None:
            result, cites = self.lemmas.loss_slope(s)
            return chain.by_rule(result, "slope of the loss", *cites).chain()
        o = stage.activation.lhs
        if stage.phi is None:
            return self._through_softmax(chain, stage)
        loss_slope, from_loss = self.lemmas.loss_slope(o)
        slope, from_phi = self.lemmas.slope(stage, s)
        chain.by_rule(mul(of_loss(o), Partial(o, s)), "chain rule: only the unit's own output")
        chain.by_rule(mul(loss_slope, slope), "insert both slopes", *from_loss, *from_phi)
        return _shortest(chain, self.forward.facts).chain()

    def _through_softmax(self, chain: Builder, stage: Stage) -> Chain:
        """The error before a softmax at the end: every output depends on every pre-activation."""
        assert stage.activation is not None
        user = apart(stage.activation, stage.s)
        chain.by_rule(formal(user, stage.s, of_loss), "chain rule: every output depends on it")
        loss_slope, from_loss = self.lemmas.loss_slope(user.lhs)
        jacobian, from_phi = self.lemmas.jacobian(user, stage.s, stage)
        within = paths(user, stage.s)
        chain.by_rule(
            total(mul(loss_slope, jacobian), *within),
            "insert the slope of the loss and the Jacobian",
            *from_loss,
            *from_phi,
        )
        chain.equal(contracted(chain.last), "only the term with equal indices remains")
        return _shortest(chain, self.forward.facts).chain()

    # -------------------------------------------------------------- between two layers

    def _hidden_delta(self, stage: Stage, above: Stage) -> Chain:
        """delta before another dense layer: the generic step at its number, slope inserted."""
        s = stage.s
        chain = Builder(
            f"delta.{stage.label}", f"the error of layer {stage.label}", error(s), "delta"
        )
        weighted = carried(apart(above.main, stage.out), stage.out, error)
        if stage.function is None:
            why = "the generic step; the slope is 1"
            return chain.by_rule(weighted, why, "generic.delta").chain()
        slope, cites = self.lemmas.slope(stage, s)
        formal_slope = Apply(stage.function, s, 1)
        chain.by_rule(mul(weighted, formal_slope), "the generic step", "generic.delta")
        return chain.by_rule(mul(weighted, slope), "insert the slope", *cites).chain()

    def _last_quantity(self, stage: Stage) -> Iterator[Chain]:
        """The error of a stage's main quantity, through its activation where it has one."""
        if stage.activation is None:
            yield self._quantity(stage.s)
            return
        s, o = stage.s, stage.activation.lhs
        whole = self._quantity(o)
        chain = _started(s, f"the error of {_what(s.tensor)}")
        if stage.phi is None:
            yield whole
            user = apart(stage.activation, s)
            chain.by_rule(formal(user, s, of_loss), "chain rule: every output depends on it")
            jacobian, cites = self.lemmas.jacobian(user, s, stage)
            chain.by_rule(
                total(mul(of_loss(user.lhs), jacobian), *paths(user, s)),
                "insert the Jacobian",
                *cites,
            )
            chain.equal(contracted(chain.last), "only the term with equal indices remains")
            yield chain.equal(tidy(chain.last), "in short form").chain()
            return
        slope, cites = self.lemmas.slope(stage, s)
        chain.by_rule(mul(of_loss(o), Partial(o, s)), "chain rule: only the unit's own output")
        for step in whole.steps:
            if step is whole.steps[-1]:
                why = f"all that depends on the output: {step.why}"
                chain.by_rule(mul(step.rhs, Partial(o, s)), why, *step.cites, check=step.check)
        yield chain.by_rule(mul(whole.result, slope), "insert the slope", *cites).chain()

    def _quantity(self, of: Ref) -> Chain:
        """The error of a named quantity by the chain rule over the equations that use it."""
        by = _plain_places(of, self.forward)
        chain = _started(by, f"the error of {_what(by.tensor)}")
        users = users_of(by.tensor, self.equations)
        if not users:
            raise NotYet(f"{by.tensor} reaches neither the loss nor another equation")
        if any(u is self.forward.loss for u in users):
            return self._by_loss(chain, by)
        append_paths(chain, by, users, error, _cited(users), self._statistics(by.tensor))
        return self._without_poles(self._compact(chain, by.tensor)).chain()

    def _statistics(self, tensor: Tensor) -> tuple[Equation, ...]:
        """The definition of the quantity, by which a sum of deviations is seen to vanish."""
        return tuple(e for e in self.forward.equations if e.lhs.tensor == tensor)

    def _compact(self, chain: Builder, source: Tensor) -> Builder:
        """The short form in standardised values, where a stage standardises the source."""
        for stage in self.forward.stages:
            if stage.source == source and stage.kind in ("layer_norm", "batch_norm"):
                found = {c.lhs.by.tensor: c for c in self.layers if isinstance(c.lhs, Partial)}
                return in_standardised(chain, stage, found)
        return chain

    def _without_poles(self, chain: Builder) -> Builder:
        """With the error of the output inserted, where it divides by the output and this cancels.

        So a probability that a layer of one's own computes is treated as that of a softmax is.
        """
        output, delta = self.forward.output, self.layers[0] if self.layers else None
        if delta is None or not isinstance(delta.lhs, Ref) or output.tensor.role == "activation":
            return chain
        inserted = define(chain.last, delta.lhs, delta.result)
        if inserted is chain.last or _reads_errors(inserted):
            return chain
        if not _divides(inserted, output.tensor) or _divides(tidy(inserted), output.tensor):
            return chain
        chain.by_rule(inserted, "insert the error of the output", delta.key)
        return _shortest(chain, self.forward.facts)

    def _by_loss(self, chain: Builder, by: Ref) -> Chain:
        result, cites = self.lemmas.loss_slope(by)
        return chain.by_rule(result, "slope of the loss", *cites).chain()

    # -------------------------------------------------------------- parameters and input

    def _gradients(self, stage: Stage) -> Iterator[Chain]:
        """The gradients of one stage for one sample."""
        for parameter in stage.parameters:
            by = ref(parameter, *_axes(stage.shapes[parameter], stage, parameter))
            title = f"the gradient of {parameter}"
            key = f"gradient.{parameter}"
            if stage.kind == "dense":
                moved = instance(stage)
                name = gradient_key(parameter, stage.layer.bias)  # type: ignore[union-attr]
                generic = self.generic[name]
                chain = Builder(key, title, moved(generic.lhs), "gradient")
                yield chain.by_rule(moved(generic.result), "the generic step", name).chain()
                continue
            chain = Builder(key, title, of_loss(by), "gradient")
            users = users_of(parameter, stage.body)
            append_paths(chain, by, users, error, _cited(users))
            yield self._without_poles(chain).chain()

    def _input(self) -> Chain:
        """The gradient of one sample's loss by the input."""
        first = self.forward.stages[0]
        if first.repeat is not None:
            first = at_number(first, Label(1), X)
        by = entry(X, *_axes(self.forward.network.input, first, X))
        chain = Builder("gradient.x", "the gradient of the input", of_loss(by), "input")
        users = users_of(X, self.equations)
        if first.kind == "dense" and len(users) <= 1:
            return append_rule(chain, first.main, of_loss, error, _cited([first.main])).chain()
        chain = append_paths(chain, by, users, error, _cited(users))
        return self._without_poles(self._compact(chain, X)).chain()


# ------------------------------------------------------------------ small parts


def _cited(users: Sequence[Equation]) -> tuple[str, ...]:
    return tuple(f"forward.{user.lhs.tensor}" for user in users)


def _started(place: Ref, title: str) -> Builder:
    """A chain for the error at a place, with the definition of delta as its first step."""
    if place.tensor.role != "preactivation":
        return Builder(f"adjoint.{place.tensor}", title, of_loss(place), "adjoint")
    chain = Builder(f"delta.{place.tensor.label}", title, error(place), "delta")
    return chain.by_rule(of_loss(place), "definition of the error", check=BY_DEFINITION)


def _reads_errors(term: Term) -> bool:
    return any(isinstance(n, Partial) or (isinstance(n, Ref) and n.tensor.role == "delta")
               for n in walk(term))  # fmt: skip


def _divides(term: Term, tensor: Tensor) -> bool:
    """Whether something is divided by entries of the tensor."""
    return any(
        isinstance(node, Pow) and node.exponent < 0 and any(r.tensor == tensor for r in refs(node))
        for node in walk(term)
    )


def _what(tensor: Tensor) -> str:
    return f"layer {tensor.label}" if tensor.role == "preactivation" else str(tensor)


def _shortest(chain: Builder, facts: tuple[Fact, ...]) -> Builder:
    chain.equal(tidy(chain.last), "in short form")
    given = tidy_given(chain.last, facts)
    if given is not chain.last:
        chain.equal(given, "a fact about the data", *(f.key for f in facts), facts=facts)
    return chain


def _plain_places(of: Ref, forward: Forward) -> Ref:
    """The entry at one index an axis, for an equation that defines entries at row-major places."""
    if all(p.index is not None for p in of.at):
        return of
    (size,) = forward.shapes[of.tensor]
    return entry(of.tensor, Index("i", size))


def _axes(shape: tuple[int | str, ...], stage: Stage, tensor: Tensor) -> tuple[Index, ...]:
    """Index names as the stage's equations use them at this tensor, else i, j, k, ..."""
    for equation in stage.body:
        for place in refs(equation.rhs):
            if place.tensor == tensor:
                found = [p.index for p in place.at if p.index is None or not p.index.sample]
                if all(i is not None for i in found) and len(set(found)) == len(shape):
                    return tuple(i for i in found if i is not None)
    return tuple(Index(name, size) for name, size in zip("kabijpq", shape, strict=False))


def computable(term: Term) -> Term:
    """The term with every dL/dt under the name of an array of its own."""
    if isinstance(term, Partial) and isinstance(term.of, Ref) and term.of.tensor.role == "loss":
        tensor = term.by.tensor
        named = Tensor(f"d{tensor.letter}", "adjoint", tensor.label, tensor.batched)
        return Ref(named, term.by.at)
    return rebuild(term, computable)


def _defines(chain: Chain) -> Equation:
    lhs = computable(chain.lhs)
    assert isinstance(lhs, Ref)
    return Equation(lhs, computable(chain.result), chain.title)


def _needed(errors: tuple[Equation, ...], gradients: list[Equation]) -> tuple[Equation, ...]:
    """The errors that some gradient needs, and that of the output, in order."""
    wanted: set[Tensor] = {r.tensor for g in gradients for r in refs(g.rhs)}
    wanted |= {e.lhs.tensor for e in errors[:1]}
    kept: list[Equation] = []
    for equation in reversed(errors):
        if equation.lhs.tensor in wanted:
            kept.append(equation)
            wanted |= {r.tensor for r in refs(equation.rhs)}
    return tuple(reversed(kept))


def _gradient(forward: Forward, stage: Stage, chain: Chain) -> Equation:
    """The gradient of the objective: mean or sum over the samples, plus the decay."""
    assert isinstance(chain.lhs, Partial)
    by = chain.lhs.by
    rhs: Term = Sum(computable(chain.result), (SAMPLE,))
    if forward.network.reduction == "mean":
        rhs = mul(power(Size(SAMPLE.size), -1), rhs)
    if forward.network.weight_decay and stage.decayed(by.tensor):
        rhs = rhs + mul(forward.network.weight_decay, by)
    gradient = replace(by.tensor, role="gradient")
    return Equation(Ref(gradient, by.at), rhs, chain.title)
