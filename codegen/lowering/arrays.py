"""Index terms become array expressions.

A term with free indices is an array with one axis for each of them.  Sums, products and functions
are lowered where they stand, with NumPy's broadcasting in place of loops; a sum of a product of
arrays with different axes is a matrix product.  Nothing is expanded algebraically.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import reduce as fold
from math import prod

from codegen.lowering.affine import expand_last, read, whole_size
from codegen.lowering.constants import constant
from codegen.lowering.contract import Labelled, aligned, contract, elementwise
from codegen.lowering.entries import entry, extent, in_range, kronecker
from codegen.lowering.nodes import (
    Node,
    expand,
    node,
    number,
    real,
    reduce,
    ufunc,
    value_of,
)
from codegen.lowering.placing import spread
from codegen.lowering.scatter import Scatter, scattered
from derive.algebra.terms import (
    ONE,
    Add,
    Affine,
    Argmax,
    Call,
    Compare,
    Condition,
    Const,
    Delta,
    Extent,
    Extremum,
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
    factors_of,
    refs,
)
from derive.errors import NotYet

EXACT_IN_FLOAT32 = 2**24  # greater whole numbers are rounded, and their quotient twice

#: How NumPy calls the functions of the formula language (those that are not kernels of the module).
UFUNCS = {
    "exp": "exp",
    "log": "log",
    "sqrt": "sqrt",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "abs": "absolute",
    "expm1": "expm1",
    "log1p": "log1p",
}
#: Functions that the emitted module brings along, see `codegen.emitting.kernels`.
KERNELS = frozenset({"sigmoid", "softplus", "erf", "erfc", "decay", "spread", "first"})
FAR = 1000  # more axes than any equation has


def lower(
    term: Term,
    order: Sequence[Index],
    shapes: Mapping[Tensor, tuple[Extent, ...]],
    last: frozenset[Tensor] = frozenset(),
) -> Node:
    """The array of the term's values, with one axis for each index of `order`.

    Axes on which the term does not depend have length 1, or are left out in front.  Tensors in
    `last` have the samples as their last axis.
    """
    work = Lowering(order, shapes, last)
    found = work.term(term)
    axes = [i for i in order if i in found.axes]
    missing = tuple(k for k, i in enumerate(order) if i not in found.axes)
    moved = real(found.arranged(axes).node)
    return expand(moved, missing) if axes else moved


class Lowering:
    """The lowering of one equation: the order of axes, and what was lowered before."""

    def __init__(
        self,
        order: Sequence[Index],
        shapes: Mapping[Tensor, tuple[Extent, ...]],
        last: frozenset[Tensor] = frozenset(),
    ) -> None:
        """Axes come in the given order, further indices after them as they are met."""
        self.order = list(order)
        self.shapes, self.last = shapes, last
        self.samples_last = bool(order) and order[-1].sample and len(order) > 1
        self.known: dict[Term, Labelled] = {}

    def rank(self, index: Index) -> int:
        """The place of an index among the axes; samples come first, or last as in `order`."""
        if index not in self.order:
            self.order.append(index)
        place = self.order.index(index)
        if not index.sample:
            return place
        return place + FAR if self.samples_last else place - FAR

    def term(self, term: Term) -> Labelled:
        """The term as an array with named axes."""
        if term not in self.known:
            self.known[term] = self._term(term)
        return self.known[term]

    def _term(self, term: Term) -> Labelled:
        match term:
            case Num():
                return Labelled(number(term.value))
            case Const():
                return Labelled(node("constant", detail=term.name))
            case Size():
                return Labelled(extent(term.extent))
            case Ref():
                return entry(term, self.shapes, self.last)
            case Add():
                return self._add(term)
            case Mul():
                return self._product(term.args, ())
            case Pow():
                return self._power(term)
            case Call():
                return self._call(term)
            case Piecewise():
                return self._piecewise(term)
            case Sum():
                return self._sum(term)
            case Extremum():
                return self._extremum(term)
            case Argmax():
                return self._argmax(term)
            case Delta():
                return kronecker(term, self.rank)
            case Guard():
                return in_range(term, self.rank)
        raise NotYet(f"no array form for {type(term).__name__}; add one beside `Lowering._term`")

    # -------------------------------------------------------------- arithmetic

    def _add(self, term: Add) -> Labelled:
        """Summands in the written order, but for a positive one first; negative ones subtracted."""
        place = next((k for k, a in enumerate(term.args) if _sign(a) > 0), 0)
        result = self.term(term.args[place])
        for arg in (*term.args[:place], *term.args[place + 1 :]):  # s + s holds one term twice
            if _sign(arg) < 0:
                result = elementwise("sub", (result, self.term(-arg)), self.rank)
            else:
                result = elementwise("add", (result, self.term(arg)), self.rank)
        return result

    def _sum(self, term: Sum) -> Labelled:
        body = term.body
        if isinstance(body, Sum):
            inner = Sum(body.body, (*term.indices, *body.indices))
            return self._sum(inner)
        for index in term.indices:
            self.rank(index)
        factors = factors_of(body)
        return self._product(factors, term.indices)

    def _product(self, factors: Sequence[Term], bound: Sequence[Index]) -> Labelled:
        """Sum over `bound` of a product: numbers, what stands below, then the contraction."""
        if (turned := scattered(factors, bound)) is not None:
            return self._spread(turned)
        coefficient = Fraction(1)
        above: list[Labelled] = []
        below: list[Labelled] = []
        outer: list[Labelled] = []
        for factor in factors:
            if isinstance(factor, Num):
                coefficient *= factor.value
            elif isinstance(factor, Pow) and factor.exponent < 0:
                part = self._power(Pow(factor.base, -factor.exponent))
                below.append(part)
            else:
                part = self.term(factor)
                (outer if not set(part.axes) & set(bound) else above).append(part)
        if not bound:
            above, outer = [*outer, *above], []
        bottom = [b for b in below if set(b.axes) & set(bound)]
        below = [b for b in below if b not in bottom]
        return self._assembled(coefficient, above, bottom, below, outer, bound)

    def _spread(self, turned: Scatter) -> Labelled:
        """What every place gives, added where it belongs; then the factors outside."""
        for index in (*turned.summed, *turned.outs, *turned.taps):
            self.rank(index)
        values = self._product(turned.factors, turned.summed)
        found = spread(values, turned.targets, self.rank if self.samples_last else None)
        if not turned.outer:
            return found
        return self._times(found, self._product(turned.outer, ()))

    def _assembled(
        self,
        coefficient: Fraction,
        above: list[Labelled],
        bottom: list[Labelled],
        below: list[Labelled],
        outer: list[Labelled],
        bound: Sequence[Index],
    ) -> Labelled:
        result: Labelled | None
        if bottom:  # a fraction inside the sum: divide the factor that shares most axes with it
            whole = fold(self._times, bottom)
            top = max(above, key=lambda f: len(set(f.axes) & set(whole.axes)), default=None)
            rest = [f for f in above if f is not top]
            start = top or Labelled(number(1))
            above = [*rest, elementwise("div", (start, whole), self.rank)]
        if bound:
            lost = [i for i in bound if not any(i in f.axes for f in above)]
            result = contract(above, bound, self.rank) if above else Labelled(number(1))
            for index in lost:
                result = self._times(Labelled(extent(index.size)), result)
            result = fold(self._times, [*outer, result])
        else:
            result = fold(self._times, sorted(above, key=_cheap_first)) if above else None
        return self._scaled(coefficient, result, below)

    def _scaled(
        self, coefficient: Fraction, result: Labelled | None, below: list[Labelled]
    ) -> Labelled:
        """coefficient * result / below, with a fraction 1/q as a division by q."""
        top, bottom = coefficient.numerator, coefficient.denominator
        exact = not bottom & (bottom - 1) or _short(coefficient)
        if exact or max(abs(top), bottom) > EXACT_IN_FLOAT32:
            top_number, bottom = number(coefficient), 1
        else:
            top_number = number(top)
        if result is None:
            result = Labelled(top_number)
        elif value_of(top_number) == -1:
            result = Labelled(ufunc("neg", result.node), result.axes)
        else:
            result = elementwise("mul", (Labelled(top_number), result), self.rank)
        if bottom != 1:
            result = elementwise("div", (result, Labelled(number(bottom))), self.rank)
        if below:
            result = elementwise("div", (result, fold(self._times, below)), self.rank)
        return result

    def _times(self, a: Labelled, b: Labelled) -> Labelled:
        return elementwise("mul", (a, b), self.rank)

    def _power(self, term: Pow) -> Labelled:
        base = self.term(term.base)
        e = term.exponent
        if (value := value_of(base.node)) is not None and e.denominator == 1 and (value or e > 0):
            return Labelled(number(value ** int(e)))
        if e < 0:
            inverse = self._power(Pow(term.base, -e))
            return elementwise("div", (Labelled(number(1)), inverse), self.rank)
        if e == 1:
            return base
        if e == Fraction(1, 2):
            return Labelled(ufunc("sqrt", base.node), base.axes)
        return Labelled(ufunc("power", base.node, detail=e), base.axes)

    # -------------------------------------------------------------- functions and cases

    def _call(self, call: Call) -> Labelled:
        if (value := constant(call)) is not None:
            return Labelled(number(value))
        name, args = call.function, [self.term(a) for a in call.args]
        if name == "relu":
            name, args = "max", [*args, Labelled(number(0))]
        if name in ("max", "min"):
            op = name + "imum"
            return fold(lambda a, b: elementwise(op, (a, b), self.rank), args)
        if name in UFUNCS:
            name = UFUNCS[name]
        elif name not in KERNELS:
            raise NotYet(f"no array form for the function {name}; add one to UFUNCS or KERNELS")
        (arg,) = args
        return Labelled(ufunc(name, arg.node), arg.axes)

    def _piecewise(self, term: Piecewise) -> Labelled:
        if (short := self._special(term)) is not None:
            return short
        (value, cond), *rest = term.branches
        if cond is True or not rest:
            return self.term(value)
        truth = self._condition(cond)
        other = self._piecewise(Piecewise(tuple(rest)))
        if value_of(other.node) == 0:
            return truth if value is ONE else self._times(self.term(value), truth)
        axes, nodes = aligned((truth, self.term(value), other), self.rank)
        return Labelled(ufunc("where", *nodes), axes)

    def _special(self, term: Piecewise) -> Labelled | None:
        """max(a, b) and min(a, b) in their written-out form."""
        if len(term.branches) != 2:
            return None
        (value, cond), (other, _) = term.branches
        if not isinstance(cond, Compare) or {value, other} != {cond.lhs, cond.rhs}:
            return None
        larger = (cond.op in (">", ">=")) == (value is cond.lhs)
        parts = (self.term(value), self.term(other))
        return elementwise("maximum" if larger else "minimum", parts, self.rank)

    def _condition(self, cond: Condition) -> Labelled:
        if isinstance(cond, bool):
            raise NotYet("a condition that is False has no array form")
        parts = (self.term(cond.lhs), self.term(cond.rhs))
        return elementwise(cond.op, parts, self.rank)

    # -------------------------------------------------------------- extrema

    def _extremum(self, term: Extremum) -> Labelled:
        for index in term.indices:
            self.rank(index)
        body = self.term(term.body)
        places = tuple(sorted(body.axes.index(i) for i in term.indices if i in body.axes))
        axes = tuple(i for i in body.axes if i not in term.indices)
        return Labelled(reduce(term.kind, body.node, places), axes)

    def _argmax(self, term: Argmax) -> Labelled:
        """1 at the first place, in row-major order, of the extremum."""
        inner = term.extremum
        body = self.term(inner.body)
        taps = [i for i in inner.indices if i in body.axes]
        others = [i for i in body.axes if i not in taps]
        arranged = body.arranged([*others, *taps])
        if _in_windows(inner):
            top = self.term(inner)
            found = node(
                "first", arranged.node, top.arranged(others).node, shape=arranged.node.shape
            )
        else:
            found = _first_of_all(arranged, len(taps), inner.kind)
        places = dict(zip(inner.indices, term.at, strict=True))
        return read(found, [places.get(i, Affine.of(i)) for i in arranged.axes])


def _in_windows(inner: Extremum) -> bool:
    """Whether the extremum is over the taps of windows, which are few."""
    over = set(inner.indices)
    return any(
        len(p.terms) > 1 and over & {i for i, _ in p.terms} for r in refs(inner.body) for p in r.at
    )


def _first_of_all(part: Labelled, count: int, kind: str) -> Node:
    """True at the first place of the extremum over the last `count` axes."""
    shape = part.node.shape
    k = len(shape) - count
    sizes = tuple(whole_size(s) for s in shape[k:])
    flat = part.node
    if count > 1:
        flat = node("merge", flat, shape=(*shape[:k], prod(sizes)))
    first = node("arg" + kind, flat, detail=k, shape=shape[:k])
    for _ in range(count):
        first = expand_last(first)
    steps = node("arange", detail=prod(sizes), shape=(prod(sizes),))
    if count > 1:
        steps = node("split", steps, detail=(0, sizes), shape=sizes)
    return ufunc("==", first, steps)


def _sign(term: Term) -> int:
    """-1 for a term that is written with a minus in front."""
    first = term.args[0] if isinstance(term, Mul) else term
    return -1 if isinstance(first, Num) and first.value < 0 else 1


def _short(value: Fraction) -> bool:
    """Whether the number is a decimal of a few digits."""
    return Fraction(repr(float(value))) == value


def _cheap_first(part: Labelled) -> tuple[bool, int]:
    """Few axes first; truth values last, where they meet an array in its own precision."""
    return part.node.boolean, len(part.axes)
