"""The numbers on which the generic backprop runs, one class for each kind.

The textbook formulas of `textbook` and `backprop` are written once, over an arithmetic `m`:

    Real      NumPy's float32 and float64
    Complex   complex128, for the complex step: comparisons look at the real part
    Precise   mpmath numbers of 60 digits in object arrays
    Sizes     float64 values, each with the size s of the terms that made it, so that a computation
              in floating point is off by a modest multiple of eps * s (see `sized`)

Operators, `.sum`, `.T`, `.reshape`, `.transpose` and indexing belong to the arrays; everything else
belongs to `m`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import mpmath
import numpy as np

from codegen.referee.sized import Sized

Array = Any  # an array of the arithmetic at hand
DIGITS = 60
ELEMENTARY = ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh")

#: The slope f'(u) of each elementary function, from u and f = f(u).
SLOPES: dict[str, Callable[[Any, Array, Array], Array]] = {
    "exp": lambda m, u, f: f,
    "log": lambda m, u, f: 1 / u,
    "sqrt": lambda m, u, f: 1 / (2 * f),
    "sin": lambda m, u, f: m.cos(u),
    "cos": lambda m, u, f: -m.sin(u),
    "tan": lambda m, u, f: 1 + f * f,
    "asin": lambda m, u, f: 1 / m.sqrt(1 - u * u),
    "acos": lambda m, u, f: -1 / m.sqrt(1 - u * u),
    "atan": lambda m, u, f: 1 / (1 + u * u),
    "sinh": lambda m, u, f: m.cosh(u),
    "cosh": lambda m, u, f: m.sinh(u),
    "tanh": lambda m, u, f: 1 - f * f,
    "erf": lambda m, u, f: m.exp(-u * u) * (2 / m.root(m.pi)),
}


class Real:
    """float32 and float64 arrays."""

    pi: Any = math.pi
    exp = staticmethod(np.exp)
    log = staticmethod(np.log)
    sqrt = staticmethod(np.sqrt)
    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    tan = staticmethod(np.tan)
    asin = staticmethod(np.arcsin)
    acos = staticmethod(np.arccos)
    atan = staticmethod(np.arctan)
    sinh = staticmethod(np.sinh)
    cosh = staticmethod(np.cosh)
    tanh = staticmethod(np.tanh)

    def erf(self, u: Array) -> Array:
        """The error function, entry by entry: NumPy has none."""
        values = np.asarray(_REAL_ERF(u), dtype=np.float64)
        return values.astype(np.asarray(u).dtype)

    def number(self, exact: Fraction | int) -> Any:
        """An exact number as a scalar that leaves the precision of arrays alone."""
        return float(exact)

    def root(self, number: Any) -> Any:
        """The square root of a scalar."""
        return math.sqrt(number)

    def array(self, data: np.ndarray[Any, Any]) -> Array:
        """Data or parameters as an array of this arithmetic."""
        return data

    def like(self, value: Array, pattern: Array) -> Array:
        """The value, which may be a scalar, in the shape and precision of the pattern."""
        return np.broadcast_to(value, pattern.shape).astype(pattern.dtype)

    def zeros(self, shape: tuple[int, ...], pattern: Array) -> Array:
        """Zeros of this shape in the precision of the pattern, to be added to."""
        return np.zeros(shape, dtype=pattern.dtype)

    def stack(self, arrays: list[Array], axis: int = 0) -> Array:
        """Arrays of one shape side by side along a new axis."""
        return np.stack(arrays, axis)

    def real(self, u: Array) -> np.ndarray[Any, Any]:
        """The values as plain floating-point numbers, for comparisons only."""
        return np.asarray(u)

    def greater(self, a: Array, b: Array) -> np.ndarray[Any, Any]:
        """Where a > b."""
        return np.asarray(self.real(a) > self.real(b))

    def pick(self, mask: np.ndarray[Any, Any], a: Array, b: Array) -> Array:
        """The entry of a where the mask holds, else that of b."""
        return np.where(mask, a, b)

    def rearranged(self, slope: Array, o: Array) -> Array:
        """A slope that another program may write in terms of the output o; only sizes differ."""
        return slope

    def peak(self, s: Array) -> Array:
        """The largest entry of the last axis, a constant: it has no slope."""
        return self.real(s).max(axis=-1, keepdims=True)


class Complex(Real):
    """complex128 arrays, where the imaginary part carries a derivative."""

    def erf(self, u: Array) -> Array:
        """The error function, by mpmath where there is an imaginary part."""
        return np.asarray(_COMPLEX_ERF(u), dtype=np.complex128)

    def array(self, data: np.ndarray[Any, Any]) -> Array:
        """Data as complex numbers."""
        return np.asarray(data, dtype=np.complex128)

    def real(self, u: Array) -> np.ndarray[Any, Any]:
        """The real part."""
        return np.real(u)


class Precise(Real):
    """Object arrays of mpmath numbers."""

    def __init__(self, digits: int = DIGITS) -> None:
        """Use an own context: the global precision of mpmath stays as it is."""
        self.context = mpmath.MPContext()
        self.context.dps = digits
        self.pi = +self.context.pi
        for name in (*ELEMENTARY, "tanh", "erf"):
            setattr(self, name, np.frompyfunc(getattr(self.context, name), 1, 1))

    def number(self, exact: Fraction | int) -> Any:
        """The number to all digits."""
        return self.context.mpf(Fraction(exact).numerator) / Fraction(exact).denominator

    def root(self, number: Any) -> Any:
        """The square root of a scalar."""
        return self.context.sqrt(number)

    def array(self, data: np.ndarray[Any, Any]) -> Array:
        """Data as mpmath numbers, exactly; mpmath numbers as they are."""
        return data if data.dtype == object else np.frompyfunc(self._lift, 1, 1)(data)

    def like(self, value: Array, pattern: Array) -> Array:
        """The value in the shape of the pattern."""
        return np.broadcast_to(np.asarray(value, dtype=object), pattern.shape)

    def real(self, u: Array) -> np.ndarray[Any, Any]:
        """The numbers themselves: they compare."""
        return np.asarray(u, dtype=object)

    def greater(self, a: Array, b: Array) -> np.ndarray[Any, Any]:
        """Where a > b."""
        return np.asarray(self.real(a) > self.real(b), dtype=bool)

    def _lift(self, value: Any) -> Any:
        return self.context.mpf(float(value))


class Sizes(Real):
    """float64 values with the size of their rounding errors; notes how near a kink comes.

    `margin` is the smallest |a - b| / (size of a + size of b) over all comparisons of different
    values: below a few eps, two right programs may take different sides.
    """

    def __init__(self) -> None:
        """Start without any comparison."""
        self.margin = math.inf
        for name in SLOPES:
            setattr(self, name, partial(_grown, name))

    def array(self, data: np.ndarray[Any, Any]) -> Array:
        """Given numbers: each as large as it is."""
        return Sized.exactly(np.asarray(data, dtype=np.float64))

    def like(self, value: Array, pattern: Array) -> Array:
        """The value in the shape of the pattern."""
        known = Sized.of(value)
        shape = pattern.shape
        return Sized(np.broadcast_to(known.value, shape), np.broadcast_to(known.size, shape))

    def zeros(self, shape: tuple[int, ...], pattern: Array) -> Array:
        """Zeros of this shape, exact ones."""
        return Sized(np.zeros(shape), np.zeros(shape))

    def stack(self, arrays: list[Array], axis: int = 0) -> Array:
        """Values and sizes side by side along a new axis."""
        known = [Sized.of(array) for array in arrays]
        values, sizes = [k.value for k in known], [k.size for k in known]
        return Sized(np.stack(values, axis), np.stack(sizes, axis))

    def real(self, u: Array) -> np.ndarray[Any, Any]:
        """The values."""
        return np.asarray(Sized.of(u).value)

    def greater(self, a: Array, b: Array) -> np.ndarray[Any, Any]:
        """Where a > b; remembers the closest call."""
        a, b = Sized.of(a), Sized.of(b)
        gap = np.abs(a.value - b.value)
        size = a.size + b.size
        if (apart := gap > 0).any():
            near = np.broadcast_to(gap / np.where(size > 0, size, 1), apart.shape)[apart].min()
            self.margin = min(self.margin, float(near))
        return np.asarray(a.value > b.value)

    def pick(self, mask: np.ndarray[Any, Any], a: Array, b: Array) -> Array:
        """The entry of a where the mask holds, else that of b, each with its size."""
        a, b = Sized.of(a), Sized.of(b)
        return Sized(np.where(mask, a.value, b.value), np.where(mask, a.size, b.size))

    def rearranged(self, slope: Array, o: Array) -> Array:
        """As large as o and as the steepest slope: o(1 - o) is off by that much near o = 1."""
        slope = Sized.of(slope)
        return slope.at_least(Sized.of(o).size, np.abs(slope.value).max(initial=0))

    def peak(self, s: Array) -> Array:
        """The largest entry of the last axis, as a given number."""
        return Sized.exactly(s.value.max(axis=-1, keepdims=True))


def arithmetic_of(data: np.ndarray[Any, Any]) -> Real:
    """The arithmetic that fits an array."""
    if data.dtype == object:
        return PRECISE
    return COMPLEX if np.iscomplexobj(data) else REAL


def _grown(name: str, u: Array) -> Array:
    """f(u) with its size; of a plain number, plain."""
    function = getattr(REAL, name)
    if not isinstance(u, Sized):
        return function(u)
    value = function(u.value)
    return u.through(value, SLOPES[name](REAL, u.value, value))


def _complex_erf(u: complex) -> complex:
    """erf by mpmath with digits to spare: the imaginary part may be as small as 1e-30."""
    if u.imag == 0:
        return complex(math.erf(u.real))
    return complex(_DIGITS_TO_SPARE.erf(_DIGITS_TO_SPARE.mpc(u)))


_DIGITS_TO_SPARE = mpmath.MPContext()
_DIGITS_TO_SPARE.dps = 50
_REAL_ERF = np.frompyfunc(math.erf, 1, 1)
_COMPLEX_ERF = np.frompyfunc(_complex_erf, 1, 1)
REAL, COMPLEX, PRECISE = Real(), Complex(), Precise()
