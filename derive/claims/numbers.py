"""The values of terms at complex numbers, functions that nobody wrote down included."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from operator import itemgetter
from random import Random

import mpmath

from derive.algebra.index import expand_functions
from derive.algebra.terms import (
    Add,
    Affine,
    Apply,
    Call,
    Compare,
    Condition,
    Const,
    Delta,
    Extent,
    Extremum,
    Function,
    Guard,
    Index,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
)
from derive.forward import Forward
from derive.identities import S
from derive.stages import SAMPLE, Stage
from derive.staging import FORMULAS

Places = tuple[int, ...]
Array = dict[Places, complex]
Env = dict[str, int]  # the values of indices, by their slots
_PRIMITIVES: dict[str, Callable[[complex], complex]] = {
    "exp": cmath.exp, "log": cmath.log, "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan,
    "asin": cmath.asin, "acos": cmath.acos, "atan": cmath.atan, "tanh": cmath.tanh,
    "sinh": cmath.sinh, "cosh": cmath.cosh,
}  # fmt: skip


class Outside(Exception):
    """A place outside an array, a logarithm of nothing positive."""


class Nowhere(Outside):
    """No value whatever the indices are: too many of them, or none that is a whole number."""


class NoLayer(Outside):
    """A layer that the network has not."""


class Numbers:
    """Turns terms into functions of index values; the values of tensors are those of `now`."""

    def __init__(self, passed: Forward, symbols: dict[str, int], samples: int, last: int) -> None:
        """Nothing compiled yet."""
        self.passed, self.symbols, self.samples, self.last = passed, symbols, samples, last
        self.now: dict[Tensor, Array] = {}
        self.shapers: dict[object, tuple[float, ...]] = {}
        self._compiled: dict[Term, Callable[[Env], complex]] = {}

    def extent(self, extent: Extent) -> int:
        """The number that a size is here."""
        return extent if isinstance(extent, int) else self.symbols[extent]

    # ---------------------------------------------------------------- functions

    def shaper(self, key: object) -> tuple[float, ...]:
        """The numbers of a random smooth function."""
        if key not in self.shapers:
            random = Random(f"function {key}")
            self.shapers[key] = tuple(random.uniform(0.5, 1.3) for _ in range(4))
        return self.shapers[key]

    def smooth(self, key: object, order: int, s: complex) -> complex:
        """The derivative of a random smooth function: a sin(b s + c) + d s / 2."""
        a, b, c, d = self.shaper(key)
        waves = (cmath.sin, cmath.cos, lambda z: -cmath.sin(z), lambda z: -cmath.cos(z))
        value = a * b**order * waves[order % 4](b * s + c)
        return value + (d * s / 2, d / 2, 0)[min(order, 2)]

    def function(self, function: Function, s: complex, order: int = 0) -> complex:
        """A named function, or its derivative."""
        stage = self.stage_of(function)
        if stage is not None and not _generic(stage.phi):
            return self.elementwise(stage.phi, s, order)
        if function.label is not None or function.name in FORMULAS:
            if function.label is not None and not 1 <= function.label.offset <= self.last:
                raise NoLayer(f"layer {function.label}")
            return self.smooth(str(function), order, s)
        return self.elementwise(Call(function.name, (S,)), s, order)

    def stage_of(self, function: Function) -> Stage | None:
        """The first layer of which it is the activation."""
        return next((g for g in self.passed.stages if g.function == function), None)

    def elementwise(self, phi: Term | None, s: complex, order: int = 0) -> complex:
        """phi(s) for a term in S, or its derivative."""
        if phi is None:
            raise NoLayer("an activation of a single number")
        if order:
            return _difference(lambda z: self.elementwise(phi, z, order - 1), s)
        before, self.now = self.now, {S.tensor: {(): s}}
        try:
            return self.compiled(phi)({})
        finally:
            self.now = before

    # ---------------------------------------------------------------- terms

    def compiled(self, term: Term) -> Callable[[Env], complex]:
        """A function from the values of indices to the value of the term."""
        made = self._compiled.get(term)
        if made is None:
            made = self._compiled[term] = self._compile(term)
        return made

    def _compile(self, term: Term) -> Callable[[Env], complex]:
        match term:
            case Num():
                value = complex(float(term.value))
                return lambda at: value
            case Const():
                return lambda at: complex(mpmath.pi)
            case Size():
                size = complex(self.extent(term.extent))
                return lambda at: size
            case Ref():
                return self._ref(term)
            case Add():
                parts = [self.compiled(a) for a in term.args]
                return lambda at: sum((p(at) for p in parts), 0j)
            case Mul():
                return _multiplied([self.compiled(a) for a in term.args])
            case Pow():
                base, power = self.compiled(term.base), raised(term.exponent)
                return lambda at: power(base(at))
            case Call():
                return self._call(term)
            case Apply():
                return self._apply(term)
            case Piecewise():
                branches = [(self.compiled(v), self.condition(c)) for v, c in term.branches]
                return lambda at: next(v(at) for v, c in branches if c(at))
            case Sum():
                body, rows = self.compiled(term.body), self.rows(term.indices)
                return lambda at: sum(_over(rows, body, at), 0j)
            case Extremum():
                return self._extremum(term)
            case Delta():
                left, right = placing(term.left), placing(term.right)
                return lambda at: complex(left(at) == right(at))
            case Guard():
                inside, most = placing(term.place), self.extent(term.size)
                return lambda at: complex(0 <= inside(at) < most)
        raise Outside(f"a value for {type(term).__name__}")

    def rows(self, indices: tuple[Index, ...]) -> list[Env]:
        """All values of bound indices."""
        ranges = [range(self.extent(i.size)) for i in indices]
        names = list(map(slot, indices))
        return [dict(zip(names, row, strict=True)) for row in product(*ranges)]

    def _ref(self, term: Ref) -> Callable[[Env], complex]:
        tensor, at = term.tensor, self.located(term)
        if not term.padded:
            return lambda env: self.now[tensor][at(env)]  # type: ignore[index]
        default = complex("-inf") if term.lowest else 0j

        def value(env: Env) -> complex:
            where = at(env)
            return default if where is None else self.now[tensor][where]

        return value

    def located(self, term: Ref) -> Callable[[Env], Places | None]:
        """The place that is read; None beside a padded array."""
        at = [placing(p) for p in term.at]
        if not term.padded and len(at) == 2:
            first, second = at
            return lambda env: (first(env), second(env))
        if not term.padded:
            return lambda env: tuple([p(env) for p in at])
        sizes = [self.samples + 1 if e == SAMPLE.size else self.extent(e) for e in term.padded]

        def place(env: Env) -> Places | None:
            where = tuple([p(env) for p in at])
            inside = all(0 <= p < e for p, e in zip(where, sizes, strict=True))
            return where if inside else None

        return place

    def _call(self, term: Call) -> Callable[[Env], complex]:
        args = [self.compiled(a) for a in term.args]
        first = args[0]
        plain = self.plain(term.function)
        if plain is not None:
            return lambda at: plain(first(at))
        if term.function in ("max", "min"):
            best = max if term.function == "max" else min
            return lambda at: best((a(at) for a in args), key=lambda z: z.real)
        expanded = expand_functions(term)
        if expanded is term:
            raise Outside(f"a value of {term.function}")
        return self.compiled(expanded)

    @staticmethod
    def plain(name: str) -> Callable[[complex], complex] | None:
        """A function of one number that has no formula of its own."""
        return {"log": guarded_log, "erf": erf}.get(name) or _PRIMITIVES.get(name)

    def _apply(self, term: Apply) -> Callable[[Env], complex]:
        if term.function == Function("loss"):
            assert isinstance(term.arg, Ref)
            return self._generic_loss(term.arg)
        arg, function, order = self.compiled(term.arg), term.function, term.order
        return lambda at: self.function(function, arg(at), order)

    def _generic_loss(self, output: Ref) -> Callable[[Env], complex]:
        tensor, places = output.tensor, self.outputs(output)
        return lambda at: self.smooth_loss([self.now[tensor][place] for place in places(at)])

    def smooth_loss(self, outputs: list[complex]) -> complex:
        """A smooth function of all outputs of a sample."""
        alone = sum(self.smooth(f"loss {k}", 0, o) for k, o in enumerate(outputs))
        return alone + cmath.sin(sum(outputs) * 0.7)

    def outputs(self, output: Ref) -> Callable[[Env], list[Places]]:
        """All places of the output of a sample."""
        shape = [range(self.extent(e)) for e in self.passed.shapes[output.tensor]]
        sample = placing(output.at[0])
        return lambda at: [(sample(at), *place) for place in product(*shape)]

    def condition(self, cond: Condition) -> Callable[[Env], bool]:
        """A function from the values of indices to whether the condition is met."""
        if not isinstance(cond, Compare):
            return lambda at: bool(cond)
        left, right, op = self.compiled(cond.lhs), self.compiled(cond.rhs), cond.op
        return lambda at: compare(op, left(at).real, right(at).real)

    def _extremum(self, term: Extremum) -> Callable[[Env], complex]:
        body, rows = self.compiled(term.body), self.rows(term.indices)
        best = max if term.kind == "max" else min
        return lambda at: best(_over(rows, body, at), key=lambda z: z.real)


def _difference(f: Callable[[complex], complex], s: complex) -> complex:
    """f'(s) by differences, closer ones where a kink lies between the places."""
    made = 0j
    for h in (1e-3, 1e-5, 1e-7):
        a, b, c, d, e, g = (f(s + k * h) for k in (-3, -2, -1, 1, 2, 3))
        made = (45 * (d - c) - 9 * (e - b) + (g - a)) / (60 * h)
        if abs(made - (d - c) / (2 * h)) < h / 100:  # a straight line fits as well
            break
    return made


