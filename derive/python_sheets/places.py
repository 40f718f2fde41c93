"""Places of a Python program that hold arrays: W1, grads["W1"], self.W1, and entries of arrays."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import replace

from derive.python_sheets.names import LISTS, Named, by_what, meaning

PLACES = (ast.Name, ast.Subscript, ast.Attribute)
HOLDERS = ("self", "params", "parameters", "cache", "model", "net", "weights", "p", "theta")
OF_GRADIENTS = ("grads", "grad", "gradients", "dparams", "g", "d", "gradient", "nabla")


def named_place(node: ast.expr) -> Named | None:
    """What a place means: W1, params["W1"], grads["W1"], self.W1."""
    if isinstance(node, ast.Name):
        return meaning(node.id)
    if isinstance(node, ast.Attribute):
        holder, word = node.value, node.attr
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        if not isinstance(node.slice.value, str):
            return None
        holder, word = node.value, node.slice.value
    else:
        return None
    named = meaning(word)
    if named is not None and last_word(holder) in OF_GRADIENTS:
        plain = named.role in ("loss", "samples", "learning_rate")
        return named if plain else replace(named, derived=True)
    return named


def listed_place(node: ast.expr, lists: Collection[str] = ()) -> tuple[Named, str, int] | None:
    """weights[-1], self.nabla_b[0], W[1]: what it is of the layer, the word, and the number.

    A single capital is a list of matrices where one number picks one of it; x[0] is an entry, and
    so is b[0] unless `lists` says otherwise.
    """
    if not isinstance(node, ast.Subscript) or not is_number(node.slice):
        return None
    word = last_word(node.value)
    plain = by_what(word) or word
    known = plain.lower() in LISTS or plain == "W" or by_what(word) in ("w", "b")
    if not known and word not in lists:
        return None
    named, number = meaning(word), ast.literal_eval(node.slice)
    if named is None or named.label is not None or type(number) is not int or abs(number) > 99:
        return None
    return named, word, number


def picks(node: ast.expr) -> bool:
    """Whether of each sample the entry of its class is meant: p[range(n), y]."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
        return False
    if len(node.slice.elts) != 2:
        return False
    rows, classes = node.slice.elts
    counts = isinstance(rows, ast.Call) and ast.unparse(rows.func).split(".")[-1] in (
        "range",
        "arange",
    )
    named = meaning(last_word(classes))
    return counts and named is not None and named.role == "target" and not named.derived


def last_word(node: ast.expr) -> str:
    """The last name of a dotted place: grads of self.grads."""
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def key_of(node: ast.expr) -> str | None:
    """A place that holds a whole array: W, grads["W"], self.W; None for a part of one."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return ast.unparse(node)
    word = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
    if word and isinstance(node.slice.value, str) and key_of(node.value):  # type: ignore[attr-defined]
        return ast.unparse(node)
    return None


def is_entry(node: ast.Subscript) -> bool:
    """Whether a subscript is an entry by its indices."""
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return all(isinstance(i, ast.Name | ast.BinOp) or is_number(i) for i in items)


def is_number(value: ast.expr) -> bool:
    """Whether a value is a number as it stands: 0.1, -3, 1e-6."""
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub | ast.UAdd):
        value = value.operand
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)


def function_of(text: str) -> ast.Lambda | None:
    """The function that a text writes: lambda z: z * (1 - z), with one argument or more."""
    if not text.startswith("lambda"):
        return None
    made = ast.parse(text, mode="eval").body
    assert isinstance(made, ast.Lambda)
    given = made.args
    plain = given.args and not (
        given.posonlyargs or given.kwonlyargs or given.vararg or given.kwarg or given.defaults
    )
    return made if plain else None


class Substituted(ast.NodeTransformer):
    """Puts expressions in the places of names."""

    def __init__(self, given: Mapping[str, ast.expr]) -> None:
        self.given = given

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """The expression that is given for a name."""
        return self.given.get(node.id, node)
