"""A small relative of a network: the same layers with fewer units, channels and places.

Equal sizes stay equal, so what fits together still does; sizes that a sheet mentions are kept.  The
relatives differ in size, so that no number in a claim is the size of all of them by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import prod

from derive.errors import SpecError
from derive.network.layers import AnyLayer, Conv, Dense, Equations, Residual
from derive.network.shapes import through
from derive.network.values import Table
from derive.spec import Network

LARGE = 5  # sizes up to here are left alone
SMALL = (4, 3, 5, 2)  # what larger ones become, in turn


def shrunk(network: Network, kept: frozenset[int] = frozenset(), turn: int = 0) -> Network:
    """The network with small sizes, or as it is where no small ones fit together.

    `turn` counts the relatives.
    """
    large = [s for s in _sizes(network) if isinstance(s, int) and s > LARGE and s not in kept]
    if not large:
        return network
    small = {s: SMALL[(k + turn) % len(SMALL)] for k, s in enumerate(dict.fromkeys(large))}
    for scale in _scales(network, small, max(turn, 0) % 2):
        try:
            layers, _ = through(tuple(_smaller(x, scale) for x in network.layers), _input(scale))
        except SpecError:
            continue
        return network.model_copy(update={"layers": layers, "input": _input(scale)})
    return network


def weights(network: Network) -> float:
    """About how many weights the network has."""
    count, width = 0.0, prod(s for s in network.input if isinstance(s, int))
    for layer in _every(network.layers):
        match layer:
            case Dense() if isinstance(layer.units, int):
                count, width = count + width * layer.units, layer.units
            case Conv() if isinstance(layer.channels, int):
                count += layer.channels * width
    return count


Scale = tuple[tuple[int | str, ...], dict[int, int]]


def _input(scale: Scale) -> tuple[int | str, ...]:
    return scale[0]


def _scales(network: Network, small: dict[int, int], wider: int) -> Iterator[Scale]:
    """The input and the new sizes; the places of windows grow until the layers fit."""
    first, *places = network.input
    front = small.get(first, first) if isinstance(first, int) else first
    windows = any(isinstance(layer, Conv) for layer in _every(network.layers)) or len(places) > 1
    if not (windows and places and all(isinstance(p, int) for p in places)):
        yield tuple(small.get(e, e) if isinstance(e, int) else e for e in network.input), small
        return
    most = max(int(p) for p in places)
    for size in range(3 + wider, most):
        yield (front, *(min(size, int(p)) for p in places)), small


def _smaller(layer: AnyLayer, scale: Scale) -> AnyLayer:
    small = scale[1]

    def size(value: int | str) -> int | str:
        return small.get(value, value) if isinstance(value, int) else value

    match layer:
        case Dense():
            return layer.model_copy(update={"units": size(layer.units)})
        case Conv():
            return layer.model_copy(update={"channels": size(layer.channels)})
        case Residual():
            inner = tuple(_smaller(x, scale) for x in layer.layers)
            return layer.model_copy(update={"layers": inner})
        case Equations():
            indices = Table({name: size(extent) for name, extent in layer.indices.items()})
            return layer.model_copy(update={"indices": indices})
    return layer


def _every(layers: tuple[AnyLayer, ...]) -> Iterator[AnyLayer]:
    for layer in layers:
        yield layer
        if isinstance(layer, Residual):
            yield from _every(layer.layers)


def _sizes(network: Network) -> Iterator[int | str]:
    yield from network.input
    for layer in _every(network.layers):
        match layer:
            case Dense():
                yield layer.units
            case Conv():
                yield layer.channels
            case Equations():
                yield from chain(layer.indices.values())
