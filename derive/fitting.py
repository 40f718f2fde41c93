"""Linear combinations by evaluation: coefficients solved for at random points modulo a prime."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from random import Random

from derive.brackets import assume, case_split
from derive.canon import normal
from derive.polynomial import Polynomial, opposite
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
            rows.append([points.value(p) for p in cases])
            points.move()
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


class _Points:
    """Random values modulo PRIME for the atoms; an atom that is a polynomial has its own value."""

    def __init__(self, polys: list[Polynomial], random: Random) -> None:
        self.random = random
        self.root = 1
        for poly in polys:
            for mono in poly:
                for _, e in mono:
                    self.root = lcm(self.root, e.denominator)
        self.base: dict[Term, int] = {}

    def move(self) -> None:
        self.base.clear()

    def value(self, poly: Polynomial) -> int:
        result = 0
        for mono in sorted(poly, key=lambda m: tuple((structure(a), e) for a, e in m)):
            c = poly[mono]
            product = c.numerator * pow(c.denominator, -1, PRIME) % PRIME
            for atom, e in mono:
                product = product * self._power(atom, e) % PRIME
            result = (result + product) % PRIME
        return result

    def _power(self, atom: Term, exponent: Fraction) -> int:
        if isinstance(atom, Add) and exponent.denominator == 1:
            return pow(self.value(normal(atom)), int(exponent), PRIME)
        if atom not in self.base:
            self.base[atom] = self.random.randrange(2, PRIME)
        return pow(self.base[atom], int(exponent * self.root), PRIME)


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