def compare(op: str, left: float, right: float) -> bool:
    """left op right."""
    return {
        "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right,
        "le": left <= right, "ge": left >= right, "=": left == right, "ne": left != right,
    }[op]  # fmt: skip


def _generic(phi: Term | None) -> bool:
    return isinstance(phi, Apply)


def _over(
    rows: list[Env],
    body: Callable[[Env], complex],
    at: Env,
) -> Iterator[complex]:
    """The values of the body with bound indices, which stand beside those of `at`."""
    here = dict(at)
    for row in rows:
        here.update(row)
        yield body(here)


def slot(index: Index) -> str:
    """Under what name compiled terms look up an index: text is found sooner than a dataclass."""
    return f"{index.name} {index.size} {index.sample}"


def placing(place: Affine) -> Callable[[Env], int]:
    """The value of a place as a function of the indices; most are one index alone."""
    index, start = place.index, place.offset
    if index is not None:
        return itemgetter(slot(index))
    terms = [(slot(i), c) for i, c in place.terms]
    if len(terms) == 2:  # of a window
        (i, a), (j, b) = terms
        return lambda at: start + a * at[i] + b * at[j]
    return lambda at: start + sum(c * at[i] for i, c in terms)


def placed(place: Affine, at: Mapping[Index, int]) -> int:
    """The value of a place."""
    return place.offset + sum(c * at[i] for i, c in place.terms)


