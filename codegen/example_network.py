"""A network small enough to show every number: the one of the chapter, or one of the same kind."""

from __future__ import annotations

from derive.algebra.terms import Extent
from derive.network.layers import Dense
from derive.spec import Activation, Loss, Network

WIDEST = 3  # units in a layer of the example
DEEPEST = 3  # layers


def small(network: Network) -> Network | None:
    """The network itself, or one of the same kind with few units; None where neither can be had."""
    if network.numeric and _is_small(network):
        return network
    layers = [layer for layer in network.layers if isinstance(layer, Dense)]
    if len(layers) != len(network.layers):
        return None
    data = {name: getattr(network, name) for name in type(network).model_fields}
    chosen = _few(_unrolled(layers))
    last = len(chosen) - 1
    data["input"] = (_narrow(network.input[-1], 2),)
    data["layers"] = tuple(
        layer.model_copy(update={"units": _width(layer, k == last)})
        for k, layer in enumerate(chosen)
    )
    if network.loss.name == "generic":
        data["loss"] = Loss(name="half_squared_error")
    return Network.model_validate(data)


def _is_small(network: Network) -> bool:
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    sizes = [*network.input, *(layer.units for layer in dense)]
    return (
        len(dense) == len(network.layers) <= DEEPEST
        and len(network.input) == 1
        and all(isinstance(size, int) and size <= WIDEST for size in sizes)
    )


def _unrolled(layers: list[Dense]) -> list[Dense]:
    """Repeated layers twice, generic activations as tanh."""
    made = []
    for layer in layers:
        concrete = layer
        if layer.activation.name == "generic":
            concrete = layer.model_copy(update={"activation": Activation(name="tanh")})
        once = concrete.model_copy(update={"repeat": None})
        made += [once, once] if layer.repeat else [once]
    return made


def _few(layers: list[Dense]) -> list[Dense]:
    """At most three layers: hidden ones of different activations, and the last."""
    if len(layers) <= DEEPEST:
        return layers
    hidden: dict[object, Dense] = {}
    for layer in layers[:-1]:
        hidden.setdefault((str(layer.activation), layer.bias), layer)
    return [*list(hidden.values())[: DEEPEST - 1], layers[-1]]


def _width(layer: Dense, last: bool) -> int:
    shares = layer.activation.name == "softmax"
    return _narrow(layer.units, 3 if shares and last else 2)


def _narrow(size: Extent, otherwise: int) -> int:
    return size if isinstance(size, int) and size <= WIDEST else otherwise
