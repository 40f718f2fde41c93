"""Reports on marked sheets, made by hand: what each format says, and how much it reveals."""
# ruff: noqa: RUF001  (signs that look alike are meant)

from __future__ import annotations

import json
import re
import xml.dom.minidom
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest

from codegen.marked import terminal as marked_terminal
from codegen.marked.github import github
from codegen.marked.html import html
from codegen.marked.json import data, schema, to_json
from codegen.marked.markdown import markdown
from codegen.marked.words import (
    COUNTED,
    LEVELS,
    SLIPS,
    WORDS,
    Demands,
    Tex,
    facts,
    in_order,
    revealed,
    summary,
)
from codegen.pages.latex_math import formula
from codegen.pages.terminal_math import text
from codegen.pages.tex_text import GREEK_COMMAND
from codegen.pages.typeset import typeset
from derive.claims.claim import Claim
from derive.marking import marker
from derive.marking.verdicts import (
    DEFECT,
    DEFINITION,
    INCOMPLETE,
    KINDS,
    RIGHT,
    RIGHT_IF,
    UNDECIDED,
    UNREADABLE,
    VERDICTS,
    WRONG,
    Counterexample,
    Mark,
    Marked,
    Slip,
)
from derive.reading.latex_macros import Macros, definitions
from derive.reading.layout import prepared
from derive.sheets.door import read_sheet
from derive.sheets.sheet import Formula
from derive.spec import load
from derive.writing.layout import Layout, Tinted

ROWS = (
    r"\delta_j^{(2)} &= o_j^{(2)} - y_j \\",
    r"\delta_j^{(1)} &= o_j^{(1)} \sum_k w_{kj}^{(2)} \delta_k^{(2)}",
)
FORMULA = Formula("hand.tex", "\n".join(ROWS), line=5, column=1, environment="align", label="e:1")
SECOND = len(ROWS[0]) + 1
AT = FORMULA.text.index("kj")
EXAMPLE = Counterexample(
    "1 > 2 tanh > 1 : huber", (("j", 1),), (("w_{12}^{(2)}", "0.4"),), "0.5", "0.7"
)


def read(start: int, end: int) -> Claim:
    return Claim(None, "=", None, (start, end))


FIRST = Mark(FORMULA, (0, len(ROWS[0]) - 3), RIGHT_IF, conditions=("0 < o < 1",), claim=read(0, 1))
BAD = Mark(
    FORMULA, (SECOND, len(FORMULA.text)), WRONG, "the weights are turned round",
    claim=read(0, 1), slips=(Slip("index", (AT, AT + 2), "kj", "jk"),), follows=False,
    counterexample=EXAMPLE,
    corrected=r"\delta_j^{(1)} = o_j^{(1)} \sum_k w_{jk}^{(2)} \delta_k^{(2)}",
)  # fmt: skip
LOST = Mark(
    Formula("hand.tex", r"\mystery{x} <script>alert(1)</script>", 9, 3), (0, 37), UNREADABLE,
    'found "\\mystery", expected a symbol',
)  # fmt: skip
LATER = Mark(
    Formula("hand.tex", r"x = y", 11, 3), (0, 5), WRONG, claim=read(0, 5), inherits=1,
    slips=(Slip("sign", (0, 0), "", "-"),),
)  # fmt: skip
OPEN = Mark(Formula("hand.tex", r"z =", 12, 1), (0, 3), INCOMPLETE, "nothing stands there",
            claim=read(0, 3), corrected="z = w")  # fmt: skip
SHEET = Marked("xor", "neurons", True, (FIRST, BAD, LOST, LATER, OPEN), ("a clash of o",))


def plain(marked: Marked, width: int = 96) -> str:
    return marked_terminal.terminal(marked, "hand.tex", width)


# ------------------------------------------------------------------------------------- vocabulary


def test_every_verdict_and_every_kind_has_words() -> None:
    assert set(WORDS) == set(COUNTED) == set(VERDICTS)
    assert set(SLIPS) == set(KINDS)


def test_the_summary_counts_the_worst_first() -> None:
    assert summary(SHEET) == (
        "5 claims: 2 wrong, 1 unreadable, 1 incomplete, 1 right under a condition"
    )


