"""The reader: spellings that mean the same, structures, refusals, and messages with a place."""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction

import pytest

from derive.algebra.symbols import Label
from derive.profiles import names, profile
from derive.reading.latex_macros import Macros, definitions
from derive.reading.latex_tokens import Refused, Unreadable
from derive.reading.reader import Reading, read
from derive.reading.scope import Scope
from derive.reading.tree import (
    Applied,
    AtPoint,
    Branches,
    Change,
    Derivative,
    Entry,
    Grid,
    Kronecker,
    Letter,
    Minus,
    Nabla,
    Node,
    Norm,
    Num,
    Plus,
    Power,
    Times,
    Total,
    Transposed,
    Words,
    walk,
)

SCOPES = {name: Scope(profile(name), last=Label(2)) for name in names()}


def side(text: str, notation: str = "columns") -> Node:
    reading = read(f"q = {text}", SCOPES[notation])
    assert not reading.problems, reading.problems[0]
    (claim,) = reading.claims
    assert claim.rhs is not None
    return claim.rhs


def problem(text: str, notation: str = "columns") -> Unreadable:
    reading = read(text, SCOPES[notation])
    assert reading.problems, reading.claims
    return reading.problems[0]


# ------------------------------------------------------------------ spellings of one thing

SAME = [
    ("columns", r"\frac{\partial C_n}{\partial z_i^{(2)}}", r"\partial C_n / \partial z_i^{(2)}"),
    ("columns", r"\frac{\partial C_n}{\partial z_i^{(2)}}", r"\pdv{C_n}{z_i^{(2)}}"),
    ("columns", r"\frac{\partial C_n}{\partial z_i^{(2)}}", r"\frac{d C_n}{d z_i^{(2)}}"),
    ("columns", r"\dot{\sigma}^{(2)}(z_i^{(2)})", r"{\dot\sigma}^{(2)} \left( z_i^{(2)} \right)"),
    ("columns", r"\dot{\sigma}^{(2)}(z_i^{(2)})", r"\sigma'^{(2)}(z_i^{(2)})"),
    ("columns", r"\sigma''(z)", r"\ddot{\sigma}(z)"),
    ("columns", r"W^{(2)\top} y", r"W^{(2)^{\intercal}} \vec{\mathbf{y}}"),
    ("columns", r"W^{(2)\top} y", r"{W^{(2)}}^{\mathsf{T}} y"),
    ("columns", r"W^{(2)\top} y", r"\left(W^{(2)}\right)^T y"),
    ("columns", r"W^{(2)\top} y", r"(\mathbf{W}^{(2)})^{\mathrm{T}} y"),
    ("columns", r"a_i^{(\ell)}", r"a^{(\ell)}_i"),
    ("columns", r"a_i^{(\ell)}", r"a_{i}^{(l)}"),
    ("columns", r"a_i^{(l-1)} b_i^{(l)}", r"a_{i}^{( l - 1 )} \, b_i^{(l)}"),
    ("columns", r"\sum_{j=1}^{n_1} w_{ij}^{(2)}", r"∑_{1 \le j \le n_1} w_{i j}^{(2)}"),
    ("columns", r"\|y\|^2", r"\lVert \vec{y} \rVert^2"),
    ("columns", r"\|y\|^2", r"||y||^{2}"),
    ("columns", r"\ln\left(y_i\right)", r"\log y_i"),
    ("columns", r"e^{-y_i}", r"\exp(-y_i)"),
    ("columns", r"\exp[y_i]", r"\exp\left\{y_i\right\}".replace(r"\{", "(").replace(r"\}", ")")),
    ("columns", r"\tfrac{1}{2} y_i", r"\dfrac{1}{2} y_i"),
    ("columns", r"(1 - a_i^{(2)})^2", r"\bigl( 1 - a_i^{(2)} \bigr)^{2}"),
    ("units", r"o_i^{l=2}", r"o_i^2"),
    ("units", r"\delta_{ij} o_i", r"\delta_{i,j} o_i"),
    ("units", r"\text{error}_i^l", r"\text{apparent error}_i^l"),
    ("units", r"\frac{\partial \text{loss}}{\partial s_i^l}", r"\frac{\partial E}{\partial s_i^l}"),
    ("signals", r"\varphi(S_j^{(k)})", r"\mathcal{Q}(s_j^{(k)})"),
    ("signals", r"x_i^{(k-1)}", r"\chi_i^{(k-1)}"),
    ("neurons", r"\varphi^2(s)", r"(\varphi(s))^2"),
    ("named_layers", r"a_j^{(out)}", r"a_j^{(\mathit{out})}"),
    ("named_layers", r"a_j^{(out)}", r"a_j^{(\text{out})}"),
    ("rows", r"\nabla_{W^{(2)}} L", r"\nabla_{W^{(2)}}L"),
]


