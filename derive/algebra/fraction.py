"""A polynomial as a quotient in lowest terms, numerator and denominator factored.

The factors come in the order and with the signs that people give them.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import sympy as sp

from derive.algebra.canon import normal
from derive.algebra.polynomial import Monomial, Polynomial, TooBig, in_order, over_common
from derive.algebra.terms import (
    Add,
    Call,
    Const,
    Delta,
    Guard,
    Num,
    Partial,
    Ref,
    Size,
    Sum,
    Term,
    structure,
)

HIGHEST = 200  # degree of a polynomial that is still factored
Factors = list[tuple[Polynomial, int]]


def lowest_terms(poly: Polynomial) -> tuple[Factors, Factors]:
    """Numerator and denominator in lowest terms, factored; the number stands in the numerator."""
    above, bottom = over_common(poly)
    lowest: dict[Term, Fraction] = {}
    for mono in above:
        for atom, e in mono:
            lowest[atom] = min(e, lowest.get(atom, e))
    for mono in above:
        for atom in lowest.keys() - {a for a, _ in mono}:
            lowest[atom] = min(lowest[atom], Fraction(0))
    clear = {a: -e for a, e in lowest.items() if e < 0}
    above = {shifted(m, clear): c for m, c in above.items()}
    factors: list[Polynomial] = [{((a, e),): Fraction(1)} for a, e in clear.items()]
    for atom, e in bottom.items():
        opened = isinstance(atom, Add) and e.denominator == 1
        factors.extend([normal(atom)] * int(e) if opened else [{((atom, e),): Fraction(1)}])
    gens = _Generators([above, *factors])
    top, down = gens.poly(above), gens.poly({(): Fraction(1)})
    for factor in factors:
        down = down * gens.poly(factor)
    top, down = top.cancel(down, include=True)
    lead, top_factors = top.factor_list()
    divisor, down_factors = down.factor_list()
    number = Fraction(int(lead.p), int(lead.q)) / Fraction(int(divisor.p), int(divisor.q))
    up, flips = _oriented([(gens.back(p), k) for p, k in top_factors])
    low, more = _oriented([(gens.back(p), k) for p, k in down_factors])
    raised = [f for f in low if _is_exponential(f[0])]  # e^-s rather than 1/e^s
    up += [
        ({tuple((a, -e) for a, e in m): 1 / c for m, c in poly.items()}, k) for poly, k in raised
    ]
    low = [f for f in low if f not in raised]
    return [({(): number * (-1) ** (flips + more)}, 1), *up], low


def _is_exponential(poly: Polynomial) -> bool:
    return len(poly) == 1 and all(
        isinstance(a, Call) and a.function == "exp" for m in poly for a, _ in m
    )


def shifted(mono: Monomial, by: dict[Term, Fraction]) -> Monomial:
    """The monomial times the powers in `by`."""
    exponents = dict(mono)
    for atom, e in by.items():
        exponents[atom] = exponents.get(atom, Fraction(0)) + e
    return in_order(exponents)


def _oriented(factors: Factors) -> tuple[Factors, int]:
    """Factors with the sign people give them, and how many signs came out."""
    result, flips = [], 0
    for poly, k in factors:
        first = min(poly, key=lambda m: (m != (), rank(m)))
        if poly[first] < 0:
            poly = {m: -c for m, c in poly.items()}
            flips += k
        result.append((poly, k))
    return sorted(result, key=lambda f: (len(f[0]), min(map(rank, f[0])))), flips


class _Generators:
    """SymPy symbols for atoms; a symbol is the power of its atom that divides all others."""

    def __init__(self, polys: list[Polynomial]) -> None:
        exponents: dict[Term, list[Fraction]] = {}
        for poly in polys:
            for mono in poly:
                for atom, e in mono:
                    exponents.setdefault(atom, []).append(e)
        self.atoms = sorted(exponents, key=structure)
        self.units = {a: common_measure(exponents[a]) for a in self.atoms}
        degree = max((e / self.units[a] for a in self.atoms for e in exponents[a]), default=0)
        if degree > HIGHEST:
            raise TooBig(f"a polynomial of degree {degree}")
        self.symbols = [sp.Symbol(f"g{k}", positive=True) for k, _ in enumerate(self.atoms)]

    def poly(self, poly: Polynomial) -> sp.Poly:
        place = {a: k for k, a in enumerate(self.atoms)}
        terms: dict[tuple[int, ...], sp.Rational] = {}
        for mono, c in poly.items():
            powers = [0] * max(1, len(self.atoms))
            for atom, e in mono:
                powers[place[atom]] = int(e / self.units[atom])
            terms[tuple(powers)] = sp.Rational(c.numerator, c.denominator)
        return sp.Poly.from_dict(terms, *(self.symbols or [sp.Symbol("g")]))

    def back(self, poly: sp.Poly) -> Polynomial:
        result: Polynomial = {}
        for powers, c in poly.terms():
            mono = tuple(
                (atom, k * self.units[atom])
                for atom, k in zip(self.atoms, powers, strict=False)
                if k
            )
            if c:
                result[mono] = Fraction(int(c.p), int(c.q))
        return result


def common_measure(values: list[Fraction]) -> Fraction:
    """The largest fraction of which all values are whole multiples."""
    below = lcm(*(v.denominator for v in values))
    return Fraction(gcd(*(int(v * below) for v in values)), below)


# ------------------------------------------------------------------ reading order

_ROLES = (
    "weight",
    "parameter",
    "delta",
    "gradient",
    "activation",
    "quantity",
    "preactivation",
    "input",
)


def rank(mono: Monomial) -> tuple[tuple[int, str], ...]:
    """The place of a monomial among the summands of a sum."""
    return tuple(sorted((atom_rank(a), structure(a)) for a, _ in mono))


def atom_rank(atom: Term) -> int:
    """The place of an atom among factors: numbers, weights, errors, activations, ..., sums."""
    match atom:
        case Num() | Const() | Size():
            return 0
        case Delta() | Guard():
            return 1
        case Ref():
            role = atom.tensor.role
            return 2 + _ROLES.index(role) if role in _ROLES else 20
        case Partial():
            return 2 + _ROLES.index("delta")
        case Sum():
            return 30
    return 25
