"""Which array of a small network a quantity is: its layer as the sheet counts it, and its role."""

from __future__ import annotations

from derive.algebra.symbols import Label, Tensor
from derive.claims.numbers import NoLayer, Outside
from derive.claims.world import LOSS, OBJECTIVE, World
from derive.forward import X, Y
from derive.reading.scope import Scope
from derive.reading.tree import Entry
from derive.writing.naming import LETTERS


class NoValue(Exception):
    """The formula says nothing that can be evaluated; the text says why."""


class Layered:
    """Finds arrays by layer and role."""

    world: World
    scope: Scope
    layer: int

    @property
    def top(self) -> int:
        """The number of layer L: the last of all, unless the sheet names others behind it."""
        last, beyond = self.scope.last, self.scope.own.beyond
        return self.world.last - (last.offset if beyond and last is not None and last.base else 0)

    def layer_number(self, label: Label) -> int:
        """The number of a layer."""
        base = {"": 0, "L": self.top, "l": self.layer}
        if label.base not in base:
            raise NoValue(f"the layer {label}")
        conventions = self.scope.conventions
        if conventions.from_last and label.base != "L":
            return (base["l"] if label.base else self.world.last + 1) - label.offset
        shift = 0 if label.base else conventions.first_layer
        return base[label.base] + label.offset - shift

    def tensor_of(self, role: str, number: int) -> Tensor:
        """The array of a role in a layer."""
        key = (role, number)
        if key not in self.world.found:
            self.world.found[key] = self._tensor_of(role, number)
        tensor = self.world.found[key]
        if tensor is None:
            raise NoLayer(f"a {role} in layer {number}")
        return tensor

    def _tensor_of(self, role: str, number: int) -> Tensor | None:
        found = [t for t in self.world.shapes if t.label == Label(number)]
        wanted = [t for t in found if t.role == role]
        if role in ("weight", "bias") and not wanted:  # W, w and b of a layer of one's own
            letters = LETTERS[role], LETTERS[role].lower()
            wanted = [t for t in found if t.role == "parameter" and t.letter in letters]
        if role == "activation" and not wanted:
            if number == 0:
                return X
            wanted = [t for t in found if t.role == "preactivation"]
        if role == "mask":
            wanted = wanted or [t for t in found if t.role == "mask"]
        wanted = [t for t in wanted if t.letter == LETTERS.get(role)] or wanted
        return wanted[-1] if wanted else None

    def tensor(self, node: Entry) -> Tensor:
        """The array of an entry; an error is found by what it is a derivative of."""
        match node.role:
            case "input":
                return X
            case "target":
                return Y
            case "loss":
                return LOSS
            case "objective":
                return LOSS if self.scope.conventions.single else OBJECTIVE
            case "output":
                return self.world.passed.output.tensor
            case "own":
                return self._own(node)
            case "delta" | "error":
                role = "preactivation" if node.role == "delta" else "activation"
                return self.tensor_of(role, self._label(node))
        from_below = self.scope.conventions.weights_from and node.role in ("weight", "bias")
        return self.tensor_of(node.role, self._label(node) + from_below)

    def _label(self, node: Entry) -> int:
        if node.label is None:
            raise NoValue(f"a {node.role} of no layer")
        return self.layer_number(node.label)

    def _own(self, node: Entry) -> Tensor:
        for tensor in self.world.values:
            if tensor.letter == node.letter and (
                node.label is None or tensor.label == Label(self._label(node))
            ):
                return tensor
        if node.label is not None and node.label.base:  # layers without it are not spoken of
            raise NoLayer(f"an array {node.letter}")
        raise Outside(f"an array {node.letter}")
