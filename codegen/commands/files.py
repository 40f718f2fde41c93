"""Files written whole or not at all, inside the chosen folder, never over what a person changed.

All files of a command are first written beside their targets under temporary names; only when every
one of them is on the disk do they take their places.  A folder remembers the hashes of what was
written into it, and a Python file carries a hash of itself: a file that fits neither has been
changed by a person, and only `--force` replaces it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import signal
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from derive.errors import SpecError

MEMORY = ".gradwright.json"
TEMPORARY = ".gradwright-"
_STAMP = re.compile(rb"^# sha256 of the other lines: ([0-9a-f]{64})\n", re.MULTILINE)
_PART = re.compile(r"(?!\.+$)[A-Za-z0-9_.][A-Za-z0-9_.-]*", re.ASCII)

Same = Callable[[bytes, bytes], bool]


def identical(one: bytes, other: bytes) -> bool:
    """Whether two files are the same, up to the ends of lines."""
    return _lines(one) == _lines(other)


def stamped(text: str) -> str:
    """A Python text with a hash of itself behind its first comments."""
    lines = text.splitlines(keepends=True)
    place = next((k for k, line in enumerate(lines) if not line.startswith("#")), len(lines))
    line = f"# sha256 of the other lines: {_hash(text.encode())}\n"
    return "".join([*lines[:place], line, *lines[place:]])


def has_true_stamp(data: bytes) -> bool:
    """Whether a file carries the hash of the rest of itself."""
    data = _lines(data)
    found = _STAMP.search(data)
    if found is None:
        return False
    rest = data[: found.start()] + data[found.end() :]
    return found[1].decode() == _hash(rest)


def write_file(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write a single file; what stands there must be our own, as it was made."""
    write_files({path: data}, force=force)


def write_files(files: Mapping[Path, bytes], *, force: bool = False) -> None:
    """Write files that remember for themselves whether they were changed, all of them or none."""
    new = {path: data for path, data in files.items() if not _same(path, data, identical)}
    if not force:
        for path in new:
            _refuse_changed(path, None)
    _write(new)


def write_folder(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    force: bool = False,
    same: Mapping[str, Same] | None = None,
) -> None:
    """Write files below a folder under names such as "xor/notes.tex".

    A file that is the `same` as before, by the rule for its last name, stays as it is.
    """
    rules, new = same or {}, {}
    paths = {target(folder, name): data for name, data in files.items()}
    memories = {parent: remembered(parent) for parent in {path.parent for path in paths}}
    for path, data in paths.items():
        memory = memories[path.parent]
        if _same(path, data, rules.get(path.name, identical)):
            memory[path.name] = _hash(read(path) or b"")
            continue
        if not force:
            _refuse_changed(path, memory.get(path.name))
        new[path], memory[path.name] = data, _hash(data)
    for parent, memory in memories.items():
        if memory != remembered(parent):
            text = json.dumps({"sha256": dict(sorted(memory.items()))}, indent=1) + "\n"
            new[parent / MEMORY] = text.encode()
    _write(new)


def write_outputs(files: Mapping[Path, bytes], *, force: bool = False) -> None:
    """Write files that a user has named; their folders remember them where the names allow it."""
    if not all(is_plain(path.name) for path in files):
        write_files(files, force=force)
        return
    for folder in dict.fromkeys(path.parent for path in files):
        own = {path.name: data for path, data in files.items() if path.parent == folder}
        write_folder(folder, own, force=force)


def target(folder: Path, name: str) -> Path:
    """The path of a file below a folder; neither its name nor a link leads out of the folder."""
    parts = name.split("/")
    if not all(map(is_plain, parts)):
        raise ValueError(f"{name} is no name for a file that is written")
    path = folder.joinpath(*parts)
    try:
        inside = path.parent.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise _cannot(path, error) from None
    if not inside:
        raise SpecError(f"{label(path.parent)}: is a link that leads out of {label(folder)}")
    return path


def is_plain(name: str) -> bool:
    """Whether a name is one that a folder can remember: letters, digits and a few signs."""
    return _PART.fullmatch(name) is not None


def read(path: Path) -> bytes | None:
    """What a path holds, or None where there is nothing; only plain files are read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SpecError(f"{label(path)}: is a folder, expected the name of a file")
        if not stat.S_ISREG(mode):
            raise SpecError(f"{label(path)}: is a device or a pipe, expected the name of a file")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except SpecError:
        raise
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from None


def label(path: Path) -> str:
    """A path as a message prints it."""
    text = str(path)
    return text if len(text) <= 80 else "..." + text[-77:]


# ------------------------------------------------------------------------------------ changed?


def _same(path: Path, data: bytes, rule: Same) -> bool:
    old = read(path)
    return old is not None and rule(old, data)


def _refuse_changed(path: Path, remembered: str | None) -> None:
    """Refuse to replace a file that is not as it was made."""
    old = read(path)
    if old is None or _hash(old) == remembered or has_true_stamp(old):
        return
    ours = remembered is not None or _STAMP.search(_lines(old)) is not None
    why = "was changed since it was made" if ours else "was not made by gradwright"
    raise SpecError(f"{label(path)}: {why}; --force overwrites it")


def remembered(folder: Path) -> dict[str, str]:
    """The hashes of the files that were written into a folder."""
    try:
        found = json.loads((folder / MEMORY).read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(value) for name, value in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _hash(data: bytes) -> str:
    return hashlib.sha256(_lines(data)).hexdigest()


def _lines(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


# --------------------------------------------------------------------------------- all or nothing


def _write(files: Mapping[Path, bytes]) -> None:
    """Stage every file, then let all of them take their places."""
    staged: dict[Path, Path] = {}
    made: list[Path] = []
    try:
        for path, data in files.items():
            _make_folder(path.parent, made)
            staged[path] = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}.part")
            _stage(staged[path], path, data)
        with _undisturbed():
            for path in files:
                _replace(staged[path], path)
            made.clear()
    finally:
        with _undisturbed():
            for temporary in staged.values():
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
            for folder in reversed(made):
                with suppress(OSError):
                    folder.rmdir()


def _make_folder(folder: Path, made: list[Path]) -> None:
    """Make a folder with its parents, and note those that were not there, the outermost first."""
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        there = next(each for each in (folder, *folder.parents) if each.exists())
        for each in reversed(missing if there.is_dir() else ()):
            made.append(each)
            each.mkdir()
    except (OSError, ValueError) as error:
        raise _cannot(folder, error) from None
    if not there.is_dir():
        raise SpecError(f"{label(there)}: is a file, expected a folder")


def _stage(temporary: Path, path: Path, data: bytes) -> None:
    """Write the data under the temporary name beside the path, safely on the disk."""
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
    except OSError as error:
        raise _cannot(path, error) from None


def _replace(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        raise _cannot(path, error) from None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let an interrupt wait until all files have taken their places."""
    waiting: list[int] = []

    def remember(number: int, _: object) -> None:
        waiting.append(number)

    # by handlers, since a mask would hold for this thread alone, and NumPy has threads of its own
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: kept for number, kept in before.items() if callable(kept)}
    try:
        for number in before:
            signal.signal(number, remember)
    except ValueError:  # not in the main thread, which alone is interrupted
        yield
        return
    try:
        yield
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)
    for late in waiting:
        signal.raise_signal(late)


def _cannot(path: Path, error: Exception) -> SpecError:
    reason = getattr(error, "strerror", None) or "it is no valid path"
    return SpecError(f"{label(path)}: cannot be written: {reason}")
