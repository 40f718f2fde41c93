"""generated/ is what the tool makes now, byte for byte, whatever the hash seed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen import examples
from codegen.build import Built
from codegen.commands import shelf
from codegen.commands.files import MEMORY
from codegen.pages import pdf
from tests.command_line import Cli

ROOT = Path(__file__).parent.parent
GENERATED = ROOT / "generated"
PICTURE = "page.png"  # of the README: two pages of the chapter on the exclusive or
LECTURE_NOTES = "lecture_notes.md"  # tests of its own hold it to the code


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[subprocess.Popen[str]]:
    """The same comparison in another process with another hash seed, at the same time."""
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "codegen", "build", "--all", "--check", "-o", str(GENERATED)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def made(elsewhere: subprocess.Popen[str]) -> list[Built]:
    return shelf.made([], every=True)


def test_nothing_differs_is_missing_or_left_over(made: list[Built]) -> None:
    assert shelf.differences(GENERATED, made, every=True) == []
    wanted = set(shelf.all_files(made, every=True)) | {PICTURE, MEMORY, LECTURE_NOTES}
    wanted |= {f"{name}/{MEMORY}" for name in examples.names()}
    there = {
        str(path.relative_to(GENERATED))
        for path in GENERATED.rglob("*")
        if path.is_file() and not {"__pycache__", ".pytest_cache"} & set(path.parts)
    }
    assert there == wanted


def test_another_hash_seed_makes_the_same_bytes(
    made: list[Built], elsewhere: subprocess.Popen[str]
) -> None:
    said, _ = elsewhere.communicate(timeout=120)
    assert (elsewhere.returncode, said) == (0, "")


def test_the_memory_of_a_folder_is_true() -> None:
    for memory in GENERATED.rglob(MEMORY):
        for name, digest in json.loads(memory.read_text())["sha256"].items():
            data = (memory.parent / name).read_bytes()
            assert hashlib.sha256(data).hexdigest() == digest, memory.parent / name


def test_what_was_measured_is_within_bounds() -> None:
    for path in GENERATED.glob("*/report.json"):
        report = json.loads(path.read_text())
        assert report["steps"]["SAMPLED"] == 0
        if report["verification"] is None:
            assert report["measured"] is None
            continue
        assert report["verification"]["ok"] is True
        limit = report["verification"]["limit"]
        assert 0 < report["measured"]["worst"] <= limit
        assert all(0 <= worst <= limit for *_, worst in report["measured"]["rows"])


def test_nothing_tells_where_or_when_it_was_made(made: list[Built]) -> None:
    for name, data in shelf.all_files(made, every=True).items():
        for word in (str(ROOT), str(Path.home()), "/tmp/", "2026-"):
            if len(word) > 2:
                assert word.encode() not in data, (name, word)


def test_the_demo_makes_the_same_and_says_where_to_look(
    run: Cli, made: list[Built], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "made", lambda *args, **options: made)
    monkeypatch.setattr(pdf, "available", lambda: False)
    result = run("demo")
    assert (result.code, result.err) == (0, "")
    folder = tmp_path / "gradwright-demo"
    assert shelf.differences(folder, made, every=True) == []
    places = re.findall(r"^  (\S+)  ", result.out, re.MULTILINE)
    assert len(places) == 4
    assert all((tmp_path / place).is_file() for place in places)
    assert "its loss fell from" in result.out
    assert "by_hand.tex, was marked:\n12 claims: 4 wrong, 8 right." in result.out
    (folder / "xor/notes.tex").write_text("mine")
    assert run("demo").code == 2
    assert run("demo", "--force").code == 0


def test_the_generated_tests_pass() -> None:
    """Each module with its own test, as a user would run them."""
    tests = sorted(str(path) for path in GENERATED.glob("*/test_*.py"))
    assert len(tests) >= 7
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
