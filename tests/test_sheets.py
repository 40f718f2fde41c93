"""Sheets as files: what is found, at which place, and what is refused by name."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache

import pytest

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.errors import SpecError
from derive.marking.conventions import Conventions
from derive.marking.judging import Judge
from derive.profiles import profile
from derive.python_sheets.environment import python_scope
from derive.python_sheets.writing import python_corrected, python_text
from derive.reading.latex_tokens import Refused
from derive.reading.own import Own, PythonStyle
from derive.reading.scope import Scope
from derive.reading.tree import Letter, Num, Over, Power
from derive.sheets.door import claims_of, read_sheet
from derive.sheets.sheet import Directive, Formula, Heading, Prose, Sheet
from derive.spec import load


def tex(text: str, files: dict[str, str] | None = None) -> Sheet:
    def include(path: str) -> str:
        found = (files or {}).get(path) or (files or {}).get(path + ".tex")
        if found is None:
            raise FileNotFoundError(path)
        return found

    return read_sheet(text, "hand.tex", "tex", include)


def displays(sheet: Sheet) -> list[str]:
    return [formula.text for formula in sheet.formulas]


def inline(sheet: Sheet) -> list[str]:
    return [p.text for p in sheet.parts if isinstance(p, Formula) and not p.display]


def assert_placed(sheet: Sheet, text: str) -> None:
    """Every formula stands where it says, character for character, line and column included."""
    for part in sheet.parts:
        if isinstance(part, Formula):
            first = part.text.split("%")[0].split("  ")[0]
            assert text[part.start : part.start + len(first)] == first
            rows = text[: part.start].split("\n")
            assert (part.line, part.column) == (len(rows), len(rows[-1]) + 1)


# ------------------------------------------------------------------ frames

FRAMES = [
    (r"\[ a = b \]", "a = b"),
    ("$$a = b$$", "a = b"),
    (r"\begin{equation}a = b\end{equation}", "a = b"),
    (r"\begin{equation*} a = b \end{equation*}", "a = b"),
    (r"\begin{displaymath}a = b\end{displaymath}", "a = b"),
    (r"\begin{align}a &= b \\ &= c\end{align}", r"a &= b \\ &= c"),
    (r"\begin{gather}a = b \\ c = d\end{gather}", r"a = b \\ c = d"),
    (r"\begin{multline}a = b \\ + c\end{multline}", r"a = b \\ + c"),
    (r"\begin{eqnarray}a &=& b\end{eqnarray}", "a &=& b"),
    (r"\begin{alignat}{2}a &= b & c &= d\end{alignat}", "a &= b & c &= d"),
    (r"\begin{flalign*}a &= b\end{flalign*}", "a &= b"),
    (
        r"\begin{equation}\begin{split}a &= b\end{split}\end{equation}",
        r"\begin{split}a &= b\end{split}",
    ),
    (
        r"\[ a = \begin{cases} 1 & b \\ 2 & c \end{cases} \]",
        r"a = \begin{cases} 1 & b \\ 2 & c \end{cases}",
    ),
    (r"$$a = \text{if $b$}$$", r"a = \text{if $b$}"),
    (r"\[ a \\[2pt] b \]", r"a \\[2pt] b"),
]


@pytest.mark.parametrize(("text", "inside"), FRAMES)
@pytest.mark.parametrize("kind", ["tex", "md"])
def test_frames_of_displays(text: str, inside: str, kind: str) -> None:
    around = f"Some words\nbefore {text} and behind."
    sheet = read_sheet(around, "hand", kind)
    assert displays(sheet) == [inside]
    assert_placed(sheet, around)
    assert [p.text for p in sheet.parts if isinstance(p, Prose)] == [
        "Some words before",
        "and behind.",
    ]


def test_mathematics_in_a_line_and_prose_around_it() -> None:
    text = r"Let $h$ be \(\tanh(z)\), for 5\$ or \textbf{$k$}."
    sheet = tex(text)
    assert inline(sheet) == ["h", r"\tanh(z)", "k"]
    assert not displays(sheet)
    assert_placed(sheet, text)


def test_a_dollar_in_braces_does_not_close_mathematics() -> None:
    assert inline(tex(r"so $a = \text{if $b$} = c$ holds")) == [r"a = \text{if $b$} = c"]


def test_headings_labels_and_directives() -> None:
    sheet = tex(
        "% gradwright: notation=units, loss=cross_entropy\n"
        "\\section*{The \\emph{output} layer}\n"
        r"\begin{equation} a = b \label{eq:a} \end{equation} \[ c = d \tag{7} \]"
    )
    assert [p.text for p in sheet.parts if isinstance(p, Heading)] == ["The output layer"]
    assert [f.label for f in sheet.formulas] == ["eq:a", "7"]
    told = [(p.name, p.value) for p in sheet.parts if isinstance(p, Directive)]
    assert told == [("notation", "units"), ("loss", "cross_entropy")]


def test_what_is_switched_off_is_left_out() -> None:
    rows = [r"\[ a = b \]", "% gradwright: off", r"\[ c = d \]", "% gradwright: on", r"\[ e = f \]"]
    assert displays(tex("\n".join(rows))) == ["a = b", "e = f"]
    marked = [re.sub(r"% (.*)", r"<!-- \1 -->", row) for row in rows]
    assert displays(read_sheet("\n".join(marked), "a.md", "md")) == ["a = b", "e = f"]
    hand = "a = b\n# gradwright: off\nc = d\n# gradwright: on\ne = f\n"
    assert displays(read_sheet(hand, "a.py", "py")) == ["a = b", "e = f"]


HIDDEN = [
    "% $$ no = 1 $$\n",
    r"\begin{verbatim} $$ no = 1 $$ \end{verbatim}",
    r"\begin{lstlisting}[language=C] $no$ \end{lstlisting}",
    r"\begin{comment} \[ no = 1 \] \end{comment}",
    r"\iffalse \[ no = 1 \] \ifx a b \fi \[ no = 2 \] \fi",
    r"\iffalse \[ no = 1 \] \else\fi",
    r"\verb|$no$|",
    r"\begin{tikzpicture} \node {$no$}; \end{tikzpicture}",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_what_is_no_formula(text: str) -> None:
    sheet = tex(rf"\[ a = b \] {text} \[ c = d \]")
    assert displays(sheet) == ["a = b", "c = d"]
    assert not inline(sheet)
    assert_placed(sheet, rf"\[ a = b \] {text} \[ c = d \]")


def test_a_comment_line_inside_a_display_does_not_end_it() -> None:
    text = "$$ a\n% a remark\n= b $$"
    (only,) = tex(text).formulas
    assert only.text.split() == ["a", "%", "=", "b"]
    assert only.position(only.text.index("=")) == ("hand.tex", 3, 1)


@pytest.mark.parametrize(
    "text", [r"\[ a = b", "$$ a = b", r"\begin{align} a = b", r"see \( a = b", "see $a = b"]
)
def test_a_frame_that_nothing_closes_is_a_problem_of_its_own(text: str) -> None:
    sheet = tex(f"{text}\n\nThen \\[ c = d \\] follows.")
    formulas = [p for p in sheet.parts if isinstance(p, Formula)]
    assert [bool(f.problem) for f in formulas] == [True, False]
    assert formulas[1].text == "c = d"


def test_words_between_the_rows_of_a_display() -> None:
    sheet = tex(r"\begin{align} a &= b \intertext{where $b$ is new} c &= d \end{align}")
    assert inline(sheet) == ["b"]
    assert [p.text for p in sheet.parts if isinstance(p, Prose)] == ["where", "is new"]


# ------------------------------------------------------------------ macros and other files


def test_macros_of_the_preamble() -> None:
    sheet = tex(
        r"\documentclass{article}\newcommand{\pic}[1]{\includegraphics{#1}}"
        r"\newcommand{\w}[2]{w_{#1#2}}\let\eps\varepsilon\let\old\phi\let\phi\varphi\let\varphi\old"
        r"\DeclarePairedDelimiter{\norm}{\lVert}{\rVert}\DeclareMathOperator{\soft}{softmax}"
        r"\title{$t$}\begin{document}\[ \w ij \]\end{document}\[ no \]"
    )
    assert displays(sheet) == [r"\w ij"]
    assert {"w", "eps", "norm", "soft"} <= set(sheet.macros.known)
    assert "pic" not in sheet.macros.known
    words = [t.text for t in sheet.macros.expanded(r"\norm{\w ij}")]
    assert "".join(words) == r"\lVertw_{ij}\rVert"


def test_files_inside_the_folder_are_read_with_it() -> None:
    files = {
        "parts/one.tex": r"\newcommand{\q}{q}\[ one \] \input{parts/two}",
        "parts/two.tex": "$two$",
    }
    sheet = tex(r"\[ a \]\input{parts/one} \[ b \]", files)
    texts = [(f.file, f.text) for f in sheet.parts if isinstance(f, Formula)]
    assert texts == [
        ("hand.tex", "a"),
        ("parts/one", "one"),
        ("parts/two", "two"),
        ("hand.tex", "b"),
    ]
    assert "q" in sheet.macros.known


REFUSED = [
    (r"\catcode`\@=11", "catcode"),
    (r"\csname a\endcsname", "csname"),
    (r"\immediate\write18{ls}", "immediate"),
    (r"\write18{ls}", "write"),
    (r"\loop\iftrue\repeat", "loop"),
    (r"\newcommand{\a}{\expandafter\b}", "expandafter"),
    (r"\def\a{\a}", "calls itself"),
    (r"\def\a{\b}\def\b{\a}", "calls itself"),
    (r"\input{../secret}", "inside the folder"),
    (r"\input{/etc/passwd}", "inside the folder"),
    (r"\input{|ls}", "inside the folder"),
    (r"\input ~/x", "inside the folder"),
    (r"\input{none}", "can be read"),
    (r"\directlua{os.exit()}", "directlua"),
]


@pytest.mark.parametrize(("text", "word"), REFUSED)
def test_programs_are_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(Refused, match=word) as stop:
        tex(f"\\[ a \\]\n\n{text} \\[ b \\]")
    assert len(str(stop.value)) <= 300
    if word != "calls itself":
        assert "hand.tex:3:" in str(stop.value)


def test_files_that_read_each_other_come_to_an_end() -> None:
    with pytest.raises(Refused, match="deep"):
        tex(r"\input{a}", {"a": r"\input{a}\input{a}"})


def test_a_text_without_a_folder_reads_nothing() -> None:
    with pytest.raises(Refused, match="no folder"):
        read_sheet(r"\input{a}", "-", "tex")


def test_limits() -> None:
    with pytest.raises(Refused, match="characters"):
        tex("a" * 10_000_000)
    with pytest.raises(Refused, match="formulas"):
        tex("$a$ " * 200_000)
    with pytest.raises(SpecError, match="kind"):
        read_sheet("", "a.doc", "doc")


# ------------------------------------------------------------------ Markdown


def test_markdown() -> None:
    text = (
        "---\ntitle: $no$\n---\n# Title $t$\n\nPay 5\\$ or $5 now, `$no$`, $`q`$ and $h_1$.\n\n"
        "> $$\n> a = b\n> $$\n\n```python\n$no$\n```\n\n```math\nc = d\n```\n\n"
        "```latex\n\\begin{align} e &= f \\end{align}\nwords\n```\n\n"
        "\\\\[ g = h \\\\]\n\nEnd\n===\n"
    )
    sheet = read_sheet(text, "hand.md", "md")
    assert displays(sheet) == ["a = b", "c = d", "e &= f", "g = h"]
    assert inline(sheet)[-1] == "h_1"
    assert [p.text for p in sheet.parts if isinstance(p, Heading)] == ["Title $t$", "End"]
    assert_placed(sheet, text)


def test_windows_files_are_accepted() -> None:
    sheet = read_sheet("\ufeff\\[ a\r\n= b \\]\r\n\\[ c \\]", "hand.tex", "tex")
    assert [(f.text, f.line) for f in sheet.formulas] == [("a\n= b", 1), ("c", 3)]


# ------------------------------------------------------------------ Python


def test_python() -> None:
    text = (
        '"""Two layers."""\nimport numpy as np\n\nW = symbols("W")\n# %% Backward\n'
        "dW1 = X.T @ (\n    delta1)  # a note\nassert np.allclose(db1, 0)\nprint(dW1)\n"
    )
    sheet = read_sheet(text, "hand.py", "py")
    assert displays(sheet) == ["dW1 = X.T @ (\n    delta1)", "assert np.allclose(db1, 0)"]
    assert [p.text for p in sheet.parts if isinstance(p, Heading)] == ["Backward"]
    assert all(f.language == "python" for f in sheet.formulas)
    assert_placed(sheet, text)


def test_a_bad_line_of_python_is_a_problem_of_its_own() -> None:
    sheet = read_sheet("a = b\nc = (d\ne = = f\ng = h\n", "hand.py", "py")
    assert [(f.text, bool(f.problem)) for f in sheet.formulas] == [
        ("a = b", False),
        ("c = (d", True),
        ("e = = f", True),
        ("g = h", False),
    ]


def test_only_the_end_of_a_line_ends_a_line_of_python() -> None:
    text = "a = (\n\x0c\nb = 1\nc = 2\x0c\nd = 3"
    sheet = read_sheet(text, "hand.py", "py")
    assert [(f.text, f.line) for f in sheet.formulas if not f.problem] == [
        ("b = 1", 3),
        ("c = 2", 4),
        ("d = 3", 5),
    ]


def test_an_array_of_data_is_no_claim_and_an_array_of_a_product_is_one() -> None:
    text = "X = np.array([[0, 1], [1, 0]])\ndW1 = np.array(X.T @ delta1)\n"
    assert displays(read_sheet(text, "hand.py", "py")) == ["dW1 = np.array(X.T @ delta1)"]


@pytest.mark.parametrize(
    "text",
    [
        "for i in a:\n    b = 1\n",
        "def f(x):\n    return x\n",
        "class A: pass\n",
        "while True: pass\n",
        "with a: pass\n",
        "a = __import__('os')\n",
        "a = eval('1')\n",
        "a = open('x').read()\n",
        "a = x.__class__\n",
        "a = " + "(" * 10_000 + ")" * 10_000,
        "a = " + "-" * 100_000 + "1",
        "a = 1" + "+1" * 90_000,
    ],
    ids=lambda text: text[:12],
)
def test_python_programs_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        read_sheet(text, "hand.py", "py")


# ------------------------------------------------------------------ claims of Python


ROWS = PythonStyle()
COLUMNS = PythonStyle(columns=True)
SAMPLE = PythonStyle(batch=False)
SQUARES = "2 > 3 tanh > 2 sigmoid : squared_error"
ENTROPY = "2 > 3 relu > 1 sigmoid : binary_cross_entropy"
CLASSES = "2 > 3 tanh > 4 softmax : cross_entropy"
LINES = [
    (SQUARES, ROWS, "z1 = X @ W1 + b1", True),
    (SQUARES, ROWS, "z1 = W1 @ X + b1", False),
    (SQUARES, ROWS, "y_hat = 1 / (1 + np.exp(-z2))", True),
    (SQUARES, ROWS, "loss = np.sum((y_hat - y)**2) / n", True),
    (SQUARES, ROWS, "delta2 = 2 * (y_hat - y) * y_hat * (1 - y_hat)", True),
    (SQUARES, ROWS, "delta2 = (y_hat - y) * y_hat * (1 - y_hat)", False),
    (SQUARES, ROWS, "dW2 = a1.T @ delta2 / n", True),
    (SQUARES, ROWS, "dW2 = a1.T @ delta2", False),
    (SQUARES, ROWS, "grad_W2 = np.einsum('ni,nj->ij', a1, delta2) / len(X)", True),
    (SQUARES, ROWS, "db2 = np.sum(delta2, axis=0) / X.shape[0]", True),
    (SQUARES, ROWS, "db2 = np.sum(delta2, axis=0, keepdims=True) / batch_size", True),
    (SQUARES, ROWS, "delta1 = (delta2 @ W2.T) * (1 - a1**2)", True),
    (SQUARES, ROWS, "delta1 = (delta2 @ W2.T) * (1 - a1)**2", False),
    (SQUARES, ROWS, "assert np.allclose(db1, delta1.mean(axis=0))", True),
    (SQUARES, ROWS, "W1 -= lr * dW1", True),
    (SQUARES, ROWS, "W1 = W1 + lr * dW1", False),
    (ENTROPY, COLUMNS, "Z1 = np.dot(W1, X) + b1", True),
    (ENTROPY, COLUMNS, "A1 = np.maximum(0, Z1)", True),
    (ENTROPY, COLUMNS, "dZ2 = A2 - Y", True),
    (ENTROPY, COLUMNS, "dW2 = (1/m) * np.dot(dZ2, A1.T)", True),
    (ENTROPY, COLUMNS, "dW2 = (1/m) * np.dot(A1, dZ2.T)", False),
    (ENTROPY, COLUMNS, "db2 = 1/m * np.sum(dZ2, axis=1, keepdims=True)", True),
    (ENTROPY, COLUMNS, "dZ1 = np.multiply(W2.T @ dZ2, Z1 > 0)", True),
    (ENTROPY, COLUMNS, "db2 = dZ2.mean(axis=1, keepdims=True)", True),
    (ENTROPY, COLUMNS, "db1 = db1 * W1.shape[0] / 3", True),
    (ENTROPY, COLUMNS, "db1 = db1 * W1.shape[1] / 2", True),
    (SQUARES, ROWS, "db1 = db1 * W1.shape[0] / 2", True),
    (SQUARES, ROWS, "db1 = db1 * W1.shape[0] / 3", False),
    (CLASSES, ROWS, "y_hat = np.exp(z2) / np.sum(np.exp(z2), axis=1, keepdims=True)", True),
    (CLASSES, ROWS, "y_hat = np.exp(z2) / np.sum(np.exp(z2))", False),
    (CLASSES, ROWS, "y_hat = np.exp(z2) / np.exp(z2).sum(axis=0)", False),
    (CLASSES, COLUMNS, "A2 = np.exp(Z2) / np.sum(np.exp(Z2), axis=0)", True),
    (CLASSES, COLUMNS, "A2 = softmax(Z2)", True),
    (CLASSES, ROWS, "A2 = softmax(Z2, axis=-1)", True),
    (CLASSES, COLUMNS, "A2 = np.exp(Z2) / np.sum(np.exp(Z2), axis=1)", False),
    (CLASSES, SAMPLE, "y_hat = np.exp(z2) / np.sum(np.exp(z2))", True),
    (SQUARES, SAMPLE, "Eq(diff(tanh(s), s), 1 - tanh(s)**2)", True),
    (SQUARES, SAMPLE, "assert diff(1/(1 + exp(-x)), x) == sigmoid(x)*(1 - sigmoid(x))", True),
    (SQUARES, SAMPLE, "Eq(diff(tanh(s), s), 1 - s**2)", False),
    (SQUARES, SAMPLE, "Eq(diff(L, W1[i, j]), x[i] * delta1[j])", True),
    (SQUARES, SAMPLE, "Eq(diff(L, W1[i, j]), x[j] * delta1[i])", False),
    (SQUARES, SAMPLE, "Eq(z1[j], Sum(W1[i, j]*x[i], (i, 0, n-1)) + b1[j])", True),
    (SQUARES, SAMPLE, "Eq(delta1[i], Sum(W2[i, j]*delta2[j], (j, 1, K))*(1 - a1[i]**2))", True),
    (SQUARES, SAMPLE, "Eq(delta1[i], Sum(W2[j, i]*delta2[j], (j, 1, K))*(1 - a1[i]**2))", False),
    (SQUARES, SAMPLE, "dW1 = np.outer(x, delta1)", True),
    (SQUARES, SAMPLE, "delta1 = (W2 @ delta2) * (1 - a1**2)", True),
]  # fmt: skip


@cache
def judge(network: str) -> Judge:
    return Judge(load(network))


@pytest.mark.parametrize(("network", "style", "line", "right"), LINES)
def test_lines_of_python(network: str, style: PythonStyle, line: str, right: bool) -> None:
    own = Own(python=style)
    made = Conventions(transposed=style.columns)
    scope = Scope(profile("rows"), last=Label(2), own=own, conventions=made)
    (formula,) = read_sheet(line, "hand.py", "py").formulas
    reading = claims_of(formula, scope)
    assert not reading.problems
    (claim,) = reading.claims
    assert (judge(network).difference(claim, scope) is None) == right


@pytest.mark.parametrize(
    ("line", "place", "expected"),
    [
        ("dW1 = X.T @ weird(delta1)", 12, "a function"),
        ("a = [x for x in y]", 4, "an expression of arrays"),
        ("z1 = X[1:2] @ W1", 5, "an entry"),
        ("x = lambda: 1", 4, "an expression of arrays"),
        ("z1 = f'{x}'", 5, "an expression of arrays"),
        ("z1 = np.dot(W1)", 5, "a function"),
        ("db1 = np.average(delta1, axis=0, weights=q)", 41, "axis and keepdims"),
        ("a2 = softmax(z2, axis=0)", 5, "over the units"),
        ("z1 = np.outer(x)", 5, "a function"),
        ("z1[j] = Sum(x[i], (i, 1))", 18, "an index with its limits"),
        ("z1[j] = Sum(x[i], ())", 18, "an index with its limits"),
        ("a, b = c, d, e", 0, "as many values"),
    ],
)
def test_what_is_no_line_of_arrays(line: str, place: int, expected: str) -> None:
    (formula,) = read_sheet(line, "hand.py", "py").formulas
    reading = claims_of(formula, Scope(profile("rows"), last=Label(2)))
    assert not reading.claims
    assert (reading.problems[0].at, expected in reading.problems[0].expected) == (place, True)


@pytest.mark.parametrize("step", ["foo{0} * foo{0}", "foo{0} + 1"])
def test_names_that_stand_for_too_much_are_problems_of_their_own(step: str) -> None:
    """Each name stands for the one before: doubled forty times, or four hundred deep."""
    rows = [f"foo{k} = {step.format(k - 1)}" for k in range(1, 400 if "1" in step else 40)]
    text = "\n".join([f"z1 = foo{len(rows)}", *reversed(rows), "foo0 = X @ W1"])
    sheet = read_sheet(text, "hand.py", "py")
    scope, _ = python_scope(sheet, load(SQUARES))
    first = claims_of(sheet.formulas[0], scope)
    assert [(p.at, "name" in p.expected) for p in first.problems] == [(5, True)]
    assert claims_of(sheet.formulas[-3], scope).claims


def test_fractions_are_written_so_that_nothing_takes_them_apart() -> None:
    third = Num(Fraction(1, 3))
    assert python_text(Over(Letter("c"), third)) == "c / (1/3)"
    assert python_text(Power(Letter("c"), third)) == "c**(1/3)"
    assert python_text(Over(third, Letter("c"))) == "1/3 / c"


SHAPED = ("mean", "W1.shape")  # sizes of layers have no name


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("db2 = np.sum(dZ2, axis=1, keepdims=True)", "np.sum(dZ2, axis=1, keepdims=True) / m"),
        ("dW2 = np.dot(dZ2, A1.T)", "dZ2 @ A1.T / m"),
        ("dZ1 = W2.T @ dZ2", "(W2.T @ dZ2) * A1"),
    ],
)
def test_corrections_keep_samples_in_columns(line: str, right: str) -> None:
    scope = Scope(profile("rows"), last=Label(2), own=Own(python=COLUMNS))

    def claim(text: str) -> Claim:
        (formula,) = read_sheet(text, "hand.py", "py").formulas
        return claims_of(formula, scope).claims[0]

    given, meant = claim(line), claim(f"{line.split(' = ')[0]} = {right}")
    again = claim(python_corrected(f"{line}  # m A1", given, meant, Label(2)))
    assert again.rhs == meant.rhs


WRITTEN = [
    line for _, style, line, _ in LINES if style is ROWS and not any(w in line for w in SHAPED)
]


@pytest.mark.parametrize("line", WRITTEN)
def test_python_is_written_as_it_is_read(line: str) -> None:
    """What is written of a tree is read as the same tree."""
    scope = Scope(profile("rows"), last=Label(2), own=Own(python=ROWS))
    names = re.findall(r"[A-Za-z]\w*", line)

    def claim(text: str) -> Claim:
        (formula,) = read_sheet(text, "hand.py", "py").formulas
        return claims_of(formula, scope).claims[0]

    first = claim(line)
    assert first.lhs is not None
    assert first.rhs is not None
    sides = [python_text(side, names, Label(2)) for side in (first.lhs, first.rhs)]
    again = claim(" = ".join(sides))
    assert (again.lhs, again.rhs) == (first.lhs, first.rhs), sides


def test_code_of_one_letter_in_markdown_ends_at_its_own_mark() -> None:
    text = "The rows of `X` are samples.\n\n$$ a = b $$\n\nIn code `c`, ``d ` e`` and $c = d$."
    made = read_sheet(text, "hand.md", "md")
    assert [f.text for f in made.parts if isinstance(f, Formula)] == ["a = b", "c = d"]
