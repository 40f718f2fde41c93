r"""Numbers worked out by hand: 0.6059 (1 - 0.6059) \approx 0.2388.

What is written is rounded to its last digit, and so may be the numbers that it is made of, where
they have as many digits as results of other lines have.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

from derive.claims.arrays import Value, entries
from derive.claims.numbers import Outside
from derive.claims.places import NoValue
from derive.claims.values import Setting
from derive.reading.tree import Grid, Minus, Node, Num, rebuilt, walk

#: What numbers of a sheet may raise: they do not fit, or they break off.
_NO_NUMBER = (NoValue, Outside, ArithmeticError, ValueError)
ROUNDED = 3  # digits behind the point of a number that is taken to be rounded
FEWEST = 2  # ... of a result for which a sign of equality may stand in place of "about"
EXACT = 1e-9


def worked_out(left: Node, right: Node, relation: str, setting: Setting) -> bool:
    """Whether a result is what an expression of numbers gives, to its last digit."""
    try:
        a, b = entries(setting.value(left)), entries(setting.value(right))
    except _NO_NUMBER:
        return False
    if len(a) != len(b):
        return False
    slack = [EXACT + s for s in _roundings(right, relation)]
    if len(slack) != len(b):
        slack = [EXACT] * len(b)
    inner = [_carried(left, k, part, setting, a) for k, part in enumerate(walk(left))]
    return all(abs(x - y) <= slack[n] + sum(i[n] for i in inner) + EXACT * abs(x)
               for n, (x, y) in enumerate(zip(a, b, strict=True)))  # fmt: skip


def _roundings(result: Node, relation: str) -> list[float]:
    """By how much each number of a result may be off as written, row by row."""
    if isinstance(result, Grid):
        return [s for row in result.rows for cell in row for s in _roundings(cell, relation)]
    number = result.arg if isinstance(result, Minus) else result
    if not isinstance(number, Num):
        return [0.0]
    digits = decimals(number)
    return [0.5 * 10.0**-digits if relation == "approx" or digits >= FEWEST else 0.0]


def _carried(
    node: Node, k: int, part: Node, setting: Setting, here: tuple[complex, ...] | list[complex]
) -> list[float]:
    """By how much the entries may be off, since part k is rounded."""
    none = [0.0] * len(here)
    if not isinstance(part, Num) or (digits := decimals(part)) < ROUNDED:
        return none
    with suppress(*_NO_NUMBER):
        there: Value = setting.value(moved(node, k, Fraction(1, 2 * 10**digits)))
        return [abs(x - y) for x, y in zip(here, entries(there), strict=True)]
    return none


def decimals(number: Num) -> int:
    """The digits behind the point; also noughts at the end, which the place in the text shows."""
    digits = 0
    while digits < 12 and (number.value * 10**digits).denominator != 1:
        digits += 1
    start, end = number.span
    written = end - start - len(str(abs(int(number.value)))) - 1
    return max(digits, written) if written <= 12 else digits


def moved(node: Node, k: int, by: Fraction) -> Node:
    """The expression with the number that is part k of it a little greater."""
    target = list(walk(node))[k]

    def visit(part: Node) -> Node:
        if part is target and isinstance(part, Num):
            return Num(part.value + by)
        return rebuilt(part, visit)

    return visit(node)
