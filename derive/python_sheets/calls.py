"""Functions of arrays in a Python sheet: sums, products, softmax, einsum and what SymPy names."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from derive.python_sheets.arrays import (
    ONES,
    UNITS_AXIS,
    Array,
    beside,
    chosen,
    greater,
    multiplied,
    softmax,
    summed,
    transposed,
)
from derive.python_sheets.bindings import LARGEST
from derive.python_sheets.einsum import Einsums
from derive.python_sheets.places import Substituted, function_of, is_number, last_word, picks
from derive.python_sheets.standing import DEEPEST_NAMES
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
    Transposed,
    walk,
)

#: How many arguments some of them need; the others need one.
_ARGUMENTS = {
    "dot": 2, "matmul": 2, "mm": 2, "multiply": 2, "outer": 2, "ger": 2, "einsum": 2, "power": 2,
    "pow": 2, "add": 2, "subtract": 2, "divide": 2, "true_divide": 2, "clip": 3, "heaviside": 2,
    "HadamardProduct": 2, "minimum": 2, "Min": 2,
}  # fmt: skip
#: ... and at most, where that is not one more for an axis.
_MOST = {**_ARGUMENTS, "einsum": 9, "where": 3, "maximum": 2, "Max": 2, "transpose": 1,
         "Transpose": 1, "square": 1, "copy": 1, "squeeze": 1, "ravel": 1, "norm": 1,
         "negative": 1, "log1p": 1, "expm1": 1, "sign": 1, "item": 1, "clone": 1, "detach": 1,
         "t": 1, "ravel_": 1, "numel": 1}  # fmt: skip
_OPERATORS: dict[str, ast.operator] = {
    "power": ast.Pow(), "pow": ast.Pow(), "add": ast.Add(), "subtract": ast.Sub(),
    "divide": ast.Div(), "true_divide": ast.Div(),
}  # fmt: skip
MOST_BODY = 3_000  # characters of a function with its arguments
SMALLEST = Fraction(1, 1_000_000)  # what is added up to it is a guard of a division or logarithm
MOST_CLIPPED = Fraction(1, 100_000)
ONE = Num(Fraction(1))
_OF_ANY_NUMBER = ("Sum", "diff", "Derivative", "reshape", "view")
_WHOLE = ("int", "int64", "int32")
_FLOATS = ("float", "float32", "float64", "np.float32", "np.float64", "numpy.float64")
_KEYWORDS = ("axis", "keepdims", "dim", "keepdim", "dtype", "shape", "newshape", "order", "copy",
             "evaluate")  # fmt: skip
#: Functions of arrays, and the methods that read them.
_TABLE = {
    "dot": "_dot", "matmul": "_dot", "mm": "_dot", "multiply": "_multiply", "outer": "_outer",
    "HadamardProduct": "_multiply", "ger": "_outer",
    "transpose": "_transpose", "Transpose": "_transpose", "t": "_transpose", "sum": "_sum",
    "Sum": "_sum", "mean": "_mean", "average": "_mean", "var": "_variance", "std": "_deviation",
    "maximum": "_maximum", "Max": "_maximum", "minimum": "_minimum", "Min": "_minimum",
    "where": "_where", "astype": "_same", "copy": "_same", "asarray": "_same", "float": "_same",
    "array": "_same", "simplify": "_same", "expand": "_same", "Matrix": "_same",
    "item": "_same", "clone": "_same", "detach": "_same",
    "float64": "_same", "int": "_same", "int64": "_same", "int32": "_same",
    "squeeze": "_same", "ravel": "_same", "reshape": "_column",
    "square": "_square", "diff": "_diff", "Derivative": "_diff", "Rational": "_rational",
    "einsum": "_einsum", "ones": "_ones", "norm": "_norm", "max": "_largest", "amax": "_largest",
    "power": "_operator", "pow": "_operator", "add": "_operator", "subtract": "_operator",
    "divide": "_operator", "true_divide": "_operator", "negative": "_negative",
    "clip": "_clip", "clamp": "_clamp", "log1p": "_log1p", "expm1": "_expm1", "sign": "_sign",
    "heaviside": "_heaviside", "numel": "_numel",
}  # fmt: skip


class PythonCalls(Einsums):
    """Reads a call as the array that it makes."""

    def call(self, node: ast.Call) -> Array:
        """The array that a call makes."""
        name, args = self.called(node), self.arguments(node)
        made = self.own_function(node)
        if made is not None:
            return made
        for keyword in node.keywords:
            limit = name == "clamp" and keyword.arg in ("min", "max")
            if keyword.arg not in _KEYWORDS and not limit:  # weights=, where= change the values
                raise self.wrong(keyword.value, "a call with axis and keepdims only")
        maker: Callable[[ast.Call, list[ast.expr]], Array] | None = (
            getattr(self, _TABLE[name]) if name in _TABLE else None
        )
        if maker is not None and len(args) >= _ARGUMENTS.get(name, 1):
            if name not in _OF_ANY_NUMBER and len(args) > _MOST.get(name, 2):
                raise self.wrong(args[-1], "fewer arguments")
            return maker(node, args)
        if len(args) == 1:
            inner = self._meant(args[0])
            if name == "log" and isinstance(inner, ast.BinOp) and is_number(inner.right):
                tiny = isinstance(inner.op, ast.Add) and ast.literal_eval(inner.right) <= SMALLEST
                inner = inner.left if tiny else inner
            if isinstance(inner, ast.Subscript) and picks(inner):  # the logarithm of what is picked
                whole = ast.copy_location(ast.Call(node.func, [inner.value], []), node)
                if isinstance(node.func, ast.Attribute) and not self.is_module(node.func.value):
                    raise self.wrong(node, "a function of the library")
                return self.picked(self.function(whole, name, [inner.value]), node)
        if name == "sqrt":  # what is small there keeps norm layers from dividing by 0
            self.roots += 1
            made = self.function(node, name, args)
            self.roots -= 1
            return made
        return self.function(node, name, args)

    def arguments(self, node: ast.Call) -> list[ast.expr]:
        """The arguments of a call, with the array whose method it is as the first."""
        func = node.func
        if not isinstance(func, ast.Attribute) or self.is_module(func.value):
            return list(node.args)
        if last_word(func.value) in ("self", "cls"):  # a method of the writer's own
            return list(node.args)
        return [func.value, *node.args]

    def own_function(self, node: ast.Call) -> Array | None:
        """A call of a function that the sheet writes as a lambda: its body, with the arguments."""
        if not isinstance(node.func, ast.Name):
            return None
        key = node.func.id
        function = function_of(self.standing.get(key) or self.scope.own.names.get(key, ""))
        if function is None:
            return None
        names = [arg.arg for arg in function.args.args]
        if node.keywords or len(node.args) != len(names):
            raise self.wrong(node, f"{len(names)} arguments")
        given = dict(zip(names, node.args, strict=True))
        text = ast.unparse(Substituted(given).visit(copy.deepcopy(function.body)))
        if len(text) > MOST_BODY:
            raise self.wrong(node, "a function of something shorter")
        own = {k: v for k, v in self.scope.own.names.items() if k != key}
        inner = replace(self.scope, own=replace(self.scope.own, names=own))
        return self.inserted(node, f"{key} of {text}", text, inner)

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
        return self._greater(node, args, ">")

    def _minimum(self, node: ast.Call, args: list[ast.expr]) -> Array:
        return self._greater(node, args, "<")

    def _greater(self, node: ast.Call, args: list[ast.expr], relation: str) -> Array:
        """The greater or the less of two arrays, entry by entry."""
        if len(args) != 2:
            raise self.wrong(node, "two arrays")
        parts = [self.array(a) for a in args]
        others = [p for p in parts if p.node != Num(Fraction(0))]
        if relation == ">" and len(others) == 1:
            return Array(Applied(Function("relu"), (others[0].node,)), others[0].kind)
        return self.bounded(greater(parts[0], parts[1], relation), node)

    def _where(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """c * a + (1 - c) * b."""
        if len(args) != 3:
            raise self.wrong(node, "where with a condition and two values")
        when, a, b = (self.array(arg) for arg in args)
        return self.bounded(chosen(when, a, b), node)

    def _variance(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """The mean of the squares of what is left when the mean is taken off."""
        made, axis = self.array(args[0]), self.axis(node, args)
        if made.kind != "b" or axis is None:
            raise self.wrong(node, "the variance of samples in rows along an axis")
        count = self.count(made, axis, node)
        mean = Over(summed(made, axis, True).node, count)
        ones = Times((ONES, mean), ("",)) if axis == 0 else Times((mean, Transposed(ONES)), ("",))
        left = Array(Power(Plus((made.node, Minus(ones))), Num(Fraction(2)), True), made.kind)
        total = summed(left, axis, self.keeps(node))
        return self.bounded(Array(Over(total.node, count), total.kind), node)

    def _deviation(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made = self._variance(node, args)
        return Array(Applied(Function("sqrt"), (made.node,)), made.kind)

    def _log1p(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made = self.array(args[0])
        return Array(Applied(Function("log"), (Plus((ONE, made.node)),)), made.kind)

    def _expm1(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made = self.array(args[0])
        return Array(Plus((Applied(Function("exp"), (made.node,)), Minus(ONE))), made.kind)

    def _sign(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """[a > 0] - [a < 0]."""
        made, zero = self.array(args[0]), Num(Fraction(0))
        above, below = (Bracket((made.node, zero), (relation,)) for relation in "><")
        return self.bounded(Array(Plus((above, Minus(below))), made.kind), node)

    def _heaviside(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made = self.array(args[0])
        return Array(Bracket((made.node, Num(Fraction(0))), (">",)), made.kind)

    def _clamp(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """h.clamp(min=0), h.clamp(0)."""
        limits = {k.arg: k.value for k in node.keywords}
        least = limits.get("min", args[1] if len(args) > 1 else None)
        if "max" in limits or least is None or self.array(least).node != Num(Fraction(0)):
            raise self.wrong(node, "clamp(min=0)")
        return self._maximum(node, [args[0], least])

    def _numel(self, node: ast.Call, args: list[ast.expr]) -> Array:
        whole = ast.copy_location(ast.Attribute(args[0], "size", ast.Load()), node)
        return self.size(whole)

    def _same(self, node: ast.Call, args: list[ast.expr]) -> Array:
        made = self.array(args[0])
        if self.called(node) in _WHOLE and not isinstance(made.node, Bracket):
            raise self.wrong(node, "a type of real numbers")
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
        if ast.unparse(args[2]) == "None":
            return self._greater(node, args[:2], ">")
        low, high = (self.array(arg) for arg in args[1:])
        least = low.node.value if isinstance(low.node, Num) else None
        highest = (ONE, Plus((ONE, Minus(low.node))), Num(1 - (least or Fraction(0))))
        if least is not None and 0 <= least <= MOST_CLIPPED and high.node in highest:
            return self.array(args[0])
        if least is not None and least >= 0:  # of a probability: it would be cut
            raise self.wrong(args[-1], f"limits from {float(MOST_CLIPPED)} at most to 1 less that")
        return self.bounded(greater(greater(self.array(args[0]), low, ">"), high, "<"), node)

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
        by: list[Node] = []
        for arg in args[1:]:
            variable = self.array(arg).node
            if isinstance(variable, Num) and by and variable.value in (1, 2, 3):  # diff(f, x, 2)
                by += [by[-1]] * (int(variable.value) - 1)
            elif isinstance(variable, Entry | Letter | Applied):
                by.append(variable)
            else:
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

    def _ones(self, node: ast.Call, args: list[ast.expr]) -> Array:
        return Array(ONES, "v")

    def _norm(self, node: ast.Call, args: list[ast.expr]) -> Array:
        raise self.wrong(node, "a sum of squares in place of a norm")

    # ---------------------------------------------------------------- the softmax

    def softmax_of(self, node: ast.BinOp) -> Array | None:
        """exp(z) / sum(exp(z)), where the sum is over the units and nothing else."""
        below = self._meant(node.right)
        if isinstance(node.op, ast.Mult):  # by the inverse of the sum
            if not isinstance(below, ast.BinOp):
                return None
            one = isinstance(below.op, ast.Div) and ast.unparse(below.left) in ("1", "1.0")
            inverse = isinstance(below.op, ast.Pow) and ast.unparse(below.right) in ("-1", "-1.0")
            if not one and not inverse:
                return None
            below = self._meant(below.right if one else below.left)
        if not (isinstance(below, ast.Call) and self.called(below) == "sum"):
            return None
        over, above = self.arguments(below), self._meant(node.left)
        if not over or not isinstance(above, ast.Call) or self.called(above) != "exp":
            return None
        inside = self.arguments(above)
        if ast.unparse(self._meant(over[0])) != ast.unparse(above) or len(inside) != 1:
            return None
        shifted = self._meant(inside[0])
        text = ast.unparse(self._unshifted(shifted))
        inner = self.inserted(node, f"{text} inside", text, self.scope)
        units, given = UNITS_AXIS.get(inner.kind), self.axis(below, over)
        alone = {"c": (0, None), "r": (1, None)}.get(inner.kind)  # of one sample
        if (units is not None and given != units) or (alone and given not in alone):
            return None  # a sum over samples as well
        return softmax(inner)

    def _unshifted(self, node: ast.expr) -> ast.expr:
        """z of z - max(z): the softmax is the same."""
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)):
            return node
        largest = self._meant(node.right)
        if isinstance(largest, ast.Attribute) and largest.attr == "values":
            largest = largest.value
        if not isinstance(largest, ast.Call) or self.called(largest) not in LARGEST:
            return node
        over = [ast.unparse(arg) for arg in self.arguments(largest)[:1]]
        return node.left if over == [ast.unparse(node.left)] else node

    def _meant(self, node: ast.expr) -> ast.expr:
        """What a name of the writer's own stands for, as far as it is a name."""
        for _ in range(DEEPEST_NAMES):
            key = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
            text = self.standing.get(key) or self.scope.own.names.get(key)
            if not text:
                break
            node = ast.parse(text, mode="eval").body
        return node
