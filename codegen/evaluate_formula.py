"""The referee's own evaluator of formulas: values, and derivatives by forward-mode dual numbers.

A formula has been read and checked by `derive` before it comes here; this is a second, independent
reading of the same text, over Python's ast and any arithmetic `m`.

In an index formula every index has an axis of its own: an entry o[k] becomes an array with the axes
(sample, k1, k2, ...), of length 1 where an index does not occur, and its tangent has one more axis
in front, the output by which it is differentiated.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from codegen.arithmetic import SLOPES, Array, Real

BINDERS = ("Sum", "Max", "Min", "softmax")
SPELLINGS = {"abs": "Abs", "max": "Max", "min": "Min"}


@dataclass(frozen=True)
class Dual:
    """A value and its tangent; no tangent means a constant."""

    value: Array
    tangent: Array | None = None

    def then(self, value: Array, slope: Callable[[], Array]) -> Dual:
        """f of this, by the chain rule; the slope is asked for only where it is needed."""
        return Dual(value, None if self.tangent is None else self.tangent * slope())


@dataclass(frozen=True)
class Formula:
    """A formula in the language of the spec."""

    text: str

    @cached_property
    def _read(self) -> tuple[ast.expr, dict[str, Fraction]]:
        """The ast, with names prefixed (so that `lambda` is one) and numbers kept exactly."""
        words, numbers = [], dict[str, Fraction]()
        for token in tokenize.generate_tokens(io.StringIO(self.text.strip()).readline):
            word = token.string
            if token.type == tokenize.NUMBER:
                word = f"number_{len(numbers)}"
                numbers[word] = Fraction(token.string.replace("_", ""))
            elif token.type == tokenize.NAME and word not in ("True", "False"):
                word = f"name_{SPELLINGS.get(word, word)}"
            words.append(word if token.type != tokenize.NEWLINE else "")
        return ast.parse(" ".join(words).strip(), mode="eval").body, numbers

    @property
    def indexed(self) -> bool:
        """Whether entries are written with indices, as in o[k]."""
        return any(isinstance(node, ast.Subscript) for node in ast.walk(self._read[0]))

    def value(self, m: Real, names: Mapping[str, Array]) -> Array:
        """The value at arrays of the same shape, entry by entry."""
        given = {name: Dual(array) for name, array in names.items()}
        return _Pass(m, *self._read, given).at(self._read[0]).value

    def slope(self, m: Real, names: Mapping[str, Array], by: str) -> Array:
        """The derivative by one of the names, entry by entry; 0 where it does not occur."""
        given = {name: Dual(array, 1 if name == by else None) for name, array in names.items()}
        tangent = _Pass(m, *self._read, given).at(self._read[0]).tangent
        return 0 if tangent is None else tangent

    def value_over_indices(self, m: Real, names: Mapping[str, Array], by: str) -> Array:
        """The value for each sample; the arrays have the axes (sample, entry)."""
        value = _IndexPass(m, *self._read, names, None).at(self._read[0]).value
        rows = names[by].sum(axis=-1)
        return m.like(value.sum(axis=tuple(range(1, value.ndim))), rows)

    def slope_over_indices(self, m: Real, names: Mapping[str, Array], by: str) -> Array:
        """The derivative by each entry of one array, in the shape of that array."""
        tangent = _IndexPass(m, *self._read, names, by).at(self._read[0]).tangent
        if tangent is None:
            return m.like(0, names[by])
        return m.like(tangent.sum(axis=tuple(range(2, tangent.ndim))).T, names[by])


class _Pass:
    """One evaluation of a formula without indices."""

    def __init__(
        self, m: Real, tree: ast.expr, numbers: Mapping[str, Fraction], names: Mapping[str, Any]
    ) -> None:
        self.m, self.tree, self.numbers, self.names = m, tree, numbers, names

    def at(self, node: ast.expr) -> Dual:
        """The dual number of a node."""
        match node:
            case ast.Name(id=name):
                return self.name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.product(self.at(operand), Dual(-1))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.at(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(op, self.at(left), self.at(right), right)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self.call(name.removeprefix("name_"), args)
        raise ValueError(f"the generic backprop cannot read {ast.unparse(node)}")

    def name(self, name: str) -> Dual:
        """A number, pi, or an array."""
        if name in self.numbers:
            return Dual(self.m.number(self.numbers[name]))
        name = name.removeprefix("name_")
        if name == "pi":
            return Dual(self.m.pi)
        known: Dual = self.names[name]
        return known

    def binary(self, op: ast.operator, a: Dual, b: Dual, written: ast.expr) -> Dual:
        """a op b."""
        match op:
            case ast.Add():
                return self.total(a, b)
            case ast.Sub():
                return self.total(a, self.product(b, Dual(-1)))
            case ast.Mult():
                return self.product(a, b)
            case ast.Div():
                return self.product(a, self.reciprocal(b))
            case ast.Pow():
                return self.power(a, b, written)
        raise ValueError(f"the generic backprop knows no operator {type(op).__name__}")

    def total(self, a: Dual, b: Dual) -> Dual:
        """a + b."""
        tangents = [d.tangent for d in (a, b) if d.tangent is not None]
        return Dual(a.value + b.value, sum(tangents[1:], tangents[0]) if tangents else None)

    def product(self, a: Dual, b: Dual) -> Dual:
        """a b, with (a b)' = a' b + a b'."""
        left = Dual(0, None if a.tangent is None else a.tangent * b.value)
        right = Dual(0, None if b.tangent is None else a.value * b.tangent)
        return Dual(a.value * b.value, self.total(left, right).tangent)

    def reciprocal(self, u: Dual) -> Dual:
        """1/u, with slope -1/u^2."""
        value = self.m.number(1) / u.value
        return u.then(value, lambda: -value * value)

    def power(self, u: Dual, exponent: Dual, written: ast.expr) -> Dual:
        """u ** c with slope c u ** (c-1) for a constant c; else exp(c log u)."""
        c = exponent.value
        if _constant(written):
            c = int(c) if c == int(c) else c
            return u.then(u.value**c, lambda: c * u.value ** (c - 1))
        return self.call_on("exp", self.product(exponent, self.call_on("log", u)))

    def call(self, name: str, args: list[ast.expr]) -> Dual:
        """A function of the formula language."""
        if name == "Piecewise":
            return self.piecewise(args)
        if name in ("Max", "Min"):
            return self.extremum(name, args)
        (arg,) = args
        return self.call_on(name, self.at(arg))

    def call_on(self, name: str, u: Dual) -> Dual:
        """A function of one variable."""
        m, one = self.m, Dual(self.m.number(1))
        match name:
            case "sigmoid":
                minus = self.product(u, Dual(-1))
                return self.reciprocal(self.total(one, self.call_on("exp", minus)))
            case "softplus":
                return self.call_on("log", self.total(one, self.call_on("exp", u)))
            case "relu":
                return self.choose(m.greater(u.value, 0), u, Dual(m.number(0)))
            case "Abs":
                below = self.choose(
                    m.greater(0, u.value), self.product(u, Dual(-1)), Dual(m.number(0))
                )
                return self.choose(m.greater(u.value, 0), u, below)
        value = getattr(m, name)(u.value)
        return u.then(value, lambda: SLOPES[name](m, u.value, value))

    def choose(self, mask: np.ndarray[Any, Any], a: Dual, b: Dual) -> Dual:
        """The entry of a where the mask holds, else that of b."""
        value = self.m.pick(mask, a.value, b.value)
        if a.tangent is None and b.tangent is None:
            return Dual(value)
        first, second = (0 if d.tangent is None else d.tangent for d in (a, b))
        return Dual(value, self.m.pick(mask, first, second))

    def extremum(self, name: str, args: list[ast.expr]) -> Dual:
        """The first argument that beats all after it; constants count as last."""
        *front, result = map(self.at, sorted(args, key=_constant))
        for candidate in reversed(front):
            pair = (candidate.value, result.value)
            mask = self.m.greater(*(pair if name == "Max" else pair[::-1]))
            result = self.choose(mask, candidate, result)
        return result

    def piecewise(self, branches: list[ast.expr]) -> Dual:
        """The value of the first branch whose condition holds; the last condition is True."""
        result: Dual | None = None
        for branch in reversed(branches):
            assert isinstance(branch, ast.Tuple)
            value, condition = branch.elts
            if isinstance(condition, ast.Constant):
                result = self.at(value) if condition.value else result
            else:
                assert result is not None
                result = self.choose(self.holds(condition), self.at(value), result)
        assert result is not None
        return result

    def holds(self, condition: ast.expr) -> np.ndarray[Any, Any]:
        """Where a comparison holds."""
        assert isinstance(condition, ast.Compare)
        sides = [self.at(side).value for side in (condition.left, *condition.comparators)]
        result = np.asarray(True)
        for a, op, b in zip(sides, condition.ops, sides[1:], strict=False):
            swapped = isinstance(op, ast.Lt | ast.GtE)
            strict = self.m.greater(*((b, a) if swapped else (a, b)))
            result = result & (strict if isinstance(op, ast.Lt | ast.Gt) else ~strict)
        return result


