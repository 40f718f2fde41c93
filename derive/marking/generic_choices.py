"""Named activations and losses in the place of generic ones: what a claim may have in mind.

A claim tells by its form that it speaks of sigmoid, tanh or softmax. The slopes of linear and relu
are 0 and 1: a claim that lacks a slope, or has it twice, holds for them too, and means neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from derive.claims.claim import Claim
from derive.marking.judging import Assumptions
from derive.network.parts import Activation, Loss
from derive.reading.tree import Applied, Bracket, Branches, Derivative, Entry, Node, walk
from derive.spec import Network

_ACTIVATIONS = ("sigmoid", "tanh", "relu", "linear", "softmax")
_PIECEWISE = ("relu", "linear")
_PROBABILITIES = ("sigmoid", "softmax")
_LOGARITHMS = ("binary_cross_entropy", "cross_entropy")
_LOSSES = ("squared_error", "half_squared_error", "binary_cross_entropy", "cross_entropy")


def meant(claim: Claim, network: Network) -> Iterator[tuple[str, Assumptions]]:
    """Named activations and losses that the claim may have in mind."""
    if not _mixes_layers(claim):
        yield from _of_generic(network, [name for name in _ACTIVATIONS if _may_mean(claim, name)])


def coincidences(claim: Claim, network: Network) -> Iterator[tuple[str, Assumptions]]:
    """Those for which a claim may hold that does not speak of them."""
    names = [name for name in _ACTIVATIONS if not _may_mean(claim, name)]
    if names:
        yield from _of_generic(network, names)


def _may_mean(claim: Claim, name: str) -> bool:
    """Whether the claim can speak of the activation: relu in cases, linear as a rule for phi."""
    nodes = [n for side in claim.sides for n in walk(side)]
    cases = any(isinstance(n, Bracket | Branches) or _is_maximum(n) for n in nodes)
    return name not in _PIECEWISE or (name == "relu" and cases) or _of_function(claim.lhs)


def _mixes_layers(claim: Claim) -> bool:
    """Whether the function of one layer is applied in another: equal ones would hide that."""
    nodes = [n for side in claim.sides for n in walk(side) if isinstance(n, Applied)]
    return any(
        n.function.activation
        and not n.function.assumed
        and n.function.label is not None
        and any(isinstance(a, Entry) and a.label not in (None, n.function.label) for a in n.args)
        for n in nodes
    )


def _is_maximum(node: Node) -> bool:
    return isinstance(node, Applied) and node.function.name in ("max", "relu")


def _of_function(node: Node | None) -> bool:
    """Whether a side is the activation function itself or its slope: phi(s), phi'(s), do/ds."""
    match node:
        case Applied(function=function):
            return function.activation
        case Derivative(of=Applied(function=function)):
            return function.activation
        case Derivative(of=Entry(role=("activation" | "output")), by=(Entry(role=role),)):
            return role == "preactivation"
    return False


def _of_generic(network: Network, names: list[str]) -> Iterator[tuple[str, Assumptions]]:
    """Named activations and losses in the place of generic ones."""
    generic = any(_is_generic(layer) for layer in network.layers)
    if generic:
        for name in names:
            yield f"the activation is {_word(name)}", Assumptions(network=_with(name, ""))
    if network.loss.name == "generic":
        for loss in _LOSSES:
            yield f"the loss is {_word(loss)}", Assumptions(network=_with("", loss))
        if generic:
            for name in names:
                for loss in _LOSSES:
                    if loss in _LOGARITHMS and name not in _PROBABILITIES:
                        continue  # defined for few parameters
                    words = f"the activation is {_word(name)} and the loss is {_word(loss)}"
                    yield words, Assumptions(network=_with(name, loss))


def _is_generic(layer: object) -> bool:
    return getattr(getattr(layer, "activation", None), "name", "") == "generic"


def _can_be(layer: object, activation: Activation) -> bool:
    """Whether the layer may have that activation: a softmax needs more than one unit."""
    alone = getattr(layer, "units", 0) == 1
    return _is_generic(layer) and not (alone and activation.name == "softmax")


def _word(name: str) -> str:
    return name.replace("_", " ")


@cache
def _with(activation: str, loss: str) -> Callable[[Network], Network]:
    """The change of a network to a named activation and loss; one object each, to be a key."""

    def change(network: Network) -> Network:
        layers = network.layers
        if activation:
            made = Activation(name=activation)
            layers = tuple(
                layer.model_copy(update={"activation": made}) if _can_be(layer, made) else layer
                for layer in layers
            )
        changes: dict[str, object] = {"layers": layers}
        if loss:
            changes["loss"] = Loss(name=loss)
        return network.model_copy(update=changes)

    return change