def test_demands() -> None:
    fine = Marked(None, "units", False, (replace(BAD, verdict=RIGHT), LOST))
    doubt = Marked(None, "units", False, (replace(BAD, verdict=UNDECIDED),))
    assert not Demands().met([fine, SHEET])
    assert Demands().met([fine, doubt])
    assert Demands(strict=True).unmet([fine, doubt]) == [
        "--strict: found 1 unreadable, expected 0",
        "--strict: found 1 undecided, expected 0",
    ]
    assert Demands(at_least=1).met([fine, doubt])
    assert Demands(at_least=2).unmet([fine, doubt]) == [
        "--min-checked: found 1, expected at least 2"
    ]
    defined = Marked(None, "units", False, (replace(BAD, verdict=DEFINITION),))
    assert not Demands(at_least=1).met([defined])


def test_marks_stand_in_the_order_of_the_sheet() -> None:
    heir = replace(LATER, inherits=0)
    mixed = Marked(None, "u", False, (BAD, FIRST, heir))
    ordered = in_order(mixed).marks
    assert ordered == (FIRST, BAD, replace(heir, inherits=1))
    assert in_order(SHEET) == SHEET


# --------------------------------------------------------------------------------- how much is seen

SECRETS = {  # what no level below the named one may let out
    "place": ("kj", "index"),
    "slip": ("turned round", "jk", "0.7", "z = w", "nothing stands there"),
}


