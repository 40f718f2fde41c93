"""Numbers for the symbolic sizes of a network, others in every trial.

A number in a claim that happens to equal a size in one small network differs from it in another
one; two sizes are equal in some networks and different in others.
"""

from __future__ import annotations

from collections.abc import Mapping

from derive.network.layers import AnyLayer, Conv, Dense, Equations, Residual
from derive.network.values import Table
from derive.spec import Network

SAMPLES = 3
LEAST = -1  # the trial with two of everything
_LAYERS = (3, 4, 2)  # that a repeated layer stands for, in turn
MOST_LAYERS = 8


def samples(seed: int) -> int:
    """The number of samples of a trial."""
    return SAMPLES + max(seed, 0) % 2


def concrete(network: Network, seed: int, deepest: int = 0) -> tuple[Network, Mapping[str, int]]:
    """The network with numbers for every symbolic size, a repeated layer written out; the sizes.

    `deepest` is the greatest number of a layer that is spoken of: the last one in one trial at
    most.
    """
    sizes = _Sizes(seed, min(deepest, MOST_LAYERS))
    inputs = tuple(map(sizes.of, network.input))
    layers = tuple(made for layer in network.layers for made in sizes.repeated(layer))
    return network.model_copy(update={"layers": layers, "input": inputs}), sizes.known


class _Sizes:
    """The sizes of one trial: of three trials in a row each size has another number in each."""

    def __init__(self, seed: int, deepest: int) -> None:
        self.seed, self.deepest = seed, deepest
        self.known: dict[str, int] = {}
        self.drawn = 0

    def _next(self) -> int:
        """The step from trial to trial is 1 or 2, so that any two sizes meet in some trial."""
        k, self.drawn = self.drawn, self.drawn + 1
        return 2 if self.seed == LEAST else 2 + (k + (1 + k % 2) * self.seed) % 3

    def of(self, extent: int | str) -> int:
        if isinstance(extent, int):
            return extent
        if extent not in self.known:
            self.known[extent] = self._next()
        return self.known[extent]

    def repeated(self, layer: AnyLayer) -> list[AnyLayer]:
        if not isinstance(layer, Dense) or layer.repeat is None:
            return [self.layer(layer)]
        turn = self.seed % len(_LAYERS)
        least = self.deepest + turn if turn < 2 else 0
        count = 2 if self.seed == LEAST else max(_LAYERS[turn], least)
        self.known[layer.repeat] = count
        return [
            layer.model_copy(update={"units": self._next(), "repeat": None}) for _ in range(count)
        ]

    def layer(self, layer: AnyLayer) -> AnyLayer:
        match layer:
            case Dense():
                return layer.model_copy(update={"units": self.of(layer.units)})
            case Conv():
                return layer.model_copy(update={"channels": self.of(layer.channels)})
            case Residual():
                inner = tuple(map(self.layer, layer.layers))
                return layer.model_copy(update={"layers": inner})
            case Equations():
                indices = Table({name: self.of(e) for name, e in layer.indices.items()})
                return layer.model_copy(update={"indices": indices})
        return layer
