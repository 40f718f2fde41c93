"""Names, entries, sizes and functions in a Python sheet, as arrays of the network."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.python_sheets.arrays import UNITS_AXIS, Array, softmax, summed, transposed
from derive.python_sheets.names import GREEK, Named, meaning
from derive.python_sheets.places import is_number, listed_place, named_place, picks
from derive.python_sheets.standing import PythonNames
from derive.reading.own import NameReading
from derive.reading.scope import FUNCTIONS
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
    Times,
    Total,
    Transposed,
    Value,
    walk,
)

#: cost_derivative(a, y), loss_prime(y_hat, y), d_loss(y_hat, y)
_SLOPE_OF_LOSS = re.compile(
    r"(?:cost|loss|error)_?(?:derivative|deriv|prime|gradient|grad)|(?:d|grad)_?(?:loss|cost|error)"
)
_GENERIC = ("f", "g", "phi", "activation_function", "activation_fn", "act_fn", "activate")
_UNITS = ("preactivation", "activation", "input", "output", "target", "delta")


class PythonQuantities(PythonNames):
    """Reads the parts of one statement that are no operations."""

    def quantity(
        self, named: Named, places: tuple[Node, ...] = (), told: NameReading | None = None
    ) -> Array:
        """A quantity of the network, or the derivative of the loss by it.

        `told`: what the name stands for in this sheet.
        """
        if told is not None:
            named = replace(named, role=told.role, label=told.label, derived=told.derived)
        if named.role == "learning_rate":
            return Array(Value("learning_rate"), "s")
        if named.role == "samples":
            return Array(Size(None), "s")
        if named.role == "loss":
            role = "objective" if self.style.batch else "loss"
            return Array(Entry(role, "", None), "s")
        derived = named.derived or named.role == "delta"
        role = "preactivation" if named.role == "delta" else named.role
        label = named.label if told is not None else self._label(named, role)
        if role == "activation" and label == Label(0):
            role, label = "input", None
        if role in ("activation", "output") and derived and self.style.inner and told is None:
            role = "preactivation"
            label = named.label if told is not None else self._label(named, role)
        units = role in _UNITS
        made = Entry(role, "", label, places, form=self._form(units, places))
        if self.style.vectors and not places:
            kind = self._vector_kind(made)
        else:
            kind = self._kind(role, units, places)
        turned = units and self.style.batch and self.style.columns and not places
        node: Node = made
        if derived:
            mean = self.style.mean != (told is not None and told.mean)
            node = self._derivative(named, made, units, mean)
        if turned:
            node = Transposed(node)
        if (told is not None and told.minus) != (derived and units and self.style.down):
            node = Minus(node)
        return Array(node, kind)

    def _label(self, named: Named, role: str) -> Label | None:
        """The layer that a name says, or the last one, or for `hidden` the one before."""
        label = named.label
        if named.role == "delta" and label is not None and self.style.above:
            return label.shifted(-1)
        if label is not None and not label.base and named.role in self.style.from_zero:
            return label.shifted(1)
        if label is None and role in ("weight", "bias", "preactivation", "activation"):
            label = self.scope.last or Label(0, "L")
            if named.hidden and label != Label(1):
                return label.shifted(-1)
        return label

    def _form(self, units: bool, places: tuple[Node, ...]) -> str:
        if places:
            return "entry"
        return "batch" if units and self.style.batch else "whole"

    def _kind(self, role: str, units: bool, places: tuple[Node, ...]) -> str:
        if places:
            return "s"
        if units:
            if self.style.batch:
                return "t" if self.style.columns else "b"
            return "c" if self.style.columns else "v"
        if role == "bias" and self.style.columns:
            return "c"
        return "p" if role == "weight" else "v"

    def _vector_kind(self, made: Entry) -> str:
        """Of one sample, where an array of one number is a number."""
        last = self.scope.last or Label(0, "L")
        label = last if made.role in ("output", "target") else made.label
        if made.role == "target":
            label = None
        role = "activation" if made.role == "output" else made.role
        shapes = self.scope.shapes.items()
        shape = next((s for t, s in shapes if (t.role, t.label) == (role, label)), ())
        if shape and all(size == 1 for size in shape):
            return "s"
        return "v" if made.role != "weight" or shape[1:] == (1,) else "p"

    def _derivative(self, named: Named, made: Entry, units: bool, mean: bool) -> Node:
        """By units: of the losses of the samples; by parameters: of what training minimises."""
        if units and self.style.batch and not mean:
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
        if picks(node):
            return self.picked(self.array(node.value), node)
        plain = [i for i in items if not isinstance(i, ast.Slice) and not _is_none(i)]
        if not plain:
            made = self.array(node.value)
            if len(items) == 2 and _is_none(items[0]):
                return transposed(made.made("c"))
            return made.made("c") if len(items) == 2 and _is_none(items[1]) else made
        of_layer = self.listed(node)
        if of_layer is not None:
            return of_layer
        if len(plain) < len(items) or not isinstance(node.value, ast.Name):
            raise self.wrong(node, "an entry of an array")
        named = meaning(node.value.id)
        if named is None:
            raise self.wrong(node, "an array of the network")
        told = self.reading_of(node.value.id)
        return self.quantity(named, tuple(self._place(i) for i in plain), told)

    def picked(self, made: Array, node: ast.expr) -> Array:
        """p[range(n), y]: of each sample the entry of its class, where y is one for that class."""
        y = self.quantity(Named("target"))
        if made.kind not in ("b", "t") or made.kind != y.kind:
            raise self.wrong(node, "the classes of the samples of a batch")
        return summed(
            Array(Times((made.node, y.node), ("odot",)), made.kind), UNITS_AXIS[made.kind], False
        )

    def listed(self, node: ast.Subscript) -> Array | None:
        """weights[-1], self.biases[0]: an array of a list with one for each layer."""
        found = listed_place(node, self.style.from_zero)
        if found is None:
            return None
        named, word, number = found
        label: Label | None
        if number < 0:
            label = (self.scope.last or Label(0, "L")).shifted(number + 1)
        else:
            label = Label(number + (word in self.style.from_zero))
        told = NameReading(named.role, label, named.derived or named.role == "delta")
        if label == Label(0) and named.role == "activation":
            told = NameReading("input", None, named.derived)
        return self.quantity(named, (), told)

    def held(self, node: ast.expr, word: str) -> Array:
        """params["W1"], self.W1, and grads["W1"], which is the derivative by it."""
        named, told = named_place(node), self.reading_of(ast.unparse(node))
        if named is not None and (named.derived or told) and self.network_names:
            return self.quantity(named, (), told)
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
        given = next((k.value for k in node.keywords if k.arg in ("axis", "dim")), None)
        given = given or (args[1] if len(args) > 1 else None)
        if given is None:
            return None
        text = ast.unparse(given)
        if text not in ("0", "1", "-1", "None"):
            raise self.wrong(given, "the axis 0 or 1")
        return None if text == "None" else abs(int(text))

    def keeps(self, node: ast.Call) -> bool:
        """Whether a sum keeps its axis."""
        given = next((k.value for k in node.keywords if k.arg in ("keepdims", "keepdim")), None)
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
        """The range of an index: from 0 to n - 1, or from 1 to n; so too with numbers."""
        texts = [ast.unparse(limit).replace(" ", "") for limit in limits]
        whole = len(texts) == 2 and texts[0] == "0" and texts[1].endswith("-1")
        if not texts or whole or (texts[0] == "1" and texts[1].isidentifier()):
            return Bound(letter)
        if texts[0] == "1" and is_number(limits[1]):  # counted from 1, as the profile counts or not
            less = 1 - self.scope.profile.base
            ends = [Num(Fraction(int(text) - less)) for text in texts if text.isdigit()]
            if len(ends) == 2:
                return Bound(letter, *ends)
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
        plain = "".join(GREEK.get(c, c) for c in name.lower()).replace("stable_", "")
        order = 0
        for ending in ("_prime", "_derivative", "_deriv", "_grad", "_slope", "prime"):
            if plain.endswith(ending):
                plain, order = plain.removesuffix(ending), 1
        plain = plain.removeprefix("d_") if plain.startswith("d_") else plain
        if name.startswith("d_"):
            order = 1
        if name == "len" and args:
            return self.size_of(args[0])
        if len(args) == 2 and _SLOPE_OF_LOSS.fullmatch(name):
            return self._slope_of_loss(node, args)
        known = {"sigma": "sigmoid", "expit": "sigmoid", "absolute": "abs"}
        plain = known.get(plain, FUNCTIONS.get(plain, plain))
        if len(args) != 1 or plain not in (*FUNCTIONS.values(), *_GENERIC):
            raise self.wrong(node, "a function that is known")
        made = self.array(args[0])
        if plain == "softmax" and not order:
            axis = self.axis(node, args)
            if axis is not None and axis != UNITS_AXIS.get(made.kind, axis):
                raise self.wrong(node, "the softmax over the units")
            return softmax(made)
        generic = plain in _GENERIC
        function = Function(
            "" if generic else plain, generic, self._layer(made) if generic else None
        )
        return Array(Applied(function, (made.node,), order), made.kind)

    def _slope_of_loss(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """cost_derivative(a, y), of the output and the target."""
        output, target = (_entries(self.array(arg).node) for arg in args)
        label = self.scope.last or Label(0, "L")
        last = len(output) == 1 and (
            output[0].role == "output" or (output[0].role, output[0].label) == ("activation", label)
        )
        if not last or [entry.role for entry in target] != ["target"]:
            raise self.wrong(node, "the slope of the loss at the output and the target")
        return self.quantity(Named("output"), (), NameReading("output", derived=True))

    def size_of(self, node: ast.expr) -> Array:
        """len(X)."""
        return self.size(ast.parse(f"{ast.unparse(node)}.shape[0]", mode="eval").body)

    def _layer(self, made: Array) -> Label | None:
        return next((e.label for e in _entries(made.node) if e.label is not None), None)


def _is_none(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (
        isinstance(node, ast.Attribute) and node.attr == "newaxis"
    )


def _entries(node: Node) -> list[Entry]:
    return [part for part in walk(node) if isinstance(part, Entry)]
