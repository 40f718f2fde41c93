"""Names, entries, sizes and functions in a Python sheet, as arrays of the network."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.python_sheets.arrays import UNITS_AXIS, Array, softmax, transposed
from derive.python_sheets.names import GREEK, Named, meaning
from derive.python_sheets.places import named_place
from derive.reading.latex_tokens import Unreadable
from derive.reading.scope import FUNCTIONS, Scope
from derive.reading.tree import (
    Applied,
    Bound,
    Derivative,
    Entry,
    Function,
    Letter,
    Minus,
    Node,
    Num,
    Plus,
    Size,
    Span,
    Times,
    Total,
    Transposed,
    Value,
    rebuilt,
    walk,
)

MODULES = ("np", "numpy", "sp", "sympy", "scipy", "special", "linalg", "math", "jnp", "torch", "F")
MOST_FILLED = 2_000  # nodes that names of the writer's own bring into one statement
DEEPEST_NAMES = 30  # names that stand for names
_UNITS = ("preactivation", "activation", "input", "output", "target", "delta")


class PythonQuantities:
    """Reads the parts of one statement that are no operations."""

    def __init__(self, text: str, scope: Scope, standing: Mapping[str, str] | None = None) -> None:
        """The text of one statement, and what names that change stand for in it."""
        self.text, self.scope = text, scope
        self.standing = standing or {}
        self.style = scope.own.python
        self.deep = 0
        self.inside = 0  # how many names the text stands for, one inside the other
        self.filled = 0
        self._known: dict[str, Array] = {}  # names of the writer's own that were read
        self.lemma = False  # whether names are numbers of the statement alone
        rows = text.encode().split(b"\n")
        self._starts = [0]
        for row in rows:
            self._starts.append(self._starts[-1] + len(row) + 1)
        self._bytes = text.encode()

    # ---------------------------------------------------------------- places

    def span(self, node: ast.expr | ast.stmt) -> Span:
        """Where it stands in the text, in characters."""
        if not hasattr(node, "lineno"):
            return (0, 0)
        first = self._starts[node.lineno - 1] + node.col_offset
        last = self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return len(self._bytes[:first].decode()), len(self._bytes[:last].decode())

    def wrong(self, node: ast.AST, expected: str) -> Unreadable:
        """The error at a part of the statement."""
        if isinstance(node, ast.expr | ast.stmt):
            start, end = self.span(node)
            return Unreadable(start, f'"{self.text[start:end][:40]}"', expected)
        return Unreadable(0, type(node).__name__, expected)

    # ---------------------------------------------------------------- names

    def called(self, node: ast.Call) -> str:
        """The last part of the name of a function."""
        func = node.func
        return func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")

    def is_module(self, node: ast.expr) -> bool:
        """Whether a dotted name begins with a library."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in MODULES

    def name(self, node: ast.Name) -> Array:
        """A name on its own."""
        if node.id == "pi":
            return Array(Value("pi"), "s")
        if node.id in self.scope.own.names:
            return self._defined(node)
        named = meaning(node.id)
        alone = named is not None and named.label is None and not named.derived
        if named is None or (alone and (self.lemma or not self.network_names)):
            return Array(Letter("".join(GREEK.get(c, c) for c in node.id)), "s")
        return self.quantity(named)

    @property
    def network_names(self) -> bool:
        """Whether names stand for quantities of a network; in a lemma they are numbers."""
        return bool(self.scope.shapes) or self.scope.last is not None

    def _defined(self, node: ast.Name) -> Array:
        """A name of the writer's own: the array that its definition makes."""
        names = {k: v for k, v in self.scope.own.names.items() if k != node.id}
        inner = replace(self.scope, own=replace(self.scope.own, names=names))
        return self.inserted(node, node.id, self.scope.own.names[node.id], inner)

    def stands(self, node: ast.expr) -> Array | None:
        """The array of a place whose value changes in the sheet, as it is at this statement."""
        if not self.standing or not isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
            return None
        key = ast.unparse(node)
        if key not in self.standing:
            return None
        if not self.standing[key]:
            raise self.wrong(node, "a name whose last change can be read")
        return self.inserted(node, f"{key} now", self.standing[key], self.scope)

    def inserted(self, node: ast.expr, key: str, text: str, scope: Scope) -> Array:
        """The array that another text makes, at the place of what stands for it."""
        if key not in self._known:
            self._known[key] = self._read_at(node, text, scope)
        made = self._known[key]
        self.filled += sum(1 for _ in walk(made.node))
        if self.filled > MOST_FILLED:
            raise self.wrong(node, "names that stand for less")
        return Array(_placed(made.node, self.span(node)), made.kind)

    def _read_at(self, node: ast.expr, text: str, scope: Scope) -> Array:
        """What another text makes; what is wrong in it is told at its own line."""
        reader = type(self)(text, scope)
        reader.inside = self.inside + 1
        if reader.inside > DEEPEST_NAMES:
            raise self.wrong(node, "names that stand for fewer names")
        try:
            return reader.array(ast.parse(text, mode="eval").body)
        except Unreadable:
            raise self.wrong(node, "a name whose value can be read") from None

    def array(self, node: ast.expr) -> Array:
        """The array that an expression makes."""
        raise NotImplementedError

    def quantity(self, named: Named, places: tuple[Node, ...] = ()) -> Array:
        """A quantity of the network, or the derivative of the loss by it."""
        if named.role == "learning_rate":
            return Array(Value("learning_rate"), "s")
        if named.role == "samples":
            return Array(Size(None), "s")
        if named.role == "loss":
            role = "objective" if self.style.batch else "loss"
            return Array(Entry(role, "", None), "s")
        derived = named.derived or named.role == "delta"
        role = "preactivation" if named.role == "delta" else named.role
        if role in ("activation", "output") and derived and self.style.inner:
            role = "preactivation"
        label = named.label
        if named.role == "delta" and label is not None and self.style.above:
            label = label.shifted(-1)
        if label is None and role in ("weight", "bias", "preactivation", "activation"):
            label = self.scope.last or Label(0, "L")
            if named.hidden and label != Label(1):  # the layer before the last one
                label = label.shifted(-1)
        units = role in _UNITS
        made = Entry(role, "", label, places, form=self._form(units, places))
        kind = self._kind(role, units, places)
        node: Node = made
        if units and self.style.batch and self.style.columns and not places:
            node = Transposed(made)
        if derived:
            node = self._derivative(named, made, units)
            if units and self.style.batch and self.style.columns and not places:
                node = Transposed(node)
        return Array(node, kind)

    def _form(self, units: bool, places: tuple[Node, ...]) -> str:
        if places:
            return "entry"
        return "batch" if units and self.style.batch else "whole"

    def _kind(self, role: str, units: bool, places: tuple[Node, ...]) -> str:
        if places:
            return "s"
        if units:
            return ("t" if self.style.columns else "b") if self.style.batch else "v"
        if role == "bias" and self.style.batch and self.style.columns:
            return "c"
        return "p" if role == "weight" else "v"

    def _derivative(self, named: Named, made: Entry, units: bool) -> Node:
        """By units: of the losses of the samples; by parameters: of what training minimises."""
        if units and self.style.batch and not self.style.mean:
            if named.role == "delta":
                return replace(made, role="delta")
            return replace(made, barred=True)
        of = "objective" if self.style.batch else "loss"
        return Derivative(Entry(of, "", None), (made,))

    # ---------------------------------------------------------------- entries

    def entry(self, node: ast.Subscript) -> Array:
        """x[i], W[i, j], X.shape[0], x[:, None]."""
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            return self.size(node)
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return self.held(node, node.slice.value)
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if any(isinstance(i, ast.Slice) and (i.lower or i.upper or i.step) for i in items):
            raise self.wrong(node, "an entry or the whole of an array")
        plain = [i for i in items if not isinstance(i, ast.Slice) and not _is_none(i)]
        if not plain:
            made = self.array(node.value)
            if len(items) == 2 and _is_none(items[0]):
                return transposed(made.made("c"))
            return made.made("c") if len(items) == 2 and _is_none(items[1]) else made
        if len(plain) < len(items) or not isinstance(node.value, ast.Name):
            raise self.wrong(node, "an entry of an array")
        named = meaning(node.value.id)
        if named is None:
            raise self.wrong(node, "an array of the network")
        return self.quantity(named, tuple(self._place(i) for i in plain))

    def held(self, node: ast.expr, word: str) -> Array:
        """params["W1"], self.W1, and grads["W1"], which is the derivative by it."""
        named = named_place(node)
        if named is not None and named.derived and self.network_names:
            return self.quantity(named)
        return self.name(ast.copy_location(ast.Name(word, ast.Load()), node))

    def _place(self, node: ast.expr) -> Node:
        """An index; numbers count from 0 in Python."""
        span = self.span(node)
        match node:
            case ast.Name():
                return Letter(node.id, span=span)
            case ast.Constant(value=value) if type(value) is int and 0 <= value < 1000:
                return Num(Fraction(value + self.scope.profile.base), span=span)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                other = self._offset(node.right)
                made = Minus(other) if isinstance(node.op, ast.Sub) else other
                return Plus((self._place(node.left), made), span=span)
        raise self.wrong(node, "an index")

    def _offset(self, node: ast.expr) -> Node:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return Num(Fraction(node.value), span=self.span(node))
        return self._place(node)

    def size(self, node: ast.expr) -> Array:
        """X.shape[0] is the number of samples, W1.shape[1] the units of a layer."""
        text = ast.unparse(node)
        base = text.split(".")[0]
        named = meaning(base)
        if named is not None and named.role in _UNITS and text == f"{base}.size":
            return Array(self.count(self.quantity(named), None, node), "s")
        axis = text.rsplit("[", 1)[-1].rstrip("]") if "[" in text else ""
        if named is None or axis not in ("0", "1", "-1"):
            raise self.wrong(node, "the size of an array of the network")
        first = axis == "0"
        if named.role in _UNITS and self.style.batch and first != self.style.columns:
            return Array(Size(None), "s")
        label = named.label or self.scope.last or Label(0, "L")
        if named.role in ("output", "target"):
            label = self.scope.last or Label(0, "L")
        if named.role == "input":
            label = Label(0)
        if named.role == "weight" and first != self.scope.rows_out:
            label = label.shifted(-1)
        return Array(Size(label), "s")

    # ---------------------------------------------------------------- sums

    def axis(self, node: ast.Call, args: list[ast.expr]) -> int | None:
        """The axis of a sum, None for all."""
        given = next((k.value for k in node.keywords if k.arg == "axis"), None)
        given = given or (args[1] if len(args) > 1 else None)
        if given is None:
            return None
        text = ast.unparse(given)
        if text not in ("0", "1", "-1", "None"):
            raise self.wrong(given, "the axis 0 or 1")
        return None if text == "None" else abs(int(text))

    def keeps(self, node: ast.Call) -> bool:
        """Whether a sum keeps its axis."""
        given = next((k.value for k in node.keywords if k.arg == "keepdims"), None)
        if given is None:
            return False
        text = ast.unparse(given)
        if text not in ("True", "False", "0", "1"):
            raise self.wrong(given, "keepdims=True or False")
        return text in ("True", "1")

    def total(self, made: Array, limits: list[ast.expr]) -> Array:
        """Sum(f, (i, 1, n)): a sum over an index."""
        bounds = []
        for given in limits:
            parts = given.elts if isinstance(given, ast.Tuple) else []
            name = parts[0] if len(parts) in (1, 3) else None
            if not isinstance(name, ast.Name):
                raise self.wrong(given, "an index with its limits")
            bounds.append(self._bound(name.id, parts[1:]))
        return Array(Total("sum", tuple(bounds), made.node), "s")

    def _bound(self, letter: str, limits: list[ast.expr]) -> Bound:
        texts = [ast.unparse(limit).replace(" ", "") for limit in limits]
        whole = len(texts) == 2 and texts[0] == "0" and texts[1].endswith("-1")
        if not texts or whole or (texts[0] == "1" and texts[1].isidentifier()):
            return Bound(letter)
        return Bound(letter, self._place(limits[0]), self._place(limits[1]))

    def count(self, made: Array, axis: int | None, node: ast.expr) -> Node:
        """How many numbers a mean is over."""
        if made.kind == "v" and axis in (None, 0) and self.style.batch:
            return Size(None)
        if (made.kind, axis) in (("b", 0), ("t", 1)):
            return Size(None)
        units = next((e for e in _entries(made.node) if e.role in _UNITS), None)
        if units is None:
            raise self.wrong(node, "the mean of an array of units")
        label = units.label
        if units.role in ("output", "target"):
            label = self.scope.last or Label(0, "L")
        size = Size(Label(0) if units.role == "input" else label)
        if axis is None and made.kind in ("b", "t"):
            return Times((Size(None), size), ("",))
        return size

    # ---------------------------------------------------------------- functions

    def function(self, node: ast.Call, name: str, args: list[ast.expr]) -> Array:
        """A function of every entry, the softmax, or one whose slope is named."""
        plain = name.lower().replace("stable_", "")
        order = 0
        for ending in ("_prime", "_derivative", "_deriv", "_grad", "_slope", "prime"):
            if plain.endswith(ending):
                plain, order = plain.removesuffix(ending), 1
        plain = plain.removeprefix("d_") if plain.startswith("d_") else plain
        if name.startswith("d_"):
            order = 1
        known = {"sigma": "sigmoid", "expit": "sigmoid", "absolute": "abs", "relu": "relu"}
        plain = known.get(plain, FUNCTIONS.get(plain, plain))
        if name == "len" and args:
            return self.size_of(args[0])
        if len(args) != 1 or (plain not in FUNCTIONS.values() and plain not in ("f", "g", "phi")):
            raise self.wrong(node, "a function that is known")
        made = self.array(args[0])
        if plain == "softmax" and not order:
            axis = self.axis(node, args)
            if axis is not None and axis != UNITS_AXIS.get(made.kind, axis):
                raise self.wrong(node, "the softmax over the units")
            return softmax(made)
        generic = plain in ("f", "g", "phi")
        function = Function(
            "" if generic else plain, generic, self._layer(made) if generic else None
        )
        return Array(Applied(function, (made.node,), order), made.kind)

    def size_of(self, node: ast.expr) -> Array:
        """len(X)."""
        return self.size(ast.parse(f"{ast.unparse(node)}.shape[0]", mode="eval").body)

    def _layer(self, made: Array) -> Label | None:
        return next((e.label for e in _entries(made.node) if e.label is not None), None)


def _placed(node: Node, span: Span) -> Node:
    """The node with all its parts at one place: that of the name which stands for it."""
    return replace(rebuilt(node, lambda part: _placed(part, span)), span=span)


def _is_none(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (
        isinstance(node, ast.Attribute) and node.attr == "newaxis"
    )


def _entries(node: Node) -> list[Entry]:
    return [part for part in walk(node) if isinstance(part, Entry)]
