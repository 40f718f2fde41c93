"""Rules for sums in which a function cancels against a number: each names the function it needs.

Every rule is an identity of terms; it gives the new term, or None where it does not apply."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from derive.algebra.terms import (
    ONE,
    Add,
    Call,
    Mul,
    Num,
    Pow,
    Sum,
    Term,
    add,
    call,
    mul,
    number,
)


def expm1(term: Term) -> Term | None:
    """c exp(u) - c = c expm1(u)."""
    return _beside_number(term, "exp", lambda c, u: mul(-c, call("expm1", u)), opposite=True)


def complement(term: Term) -> Term | None:
    """c - c sigmoid(u) = c sigmoid(-u): no cancellation."""
    return _beside_number(term, "sigmoid", lambda c, u: mul(c, call("sigmoid", -u)), opposite=True)


def sech(term: Term) -> Term | None:
    """c - c tanh(u)^2 = 4 c sigmoid(2u) sigmoid(-2u): no cancellation."""
    args = term.args if isinstance(term, Add) else ()
    for arg in args:
        factor, inner = coefficient(arg)
        if not (isinstance(inner, Pow) and inner.exponent == 2 and isinstance(inner.base, Call)):
            continue
        one = next((a for a in args if number(a) == -factor), None)
        if inner.base.function == "tanh" and one is not None:
            twice = mul(2, *inner.base.args)
            product = mul(-4 * factor, call("sigmoid", twice), call("sigmoid", -twice))
            return add(*_without(args, arg, one), product)
    return None


def tanh_complement(term: Term) -> Term | None:
    """c + c tanh(u) = 2 c sigmoid(2u) and c - c tanh(u) = 2 c sigmoid(-2u): no cancellation."""
    plus = _beside_number(
        term, "tanh", lambda c, u: mul(2 * c, call("sigmoid", 2 * u)), opposite=False
    )
    return plus or _beside_number(
        term, "tanh", lambda c, u: mul(2 * c, call("sigmoid", -2 * u)), opposite=True
    )


def softplus_turned(term: Term) -> Term | None:
    """c softplus(u) - c u = c softplus(-u)."""
    args = term.args if isinstance(term, Add) else ()
    for arg in args:
        c, inner = coefficient(arg)
        if isinstance(inner, Call) and inner.function == "softplus":
            (u,) = inner.args
            if any(other is mul(-c, u) for other in args):
                return add(*_without(args, arg, mul(-c, u)), mul(c, call("softplus", -u)))
    return None


def erfc(term: Term) -> Term | None:
    """c + c erf(u) = c erfc(-u) and c - c erf(u) = c erfc(u): no cancellation in the tails."""
    plus = _beside_number(term, "erf", lambda c, u: mul(c, call("erfc", -u)), opposite=False)
    return plus or _beside_number(term, "erf", lambda c, u: mul(c, call("erfc", u)), opposite=True)


def _beside_number(
    term: Term, function: str, made: Callable[[Fraction, Term], Term], opposite: bool
) -> Term | None:
    if not isinstance(term, Add):
        return None
    for constant in term.args:
        c = number(constant)
        for arg in term.args if c is not None else ():
            factor, inner = coefficient(arg)
            if c is None or not (isinstance(inner, Call) and inner.function == function):
                continue
            if factor == (-c if opposite else c):
                return add(*_without(term.args, constant, arg), made(c, inner.args[0]))
    return None


def _without(args: tuple[Term, ...], *gone: Term) -> list[Term]:
    """The summands but one occurrence of each that is gone: s + s has two."""
    rest = list(args)
    for term in gone:
        rest.remove(term)
    return rest


def coefficient(term: Term) -> tuple[Fraction, Term]:
    """term = number * rest."""
    if isinstance(term, Mul) and isinstance(term.args[0], Num):
        return term.args[0].value, mul(*term.args[1:])
    return Fraction(1), term


def falling(term: Term) -> Term | None:
    """1/exp(u)^k = exp(-k u), and roots alike: they have values where exp(u) would overflow."""
    if not (isinstance(term, Pow) and isinstance(term.base, Call)):
        return None
    if term.exponent > 0 and term.exponent.denominator == 1:
        return None
    base = term.base
    return call("exp", mul(term.exponent, *base.args)) if base.function == "exp" else None


def log1p(term: Term) -> Term | None:
    """log(1 + u) = log1p(u)."""
    if not (isinstance(term, Call) and term.function == "log"):
        return None
    (inside,) = term.args
    if isinstance(inside, Add) and any(a is ONE for a in inside.args):
        return call("log1p", add(*(a for a in inside.args if a is not ONE)))
    return None


def turned_signs(term: Term) -> Term | None:
    """-(-a - b) = a + b, also under a sum."""
    if not (isinstance(term, Mul) and number(term.args[0]) == -1 and len(term.args) == 2):
        return None
    inner = term.args[1]
    body = inner.body if isinstance(inner, Sum) else inner
    if not (isinstance(body, Add) and all(coefficient(a)[0] < 0 for a in body.args)):
        return None
    turned = add(*(-a for a in body.args))
    return Sum(turned, inner.indices) if isinstance(inner, Sum) else turned
