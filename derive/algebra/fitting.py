"""Linear combinations by evaluation: coefficients solved for at random points modulo a prime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm
from random import Random

from derive.algebra.brackets import assume, case_split
from derive.algebra.polynomial import Polynomial, opened, opposite
from derive.algebra.terms import (
    Add,
    Argmax,
    Call,
    Delta,
    Guard,
    Num,
    Piecewise,
    Term,
    structure,
)

PRIME = (1 << 61) - 1


def fit(basis: list[Polynomial], target: Polynomial) -> list[Fraction] | None:
    """Rational c with sum c_k basis_k = target as functions of independent atoms, or None."""
    return Span(basis, target).combination([(k,) for k in range(len(basis))])


class Span:
    """The search for a target as a linear combination of products of some quantities.

    Each polynomial is evaluated once at each point, whatever the number of combinations tried: at a
    point the value of a product is the product of the values.
    """

    def __init__(self, quantities: list[Polynomial], target: Polynomial) -> None:
        """Nothing is evaluated yet."""
        self.count = len(quantities)
        self.points = [_Points(case, Random("")) for case in _cases([*quantities, target])]
        self.rows: list[list[list[int]]] = [[] for _ in self.points]

    @property
    def multiplies(self) -> bool:
        """Whether values multiply as the quantities do: not so where atoms depend on each other."""
        return all(points.independent for points in self.points)

    def combination(self, products: Sequence[tuple[int, ...]]) -> list[Fraction] | None:
        """Rational coefficients of products of quantities, given by their numbers, or None."""
        solution = self._solution(products)
        if solution is None:
            return None
        rational = [_reconstruct(v) for v in solution]
        return None if any(r is None for r in rational) else [r for r in rational if r is not None]

    def reaches(self, products: Sequence[tuple[int, ...]]) -> bool:
        """Whether some coefficients modulo the prime exist: else rational ones do not either."""
        return self._solution(products) is not None

    def _solution(self, products: Sequence[tuple[int, ...]]) -> list[int] | None:
        system = []
        for points, rows in zip(self.points, self.rows, strict=True):
            wanted = len(products) + 3
            rows.extend(points.row() for _ in range(wanted - len(rows)))
            for row in rows[:wanted]:
                values = [_product([row[k] for k in chosen]) for chosen in products]
                system.append([*values, row[self.count]])
        return _gauss(system, len(products))


def _product(values: list[int]) -> int:
    result = 1
    for value in values:
        result = result * value % PRIME
    return result


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


_TIED = (Num, Piecewise, Delta, Guard, Argmax)  # roots of numbers, and atoms that are 0 or 1


class _Points:
    """Polynomials as functions of numbered slots: one for each atom, with a random value.

    An atom that is itself a polynomial has that polynomial's value, unless a root of it occurs.
    """

    def __init__(self, polys: list[Polynomial], random: Random) -> None:
        self.random = random
        self.slots: dict[Term, int] = {}
        self.inner: list[Compiled | None] = []  # of each slot, where it is a polynomial
        powers = _all_powers(polys)
        self.rooted = {atom for atom, e in powers if e.denominator > 1}
        self.root = lcm(*(e.denominator for _, e in powers))
        self.independent = True  # no atom met so far is tied to others by a law of its powers
        self.compiled = [self._compile(poly) for poly in polys]

    def row(self) -> list[int]:
        """The values of all polynomials at a new point."""
        values: list[int] = []
        powers: dict[tuple[int, int], int] = {}
        for inner in self.inner:  # a polynomial comes after its atoms
            value = self.random.randrange(2, PRIME) if inner is None else None
            values.append(_value(inner or [], values, powers) if value is None else value)
        return [_value(poly, values, powers) for poly in self.compiled]

    def _compile(self, poly: Polynomial) -> Compiled:
        result: Compiled = []
        for mono in sorted(poly, key=lambda m: [(structure(a), e) for a, e in m]):
            c = poly[mono]
            factors = [self._factor(atom, e) for atom, e in mono]
            result.append((c.numerator * pow(c.denominator, -1, PRIME) % PRIME, factors))
        return result

    def _factor(self, atom: Term, exponent: Fraction) -> tuple[int, int]:
        opens = isinstance(atom, Add) and atom not in self.rooted
        tied = atom.function == "sin" if isinstance(atom, Call) else isinstance(atom, _TIED)
        if tied or (isinstance(atom, Add) and not opens):
            self.independent = False
        if atom not in self.slots:
            inner = self._compile(opened(atom)) if opens else None
            self.slots[atom] = len(self.inner)
            self.inner.append(inner)
        return self.slots[atom], int(exponent if opens else exponent * self.root)


def _all_powers(polys: list[Polynomial]) -> set[tuple[Term, Fraction]]:
    """Every atom with every exponent of it, those inside of atoms that are polynomials too."""
    found: set[tuple[Term, Fraction]] = set()
    waiting = list(polys)
    while waiting:
        new = {item for mono in waiting.pop() for item in mono} - found
        found |= new
        waiting += [opened(atom) for atom, _ in new if isinstance(atom, Add)]
    return found


def _value(poly: Compiled, values: list[int], powers: dict[tuple[int, int], int]) -> int:
    """The value of a polynomial; `powers` are those already taken at this point."""
    result = 0
    for c, factors in poly:
        for factor in factors:
            power = powers.get(factor)
            if power is None:
                power = powers[factor] = pow(values[factor[0]], factor[1], PRIME)
            c = c * power % PRIME
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
