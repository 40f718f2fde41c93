"""Laurent polynomials in atoms, with rational exponents: the arithmetic under the normal form.

polynomial ::= {monomial: rational}      monomial ::= ((atom, exponent), ...), sorted
atom       ::= an entry, exp(m), log(p), a sum over an index, [d > 0], [i = j], or a polynomial
               itself where it stands in a denominator or under a root
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from derive.algebra.effort import spend
from derive.algebra.terms import (
    ONE,
    ZERO,
    Add,
    Argmax,
    Call,
    Compare,
    Delta,
    Guard,
    Num,
    Piecewise,
    Pow,
    Sum,
    Term,
    add,
    call,
    factors_of,
    mul,
    power,
    structure,
)
from derive.errors import NotYet

Monomial = tuple[tuple[Term, Fraction], ...]

Polynomial = dict[Monomial, Fraction]

LIMIT = 4000  # monomials; beyond this a term is not brought into normal form


class TooBig(NotYet):
    """The normal form would have more than LIMIT monomials."""


# ------------------------------------------------------------------ terms and polynomials


def constant(value: Fraction | int) -> Polynomial:
    """A number."""
    return {(): Fraction(value)} if value else {}


def single(atom: Term, exponent: Fraction | int = 1) -> Polynomial:
    """A power of one atom."""
    return {((atom, Fraction(exponent)),): Fraction(1)}


def in_order(exponents: Mapping[Term, Fraction]) -> Monomial:
    """The monomial with those exponents."""
    items = ((a, e) for a, e in exponents.items() if e)
    return tuple(sorted(items, key=lambda item: structure(item[0])))


def to_term(poly: Polynomial) -> Term:
    """The polynomial written as a term, monomials in a fixed order."""
    if not poly:
        return ZERO
    return add(*(mul(poly[m], product_of(m)) for m in sorted(poly, key=mono_key)))


def product_of(mono: Monomial) -> Term:
    """The monomial written as a term."""
    return mul(*(power(a, e) for a, e in mono)) if mono else ONE


def mono_key(mono: Monomial) -> tuple[tuple[str, Fraction], ...]:
    """The sort key of a monomial."""
    return tuple((structure(a), -e) for a, e in mono)


def only_atom(poly: Polynomial) -> Term:
    """The polynomial as one atom: itself where it is one, else a sum."""
    if len(poly) == 1:
        (mono,) = poly
        if poly[mono] == 1 and len(mono) == 1 and mono[0][1] == 1:
            return mono[0][0]
    term = to_term(poly)
    # a lone product under a root (x^2 y) is kept whole as a one-term sum
    return term if isinstance(term, Add) else Add((term,))


def opened(term: Term) -> Polynomial:
    """The polynomial of which `to_term` made the term."""
    result: Polynomial = {}
    for summand in term.args if isinstance(term, Add) else (term,):
        exponents: dict[Term, Fraction] = {}
        c = Fraction(1)
        for factor in factors_of(summand):
            if isinstance(factor, Num):
                c = factor.value
            elif isinstance(factor, Pow):
                exponents[factor.base] = factor.exponent
            else:
                exponents[factor] = Fraction(1)
        if c:
            result[in_order(exponents)] = c
    return result


# ------------------------------------------------------------------ arithmetic


def plus(*summands: Polynomial) -> Polynomial:
    """The sum of polynomials."""
    spend(sum(map(len, summands)))
    result: Polynomial = {}
    for summand in summands:
        for mono, c in summand.items():
            result[mono] = result.get(mono, Fraction(0)) + c
    return {m: c for m, c in result.items() if c}


def scaled(poly: Polynomial, factor: Fraction) -> Polynomial:
    """The polynomial times a number."""
    return {m: c * factor for m, c in poly.items()} if factor else {}


def times(a: Polynomial, b: Polynomial) -> Polynomial:
    """The product of polynomials, with every atom's own law applied (see `reduced`)."""
    if len(a) * len(b) > LIMIT:
        raise TooBig(f"a product of {len(a)} and {len(b)} terms")
    spend(10 * len(a) * len(b))
    result: Polynomial = {}
    for ma, ca in a.items():
        for mb, cb in b.items():
            for mono, c in _merged(ma, mb).items():
                result[mono] = result.get(mono, Fraction(0)) + c * ca * cb
    return {m: c for m, c in result.items() if c}


