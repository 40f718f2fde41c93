"""The command line as a user meets it: commands, exit codes, messages, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegen import build, examples
from codegen.commands.files import MEMORY
from codegen.emitting.module import emit
from codegen.pages import pdf
from tests.command_line import ROOT, Cli, Result, assert_refused, files, process

LINE = "2 > 3 tanh > 1 sigmoid : binary_cross_entropy"


# ----------------------------------------------------------------------------- what commands do


def test_help_and_version(run: Cli) -> None:
    for arguments in ([], ["--help"], ["code", "--help"]):
        result = run(*arguments)
        assert result.code == 0
        assert "Usage: gradwright" in result.out
        assert result.err == ""
    assert run("--version").out.startswith("gradwright")


def test_help_is_plain(run: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the README names things, in any width, without frames; no short help is cut."""
    assert "..." not in run("--help").out.partition("Commands:")[2]
    for width, line in (("80", "check [OPTIONS] [SPEC] HAND...\n"), ("40", "[OPTIONS]")):
        monkeypatch.setenv("COLUMNS", width)
        said = run("check", "--help").out
        assert line in said
        assert said.isascii()
        assert not set("{}<") & set(said)
    monkeypatch.setenv("COLUMNS", "80")
    assert "gradwright build [OPTIONS] [SPEC...]\n" in run("build", "--help").out
    assert "gradwright schema [OPTIONS] [spec|check]\n" in run("schema", "--help").out


