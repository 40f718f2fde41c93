"""Numbers, one for all samples each, that remember what they were computed from.

A number holds its values for all samples, and for each number that it came from, how a slope
dL/d(this) is passed on to it.  The numbers in the order of their making are a tape; a sweep over
the tape from its end gives dL/d(everything).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from codegen.referee.arithmetic import SLOPES, Array, Real

Pass = Callable[[Array], Array]


@dataclass(eq=False, slots=True)
class Number:
    """One entry for all samples; `sources` say how its slope reaches what it came from."""

    value: Array
    sources: tuple[tuple[Number, Pass | None], ...] = ()
    slopes: list[Array] = field(default_factory=list)


class Tape:
    """Arithmetic on numbers."""

    def __init__(self, m: Real, like: Array) -> None:
        """`like` is a pattern: one value for each sample."""
        self.m, self.like = m, like
        self.tape: list[Number] = []
        self.constants: dict[Fraction, Number] = {}

    def sweep(self, outputs: Iterable[tuple[Number, Array]]) -> None:
        """Pass the slopes of the outputs back to all that they were computed from."""
        for number, slope in outputs:
            number.slopes.append(slope)
        for number in reversed(self.tape):
            if number.slopes:
                slope = self.slope_of(number)
                for source, passed in number.sources:
                    source.slopes.append(slope if passed is None else passed(slope))

    def slope_of(self, number: Number) -> Array:
        """The sum of what has arrived."""
        if len(number.slopes) > 1:
            number.slopes = [self.m.stack(number.slopes).sum(axis=0)]
        return number.slopes[0] if number.slopes else self.m.like(0, self.like)

    def made(self, value: Array, *sources: tuple[Number, Pass | None]) -> Number:
        """A number on the tape."""
        number = Number(value, sources)
        self.tape.append(number)
        return number

    def constant(self, exact: Fraction | int) -> Number:
        """The same number for all samples."""
        exact = Fraction(exact)
        if exact not in self.constants:
            self.constants[exact] = Number(self.m.like(self.m.number(exact), self.like))
        return self.constants[exact]

    def scaled(self, slope: Array, factor: Array) -> Array:
        """slope * factor; where no slope arrives, nothing is passed on, even to a pole."""
        pole = ~np.isfinite(np.asarray(self.m.real(factor), dtype=np.float64))
        if pole.any():
            factor = self.m.pick(pole & (self.m.real(slope) == 0), 0, factor)
        return slope * factor

    def total(self, parts: list[Number]) -> Number:
        """a + b + ..."""
        value = self.m.stack([part.value for part in parts]).sum(axis=0)
        return self.made(value, *((part, None) for part in parts))

    def minus(self, a: Number) -> Number:
        """-a."""
        return self.made(-a.value, (a, lambda slope: -slope))

    def product(self, a: Number, b: Number) -> Number:
        """a b."""
        return self.made(
            a.value * b.value,
            (a, lambda slope: self.scaled(slope, b.value)),
            (b, lambda slope: self.scaled(slope, a.value)),
        )

    def through(self, u: Number, value: Array, factor: Callable[[], Array]) -> Number:
        """f(u) with its value and its slope f'(u)."""
        return self.made(value, (u, lambda slope: self.scaled(slope, factor())))

    def quotient(self, a: Number, b: Number) -> Number:
        """a / b."""
        one = self.m.number(1)
        value = a.value / b.value
        return self.made(
            value,
            (a, lambda slope: self.scaled(slope, one / b.value)),
            (b, lambda slope: self.scaled(slope, -value / b.value)),
        )

    def choose(self, mask: np.ndarray[Any, Any], a: Number, b: Number) -> Number:
        """a where the mask holds, else b."""
        return self.made(
            self.m.pick(mask, a.value, b.value),
            (a, lambda slope: self.m.pick(mask, slope, 0)),
            (b, lambda slope: self.m.pick(mask, 0, slope)),
        )

    def power(self, u: Number, c: Fraction) -> Number:
        """u ** c."""
        exponent = int(c) if c.denominator == 1 else self.m.number(c)
        factor = self.m.number(c)
        return self.through(u, u.value**exponent, lambda: factor * u.value ** (exponent - 1))

    def function(self, name: str, u: Number) -> Number:
        """A function of one number."""
        m, one = self.m, self.constant(1)
        match name:
            case "sigmoid":
                denominator = self.total([one, self.function("exp", self.minus(u))])
                return self.quotient(one, denominator)
            case "softplus":
                return self.function("log", self.total([one, self.function("exp", u)]))
            case "relu":
                return self.choose(m.greater(u.value, 0), u, self.constant(0))
            case "Abs":
                below = self.choose(m.greater(0, u.value), self.minus(u), self.constant(0))
                return self.choose(m.greater(u.value, 0), u, below)
        value = getattr(m, name)(u.value)
        return self.through(u, value, lambda: SLOPES[name](m, u.value, value))
