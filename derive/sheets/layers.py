"""Layers of a sheet that number themselves: from the input on, along the forward equations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from derive.sheets.forward import Forward
from derive.sheets.statements import Written, labelled, number_of
from derive.sheets.weighted_sums import Affine
from derive.writing.signs import Sign


@dataclass
class Layering:
    """The layers of signs that do not say them, from the input on."""

    roles: dict[tuple[Sign, str], tuple[str, int | None]] = field(default_factory=dict)
    functions: dict[Sign, str] = field(default_factory=dict)
    stated: set[tuple[Sign, str]] = field(
        default_factory=set
    )  # beside a weight that says its layer

    def run(
        self, found: list[Forward], below: bool, computed: Collection[tuple[Sign, str]] = ()
    ) -> None:
        """Number the layers along the equations; what is computed is no input."""
        made = {f.lhs.key for f in found} | set(computed)
        self._labelled_roles(found, below)
        self._any_layer(found, below)
        for _ in range(len(found) + 1):
            before = len(self.roles)
            for forward in found:
                self._follow(forward, made, below)
            if len(self.roles) == before:
                break
        for forward in found:  # layers of one kind above each other: roles without a number
            self._generic(forward, below)

    def _any_layer(self, found: list[Forward], below: bool) -> None:
        """a_j = sum_i w_ji z_i and z_j = h(a_j) speak of any layer: their signs have no number."""
        affine = [f for f in found if f.affine is not None and not labelled(f.lhs, below)]
        steps = {(f.affine.below.key, f.lhs.key) for f in affine if f.affine is not None}
        for f in found:
            told = f.arg is None or labelled(f.lhs, below) or labelled(f.arg, below)
            if f.arg is not None and not told and (f.lhs.key, f.arg.key) in steps:
                self._put(f.lhs, "activation", None)
                self._put(f.arg, "preactivation", None)

    def _generic(self, f: Forward, below: bool) -> None:
        self._put(f.lhs, "activation" if f.function else "preactivation", None)
        if f.affine is not None:
            self._parameters(f.affine, None, below)
            self._put(f.affine.below, "activation", None)
        if f.arg is not None:
            self._put(f.arg, "preactivation", None)

    def _labelled_roles(self, found: list[Forward], below: bool) -> None:
        for f in found:
            if f.letter is not None:
                self.functions.setdefault(f.letter, f.function)
            role = "activation" if f.function else "preactivation"
            if labelled(f.lhs, below):
                self._put(f.lhs, role, None)
            if f.affine is not None:
                self._parameters(f.affine, None, below, only_labelled=True)
            if f.arg is not None and labelled(f.arg, below):
                self._put(f.arg, "preactivation", None)

    def _follow(self, f: Forward, made: set[tuple[Sign, str]], below: bool) -> None:
        layer: int | None = None
        if f.affine is not None:
            under = f.affine.below
            known = self.roles.get(under.key)
            if known is None and under.key not in made and not labelled(under, below):
                self._put(under, "input", 0)
                known = ("input", 0)
            layer = number_of(under, below) if labelled(under, below) else known and known[1]
            layer = None if layer is None else layer + 1
            stated = number_of(f.affine.weight, below)
            layer = stated if stated is not None else layer
            if stated is not None and not labelled(f.lhs, below):
                self.stated.add(f.lhs.key)
            if layer is not None:
                names = (f.lhs, f.affine.weight, f.affine.bias)  # one label tells: all have them
                some = any(n is not None and labelled(n, below) for n in names)
                self._parameters(f.affine, layer, below, only_labelled=some)
        elif f.arg is not None:
            known = self.roles.get(f.arg.key)
            layer = number_of(f.arg, below) if labelled(f.arg, below) else known and known[1]
        if layer is not None and not labelled(f.lhs, below):
            self._put(f.lhs, "activation" if f.function else "preactivation", layer)

    def _parameters(
        self, affine: Affine, layer: int | None, below: bool, only_labelled: bool = False
    ) -> None:
        for name, role in ((affine.weight, "weight"), (affine.bias, "bias")):
            if name is None:
                continue
            if labelled(name, below):
                self._put(name, role, None)
            elif not only_labelled:
                self._put(name, role, layer)

    def _put(self, name: Written, role: str, layer: int | None) -> None:
        self.roles.setdefault(name.key, (role, layer))


def layers_below(found: list[Forward]) -> bool:
    """Whether a lone number below is the layer: some whole weight matrix is written W_1."""
    weights = [f.affine.weight for f in found if f.affine is not None]
    return any(map(_numbered_alike, found)) or any(
        (w.below.isdigit() or w.below in ("l", r"\ell", "L"))
        and len(w.below) <= 4
        and not w.number
        and (w.sign.letter[:1].isupper() or w.sign.style == "bold" or w.sign.letter == "theta")
        for w in weights
    )


def _numbered_alike(f: Forward) -> bool:
    """z_2 = w_2 a_1 + b_2: one product, whose number is that of everything but what it takes."""
    if f.affine is None or f.affine.weight.above or not f.affine.weight.below.isdigit():
        return False
    number, bias = f.affine.weight.below, f.affine.bias
    same = f.lhs.below == number and (bias is None or bias.below == number)
    return same and f.affine.below.below != number
