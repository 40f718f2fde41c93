"""A number with the size of the terms that made it, which says how far rounding may move it.

Every operation adds an error of its own, as large as the result (for a sum, as the sum of the
absolute values), and passes on the errors of its operands.  Passed-on errors have no common sign,
so their squares are added: sums of absolute values would grow by a factor sqrt(width) with each
layer until nothing could be told wrong.  A computation with relative precision eps is then off by
a modest multiple of eps * size (the tests measure it).
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

Floats = Any  # a float64 array or a number
_HYPOT: Any = np.hypot
SECOND = 1e-7  # eps of float32: where both factors vanish, the product of their errors remains


def _joint(*sizes: Floats) -> Floats:
    """The root of the sum of the squares, also where the squares are below the smallest number."""
    return reduce(_HYPOT, sizes)


def _length(a: Floats, b: Floats) -> Floats:
    """The root of the sum of (a b)^2 in place of a b in a matrix product.

    Every row of a and column of b is measured by its largest entry, so that no square vanishes.
    """
    rows, columns = _largest(a, -1), _largest(b, -2)
    return np.sqrt(np.square(a / rows) @ np.square(b / columns)) * rows * columns


def _largest(a: Floats, axis: int) -> Floats:
    """Of each row or column, 1 where there is nothing but zeros."""
    found = np.max(np.abs(a), axis=axis, keepdims=True, initial=0.0)
    return np.where((found > 0) & np.isfinite(found), found, 1.0)


class Sized:
    """`value` and `size`, entry by entry; other numbers that meet it are as large as they are."""

    __array_ufunc__ = None  # an array on the left leaves the operation to us

    def __init__(self, value: Floats, size: Floats) -> None:
        """Keep both."""
        self.value, self.size = value, size

    @classmethod
    def exactly(cls, value: Floats) -> Sized:
        """A given number."""
        return cls(value, np.abs(value))

    @classmethod
    def of(cls, value: Any) -> Sized:
        """Itself, or a plain number as a given one."""
        return value if isinstance(value, Sized) else cls.exactly(value)

    def through(self, value: Floats, slope: Floats) -> Sized:
        """f of this, from f's value and slope."""
        return Sized(value, _joint(value, slope * self.size))

    def at_least(self, *sizes: Floats) -> Sized:
        """The same value, with other sizes joined."""
        return Sized(self.value, _joint(self.size, *sizes))

    def __neg__(self) -> Sized:
        """The size of -a is that of a."""
        return Sized(-self.value, self.size)

    def __add__(self, other: Any) -> Sized:
        """The size of a + b takes in the larger of the two, also where they cancel."""
        other = Sized.of(other)
        return Sized(self.value + other.value, _joint(self.size, other.size))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Sized:
        """As large as a + b."""
        return self + -Sized.of(other)

    def __rsub__(self, other: Any) -> Sized:
        """As large as a + b."""
        return Sized.of(other) + -self

    def __mul__(self, other: Any) -> Sized:
        """The errors of both factors are passed on."""
        other = Sized.of(other)
        both = SECOND * self.size * other.size
        size = _joint(self.size * other.value, self.value * other.size, both)
        return Sized(self.value * other.value, size)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Sized:
        """The errors of both sides are passed on."""
        other = Sized.of(other)
        value = self.value / other.value
        return Sized(value, _joint(self.size / other.value, value * other.size / other.value))

    def __rtruediv__(self, other: Any) -> Sized:
        """The errors of both sides are passed on."""
        return Sized.of(other) / self

    def __pow__(self, exponent: int | float) -> Sized:
        """The power with a constant exponent."""
        slope = exponent * self.value ** (exponent - 1)
        power = self.through(self.value**exponent, slope)
        return power.at_least(SECOND * np.square(self.size)) if exponent == 2 else power

    def __matmul__(self, other: Any) -> Sized:
        """The matrix product; its own error is as large as that of the absolute values."""
        other = Sized.of(other)
        left, right = _length(self.size, other.value), _length(self.value, other.size)
        own = np.abs(self.value) @ np.abs(other.value)
        return Sized(self.value @ other.value, _joint(left, right, own))

    def __getitem__(self, at: Any) -> Sized:
        """Entries, or new axes."""
        return Sized(self.value[at], self.size[at])

    def sum(self, axis: Any = None, keepdims: bool = False) -> Sized:
        """The sum over axes; its own error is as large as the sum of the absolute values."""
        passed = _HYPOT.reduce(self.size, axis=axis, keepdims=keepdims)
        own = np.abs(self.value).sum(axis, keepdims=keepdims)
        return Sized(self.value.sum(axis, keepdims=keepdims), _joint(passed, own))

    def __setitem__(self, at: Any, other: Any) -> None:
        """Write entries."""
        other = Sized.of(other)
        self.value[at], self.size[at] = other.value, other.size

    def reshape(self, *shape: int) -> Sized:
        """The same entries in another shape."""
        return Sized(self.value.reshape(*shape), self.size.reshape(*shape))

    def transpose(self, *axes: int) -> Sized:
        """The axes in another order."""
        return Sized(self.value.transpose(*axes), self.size.transpose(*axes))

    @property
    def T(self) -> Sized:
        """The transpose."""
        return Sized(self.value.T, self.size.T)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return tuple(self.value.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)
