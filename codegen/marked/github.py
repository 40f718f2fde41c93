"""Marked sheets as annotations of a GitHub workflow: an error for each wrong claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codegen.marked.words import WORDS, facts, shown_text
from codegen.pages.plain import visible
from derive.marking.verdicts import DEFECT, INCOMPLETE, UNDECIDED, UNREADABLE, WRONG, Mark, Marked

LEVELS = {
    WRONG: "error",
    DEFECT: "warning",
    INCOMPLETE: "warning",
    UNDECIDED: "warning",
    UNREADABLE: "warning",
}


def github(marked: Marked) -> str:
    """One line for each claim that somebody must look at."""
    return "".join(f"{line}\n" for line in _lines(marked))


def _lines(marked: Marked) -> Iterator[str]:
    for mark in marked.marks:
        if mark.verdict in LEVELS:
            yield _annotation(mark, marked.marks)


def _annotation(mark: Mark, marks: Sequence[Mark]) -> str:
    file, line, column = mark.position
    last = mark.formula.position(max(mark.span[0], mark.span[1] - 1))
    places = [("file", file), ("line", line), ("endLine", last[1]), ("col", column)]
    if last[1] == line:  # GitHub takes columns on one line only
        places.append(("endColumn", last[2] + 1))
    places.append(("title", WORDS[mark.verdict]))
    said = [visible(shown_text(mark))]
    said += [f"{fact.label}: {visible(fact.text)}" for fact in facts(mark, marks)]
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in places)
    return f"::{LEVELS[mark.verdict]} {properties}::{_data(chr(10).join(said))}"


def _data(text: str) -> str:
    """What stands behind the colons: nothing in it begins another command.

    >>> _data("50%\\n::error::x")
    '50%25%0A::error::x'
    """
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A value before the colons.

    >>> _property("a:b,c")
    'a%3Ab%2Cc'
    """
    return _data(text).replace(":", "%3A").replace(",", "%2C")
