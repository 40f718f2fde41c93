"""`assert_backward`: a user's own backward pass against the gradients of the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from codegen.backprop import loss_value
from codegen.backward_calls import Unanswered, called
from codegen.backward_fit import DOUBLE, SINGLE, Explanation, Observed, explained
from codegen.backward_small import Small, smallest
from codegen.draws import draw
from codegen.numeric_slips import Case
from derive.derivation import Derivation
from derive.errors import SpecError
from derive.judging import spelled
from derive.spec import Network, load

BATCHES = (5, 3)  # different, so that 1/N is told apart from other numbers
POINTS = 2  # random points for each batch

Subject = Derivation | Network | Mapping[str, Any] | Path | str


def assert_backward(
    spec: Subject, function: Any, *, seed: int = 0, tolerance: float | None = None
) -> None:
    """Raise AssertionError unless a function computes the gradients of the network.

    The function takes (params, x, y) and returns gradients by name, or (loss, gradients); or its
    arguments are quantities of the network by name (x, W1, delta1, d_o, ...).  A class of
    torch.autograd.Function or a jax.custom_vjp is held by its forward arguments.  The message names
    the parameter, the slip, and a small example; `tolerance` is relative.
    """
    network = spec.network if isinstance(spec, Derivation) else load(spec)
    if not network.numeric:
        raise SpecError(f"{network.name}: found symbolic sizes or functions, expected numbers")
    subject = _Subject(network, function, seed, tolerance)
    observed = list(subject.observations())
    bad = [at for at in observed if at.wrong]
    if bad:
        raise AssertionError(_message(subject, bad, observed))
    subject.check_losses()


class _Subject:
    """The network, the function, and what it answered."""

    def __init__(self, network: Network, function: Any, seed: int, tolerance: float | None) -> None:
        self.network, self.function = network, function
        self.seed, self.tolerance = seed, tolerance
        self.losses: list[tuple[Case, float]] = []

    def observations(self) -> Iterator[Observed]:
        """Answers on a few random batches."""
        for k in range(POINTS):
            for samples in BATCHES:
                yield self.at(self.case(self.network, samples, k))

    def case(self, network: Network, samples: int, k: int) -> Case:
        """Random numbers for a network."""
        rng = np.random.default_rng([self.seed, samples, k])
        made = draw(network, rng, samples, np.dtype(np.float64))
        return Case(network, made.params, made.x, made.y, made.masks)

    def at(self, case: Case) -> Observed:
        """The function's answer on a case."""
        answer = called(self.function, case)
        if answer.loss is not None:
            self.losses.append((case, answer.loss))
        allowed = self.tolerance or (SINGLE if answer.single else DOUBLE)
        shapes = {"x": case.x.shape, **{n: v.shape for n, v in case.params.items()}}
        wrong = [
            f"the gradient of {n} has the shape {g.shape}, expected {shapes[n]}"
            + (": it is transposed" if g.shape == shapes[n][::-1] else "")
            for n, g in answer.gradients.items()
            if g.shape != shapes[n]
        ]
        if wrong:
            raise Unanswered("; ".join(wrong))
        gradients = {n: np.asarray(g, dtype=np.float64) for n, g in answer.gradients.items()}
        return Observed(case, gradients, allowed, answer.decayed)

    def check_losses(self) -> None:
        """The losses that were given along, where all gradients are right."""
        for case, found in self.losses:
            true = float(loss_value(self.network, case.params, case.x, case.y, masks=case.masks))
            if not abs(found - true) <= (self.tolerance or SINGLE) * max(abs(true), 1e-3):
                raise AssertionError(
                    f"the gradients are right, but the loss of {case.samples} samples is "
                    f"{found:.6g}, expected {true:.6g} ({spelled(self.network)})"
                )


def _message(subject: _Subject, bad: list[Observed], observed: list[Observed]) -> str:
    """The parameters, the slips, and a small example."""
    first = bad[0]
    every = [at for at in observed if at is not first]
    explanations = explained([first, *every])
    wrong = [name for name in first.wrong]
    fine = [name for name in first.gradients if name not in wrong]
    lines = [
        "",
        f"the gradient of {', '.join(wrong)} is wrong"
        + (f"; that of {', '.join(fine)} is right" if fine else "")
        + f" (network {spelled(subject.network)})",
        *(_said(made, len(explanations) == 1) for made in explanations),
    ]
    small = smallest(subject, first, wrong)
    return "\n".join([*lines, "", *_shown(small)])


def _said(made: Explanation, alone: bool) -> str:
    """The reason, with its parameters where there are several reasons."""
    whose = "" if alone else f"{', '.join(made.parameters)}: "
    if made.slips:
        return "\n".join(f"  {whose}{slip.kind}: {slip.words}" for slip in made.slips)
    names = ", ".join(made.parameters)
    if made.factor:
        return f"  {whose}factor: the gradient of {names} is the right one times {made.factor}"
    return f"  the gradient of {names} fits no slip that is known"


def _shown(small: Small) -> Iterator[str]:
    """The numbers of the small example."""
    case = small.observed.case
    count = f"{case.samples} sample{'s' if case.samples > 1 else ''}"
    yield f"the smallest example found: {spelled(case.network)}, {count}"
    given = {"x": case.x, "y": case.y, **case.params, **case.masks}
    for name, value in given.items():
        yield f"  {name} = {_numbers(value)}"
    for name in small.observed.wrong:
        head = f"  gradient of {name}: "
        yield f"{head}found {_numbers(small.observed.gradients[name])}"
        yield f"{' ' * len(head)}expected {_numbers(small.observed.right(name))}"


def _numbers(value: Any) -> str:
    made = np.array2string(
        np.asarray(value) + 0.0, precision=4, suppress_small=True, threshold=60, separator=", "
    )
    return " ".join(made.split())
