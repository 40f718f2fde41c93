"""What a writer leaves out and every reader fills in: layer labels, and each filling is noted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TypeGuard

from derive.algebra.symbols import Label
from derive.reading.going_on import continued
from derive.reading.scope import FUNCTIONS, LABELLED, Scope
from derive.reading.tree import (
    Applied,
    Entry,
    Letter,
    Nabla,
    Node,
    Times,
    Transposed,
    children,
    rebuilt,
    walk,
)

_OUTPUTS = ("output", "activation", "preactivation", "target", "delta")
_UNITS = ("output", "activation", "preactivation")
WITH_LABEL = tuple(role for role in LABELLED if role not in ("activation_function", "own"))


def filled(members: list[Node | None], scope: Scope) -> tuple[list[Node | None], tuple[str, ...]]:
    """The members of a chain with every layer label, and what was filled in."""
    members = [None if m is None else continued(m) for m in members]
    present = [m for m in members if m is not None]
    inputs = _input_letters(present, scope)
    down = scope.conventions.from_last
    label = top_label(present, inputs, down)
    notes: dict[str, None] = {}
    sized = _speaks_of_loss(present) and _outputs(scope) is not None
    bare = any(_is_bare(part) and part.order for m in present for part in walk(m))

    def visit(node: Node) -> Node:
        if isinstance(node, Nabla) and node.of is not None:  # by all arrays of the role
            return replace(node, of=visit(node.of), by=_gradient_by(node, present, scope))
        if isinstance(node, Applied) and _is_network(node, scope):
            (arg,) = node.args
            assert isinstance(arg, Entry)
            return replace(node, args=(replace(arg, label=Label(0), assumed=True),))
        node = rebuilt(node, visit)
        if bare and _is_bare(node):
            node = _at_its_sum(node, label)
        if isinstance(node, Entry) and sized and node.role in _UNITS and _is_number(node):
            node = replace(node, form="whole")  # the output, or its sum
        if isinstance(node, Entry):
            node = _entry(node, label, inputs, notes, scope)
        if isinstance(node, Applied) and node.function.activation and node.function.label is None:
            node = _function(node, down)
        return node

    made = [None if m is None else visit(m) for m in members]
    made = _stepped(made)
    return [None if m is None else _beside_batches(m) for m in made], tuple(notes)


def _stepped(members: list[Node | None]) -> list[Node | None]:
    """In a step of w without indices, a gradient that says no more is the one by w."""
    first = members[0]
    if not isinstance(first, Entry) or first.role != "weight" or first.places:
        return members
    by = replace(first, step=None)

    def visit(node: Node) -> Node:
        node = rebuilt(node, visit)
        bare = isinstance(node, Nabla) and node.by is None and node.of is not None
        return replace(node, by=by) if isinstance(node, Nabla) and bare else node

    steps = any(m is not None and by in map(_now, walk(m)) for m in members[1:])
    return [m if m is None else visit(m) for m in members] if steps else members


def _now(node: Node) -> Node:
    return replace(node, step=None) if isinstance(node, Entry) else node


def _beside_batches(node: Node) -> Node:
    """Beside the inputs of all samples, outputs are those of all samples: X^T (o - y)."""
    node = rebuilt(node, _beside_batches)
    if not isinstance(node, Times) or not any(_is_batch(arg) for arg in node.args):
        return node

    def visit(part: Node) -> Node:
        part = rebuilt(part, visit)
        whole = isinstance(part, Entry) and part.form == "whole" and part.sample is None
        if whole and isinstance(part, Entry) and part.role in _OUTPUTS and not part.places:
            return replace(part, form="batch")
        return part

    return visit(node)


def _is_batch(node: Node) -> bool:
    """Whether a factor is the array of all samples, or its transpose."""
    node = node.arg if isinstance(node, Transposed) else node
    return isinstance(node, Entry) and node.form == "batch" and node.role in ("input", "activation")


def _is_network(node: Applied, scope: Scope) -> bool:
    """Whether a function that nobody has named takes the vector of the input: g_r(x)."""
    arg = node.args[0] if len(node.args) == 1 else None
    if not isinstance(arg, Entry) or arg.role != "activation" or arg.form != "whole":
        return False
    name = node.function.name
    known = node.function.activation or name in scope.functions or name in FUNCTIONS.values()
    own = any(sign.letter == name for sign, _ in scope.own.signs)
    return arg.label is None and not known and not own and bool(scope.profile.roles["input"].like)


def _is_bare(node: Node) -> TypeGuard[Applied]:
    """Whether an activation function stands without its argument."""
    return isinstance(node, Applied) and node.function.activation and not node.args


def _at_its_sum(node: Applied, label: Label | None) -> Applied:
    """A function by its name alone, as in f' = f (1 - f), at the weighted sum of its layer."""
    layer = node.function.label or label
    form = "entry" if layer is None else "whole"
    guessed = layer is not None and node.function.label is None
    arg = Entry("preactivation", "", layer, form=form, assumed=guessed, span=node.span)
    return replace(node, args=(arg,))


