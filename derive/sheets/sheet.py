"""A sheet: the formulas of a file, with the prose between them, each at its place."""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.reading.latex_macros import Macros


@dataclass(frozen=True)
class Changes:
    """Python: names whose values change in the sheet, as they are at one statement."""

    before: tuple[tuple[str, str], ...] = ()  # what they stand for in it
    after: tuple[tuple[str, str], ...] = ()  # ... and behind it, of those that it changes
    unfinished: tuple[str, ...] = ()  # those whose value a later statement goes on with


@dataclass(frozen=True)
class Formula:
    """One formula of the file; `text` is its source without the delimiters around it."""

    file: str
    text: str
    line: int = 1  # of the first character of `text`, from 1
    column: int = 1
    start: int = 0  # of the first character of `text` in the file
    display: bool = True  # False: mathematics inside a line of prose
    environment: str = ""  # equation, align, $$, ...
    label: str = ""  # \label or \tag of the whole formula
    language: str = "latex"  # or "python"
    problem: str = ""  # why the frame itself is broken: an opening that nothing closes
    changes: Changes = Changes()

    def position(self, offset: int) -> tuple[str, int, int]:
        """File, line and column of a character of `text`."""
        before = self.text[:offset]
        rows = before.count("\n")
        column = len(before) - (before.rfind("\n") + 1) + 1
        return self.file, self.line + rows, column if rows else self.column + column - 1


@dataclass(frozen=True)
class Prose:
    """Words between formulas."""

    file: str
    text: str
    line: int = 1


@dataclass(frozen=True)
class Heading:
    """The title of a section."""

    file: str
    text: str
    line: int = 1


@dataclass(frozen=True)
class Directive:
    """A comment to the checker: `% gradwright: notation=units`, `off`, `on`."""

    file: str
    name: str
    value: str
    line: int = 1


Part = Formula | Prose | Heading | Directive


@dataclass(frozen=True)
class Sheet:
    """The parts of a file in order; what stands between `off` and `on` is left out."""

    file: str
    parts: tuple[Part, ...]
    macros: Macros = field(default_factory=Macros)

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The displayed formulas."""
        return tuple(p for p in self.parts if isinstance(p, Formula) and p.display)
