"""Signs of a lemma as numbers of the writer's own.

On a sheet about no network the letters of a notation mean little: in d/do log(1 + e^{-y o}) the
letters y and o are two numbers, also where a notation has one quantity for both.
"""

from __future__ import annotations

import re
from dataclasses import replace

from derive.claims.claim import Claim
from derive.claims.parts import is_variable, variable
from derive.reading.tree import (
    Derivative,
    Entry,
    Letter,
    Minus,
    Nabla,
    Node,
    Norm,
    Plus,
    Transposed,
    rebuilt,
    walk,
)


def of_numbers(claim: Claim, text: str) -> Claim | None:
    """The claim about the letters as they are written; None where they are more than numbers."""
    nodes = [n for side in claim.sides for n in walk(side)]
    entries = [n for n in nodes if isinstance(n, Entry)]
    if not entries or any(isinstance(n, Transposed | Norm | Nabla) for n in nodes):
        return None
    if any(n.places or n.sample or n.step or n.barred or n.label for n in entries):
        return None
    derived = [n for n in nodes if isinstance(n, Derivative)]
    if any(isinstance(n.of, Entry | Letter) for n in derived):
        return None  # of what they are made, other lines say

    opened = text.lstrip(" \n&{").startswith("=")  # the left side stands in the display before
    right = walk(claim.rhs) if claim.rhs else ()
    names = {n: _written(n, text) for n in right if isinstance(n, Entry)}
    if opened and any(node not in names for node in entries):
        return None

    def visit(node: Node) -> Node:
        if isinstance(node, Entry):
            return Letter(names[node] if opened else _written(node, text), span=node.span)
        return rebuilt(node, visit)

    lhs, rhs, before = (n and visit(n) for n in (claim.lhs, claim.rhs, claim.before))
    members = tuple(map(visit, claim.members))
    return replace(claim, lhs=lhs, rhs=rhs, before=before, members=members)


def mixes_numbers(claim: Claim, text: str) -> bool:
    """Whether one quantity of the notation is written with two signs, which may be two numbers."""
    signs: dict[str, set[str]] = {}
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Entry) and is_variable(node):
                signs.setdefault(variable(node), set()).add(_written(node, text))
    return any(len(written) > 1 for written in signs.values())


def has_two_signs(claim: Claim, text: str) -> bool:
    """Whether one quantity of the network is written with two signs."""
    signs: dict[tuple[object, ...], set[str]] = {}
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Entry):
                sign = re.split(r"[_^(\[]", text[slice(*node.span)].strip("{ "))[0].strip()
                signs.setdefault((node.role, node.letter, node.label), set()).add(sign)
    twice = any(len(written) > 1 for written in signs.values())
    return twice and any(_cancels(node) for side in claim.sides for node in walk(side))


def _cancels(node: Node) -> bool:
    """Whether a quantity is subtracted from itself."""
    if not isinstance(node, Plus):
        return False
    taken = [arg.arg for arg in node.args if isinstance(arg, Minus)]
    return any(arg == other for arg in node.args for other in taken)


def _written(node: Node, text: str) -> str:
    """The sign alone, without a power: x of x^2."""
    return text[slice(*node.span)].partition("^")[0].strip().lstrip("\\")
