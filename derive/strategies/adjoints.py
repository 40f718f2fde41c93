"""Recursion on the derivative of the loss by the outputs of a layer, bottom of a table first.

As dynamic programming the entries of the table are dL/da; as "apparent error" they have a name of
their own, e = dL/do, and the chain rule is told layer by layer.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.adjoint import apart
from derive.algebra.index import contracted, define
from derive.algebra.simplify import tidy
from derive.algebra.terms import ONE, Const, Partial, Ref, Tensor, Term, mul, ref, total
from derive.lemma_book import error, of_loss
from derive.stages import Stage
from derive.steps import Chain
from derive.strategies.checks import Frame, Proof, error_of, placed
from derive.strategies.ladder import (
    Factor,
    Ladder,
    Upstream,
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

RATE = Const("learning_rate")


def activations(ladder: Ladder) -> Told:
    """The table of all dL/da, from the last layer to the first."""
    return Told("activations", tuple(_Table(ladder, "activations", of_loss).parts()))


def apparent_error(ladder: Ladder) -> Told:
    """The same recursion on e = dL/do."""
    return Told("apparent_error", tuple(_Table(ladder, "apparent_error", apparent).parts()))


def apparent(place: Ref) -> Ref:
    """The apparent error at an entry of an output."""
    return Ref(error_of(place.tensor), place.at)


class _Table:
    """Base case, recursive case, and the gradients that are read off."""

    def __init__(self, ladder: Ladder, name: str, upstream: Upstream) -> None:
        self.ladder, self.name, self.upstream = ladder, name, upstream
        self.named = upstream is not of_loss
        self.inner_first = not self.named

    def parts(self) -> Iterator[Part]:
        ladder = self.ladder
        layer = ladder.generic()
        if ladder.unitwise:
            yield from self._forms()
        if ladder.unitwise and ladder.many:
            recursion = self._recursion(ladder.generic(-1), layer, "generic")
            yield Part("generic recursion", tuple(recursion))
            if self.named:
                yield Part("below", tuple(self._below()))
        if ladder.unitwise and self.named:
            yield Part("link", tuple(self._links(layer)))
        yield Part("base", (self._base(),))
        yield Part("instance", tuple(self._gradients(ladder.last, str(ladder.last.label))))
        for below, above in neighbours(ladder):
            chains = self._recursion(below, above, str(below.label))
            yield Part("instance", (*chains, *self._gradients(below, str(below.label))))
        if ladder.unitwise and self.named:
            yield Part("update", tuple(self._update(layer)))

    def _forms(self) -> Iterator[Part]:
        """The gradients of layer l, for every form of the bias where layers differ in it."""
        several = len(self.ladder.biases) > 1
        for k, bias in enumerate(self.ladder.biases):
            layer, form = self.ladder.generic(bias=bias), bias if several else ""
            name = f"{self.name}.{bias}" if k else self.name
            made = tuple(factors(self.ladder, layer, name))
            own = [c for c in made if isinstance(c.lhs, Partial) and c.lhs.by.tensor.role == "bias"]
            yield Part("factors", tuple(own) if k else made, form)
        for k, bias in enumerate(self.ladder.biases):
            layer, form = self.ladder.generic(bias=bias), bias if several else ""
            where = f"generic.{bias}" if k else "generic"
            yield Part("generic gradient", tuple(self._gradients(layer, where)), form)

    # ------------------------------------------------------------ base case

    def _base(self) -> Chain:
        o = self.ladder.last.out
        frame = self.ladder.frame
        proof = self._started(frame, o, f"{self.name}.base", "the slope of the loss")
        result, cites = self.ladder.lemmas.loss_slope(o)
        return proof.step(result, "slope of the loss", *cites).done()

    def _started(self, frame: Frame, o: Ref, key: str, title: str, named: bool = False) -> Proof:
        proof = Proof.of(frame, key, title, self.upstream(o), self.name)
        if named:
            return proof
        return proof.defined(of_loss(o), "definition of the apparent error")

    # ------------------------------------------------------------ gradients

    def _gradients(self, stage: Stage, where: str) -> Iterator[Chain]:
        for parameter in stage.parameters:
            by = parameter_entry(stage, parameter)
            last = by_parameter(stage, by)
            o, slope = by_activation(self.ladder, stage, own_unit(stage, by))
            key = f"{self.name}.gradient.{where}.{parameter.role}"
            title, frame = f"the gradient of {parameter}", self.ladder.frame_of(stage)
            proof = Proof.of(frame, key, title, of_loss(by), self.name)
            rest = [f for f in (slope, last) if f is not None]
            raw = [Factor(of_loss(o), of_loss(o)), *rest]
            chain = [self._outermost(o), *rest]
            proof.step(self._formal(raw), "chain rule: only the weighted sum of its own unit")
            if self.named and not where.startswith("generic"):
                proof.step(self._product(raw), "insert the derivatives", *cited(*raw))
            elif self.named:
                proof.step(self._formal(chain), "definition of the apparent error")
                half = [*chain[:-1], Factor(last.value, last.value, last.cites)]
                proof.step(self._formal(half), "derivative of the weighted sum")
            proof.step(self._product(chain), "insert the derivatives", *cited(*chain))
            if any(f.over for f in chain):
                proof.step(tidy(contracted(proof.last)), "in short form")
            self._by_bias(proof, stage, by)
            yield proof.done()

    def _by_bias(self, proof: Proof, stage: Stage, by: Ref) -> None:
        """The gradient of a weight through that of the bias of its unit, where there is one."""
        biases = [t for t in stage.parameters if t.role == "bias"]
        if by.tensor.role != "weight" or not biases or self.named:
            return
        bias = ref(biases[0], by.at[-1])
        sign = by_parameter(stage, bias).value
        shared = mul(sign, of_loss(bias), by_parameter(stage, by).value)
        proof.step(shared, "all but the input is the gradient of the bias")

    def _outermost(self, o: Ref) -> Factor:
        return Factor(self.upstream(o), self.upstream(o))

    def _formal(self, chain: list[Factor]) -> Term:
        return product(*chain, formal=True, inner_first=self.inner_first)

    def _product(self, chain: list[Factor]) -> Term:
        return product(*chain, formal=False, inner_first=self.inner_first)

    def _links(self, stage: Stage) -> Iterator[Chain]:
        """Between the two errors of a layer: delta = e do/ds."""
        o, slope = by_activation(self.ladder, stage, stage.s)
        if slope is None:
            return
        key = f"{self.name}.link"
        frame = self.ladder.frame_of(stage)
        proof = Proof.of(frame, key, "both errors", error(stage.s), self.name)
        proof.defined(of_loss(stage.s), "definition of the error")
        proof.step(mul(of_loss(o), slope.formal), "chain rule: only the unit's own output")
        proof.step(mul(self.upstream(o), slope.formal), "definition of the apparent error")
        yield proof.step(mul(self.upstream(o), slope.value), "insert the slope").done()

    # ------------------------------------------------------------ recursive case

    def _recursion(self, below: Stage, above: Stage, where: str) -> Iterator[Chain]:
        """dL/da of the layer below: formally, then with the name of the error and the values."""
        by = below.out
        user = apart(above.main, by)
        s = user.lhs
        o, slope = by_activation(self.ladder, above, s)
        weight = by_input(above, s, by)
        over = (*(i for p in s.at if (i := p.index) is not None and not i.sample),)
        key, frame = f"{self.name}.recursion.{where}", self.ladder.frame_of(above)
        title = f"from layer {above.label} to {below.label}"
        rest = [f for f in (slope, weight) if f is not None]
        raw, chain = [Factor(of_loss(o), of_loss(o)), *rest], [self._outermost(o), *rest]
        proof = self._started(frame, by, key, title)
        through = slope is not None and not slope.over
        if self.named:
            if through:
                outer = total(mul(of_loss(o), Partial(o, by)), *over)
                proof.step(outer, "chain rule: all outputs of the layer above see it")
            proof.step(total(self._formal(raw), *over), "each of them through its weighted sum")
            half = [*raw[:-1], Factor(weight.value, weight.value, weight.cites)]
            proof.step(total(self._formal(half), *over), "derivative of the weighted sum")
            proof.step(total(self._product(raw), *over), "insert the slope", *cited(*raw))
            yield proof.done()
            proof = self._started(frame, by, f"{key}.named", title, named=True)
            if through:
                outer = total(mul(self.upstream(o), Partial(o, by)), *over)
                proof.step(outer, "all outputs of the layer above see it, with their own errors")
        why = "chain rule: every unit of the layer above sees it"
        proof.step(total(self._formal(chain), *over), why)
        if self.named:
            half = [*chain[:-1], Factor(weight.value, weight.value, weight.cites)]
            proof.step(total(self._formal(half), *over), "derivative of the weighted sum")
        proof.step(total(self._product(chain), *over), "insert the derivatives", *cited(*chain))
        if any(f.over for f in chain):
            proof.step(tidy(contracted(proof.last)), "in short form")
        elif self.named and above.label == self.ladder.last.label:
            value, cites = self.ladder.lemmas.loss_slope(o)
            chain[0] = Factor(self.upstream(o), value, tuple(cites))
            proof.step(total(self._product(chain), *over), "slope of the loss", *cites)
        yield proof.done()

    # ------------------------------------------------------------ two layers, and the update

    def _below(self) -> Iterator[Chain]:
        """The gradient in layer l - 1 with the recursion inserted."""
        below, above = self.ladder.generic(-1), self.ladder.generic()
        by = parameter_entry(below, below.parameters[0])
        o, slope = by_activation(self.ladder, below, own_unit(below, by))
        assert slope is not None
        *_, recursion = self._recursion(below, above, "generic")
        assert isinstance(recursion.lhs, Ref)
        key, frame = f"{self.name}.below", self.ladder.frame_of(below)
        proof = Proof.of(frame, key, "a weight below", of_loss(by), self.name)
        rest = [slope.formal, by_parameter(below, by).value]
        proof.step(mul(self.upstream(o), *rest), "error times slope times input")
        inserted = define(self.upstream(o), recursion.lhs, recursion.steps[-2].rhs)
        yield proof.step(mul(inserted, *rest), "insert the recursion", recursion.key).done()

    def _update(self, stage: Stage) -> Iterator[Chain]:
        """w <- w - eta e do/ds x."""
        for parameter in stage.parameters:
            by = parameter_entry(stage, parameter)
            o, slope = by_activation(self.ladder, stage, own_unit(stage, by))
            assert slope is not None
            frame = self.ladder.frame_of(stage)
            key = f"{self.name}.update.{parameter}"
            proof = Proof.of(frame, key, f"the step of {parameter}", by, "update")
            proof.defined(moved(by, of_loss(by)), "a step against the gradient")
            made = mul(self.upstream(o), slope.formal, by_parameter(stage, by).value)
            yield proof.step(moved(by, made), "error times slope times input").done()


def moved(by: Ref, gradient: Term) -> Term:
    """The new value of an entry after a step of gradient descent."""
    return by - mul(RATE, gradient)


# ------------------------------------------------------------------ single factors


def factors(ladder: Ladder, stage: Stage, name: str) -> Iterator[Chain]:
    """Each derivative of one layer by itself: ds/dw, ds/db, do/ds, ds/dx."""
    frame = ladder.frame_of(stage)
    for parameter in stage.parameters:
        by = parameter_entry(stage, parameter)
        s = own_unit(stage, by)
        yield single(frame, name, s, by, placed(stage.main, s), by_parameter(stage, by).value)
    if stage.activation is not None and stage.phi is not None:
        o, slope = by_activation(ladder, stage, stage.s)
        assert slope is not None
        yield single(frame, name, o, stage.s, placed(stage.activation, o), slope.value)
    by = input_entry(stage)
    user = apart(stage.main, by)
    yield single(frame, name, user.lhs, by, user.rhs, by_input(stage, user.lhs, by).value)


def single(frame: Frame, name: str, of: Ref, by: Ref, rhs: Term, value: Term) -> Chain:
    """d of / d by = d rhs / d by = value."""
    key = f"{name}.factor.{of.tensor}.{by.tensor}"
    proof = Proof.of(frame, key, f"d {of.tensor} / d {by.tensor}", Partial(of, by), name)
    proof.defined(Partial(rhs, by), "definition")
    return proof.step(value, "one term depends on it" if value is not ONE else "it is added").done()


def input_entry(stage: Stage) -> Ref:
    """An entry of the layer's input at an index of its own."""
    weight: Tensor = next(t for t in stage.parameters if t.role == "weight")
    i = parameter_entry(stage, weight).at[0]
    return Ref(stage.source, (stage.s.at[0], i))
