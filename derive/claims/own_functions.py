"""Functions of one number that a sheet defines: f(x) = x sigma(x), and then f'(x) = ...

Their slopes are computed, never written down: the first by a step into the complex plane, the
second by differences of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from derive.claims.claim import Claim
from derive.claims.parts import is_variable
from derive.claims.places import NoValue
from derive.reading.own import Definition
from derive.reading.tree import (
    Applied,
    Derivative,
    Entry,
    Letter,
    Nabla,
    Node,
    Total,
    rebuilt,
    walk,
)

STEP = 1e-30  # into the complex plane
WIDE = 1e-3  # between the points of a difference
_EQUALS = ("=", "equiv", ":=")

Function = Callable[[complex], complex]


def functions_of(claims: Iterable[Claim], known: frozenset[str]) -> dict[str, Definition]:
    """The functions that the claims define by others that are known, each of them once."""
    found: dict[str, Definition] = {}
    again: set[str] = set()
    for claim in claims:
        lhs, rhs = claim.lhs, claim.rhs
        if not isinstance(lhs, Applied) or rhs is None or claim.relation not in _EQUALS:
            continue
        name, called = lhs.function.name, len(lhs.args) == 1 and not lhs.order
        if not called or lhs.function.activation or name in known:
            continue
        if name in found:  # another member of the chain, or another function of that name
            again.update({name} if claim.before in (None, lhs) else ())
            continue
        argument = lhs.args[0]
        if not (isinstance(argument, Letter) or _is_bare(argument)):
            continue
        letter = argument.name if isinstance(argument, Letter) else "the argument"
        body = _with(rhs, argument, Letter(letter))
        if _is_closed(body, known | found.keys()):
            found[name] = Definition((letter,), None, body)
    return {name: made for name, made in found.items() if name not in again}


def _is_bare(node: Node) -> bool:
    """Whether a quantity stands for a number: x, s, z."""
    plain = isinstance(node, Entry) and node.role == "input" and not node.places
    return isinstance(node, Entry) and (is_variable(node) or plain)


def _with(node: Node, old: Node, new: Node) -> Node:
    return new if node == old else rebuilt(node, lambda part: _with(part, old, new))


def _is_closed(body: Node, known: frozenset[str]) -> bool:
    """Whether nothing but numbers and known functions stand in a formula."""
    for node in walk(body):
        if isinstance(node, Entry | Derivative | Nabla | Total):
            return False
        if isinstance(node, Applied) and not (
            node.function.activation or node.function.name in known
        ):
            return False
    return True


def slope(function: Function, order: int) -> Function:
    """The derivative of a function of a real number, at numbers with a small imaginary part."""
    if order == 0:
        return function
    if order > 2:
        raise NoValue("a third derivative of a function of the sheet's own")

    def first(x: float) -> float:
        return function(complex(x, STEP)).imag / STEP

    def second(x: float) -> float:
        a, b = first(x + WIDE) - first(x - WIDE), first(x + 2 * WIDE) - first(x - 2 * WIDE)
        return (8 * a - b) / (12 * WIDE)

    def at(z: complex) -> complex:
        if order == 2:
            return complex(second(z.real))
        return complex(first(z.real), z.imag * second(z.real) if z.imag else 0.0)

    return at
