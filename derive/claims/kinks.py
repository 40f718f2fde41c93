"""Where formulas have pieces: numbers on every side of every kink, so that each piece is seen.

A line that is right below 6 alone is wrong for min(max(s, 0), 6).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import mpmath

from derive.algebra.evaluate import Digits
from derive.algebra.index import expand_functions
from derive.algebra.nodes import Compare
from derive.algebra.symbols import Tensor
from derive.algebra.terms import Piecewise, Ref, Term, walk

REACH, STEP = 12.0, 0.25  # of the numbers among which kinks are looked for
BEYOND = 1.0  # the first and the last kink
#: What an evaluation may raise where a formula has no value.
_NO_VALUE = (ValueError, ArithmeticError, OverflowError, KeyError, TypeError)


@lru_cache(maxsize=200)
def sides(term: Term, of: Tensor, others: float = 0.5) -> tuple[float, ...]:
    """A number of the tensor on each side of the kinks of the term, all else being `others`.

    Nothing where the term has no kink, or one near 0 alone, which numbers of either sign see.

    >>> from derive.identities import S
    >>> from derive.staging import activation_formula
    >>> from derive.network.parts import Activation
    >>> sides(activation_formula(Activation(name="formula", formula="min(max(s, 0), 6)")), S.tensor)
    (-1.0, 3.0, 7.0)
    """
    kinks: set[float] = set()
    for node in walk(expand_functions(term)):
        if isinstance(node, Piecewise):
            for _, condition in node.branches:
                if isinstance(condition, Compare):
                    kinks |= _roots(condition, of, others)
    if not any(abs(kink) > STEP for kink in kinks):
        return ()
    ordered = sorted(kinks)
    between = [(a + b) / 2 for a, b in pairwise(ordered)]
    return (ordered[0] - BEYOND, *between, ordered[-1] + BEYOND)


def _roots(condition: Compare, of: Tensor, others: float) -> set[float]:
    """Where both sides of a condition are equal."""

    def gap(x: float) -> float | None:
        def entry(ref: Term) -> Any:
            assert isinstance(ref, Ref)
            return mpmath.mpf(x if ref.tensor == of else others)

        try:
            value = Digits(entry)(condition.lhs) - Digits(entry)(condition.rhs)
            return float(value)
        except _NO_VALUE:
            return None

    return _crossings(gap)


def _crossings(gap: Callable[[float], float | None]) -> set[float]:
    found: set[float] = set()
    count = int(2 * REACH / STEP)
    points = [(x, gap(x)) for x in (-REACH + STEP * k for k in range(count + 1))]
    for (x, a), (z, b) in pairwise(points):
        if a == 0:
            found.add(x)
        elif a is not None and b is not None and a * b < 0:
            found.add(x + (z - x) * a / (a - b))
    return found
