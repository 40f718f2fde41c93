"""A network in words: its title and the name of its loss."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.chapter import words
from derive.algebra.terms import Extent
from derive.network.layers import AnyLayer, Dense, Residual
from derive.spec import Network

SOUNDED = "aefhilmnorsx"  # letters whose names begin with a vowel


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
    kinds = _kinds(list(_all_layers(network.layers)))
    plain = len(dense) == len(network.layers)
    if any(layer.repeat for layer in dense):
        return f"a {kinds} of any depth"
    sizes = [*network.input, *(layer.units for layer in dense)]
    if plain and len(sizes) <= 5 and len(network.input) == 1:
        article = _article(sizes[0])
        shape = "\u2013".join(map(str, sizes))
        return f"{article} {shape} {kinds}"
    if adjective := _adjective(network):
        return f"a {adjective} {kinds}"
    return f"{_article(len(network.layers))} {len(network.layers)}-layer {kinds}"


def _article(size: Extent) -> str:
    """a or an before a number or a letter, as it is spoken.

    >>> [_article(size) for size in (2, 8, 18, 180, 80, "n", "k")]
    ['a', 'an', 'an', 'a', 'an', 'an', 'a']
    """
    spoken = str(size)
    thousands = spoken[: (len(spoken) - 1) % 3 + 1] if spoken.isdigit() else ""
    vowel = spoken.startswith("8") or thousands in ("11", "18") or spoken[0].lower() in SOUNDED
    return "an" if vowel else "a"


def _adjective(network: Network) -> str:
    """What sets a network apart from a row of dense layers, where one word says it."""
    kinds = {layer.kind for layer in _all_layers(network.layers)}
    named = {"conv": "convolutional", "residual": "residual"}
    return next((word for kind, word in named.items() if kind in kinds), "")


def _all_layers(layers: tuple[AnyLayer, ...]) -> Iterator[AnyLayer]:
    for layer in layers:
        if isinstance(layer, Residual):
            yield from _all_layers(layer.layers)
        yield layer


def _kinds(layers: list[AnyLayer]) -> str:
    """sigmoid network, softmax classifier, or network where the units are of many kinds.

    Only dense layers alone make a linear network.
    """
    if layers[-1].activation.name == "softmax":
        return "softmax classifier"
    names = list(dict.fromkeys(_activation(layer) for layer in layers))
    if names != ["linear"] or not all(isinstance(layer, Dense) for layer in layers):
        names = [name for name in names if name not in ("linear", "general")]
    return f"{words.joined(names)} network" if 0 < len(names) <= 2 else "network"


def _activation(layer: AnyLayer) -> str:
    name = layer.activation.name
    return words.ACTIVATION_WORDS.get(name, name.replace("_", " "))