def erf(value: complex) -> complex:
    """The error function; the imaginary part of a complex step is kept exactly."""
    if abs(value.imag) > 1e-9:
        return complex(mpmath.erf(value))
    slope = 2 / math.sqrt(math.pi) * math.exp(-(value.real**2))
    return complex(math.erf(value.real), slope * value.imag)


def guarded_root(value: complex) -> complex:
    """The square root of a number that is not negative."""
    if value.real < 0:
        raise Outside("a root of a number that is not negative")
    return cmath.sqrt(value)


def guarded_log(value: complex) -> complex:
    """The logarithm of a positive number."""
    if value.real <= 0:
        raise Outside("a logarithm of a positive number")
    return cmath.log(value)


def _multiplied(
    parts: list[Callable[[Env], complex]],
) -> Callable[[Env], complex]:
    if len(parts) == 2:
        first, second = parts
        return lambda at: first(at) * second(at)

    def value(at: Env) -> complex:
        result = 1 + 0j
        for part in parts:
            result *= part(at)
        return result

    return value


def raised(exponent: Fraction) -> Callable[[complex], complex]:
    """The function that raises a number to a power."""
    if exponent.denominator == 1:
        whole = int(exponent)
        return lambda z: z**whole
    power = float(exponent)
    return lambda z: z**power
