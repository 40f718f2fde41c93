"""A network in words: its title and the name of its loss."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.chapter import words
from derive.network.layers import AnyLayer, Dense, Residual
from derive.spec import Network


def title(network: Network) -> str:
    """The title of the spec, or one made of sizes, activations and loss.

    >>> from derive.spec import load
    >>> title(load("2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy"))
    'A 2–2–1 sigmoid network with binary cross-entropy'
    """  # noqa: RUF002
    if network.title:
        return network.title
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    free = any(layer.activation.name == "generic" for layer in dense)
    activations = "any activations and " if free else ""
    return f"{words.capital(_shape(network))} with {activations}{loss_words(network)}"


def loss_words(network: Network) -> str:
    """The loss in words."""
    if network.loss.likelihood:
        return words.LIKELIHOOD_WORDS[network.loss.likelihood]
    name = network.loss.name
    return words.LOSS_WORDS.get(name, name)


def _shape(network: Network) -> str:
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    kinds = _kinds(dense)
    plain = len(dense) == len(network.layers)
    if any(layer.repeat for layer in dense):
        return f"a {kinds} of any depth"
    sizes = [*network.input, *(layer.units for layer in dense)]
    if plain and len(sizes) <= 5 and len(network.input) == 1:
        article = "an" if str(sizes[0])[:1] == "8" or sizes[0] in (11, 18) else "a"
        shape = "\u2013".join(map(str, sizes))
        return f"{article} {shape} {kinds}"
    if adjective := _adjective(network):
        return f"a {adjective} {kinds}"
    article = "an" if len(network.layers) in (8, 11, 18) else "a"
    return f"{article} {len(network.layers)}-layer {kinds}"


def _adjective(network: Network) -> str:
    """What sets a network apart from a row of dense layers, where one word says it."""
    kinds = set(_all_kinds(network.layers))
    named = {"conv": "convolutional", "residual": "residual"}
    return next((word for kind, word in named.items() if kind in kinds), "")


def _all_kinds(layers: tuple[AnyLayer, ...]) -> Iterator[str]:
    for layer in layers:
        yield layer.kind
        if isinstance(layer, Residual):
            yield from _all_kinds(layer.layers)


def _kinds(layers: list[Dense]) -> str:
    """sigmoid network, softmax classifier, or network where the units are of many kinds."""
    if not layers:
        return "network"
    if layers[-1].activation.name == "softmax":
        return "softmax classifier"
    names = list(dict.fromkeys(_activation(layer) for layer in layers))
    if names != ["linear"]:
        names = [name for name in names if name not in ("linear", "general")]
    return f"{words.joined(names)} network" if 0 < len(names) <= 2 else "network"


def _activation(layer: Dense) -> str:
    name = layer.activation.name
    return words.ACTIVATION_WORDS.get(name, name.replace("_", " "))