class _IndexPass(_Pass):
    """One evaluation of an index formula."""

    def __init__(
        self,
        m: Real,
        tree: ast.expr,
        numbers: Mapping[str, Fraction],
        names: Mapping[str, Array],
        by: str | None,
    ) -> None:
        super().__init__(m, tree, numbers, names)
        self.by = by
        self.sizes = self._sizes()
        self.axes = {index: axis for axis, index in enumerate(self.sizes, 1)}

    def _sizes(self) -> dict[str, int]:
        """index -> size: every index runs over the outputs."""
        outputs = next(iter(self.names.values())).shape[1]
        sizes: dict[str, int] = {}
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[_, *indices]) if (
                    name.removeprefix("name_") in BINDERS
                ):
                    found = [i.id for i in indices if isinstance(i, ast.Name)]
                    found = [n for n in found if n.startswith("name_") and n != "name_pi"]
                    sizes |= {n.removeprefix("name_"): outputs for n in found}
        return sizes

    def at(self, node: ast.expr) -> Dual:
        """The dual number of a node."""
        if isinstance(node, ast.Subscript):
            assert isinstance(node.value, ast.Name)
            return self.entry(_unprefixed(node.value), node.slice)
        return super().at(node)

    def entry(self, name: str, place: ast.expr) -> Dual:
        """name[place] for all values of the indices."""
        where = np.asarray(self.place(place))
        where = where if where.ndim else where.reshape((1,) * len(self.axes))
        array = self.names[name]
        size = array.shape[1]
        if where.min() < 0 or where.max() >= size:
            raise ValueError(f"{name}[{ast.unparse(place)}] leaves the range 0 to {size - 1}")
        if name != self.by:
            return Dual(array[:, where])
        return Dual(array[:, where], np.eye(size)[:, where][:, None])

    def place(self, node: ast.expr) -> Any:
        """The whole numbers that an affine index expression takes."""
        match node:
            case ast.Name(id=name) if name in self.numbers:
                return int(self.numbers[name])
            case ast.Name():
                index = _unprefixed(node)
                shape = [1] * len(self.axes)
                shape[self.axes[index] - 1] = self.sizes[index]
                return np.arange(self.sizes[index]).reshape(shape)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.place(operand)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.place(left) + self.place(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return self.place(left) - self.place(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return self.place(left) * self.place(right)
        raise ValueError(f"the generic backprop cannot read the index {ast.unparse(node)}")

    def call(self, name: str, args: list[ast.expr]) -> Dual:
        """A function of the formula language, or one that binds indices."""
        if name == "size":
            (index,) = args
            assert isinstance(index, ast.Name)
            return Dual(self.m.number(self.sizes[_unprefixed(index)]))
        body, *rest = args
        indices = [_unprefixed(a) for a in rest if isinstance(a, ast.Name)]
        if name in BINDERS and indices and all(index in self.axes for index in indices):
            return self.bind(name, self.spread(self.at(body), indices), indices)
        return super().call(name, args)

    def spread(self, u: Dual, indices: list[str]) -> Dual:
        """The same numbers with the full length along the axes of the indices."""
        shape = [1] * (len(self.axes) + 1)
        for index in indices:
            shape[self.axes[index]] = self.sizes[index]
        ones = np.ones(shape)
        return Dual(u.value * ones, None if u.tangent is None else u.tangent * ones)

    def bind(self, name: str, u: Dual, indices: list[str]) -> Dual:
        """Sum, Max, Min or softmax over indices."""
        axes = tuple(self.axes[index] for index in indices)
        if name == "softmax":
            e = self.call_on("exp", u)
            return self.product(e, self.reciprocal(self.spread(self.summed(e, axes), indices)))
        if name == "Sum":
            return self.summed(u, axes)
        first = self.first_extreme(u.value if name == "Max" else -u.value, axes)
        return self.summed(self.product(u, Dual(first)), axes)

    def summed(self, u: Dual, axes: tuple[int, ...]) -> Dual:
        """The sum over axes, which stay with length 1."""
        value = u.value.sum(axis=axes, keepdims=True)
        if u.tangent is None:
            return Dual(value)
        behind = tuple(axis + 1 for axis in axes)
        return Dual(value, u.tangent.sum(axis=behind, keepdims=True))

    def first_extreme(self, value: Array, axes: tuple[int, ...]) -> np.ndarray[Any, Any]:
        """1 at the first largest place in the order in which the indices are written, else 0."""
        numbers = self.m.real(value)
        last = tuple(range(-len(axes), 0))
        moved = np.moveaxis(numbers, axes, last)
        flat = moved.reshape(*moved.shape[: -len(axes)], -1)
        best = np.argmax(flat, axis=-1)
        chosen = (np.arange(flat.shape[-1]) == best[..., None]).reshape(moved.shape)
        mask = np.moveaxis(chosen, last, axes)
        self.m.greater(self.summed(Dual(value * mask), axes).value, value)
        return np.asarray(mask, dtype=np.float64)


def _unprefixed(node: ast.Name) -> str:
    return node.id.removeprefix("name_")


def _constant(node: ast.expr) -> bool:
    """Whether only numbers and pi occur, besides the names of functions."""
    functions = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in functions]
    return all(n.id.startswith("number_") or n.id == "name_pi" for n in names)
