"""How the steps of a strategy are checked: every formal derivative is carried out, then compared.

A derivative between two quantities goes forward through the equations between them; the derivative
of the loss goes as far as the last quantity by which a step still writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from derive.algebra.equation import Equation
from derive.algebra.index import (
    at,
    contracted,
    define,
    derivative,
    expand_functions,
    fresh,
    written_out,
)
from derive.algebra.prove import Fact
from derive.algebra.terms import (
    ZERO,
    Affine,
    Delta,
    Index,
    Partial,
    Ref,
    Tensor,
    Term,
    add,
    free_indices,
    mul,
    rebuild,
    tensors,
    total,
    walk,
)
from derive.backward import computable
from derive.forward import LOSS
from derive.lemmas import expand_slopes
from derive.stages import SAMPLE, entry
from derive.steps import BY_DEFINITION, Builder, Chain

Slope = Callable[[Ref], tuple[Ref, Term]]  # o -> its pre-activation s, and do/ds by its lemma


def error_of(output: Tensor) -> Tensor:
    """The "apparent error" of a layer: the derivative of the loss by its output."""
    return Tensor("error", "error", output.label)


@dataclass
class Frame:
    """Equations in the order of evaluation, and what delta and the apparent error stand for."""

    equations: Sequence[Equation]
    loss: Equation
    deltas: dict[Tensor, Tensor]  # delta or error -> the quantity by which it is the derivative
    proved: dict[Tensor, Slope]  # outputs of activations that act on each unit by itself
    _slopes: dict[tuple[Ref, Ref], Term] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The place of every quantity in the order, and all that each one rests on."""
        self.defined = {e.lhs.tensor: e for e in (*self.equations, self.loss)}
        self.order = {tensor: k for k, tensor in enumerate(self.defined)}
        self.rests: dict[Tensor, set[Tensor]] = {}
        for tensor, equation in self.defined.items():
            direct = set(tensors(equation.rhs))
            self.rests[tensor] = direct.union(*(self.rests.get(t, set()) for t in direct))

    # ------------------------------------------------------------ derivatives carried out

    def slope(self, of: Ref, by: Ref) -> Term:
        """d of / d by through all equations between the two."""
        key = (of, by)
        if key not in self._slopes:
            self._slopes[key] = self._slope(of, by)
        return self._slopes[key]

    def _slope(self, of: Ref, by: Ref) -> Term:
        if of.tensor == by.tensor:
            return mul(*(Delta(p, q) for p, q in zip(of.at, by.at, strict=True) if p != q))
        equation = self.defined.get(of.tensor)
        if of.tensor in self.proved:
            s, slope = self.proved[of.tensor](of)
            return mul(slope, self.slope(s, by))
        return ZERO if equation is None else self.through(placed(equation, of), by)

    def through(self, term: Term, by: Ref) -> Term:
        """d term / d by, what the entries in the term are included."""
        found: list[Term] = []
        for tensor in tensors(term):
            if tensor == by.tensor:
                found.append(contracted(derivative(term, by)))
            elif by.tensor in self.rests.get(tensor, ()):
                inner, indices = self._any(tensor, term, by)
                product = mul(derivative(term, inner), self.slope(inner, by))
                found.append(contracted(total(product, *indices)))
        return add(*found)

    def _any(self, tensor: Tensor, *beside: Term) -> tuple[Ref, tuple[Index, ...]]:
        """The tensor at indices of its own that stand in none of the terms."""
        lhs = self.defined[tensor].lhs
        taken = {i for t in beside for node in walk(t) for i in _indices(node)}
        renamed: dict[Index, Affine] = {}
        for place in lhs.at:
            if place.index is not None and not place.index.sample:
                new = fresh(place.index.name, place.index.size, taken)
                taken.add(new)
                renamed[place.index] = Affine.of(new)
        made = at(lhs, renamed)
        assert isinstance(made, Ref)
        return made, tuple(v.index for v in renamed.values() if v.index is not None)

    # ------------------------------------------------------------ both sides of a step

    def both(self, before: Term, after: Term, concrete: bool) -> tuple[Term, Term]:
        """Both sides with every derivative carried out, in the same quantities."""
        before, after = self._named(before), self._named(after)
        reached = [self._by_loss(t) for t in (before, after)]
        last = max((self.order.get(t, -1) for side in reached for t in side), default=-1)
        top = list(self.order)[last] if all(reached) and last >= 0 else None
        made = (self._plain(before, top), self._plain(after, top))
        if concrete:
            return written_out(made[0], {}, {SAMPLE: 0}), written_out(made[1], {}, {SAMPLE: 0})
        return made

    def _named(self, term: Term) -> Term:
        """delta and the apparent error as the derivatives that they are."""
        term = rebuild(term, self._named)
        if isinstance(term, Ref) and term.tensor in self.deltas:
            return Partial(entry(LOSS), Ref(self.deltas[term.tensor], term.at))
        return term

    def _by_loss(self, term: Term) -> set[Tensor]:
        """The quantities by which the loss is differentiated in the term."""
        return {n.by.tensor for n in walk(term) if isinstance(n, Partial) and _of_loss(n)}

    def _plain(self, term: Term, top: Tensor | None) -> Term:
        made = self._carried(term, top)
        for equation in reversed(list(self.equations)):
            if equation.lhs.tensor.role == "activation":
                made = define(made, equation.lhs, equation.rhs)
        return expand_functions(expand_slopes(made))

    def _carried(self, term: Term, top: Tensor | None) -> Term:
        if not isinstance(term, Partial):
            return rebuild(term, lambda child: self._carried(child, top))
        if not _of_loss(term):
            if isinstance(term.of, Ref):
                return self.slope(term.of, term.by)
            return self.through(term.of, term.by)
        if top is None:
            return self.slope(entry(LOSS), term.by)
        if term.by.tensor == top or top not in self.order:
            return computable(term)
        inner, indices = self._any(top, term)
        carried = mul(computable(Partial(term.of, inner)), self.slope(inner, term.by))
        return contracted(total(carried, *indices))


