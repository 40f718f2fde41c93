# ruff: noqa: RUF001  (signs that look alike are meant)
"""Layouts: what the nodes refuse, how each format prints each node, and how lines are broken."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.pages.break_lines import broken
from codegen.pages.latex_math import formula
from codegen.pages.mathml import mathml
from codegen.pages.measure import rank, width
from codegen.pages.svg import runs
from codegen.pages.terminal_math import text
from derive.writing.layout import (
    Accent,
    BigOp,
    Cases,
    Fenced,
    Fraction,
    Function,
    Ident,
    Layout,
    Matrix,
    Number,
    Operator,
    Root,
    Script,
    Space,
    Symbol,
    Text,
    Tinted,
    Underbrace,
    apply,
    bars,
    ident,
    number,
    paren,
    partial,
    prime,
    row,
    scientific,
    sub,
    sup,
    sup_more,
    walk,
)
from derive.writing.marks import ACCENTS, BIG, FENCES, GREEK, OPERATORS, SPACES, STYLES, SYMBOLS

a, b, x = ident("a"), ident("b"), ident("x")
W2 = sup(ident("W"), paren(number(2)))

REFUSED = [
    lambda: Ident("a b"), lambda: Ident(r"\input"), lambda: Ident("a", "huge"), lambda: Ident(""),
    lambda: Number("1e5"), lambda: Number("x"), lambda: Operator("\\le"), lambda: Symbol("heart"),
    lambda: Space("wide"), lambda: Fenced("(", a, "x"), lambda: BigOp("union"),
    lambda: Accent("wave", a), lambda: Tinted(a, "red"), lambda: Function("l n"),
    lambda: Matrix(()), lambda: Matrix(((a,), (a, b))), lambda: Matrix(((a,),), "middle"),
    lambda: sup(W2, number(2)), lambda: row(a, "plus", b),
]  # fmt: skip


@pytest.mark.parametrize("make", REFUSED)
def test_a_name_outside_its_table_is_refused(make: Callable[[], Layout]) -> None:
    with pytest.raises(ValueError, match=r"found|match|matrix|superscript"):
        make()


def test_layouts_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        a.text = "b"  # type: ignore[misc]


PRINTED = [  # a layout, its LaTeX, and its plain text
    (row(a, "+", b, "=", number("-1")), "a + b = -1", "a + b = −1"),
    (row("-", a, "-", b), "-a - b", "−a − b"),
    (row(Function("ln"), x), r"\ln x", "ln x"),
    (row(a, Function("softmax"), paren(x)), r"a \operatorname{softmax}(x)", "a softmax(x)"),
    (sub(W2, row(ident("i"), ident("j"))), "W_{i j}^{(2)}", "Wᵢⱼ⁽²⁾"),
    (sup_more(W2, ident("T", "sans")), r"W^{(2) \mathsf{T}}", "W⁽²⁾ᵀ"),
    (prime(ident("sigma")), r"\sigma^{\prime}", "σ′"),
    (prime(a, 4), "a^{(4)}", "a⁽⁴⁾"),
    (partial(ident("L", "calligraphic"), sub(ident("z"), ident("j"))),
     r"\frac{\partial \mathcal{L}}{\partial z_{j}}", "∂L/∂zⱼ"),
    (apply(ident("sigma"), W2), r"\sigma\bigl(W^{(2)}\bigr)", "σ(W⁽²⁾)"),
    (paren(Fraction(a, b)), r"\left( \frac{a}{b} \right)", "(a/b)"),
    (Fraction(row(a, "+", b), row(number(2), x)), r"\frac{a + b}{2 x}", "(a + b)/(2x)"),
    (BigOp("sum", ident("k"), None, row(sub(a, ident("k")), b)), r"\sum_{k} a_{k} b", "∑ₖ aₖ b"),
    (BigOp("argmax", ident("j"), None, a), r"\operatorname*{arg\,max}_{j} a", "argmaxⱼ a"),
    (Script(row(a, "+", b), None, number(2)), "{a + b}^{2}", "(a + b)²"),
    (Root(row(a, "+", b)), r"\sqrt{a + b}", "√(a + b)"),
    (Root(x, number(3)), r"\sqrt[3]{x}", "³√(x)"),
    (bars(x), "|x|", "|x|"),
    (Fenced("||", x, "||"), r"\|x\|", "‖x‖"),
    (Fenced("floor(", x, "floor)"), r"\lfloor x\rfloor", "⌊x⌋"),
    (Accent("hat", ident("y")), r"\hat{y}", "y\u0302"),
    (Underbrace(a, b), r"\underbrace{a}_{b}", "a"),
    (Cases(((x, row(x, ">", number(0))), (number(0), Text("otherwise")))),
     r"\begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases}",
     "{ x if x > 0; 0 if otherwise }"),
    (Matrix(((number("1"), number("-2")),), "right"),
     r"\left( \begin{matrix*}[r] 1 & -2 \end{matrix*} \right)", "[1  −2]"),
    (ident("my_net"), r"\mathit{my\_net}", "my_net"),
    (ident("delta", "bold"), r"\boldsymbol{\delta}", "δ"),
    (ident("R", "blackboard"), r"\mathbb{R}", "R"),
    (row(ident("mu"), a), r"\mu a", "μa"),
    (row(a, "cdot", ident("b")), r"a \cdot b", "a ⋅ b"),
    (row(a, ",", Space("quad"), b), r"a, \quad b", "a,   b"),
    (row(a, "/", b), "a/b", "a/b"),
    (scientific("7.6", -12), r"7.6 \times 10^{-12}", "7.6 × 10⁻¹²"),
    (Tinted(a, "forward"), r"\fwd{a}", "a"),
    (row(a, "in", ident("R", "blackboard")), r"a \in \mathbb{R}", "a ∈ R"),
]  # fmt: skip


@pytest.mark.parametrize(("layout", "latex", "plain"), PRINTED)
def test_printed(layout: Layout, latex: str, plain: str) -> None:
    assert formula(layout) == latex
    assert text(layout) == plain


def test_every_mark_prints_in_every_format() -> None:
    everything = [
        *(Ident(name) for name in GREEK), *(Ident("A", style) for style in STYLES),
        *map(Symbol, SYMBOLS), *map(Operator, OPERATORS), *map(Space, SPACES),
        *(BigOp(name, a, b, x) for name in BIG), *(Fenced(f, x, f) for f in FENCES),
        *(Accent(kind, x) for kind in ACCENTS), Text("<b>"),
    ]  # fmt: skip
    for layout in everything:
        assert formula(layout) is not None
        assert text(layout) is not None
        assert runs(layout)
        ET.fromstring(mathml(layout).replace("&#x2061;", ""))


def test_mathml_has_one_element_for_each_argument() -> None:
    """munder, mfrac and their like take a fixed number of children."""
    arity = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2,
             "munderover": 3, "mroot": 2, "semantics": 2}  # fmt: skip
    for layout, _, _ in PRINTED:
        for node in ET.fromstring(mathml(layout).replace("&#x2061;", "")).iter():
            if node.tag in arity:
                assert len(node) == arity[node.tag], f"{node.tag} in {mathml(layout)}"


def test_mathml_carries_its_latex() -> None:
    tree = ET.fromstring(mathml(row(a, "<", b)))
    found = tree.find(".//annotation")
    assert found is not None
    assert found.text == r"a \lt b"
    assert found.get("encoding") == "application/x-tex"


def test_a_minus_is_a_prefix_only_where_nothing_stands_before_it() -> None:
    def forms(layout: Layout) -> list[str | None]:
        return [n.get("form") for n in ET.fromstring(mathml(layout)).iter("mo")]

    assert forms(row("-", a, "-", b)) == ["prefix", "infix"]
    assert forms(row(a, "=", "-", b)) == ["infix", "prefix"]


def test_signs_in_scripts_stand_close() -> None:
    def spaces(layout: Layout) -> set[str | None]:
        return {n.get("lspace") for n in ET.fromstring(mathml(layout)).iter("mo")}

    assert spaces(row(a, "-", b)) == {"0.2222em"}
    assert spaces(sub(a, row(a, "-", b))) == {"0"}


def test_rank_tells_how_tall_fences_must_be() -> None:
    assert rank(a) == rank(sup(a, number(2))) == 0
    assert rank(W2) == rank(paren(a)) == 1
    assert rank(Fraction(a, b)) == 2


# ------------------------------------------------------------------------------- breaking lines

letters = st.sampled_from("abcdxyzABW").map(Ident)


def sums(inner: st.SearchStrategy[Layout]) -> st.SearchStrategy[Layout]:
    signs = st.sampled_from(["+", "-", "cdot", "="])
    pairs = st.lists(st.tuples(signs, inner), min_size=1, max_size=6)
    long = st.tuples(inner, pairs).map(lambda t: row(t[0], *(p for pair in t[1] for p in pair)))
    return long | inner.map(paren) | st.tuples(inner, inner).map(lambda t: Fraction(*t))


formulas = st.recursive(letters, sums, max_leaves=25)


def added(parts: Sequence[Layout]) -> Layout:
    first, *rest = parts
    return row(first, *(piece for part in rest for piece in (Operator("+"), part)))


def leaves(layout: Layout) -> list[Layout]:
    """Names and signs in order; what breaking adds, a blank, is left out."""
    return [n for n in walk(layout) if isinstance(n, Ident | Operator)]


@settings(max_examples=60, deadline=None)
@given(formulas, st.floats(3, 30))
def test_breaking_loses_nothing(layout: Layout, room: float) -> None:
    lines = broken(layout, room)
    assert [leaf for line in lines for leaf in leaves(line)] == leaves(layout)
    opened = sum(bool(n.left) - bool(n.right) for line in lines for n in walk(line)
                 if isinstance(n, Fenced))  # fmt: skip
    assert opened == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(letters, min_size=2, max_size=40))
def test_a_sum_of_letters_always_fits(parts: list[Layout]) -> None:
    layout = added(parts)
    for line in broken(layout, 8.0):
        assert width(line) <= 8.0


def test_a_long_sum_in_parentheses_is_broken_inside_them() -> None:
    long = added([sub(a, number(k)) for k in range(12)])
    lines = broken(row(b, "=", paren(long), x), 12.0)
    assert len(lines) > 2
    assert all(width(line) <= 12.0 for line in lines)
    fences = [n for line in lines for n in walk(line) if isinstance(n, Fenced)]
    assert [(f.left, f.right) for f in (fences[0], fences[-1])] == [("(", ""), ("", ")")]
