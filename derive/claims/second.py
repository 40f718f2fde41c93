"""Derivatives of derivatives: the inner one by a complex step, the outer one by differences.

A complex step cannot be taken inside another one.  Differences over five places are exact to about
eleven digits, and the claims need seven.
"""

from __future__ import annotations

from collections.abc import Callable

from derive.claims.arrays import Value, together
from derive.claims.parts import spoken
from derive.claims.places import NoValue
from derive.reading.scope import Scope
from derive.reading.tree import Change, Derivative, Entry, Nabla, Node

APART = 2e-5  # from one place to the next: short of kinks, far above the last digits
_WEIGHTS = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))


def difference(at: Callable[[float], Value]) -> Value:
    """The derivative of a function at 0."""
    parts = [(at(k * APART), complex(weight / APART)) for k, weight in _WEIGHTS]
    result, *rest = [together(value, weight, lambda z, w: z * w) for value, weight in parts]
    for part in rest:
        result = together(result, part, lambda a, b: a + b)
    return result


def inner(node: Node, scope: Scope) -> tuple[Node, ...]:
    """The derivatives in a formula, and in the definitions of the symbols that it uses.

    NoValue where one of them is of a derivative itself: too few digits would be left.
    """
    found = tuple(part for part in spoken(node, scope) if _is_derivative(part))
    for part in found:
        of = part.of if isinstance(part, Derivative | Nabla) else None
        twice = isinstance(part, Derivative) and len(part.by) > 1
        if twice or (of is not None and any(map(_is_derivative, spoken(of, scope)))):
            raise NoValue("a derivative of third order")
    return found


def _is_derivative(node: Node) -> bool:
    if isinstance(node, Entry):
        return node.role in ("delta", "error") or node.barred or bool(node.step)
    return isinstance(node, Derivative | Nabla | Change)
