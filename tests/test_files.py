"""Files are written whole or not at all, inside the folder, and never over a person's work."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from codegen.commands import files
from codegen.commands.files import (
    MEMORY,
    has_true_stamp,
    stamped,
    write_file,
    write_files,
    write_folder,
)
from derive.errors import SpecError

TEXT = "# one\n# two\n'''Words.'''\n\nx = 1\n"


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_stamp_holds_until_a_byte_changes() -> None:
    text = stamped(TEXT)
    assert text.splitlines()[:2] == ["# one", "# two"]
    assert text.splitlines()[3:] == TEXT.splitlines()[2:]
    assert has_true_stamp(text.encode())
    assert has_true_stamp(text.replace("\n", "\r\n").encode())
    for k in range(len(text)):
        spoiled = text[:k] + ("?" if text[k] != "?" else "!") + text[k + 1 :]
        assert not has_true_stamp(spoiled.encode()), k
    assert not has_true_stamp(TEXT.encode())


def test_a_file_of_ours_is_replaced_and_a_changed_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    old, new = stamped(TEXT).encode(), stamped(TEXT + "y = 2\n").encode()
    write_file(path, old)
    write_file(path, new)
    assert path.read_bytes() == new
    path.write_bytes(new + b"z = 3\n")
    with pytest.raises(SpecError, match=r"net\.py: was changed since it was made; --force"):
        write_file(path, old)
    assert path.read_bytes() == new + b"z = 3\n"
    write_file(path, old, force=True)
    assert path.read_bytes() == old


def test_a_file_of_others_is_never_replaced_without_force(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("my own work\n")
    with pytest.raises(SpecError, match="was not made by gradwright"):
        write_files({tmp_path / "first.py": b"new", path: b"new"})
    assert names(tmp_path) == {"net.py"}
    path.write_bytes(b"new")
    write_file(path, b"new")


def test_a_folder_remembers_what_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_folder(folder, {"net/notes.tex": b"one", "net/report.json": b"{}", "INDEX.md": b"i"})
    assert names(folder) == {
        "net/notes.tex", "net/report.json", f"net/{MEMORY}", "INDEX.md", MEMORY,
    }  # fmt: skip
    write_folder(folder, {"net/notes.tex": b"two"})
    assert (folder / "net/notes.tex").read_bytes() == b"two"
    assert set(json.loads((folder / "net" / MEMORY).read_text())["sha256"]) == {
        "notes.tex", "report.json",
    }  # fmt: skip
    (folder / "net/notes.tex").write_bytes(b"my remarks")
    with pytest.raises(SpecError, match=r"notes\.tex: was changed since it was made"):
        write_folder(folder, {"net/notes.tex": b"three", "net/report.json": b"[]"})
    assert (folder / "net/report.json").read_bytes() == b"{}"
    write_folder(folder, {"net/notes.tex": b"three"}, force=True)
    assert (folder / "net/notes.tex").read_bytes() == b"three"
    write_folder(folder, {"net/notes.tex": b"four"})


def test_a_rule_can_say_that_a_file_is_the_same(tmp_path: Path) -> None:
    write_folder(tmp_path, {"report.json": b"old 1"})
    rule = {"report.json": lambda one, other: one[:3] == other[:3]}
    write_folder(tmp_path, {"report.json": b"old 2"}, same=rule)
    assert (tmp_path / "report.json").read_bytes() == b"old 1"
    write_folder(tmp_path, {"report.json": b"new 1"}, same=rule)
    assert (tmp_path / "report.json").read_bytes() == b"new 1"


def test_a_broken_memory_counts_as_none(tmp_path: Path) -> None:
    for text in ("", "[]", "{", '{"sha256": 3}', "[" * 100_000):
        (tmp_path / MEMORY).write_text(text)
        write_folder(tmp_path, {"notes.tex": b"one"})
        assert (tmp_path / "notes.tex").read_bytes() == b"one"


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/x", "", "a//b", ".", "..", "a\0b", "ä", "-x"]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name for a file"):
        write_folder(tmp_path / "out", {name: b""})
    assert names(tmp_path) == set()


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/net").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match="leads out of"):
        write_folder(tmp_path / "out", {"net/notes.tex": b"x"})
    assert names(tmp_path / "elsewhere") == set()


def test_a_linked_file_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "notes.tex").symlink_to(tmp_path / "mine.txt")
    write_folder(tmp_path, {"notes.tex": b"new"}, force=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "notes.tex").read_bytes() == b"new"


def test_folders_devices_and_files_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    cases = {
        tmp_path / "folder": "is a folder, expected the name of a file",
        Path("/dev/null"): "is a device or a pipe",
        tmp_path / "file" / "net.py": "is a file, expected a folder",
        tmp_path / "file" / "deeper" / "net.py": "is a file, expected a folder",
        tmp_path / ("x" * 300): "cannot be written: File name too long",
        tmp_path / "a\0b": "cannot be written: it is no valid path",
    }
    for path, message in cases.items():
        with pytest.raises(SpecError, match=message) as caught:
            write_file(path, b"x", force=True)
        assert all(len(line) <= 300 for line in caught.value.problems)
    with pytest.raises(SpecError, match="is a file, expected a folder"):
        write_folder(tmp_path / "file", {"notes.tex": b"x"})
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert names(tmp_path) == {"file"}


def test_permissions_are_those_of_a_new_file_or_of_the_old_one(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "new", b"x")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
        (tmp_path / "new").chmod(0o755)
        write_file(tmp_path / "new", b"y", force=True)
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o755
    finally:
        os.umask(before)


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_full_disk_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    write_folder(tmp_path / "out", {"a/x": b"old"})
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    calls = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpecError, match=f"cannot be written: {os.strerror(fault)}"):
        write_folder(tmp_path / "out", {"a/x": b"new", "b/y": b"new", "c/d/z": b"new"})
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    assert not (tmp_path / "out/c").exists()


CHILD = """
import os, signal, sys, resource
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background runs
from codegen.commands import files
what, folder = sys.argv[1], Path(sys.argv[2])
if what == "limit":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
else:
    stage = files._stage
    def interrupted(temporary, path, data):
        stage(temporary, path, data)
        if path.name == "b":
            os.kill(os.getpid(), signal.SIGINT)
    files._stage = interrupted
try:
    files.write_folder(folder, {"a": b"1", "b": b"2" * 5000, "c": b"3"})
except BaseException as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("what", "message"), [("limit", "cannot be written: File too large"), ("kill", "Keyboard")]
)
def test_a_real_limit_and_a_real_interrupt_leave_nothing(
    tmp_path: Path, what: str, message: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, what, str(tmp_path / "out")],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert message in done.stdout
    assert names(tmp_path) == set()


def test_an_interrupt_waits_until_all_files_are_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = files._replace

    def interrupted(temporary: Path, path: Path) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        replace(temporary, path)

    monkeypatch.setattr(files, "_replace", interrupted)
    # a run in the background may have started with the signal ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            write_folder(tmp_path, {"a": b"1", "b": b"2"})
    finally:
        signal.signal(signal.SIGINT, before)
    assert names(tmp_path) == {"a", "b", MEMORY}
