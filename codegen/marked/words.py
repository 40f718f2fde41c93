"""Marked sheets in words: what every report says of a verdict, and how much a reader may see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.marking.verdicts import (
    DEFECT,
    DEFINITION,
    INCOMPLETE,
    OUT_OF_SCOPE,
    RIGHT,
    RIGHT_IF,
    RIGHT_UNDER,
    UNDECIDED,
    UNREADABLE,
    VERDICTS,
    WRONG,
    Counterexample,
    Mark,
    Marked,
    Slip,
)
from derive.marking.words import OF_KIND
from derive.reading.tree import Span

#: What a report calls a verdict.
WORDS = {
    RIGHT: "right",
    RIGHT_IF: "right, if",
    RIGHT_UNDER: "right, as agreed",
    DEFECT: "defect",
    WRONG: "WRONG",
    DEFINITION: "definition",
    INCOMPLETE: "incomplete",
    OUT_OF_SCOPE: "not judged",
    UNDECIDED: "undecided",
    UNREADABLE: "unreadable",
}
#: The same in a sentence that counts: "2 right under a condition".
COUNTED = {
    **WORDS,
    RIGHT_IF: "right under a condition",
    RIGHT_UNDER: "right under a convention of the sheet",
    DEFECT: "right but for a defect",
    WRONG: "wrong",
    OUT_OF_SCOPE: "not about what can be checked",
}
#: What a slip of each kind is, said of what was written.
SLIPS = {
    "sign": "the sign of a term or factor",
    "factor": "a number is missing or too much",
    "transpose": "a transpose is missing or too much",
    "order": "the order of a matrix product",
    "hadamard": "an entrywise product for a matrix product, or the reverse",
    "index": "another index belongs here",
    "base": "a range is off by one",
    "layer": "the layer label is wrong or missing",
    "variable": "another quantity belongs here",
    "slope": "the slope of the activation is missing, too much or of a wrong form",
    "jacobian": "the Jacobian of softmax is reduced to its diagonal",
    "sum": "a sum is missing, too much or over the wrong index",
    "term": "a term is missing or too much",
    "entry": "an entry of a vector or matrix is repeated or wrong",
    "ascent": "a step up the gradient in place of down",
    "bias_sign": "the sign of a bias that is a threshold",
    "exponent_sign": "the sign of an exponent",
    "log": "a logarithm is dropped",
    "parentheses": "parentheses are missing or misplaced",
    "separator": "two equations run together",
    "relation": "the relation does not hold",
    "shape": "the shapes do not fit",
    "sharing": "the same weights are used at several places",
    "constant": "a constant is added or lost",
    "domain": "outside the range in which this holds",
    "sample": "the index or the number of samples",
}
#: Verdicts that say whether the claim holds.
JUDGED = (RIGHT, RIGHT_IF, RIGHT_UNDER, DEFECT, INCOMPLETE, WRONG)
#: Verdicts whose evidence would give an answer away.
ANSWERS = (WRONG, DEFECT, INCOMPLETE)
LEVELS = ("none", "place", "slip", "line")


def in_order(marked: Marked) -> Marked:
    """The marks as the claims stand in the sheet, those that could not be read among the others."""
    formulas: dict[int, int] = {}
    for mark in marked.marks:
        formulas.setdefault(id(mark.formula), len(formulas))
    order = sorted(
        range(len(marked.marks)),
        key=lambda k: (formulas[id(marked.marks[k].formula)], marked.marks[k].span[0]),
    )
    place = {old: new for new, old in enumerate(order)}
    marks = (marked.marks[k] for k in order)
    return replace(
        marked,
        marks=tuple(
            m if m.inherits is None else replace(m, inherits=place[m.inherits]) for m in marks
        ),
    )


# ------------------------------------------------------------------------------- how much is seen


def revealed(marked: Marked, level: str) -> Marked:
    """The marked sheet as a reader may see it.

    none: the verdicts alone.  place: also where a slip is and which line it comes from.  slip: also
    its kind and what stands there.  line: everything, with the corrected line and a counterexample.
    Why a formula cannot be read is always said.
    """
    if level not in LEVELS:
        raise ValueError(f"found the level {level!r}, expected one of {', '.join(LEVELS)}")
    if level == "line":
        return marked
    remarks = () if level == "none" else marked.remarks
    marks = tuple(_revealed(mark, level) for mark in marked.marks)
    return replace(marked, marks=marks, remarks=remarks)


def _revealed(mark: Mark, level: str) -> Mark:
    if mark.verdict == UNREADABLE:
        return mark
    if level == "none":
        return Mark(mark.formula, mark.span, mark.verdict, claim=mark.claim)
    if mark.verdict not in ANSWERS:
        return replace(mark, counterexample=None, corrected="")
    seen = level == "slip"
    slips = (
        Slip(slip.kind if seen else "", slip.at, slip.found if seen else "", "")
        for slip in mark.slips
    )
    return replace(
        mark, message="", slips=tuple(slips), counterexample=None, corrected="",
        conditions=mark.conditions if seen else (), convention=mark.convention if seen else None,
    )  # fmt: skip


# --------------------------------------------------------------------------------------- in words


@dataclass(frozen=True)
class Tex:
    """A formula as the sheet writes it, or would."""

    latex: str
    code: bool = False  # of a program: it is shown as it stands


@dataclass(frozen=True)
class Fact:
    """A line below a claim: what it is about, and words and formulas."""

    label: str
    parts: tuple[str | Tex, ...]
    claim: int | None = None  # the number of the claim that the words speak of

    @property
    def text(self) -> str:
        """The words, with the formulas as they are written."""
        return "".join(p.latex if isinstance(p, Tex) else p for p in self.parts)


def facts(mark: Mark, marks: Sequence[Mark]) -> list[Fact]:
    """What there is to say of a mark, in the order of a report; `marks` are those of the sheet."""
    made = [slip_fact(slip, glossed=not mark.message) for slip in mark.slips]
    if reason := _reason(mark):
        made.append(Fact("reason", (reason,)))
    if mark.inherits is not None and mark.inherits < len(marks):
        line = marks[mark.inherits].position[1]
        made.append(Fact("inherited", (f"carries on the slip of line {line}",), mark.inherits))
    if mark.conditions:
        made.append(Fact("if", ("; ".join(mark.conditions),)))
    if mark.convention:
        made.append(Fact("convention", (mark.convention,)))
    if mark.corrected:
        label = "complete" if mark.verdict == INCOMPLETE else "should be"
        made.append(Fact(label, (Tex(one_line(mark.corrected)),)))
    if mark.counterexample is not None:
        made.append(Fact("for example", tuple(_example(mark.counterexample))))
    if mark.follows is not None and mark.verdict == WRONG:
        verb = "follows" if mark.follows else "does not follow"
        made.append(Fact("step", (f"{verb} from the line before",)))
    return [_as_code(fact) for fact in made] if mark.formula.language == "python" else made


def _as_code(fact: Fact) -> Fact:
    parts = (replace(p, code=True) if isinstance(p, Tex) else p for p in fact.parts)
    return replace(fact, parts=tuple(parts))


_COUNTED = re.compile(r"^character \d+: ")


def _reason(mark: Mark) -> str:
    """The parts of the message that say more than the other facts."""
    head, _, rest = (
        mark.message.partition(": ") if mark.verdict == DEFECT else ("", "", mark.message)
    )
    if mark.verdict == UNREADABLE and "\n" in mark.formula.text:
        rest = _COUNTED.sub("", rest)  # of all rows together; the line says where it is
    parts = [head, *rest.split("; ")]
    return "; ".join(part for part in parts if part and not _is_said(mark, part))


def _is_said(mark: Mark, part: str) -> bool:
    """Whether another fact says what a part of the message says."""
    if mark.inherits is not None and part.startswith("carries on"):
        return True
    if any(part.startswith(f"{OF_KIND.get(slip.kind, slip.kind)}:") for slip in mark.slips):
        return True
    known = [*mark.conditions, *([mark.convention] if mark.convention else [])]
    return part.startswith("right ") and any(words in part for words in known)


def _example(example: Counterexample) -> Iterator[str | Tex]:
    """`str(example)` with its formulas as such."""
    before = ""
    if example.network:
        yield example.network
        before = "; "
    for pairs in (example.at, example.given):
        for name, value in pairs:
            yield before
            yield Tex(name)
            yield f" = {value}"
            before = ", "
        before = "; " if before else ""
    yield f": left {example.lhs}, right {example.rhs}".removeprefix("" if before else ": ")


def slip_fact(slip: Slip, *, glossed: bool = True) -> Fact:
    """A slip in words; `glossed` where nothing else explains its kind."""
    if not slip.kind:
        return Fact("slip", ("in the marked part",))
    parts: list[str | Tex] = [slip.kind.replace("_", " ")]
    if glossed and slip.kind in SLIPS:
        parts.append(f": {SLIPS[slip.kind]}")
    for word, latex in (("found", slip.found), ("expected", slip.expected)):
        if latex.strip():
            parts += [f"{', ' if len(parts) > 1 else ': '}{word} ", Tex(one_line(latex))]
    return Fact("slip", tuple(parts))


def one_line(latex: str) -> str:
    """A formula as written, on one line, without the marks of alignment around it."""
    text = " ".join(latex.replace("\n", " ").split())
    while text.startswith(("&", ",")) or text.endswith(("&", "\\\\", ",")):
        text = text.removeprefix("&").removeprefix(",").strip()
        text = text.removesuffix("&").removesuffix("\\\\").removesuffix(",").strip()
    return text


def shown_span(mark: Mark) -> Span:
    """What a report shows of the formula: the claim; of what cannot be read, the whole row."""
    start, end = mark.span
    if mark.verdict != UNREADABLE:
        return start, end
    text = mark.formula.text
    row = text.rfind("\\\\", 0, start)
    after = text.find("\\\\", start)
    return (0 if row < 0 else row + 2), (len(text) if after < 0 else after)


def shown_text(mark: Mark) -> str:
    """The same as text."""
    start, end = shown_span(mark)
    return mark.formula.text[start:end].strip()


def wrong_places(mark: Mark) -> list[Span]:
    """What is marked in the formula: the slips, or where the reading stopped."""
    if mark.verdict == UNREADABLE:
        return [(mark.span[0], mark.span[0] + 1)] if mark.span[0] else []
    return [slip.at for slip in mark.slips]


def heading(marked: Marked, file: str) -> str:
    """What was checked against what."""
    against = f" against {marked.spec}" if marked.spec else ""
    guessed = ", guessed" if marked.guessed else ""
    return f"{file}{against} (notation {marked.notation}{guessed})"


def summary(marked: Marked) -> str:
    """How many claims have which verdict, the worst first.

    >>> summary(Marked(None, "units", True, ()))
    'no claims'
    """
    total = len(marked.marks)
    if not total:
        return "no claims"
    counts = {v: marked.count(v) for v in reversed(VERDICTS)}
    words = ", ".join(f"{count} {COUNTED[v]}" for v, count in counts.items() if count)
    return f"{total} claim{'s' if total > 1 else ''}: {words}"


# ---------------------------------------------------------------------------------- the exit code


@dataclass(frozen=True)
class Demands:
    """What a sheet must reach for the answer to be yes."""

    strict: bool = False
    at_least: int = 0

    def met(self, sheets: Sequence[Marked]) -> bool:
        """Whether no claim is wrong, and everything else that is demanded holds."""
        return not any(sheet.count(WRONG) for sheet in sheets) and not self.unmet(sheets)

    def unmet(self, sheets: Sequence[Marked]) -> list[str]:
        """What is demanded beyond that no claim is wrong, and does not hold."""
        made = []
        if self.strict:
            counts = {v: sum(sheet.count(v) for sheet in sheets) for v in (UNREADABLE, UNDECIDED)}
            made += [
                f"--strict: found {c} {COUNTED[v]}, expected 0" for v, c in counts.items() if c
            ]
        checked = sum(sheet.count(*JUDGED) for sheet in sheets)
        if checked < self.at_least:
            made.append(f"--min-checked: found {checked}, expected at least {self.at_least}")
        return made


def is_read(marked: Marked) -> bool:
    """Whether at least one claim of the sheet was read."""
    return len(marked.marks) > marked.count(UNREADABLE)
