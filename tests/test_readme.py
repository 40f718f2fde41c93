"""What the README shows is what happens."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import gradwright
from codegen import cli
from tests.command_line import Cli

README = Path(cli.__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(found[1], found[2]) for found in BLOCK.finditer(README.read_text(encoding="utf-8"))]


def test_there_are_exactly_two_commands_to_set_up() -> None:
    commands = [text.strip() for kind, text in BLOCKS if kind == "sh"]
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    first, second = (command.split(" && ") for command in commands)
    assert first == [
        "python3 -m venv .venv",
        ".venv/bin/pip install .",
        ".venv/bin/gradwright demo",
    ]
    assert second[:2] == ["python3 -m venv .venv", '.venv/bin/pip install ".[test]"']
    assert second[2:] == [".venv/bin/python -m pytest -n auto"]


def test_the_first_screen_shows_a_picture_that_is_there() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()[:25]
    (picture,) = re.findall(r"!\[.+\]\((\S+)\)", "\n".join(lines))
    assert (README.parent / picture).read_bytes().startswith(b"\x89PNG")


def test_links_lead_somewhere() -> None:
    text = README.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert link.startswith("https://") or (README.parent / link).exists(), link


def test_every_block_does_what_it_says(
    run: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {}
    for kind, text in BLOCKS:
        if kind in ("toml", "tex"):
            name = re.match(r"[#%] (\w+\.\w+)\n", text)
            if name is not None:  # all others are parts of files
                (tmp_path / name[1]).write_text(text, encoding="utf-8")
        elif kind == "console":
            for session in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, _, shown = session.partition("\n")
                assert_shown(run, line, shown)
        elif kind == "python":
            exec(compile(text, "README.md", "exec"), names)
            capsys.readouterr()
    assert str(names["derivation"].backward[0].rhs) == "o2[n,j] - y[n,j]"
    losses = names["losses"]
    assert losses[-1] < 0.1 < losses[0]
    sys.modules.pop("tiny")


def assert_shown(run: Cli, line: str, shown: str) -> None:
    """A command prints what is shown below it, where something is, and ends with the shown code."""
    program, *arguments = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', line)]
    assert program == "gradwright"
    result = run(*arguments)
    said = result.out + result.err + (f"exit code {result.code}\n" if result.code else "")
    assert said == shown or (not shown and result.code == 0)


def test_the_facade_does_what_it_says() -> None:
    assert doctest.testmod(gradwright).failed == 0
    assert doctest.testmod(gradwright).attempted > 0
    line = "2 > 1 sigmoid : binary_cross_entropy"
    page = gradwright.notes(line, "tex", notation="rows")
    assert isinstance(page, str)
    assert page.rstrip().endswith(r"\end{document}")
    with pytest.raises(gradwright.SpecError, match='format: found "word", expected tex, html'):
        gradwright.notes(line, "word")
    assert "masks" in gradwright.code("2 > dropout 0.5 > 1 : huber")


def test_every_command_is_told() -> None:
    text = README.read_text(encoding="utf-8")
    for command in cli.app.registered_commands:
        assert command.callback is not None
        assert command.callback.__name__ in text
