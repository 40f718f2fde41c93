"""Powers, exponentials, logarithms and other functions of polynomials, by their laws."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from derive.algebra.brackets import case_split, either, positive_atom
from derive.algebra.polynomial import (
    Monomial,
    Polynomial,
    TooBig,
    constant,
    content,
    only_atom,
    opened,
    over_common,
    plus,
    reduced,
    scaled,
    single,
    times,
    to_term,
)
from derive.algebra.terms import (
    Call,
    Num,
    call,
)


def raised(poly: Polynomial, exponent: Fraction) -> Polynomial:
    """poly ** exponent; a sum under a root or in a denominator becomes an atom of its own."""
    if split := case_split(poly):
        bracket, yes, no = split
        return either(bracket, raised(yes, exponent), raised(no, exponent))
    if not poly:
        if exponent > 0:
            return {}
        raise ZeroDivisionError("a denominator is identically zero")
    if len(poly) > 1 and exponent in range(1, 9):
        result = constant(1)
        for _ in range(int(exponent)):
            result = times(result, poly)
        return result
    whole = exponent.denominator == 1
    top, bottom = over_common(poly)
    if bottom and (whole or all(map(positive_atom, bottom))):
        below = reduced({a: e * -exponent for a, e in bottom.items()})
        return times(raised(top, exponent), below) if top else raised({}, exponent)
    factor, mono, primitive = content(poly)
    if not whole:
        factor, mono, primitive = _out_of_root(factor, mono, primitive)
    result = _root(factor, exponent)
    result = times(result, reduced({a: e * exponent for a, e in mono}))
    if primitive != constant(1):
        result = times(result, reduced({only_atom(primitive): exponent}))
    return result


def _out_of_root(
    factor: Fraction, mono: Monomial, primitive: Polynomial
) -> tuple[Fraction, Monomial, Polynomial]:
    """Only factors that are positive wherever the root exists leave it; the sign stays inside."""
    unsure = [e for a, e in mono if not positive_atom(a)]
    alone = primitive == constant(1) and factor > 0 and len(unsure) == 1 and unsure[0] % 2 != 0
    outside = tuple((a, e) for a, e in mono if alone or positive_atom(a))
    inside = tuple(item for item in mono if item not in outside)
    rest = times(scaled(primitive, Fraction(-1 if factor < 0 else 1)), {inside: Fraction(1)})
    return abs(factor), outside, rest


def _root(value: Fraction, exponent: Fraction) -> Polynomial:
    """A rational power of a positive number (of any number for a whole exponent)."""
    if abs(exponent) * value.numerator.bit_length() * value.denominator.bit_length() > 10_000:
        raise TooBig(f"{value} to the power of {exponent}")
    if exponent.denominator == 1:
        return constant(value ** int(exponent))
    result = constant(1)
    for base, sign in ((value.numerator, 1), (value.denominator, -1)):
        outer, inner = _square_parts(base) if exponent.denominator == 2 else (1, base)
        result = scaled(result, Fraction(outer) ** int(exponent * 2 * sign))
        if inner != 1:
            result = times(result, reduced({Num(Fraction(inner)): exponent * sign}))
    return result


def _square_parts(n: int) -> tuple[int, int]:
    """n = a^2 b with b free of the squares of small primes."""
    outer, k = 1, 2
    if (root := isqrt(n)) ** 2 == n:
        return root, 1
    while k * k <= n and k < 1000:
        while n % (k * k) == 0:
            outer, n = outer * k, n // (k * k)
        k += 1
    return outer, n


# ------------------------------------------------------------------ exponentials and logarithms


def exponential(poly: Polynomial) -> Polynomial:
    """exp of a polynomial: the product of a power of exp(m) for each of its monomials m."""
    if split := case_split(poly):
        bracket, yes, no = split
        return either(bracket, exponential(yes), exponential(no))
    result = constant(1)
    for mono, c in poly.items():
        if len(mono) == 1 and mono[0][1] == 1 and isinstance(mono[0][0], Call):
            inner = mono[0][0]
            if inner.function == "log":  # exp(c log a) = a^c
                result = times(result, raised(opened(inner.args[0]), c))
                continue
        result = times(result, reduced({call("exp", to_term({mono: Fraction(1)})): c}))
    return result


def logarithm(poly: Polynomial) -> Polynomial:
    """log of a polynomial: positive factors become summands."""
    if split := case_split(poly):
        bracket, yes, no = split
        return either(bracket, logarithm(yes), logarithm(no))
    if not poly:
        return _log_atom(poly)  # in a case that has no value; the others stand beside it
    top, bottom = over_common(poly)
    if bottom and all(positive_atom(a) for a in bottom):
        logs = [scaled(logarithm(opened(a)), -e) for a, e in bottom.items()]
        return plus(logarithm(top), *logs)
    lead, mono, primitive = content(poly)
    result: Polynomial = {}
    inside = primitive
    if lead < 0:
        inside, lead = scaled(inside, Fraction(-1)), -lead
    for atom, e in mono:
        if isinstance(atom, Call) and atom.function == "exp":
            result = plus(result, scaled(opened(atom.args[0]), e))
        elif positive_atom(atom):
            result = plus(result, scaled(_log_atom(opened(atom)), e))
        else:
            inside = times(inside, {((atom, e),): Fraction(1)})
    if lead != 1:
        for prime, k in _factored(lead):
            result = plus(result, scaled(single(call("log", prime)), Fraction(k)))
    if inside == constant(1):
        return result
    if len(inside) == 1:
        (mono,) = inside
        if inside[mono] == 1 and len(mono) == 1:  # log(a^e) = e log(a) where a > 0 is needed
            atom, e = mono[0]
            if e.denominator != 1 or e % 2:
                return plus(result, scaled(_log_atom(single(atom)), e))
    return plus(result, _log_atom(inside))


def _log_atom(poly: Polynomial) -> Polynomial:
    return single(call("log", to_term(poly)))


def _factored(value: Fraction) -> list[tuple[int, int]]:
    """Prime factors with exponents; a large factor stays as it is."""
    found: list[tuple[int, int]] = []
    for n, sign in ((value.numerator, 1), (value.denominator, -1)):
        k = 2
        while k * k <= n and k < 1000:
            e = 0
            while n % k == 0:
                n, e = n // k, e + 1
            if e:
                found.append((k, e * sign))
            k += 1
        if n > 1:
            found.append((n, sign))
    return found


# ------------------------------------------------------------------ other functions

_ODD, _EVEN = {"sin", "asin", "atan", "erf"}, {"cos"}


def function_of(name: str, poly: Polynomial) -> Polynomial:
    """A primitive other than exp and log; the sign of its argument is brought in front."""
    if split := case_split(poly):
        bracket, yes, no = split
        return either(bracket, function_of(name, yes), function_of(name, no))
    sign = Fraction(1)
    if poly and name in _ODD | _EVEN and content(poly)[0] < 0:
        poly = scaled(poly, Fraction(-1))
        sign = Fraction(-1 if name in _ODD else 1)
    if not poly and name in {"sin", "asin", "atan", "erf", "cos"}:
        return constant(1 if name == "cos" else 0)
    return scaled(single(call(name, to_term(poly))), sign)