@pytest.mark.parametrize(("notation", "left", "right"), SAME)
def test_spellings_of_one_thing(notation: str, left: str, right: str) -> None:
    assert side(left, notation) == side(right, notation)


DIFFERENT = [
    ("columns", r"w_{ij}^{(2)}", r"w_{ji}^{(2)}"),
    ("columns", r"a_i^{(2)}", r"a_i^{2}"),
    ("units", r"o_i^2", r"(o_i)^2"),
    ("units", r"\delta_{ij}", r"\delta_i^{j}".replace("^{j}", "^2")),
    ("columns", r"W^{(2)} y", r"W^{(2)} \odot y"),
    ("columns", r"\sum_j y_j + 1", r"\sum_j (y_j + 1)"),
    ("columns", r"\frac{\partial}{\partial z}(z^2) e^z", r"\frac{\partial}{\partial z}(z^2 e^z)"),
    ("columns", r"-y_i^2", r"(-y_i)^2"),
    ("columns", r"\log y_1 y_2", r"\log(y_1 y_2)"),
]


@pytest.mark.parametrize(("notation", "left", "right"), DIFFERENT)
def test_things_that_look_alike(notation: str, left: str, right: str) -> None:
    assert side(left, notation) != side(right, notation)


# ------------------------------------------------------------------ structures


def test_one_symbol_with_everything() -> None:
    assert side(r"y_k^*", "units") == Entry("target", "", None, (Letter("k"),))
    entry = side(r"\delta_{j}^{(h)[i]}", "named_layers")
    assert entry == Entry("delta", "", Label(1), (Letter("j"),), sample=Letter("i"))
    entry = side(r"w_{ij}^{(k)}(n+1)", "signals")
    assert entry == Entry("weight", "", Label(0, "l"), (Letter("i"), Letter("j")), step=1)


def test_a_sum_takes_the_rest_of_its_product() -> None:
    made = side(r"2 \sum_k w_{ki}^{(2)} \delta_k^{(2)} + b_i^{(2)}")
    assert isinstance(made, Plus)
    (product, _) = made.args
    assert isinstance(product, Times)
    assert isinstance(product.args[1], Total)
    assert isinstance(product.args[1].body, Times)


def test_matrices_cases_norms_and_deltas() -> None:
    assert isinstance(side(r"\begin{pmatrix} y_1 & 0 \\ 0 & y_2 \end{pmatrix}"), Grid)
    made = side(r"\begin{cases} y_i & \text{if } y_i > 0 \\ 0 & \text{otherwise} \end{cases}")
    assert isinstance(made, Branches)
    assert made.rows[1] == (Num(Fraction(0)), None)
    assert isinstance(side(r"\|y\|_2^2"), Power)
    assert side(r"\|y\|_2") == Norm(Entry("target", "", None, (), form="whole"), "2")
    assert side(r"\delta_{i,j}", "units") == Kronecker(Letter("i"), Letter("j"))


def test_changes_gradients_and_points() -> None:
    assert isinstance(side(r"\Delta w_{ji}^2", "units"), Change)
    assert side(r"\nabla C_1") == Nabla(Entry("loss", "", None, (), Num(Fraction(1))))
    made = side(r"\frac{\partial L}{\partial b_j^{(1)}}(w_{ij}^{(1)}, b_j^{(1)})", "signals")
    assert isinstance(made, AtPoint)
    assert isinstance(made.arg, Derivative)


