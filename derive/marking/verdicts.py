"""The result of marking a sheet: one mark for every claim."""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.claims.claim import Claim
from derive.reading.latex_macros import Macros
from derive.reading.tree import Span
from derive.sheets.sheet import Formula

RIGHT = "RIGHT"
RIGHT_IF = "RIGHT_IF"  # under the conditions named
RIGHT_UNDER = "RIGHT_UNDER"  # under a convention of the sheet's own
DEFECT = "DEFECT"  # right under exactly one charitable reading
WRONG = "WRONG"
DEFINITION = "DEFINITION"
INCOMPLETE = "INCOMPLETE"
OUT_OF_SCOPE = "OUT_OF_SCOPE"
UNDECIDED = "UNDECIDED"
UNREADABLE = "UNREADABLE"

#: From the best to the worst: a formula of several claims has the worst verdict of them.
VERDICTS = (
    RIGHT, DEFINITION, OUT_OF_SCOPE, RIGHT_IF, RIGHT_UNDER, INCOMPLETE, UNDECIDED, DEFECT,
    UNREADABLE, WRONG,
)  # fmt: skip

#: The kinds of slips (design of the checker), in the words of the report.
KINDS = (
    "sign", "factor", "transpose", "order", "hadamard", "index", "base", "layer", "variable",
    "slope", "jacobian", "sum", "term", "entry", "ascent", "bias_sign", "exponent_sign", "log",
    "parentheses", "separator", "relation", "shape", "sharing", "constant", "domain", "sample",
)  # fmt: skip


@dataclass(frozen=True)
class Slip:
    """One edit that is missing between what was written and what is right."""

    kind: str  # one of KINDS
    at: Span  # in the text of the formula (Formula.text)
    found: str  # as written; "" where something is missing
    expected: str  # in the writer's notation; "" where something is too much


@dataclass(frozen=True)
class Counterexample:
    """The smallest network found on which both sides differ, with its numbers."""

    network: str  # "2 > 2 tanh > 1 sigmoid : squared_error"
    at: tuple[
        tuple[str, int], ...
    ]  # letters of indices, layer and sample, as the sheet writes them
    given: tuple[tuple[str, str], ...]  # quantity as the sheet writes it -> its number
    lhs: str
    rhs: str

    def __str__(self) -> str:
        """One line of plain text."""
        places = ", ".join(f"{name} = {value}" for name, value in self.at)
        given = ", ".join(f"{name} = {value}" for name, value in self.given)
        where = "; ".join(part for part in (self.network, places, given) if part)
        return f"{where}: left {self.lhs}, right {self.rhs}"


@dataclass(frozen=True)
class Mark:
    """The verdict on one claim, with its evidence."""

    formula: Formula
    span: Span  # of the claim in formula.text
    verdict: str
    message: str = ""
    claim: Claim | None = None  # None where nothing could be read
    slips: tuple[Slip, ...] = ()
    inherits: int | None = None  # the number of the mark whose slip is carried on
    follows: bool | None = None  # whether it follows from the line before; None: no line before
    conditions: tuple[str, ...] = ()
    convention: str | None = None
    counterexample: Counterexample | None = None
    corrected: str = ""  # the claim in the writer's notation as it should be

    @property
    def text(self) -> str:
        """The claim as written."""
        return self.formula.text[self.span[0] : self.span[1]]

    @property
    def position(self) -> tuple[str, int, int]:
        """File, line and column (from 1) of the claim."""
        return self.formula.position(self.span[0])


@dataclass(frozen=True)
class Marked:
    """A marked sheet."""

    spec: str | None  # the name of the network, None for lemmas alone
    notation: str
    guessed: bool  # whether nobody said which notation it is
    marks: tuple[Mark, ...]
    remarks: tuple[str, ...] = ()  # on the sheet as a whole: conventions taken, clashes of symbols
    macros: Macros = field(default_factory=Macros, compare=False)  # of the sheet

    def count(self, *verdicts: str) -> int:
        """The number of marks with one of the verdicts."""
        return sum(mark.verdict in verdicts for mark in self.marks)
