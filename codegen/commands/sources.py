"""SPEC on the command line: a file, `-`, the name of a bundled example, or a one-line network."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from codegen import examples
from codegen.toml_text import toml
from derive.errors import SpecError, suggestion
from derive.network.loading import LARGEST_FILE, decode, parse, read_file
from derive.network.shorthand import EXAMPLE, is_one_line
from derive.spec import Network, load_text

STDIN = "standard input"


@dataclass(frozen=True)
class Source:
    """A network, what messages call the place that it came from, and a spec to give along."""

    label: str
    network: Network
    copy: str  # in TOML; reading it gives the same network
    folder: Path = Path()

    @property
    def notation(self) -> str:
        """The notation that the spec names; a file of one's own lies beside the spec."""
        named = self.network.notation
        return str(self.folder / named) if named.endswith(".toml") else named


def read_source(argument: str) -> Source:
    """The network that the command line names."""
    if argument == "-":
        raw = sys.stdin.buffer.read(LARGEST_FILE + 1) if sys.stdin else b""
        return _source(STDIN, _under(STDIN, lambda: decode(raw)), "network")
    if is_one_line(argument):
        return _source("spec", argument, "network")
    path = Path(argument)
    if argument in examples.names() and not _is_file(path):
        return example(argument)
    if re.fullmatch(r"\w+", argument, re.ASCII) and not _exists(path):
        near = suggestion(argument, examples.names())
        hint = near or f'; a network in one line looks like "{EXAMPLE}"'
        raise SpecError(f"{argument[:80]}: there is no such file and no such example{hint}")
    label = argument if len(argument) <= 80 else "..." + argument[-77:]
    return _source(label, _under(label, lambda: read_file(path)), path.stem, path.parent)


def example(name: str) -> Source:
    """A bundled example."""
    return _source(f"{name}.toml", examples.text(name), name)


def _source(label: str, text: str, name: str, folder: Path = Path()) -> Source:
    network = load_text(text, label, name)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if is_one_line(text) or text.lstrip()[:1] == "{":
        text = toml(parse(text))
    return Source(label, network, text, folder)


def _under(label: str, read: Callable[[], str]) -> str:
    """A text, its mistakes with the label in front."""
    try:
        return read()
    except SpecError as error:
        raise error.under(label) from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
