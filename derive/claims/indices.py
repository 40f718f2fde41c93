"""Indices and arrays of read formulas: ranges, places, entries of tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Self

from derive.algebra.terms import (
    Affine,
    Extent,
    Index,
    Label,
    Ref,
    Tensor,
)
from derive.claims.parts import in_order
from derive.reading.scope import Scope
from derive.reading.tree import (
    Entry,
    Letter,
    Minus,
    Node,
    Num,
    Plus,
    Size,
    Times,
    Total,
    children,
)
from derive.stages import SAMPLE
from derive.writing.naming import LETTERS

Shape = tuple[Extent | None, Extent | None]  # None: as many as fit


class NoTerm(Exception):
    """The formula has no term of the calculus; the text says why."""


@dataclass(frozen=True)
class Placed:
    """What stands where; `ranges` are sizes of indices that no array shows."""

    scope: Scope
    ranges: Mapping[str, Extent] = field(default_factory=dict)
    biases: Mapping[Label | None, str] = field(default_factory=dict)  # label -> added, threshold
    units: str = "d"  # the letter of the units of a generic layer
    letters: Mapping[str, Index] = field(default_factory=dict)

    # ---------------------------------------------------------------- indices

    def over(self, *nodes: Node) -> Self:
        """With the free letters of the nodes as indices."""
        found = dict(self.letters)
        for name in dict.fromkeys(n for node in nodes for n in _free(node)):
            if name not in found:
                with suppress(NoTerm):
                    found[name] = self._index(name, nodes)
        return replace(self, letters=found)

    def _index(self, name: str, nodes: tuple[Node, ...], high: Node | None = None) -> Index:
        if isinstance(high, Num):
            return Index(self._base(name), int(high.value) + 1 - self.scope.profile.base)
        for node in nodes:
            for size in self._sizes(name, node):
                return SAMPLE if size == "sample" else Index(self._base(name), size)
        if isinstance(high, Size):
            return Index(self._base(name), self.extent(high))
        base = self._base(name)
        if base in self.ranges:
            return Index(base, self.ranges[base])
        if name == self.scope.sample:
            return SAMPLE
        raise NoTerm(f"the range of the index {name}")

    def _base(self, name: str) -> str:
        """The letter of the calculus for a written index."""
        letter, marks = name.rstrip("'"), name[len(name.rstrip("'")) :]
        back = {written: base for base, written in self.scope.profile.indices.items()}
        return back.get(letter, letter) + marks

    def _sizes(self, name: str, node: Node) -> Iterator[Extent]:
        """The sizes of the axes along which the letter stands, sums of its own left out."""
        if isinstance(node, Entry):
            if node.sample == Letter(name):
                yield "sample"
            shape = self._shape_of(node)
            places = self._ordered(node)
            if shape is not None and len(shape) == len(places):
                yield from (e for p, e in zip(places, shape, strict=True) if p == Letter(name))
        if isinstance(node, Total) and any(b.name == name for b in node.bounds):
            return
        for child in children(node):
            yield from self._sizes(name, child)

    def place(self, node: Node) -> Affine:
        """The place that an index expression writes, counted from 0."""
        made = self._affine(node)
        base = self.scope.profile.base
        return made - base * (1 - sum(c for _, c in made.terms))

    def _affine(self, node: Node) -> Affine:
        match node:
            case Num() if node.value.denominator == 1:
                return Affine(int(node.value))
            case Letter() if node.name in self.letters:
                return Affine.of(self.letters[node.name])
            case Minus():
                return self._affine(node.arg) * -1
            case Plus():
                made = Affine()
                for arg in node.args:
                    made = made + self._affine(arg)
                return made
            case Times() if isinstance(node.args[0], Num):
                made = self._affine(node.args[-1])
                return made * int(node.args[0].value)
        raise NoTerm("an index expression")

    # ---------------------------------------------------------------- arrays

    def tensor(self, node: Entry) -> Tensor:
        """The array of an entry; under a bar, that of the derivatives of the loss by it."""
        plain = self._plain_tensor(node)
        if not node.barred:
            return plain
        return Tensor(f"d{plain.letter}", "adjoint", plain.label, plain.batched)

    def _plain_tensor(self, node: Entry) -> Tensor:
        role, label = node.role, node.label
        if role == "own":
            return self._own(node)
        if role == "output":
            role, label = "activation", self.scope.last
        if role == "activation" and self._linear(label):
            role = "preactivation"
        first = Tensor(LETTERS["activation"], "activation", Label(0))
        if role == "activation" and label == Label(0) and first not in self.scope.shapes:
            role, label = "input", None
        if role in ("input", "target", "loss"):
            label = None
        found = [t for t in self.scope.shapes if t.role == role and t.label == label]
        same = [t for t in found if LETTERS.get(t.role) == t.letter]
        if same:
            return same[0]
        alike = [
            t for t in self.scope.shapes if t.letter == LETTERS[role] and t.label == label
        ]  # a layer's own W and b
        if alike:
            return alike[0]
        batched = role not in ("weight", "bias")
        return Tensor(LETTERS[role], role, label, batched)

    def _linear(self, label: Label | None) -> bool:
        """Whether the layer has no activation: it hands on its weighted sum."""
        roles = {t.role for t in self.scope.shapes if t.label == label and label is not None}
        return "preactivation" in roles and "activation" not in roles

    def _own(self, node: Entry) -> Tensor:
        for tensor in self.scope.shapes:
            if tensor.letter == node.letter and tensor.label == node.label:
                return tensor
        raise NoTerm(f"an array {node.letter} in layer {node.label}")

    def _shape_of(self, node: Entry) -> tuple[Extent, ...] | None:
        if node.role in ("loss", "objective"):
            return ()
        try:
            tensor = self.tensor(node)
        except NoTerm:
            return None
        if tensor.role == "input" and self._repeated:
            return (f"{self.units}^(0)",)  # the first of the repeated layers reads it
        known = self.scope.shapes.get(self._plain_tensor(node))
        if known is not None:
            return known
        if tensor.label is None or not (tensor.label.base or self._repeated):
            return None
        below, here = (f"{self.units}^({tensor.label.shifted(k)})" for k in (-1, 0))
        return (below, here) if node.role == "weight" else (here,)

    @property
    def _repeated(self) -> bool:
        """Whether a layer of the network stands for several."""
        return any(t.label == Label(0, "l") for t in self.scope.shapes)

    def _ordered(self, node: Entry) -> list[Node]:
        """The places in the order of the calculus."""
        places = list(node.places)
        if node.fixed is not None and len(places) == 2:
            places.pop(1 if self.scope.out_first else 0)
        elif node.role == "weight":
            shape = self._shape_of(node) or ()
            out_first = self.scope.out_first_of(node.label)
            places = in_order(places, shape, out_first, self.scope.profile.base)
        return places

    def ref(self, node: Entry, *at: Affine) -> Ref:
        """The entry at its places, or at those given."""
        node = self._as_bias(node)
        tensor = self.tensor(node)
        shape = self._shape_of(node)
        if at or node.form == "batch":
            return Ref(tensor, at)
        places = [self.place(p) for p in self._ordered(node)]
        if not places and shape and all(e == 1 for e in shape):
            places = [Affine() for _ in shape]
        front = (self._sample(node),) if tensor.batched else ()
        return Ref(tensor, (*front, *places))

    def _as_bias(self, node: Entry) -> Entry:
        """The weight from the fixed input, number 0, is the bias of its unit."""
        if node.role != "weight" or len(node.places) != 2 or self.scope.profile.base != 1:
            return node
        source, unit = self._ordered(node)
        if source != Num(Fraction(0)):
            return node
        return replace(node, role="bias", places=(unit,), fixed=None)

    def _sample(self, node: Entry) -> Affine:
        if node.sample is None:
            return Affine.of(SAMPLE)
        if isinstance(node.sample, Letter):
            return Affine.of(self.letters.get(node.sample.name, SAMPLE))
        return self.place(node.sample)

    def extent(self, node: Size) -> Extent:
        """The size as an extent."""
        if node.name:
            return node.name
        if node.label is None:
            return SAMPLE.size
        for tensor, shape in self.scope.shapes.items():
            if tensor.role == "preactivation" and tensor.label == node.label:
                return shape[0]
        if node.label == Label(0):
            return next(s[0] for t, s in self.scope.shapes.items() if t.role == "input")
        return f"{self.units}^({node.label})"


def _free(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[str]:
    """The letters of indices that no sum binds."""
    if isinstance(node, Letter) and node.name not in bound:
        yield node.name
    if isinstance(node, Total):
        bound |= {b.name for b in node.bounds}
    for child in children(node):
        yield from _free(child, bound)