def test_primes_count_and_transposes_are_no_powers() -> None:
    made = side(r"\varphi''(s)", "neurons")
    assert isinstance(made, Applied)
    assert made.order == 2
    assert isinstance(side(r"(W^{(1)} y)^T"), Transposed)


def test_spans_point_into_the_text() -> None:
    text = r"a_i^{(2)} = w_{ij}^{(2)} a_j^{(1)}"
    (claim,) = read(text, SCOPES["columns"]).claims
    assert claim.rhs is not None
    found = [text[n.span[0] : n.span[1]] for n in walk(claim.rhs) if isinstance(n, Entry)]
    assert found == [r"w_{ij}^{(2)}", r"a_j^{(1)}"]


# ------------------------------------------------------------------ statements


def relations(text: str, notation: str = "columns") -> list[str]:
    reading = read(text, SCOPES[notation])
    assert not reading.problems, reading.problems[0]
    return [claim.relation for claim in reading.claims]


def test_chains_compare_with_their_first_member() -> None:
    claims = read(r"y_i = a_i^{(2)} = x_i", SCOPES["columns"]).claims
    assert [c.lhs for c in claims] == [side("y_i")] * 2
    assert claims[1].before == side("a_i^{(2)}")


@pytest.mark.parametrize(
    "text",
    [
        r"\begin{align*} y_i &= x_i \\ &= a_i^{(2)} \end{align*}",
        r"\begin{aligned} y_i &= x_i \\ &\quad + 1 \\ &= a_i^{(2)} \end{aligned}",
        r"\begin{align} y_i &= x_i \\* &\quad + 1 \\* &= a_i^{(2)} \end{align}",
        r"$$ y_i = x_i = a_i^{(2)} $$",
        r"y_i = x_i, \qquad y_i = a_i^{(2)}",
        r"y_i = x_i \quad \text{and} \quad y_i = a_i^{(2)}",
        r"\begin{align} y_i &= x_i & y_i &= a_i^{(2)} \end{align}",
        r"\begin{align*} y_i &= x_i && \why{9em}{because} \\ &= a_i^{(2)} \notag \end{align*}",
        r"\begin{eqnarray} y_i &=& x_i \\ y_i &=& a_i^{(2)} \end{eqnarray}",
        r"\begin{align} y_i &= \left( x_i \right. \\ &\qquad \left. {} + 1 \right) = 1 \end{align}",
        r"y_i = x_i \implies y_i = a_i^{(2)}",
        r"\boxed{y_i = x_i} \therefore y_i = a_i^{(2)} \tag{3}",
        r"\begin{gather} y_i = x_i \label{one} \\ y_i = a_i^{(2)} \notag \end{gather}",
    ],
)
def test_two_equations(text: str) -> None:
    assert relations(text) == ["=", "="]


def test_relations_and_updates() -> None:
    assert relations(r"w_{ij}^{(1)} \leftarrow w_{ij}^{(1)} - \eta") == ["gets"]
    assert relations(r"w_{ij}^{(1)} := w_{ij}^{(1)} - \eta") == [":="]
    assert relations(r"\nabla C \propto \nabla C_1") == ["propto"]
    (claim,) = read(r"y_i = x_i, \quad i = 1, 2", SCOPES["columns"]).claims
    assert [c.lhs for c in claim.conditions] == [Letter("i")]


def test_blanks_words_and_continuations_are_claims_with_one_side() -> None:
    (blank,) = read(r"\frac{\partial a_i^{(2)}}{\partial z_i^{(2)}} =", SCOPES["columns"]).claims
    assert blank.rhs is None
    assert not blank.complete
    (words,) = read(r"\text{see above}", SCOPES["columns"]).claims
    assert words.lhs == Words("see above")
    (more,) = read(r"= - y_i", SCOPES["columns"]).claims
    assert more.lhs is None
    assert isinstance(more.rhs, Minus)


def test_one_bad_statement_does_not_hide_the_others() -> None:
    reading = read(r"y_i = \quad x_i = ) \qquad y_i = x_i", SCOPES["columns"])
    assert len(reading.problems) == 1
    assert reading.claims[-1].rhs == side("x_i")


