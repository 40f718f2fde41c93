"""HAND on the command line: files with hand derivations, or `-`; and the network they speak of."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from codegen import examples
from codegen.commands.sources import STDIN, Source, read_source
from derive.errors import SpecError
from derive.network.loading import Kind, decode, read_file
from derive.network.shorthand import is_one_line
from derive.sheets.door import is_kind, read_sheet
from derive.sheets.sheet import Directive, Part, Sheet
from derive.sheets.text import MOST_TEXT, inside_folder

Made = TypeVar("Made")
SHEET = Kind("sheet", "a hand derivation", MOST_TEXT)
_SPECS = (".toml", ".json")
_MARKDOWN = re.compile(r"^(#{1,6} |```|[*-] )", re.MULTILINE)


@dataclass(frozen=True)
class Hand:
    """A hand derivation, and the folder in which what it names is looked for."""

    sheet: Sheet
    folder: Path = Path()
    text: str = ""  # as it stands in the file

    def network(self) -> Source | None:
        """The network that the sheet names: `% gradwright: spec=...`."""
        named = [p for p in self.sheet.parts if isinstance(p, Directive) and p.name == "spec"]
        if not named:
            return None
        place = f"{self.sheet.file}:{named[0].line}: spec"
        spec = named[0].value
        try:
            if is_spec(spec) and not spec.endswith(_SPECS):
                return read_source(spec)
            return read_source(str(self.folder / inside_folder(spec)))
        except SpecError as error:
            raise error.under(place) from None


def parted(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """SPEC, if there is one among the arguments, and the HANDs.

    >>> parted(["xor", "hand.tex"]), parted(["2 > 1 : huber", "-"])
    (('xor', ['hand.tex']), ('2 > 1 : huber', ['-']))
    >>> parted(["hand.tex"])
    (None, ['hand.tex'])
    """
    specs = [a for a in arguments if is_spec(a)]
    hands = [a for a in arguments if not is_spec(a)]
    if len(specs) > 1:
        raise SpecError(f"SPEC: found {len(specs)} networks, expected one, then hand derivations")
    if not hands:
        raise SpecError("HAND: found none, expected a file .tex, .md or .py, or -")
    if len(set(hands)) < len(hands):
        raise SpecError("HAND: found the same file twice, expected each once")
    return (specs[0] if specs else None), hands


def is_spec(argument: str) -> bool:
    """Whether an argument names a network: a file, an example, a line, or an example misspelt."""
    if argument.endswith(_SPECS) or is_one_line(argument):
        return True
    is_word = re.fullmatch(r"\w+", argument, re.ASCII) is not None
    return argument in examples.names() or (is_word and not _is_there(Path(argument)))


def read_hand(argument: str) -> Hand:
    """The sheet that the command line names."""
    if argument == "-":
        raw = sys.stdin.buffer.read(SHEET.largest + 1) if sys.stdin else b""
        text = _under(STDIN, lambda: decode(raw, SHEET))
        return Hand(read_sheet(text, "-", _guessed(text), _including(Path())), text=text)
    return read_path(Path(argument), argument)


def read_path(path: Path, name: str) -> Hand:
    """The sheet of a file, which reports call `name`."""
    if path.suffix and not is_kind(path.suffix):
        raise SpecError(f"{_short(name)}: found {path.suffix[:20]}, expected .tex, .md or .py")
    text = _under(_short(name), lambda: read_file(path, SHEET))
    kind = path.suffix or _guessed(text)
    sheet = _under(_short(name), lambda: read_sheet(text, name, kind, _including(path.parent)))
    parts = tuple(_placed(part, name) for part in sheet.parts)
    return Hand(replace(sheet, parts=parts), path.parent, text)


def _placed(part: Part, name: str) -> Part:
    """A part of a file that the sheet takes in, with its path beside that of the sheet."""
    if part.file == name:
        return part
    return replace(part, file=(Path(name).parent / _with_ending(part.file)).as_posix())


def _with_ending(name: str) -> str:
    return name if Path(name).suffix else f"{name}.tex"


def _guessed(text: str) -> str:
    """Markdown has headings, lists or code; everything else is read as LaTeX."""
    return "md" if _MARKDOWN.search(text) and "\\begin{document}" not in text else "tex"


def _including(folder: Path) -> Callable[[str], str]:
    r"""What \input reads: a file below the folder, by no way out of it."""

    def include(name: str) -> str:
        path = folder / _with_ending(inside_folder(name))
        try:
            inside = path.resolve().is_relative_to(folder.resolve())
        except (OSError, RuntimeError, ValueError):
            inside = False
        if not inside:
            raise SpecError(f"{name[:80]}: lies outside the folder of the sheet")
        return _under(name[:80], lambda: read_file(path, SHEET))

    return include


def _under(label: str, read: Callable[[], Made]) -> Made:
    """What is read, its mistakes with the label in front unless they have it."""
    try:
        return read()
    except SpecError as error:
        if all(problem.startswith(label) for problem in error.problems):
            raise
        raise error.under(label) from None


def _short(name: str) -> str:
    return name if len(name) <= 80 else "..." + name[-77:]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