@pytest.mark.parametrize("format", ["text", "html", "json", "github", "markdown"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_level_lets_out_no_more_than_it_says(level: str, format: str) -> None:
    seen = revealed(SHEET, level)
    made = {
        "text": lambda: plain(seen),
        "html": lambda: re.sub(r"<style>.*?</style>", "", html([("hand.tex", seen)]), flags=re.S),
        "json": lambda: to_json([seen]),
        "github": lambda: github(seen),
        "markdown": lambda: markdown([("hand.tex", seen)]),
    }[format]()
    said = made.replace(FORMULA.text, "").replace(ROWS[1], "").replace("w_{kj}", "")
    said = said.replace(json.dumps(ROWS[1])[1:-1], "")
    rank = LEVELS.index(level)
    for name in ("turned round", "jk", "0.7", "nothing stands there"):
        if format == "html" and name == "jk":
            continue  # formulas are taken apart there; the marks below are the same objects
        if format == "markdown" and name == "jk":
            name = "j k"
        assert (name in said) == (level == "line"), (level, name)
    assert ("found" in said.replace('found "', "").replace("found &quot;", "")) or rank < 2
    assert "mystery" in said


def test_the_levels_one_by_one() -> None:
    none, place, slip = (revealed(SHEET, level) for level in ("none", "place", "slip"))
    assert [m.verdict for m in none.marks] == [m.verdict for m in SHEET.marks]
    assert none.remarks == ()
    bad = none.marks[1]
    assert (bad.slips, bad.message, bad.conditions, bad.follows) == ((), "", (), None)
    assert none.marks[2].message == LOST.message
    assert place.marks[1].slips == (Slip("", (AT, AT + 2), "", ""),)
    assert (place.marks[3].inherits, place.marks[1].follows) == (1, False)
    assert slip.marks[1].slips == (Slip("index", (AT, AT + 2), "kj", ""),)
    for seen in (none, place, slip):
        assert not any(m.corrected or m.counterexample for m in seen.marks)
        assert seen.marks[4].message == ""
    assert revealed(SHEET, "line") is SHEET
    with pytest.raises(ValueError, match="'all'"):
        revealed(SHEET, "all")


def test_no_field_of_a_mark_is_forgotten() -> None:
    """A new field of a mark must be thought of in `revealed`."""
    assert {f.name for f in fields(Mark)} == {
        "formula", "span", "verdict", "message", "claim", "slips", "inherits", "follows",
        "conditions", "convention", "counterexample", "corrected",
    }  # fmt: skip


# ---------------------------------------------------------------------------------------- terminal


def test_the_terminal_shows_line_verdict_and_reasons() -> None:
    said = plain(SHEET)
    assert said.startswith("hand.tex against xor (notation neurons, guessed)\n  a clash of o\n")
    lines = said.splitlines()
    (row,) = (k for k, line in enumerate(lines) if "w_{kj}" in line)
    assert lines[row].split()[:2] == ["6", "WRONG"]
    assert lines[row + 1].index("^^") == lines[row].index("kj")
    assert lines[row + 1].strip() == "^^"
    for words in (
        "slip         index: found kj, expected jk",
        "reason       the weights are turned round",
        r"should be    \delta_j^{(1)} = o_j^{(1)} \sum_k w_{jk}^{(2)} \delta_k^{(2)}",
        "inherited    carries on the slip of line 6",
        "complete     z = w",
        "if           0 < o < 1",
    ):
        assert words in said
    assert "\x1b" not in said


@pytest.mark.parametrize("width", [44, 60, 80, 120])
def test_lines_fit_and_carets_stay_below(width: int) -> None:
    said = plain(SHEET, width)
    long = [line for line in said.splitlines() if len(line) > width]
    assert all("should be" in line for line in long)  # corrections can be copied whole
    lines = said.splitlines()
    for k, line in enumerate(lines):
        if set(line.strip()) == {"^"} and "kj" in lines[k - 1]:
            assert line.index("^") == lines[k - 1].index("kj")
            break
    else:
        raise AssertionError("the slip is not marked")


def test_what_cannot_be_read_is_shown_with_its_place() -> None:
    rows = Formula("hand.tex", "a &= b \\\\\n c &= \\odd d \\\\ e &= f", 5, 1, environment="align")
    at = rows.text.index("\\odd")
    mark = Mark(rows, (at, len(rows.text)), UNREADABLE, "character 14")
    lines = plain(Marked(None, "u", False, (mark,))).splitlines()
    assert lines[2].endswith(r"c &= \odd d")
    assert lines[3].index("^") == lines[2].index(r"\odd")
    (claim,) = data([Marked(None, "u", False, (mark,))])["claims"]
    assert (claim["latex"], claim["line"], claim["column"]) == (r"c &= \odd d", 6, 7)


def test_colours_are_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    marked_terminal.show(marked_terminal.lines(SHEET, "hand.tex"))
    assert capsys.readouterr().out == plain(SHEET)
    styles = {p.style for line in marked_terminal.lines(SHEET, "hand.tex") for p in line}
    assert {"bold red", "green"} <= styles


def test_signs_that_steer_a_terminal_are_shown() -> None:
    odd = Formula("hand.tex", "x = \x1b[31m y", 1)
    said = plain(Marked(None, "u", False, (Mark(odd, (0, 11), UNREADABLE, "\x1b[0m"),)))
    assert "\x1b" not in said
    assert "[U+001B]" in said


# -------------------------------------------------------------------------------------------- HTML


def test_the_page_typesets_what_was_written() -> None:
    page = html([("hand.tex", SHEET)])
    body = page[page.index("<main>") : page.index("</main>") + 7]
    xml.dom.minidom.parseString(body.replace("&nbsp;", " "))
    assert '<a href="#s1c2">line 6: WRONG</a>' in page
    assert 'id="s1c2"' in body
    assert '<a href="#s1c2">carries on the slip of line 6</a>' in body
    assert body.count("<math") >= 7
    assert "<b>✗ WRONG</b>" in body
    assert 'class="backward"' in body  # the slip, in colour
    assert "<script>" not in page
    assert r"<pre><code>\mystery{x} &lt;script&gt;" in body
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="https?:', page)


def test_a_page_of_two_sheets_keeps_their_anchors_apart() -> None:
    page = html([("a.tex", SHEET), ("b.tex", SHEET)])
    anchors = re.findall(r'id="(\w+)"', page)
    assert len(anchors) == len(set(anchors)) == 12
    assert "<h2>b.tex</h2>" in page
    assert '<a href="#s2c2">carries on' in page
    assert "No claims." in html([("c.tex", Marked(None, "units", False, ()))])


def test_macros_of_the_sheet_are_typeset() -> None:
    _, macros = definitions(r"\newcommand{\err}[1]{\delta_{#1}}")
    sheet = Formula("m.tex", r"\err{j} = 1")
    mark = Mark(sheet, (0, 11), RIGHT, claim=read(0, 11))
    page = html([("m.tex", Marked(None, "u", False, (mark,), macros=macros))])
    assert "<pre>" not in page
    assert "𝛿</mi>" in page
    assert "<pre>" in html([("m.tex", Marked(None, "u", False, (mark,)))])


# -------------------------------------------------------------------------------------------- JSON


def assert_fits(value: object, rules: dict[str, object]) -> None:
    """The part of JSON schema that ours uses."""
    if "anyOf" in rules:
        options = rules["anyOf"]
        assert isinstance(options, list)
        fitting = []
        for option in options:
            try:
                assert_fits(value, option)
                fitting.append(option)
            except AssertionError:
                continue
        assert fitting, (value, rules)
        return
    if "enum" in rules:
        assert value in rules["enum"]  # type: ignore[operator]
    if "const" in rules:
        assert value == rules["const"]
    kinds = rules.get("type", [])
    names = [kinds] if isinstance(kinds, str) else kinds
    python = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
              "null": type(None)}  # fmt: skip
    assert isinstance(names, list)
    assert not names or any(isinstance(value, python[k]) for k in names), (value, rules)
    if isinstance(value, dict):
        known = rules.get("properties", {})
        assert isinstance(known, dict)
        if rules.get("additionalProperties") is False:
            assert set(value) == set(known) == set(rules["required"])  # type: ignore[call-overload]
        for key, inner in value.items():
            assert_fits(inner, known.get(key, {}))
    if isinstance(value, list):
        for inner in value:
            assert_fits(inner, rules.get("items", {}))  # type: ignore[arg-type]


@pytest.mark.parametrize("level", LEVELS)
def test_json_fits_its_schema(level: str) -> None:
    assert_fits(json.loads(to_json([revealed(SHEET, level)])), schema())


def test_json_says_everything() -> None:
    made = data([SHEET])
    assert (made["schema"], made["spec"], made["notation"]) == (1, "xor", "neurons")
    claim = made["claims"][1]
    assert list(claim) == [
        "file", "line", "column", "label", "latex", "verdict", "slips", "inherits", "follows",
        "conditions", "convention", "counterexample", "corrected", "message",
    ]  # fmt: skip
    assert (claim["file"], claim["line"], claim["column"]) == ("hand.tex", 6, 1)
    (slip,) = claim["slips"]
    start, end = slip["at"]
    assert claim["latex"][start:end] == slip["found"] == "kj"
    assert claim["counterexample"]["given"] == {"w_{12}^{(2)}": "0.4"}
    assert made["claims"][0]["conditions"] == ["0 < o < 1"]


def test_inherits_counts_over_all_sheets() -> None:
    made = data([SHEET, SHEET])
    assert [c["inherits"] for c in made["claims"]][3::5] == [1, 6]
    other = replace(SHEET, notation="rows")
    assert data([SHEET, other])["notation"] is None


# ------------------------------------------------------------------------------ GitHub and Markdown


def test_annotations_are_one_line_each() -> None:
    lines = github(SHEET).splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        "::error", "::warning", "::error", "::warning",
    ]  # fmt: skip
    assert lines[0].startswith("::error file=hand.tex,line=6,endLine=6,col=1,endColumn=")
    assert "%0Aslip: index: found kj, expected jk%0A" in lines[0]


