"""Where a small value has to be right to its last digits: under a root, a logarithm, a division.

sigmoid(a) = 1/2 + tanh(a/2)/2 is right to eps, but is 0 where the truth is 1e-9.  In a sum that is
as good as anything; sqrt(sigmoid(a)) made of it is wrong in the fifth digit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from codegen.lowering.nodes import CONTRACTIONS, REDUCTIONS, Node, value_of, walk

#: Functions that are not small where their argument is: its relative error does not reach them.
_LEVEL = frozenset({"exp", "cos", "cosh", "sigmoid", "softplus", "decay", "arccos", "acos"})
#: Functions that tend to zero.
_TAILS = frozenset({"exp", "sigmoid", "softplus", "decay", "erfc"})
_STOPS = _LEVEL | CONTRACTIONS | REDUCTIONS


def exposed(root: Node, whole: bool = False) -> frozenset[Node]:
    """The nodes in the expression whose relative error counts; `whole` says that the root's does.

    A sum of many entries ends it: what is small beside the others does not matter there.  Where a
    tail is divided by, the quotient magnifies whatever it is multiplied by, so that all counts.
    """
    below = _reached([n for item in walk(root) for n in _denominators(item)])
    if any(item.op in _TAILS for item in below):
        return frozenset(walk(root))
    rooted = _reached([n for item in walk(root) for n in _under_roots(item)])
    return frozenset(below | rooted | (_reached([root]) if whole else set()))


def _reached(waiting: list[Node]) -> set[Node]:
    """The nodes from which a relative error reaches one of the given ones."""
    found: set[Node] = set()
    while waiting:
        item = waiting.pop()
        if item not in found:
            found.add(item)
            if item.op not in _STOPS and not _far_from_zero(item):
                waiting.extend(item.args)
    return found


def _far_from_zero(item: Node) -> bool:
    """A positive number and something that is not negative: 1 + exp(a)."""
    if item.op != "add":
        return False
    numbers = [value for a in item.args if (value := value_of(a)) is not None]
    others = [a for a in item.args if value_of(a) is None]
    return bool(numbers) and numbers[0] > 0 and all(map(_not_negative, others))


def _not_negative(item: Node) -> bool:
    if (value := value_of(item)) is not None:
        return value >= 0
    if item.op in ("add", "mul", "div", "expand"):
        return all(map(_not_negative, item.args)) or (item.op == "mul" and len(set(item.args)) == 1)
    even = isinstance(item.detail, Fraction) and item.detail % 2 == 0
    return item.op in _TAILS | {"sqrt", "absolute"} or (item.op == "power" and even)


def _denominators(item: Node) -> Iterator[Node]:
    if item.op == "div":
        yield item.args[1]
    elif item.op == "power" and isinstance(item.detail, Fraction) and item.detail < 0:
        yield from item.args


def _under_roots(item: Node) -> Iterator[Node]:
    """The arguments of which a small absolute error becomes a larger one."""
    rooted = isinstance(item.detail, Fraction) and item.detail.denominator != 1
    if item.op in ("log", "sqrt") or (item.op == "power" and rooted):
        yield from item.args


def exposed_names(steps: Mapping[str, Node], others: tuple[Node, ...]) -> frozenset[str]:
    """The named arrays whose relative error counts somewhere in the steps or the others."""
    names: set[str] = set()
    while True:
        nodes = [exposed(root, name in names) for name, root in steps.items()]
        nodes += [exposed(root) for root in others]
        found = {str(n.detail) for group in nodes for n in group if n.op == "array"}
        if found <= names:
            return frozenset(names)
        names |= found
