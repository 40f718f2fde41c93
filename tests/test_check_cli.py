"""`gradwright check` as a user meets it: what it takes, prints and writes, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegen import examples
from codegen.commands.hands import parted
from codegen.marked.json import schema
from derive.errors import SpecError
from tests.command_line import Cli, assert_refused, files, process
from tests.test_marked import assert_fits

RIGHT = r"\delta_j^{(2)} = o_j^{(2)} - y_j"
WRONG = r"\delta_j^{(2)} = y_j - o_j^{(2)}"


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """Sheets, a network and what a sheet takes in, in the folder in which commands run."""
    made = {
        "right.tex": rf"\[ {RIGHT} \]",
        "wrong.tex": f"Two lines.\n\\begin{{align}}\n{RIGHT} \\\\\n{WRONG}\n\\end{{align}}\n",
        "odd.tex": rf"\[ {RIGHT} \] \[ \mystery = 1 \]",
        "named.md": f'<!-- gradwright: spec="2 > 2 tanh > 1 sigmoid : binary_cross_entropy" -->\n'
        f"# Output\n\n$$ {RIGHT} $$\n",
        "lemma.tex": r"\[ \tanh'(s) = 1 - \tanh^2(s) \]",
        "inside.tex": r"\input{parts/one}",
        "parts/one.tex": rf"\[ {WRONG} \]",
        "net.toml": examples.text("xor"),
    }
    for name, text in made.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


# ------------------------------------------------------------------------------ verdicts and codes


def test_a_right_sheet(run: Cli, sheets: Path) -> None:
    result = run("check", "xor", "right.tex")
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith("\n1 claim: 1 right\n")


def test_a_wrong_line_is_shown_with_its_correction(run: Cli, sheets: Path) -> None:
    result = run("check", "xor", "wrong.tex")
    assert (result.code, result.err) == (1, "")
    assert "   4  WRONG" in result.out
    assert "slip         sign" in result.out
    assert "should be" in result.out
    assert "for example" in result.out
    assert result.out.endswith("2 claims: 1 wrong, 1 right\n")


def test_json_alone_is_on_standard_output(run: Cli, sheets: Path) -> None:
    result = run("check", "net.toml", "wrong.tex", "--json")
    made = json.loads(result.out)
    assert_fits(made, schema())
    assert (result.code, made["schema"], made["spec"]) == (1, 1, "net")
    assert [c["verdict"] for c in made["claims"]] == ["RIGHT", "WRONG"]
    claim = made["claims"][1]
    assert (claim["file"], claim["line"], claim["column"]) == ("wrong.tex", 4, 1)
    assert claim["slips"][0]["kind"] == "sign"
    assert claim["counterexample"]
    assert claim["corrected"]


def test_a_sheet_names_its_network(run: Cli, sheets: Path) -> None:
    result = run("check", "named.md", "--json")
    made = json.loads(result.out)
    assert (result.code, [c["verdict"] for c in made["claims"]]) == (0, ["RIGHT"])


def test_statements_about_activations_need_no_network(run: Cli, sheets: Path) -> None:
    result = run("check", "lemma.tex")
    assert result.code == 0
    assert result.out.startswith("lemma.tex (notation ")


def test_standard_input(run: Cli, sheets: Path) -> None:
    result = run("check", "xor", "-", stdin=rf"\[ {WRONG} \]".encode())
    assert result.code == 1
    assert result.out.startswith("- against xor")


def test_a_file_inside_a_sheet(run: Cli, sheets: Path) -> None:
    result = run("check", "xor", "inside.tex", "--json")
    (claim,) = json.loads(result.out)["claims"]
    assert (result.code, claim["file"], claim["verdict"]) == (1, "parts/one.tex", "WRONG")


def test_strict_and_a_least_number(run: Cli, sheets: Path) -> None:
    assert run("check", "xor", "odd.tex").code == 0
    strict = run("check", "xor", "odd.tex", "--strict")
    assert (strict.code, strict.err) == (1, "--strict: found 1 unreadable, expected 0\n")
    assert run("check", "xor", "right.tex", "--min-checked", 1).code == 0
    few = run("check", "xor", "right.tex", "--min-checked", 2)
    assert (few.code, few.err) == (1, "--min-checked: found 1, expected at least 2\n")
    assert "1 right" in few.out


@pytest.mark.parametrize("level", ["none", "place", "slip"])
def test_a_hint_does_not_give_the_answer(run: Cli, sheets: Path, level: str) -> None:
    result = run("check", "xor", "wrong.tex", "--reveal", level)
    assert result.code == 1
    assert "WRONG" in result.out
    assert "should be" not in result.out
    assert "expected" not in result.out
    assert ("slip" in result.out) == (level != "none")
    assert ("sign" in result.out) == (level == "slip")


def test_a_chapter_on_biases_of_two_forms_is_right(run: Cli, sheets: Path) -> None:
    """Not all layers do the same then, and each form stands with its layers."""
    layers = [
        {"kind": "dense", "units": 2, "activation": "tanh", "bias": "threshold"},
        {"kind": "dense", "units": 1, "activation": "sigmoid"},
    ]
    net = {"input": 2, "layers": layers, "loss": "squared_error", "notation": "named_layers"}
    (sheets / "net.json").write_text(json.dumps(net))
    assert run("notes", "net.json", "--format", "tex,md", "-o", "notes").code == 0
    result = run("check", "net.json", "notes/notes.tex", "--strict")
    assert result.code == 0, result.out
    words = [w for w in (sheets / "notes/notes.md").read_text().splitlines() if "last factor" in w]
    assert words == [f"For a bias the last factor is ${one}$:" for one in ("1", "-1")]


# ------------------------------------------------------------------------------------- the formats


def test_annotations(run: Cli, sheets: Path) -> None:
    result = run("check", "xor", "wrong.tex", "odd.tex", "--format", "github")
    lines = result.out.splitlines()
    assert lines[0].startswith("::error file=wrong.tex,line=4,endLine=4,col=1,")
    assert lines[1].startswith("::warning file=odd.tex,line=1,")
    assert len(lines) == 2


def test_several_formats_at_once(run: Cli, sheets: Path) -> None:
    before = files(sheets)
    result = run("check", "xor", "wrong.tex", "--format", "text,html,json", "-o", "out/report.html")
    assert result.code == 1
    assert result.out.startswith("wrong.tex against xor")
    assert result.out.endswith("out/report.html\nout/report.json\n")
    new = {name for name in files(sheets) if name not in before}
    assert new == {"out/report.html", "out/report.json", "out/.gradwright.json"}
    assert b"<math" in files(sheets)["out/report.html"]
    again = run("check", "xor", "right.tex", "--format", "html", "-o", "out/report.html")
    assert (again.code, again.out) == (0, "out/report.html\n")  # ours may be replaced


def test_the_report_as_markdown(run: Cli, sheets: Path) -> None:
    printed = run("check", "xor", "wrong.tex", "--format", "md")
    assert printed.code == 1
    assert printed.out.startswith("## wrong.tex\n")
    made = run("check", "xor", "wrong.tex", "--format", "md,json", "-o", "out/report.txt")
    assert set(made.out.split()) == {"out/report.md", "out/report.json"}
    assert (sheets / "out" / "report.md").read_text() == printed.out


def test_a_single_format_is_printed_or_goes_to_the_file(run: Cli, sheets: Path) -> None:
    page = run("check", "xor", "right.tex", "--format", "html").out
    assert page.startswith("<!doctype html>")
    run("check", "xor", "right.tex", "-o", "a report.txt")
    assert (sheets / "a report.txt").read_text().startswith("right.tex against xor")


def test_the_schema_is_printed(run: Cli) -> None:
    assert json.loads(run("schema", "check").out) == schema()
    assert "layers" in run("schema").out
    assert_refused(run("schema", "chek"), 'found "chek", expected spec or check')


# --------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["xor"], ["HAND: found none"]),
        (["xorr", "right.tex"], ["xorr: there is no such file", 'did you mean "xor"']),
        (["xor", "deep", "right.tex"], ["SPEC: found 2 networks"]),
        (["xor", "none.tex"], ["none.tex: there is no such file"]),
        (["xor", "right.tex", "right.tex"], ["same file twice"]),
        (["xor", "parts"], ["parts: this is a folder"]),
        (["xor", "/dev/zero"], ["/dev/zero: this is a device"]),
        (["xor", "bad.pdf"], ["bad.pdf: found .pdf, expected .tex, .md or .py"]),
        (["xor", "words.md"], ["words.md: found no formula"]),
        (["xor", "empty.tex"], ["empty.tex: is empty, expected a hand derivation"]),
        (["xor", "large.tex"], ["large.tex: is larger than"]),
        (["xor", "lost.tex"], ["lost.tex:1: the formula cannot be read", "mystery"]),
        (["xor", "evil.tex"], ["evil.tex:2: found the command \\catcode"]),
        (["xor", "outside.tex"], ["outside.tex:1: found the file", "inside the folder"]),
        (["xor", "link.tex"], ["lies outside the folder"]),
        (["badspec.tex"], ["badspec.tex:1: spec", "../net.toml"]),
        (["xor", "program.py"], ["program.py"]),
        (["xor", "right.tex", "--format", "pdf"], ['--format: found "pdf"']),
        (["xor", "right.tex", "--format", "text,html"], ["html beside other formats"]),
        (["xor", "right.tex", "--reveal", "all"], ['--reveal: found "all"']),
        (["xor", "right.tex", "--notation", "unit"], ['did you mean "units"']),
        (["xor", "right.tex", "--notation", "none.toml"], ["none.toml"]),
        (["xor", "right.tex", "-o", "right.tex"], ["right.tex: was not made by gradwright"]),
    ],
)
def test_refusals(run: Cli, sheets: Path, arguments: list[str], words: list[str]) -> None:
    made = {
        "words.md": b"No formula at all.",
        "bad.pdf": rb"\[ x = y \]",
        "empty.tex": b"",
        "large.tex": b"%" * 11_000_000,
        "lost.tex": rb"\[ \mystery = 1 \]",
        "evil.tex": b"\\[ x = y \\]\n\\catcode`\\@=11",
        "outside.tex": rb"\input{../secret}",
        "link.tex": rb"\input{away}",
        "program.py": b"import os\nos.system('touch hacked')\n",
        "badspec.tex": b"% gradwright: spec=../net.toml\n\\[ x = y \\]",
    }
    for name, data in made.items():
        (sheets / name).write_bytes(data)
    (sheets / "away.tex").symlink_to("/etc/hostname")
    before = files(sheets)
    assert_refused(run("check", *arguments), *words)
    assert files(sheets) == before


def test_one_bad_sheet_stops_before_anything_is_written(run: Cli, sheets: Path) -> None:
    before = files(sheets)
    result = run("check", "xor", "wrong.tex", "none.tex", "--format", "html", "-o", "report.html")
    assert_refused(result, "none.tex")
    assert files(sheets) == before


def test_which_argument_is_the_network() -> None:
    line = "2 > 3 tanh > 1 : huber"
    assert parted([line, "a.tex", "b.md"]) == (line, ["a.tex", "b.md"])
    assert parted(["a.tex", "net.json"]) == ("net.json", ["a.tex"])
    assert parted(["-"]) == (None, ["-"])
    with pytest.raises(SpecError, match="HAND"):
        parted([line])


def test_it_runs_as_a_process_without_colours(sheets: Path) -> None:
    done = process("check", "xor", "wrong.tex", cwd=sheets)
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout
