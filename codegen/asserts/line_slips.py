"""Slips in the lines of the emitted backward pass: every small edit that a hand could have made.

The lines are those that the derivation gives for the network: a sign, a factor or a term that is
dropped, a quantity in place of another one of the same shape, a transpose, an axis.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codegen import build
from codegen.asserts.numeric_slips import Case, Gradients, NumericSlip
from codegen.backprop import Backprop
from codegen.referee.layers import DenseLayer
from codegen.verify import load_source
from derive.derivation import derive

FUNCTION = "loss_and_gradients"
_NOT_OURS = ("L", "value", "n", "x", "y")  # lines of the loss, and of what is given


@dataclass(frozen=True)
class _Edit:
    """What takes the place of a node, and what to say of it."""

    kind: str
    words: str
    made: ast.expr


def lines(case: Case) -> Iterator[NumericSlip]:
    """Every edit of a line of the backward pass."""
    source = build.module(derive(case.network), case.network.name)
    tree = ast.parse(source)
    function = _returning_all(_function(tree, FUNCTION))
    known = vars(load_source(source))
    forward = {ast.unparse(s) for s in _function(tree, "forward").body}
    shapes = {name: value.shape for name, value in (*case.trace.items(), *case.params.items())}
    passing = _passing(function, shapes)
    for k, statement in enumerate(function.body):
        if not isinstance(statement, ast.Assign) or ast.unparse(statement) in forward:
            continue
        target = statement.targets[0]
        if not isinstance(target, ast.Name) or target.id in _NOT_OURS:
            continue
        for written in _written(function, k):
            value = written.body[k].value  # type: ignore[attr-defined]
            line = ast.unparse(value)
            line = line if target.id in passing else f"{target.id} = {line}"
            for place, node in enumerate(ast.walk(value)):
                for edit in _edits(node, target.id, shapes):
                    run = _Run(known, written, k, place, edit.made)
                    words = _spelled_out(f"in {line}: {edit.words}", passing)
                    yield NumericSlip(edit.kind, words, finish=run)


def _passing(function: ast.FunctionDef, shapes: Mapping[str, Any]) -> dict[str, str]:
    """The names of the module alone, which no page and no trace has, with what they stand for."""
    made = {}
    for statement in function.body:
        match statement:
            case ast.Assign([ast.Name(id=name)], value) if name not in (*shapes, *_NOT_OURS):
                if not name.startswith("d"):  # of the backward pass
                    made[name] = ast.unparse(value)
    return made


def _spelled_out(text: str, passing: Mapping[str, str]) -> str:
    """The text with every passing name written out; the line a name stands for comes before it."""
    for name, value in reversed(list(passing.items())):
        text = re.sub(rf"\b{name}\b", f"({value})" if " " in value else value, text)
    return text


def _written(function: ast.FunctionDef, k: int) -> Iterator[ast.FunctionDef]:
    """The function with a line as it is, and with the slope in it written out.

    delta1 = (delta2 @ W2.T) * (g1 + o1 * sigmoid(-s1)) is by hand rather
    (delta2 @ W2.T) * (sigmoid(s1) + s1 * sigmoid(s1) * (1 - sigmoid(s1))).
    """
    yield function
    statement = function.body[k]
    assert isinstance(statement, ast.Assign)
    assert isinstance(statement.targets[0], ast.Name)
    if not statement.targets[0].id.startswith("delta"):
        return
    number = statement.targets[0].id.removeprefix("delta")
    known = {
        s.targets[0].id: s.value
        for s in function.body[:k]
        if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)
    }
    own = {n: v for n, v in known.items() if n in (f"o{number}", f"g{number}")}
    made = copy.deepcopy(function)
    line = made.body[k]
    assert isinstance(line, ast.Assign)
    line.value = _Spelled(own).visit(line.value)
    if ast.unparse(line) != ast.unparse(statement):
        yield made


class _Spelled(ast.NodeTransformer):
    """Puts what forward quantities are in their places, and 1 - sigmoid(s) for sigmoid(-s)."""

    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A quantity of the layer itself, as it is computed."""
        known = self.known.get(node.id)
        return node if known is None else self.visit(copy.deepcopy(known))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """1 - sigmoid(s)."""
        match node:
            case ast.Call(ast.Name("sigmoid"), [ast.UnaryOp(ast.USub(), arg)]):
                inner = ast.Call(ast.Name("sigmoid", ast.Load()), [arg], [])
                return ast.BinOp(ast.Constant(1), ast.Sub(), inner)
        return self.generic_visit(node)


def _returning_all(function: ast.FunctionDef) -> ast.FunctionDef:
    """The function, with all slopes as its answer."""
    names = sorted(name for name in _assigned(function) if name.startswith("d"))
    items = ", ".join(f"{name!r}: {name}" for name in names)
    made = copy.deepcopy(function)
    made.body[-1] = ast.parse(f"return {{{items}}}").body[0]
    return made