def test_annotations_cannot_begin_another_command() -> None:
    nasty = Formula("a,b:c%.tex", "x\n::error::y", 3)
    made = github(Marked(None, "u", False, (Mark(nasty, (0, 12), WRONG, "1\r\n::stop 100%"),)))
    assert len(made.splitlines()) == 1
    assert made.startswith("::error file=a%2Cb%3Ac%25.tex,line=3,endLine=4,col=1,title=WRONG::")
    assert "100%25" in made


def test_markdown_lists_what_is_wrong_and_counts_what_is_right() -> None:
    right = replace(BAD, verdict=RIGHT, slips=(), message="", counterexample=None, corrected="")
    made = markdown([("hand.tex", replace(SHEET, marks=(*SHEET.marks, right)))])
    assert made.startswith("## hand.tex\n\nAgainst xor, notation neurons (guessed). 6 claims: ")
    assert "Right: e:1." in made
    assert "**e:1: WRONG**" in made
    assert r"- should be: $\delta_{j}^{(1)} = " in made
    assert "<script>" not in made
    assert "<code>&#92;mystery" in made


# ------------------------------------------------------------------------------------- typesetting

GREEK = set(GREEK_COMMAND.values())
NOTES = json.loads((Path(__file__).parent / "data" / "lecture_notes.json").read_text())


def test_every_formula_of_the_lecture_notes_is_typeset() -> None:
    """The letters and digits that stand in the source stand on the page, each as often."""
    for entry in NOTES:
        layout = typeset(entry["latex"])
        assert layout is not None, entry["latex"]
        assert letters(formula(layout, plain=True)) == letters(entry["latex"]), entry["id"]


