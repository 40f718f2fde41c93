"""The command line as the tests use it: in this process, in an empty folder, or as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen import cli

ROOT = Path(cli.__file__).parent.parent


@dataclass
class Result:
    code: int
    out: str
    err: str


Cli = Callable[..., Result]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_refused(result: Result, *words: str) -> None:
    assert result.code == 2, result
    assert result.out == ""
    lines = result.err.splitlines()
    assert 1 <= len(lines) <= 10
    for line in lines:
        assert len(line) <= 300
        assert line.isascii()
        assert line.isprintable()
    assert "Traceback" not in result.err
    assert "please report" not in result.err
    for word in words:
        assert word in result.err


def process(*arguments: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "codegen", *arguments], cwd=cwd, env=environment | {"LC_ALL": "C"},
        capture_output=True, text=True, check=False, timeout=30, **options,
    )  # fmt: skip
