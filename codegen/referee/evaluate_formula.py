"""The referee's own evaluator of formulas: values, and derivatives by forward-mode dual numbers.

A formula has been read and checked by `derive` before it comes here; this is a second, independent
reading of the same text, over Python's ast and any arithmetic `m`.

Index formulas are read here too; they are evaluated in `brute_force`.
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

from codegen.referee.arithmetic import SLOPES, Array, Real

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
    def read(self) -> tuple[ast.expr, dict[str, Fraction]]:
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
        return any(isinstance(node, ast.Subscript) for node in ast.walk(self.read[0]))

    def value(self, m: Real, names: Mapping[str, Array]) -> Array:
        """The value at arrays of the same shape, entry by entry."""
        given = {name: Dual(array) for name, array in names.items()}
        return _Pass(m, *self.read, given).at(self.read[0]).value

    def slope(self, m: Real, names: Mapping[str, Array], by: str) -> Array:
        """The derivative by one of the names, entry by entry; 0 where it does not occur."""
        given = {name: Dual(array, 1 if name == by else None) for name, array in names.items()}
        tangent = _Pass(m, *self.read, given).at(self.read[0]).tangent
        return 0 if tangent is None else tangent


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
        if is_constant(written):
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
        *front, result = map(self.at, sorted(args, key=is_constant))
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


def is_constant(node: ast.expr) -> bool:
    """Whether only numbers and pi occur, besides the names of functions."""
    functions = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in functions]
    return all(n.id.startswith("number_") or n.id == "name_pi" for n in names)
