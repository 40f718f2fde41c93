"""Losses of a likelihood without the constants that no parameter changes.

Minus the logarithm of a normal density is (o - y)^2/2 + log(2 pi)/2; writers leave the last out.
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.claims.arrays import Matrix
from derive.claims.claim import Claim
from derive.claims.evaluation import TOLERANCE, Evidence, evidence
from derive.claims.numbers import Outside
from derive.claims.places import NoValue
from derive.marking.judging import Judge
from derive.reading.scope import Scope
from derive.reading.tree import Entry

LEFT_OUT = "constants that no parameter changes are left out of the loss"


def up_to_a_constant(claim: Claim, judge: Judge, scope: Scope) -> bool:
    """Whether a formula for the loss of a likelihood lacks constants alone."""
    loss = isinstance(claim.lhs, Entry) and claim.lhs.role in ("loss", "objective")
    if not (loss and judge.network.loss.likelihood and claim.complete):
        return False
    try:
        found = list(_differences(claim, judge, scope))
    except (NoValue, Outside):
        return False
    same = all(abs(d - found[0]) <= TOLERANCE * (1 + abs(found[0])) for d in found)
    return len(found) > 1 and same and not judge.varied


def _differences(claim: Claim, judge: Judge, scope: Scope) -> Iterator[float]:
    for world in judge.worlds(scope.conventions):
        for seen in evidence(claim, world, scope):
            yield _difference(seen)


def _difference(seen: Evidence) -> float:
    if seen.lhs is None or seen.rhs is None:
        raise NoValue("a side without a value")
    if isinstance(seen.lhs, Matrix) or isinstance(seen.rhs, Matrix):
        raise NoValue("a loss that is an array")
    return (seen.lhs - seen.rhs).real
