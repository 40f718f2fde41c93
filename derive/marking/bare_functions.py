"""The sign of the activation function without a layer: phi'(s) = 1 - phi(s)^2.

Where the layers of a network differ, it is the function of the hidden ones that is meant, which
have no other name, or that of the output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.claims.world import World
from derive.reading.tree import Applied, Function, Node, rebuilt, walk


def of_layers(claim: Claim, world: World) -> Iterator[Claim]:
    """The claim about the function of one layer after the other; none where it names the layer."""
    nodes = (node for side in claim.sides for node in walk(side))
    bare = any(isinstance(n, Applied) and _is_bare(n.function) for n in nodes)
    for stage in world.passed.stages if bare else ():
        if stage.function is not None and stage.label is not None:
            lhs, rhs = (s and _labelled(s, stage.label) for s in (claim.lhs, claim.rhs))
            yield replace(claim, lhs=lhs, rhs=rhs)


def _is_bare(function: Function) -> bool:
    return function.activation and not function.name and function.label is None


def _labelled(node: Node, label: Label) -> Node:
    node = rebuilt(node, lambda part: _labelled(part, label))
    if isinstance(node, Applied) and _is_bare(node.function):
        return replace(node, function=replace(node.function, label=label, assumed=True))
    return node
