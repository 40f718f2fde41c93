"""Array expressions: what NumPy will compute, before it is known in which statements.

    node ::= array name | number | constant | size
           | ufunc(node, ...)                      elementwise, NumPy broadcasting
           | sum|max|min(node; axes) | matmul(a, b) | tensordot(a, b; axes) | einsum(...; text)
           | transpose | expand | squeeze | diagonal | eye | argmax
           | pad | slice | split | merge | windows | spread | first        see `affine`, `placing`

Equal nodes are the same object, so a shared subexpression is found by identity.  Axes are
positions: two terms that differ by the names of bound indices become one node.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from weakref import WeakValueDictionary

from derive.algebra.terms import Extent

Shape = tuple[Extent, ...]

COMPARISONS = frozenset({"<", "<=", ">", ">=", "=="})
REDUCTIONS = frozenset({"sum", "max", "min"})
CONTRACTIONS = frozenset({"matmul", "tensordot", "einsum"})
TRUTHFUL = frozenset({"mul", "where"})  # operations that take truth values as they are
VIEWS = frozenset(
    {"transpose", "expand", "squeeze", "diagonal", "take", "slice", "split", "windows"}
)
MOVES = frozenset({"pad", "merge", "spread", "first", "copy", "full"})  # data to other places
LEAVES = frozenset({"array", "number", "constant", "size", "eye", "arange", "scalar"})
BINARY = frozenset({"add", "sub", "mul", "div", "maximum", "minimum", "atan2"}) | COMPARISONS


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Node:
    """One array operation; `detail` holds what is not an array: a name, axes, an exponent."""

    op: str
    args: tuple[Node, ...] = ()
    detail: Hashable = None
    shape: Shape = ()

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def boolean(self) -> bool:
        """Whether the entries are truth values."""
        if self.op in VIEWS or self.op == "mul":
            return all(a.boolean for a in self.args)
        return self.op in COMPARISONS or self.op == "first"


_NODES: WeakValueDictionary[tuple[Any, ...], Node] = WeakValueDictionary()


def node(op: str, *args: Node, detail: Hashable = None, shape: Shape = ()) -> Node:
    """The one node with these parts."""
    key = (op, args, detail, shape)
    found = _NODES.get(key)
    if found is None:
        found = _NODES[key] = Node(op, args, detail, shape)
    return found


def array(name: str, shape: Shape) -> Node:
    """A named array."""
    return node("array", detail=name, shape=shape)


def scalar(name: str) -> Node:
    """A named number that is known when the code runs: the learning rate."""
    return node("scalar", detail=name)


def number(value: Fraction | int) -> Node:
    """An exact number."""
    return node("number", detail=Fraction(value))


def value_of(item: Node) -> Fraction | None:
    """The value of a number node."""
    return item.detail if isinstance(item.detail, Fraction) and item.op == "number" else None


def fixed(item: Node) -> bool:
    """Whether the value is known beforehand: a number, or one made of numbers such as log(2)."""
    if item.args:
        return item.shape == () and all(map(fixed, item.args))
    return item.op in ("number", "constant", "size")


def broadcast(*shapes: Shape) -> Shape:
    """NumPy's rule for the shape of an elementwise result."""
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    result: list[Extent] = []
    for sizes in zip(*padded, strict=True):
        wide = {s for s in sizes if s != 1}
        assert len(wide) <= 1, f"axes of sizes {sorted(map(str, wide))} do not fit"
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def ufunc(op: str, *args: Node, detail: Hashable = None) -> Node:
    """An elementwise operation; sums and products with neutral numbers fold away."""
    if op not in TRUTHFUL:
        args = tuple(map(real, args))
    elif op == "where":
        args = (args[0], *map(real, args[1:]))
    if (short := _neutral(op, args)) is not None:
        return short
    if op in FOLDS and any(a.boolean for a in args) and (cases := _cases(op, *args)) is not None:
        return cases
    return node(op, *args, detail=detail, shape=broadcast(*(a.shape for a in args)))


def _neutral(op: str, args: tuple[Node, ...]) -> Node | None:
    if op == "neg" and args[0].op == "neg":
        return args[0].args[0]
    if op == "neg" and (value := value_of(args[0])) is not None:
        return number(-value)
    if op == "neg" and args[0].op == "where":
        cond, *cases = args[0].args
        if all(value_of(c) is not None for c in cases):
            return ufunc("where", cond, *(ufunc("neg", c) for c in cases))
    if op == "where" and (signed := _sign_of(*args)) is not None:
        return ufunc("sign", signed)
    if len(args) != 2:
        return None
    left, right = value_of(args[0]), value_of(args[1])
    if left is not None and right is not None and op in FOLDS and (op != "div" or right):
        return number(FOLDS[op](left, right))
    if op in ("mul", "div") and right == 1:
        return args[0]
    if op == "mul" and left == 1:
        return args[1]
    if op == "mul" and left == -1:
        return ufunc("neg", args[1])
    if op in ("add", "sub") and right == 0:
        return args[0]
    return args[1] if op == "add" and left == 0 else None


