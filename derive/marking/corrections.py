"""What a mark says of a claim that is not right: its slips, and how it should read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.marking.charity import Charity
from derive.marking.completion import Completion
from derive.marking.first_look import FAILS, Look
from derive.marking.verdicts import Slip
from derive.python_sheets.writing import (
    Unwritten,
    names_of,
    own_names,
    python_corrected,
    python_text,
)
from derive.reading.latex_macros import Macros
from derive.reading.scope import Scope
from derive.reading.tree import Applied, Entry, Function, Letter, Node, Total, Transposed, walk
from derive.rewriting.writing import Unwritable, corrected, latex
from derive.sheets.sheet import Formula
from derive.slips.diagnosis import Repair
from derive.writing.layout import Layout

Typeset = Callable[[Layout], str]
INPUT = Label(0)


@dataclass
class Finding:
    """What is known of one claim so far."""

    number: int
    claim: Claim
    formula: Formula
    scope: Scope
    look: Look
    convention: str = ""
    reconciling: str = ""  # a convention that the sheet does not keep to
    inherits: int | None = None
    charity: Charity | None = None
    ways: tuple[tuple[Repair, ...], ...] = ()
    follows: bool | None = None

    @property
    def fails(self) -> bool:
        """Whether no verdict was found so far."""
        return self.look.verdict == FAILS


@dataclass
class Corrections:
    """Writes slips and corrections in the signs of the sheet."""

    macros: Macros
    completion: Completion
    typeset: Typeset | None

    def slip(self, finding: Finding, kind: str, before: Node, after: Node | None) -> Slip:
        """What was found at a place, and what belongs there."""
        text = finding.formula.text
        start, end = before.span
        turned = any(isinstance(n, Transposed) and n.arg is before and n.span == before.span
                     for side in finding.claim.sides for n in walk(side))  # fmt: skip
        if turned and after is not None and finding.formula.language != "python":
            before, after = Transposed(before, span=before.span), Transposed(after)  # W^{(2)\top}
        try:
            if after is None:
                expected = ""
            elif finding.formula.language == "python":
                own = own_names(text, finding.claim)
                turned = any(isinstance(n, Transposed) and n.arg is before for n in own)
                expected = python_text(
                    Transposed(after) if turned else after,  # the name is that of columns
                    names_of(text),
                    finding.scope.last,
                    own,
                    sheet=finding.scope.own,
                )
            elif isinstance(after, Function):
                expected = latex(Applied(after, ()), finding.scope, self.macros)
            else:
                expected = corrected(text, before, after, finding.scope, self.macros)
        except (Unwritable, Unwritten, RecursionError, TypeError):
            expected = ""
        return Slip(kind, before.span, " ".join(text[start:end].split()), expected)

    def claim(self, finding: Finding, right: Claim) -> str:
        """The claim as it should be, the writer's text kept wherever it is right."""
        text, written = finding.formula.text, finding.claim
        pieces: list[tuple[int, int, str]] = []
        try:
            if finding.formula.language == "python":
                return python_corrected(
                    text, written, right, finding.scope.last, sheet=finding.scope.own
                )
            for before, after in ((written.lhs, right.lhs), (written.rhs, right.rhs)):
                if before is None or after is None or before == after:
                    continue
                new = corrected(text, before, after, finding.scope, self.macros)
                pieces.append((*before.span, new))
        except (Unwritable, Unwritten, RecursionError, TypeError):
            return ""
        return patched(text, written.span, pieces)

    def completed(self, finding: Finding) -> str:
        """The left side with the right side that the derivation gives."""
        claim, text = finding.claim, finding.formula.text
        lhs = claim.lhs
        if lhs is None or self.typeset is None:
            return ""
        layout = self.completion.written(lhs, finding.scope)
        if layout is None:
            return ""
        start, end = lhs.span
        return f"{text[start:end].strip()} = {self.typeset(layout)}"


def mended(finding: Finding, slips: Sequence[Slip]) -> str:
    """The claim with what is expected in the place of each slip; "" where that is not known."""
    if any(not slip.expected for slip in slips):
        return ""
    pieces = {slip.at: (*slip.at, slip.expected) for slip in slips}
    return patched(finding.formula.text, finding.claim.span, list(pieces.values()))


def patched(text: str, span: tuple[int, int], pieces: Sequence[tuple[int, int, str]]) -> str:
    """The stretch of the text with pieces put in; pieces before it stand in front."""
    start, end = span
    inside = [p for p in pieces if start <= p[0] and p[1] <= end]
    made, at = "", start
    for low, high, new in sorted(inside):
        made += text[at:low] + new
        at = high
    made += text[at:end]
    front = [new for low, high, new in pieces if (low, high, new) not in inside]
    return " ".join([*front, made.strip()])


def extra_relation(finding: Finding) -> Slip:
    """The sign of equality that stands where nothing should."""
    claim, text = finding.claim, finding.formula.text
    assert claim.lhs is not None
    assert claim.rhs is not None
    span = (claim.lhs.span[1], claim.rhs.span[0])
    return Slip("relation", span, text[slice(*span)].strip(), "")


def without_sample(finding: Finding) -> Slip | None:
    """The slip of a quantity that does not say its sample in a sum over the samples."""
    for total in (n for side in finding.claim.sides for n in walk(side) if isinstance(n, Total)):
        bound = {b.name for b in total.bounds if b.span != (0, 0)}
        for entry in walk(total.body):
            sample = entry.sample if isinstance(entry, Entry) else None
            if not isinstance(sample, Letter) or sample.span != (0, 0):
                continue  # written, not filled in
            if sample.name in bound and entry.span != (0, 0):
                text = finding.formula.text[slice(*entry.span)]
                return Slip("sample", entry.span, " ".join(text.split()), "")
    return None


def partly_labelled(finding: Finding) -> Slip | None:
    """The slip of a label that is left out where others are written."""
    claim, own = finding.claim, finding.scope.own
    entries = [n for side in claim.sides for n in walk(side) if isinstance(n, Entry)]
    letters = {Letter(name) for name in own.index_layers}  # that say the layer
    bare = {(b.role, b.label) for b in own.signs.values() if b.label is not None}
    missing = [
        e
        for e in entries
        if e.assumed and e.label != INPUT and not letters & set(e.places)  # x_i says what it is
    ]
    explicit = [
        e
        for e in entries
        if e.label is not None and not e.assumed and e.span != (0, 0)
        and (e.role, e.label) not in bare
    ]  # fmt: skip
    if not missing or not explicit:
        return None
    first = missing[0]
    text = finding.formula.text[slice(*first.span)]
    return Slip("layer", first.span, " ".join(text.split()), "")