def _gradient_by(node: Nabla, members: list[Node], scope: Scope) -> Node | None:
    r"""\nabla_a C: by the outputs of the network, as it is written beside the last layer.

    Where only one other layer is named, the gradient is by that one; a gradient by W is by all.
    """
    by = node.by
    if not isinstance(by, Entry) or by.label is not None or by.places:
        return by
    if by.role not in ("activation", "preactivation"):
        return by
    found = {p.label for m in members for p in walk(m) if isinstance(p, Entry) and p.label}
    last = scope.last or Label(0, "L")
    ends = found & {last, Label(0, "L")}
    if ends or len(found) != 1:
        return replace(by, label=ends.pop() if len(ends) == 1 else last)
    return replace(by, label=found.pop())


def top_label(nodes: list[Node], inputs: Collection[str] = (), down: bool = False) -> Label | None:
    """The highest layer that the nodes name; an input to the weights is one below it.

    `down`: layers are counted from the output, so that the highest has the smallest number.
    """
    found: list[Label] = []
    for node in nodes:
        for part in walk(node):
            if isinstance(part, Entry) and part.label is not None and part.role in WITH_LABEL:
                below = part.role == "activation" and _stands_at(part, inputs)
                found.append(part.label.shifted(-1 if down else 1) if below else part.label)
    if not found:
        return None
    bases = [label for label in found if label.base == found[0].base]
    return (min if down else max)(bases, key=lambda label: label.offset)


def _input_letters(nodes: list[Node], scope: Scope) -> set[str]:
    """The letters that stand on the input side of a weight."""
    found = set()
    for node in nodes:
        for part in walk(node):
            if isinstance(part, Entry) and part.role == "weight" and len(part.places) == 2:
                place = part.places[1 if scope.out_first_of(part.label) else 0]
                if isinstance(place, Letter):
                    found.add(place.name)
    return found


def _stands_at(node: Entry, letters: Collection[str]) -> bool:
    return any(isinstance(p, Letter) and p.name in letters for p in node.places)


def _entry(
    node: Entry, label: Label | None, inputs: set[str], notes: dict[str, None], scope: Scope
) -> Entry:
    if node.label is not None or node.role not in WITH_LABEL:
        return node
    if _is_number(node):
        return node  # a number of its own: s, o
    told = _by_index(node, scope)
    if told is not None:
        return replace(node, label=told, assumed=True)
    made = label or scope.last or Label(0, "L")
    if node.role == "activation" and _stands_at(node, inputs):
        made = made.shifted(1 if scope.conventions.from_last else -1)
    notes[f"{node.role} without a layer: taken as layer {made}"] = None
    return replace(node, label=made, assumed=True)


def _is_number(node: Entry) -> bool:
    """Whether a unit has neither a layer nor an index nor a sample."""
    alone = not node.places and node.form == "entry" and node.sample is None
    return alone and node.label is None and node.role not in ("weight", "bias", "delta", "error")


def _outputs(scope: Scope) -> int | None:
    """The number of outputs, where it is known."""
    sums = (t for t in scope.shapes if t.role == "preactivation" and t.label == scope.last)
    sizes = [size for t in sums for size in scope.shapes[t]]
    return sizes[0] if len(sizes) == 1 and isinstance(sizes[0], int) else None


def _speaks_of_loss(nodes: list[Node]) -> bool:
    """Whether the loss of the network stands there, or its derivative."""
    parts = (part for node in nodes for part in walk(node))
    return any(isinstance(p, Entry) and p.role in ("loss", "objective", "delta") for p in parts)


def _by_index(node: Entry, scope: Scope) -> Label | None:
    """The layer that the letter of an index says, where the sheet keeps letters for layers."""
    if not scope.own.index_layers or not node.places:
        return None
    out = 0 if node.role != "weight" or scope.out_first_of(node.label) else -1
    place = node.places[out]
    number = scope.own.index_layers.get(place.name) if isinstance(place, Letter) else None
    if number is None or (number == 0 and node.role != "activation"):
        return None  # an index in the wrong place
    if number == 0 and scope.own.input_apart:
        return Label(1)  # h_i, beside x_i: a hidden unit under the letter of an input
    return Label(number)


def _function(node: Applied, down: bool) -> Applied:
    """The activation function of the layer of its argument."""
    label = top_label(list(children(node)[1:]), down=down)
    return replace(node, function=replace(node.function, label=label, assumed=True))
