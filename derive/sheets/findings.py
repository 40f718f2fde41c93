"""What is found in a sheet, whatever the notation: statements, forward equations, words, names."""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.reading.latex_macros import Macros
from derive.sheets.forward import Forward, backward, forwards, named_functions, without_sample
from derive.sheets.layers import Layering, layers_below
from derive.sheets.legend import Said, legend
from derive.sheets.samples import sample_letter
from derive.sheets.sheet import Formula, Part
from derive.sheets.statements import (
    EQUALS,
    Statement,
    Written,
    all_names,
    names_in,
    number_of,
    only_name,
    statements,
    unsampled,
)
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
    sample: str = ""  # the letter that counts the samples
    functions: dict[Sign, str] = field(default_factory=dict)  # f(z) = tanh(z)
    layering: Layering = field(default_factory=Layering)

    @property
    def parameters(self) -> frozenset[Sign]:
        """The signs of weights and biases."""
        roles = self.layering.roles.items()
        return frozenset(key[0] for key, (role, _) in roles if role in ("weight", "bias"))

    @property
    def depth(self) -> int:
        """The number of layers that the forward equations number themselves."""
        found = [k for _, k in self.layering.roles.values() if k is not None]
        stated = [number_of(f.affine.weight, self.below) for f in self.forwards if f.affine]
        return max([*found, *(k for k in stated if k is not None)], default=0)


def signs_of(
    parts: tuple[Part, ...],
    macros: Macros,
    sample: str = "",
    bare: bool = False,
    extended: bool = False,
    outputs: frozenset[str] = frozenset(),
) -> Signs:
    """Look through the parts of a sheet, or of a section.

    `sample`: the letter that counts the samples, where it is known; `bare`: it stands above a sign
    without parentheses; `extended`: x with an accent is x with an entry 1 more;
    `outputs`: what the network calls the number of its outputs, which is no number of samples.
    """
    formulas = [p for p in parts if isinstance(p, Formula) and p.language == "latex"]
    made = [s for f in formulas for s in statements(f, macros)]
    sample = sample or sample_letter(made, outputs)
    every = [without_sample(f, sample, bare) for f in forwards(made)]
    derived = backward(made)
    found = [f for f in every if f.lhs.sign not in derived]
    found = [f.unextended for f in found] if extended else found
    names = [unsampled(name, sample, bare) for name in all_names(made)]
    signs = Signs(made, found, legend(parts, macros), names, layers_below(every), sample)
    signs.functions.update(named_functions(made))
    signs.layering.run(found, signs.below, _computed(made))
    return signs


def _computed(made: list[Statement]) -> set[Key]:
    """The signs for which the sheet has a formula: no inputs."""
    found: set[Key] = set()
    for statement in made:
        lhs = only_name(statement.members[0])
        formula = len(statement.members) > 1 and len(names_in(statement.members[1])) > 1
        if lhs is not None and formula and statement.relations[0] in EQUALS and not lhs.above:
            found.add(lhs.key)
    return found
