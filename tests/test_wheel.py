"""The wheel holds what the checkout holds, and works on its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMES = {"derive", "codegen", "gradwright.py"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"
    copy.mkdir()
    kept = ("derive", "codegen", "templates", "gradwright.py", "pyproject.toml", "README.md",
            "LICENSE")  # fmt: skip
    for name in kept:  # building in a copy leaves no build folder in the checkout
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name)
        else:
            shutil.copy(ROOT / name, copy)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "-w",
        str(folder),
        str(copy),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def files(folder: Path, *kinds: str) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix in kinds
    }


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in held} == NAMES
    for package in ("derive", "codegen"):
        wanted = {
            f"{package}/{name}" for name in files(ROOT / package, ".py", ".toml", ".tex", ".typed")
        }
        templates = {name for name in held if name.startswith("codegen/templates/")}
        assert {name for name in held if name.startswith(f"{package}/")} - templates == wanted
    wanted = files(ROOT / "templates", ".j2", ".woff2", ".txt")
    assert {name.removeprefix("codegen/templates/") for name in templates} == wanted


def test_the_wheel_works_where_there_is_no_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-m", "codegen", "build", "xor", "-o", "out"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/xor/notes.html").stat().st_size > 100_000
    where = [sys.executable, "-c", "import codegen.build; print(codegen.build.__file__)"]
    done = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.startswith(str(site))
