"""Statements of NumPy and SymPy as claims over the reading tree; the text is never run.

A one-dimensional array is a column beside a matrix product and a row beside a batch, as NumPy has
it; `*` is taken entry by entry, `@` and dot are matrix products.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from fractions import Fraction

from derive.claims.claim import Claim
from derive.python_sheets.arrays import (
    Array,
    beside,
    matched,
    multiplied,
    transposed,
)
from derive.python_sheets.bindings import changed_part, is_shift, packs, pairs
from derive.python_sheets.calls import SMALLEST, PythonCalls
from derive.python_sheets.equalities import Equalities
from derive.python_sheets.names import meaning
from derive.python_sheets.places import (
    HOLDERS,
    OF_GRADIENTS,
    function_of,
    key_of,
    last_word,
    named_place,
)
from derive.reading.latex_tokens import Unreadable
from derive.reading.scope import Scope
from derive.reading.tree import (
    Bracket,
    Entry,
    Letter,
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
from derive.sheets.sheet import Changes, Formula

_EQUALITIES = ("Eq", "Equality", "allclose", "assert_allclose", "array_equal", "isclose",
               "assert_array_almost_equal", "assert_almost_equal", "assert_array_equal",
               "testing")  # fmt: skip
RATE = Value("learning_rate")
_COMPARED = {ast.Gt: ">", ast.Lt: "<", ast.GtE: "ge", ast.LtE: "le", ast.NotEq: "ne"}


def python_claims(formula: Formula, scope: Scope) -> tuple[list[Claim], list[Unreadable]]:
    """The claims of one statement."""
    reader = _Statement(formula.text, scope, dict(formula.changes.before))
    reader.changes = formula.changes
    try:
        return reader.claims(), []
    except Unreadable as problem:
        return [], [problem]
    except SyntaxError as problem:
        return [], [Unreadable(0, "no Python", problem.msg or "a statement")]


class _Statement(Equalities):
    """Reads one statement."""

    changes = Changes()

    def claims(self) -> list[Claim]:
        body = parsed(self.text).body
        if len(body) != 1:
            raise Unreadable(0, f"{len(body)} statements", "one statement")
        self.lemma = _is_lemma(body[0], self)
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.NamedExpr):
            return self._named(body[0].value.target, body[0].value.value)
        inner = [
            claim
            for each in ast.walk(body[0])
            if isinstance(each, ast.NamedExpr)  # (d := y_hat - y) inside of another expression
            for claim in self._named(each.target, each.value)
        ]
        return [*inner, *self._claims(body[0])]

    def _claims(self, node: ast.stmt) -> list[Claim]:
        if is_shift(node):
            return [Claim(Letter("shift"), "", None, self.span(node), chain=1)]
        match node:
            case ast.Assign() | ast.AnnAssign() if node.value is not None:
                return self._assigned(node)
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
                self.check_tolerances(node, name)
                return self._chain(node.args[:2], "=", node)
            if name == "equals" and inner is not None and len(node.args) == 1:
                return self._chain([inner, node.args[0]], "=", node)
            if name == "Ne" and len(node.args) == 2:
                return self._chain(node.args, "ne", node)
        if isinstance(node, ast.Compare):
            if all(isinstance(op, ast.Eq) for op in node.ops):
                return self._chain([node.left, *node.comparators], "=")
            near = self.near(node)
            if near is not None:
                return self._chain(near, "=", node)
            relation = _COMPARED.get(type(node.ops[0]))
            if relation is not None and len(node.ops) == 1:
                return self._chain([node.left, *node.comparators], relation, node)
        made = self.array(node)
        return [Claim(made.node, "", None, self.span(whole), chain=1)]

    # ---------------------------------------------------------------- assignments

    def _assigned(self, node: ast.Assign | ast.AnnAssign) -> list[Claim]:
        """Names with values; a tuple of names has as many."""
        assert node.value is not None
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if packs(node):
            return [Claim(Letter("pack"), "", None, self.span(node), chain=1)]
        found = pairs(node)
        if any(isinstance(target, ast.Tuple | ast.List) for target, _ in found):
            raise self.wrong(node, "as many values as names")
        if len(targets) > 1 and len(found) == len(targets):
            return self._chain([*targets, node.value], "=")
        made = [claim for target, value in found for claim in self._named(target, value)]
        if len(made) == 1 and len(found) == 1:  # with the parentheses around the value
            return [replace(made[0], span=self.span(node))]
        return made

    def _named(self, target: ast.expr, value: ast.expr) -> list[Claim]:
        """What one name with its value says: a claim, or no more than what the name stands for."""
        if changed_part(target) is not None:
            return [self._masked(target, value)]
        key = ast.unparse(target)
        if isinstance(value, ast.Lambda):
            if function_of(ast.unparse(value)) is None:
                raise self.wrong(
                    value, "an expression of arrays, or a function of arguments without defaults"
                )
            return [Claim(Letter("function"), "", None, self.span(target), chain=1)]
        place, made = self.span(target), self.array(value)
        span = (min(place[0], self.span(value)[0]), self.span(value)[1])
        named = named_place(target)
        if key in self.changes.unfinished or (
            named and named.role in ("learning_rate", "samples") and isinstance(made.node, Num)
        ):
            return [Claim(made.node, "", None, span, chain=1)]
        if isinstance(target, ast.Name) and target.id in self.scope.own.names:
            return [Claim(made.node, "", None, span, chain=1)]
        same = self._target(target).node == made.node
        if same and key_of(value) is not None:  # params["W1"] = W1: another place of the same
            return [Claim(made.node, "", None, span, chain=1)]
        return self._chain([target, value], "=")

    def _masked(self, target: ast.expr, value: ast.expr) -> Claim:
        """x[x <= 0] = 0, x[range(n), y] -= 1: x with the numbers that it has now."""
        assert isinstance(target, ast.Subscript)
        key = changed_part(target)
        assert key is not None
        span = (self.span(target)[0], self.span(value)[1])
        if key not in self.standing:
            raise self.wrong(target, "a value before this statement, which changes it")
        text = dict(self.changes.after).get(key, "")
        if not text:
            raise self.wrong(target, "a change that can be read: x[x <= 0] = 0")
        made = self.inserted(target, f"{key} then", text, self.scope)
        if key in self.changes.unfinished or key in self.scope.own.names:
            return Claim(made.node, "", None, span, chain=1)
        lhs, rhs = matched(self._target(target.value), made)
        return Claim(lhs, "=", replace(rhs, span=span), span, lhs, 1)

    def _chain(
        self, members: list[ast.expr], relation: str, call: ast.expr | None = None
    ) -> list[Claim]:
        """The claims that all members are the same; `call` is what states it, if a call does."""
        arrays = [self._target(members[0]), *map(self.array, members[1:])]
        made: list[Claim] = []
        first = arrays[0]
        for k, right in enumerate(arrays[1:], 1):
            lhs, rhs = matched(first, right)
            begin = self.span(members[0])[0] if k == 1 else self.span(members[k])[0]
            span = (begin, self.span(members[k])[1])
            if call is not None:
                span = self.span(call)
            updated = relation
            if isinstance(first.node, Entry) and first.node in tuple(walk(right.node)):
                updated = "gets" if first.node.role in ("weight", "bias") else relation
            if updated == "gets":
                rhs = self._stepped(rhs)
            before = lhs if k == 1 else arrays[k - 1].node
            made.append(Claim(lhs, updated, rhs, span, before, 1))
        return made

    def _target(self, node: ast.expr) -> Array:
        """The left side, which is what its name means, whatever it stood for before."""
        if ast.unparse(node) not in self.standing:
            return self.array(node)
        kept, self.standing = self.standing, {}
        made = self.array(node)
        self.standing = kept
        return made

    def _update(self, node: ast.AugAssign) -> Claim:
        """W -= rate * dW says what the new W is."""
        if changed_part(node.target) is not None:
            return self._masked(node.target, node.value)
        before, value, span = self.array(node.target), self.array(node.value), self.span(node)
        target, key = self._target(node.target), ast.unparse(node.target)
        if key in self.standing or not _is_parameter(target):
            made = self.operated(before, node.op, value, node)
            if key in self.changes.unfinished:
                return Claim(made.node, "", None, span, chain=1)
            if isinstance(node.target, ast.Name) and node.target.id in self.scope.own.names:
                return Claim(made.node, "", None, span, chain=1)
            if key not in self.standing:
                raise self.wrong(node, "a value before this statement, which changes it")
            lhs, rhs = matched(target, made)
            return Claim(lhs, "=", replace(rhs, span=span), span, lhs, 1)
        plus = isinstance(node.op, ast.Add)
        if not plus and not isinstance(node.op, ast.Sub):
            raise self.wrong(node, "an update with += or -=")
        lhs, rhs = matched(target, value)
        step: Node = rhs if plus else Minus(rhs, span=rhs.span)
        return Claim(lhs, "gets", self._stepped(Plus((lhs, step), span=span)), span, lhs, 1)

    def _stepped(self, after: Node) -> Node:
        """The step with its rate: its first number or letter, or 1 where the sheet names none."""
        made = _stepped(after)
        if not self.style.rate_free or made != after or not isinstance(after, Plus):
            return made
        first, *others = after.args
        if any(n == RATE for n in walk(after)):
            return after
        return replace(after, args=(first, *(Times((RATE, a), ("",)) for a in others)))

    # ---------------------------------------------------------------- expressions

    def array(self, node: ast.expr) -> Array:
        """The array that an expression makes."""
        self.deep += 1
        if self.deep > 400:
            raise self.wrong(node, "less nesting")
        made = self.stands(node) or self._array(node)
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
            case ast.NamedExpr():
                return self.array(node.value)
        raise self.wrong(node, "an expression of arrays")

    def _binary(self, node: ast.BinOp) -> Array:
        if isinstance(node.op, ast.Div | ast.Mult) and (found := self.softmax_of(node)):
            return found
        return self.operated(self.array(node.left), node.op, self.array(node.right), node)

    def operated(self, left: Array, op: ast.operator, right: Array, node: ast.AST) -> Array:
        """Two arrays put together."""
        match op:
            case ast.MatMult():
                return multiplied(left, right)
            case ast.Add() if not self.roots and (kept := _guarded(left, right)):
                return kept  # log(p + 1e-12)
            case ast.Add() | ast.Sub() if {left.kind, right.kind} == {"t", "c"}:  # over the batch
                return self._column_added(left, right, isinstance(op, ast.Sub))
            case ast.Add() | ast.Sub():
                a, b, kind = beside(left, right)
                if isinstance(op, ast.Sub):
                    b = Minus(b, span=b.span)
                return Array(Plus((*_summands(a), b)), kind)
            case ast.Mult() if self.style.matrices:
                return multiplied(left, right)
            case ast.Mult():
                a, b, kind = beside(left, right)
                sign = "" if "s" in (left.kind, right.kind) else "odot"
                return Array(Times((a, b), (sign,)), kind)
            case ast.Div():
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
        if node.attr == "values" and isinstance(node.value, ast.Call):  # of torch.max
            return self.array(node.value)
        if last_word(node.value) in (*HOLDERS, *OF_GRADIENTS):
            return self.held(node, node.attr)
        raise self.wrong(node, "an array, .T, or a function that is known")


def _guarded(left: Array, right: Array) -> Array | None:
    """An array to which a number is added that only keeps it from 0."""
    for small, other in ((right.node, left), (left.node, right)):
        if (
            isinstance(small, Num)
            and 0 < small.value <= SMALLEST
            and not isinstance(other.node, Num)
        ):
            return other
    return None


def _is_parameter(made: Array) -> bool:
    return isinstance(made.node, Entry) and made.node.role in ("weight", "bias")


def _stepped(after: Node) -> Node:
    """W - 0.1 dW: what stands first in an update that names no learning rate is the rate."""
    if not isinstance(after, Plus) or any(n == RATE for n in walk(after)):
        return after
    return replace(after, args=tuple(map(_with_rate, after.args)))


def _with_rate(node: Node) -> Node:
    """A summand of an update with its first number, or sign of the writer's, as the rate."""
    if isinstance(node, Minus):
        return replace(node, arg=_with_rate(node.arg))
    if isinstance(node, Over):
        return replace(node, above=_with_rate(node.above))
    if isinstance(node, Times):
        return replace(node, args=(_first_as_rate(node.args[0]), *node.args[1:]))
    return node


def _first_as_rate(node: Node) -> Node:
    if isinstance(node, Letter) or (isinstance(node, Num) and node.value > 0):
        return replace(RATE, span=node.span)
    if isinstance(node, Minus):
        return replace(node, arg=_first_as_rate(node.arg))
    return _with_rate(node)


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
