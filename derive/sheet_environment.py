"""A sheet made ready for marking: the network, the notation, and every formula read in its scope."""

from __future__ import annotations

from dataclasses import dataclass

from derive.forward import forward
from derive.latex_macros import Macros
from derive.profiles import names as profile_names
from derive.profiles import profile
from derive.reading import Reading, read
from derive.reading_scope import Scope
from derive.sheet import Formula, Sheet
from derive.spec import Network, load

ANY = "n > d generic repeat=L : generic"  # the network of sheets that speak of none


@dataclass(frozen=True)
class Item:
    """A formula, the scope in which it is read, and what was read."""

    formula: Formula
    scope: Scope
    reading: Reading


@dataclass(frozen=True)
class Placed:
    """A sheet about a network, in a notation."""

    network: Network
    notation: str
    guessed: bool
    items: tuple[Item, ...]
    macros: Macros
    remarks: tuple[str, ...] = ()


def placed(sheet: Sheet, network: Network | None, notation: str | None) -> Placed:
    """The sheet with everything read."""
    about = load(ANY) if network is None else network
    passed = forward(about)
    threshold = any(getattr(s.layer, "bias", "") == "threshold" for s in passed.stages)

    def items(name: str) -> tuple[Item, ...]:
        scope = Scope(
            profile(name), passed.output.tensor.label, passed.shapes, threshold
        )
        return tuple(Item(f, scope, read(f.text, scope, sheet.macros)) for f in sheet.formulas)

    names = profile_names() if notation is None else (notation,)
    best = min(names, key=lambda name: sum(len(i.reading.problems) for i in items(name)))
    return Placed(about, best, notation is None, items(best), sheet.macros)
