"""Statements of NumPy and SymPy as claims over the reading tree; the text is never run.

A one-dimensional array is a column beside a matrix product and a row beside a batch, as NumPy has
it; `*` is taken entry by entry, `@` and dot are matrix products.
"""

from __future__ import annotations

import ast
from fractions import Fraction

from derive.claims.claim import Claim
from derive.python_sheets.arrays import (
    UNITS_AXIS,
    Array,
    beside,
    matched,
    multiplied,
    softmax,
    transposed,
)
from derive.python_sheets.calls import PythonCalls
from derive.python_sheets.names import meaning
from derive.reading.latex_tokens import Unreadable
from derive.reading.scope import Scope
from derive.reading.tree import (
    Bracket,
    Entry,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Power,
    Times,
    Transposed,
    Value,
    walk,
)
from derive.sheets.python import parsed

_EQUALITIES = ("Eq", "Equality", "allclose", "assert_allclose", "array_equal", "isclose",
               "assert_array_almost_equal", "assert_almost_equal", "assert_array_equal",
               "testing")  # fmt: skip
_SIZES = ("abs", "max", "norm", "absolute")
_HOLDERS = ("self", "params", "grads", "cache")
_COMPARED = {ast.Gt: ">", ast.Lt: "<", ast.GtE: "ge", ast.LtE: "le", ast.NotEq: "ne"}


def python_claims(text: str, scope: Scope) -> tuple[list[Claim], list[Unreadable]]:
    """The claims of one statement."""
    reader = _Statement(text, scope)
    try:
        return reader.claims(), []
    except Unreadable as problem:
        return [], [problem]
    except SyntaxError as problem:
        return [], [Unreadable(0, "no Python", problem.msg or "a statement")]


