"""How a step is checked: PROVED by exact arithmetic, TESTED modulo a prime, or SAMPLED."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from random import Random
from typing import Any

import mpmath

from derive.canon import normal, vanishes
from derive.errors import NotYet
from derive.evaluate import PRIME, Digits, Modular, Untestable
from derive.index import named_by, written_out
from derive.polynomial import Polynomial, TooBig, plus, scaled, times
from derive.simplify import written
from derive.terms import Index, Ref, Term, free_indices, ordered, structure, walk

PROVED, TESTED, SAMPLED = "PROVED", "TESTED", "SAMPLED"
POINTS = 20
DIGITS = 50


@dataclass(frozen=True)
class Check:
    """The word that pages print, and in words how the step was checked and at which sizes."""

    word: str
    how: str


class Unproved(ArithmeticError):
    """No way of checking confirms the step; `counterexample` says where it fails, if it does."""


BY_RULE = Check(PROVED, "by the rule itself, which a test proves")
BY_DEFINITION = Check(PROVED, "by definition")


@dataclass(frozen=True)
class Fact:
    """lhs = rhs holds for the data by assumption; `sentence` is how a page states it."""

    key: str
    sentence: str
    lhs: Term
    rhs: Term


def prove(lhs: Term, rhs: Term, facts: tuple[Fact, ...] = ()) -> Check:
    """Check lhs = rhs for all values of entries and indices, given the facts; else Unproved."""
    return _prove(lhs, rhs, facts)


@lru_cache(maxsize=20_000)
def _prove(lhs: Term, rhs: Term, facts: tuple[Fact, ...]) -> Check:
    try:
        gap = plus(normal(lhs), scaled(normal(rhs), Fraction(-1)))
        if vanishes(_given(gap, facts)):
            return Check(PROVED, "by exact arithmetic")
    except (TooBig, ZeroDivisionError, RecursionError, NotYet):
        pass
    if facts:
        raise Unproved("the step does not follow from the stated facts")
    tested = _test(lhs, rhs)
    return tested if tested is not None else _sample(lhs, rhs)


def _given(poly: Polynomial, facts: tuple[Fact, ...]) -> Polynomial:
    """The polynomial with the left side of each fact, an atom, replaced by its right side."""
    for fact in facts:
        (((atom, _),),) = normal(fact.lhs)
        value = normal(fact.rhs)
        result: Polynomial = {}
        for mono, c in poly.items():
            product: Polynomial = {tuple(i for i in mono if i[0] is not atom): c}
            for a, e in mono:
                if a is atom:
                    for _ in range(int(e)):
                        product = times(product, value)
            result = plus(result, product)
        poly = result
    return poly


def tidy_given(term: Term, facts: tuple[Fact, ...]) -> Term:
    """The short form of the term under the facts; the term itself where they change nothing."""
    poly = normal(term)
    given = _given(poly, facts)
    return term if given == poly else named_by(written(given), term)


# ------------------------------------------------------------------ at small sizes


def _instances(lhs: Term, rhs: Term) -> list[tuple[Mapping[str, int], dict[Index, int]]]:
    """Small sizes for every symbolic one, and for each some values of the free indices."""
    names = sorted({s for t in (lhs, rhs) for s in _symbolic(t)})
    free = ordered(free_indices(lhs) | free_indices(rhs))
    random = Random("sizes")
    found: list[tuple[Mapping[str, int], dict[Index, int]]] = []
    for base in (1, 2, 3):
        sizes = {name: base + (k + base) % 2 for k, name in enumerate(names)}
        values = {
            i: random.randrange(min(3, i.size if isinstance(i.size, int) else sizes[i.size]))
            for i in free
        }
        found.append((sizes, values))
    return found


def _symbolic(term: Term) -> set[str]:
    indices = {
        i for node in walk(term) for i in (*free_indices(node), *getattr(node, "indices", ()))
    }
    extents = {i.size for i in indices} | {getattr(n, "extent", 0) for n in walk(term)}
    return {e for e in extents if isinstance(e, str)}


def _test(lhs: Term, rhs: Term) -> Check | None:
    """Equal modulo PRIME at random points and several sizes; None where that cannot be tested."""
    points = 0
    for sizes, values in _instances(lhs, rhs):
        a, b = written_out(lhs, sizes, values), written_out(rhs, sizes, values)
        for attempt in range(30):
            at_point = Modular(f"{sorted(sizes.items())}{attempt}")
            try:
                left, right = at_point(a), at_point(b)
            except (Untestable, NotYet, ZeroDivisionError, RecursionError):
                continue
            if left != right:
                return None  # unequal for these generators: the digits decide
            points += 1
            if points % 4 == 0:
                break
    if points < 12:
        return None
    return Check(
        TESTED, f"modulo a prime of {PRIME.bit_length()} bits at {points} points, sizes 1 to 4"
    )


def _sample(lhs: Term, rhs: Term) -> Check:
    points = 0
    with mpmath.workdps(DIGITS + 15):
        for sizes, values in _instances(lhs, rhs):
            a, b = written_out(lhs, sizes, values), written_out(rhs, sizes, values)
            for attempt in range(200):
                if points % 7 == 6 or points >= POINTS + 1:
                    break
                verdict = _agree(a, b, Random(f"{attempt}"))
                if verdict is False:
                    raise Unproved(f"the two sides differ at sizes {dict(sizes)}")
                points += verdict is True
            points += points % 7 == 6
    if points < POINTS:
        raise Unproved(f"only {points} points of the domain were found, {POINTS} are needed")
    return Check(SAMPLED, f"with {DIGITS} digits at {points} points")


def _agree(a: Term, b: Term, random: Random) -> bool | None:
    """Whether both sides agree at a random point; None where the point is outside the domain."""
    known: dict[str, Any] = {}

    def entry(node: Term) -> Any:
        key = structure(node)
        if key not in known:
            unit = isinstance(node, Ref) and node.tensor.role in {"activation", "target"}
            known[key] = mpmath.mpf(random.random()) * (1 if unit else 3) - (0 if unit else 1.5)
        return known[key]

    value = Digits(entry)
    try:
        left, right = value(a), value(b)
    except (ZeroDivisionError, ValueError):
        return None
    if isinstance(left, mpmath.mpc) or isinstance(right, mpmath.mpc) or not mpmath.isfinite(left):
        return None
    return bool(abs(left - right) <= mpmath.mpf(10) ** -DIGITS * max(1, abs(left), abs(right)))
