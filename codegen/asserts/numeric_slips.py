"""Slips in a backward pass, each an edit of the generic backprop: what the gradients become.

An edit changes one step of one layer, of the loss or of the last reduction, in any network; what
follows from it in the layers below comes out by running the pass.  Nothing is typed per network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from codegen.backprop import Backprop, sizes
from codegen.referee.arithmetic import REAL
from codegen.referee.draws import Floats
from derive.spec import Network

Gradients = dict[str, Floats]


@dataclass(frozen=True)
class Case:
    """A network with numbers: what a backward pass is given."""

    network: Network
    params: Mapping[str, Floats]
    x: Floats
    y: Floats
    masks: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        """The size of the batch."""
        return len(self.x)

    @cached_property
    def right(self) -> Gradients:
        """The right slopes of the whole loss by the parameters, by x and by every s (deltas)."""
        return self.gradients()

    @property
    def trace(self) -> dict[str, Floats]:
        """Every named quantity of the right pass, and x."""
        return self._whole[0]

    @property
    def slopes(self) -> dict[str, Floats]:
        """d_o and d_x: the slopes of the sum of the samples' losses by output and input."""
        return self._whole[1]

    @cached_property
    def _whole(self) -> tuple[dict[str, Any], dict[str, Any]]:
        trace: dict[str, Any] = {}
        slopes: dict[str, Any] = {}
        self._run(Backprop(self.network), trace, slopes)
        return trace, slopes

    def gradients(self, slips: Sequence[NumericSlip] = ()) -> Gradients:
        """The gradients with these slips in the pass."""
        net = Backprop(self.network)
        for slip in slips:
            slip.edit(net)
        made = self._run(net, {}, {})
        for slip in slips:
            made = slip.finish(self, made)
        return made

    def _run(self, net: Backprop, trace: dict[str, Any], slopes: dict[str, Any]) -> Gradients:
        known = {**self.params, **self.masks}
        trace["x"] = self.x
        y = net.targets(self.y, self.x.dtype)
        output, kept = net.forward(REAL, known, self.x, trace)
        d_o = net.objective.slope(REAL, output, y)
        d_x, sums = net.chain.backward(REAL, known, kept, d_o, trace)
        slopes |= {"d_o": d_o, "d_x": d_x}
        reduced = net.reduced(REAL, known, sums, self.samples)
        passed = {"x": d_x, **{n: v for n, v in trace.items() if n.startswith("delta")}}
        return {**reduced, **{n: v / self.share for n, v in passed.items()}}

    @property
    def share(self) -> int:
        """What the slopes of the samples' losses are divided by in those of the whole loss."""
        return self.samples if self.network.reduction == "mean" else 1

    @cached_property
    def sizes(self) -> Gradients:
        """How large the terms are that make each gradient."""
        return sizes(self.network, self.params, self.x, self.y, masks=self.masks).gradients

    def decay(self, name: str) -> Floats:
        """The part of a gradient that comes from weight decay."""
        rate = float(self.network.weight_decay)
        if not rate or name not in self._weights:
            return np.zeros(())
        return np.asarray(rate * self.params[name])

    @cached_property
    def _weights(self) -> frozenset[str]:
        """The parameters that decay."""
        return frozenset(Backprop(self.network).weights)

    def alone(self, sample: int) -> Gradients:
        """The gradients of one sample of the batch, without the reduction of a mean."""
        here = slice(sample, sample + 1 or None)
        masks = {name: mask[here] for name, mask in self.masks.items()}
        made = Case(self.network, self.params, self.x[here], self.y[here], masks).right
        return {name: g - self.decay(name) for name, g in made.items()}


def _no_edit(net: Backprop) -> None:
    """The pass stays as it is."""


def _no_finish(case: Case, gradients: Gradients) -> Gradients:
    return gradients


@dataclass(frozen=True)
class NumericSlip:
    """One slip: its kind, what it is in words, and what it does."""

    kind: str  # of derive.marking.verdicts.KINDS
    words: str
    edit: Callable[[Backprop], None] = _no_edit
    finish: Callable[[Case, Gradients], Gradients] = _no_finish


