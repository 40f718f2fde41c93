"""The text of a sheet: limits, places, comments, and what is blanked out without moving a place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from derive.errors import SpecError, shown
from derive.reading.latex_tokens import Refused
from derive.sheets.sheet import Directive, Part

MOST_TEXT = 2_000_000  # characters of one file, and of all files together
MOST_FORMULAS = 20_000
DEEPEST_INPUT = 8
MOST_INPUTS = 200
Include = Callable[[str], str]
Placed = tuple[int, Part]

_DIRECTIVE = re.compile(r"\s*gradwright\s*:\s*(?P<said>.*?)\s*$", re.IGNORECASE | re.DOTALL)
_SAID = re.compile(r"(?P<name>[A-Za-z_]+)\s*(?:=\s*(?P<value>\"[^\"]*\"|[^\s,;]+))?")


@dataclass
class Source:
    """One file: its name, its text, and where its lines begin."""

    name: str
    text: str
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Check the limits once."""
        if len(self.text) > MOST_TEXT:
            raise Refused(
                f"{self.name}: found {len(self.text)} characters, expected at most {MOST_TEXT}"
            )
        if "\0" in self.text:
            raise Refused(f"{self.name}: found the character NUL, expected text")
        self.starts = [0, *(found.end() for found in re.finditer("\n", self.text))]

    def line(self, offset: int) -> int:
        """The number of the line of a character, from 1."""
        return bisect_right(self.starts, offset)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        line = self.line(offset)
        return line, offset - self.starts[line - 1] + 1

    def refused(self, offset: int, problem: str) -> Refused:
        """The stop at a character, with its line."""
        return Refused(f"{self.name}:{self.line(offset)}: {problem}")


def blank_all(text: str, stretches: list[tuple[int, int]]) -> str:
    """The text with stretches turned into spaces; the ends of lines stay."""
    pieces, at = [], 0
    for start, end in sorted(stretches):
        if end <= at:
            continue
        pieces += [text[at : max(start, at)], re.sub(r"[^\n]", " ", text[max(start, at) : end])]
        at = end
    return "".join([*pieces, text[at:]])


def directives(source: Source, offset: int, comment: str) -> list[Placed]:
    """What a comment says to the checker; nothing where it speaks of something else."""
    found = _DIRECTIVE.match(comment)
    if found is None:
        return []
    line = source.line(offset)
    return [
        (offset, Directive(source.name, m["name"].lower(), (m["value"] or "").strip('"'), line))
        for m in _SAID.finditer(found["said"])
    ]


def off_stretches(told: list[Placed], end: int) -> list[tuple[int, int]]:
    """The stretches between `off` and `on`; without `on` they reach to the end."""
    found: list[tuple[int, int]] = []
    opened: int | None = None
    for offset, part in sorted(told, key=lambda placed: placed[0]):
        assert isinstance(part, Directive)
        if part.name == "off" and opened is None:
            opened = offset
        elif part.name == "on" and opened is not None:
            found.append((opened, offset))
            opened = None
    return found if opened is None else [*found, (opened, end)]


def inside_folder(name: str) -> str:
    """The name of a file to read, which must stay below the folder of the sheet."""
    plain = name.strip().strip('"')
    parts = plain.split("/")
    outside = plain.startswith(("/", "~", "|")) or ".." in parts or ":" in plain or "\\" in plain
    if outside or not plain or any(c < " " for c in plain) or len(plain) > 200:
        raise SpecError(f"found the file {shown(name)}, expected one inside the folder")
    return plain
