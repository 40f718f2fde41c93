"""Shorter forms: a term becomes the shortest of a few equal ones, by exact arithmetic.

`tidy` brings a term into normal form, cancels common factors of numerator and denominator, factors
both, and writes the result in the order in which people write: o - y, o*(1 - o), 1 - o**2.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import lcm

import sympy as sp

from derive.canon import (
    Monomial,
    Polynomial,
    TooBig,
    assume,
    case_split,
    content,
    normal,
    opposite,
    over_common,
    structure,
)
from derive.index import named_by
from derive.terms import (
    ONE,
    ZERO,
    Add,
    Apply,
    Call,
    Compare,
    Const,
    Delta,
    Guard,
    Index,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Term,
    add,
    children,
    mul,
    number,
    power,
    rebuild,
)


def cost(term: Term) -> int:
    """The number of operations that a reader sees."""
    inner = sum(map(cost, children(term)))
    match term:
        case Add():
            return inner + len(term.args) - 1
        case Mul():
            signs = 1 if term.args[0] == Num(Fraction(-1)) else 0
            return inner + len(term.args) - 1 - signs
        case Pow():
            return inner + (1 if term.exponent != -1 else 0)
        case Num():
            digits = len(str(abs(term.value.numerator))) + len(str(term.value.denominator)) - 2
            return digits // 3 + (term.value.denominator != 1)
        case Call() | Sum() | Piecewise() | Apply():
            return inner + 1
        case Delta():
            return 2  # a contracted delta reads better than one under a sum
    return inner


@lru_cache(maxsize=20_000)
def tidy(term: Term) -> Term:
    """An equal term that is no longer than the given one; the term itself where none is found.

    >>> from derive.terms import Tensor, ref
    >>> o, y = (ref(Tensor(c, "activation", batched=False)) for c in "oy")
    >>> str(tidy(((1 - y) / (1 - o) - y / o) * o * (1 - o)))
    'o - y'
    """
    try:
        poly = normal(term)
        candidates = [written(poly), term, rebuild(term, tidy)]
    except (TooBig, ZeroDivisionError):
        return rebuild(term, tidy)
    return named_by(min(candidates, key=cost), term)


def written(poly: Polynomial) -> Term:
    """The polynomial as the shortest of its expanded and factored forms."""
    if not poly:
        return ZERO
    if split := _essential_split(poly):
        bracket, yes, no = split
        return _branches(bracket, written(yes), written(no))
    above, below = _fraction(poly)
    return _quotient(_shortest(above), _shortest(below))


# ------------------------------------------------------------------ conditions


def _essential_split(poly: Polynomial) -> tuple[Piecewise, Polynomial, Polynomial] | None:
    """A case distinction, unless one bracket is simply a factor of the whole."""
    split = case_split(poly)
    if split is None:
        return None
    bracket, _, no = split
    if _lead(bracket) < 0 and any(a is opposite(bracket) for m in poly for a, _ in m):
        bracket = opposite(bracket)
        split = bracket, assume(poly, bracket, True), assume(poly, bracket, False)
    if not no and all(any(a is bracket for a, _ in m) for m in poly):
        others = {a for m in poly for a, _ in m if isinstance(a, Piecewise)}
        if others == {bracket}:
            return None
    return split


def _lead(bracket: Piecewise) -> Fraction:
    """The first coefficient of d in [d > 0]."""
    cond = bracket.branches[0][1]
    assert isinstance(cond, Compare)
    return content(normal(cond.lhs))[0]


def _branches(bracket: Piecewise, yes: Term, no: Term) -> Term:
    if yes is no:
        return yes
    cond = bracket.branches[0][1]
    assert isinstance(cond, Compare)
    if _lead(bracket) < 0:
        cond = Compare("<", tidy(-cond.lhs), cond.rhs)
    rest = no.branches if isinstance(no, Piecewise) else ((no, True),)
    return Piecewise(((yes, cond), *rest))


# ------------------------------------------------------------------ fractions of polynomials


class _Generators:
    """SymPy symbols for atoms; an atom under roots is a power of its symbol."""

    def __init__(self, polys: Iterable[Polynomial]) -> None:
        roots: dict[Term, int] = {}
        for poly in polys:
            for mono in poly:
                for atom, e in mono:
                    roots[atom] = lcm(roots.get(atom, 1), e.denominator)
        self.roots = {atom: roots[atom] for atom in sorted(roots, key=structure)}
        self.symbols = {a: sp.Symbol(f"g{k}", positive=True) for k, a in enumerate(self.roots)}
        self.atoms = list(self.roots)

    def poly(self, poly: Polynomial) -> sp.Poly:
        gens = list(self.symbols.values()) or [sp.Symbol("g")]
        place = {a: k for k, a in enumerate(self.atoms)}
        terms: dict[tuple[int, ...], sp.Rational] = {}
        for mono, c in poly.items():
            powers = [0] * len(gens)
            for atom, e in mono:
                powers[place[atom]] = int(e * self.roots[atom])
            terms[tuple(powers)] = sp.Rational(c.numerator, c.denominator)
        return sp.Poly.from_dict(terms, *gens)

    def back(self, poly: sp.Poly) -> Polynomial:
        result: Polynomial = {}
        for powers, c in poly.terms():
            mono = tuple(
                (atom, Fraction(k, self.roots[atom]))
                for atom, k in zip(self.atoms, powers, strict=False)
                if k
            )
            if c:
                result[mono] = Fraction(int(c.p), int(c.q))
        return result


Factors = list[tuple[Polynomial, int]]


def _fraction(poly: Polynomial) -> tuple[Factors, Factors]:
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
    above = {_shifted(m, clear): c for m, c in above.items()}
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


def _shifted(mono: Monomial, by: dict[Term, Fraction]) -> Monomial:
    exponents = dict(mono)
    for atom, e in by.items():
        exponents[atom] = exponents.get(atom, Fraction(0)) + e
    return tuple(sorted(((a, e) for a, e in exponents.items() if e), key=lambda i: structure(i[0])))


def _oriented(factors: Factors) -> tuple[Factors, int]:
    """Factors with the sign people give them, and how many signs came out."""
    result, flips = [], 0
    for poly, k in factors:
        first = min(poly, key=lambda m: (m != (), _rank(m)))
        if poly[first] < 0:
            poly = {m: -c for m, c in poly.items()}
            flips += k
        result.append((poly, k))
    return sorted(result, key=lambda f: (len(f[0]), min(map(_rank, f[0])))), flips


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


def _rank(mono: Monomial) -> tuple[tuple[int, str], ...]:
    return tuple(sorted((_atom_rank(a), structure(a)) for a, _ in mono))


def _atom_rank(atom: Term) -> int:
    match atom:
        case Num() | Const() | Size():
            return 0
        case Delta() | Guard():
            return 1
        case Ref():
            role = atom.tensor.role
            return 2 + _ROLES.index(role) if role in _ROLES else 20
        case Sum():
            return 30
    return 25


# ------------------------------------------------------------------ writing


def _shortest(factors: Factors) -> Term:
    """The shortest of: factored, the number times the rest multiplied out, multiplied out."""
    forms = [mul(*(_factor(poly, k) for poly, k in factors))]
    numbers = [f for f in factors if set(f[0]) <= {()}]
    rest = [f for f in factors if f not in numbers]
    if rest and any(len(poly) > 1 for poly, _ in rest):
        front = mul(*(_in_order(poly) for poly, _ in numbers))
        single = [f for f in factors if len(f[0]) == 1]
        sums = [f for f in factors if len(f[0]) > 1]
        monomial = mul(*(_factor(poly, k) for poly, k in single))
        for outside, inside in ((monomial, sums), (front, rest), (ONE, factors)):
            product = _product(inside)
            if product is not None:
                forms.append(mul(outside, _in_order(product)))
    return min(forms, key=cost)


def _grouped(poly: Polynomial) -> Term:
    """Three or more terms with a common factor of some taken out: g + o - o*g = g + o*(1 - g)."""
    shared = {a for m in poly for a, e in m if e == 1 and isinstance(a, Ref)}
    for atom in sorted(shared, key=lambda a: _rank(((a, Fraction(1)),))):
        inside = {_shifted(m, {atom: Fraction(-1)}): c for m, c in poly.items() if atom in dict(m)}
        outside = {m: c for m, c in poly.items() if atom not in dict(m)}
        if len(inside) == 2 and outside and inside.get((), 0) == 1:
            return add(_in_order(outside), mul(atom, _in_order(inside)))
    return _in_order(poly)


def _factor(poly: Polynomial, k: int) -> Term:
    if len(poly) == 1:
        ((mono, c),) = poly.items()
        return _in_order({tuple((a, e * k) for a, e in mono): c**k})
    return power(min(_grouped(poly), _in_order(poly), key=cost), k)


def _product(factors: Factors) -> Polynomial | None:
    product: Polynomial = {(): Fraction(1)}
    for poly, k in factors:
        for _ in range(k):
            product = _expanded(product, poly)
            if len(product) > 40:
                return None
    return product


def _expanded(a: Polynomial, b: Polynomial) -> Polynomial:
    result: Polynomial = {}
    for ma, ca in a.items():
        for mb, cb in b.items():
            key = _shifted(ma, dict(mb))
            result[key] = result.get(key, Fraction(0)) + ca * cb
    return {m: c for m, c in result.items() if c}


def _in_order(poly: Polynomial) -> Term:
    """The sum, positive terms before negative ones, numbers first, sums of equal range joined."""
    joined = _joined(poly)
    return add(*joined)


def _joined(poly: Polynomial) -> list[Term]:
    """The summands; those that are a number times a sum over the same indices become one sum."""
    groups: dict[tuple[Index, ...], list[tuple[Fraction, Sum]]] = {}
    rest: list[tuple[Monomial, Fraction]] = []
    for mono, c in poly.items():
        if len(mono) == 1 and mono[0][1] == 1 and isinstance(mono[0][0], Sum):
            groups.setdefault(mono[0][0].indices, []).append((c, mono[0][0]))
        else:
            rest.append((mono, c))
    summands: list[tuple[tuple[object, ...], Term]] = []
    for mono, c in rest:
        term = mul(c, *(_power(a, e) for a, e in _for_reading(mono)))
        summands.append(((c < 0, mono != (), len(mono), _rank(mono)), term))
    for indices, members in groups.items():
        members.sort(key=lambda m: (m[0] < 0, structure(m[1])))
        lead = members[0][0]
        body = tidy(add(*(mul(c / lead, s.body) for c, s in members)))
        if isinstance(body, Mul) and (front := number(body.args[0])) is not None:
            lead, body = lead * front, mul(*body.args[1:])
        place = (lead < 0, True, 99, ((30, structure(body)),))
        summands.append((place, mul(lead, Sum(body, indices))))
    return [term for _, term in sorted(summands, key=lambda s: s[0])]


def _for_reading(mono: Monomial) -> list[tuple[Term, Fraction]]:
    return sorted(mono, key=lambda item: (_atom_rank(item[0]), structure(item[0])))


def _power(atom: Term, exponent: Fraction) -> Term:
    inner = Sum(tidy(atom.body), atom.indices) if isinstance(atom, Sum) else atom
    if isinstance(inner, Call) and inner.function == "exp":
        return Call("exp", (tidy(mul(exponent, *inner.args)),))
    return power(rebuild(inner, tidy) if isinstance(inner, Call) else inner, exponent)


def _quotient(above: Term, below: Term) -> Term:
    if below is ONE:
        return above
    value = number(above)
    if value is not None and value.denominator != 1:
        return mul(value.numerator, power(mul(value.denominator, below), -1))
    return mul(above, power(below, -1))


def split_logs(term: Term) -> Term:
    """log(u v) = log u + log v, log(e^u) = u, log(u^k) = k log u, wherever they apply."""
    term = rebuild(term, split_logs)
    if not (isinstance(term, Call) and term.function == "log"):
        return term
    (arg,) = term.args
    match arg:
        case Mul():
            return add(*(split_logs(Call("log", (f,))) for f in arg.args))
        case Pow():
            return mul(arg.exponent, split_logs(Call("log", (arg.base,))))
        case Call() if arg.function == "exp":
            return arg.args[0]
    return term


def factors_of(term: Term) -> tuple[Term, ...]:
    """The factors of a product, the term itself where it is none."""
    return term.args if isinstance(term, Mul) else (term,)


def is_bracket(term: Term) -> Compare | None:
    """The condition of an Iverson bracket [c], a Piecewise of 1 and 0."""
    if isinstance(term, Piecewise) and len(term.branches) == 2:
        (yes, cond), (no, _) = term.branches
        if yes is ONE and no is ZERO and isinstance(cond, Compare):
            return cond
    return None
