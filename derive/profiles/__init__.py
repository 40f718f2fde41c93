"""The notations that come with the package, and loading of one's own."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from derive.errors import SpecError, listed, shown, suggestion
from derive.network.loading import Kind, read_file
from derive.writing.profile import Profile, clashing
from derive.writing.profile_reader import ProfileReader

_FOLDER = Path(__file__).parent
DEFAULT = "columns"
FILE = Kind("notation", "a notation in TOML")


@cache
def profile(name: str) -> Profile:
    """A profile that comes with the package, by name."""
    if name not in names():
        hint = suggestion(name, names())
        raise SpecError(f"notation: found {shown(name)}, expected {listed(names())}{hint}")
    return loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def names() -> tuple[str, ...]:
    """The profiles that come with the package, the default one first."""
    found = sorted(path.stem for path in _FOLDER.glob("*.toml"))
    return tuple(sorted(found, key=lambda name: name != DEFAULT))


def load(source: str | Path) -> Profile:
    """A profile by its name, or from a TOML file."""
    if isinstance(source, str) and not source.endswith(".toml"):
        return profile(source)
    try:
        return loads(read_file(Path(source), FILE))
    except SpecError as error:
        raise error.under(str(source)) from None


def loads(text: str) -> Profile:
    """A profile from TOML text, checked."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecError(f"not TOML: {error}") from None
    made = ProfileReader().read(data)
    clashes = tuple(clashing(made))
    if clashes:
        raise SpecError(*clashes)
    return made
