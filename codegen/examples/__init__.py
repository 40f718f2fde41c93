"""The bundled examples: specs in TOML and hand derivations in LaTeX, by name."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def names() -> tuple[str, ...]:
    """The names of all examples, in alphabetical order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def sheets() -> tuple[str, ...]:
    """The names of the hand derivations, which lie beside the specs in LaTeX."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.tex")))


def sheet(name: str) -> str:
    """A hand derivation, as its file has it."""
    return (_FOLDER / f"{name}.tex").read_text(encoding="utf-8")


@cache
def lecture_notes() -> tuple[str, ...]:
    """The names of the sheets with the equations of the lecture notes."""
    return tuple(sorted(path.stem for path in (_FOLDER / "lecture_notes").glob("*.tex")))


def lecture_note(name: str) -> str:
    """A sheet with equations of the lecture notes, as its file has it."""
    return (_FOLDER / "lecture_notes" / f"{name}.tex").read_text(encoding="utf-8")


def text(name: str) -> str:
    """The spec of an example, as its file has it."""
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def title(name: str) -> str:
    """What an example shows, in one line."""
    if name in sheets():
        return sheet(name).partition("\n")[0].removeprefix("% ")
    return str(tomllib.loads(text(name))["title"])
