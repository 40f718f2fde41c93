"""The value of a term at a point: exact rationals as long as possible, then 50 digits.

The reader of formulas asks it whether a constant is real, whether a divisor is zero everywhere and
whether a Piecewise jumps.  Sums run over at most two values of an index here, which is enough for
those questions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from itertools import product
from random import Random
from typing import Any

import mpmath

from derive.algebra.terms import (
    Add,
    Affine,
    Call,
    Condition,
    Const,
    Extent,
    Extremum,
    Index,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Term,
    free_indices,
)

Value = Any  # Fraction or mpf: mpmath has no types
Places = tuple[int, ...]

_MP = mpmath.MPContext()
_MP.dps = 50
_LARGEST, _MOST_BITS, _BUDGET, _RANGE = 10**6, 4000, 20_000, 2
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class NoValue(ArithmeticError):
    """There is no finite real value at this point."""


class DividedByZero(NoValue):
    """A divisor is a rational zero at this point."""


class TooLong(NoValue):
    """The evaluation was given up."""


class Point:
    """One choice of a value for every entry of every tensor, with the values of terms there."""

    def __init__(self, choose: Callable[[Ref, Places], Fraction]) -> None:
        """`choose` gives the value of an entry at concrete places."""
        self.choose = choose
        self._known: dict[tuple[Term, tuple[tuple[Index, int], ...]], Value] = {}
        self._spent = 0

    def value(self, term: Term, at: Mapping[Index, int] | None = None) -> Value:
        """The value of the term where its free indices are `at` (0 unless told)."""
        at = at or {}
        key = (term, tuple((i, at.get(i, 0)) for i in sorted(free_indices(term))))
        if key not in self._known:
            self._spent += 1
            if self._spent > _BUDGET:
                raise TooLong
            self._known[key] = _bounded(self._compute(term, at))
        return self._known[key]

    def holds(self, condition: Condition, at: Mapping[Index, int] | None = None) -> bool:
        """Whether the condition holds here."""
        if isinstance(condition, bool):
            return condition
        left, right = _same(self.value(condition.lhs, at), self.value(condition.rhs, at))
        return bool(_ORDER[condition.op](left, right))

    def _compute(self, term: Term, at: Mapping[Index, int]) -> Value:
        match term:
            case Num():
                return term.value
            case Const(name="pi"):
                return +_MP.pi
            case Size():
                return Fraction(_length(term.extent))
            case Ref():
                return self.choose(term, tuple(_place(place, at) for place in term.at))
            case Add():
                return reduce(_add, (self.value(part, at) for part in term.args))
            case Mul():
                return reduce(_multiply, (self.value(part, at) for part in term.args))
            case Pow():
                return _raise(self.value(term.base, at), term.exponent)
            case Call(function="max" | "min" as which):
                return _extreme(which, [self.value(arg, at) for arg in term.args])
            case Call():
                return _FUNCTIONS[term.function](self.value(term.args[0], at))
            case Piecewise():
                return self.value(next(v for v, c in term.branches if self.holds(c, at)), at)
            case Sum():
                return reduce(_add, self._members(term.body, term.indices, at))
            case Extremum():
                return _extreme(term.kind, self._members(term.body, term.indices, at))
        raise TypeError(f"no value for {type(term).__name__}")

    def _members(
        self, body: Term, indices: tuple[Index, ...], at: Mapping[Index, int]
    ) -> list[Value]:
        ranges = (range(_length(index.size)) for index in indices)
        return [
            self.value(body, {**at, **dict(zip(indices, places, strict=True))})
            for places in product(*ranges)
        ]


def random_point(seed: int, keep: Mapping[str, int] | None = None) -> Point:
    """A point of random rationals; `keep` gives single tensors the seed of another point.

    Every third point lies in 0 < value < 1; the others have both signs and scales of 0.1 to 10000.
    """

    def choose(ref: Ref, places: Places) -> Fraction:
        own = (keep or {}).get(ref.tensor.letter, seed)
        draw = Random(f"{own} {ref.tensor} {places}").randint(1, 9_999_991)
        unit = Fraction(draw, 9_999_992)
        if own % 3 == 0:
            return unit
        return (2 * unit - 1) * Fraction(10) ** ((own // 3) % 6 - 1)

    return Point(choose)


def _length(extent: Extent) -> int:
    return min(extent, _RANGE) if isinstance(extent, int) else _RANGE


def _place(place: Affine, at: Mapping[Index, int]) -> int:
    return place.offset + sum(c * at.get(index, 0) for index, c in place.terms)


def decimal(value: Value) -> Value:
    """The value with 50 digits."""
    return _MP.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def difference(left: Value, right: Value) -> Value:
    """left - right with 50 digits."""
    return decimal(_add(left, -right))


def rounded(value: Value) -> Fraction:
    """The rational next to a value with 50 digits, to 32 decimals."""
    return Fraction(int(_MP.nint(value * 10**32)), 10**32)


def distance(left: Value, right: Value) -> Value:
    """|left - right| with 50 digits."""
    return abs(decimal(left) - decimal(right))


def _same(left: Value, right: Value) -> tuple[Value, Value]:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left, right
    return decimal(left), decimal(right)


def _bounded(value: Value) -> Value:
    """The value, finite and real; a rational that has grown too long becomes 50 digits."""
    if isinstance(value, Fraction):
        longest = max(value.numerator.bit_length(), value.denominator.bit_length())
        return value if longest <= _MOST_BITS else decimal(value)
    if isinstance(value, _MP.mpc) or not _MP.isfinite(value):
        raise NoValue
    return value


def _add(left: Value, right: Value) -> Value:
    left, right = _same(left, right)
    made = left + right
    # what cancels to the last digits is zero, else 1/(exp(s) - exp(s)) would pass
    if not isinstance(made, Fraction) and abs(made) <= abs(left) * _MP.mpf(10) ** -46:
        return _MP.mpf(0)
    return made


def _multiply(left: Value, right: Value) -> Value:
    left, right = _same(left, right)
    return left * right


def _raise(base: Value, exponent: Fraction) -> Value:
    if base == 0 and exponent < 0:
        raise DividedByZero if isinstance(base, Fraction) else NoValue
    if exponent.denominator == 1:
        return base ** int(exponent)
    if base < 0:
        raise NoValue
    return decimal(base) ** decimal(exponent)


def _extreme(kind: str, values: list[Value]) -> Value:
    better = operator.ge if kind == "max" else operator.le
    return reduce(lambda a, b: a if better(*_same(a, b)) else b, values)


def _growing(name: str) -> Callable[[Value], Value]:
    """A function that grows like exp on one side at least: no value beyond any float."""
    function = getattr(_MP, name)

    def apply(value: Value) -> Value:
        if value > _LARGEST or (value < -_LARGEST and name != "exp"):
            raise NoValue
        return function(max(decimal(value), _MP.mpf(-_LARGEST)))

    return apply


def _levelling(name: str) -> Callable[[Value], Value]:
    """A function with a limit at both ends."""
    function = getattr(_MP, name)

    def apply(value: Value) -> Value:
        real = decimal(value)
        return function(real) if abs(real) < _LARGEST else _MP.sign(real)

    return apply


def _plain(name: str) -> Callable[[Value], Value]:
    function = getattr(_MP, name)

    def apply(value: Value) -> Value:
        real = decimal(value)
        if abs(real) > _MP.mpf(10) ** 1000 or (name == "log" and real <= 0):
            raise NoValue
        made = function(real)
        if name == "tan" and abs(made) > _MP.mpf(10) ** 40:  # the pole itself, to 50 digits
            raise NoValue
        return made

    return apply


def _sigmoid(value: Value) -> Value:
    return 1 / (1 + _FUNCTIONS["exp"](-value)) if value > -_LARGEST else _MP.mpf(0)


def _softplus(value: Value) -> Value:
    return value if value > _LARGEST else _MP.log(1 + _FUNCTIONS["exp"](value))


_FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    **{name: _growing(name) for name in ("exp", "sinh", "cosh")},
    **{name: _levelling(name) for name in ("tanh", "erf")},
    **{name: _plain(name) for name in ("log", "sin", "cos", "tan", "asin", "acos", "atan")},
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "relu": lambda value: max(value, 0 * value),
    "abs": abs,
}
