"""Where a term leaves the range of floating-point numbers: e^(s^2) / (1 + e^(2 s^2)) at s = 30.

Equal terms differ in this.  A shorter form is no gain where only the longer one can be computed, so
`simplify.tidy` asks here before it prefers one with exponentials.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from derive.algebra.terms import (
    Add,
    Call,
    Compare,
    Condition,
    Const,
    Extremum,
    Mul,
    Num,
    Piecewise,
    Pow,
    Sum,
    Term,
    refs,
    walk,
)
from derive.primitives import DEFINED

SIZES = (1.0, 30.0, 200.0, 1000.0)
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda u: (1 + math.tanh(u / 2)) / 2,
    "softplus": lambda u: max(u, 0.0) + math.log1p(math.exp(-abs(u))),
}


@lru_cache(maxsize=20_000)
def failures(term: Term) -> frozenset[tuple[float, bool]]:
    """Points of a small grid (size of the entries, signs alike) where no number results."""
    if not any(isinstance(node, Call) and node.function == "exp" for node in walk(term)):
        return frozenset()
    points = [(size, same) for size in SIZES for same in (True, False)]
    return frozenset(p for p in points if not math.isfinite(_Floats(term, *p).result()))


class _Floats:
    """IEEE arithmetic on one point: what overflows is infinite, 0 * inf is not a number."""

    def __init__(self, term: Term, size: float, same: bool) -> None:
        self.term = term
        signs = [1.0 if same or k % 2 else -1.0 for k in range(len(refs(term)))]
        self.values: dict[Term, float] = {
            r: sign * size for r, sign in zip(refs(term), signs, strict=True)
        }

    def result(self) -> float:
        return self.at(self.term)

    def at(self, term: Term) -> float:
        value = self.values.get(term)
        if value is None:
            try:
                value = self._value(term)
            except OverflowError:
                value = math.inf
            except (ValueError, ZeroDivisionError):
                value = math.nan
            self.values[term] = value
        return value

    def _value(self, term: Term) -> float:
        match term:
            case Num():
                return float(term.value)
            case Const():
                return math.pi
            case Add():
                return sum(map(self.at, term.args))
            case Mul():
                return math.prod(map(self.at, term.args))
            case Pow():
                return self._power(self.at(term.base), float(term.exponent))
            case Piecewise():
                return next(self.at(v) for v, c in term.branches if self._holds(c))
            case Call() if term.function in FUNCTIONS or hasattr(math, term.function):
                function = FUNCTIONS.get(term.function) or getattr(math, term.function)
                return float(function(self.at(term.args[0])))
            case Call() if term.function in DEFINED:
                return self.at(DEFINED[term.function](*term.args))
            case Sum() | Extremum():
                return self.at(term.body)
        return 1.0  # an error from above, a delta, a size: of no matter here

    def _power(self, base: float, exponent: float) -> float:
        if base == 0 and exponent < 0:
            return math.inf
        if base < 0 and not exponent.is_integer():
            return math.nan
        return float(base**exponent)

    def _holds(self, cond: Condition) -> bool:
        if not isinstance(cond, Compare):
            return cond
        lhs, rhs = self.at(cond.lhs), self.at(cond.rhs)
        return {"<": lhs < rhs, "<=": lhs <= rhs, ">": lhs > rhs, ">=": lhs >= rhs}[cond.op]