def _merged(a: Monomial, b: Monomial) -> Polynomial:
    exponents = dict(a)
    for atom, e in b:
        exponents[atom] = exponents.get(atom, Fraction(0)) + e
    return reduced(exponents)


def reduced(exponents: dict[Term, Fraction]) -> Polynomial:
    """A product of powers of atoms, after the laws of brackets, roots, polynomials and sines."""
    plain: dict[Term, Fraction] = {}
    expand: list[Polynomial] = []
    factor = Fraction(1)
    for atom, e in exponents.items():
        if not e:
            continue
        whole = e.numerator // e.denominator
        match atom:
            case Piecewise() | Delta() | Guard() | Argmax():
                plain[atom] = Fraction(1)
            case Num():
                factor *= atom.value**whole
                if e != whole:
                    plain[atom] = e - whole
            case Add() if whole > 100:
                raise TooBig(f"a sum to the power of {whole}")
            case Add() if whole >= 1:
                expand.extend([opened(atom)] * whole)
                if e != whole:
                    plain[atom] = e - whole
            case Call() if atom.function == "sin" and e >= 2:
                cosine = plus(constant(1), scaled(single(call("cos", *atom.args), 2), Fraction(-1)))
                expand.extend([cosine] * (whole // 2))
                if rest := e - 2 * (whole // 2):
                    plain[atom] = rest
            case _:
                plain[atom] = e
    for atom in plain:
        if isinstance(atom, Piecewise) and opposite(atom) in plain:
            return {}  # [d > 0] [-d > 0] = 0
    result: Polynomial = {in_order(plain): factor}
    for poly in expand:
        result = times(result, poly)
    return result


def positive_bracket(poly: Polynomial) -> Piecewise:
    """The atom [poly > 0]."""
    return Piecewise(((ONE, Compare(">", to_term(poly), ZERO)), (ZERO, True)))


@lru_cache(maxsize=10_000)
def opposite(bracket: Piecewise) -> Piecewise:
    """[-d > 0] for [d > 0]."""
    cond = bracket.branches[0][1]
    assert isinstance(cond, Compare)
    return positive_bracket(scaled(opened(cond.lhs), Fraction(-1)))


# ------------------------------------------------------------------ common factors


def over_common(poly: Polynomial) -> tuple[Polynomial, dict[Term, Fraction]]:
    """The polynomial over one common denominator of those of its atoms that are sums."""
    below: dict[Term, Fraction] = {}
    if len(poly) < 2:
        return poly, below
    for _ in range(20):
        lowest: dict[Term, Fraction] = {}
        for mono in poly:
            for atom, e in mono:
                if e < 0 and isinstance(atom, Add | Sum):
                    lowest[atom] = min(e, lowest.get(atom, e))
        if not lowest:
            break
        for atom in sorted(lowest, key=structure):
            poly = times(poly, {((atom, -lowest[atom]),): Fraction(1)})
            below[atom] = below.get(atom, Fraction(0)) - lowest[atom]
    return poly, below


def content(poly: Polynomial) -> tuple[Fraction, Monomial, Polynomial]:
    """poly = number * monomial * primitive, where primitive starts with the coefficient 1."""
    common: dict[Term, Fraction] | None = None
    for mono in poly:
        exponents = dict(mono)
        if common is None:
            common = exponents
        else:
            common = {
                a: min(common.get(a, Fraction(0)), exponents.get(a, Fraction(0)))
                for a in {**common, **exponents}
            }
    mono = in_order(common or {})
    inverse = {a: -e for a, e in mono}
    quotient: Polynomial = {}
    for m, c in poly.items():
        rest = dict(inverse)
        for a, e in m:
            rest[a] = rest.get(a, Fraction(0)) + e
        quotient[in_order(rest)] = c
    lead = quotient[min(quotient, key=mono_key)]
    return lead, mono, scaled(quotient, 1 / lead)
