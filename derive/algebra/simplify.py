"""Shorter forms: a term becomes the shortest of a few equal ones, by exact arithmetic.

`tidy` brings a term into normal form, cancels common factors of numerator and denominator, factors
both, and writes the result in the order in which people write: o - y, o*(1 - o), 1 - o**2.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from derive.algebra.brackets import assume, case_split
from derive.algebra.canon import normal
from derive.algebra.effort import bounded, charged
from derive.algebra.fraction import Factors, atom_rank, lowest_terms, rank, shifted
from derive.algebra.overflow import failures
from derive.algebra.polynomial import (
    Monomial,
    Polynomial,
    TooBig,
    content,
    opposite,
)
from derive.algebra.roots import joined_roots
from derive.algebra.substitution import named_by
from derive.algebra.terms import (
    ONE,
    ZERO,
    Add,
    Apply,
    Call,
    Compare,
    Delta,
    Index,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Sum,
    Term,
    add,
    children,
    mul,
    number,
    power,
    rebuild,
    structure,
    walk,
)


@lru_cache(maxsize=50_000)
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


def _reading_cost(term: Term) -> tuple[int, int, int]:
    """Operations first; sigmoid(s), a name that says something, before exponentials; then signs.

    Sum(z - m) is no longer than -Sum(m - z), but better.
    """
    exponentials = sum(isinstance(n, Call) and n.function == "exp" for n in walk(term))
    first = (n.args[0] for n in walk(term) if isinstance(n, Mul))
    signs = sum(isinstance(f, Num) and f.value < 0 for f in first)
    return cost(term), exponentials, signs


@charged
def tidy(term: Term) -> Term:
    """An equal term that is no longer than the given one; the term itself where none is found.

    >>> from derive.algebra.terms import Tensor, ref
    >>> o, y = (ref(Tensor(c, "activation", batched=False)) for c in "oy")
    >>> str(tidy(((1 - y) / (1 - o) - y / o) * o * (1 - o)))
    'o - y'
    """
    found = bounded(lambda: _tidied(term), otherwise=None)
    return term if found is None else _in_order_of(named_by(found, term), term)


def _in_order_of(found: Term, term: Term) -> Term:
    """Sums over several indices with these in the order in which the term has them."""
    bound = [i.name for node in walk(term) if isinstance(node, Sum) for i in node.indices]
    rank = {name: k for k, name in enumerate(dict.fromkeys(bound))}

    def visit(node: Term) -> Term:
        node = rebuild(node, visit)
        if not isinstance(node, Sum) or len(node.indices) == 1:
            return node
        return Sum(
            node.body, tuple(sorted(node.indices, key=lambda i: rank.get(i.name, len(rank))))
        )

    return visit(found) if len(bound) > 1 else found


def _tidied(term: Term) -> Term:
    try:
        poly = normal(term)
        candidates = [written(poly), rebuild(term, tidy), term]
    except (TooBig, ZeroDivisionError):
        return rebuild(term, tidy)
    bad = failures(term)  # a shorter form must be computable wherever the term itself is
    return min((c for c in candidates if failures(c) <= bad), key=_reading_cost)


def written(poly: Polynomial) -> Term:
    """The polynomial as the shortest of its expanded and factored forms."""
    if not poly:
        return ZERO
    if split := _essential_split(poly):
        bracket, yes, no = split
        return _branches(bracket, written(yes), written(no))
    above, below = lowest_terms(poly)
    return joined_roots(_quotient(_shortest(above), _shortest(below)))


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


# ------------------------------------------------------------------ sums and products


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
    for atom in sorted(shared, key=lambda a: rank(((a, Fraction(1)),))):
        inside = {shifted(m, {atom: Fraction(-1)}): c for m, c in poly.items() if atom in dict(m)}
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
            key = shifted(ma, dict(mb))
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
        summands.append(((c < 0, mono != (), len(mono), rank(mono)), term))
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
    return sorted(mono, key=lambda item: (atom_rank(item[0]), structure(item[0])))


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


# ------------------------------------------------------------------ logarithms and brackets


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
