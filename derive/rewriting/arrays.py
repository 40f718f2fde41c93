"""Matrices that stand the other way round: formulas between whole arrays, transposed."""

from __future__ import annotations

from dataclasses import replace

from derive.reading.scope import Scope
from derive.reading.tree import (
    Applied,
    Change,
    Derivative,
    Entry,
    Grid,
    Kronecker,
    Letter,
    Minus,
    Nabla,
    Node,
    Norm,
    Num,
    Over,
    Plus,
    Power,
    Size,
    Times,
    Transposed,
    Value,
    children,
    rebuilt,
    walk,
)

_NUMBERS = ("loss", "objective", "learning_rate")


def is_matrix(node: Node, scope: Scope) -> bool:
    """Whether it is a whole matrix of weights, or a derivative by one."""
    match node:
        case Entry():
            role = scope.profile.roles["weight"]
            alike = role.whole == role.entry and node.label is not None  # w^l for both
            return node.role == "weight" and not node.places and (alike or node.form != "entry")
        case Derivative():
            return len(node.by) == 1 and is_matrix(node.by[0], scope) and _is_number(node.of)
        case Nabla():
            return node.by is not None and is_matrix(node.by, scope) and _is_number(node.of)
        case Change():
            return is_matrix(node.arg, scope)
    return False


def transposed(node: Node) -> Node:
    """The transpose, without a transpose of a transpose."""
    return node.arg if isinstance(node, Transposed) else Transposed(node, span=node.span)


def simplified(node: Node) -> Node:
    """Without transposes of transposes."""
    made = rebuilt(node, simplified)
    if isinstance(made, Transposed) and isinstance(made.arg, Transposed):
        return made.arg.arg
    return made


def fewest(members: tuple[Node, ...], scope: Scope) -> tuple[Node, ...]:
    """The members of a chain, all of them transposed where that leaves fewer transposes."""
    if not members or not all(_is_array(m) for m in members):
        return members
    turned = tuple(_turned(m, scope) for m in members)
    return turned if _count(turned) < _count(members) else members


def _count(members: tuple[Node, ...]) -> int:
    return sum(isinstance(n, Transposed) for m in members for n in walk(m))


def _is_number(node: Node | None) -> bool:
    return node is None or (isinstance(node, Entry) and node.role in _NUMBERS)


def _is_array(node: Node) -> bool:
    """Whether the formula is one between whole arrays."""
    match node:
        case Entry():
            number = node.role in _NUMBERS or bool(node.places)
            return not number and (node.form != "entry" or node.label is not None)
        case Letter():
            return node.name == "bold 1"
        case Derivative():
            return _is_array(node.by[0])
        case Nabla():
            return node.by is not None and _is_array(node.by)
        case Grid():
            return True
        case Num() | Size() | Value() | Norm() | Kronecker():
            return False
        case Power():
            return _is_array(node.base)
    return any(_is_array(child) for child in children(node))


def _turned(node: Node, scope: Scope) -> Node:
    """The transpose, written as far inside as possible."""
    if not _is_array(node):
        return node
    match node:
        case Plus():
            return replace(node, args=tuple(_turned(arg, scope) for arg in node.args))
        case Minus():
            return replace(node, arg=_turned(node.arg, scope))
        case Over() if not _is_array(node.below):
            return replace(node, above=_turned(node.above, scope))
        case Times():
            return _product(node, scope)
        case Grid() if len({len(row) for row in node.rows}) == 1:
            columns = zip(*node.rows, strict=True)
            return replace(node, rows=tuple(tuple(_turned(e, scope) for e in c) for c in columns))
        case Applied() if len(node.args) == 1 and node.function.name != "diag":
            return replace(node, args=(_turned(node.args[0], scope),))
    return transposed(node)


def _product(node: Times, scope: Scope) -> Node:
    """(A B)' = B' A'; entry by entry every factor is transposed; numbers stay in front."""
    arrays = [k for k, arg in enumerate(node.args) if _is_array(arg)]
    first = arrays[0]
    if arrays != list(range(first, len(node.args))):
        return transposed(node)
    signs = node.signs[first:]
    args = node.args[first:]
    entrywise = [sign in scope.entrywise for sign in signs]
    if not any(entrywise):
        turned = tuple(_turned(arg, scope) for arg in reversed(args))
        signs = signs[::-1]
    elif all(entrywise):
        turned = tuple(_turned(arg, scope) for arg in args)
    elif not any(entrywise[:-1]):  # A B entry by entry C
        inner = _product(Times(args[:-1], signs[:-1]), scope)
        turned, signs = (inner, _turned(args[-1], scope)), signs[-1:]
    else:
        return transposed(node)
    return replace(node, args=(*node.args[:first], *turned), signs=(*node.signs[:first], *signs))
