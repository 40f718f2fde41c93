"""The plugin of pytest: hand derivations as tests."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import gradwright
from tests.command_line import ROOT

pytest_plugins = ["pytester"]
RIGHT = r"\[ \delta_j^{(2)} = o_j^{(2)} - y_j \]"
WRONG = r"\[ \delta_j^{(2)} = y_j - o_j^{(2)} \]"
XOR = "% gradwright: spec=xor\n"
SHEETS = {
    "hand_right": f"{XOR}{RIGHT}",
    "hand_wrong": f"{XOR}{RIGHT}\n{WRONG}\n{WRONG}",
    "hand_off": f"{XOR}{RIGHT}\n% gradwright: off\n{WRONG}\n% gradwright: on\n{RIGHT}",
    "hand_all_off": f"{XOR}% gradwright: off\n{RIGHT}",
    "hand_words": f"{XOR}Nothing but words.",
    "hand_odd": rf"{XOR}{RIGHT} \[ \mystery = 1 \]",
    "hand_evil": rf"{XOR}\catcode`\@=11 {RIGHT}",
    "hand_spec": rf"% gradwright: spec=nothere.toml{chr(10)}{RIGHT}",
    "other": WRONG,
}


Run = Callable[[], pytest.RunResult]


@pytest.fixture(scope="module")
def loaded() -> None:
    """Load beforehand what a run in this process would load and forget again."""
    gradwright.check("xor", RIGHT)


@pytest.fixture
def run(loaded: None, pytester: pytest.Pytester, request: pytest.FixtureRequest) -> Run:
    """Pytest in a folder with the sheets; the plugin is loaded once, installed or not."""
    pytester.makefile(".tex", **SHEETS)
    pytester.makefile(
        ".md", hand_notes=f'<!-- gradwright: spec="xor" -->\n# d\n\n$${RIGHT[2:-2]}$$'
    )
    installed = request.config.pluginmanager.hasplugin("gradwright")
    plugin = () if installed else ("-p", "codegen.pytest_plugin")
    return lambda: pytester.runpytest_inprocess("-q", "--color=no", "-p", "no:benchmark", *plugin)


def failures(result: pytest.RunResult) -> dict[str, str]:
    """The names of the failed sheets, with what is said of each."""
    # Where the variable CI is set, pytest's closing summary repeats the messages whole.
    text = "\n".join(result.outlines).split("short test summary info")[0]
    parts = text.split(" hand derivation ")[1:]
    return {part.split()[0]: part for part in parts}


def test_only_right_sheets_pass(run: Run) -> None:
    result = run()
    result.assert_outcomes(passed=3, failed=6)
    said = failures(result)
    assert set(said) == {
        f"hand_{name}.tex" for name in ("wrong", "all_off", "words", "odd", "evil", "spec")
    }
    wrong = said["hand_wrong.tex"]
    assert "3 claims: 2 wrong, 1 right" in wrong
    assert wrong.count("WRONG") == 2  # every failing claim, in one test
    assert "should be" in wrong
    for name in ("words", "all_off"):
        assert "nothing was checked: no claims" in said[f"hand_{name}.tex"]
    assert "unreadable" in said["hand_odd.tex"]
    assert r"hand_evil.tex:2: found the command \catcode" in said["hand_evil.tex"]
    assert "hand_spec.tex:1: spec" in said["hand_spec.tex"]  # a long path is cut short
    assert "Traceback" not in "\n".join(result.outlines)


def test_the_configuration_stands_in_for_silent_sheets(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\ngradwright_files = other*.tex hand_odd.tex\ngradwright_spec = xor\n"
        "gradwright_notation = rows\ngradwright_strict = false\n"
    )
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    assert "other.tex against xor (notation rows)" in failures(result)["other.tex"]


def test_files_of_the_configuration_stand_beside_it(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where pytest is started in a folder below."""
    pytester.makeini("[pytest]\ngradwright_files = other*.tex\ngradwright_spec = net.toml\n")
    pytester.path.joinpath("net.toml").write_text(
        'name = "net"\ninput = 2\nloss = "huber"\nlayers = ["dense 2 tanh", "dense 1"]\n'
    )
    below = pytester.mkdir("below")
    below.joinpath("other.tex").write_text(
        r"\[ s_j^{(2)} = \sum_i w_{ij}^{(2)} o_i^{(1)} + b_j^{(2)} \]"
    )
    monkeypatch.chdir(below)
    run().assert_outcomes(passed=1)


def test_a_wrong_configuration_is_told_with_its_key(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ngradwright_files = other*.tex\ngradwright_spec = xorr\n")
    pytester.path.joinpath("other.tex").write_text(r"\[ \delta_j^{(2)} = o_j^{(2)} - y_j \]")
    result = run()
    result.stdout.fnmatch_lines(['gradwright_spec: xorr: there is no such file*mean "xor"*'])


def test_the_plugin_is_announced_and_light() -> None:
    """It is an entry point, and loading it imports nothing but pytest."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert data["project"]["entry-points"]["pytest11"] == {"gradwright": "codegen.pytest_plugin"}
    script = (
        "import sys, codegen.pytest_plugin\n"
        "print([m for m in ('sympy', 'numpy', 'pydantic', 'derive') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_no_sheet_of_ours_is_collected_by_mistake() -> None:
    """The bundled sheets are wrong on purpose, so their names must not be those of tests."""
    assert not [p for folder in ("codegen", "derive", "tests")
                for p in Path(ROOT / folder).rglob("hand_*.tex")]  # fmt: skip
