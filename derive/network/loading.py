"""From a file or a text to plain data: TOML, JSON or one line, within bounds, nothing executed.

Numbers with a point are read as exact decimals.  What cannot be read is a SpecError with one line.
"""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from derive.errors import SpecError, shown
from derive.network.shorthand import EXAMPLE, expand_network, is_one_line

LARGEST_FILE = 1 << 20
DEEPEST, MOST_VALUES, LONGEST_KEY = 40, 200_000, 40


@dataclass(frozen=True)
class Kind:
    """What a file is to be, in the words of messages, and how large it may be."""

    name: str
    content: str
    largest: int = LARGEST_FILE


SPEC = Kind("spec", "a network in TOML or JSON")


def read_file(path: Path, kind: Kind = SPEC) -> str:
    """The text of a regular UTF-8 file that is not too large; a byte order mark is dropped."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SpecError("this is a folder, expected a file")
        if not stat.S_ISREG(mode):
            raise SpecError("this is a device or a pipe, expected a file")
        with path.open("rb") as file:
            raw = file.read(kind.largest + 1)
    except SpecError:
        raise
    except FileNotFoundError:
        known = path.suffix or kind != SPEC
        near = "" if known else f'; a network in one line looks like "{EXAMPLE}"'
        raise SpecError(f"there is no such file{near}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no valid path"
        raise SpecError(f"cannot be read: {reason}") from None
    return decode(raw, kind)


def decode(raw: bytes, kind: Kind = SPEC) -> str:
    """The text of the bytes of a file."""
    if len(raw) > kind.largest:
        raise SpecError(
            f"is larger than {kind.largest} bytes, the most that a {kind.name} may have"
        )
    if not raw.strip():
        raise SpecError(f"is empty, expected {kind.content}")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise SpecError("is written in UTF-16, expected UTF-8; save it in that encoding")
    if b"\0" in raw:
        raise SpecError(f"is a binary file, expected {kind.content}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SpecError(f"line {line}: is not written in UTF-8; save it in that encoding") from None


def parse(text: str) -> dict[str, Any]:
    """The mapping that a text in TOML, JSON or one line stands for."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if len(text) > LARGEST_FILE:
        raise SpecError(f"has more than {LARGEST_FILE} characters, the most that a spec may have")
    if not text.strip():
        raise SpecError("is empty, expected a network in TOML or JSON")
    if is_one_line(text):
        return expand_network(text)
    _check_nesting(text)
    data = (
        _parse_json(text) if text.lstrip()[0] in "{[" and not _is_toml(text) else _parse_toml(text)
    )
    if not isinstance(data, dict):
        raise SpecError(f"found {shown(data)}, expected a table")
    return data


def check_data(data: Mapping[str, Any]) -> None:
    """Refuse Python data that is nested without end or holds too many values."""
    stack: list[tuple[Any, int]] = [(data, 0)]
    seen = 0
    while stack:
        value, depth = stack.pop()
        seen += 1
        if depth > DEEPEST:
            raise SpecError(f"is nested more than {DEEPEST} deep")
        if seen > MOST_VALUES:
            raise SpecError(f"holds more than {MOST_VALUES} values")
        if isinstance(value, Mapping):
            stack += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list | tuple):
            stack += [(inner, depth + 1) for inner in value]


def _is_toml(text: str) -> bool:
    """Whether the first line is the header of a table: [training] or [[layers]]."""
    return re.match(r"\s*\[{1,2}\s*[A-Za-z_.\- \t]+\]", text) is not None


def _check_nesting(text: str) -> None:
    """The parsers recurse on brackets and are slow on long dotted keys: bound both beforehand."""
    depth = 0
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        for bracket in re.findall(r"[\[\]{}]", line):
            depth = max(0, depth + (1 if bracket in "[{" else -1))
            if depth > DEEPEST:
                raise SpecError(f"is nested more than {DEEPEST} deep")
        keys = re.split(r"[^\w\-\"'. \t]+", line)
        if any(key.count(".") > LONGEST_KEY for key in keys):
            raise SpecError(f"has a key of more than {LONGEST_KEY} parts")


def _parse_toml(text: str) -> Any:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"is not valid TOML: {_first_line(error)}") from None
    except (ValueError, ArithmeticError, RecursionError):
        raise SpecError("is not valid TOML: a number is too long or the nesting too deep") from None


def _parse_json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if key in made:
                raise SpecError(f"the key {shown(key)} is given twice")
            made[key] = value
        return made

    try:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SpecError(f"is not valid JSON: {error.msg} ({place})") from None
    except SpecError:
        raise
    except (ValueError, ArithmeticError, RecursionError):
        raise SpecError("is not valid JSON: a number is too long or the nesting too deep") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
