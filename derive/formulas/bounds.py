"""What a formula may be: bounded degree and digits, real constants, honest divisors, no jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from random import Random

from derive.algebra.points import (
    DividedByZero,
    NoValue,
    Places,
    Point,
    Value,
    decimal,
    difference,
    distance,
    random_point,
    rounded,
)
from derive.algebra.terms import (
    Add,
    Call,
    Compare,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Term,
    children,
    refs,
)
from derive.errors import SpecError

HIGHEST_EXPONENT, HIGHEST_DEGREE, MOST_DIGITS = 64, 256, 200
_NEAR, _NEARER = Fraction(1, 10**12), Fraction(1, 10**24)
_GRID = sorted(
    {Fraction(n, 4) for n in range(-25, 26)}
    | {sign * Fraction(10**k * m, 7) for k in range(5) for m in (9, 20, 50) for sign in (-1, 1)}
)
Line = Callable[[Fraction], Point]


def degree(term: Term, known: dict[Term, int]) -> int:
    """A bound of the total degree in the entries and in what functions give: exp(s**2)**3 has 3."""
    if term not in known:
        parts = [degree(part, known) for part in children(term)]
        match term:
            case Ref():
                known[term] = 1
            case Mul():
                known[term] = sum(parts)
            case Pow():
                known[term] = -int(-abs(term.exponent) * parts[0] // 1)
            case Call(function=name) if name not in ("abs", "max", "min", "relu"):
                known[term] = min(1, max(parts))
            case _:
                known[term] = max(parts, default=0)
    return known[term]


def too_long(term: Term) -> bool:
    """Whether a numeral in the term itself has too many digits."""
    parts = term.args if isinstance(term, Add | Mul) else (term,)
    numbers = [part.value for part in parts if isinstance(part, Num)]
    return any(max(abs(n.numerator), n.denominator) >= 10**MOST_DIGITS for n in numbers)


def is_constant(term: Term) -> bool:
    """Whether no tensor occurs in the term."""
    return not refs(term)


def constant_value(term: Term) -> Value | None:
    """The value of a constant term, None where it is complex, infinite or not defined."""
    try:
        return random_point(0).value(term)
    except NoValue:
        return None


def values(term: Term, points: Iterable[Point]) -> list[Value]:
    """The values of the term at those of the points where it has one."""
    found = []
    for point in points:
        try:
            found.append(point.value(term))
        except NoValue:
            continue
    return found


def vanishes(term: Term, points: Iterable[Point]) -> bool:
    """Whether the term is zero wherever it was tried: s - s, but not s**2 - 1."""
    tried = 0
    for point in points:
        found = values(term, [point])
        if any(value != 0 for value in found):
            return False
        tried += len(found)
    return tried > 0


def depends(term: Term, letter: str) -> bool:
    """Whether the value of the term changes with the tensor of that letter."""
    if all(ref.tensor.letter != letter for ref in refs(term)):
        return False
    others = {ref.tensor.letter for ref in refs(term)} - {letter}
    for seed in range(6):
        kept = dict.fromkeys(sorted(others), seed)
        found = values(term, [random_point(seed + 6 * k, kept) for k in range(5)])
        if any(distance(v, found[0]) > abs(decimal(found[0])) * 1e-30 for v in found[1:]):
            return True
    return False


def check_values(term: Term, points: Iterable[Point]) -> None:
    """Refuse a term without a value anywhere, or with a division by zero on a whole range."""
    zeros = defined = 0
    for point in points:
        try:
            point.value(term)
            defined += 1
        except DividedByZero:
            zeros += 1
        except NoValue:
            continue
        if zeros > 1:
            raise SpecError("divides by zero on a whole range of values")
    if not defined:
        raise SpecError("has no real, finite value at any of the points that were tried")


@lru_cache(maxsize=256)
def jumps(term: Piecewise) -> Fraction | None:
    """A place where the Piecewise jumps, as a point of a line through its variables, or None."""
    for line in _lines(refs(term)):
        for _, condition in term.branches:
            if not isinstance(condition, Compare):
                continue
            for place in _switches(condition, line):
                if _jumps_at(term, line, place):
                    return place
    return None


def _lines(entries: tuple[Ref, ...]) -> list[Line]:
    """One line where there is one variable, else lines along each and in random directions."""
    letters = list(dict.fromkeys(ref.tensor.letter for ref in entries))
    if len(entries) == 1 and not entries[0].at:
        return [lambda t: Point(lambda ref, places: t)]
    directions = [*letters[:3], "", ""]
    return [_line(f"{n} {letter}", letter) for n, letter in enumerate(directions)]


def _line(seed: str, moving: str) -> Line:
    def at(t: Fraction) -> Point:
        def choose(ref: Ref, places: Places) -> Fraction:
            draw = Random(f"{seed} {ref.tensor} {places}")
            start, slope = draw.randint(1, 99), draw.choice((-3, -2, -1, 1, 2, 3))
            moves = not moving or ref.tensor.letter == moving
            return Fraction(start, 100) + (t * slope if moves else 0)

        return Point(choose)

    return at


def _switches(condition: Compare, line: Line) -> list[Fraction]:
    """The points of the line where the two sides of the condition cross or touch."""

    def height(t: Fraction) -> Value | None:
        try:
            point = line(t)
            return difference(point.value(condition.lhs), point.value(condition.rhs))
        except NoValue:
            return None

    if (root := _straight(condition, line)) is not None:
        return [root]
    seen = [(t, found) for t in _GRID if (found := height(t)) is not None]
    touching = [t for t, h in seen if h == 0]
    pairs = [(low, high) for low, high in pairwise(seen) if low[1] * high[1] < 0]
    return [*touching, *(_crossing(height, low, high) for low, high in pairs[:8])][:12]


def _straight(condition: Compare, line: Line) -> Fraction | None:
    """The one crossing of a condition that is a straight line with rational values."""
    heights: list[Fraction] = []
    for t in (0, 1, 2, -5):
        sides = (
            values(condition.lhs, [line(Fraction(t))]),
            values(condition.rhs, [line(Fraction(t))]),
        )
        if not all(sides) or not all(isinstance(s[0], Fraction) for s in sides):
            return None
        heights.append(sides[0][0] - sides[1][0])
    start, slope = heights[0], heights[1] - heights[0]
    if not slope or heights[2] - start != 2 * slope or heights[3] - start != -5 * slope:
        return None
    return -start / slope


def _crossing(
    height: Callable[[Fraction], Value | None],
    low: tuple[Fraction, Value],
    high: tuple[Fraction, Value],
) -> Fraction:
    """The zero between two points of different sign, to 29 digits, by the Illinois rule."""
    (left, below), (right, above) = low, high
    last = left
    for _ in range(80):
        here = right - (right - left) * rounded(above / (above - below))
        value = height(here)
        if not value or abs(here - last) < Fraction(1, 10**29):
            return here
        if value * above < 0:
            left, below = right, above
        else:
            below /= 2
        right, above, last = here, value, here
    return last


def _jumps_at(term: Term, line: Line, place: Fraction) -> bool:
    """Whether the spread of values around the place does not shrink with the distance."""
    spreads = []
    for step in (_NEAR, _NEARER):
        found = values(term, [line(place - step), line(place), line(place + step)])
        if len(found) < 2:
            return False
        spreads.append(max(distance(a, b) for a in found for b in found))
        scale = 1 + max(abs(decimal(value)) for value in found)
    return bool(spreads[1] > scale * 1e-9 and spreads[1] > spreads[0] * 0.8)
