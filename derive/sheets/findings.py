"""What is found in a sheet, whatever the notation: statements, forward equations, words, names."""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.reading.latex_macros import Macros
from derive.sheets.forward import Forward, forwards
from derive.sheets.layers import Layering, layers_below
from derive.sheets.legend import Said, legend
from derive.sheets.sheet import Formula, Part
from derive.sheets.statements import Statement, Written, all_names, statements
from derive.writing.signs import Sign

Key = tuple[Sign, str]


@dataclass
class Signs:
    """Everything that the sheet says of its signs, whatever the notation."""

    statements: list[Statement]
    forwards: list[Forward]
    said: list[Said]
    names: list[Written]
    below: bool
    layering: Layering = field(default_factory=Layering)

    @property
    def depth(self) -> int:
        """The number of layers that the forward equations number themselves."""
        return max((k for _, k in self.layering.roles.values() if k is not None), default=0)


def signs_of(parts: tuple[Part, ...], macros: Macros) -> Signs:
    """Look through the parts of a sheet, or of a section."""
    formulas = [p for p in parts if isinstance(p, Formula) and p.language == "latex"]
    made = [s for f in formulas for s in statements(f, macros)]
    found = forwards(made)
    signs = Signs(made, found, legend(parts, macros), all_names(made), layers_below(found))
    signs.layering.run(found, signs.below)
    return signs