def placed(equation: Equation, place: Ref) -> Term:
    """The right side at the places of an entry of the left side."""
    return define(place, equation.lhs, equation.rhs)


def _of_loss(term: Partial) -> bool:
    return isinstance(term.of, Ref) and term.of.tensor.role == "loss"


def _indices(node: Term) -> Iterable[Index]:
    return (*free_indices(node), *getattr(node, "indices", ()))


@dataclass
class Proof:
    """Grows a chain whose members are compared by what the formal derivatives come to."""

    frame: Frame
    chain: Builder
    concrete: bool = False  # entries at numbers: sums are written out

    @staticmethod
    def of(
        frame: Frame, key: str, title: str, lhs: Term, kind: str, concrete: bool = False
    ) -> Proof:
        """A chain with its left side."""
        return Proof(frame, Builder(key, title, lhs, kind), concrete)

    def defined(self, rhs: Term, why: str) -> Proof:
        """A member by definition."""
        self.chain.by_rule(rhs, why, check=BY_DEFINITION)
        return self

    def step(self, rhs: Term, why: str, *cites: str, facts: tuple[Fact, ...] = ()) -> Proof:
        """A member after its check."""
        if rhs is not self.chain.last:
            both = self.frame.both(self.chain.last, rhs, self.concrete)
            self.chain.equal(rhs, why, *cites, unfold=both, facts=facts)
        return self

    @property
    def last(self) -> Term:
        """The last member."""
        return self.chain.last

    def done(self) -> Chain:
        """The finished chain."""
        return self.chain.chain()


def opened(term: Term) -> Term:
    """The term with sums over numbered units written out; the sample stays an index."""
    return _of_any_sample(written_out(term, {}, {SAMPLE: 0}))


def _of_any_sample(term: Term) -> Term:
    if isinstance(term, Ref) and term.tensor.batched:
        return Ref(term.tensor, (Affine.of(SAMPLE), *term.at[1:]))
    return rebuild(term, _of_any_sample)
