"""A marked sheet for a terminal: line, verdict, the formula as written, and what there is to say.

The lines are made of pieces with a style each; where nobody looks at a terminal the styles go.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from codegen.marked.words import WORDS, Fact, Tex, facts, heading, shown_span, summary, wrong_places
from codegen.pages.plain import visible
from derive.marking.verdicts import (
    DEFECT,
    INCOMPLETE,
    RIGHT,
    RIGHT_IF,
    RIGHT_UNDER,
    UNDECIDED,
    UNREADABLE,
    WRONG,
    Mark,
    Marked,
)

WIDTH = 96
NARROWEST = 44
STYLES = {
    RIGHT: "green",
    RIGHT_IF: "green",
    RIGHT_UNDER: "green",
    WRONG: "bold red",
    DEFECT: "yellow",
    INCOMPLETE: "yellow",
    UNDECIDED: "yellow",
    UNREADABLE: "magenta",
}
_VERDICT = max(map(len, WORDS.values()))
_LABEL = 13  # of a fact, with the space behind it
_NARROW = 64  # columns, below which the formula stands under its verdict


@dataclass(frozen=True)
class Piece:
    """Words in a style; "" is none."""

    words: str
    style: str = ""


Line = tuple[Piece, ...]


def terminal(marked: Marked, file: str, width: int = WIDTH) -> str:
    """The report as plain text."""
    return "".join(f"{plain(line)}\n" for line in lines(marked, file, width))


def plain(line: Line) -> str:
    """A line without its styles."""
    return "".join(piece.words for piece in line).rstrip()


def lines(marked: Marked, file: str, width: int = WIDTH) -> Iterator[Line]:
    """The report line by line."""
    width = max(width, NARROWEST)
    yield from _filled(visible(heading(marked, file)), width, 0, "bold")
    for remark in marked.remarks:
        yield from _filled(visible(remark), width, 2)
    yield ()
    digits = max((len(str(m.position[1])) for m in marked.marks), default=1)
    for mark in marked.marks:
        yield from _mark(mark, marked.marks, file, width, digits)
    if marked.marks and not facts(marked.marks[-1], marked.marks):
        yield ()
    yield from _filled(summary(marked), width, 0, "bold red" if marked.count(WRONG) else "bold")


def _mark(mark: Mark, marks: Sequence[Mark], file: str, width: int, digits: int) -> Iterator[Line]:
    """A claim with its verdict, and below it what there is to say."""
    where, number, _ = mark.position
    place = f"{number:>{max(digits, 4)}}  "
    if where != file:  # from a file that the sheet takes in
        yield (Piece(f"{visible(where)}:", "dim"),)
    verdict = Piece(f"{WORDS[mark.verdict]:{_VERDICT}}", STYLES.get(mark.verdict, ""))
    beside = width >= _NARROW
    indent = len(place) + (_VERDICT + 2 if beside else 0)
    written = list(_written(mark, width - indent))
    if beside:
        first, *rest = written
        yield Piece(place, "dim"), verdict, Piece("  "), *first
    else:
        yield Piece(place, "dim"), verdict
        rest = written
    for line in rest:
        yield Piece(" " * indent), *line
    said = facts(mark, marks)
    for fact in said:
        yield from _fact(fact, width, indent)
    if said:
        yield ()


def _written(mark: Mark, room: int) -> Iterator[Line]:
    """The source of a claim in lines that fit, with carets below a slip."""
    text, start = _flat(mark)
    slips = [(a - start, b - start) for a, b in wrong_places(mark)]
    marked = [any(a <= k < max(b, a + 1) for a, b in slips) for k in range(len(text) + 1)]
    for begin, end in _cuts(text, room):
        yield (Piece(visible(text[begin:end])),)
        under = "".join("^" if m else " " for m in marked[begin:end]).rstrip()
        if under:
            yield (Piece(under, "bold red"),)


def _flat(mark: Mark) -> tuple[str, int]:
    """The text of a claim with one space for every end of a line, and where it begins."""
    start, stop = shown_span(mark)
    text = mark.formula.text[start:stop]
    cut = len(text) - len(text.lstrip(" &\n\t"))
    end = len(text.rstrip(" &\n\t"))
    return "".join(" " if c in "\n\r\t" else c for c in text[cut:end]), start + cut


def _cuts(text: str, room: int) -> Iterator[tuple[int, int]]:
    """Pieces of at most so many characters, cut at spaces where there are some."""
    begin = 0
    while len(text) - begin > room:
        end = text.rfind(" ", begin + room // 2, begin + room)
        end = begin + room if end < 0 else end + 1
        yield begin, end
        begin = end
    yield begin, len(text)


def _fact(fact: Fact, width: int, indent: int) -> Iterator[Line]:
    """A label and words beside it; a formula is not broken, so that it can be copied."""
    label = Piece(f"{fact.label:{_LABEL}}", "dim")
    text = visible(fact.text)
    kept = text.replace(" = ", "\u00a0=\u00a0")  # "j = 1" stays on one line
    if len(fact.parts) == 1 and isinstance(fact.parts[0], Tex):
        yield Piece(" " * indent), label, Piece(text, "green")
        return
    room = max(width - indent - _LABEL, 20)
    pieces = textwrap.wrap(kept, room, break_on_hyphens=False) or [""]
    for k, piece in enumerate(each.replace("\u00a0", " ") for each in pieces):
        yield Piece(" " * indent), label if k == 0 else Piece(" " * _LABEL), Piece(piece)


def _filled(words: str, width: int, indent: int, style: str = "") -> Iterator[Line]:
    """A paragraph; an unfinished line is not broken inside a word."""
    space = " " * indent
    for line in textwrap.wrap(words, width, initial_indent=space, subsequent_indent=space):
        yield (Piece(line, style),)


def show(made: Iterable[Line]) -> None:
    """Print lines: with colours on a terminal, else as plain text."""
    import sys

    if not sys.stdout.isatty():
        for line in made:
            print(plain(line))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line in made:
        console.print(Text.assemble(*((piece.words, piece.style) for piece in line)))
