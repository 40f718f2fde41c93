"""The right side that belongs to a left side: from the derivation, in the signs of the sheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from derive.claim_indices import NoTerm
from derive.derivation import Derivation, derive
from derive.equation import Equation
from derive.errors import NotYet, Undefined
from derive.index import at, contracted, define, derivative
from derive.layout import Layout
from derive.notation import Context, Writer
from derive.reading_network import terms_of
from derive.reading_scope import Scope
from derive.reading_tree import Node
from derive.simplify import tidy
from derive.spec import Network
from derive.steps import Chain
from derive.terms import Affine, Index, Partial, Ref, Term


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
            term = terms_of(self.derivation, scope).term(lhs)
            value = self.value(term)
        except (NoTerm, NotYet, Undefined, RecursionError, KeyError, ValueError):
            return None
        if value is None:
            return None
        shapes, last = self.derivation.shapes, scope.last
        return Writer(scope.profile, Context(shapes=shapes, last=last)).write(value)

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
        of = term.of
        for lhs, rhs in self._known():
            if isinstance(of, Ref) and isinstance(lhs, Ref) and lhs.tensor == of.tensor:
                return tidy(contracted(derivative(define(of, lhs, rhs), term.by)))
        return None


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
