"""Functions of arrays in a Python sheet: sums, products, softmax, einsum and what SymPy names."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction

from derive.python_sheets.arrays import (
    ONES,
    UNITS_AXIS,
    Array,
    beside,
    multiplied,
    softmax,
    summed,
    transposed,
)
from derive.python_sheets.quantities import DEEPEST_NAMES, PythonQuantities
from derive.reading.tree import (
    Applied,
    Bracket,
    Derivative,
    Entry,
    Function,
    Letter,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Power,
    Times,
    walk,
)

#: How many arguments some of them need; the others need one.
_ARGUMENTS = {
    "dot": 2, "matmul": 2, "multiply": 2, "outer": 2, "einsum": 2, "power": 2, "add": 2,
    "subtract": 2, "divide": 2, "true_divide": 2, "clip": 3,
}  # fmt: skip
#: ... and at most, where that is not one more for an axis.
_MOST = {**_ARGUMENTS, "einsum": 3, "where": 3, "maximum": 2, "Max": 2, "transpose": 1,
         "Transpose": 1, "square": 1, "copy": 1, "squeeze": 1, "ravel": 1, "norm": 1,
         "negative": 1}  # fmt: skip
_OPERATORS: dict[str, ast.operator] = {
    "power": ast.Pow(), "add": ast.Add(), "subtract": ast.Sub(), "divide": ast.Div(),
    "true_divide": ast.Div(),
}  # fmt: skip
MOST_CLIPPED = Fraction(1, 100_000)
ONE = Num(Fraction(1))
_OF_ANY_NUMBER = ("Sum", "diff", "Derivative", "reshape")
_FLOATS = ("float", "float32", "float64", "np.float32", "np.float64", "numpy.float64")
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
    "einsum": "_einsum", "ones": "_ones", "norm": "_norm", "max": "_largest", "amax": "_largest",
    "power": "_operator", "add": "_operator", "subtract": "_operator", "divide": "_operator",
    "true_divide": "_operator", "negative": "_negative", "clip": "_clip",
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
            if name not in _OF_ANY_NUMBER and len(args) > _MOST.get(name, 2):
                raise self.wrong(args[-1], "fewer arguments")
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
        made = self.array(args[0])
        kinds = [*args[1:], *(k.value for k in node.keywords if k.arg == "dtype")]
        compares = any(isinstance(part, Bracket) for part in walk(made.node))
        for kind in kinds if not compares else ():
            if ast.unparse(kind).strip("'\"") not in _FLOATS:
                raise self.wrong(kind, "a type of real numbers")  # int would cut them
        return made

    def _largest(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """The largest number has no value here; that of a softmax is taken out of it."""
        return Array(Letter(f"{self.called(node)}({ast.unparse(args[0])})"), "s")

    def _operator(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """np.power(a, 2) for a ** 2."""
        left, right = map(self.array, args)
        return self.operated(left, _OPERATORS[self.called(node)], right, node)

    def operated(self, left: Array, op: ast.operator, right: Array, node: ast.AST) -> Array:
        """Two arrays put together."""
        raise NotImplementedError

    def _clip(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """np.clip(p, 1e-12, 1 - 1e-12): a guard of a logarithm, which changes nothing."""
        low, high = (self.array(arg).node for arg in args[1:])
        least = low.value if isinstance(low, Num) else None
        guards = least is not None and 0 <= least <= MOST_CLIPPED
        if not guards or high not in (
            ONE,
            Plus((ONE, Minus(low))),
            Num(1 - (least or Fraction(0))),
        ):
            raise self.wrong(args[-1], f"limits from {float(MOST_CLIPPED)} at most to 1 less that")
        return self.array(args[0])

    def _negative(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made = self.array(args[0])
        return Array(Minus(made.node), made.kind)

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
        for arg, variable in zip(args[1:], by, strict=True):
            if not isinstance(variable, Entry | Letter | Applied | Num):
                raise self.wrong(arg, "a symbol to differentiate by")
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
        """Sums over an axis, and products of two factors with at most one summed index."""
        told = args[0].value if isinstance(args[0], ast.Constant) else None
        text = told.replace(" ", "") if isinstance(told, str) else ""
        inputs, arrow, out = text.partition("->")
        names = inputs.split(",")
        arrays = [self.array(a) for a in args[1:]]
        ranks = [{"s": 0, "v": 1}.get(made.kind, 2) for made in arrays]
        distinct = all(len(set(n)) == len(n) for n in (*names, out))
        if not arrow or not distinct or [len(n) for n in names] != ranks:
            raise self.wrong(args[0], "einsum with -> and an index for each axis")
        if len(arrays) == 1:
            return self._one_summed(node, arrays[0], names[0], out)
        first, second = arrays
        if set(names[0]) == set(names[1]):
            turned = second if names[0] == names[1] else transposed(second)
            product = Array(Times((first.node, turned.node), ("odot",)), first.kind)
            return product if out == names[0] else self._one_summed(node, product, names[0], out)
        if ranks == [1, 1] and len(out) == 2:
            outer = Array(Times((first.node, transposed(second.made("c")).node), ("",)), "p")
            return outer if out == names[0] + names[1] else transposed(outer)
        if ranks != [2, 2] or len(out) != 2:
            return self._with_vector(node, first, second, names, out)
        shared = set(names[0]) & set(names[1]) - set(out)
        if len(shared) != 1 or set(out) != set(names[0] + names[1]) - shared:
            raise self.wrong(node, "einsum with one summed index")
        (k,) = shared
        left = first if names[0][1] == k else transposed(first)
        right = second if names[1][0] == k else transposed(second)
        made = multiplied(left, right)
        return made if out[0] in names[0] else transposed(made)

    def _one_summed(self, node: ast.Call, made: Array, name: str, out: str) -> Array:
        """The sum of one array over some of its axes, or its transpose."""
        if len(name) == len(out) == 2 and set(name) == set(out):
            return made if name == out else transposed(made)
        if out == "":
            return summed(made, None, False)
        if len(name) == 2 and len(out) == 1 and out in name:
            return summed(made, 1 - name.index(out), False)
        raise self.wrong(node, "einsum that sums over an axis")

    def _with_vector(
        self, node: ast.Call, first: Array, second: Array, names: list[str], out: str
    ) -> Array:
        """A matrix and a vector, which share one summed index; or two vectors."""
        shared = set(names[0]) & set(names[1]) - set(out)
        if len(shared) != 1 or set(out) != set(names[0] + names[1]) - shared:
            raise self.wrong(node, "einsum with one summed index")
        (k,) = shared
        if len(names[0]) == 2 and names[0][0] == k:
            first = transposed(first)
        if len(names[1]) == 2 and names[1][1] == k:
            second = transposed(second)
        return multiplied(first, second)

    def _ones(self, node: ast.Call, args: list[ast.expr]) -> Array:
        return Array(ONES, "v")

    def _norm(self, node: ast.Call, args: list[ast.expr]) -> Array:
        raise self.wrong(node, "a sum of squares in place of a norm")

    # ---------------------------------------------------------------- the softmax

    def softmax_of(self, node: ast.BinOp) -> Array | None:
        """exp(z) / sum(exp(z)), where the sum is over the units and nothing else."""
        below = self._meant(node.right)
        if not (isinstance(below, ast.Call) and self.called(below) == "sum"):
            return None
        over = below.args[0] if below.args else getattr(below.func, "value", None)
        above = self._meant(node.left)
        if not isinstance(over, ast.expr) or not self._is_call(above, "exp"):
            return None
        if ast.unparse(self._meant(over)) != ast.unparse(above):
            return None
        assert isinstance(above, ast.Call)
        shifted = self._meant(above.args[0])
        text = ast.unparse(self._unshifted(shifted))
        inner = self.inserted(node, f"{text} inside", text, self.scope)
        units = UNITS_AXIS.get(inner.kind)
        if units is not None and self.axis(below, list(below.args)) != units:
            return None  # a sum over samples as well
        return softmax(inner)

    def _unshifted(self, node: ast.expr) -> ast.expr:
        """z of z - max(z): the softmax is the same."""
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)):
            return node
        largest = self._meant(node.right)
        if not self._is_call(largest, "max", "amax"):
            return node
        assert isinstance(largest, ast.Call)
        over = largest.args[0] if largest.args else getattr(largest.func, "value", None)
        return node.left if ast.unparse(node.left) == ast.unparse(over) else node  # type: ignore[arg-type]

    def _is_call(self, node: ast.expr, *names: str) -> bool:
        return isinstance(node, ast.Call) and self.called(node) in names

    def _meant(self, node: ast.expr) -> ast.expr:
        """What a name of the writer's own stands for, as far as it is a name."""
        for _ in range(DEEPEST_NAMES):
            key = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
            text = self.standing.get(key) or self.scope.own.names.get(key)
            if not text:
                break
            node = ast.parse(text, mode="eval").body
        return node
