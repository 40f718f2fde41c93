"""What the recursion on delta rests on, one derivative at a time, for layers of any kind.

The recursion itself is the backward pass; here stand the layer in one formula, each factor of the
chain rule by itself, and the two forms of a softmax.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.adjoint import apart
from derive.algebra.index import (
    at,
    contracted,
    define,
    derivative,
    expand_functions,
    fresh,
    replace_term,
)
from derive.algebra.simplify import tidy
from derive.algebra.symbols import Function as Named
from derive.algebra.terms import (
    Affine,
    Apply,
    Call,
    Extremum,
    Index,
    Mul,
    Partial,
    Pow,
    Ref,
    Sum,
    Term,
    call,
    free_indices,
    mul,
    power,
    ref,
    refs,
    total,
    walk,
)
from derive.derivation import Derivation
from derive.forward import at_end
from derive.identities import O, S
from derive.lemma_book import LemmaBook, error, of_loss
from derive.lemmas import slope_lemmas
from derive.stages import Stage
from derive.steps import BY_DEFINITION, Builder, Chain
from derive.strategies.checks import Proof, placed
from derive.strategies.ladder import Ladder, by_parameter, own_unit, parameter_entry
from derive.strategies.parts import Part, Told
from derive.strategies.paths import from_above

NAME = "delta"


def delta(derivation: Derivation, ladder: Ladder | None) -> Told:
    """The generic layer first, then the layers of the network."""
    book = LemmaBook(derivation.forward_pass)
    parts = []
    if ladder is not None:
        layer = ladder.generic()
        if ladder.unitwise:
            parts.append(Part("layer", tuple(_stage(layer, book))))
        parts.append(Part("weights", tuple(_weights(ladder))))
        if ladder.many:
            layers = [layer, ladder.generic(-1)]
            parts.append(Part("recursion", (from_above(ladder, layers, error, NAME),)))
    for stage in map(at_end, derivation.forward_pass.stages):
        if len(stage.body) == 1:
            parts.append(Part("stage", tuple(_stage(stage, book))))
    return Told(NAME, tuple(parts))


def _weights(ladder: Ladder) -> Iterator[Chain]:
    """dL/dw = dL/ds ds/dw for the one sum in which the weight stands."""
    stage = ladder.generic()
    for parameter in stage.parameters:
        by = parameter_entry(stage, parameter)
        s, factor = own_unit(stage, by), by_parameter(stage, by)
        key = f"{NAME}.gradient.{parameter.role}"
        frame, title = ladder.frame_of(stage), f"the gradient of {parameter}"
        proof = Proof.of(frame, key, title, of_loss(by), NAME)
        proof.step(mul(of_loss(s), factor.formal), "chain rule: it acts through one sum only")
        proof.step(mul(error(s), factor.formal), "definition of the error")
        yield proof.step(mul(error(s), factor.value), "derivative of the weighted sum").done()


def _stage(stage: Stage, book: LemmaBook) -> Iterator[Chain]:
    """The layer in one formula, then its derivatives."""
    if stage.activation is not None:
        yield from _function(stage)
        yield _one_formula(stage)
        yield from _shifted(stage)
        yield from _slope(stage, book)
    for tensor in (*stage.parameters, stage.source):
        for by in _places(stage, tensor):
            yield _of_sum(stage, by)


def _function(stage: Stage) -> Iterator[Chain]:
    """phi(s) of a layer with an activation that has a name: what it is, and its slope."""
    if stage.phi is None or stage.function is None or isinstance(stage.phi, Apply):
        return
    phi = Named("phi", stage.label)
    title, key = f"the activation of layer {stage.label}", f"{NAME}.function.{stage.label}"
    chain = Builder(key, title, Apply(phi, S), "function")
    chain.by_rule(stage.phi, "definition", check=BY_DEFINITION)
    yield chain.equal(expand_functions(stage.phi), "written out").chain()
    *_, lemma = slope_lemmas(stage.phi, stage.function)
    chain = Builder(f"{key}.slope", f"its slope in layer {stage.label}", Apply(phi, S, 1), NAME)
    chain.by_rule(lemma.lhs, "the activation of this layer", check=BY_DEFINITION)
    for step in lemma.steps:
        chain.by_rule(step.rhs, step.why, *step.cites, check=step.check)
    own = replace_term(chain.last, O, Apply(phi, S))
    if own is not chain.last:
        chain.by_rule(own, "the output by its function", check=BY_DEFINITION)
    yield chain.chain()


def _one_formula(stage: Stage) -> Chain:
    """o = phi(weighted sum)."""
    assert stage.activation is not None
    o = stage.activation.lhs
    chain = Builder(f"{NAME}.whole.{o.tensor}", f"{o.tensor} in one formula", o, "forward")
    chain.by_rule(stage.activation.rhs, "definition", check=BY_DEFINITION)
    value = define(stage.activation.rhs, stage.main.lhs, stage.main.rhs)
    return chain.by_rule(value, "with the weighted sum inserted", check=BY_DEFINITION).chain()


# ------------------------------------------------------------------ slopes


def _slope(stage: Stage, book: LemmaBook) -> Iterator[Chain]:
    """do/ds of a unit; for a softmax the whole Jacobian and its diagonal."""
    assert stage.activation is not None
    o, s = stage.activation.lhs, stage.s
    if stage.phi is not None:
        value, cites = book.slope(stage, s)
        chain = Builder(f"{NAME}.slope.{o.tensor}", f"the slope of {o.tensor}", Partial(o, s), NAME)
        phi = placed(stage.activation, o)
        chain.by_rule(Partial(phi, s), "definition", check=BY_DEFINITION)
        opened = (expand_functions(derivative(expand_functions(phi), s)), _opened(stage, value))
        yield chain.equal(value, "the slope of the activation", *cites, unfold=opened).chain()
        return
    user = apart(stage.activation, s)
    value, cites = book.jacobian(user, s, stage)
    name = f"{NAME}.jacobian.{o.tensor}"
    chain = Builder(name, f"the Jacobian of {o.tensor}", Partial(user.lhs, s), NAME)
    yield chain.by_rule(value, "the lemma at this layer", *cites).chain()
    index = user.lhs.at[-1].index
    assert index is not None
    same = tidy(at(value, {index: s.at[-1]}))
    own = at(user.lhs, {index: s.at[-1]})
    chain = Builder(f"{name}.own", f"the diagonal for {o.tensor}", Partial(own, s), NAME)
    yield chain.by_rule(same, "both indices equal", *cites).chain()


def _opened(stage: Stage, value: Term) -> Term:
    assert stage.activation is not None
    return expand_functions(define(value, stage.activation.lhs, stage.activation.rhs))


def _shifted(stage: Stage) -> Iterator[Chain]:
    """A softmax with its largest argument taken off every argument, as it is computed."""
    assert stage.activation is not None
    o, rhs = stage.activation.lhs, stage.activation.rhs
    if stage.phi is not None or not isinstance(rhs, Mul):
        return
    sums = [f.base for f in rhs.args if isinstance(f, Pow) and isinstance(f.base, Sum)]
    tops = [f for f in rhs.args if isinstance(f, Call) and f.function == "exp"]
    if len(sums) != 1 or len(tops) != 1 or len(rhs.args) != 2:
        return
    (below,), (top,) = sums, tops
    largest = _largest(below, set(free_indices(rhs)))
    by_largest = power(call("exp", largest), -1)
    chain = Builder(f"{NAME}.shifted.{o.tensor}", "the largest argument taken off", o, "forward")
    chain.by_rule(rhs, "definition", check=BY_DEFINITION)
    both = (mul(top, by_largest), total(mul(below.body, by_largest), *below.indices))
    chain.equal(both[0] / both[1], "the same factor above and below")
    off = [call("exp", t.args[0] - largest) for t in (top, below.body) if isinstance(t, Call)]
    return (yield chain.equal(off[0] / total(off[1], *below.indices), "in the exponent").chain())


def _largest(below: Sum, taken: set[Index]) -> Term:
    """The maximum of what stands in the exponents, over an index of its own."""
    (index,) = below.indices
    taken |= {i for n in walk(below) for i in (*free_indices(n), *getattr(n, "indices", ()))}
    new = fresh("m", index.size, taken)
    assert isinstance(below.body, Call)
    return Extremum("max", at(below.body.args[0], {index: Affine.of(new)}), (new,))


# ------------------------------------------------------------------ the weighted sum


def _places(stage: Stage, tensor: object) -> Iterator[Ref]:
    """The entry of a parameter or of the input at indices of its own."""
    taken = {i for p in stage.main.lhs.at for i, _ in p.terms}
    for entry in refs(stage.main.rhs):
        if entry.tensor == tensor:
            yield from _fresh(entry, stage, taken)
            return


def _fresh(entry: Ref, stage: Stage, taken: set[Index]) -> Iterator[Ref]:
    shape = stage.shapes.get(entry.tensor)
    front = tuple(p for p in entry.at if p.index is not None and p.index.sample)
    places = entry.at[len(front) :]
    if all(p.index is not None for p in places):
        yield Ref(entry.tensor, entry.at)
    elif shape is not None:
        letters = (n for n in "kabijcd" if n not in {i.name for i in taken})
        names = [Index(n, e) for n, e in zip(letters, shape, strict=False)]
        yield ref(entry.tensor, *(i for p in front if (i := p.index)), *names)


def _of_sum(stage: Stage, by: Ref) -> Chain:
    """The derivative of the weighted sum by one entry."""
    lhs = stage.main.lhs
    own = by.tensor.role in ("weight", "bias") and stage.kind == "dense"
    user = stage.main if own else apart(stage.main, by)
    key = f"{NAME}.sum.{lhs.tensor}.{by.tensor}"
    chain = Builder(key, f"d {lhs.tensor} / d {by.tensor}", Partial(user.lhs, by), NAME)
    chain.by_rule(Partial(user.rhs, by), "definition", check=BY_DEFINITION)
    value = contracted(derivative(user.rhs, by))
    chain.by_rule(value, "derivative of the equation")
    return chain.equal(tidy(value), "in short form").chain()
