"""Fixtures that several files share."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from codegen import cli
from tests.command_line import Cli, Result


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = cli.main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return command
