"""Quotients and logarithms of sums of exponentials, written so that nothing overflows or cancels.

Everything is read off the normal form of `derive.canon`, so each spelling of a formula ends in the
same place.  With w the logarithm of the ratio of the two terms of a denominator:

    E^(k-t) F^t / (E + F)^k    =  sigmoid(-w)^(k-t) sigmoid(w)^t,              w = log(F/E)
    log(E + F)                 =  log E + softplus(w)
    a w + k softplus(w)        =  (k + a) softplus(w) - a softplus(-w)
    exp(a_j) / Sum_k exp(a_k)  =  exp(a_j - m) / Sum_k exp(a_k - m),           m = max_k a_k
    P(e^w) / Q(e^w)            =  the same polynomials in exp(-|w|), one for each sign of w
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

from derive.canon import (
    Monomial,
    Polynomial,
    equal,
    normal,
    over_common,
    plus,
    scaled,
    to_term,
)
from derive.index import at
from derive.terms import (
    ONE,
    ZERO,
    Add,
    Affine,
    Call,
    Compare,
    Delta,
    Extremum,
    Num,
    Piecewise,
    Sum,
    Term,
    add,
    call,
    free_indices,
    lift,
    mul,
    power,
    refs,
    total,
)

FAR = 10**30  # exp(-FAR) is 0 and FAR is finite in both precisions
Exponent = Polynomial  # a linear combination of atoms: what stands under an exp


def quotient(term: Term) -> Term | None:
    """The term in a stable form, where it is a quotient of sums of exponentials."""
    poly = normal(term)
    top, below = over_common(poly)
    if len(poly) == 1:
        (mono,) = poly
        below = {a: -e for a, e in mono if e < 0 and isinstance(a, Add | Sum)}
        top = {tuple((a, e) for a, e in mono if a not in below): poly[mono]}
    if not below or any(e.denominator != 1 for e in below.values()):
        return None
    if all(isinstance(atom, Sum) for atom in below):
        return _shifted(top, below)
    return _by_sigmoid(top, below) or _two_sided(top, below)


def logarithm(argument: Term) -> Term | None:
    """log(argument) in a stable form, where the argument is made of sums of exponentials."""
    poly = normal(call("log", argument))
    inside = {mono: _log_argument(mono) for mono in poly}
    found: list[Term] = []
    constant = {mono: c for mono, c in poly.items() if not _varies(mono)}
    linear = {m: c for m, c in poly.items() if inside[m] is None and m not in constant}
    for mono, c in poly.items():
        term = inside[mono]
        if term is None:
            continue
        if (shifted := _log_of_sum(term) or _log_of_others(term)) is not None:
            linear = plus(linear, scaled(normal(shifted[0]), c))
            found.append(mul(c, call("log", shifted[1])))
        elif (pair := _binomial(term)) is not None:
            linear, part = _softplus(linear, c, *pair)
            found.append(part)
        elif (parts := _exponents(term)) is not None:
            found.append(mul(c, _chained(parts)))
        else:
            linear = plus(linear, {mono: c})
    return add(_top_first(linear), *found, to_term(constant)) if found else None


def _varies(mono: Monomial) -> bool:
    return any(refs(atom) for atom, _ in mono)


def _top_first(linear: Exponent) -> Term:
    """The linear part with the maxima last: a - m is exact where a is near m."""
    atoms = sorted(
        linear.items(), key=lambda item: any(isinstance(a, Extremum) for a, _ in item[0])
    )
    return add(*(to_term({mono: c}) for mono, c in atoms))


def _log_argument(mono: Monomial) -> Term | None:
    """u where the monomial is log(u) and u is no number."""
    if len(mono) == 1 and mono[0][1] == 1:
        atom = mono[0][0]
        if isinstance(atom, Call) and atom.function == "log":
            return None if isinstance(atom.args[0], Num) else atom.args[0]
    return None


# ------------------------------------------------------------------ reading exponentials


def _split(mono: Monomial) -> tuple[Exponent, Monomial]:
    """The sum of what stands under the exponentials of a product, and its other factors."""
    exponent: Exponent = {}
    rest: list[tuple[Term, Fraction]] = []
    for atom, e in mono:
        if isinstance(atom, Call) and atom.function == "exp":
            exponent = plus(exponent, scaled(normal(atom.args[0]), e))
        else:
            rest.append((atom, e))
    return exponent, tuple(rest)


def _exponents(term: Term) -> list[tuple[Fraction, Exponent]] | None:
    """c1 exp(e1) + c2 exp(e2) + ... with positive numbers c, else None."""
    parts = []
    for mono, c in normal(term).items():
        exponent, rest = _split(mono)
        if rest or c <= 0:
            return None
        parts.append((c, exponent))
    return sorted(parts, key=lambda part: (len(part[1]), str(to_term(part[1])))) if parts else None


def _binomial(term: Term) -> tuple[Fraction, Exponent, Fraction, Exponent] | None:
    parts = _exponents(term)
    if parts is None or len(parts) != 2:
        return None
    (c1, e1), (c2, e2) = parts
    return c1, e1, c2, e2


def _minus(a: Exponent, b: Exponent) -> Exponent:
    return plus(a, scaled(b, Fraction(-1)))


def _multiple(exponent: Exponent, of: Exponent) -> Fraction | None:
    """t with exponent = t * of, else None."""
    if not exponent:
        return Fraction(0)
    mono = next(iter(of))
    t = exponent.get(mono, Fraction(0)) / of[mono]
    return t if exponent == scaled(of, t) else None


def _log_number(value: Fraction) -> Term:
    return lift(0) if value == 1 else call("log", value)


# ------------------------------------------------------------------ quotients


def _by_sigmoid(top: Polynomial, below: dict[Term, Fraction]) -> Term | None:
    """Everything over one power of E + F."""
    if len(below) != 1:
        return None
    ((atom, k),) = below.items()
    pair = _binomial(atom)
    if pair is None:
        return None
    c1, e1, c2, e2 = pair
    ratio = _minus(e2, e1)
    w = add(to_term(ratio), _log_number(c2 / c1))
    shares: dict[Fraction, Polynomial] = {}
    for mono, c in top.items():
        exponent, rest = _split(mono)
        t = _multiple(_minus(exponent, scaled(e1, k)), ratio)
        if t is None or t.denominator != 1 or not 0 <= t <= k:
            return None
        weight = c / (c1 ** int(k - t) * c2 ** int(t))
        shares[t] = plus(shares.get(t, {}), {rest: weight})
    row = [shares.get(Fraction(t), {}) for t in range(int(k) + 1)]
    while len(row) > 2 and (shorter := _lowered(row)) is not None:
        row = shorter
    if len(row) == 2:
        return _one_sigmoid(row[0], row[1], w)
    top_power = len(row) - 1
    return add(
        *(
            mul(to_term(p), power(_sigmoid(-w), top_power - t), power(_sigmoid(w), t))
            for t, p in enumerate(row)
        )
    )


def _lowered(row: list[Polynomial]) -> list[Polynomial] | None:
    """The same sum of p_t a^(k-t) b^t with one degree less, by a + b = 1, where it divides."""
    quotients: list[Polynomial] = [row[0]]
    for p in row[1:-1]:
        quotients.append(_minus(p, quotients[-1]))
    return quotients if quotients[-1] == row[-1] else None


def _one_sigmoid(low: Polynomial, high: Polynomial, w: Term) -> Term:
    """The function that goes from `low` to `high`: low + (high - low) sigmoid(w)."""
    if not low:
        return mul(to_term(high), _sigmoid(w))
    if not high:
        return mul(to_term(low), _sigmoid(-w))
    if not plus(low, high):
        if all(c < 0 for c in high.values()):
            return mul(to_term(low), call("tanh", to_term(normal(-w / 2))))
        return mul(to_term(high), call("tanh", to_term(normal(w / 2))))
    rise = to_term(_minus(high, low))
    if isinstance(rise, Num):
        return add(mul(rise, _sigmoid(w)), to_term(low))
    return add(mul(to_term(high), _sigmoid(w)), mul(to_term(low), _sigmoid(-w)))


def _sigmoid(w: Term) -> Term:
    return call("sigmoid", to_term(normal(w)))


def _two_sided(top: Polynomial, below: dict[Term, Fraction]) -> Term | None:
    """P(e^w)/Q(e^w) in exp(-|w|): for w >= 0 all powers are divided by the highest one of Q."""
    bottoms = [(_exponents(atom), k) for atom, k in below.items()]
    steps = [e for parts, _ in bottoms for _, e in parts or () if e]
    if any(parts is None for parts, _ in bottoms) or not steps:
        return None
    multiples = [_multiple(e, steps[0]) for e in steps]
    unit = scaled(steps[0], _common_measure([t for t in multiples if t is not None]))
    w = to_term(unit)
    small = call("decay", w)  # exp(-|w|)
    degrees = [(int(k), _along(parts or [], unit)) for parts, k in bottoms]
    if any(powers is None for _, powers in degrees):
        return None
    high = sum(k * max(t for _, t in powers or ()) for k, powers in degrees)
    low = sum(k * min(t for _, t in powers or ()) for k, powers in degrees)
    numerator = []
    for mono, c in top.items():
        exponent, rest = _split(mono)
        t = _multiple(exponent, unit)
        if t is None or not low <= t <= high:
            return None
        numerator.append((to_term({rest: c}), t))
    sides = []
    for sign, edge in ((1, high), (-1, low)):
        over = add(*(mul(c, power(small, sign * (edge - t))) for c, t in numerator))
        under = [_scaled_down(small, powers or [], sign) ** -k for k, powers in degrees]
        sides.append(mul(over, *under))
    return Piecewise(((sides[0], Compare(">=", w, lift(0))), (sides[1], True)))


def _common_measure(values: list[Fraction]) -> Fraction:
    """The largest fraction of which all values are whole multiples."""
    below = lcm(*(v.denominator for v in values))
    return Fraction(gcd(*(int(v * below) for v in values)), below)


def _along(
    parts: list[tuple[Fraction, Exponent]], unit: Exponent
) -> list[tuple[Fraction, Fraction]] | None:
    """Each exponent as a multiple of the unit."""
    found = [(c, _multiple(e, unit)) for c, e in parts]
    return None if any(t is None for _, t in found) else [(c, t) for c, t in found if t is not None]


def _scaled_down(small: Term, powers: list[tuple[Fraction, Fraction]], sign: int) -> Term:
    edge = max(t for _, t in powers) if sign > 0 else min(t for _, t in powers)
    return add(*(mul(c, power(small, sign * (edge - t))) for c, t in powers))


# ------------------------------------------------------------------ sums over an index


def _peeled(inside: Sum) -> tuple[Term, Term] | None:
    """(a, c) where the body is c exp(a) with a number c > 0."""
    body = normal(inside.body)
    if len(body) != 1:
        return None
    ((mono, c),) = body.items()
    exponent, rest = _split(mono)
    return (to_term(exponent), Num(c)) if exponent and not rest and c > 0 else None


def _log_of_sum(inside: Term) -> tuple[Term, Term] | None:
    """(m, Sum exp(a - m)) with m the maximum of a: log of the sum is m + log of the second."""
    peeled = _peeled(inside) if isinstance(inside, Sum) else None
    if peeled is None or not isinstance(inside, Sum):
        return None
    a, c = peeled
    top = Extremum("max", a, inside.indices)
    return top, total(mul(c, call("exp", a - top)), *inside.indices)


def _log_of_others(inside: Term) -> tuple[Term, Term] | None:
    """As `_log_of_sum`, for Sum_j exp(a_j) - exp(a_k): a sum of its own over the j other than k."""
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


def over_others(above: Term, below: Term) -> Term | None:
    """exp(a_i) (1 - [i = k]) / (Sum_j exp(a_j) - exp(a_k)), which leaves k out above and below."""
    pair = _log_of_others(below)
    if pair is None:
        return None
    top = normal(above)
    left = {mono: c for mono, c in top.items() if not _deltas(mono)}
    gone = {mono: c for mono, c in top.items() if mono not in left}
    terms = []
    for mono, c in left.items():
        term = to_term({mono: c})
        twin = next((m for m in gone if _is_left_out(term, to_term({m: gone[m]}), m)), None)
        if twin is None:
            return None
        exponent, rest = _split(mono)
        shift = add(to_term(exponent), -mul(FAR, _deltas(twin)[0]), -pair[0])
        terms.append(mul(to_term({rest: c}), call("exp", shift), power(pair[1], -1)))
        del gone[twin]
    return None if gone else add(*terms)


def _deltas(mono: Monomial) -> list[Term]:
    return [atom for atom, _ in mono if isinstance(atom, Delta)]


def _is_left_out(term: Term, other: Term, mono: Monomial) -> bool:
    """Whether other = -term [i = k]."""
    return equal(other, -mul(term, _deltas(mono)[0]))


def _shifted(top: Polynomial, below: dict[Term, Fraction]) -> Term | None:
    """A quotient of exponentials by sums of exponentials, with the maximum taken out of both."""
    shift: Exponent = {}
    under: list[Term] = []
    for atom, k in below.items():
        assert isinstance(atom, Sum)
        pair = _log_of_sum(atom)
        if pair is None:
            return None
        shift = plus(shift, scaled(normal(pair[0]), k))
        under.append(power(pair[1], -k))
    terms = []
    for mono, c in top.items():
        exponent, rest = _split(mono)
        if any(isinstance(atom, Sum) and _log_of_sum(atom) for atom, _ in rest):
            return None
        whole = _top_first(_minus(exponent, shift))
        raised = ONE if whole is ZERO else call("exp", whole)
        terms.append(mul(to_term({rest: c}), raised, *under))
    return add(*terms)


# ------------------------------------------------------------------ logarithms


def _softplus(
    linear: Exponent, k: Fraction, c1: Fraction, e1: Exponent, c2: Fraction, e2: Exponent
) -> tuple[Exponent, Term]:
    """linear + k log(c1 exp(e1) + c2 exp(e2)) as (what is left of linear, softplus terms)."""
    w = _minus(e2, e1)
    whole = plus(linear, scaled(e1, k))
    a = _multiple(whole, w)
    ratio, constant = _log_number(c2 / c1), mul(k, _log_number(c1))
    up = call("softplus", add(to_term(w), ratio))
    if a is None or not 0 <= -a / k <= 1:
        return whole, add(mul(k, up), constant)
    down = call("softplus", to_term(normal(-add(to_term(w), ratio))))
    return {}, add(mul(k + a, up), mul(-a, down), constant, mul(-a, ratio))


def _chained(parts: list[tuple[Fraction, Exponent]]) -> Term:
    """log(e^a + e^b + e^c) by log(e^l + e^c) = l + softplus(c - l), one term after the other."""
    first, *others = [add(to_term(e), _log_number(c)) for c, e in parts]
    for other in others:
        first = add(first, call("softplus", other - first))
    return first
