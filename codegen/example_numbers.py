"""One small example with every number, from the equations of a derivation, with mpmath.

The same digits come out on every machine; `Numbers.rows` gives what a module takes, so that tests
can hold the pages against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any

import mpmath

from codegen.example_network import small
from derive.algebra.concrete import written_out
from derive.algebra.equation import Equation
from derive.algebra.evaluate import Digits
from derive.algebra.terms import (
    Affine,
    Call,
    Index,
    Piecewise,
    Ref,
    Tensor,
    Term,
    free_indices,
    ordered,
    walk,
)
from derive.derivation import Derivation, derive

DIGITS = 50
STEP = Fraction(1, 10**15)  # of the central differences in many digits
WEIGHTS = (4, -2, 3, 5, 7, -6, 2, -3, 6, -5, 8, -4, 1, -7, 9, -1)  # tenths
BIASES = (1, -1, 2, 3, -2, 4)
INPUTS = (5, -10, 8, -3, 6)
TARGETS = (5, -3, 2, 8)
TRIES = 12  # choices of numbers, of which the first good one is taken
CLEAR = Fraction(1, 20)  # how far from a kink the numbers stay
LARGEST = 10**6  # beyond that nobody follows an example by hand
ONE_SAMPLE = {"N": 1}

Assignment = tuple[Ref, Term]


@dataclass(frozen=True)
class Numbers:
    """Given numbers and all that the equations make of them, for one sample."""

    derivation: Derivation
    given: Mapping[Ref, Fraction]
    values: Mapping[Ref, Any]

    def rows(self, tensor: Tensor) -> Any:
        """The values of an array as nested lists, without the axis of samples."""
        shape = _shape(self.derivation, tensor)
        return _nested(shape, lambda at: self.values[_entry(tensor, at)])

    @cached_property
    def trained(self) -> tuple[Ref, ...]:
        """The entries of all parameters."""
        return tuple(r for r in self.given if r.tensor.role not in ("input", "target"))

    @property
    def parameters(self) -> int:
        """How many parameters there are."""
        return len(self.trained)

    def gradient(self, entry: Ref) -> Any:
        """The derivative of the objective by the entry of a parameter."""
        tensor = Tensor(entry.tensor.letter, "gradient", entry.tensor.label, batched=False)
        return self.values[Ref(tensor, entry.at)]

    @cached_property
    def difference(self) -> Any:
        """The largest difference between a gradient and a central difference, in 50 digits."""
        with mpmath.workdps(DIGITS):
            program = objective_program(self.derivation)
            return max(
                abs(self._central(program, r, STEP) - self.gradient(r)) for r in self.trained
            )

    def curve(self, exponents: Sequence[int], most: int) -> list[tuple[int, Any]]:
        """For steps h = 10^-k the largest error of central differences in double precision.

        Looks at no more than `most` parameters, spread over all of them.
        """
        some = self.trained[:: -(-len(self.trained) // most)]
        made = []
        with mpmath.workprec(53):
            program = objective_program(self.derivation)
            for k in exponents:
                h = Fraction(1, 10**k)
                error = max(abs(self._central(program, r, h) - self.gradient(r)) for r in some)
                made.append((k, error))
        return made

    def _central(self, program: Sequence[Assignment], entry: Ref, h: Fraction) -> Any:
        up, down = (self._objective(program, entry, step) for step in (h, -h))
        return (up - down) / (2 * _number(h))

    def _objective(self, program: Sequence[Assignment], entry: Ref, step: Fraction) -> Any:
        given = {r: _number(v) for r, v in self.given.items()}
        given[entry] = given[entry] + _number(step)
        return run(program, given)[program[-1][0]]

    def after_step(self, rate: Fraction) -> Any:
        """The objective after one step of gradient descent."""
        with mpmath.workdps(DIGITS):
            program = objective_program(self.derivation)
            given = {r: _number(v) for r, v in self.given.items()}
            for entry in self.trained:
                given[entry] -= _number(rate) * self.gradient(entry)
            return run(program, given)[program[-1][0]]

    @property
    def objective(self) -> Any:
        """The value of what training minimises."""
        return self.values[OBJECTIVE]


OBJECTIVE = Ref(Tensor("objective", "objective", batched=False), ())


# ------------------------------------------------------------------ numbers


def numbers_of(derivation: Derivation) -> Numbers | None:
    """The example of a network; `derivation` is of the network itself."""
    network = small(derivation.network)
    if network is None:
        return None
    mine = derivation if network is derivation.network else derive(network)
    for attempt in range(TRIES):
        made = _attempt(mine, attempt)
        if made is not None and (_clear(made) or attempt == TRIES - 1):
            return made
    return None


def _attempt(derivation: Derivation, attempt: int) -> Numbers | None:
    given = dict(_given(derivation, attempt))
    with mpmath.workdps(DIGITS):
        start = {r: _number(v) for r, v in given.items()}
        try:
            values = run(program(derivation), start)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
    if any(isinstance(v, mpmath.mpc) or not abs(v) < LARGEST for v in values.values()):
        return None
    return Numbers(derivation, given, values)


def _given(derivation: Derivation, attempt: int) -> Iterator[tuple[Ref, Fraction]]:
    """Inputs, targets and parameters in tenths."""
    used = {"weight": attempt, "bias": attempt}
    table = {"weight": WEIGHTS, "bias": BIASES}
    parameters = [_parameter(derivation, e.lhs.tensor) for e in derivation.gradients]
    for tensor in dict.fromkeys(t for t in derivation.shapes if t.role in ("input", "target")):
        for k, at in enumerate(_places(_shape(derivation, tensor))):
            numbers = INPUTS if tensor.role == "input" else _targets(derivation)
            yield _entry(tensor, at), Fraction(numbers[k % len(numbers)], 10)
    for tensor in parameters:
        shape = _shape(derivation, tensor)
        role = "bias" if tensor.role == "bias" else "weight"
        for at in _places(tuple(reversed(shape))):
            values = table[role]
            yield (
                _entry(tensor, tuple(reversed(at))),
                Fraction(values[used[role] % len(values)], 10),
            )
            used[role] += 1


def _parameter(derivation: Derivation, gradient: Tensor) -> Tensor:
    return next(t for t in derivation.shapes if str(t) == str(gradient) and t.role != "gradient")


def _targets(derivation: Derivation) -> tuple[int, ...]:
    """Targets in tenths: one of several, yes or no, or any numbers, as the loss asks."""
    network = derivation.network
    last = network.layers[-1]
    name = getattr(getattr(last, "activation", None), "name", "")
    size = network.output_shape[-1]
    if derivation.facts or name == "softmax":
        return (*(0 for _ in range(int(size) - 1)), 10)
    logs = any(isinstance(n, Call) and n.function == "log" for n in walk(derivation.loss.rhs))
    return (10, 0) if (logs and derivation.conditions) or name == "sigmoid" else TARGETS


def _clear(numbers: Numbers) -> bool:
    """Whether no pre-activation is near a kink and every layer has an error."""
    derivation = numbers.derivation
    kinks = any(
        isinstance(n, Piecewise) or (isinstance(n, Call) and n.function in ("max", "min", "abs"))
        for e in derivation.forward
        for n in walk(e.rhs)
    )
    tops = [abs(v) for r, v in numbers.values.items() if r.tensor.role == "preactivation"]
    if kinks and min(tops) < _number(CLEAR):
        return False
    errors: dict[Tensor, Any] = {}
    for r, v in numbers.values.items():
        if r.tensor.role == "delta":
            errors[r.tensor] = max(errors.get(r.tensor, 0), abs(v))
    return all(v > 0 for v in errors.values())


# ------------------------------------------------------------------ evaluation


def program(derivation: Derivation) -> list[Assignment]:
    """Every equation entry by entry, in the order of evaluation."""
    equations = [*derivation.forward, derivation.loss, *derivation.backward, *derivation.gradients]
    made = [a for e in equations for a in _assignments(e, derivation)]
    return [*made, (OBJECTIVE, written_out(derivation.objective, ONE_SAMPLE, {}))]


def objective_program(derivation: Derivation) -> list[Assignment]:
    """What leads to the objective."""
    made = [a for e in (*derivation.forward, derivation.loss) for a in _assignments(e, derivation)]
    return [*made, (OBJECTIVE, written_out(derivation.objective, ONE_SAMPLE, {}))]


def run(assignments: Sequence[Assignment], given: Mapping[Ref, Any]) -> dict[Ref, Any]:
    """The values of all entries."""
    values = dict(given)
    digits = Digits(_lookup(values))
    for entry, term in assignments:
        values[entry] = digits(term)
    return values


def value(numbers: Numbers, term: Term, at: Mapping[Index, int]) -> Any:
    """The value of a term in named quantities at some index values."""
    with mpmath.workdps(DIGITS):
        return Digits(_lookup(numbers.values))(written_out(term, ONE_SAMPLE, at))


def _lookup(values: Mapping[Ref, Any]) -> Callable[[Term], Any]:
    def entry(node: Term) -> Any:
        assert isinstance(node, Ref), f"{node} has no value in an example"
        return values[node]

    return entry


def _assignments(equation: Equation, derivation: Derivation) -> Iterator[Assignment]:
    free = ordered(free_indices(equation.lhs))
    for at in product(*(range(ONE_SAMPLE.get(str(i.size), 0) or int(i.size)) for i in free)):
        values = dict(zip(free, at, strict=True))
        entry = written_out(equation.lhs, ONE_SAMPLE, values)
        assert isinstance(entry, Ref)
        yield entry, written_out(equation.rhs, ONE_SAMPLE, values)


def _entry(tensor: Tensor, at: tuple[int, ...]) -> Ref:
    places = (0, *at) if tensor.batched else at
    return Ref(tensor, tuple(map(Affine, places)))


def _shape(derivation: Derivation, tensor: Tensor) -> tuple[int, ...]:
    if tensor.role == "gradient":
        tensor = _parameter(derivation, tensor)
    return tuple(int(size) for size in derivation.shapes[tensor])


def _places(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return product(*map(range, shape))


def _nested(shape: tuple[int, ...], pick: Any, at: tuple[int, ...] = ()) -> Any:
    if not shape:
        return pick(at)
    return [_nested(shape[1:], pick, (*at, k)) for k in range(shape[0])]


def _number(value: Fraction) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator
