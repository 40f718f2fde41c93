"""Run pdflatex on a page that we wrote: without a shell, in a folder of its own, same bytes out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

PASSES = 4
SECONDS = 120
_PROBLEM = re.compile(
    r"^(LaTeX (?:\w+ )?Warning:.*|Package \w+ Warning:.*|pdfTeX warning.*"
    r"|(?:Over|Under)full \\[hv]box.*|Missing character:.*)$",
    re.MULTILINE,
)
_AGAIN = re.compile(r"Rerun to get|Label\(s\) may have changed|No file notes\.(aux|out)")


class NoTeX(RuntimeError):
    """There is no pdflatex on this computer."""


class TeXFailed(RuntimeError):
    """pdflatex stopped; the message holds the end of its log."""


@dataclass(frozen=True)
class Compiled:
    """The bytes of the PDF, and what TeX had to complain about: nothing, on our pages."""

    pdf: bytes
    problems: tuple[str, ...]
    aux: str  # the numbers that TeX gave to labels


def available() -> bool:
    """Is pdflatex there?"""
    return shutil.which("pdflatex") is not None


def compile_pdf(tex: str) -> Compiled:
    """The PDF of a page."""
    program = shutil.which("pdflatex")
    if program is None:
        raise NoTeX("pdflatex is not installed; the .tex file can be compiled elsewhere")
    with tempfile.TemporaryDirectory(prefix="notes-") as name:
        folder = Path(name)
        (folder / "notes.tex").write_text(tex, encoding="utf-8")
        for _ in range(PASSES):
            log = _one_pass(program, folder)
            if not _AGAIN.search(log):
                break
        aux = (folder / "notes.aux").read_text(encoding="utf-8", errors="replace")
        return Compiled((folder / "notes.pdf").read_bytes(), _problems(log), aux)


def _one_pass(program: str, folder: Path) -> str:
    command = [
        program, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error",
        "-file-line-error", "-jobname=notes",
        r"\pdftrailerid{}\pdfsuppressptexinfo=-1\input{notes.tex}",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=folder, env=_environment(folder), stdin=subprocess.DEVNULL,
            capture_output=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise TeXFailed(f"pdflatex did not end within {SECONDS} seconds") from late
    path = folder / "notes.log"
    log = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if done.returncode != 0 or not (folder / "notes.pdf").exists():
        raise TeXFailed("pdflatex stopped:\n" + _first_error(log))
    return log


def _environment(folder: Path) -> dict[str, str]:
    """No file outside the folder and the TeX tree is read or written; the clock stands still."""
    kept = {
        k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "SYSTEMROOT", "TEMP", "TMP")
    }
    return {
        **kept,
        "openin_any": "p",
        "openout_any": "p",
        "shell_escape": "f",
        "SOURCE_DATE_EPOCH": "0",
        "FORCE_SOURCE_DATE": "1",
        "TEXMFOUTPUT": str(folder),
        "max_print_line": "1000",
        "LC_ALL": "C",
    }


def _problems(log: str) -> tuple[str, ...]:
    return tuple(found.group(0).strip() for found in _PROBLEM.finditer(log))


def _first_error(log: str) -> str:
    lines = log.splitlines()
    start = next(
        (k for k, line in enumerate(lines) if re.match(r"!|.*:\d+: ", line)), len(lines) - 15
    )
    return "\n".join(lines[max(start, 0) : start + 15])
