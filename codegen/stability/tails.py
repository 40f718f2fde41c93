"""Softplus far down its tail, where softplus(u) = exp(u) leaves the range of numbers.

With v = max(u, -40), where softplus(v) is exp(v) up to a relative e^-40:

log softplus(u)           =  log softplus(v) + min(u + 40, 0)
sigmoid(u) / softplus(u)  =  sigmoid(v) / softplus(v)
"""

from __future__ import annotations

from functools import lru_cache

from derive.algebra.terms import (
    ZERO,
    Call,
    Compare,
    Mul,
    Piecewise,
    Pow,
    Term,
    add,
    call,
    lift,
    mul,
    power,
    rebuild,
    refs,
)

LOWEST = lift(-40)  # e^-40 is below every rounding, and within the range of float32


@lru_cache(maxsize=50_000)
def held_in_range(term: Term) -> Term:
    """The term with logarithms and quotients of softplus that hold for every u."""
    term = rebuild(term, held_in_range)
    if isinstance(term, Call) and term.function == "log":
        u = _softplus_of(term.args[0])
        return term if u is None else add(call("log", call("softplus", _floor(u))), _below(u))
    return _quotients(term) if isinstance(term, Mul) else term


def _quotients(term: Mul) -> Term:
    """sigmoid(u)^k softplus(u)^-k in a product."""
    args = list(term.args)
    for k, arg in enumerate(args):
        base, exponent = (arg.base, arg.exponent) if isinstance(arg, Pow) else (arg, 1)
        u = _softplus_of(base)
        if u is None or exponent >= 0:
            continue
        above = power(call("sigmoid", u), -exponent)
        if above in args:
            args[args.index(above)] = power(call("sigmoid", _floor(u)), -exponent)
            args[k] = power(call("softplus", _floor(u)), exponent)
    return term if args == list(term.args) else mul(*args)


def _softplus_of(term: Term) -> Term | None:
    """u where the term is softplus(u), and u no number or held back already."""
    if isinstance(term, Call) and term.function == "softplus":
        u = term.args[0]
        return u if refs(u) and not isinstance(u, Piecewise) else None
    return None


def _floor(u: Term) -> Term:
    return Piecewise(((u, Compare(">", u, LOWEST)), (LOWEST, True)))


def _below(u: Term) -> Term:
    over = u - LOWEST
    return Piecewise(((over, Compare("<", over, ZERO)), (ZERO, True)))
