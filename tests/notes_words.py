"""The words and habits of a lecture note, put as the quantities that they stand for.

error(o, y) is the apparent error, derivative(o) the slope of the unit, output(o) the output itself;
log L is the negative loss; a sheet may number its layers in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from derive.algebra.terms import Label
from derive.claims.claim import Claim
from derive.reading.tree import (
    Applied,
    AtPoint,
    Derivative,
    Entry,
    Function,
    Letter,
    Minus,
    Node,
    Num,
    Size,
    Total,
    Words,
    rebuilt,
    walk,
)


def is_network(node: Node) -> bool:
    """Whether this is a function of the sheet's own at the whole input or output: g(x)."""
    return (
        isinstance(node, Applied)
        and not node.function.activation
        and node.function.name.startswith("g")
        and len(node.args) == 1
        and isinstance(node.args[0], Entry)
        and node.args[0].form == "whole"
    )


@dataclass(frozen=True)
class Legend:
    """How a sheet numbers its layers: (role, number) as written -> (role, letter, number)."""

    names: Mapping[tuple[str, int], tuple[str, str, int]] = field(default_factory=dict)

    def __call__(self, node: Node) -> Node:
        """The node under the names of the derivation."""
        node = rebuilt(node, self)
        if not isinstance(node, Entry) or node.label is None or node.label.base:
            return node
        found = self.names.get((node.role, node.label.offset))
        if found is None:
            return node
        return replace(node, role=found[0], letter=found[1], label=Label(found[2]))


def without_words(claim: Claim) -> tuple[Claim, bool]:
    """The claim in quantities of the network, and whether it says what a new value is."""
    update = claim.relation in ("gets", ":=") or (
        isinstance(claim.lhs, Entry)
        and claim.lhs.role in ("weight", "bias")
        and claim.lhs.step == 1
    )
    sides = [None if n is None else _plain(n) for n in (claim.lhs, claim.rhs)]
    lhs, rhs = sides
    if isinstance(lhs, Minus) and rhs is not None:
        lhs, rhs = lhs.arg, Minus(rhs)
    if lhs is not None and rhs is not None:
        lhs, rhs = _over_samples(lhs, rhs), _with_unit(rhs, None)
        lhs = _with_unit(lhs, _only_free(rhs))
    return replace(claim, lhs=lhs, rhs=rhs), update


def _plain(node: Node) -> Node:
    if isinstance(node, Total) and node.kind == "sum" and len(node.bounds) == 1:
        node = replace(node, body=_from_above(node.body, Letter(node.bounds[0].name)))
    if isinstance(node, AtPoint):
        return _plain(_of_unit(node))
    node = rebuilt(node, _plain)
    match node:
        case Entry():
            return replace(node, step=None, sample=_kept(node.sample))
        case Applied(Function(name="log"), (Entry(role="loss") as loss,)):
            return Minus(loss)
        case Applied(Function(name="slope"), (Entry() as o,)):
            return Derivative(o, (replace(o, role="preactivation"),))
        case Applied(Function(name="output"), (Entry() as o,)):
            return o
        case Applied(args=(Entry() as given,)) if is_network(node):
            return Entry("activation", "", Label(0, "L"), (Num(Fraction(1)),), given.sample)
        case Derivative(Minus(inner), by):
            return Minus(Derivative(inner, by))
    return node


def _from_above(node: Node, unit: Letter) -> Node:
    """The words "error from above" under a sum over units: the error of such a unit."""
    node = rebuilt(node, lambda child: _from_above(child, unit))
    if isinstance(node, Words) and node.text == "error from above":
        return Entry("delta", "", Label(0, "l"), (unit,))
    return node


def _of_unit(node: AtPoint) -> Node:
    """error(o_i, y_i) without an index of its own is that of the unit i."""
    arg, first = node.arg, node.points[0] if node.points else None
    bare = isinstance(arg, Entry) and arg.role == "error" and not arg.places
    unsaid = isinstance(arg, Entry) and (arg.label is None or arg.assumed)
    if bare and unsaid and isinstance(first, Entry):
        return replace(first, role="error")
    return arg