def _sign_of(above: Node, one: Node, other: Node) -> Node | None:
    """a, where the choice is 1 for a > 0, -1 for a < 0, else 0."""
    if above.op != ">" or value_of(one) != 1 or other.op != "where":
        return None
    below, minus, zero = other.args
    same = below.op == "<" and below.args == above.args and value_of(above.args[1]) == 0
    return above.args[0] if same and value_of(minus) == -1 and value_of(zero) == 0 else None


def _cases(op: str, left: Node, right: Node) -> Node | None:
    """Arithmetic with truth values and numbers alone as a choice between two numbers.

    NumPy would make such an array a double, whatever the precision of the others.
    """
    value, truth = (left, right) if right.boolean else (right, left)
    if not fixed(value):
        return None
    if op == "mul":
        return ufunc("where", truth, value, number(0))
    both = [(value, number(b)) if truth is right else (number(b), value) for b in (1, 0)]
    yes, no = (ufunc(op, *pair) for pair in both)
    return ufunc("where", truth, yes, no)


def real(item: Node) -> Node:
    """Truth values as the numbers 1 and 0."""
    return ufunc("where", item, number(1), number(0)) if item.boolean else item


FOLDS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}


def reduce(op: str, arg: Node, axes: tuple[int, ...]) -> Node:
    """Sum, maximum or minimum over axes."""
    if not axes:
        return arg
    arg = real(arg)
    if op == arg.op and op in REDUCTIONS:  # a sum of sums is one sum
        assert isinstance(arg.detail, tuple)
        left = [k for k in range(arg.args[0].rank) if k not in arg.detail]
        return reduce(op, arg.args[0], tuple(sorted({*arg.detail, *(left[a] for a in axes)})))
    shape = tuple(s for k, s in enumerate(arg.shape) if k not in axes)
    return node(op, arg, detail=tuple(axes), shape=shape)


def transpose(arg: Node, order: tuple[int, ...]) -> Node:
    """The axes of `arg` in another order."""
    if order == tuple(range(arg.rank)):
        return arg
    if arg.op == "transpose":
        assert isinstance(arg.detail, tuple)
        return transpose(arg.args[0], tuple(arg.detail[k] for k in order))
    return node("transpose", arg, detail=order, shape=tuple(arg.shape[k] for k in order))


def expand(arg: Node, axes: tuple[int, ...]) -> Node:
    """New axes of length 1 at these places of the result; leading ones are left to NumPy."""
    keep = 0
    while keep in axes:
        keep += 1
    axes = tuple(a - keep for a in axes if a >= keep)
    if not axes:
        return arg
    rest = iter(arg.shape)
    shape = tuple(1 if k in axes else next(rest) for k in range(arg.rank + len(axes)))
    return node("expand", arg, detail=axes, shape=shape)


def squeeze(arg: Node, axis: int) -> Node:
    """Without an axis of length 1."""
    return node(
        "squeeze", arg, detail=axis, shape=tuple(s for k, s in enumerate(arg.shape) if k != axis)
    )


def matmul(left: Node, right: Node) -> Node:
    """NumPy's matrix product: the last axis of `left` with the last but one of `right`."""
    left, right = real(left), real(right)
    batch = broadcast(left.shape[:-2], right.shape[:-2])
    rows = left.shape[-2:-1]
    columns = right.shape[-1:] if right.rank > 1 else ()
    return node("matmul", left, right, shape=batch + rows + columns)


def walk(*roots: Node) -> Iterator[Node]:
    """Every different node once, arguments before their users."""
    seen: set[Node] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        item, done = stack.pop()
        if done:
            yield item
        elif item not in seen:
            seen.add(item)
            stack.append((item, True))
            stack.extend((a, False) for a in reversed(item.args) if a not in seen)


def factors(root: Node) -> list[Node]:
    """The factors of a product, those of products among them; the node itself where it is none."""
    if root.op != "mul":
        return [root]
    return [factor for arg in root.args for factor in factors(arg)]


def names(*roots: Node) -> tuple[str, ...]:
    """The named arrays and scalars that the expressions read, in order of first use."""
    return tuple(str(item.detail) for item in walk(*roots) if item.op in ("array", "scalar"))


def remade(item: Node, args: tuple[Node, ...]) -> Node:
    """The same operation on other arrays of the same shapes."""
    if args == item.args:
        return item
    if item.op in REDUCTIONS:
        assert isinstance(item.detail, tuple)
        return reduce(item.op, args[0], item.detail)
    if item.op in CONTRACTIONS | VIEWS | MOVES or item.op.startswith("arg"):
        return node(item.op, *args, detail=item.detail, shape=item.shape)
    return ufunc(item.op, *args, detail=item.detail)


def replace(root: Node, by: Mapping[Node, Node]) -> Node:
    """The expression with nodes exchanged for others of the same shape."""
    made: dict[Node, Node] = dict(by)
    for item in walk(root):
        if item not in made:
            made[item] = remade(item, tuple(made[a] for a in item.args))
    return made[root]
