"""Reading sums of exponentials off the normal form of `derive.algebra.canon`.

    c1 exp(e1) + c2 exp(e2) + ...        Sum_j exp(a_j)        Sum_j exp(a_j) - exp(a_k)

An exponent is a linear combination of atoms; two exponents are parallel if one is a multiple of the
other.  Whatever the spelling of a formula, its normal form is the same.
"""

from __future__ import annotations

from fractions import Fraction

from derive.algebra.canon import (
    Monomial,
    Polynomial,
    equal,
    normal,
    plus,
    scaled,
    to_term,
)
from derive.algebra.index import at
from derive.algebra.terms import (
    Add,
    Affine,
    Call,
    Delta,
    Extremum,
    Num,
    Sum,
    Term,
    add,
    call,
    free_indices,
    lift,
    mul,
    total,
)

Exponent = Polynomial  # a linear combination of atoms: what stands under an exp


FAR = 10**30  # exp(-FAR) is 0 and FAR is finite in both precisions


def split(mono: Monomial) -> tuple[Exponent, Monomial]:
    """The sum of what stands under the exponentials of a product, and its other factors."""
    exponent: Exponent = {}
    rest: list[tuple[Term, Fraction]] = []
    for atom, e in mono:
        if isinstance(atom, Call) and atom.function == "exp":
            exponent = plus(exponent, scaled(normal(atom.args[0]), e))
        else:
            rest.append((atom, e))
    return exponent, tuple(rest)


def exponents(term: Term) -> list[tuple[Fraction, Exponent]] | None:
    """c1 exp(e1) + c2 exp(e2) + ... with positive numbers c, else None."""
    parts = []
    for mono, c in normal(term).items():
        exponent, rest = split(mono)
        if rest or c <= 0:
            return None
        parts.append((c, exponent))
    return sorted(parts, key=lambda part: (len(part[1]), str(to_term(part[1])))) if parts else None


def binomial(term: Term) -> tuple[Fraction, Exponent, Fraction, Exponent] | None:
    """(c1, e1, c2, e2) of a sum of two exponentials."""
    parts = exponents(term)
    if parts is None or len(parts) != 2:
        return None
    (c1, e1), (c2, e2) = parts
    return c1, e1, c2, e2


def minus(a: Exponent, b: Exponent) -> Exponent:
    """a - b."""
    return plus(a, scaled(b, Fraction(-1)))


def multiple(exponent: Exponent, of: Exponent) -> Fraction | None:
    """t with exponent = t * of, else None."""
    if not exponent:
        return Fraction(0)
    mono = next(iter(of))
    t = exponent.get(mono, Fraction(0)) / of[mono]
    return t if exponent == scaled(of, t) else None


def along(
    parts: list[tuple[Fraction, Exponent]], unit: Exponent
) -> list[tuple[Fraction, Fraction]] | None:
    """Each exponent as a multiple of the unit."""
    found = [(c, multiple(e, unit)) for c, e in parts]
    return None if any(t is None for _, t in found) else [(c, t) for c, t in found if t is not None]


def log_number(value: Fraction) -> Term:
    """log of a number, 0 for 1."""
    return lift(0) if value == 1 else call("log", value)


def top_first(linear: Exponent) -> Term:
    """The linear part with the maxima last: a - m is exact where a is near m."""
    atoms = sorted(
        linear.items(), key=lambda item: any(isinstance(a, Extremum) for a, _ in item[0])
    )
    return add(*(to_term({mono: c}) for mono, c in atoms))


def _peeled(inside: Sum) -> tuple[Term, Term] | None:
    """(a, c) where the body is c exp(a) with a number c > 0."""
    body = normal(inside.body)
    if len(body) != 1:
        return None
    ((mono, c),) = body.items()
    exponent, rest = split(mono)
    return (to_term(exponent), Num(c)) if exponent and not rest and c > 0 else None


def log_of_sum(inside: Term) -> tuple[Term, Term] | None:
    """(m, Sum exp(a - m)) with m the maximum of a: log of the sum is m + log of the second."""
    peeled = _peeled(inside) if isinstance(inside, Sum) else None
    if peeled is None or not isinstance(inside, Sum):
        return None
    a, c = peeled
    top = Extremum("max", a, inside.indices)
    return top, total(mul(c, call("exp", a - top)), *inside.indices)


def log_of_others(inside: Term) -> tuple[Term, Term] | None:
    """As `log_of_sum`, for Sum_j exp(a_j) - exp(a_k): a sum of its own over the j other than k."""
    parts = inside.args if isinstance(inside, Add) else ()
    sums = [part for part in parts if isinstance(part, Sum)]
    if len(parts) != 2 or len(sums) != 1 or len(sums[0].indices) != 1:
        return None
    peeled, (j,) = _peeled(sums[0]), sums[0].indices
    rest = add(*(part for part in parts if part is not sums[0]))
    for k in sorted(free_indices(rest)):
        if peeled is None or k.size != j.size or k.sample:
            continue
        if equal(rest, -at(sums[0].body, {j: Affine.of(k)})):
            apart = peeled[0] - mul(FAR, Delta(Affine.of(j), Affine.of(k)))
            top = Extremum("max", apart, (j,))
            return top, total(mul(peeled[1], call("exp", apart - top)), j)
    return None