# ------------------------------------------------------------------ messages

UNREADABLE = [
    (r"y_i = x_i +", 12, "a symbol"),
    (r"y_i = (x_i", 7, 'a ")" that closes it'),
    (r"y_i = {x_i", 7, 'a "}" that closes the group'),
    (r"y_i = \frac{1}", 15, "something after it"),
    (r"y_i = \unknown x_i", 7, "a symbol"),
    (r"y_i = x_i^{(q+r)}", 13, "the label of a layer"),
    (r"w_1^{(2)} = 1", 1, "2 indices"),
    (r"y_i = \begin{pmatrix} 1", 7, r"\end{pmatrix}"),
    (r"y_i = \sum_{3} x_i", 13, "the letter of an index"),
    (r"y_i = \operatorname{foo} x", 7, "a known function"),
    (r"y_i = \begin{tabular}{c} 1 \end{tabular}", 7, "a matrix or cases"),
    (r"y_i = |x_i", 11, '"|"'),
    ("y_i = \u0416", 7, "a sign of a formula"),
]


@pytest.mark.parametrize(("text", "place", "expected"), UNREADABLE)
def test_messages_have_place_and_expectation(text: str, place: int, expected: str) -> None:
    found = problem(text)
    message = str(found)
    assert re.match(rf"character {place}: found .+, expected .+", message), message
    assert expected in found.expected
    assert len(message) <= 300


@pytest.mark.parametrize(
    "text",
    [
        r"\catcode`\@=11", r"\csname x\endcsname", r"\write18{rm}", r"\input{secret}",
        r"\loop x \repeat", r"\def\x{\x\x}", r"\newcommand{\y}{\y} \y", r"\openout1=x",
        r"\directlua{os.exit()}", r"\expandafter\x", r"\let\x=y",
    ],
)  # fmt: skip
def test_tex_programming_is_refused_by_name(text: str) -> None:
    with pytest.raises(Refused) as caught:
        whole(text)
    (name,) = re.findall(r"\\[a-z]+", str(caught.value))[:1]
    assert name in text


def whole(text: str) -> Reading:
    rest, macros = definitions(text)
    return read(rest, SCOPES["columns"], macros)


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100 + "x" + "}" * 100,
        "x+" * 15_000,
        "x" * 9_000,
        "y = " + "(" * 3_000 + "x" + ")" * 3_000,
        "y = " + "-" * 6_000 + "x",
        "y = " + r"\frac{1}{" * 55 + "x" + "}" * 55,
        "y = " + "x^{" * 55 + "2" + "}" * 55,
    ],
)
def test_bombs_end_in_a_message(text: str) -> None:
    with suppress(Refused):
        reading = read(text, SCOPES["columns"])
        assert all("expected" in str(p) for p in reading.problems)


def test_macros_are_expanded_within_bounds() -> None:
    text = (
        r"\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}} \renewcommand\act[1]{a_i^{(#1)}}"
        r"\DeclareMathOperator{\sm}{softmax} \def\half#1{\frac{#1}{2}}"
        r" \pd{C_n}{\act{2}} = \half{\act{1}}"
    )
    (claim,) = whole(text).claims
    assert claim.lhs == side(r"\frac{\partial C_n}{\partial a_i^{(2)}}")
    assert claim.rhs == side(r"\frac{a_i^{(1)}}{2}")
    _, macros = definitions(r"\newcommand{\a}{x x} " + r"\newcommand{\b}{\a\a\a\a\a\a\a\a}")
    for _ in range(4):
        _, macros = definitions(r"\newcommand{\b}{\c\c\c\c\c\c} \newcommand{\c}{\a\a\a\a}", macros)
    with pytest.raises(Refused):
        Macros(macros.known).expanded(r"\b" * 1_000)


def test_definitions_leave_places_as_they_are() -> None:
    text = r"\newcommand{\half}{\tfrac12} y_i = )"
    rest, macros = definitions(text)
    assert len(rest) == len(text)
    (found,) = read(rest, SCOPES["columns"], macros).problems
    assert found.at == text.index(")")
