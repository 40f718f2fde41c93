"""The equations of five lecture notes, marked: what is right, what is wrong, and why.

The sheets hold equations only, each with the number that an inventory of the notes gave it.
"""

from __future__ import annotations

from functools import cache

from codegen import examples
from codegen.commands.checking import check_hand
from codegen.commands.hands import Hand
from codegen.marked.markdown import markdown
from derive.marking.verdicts import Marked
from derive.sheets.door import read_sheet
from derive.sheets.sheet import Heading

_HEAD = """# Five lecture notes, marked

The equations of the five lecture notes from which this project grew, as `gradwright check` sees
them: each against a network that fits it, in the notation of its notes.  Lines that are right are
listed by their numbers; of every other line there is the verdict, what slipped, how it should read,
and the smallest counterexample found.

Made by `python -m codegen.lecture_notes`; tests make it anew.
"""


def names() -> tuple[str, ...]:
    """The sheets, in the order of the notes."""
    return tuple(sorted(examples.lecture_notes(), key=_order))


def sheet(name: str) -> Hand:
    """A sheet by its name."""
    text = examples.lecture_note(name)
    return Hand(read_sheet(text, f"{name}.tex", "tex"), text=text)


@cache
def marked(name: str) -> Marked:
    """The sheet with its marks."""
    return check_hand(sheet(name), None, None)


def section(name: str) -> str:
    """One sheet in Markdown."""
    return markdown([(_title(name), marked(name))])


def report() -> str:
    """All sheets as one Markdown page."""
    return "\n".join([_HEAD, *map(section, names())])


def _title(name: str) -> str:
    """The heading of the sheet."""
    headings = [p.text for p in sheet(name).sheet.parts if isinstance(p, Heading)]
    return headings[0] if headings else name


def _order(name: str) -> tuple[int, str]:
    notes = ("signals", "neurons", "columns", "units", "named_layers")
    first = next((k for k, note in enumerate(notes) if name.startswith(note)), len(notes))
    return first, name


if __name__ == "__main__":
    print(report(), end="")
