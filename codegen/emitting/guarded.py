"""A last look at emitted Python before anyone gets it: only known constructs and imports."""

from __future__ import annotations

import ast

_KINDS = """
Module Expr Constant Import ImportFrom alias Assign AugAssign Name Load Store Attribute Call keyword
BinOp Add Sub Mult Div Mod Pow MatMult UnaryOp USub Not Invert BoolOp And Or BitAnd BitOr Compare Eq
NotEq Lt LtE Gt GtE Is IsNot In NotIn FunctionDef ClassDef Return arguments arg Dict List Tuple Set
Subscript Slice Starred ListComp DictComp GeneratorExp comprehension If IfExp For Raise Try
ExceptHandler With withitem JoinedStr FormattedValue Assert
"""
_ALLOWED = frozenset(_KINDS.split())
_FORBIDDEN = frozenset({"eval", "exec", "compile", "getattr", "setattr", "globals", "__import__"})


def checked(text: str, imports: set[str]) -> str:
    """The text, after Python has parsed it and only known constructs and imports were found."""
    for item in ast.walk(ast.parse(text)):
        kind = type(item).__name__
        assert kind in _ALLOWED, f"the emitted module contains {kind}"
        if isinstance(item, ast.Import):
            assert {alias.name for alias in item.names} <= imports
        if isinstance(item, ast.ImportFrom):
            assert item.module in imports
        if isinstance(item, ast.Name):
            assert item.id not in _FORBIDDEN, f"the emitted module calls {item.id}"
    return text


def in_docstring(text: str) -> str:
    """The text as it may stand between triple quotes."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')
