"""The right side that belongs to a left side: from the derivation, in the signs of the sheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from derive.algebra.equation import Equation
from derive.algebra.index import at, contracted, define, derivative, fresh
from derive.algebra.simplify import tidy
from derive.algebra.terms import Affine, Index, Partial, Ref, Sum, Tensor, Term, add, refs
from derive.claims.indices import NoTerm
from derive.derivation import Derivation, derive
from derive.errors import NotYet, Undefined
from derive.reading.network import terms_of
from derive.reading.scope import Scope
from derive.reading.tree import Node
from derive.spec import Network
from derive.steps import Chain
from derive.writing.layout import Layout
from derive.writing.notation import Context, Writer


@dataclass
class Completion:
    """Finds what a quantity or derivative is, in forward quantities and errors."""

    network: Network

    @cached_property
    def derivation(self) -> Derivation:
        """The derivation of the network, made when first needed."""
        return derive(self.network)

    def written(self, lhs: Node, scope: Scope) -> Layout | None:
        """The right side as a layout under the profile; None where nothing is known."""
        try:
            term = terms_of(self.derivation, scope).over(lhs).term(lhs)
            value = self.value(term)
        except (NoTerm, NotYet, Undefined, RecursionError, KeyError, ValueError):
            return None
        if value is None:
            return None
        shapes, last = self.derivation.shapes, scope.last
        return Writer(scope.profile, Context(shapes=shapes, last=last, tints=False)).write(value)

    def value(self, term: Term) -> Term | None:
        """What an entry or a derivative equals; None where it is given from outside."""
        for pattern, result in self._known():
            names = _matched(pattern, term)
            if names is not None:
                return tidy(at(result, names))
        if isinstance(term, Partial):
            return self._local(term)
        return None

    def _known(self) -> Iterator[tuple[Term, Term]]:
        made = self.derivation
        chains: tuple[Chain, ...] = (*made.layers, *made.lemmas, *made.generic)
        yield from ((chain.lhs, chain.result) for chain in chains)
        equations: tuple[Equation, ...] = (*made.forward, made.loss)
        yield from ((e.lhs, e.rhs) for e in equations)

    def _local(self, term: Partial) -> Term | None:
        """The derivative of a forward equation by what stands in it."""
        of, by = term.of, term.by
        for lhs, rhs in self._known():
            same = isinstance(of, Ref) and isinstance(lhs, Ref) and lhs.tensor == of.tensor
            if same and isinstance(of, Ref) and isinstance(lhs, Ref) and _reads(rhs, by):
                return tidy(contracted(derivative(define(of, lhs, rhs), by)))
        if isinstance(of, Ref) and of.tensor == self.derivation.loss.lhs.tensor:
            return self._through(by)
        return None

    def _through(self, by: Ref) -> Term | None:
        """The derivative of the loss by what only pre-activations read: a sum over their deltas."""
        taken = {index for place in by.at for index, _ in place.terms}
        parts: list[Term] = []
        for equation in self.derivation.forward:
            if not any(r.tensor == by.tensor for r in refs(equation.rhs)):
                continue
            tensor, label = equation.lhs.tensor, equation.lhs.tensor.label
            if tensor.role != "preactivation":
                return None
            own = [i for i, _ in (t for place in equation.lhs.at for t in place.terms)]
            new = dict(zip(own, _apart(own, taken), strict=True))
            places = {old: Affine.of(index) for old, index in new.items() if not old.sample}
            lhs, rhs = at(equation.lhs, places), at(equation.rhs, places)
            assert isinstance(lhs, Ref)
            delta = Ref(Tensor("delta", "delta", label), lhs.at)
            over = tuple(new[i] for i in own if not i.sample)
            parts.append(contracted(Sum(delta * derivative(rhs, by), over)))
        return tidy(add(*parts)) if parts else None


def _reads(term: Term, by: Ref) -> bool:
    return any(r.tensor == by.tensor for r in refs(term))


def _matched(pattern: Term, term: Term) -> dict[Index, Affine] | None:
    """The places to put for the indices of the pattern, so that it is the term."""
    pairs: list[tuple[Ref, Ref]] = []
    if isinstance(pattern, Partial) and isinstance(term, Partial):
        if not isinstance(pattern.of, Ref) or not isinstance(term.of, Ref):
            return None
        pairs = [(pattern.of, term.of), (pattern.by, term.by)]
    elif isinstance(pattern, Ref) and isinstance(term, Ref):
        pairs = [(pattern, term)]
    found: dict[Index, Affine] = {}
    for a, b in pairs:
        if a.tensor != b.tensor or len(a.at) != len(b.at):
            return None
        for place, other in zip(a.at, b.at, strict=True):
            index = place.index
            if index is None or found.setdefault(index, other) != other:
                return None
    return found if pairs else None


def _apart(own: list[Index], taken: set[Index]) -> list[Index]:
    """The indices under names that are not taken."""
    names = {index.name for index in taken}
    made: list[Index] = []
    for i in own:
        clash = not i.sample and i.name in names
        made.append(fresh("k", i.size, {*taken, *own, *made}) if clash else i)
    return made
