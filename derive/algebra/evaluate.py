"""The value of a term whose sums are written out: modulo a large prime, or with many digits.

`Digits` takes a function that gives the value of an entry.  `Modular` uses the normal form only to
recognise equal arguments of exp, log and the like.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import mpmath

from derive.algebra.canon import normal
from derive.algebra.index import expand_functions
from derive.algebra.polynomial import Polynomial, to_term
from derive.algebra.terms import (
    Add,
    Apply,
    Call,
    Compare,
    Condition,
    Const,
    Mul,
    Num,
    Partial,
    Piecewise,
    Pow,
    Ref,
    Size,
    Term,
    structure,
)

#: A prime that is -1 modulo 8 and modulo 3, 5, ..., 31: so -1 is no square, and 2, 3, ..., 31 are.
PRIME = 2305841548298728439


class Untestable(Exception):
    """The modular evaluator has no value here: a root of a non-residue, 1/0, an odd exponent."""


class Modular:
    """Values modulo PRIME at one random point.

    exp(u) is the product of E_m ** (12 c) over the terms c m of u, with a random generator E_m for
    each different m, so exp(a + b) = exp(a) exp(b) holds; sqrt(a) is the root that is itself a
    residue, so sqrt(a b) = sqrt(a) sqrt(b); residues count as positive; every other function, and
    every entry, has an independent random value for each different argument.
    """

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)
        self.generators: dict[str, int] = {}
        self.known: dict[Term, int] = {}

    def __call__(self, term: Term) -> int:
        """The value modulo PRIME."""
        value = self.known.get(term)
        if value is None:
            value = self.known[term] = self._value(term)
        return value

    def _value(self, term: Term) -> int:
        match term:
            case Num():
                return self._fraction(term.value)
            case Const():
                return self._square(term.name)
            case Add():
                return sum(map(self, term.args)) % PRIME
            case Mul():
                result = 1
                for arg in term.args:
                    result = result * self(arg) % PRIME
                return result
            case Pow():
                return self._power(self(term.base), term.exponent)
            case Piecewise():
                for value, cond in term.branches:
                    if self._holds(cond):
                        return self(value)
            case Call():
                return self._call(term)
            case Size():
                return self._square(f"size {term.extent}")
            case Ref() | Partial():
                return self._generator(structure(term))
            case Apply():
                key = structure(to_term(normal(term.arg)))
                return self._generator(f"{term.function}{term.order}{key}")
        raise Untestable(type(term).__name__)

    def _call(self, term: Call) -> int:
        if term.function == "exp":
            return self._exp(normal(term.args[0]))
        expanded = expand_functions(term)
        if expanded is not term:
            return self(expanded)
        poly = normal(term)  # the sign and the logarithms of products come out here
        if len(poly) != 1 or next(iter(poly)) != ((term, Fraction(1)),):
            return self._polynomial(poly)
        return self._generator(structure(term))

    def _polynomial(self, poly: Polynomial) -> int:
        result = 0
        for mono, c in poly.items():
            product = self._fraction(c)
            for atom, e in mono:
                product = product * self._power(self(atom), e) % PRIME
            result += product
        return result % PRIME

    def _exp(self, poly: Polynomial) -> int:
        result = 1
        for mono, c in sorted(poly.items(), key=lambda item: structure(to_term(dict([item])))):
            atom, e = mono[0] if len(mono) == 1 else (None, None)
            if isinstance(atom, Call) and atom.function == "log" and e == 1:
                result = result * self._power(self(atom.args[0]), c) % PRIME
                continue
            exponent = c * 12
            if exponent.denominator != 1:
                raise Untestable("an exponential of a fraction finer than 1/12")
            base = self._square("exp " + structure(to_term({mono: Fraction(1)})))
            result = result * pow(base, int(exponent), PRIME) % PRIME
        return result

    def _fraction(self, value: Fraction) -> int:
        return value.numerator * pow(value.denominator, -1, PRIME) % PRIME

    def _power(self, base: int, exponent: Fraction) -> int:
        if exponent.denominator == 2:
            if not self._positive(base):
                raise Untestable("the root of a negative number")
            base = pow(base, (PRIME + 1) // 4, PRIME)
            base = base if self._positive(base) else PRIME - base
            exponent *= 2
        if exponent.denominator != 1:
            raise Untestable("a root other than a square root")
        if exponent < 0 and not base:
            raise Untestable("a denominator is 0 at this point")
        return pow(base, int(exponent), PRIME)

    def _positive(self, value: int) -> bool:
        return pow(value, (PRIME - 1) // 2, PRIME) == 1

    def _holds(self, cond: Condition) -> bool:
        if not isinstance(cond, Compare):
            return cond
        gap = (self(cond.lhs) - self(cond.rhs)) % PRIME
        if gap == 0:
            return cond.op in {"<=", ">="}
        return self._positive(gap) == (cond.op in {">", ">="})

    def _generator(self, key: str) -> int:
        if key not in self.generators:
            self.generators[key] = self.random.randrange(2, PRIME - 1)
        return self.generators[key]

    def _square(self, key: str) -> int:
        return pow(self._generator(key), 2, PRIME)


GROWING = ("exp", "sinh", "cosh")  # whose exponents mpmath keeps to the last digit
FARTHEST = 10**9


class Digits:
    """Values as mpmath numbers; `entry` gives those of entries and of undetermined functions.

    A value outside of the reals may be complex; a condition on one raises ValueError, and an
    exponential whose digits would fill the memory OverflowError.
    """

    def __init__(self, entry: Callable[[Term], Any]) -> None:
        self.entry = entry
        self.known: dict[Term, Any] = {}

    def __call__(self, term: Term) -> Any:
        """The value as an mpmath number."""
        value = self.known.get(term)
        if value is None:
            value = self.known[term] = self._value(term)
        return value

    def _value(self, term: Term) -> Any:
        match term:
            case Num():
                return mpmath.mpf(term.value.numerator) / term.value.denominator
            case Const():
                return +mpmath.pi
            case Add():
                return mpmath.fsum(map(self, term.args))
            case Mul():
                return mpmath.fprod(map(self, term.args))
            case Pow():
                exponent = mpmath.mpf(term.exponent.numerator) / term.exponent.denominator
                if term.exponent.denominator == 1:
                    return self(term.base) ** int(term.exponent)
                return mpmath.power(self(term.base), exponent)
            case Piecewise():
                return next(self(value) for value, cond in term.branches if self._holds(cond))
            case Call():
                expanded = expand_functions(term)
                if expanded is not term:
                    return self(expanded)
                inside = self(term.args[0])
                if term.function in GROWING and mpmath.fabs(inside) > FARTHEST:
                    raise OverflowError(f"{term.function} of a number beyond {FARTHEST}")
                return getattr(mpmath, term.function)(inside)
            case Ref() | Partial() | Apply() | Size():
                return self.entry(term)
        raise TypeError(f"no value for {type(term).__name__}")

    def _holds(self, cond: Condition) -> bool:
        if not isinstance(cond, Compare):
            return cond
        lhs, rhs = self(cond.lhs), self(cond.rhs)
        if isinstance(lhs, mpmath.mpc) or isinstance(rhs, mpmath.mpc):
            raise ValueError("a condition on a complex number")
        return bool({"<": lhs < rhs, "<=": lhs <= rhs, ">": lhs > rhs, ">=": lhs >= rhs}[cond.op])
