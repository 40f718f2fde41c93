"""Entries of arrays that are no quantities, functions of whole arrays, and limits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from derive.algebra.terms import Term, call, exp, power
from derive.claims.arrays import Matrix, Value, column, entries, together
from derive.claims.numbers import Outside
from derive.claims.parts import counted
from derive.claims.places import NoValue
from derive.claims.sums import Sums
from derive.identities import S
from derive.reading.tree import (
    Applied,
    AtPoint,
    ClassOf,
    Entry,
    Letter,
    Listed,
    Minus,
    Node,
    Picked,
    Total,
)
from derive.reading.tree import Value as Named

_HALF = Fraction(1, 2)
#: Functions of hand derivations that the formula language does without.
FURTHER: Final[dict[str, Term]] = {
    "sech": 2 / (exp(S) + exp(-S)),
    "csch": 2 / (exp(S) - exp(-S)),
    "coth": (exp(S) + exp(-S)) / (exp(S) - exp(-S)),
    "sec": power(call("cos", S), -1),
    "csc": power(call("sin", S), -1),
    "cot": call("cos", S) / call("sin", S),
    "asinh": call("log", S + power(S * S + 1, _HALF)),
    "acosh": call("log", S + power(S * S - 1, _HALF)),
    "atanh": call("log", (1 + S) / (1 - S)) / 2,
}
OF_ARRAYS = ("vec", "trace", "inner")
_NEAR = tuple(sign * 0.04 / 2**k for k in range(4) for sign in (1, -1))  # beside a limit
_FAR = (40.0, 60.0)
_CLOSE = 1e-6  # of limits from either side


@dataclass(frozen=True)
class WholeArrays(Sums):
    """Reads off what takes whole arrays."""

    # ---------------------------------------------------------------- functions

    def _applied(self, node: Applied) -> Value:
        if node.function.name in OF_ARRAYS and node.args and not node.order:
            return self._of_arrays(node.function.name, [self.value(arg) for arg in node.args])
        return super()._applied(node)

    def _of_arrays(self, name: str, given: list[Value]) -> Value:
        if len(given) != (2 if name == "inner" else 1):
            raise NoValue(f"{name} of {len(given)} arrays")
        first = given[0]
        if name == "inner":
            product = together(first, given[1], lambda a, b: a * b)
            return sum(entries(product), 0j)
        if not isinstance(first, Matrix):
            raise NoValue(f"{name} of a number")
        if name == "vec":  # the columns, one below the other
            return column(list(first.transposed.entries))
        rows, columns = first.shape
        if rows != columns:
            raise Outside("a square matrix")
        return sum((first.rows[k][k] for k in range(rows)), 0j)

    def _function(self, node: Applied) -> Callable[[complex], complex]:
        phi, world, order = FURTHER.get(node.function.name), self.world, node.order
        if phi is None:
            return super()._function(node)
        return lambda s: world.elementwise(phi, s, order)

    def _at_point(self, node: AtPoint) -> Value:
        if not all(isinstance(point, Entry | Letter | Listed) for point in node.points):
            raise NoValue("a quantity at other values of what it depends on")
        return super()._at_point(node)

    # ---------------------------------------------------------------- entries

    def _picked(self, node: Picked) -> Value:
        """The entry of an array; a vector has one index, also one that lies."""
        made = self.value(node.arg)
        if not isinstance(made, Matrix):
            raise NoValue("an entry of a number")
        at = [self.place(place) - self.scope.profile.base for place in node.places]
        if len(at) == 1 and 1 in made.shape:
            at = [at[0], 0] if made.shape[1] == 1 else [0, at[0]]
        if len(at) != 2:
            raise Outside("as many indices as the array has")
        (row, col), (rows, columns) = at, made.shape
        if not (0 <= row < rows and 0 <= col < columns):
            raise Outside("an entry of the array")
        return made.rows[row][col]

    def _extent(self, name: str, node: Node) -> int | None:
        found = super()._extent(name, node)
        for part in counted(node) if found is None else ():
            if isinstance(part, Picked) and Letter(name) in part.places:
                with suppress(NoValue, Outside):
                    made = self.value(part.arg)
                    if isinstance(made, Matrix):
                        alone = len(part.places) == 1
                        return max(made.shape) if alone else made.shape[_at(part, name)]
        return found

    def _far_off(self, node: Total, sign: int) -> Value:
        """What the values far away come to, if they no longer change there."""
        name = node.bounds[0].name
        near, far = (
            self.but(numbers={**self.numbers, name: complex(sign * at)}).value(node.body)
            for at in _FAR
        )
        pairs = zip(entries(near), entries(far), strict=True)
        if any(abs(a - b) > _CLOSE * _CLOSE for a, b in pairs):
            raise NoValue("a limit that values far away do not tell")
        return far

    def _class_of(self, node: ClassOf) -> complex:
        """The written number of the class that the target names."""
        made = self.value(node.target)
        if not isinstance(made, Matrix) or len(made.entries) < 2:
            raise NoValue("the class of a target of one number")
        best = max(made.entries, key=lambda z: z.real)
        return complex(made.entries.index(best) + self.scope.profile.base)

    # ---------------------------------------------------------------- limits

    def _limit_at(self, node: Total) -> Value:
        """What the values beside the place lead to, by the polynomial through them."""
        (bound,) = node.bounds
        assert bound.low is not None
        if (far := _infinite(bound.low)) is not None:
            return self._far_off(node, far)
        target = self.number(bound.low)
        letters = {k: v for k, v in self.letters.items() if k != bound.name}

        def near(step: float) -> Value:
            numbers = {**self.numbers, bound.name: target + step}
            return self.but(letters=letters, numbers=numbers).value(node.body)

        values = [near(step) for step in _NEAR]
        found = _led_to(values, _NEAR)
        for side in (0, 1):
            alone = _led_to(values[side::2], _NEAR[side::2])
            pairs = zip(entries(found), entries(alone), strict=True)
            if any(abs(a - b) > _CLOSE * (1 + abs(a)) for a, b in pairs):
                raise NoValue("a limit that values on both sides do not tell")
        return found


def _infinite(node: Node) -> int | None:
    """The sign of an infinite place."""
    if isinstance(node, Minus):
        inner = _infinite(node.arg)
        return None if inner is None else -inner
    return 1 if node == Named("infinity") else None


def _at(part: Picked, name: str) -> int:
    """Which index a letter is: of a row or of a column."""
    return min(part.places.index(Letter(name)), 1)


def _led_to(values: list[Value], steps: tuple[float, ...]) -> Value:
    """The value at 0 of the polynomial through the values."""
    made: Value = 0j
    for k, value in enumerate(values):
        weight = 1.0
        for other in steps[:k] + steps[k + 1 :]:
            weight *= other / (other - steps[k])
        scale = complex(weight)
        made = together(made, together(value, scale, lambda a, b: a * b), lambda a, b: a + b)
    return made
