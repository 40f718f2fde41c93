"""Small matrices of complex numbers: what whole arrays are when claims are evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from derive.claims.numbers import Outside

Row = tuple[complex, ...]


@dataclass(frozen=True)
class Matrix:
    """Rows of numbers; a vector is a column.

    `free` says whether there are as many rows, and as many columns, as the context asks for: of
    ones beside a matrix.  All of them are alike, and one stands for them.
    """

    rows: tuple[Row, ...]
    free: tuple[bool, bool] = field(default=(False, False), repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self.rows), len(self.rows[0]) if self.rows else 0

    @property
    def transposed(self) -> Matrix:
        """Rows and columns exchanged."""
        return Matrix(tuple(zip(*self.rows, strict=True)), (self.free[1], self.free[0]))

    def stretched(self, rows: int, cols: int) -> Matrix:
        """With those numbers of rows and columns where they are free."""
        if not any(self.free):
            return self
        made = self.rows
        if self.free[1] and cols != 1:
            made = tuple(row * cols for row in made)
        if self.free[0]:
            made = made * rows
        return Matrix(made, (self.free[0] and rows == 1, self.free[1] and cols == 1))

    def map(self, function: Callable[[complex], complex]) -> Matrix:
        """A function of every entry."""
        return type(self)(tuple(tuple(map(function, row)) for row in self.rows), self.free)

    @property
    def entries(self) -> tuple[complex, ...]:
        """All entries, row by row."""
        return tuple(value for row in self.rows for value in row)


class Folded(Matrix):
    """An array of more than two axes, the later ones in a row: no factor of a matrix product."""


Value = complex | Matrix
ONES = Matrix(((1 + 0j,),), (True, False))  # a column of ones, as long as it has to be


def entries(value: Value) -> tuple[complex, ...]:
    """All numbers of a value, row by row."""
    return value.entries if isinstance(value, Matrix) else (value,)


def column(values: list[complex]) -> Matrix:
    """A vector."""
    return Matrix(tuple((value,) for value in values))


def together(a: Value, b: Value, function: Callable[[complex, complex], complex]) -> Value:
    """Entry by entry; a number beside a matrix counts for every entry, a bias for every row."""
    if isinstance(a, Matrix) and isinstance(b, Matrix):
        free = (a.free[0] and b.free[0], a.free[1] and b.free[1])
        a, b = a.stretched(*b.shape), b.stretched(*a.shape)
        if a.shape != b.shape:
            if b.shape == (a.shape[1], 1) and a.shape[0] != 1:
                b = Matrix(tuple(b.transposed.rows[0] for _ in a.rows))
            elif a.shape == (b.shape[1], 1) and b.shape[0] != 1:
                a = Matrix(tuple(a.transposed.rows[0] for _ in b.rows))
            else:
                raise Outside(f"matrices of one shape: {a.shape} and {b.shape}")
        rows = zip(a.rows, b.rows, strict=True)
        made = Folded if isinstance(a, Folded) or isinstance(b, Folded) else Matrix
        return made(
            tuple(tuple(function(x, y) for x, y in zip(r, s, strict=True)) for r, s in rows), free
        )
    if isinstance(a, Matrix):
        other = b
        assert isinstance(other, complex)
        return a.map(lambda x: function(x, other))
    if isinstance(b, Matrix):
        number = a
        return b.map(lambda y: function(number, y))
    return function(a, b)


def multiplied(a: Value, b: Value) -> Value:
    """The matrix product; a number scales."""
    if isinstance(a, Matrix) and isinstance(b, Matrix):
        if a.shape == (1, 1) and not any(a.free):
            return multiplied(a.rows[0][0], b)
        if b.shape == (1, 1) and not any(b.free):
            return multiplied(a, b.rows[0][0])
        if a.free[1] and b.free[0]:
            raise Outside("a product of ones with ones, whose number something says")
        if isinstance(a, Folded) or isinstance(b, Folded):
            raise Outside("a matrix in a matrix product, in place of an array of more axes")
        free = (a.free[0], b.free[1])
        a, b = a.stretched(1, b.shape[0]), b.stretched(a.shape[1], 1)
        if a.shape[1] != b.shape[0]:
            raise Outside(f"factors that fit: {a.shape} and {b.shape}")
        columns = b.transposed.rows
        return Matrix(
            tuple(
                tuple(sum((x * y for x, y in zip(row, col, strict=True)), 0j) for col in columns)
                for row in a.rows
            ),
            free,
        )
    return together(a, b, lambda x, y: x * y)
