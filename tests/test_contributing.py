"""What CONTRIBUTING.md shows works, and the places that it names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from derive.profiles import load
from tests.command_line import Cli
from tests.test_readme import BLOCK, README

GUIDE = README.parent / "CONTRIBUTING.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def test_the_places_exist() -> None:
    paths = re.findall(r"`((?:derive|codegen|tests)/[\w/.]*)`", TEXT)
    assert len(paths) > 20
    for path in paths:
        assert (README.parent / path).exists(), path


def test_the_names_exist() -> None:
    for name in ("KINDS", "AnyLayer", "LAYERS", "CATALOGUE", "DEFINED", "Site", "View"):
        assert f"`{name}`" in TEXT
        found = [p for p in (README.parent / "derive").rglob("*.py") if defines(p, name)]
        found += [p for p in (README.parent / "codegen").rglob("*.py") if defines(p, name)]
        assert found, name


def defines(path: Path, name: str) -> bool:
    return re.search(rf"^(class )?{name}\b[^\n]*(=|:)", path.read_text("utf-8"), re.M) is not None


def test_the_notation_of_the_guide_writes_reads_and_translates(
    run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = []
    for found in BLOCK.finditer(TEXT):
        kind, text = found.groups()
        if kind == "console":
            commands += re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
        elif name := re.match(r"[#%] (\w+\.\w+)\n", text):
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
    assert load("blackboard.toml").name == "blackboard"
    results = []
    for command in commands:
        line, _, shown = command.partition("\n")
        results.append((run(*line.split()[1:]), shown))
    notes, check, translate = results
    assert notes[0].code == 0
    assert r"\mathbf{u}^{(1)}" in (tmp_path / "notes" / "notes.tex").read_text("utf-8")
    assert check[0].code == 0
    assert "2 claims: 2 right" in check[0].out
    assert translate[0].out.endswith(translate[1])