def reductions(case: Case) -> Iterator[NumericSlip]:
    """Slips in what is done with the sum over the samples, for all parameters alike."""
    mean = case.network.reduction == "mean"

    def scaled(factor: Callable[[int], float]) -> Callable[[Case, Gradients], Gradients]:
        """The data's part times a number made of the number of samples."""

        def finish(at: Case, gradients: Gradients) -> Gradients:
            return {
                name: (g - at.decay(name)) * factor(at.samples) + at.decay(name)
                for name, g in gradients.items()
            }

        return finish

    def decayed(factor: Callable[[int], float]) -> Callable[[Case, Gradients], Gradients]:
        """The part of weight decay times a number."""
        return lambda at, gradients: {
            name: g + (factor(at.samples) - 1) * at.decay(name) for name, g in gradients.items()
        }

    if mean:
        yield NumericSlip("factor", "1/N is missing: summed, not averaged, over the samples",
                          finish=scaled(lambda n: n))  # fmt: skip
        yield NumericSlip("factor", "1/N stands twice: averaged over the samples again",
                          finish=scaled(lambda n: 1 / n))  # fmt: skip
    else:
        yield NumericSlip("factor", "1/N is too much: averaged, not summed, over the samples",
                          finish=scaled(lambda n: 1 / n))  # fmt: skip
    if not Backprop(case.network).state:
        yield from _single_samples()
    if case.network.weight_decay:
        yield NumericSlip("term", "the weight decay is forgotten", finish=decayed(lambda n: 0))
        yield NumericSlip("factor", "the weight decay stands twice", finish=decayed(lambda n: 2))
        yield NumericSlip("factor", "the weight decay is halved", finish=decayed(lambda n: 0.5))
        yield NumericSlip("sign", "the sign of the weight decay", finish=decayed(lambda n: -1))
        yield NumericSlip("factor", "the weight decay is divided by the number of samples",
                          finish=decayed(lambda n: 1 / n))  # fmt: skip
        yield NumericSlip("term", "the weight decay is applied to the biases too",
                          finish=_decay_everywhere)  # fmt: skip


def _single_samples() -> Iterator[NumericSlip]:
    for which, word in ((-1, "last"), (0, "first")):
        for divided in (False, True):

            def finish(at: Case, gradients: Gradients, k: int = which, d: bool = divided) -> Any:
                one = at.alone(k)
                scale = at.samples if d else 1
                made = {name: one[name] / scale + at.decay(name) for name in at.params}
                return {**gradients, **made}

            divides = ", and divided by their number" if divided else ""
            yield NumericSlip(
                "sum",
                f"the sum over the samples is missing: only the {word} one counts{divides}",
                finish=finish,
            )


def _decay_everywhere(at: Case, gradients: Gradients) -> Gradients:
    rate = float(at.network.weight_decay)
    weights = Backprop(at.network).weights
    return {
        name: g + rate * at.params[name] if name in at.params and name not in weights else g
        for name, g in gradients.items()
    }


def of_every_gradient(case: Case) -> Iterator[NumericSlip]:
    """A sign or a factor that all gradients have in common."""
    yield from _scaled(list(case.params), "every gradient")


def of_single_gradients(case: Case) -> Iterator[NumericSlip]:
    """Slips in the gradient of one parameter."""
    for name in case.params:
        yield from _scaled([name], f"the gradient of {name}")
        yield from _of_one(case, name)
    for one, other in combinations(case.params, 2):
        if case.params[one].shape == case.params[other].shape:
            words = f"the gradients of {one} and {other} are exchanged"
            yield NumericSlip("layer", words, finish=_exchanged(one, other))


def _exchanged(one: str, other: str) -> Callable[[Case, Gradients], Gradients]:
    return lambda at, gradients: {**gradients, one: gradients[other], other: gradients[one]}


def _scaled(names: Sequence[str], whose: str) -> Iterator[NumericSlip]:
    for factor, kind, words in (
        (-1.0, "sign", "has the wrong sign"),
        (2.0, "factor", "has a factor 2 too much"),
        (0.5, "factor", "lacks a factor 2"),
    ):
        yield NumericSlip(kind, f"{whose} {words}", finish=_on(names, _times(factor)))


def _of_one(case: Case, name: str) -> Iterator[NumericSlip]:
    shape = case.params[name].shape
    whose = f"the gradient of {name}"
    if len(shape) >= 2 and shape[-1] == shape[-2]:
        yield NumericSlip("transpose", f"{whose} is transposed",
                          finish=_on([name], lambda g: g.swapaxes(-1, -2)))  # fmt: skip
    if len(shape) > 2:
        axes = tuple(range(2, len(shape)))
        yield NumericSlip("index", f"{whose} has the kernel turned round",
                          finish=_on([name], lambda g: np.flip(g, axes)))  # fmt: skip
    yield NumericSlip("term", f"{whose} is zero", finish=_on([name], np.zeros_like))
    if case.network.reduction == "mean":
        yield NumericSlip("factor", f"1/N is missing in {whose}", finish=_by_samples(name, 1))
        yield NumericSlip("factor", f"1/N stands twice in {whose}", finish=_by_samples(name, -1))
    else:
        yield NumericSlip("factor", f"1/N is too much in {whose}", finish=_by_samples(name, -1))


def _times(factor: float) -> Callable[[Floats], Floats]:
    return lambda g: g * factor


def _on(
    names: Sequence[str], change: Callable[[Floats], Floats]
) -> Callable[[Case, Gradients], Gradients]:
    """A change of the gradients of some parameters."""
    return lambda at, gradients: {
        name: change(g) if name in names else g for name, g in gradients.items()
    }


def _by_samples(name: str, power: int) -> Callable[[Case, Gradients], Gradients]:
    def finish(at: Case, gradients: Gradients) -> Gradients:
        decay = at.decay(name)
        data = (gradients[name] - decay) * float(at.samples) ** power
        return {**gradients, name: data + decay}

    return finish
