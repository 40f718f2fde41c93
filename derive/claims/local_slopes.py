"""How the value of a term depends on each entry that it reads, at given indices.

A sum hands on the slopes of its terms, a product those of each factor times the others; every other
function is stepped at the value of its argument by an imaginary number.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from derive.algebra.index import expand_functions
from derive.algebra.terms import (
    Add,
    Apply,
    Call,
    Const,
    Delta,
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
from derive.claims.numbers import Env, Numbers, Outside, Places, raised

STEP = 1e-60  # of derivatives: far below every value, and far above the least number

Spot = tuple[Tensor, Places]  # an entry of an array
Slopes = list[tuple[Spot, complex]]  # an entry that is read several times stands several times
_Compiled = Callable[[Env], Slopes]


def stepped(function: Callable[[complex], complex], value: complex) -> complex:
    """The derivative of a function of one number, by a complex step."""
    return complex(function(value + 1j * STEP).imag / STEP)


class LocalSlopes:
    """Turns terms into functions of index values that give the slopes."""

    def __init__(self, numbers: Numbers) -> None:
        """The values of arrays are those that `numbers` has when a function is called."""
        self.numbers = numbers
        self._made: dict[Term, _Compiled] = {}

    def compiled(self, term: Term) -> _Compiled:
        """A function from the values of indices to the slopes of the term."""
        made = self._made.get(term)
        if made is None:
            made = self._made[term] = self._compile(term)
        return made

    def _compile(self, term: Term) -> _Compiled:
        match term:
            case Num() | Const() | Size() | Delta() | Guard():
                return _none
            case Ref():
                tensor, at = term.tensor, self.numbers.located(term)
                return lambda env: [((tensor, p), 1 + 0j) for p in (at(env),) if p is not None]
            case Add():
                parts = [p for p in map(self.compiled, term.args) if p is not _none]
                return lambda at: [found for part in parts for found in part(at)]
            case Mul():
                return self._product(term)
            case Pow():
                return self._chained(term.base, raised(term.exponent))
            case Call():
                return self._call(term)
            case Apply():
                return self._apply(term)
            case Piecewise():
                branches = [(self.compiled(v), self.numbers.condition(c)) for v, c in term.branches]
                return lambda at: next(v(at) for v, c in branches if c(at))
            case Sum():
                return self._sum(term)
            case Extremum():
                return self._extremum(term)
        raise Outside(f"a slope of {type(term).__name__}")

    def _product(self, term: Mul) -> _Compiled:
        values = [self.numbers.compiled(a) for a in term.args]
        moving = [(k, p) for k, p in enumerate(map(self.compiled, term.args)) if p is not _none]
        if not moving:
            return _none

        def slopes(at: Env) -> Slopes:
            factors = [value(at) for value in values]
            found: Slopes = []
            for k, part in moving:
                others = prod(factors[:k]) * prod(factors[k + 1 :])
                if others:
                    found += [(spot, others * slope) for spot, slope in part(at)]
            return found

        return slopes

    def _chained(self, inner: Term, outer: Callable[[complex], complex]) -> _Compiled:
        """The slopes of the argument, each times that of the function."""
        value, part = self.numbers.compiled(inner), self.compiled(inner)
        if part is _none:
            return _none

        def slopes(at: Env) -> Slopes:
            steep = stepped(outer, value(at))
            return [(spot, steep * slope) for spot, slope in part(at)]

        return slopes

    def _call(self, term: Call) -> _Compiled:
        if term.function in ("max", "min"):
            return self._best(term)
        plain = self.numbers.plain(term.function)
        if plain is not None:
            return self._chained(term.args[0], plain)
        return self.compiled(expand_functions(term))

    def _best(self, term: Call) -> _Compiled:
        """The slopes of the alternative that is taken: of equal ones the first."""
        values = [self.numbers.compiled(a) for a in term.args]
        parts = [self.compiled(a) for a in term.args]
        best = max if term.function == "max" else min
        return lambda at: parts[best(range(len(parts)), key=lambda k: values[k](at).real)](at)

    def _apply(self, term: Apply) -> _Compiled:
        if term.function == Function("loss"):
            assert isinstance(term.arg, Ref)
            return self._generic_loss(term.arg)
        function, order = term.function, term.order
        return self._chained(term.arg, lambda s: self.numbers.function(function, s, order))

    def _generic_loss(self, output: Ref) -> _Compiled:
        spots = self.numbers.outputs(output)

        def slopes(at: Env) -> Slopes:
            places = spots(at)
            values = [self.numbers.now[output.tensor][place] for place in places]

            def with_output(k: int, value: complex) -> complex:
                return self.numbers.smooth_loss([*values[:k], value, *values[k + 1 :]])

            return [
                ((output.tensor, place), stepped(lambda z, k=k: with_output(k, z), values[k]))  # type: ignore[misc]
                for k, place in enumerate(places)
            ]

        return slopes

    def _sum(self, term: Sum) -> _Compiled:
        part = self.compiled(term.body)
        if part is _none:
            return _none
        rows = self._rows(term.indices)
        return lambda at: [found for row in rows for found in part({**at, **row})]

    def _extremum(self, term: Extremum) -> _Compiled:
        value, part = self.numbers.compiled(term.body), self.compiled(term.body)
        rows = self._rows(term.indices)
        best = max if term.kind == "max" else min
        return lambda at: part(
            {**at, **best(rows, key=lambda row: value({**at, **row}).real)}  # of equal ones: first
        )

    def _rows(self, indices: tuple[Index, ...]) -> list[Env]:
        return self.numbers.rows(indices)


def _none(at: Env) -> Slopes:
    """No entry is read."""
    return []
