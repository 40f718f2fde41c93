"""Functions of arrays in a Python sheet: sums, products, softmax, einsum and what SymPy names."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction

from derive.python_sheets.arrays import ONES, Array, beside, multiplied, summed, transposed
from derive.python_sheets.quantities import PythonQuantities
from derive.reading.tree import (
    Applied,
    Derivative,
    Function,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Power,
    Times,
)

#: How many arguments some of them need; the others need one.
_ARGUMENTS = {"dot": 2, "matmul": 2, "multiply": 2, "outer": 2, "einsum": 3}
_KEYWORDS = ("axis", "keepdims", "dtype", "shape", "newshape", "order", "copy", "evaluate")
#: Functions of arrays, and the methods that read them.
_TABLE = {
    "dot": "_dot", "matmul": "_dot", "multiply": "_multiply", "outer": "_outer",
    "transpose": "_transpose", "Transpose": "_transpose", "sum": "_sum",
    "Sum": "_sum", "mean": "_mean",
    "average": "_mean", "maximum": "_maximum", "Max": "_maximum", "where": "_where",
    "astype": "_same", "copy": "_same", "asarray": "_same", "float": "_same",
    "array": "_same", "simplify": "_same", "expand": "_same", "Matrix": "_same",
    "float64": "_same", "squeeze": "_same", "ravel": "_same", "reshape": "_column",
    "square": "_square", "diff": "_diff", "Derivative": "_diff", "Rational": "_rational",
    "einsum": "_einsum", "ones": "_ones", "norm": "_norm",
}  # fmt: skip


class PythonCalls(PythonQuantities):
    """Reads a call as the array that it makes."""

    def call(self, node: ast.Call) -> Array:
        """The array that a call makes."""
        name = self.called(node)
        args = list(node.args)
        if isinstance(node.func, ast.Attribute) and not self.is_module(node.func.value):
            args.insert(0, node.func.value)
        for keyword in node.keywords:
            if keyword.arg not in _KEYWORDS:  # weights=, where= and others change the values
                raise self.wrong(keyword.value, "a call with axis and keepdims only")
        maker: Callable[[ast.Call, list[ast.expr]], Array] | None = (
            getattr(self, _TABLE[name]) if name in _TABLE else None
        )
        if maker is not None and len(args) >= _ARGUMENTS.get(name, 1):
            return maker(node, args)
        return self.function(node, name, args)

    def _dot(self, node: ast.Call, args: list[ast.expr]) -> Array:
        return multiplied(self.array(args[0]), self.array(args[1]))

    def _multiply(self, node: ast.Call, args: list[ast.expr]) -> Array:
        a, b, kind = beside(self.array(args[0]), self.array(args[1]))
        return Array(Times((a, b), ("odot",)), kind)

    def _outer(self, node: ast.Call, args: list[ast.expr]) -> Array:
        a, b = self.array(args[0]), self.array(args[1])
        return Array(Times((a.node, transposed(b.made("c")).node), ("",)), "p")

    def _transpose(self, node: ast.Call, args: list[ast.expr]) -> Array:
        return transposed(self.array(args[0]))

    def _sum(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made = self.array(args[0])
        if args[1:] and isinstance(args[1], ast.Tuple):
            return self.total(made, args[1:])
        return summed(made, self.axis(node, args), self.keeps(node))

    def _mean(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made, axis = self.array(args[0]), self.axis(node, args)
        total = summed(made, axis, self.keeps(node))
        return Array(Over(total.node, self.count(made, axis, node)), total.kind)

    def _maximum(self, node: ast.Call, args: list[ast.expr]) -> Array:
        parts = [self.array(a) for a in args]
        others = [p for p in parts if p.node != Num(Fraction(0))]
        if len(parts) != 2 or len(others) != 1:
            raise self.wrong(node, "the maximum of 0 and an array")
        return Array(Applied(Function("relu"), (others[0].node,)), others[0].kind)

    def _where(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """c * a + (1 - c) * b."""
        if len(args) != 3:
            raise self.wrong(node, "where with a condition and two values")
        when, a, b = (self.array(arg) for arg in args)
        other = Plus((Num(Fraction(1)), Minus(when.node)))
        first = Times((when.node, a.node), ("odot",))
        return Array(Plus((first, Times((other, b.node), ("odot",)))), when.kind)

    def _same(self, node: ast.Call, args: list[ast.expr]) -> Array:
        return self.array(args[0])

    def _column(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made = self.array(args[0])
        shape = [ast.unparse(a) for a in args[1:]] or [ast.unparse(k.value) for k in node.keywords]
        flat = ",".join(shape).replace(" ", "").strip("()")
        if flat.startswith(("1,", "-1,1")) and made.kind in "vcr":
            kind = "c" if flat.startswith("-1") else "r"
            return made.made("c") if kind == "c" else transposed(made.made("c"))
        return made

    def _square(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made = self.array(args[0])
        return Array(Power(made.node, Num(Fraction(2)), made.kind != "s"), made.kind)

    def _diff(self, node: ast.Call, args: list[ast.expr]) -> Array:
        of = self.array(args[0])
        by = tuple(self.array(arg).node for arg in args[1:])
        made: Node = of.node
        for one in by:
            made = Derivative(made, (one,))
        return Array(made, "s")

    def _rational(self, node: ast.Call, args: list[ast.expr]) -> Array:
        parts = [self.array(a).node for a in args]
        if len(parts) > 2 or not all(isinstance(p, Num) for p in parts):
            raise self.wrong(node, "numbers")
        return Array(parts[0] if len(parts) == 1 else Over(parts[0], parts[1]), "s")

    def _einsum(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """Two factors with one summed index: a matrix product of the right transposes."""
        told = args[0].value if isinstance(args[0], ast.Constant) else None
        text = told.replace(" ", "") if isinstance(told, str) else ""
        inputs, arrow, out = text.partition("->")
        names = inputs.split(",")
        if not arrow or len(args) > 3 or [len(n) for n in names] != [2, 2] or len(out) != 2:
            raise self.wrong(node, "einsum of two matrices with one summed index")
        first, second = (self.array(a) for a in args[1:])
        shared = set(names[0]) & set(names[1]) - set(out)
        if len(shared) != 1 or set(out) != set(names[0] + names[1]) - shared:
            raise self.wrong(node, "einsum with one summed index")
        (k,) = shared
        left = first if names[0][1] == k else transposed(first)
        right = second if names[1][0] == k else transposed(second)
        made = multiplied(left, right)
        return made if out[0] in names[0] else transposed(made)

    def _ones(self, node: ast.Call, args: list[ast.expr]) -> Array:
        return Array(ONES, "v")

    def _norm(self, node: ast.Call, args: list[ast.expr]) -> Array:
        raise self.wrong(node, "a sum of squares in place of a norm")
