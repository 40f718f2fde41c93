"""The parts of a formula that have a value, and the letters that are numbers of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.reading.own import defined
from derive.reading.scope import Scope
from derive.reading.tree import Applied, AtPoint, Entry, Letter, Node, Num, children, walk


def parts(node: Node) -> tuple[Node, ...]:
    """The direct parts that have a value; arguments that are only named are left out."""
    if not isinstance(node, AtPoint):
        return children(node)
    bare = isinstance(node.arg, Entry) and node.arg.role == "error" and not node.arg.places
    return (node.arg, *node.points[:1]) if bare else (node.arg,)


def counted(node: Node) -> Iterator[Node]:
    """The node and everything in it that has a value."""
    yield node
    for part in parts(node):
        yield from counted(part)


def spoken(node: Node, scope: Scope) -> Iterator[Node]:
    """Everything in a formula, and in the definitions of the symbols that it uses, each once."""
    waiting, seen = [node], set[tuple[str, Label | None]]()
    while waiting:
        for part in walk(waiting.pop()):
            yield part
            symbol = isinstance(part, Entry) and part.role == "user"
            if isinstance(part, Entry) and symbol and (part.letter, part.label) not in seen:
                seen.add((part.letter, part.label))
                known = defined(scope.own.definitions, part.letter, part.label)
                if known is not None:
                    waiting.append(known.rhs)
            if isinstance(part, Applied) and (part.function.name, None) not in seen:
                seen.add((part.function.name, None))
                own = scope.own.functions.get(part.function.name)
                waiting += [own.rhs] if own is not None else []


def variable(node: Node) -> str:
    """The name of a number that no quantity of the network is."""
    if isinstance(node, Letter):
        return node.name
    assert isinstance(node, Entry)
    return f"{node.role} {node.letter}".strip()


def is_variable(node: Entry) -> bool:
    """Whether the entry stands for a number of its own: s, o, x without index and layer."""
    return (
        not node.places
        and node.form == "entry"
        and node.label is None
        and node.sample is None
        and (node.role in ("preactivation", "activation"))
    )


def in_order(
    places: Sequence[Node], shape: Sequence[object], out_first: bool, base: int
) -> list[Node]:
    """The places of a weight in the order of the calculus: the unit it leads from, then to.

    Where a layer has one unit, or reads one, the index of that one may be left out.
    """
    if len(places) == 1 and len(shape) == 2 and 1 in shape:
        only = Num(Fraction(base))
        return [*places, only] if shape[1] == 1 else [only, *places]
    turned = out_first and len(places) == len(shape) == 2
    return list(places[::-1]) if turned else list(places)
