"""A plugin of pytest: every file `hand_*.tex` or `hand_*.md` is a test that it is right.

    % gradwright: spec=xor                    the network: an example, a file beside the sheet, or
    % gradwright: spec="2 > 1 : huber"        one line; notation=NAME, off and on are understood too

In the configuration, `gradwright_spec` and `gradwright_notation` stand for sheets that say nothing
(files are named from the folder of the configuration), `gradwright_files` are the patterns, and
`gradwright_strict = false` lets undecided claims pass.  A sheet of which nothing was checked never
passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

# The checker is imported when the first sheet is run, so that other tests start as fast as before.

PATTERNS = ["hand_*.tex", "hand_*.md"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the configuration file."""
    parser.addini("gradwright_files", "names of hand derivations", "args", PATTERNS)
    parser.addini("gradwright_spec", "the network of sheets that name none", "string", "")
    parser.addini("gradwright_notation", "the notation of sheets that name none", "string", "")
    parser.addini("gradwright_strict", "whether undecided and unreadable claims fail", "bool", True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """A file whose name says that it is a hand derivation."""
    patterns = parent.config.getini("gradwright_files")
    if not any(fnmatch(file_path.name, pattern) for pattern in patterns):
        return None
    made: pytest.File = HandFile.from_parent(parent, path=file_path)
    return made


class Wrong(Exception):
    """The report of a derivation that is not right."""


class HandFile(pytest.File):
    """A file with a hand derivation."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test: it lists every claim that fails."""
        yield HandItem.from_parent(self, name="derivation")


class HandItem(pytest.Item):
    """The test that a hand derivation is right."""

    def runtest(self) -> None:
        """Mark the sheet."""
        from codegen.asserts.asserting import failing
        from codegen.commands.checking import check_hand
        from codegen.commands.hands import read_path
        from codegen.commands.sources import read_source
        from derive.errors import SpecError

        hand = read_path(self.path, self.path.name)
        spec = self._configured("gradwright_spec")
        source = hand.network()
        if source is None and spec:
            try:
                source = read_source(spec)
            except SpecError as error:
                raise error.under("gradwright_spec") from None
        notation = self._configured("gradwright_notation") or None
        marked = check_hand(hand, source, notation)
        strict = self.config.getini("gradwright_strict")
        problem = failing(marked, self.path.name, strict=strict)
        if problem:
            raise Wrong(problem.strip())

    def _configured(self, key: str) -> str:
        """A value of the configuration; a file is found beside it, wherever pytest is started."""
        told = str(self.config.getini(key))
        inipath = self.config.inipath
        beside = (inipath.parent if inipath is not None else self.config.rootpath) / told
        return str(beside) if told and beside.is_file() and not Path(told).is_file() else told

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report alone, without a traceback; so too where the sheet is refused."""
        from derive.errors import SpecError

        if isinstance(excinfo.value, Wrong | SpecError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The file as the place of the test."""
        return self.path, None, f"hand derivation {self.path.name}"
