"""Conditions as numbers: [d > 0] is an atom that is 0 or 1, and signs that can be seen.

A function of a polynomial with a bracket in it is taken in both cases: f(p) = [c] f(p | c) +
(1 - [c]) f(p | not c).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from derive.algebra.polynomial import (
    Polynomial,
    constant,
    content,
    mono_key,
    opened,
    opposite,
    over_common,
    plus,
    positive_bracket,
    scaled,
    single,
    times,
)
from derive.algebra.terms import (
    Add,
    Call,
    Compare,
    Const,
    Num,
    Piecewise,
    Size,
    Sum,
    Term,
)

Signs = Mapping[Term, int]  # atoms known to be positive (1) or negative (-1)

NOTHING: Signs = {}


def atom_sign(atom: Term, signs: Signs) -> int:
    """1 or -1 where the sign of the atom is known, else 0."""
    if atom in signs:
        return signs[atom]
    match atom:
        case Call() if atom.function == "exp":
            return 1
        case Num():
            return 1 if atom.value > 0 else -1
        case Const() | Size():
            return 1
        case Add():
            return sign(opened(atom), signs)
        case Sum():
            return sign(opened(atom.body), signs)
    return 0


def positive_atom(atom: Term) -> bool:
    """Whether the atom is known to be positive."""
    return atom_sign(atom, NOTHING) == 1


def sign(poly: Polynomial, signs: Signs = NOTHING) -> int:
    """1 or -1 where the polynomial is seen to have that sign: all its terms have it; else 0.

    An even power counts as positive beside a term that certainly is; alone it might be 0.
    """
    found: set[int] = set()
    strict = False
    for mono, c in poly.items():
        here = 1 if c > 0 else -1
        certain = True
        for atom, e in mono:
            s = atom_sign(atom, signs)
            even = e.denominator == 1 and e % 2 == 0
            if not s and not even:
                return 0
            certain = certain and bool(s)
            here *= 1 if even or not s else s
        found.add(here)
        strict = strict or certain
    return found.pop() if len(found) == 1 and strict else 0


# ------------------------------------------------------------------ brackets


def bracket_of(poly: Polynomial, signs: Signs = NOTHING) -> Polynomial:
    """[poly > 0] as a polynomial in bracket atoms; `signs` are what the cases so far say."""
    if split := case_split(poly):
        bracket, yes, no = split
        holds = bracket_of(yes, {**signs, **_told(bracket)})
        return either(bracket, holds, bracket_of(no, signs))
    top, _ = over_common(poly)
    if not top:
        return {}
    if known := sign(poly, signs):
        return constant(1 if known > 0 else 0)
    lead, mono, primitive = content(poly)
    kept = tuple((a, e) for a, e in mono if not atom_sign(a, signs))
    flips = [a for a, e in mono if atom_sign(a, signs) < 0 and e % 2]
    up = (lead > 0) == (len(flips) % 2 == 0)
    return single(
        positive_bracket(times(scaled(primitive, Fraction(1 if up else -1)), {kept: Fraction(1)}))
    )


def _told(bracket: Piecewise) -> dict[Term, int]:
    """What [d > 0] = 1 says of the sign of an atom, where d is one."""
    cond = bracket.branches[0][1]
    assert isinstance(cond, Compare)
    poly = opened(cond.lhs)
    if len(poly) == 1:
        ((mono, c),) = poly.items()
        if len(mono) == 1 and mono[0][1] % 2:
            return {mono[0][0]: 1 if c > 0 else -1}
    return {}


# ------------------------------------------------------------------ cases


def case_split(poly: Polynomial) -> tuple[Piecewise, Polynomial, Polynomial] | None:
    """A bracket in the polynomial, with the polynomial where it is 1 and where it is 0."""
    for mono in sorted(poly, key=mono_key):
        for atom, _ in mono:
            if isinstance(atom, Piecewise):
                return atom, assume(poly, atom, True), assume(poly, atom, False)
    return None


def assume(poly: Polynomial, bracket: Piecewise, holds: bool) -> Polynomial:
    """The polynomial where the bracket is 1, or where it is 0."""
    other = opposite(bracket)
    result: Polynomial = {}
    for mono, c in poly.items():
        atoms = {a for a, _ in mono}
        if (bracket in atoms and not holds) or (other in atoms and holds):
            continue
        key = tuple(item for item in mono if item[0] is not bracket)
        result[key] = result.get(key, Fraction(0)) + c
    return {m: c for m, c in result.items() if c}


def either(bracket: Piecewise, yes: Polynomial, no: Polynomial) -> Polynomial:
    """[c] yes + (1 - [c]) no."""
    indicator = single(bracket)
    complement = plus(constant(1), scaled(indicator, Fraction(-1)))
    return plus(times(indicator, yes), times(complement, no))
