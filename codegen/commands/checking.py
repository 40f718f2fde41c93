"""`gradwright check`: hand derivations read, marked, and reported in the wanted formats."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from codegen.commands import files
from codegen.commands.hands import Hand, parted, read_hand
from codegen.commands.progress import tracked
from codegen.commands.sources import Source, read_source
from codegen.marked.github import github
from codegen.marked.html import html
from codegen.marked.json import to_json
from codegen.marked.markdown import markdown
from codegen.marked.terminal import WIDTH, lines, show, terminal
from codegen.marked.words import LEVELS, in_order, is_read, revealed
from codegen.pages.latex_math import formula
from derive.errors import SpecError, listed, shown, suggestion
from derive.marking import marker
from derive.marking.judging import spelled
from derive.marking.verdicts import Marked
from derive.writing.layout import Layout

FORMATS = ("text", "html", "md", "json", "github")
_SUFFIX = {"html": ".html", "md": ".md", "json": ".json"}  # of those that go to files

Sheets = Sequence[tuple[str, Marked]]


def check_files(arguments: Sequence[str], notation: str | None = None) -> list[tuple[str, Marked]]:
    """The marked sheets that the arguments SPEC and HAND name, each with its name.

    A sheet of which nothing could be read is refused.
    """
    spec, names = parted(arguments)
    source = None if spec is None else read_source(spec)
    hands = [read_hand(name) for name in names]
    made = [
        (hand.sheet.file, check_hand(hand, source, notation))
        for hand in tracked(hands, lambda hand: hand.sheet.file)
    ]
    empty = [_unread(name, marked) for name, marked in made if not is_read(marked)]
    if empty:
        raise SpecError(*empty)
    return made


def check_hand(hand: Hand, source: Source | None, notation: str | None) -> Marked:
    """A sheet held against the network that is given, or that the sheet itself names."""
    found = source or hand.network()
    network = None if found is None else found.network
    marked = marker.mark(hand.sheet, network, notation, typeset=_latex)
    in_one_line = found is not None and found.label == "spec"
    spec = spelled(found.network) if found is not None and in_one_line else marked.spec
    return replace(in_order(marked), spec=spec, macros=hand.sheet.macros)


def _latex(layout: Layout) -> str:
    return formula(layout, plain=True)


def _unread(name: str, marked: Marked) -> str:
    """Why there is nothing to report."""
    if not marked.marks:
        wanted = "assignments or equations" if name.endswith(".py") else "displayed equations"
        return f"{name}: found no formula that says anything, expected {wanted}"
    first = marked.marks[0]
    line = first.position[1]
    count = len(marked.marks)
    none = "the formula cannot" if count == 1 else f"none of {count} formulas can"
    return f"{name}:{line}: {none} be read; {first.message}"


# ----------------------------------------------------------------------------------- the formats


def chosen_formats(text: str | None, json: bool) -> tuple[str, ...]:
    """The formats that are wanted: text where nothing is said."""
    words = [part.strip() for part in text.split(",")] if text is not None else []
    words += ["json"] if json else []
    for word in words:
        if word not in FORMATS:
            expected = listed(FORMATS) + suggestion(word, FORMATS)
            raise SpecError(f"--format: found {shown(word)}, expected {expected}")
    return tuple(dict.fromkeys(words or ["text"]))


def check_level(level: str) -> None:
    """Refuse a level of --reveal that does not exist."""
    if level not in LEVELS:
        hint = listed(LEVELS) + suggestion(level, LEVELS)
        raise SpecError(f"--reveal: found {shown(level)}, expected {hint}")


def destinations(formats: Sequence[str], output: Path | None) -> dict[str, Path | None]:
    """Where each format goes: a single one to FILE, several to FILE with their own endings.

    Beside others, text and annotations are printed.  Without FILE everything is printed.
    """
    if output is None or str(output) == "-":
        if "html" in formats and len(formats) > 1:
            raise SpecError("--output: found nothing, html beside other formats needs a file")
        return dict.fromkeys(formats)
    if len(formats) == 1:
        return {formats[0]: output}
    return {
        name: output.with_suffix(_SUFFIX[name]) if name in _SUFFIX else None for name in formats
    }


def report(
    sheets: Sheets, places: dict[str, Path | None], level: str = "line", *, force: bool = False
) -> list[Path]:
    """Print and write every format; the files that were written."""
    seen = [(name, revealed(marked, level)) for name, marked in sheets]
    written = {path: rendered(seen, name).encode() for name, path in places.items() if path}
    files.write_outputs(written, force=force)
    for name, place in places.items():
        if place is None:
            _print(seen, name)
    return list(written)


def rendered(sheets: Sheets, format: str) -> str:
    """The report on all sheets in one format."""
    if format == "html":
        return html(sheets)
    if format == "md":
        return markdown(sheets)
    if format == "json":
        return to_json([marked for _, marked in sheets])
    if format == "github":
        return "".join(github(marked) for _, marked in sheets)
    return "\n".join(terminal(marked, name) for name, marked in sheets)


def _print(sheets: Sheets, format: str) -> None:
    if format != "text" or not sys.stdout.isatty():
        print(rendered(sheets, format), end="")
        return
    width = min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH + 24)
    for k, (name, marked) in enumerate(sheets):
        if k:
            print()
        show(lines(marked, name, width))
