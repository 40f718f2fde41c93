"""Reading trees of Python sheets as Python again, in the names that the sheet uses.

>>> from derive.reading.tree import Entry, Times, Transposed
>>> from derive.algebra.symbols import Label
>>> hidden = Entry("activation", "", Label(1), form="batch")
>>> error = Entry("delta", "", Label(2), form="batch")
>>> python_text(Times((Transposed(hidden), error), ("",)), ("h1", "delta2"))
'h1.T @ delta2'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.python_sheets.names import Named, by_what, meaning
from derive.reading.own import PLAIN, Own
from derive.reading.tree import (
    Applied,
    Bracket,
    Derivative,
    Entry,
    Letter,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Power,
    Size,
    Times,
    Total,
    Transposed,
    Value,
    walk,
)

_SUM, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 4
_LETTERS = {
    "weight": "W", "bias": "b", "preactivation": "z", "activation": "a", "input": "X",
    "target": "y", "output": "y_hat", "loss": "loss", "objective": "loss",
    "learning_rate": "lr", "samples": "n",
}  # fmt: skip
_RELATIONS = {"<": "<", ">": ">", "le": "<=", "ge": ">=", "=": "==", "ne": "!="}


class Unwritten(Exception):
    """A part that has no Python here; the text says which."""


def python_text(
    node: Node,
    names: Iterable[str] = (),
    last: Label | None = None,
    own: Mapping[Node, str] | None = None,
    *,
    sheet: Own = PLAIN,
) -> str:
    """The node as Python; `names` are those of the sheet, `last` the label of the last layer.

    `own`: what names of the writer's own stand for; `sheet`: what its names are taken for.
    """
    return _Writer(names, last, own or {}, sheet).write(node, 0)


def python_corrected(
    text: str, written: Claim, right: Claim, last: Label | None = None, *, sheet: Own = PLAIN
) -> str:
    """The statement as it should be: the sides that differ are written anew."""
    names, own = names_of(text), own_names(text, written)
    pieces: list[tuple[int, int, str]] = []
    for before, after in ((written.lhs, right.lhs), (written.rhs, right.rhs)):
        if before is not None and after is not None and before != after:
            pieces.append((*before.span, python_text(after, names, last, own, sheet=sheet)))
    start, end = written.span
    if any((low, high) == (start, end) for low, high, _ in pieces) and right.lhs and right.rhs:
        # an update with += or -= has no right side of its own
        target, value = (
            python_text(side, names, last, own, sheet=sheet) for side in (right.lhs, right.rhs)
        )
        if target == value:  # it was right before the statement
            value = python_text(right.rhs, names, last, sheet=sheet)
        return f"{target} = {value}"
    made = text[start:end]
    for low, high, new in sorted(pieces, reverse=True):
        made = made[: low - start] + new + made[high - start :]
    return made


def own_names(text: str, written: Claim) -> dict[Node, str]:
    """The parts of a claim that stand in the text as single names."""
    found: dict[Node, str] = {}
    for side in written.sides:
        for node in walk(side):
            name = text[node.span[0] : node.span[1]]
            if name.isidentifier() or (isinstance(node, Size) and name):
                found.setdefault(node, name)
    return found


def names_of(text: str) -> list[str]:
    """The names in a text, in order."""
    return re.findall(r"[A-Za-z_]\w*", text)


class _Writer:
    """Writes expressions with as few parentheses as the operators need."""

    def __init__(
        self, names: Iterable[str], last: Label | None, own: Mapping[Node, str], sheet: Own
    ) -> None:
        self.last, self.own, self.sheet = last, own, sheet
        #: whether the names of the sheet stand for arrays with a column for each sample
        self.columns = any(isinstance(n, Transposed) and _is_batch(n.arg) for n in own)
        self.known: dict[Named, str] = {}
        for name in names:
            named = self._meaning(name)
            if named is not None:
                self.known.setdefault(named, name)

    def _meaning(self, name: str) -> Named | None:
        """What a name of the sheet stands for, if it is neither a negative nor of another mean."""
        named = meaning(name)
        told = self.sheet.readings.get(name) or self.sheet.readings.get(by_what(name) or "")
        if told is not None and named is not None:
            plain = not told.minus and not told.mean
            return Named(told.role, told.label, named.derived) if plain else None
        if named is None or named.label is None or named.label.base:
            return named
        if named.role == "activation" and named.label.shifted(-self._ahead(named.role)) == Label(0):
            return Named("input", derived=named.derived)
        return replace(named, label=named.label.shifted(-self._ahead(named.role)))

    def _ahead(self, role: str) -> int:
        """By how much the numbers of the sheet are larger than those of our layers."""
        if role == "delta" and self.sheet.python.above:
            return 1
        return -1 if role in self.sheet.python.from_zero else 0

    def write(self, node: Node, tight: int) -> str:
        if node in self.own:
            return self.own[node]
        text, binds = self._parts(node)
        return text if binds >= tight else f"({text})"

    def _parts(self, node: Node) -> tuple[str, int]:
        if self._is_down(node):
            return "-" + self._down(node), _SUM
        if self.columns and _is_batch(node):
            return self._name(node) + ".T", _ATOM
        match node:
            case Num():
                return _number(node.value)
            case Letter():
                return ("np.ones(n)" if node.name == "bold 1" else node.name), _ATOM
            case Value():
                own = {"pi": "np.pi", "e": "np.e"}
                role = Named("learning_rate")
                return own.get(node.name) or self._known(role), _ATOM
            case Size() if node.label is None:
                return self._samples(), _ATOM
            case Entry():
                return self._entry(node), _ATOM
            case Derivative() if len(node.by) == 1 and isinstance(node.by[0], Entry):
                return self._derived(node.by[0]), _ATOM
            case Transposed():
                return self._transposed(node.arg)
            case Plus():
                return self._plus(node), _SUM
            case Minus():
                if self._is_down(node.arg) and node.arg not in self.own:
                    return self._down(node.arg), _ATOM
                return "-" + self.write(node.arg, _PRODUCT), _SUM
            case Times():
                return self._times(node), _PRODUCT
            case Over():
                above, below = self.write(node.above, _PRODUCT), self.write(node.below, _POWER)
                return f"{above} / {below}", _PRODUCT
            case Power():
                base, power = self.write(node.base, _ATOM), self.write(node.exponent, _POWER)
                return f"{base}**{power}", _POWER
            case Bracket() if len(node.members) == 2:
                left, right = (self.write(m, _SUM) for m in node.members)
                return f"{left} {_RELATIONS[node.relations[0]]} {right}", 0
            case Applied() if len(node.args) == 1:
                return self._applied(node), _ATOM
            case Total() if node.kind == "sum":
                bounds = "".join(f", {b.name}" for b in node.bounds)
                return f"Sum({self.write(node.body, 0)}{bounds})", _ATOM
        raise Unwritten(type(node).__name__.lower())

    # ---------------------------------------------------------------- names

    def _samples(self) -> str:
        """The number of samples: by its name, or by the input."""
        if Named("samples") in self.known:
            return self._known(Named("samples"))
        inputs = self._known(Named("input"))
        return f"{inputs}.shape[1]" if self.sheet.python.columns else f"len({inputs})"

    def _is_down(self, node: Node) -> bool:
        """Whether a node is a derivative by units, whose names stand for its negative."""
        inner = node.arg if isinstance(node, Transposed) else node
        if not self.sheet.python.down or node in self.own:
            return False
        if isinstance(inner, Derivative) and len(inner.by) == 1:
            by = inner.by[0]
            return isinstance(by, Entry) and by.role not in ("weight", "bias")
        return isinstance(inner, Entry) and (inner.barred or inner.role == "delta")

    def _down(self, node: Node) -> str:
        """The name of the negative of a derivative."""
        inner = node.arg if isinstance(node, Transposed) else node
        turned = isinstance(node, Transposed) != (self.columns and _is_batch(inner))
        return self._name(inner) + (".T" if turned else "")

    def _known(self, named: Named) -> str:
        if named in self.known:
            return self.known[named]
        alone = replace(named, label=None)
        if named.label is not None and named.label == self.last and alone in self.known:
            return self.known[alone]
        hidden = replace(alone, hidden=True)
        if named.label is not None and named.label.shifted(1) == self.last and hidden in self.known:
            return self.known[hidden]
        ahead = self._ahead(named.role)
        number = "" if named.label is None or named.label.base else str(named.label.offset + ahead)
        letter = "delta" if named.role == "delta" else _LETTERS.get(named.role)
        if letter is None:
            raise Unwritten(named.role)
        return ("d" if named.derived else "") + letter + number

    def _name(self, node: Node) -> str:
        """The name of a batch or of a derivative by one, whichever way it stands in the sheet."""
        if isinstance(node, Derivative) and isinstance(node.by[0], Entry):
            return self._derived(node.by[0])
        assert isinstance(node, Entry)
        return self._entry(node)

    def _entry(self, node: Entry) -> str:
        if node.barred:
            return self._derived(replace(node, barred=False))
        named = Named(node.role, node.label)
        output = Named("output")
        if node.role == "objective":
            named = Named("loss")
        elif node.role == "delta":
            return self._derived(replace(node, role="preactivation"))
        elif node.role == "activation" and node.label == self.last and output in self.known:
            named = output if named not in self.known else named
        elif node.role == "activation" and node.label == Label(0):
            named = Named("input")
        if node.role in ("input", "target", "output"):
            named = Named(node.role)
        return self._known(named) + self._places(node)

    def _derived(self, by: Entry) -> str:
        """A derivative of the loss: delta2 or dz2, dW1."""
        delta = Named("delta", by.label)
        spelled = Named(by.role, by.label, True)
        if by.role == "preactivation" and (delta in self.known or spelled not in self.known):
            spelled = delta
        return self._known(spelled) + self._places(by)

    def _places(self, node: Entry) -> str:
        if not node.places:
            return ""
        places = []
        for place in node.places:
            if isinstance(place, Num):
                place = replace(place, value=place.value - 1)  # Python counts from 0
            places.append(self.write(place, 0))
        return f"[{', '.join(places)}]"

    # ---------------------------------------------------------------- operations

    def _transposed(self, arg: Node) -> tuple[str, int]:
        if self.columns and _is_batch(arg):
            return self._name(arg), _ATOM
        if isinstance(arg, Times) and arg.args[-1] == Letter("bold 1") and arg.signs == ("",):
            return self._summed(arg.args[0], True), _ATOM
        if isinstance(arg, Times) and arg.signs == ("",) and all(map(_is_array, arg.args)):
            left, right = arg.args
            return self._parts(Times((_turned(right), _turned(left)), ("",)))
        return self.write(arg, _ATOM) + ".T", _ATOM

    def _summed(self, node: Node, keeps: bool = False) -> str:
        """A product with a column of ones is a sum over an axis."""
        arg, axis = (node.arg, 0) if isinstance(node, Transposed) else (node, 1)
        if self.columns and _is_batch(arg):
            text, axis = self._name(arg), 1 - axis
        else:
            text = self.write(arg, 0)
        kept = ", keepdims=True" if keeps or (self.columns and axis == 1) else ""
        return f"np.sum({text}, axis={axis}{kept})"

    def _plus(self, node: Plus) -> str:
        text = self.write(node.args[0], _SUM)
        for arg in node.args[1:]:
            minus = isinstance(arg, Minus)
            part = self.write(arg.arg if isinstance(arg, Minus) else arg, _PRODUCT)
            text += f" {'-' if minus else '+'} {part}"
        return text

    def _times(self, node: Times) -> str:
        ones = Letter("bold 1")
        if len(node.args) == 2 and node.args[1] == ones:
            return self._summed(node.args[0])
        if len(node.args) == 2 and Transposed(ones) == node.args[1]:  # NumPy repeats it
            return self.write(node.args[0], _PRODUCT)
        if len(node.args) == 2 and node.args[0] == ones:
            return self.write(node.args[1], _PRODUCT)
        text = self.write(node.args[0], _PRODUCT)
        before = node.args[0]
        for sign, arg in zip(node.signs, node.args[1:], strict=True):
            matrices = sign == "" and _is_array(before) and _is_array(arg)
            mark = " @ " if matrices else " * "
            tight = _POWER if isinstance(arg, Times | Over) else _PRODUCT
            text += mark + self.write(arg, tight)
            before = arg if _is_array(arg) else before
        return text

    def _applied(self, node: Applied) -> str:
        name = node.function.name
        inside = self.write(node.args[0], 0)
        if name == "relu" and not node.order:
            return f"np.maximum(0, {inside})"
        if node.order:
            return f"{name or 'f'}_prime({inside})"
        plain = name in ("exp", "log", "tanh", "sqrt", "sin", "cos", "abs")
        return f"{'np.' if plain else ''}{name or 'f'}({inside})"


def _is_batch(node: Node) -> bool:
    """Whether a node is the array of a quantity over all samples, or the derivative by one."""
    if isinstance(node, Derivative) and len(node.by) == 1:
        node = node.by[0]
    return isinstance(node, Entry) and node.form == "batch" and not node.places


def _turned(node: Node) -> Node:
    return node.arg if isinstance(node, Transposed) else Transposed(node)


def _number(value: Fraction) -> tuple[str, int]:
    binds = _ATOM if value >= 0 else _SUM
    if value.denominator == 1:
        return str(value), binds
    plain = repr(float(value))
    if Fraction(plain) == value:
        return plain, binds
    return f"{value.numerator}/{value.denominator}", min(binds, _PRODUCT)


def _is_array(node: Node) -> bool:
    """Whether a node is an array and not a number of the statement."""
    match node:
        case Num() | Letter() | Value() | Size():
            return isinstance(node, Letter) and node.name == "bold 1"
        case Entry():
            return not node.places and node.role not in ("loss", "objective")
        case Minus() | Transposed():
            return _is_array(node.arg)
        case Plus() | Times():
            return any(map(_is_array, node.args))
        case Over():
            return _is_array(node.above) or _is_array(node.below)
        case Power():
            return _is_array(node.base)
        case Applied():
            return any(map(_is_array, node.args))
    return True
