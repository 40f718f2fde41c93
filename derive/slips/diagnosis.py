"""What went wrong in a claim: the slips whose repair makes it hold.

>>> from derive.marking.judging import Judge
>>> from derive.profiles import profile
>>> from derive.reading.reader import read
>>> from derive.spec import load
>>> network = load("2 > 3 tanh > 2 sigmoid : squared_error")
>>> scope, judge = Scope(profile("units")), Judge(network)
>>> text = r"\\frac{\\partial E}{\\partial w_{ji}^2} = \\delta_i^2 o_j^2"
>>> (claim,) = read(text, scope).claims
>>> found = search(claim, lambda c: judge.holds(c, scope), scope, network)
>>> [(r.kind, text[slice(*r.before.span)]) for r in found[0]]
[('layer', 'o_j^2')]

Repairs are tried singly, then in pairs, then in triples, the likeliest first.
"""

from __future__ import annotations

from collections.abc import Callable

from derive.claims.claim import Claim
from derive.reading.scope import Scope
from derive.slips.search import Limit, Repair, Search
from derive.spec import Network

__all__ = ["Limit", "Repair", "search"]


def search(
    claim: Claim,
    holds: Callable[[Claim], bool],
    scope: Scope,
    network: Network | None = None,
    limit: Limit | None = None,
) -> tuple[tuple[Repair, ...], ...]:
    """The fewest repairs that make the claim hold: up to three ways, the best first.

    `holds` decides; where a network is given, few candidates come before it.
    """
    return Search(claim, holds, scope, network, limit or Limit()).found()
