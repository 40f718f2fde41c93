"""`assert_backward`: a user's own backward pass against the gradients of the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from codegen import examples
from codegen.asserts.backward_calls import Unanswered, assumed, called
from codegen.asserts.backward_fit import DOUBLE, SINGLE, Explanation, Observed, explained
from codegen.asserts.backward_small import smallest
from codegen.asserts.numeric_slips import Case
from codegen.backprop import backprop_of, loss_value
from codegen.commands.sources import example
from codegen.referee.draws import draw
from derive.derivation import Derivation
from derive.errors import SpecError
from derive.marking.judging import spelled
from derive.spec import Network, load

BATCHES = (5, 3, 7, 4, 6, 8, 9, 10, 11)  # the first two that are no size of the network
POINTS = 2  # random points for each batch

Subject = Derivation | Network | Mapping[str, Any] | Path | str


def assert_backward(
    spec: Subject, function: Any, *, seed: int = 0, tolerance: float | None = None
) -> None:
    """Raise AssertionError unless a function computes the gradients of the network.

    The function takes (params, x, y) and returns gradients by name, or (loss, gradients); or its
    arguments are quantities of the network by name (x, W1, delta1, d_o, ...).  Three arguments
    whose names say nothing are taken in that order, and a failure says so.  A class of
    torch.autograd.Function or a jax.custom_vjp is held by its forward arguments.  The message names
    the parameter, the slip, and a small example; `tolerance` is relative.
    """
    __tracebackhide__ = True  # pytest shows the test alone
    network = _network(spec)
    if not network.numeric:
        raise SpecError(f"{network.name}: found symbolic sizes or functions, expected numbers")
    subject = _Subject(network, function, seed, tolerance)
    observed = subject.observations()
    bad = [at for at in observed if at.wrong]
    if bad:
        raise AssertionError(_message(subject, bad, observed))
    subject.check_losses(observed)


def _network(spec: Subject) -> Network:
    """The network; a string may be the name of an example, as in `assert_derivation`."""
    if isinstance(spec, Derivation):
        return spec.network
    if isinstance(spec, str) and spec in examples.names():
        return example(spec).network
    return load(spec)


class _Subject:
    """The network, the function, and what it answered."""

    def __init__(self, network: Network, function: Any, seed: int, tolerance: float | None) -> None:
        self.network, self.function = network, function
        self.seed, self.tolerance = seed, tolerance
        self.turned = False
        self.assumed = assumed(function, self.case(network, 1, 0))

    def observations(self) -> list[Observed]:
        """Answers on a few random batches.

        A function may store its matrices as (outputs, inputs): that is tried where the module's own
        way, (inputs, outputs), does not work or is wrong.
        """
        shapes = backprop_of(self.network).shapes().values()
        taken = {size for shape in (*shapes, self.network.input) for size in shape}
        batches = [n for n in BATCHES if n not in taken][:2] or BATCHES[:2]
        cases = [self.case(self.network, n, k) for k in range(POINTS) for n in batches]
        plain = self._tried(cases)
        if not isinstance(plain, Exception) and not any(at.wrong for at in plain):
            return plain
        self.turned = True
        other = self._tried(cases)
        fails = isinstance(other, Exception) or any(at.wrong for at in other)
        if not isinstance(other, Exception) and (isinstance(plain, Exception) or not fails):
            return other
        self.turned = False
        if isinstance(plain, Exception):
            if self.assumed:
                plain.add_note(self.assumed)
            raise plain
        return plain

    def _tried(self, cases: list[Case]) -> list[Observed] | Exception:
        """The answers, or what the function raised."""
        try:
            return [self.at(case) for case in cases]
        except Exception as problem:
            return problem

    def case(self, network: Network, samples: int, k: int) -> Case:
        """Random numbers for a network."""
        rng = np.random.default_rng([self.seed, samples, k])
        made = draw(network, rng, samples, np.dtype(np.float64))
        return Case(network, made.params, made.x, made.y, made.masks)

    def at(self, case: Case) -> Observed:
        """The function's answer on a case."""
        answer = called(self.function, case, turned=self.turned)
        allowed = self.tolerance or (SINGLE if answer.single else DOUBLE)
        gradients = {n: _fitted(n, g, case.right[n].shape) for n, g in answer.gradients.items()}
        return Observed(case, gradients, allowed, answer.decayed, answer.loss)

    def check_losses(self, observed: list[Observed]) -> None:
        """The losses that were given along, where all gradients are right."""
        for at in observed:
            if at.loss is None:
                continue
            case = at.case
            true = float(loss_value(self.network, case.params, case.x, case.y, masks=case.masks))
            if not abs(at.loss - true) <= (self.tolerance or SINGLE) * max(abs(true), 1e-3):
                raise AssertionError(
                    f"the gradients are right, but the loss of {case.samples} samples is "
                    f"{at.loss:.6g}, expected {true:.6g} ({spelled(self.network)})"
                )


def _fitted(name: str, found: Any, shape: tuple[int, ...]) -> Any:
    """A gradient in the shape of what it belongs to; axes of length 1 may be more or fewer."""
    made = np.asarray(found, dtype=np.float64)
    if made.shape == shape:
        return made
    if [n for n in made.shape if n > 1] == [n for n in shape if n > 1]:
        return made.reshape(shape)
    hint = ": it is transposed" if made.shape == shape[::-1] else ""
    raise Unanswered(f"the gradient of {name} has the shape {made.shape}, expected {shape}{hint}")


def _message(subject: _Subject, bad: list[Observed], observed: list[Observed]) -> str:
    """The parameters, the slips, and a small example."""
    first = bad[0]
    every = [at for at in observed if at is not first]
    explanations = explained([first, *every])
    wrong = first.wrong
    fine = [name for name in first.gradients if name not in wrong]
    lines = [
        "",
        f"the gradient of {', '.join(wrong)} is wrong"
        + (f"; that of {', '.join(fine)} is right" if fine else "")
        + f" (network {spelled(subject.network)})",
        *(_said(made, len(explanations) == 1) for made in explanations),
    ]
    if subject.assumed:
        lines.append(f"  note: {subject.assumed}")
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


def _shown(small: Observed) -> Iterator[str]:
    """The numbers of the small example."""
    case = small.case
    count = f"{case.samples} sample{'s' if case.samples > 1 else ''}"
    yield f"the smallest example found: {spelled(case.network)}, {count}"
    given = {"x": case.x, "y": case.y, **case.params, **case.masks}
    for name, value in given.items():
        yield f"  {name} = {_numbers(value)}"
    for name in small.wrong:
        head = f"  gradient of {name}: "
        yield f"{head}found {_numbers(small.gradients[name])}"
        yield f"{' ' * len(head)}expected {_numbers(small.right(name))}"


def _numbers(value: Any) -> str:
    made = np.array2string(
        np.asarray(value) + 0.0, precision=4, suppress_small=True, threshold=60, separator=", "
    )
    return " ".join(made.split())
