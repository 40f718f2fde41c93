"""Linear combinations by evaluation: coefficients solved for at random points modulo a prime."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from random import Random

from derive.brackets import assume, case_split
from derive.polynomial import Polynomial, opened, opposite
from derive.terms import (
    Add,
    Term,
    structure,
)

PRIME = (1 << 61) - 1


def fit(basis: list[Polynomial], target: Polynomial) -> list[Fraction] | None:
    """Rational c with sum c_k basis_k = target as functions of independent atoms, or None."""
    rows: list[list[int]] = []
    for cases in _cases([*basis, target]):
        points = _Points(cases, Random(f"{len(basis)}"))
        for _ in range(len(basis) + 3):
            rows.append(points.row())
    solution = _gauss(rows, len(basis))
    if solution is None:
        return None
    rational = [_reconstruct(v) for v in solution]
    return None if any(r is None for r in rational) else [r for r in rational if r is not None]


def _cases(polys: list[Polynomial]) -> Iterator[list[Polynomial]]:
    """The polynomials in every case of their conditions but the ties."""
    for poly in polys:
        if split := case_split(poly):
            bracket = split[0]
            for holds in (True, False):
                rest = [assume(p, bracket, holds) for p in polys]
                if not holds and any(a is opposite(bracket) for p in rest for m in p for a, _ in m):
                    rest = [assume(p, opposite(bracket), True) for p in rest]
                yield from _cases(rest)
            return
    yield polys


# ------------------------------------------------------------------ evaluation at random points


Compiled = list[tuple[int, list[tuple[int, int]]]]  # coefficient, (slot, exponent) of each factor


class _Points:
    """Polynomials as functions of numbered slots: one for each atom, with a random value.

    An atom that is itself a polynomial has the value of that polynomial.
    """

    def __init__(self, polys: list[Polynomial], random: Random) -> None:
        self.random = random
        self.slots: dict[Term, int] = {}
        self.inner: list[Compiled | None] = []  # of each slot, where it is a polynomial
        self.root = lcm(*(e.denominator for poly in polys for m in poly for _, e in m))
        self.compiled = [self._compile(poly) for poly in polys]

    def row(self) -> list[int]:
        """The values of all polynomials at a new point."""
        values: list[int] = []
        for inner in self.inner:  # a polynomial comes after its atoms
            values.append(
                self.random.randrange(2, PRIME) if inner is None else _value(inner, values)
            )
        return [_value(poly, values) for poly in self.compiled]

    def _compile(self, poly: Polynomial) -> Compiled:
        result: Compiled = []
        for mono in sorted(poly, key=lambda m: [(structure(a), e) for a, e in m]):
            c = poly[mono]
            factors = [self._factor(atom, e) for atom, e in mono]
            result.append((c.numerator * pow(c.denominator, -1, PRIME) % PRIME, factors))
        return result

    def _factor(self, atom: Term, exponent: Fraction) -> tuple[int, int]:
        opens = isinstance(atom, Add) and exponent.denominator == 1
        if atom not in self.slots:
            inner = self._compile(opened(atom)) if opens else None
            self.slots[atom] = len(self.inner)
            self.inner.append(inner)
        whole = self.inner[self.slots[atom]] is not None
        return self.slots[atom], int(exponent if whole else exponent * self.root)


def _value(poly: Compiled, values: list[int]) -> int:
    result = 0
    for c, factors in poly:
        for slot, exponent in factors:
            c = c * pow(values[slot], exponent, PRIME) % PRIME
        result += c
    return result % PRIME


# ------------------------------------------------------------------ linear algebra modulo a prime


def _gauss(rows: list[list[int]], unknowns: int) -> list[int] | None:
    """The solution of an over-determined system modulo PRIME; free unknowns are 0."""
    rows = [list(row) for row in rows]
    pivots: list[int] = []
    for column in range(unknowns):
        done = len(pivots)
        pivot = next((r for r in range(done, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        inverse = pow(rows[done][column], -1, PRIME)
        rows[done] = [v * inverse % PRIME for v in rows[done]]
        for r in range(len(rows)):
            if r != done and rows[r][column]:
                factor = rows[r][column]
                rows[r] = [
                    (v - factor * p) % PRIME for v, p in zip(rows[r], rows[done], strict=True)
                ]
        pivots.append(column)
    if any(row[-1] for row in rows[len(pivots) :]):
        return None
    solution = [0] * unknowns
    for k, column in enumerate(pivots):
        solution[column] = rows[k][-1]
    return solution


def _reconstruct(value: int) -> Fraction | None:
    """The fraction with small numerator and denominator that is `value` modulo PRIME."""
    bound = 1 << 30
    r0, r1, t0, t1 = PRIME, value, 0, 1
    while r1 > bound:
        q = r0 // r1
        r0, r1, t0, t1 = r1, r0 - q * r1, t1, t0 - q * t1
    if not t1 or abs(t1) > bound:
        return None
    return Fraction(r1, t1)
