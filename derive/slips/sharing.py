"""Parameters that a layer reads again and again: their derivatives sum over all those places."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from derive.algebra.symbols import Index, Tensor
from derive.algebra.terms import Num, Ref, refs
from derive.algebra.tree import walk
from derive.claims.claim import Claim
from derive.forward import forward
from derive.reading.scope import Scope
from derive.reading.tree import Derivative, Entry
from derive.spec import Network


@lru_cache(maxsize=8)
def shared(network: Network) -> frozenset[Tensor]:
    """The parameters of which one entry serves several entries of what is computed from them."""
    return frozenset(
        ref.tensor
        for stage in forward(network).stages
        for equation in stage.body
        for ref in refs(equation.rhs)
        if ref.tensor in stage.parameters and not _indices(equation.lhs) <= _indices(ref)
    )


@lru_cache(maxsize=8)
def numbers_of(network: Network) -> tuple[Fraction, ...]:
    """The numbers in the forward equations and in front of the squared weights."""
    terms = (e.rhs for stage in forward(network).stages for e in stage.body)
    found = dict.fromkeys(n.value for t in terms for n in walk(t) if isinstance(n, Num))
    decay = (network.weight_decay,) if network.weight_decay else ()
    return (*decay, *(v for v in found if v > 0))


def _indices(ref: Ref) -> frozenset[Index]:
    """The indices of units and places, the sample aside."""
    return frozenset(i for place in ref.at for i, _ in place.terms if not i.sample)


def by_shared(claim: Claim, network: Network, scope: Scope) -> bool:
    """Whether the left side is a derivative by such a parameter."""
    by = claim.lhs.by if isinstance(claim.lhs, Derivative) else ()
    found = [t for entry in by if isinstance(entry, Entry) for t in _named(entry, network, scope)]
    return not shared(network).isdisjoint(found)


def _named(entry: Entry, network: Network, scope: Scope) -> Iterator[Tensor]:
    """The parameters that an entry may be: those of every layer where it says l."""
    label, last = entry.label, scope.last
    if label is not None and last is not None and label.base == "L":
        label = last.shifted(label.offset)
    role = "parameter" if entry.role == "own" else entry.role
    for stage in forward(network).stages:
        for tensor in stage.parameters:
            here = label is None or label.base == "l" or label == tensor.label
            if here and tensor.role == role and entry.letter in ("", tensor.letter):
                yield tensor
