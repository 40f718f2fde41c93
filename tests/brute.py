"""The value of a term by plain loops over mpmath numbers: an oracle that knows no rule at all.

Sums are loops, deltas and guards are comparisons, functions are mpmath's own, and a pending
derivative is a difference quotient.  Of the engine it shares only the classes of the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from random import Random
from typing import Any

import mpmath

from derive.algebra.terms import (
    Add,
    Affine,
    Apply,
    Argmax,
    Call,
    Compare,
    Const,
    Delta,
    Extent,
    Extremum,
    Guard,
    Index,
    Mul,
    Num,
    Partial,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
)

Number = Any  # an mpmath number
Place = tuple[int, ...]
At = Mapping[Index, int]

STEP = mpmath.mpf(10) ** -12  # of central differences, with 40 digits: wrong by 1e-24
DIGITS = 40

FUNCTIONS: dict[str, Callable[..., Number]] = {
    "sigmoid": lambda s: 1 / (1 + mpmath.exp(-s)),
    "softplus": lambda s: mpmath.log(1 + mpmath.exp(s)),
    "relu": lambda s: s if s > 0 else mpmath.mpf(0),
    "abs": abs,
    "max": max,
    "min": min,
}


class OutsideDomain(Exception):
    """The term has no real value here."""


def mp_function(name: str) -> Callable[..., Number]:
    """The function of that name."""
    found = FUNCTIONS.get(name) or getattr(mpmath, name)
    assert callable(found)
    return found


def difference(function: Callable[[Number], Number], at: Number, order: int = 1) -> Number:
    """The first derivative of a function, or a higher one, by central differences."""
    if order == 0:
        return function(at)
    if order > 1:
        return mpmath.diff(function, at, order)
    return (function(at + STEP) - function(at - STEP)) / (2 * STEP)


class Brute:
    """Evaluates terms; `entry` gives the entries of tensors, `sizes` the symbolic sizes."""

    def __init__(
        self, entry: Callable[[Tensor, Place], Number], sizes: Mapping[str, int] | None = None
    ) -> None:
        self.entry = entry
        self.sizes = sizes or {}
        self.moved: dict[tuple[Tensor, Place], Number] = {}

    def extent(self, size: Extent) -> int:
        return size if isinstance(size, int) else self.sizes[size]

    def place(self, place: Affine, at: At) -> int:
        return place.offset + sum(c * at[i] for i, c in place.terms)

    def where(self, entry: Ref, at: At) -> Place:
        return tuple(self.place(p, at) for p in entry.at)

    def over(self, term: Sum | Extremum, at: At) -> Iterator[dict[Index, int]]:
        for values in product(*(range(self.extent(i.size)) for i in term.indices)):
            yield {**at, **dict(zip(term.indices, values, strict=True))}

    def apply(self, term: Apply, arg: Number) -> Number:
        return difference(mp_function(term.function.name), arg, term.order)

    def partial(self, term: Partial, at: At) -> Number:
        """The derivative by one entry, everything else kept."""
        where = (term.by.tensor, self.where(term.by, at))

        def moved(value: Number) -> Number:
            self.moved[where] = value
            try:
                return self(term.of, at)
            finally:
                del self.moved[where]

        return difference(moved, self.ref(term.by, at))

    def ref(self, term: Ref, at: At) -> Number:
        where = self.where(term, at)
        if term.padded:
            sizes = map(self.extent, term.padded)
            if not all(0 <= p < size for p, size in zip(where, sizes, strict=True)):
                return mpmath.mpf(0)
        key = (term.tensor, where)
        return self.moved[key] if key in self.moved else self.entry(term.tensor, where)

    def __call__(self, term: Term, at: At) -> Number:
        match term:
            case Num():
                return mpmath.mpf(term.value.numerator) / term.value.denominator
            case Const():
                return +mpmath.pi
            case Size():
                return mpmath.mpf(self.extent(term.extent))
            case Ref():
                return self.ref(term, at)
            case Add():
                return mpmath.fsum(self(a, at) for a in term.args)
            case Mul():
                return mpmath.fprod(self(a, at) for a in term.args)
            case Pow():
                return self.power(self(term.base, at), term)
            case Call():
                return mp_function(term.function)(*(self(a, at) for a in term.args))
            case Apply():
                return self.apply(term, self(term.arg, at))
            case Piecewise():
                for value, cond in term.branches:
                    if not isinstance(cond, Compare) or self.holds(cond, at):
                        return self(value, at)
            case Sum():
                return mpmath.fsum(self(term.body, here) for here in self.over(term, at))
            case Extremum():
                values = [self(term.body, here) for here in self.over(term, at)]
                return max(values) if term.kind == "max" else min(values)
            case Argmax():
                return self.argmax(term, at)
            case Delta():
                return mpmath.mpf(self.place(term.left, at) == self.place(term.right, at))
            case Guard():
                return mpmath.mpf(0 <= self.place(term.place, at) < self.extent(term.size))
            case Partial():
                return self.partial(term, at)
        raise TypeError(type(term).__name__)

    def power(self, base: Number, term: Pow) -> Number:
        exponent = term.exponent
        if exponent.denominator == 1:
            return base ** int(exponent)
        if base < 0:
            raise OutsideDomain
        return mpmath.power(base, mpmath.mpf(exponent.numerator) / exponent.denominator)

    def argmax(self, term: Argmax, at: At) -> Number:
        here = [
            (self(term.extremum.body, w), tuple(w[i] for i in term.extremum.indices))
            for w in self.over(term.extremum, at)
        ]
        values = [v for v, _ in here]
        best = max(values) if term.extremum.kind == "max" else min(values)
        first = next(place for value, place in here if value == best)
        return mpmath.mpf(first == tuple(self.place(p, at) for p in term.at))

    def holds(self, cond: Compare, at: At) -> bool:
        lhs, rhs = self(cond.lhs, at), self(cond.rhs, at)
        return bool({"<": lhs < rhs, "<=": lhs <= rhs, ">": lhs > rhs, ">=": lhs >= rhs}[cond.op])


def at_random(seed: object, low: float = -1.5, high: float = 1.5) -> Callable[..., Number]:
    """Entries that are the same whenever the same seed, tensor and place are asked for."""

    def entry(tensor: Tensor, where: Place) -> Number:
        return mpmath.mpf(Random(f"{seed} {tensor} {tensor.role} {where}").uniform(low, high))

    return entry


def real_value(brute: Brute, term: Term, at: At) -> Number:
    """The value, or OutsideDomain where there is no real one."""
    try:
        value = brute(term, at)
    except (ZeroDivisionError, ValueError, TypeError) as error:
        raise OutsideDomain from error
    if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value):
        raise OutsideDomain
    return value


def close(a: Number, b: Number, digits: int = 15) -> bool:
    """Equal to that many digits, relative to the larger and to 1."""
    return bool(abs(a - b) <= mpmath.mpf(10) ** -digits * max(1, abs(a), abs(b)))
