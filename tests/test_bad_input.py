"""Bad input on the command line: told in one line, nothing written, nothing executed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from codegen import examples
from derive.network.loading import LARGEST_FILE
from tests.command_line import Cli, assert_refused, files, process

LINE = "2 > 3 tanh > 1 sigmoid : binary_cross_entropy"


def toml(**fields: Any) -> bytes:
    return json.dumps(
        {"input": 2, "layers": ["dense 2 tanh"], "loss": "squared_error"} | fields
    ).encode()


FORMULAS = [
    "__import__('os').system('touch pwned')", "s.__class__", "s[s]", "lambda s: s",
    "[s for s in s]",
    "f'{s}'", "(s := 1)", "'s'", "s if s else s", "print(s)", "s; s", "s # \n s", "exec(s)",
    "9**9**9**9", "s**(10**10**9)", "s" + "9" * 5000, "1e999*s", "(" * 10_000 + "s" + ")" * 10_000,
    "-" * 100_000 + "s", "exp(" * 500 + "s" + ")" * 500, "+".join(["s"] * 200_000), "s << 3",
    "factorial(s)", "", "(s", "2s", "s^2", "sinn(s)", "s + q", "((s**64)**64)**64", "exp(s, s)",
    "s*1j", "inf*s", "1/(s-s)", "floor(s)", "3", "s\0", "s\u202e", "\u0455", "\uff53", "s**\u0663",
    "\u017f", "s" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FORMULAS)))
def test_formulas(run: Cli, tmp_path: Path, number: int) -> None:
    layer = {"kind": "dense", "units": 2, "activation": FORMULAS[number]}
    assert_refused(run("code", "-", stdin=toml(layers=[layer])), "standard input: layers[0]")
    loss = FORMULAS[number].replace("s", "o")
    assert_refused(run("notes", "-", stdin=toml(loss=loss)), "standard input: loss")
    assert files(tmp_path) == {}


NAMES = ["", " ", "a b", "a/b", "../a", "a\0", "x" * 300, "CON", "nul", "class", "lambda", "os",
         "json", "numpy", "\\input{x}", "é", "a.b", "-a", "1a", "'", '"""', "<script>", "a\n",
         "__init__", "codegen"]  # fmt: skip
VALUES: list[dict[str, Any]] = [
    {"input": 0}, {"input": -1}, {"input": 10**12}, {"input": 1.5}, {"input": True},
    {"input": []}, {"input": None}, {"input": {}}, {"layers": []}, {"layers": "x"},
    {"layers": [{}]}, {"layers": [[]]}, {"layers": ["dense 0"]}, {"layers": ["dense 2 tree"]},
    {"layers": ["1"] * 100_000}, {"layers": [{"kind": "dense"}]}, {"loss": 3}, {"loss": ""},
    {"loss": "squard_error"}, {"likelihood": "gaussian"}, {"weight_decay": -1},
    {"weight_decay": "0.1"}, {"reduction": "none"}, {"unknown": 1}, {"dtype": "float16"},
    {"notation": "hebrew"}, {"training": {"epochs": 0}}, {"training": 3}, {"title": "a\nb"},
    {"title": "x" * 201}, {"title": ""}, {"title": "a\u202eb"}, {"title": "a\0b"},
    {"loss": {"name": "huber", "delta": 0}}, {"layers": [{"kind": "dense", "units": "tree"}]},
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names(run: Cli, tmp_path: Path, name: str) -> None:
    assert_refused(run("code", "-", stdin=toml(name=name)), "standard input: name: found")
    assert files(tmp_path) == {}


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_values(run: Cli, tmp_path: Path, number: int) -> None:
    place = next(iter(VALUES[number]))
    assert_refused(run("build", "-", stdin=toml(**VALUES[number])), "standard input", place)
    assert files(tmp_path) == {}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none(run: Cli, value: str) -> None:
    stdin = toml(weight_decay=0.5).replace(b"0.5", value.encode())
    assert_refused(run("code", "-", stdin=stdin), "standard input")


def test_every_mistake_is_told_but_no_more_than_ten(run: Cli) -> None:
    layers = [f"dense {units}" for units in range(-20, 0)]
    result = run("code", "-", stdin=toml(layers=layers, input=0, reduction="no"))
    assert_refused(result, "input: found 0", "layers[0].units: found -20")
    assert len(result.err.splitlines()) == 10


BYTES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "spaces": (b" \n\n", "is empty"),
    "binary": (bytes(range(256)), "binary"),
    "latin": ('title = "é"'.encode("latin-1"), "not written in UTF-8"),
    "utf16": ('title = "x"'.encode("utf-16"), "UTF-16"),
    "broken": (b"input = ", "not valid TOML"),
    "twice": (b"input = 2\ninput = 3\n", "not valid TOML"),
    "json": (b'{"input": 2,', "not valid JSON"),
    "json twice": (b'{"input": 2, "input": 3}', "twice"),
    "nested": (b'{"input": ' + b"[" * 100_000, "nested"),
    "nested toml": (b"input = " + b"[" * 100_000, "nested"),
    "dotted": (b".".join([b"a"] * 100_000) + b" = 1", "key"),
    "list": (b"[1]", "expected"),
    "large": (b"#" * (LARGEST_FILE + 1), "larger than"),
}


