"""The ways in which a gradient can be told: each takes a derivation and gives checked chains.

>>> from derive.derivation import derive
>>> told = tell(derive("2 > 2 tanh > 1 sigmoid : squared_error"), "activations")
>>> str(told.chains[-1].lhs), str(told.chains[-1].result)
('d(L[n])/d(b1[j])', '(1 - o1[n,j]**2)*d(L[n])/d(o1[n,j])')
"""

from __future__ import annotations

from collections.abc import Callable

from derive.derivation import Derivation
from derive.strategies.adjoints import activations, apparent_error
from derive.strategies.delta import delta
from derive.strategies.factors import three_factors
from derive.strategies.ladder import Ladder, ladder_of
from derive.strategies.parts import Part, Told
from derive.strategies.paths import paths
from derive.strategies.updates import NAME as UPDATE
from derive.strategies.updates import updates
from derive.strategies.weights import weight_by_weight
from derive.writing.profile import STRATEGIES

__all__ = ["STRATEGIES", "UPDATE", "Part", "Told", "tell"]

#: The strategies for networks of dense layers; the recursion on delta takes every kind.
DENSE: dict[str, Callable[[Ladder], Told]] = {
    "weight_by_weight": weight_by_weight,
    "activations": activations,
    "three_factors": three_factors,
    "paths": paths,
    "apparent_error": apparent_error,
    UPDATE: updates,
}


def tell(derivation: Derivation, name: str) -> Told:
    """The derivation told by a strategy, or why it cannot be."""
    ladder = ladder_of(derivation)
    if name == "delta":
        return delta(derivation, ladder if isinstance(ladder, Ladder) else None)
    if isinstance(ladder, str):
        return Told(name, missing=ladder)
    return DENSE[name](ladder)
