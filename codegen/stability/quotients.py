"""Quotients of sums of exponentials, written so that nothing overflows or cancels.

With w the logarithm of the ratio of the two terms of a denominator:

    E^(k-t) F^t / (E + F)^k    =  sigmoid(-w)^(k-t) sigmoid(w)^t,              w = log(F/E)
    exp(a_j) / Sum_k exp(a_k)  =  exp(a_j - m) / Sum_k exp(a_k - m),           m = max_k a_k
    P(e^w) / Q(e^w)            =  the same polynomials in exp(-|w|), one for each sign of w
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import accumulate

from codegen.stability.exponents import (
    FAR,
    Exponent,
    along,
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
    Polynomial,
    equal,
    normal,
    over_common,
    plus,
    scaled,
    to_term,
)
from derive.algebra.fraction import common_measure
from derive.algebra.terms import (
    ONE,
    ZERO,
    Add,
    Compare,
    Delta,
    Num,
    Piecewise,
    Sum,
    Term,
    add,
    call,
    lift,
    mul,
    power,
)

MOST_POWERS = 8  # of one exponential


def quotient(term: Term) -> Term | None:
    """The term in a stable form, where it is a quotient of sums of exponentials."""
    poly = normal(term)
    top, below = over_common(poly)
    if len(poly) == 1:
        (mono,) = poly
        below = {a: -e for a, e in mono if e < 0 and isinstance(a, Add | Sum)}
        top = {tuple((a, e) for a, e in mono if a not in below): poly[mono]}
    if not below:
        return None
    if any(e.denominator != 1 for e in below.values()):
        return _two_sided(top, below)
    if all(isinstance(atom, Sum) for atom in below):
        return _shifted(top, below)
    return _by_sigmoid(top, below) or _two_sided(top, below)


def _by_sigmoid(top: Polynomial, below: dict[Term, Fraction]) -> Term | None:
    """Everything over one power of E + F."""
    if len(below) != 1:
        return None
    ((atom, k),) = below.items()
    pair = binomial(atom)
    if pair is None:
        return None
    c1, e1, c2, e2 = pair
    ratio = minus(e2, e1)
    w = add(to_term(ratio), log_number(c2 / c1))
    shares: dict[Fraction, Polynomial] = {}
    for mono, c in top.items():
        exponent, rest = split(mono)
        t = multiple(minus(exponent, scaled(e1, k)), ratio)
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
        quotients.append(minus(p, quotients[-1]))
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
    rise = to_term(minus(high, low))
    if isinstance(rise, Num):
        return add(mul(rise, _sigmoid(w)), to_term(low))
    return add(mul(to_term(high), _sigmoid(w)), mul(to_term(low), _sigmoid(-w)))


def _sigmoid(w: Term) -> Term:
    return call("sigmoid", to_term(normal(w)))


def _two_sided(top: Polynomial, below: dict[Term, Fraction]) -> Term | None:
    """P(e^w)/Q(e^w) in exp(-|w|): for w >= 0 all powers are divided by the highest one of Q."""
    bottoms = [(exponents(atom), k) for atom, k in below.items()]
    steps = [e for parts, _ in bottoms for _, e in parts or () if e]
    if any(parts is None for parts, _ in bottoms) or not steps:
        return None
    multiples = [multiple(e, steps[0]) for e in (*steps, *(split(mono)[0] for mono in top))]
    unit = scaled(steps[0], common_measure([t for t in multiples if t is not None]))
    w = to_term(unit)
    degrees = [(k, along(parts or [], unit)) for parts, k in bottoms]
    if any(powers is None for _, powers in degrees):
        return None
    high = sum(k * max(t for _, t in powers or ()) for k, powers in degrees)
    low = sum(k * min(t for _, t in powers or ()) for k, powers in degrees)
    numerator: dict[Monomial, dict[Fraction, Fraction]] = {}
    for mono, c in top.items():
        exponent, rest = split(mono)
        t = multiple(exponent, unit)
        if t is None or not low <= t <= high:
            return None
        numerator.setdefault(rest, {})[t] = c
    sides = []
    for sign, edge in ((1, high), (-1, low)):
        shares = (
            mul(
                to_term({rest: Fraction(1)}),
                _above(w, sign, {sign * (edge - t): c for t, c in row.items()}),
            )
            for rest, row in numerator.items()
        )
        over = add(*shares)
        under = [power(_scaled_down(w, powers or [], sign), -k) for k, powers in degrees]
        sides.append(mul(over, *under))
    return Piecewise(((sides[0], Compare(">=", w, lift(0))), (sides[1], True)))


def _above(w: Term, sign: int, powers: Mapping[Fraction, Fraction]) -> Term:
    """The sum of c e^k for e = exp(-|w|); a factor 1 - e is written as |tanh(w/2)| (1 + e).

    The difference is right to eps, and no better where w and with it the sum are small.
    """
    row = [powers.get(Fraction(k), Fraction(0)) for k in range(MOST_POWERS + 1)]
    if sum(map(bool, row)) != len(powers):
        row = []
    zeros = 0
    while row and sum(row) == 0:
        row = list(accumulate(row))[:-1]
        zeros += 1
    if not zeros:
        return add(*(mul(c, _falling(w, k)) for k, c in powers.items()))
    rest = add(*(mul(c, _falling(w, Fraction(k))) for k, c in enumerate(row) if c))
    once = mul(sign, call("tanh", to_term(normal(w / 2))), ONE + call("decay", w))
    return mul(power(once, zeros), rest)


def _scaled_down(w: Term, powers: list[tuple[Fraction, Fraction]], sign: int) -> Term:
    edge = max(t for _, t in powers) if sign > 0 else min(t for _, t in powers)
    return add(*(mul(c, _falling(w, sign * (edge - t))) for c, t in powers))


def _falling(w: Term, k: Fraction) -> Term:
    """exp(-k |w|) for k >= 0.

    A power of a rounded number is wrong by k roundings, a root of one rounded to 0 is 0: beyond
    a few whole powers it is an exponential of its own.
    """
    if k <= MOST_POWERS and k.denominator == 1:
        return power(call("decay", w), k)
    return call("decay", to_term(normal(mul(k, w))))


def over_others(above: Term, below: Term) -> Term | None:
    """exp(a_i) (1 - [i = k]) / (Sum_j exp(a_j) - exp(a_k)), which leaves k out above and below."""
    pair = log_of_others(below)
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
        exponent, rest = split(mono)
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
        pair = log_of_sum(atom)
        if pair is None:
            return None
        shift = plus(shift, scaled(normal(pair[0]), k))
        under.append(power(pair[1], -k))
    terms = []
    for mono, c in top.items():
        exponent, rest = split(mono)
        if any(isinstance(atom, Sum) and log_of_sum(atom) for atom, _ in rest):
            return None
        whole = top_first(minus(exponent, shift))
        raised = ONE if whole is ZERO else call("exp", whole)
        terms.append(mul(to_term({rest: c}), raised, *under))
    return add(*terms)