def test_help_is_quick_and_loads_no_mathematics() -> None:
    script = (
        "import sys, time; from codegen.cli import main; main(['--help'])\n"
        "print([m for m in ('sympy', 'numpy', 'pydantic', 'mpmath') if m in sys.modules],"
        " time.process_time(), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded, _, seconds = done.stderr.strip().rpartition(" ")
    assert loaded == "[]"
    assert float(seconds) < 0.6  # 0.2 where nothing else runs


def test_the_facade_loads_when_used() -> None:
    script = (
        "import sys, gradwright\n"
        "assert 'sympy' not in sys.modules and 'derive' not in sys.modules\n"
        "assert set(gradwright.__all__) <= set(dir(gradwright))\n"
        "for name in gradwright.__all__: getattr(gradwright, name)\n"
        "from gradwright import SpecError\n"
        "report = gradwright.verify('2 > 1 sigmoid : binary_cross_entropy')\n"
        "assert report.ok\n"
        "try: gradwright.code('2 > 1 tanh : binary_cross_entropy')\n"
        "except SpecError as error: print(error.problems)\n"
        "else: raise AssertionError\n"
        "try: gradwright.nothing\n"
        "except AttributeError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "loss: defined only for 0 < o < 1" in done.stdout
    assert "no attribute 'nothing'" in done.stdout


@pytest.mark.parametrize("spec", ["file", "-", "example", "line"])
def test_a_spec_is_given_in_four_ways(run: Cli, tmp_path: Path, spec: str) -> None:
    text = examples.text("xor").encode()
    (tmp_path / "xor.toml").write_bytes(text)
    argument, stdin, name = {
        "file": ("xor.toml", b"", "xor"),
        "-": ("-", text, "network"),
        "example": ("xor", b"", "xor"),
        "line": (LINE, b"", "network"),
    }[spec]
    result = run("code", argument, stdin=stdin)
    assert result == Result(0, f"{name}.py\n", "")
    assert f'NAME = "{name}"' in (tmp_path / f"{name}.py").read_text()


def test_code_writes_exactly_there_and_the_same_bytes_again(run: Cli, tmp_path: Path) -> None:
    assert run("code", "xor", "-o", "a/b/mine.py", "--test").code == 0
    assert set(files(tmp_path)) == {"a/b/mine.py", "a/b/test_mine.py"}
    first = files(tmp_path)
    assert run("code", "xor", "-o", "a/b/mine.py", "--test").code == 0
    assert files(tmp_path) == first
    assert run("code", "xor", "-o", "-").out.encode() == first["a/b/mine.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path / "a/b", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_code_does_not_overwrite_what_a_person_changed(run: Cli, tmp_path: Path) -> None:
    assert run("code", "xor").code == 0
    assert run("code", "digits", "-o", "xor.py").code == 0
    with (tmp_path / "xor.py").open("a") as file:
        file.write("# mine\n")
    before = files(tmp_path)
    assert_refused(run("code", "xor"), "xor.py: was changed since it was made; --force")
    assert files(tmp_path) == before
    assert run("code", "xor", "--force").code == 0
    assert "# mine" not in (tmp_path / "xor.py").read_text()


def test_verify(run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("verify", "xor")
    assert result.code == 0
    assert "every referee agrees" in result.out
    report = json.loads(run("verify", LINE, "--json").out)
    assert report["ok"] is True
    assert report["rows"]
    assert files(tmp_path) == {}

    monkeypatch.setattr(build, "emit", lambda *made: emit(*made).replace("- y", "- 1.0001*y"))
    result = run("verify", "xor")
    assert result.code == 1
    assert "SOME REFEREE DISAGREES" in result.out


def test_new_makes_a_spec_that_works(run: Cli, tmp_path: Path) -> None:
    assert run("new", "mine") == Result(0, "mine.toml\n", "")
    assert run("code", "mine.toml").code == 0
    (tmp_path / "mine.toml").write_text("input = 2\n")
    assert_refused(run("new", "mine"), "--force")
    assert_refused(run("new", "class"), "NAME: ", "Python keyword")
    assert_refused(run("new", "../x"), "NAME: ")
    assert set(files(tmp_path)) == {"mine.toml", "mine.py"}


def test_examples_are_listed_and_copied(run: Cli, tmp_path: Path) -> None:
    listing = run("examples").out
    everything = [*examples.names(), *examples.sheets()]
    assert [line.split()[0] for line in listing.splitlines()] == everything
    assert run("examples", "xor", "digits", "-o", "here").code == 0
    assert files(tmp_path) == {
        f"here/{name}.toml": examples.text(name).encode() for name in ("xor", "digits")
    }
    (tmp_path / "here/xor.toml").write_text("# mine\n")
    assert_refused(run("examples", "xor", "-o", "here"), "xor.toml: ", "--force")
    assert run("examples", "by_hand", "-o", "sheets").out == "sheets/by_hand.tex\n"
    assert files(tmp_path / "sheets") == {"by_hand.tex": examples.sheet("by_hand").encode()}
    assert_refused(run("examples", "xro"), 'NAME: found "xro"', 'did you mean "xor"?')


def test_schema(run: Cli) -> None:
    assert "layers" in json.loads(run("schema").out)["properties"]


def test_notes_in_every_format(run: Cli, tmp_path: Path) -> None:
    result = run("notes", "xor")
    assert (result.code, result.out) == (0, "notes.tex\nnotes.html\n")
    result = run("notes", "xor", "--format", "md,text", "--notation", "rows", "-o", "sub")
    assert result.code == 0
    assert "Forward pass" in result.out
    assert set(files(tmp_path)) == {
        "notes.tex", "notes.html", MEMORY, "sub/notes.md", f"sub/{MEMORY}",
    }  # fmt: skip
    with (tmp_path / "notes.tex").open("a") as file:
        file.write("% mine")
    assert_refused(run("notes", "digits"), "notes.tex: was changed since it was made")
    assert_refused(run("notes", "xor", "--notation", "row"), 'notation: found "row"', '"rows"')


def test_notes_as_pdf(run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if pdf.available():
        assert run("notes", "xor", "--format", "pdf").code == 0
        assert (tmp_path / "notes.pdf").read_bytes().startswith(b"%PDF")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert_refused(run("notes", "xor", "--format", "pdf", "-o", "b"), "pdflatex is not installed")
    assert not (tmp_path / "b").exists()


def test_notes_outside_the_domain_warn(run: Cli, tmp_path: Path) -> None:
    result = run("notes", "2 > 1 tanh : binary_cross_entropy", "--format", "tex")
    assert result.code == 0
    assert result.err.startswith("warning: spec: loss: defined only for 0 < o < 1")
    assert (tmp_path / "notes.tex").exists()


@pytest.mark.parametrize("tail", ["", " > m", " > m generic", " > m tanh > 2 sigmoid"])
def test_notes_of_any_depth(run: Cli, tmp_path: Path, tail: str) -> None:
    """A repeated layer alone and with others behind it."""
    result = run("notes", f"n > d tanh repeat=L bias=threshold{tail} : squared_error")
    assert (result.code, result.err) == (0, "")
    assert set(files(tmp_path)) == {"notes.tex", "notes.html", MEMORY}


def test_build_makes_everything_and_checks_it(run: Cli, tmp_path: Path) -> None:
    made = {"xor.toml", "xor.py", "test_xor.py", "notes.tex", "notes.html", "report.json", MEMORY}
    assert run("build", "xor", "-o", "out").code == 0
    assert set(files(tmp_path / "out/xor")) == made
    assert (tmp_path / "out/xor/xor.toml").read_text() == examples.text("xor")
    report = json.loads((tmp_path / "out/xor/report.json").read_text())
    assert report["steps"]["SAMPLED"] == 0
    assert report["measured"]["worst"] <= report["verification"]["limit"]
    before = files(tmp_path)
    assert run("build", "xor", "-o", "out", "--check") == Result(0, "", "")
    assert run("build", "out/xor/xor.toml", "-o", "out").code == 0
    assert files(tmp_path) == before

    (tmp_path / "out/xor/notes.tex").unlink()
    (tmp_path / "out/xor/xor.py").write_text("# mine\n")
    result = run("build", "xor", "-o", "out", "--check")
    assert result.code == 1
    assert set(result.out.splitlines()) == {
        "out/xor/notes.tex: missing", "out/xor/xor.py: differs from what is made now",
    }  # fmt: skip
    assert_refused(run("build", "xor", "-o", "out"), "xor.py: was changed")
    assert not (tmp_path / "out/xor/notes.tex").exists()
    assert run("build", "xor", "-o", "out", "--force").code == 0
    assert files(tmp_path) == before


def test_build_of_a_network_without_numbers_has_notes_only(run: Cli, tmp_path: Path) -> None:
    result = run("build", "two_two_one")
    assert result.code == 0
    assert "no module: it has generic or symbolic parts" in result.out
    assert set(files(tmp_path / "generated/two_two_one")) == {
        "two_two_one.toml", "notes.tex", "notes.html", "report.json", MEMORY,
    }  # fmt: skip


def test_build_of_several_specs_is_all_or_nothing(run: Cli, tmp_path: Path) -> None:
    assert_refused(run("build", LINE, "2 > 1 tree : huber"), "spec: layers[0].activation")
    assert_refused(run("build", LINE, "2 > 1 : huber"), 'name: found "network", which spec has')
    assert files(tmp_path) == {}
    (tmp_path / "generated").write_text("in the way")
    assert_refused(run("build", LINE), "generated")
    (tmp_path / "generated").unlink()
    (tmp_path / "generated").symlink_to("/proc")
    assert_refused(run("build", LINE), "cannot be written")


def test_a_module_that_is_refuted_is_not_written(
    run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "emit", lambda *made: emit(*made).replace("- y", "- 1.0001*y"))
    result = run("build", "xor")
    assert result.code == 1
    assert "SOME REFEREE DISAGREES" in result.err
    assert files(tmp_path) == {}


# -------------------------------------------------------------------------- networks it refuses


@pytest.mark.parametrize("command", ["code", "verify", "build"])
def test_outside_the_domain(run: Cli, tmp_path: Path, command: str) -> None:
    spec = "2 > 2 tanh > 1 tanh : binary_cross_entropy"
    assert_refused(run(command, spec), "loss: ", "0 < o < 1", "(1 + o)/2", 'domain = "unchecked"')
    assert files(tmp_path) == {}


def test_a_remedy_that_leaves_another_condition_broken_is_not_offered(run: Cli) -> None:
    """log(log(o)) needs o > 1, whatever stands in place of an output below 1."""
    made = run("verify", "2 > 1 tanh : y*log(log(o))")
    assert_refused(made, "log(o) > 0 and o > 0")
    assert "(1 + o)/2" not in made.err


def test_unchecked_goes_on(run: Cli) -> None:
    assert run("code", "2 > 1 tanh : binary_cross_entropy domain=unchecked").code == 0


@pytest.mark.parametrize("command", ["code", "verify", "notes", "build"])
def test_layers_of_other_kinds(run: Cli, command: str) -> None:
    assert run(command, "1x4x4 > conv 2 3 relu > flatten > 2 softmax : cross_entropy").code == 0


@pytest.mark.parametrize("command", ["code", "verify"])
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("two_two_one", ["layers[0].activation: found generic", "loss: found generic"]),
        ("any_depth", ["input[0]: found the symbolic size d0", "layers[0].repeat: found L"]),
        ("2 > n tanh > 1 : squared_error", ["layers[0].units: found the symbolic size n"]),
    ],
)
def test_no_numbers(run: Cli, tmp_path: Path, command: str, spec: str, words: list[str]) -> None:
    assert_refused(run(command, spec), *words)
    assert files(tmp_path) == {}


# ------------------------------------------------------------------------- wrong command lines


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], "No such command"),
        (["code"], "Missing argument"),
        (["code", "xor", "--frob"], "No such option"),
        (["code", "xor", "xor"], "unexpected extra argument"),
        (["notes", "xor", "--format", "docx"], '--format: found "docx", expected tex, html'),
        (["notes", "xor", "--format", ""], '--format: found ""'),
        (["build"], "found no SPEC, expected one or more, or --all"),
        (["build", "xor", "--all"], "found SPEC and --all, expected one of them"),
        (["code", "xor", "--test", "-o", "class.py"], "--output: "),
        (["code", "xor", "--test", "-o", "xor.txt"], "--output: "),
        (["code", "xor", "-o", "."], "is a folder"),
        (["code", "xor", "-o", "/dev/null"], "is a device"),
        (["code", "xor", "-o", "x" * 300], "File name too long"),
        (["code", "xor", "-o", "/proc/xor.py"], "cannot be written"),
        (["verify", "\n" * 3 + "x" * 400], "cannot be read"),
    ],
)
def test_wrong_command_lines(run: Cli, tmp_path: Path, arguments: list[str], words: str) -> None:
    assert_refused(run(*arguments), words)
    assert files(tmp_path) == {}