class _Statement(PythonCalls):
    """Reads one statement."""

    def claims(self) -> list[Claim]:
        body = parsed(self.text).body
        if len(body) != 1:
            raise Unreadable(0, f"{len(body)} statements", "one statement")
        self.lemma = _is_lemma(body[0], self)
        return self._claims(body[0])

    def _claims(self, node: ast.stmt) -> list[Claim]:
        match node:
            case ast.Assign():
                members: list[ast.expr] = [*node.targets, node.value]
                if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
                    names, values = node.targets[0].elts, node.value.elts
                    if len(names) != len(values):
                        raise self.wrong(node, "as many values as names")
                    pairs = zip(names, values, strict=True)
                    return [c for a, b in pairs for c in self._chain([a, b], "=", node)]
                return self._chain(members, "=", node)
            case ast.AnnAssign() if node.value is not None:
                return self._chain([node.target, node.value], "=", node)
            case ast.AugAssign():
                return [self._update(node)]
            case ast.Assert():
                return self._stated(node.test, node)
            case ast.Expr():
                return self._stated(node.value, node)
        raise self.wrong(node, "an assignment, an equation or an assertion")

    def _stated(self, node: ast.expr, whole: ast.stmt) -> list[Claim]:
        """An equation that is called, compared, or put together with `and`."""
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            return [claim for value in node.values for claim in self._stated(value, whole)]
        if isinstance(node, ast.Call):
            name = self.called(node)
            if name in ("all", "bool", "assert_", "simplify") and node.args:
                return self._stated(node.args[0], whole)
            inner = node.func.value if isinstance(node.func, ast.Attribute) else None
            if name == "all" and inner is not None:
                return self._stated(inner, whole)
            if name in _EQUALITIES and len(node.args) >= 2:
                return self._chain(node.args[:2], "=", whole)
            if name == "Ne" and len(node.args) == 2:
                return self._chain(node.args, "ne", whole)
        if isinstance(node, ast.Compare):
            if all(isinstance(op, ast.Eq) for op in node.ops):
                return self._chain([node.left, *node.comparators], "=", whole)
            near = self._near(node)
            if near is not None:
                return self._chain(near, "=", whole)
        made = self.array(node)
        return [Claim(made.node, "", None, self.span(whole), chain=1)]

    def _near(self, node: ast.Compare) -> list[ast.expr] | None:
        """The sides of abs(a - b) < 1e-9."""
        small = node.comparators[0]
        left = node.left
        if not (isinstance(node.ops[0], ast.Lt | ast.LtE) and isinstance(small, ast.Constant)):
            return None
        while isinstance(left, ast.Call) and self.called(left) in _SIZES:
            inner = left.args[0] if left.args else getattr(left.func, "value", left)
            left = inner if isinstance(inner, ast.expr) else left
        if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Sub):
            return [left.left, left.right]
        return None

    def _chain(self, members: list[ast.expr], relation: str, whole: ast.stmt) -> list[Claim]:
        arrays = [self.array(member) for member in members]
        made: list[Claim] = []
        first = arrays[0]
        for k, right in enumerate(arrays[1:], 1):
            lhs, rhs = matched(first, right)
            begin = self.span(members[0])[0] if k == 1 else self.span(members[k])[0]
            span = (begin, self.span(members[k])[1])
            updated = relation
            if isinstance(first.node, Entry) and first.node in tuple(walk(right.node)):
                updated = "gets" if first.node.role in ("weight", "bias") else relation
            before = lhs if k == 1 else arrays[k - 1].node
            made.append(Claim(lhs, updated, rhs, span, before, 1))
        return made

    def _update(self, node: ast.AugAssign) -> Claim:
        """W -= rate * dW says what the new W is."""
        target, value = self.array(node.target), self.array(node.value)
        span = self.span(node)
        plus = isinstance(node.op, ast.Add)
        if not plus and not isinstance(node.op, ast.Sub):
            raise self.wrong(node, "an update with += or -=")
        lhs, rhs = matched(target, value)
        step: Node = rhs if plus else Minus(rhs, span=rhs.span)
        return Claim(lhs, "gets", Plus((lhs, step), span=span), span, lhs, 1)

    # ---------------------------------------------------------------- expressions

    def array(self, node: ast.expr) -> Array:
        """The array that an expression makes."""
        self.deep += 1
        if self.deep > 400:
            raise self.wrong(node, "less nesting")
        made = self._array(node)
        self.deep -= 1
        return made.at(self.span(node))

    def _array(self, node: ast.expr) -> Array:
        match node:
            case ast.Constant(value=bool()):
                raise self.wrong(node, "a number")
            case ast.Constant(value=int() | float() as value):
                if value != value or value in (float("inf"), float("-inf")) or abs(value) > 1e30:
                    raise self.wrong(node, "a number")
                return Array(Num(Fraction(repr(value))), "s")
            case ast.Name():
                return self.name(node)
            case ast.UnaryOp(op=ast.USub()):
                inner = self.array(node.operand)
                return Array(Minus(inner.node), inner.kind)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.array(node.operand)
            case ast.BinOp():
                return self._binary(node)
            case ast.Compare() if len(node.ops) == 1:
                return self._compared(node)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self.entry(node)
            case ast.Call():
                return self.call(node)
        raise self.wrong(node, "an expression of arrays")

    def _binary(self, node: ast.BinOp) -> Array:
        left, right = self.array(node.left), self.array(node.right)
        match node.op:
            case ast.MatMult():
                return multiplied(left, right)
            case ast.Add() | ast.Sub() if {left.kind, right.kind} == {"t", "c"}:
                return self._column_added(left, right, isinstance(node.op, ast.Sub))
            case ast.Add() | ast.Sub():
                a, b, kind = beside(left, right)
                if isinstance(node.op, ast.Sub):
                    b = Minus(b, span=b.span)
                return Array(Plus((*_summands(a), b)), kind)
            case ast.Mult():
                a, b, kind = beside(left, right)
                sign = "" if "s" in (left.kind, right.kind) else "odot"
                return Array(Times((a, b), (sign,)), kind)
            case ast.Div():
                if found := self._softmax(node):
                    return found
                a, b, kind = beside(left, right)
                return Array(Over(a, b), kind)
            case ast.Pow():
                return Array(Power(left.node, right.node, left.kind != "s"), left.kind)
        raise self.wrong(node, "an operation of arrays: + - * / @ **")

    def _column_added(self, left: Array, right: Array, minus: bool) -> Array:
        """A column beside samples in columns: the transpose of a row beside samples in rows."""
        turned = [transposed(a).node if a.kind == "t" else a.node for a in (left, right)]
        last = Minus(turned[1], span=turned[1].span) if minus else turned[1]
        return Array(Transposed(Plus((turned[0], last))), "t")

    def _softmax(self, node: ast.BinOp) -> Array | None:
        """exp(z) / sum(exp(z)), where the sum is over the units and nothing else."""
        below = node.right
        if not (isinstance(below, ast.Call) and self.called(below) == "sum"):
            return None
        over = below.args[0] if below.args else getattr(below.func, "value", None)
        same = isinstance(over, ast.expr) and ast.dump(over) == ast.dump(node.left)
        if not same or not (isinstance(over, ast.Call) and self.called(over) == "exp"):
            return None
        inner = self.array(over.args[0])
        units = UNITS_AXIS.get(inner.kind)
        if units is not None and self.axis(below, list(below.args)) != units:
            return None  # a sum over samples as well
        return softmax(inner)

    def _compared(self, node: ast.Compare) -> Array:
        relation = _COMPARED.get(type(node.ops[0]))
        if relation is None:
            raise self.wrong(node, "a comparison with <, > or !=")
        a, b, kind = beside(self.array(node.left), self.array(node.comparators[0]))
        return Array(Bracket((a, b), (relation,)), kind)

    def _attribute(self, node: ast.Attribute) -> Array:
        if node.attr == "T":
            return transposed(self.array(node.value))
        if node.attr == "pi":
            return Array(Value("pi"), "s")
        if node.attr == "e":
            return Array(Value("e"), "s")
        if node.attr == "size":
            return self.size(node)
        if isinstance(node.value, ast.Name) and node.value.id in _HOLDERS:
            return self.name(ast.copy_location(ast.Name(node.attr, ast.Load()), node))
        raise self.wrong(node, "an array, .T, or a function that is known")


def _summands(node: Node) -> tuple[Node, ...]:
    return node.args if isinstance(node, Plus) else (node,)


def _is_lemma(node: ast.stmt, arrays: PythonCalls) -> bool:
    """Whether a statement differentiates functions of numbers, with no network in it."""
    slopes = False
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript):
            return False
        if isinstance(part, ast.Name):
            named = meaning(part.id)
            if named and (named.label is not None or named.derived or named.role == "loss"):
                return False
        slopes |= isinstance(part, ast.Call) and arrays.called(part) in ("diff", "Derivative")
    return slopes
