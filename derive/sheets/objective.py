"""The objective of a sheet where it is another than the network's loss.

A regulariser, a mean over other things, a likelihood that is maximised: where the formula that a
sheet gives for its loss does not hold, and more of the gradients hold for that formula than for
the loss of the network, the letter stands for the formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from derive.claims.claim import Claim
from derive.marking.judging import Judge
from derive.reading.own import Bound, Definition
from derive.reading.scope import Scope
from derive.reading.tree import Derivative, Entry, Nabla, Node, rebuilt, walk
from derive.sheets.agreements import quickly_holds
from derive.sheets.statements import EQUALS
from derive.writing.signs import Sign

MOST_GRADIENTS = 8
FACTORS = (Fraction(1), Fraction(1, 2), Fraction(2))


def with_objective(judge: Judge, claims: Sequence[Claim], scope: Scope) -> Scope:
    """The scope in which the letter of the loss means what the sheet says it is."""
    for claim in claims:
        lhs = claim.lhs
        if not (isinstance(lhs, Entry) and lhs.role in ("loss", "objective")) or lhs.places:
            continue
        if claim.relation not in EQUALS or claim.rhs is None or _speaks(claim.rhs):
            continue
        key = next((k for k, b in scope.own.signs.items() if b.role == lhs.role), None)
        if key is None or is_loss(judge, claim, scope):
            continue
        made = _rebound(scope, key, Definition((), None, claim.rhs))
        if _better(judge, claims, scope, made, str(key[0])):
            return made
    return scope


def _speaks(node: Node) -> bool:
    """Whether a formula speaks of the loss itself."""
    return any(isinstance(n, Entry) and n.role in ("loss", "objective") for n in walk(node))


def is_loss(judge: Judge, claim: Claim, scope: Scope) -> bool:
    """Whether the formula is the loss of the network, up to a factor or the reduction."""
    here = scope.conventions
    for factor in FACTORS:
        for reduction in ("", "mean", "sum"):
            made = replace(here, loss_factor=here.loss_factor * factor, reduction=reduction)
            if quickly_holds(judge, claim, replace(scope, conventions=made)):
                return True
    return False


def _rebound(scope: Scope, key: tuple[Sign, str], made: Definition) -> Scope:
    own = scope.own
    name = str(key[0])
    signs = {**own.signs, key: Bound("user", called=True)}
    definitions = {**own.definitions, name: made}
    return replace(scope, own=replace(own, signs=signs, definitions=definitions, objective=name))


def _better(judge: Judge, claims: Sequence[Claim], old: Scope, new: Scope, name: str) -> bool:
    """Whether more gradients hold for the sheet's own objective."""
    gradients = [c for c in claims if any(_is_gradient(n) for s in c.sides for n in walk(s))]
    before = after = 0
    for claim in gradients[:MOST_GRADIENTS]:
        before += quickly_holds(judge, claim, old)
        after += quickly_holds(judge, _renamed(claim, name), new)
    return after > before


def _is_gradient(node: Node) -> bool:
    of = node.of if isinstance(node, Derivative | Nabla) else None
    return isinstance(of, Entry) and of.role in ("loss", "objective")


def _renamed(claim: Claim, name: str) -> Claim:
    """The claim with the letter of the loss as a symbol of the sheet's own."""

    def visit(node: Node) -> Node:
        node = rebuilt(node, visit)
        if isinstance(node, Entry) and node.role in ("loss", "objective"):
            return Entry("user", name, None, span=node.span)
        return node

    lhs, rhs = (None if side is None else visit(side) for side in (claim.lhs, claim.rhs))
    return replace(claim, lhs=lhs, rhs=rhs)
