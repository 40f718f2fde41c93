"""Habits of textbooks and lectures: what they write is read as what they mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from derive.algebra.symbols import Label
from derive.marking.marker import mark
from derive.marking.verdicts import RIGHT, WRONG
from derive.reading.reader import read
from derive.reading.tree import Bracket, ClassOf, Entry, Letter, Listed, Total, walk
from derive.sheets.door import read_sheet
from derive.slips.diagnosis import Limit
from derive.spec import load
from tests.test_reading import SCOPES, problem, side

SAME = [
    # indicators of a condition, and of the class that is wanted
    (r"\mathbb{1}\{z_i^{(1)} > 0\}", r"[z_i^{(1)} > 0]"),
    (r"1\{z_i^{(1)} > 0\}", r"[z_i^{(1)} > 0]"),
    (r"\mathbf{1}_{z_i^{(1)} > 0}", r"[z_i^{(1)} > 0]"),
    (r"\mathds{1}_{[z_i^{(1)} >= 0]}", r"[z_i^{(1)} \ge 0]"),
    (r"I(z_i^{(1)} > 0)", r"[z_i^{(1)} > 0]"),
    (r"1\{y = k\}", "y_k"),
    (r"\mathbb{1}(y_n = k)", "y_{n,k}"),
    (r"1\{y^{(i)} = k\} x^{(i)}", r"1\{y_i = k\} x^{(i)}"),
    # conditions under a sum
    (r"\sum_{j \in C} y_j", r"\sum_j y_j"),
    (r"\sum_{k \in \{1, \dots, K\}} y_k", r"\sum_k y_k"),
    (r"\sum_{k \neq j} y_k", r"\sum_k [k \ne j] y_k"),
    (r"\sum_{k, k \ne j} y_k", r"\sum_k [k \ne j] y_k"),
    (r"\sum_{\substack{k = 1 \\ k \ne j}}^{K} y_k", r"\sum_{k=1}^K [k \ne j] y_k"),
    (r"\sum_{i < j} y_i", r"\sum_i [i < j] y_i"),
    # derivatives
    (r"dC_n/dz_i^{(2)}", r"\frac{\partial C_n}{\partial z_i^{(2)}}"),
    (r"\mathrm{d} C_n/\mathrm{d} z_i^{(2)}", r"\frac{\partial C_n}{\partial z_i^{(2)}}"),
    (r"\frac{d \sigma}{d z}", r"\frac{d \sigma(z)}{d z}"),
    (r"\frac{d}{dz} \sigma", r"\frac{d}{dz} \sigma(z)"),
    (r"\sigma_j(z_j^{(2)})", r"\sigma(z_j^{(2)})"),
    (r"\sigma_j'(z_j^{(2)})", r"\sigma'(z_j^{(2)})"),
    (r"(\sigma^{(2)})'", r"\sigma'^{(2)}"),
    (r"\Sigma'(z^{(2)})", r"\operatorname{diag}(\sigma'(z^{(2)}))"),
    # layers and samples
    ("a^{[2]}", "a^{(2)}"),
    ("a_j^{[2](i)}", "a_j^{(2),i}"),
    ("a_{n,j}^{(2)}", "a_j^{(2),n}"),
    (r"\delta^{x,L}", r"\delta^{L,x}"),
    ("a^{(n_L)}", "a^{(L)}"),
    ("a^{(n_l - 1)}", "a^{(L-1)}"),
    (r"y(x) a_k^{(2)}(\mathbf{x}, \mathbf{w})", "y a_k^{(2)}"),
    (r"\mathbf{y}(x_n)", r"y_n"),
    (r"\overline{z_i^{(2)}}", r"\bar{z}_i^{(2)}"),
    (r"\mathbf{W^{(2)}} \mathbf{x_n}", r"\mathbf{W}^{(2)} \mathbf{x}_n"),
    (r"{\bf W}^{(2)} {\bf x}", r"\mathbf{W}^{(2)} \mathbf{x}"),
    (r"W^{(2)^{\mathsf T}} y", r"W^{(2)\top} y"),
    # signs
    (r"{a_1^{(2)} \over y_1}", r"\frac{a_1^{(2)}}{y_1}"),
    ("max(0, y_1)", r"\max(0, y_1)"),
    (r"\text{ReLU}(y_1)", r"\mathrm{ReLU}(y_1)"),
    (
        r"\left. \frac{\partial C_n}{\partial z_k^{(2)}} \right|_{z = z^{(2)}}",
        r"\frac{\partial C_n}{\partial z_k^{(2)}}",
    ),
    (
        r"\left\{ \begin{array}{ll} y_1 & i = j \\ 0 & i \ne j \end{array} \right.",
        r"\begin{cases} y_1 & i = j \\ 0 & i \ne j \end{cases}",
    ),
    (r"z^{(2)} \bullet y", r"z^{(2)} \odot y"),
    (r"\exp\left\{-z\right\}", "e^{-z}"),
    (r"\{y_1 + y_2\} y_3", "(y_1 + y_2) y_3"),
    (r"y_1 \hspace{2pt} y_2", "y_1 y_2"),
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_two_ways_to_write_one_thing(left: str, right: str) -> None:
    assert side(left) == side(right)


def test_an_index_in_brackets_is_no_class_of_a_target() -> None:
    assert isinstance(side("[k = t]", "signals"), Bracket)


def test_a_set_of_numbers_is_no_range() -> None:
    found = problem(r"q = \sum_{j \in \{1, 3\}} y_j")
    assert found.at == len(r"q = \sum_{j \in ")
    assert "index" in found.expected


# ------------------------------------------------------------------ limits of sums


@pytest.mark.parametrize(("notation", "limit"), [("rows", "L"), ("neurons", "E"), ("columns", "C")])
def test_a_limit_is_a_number_where_its_letter_is_the_loss(notation: str, limit: str) -> None:
    made = side(rf"\sum_{{i=1}}^{{{limit}}} \delta_i^{{(1)}}", notation)
    assert isinstance(made, Total)
    assert made.bounds[0].high == Letter(limit)


def test_the_last_layer_of_a_range_is_a_number() -> None:
    reading = read(r"l = 1, \dots, L", SCOPES["rows"])
    (claim,) = reading.claims
    assert isinstance(claim.rhs, Listed)
    assert claim.rhs.items[-1] == Letter("L")


def test_what_belongs_to_a_sample_is_that_of_the_sum() -> None:
    made = side(r"\sum_n \delta_j^{(2)} a_{n,i}^{(1)}")
    assert isinstance(made, Total)
    assert made == side(r"\sum_n \delta_{n,j}^{(2)} a_{n,i}^{(1)}")
    made = side(r"\sum_k \delta_k^{(2)} w_{ki}^{(2)}")
    assert made != side(r"\sum_k \delta_{k,k}^{(2)} w_{ki}^{(2)}")


# ------------------------------------------------------------------ statements


@pytest.mark.parametrize(
    "text",
    [
        r"f(r) = r^2 \rightarrow \frac{df}{dr} = 2 r",
        r"f(r) = r^2 \quad \rightarrow \quad \frac{df}{dr} = 2 r",
        r"f(r) = r^2 \hspace{0.5in} \frac{df}{dr} = 2 r",
    ],
)
def test_an_arrow_leads_to_the_next_equation(text: str) -> None:
    reading = read(text, SCOPES["columns"])
    assert not reading.problems
    first, second = reading.claims
    assert (first.relation, second.relation) == ("=", "=")
    assert second.lhs == side(r"\frac{df}{dr}")


def test_a_step_with_an_arrow_stays_one_statement() -> None:
    (claim,) = read(r"W^{(1)} \rightarrow W^{(1)} - \eta y", SCOPES["columns"]).claims
    assert claim.relation == "to"


# ------------------------------------------------------------------ against a network

DEEP = "2 > 3 sigmoid > 3 sigmoid > 2 sigmoid : half_squared_error"
DECAY = {
    "name": "decay",
    "input": 2,
    "layers": ["dense 3 tanh", "dense 2"],
    "loss": "squared_error",
    "weight_decay": 0.02,
}
QUICK = Limit(evaluations=1, seconds=1.0)
CLASSES = "3 > 4 softmax : cross_entropy"
HELD: list[tuple[Any, str, str]] = [
    (CLASSES, r"C_n = -\log a_{y_n}^{(1)}", RIGHT),
    (CLASSES, r"C_n = -\log a_y^{(1)}", RIGHT),
    (CLASSES, r"C_n = \log a_{y_n}^{(1)}", WRONG),
    (CLASSES, r"C_n = -z_{y_n}^{(1)} + \log \sum_j e^{z_j^{(1)}}", RIGHT),
    (CLASSES, r"\frac{\partial C_n}{\partial z_{y_n}^{(1)}} = a_{y_n}^{(1)} - 1", RIGHT),
    (CLASSES, r"\frac{\partial C_n}{\partial z_{y_n}^{(1)}} = a_{y_n}^{(1)}", WRONG),
    (DEEP, r"\delta^L = \nabla_a C \odot \sigma'(z^L)", RIGHT),
    (DEEP, r"\delta^L = \nabla_a C", WRONG),
    (DEEP, r"\delta^L = \Sigma'(z^L) \nabla_a C", RIGHT),
    (DEEP, r"\delta^l = \Sigma'(z^l) (w^{l+1})^T \delta^{l+1}", RIGHT),
    (DEEP, r"\delta^l = \Sigma'(z^l) w^{l+1} \delta^{l+1}", WRONG),
    (DEEP, r"\delta^l = (W^{l+1})^T \delta^{l+1} \bullet \sigma'(z^l)", RIGHT),
    (DEEP, r"\sigma' = \sigma (1 - \sigma)", RIGHT),
    (DEEP, r"\sigma' = \sigma (1 + \sigma)", WRONG),
    (DEEP, r"\delta^{l-1} = (f^{l-1})' \circ (W^l)^\top \cdot \delta^l", RIGHT),
    (DEEP, r"\delta^{l-1} = \sigma'(z^{l-1}) \odot W^l \delta^l", WRONG),
    (
        DEEP,
        r"\delta^{(1)} = W^{(2)\top} \delta^{(2)} \odot a^{(1)} \odot (\mathbf{1} - a^{(1)})",
        RIGHT,
    ),
    (DEEP, r"\mathbf{1}^T a^{(1)} = \sum_i a_i^{(1)}", RIGHT),
    (DEEP, r"\mathrm{relu}(z) = z", WRONG),
    (DEEP, r"|z| = z", WRONG),
    (DEEP, r"\mathrm{ReLU}'(z) = \begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}", RIGHT),
    (DEEP, r"\mathrm{ReLU}'(z) = \begin{cases} 1 & z > 0 \\ z & z \le 0 \end{cases}", WRONG),
    (DECAY, r"C = \frac{1}{N} \sum_n C_n + 0.01 \sum_{l=1}^{L} \| W^{(l)} \|^2", RIGHT),
    (DECAY, r"C = \frac{1}{N} \sum_n C_n + 0.01 \sum_{l=1}^{L-1} \| W^{(l)} \|^2", WRONG),
    (DECAY, r"C = \frac{1}{N} \sum_n C_n + 0.01 \sum_l \sum_{i,j} (w_{ij}^{(l)})^2", RIGHT),
]


@pytest.mark.parametrize(("network", "formula", "verdict"), HELD)
def test_what_is_read_is_what_holds(network: Any, formula: str, verdict: str) -> None:
    sheet = read_sheet(rf"\[ {formula} \]", "hand.tex", "tex")
    (found,) = mark(sheet, load(network), "columns", limit=QUICK).marks
    assert found.verdict == verdict


def test_numbers_above_are_layers_where_a_forward_equation_has_them() -> None:
    formulas = (
        r"z^3 = W^3 a^2 + b^3",
        r"\delta^2 = \sigma'(z^2) \odot (W^3)^T \delta^3",
        r"C = \frac{1}{2} \sum_j (a_j^3 - y_j)^2",
        r"\frac{\partial C}{\partial W^2} = \delta^2 (a^1)^T",
    )
    sheet = read_sheet("".join(rf"\[ {f} \]" for f in formulas), "hand.tex", "tex")
    marks = mark(sheet, load(DEEP), "columns", limit=QUICK).marks
    assert [m.verdict for m in marks] == [RIGHT] * 4


def test_a_loss_beside_the_objective_of_its_notation_is_that_of_a_sample() -> None:
    formulas = (
        r"\mathcal{L} = \frac{1}{N} \sum_{n=1}^N L_n",
        r"L = \frac{1}{2} (x_1^{(1)} - t_1)^2",
        r"\frac{\partial L}{\partial x_1^{(1)}} = x_1^{(1)} - t_1",
    )
    sheet = read_sheet("".join(rf"\[ {f} \]" for f in formulas), "hand.tex", "tex")
    marks = mark(sheet, load("2 > 1 : half_squared_error"), "signals", limit=QUICK).marks
    assert [m.verdict for m in marks] == [RIGHT] * 3


def test_the_activation_may_be_the_function() -> None:
    text = r"The activation $\varphi$ of a layer: \[ o_j^{(1)} = \varphi^{(1)}(s_j^{(1)}) \]"
    sheet = read_sheet(text, "hand.tex", "tex")
    (found,) = mark(sheet, load("2 > 3 tanh > 1 : squared_error"), "rows", limit=QUICK).marks
    assert found.verdict == RIGHT


def test_the_iteration_of_every_unit_is_no_factor() -> None:
    made = side(r"y_j(n) x_i(n) z_j^{(2)}(n)")
    assert made == side(r"y_j x_i z_j^{(2)}")


def test_the_class_of_a_target_is_an_index() -> None:
    made = side(r"a_{y_i}^{(2)}")
    target = Entry("target", "", None, (), Letter("i"), "whole")
    assert made == Entry("activation", "", Label(2), (ClassOf(target),))
    assert side(r"a_y^{(2)}") == replace(made, places=(ClassOf(replace(target, sample=None)),))
    assert side(r"\sum_y a_y^{(2)}") == side(r"\sum_y a_{y}^{(2)}")
    assert not any(isinstance(n, ClassOf) for n in walk(side(r"\sum_y a_y^{(2)}")))
    made = side(r"\sum_{j \ne y_i} \max(0, z_j - z_{y_i} + 1)")
    assert sum(isinstance(n, ClassOf) for n in walk(made)) == 2


def test_the_gradient_by_a_is_that_of_the_only_layer_named() -> None:
    (claim,) = read(r"\nabla_a C \odot \sigma'(z^{(1)}) = \delta^{(1)}", SCOPES["columns"]).claims
    assert claim.lhs == side(r"\nabla_{a^{(1)}} C \odot \sigma'(z^{(1)})")
