"""Signs of the activation function that say less than they could.

phi'(s) = 1 - phi(s)^2 names no layer: where the layers of a network differ, it is the function of
the hidden ones that is meant, which have no other name, or that of the output. And sigma, which is
the sigmoid, is the activation of any layer too in some notations: sigma'(z^{(1)}) is its slope.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.claims.world import World
from derive.reading.tree import Applied, Function, Node, rebuilt, walk
from derive.spec import Network


def of_layers(claim: Claim, world: World) -> Iterator[Claim]:
    """The claim about the function of one layer after the other; none where it names the layer."""
    nodes = (node for side in claim.sides for node in walk(side))
    bare = any(isinstance(n, Applied) and _is_bare(n.function) for n in nodes)
    for stage in world.passed.stages if bare else ():
        if stage.function is not None and stage.label is not None:
            lhs, rhs = (s and _labelled(s, stage.label) for s in (claim.lhs, claim.rhs))
            yield replace(claim, lhs=lhs, rhs=rhs)


def of_any_function(claim: Claim, network: Network) -> Claim | None:
    """The claim with the activation of a layer for a function of that sign; None without one.

    Where a layer of the network has that function, the sign is its own.
    """
    own = {getattr(getattr(x, "activation", None), "name", "") for x in network.layers}

    def visit(node: Node) -> Node:
        node = rebuilt(node, visit)
        either = isinstance(node, Applied) and _is_either(node.function)
        if isinstance(node, Applied) and either and node.function.name not in own:
            return replace(node, function=replace(node.function, name=""))
        return node

    lhs, rhs = (s and visit(s) for s in (claim.lhs, claim.rhs))
    return None if (lhs, rhs) == (claim.lhs, claim.rhs) else replace(claim, lhs=lhs, rhs=rhs)


def _is_either(function: Function) -> bool:
    """Whether the sign is that of a function and of any activation."""
    return function.activation and bool(function.name)


def _is_bare(function: Function) -> bool:
    return function.activation and not function.name and function.label is None


def _labelled(node: Node, label: Label) -> Node:
    node = rebuilt(node, lambda part: _labelled(part, label))
    if isinstance(node, Applied) and _is_bare(node.function):
        return replace(node, function=replace(node.function, label=label, assumed=True))
    return node
