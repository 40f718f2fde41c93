"""Functions that an emitted module brings along because NumPy lacks them or lacks a stable form.

The coefficients of erf and erfc are fitted by mpmath when they are needed; nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import mpmath

#: A kernel's source, and the kernels that it calls.
Kernel = tuple[str, tuple[str, ...]]

_SIGMOID = '''
def sigmoid(s):
    """1 / (1 + exp(-s)), from exp(-|s|), which cannot overflow."""
    e = np.exp(-np.abs(s))
    return np.where(s < 0, e, 1) / (1 + e)
'''
_SOFTPLUS = '''
def softplus(s):
    """log(1 + exp(s)) = max(s, 0) + log(1 + exp(-|s|))."""
    return np.maximum(s, 0) + np.log1p(np.exp(-np.abs(s)))
'''
_DECAY = '''
def decay(s):
    """exp(-|s|)."""
    return np.exp(-np.abs(s))
'''
_POLYNOMIAL = '''
def _polynomial(t, coefficients):
    """The polynomial with these coefficients, the highest power first, by Horner's rule."""
    value = np.full_like(t, coefficients[0])
    for c in coefficients[1:]:
        value = value * t + c
    return value
'''
_ERFC = '''
# (z + {k}) exp(z^2) erfc(z) for z >= 0 as a polynomial in (z - {k}) / (z + {k})
_ERFC = (
{coefficients}
)


def erfc(x):
    """1 - erf(x) = 2/sqrt(pi) times the integral of exp(-u^2) from x on, also far out."""
    z = np.minimum(np.abs(x), 40)
    t = (z - {k}) / (z + {k})
    tail = _polynomial(t, _ERFC) * np.exp(-z * z) / (z + {k})
    return np.where(x < 0, 2 - tail, tail)
'''
_ERF = '''
# erf(x)/x for |x| <= 1 as a polynomial in x^2
_ERF = (
{coefficients}
)


def erf(x):
    """The error function: near 0 from its series, further out from erfc."""
    near = np.clip(x, -1, 1)
    far = np.where(x < 0, erfc(-x) - 1, 1 - erfc(x))
    return np.where(np.abs(x) < 1, near * _polynomial(near * near, _ERF), far)
'''
_SPREAD = '''
def spread(values, sizes, starts, counts, steps, taps, gaps):
    """Add values[..., p, q, u, v] at [..., start + step*p + gap*u, ...], for all p, q, u, v.

    What falls outside of the sizes is left out; an axis of length 1 holds for all places of it.
    """
    k = len(sizes)
    lead, given = values.shape[: -2 * k], values.shape[-k:]
    axes = list(zip(starts, steps, counts, gaps, taps))
    ends = [b + s * (m - 1) + g * (t - 1) + 1 for b, s, m, g, t in axes]
    before = [max(0, -b) for b in starts]
    widths = [a + max(size, end) for a, size, end in zip(before, sizes, ends)]
    total = np.zeros((*lead, *widths), values.dtype)
    for place in np.ndindex(*taps):
        places = zip(place, before, starts, gaps, steps, counts)
        begins = [(a + b + g * u, s, m) for u, a, b, g, s, m in places]
        target = tuple(slice(b, b + s * (m - 1) + 1, s) for b, s, m in begins)
        source = tuple(min(u, t - 1) for u, t in zip(place, given))
        total[(..., *target)] += values[(..., *source)]
    return total[(..., *(slice(a, a + size) for a, size in zip(before, sizes)))]
'''
_FIRST = '''
def first(windows, top):
    """True where a window has its extremum, at the first place in row-major order."""
    taps = windows.shape[top.ndim :]
    found = windows == top.reshape(*top.shape, *(1 for _ in taps))
    left = np.ones(top.shape, bool)
    for place in np.ndindex(*taps):
        found[(..., *place)] &= left
        left &= ~found[(..., *place)]
    return found
'''
_CENTRE = "3.75"  # where the map of the half line to [-1, 1] has its middle


def kernel_sources(names: Iterable[str]) -> list[str]:
    """The sources of the kernels and of those that they call, each once, callees first."""
    found: dict[str, str] = {}

    def take(name: str) -> None:
        text, calls = _kernel(name)
        for other in calls:
            take(other)
        found.setdefault(name, text.strip("\n"))

    for name in sorted(set(names)):
        take(name)
    return list(found.values())


@lru_cache(maxsize=16)
def _kernel(name: str) -> Kernel:
    match name:
        case "sigmoid":
            return _SIGMOID, ()
        case "softplus":
            return _SOFTPLUS, ()
        case "decay":
            return _DECAY, ()
        case "spread":
            return _SPREAD, ()
        case "first":
            return _FIRST, ()
        case "polynomial":
            return _POLYNOMIAL, ()
        case "erfc":
            return _ERFC.format(k=_CENTRE, coefficients=_fitted(_scaled_erfc, -1, 1, 23)), (
                "polynomial",
            )
    assert name == "erf", f"no kernel called {name}"
    return _ERF.format(coefficients=_fitted(_erf_over_x, 0, 1, 13)), ("polynomial", "erfc")


def _scaled_erfc(t: Any) -> Any:
    if t == 1:  # z is infinite
        return 1 / mpmath.sqrt(mpmath.pi)
    k = mpmath.mpf(_CENTRE)
    z = k * (1 + t) / (1 - t)
    return (z + k) * mpmath.exp(z * z) * mpmath.erfc(z)


def _erf_over_x(u: Any) -> Any:
    if u == 0:
        return 2 / mpmath.sqrt(mpmath.pi)
    x = mpmath.sqrt(u)
    return mpmath.erf(x) / x


@lru_cache(maxsize=4)
def _fitted(function: Any, low: int, high: int, terms: int) -> str:
    """The coefficients of the Chebyshev interpolant, highest power first, one on each line."""
    with mpmath.workdps(60):
        values = mpmath.chebyfit(function, [low, high], terms)
        return "\n".join(f"    {float(v)!r}," for v in values)


@lru_cache(maxsize=1)
def erfc_coefficients() -> tuple[float, tuple[float, ...]]:
    """(k, the coefficients of `_ERFC`, the highest power first)."""
    text = _fitted(_scaled_erfc, -1, 1, 23)
    return float(_CENTRE), tuple(float(line.strip(" ,")) for line in text.splitlines())
