"""Logarithms of sums and quotients of exponentials, written so that nothing overflows or cancels.

log(E + F)        =  log E + softplus(w),                              w = log(F/E)
log(E - F)        =  log E + log(-expm1(w)),                           w = log(F/E) < 0
a w + k softplus(w)  =  (k + a) softplus(w) - a softplus(-w)
log Sum_k exp(a_k)   =  m + log Sum_k exp(a_k - m),                    m = max_k a_k
"""

from __future__ import annotations

from fractions import Fraction

from codegen.stability.exponents import (
    Exponent,
    binomial,
    exponents,
    log_number,
    log_of_others,
    log_of_sum,
    minus,
    multiple,
    split,
    top_first,
)
from derive.algebra.canon import (
    Monomial,
    normal,
    plus,
    scaled,
    to_term,
)
from derive.algebra.terms import (
    Call,
    Num,
    Term,
    add,
    call,
    mul,
    refs,
)


def logarithm(argument: Term) -> Term | None:
    """log(argument) in a stable form, where the argument is made of sums of exponentials."""
    poly = normal(call("log", argument))
    inside = {mono: _log_argument(mono) for mono in poly}
    found: list[Term] = []
    constant = {mono: c for mono, c in poly.items() if not _varies(mono)}
    linear = {m: c for m, c in poly.items() if inside[m] is None and m not in constant}
    for mono, c in poly.items():
        term = inside[mono]
        if term is None or mono in constant:
            continue
        if (shifted := log_of_sum(term) or log_of_others(term)) is not None:
            linear = plus(linear, scaled(normal(shifted[0]), c))
            found.append(mul(c, call("log", shifted[1])))
        elif (pair := binomial(term)) is not None:
            linear, part = _softplus(linear, c, *pair)
            found.append(part)
        elif (parts := exponents(term)) is not None:
            found.append(mul(c, _chained(parts)))
        elif (gap := _difference(term)) is not None:
            linear = plus(linear, scaled(gap[0], c))
            found.append(mul(c, gap[1]))
        else:
            linear = plus(linear, {mono: c})
    opened = found or not any(inside[mono] for mono in linear if mono in inside)  # log exp(a) = a
    return add(top_first(linear), *found, to_term(constant)) if opened else None


def _difference(term: Term) -> tuple[Exponent, Term] | None:
    """(log E without numbers, the rest of log(E - F)); where that has a value, F/E is below 1."""
    parts = sorted(((c, *split(mono)) for mono, c in normal(term).items()), key=lambda p: -p[0])
    if len(parts) != 2 or any(rest for _, _, rest in parts) or not parts[1][0] < 0 < parts[0][0]:
        return None
    (c1, e1, _), (c2, e2, _) = parts
    w = add(to_term(minus(e2, e1)), log_number(-c2 / c1))
    return e1, add(call("log", -call("expm1", w)), log_number(c1))


def _varies(mono: Monomial) -> bool:
    return any(refs(atom) for atom, _ in mono)


def _log_argument(mono: Monomial) -> Term | None:
    """u where the monomial is log(u) and u is no number."""
    if len(mono) == 1 and mono[0][1] == 1:
        atom = mono[0][0]
        if isinstance(atom, Call) and atom.function == "log":
            return None if isinstance(atom.args[0], Num) else atom.args[0]
    return None


def _softplus(
    linear: Exponent, k: Fraction, c1: Fraction, e1: Exponent, c2: Fraction, e2: Exponent
) -> tuple[Exponent, Term]:
    """linear + k log(c1 exp(e1) + c2 exp(e2)) as (what is left of linear, softplus terms)."""
    w = minus(e2, e1)
    whole = plus(linear, scaled(e1, k))
    a = multiple(whole, w)
    ratio, constant = log_number(c2 / c1), mul(k, log_number(c1))
    up = call("softplus", add(to_term(w), ratio))
    if a is None or not 0 <= -a / k <= 1:
        return whole, add(mul(k, up), constant)
    down = call("softplus", to_term(normal(-add(to_term(w), ratio))))
    return {}, add(mul(k + a, up), mul(-a, down), constant, mul(-a, ratio))


def _chained(parts: list[tuple[Fraction, Exponent]]) -> Term:
    """log(e^a + e^b + e^c) by log(e^l + e^c) = l + softplus(c - l), one term after the other."""
    first, *others = [add(to_term(e), log_number(c)) for c, e in parts]
    for other in others:
        first = add(first, call("softplus", other - first))
    return first
