"""Named activations and losses in the place of generic ones: what a claim may have in mind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from derive.marking.judging import Assumptions
from derive.network.parts import Activation, Loss
from derive.spec import Network

_ACTIVATIONS = ("sigmoid", "tanh", "relu", "linear", "softmax")
_LOSSES = ("squared_error", "half_squared_error", "binary_cross_entropy", "cross_entropy")


def of_generic(network: Network) -> Iterator[tuple[str, Assumptions]]:
    """Named activations and losses in the place of generic ones."""
    generic = any(_is_generic(layer) for layer in network.layers)
    if generic:
        for name in _ACTIVATIONS:
            yield f"the activation is {_word(name)}", Assumptions(network=_with(name, ""))
    if network.loss.name == "generic":
        for loss in _LOSSES:
            yield f"the loss is {_word(loss)}", Assumptions(network=_with("", loss))
        if generic:
            for name in _ACTIVATIONS:
                for loss in _LOSSES:
                    words = f"the activation is {_word(name)} and the loss is {_word(loss)}"
                    yield words, Assumptions(network=_with(name, loss))


def _is_generic(layer: object) -> bool:
    return getattr(getattr(layer, "activation", None), "name", "") == "generic"


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
                layer.model_copy(update={"activation": made}) if _is_generic(layer) else layer
                for layer in layers
            )
        changes: dict[str, object] = {"layers": layers}
        if loss:
            changes["loss"] = Loss(name=loss)
        return network.model_copy(update=changes)

    return change
