"""The smallest example on which a backward pass fails: few samples, few units, short numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from codegen.asserts.backward_fit import Observed
from codegen.asserts.numeric_slips import Case
from derive.network.layers import Dense
from derive.spec import Network

SAMPLES = (1, 2, 3)
WIDTHS = (1, 2)
TRIES = 2


class Subject(Protocol):
    """A network and a function, which answers on any case."""

    network: Network

    def case(self, network: Network, samples: int, k: int) -> Case:
        """Random numbers."""

    def at(self, case: Case) -> Observed:
        """The function's answer."""


def smallest(subject: Subject, known: Observed, wrong: Sequence[str]) -> Observed:
    """The first failing case, from small ones to the one that is known to fail.

    A function that knows its sizes cannot take a smaller network: then only the batch shrinks.
    """
    for network in (*narrowed(subject.network), subject.network):
        for samples in SAMPLES:
            if samples >= known.case.samples and network is subject.network:
                break
            for k in range(TRIES):
                found = _fails(subject, network, samples, k, wrong)
                if found is not None:
                    return found
    return known


def narrowed(network: Network) -> Iterator[Network]:
    """Networks of the same kinds with fewer units, the smallest first."""
    flat = len(network.input) == 1
    seen = [network]
    for width in WIDTHS:
        layers = [
            layer.model_copy(update={"units": _units(layer, width)})
            if isinstance(layer, Dense)
            else layer
            for layer in network.layers
        ]
        size = network.input[0]
        inputs = (min(width, size if isinstance(size, int) else width),)
        data: dict[str, Any] = {n: getattr(network, n) for n in type(network).model_fields}
        data |= {"layers": tuple(layers)} | ({"input": inputs} if flat else {})
        try:
            made = Network.model_validate(data)
        except ValueError:  # such layers do not fit together
            continue
        if made not in seen:
            seen.append(made)
            yield made


def _units(layer: Dense, width: int) -> int:
    least = 2 if layer.activation.name == "softmax" else 1
    own = layer.units if isinstance(layer.units, int) else width
    return min(own, max(width, least))


def _fails(
    subject: Subject, network: Network, samples: int, k: int, wrong: Sequence[str]
) -> Observed | None:
    """The answer on short random numbers, where it is wrong for the same parameters."""
    try:
        with np.errstate(all="ignore"):
            found = subject.at(_rounded(subject.case(network, samples, k)))
            return found if set(found.wrong) >= set(wrong) else None
    except Exception:  # the function cannot take these shapes, whatever it raises
        return None


def _rounded(case: Case) -> Case:
    """The same with two digits behind the point."""
    params = {name: np.round(value, 2) for name, value in case.params.items()}
    return Case(case.network, params, np.round(case.x, 2), np.round(case.y, 2), case.masks)