def test_a_fault_of_ours_is_one_line_as_well(run: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> str:
        raise RuntimeError("of\nmany lines " * 100)

    monkeypatch.setattr(build, "emit", fault)
    result = run("code", "xor")
    assert result.code == 2
    assert "please report it" in result.err
    assert len(result.err.splitlines()) == 1
    assert len(result.err) <= 301


def test_an_interrupt_leaves_nothing(
    run: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "emit", interrupted)
    result = run("code", "xor")
    assert result.code == 130
    assert result.err == "interrupted; no file is half-written\n"
    assert files(tmp_path) == {}


# ------------------------------------------------------------------------------ real processes


def test_exit_codes_of_the_process(tmp_path: Path) -> None:
    done = process("code", LINE, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "network.py\n", "")
    done = process("code", "2 > 1 treee : squared_error", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('spec: layers[0].activation: found "treee"')
    assert set(files(tmp_path)) == {"network.py"}


@pytest.mark.parametrize("module", ["gradwright", "codegen"])
def test_the_command_is_also_a_module(module: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", module, "code", "2 > 1 treee : squared_error"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('spec: layers[0].activation: found "treee"')


def test_a_reader_who_stops_early_is_no_fault(tmp_path: Path) -> None:
    command = f"{sys.executable} -m codegen schema | head -n 1; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
