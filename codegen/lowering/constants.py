"""Functions of numbers alone, computed once and for all.

A kernel of the module or a function of NumPy makes a double of a number, and a double beside
float32 arrays makes them doubles.  What Python's own `math` has is left to be read: math.log(2).
"""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath

from derive.algebra.evaluate import Digits
from derive.algebra.terms import (
    Add,
    Call,
    Const,
    Mul,
    Num,
    Piecewise,
    Pow,
    Term,
    call,
    rebuild,
    walk,
)

NOT_IN_MATH = frozenset(
    {"asin", "acos", "atan", "erf", "erfc", "abs", "max", "min", "relu"}
    | {"sigmoid", "softplus", "decay"}
)
DIGITS = 50


def constant(term: Call) -> Fraction | None:
    """The double next to the value of a function of numbers, if it is one to be computed here."""
    if term.function not in NOT_IN_MATH or not all(map(_is_number, walk(term))):
        return None
    with mpmath.workdps(DIGITS):
        value = Digits(_no_entry)(_without_decay(term))
        near = float(value) if isinstance(value, mpmath.mpf) else math.nan
    return Fraction(near) if math.isfinite(near) else None


def _is_number(term: Term) -> bool:
    return isinstance(term, Num | Const | Add | Mul | Pow | Call | Piecewise)


def _without_decay(term: Term) -> Term:
    """decay(u), a function of the emitted modules alone, as exp(-|u|)."""
    term = rebuild(term, _without_decay)
    if isinstance(term, Call) and term.function == "decay":
        return call("exp", -call("abs", *term.args))
    return term


def _no_entry(term: Term) -> float:
    raise TypeError(f"{term} is not a number")
