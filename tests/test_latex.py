r"""LaTeX pages: numbers, warnings, hostile words, and the whitelist that reads every page again."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from pathlib import Path

import pytest

from codegen.pages import pdf
from codegen.pages.break_lines import broken
from codegen.pages.document import (
    CodeLine,
    CodeListing,
    CrossRef,
    Display,
    Document,
    Equation,
    EquationRow,
    Equations,
    Inlines,
    Lemma,
    Line,
    Paragraph,
    Result,
    Section,
    Table,
)
from codegen.pages.latex import latex
from codegen.pages.latex_displays import equations
from codegen.pages.latex_math import formula
from codegen.pages.latex_safety import assert_safe_body, assert_safe_latex
from codegen.pages.numbering import numbered
from codegen.pages.tex_text import escape, pdf_string
from codegen.render import TEMPLATES
from derive.writing.layout import Cases, Fraction, Ident, Layout, Operator, Space, Text, paren, row
from tests import notes_sample as sample_parts
from tests.notes_sample import HOSTILE, at, hostile_document, math, sample

needs_tex = pytest.mark.skipif(not pdf.available(), reason="pdflatex is not installed")


def assert_compiles_clean(document: Document) -> pdf.Compiled:
    made = pdf.compile_pdf(latex(document))
    assert made.problems == (), "\n".join(made.problems)
    assert made.pdf.startswith(b"%PDF")
    return made


@needs_tex
def test_the_sample_compiles_without_a_warning() -> None:
    made = assert_compiles_clean(sample())
    assert pdf.compile_pdf(latex(sample())).pdf == made.pdf, "the bytes depend on the run"


@needs_tex
def test_tex_counts_as_the_tree_does() -> None:
    document = sample()
    made = assert_compiles_clean(document)
    found = dict(re.findall(r"\\newlabel{([^}]*)}{{([^}]*)}", made.aux))
    for key, target in document.targets.items():
        assert found[key] == target.number, f"{key}: TeX says {found[key]}, the tree {target}"


@needs_tex
@pytest.mark.parametrize("title", [HOSTILE, "W" * 200], ids=["hostile", "long"])
def test_hostile_words_compile_without_a_warning(title: str) -> None:
    assert_compiles_clean(hostile_document(title))


def long_sum(parts: int) -> Layout:
    first, *rest = (row(at("w", k, Ident("i")), at("a", k, Ident("j"))) for k in range(parts))
    return row(first, *(piece for part in rest for piece in (Operator("+"), part)))


def wide_document() -> Document:
    reason: Inlines = ("a reason that says much more than it would have to say, in many words",)
    wide, delta = long_sum(14), sample_parts.delta(1)
    product = paren(row(*(at("w", k, Ident("j")) for k in range(40))))
    lines = (
        Line(delta, "=", wide, reason, "PROVED"),
        Line(None, "=", row(paren(wide), at("b", 1)), ("short",), "TESTED", "eq:inside"),
        Line(None, "=", product, ("no sign to break at",), "SAMPLED"),
        Line(wide, "=", wide, reason, "PROVED", "eq:both"),
        Line(delta, "=", row(Ident("o"), "+", Fraction(wide, Ident("o"))), reason),
    )
    rows = EquationRow((Equation(delta, "=", wide), Equation(wide, "=", wide)), "eq:pair")
    cells: tuple[tuple[Inlines, ...], ...] = tuple(
        ((f"row {k}",), reason, (math(at("w", k)),), reason) for k in range(60)
    )
    heads: tuple[Inlines, ...] = (("a",), ("b",), ("c",), ("d",))
    return numbered(
        Document(
            "Wide",
            sections=(
                Section(
                    ("Wide",),
                    (
                        Paragraph(("So ", math(wide), " follows.")),
                        Display(lines),
                        Equations((rows,)),
                        Table(heads, cells, ("Long",)),
                        Result(("Wide",), ((), ()), ((reason, (math(wide),)),) * 9),
                        CodeListing((CodeLine("x = 1  # " + "long " * 60, ("eq:pair",)),)),
                    ),
                ),
            ),
        )
    )


@needs_tex
def test_nothing_is_too_wide_or_too_tall() -> None:
    assert_compiles_clean(wide_document())


# ---------------------------------------------------------------------------------- whitelist

SMUGGLED = [
    r"\input{secret}", r"\write18{ls}", r"\immediate", r"\csname x\endcsname", r"\catcode`\%=12",
    r"\def\x{}", r"\newcommand{\x}{}", r"\openout", r"\begin{verbatim}", r"\begin{lstlisting}",
    "a^^41", "a # b", "x % y", r"\let\a\b", r"\loop", "\\\t", r"\usepackage{x}", "naïve",
    r"\href{x}",
]  # fmt: skip


@pytest.mark.parametrize("text", SMUGGLED)
def test_the_whitelist_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="of the body"):
        assert_safe_body(f"some words {text} and more")
    with pytest.raises(ValueError, match="of the body"):
        assert_safe_latex(f"\\begin{{document}}\nsome words {text} and more\\end{{document}}")
    assert_safe_body(escape(text))


def test_escaped_words_hold_no_command_and_keep_their_braces_even() -> None:
    for c in map(chr, [*range(32, 0x250), *range(0x370, 0x400), 0x202E, 0x4E2D, 0x1F600]):
        made = assert_safe_body(escape(c))
        bare = re.sub(r"\\[{}]", "", made)
        assert bare.count("{") == bare.count("}")
        assert bare.count("$") % 2 == 0 or made == r"\$"


def test_metadata_is_plain() -> None:
    assert re.fullmatch(r"[A-Za-z0-9 .:()\-+=*/']*", pdf_string(HOSTILE))


# ------------------------------------------------------------------------------------ numbers


def test_every_reference_has_a_number() -> None:
    targets = sample().targets
    assert targets["eq:f1"].text == "(1)"
    assert targets["eq:grad"].text == "(6)"
    assert targets["fig:check"].text == "Figure 3"
    assert targets["lem:bce"].text == "Lemma 2"
    assert targets["sec:back"].text == "Section 4"


def test_a_reference_to_nothing_is_refused() -> None:
    page = Document("x", opening=(Paragraph((CrossRef("eq:none"),)),))
    with pytest.raises(ValueError, match="'eq:none', which nothing carries"):
        numbered(page)


def test_a_key_has_one_owner() -> None:
    twice = tuple(
        Equations((EquationRow((Equation(None, "", Ident("x")),), "eq:x"),)) for _ in range(2)
    )
    with pytest.raises(ValueError, match=r"names both \(1\) and \(2\)"):
        numbered(Document("x", opening=twice))
    wrong = Equations((EquationRow((Equation(None, "", Ident("x")),), "eq}{x"),))
    with pytest.raises(ValueError, match="letters, digits"):
        numbered(Document("x", opening=(wrong,)))


def test_only_the_words_of_checks_are_marks() -> None:
    line = Line(None, "=", Ident("x"), checked="SURE")
    with pytest.raises(ValueError, match="SURE"):
        numbered(Document("x", opening=(Display((line,)),)))


def test_numbering_changes_nothing_but_numbers() -> None:
    document = sample()
    again = numbered(replace(document, targets={}))
    assert again == document


def test_broken_displays_still_say_the_same() -> None:
    wide = long_sum(14)
    pieces = " ".join(formula(piece) for piece in broken(wide, 20.0)).replace("{} ", "")
    assert pieces == formula(wide)


def test_the_layers_for_which_a_formula_holds_stay_together() -> None:
    where = row(Ident("l"), "=", Ident("p"), ",", Ident("q"))
    pieces = broken(row(long_sum(1), Space("qquad"), where), 7.0)
    assert [formula(piece) for piece in pieces[1:]] == [r"{} \qquad l = p, q"]


@needs_tex
def test_a_long_table_comes_after_the_words_behind_it() -> None:
    """No page is left half empty for a table, and its number stands on every piece of it."""
    cells: Inlines = ("a word",)
    table = Table((cells, cells), ((cells, cells),) * 70, ("Words.",), "tab:words")
    text = Paragraph(("Words stand in ", CrossRef("tab:words"), ". " + "More words. " * 120))
    document = numbered(Document("Words", "", (), (text, table, text)))
    made = assert_compiles_clean(document)
    tex = latex(document)
    assert tex.count(r"\begin{table}") == 2
    assert r"Table~\ref{tab:words} (continued)" in tex
    assert r"\newlabel{tab:words}{{1}{2}" in made.aux, "the text has filled page 1"


def test_a_reason_below_a_formula_stays_on_its_page() -> None:
    wide = Line(Ident("x"), "=", long_sum(14), ("a reason",))
    rows = latex(numbered(Document("x", opening=(Display((wide, wide)),)))).splitlines()
    reasons = [k for k, row in enumerate(rows) if r"\why{" in row]
    assert len(reasons) == 2
    assert all(rows[k - 1].endswith(r"\\*") for k in reasons)
    assert rows[reasons[0]].endswith(" \\\\")


def test_numbers_of_equations_stand_apart_from_code() -> None:
    long, short = CodeLine("x = " + "y + " * 20 + "z", ("eq:x",)), CodeLine("x = y", ("eq:x",))
    shown = Equations((EquationRow((Equation(None, "", Ident("x")),), "eq:x"),))
    document = numbered(Document("x", opening=(shown, CodeListing((long, short)))))
    assert r"z\remarked" not in latex(document)


def test_a_listing_leaves_no_single_line_on_a_page() -> None:
    listing = CodeListing(tuple(CodeLine(f"x = {k}") for k in range(20)))
    lines = latex(numbered(Document("x", opening=(listing,)))).splitlines()
    code = [k for k, line in enumerate(lines) if line.startswith(r"\codeline")]
    kept = [lines[k - 1] == r"\nopagebreak" for k in code]
    assert kept == [False, *[True] * 3, *[False] * 13, *[True] * 3]


def test_words_in_formulas_of_a_statement_are_upright() -> None:
    """A statement is set in italics; its formulas look as those of its proof."""
    cases = Cases(
        (
            (
                Ident("z"),
                Text("if"),
            ),
            (Ident("y"), Text("otherwise")),
        )
    )
    shown = Equations((EquationRow((Equation(Ident("f"), "=", cases),)),))
    lemma = Lemma(("Let",), (Paragraph(("Then",)), shown), shown=(shown,))
    tex = latex(numbered(Document("x", opening=(lemma,))))
    statement, proof = tex.split(r"\begin{proof}")
    assert "{\\upshape\n\\begin{equation*}" in statement
    assert r"\upshape" not in proof


# ---------------------------------------------------------------------------------- templates

HOLE = re.compile(r"{{\s*(.*?)\s*}}|<<\s*(.*?)\s*>>")
STATEMENT = re.compile(r"{%-?\s*(.*?)\s*-?%}|<%-?\s*(.*?)\s*-?%>")
ALLOWED = re.compile(r"for \w+ in [\w.]+|endfor|if [\w.]+|else|endif|include '[\w./]+'")


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("notes.*.j2")), ids=lambda p: p.name)
def test_templates_only_lay_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tex = path.name.endswith(".tex.j2")
    for found in HOLE.findall(text):
        hole = found[1] if tex else found[0]
        assert not hole or re.fullmatch(r"[a-z_][\w.]*", hole), f"`{hole}` computes something"
    for found in STATEMENT.findall(text):
        statement = found[1] if tex else found[0]
        assert not statement or ALLOWED.fullmatch(statement), f"`{statement}` decides something"


# ----------------------------------------------------------------------------------------- pdf


@needs_tex
def test_tex_sees_no_file_outside_and_no_shell(tmp_path: Path) -> None:
    secret = tmp_path / "secret.tex"
    secret.write_text("secret words")
    page = rf"\documentclass{{article}}\begin{{document}}\input{{{secret}}}\end{{document}}"
    with pytest.raises(pdf.TeXFailed):
        pdf.compile_pdf(page)
    mark = tmp_path / "mark"
    shell = rf"\immediate\write18{{touch {mark}}}"
    pdf.compile_pdf(rf"\documentclass{{article}}\begin{{document}}x{shell}\end{{document}}")
    assert not mark.exists()


def test_a_missing_pdflatex_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert not pdf.available()
    with pytest.raises(pdf.NoTeX, match="not installed"):
        pdf.compile_pdf("x")


def test_documents_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(sample(), "title", "x")  # noqa: B010  (what a type checker would refuse)


def test_equations_stand_side_by_side_only_where_all_rows_leave_room() -> None:
    def equation(letters: int) -> Equation:
        return Equation(Ident("x"), "=", row(*(Ident("m") for _ in range(letters))))

    pair = EquationRow((equation(4), equation(4)))
    narrow = equations(Equations((pair, EquationRow((equation(8),)))))
    wide = equations(Equations((pair, EquationRow((equation(33),)))))
    assert "m & x" in narrow
    assert "m & x" not in wide
