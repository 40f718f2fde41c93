"""Powers of positive factors, taken together over a product: a b / sqrt(a b) = sqrt(a b).

Where a tends to zero the quotient would be 0/0, the root is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from derive.algebra.canon import normal, to_term
from derive.algebra.terms import Call, Mul, Num, Pow, Term, mul, power

POSITIVE = frozenset({"exp", "sigmoid", "softplus", "decay", "erfc", "cosh"})


def roots_joined(term: Term) -> Term | None:
    """The product with each positive factor in one place, where a root and a quotient share one."""
    if not isinstance(term, Mul):
        return None
    apart = [list(_factors(arg, Fraction(1))) for arg in term.args]
    exponents: dict[Term, list[Fraction]] = {}
    for parts in apart:
        for base, e in parts:
            exponents.setdefault(base, []).append(e)
    meeting = {
        base
        for base, found in exponents.items()
        if not isinstance(base, Num)
        and min(found) < 0 < max(found)
        and any(e.denominator != 1 for e in found)
    }
    if not meeting:
        return None
    opened = [k for k, parts in enumerate(apart) if any(base in meeting for base, _ in parts)]
    sums: dict[Term, Fraction] = {}
    for k in opened:
        for base, e in apart[k]:
            sums[base] = sums.get(base, Fraction(0)) + e
    rest = [arg for k, arg in enumerate(term.args) if k not in opened]
    return mul(*rest, *_together(sums))


def _factors(term: Term, exponent: Fraction) -> Iterator[tuple[Term, Fraction]]:
    """(base, exponent) of the factors of term ** exponent; a root is opened if all are positive."""
    if isinstance(term, Pow):
        whole = exponent.denominator == 1 and term.exponent.denominator == 1
        if whole or is_positive(term.base):
            yield from _factors(term.base, exponent * term.exponent)
            return
    if isinstance(term, Mul) and (exponent.denominator == 1 or is_positive(term)):
        for arg in term.args:
            yield from _factors(arg, exponent)
        return
    yield term, exponent


def is_positive(term: Term) -> bool:
    """Whether the term is a product of numbers and functions that are positive everywhere."""
    if isinstance(term, Mul):
        return all(map(is_positive, term.args))
    if isinstance(term, Pow):
        return is_positive(term.base)
    if isinstance(term, Num):
        return term.value > 0
    return isinstance(term, Call) and term.function in POSITIVE


def _together(sums: dict[Term, Fraction]) -> Iterator[Term]:
    """The powers as factors; those with the same exponent under one root."""
    for exponent in dict.fromkeys(sums.values()):
        same = [base for base, e in sums.items() if e == exponent]
        numbers = [base for base in same if isinstance(base, Num)]
        yield from (to_term(normal(power(base, exponent))) for base in numbers)
        others = [base for base in same if base not in numbers]
        if exponent.denominator == 1:
            yield from (power(base, exponent) for base in others)
        elif others:
            yield power(mul(*others), exponent)