@pytest.mark.parametrize("kind", BYTES)
def test_what_files_hold(run: Cli, tmp_path: Path, kind: str) -> None:
    data, words = BYTES[kind]
    (tmp_path / "net.toml").write_bytes(data)
    assert_refused(run("code", "net.toml"), "net.toml: ", words)
    assert_refused(run("code", "-", stdin=data), "standard input: ", words)
    assert set(files(tmp_path)) == {"net.toml"}


def test_what_is_no_file(run: Cli, tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    assert_refused(run("code", "nothing.toml"), "nothing.toml: there is no such file")
    assert_refused(run("code", "folder.toml"), "folder.toml: this is a folder")
    assert_refused(run("code", "pipe.toml"), "pipe.toml: this is a device or a pipe")
    assert_refused(run("code", "/dev/zero"), "this is a device")
    assert_refused(run("code", "x" * 5000), "no such file and no such example")
    assert_refused(run("code", "a/" + "x" * 5000), "cannot be read: File name too long")
    assert_refused(run("code", ""), "")
    (tmp_path / "sparse.toml").touch()
    os.truncate(tmp_path / "sparse.toml", 1 << 30)
    assert_refused(run("code", "sparse.toml"), "larger than")


def test_what_is_no_sheet(run: Cli, tmp_path: Path) -> None:
    (tmp_path / "hand.pdf").write_bytes(b"%PDF-1.7 \xff")
    (tmp_path / "hand.py").write_text("# words alone\n")
    (tmp_path / "program.py").write_text("z1 = x @ W1\ndef f(z):\n    return z\n")
    (tmp_path / "one.py").write_text("z1 = lambda: x\n")
    assert_refused(run("check", LINE, "hand.pdf"), "hand.pdf: found .pdf, expected .tex, .md or")
    assert_refused(run("check", LINE, "hand.py"), "expected assignments or equations")
    assert_refused(
        run("check", LINE, "program.py"), "program.py:2: found a function (def)", "gradwright: off"
    )
    assert_refused(run("check", LINE, "one.py"), "one.py:1: the formula cannot be read; ")


def test_a_notation_that_is_no_file(run: Cli, tmp_path: Path) -> None:
    (tmp_path / "endless.toml").symlink_to("/dev/zero")
    (tmp_path / "folder.toml").mkdir()
    assert_refused(run("notes", "xor", "--notation", "endless.toml"), "this is a device")
    assert_refused(run("notes", "xor", "--notation", "folder.toml"), "this is a folder")
    assert_refused(run("notes", "xor", "--notation", "none.toml"), "there is no such file")


def test_a_file_where_a_folder_is_wanted(run: Cli, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    for command in (("build", "xor"), ("new", "mine"), ("examples", "xor")):
        said = run(*command, "-o", "taken/below")
        assert_refused(said, "taken: is a file, expected a folder")
    assert files(tmp_path) == {"taken": b"mine"}
    assert_refused(run("build"), "build: found no SPEC")
    assert_refused(run("build", "xor", "--all"), "build: found SPEC and --all")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_an_unreadable_file_and_a_read_only_folder(run: Cli, tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_bytes(toml())
    (tmp_path / "net.toml").chmod(0)
    assert_refused(run("code", "net.toml"), "cannot be read: Permission denied")
    (tmp_path / "locked").mkdir(mode=0o500)
    assert_refused(run("code", "xor", "-o", "locked/xor.py"), "cannot be written: Permission")


def test_a_byte_order_mark_and_the_line_ends_of_windows_are_fine(run: Cli, tmp_path: Path) -> None:
    text = examples.text("xor").replace("\n", "\r\n")
    (tmp_path / "net.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert run("code", "net.toml").code == 0


def test_a_file_comes_before_the_example_of_its_name(run: Cli, tmp_path: Path) -> None:
    (tmp_path / "xor").write_bytes(toml(title="Mine"))
    assert run("code", "xor").code == 0
    assert "Mine" in (tmp_path / "xor.py").read_text()
    (tmp_path / "digits").mkdir()
    assert run("code", "digits").code == 0


def limited() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))


def nested(formula: str, times: int) -> str:
    """The formula with itself in the place of u, so many times."""
    inner = "s"
    for _ in range(times):
        inner = formula.replace("u", f"({inner})")
    return inner


BOMBS = {
    "nested": "exp(-" * 30 + "s" + ")" * 30,
    "long": "+".join(f"exp({n}*s)" for n in range(90)),
    "powers": "*".join(["(s + exp(s))"] * 60),
    "named": "tanh(" * 30 + "s" + ")" * 30,
    "products": nested("tanh(s*u)", 6),
    "logarithms": nested("s*tanh(log(1+exp(u)))", 4),
    "factors": "exp(s)*sin(s)*tanh(s)*sigmoid(s)*softplus(s)/(sqrt(1+s**2)*(2+erf(s))*(3+cos(s)))",
    "sums": "sigmoid(s+" * 12 + "s" + ")" * 12,
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_stay_within_a_gibibyte_and_ten_seconds(tmp_path: Path, kind: str) -> None:
    layer = {"kind": "dense", "units": 2, "activation": BOMBS[kind]}
    (tmp_path / "net.json").write_bytes(toml(layers=[layer]))
    done = process("code", "net.json", cwd=tmp_path, preexec_fn=limited)
    assert done.returncode in (0, 2), done.stderr
    assert "please report" not in done.stderr
    assert "Traceback" not in done.stderr
