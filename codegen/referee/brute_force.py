"""Index formulas by plain loops: one number for each entry, term by term, as they are written.

    h[r] = Sum(u[i,r]*x[i], i)

The indices run as loops in Python, the samples side by side in every number (see `tape`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from codegen.referee.arithmetic import Array, Real
from codegen.referee.evaluate_formula import Formula, is_constant
from codegen.referee.tape import Number, Tape

Where = Mapping[str, int]  # the value of each index
Place = tuple[int, ...]
BINDERS = ("Sum", "Max", "Min", "softmax")


@dataclass(frozen=True)
class Definition:
    """name[index, ...] = right side."""

    name: str
    indices: tuple[str, ...]
    right: Formula

    @classmethod
    def read(cls, text: str) -> Definition:
        """The parts of an equation; the first = is the one between the sides."""
        left, _, right = text.partition("=")
        name, _, places = left.strip().partition("[")
        indices = [place.strip() for place in places.strip().rstrip("]").split(",")]
        return cls(name.strip(), tuple(filter(None, indices)), Formula(right))


class Loops(Tape):
    """Arrays of numbers, and the evaluation of right sides on them."""

    def __init__(
        self, m: Real, sizes: Mapping[str, int], like: Array, padded: Sequence[str] = ()
    ) -> None:
        """The ranges of the indices; names that are 0 outside their range are `padded`."""
        super().__init__(m, like)
        self.sizes, self.padded = sizes, padded
        self.arrays: dict[str, dict[Place, Number]] = {}
        self.numbers: Mapping[str, Fraction] = {}

    # ---------------------------------------------------------------- arrays

    def give(self, name: str, array: Array) -> None:
        """An array with one entry for each sample and place."""
        places = np.ndindex(*array.shape[1:])
        self.arrays[name] = {at: Number(array[(slice(None), *at)]) for at in places}

    def share(self, name: str, array: Array) -> None:
        """A parameter: the same for all samples."""
        places = np.ndindex(*array.shape)
        self.arrays[name] = {at: Number(self.m.like(array[at], self.like)) for at in places}

    def define(self, definition: Definition) -> None:
        """Every entry of the left side."""
        tree = self.start(definition.right)
        entries: dict[Place, Number] = {}
        for where in self.over(definition.indices, {}):
            entries[tuple(where.values())] = self.at(tree, where)
        self.arrays[definition.name] = entries

    def start(self, formula: Formula) -> ast.expr:
        """The tree of a formula, its numbers at hand."""
        tree, self.numbers = formula.read
        return tree

    def array(self, name: str) -> Array:
        """The values of an array, the samples first."""
        return self._gathered(name, [number.value for number in self.arrays[name].values()])

    def slope(self, name: str) -> Array:
        """dL/d(entry) for all samples and places, after the sweep."""
        return self._gathered(name, [self.slope_of(n) for n in self.arrays[name].values()])

    def _gathered(self, name: str, values: list[Array]) -> Array:
        last = max(self.arrays[name])
        return self.m.stack(values, 1).reshape(self.like.shape[0], *(i + 1 for i in last))

    # ---------------------------------------------------------------- reading the tree

    def over(self, indices: Sequence[str], where: Where) -> Iterator[dict[str, int]]:
        """All values of the indices, in row-major order."""
        for values in product(*(range(self.sizes[index]) for index in indices)):
            yield {**where, **dict(zip(indices, values, strict=True))}

    def at(self, node: ast.expr, where: Where) -> Number:
        """The number that an expression has at these values of the indices."""
        match node:
            case ast.Name(id="name_pi"):
                return Number(self.m.like(self.m.pi, self.like))
            case ast.Name(id=name) if name in self.numbers:
                return self.constant(self.numbers[name])
            case ast.Name(id=name):
                return self.arrays[_bare(name)][()]
            case ast.Subscript(value=ast.Name(id=name), slice=place):
                return self.entry(_bare(name), self.place(place, where))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.minus(self.at(operand, where))
            case ast.UnaryOp(operand=operand):
                return self.at(operand, where)
            case ast.BinOp():
                return self.binary(node, where)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self.call(_bare(name), args, where)
        raise ValueError(f"the generic backprop cannot read {ast.unparse(node)}")

    def binary(self, node: ast.BinOp, where: Where) -> Number:
        """a op b."""
        left = self.at(node.left, where)
        if isinstance(node.op, ast.Pow):
            exponent = self.rational(node.right)
            if exponent is not None:
                return self.power(left, exponent)
            logarithm = self.function("log", left)
            return self.function("exp", self.product(self.at(node.right, where), logarithm))
        right = self.at(node.right, where)
        match node.op:
            case ast.Add():
                return self.total([left, right])
            case ast.Sub():
                return self.total([left, self.minus(right)])
            case ast.Mult():
                return self.product(left, right)
            case ast.Div():
                return self.quotient(left, right)
        raise ValueError(f"the generic backprop knows no operator {type(node.op).__name__}")

    def rational(self, node: ast.expr) -> Fraction | None:
        """The exact value of an expression of plain numbers."""
        match node:
            case ast.Name(id=name):
                return self.numbers.get(name)
            case ast.UnaryOp(op=op, operand=operand):
                inner = self.rational(operand)
                return -inner if inner is not None and isinstance(op, ast.USub) else inner
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self.rational(left), self.rational(right)
                if a is None or b is None or type(op) not in EXACT:
                    return None
                return Fraction(EXACT[type(op)](a, b))
        return None

    def entry(self, name: str, at: Place) -> Number:
        """name[at]; outside its range a padded array is 0."""
        found = self.arrays[name].get(at)
        if found is None and name in self.padded:
            return self.constant(0)
        if found is None:
            raise ValueError(f"{name}{list(at)} is outside the array")
        return found

    def place(self, node: ast.expr, where: Where) -> Place:
        """The whole numbers between the brackets."""
        nodes = node.elts if isinstance(node, ast.Tuple) else [node]
        return tuple(self.affine(part, where) for part in nodes)

    def affine(self, node: ast.expr, where: Where) -> int:
        """A sum of indices with whole factors."""
        match node:
            case ast.Name(id=name) if name in self.numbers:
                return int(self.numbers[name])
            case ast.Name(id=name):
                return where[_bare(name)]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.affine(operand, where)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in EXACT:
                return int(EXACT[type(op)](self.affine(left, where), self.affine(right, where)))
        raise ValueError(f"the generic backprop cannot read the index {ast.unparse(node)}")

    def call(self, name: str, args: list[ast.expr], where: Where) -> Number:
        """A function of the formula language, or one that runs over indices."""
        if name == "Piecewise":
            return self.piecewise(args, where)
        over = [_bare(arg.id) for arg in args[1:] if isinstance(arg, ast.Name)]
        if name == "size":
            assert isinstance(args[0], ast.Name)
            return self.constant(self.sizes[_bare(args[0].id)])
        if name in BINDERS and over and all(index in self.sizes for index in over):
            return self.bound(name, args[0], over, where)
        if name in ("Max", "Min"):
            return self.extremum(name, args, where)
        return self.function(name, self.at(args[0], where))

    def bound(self, name: str, body: ast.expr, over: list[str], where: Where) -> Number:
        """Sum, Max, Min or softmax of the body over indices."""
        parts = [self.at(body, inner) for inner in self.over(over, where)]
        if name == "Sum":
            return self.total(parts)
        if name == "softmax":
            peak = self.m.peak(self.m.stack([part.value for part in parts], 1))[:, 0]
            powers = [
                self.function("exp", self.made(part.value - peak, (part, None))) for part in parts
            ]
            return self.quotient(powers[where[over[0]]], self.total(powers))
        best, *rest = parts
        for part in rest:  # the first of equal ones counts
            best = self.choose(self.beats(name, part, best), part, best)
        return best

    def beats(self, name: str, a: Number, b: Number) -> np.ndarray[Any, Any]:
        """Where a is larger (Max) or smaller (Min) than b."""
        return self.m.greater(*((a.value, b.value) if name == "Max" else (b.value, a.value)))

    def extremum(self, name: str, args: list[ast.expr], where: Where) -> Number:
        """The first argument that beats all after it; constants count as last."""
        *front, result = (self.at(arg, where) for arg in sorted(args, key=is_constant))
        for candidate in reversed(front):
            result = self.choose(self.beats(name, candidate, result), candidate, result)
        return result

    def piecewise(self, branches: list[ast.expr], where: Where) -> Number:
        """The value of the first branch whose condition holds; the last condition is True."""
        result: Number | None = None
        for branch in reversed(branches):
            assert isinstance(branch, ast.Tuple)
            value, condition = branch.elts
            if isinstance(condition, ast.Constant):
                result = self.at(value, where) if condition.value else result
            else:
                assert result is not None
                result = self.choose(self.holds(condition, where), self.at(value, where), result)
        assert result is not None
        return result

    def holds(self, condition: ast.expr, where: Where) -> np.ndarray[Any, Any]:
        """Where a comparison holds."""
        assert isinstance(condition, ast.Compare)
        sides = [self.at(side, where).value for side in (condition.left, *condition.comparators)]
        result = np.asarray(True)
        for a, op, b in zip(sides, condition.ops, sides[1:], strict=False):
            swapped = isinstance(op, ast.Lt | ast.GtE)
            strict = self.m.greater(*((b, a) if swapped else (a, b)))
            result = result & (strict if isinstance(op, ast.Lt | ast.Gt) else ~strict)
        return result


EXACT: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: Fraction(a) / b,
    ast.Pow: lambda a, b: a**b,
}


def numbers_needed(definition: Definition, sizes: Mapping[str, int]) -> int:
    """How many numbers an evaluation makes, roughly."""

    def inside(node: ast.AST, times: int) -> int:
        match node:
            case ast.Call(func=ast.Name(id=name), args=[body, *rest]) if _bare(name) in BINDERS:
                over = [_bare(arg.id) for arg in rest if isinstance(arg, ast.Name)]
                return inside(body, _times(times, over, sizes))
        return times + sum(inside(child, times) for child in ast.iter_child_nodes(node))

    tree, _ = definition.right.read
    return inside(tree, _times(1, definition.indices, sizes)) // 2


def _times(times: int, indices: Sequence[str], sizes: Mapping[str, int]) -> int:
    for index in indices:
        times *= sizes.get(index, 1)
    return times


def _bare(name: str) -> str:
    return name.removeprefix("name_")
