"""Of which layer an activation function is that a sheet writes without one: f(s) = s sigma(s).

In a network of several activations the sign f alone could be any of them; what the sheet says that
f is decides it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.forward import forward
from derive.marking.judging import Judge
from derive.reading.own import Bound
from derive.reading.scope import Scope
from derive.reading.tree import Applied, Entry, Node, rebuilt, walk
from derive.sheets.agreements import quickly_holds
from derive.sheets.statements import EQUALS


def with_told_function(judge: Judge, scope: Scope, claims: Iterable[Claim]) -> Scope:
    """The scope with the sign of activations for that of the layers of which the sheet tells it."""
    role = scope.profile.roles["activation_function"]
    bound = {k: b for k, b in scope.own.signs.items() if b.role == "activation_function"}
    keys = [*bound, *((sign, "") for sign in (role.entry, *role.aliases))]
    stages = [s for s in forward(judge.network).stages if s.activation is not None]
    labels = [s.label for s in stages if s.phi is not None and not s.label.base]
    if any(b.label is not None for b in bound.values()) or len({str(s.phi) for s in stages}) < 2:
        return scope
    read = list(claims)
    if any(_is_of_any(node) for claim in read for side in claim.sides for node in walk(side)):
        return scope  # x^{(l)} = phi(s^{(l)}): the activation of whatever layer
    for claim in filter(_tells, read):
        held = [k for k in labels if quickly_holds(judge, _of_layer(claim, k), scope)]
        if held and len(held) < len(labels):
            told = Bound("activation_function", held[0])
            signs = {**scope.own.signs, **dict.fromkeys(keys, told)}
            return replace(scope, own=replace(scope.own, signs=signs))
    return scope


def _tells(claim: Claim) -> bool:
    """Whether the claim says what an activation of no named layer is."""
    lhs, rhs = claim.lhs, claim.rhs
    if not isinstance(lhs, Applied) or rhs is None or claim.relation not in EQUALS or lhs.order:
        return False
    return _is_open(lhs) and not any(map(_is_open, walk(rhs)))


def _is_of_any(node: Node) -> bool:
    """Whether it stands for the activation of any layer l."""
    if not isinstance(node, Applied) or not _is_open(node):
        return False
    entries = (part for arg in node.args for part in walk(arg) if isinstance(part, Entry))
    return any(entry.label is not None and bool(entry.label.base) for entry in entries)


def _is_open(node: Node) -> bool:
    function = node.function if isinstance(node, Applied) else None
    named = function is None or not function.activation or function.name
    return not named and (function is None or function.label is None or function.assumed)


def _of_layer(claim: Claim, label: Label) -> Claim:
    def visit(node: Node) -> Node:
        node = rebuilt(node, visit)
        if isinstance(node, Applied) and _is_open(node):
            return replace(node, function=replace(node.function, label=label, assumed=False))
        return node

    assert claim.lhs is not None
    return replace(claim, lhs=visit(claim.lhs), before=None, members=())
