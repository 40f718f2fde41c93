"""Places of a Python program that hold arrays: W1, grads["W1"], self.W1, and entries of arrays."""

from __future__ import annotations

import ast
from dataclasses import replace

from derive.python_sheets.names import Named, meaning

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
