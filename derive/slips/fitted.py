"""A number that is missing or too much, read off both sides: their quotient or their difference."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from derive.claims.claim import Claim
from derive.reading.tree import Minus, Node, Num, Over, Plus, Root
from derive.slips.catalogue import Edit
from derive.slips.meet import Sides
from derive.slips.signs import times
from derive.slips.sites import Site
from derive.slips.view import ONE

MOST = 64  # of a numerator and of a denominator
EXACT = 1e-10
DIFFERENT = 3  # values at least, of which a constant relation says something
FACTOR, SUMMAND = 1.35, 1.4  # costs


def fitted(claim: Claim, sides: Sides) -> Iterator[Edit]:
    """The right side with a number before it or behind it, where one explains all values."""
    rhs = claim.rhs
    if rhs is None or len({f"{x:.6g}" for x in sides.lhs}) < DIFFERENT:
        return
    if 0.0 not in sides.rhs:
        found = number(_constant([a / b for a, b in zip(sides.lhs, sides.rhs, strict=True)]))
        bare = rhs.arg if isinstance(rhs, Minus) else rhs
        if found is not None:
            made: Node = times(found, bare, span=rhs.span)
            made = made if bare is rhs else Minus(made, span=rhs.span)
            yield Edit("factor", Site("rhs", (), rhs, ()), made, FACTOR)
    shift = _constant([a - b for a, b in zip(sides.lhs, sides.rhs, strict=True)])
    summand = number(abs(shift)) if shift else None
    if summand is not None and shift is not None:
        args = rhs.args if isinstance(rhs, Plus) else (rhs,)
        more = Plus((*args, summand if shift > 0 else Minus(summand)), span=rhs.span)
        yield Edit("constant", Site("rhs", (), rhs, ()), more, SUMMAND)


def _constant(values: list[float]) -> float | None:
    """The one value of all."""
    first = values[0]
    return first if all(abs(x - first) <= EXACT * abs(first) for x in values) else None


def number(value: float | None) -> Node | None:
    """A small fraction, or the root of one; None where it is neither."""
    if value is None or value <= 0:
        return None
    if (exact := _fraction(value)) is not None:
        return _quotient(exact, root=False)
    square = _fraction(value * value)
    return None if square is None else _quotient(square, root=True)


def _fraction(value: float) -> Fraction | None:
    near = Fraction(value).limit_denominator(MOST)
    close = abs(value - near) <= EXACT * value
    return near if close and 0 < near.numerator <= MOST else None


def _quotient(value: Fraction, *, root: bool) -> Node:
    above, below = (Num(Fraction(n)) for n in (value.numerator, value.denominator))
    if not root:
        return above if value.denominator == 1 else Over(above, below)
    if value.numerator == 1:
        return Over(ONE, Root(below))
    return Root(above if value.denominator == 1 else Over(above, below))
