"""Rules for products: like functions, exponentials together, coefficients of moderate size."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from derive.algebra.canon import normal, to_term
from derive.algebra.simplify import cost
from derive.algebra.terms import Add, Call, Mul, Num, Pow, Term, add, call, mul, power, refs

LARGE = 10_000  # a factor beyond that, or below its reciprocal, is taken out of a sum


def split(term: Term) -> Term | None:
    """(a b)^-k = a^-k b^-k, so that each factor below a fraction line is seen."""
    if not (isinstance(term, Pow) and term.exponent < 0 and isinstance(term.base, Mul)):
        return None
    if term.exponent.denominator != 1:
        return None
    return mul(*(power(factor, term.exponent) for factor in term.base.args))


def hyperbolic(term: Term) -> Term | None:
    """sinh(u)/cosh(u) = tanh(u)."""
    if not isinstance(term, Mul):
        return None
    powers: Counter[tuple[str, Term]] = Counter()
    rest = []
    for arg in term.args:
        base, exponent = (arg.base, arg.exponent) if isinstance(arg, Pow) else (arg, Fraction(1))
        known = isinstance(base, Call) and base.function in ("sinh", "cosh")
        if known and isinstance(base, Call) and exponent.denominator == 1:
            powers[base.function, base.args[0]] += int(exponent)
        else:
            rest.append(arg)
    joined = []
    for name, u in tuple(powers):
        count = min(powers["sinh", u], -powers["cosh", u])
        if name == "sinh" and count > 0:
            joined.append(power(call("tanh", u), count))
            powers["sinh", u] -= count
            powers["cosh", u] += count
    if not joined:
        return None
    return mul(*rest, *joined, *(power(call(name, u), k) for (name, u), k in powers.items()))


def gathered(term: Term) -> Term | None:
    """exp(a) exp(b)^k = exp(a + k b): the factors may overflow where the product does not."""
    if not isinstance(term, Mul):
        return None
    own = [arg for arg in term.args if _is_exponential(arg)]
    if len(own) < 2 or not any(map(refs, own)):
        return None
    exponent = add(*map(_exponent, own))
    short = to_term(normal(exponent))  # s - 9 s/10 is s/10
    if cost(short) < cost(exponent):
        exponent = short
    return mul(*(a for a in term.args if a not in own), call("exp", exponent))


def _is_exponential(term: Term) -> bool:
    base = term.base if isinstance(term, Pow) else term
    return isinstance(base, Call) and base.function == "exp"


def _exponent(term: Term) -> Term:
    if isinstance(term, Pow):
        return mul(term.exponent, _exponent(term.base))
    assert isinstance(term, Call)
    return term.args[0]


def levelled(term: Term) -> Term | None:
    """A sum below a fraction line with its largest coefficient in front: 10^18 + 3 10^17 s^4.

    Its powers leave the range of float32 long before the quotient does.
    """
    if not isinstance(term, Mul):
        return None
    factors = [_levelled_factor(arg) for arg in term.args]
    return (
        mul(*factors) if any(a is not b for a, b in zip(factors, term.args, strict=True)) else None
    )


def _levelled_factor(term: Term) -> Term:
    base, exponent = (term.base, term.exponent) if isinstance(term, Pow) else (term, Fraction(1))
    if not isinstance(base, Add) or exponent.denominator != 1:
        return term
    largest = max(abs(_coefficient(arg)) for arg in base.args)
    if Fraction(1, LARGE) <= largest <= LARGE:
        return term
    level = add(*(mul(1 / largest, arg) for arg in base.args))
    return mul(power(Num(largest), exponent), power(level, exponent))


def _coefficient(term: Term) -> Fraction:
    first = term.args[0] if isinstance(term, Mul) else term
    return first.value if isinstance(first, Num) else Fraction(1)