def letters(latex: str) -> Counter[str]:
    bare = re.sub(r"\\(begin|end)\{\w+\*?\}", " ", latex)
    made = prepared(Macros().expanded(bare))
    return Counter(t.text for t in made if t.kind in ("letter", "digit") or t.text in GREEK)


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"w_{ij}^{(2)} x'", "wᵢⱼ⁽²⁾ x′"),
        (r"\frac{\partial E}{\partial w} \neq 0.25", "∂E/∂w ≠ 0.25"),
        (r"\sum_{k=1}^n \left( a_k \right)^2", "∑ₖ₌₁ⁿ (aₖ)²"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}^\top", "[1  2; 3  4]⊤"),
        (r"f(x) = \begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}",
         "f(x) = { 1 if x > 0; 0 if else }"),
        (r"|x| + \|v\|", "|x| + ‖v‖"),
        (r"\mathrm{net}_j + \boldsymbol{\delta} \odot \mathbf{W}", "netⱼ + δ ⊙ W"),
        (r"\operatorname{softmax}(\hat y)", "softmax(y\u0302)"),
        (r"x \in (0, 1]", "x ∈ (0, 1]"),
    ],
)  # fmt: skip
def test_spellings(latex: str, shown: str) -> None:
    layout = typeset(latex)
    assert layout is not None
    assert text(layout) == shown


@pytest.mark.parametrize(
    "latex", [r"\mystery", r"\input{x}", "{", r"\frac{1}", r"\begin{tikz}x\end{tikz}", "x" * 30000]
)
def test_what_cannot_be_typeset_is_left_to_its_source(latex: str) -> None:
    assert typeset(latex) is None


def test_a_slip_is_tinted_where_it_stands_and_nowhere_else() -> None:
    latex = r"a_{kj} + a_{jk}"
    layout = typeset(latex, wrong=[(3, 5)])
    assert layout is not None
    found = [text(part) for part in parts(layout) if isinstance(part, Tinted)]
    assert found == ["kj"]
    whole = typeset(latex, wrong=[(0, 6)])
    assert whole is not None
    assert "aₖⱼ" in [text(part) for part in parts(whole) if isinstance(part, Tinted)]


def parts(layout: Layout) -> list[Layout]:
    made = [layout]
    for f in fields(layout):
        value = getattr(layout, f.name)
        inner = value if isinstance(value, tuple) else (value,)
        made += [p for each in inner if isinstance(each, Layout) for p in parts(each)]
    return made


def test_what_the_other_facts_say_is_not_said_again() -> None:
    message = "carries on an earlier slip; index: kj should be jk; it would be right with rows"
    mark = replace(BAD, message=message, inherits=0)
    said = {fact.label: fact.text for fact in facts(mark, SHEET.marks)}
    assert said["reason"] == "it would be right with rows"
    meant = replace(BAD, verdict=DEFECT, message="right as it is meant: index: kj should be jk")
    assert {f.label: f.text for f in facts(meant, ())}["reason"] == "right as it is meant"
    told = replace(FIRST, message="right if 0 < o < 1")
    assert [fact.label for fact in facts(told, SHEET.marks)] == ["if"]


def test_facts_are_words_and_formulas() -> None:
    said = {fact.label: fact for fact in facts(BAD, SHEET.marks)}
    assert list(said) == ["slip", "reason", "should be", "for example", "step"]
    assert Tex("kj") in said["slip"].parts
    assert said["for example"].text == str(EXAMPLE)


def test_a_program_is_shown_as_it_stands() -> None:
    """The lines of a Python sheet are no LaTeX, in no format and no fact."""
    text = "z1 = X @ W1 + b1\na1 = np.tanh(z1)\ndz1 = dz2 @ W2.T * (1 - z1 ** 2)\nq = $x$\n"
    sheet = read_sheet(text, "hand.py", "py")
    marked = marker.mark(sheet, load("2 > 3 tanh > 1 tanh : squared_error"))
    assert "WRONG" in {m.verdict for m in marked.marks}
    page, plain = html([("hand.py", marked)]), markdown([("hand.py", marked)])
    assert "<code>dz1 = dz2 @ W2.T * (1 - a1**2)</code>" in page
    assert "<math" not in page.partition("<section")[2]
    assert plain.count("$") == plain.count("$x$")
    assert "<code>1 - a1&#42;&#42;2</code>" in plain


def test_what_is_unreadable_in_rows_is_told_without_counting_them() -> None:
    """The line says where it is; a number of characters from the first row says nothing."""
    rows = (
        r"\begin{align} \delta_j^{(2)} &= o_j^{(2)} - y_j \\" + "\n" + r"\mystery &= 1 \end{align}"
    )
    marked = marker.mark(read_sheet(rows, "h.tex", "tex"), load("2 > 3 tanh > 1 tanh : huber"))
    (unread,) = (m for m in marked.marks if m.verdict == "UNREADABLE")
    assert unread.message.startswith("character ")
    said = marked_terminal.terminal(marked, "h.tex")
    assert 'found "\\mystery"' in said
    assert "character" not in said
