"""What tests ask of a claim: whether it holds, and how it reads with another part in it."""

from __future__ import annotations

from derive.claims.claim import Claim
from derive.claims.evaluation import evaluate_claim
from derive.claims.world import World
from derive.reading.scope import Scope
from derive.reading.tree import Node
from derive.rewriting.writing import corrected


def holds(claim: Claim, world: World, scope: Scope, seed: int = 0) -> bool:
    """Whether both sides agree at every choice."""
    return all(e.agrees for e in evaluate_claim(claim, world, scope, seed))


def replaced(text: str, before: Node, after: Node, scope: Scope) -> str:
    """The whole of `text` with `after` in the place of `before`."""
    start, end = before.span
    return text[:start] + corrected(text, before, after, scope) + text[end:]
