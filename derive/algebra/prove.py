"""How a step is checked: PROVED by exact arithmetic, TESTED modulo a prime, or SAMPLED."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

import mpmath

from derive.algebra.canon import normal, vanishes
from derive.algebra.effort import bounded, charged
from derive.algebra.evaluate import PRIME, Digits, Modular, Untestable
from derive.algebra.functions import raised
from derive.algebra.index import named_by, written_out
from derive.algebra.polynomial import Polynomial, TooBig, plus, scaled, times
from derive.algebra.reindex import opened, summed_alike
from derive.algebra.simplify import written
from derive.algebra.terms import (
    Argmax,
    Delta,
    Guard,
    Index,
    Piecewise,
    Ref,
    Term,
    free_indices,
    ordered,
    structure,
    walk,
)
from derive.errors import NotYet

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


@charged
def _prove(lhs: Term, rhs: Term, facts: tuple[Fact, ...]) -> Check:
    if found := bounded(lambda: _exactly(lhs, rhs, facts), otherwise=None):
        return found
    if facts:
        raise Unproved("the step does not follow from the stated facts")
    return bounded(lambda: _test(lhs, rhs), otherwise=None) or _sample(lhs, rhs)


def _exactly(lhs: Term, rhs: Term, facts: tuple[Fact, ...]) -> Check | None:
    """The proof by exact arithmetic; None where that does not show it."""
    try:
        gap = plus(normal(lhs), scaled(normal(rhs), Fraction(-1)))
        if vanishes(_given(gap, facts)):
            return Check(PROVED, "by exact arithmetic")
        gap = plus(normal(opened(lhs)), scaled(normal(opened(rhs)), Fraction(-1)))
        if vanishes(summed_alike(gap)):
            return Check(PROVED, "by exact arithmetic, over other summed indices")
    except (TooBig, ZeroDivisionError, RecursionError, NotYet):
        pass
    return None


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
                    product = times(product, raised(value, e))
            result = plus(result, product)
        poly = result
    return poly


def tidy_given(term: Term, facts: tuple[Fact, ...]) -> Term:
    """The short form of the term under the facts; the term itself where they change nothing."""
    if not facts:
        return term
    try:
        poly = normal(term)
        given = _given(poly, facts)
    except (TooBig, ZeroDivisionError):
        return term
    return term if given == poly else named_by(written(given), term)


# ------------------------------------------------------------------ at small sizes

Instance = tuple[Mapping[str, int], dict[Index, int]]  # symbolic sizes, values of free indices


def _instances(lhs: Term, rhs: Term) -> list[Instance]:
    """Small sizes for every symbolic one; compared indices in every pattern of equality."""
    names = sorted({s for t in (lhs, rhs) for s in _symbolic(t)})
    free = ordered(free_indices(lhs) | free_indices(rhs))
    compared = any(isinstance(n, Delta | Guard | Argmax) for n in walk(lhs - rhs))
    random = Random("sizes")
    found: list[Instance] = []
    for base in (1, 2, max(3, len(free)) if compared else 3):
        sizes = {name: base + (k + base) % 2 for k, name in enumerate(names)}
        ranges = [i.size if isinstance(i.size, int) else sizes[i.size] for i in free]
        chosen = [tuple(range(len(free)))]
        if compared and len(free) <= 5:
            chosen = list(_patterns(len(free))) if base > 2 else [*chosen, (0,) * len(free)]
        chosen += [tuple(map(random.randrange, ranges)) for _ in range(2)]
        for values in chosen:
            clipped = (v % n for v, n in zip(values, ranges, strict=True))
            found.append((sizes, dict(zip(free, clipped, strict=True))))
    return found


def _patterns(count: int) -> Iterator[tuple[int, ...]]:
    """For each way in which `count` values can be equal or different: values that are so."""
    if not count:
        yield ()
    for before in _patterns(count - 1) if count else ():
        yield from ((*before, value) for value in range(max(before, default=-1) + 2))


def _symbolic(term: Term) -> set[str]:
    indices = {
        i for node in walk(term) for i in (*free_indices(node), *getattr(node, "indices", ()))
    }
    extents = {i.size for i in indices} | {getattr(n, "extent", 0) for n in walk(term)}
    return {e for e in extents if isinstance(e, str)}


def _test(lhs: Term, rhs: Term) -> Check | None:
    """Equal modulo PRIME at random points and several sizes; None where that cannot be tested."""
    points = 0
    for k, (sizes, values) in enumerate(_instances(lhs, rhs)):
        a, b = written_out(lhs, sizes, values), written_out(rhs, sizes, values)
        here = 0
        for attempt in range(30):
            at_point = Modular(f"{k} {attempt}")
            try:
                left, right = at_point(a), at_point(b)
            except (Untestable, NotYet, ZeroDivisionError, RecursionError):
                continue
            if left != right:
                return None  # unequal for these generators: the digits decide
            here += 1
            if here == 3:
                break
        points += here
    if points < 12:
        return None
    return Check(TESTED, _tested(points, any(isinstance(n, Piecewise) for n in walk(lhs - rhs))))


def _tested(points: int, conditions: bool) -> str:
    """In words: a false identity of degree d passes a point with a probability of d/PRIME."""
    how = f"modulo a prime of {PRIME.bit_length()} bits at {points} points, sizes 1 to 4"
    if conditions:
        return f"{how}; quadratic residues decide the conditions"
    return (
        f"{how}; a false identity of degree 10^6 passes with a probability below 10^-{12 * points}"
    )


SCALES = (1.5, 1.5, 0.2, 10.0)  # of the random values; conditions hold at some and fail at others


def _sample(lhs: Term, rhs: Term) -> Check:
    points = 0
    with mpmath.workdps(DIGITS + 15):
        instances = _instances(lhs, rhs)
        each = len(SCALES)
        for sizes, values in instances:
            a, b = written_out(lhs, sizes, values), written_out(rhs, sizes, values)
            points += _agreements(a, b, each, sizes)
    if points < POINTS:
        raise Unproved(f"only {points} points of the domain were found, {POINTS} are needed")
    return Check(SAMPLED, f"with {DIGITS} digits at {points} points")


def _agreements(a: Term, b: Term, wanted: int, sizes: Mapping[str, int]) -> int:
    """At how many points of the domain both sides were found to agree, at most `wanted`."""
    found = 0
    for attempt in range(100):
        verdict = _agree(a, b, Random(f"{attempt}"), SCALES[attempt % len(SCALES)])
        if verdict is False:
            raise Unproved(f"the two sides differ at sizes {dict(sizes)}")
        found += verdict is True
        if found == wanted:
            break
    return found


def _agree(a: Term, b: Term, random: Random, scale: float) -> bool | None:
    """Whether both sides agree at a random point; None where the point is outside the domain."""
    known: dict[str, Any] = {}

    def entry(node: Term) -> Any:
        key = structure(node)
        if key not in known:
            unit = isinstance(node, Ref) and node.tensor.role in {"activation", "target"}
            value = mpmath.mpf(random.random())
            known[key] = value if unit else (2 * value - 1) * scale
        return known[key]

    value = Digits(entry)
    try:
        left, right = value(a), value(b)
    except (ZeroDivisionError, ValueError):
        return None
    if any(isinstance(side, mpmath.mpc) or not mpmath.isfinite(side) for side in (left, right)):
        return None
    return bool(abs(left - right) <= mpmath.mpf(10) ** -DIGITS * max(1, abs(left), abs(right)))