class _Run:
    """Runs the function with one node of one line replaced; compiled when it is first asked for."""

    def __init__(
        self,
        known: Mapping[str, Any],
        function: ast.FunctionDef,
        line: int,
        place: int,
        made: ast.expr,
    ) -> None:
        self.known, self.function = known, function
        self.line, self.place, self.made = line, place, made
        self.call: Callable[..., Mapping[str, Any]] | None = None

    def __call__(self, case: Case, gradients: Gradients) -> Gradients:
        if self.call is None:
            self.call = self._compiled()
        more = {"masks": dict(case.masks)} if case.masks else {}
        found = self.call(dict(case.params), case.x, case.y, **more)
        made = dict(gradients)
        for name in gradients:
            if f"d{name}" in found and name in case.params:
                made[name] = found[f"d{name}"]
            elif name in found and name.startswith("delta"):
                made[name] = found[name] / case.share
        first = Backprop(case.network).layers[0]
        if isinstance(first, DenseLayer) and (delta := first.delta or "") in found:
            made["x"] = found[delta] @ case.params[first.w].T / case.share
        return made

    def _compiled(self) -> Callable[..., Mapping[str, Any]]:
        function = copy.deepcopy(self.function)
        statement = function.body[self.line]
        assert isinstance(statement, ast.Assign)
        old = list(ast.walk(statement.value))[self.place]
        statement.value = _Replaced(old, self.made).visit(statement.value)
        tree = ast.fix_missing_locations(ast.Module([function], []))
        names = dict(self.known)
        exec(compile(tree, "<edited>", "exec"), names)  # a line of our own, with our own edit
        made: Callable[..., Mapping[str, Any]] = names[FUNCTION]
        return made


class _Replaced(ast.NodeTransformer):
    """Puts a node in place of another."""

    def __init__(self, old: ast.AST, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        """The new node at the place of the old one."""
        return self.new if node is self.old else self.generic_visit(node)


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    return next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)


def _assigned(function: ast.FunctionDef) -> set[str]:
    return {
        t.id for s in function.body if isinstance(s, ast.Assign)
        for t in s.targets if isinstance(t, ast.Name)
    }  # fmt: skip


# ------------------------------------------------------------------------------------------- edits


def _edits(node: ast.AST, target: str, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[_Edit]:
    """What a hand could have written in place of a node of the line for `target`."""
    match node:
        case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
            yield from _of_sum(node, left, op, right)
        case ast.BinOp(left, ast.Mult() | ast.Div() as op, right):
            yield from _of_product(target, left, op, right)
        case ast.BinOp(left, ast.Pow(), right):
            kind = "slope" if target.startswith("delta") and _is_slope(left) else "factor"
            yield _Edit(kind, f"the power of {_short(left)} is missing", left)
        case ast.Attribute(value, "T"):
            yield _Edit("transpose", f"the transpose of {_short(value)} is missing", value)
        case ast.Call(ast.Attribute(value, "transpose")):
            yield _Edit("transpose", f"the transpose of {_short(value)} is missing", value)
        case ast.UnaryOp(ast.USub(), operand):
            yield _Edit("sign", f"the sign of {_short(operand)}", operand)
        case ast.Call(ast.Attribute(value, "sum"), keywords=keywords) if keywords:
            yield _Edit("sum", f"the sum of {_short(value)} is missing", value)
        case ast.Compare(left, [ast.Gt()], [right]):
            made = ast.Compare(left, [ast.Lt()], [right])
            yield _Edit("sign", f"{_short(made)} stands for {_short(node)}", made)
        case ast.Name(id=name) if name in shapes:
            yield from _of_name(name, shapes)


def _of_sum(node: ast.BinOp, left: ast.expr, op: ast.operator, right: ast.expr) -> Iterator[_Edit]:
    other: ast.operator = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
    made = ast.BinOp(left, other, right)
    yield _Edit("sign", f"{_short(made)} stands for {_short(node)}", made)
    if isinstance(op, ast.Sub):
        turned = ast.BinOp(right, ast.Sub(), left)
        yield _Edit("sign", f"{_short(turned)} stands for {_short(node)}", turned)
    match right:  # parentheses: a - b * c, a - b ** c
        case ast.BinOp(base, ast.Pow() | ast.Mult() | ast.Div() as tighter, last):
            made = ast.BinOp(ast.BinOp(left, op, base), tighter, last)
            yield _Edit("parentheses", f"{_short(made)} stands for {_short(node)}", made)
    negative = isinstance(op, ast.Sub)
    rest = ast.UnaryOp(ast.USub(), right) if negative else right
    yield _Edit("term", f"the term {_short(right)} is missing", left)
    yield _Edit("term", f"the term {_short(left)} is missing", rest)


def _of_product(target: str, left: ast.expr, op: ast.operator, right: ast.expr) -> Iterator[_Edit]:
    def kind(dropped: ast.expr) -> str:
        return "slope" if target.startswith("delta") and _is_slope(dropped) else "factor"

    if isinstance(op, ast.Div):
        yield _Edit(kind(right), f"the divisor {_short(right)} is missing", left)
        made = ast.BinOp(left, ast.Mult(), right)
        yield _Edit(kind(right), f"{_short(right)} multiplies", made)
        return
    for factor, other in ((left, right), (right, left)):
        match factor:  # (a + b) * c
            case ast.BinOp(a, ast.Add() | ast.Sub() as inner, b):
                made = ast.BinOp(a, inner, ast.BinOp(b, ast.Mult(), other))
                words = f"no parentheses around {_short(factor)}"
                yield _Edit("parentheses", words, made)
    yield _Edit(kind(right), f"the factor {_short(right)} is missing", left)
    yield _Edit(kind(left), f"the factor {_short(left)} is missing", right)
    yield _Edit(kind(right), f"{_short(right)} divides", ast.BinOp(left, ast.Div(), right))


def _is_slope(node: ast.expr) -> bool:
    """Whether a factor is made of the values of its own layer alone."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return bool(names) and all(name[0] in "osg" for name in names)


def _of_name(name: str, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[_Edit]:
    for other, shape in shapes.items():
        if other == name or shape != shapes[name]:
            continue
        letter, another = (n.rstrip("0123456789") for n in (name, other))
        kind = "layer" if letter == another else "variable"
        yield _Edit(kind, f"{other} stands for {name}", ast.Name(other, ast.Load()))


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:37]}..."
