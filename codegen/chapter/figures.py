"""Numbers on pages: values rounded, matrices of values, and formulas with values in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath

from codegen.example_numbers import Numbers
from derive.algebra.terms import Affine, Ref, Tensor
from derive.matrices.expressions import Transpose, Whole
from derive.writing import layout as lay
from derive.writing.layout import Layout, Matrix, Number
from derive.writing.notation import Writer
from derive.writing.pieces import ATOM, SUM, Piece

PLACES = 4
SMALL = 1  # a number below one unit of the last place is written with a power of ten


def figure(value: Any, places: int = PLACES) -> Layout:
    """A number rounded to four places; fewer where it is exact, a power of ten where it is tiny."""
    whole = units(value, places)
    with mpmath.workdps(40):
        exact = abs(mpmath.mpf(value) * 10**places - whole) < mpmath.mpf(10) ** -20
        if not exact and abs(whole) < SMALL:
            return power_of_ten(value)
    return Number(_decimal(whole, exact, places))


def units(value: Any, places: int = PLACES) -> int:
    """How many units of the last place, rounded."""
    with mpmath.workdps(40):
        return int(mpmath.nint(mpmath.mpf(value) * 10**places))


def _decimal(units: int, exact: bool, places: int) -> str:
    sign, digits = "-" * (units < 0), str(abs(units)).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}"
    return sign + (text.rstrip("0").rstrip(".") if exact else text)


def power_of_ten(value: Any) -> Layout:
    """A number as mantissa and power of ten."""
    text = mpmath.nstr(value, 2, min_fixed=1, max_fixed=0, strip_zeros=False)
    mantissa, _, exponent = text.partition("e")
    return lay.scientific(mantissa, int(exponent or 0))


def text(value: Any) -> str:
    """The number of `figure` as characters, for pictures."""
    made = figure(value)
    return made.text if isinstance(made, Number) else "0"


@dataclass(frozen=True)
class Figures(Writer):
    """Writes every array as the values that it has in an example."""

    numbers: Numbers | None = None

    def array(self, mat: Whole, turned: bool = False) -> Piece:
        """The values of a whole array."""
        assert self.numbers is not None
        rows, columns = mat.shape
        entries = [
            [figure(self.numbers.values[_entry(mat, r, c)]) for c in range(int(columns))]
            for r in range(int(rows))
        ]
        if turned:
            entries = [list(column) for column in zip(*entries, strict=True)]
        if len(entries) == len(entries[0]) == 1:
            return _numeral(entries[0][0])
        return Piece(Matrix(tuple(map(tuple, entries)), "right"), ATOM, exponent=True)

    def _whole(self, mat: Whole) -> Piece:
        return self.array(mat)

    def _transpose(self, mat: Transpose) -> Piece:
        return self.array(mat.arg, True) if isinstance(mat.arg, Whole) else super()._transpose(mat)


def _numeral(made: Layout) -> Piece:
    negative = isinstance(made, Number) and made.text.startswith("-")
    return Piece(made, SUM if negative else ATOM)


def _entry(mat: Whole, r: int, c: int) -> Ref:
    at = {"row": r, "col": c}
    return Ref(mat.tensor, tuple(Affine(at[a] if isinstance(a, str) else 0) for a in mat.axes))


def whole(tensor: Tensor, numbers: Numbers, out_first: bool) -> Layout:
    """The values of an array of one sample as a column, of a weight as its matrix."""
    rows = numbers.rows(tensor)
    if not isinstance(rows, list):
        return figure(rows)
    if not isinstance(rows[0], list):
        rows = [[value] for value in rows]
    elif out_first and tensor.turns:
        rows = [list(column) for column in zip(*rows, strict=True)]
    if len(rows) == len(rows[0]) == 1:
        return figure(rows[0][0])
    return Matrix(tuple(tuple(map(figure, row)) for row in rows), "right")
