"""Constants under one root: 1/2 * sqrt(2) / sqrt(pi) is written 1/sqrt(2*pi)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from derive.algebra.terms import ONE, Const, Num, Pow, Term, factors_of, mul, power

HALF = Fraction(1, 2)


def joined_roots(term: Term) -> Term:
    """The product with its number and the square roots of constants in it as one root, if it can.

    >>> from derive.algebra.terms import lift
    >>> root = power(lift(2), Fraction(1, 2)) * power(Const("pi"), Fraction(-1, 2)) / 2
    >>> str(joined_roots(root))
    '(2*pi)**(-1/2)'
    """
    number = Fraction(1)
    roots: list[tuple[Term, Fraction]] = []
    rest: list[tuple[Term, Fraction]] = []
    for base, exponent in _factors(term):
        if isinstance(base, Num) and exponent.denominator == 1:
            number *= base.value ** int(exponent)
        elif isinstance(base, Num | Const) and exponent.denominator == 2:
            roots.append((base, exponent))
        else:
            rest.append((base, exponent))
    if len(roots) < 2 and (not roots or number.denominator == 1):
        return term
    one = _under_one_root(number, roots)
    if one is None:
        return term
    sign = -1 if number < 0 else 1
    above = [power(b, e) for b, e in rest if e > 0]
    below = [power(b, -e) for b, e in rest if e < 0]
    (below if one.exponent < 0 else above).append(power(one.base, abs(one.exponent)))
    return mul(sign, *above, power(mul(*below), -1) if below else ONE)


def _factors(term: Term) -> Iterator[tuple[Term, Fraction]]:
    """(base, exponent) of each factor, products in a denominator taken apart."""
    for factor in factors_of(term):
        if not isinstance(factor, Pow):
            yield factor, Fraction(1)
        elif factor.exponent == -1:
            yield from ((base, -e) for base, e in _factors(factor.base))
        else:
            yield factor.base, factor.exponent


def _under_one_root(number: Fraction, roots: list[tuple[Term, Fraction]]) -> Pow | None:
    """r ** (1/2) or r ** (-1/2) with r a product of whole numbers and constants, or None."""
    inside = number**2
    constants: list[tuple[Term, int]] = []
    for base, exponent in roots:
        if isinstance(base, Num):
            inside *= base.value ** int(2 * exponent)
        else:
            constants.append((base, int(2 * exponent)))
    for side in (1, -1):
        part = inside**side
        if part.denominator == 1 and all(e * side > 0 for _, e in constants):
            return Pow(mul(part, *(power(b, e * side) for b, e in constants)), side * HALF)
    return None