def _kept(sample: Node | None) -> Node | None:
    """C_0 is the loss of the sample that is looked at."""
    return None if isinstance(sample, Num) else sample


def _over_samples(lhs: Node, rhs: Node) -> Node:
    """dL/dw = sum over t of ...: L is that of all samples."""
    sums = [n for n in walk(rhs) if isinstance(n, Total)]
    inner = [n.sample for n in walk(rhs) if isinstance(n, Entry) and n.role == "loss"]
    bound = {b.name for s in sums for b in s.bounds}
    if not any(isinstance(s, Letter) and s.name in bound for s in inner):
        return lhs

    def visit(node: Node) -> Node:
        node = rebuilt(node, visit)
        if isinstance(node, Entry) and node.role == "loss":
            return replace(node, role="objective", sample=None)
        return node

    return visit(lhs)


def _with_unit(node: Node, unit: Letter | None) -> Node:
    """An error without an index: that of the unit over which the sum around it runs."""
    if isinstance(node, Total) and len(node.bounds) == 1:
        unit = Letter(node.bounds[0].name)
    if isinstance(node, Entry):
        if node.role == "error" and not node.places and unit is not None:
            return replace(node, places=(unit,))
        return node
    return rebuilt(node, lambda child: _with_unit(child, unit))


def _only_free(node: Node) -> Letter | None:
    bound = {b.name for n in walk(node) if isinstance(n, Total) for b in n.bounds}
    places = [p for n in walk(node) if isinstance(n, Entry) for p in n.places]
    free = {p.name for p in places if isinstance(p, Letter)} - bound
    return Letter(free.pop()) if len(free) == 1 else None


# ------------------------------------------------------------------ labels


def labelled(
    lhs: Node, rhs: Node | None, labels: tuple[Label, ...]
) -> Iterator[tuple[Node, Node | None]]:
    """As read; with sigma as the activation of the layer; with other layers for assumed labels
    and for l."""
    yield lhs, rhs
    seen = {(lhs, rhs)}
    moves = [_Move(k, a) for a in (True, False) for k in labels]
    ways: list[Callable[[Node], Node]] = [_of_the_layer, _as_unit, *moves]
    for way in ways:
        made = way(lhs), None if rhs is None else way(rhs)
        if made not in seen:
            seen.add(made)
            yield made


def at_last(node: Node, last: Label) -> Node:
    """The last layer under the number that it has in the network."""
    node = rebuilt(node, lambda child: at_last(child, last))
    label = getattr(node, "label", None)
    if isinstance(node, Entry | Function | Size) and label is not None and label.base == "L":
        return replace(node, label=last.shifted(label.offset))
    return node


def _as_unit(node: Node) -> Node:
    """The activation at s under a derivative by s, as the unit o."""
    node = rebuilt(node, _as_unit)
    match node:
        case Derivative(Applied(Function(activation=True), (at,)), (Entry() as s,)) if at == s:
            return Derivative(replace(s, role="activation"), (s,))
    return node


def _of_the_layer(node: Node) -> Node:
    """sigma without a layer as the activation of the layer, of any kind."""
    node = rebuilt(node, _of_the_layer)
    return replace(node, name="") if isinstance(node, Function) and node.activation else node


@dataclass(frozen=True)
class _Move:
    """Another layer: for a label that was filled in, or for l."""

    to: Label
    assumed: bool

    def __call__(self, node: Node) -> Node:
        node = rebuilt(node, self)
        if not isinstance(node, Entry | Function | Size) or node.label is None:
            return node
        if self.assumed:
            if isinstance(node, Entry) and node.assumed:
                return replace(node, label=self.to.shifted(node.label.offset))
            return node
        if node.label.base == "l":
            return replace(node, label=self.to.shifted(node.label.offset))
        return node
