"""Verdicts on hand derivations: each with its reason, on sheets that no example has.

The right lines come from derivations done by hand for these tests; the wrong ones carry slips put
in on purpose.
"""

from __future__ import annotations

from functools import partial

import pytest

from codegen.pages.latex_math import formula
from derive.errors import SpecError
from derive.marking.marker import mark
from derive.marking.verdicts import (
    DEFECT,
    DEFINITION,
    INCOMPLETE,
    OUT_OF_SCOPE,
    RIGHT,
    RIGHT_IF,
    RIGHT_UNDER,
    UNREADABLE,
    WRONG,
    Marked,
)
from derive.sheets.door import read_sheet
from derive.slips.diagnosis import Limit
from derive.spec import load

SIGMOID = "2 > 3 sigmoid > 2 sigmoid : squared_error"
SOFTMAX = "3 > 4 tanh > 3 softmax : cross_entropy"


def marked(text: str, network: str | None, notation: str | None = None) -> Marked:
    sheet = read_sheet(text, "hand.tex", "tex")
    return mark(sheet, None if network is None else load(network), notation)


def lines(*formulas: str) -> str:
    return "\n".join(rf"\[ {formula} \]" for formula in formulas)


def verdicts(made: Marked) -> list[str]:
    return [m.verdict for m in made.marks]


# ------------------------------------------------------------------ right, and under what


def test_right_lines_are_right() -> None:
    text = lines(
        r"\frac{\partial E}{\partial w_{ji}^2} = \delta_i^2 o_j^1",
        r"\delta_j^1 = o_j^1 (1 - o_j^1) \sum_i w_{ji}^2 \delta_i^2",
        r"\delta_i^2 = 2 (o_i^2 - y_i^*) o_i^2 (1 - o_i^2)",
        r"\frac{\partial E}{\partial b_i^1} = \delta_i^1",
    )
    assert verdicts(marked(text, SIGMOID, "units")) == [RIGHT] * 4


def test_targets_that_sum_to_one_are_a_condition() -> None:
    text = lines(
        r"\delta_j^{(2)} = a_j^{(2)} - y_j", r"\delta_j^{(2)} = a_j^{(2)} \sum_k y_k - y_j"
    )
    made = marked(text, SOFTMAX, "columns")
    assert verdicts(made) == [RIGHT_IF, RIGHT]
    assert made.marks[0].conditions == ("the targets sum to 1",)


def test_the_domain_of_a_logarithm_is_a_condition() -> None:
    text = lines(r"\frac{\partial E}{\partial o_i} = \frac{o_i - y_i^*}{o_i (1 - o_i)}")
    (only,) = marked(text, "2 > 3 > 2 tanh : binary_cross_entropy", "units").marks
    assert (only.verdict, only.conditions) == (RIGHT_IF, ("0 < o < 1",))


def test_a_loss_without_a_sample_is_that_of_one_sample() -> None:
    text = lines(r"\frac{\partial C}{\partial W^{(2)}} = \delta^{(2)} (a^{(1)})^\top")
    (only,) = marked(text, SIGMOID, "columns").marks
    assert only.verdict == RIGHT


def test_a_generic_activation_is_named_by_a_condition() -> None:
    text = lines(
        r"\delta_j^{(\ell)} = a_j^{(\ell)} (1 - a_j^{(\ell)}) "
        r"\sum_k w_{kj}^{(\ell+1)} \delta_k^{(\ell+1)}"
    )
    (only,) = marked(text, "n > d generic repeat=L : squared_error", "columns").marks
    assert (only.verdict, only.conditions) == (RIGHT_IF, ("the activation is sigmoid",))


@pytest.mark.parametrize(
    ("text", "name"),
    [  # the slope left out, and twice: the slopes of linear and relu are their own squares
        (r"\delta_i^2 = o_i^2 - y_i^*", "linear"),
        (r"\delta_i^2 = a'(s_i^2) (o_i^2 - y_i^*) a'(s_i^2)", "relu"),
    ],
)
def test_a_lost_slope_does_not_mean_a_named_activation(text: str, name: str) -> None:
    network = "3 > 2 generic > 3 generic : half_squared_error"
    (only,) = marked(lines(text), network, "units").marks
    assert only.verdict == WRONG
    assert f"it would be right if the activation is {name}" in only.message


def test_relu_is_meant_where_cases_are_written() -> None:
    text = lines(r"\delta_j^{(2)} = (a_j^{(2)} - y_j) [z_j^{(2)} > 0]")
    (only,) = marked(text, "3 > 2 generic > 3 generic : half_squared_error", "columns").marks
    assert (only.verdict, only.conditions) == (RIGHT_IF, ("the activation is relu",))


def test_the_loss_of_the_sheet_has_a_factor_of_its_own() -> None:
    text = lines(
        r"E = \frac12 \sum_i (o_i^2 - y_i^*)^2",
        r"\delta_i^2 = (o_i^2 - y_i^*) o_i^2 (1 - o_i^2)",
        r"\delta_j^1 = o_j^1 (1 - o_j^1) \sum_i w_{ji}^2 \delta_i^2",
    )
    made = marked(text, SIGMOID, "units")
    assert verdicts(made) == [RIGHT_UNDER, RIGHT_UNDER, RIGHT]
    assert made.marks[1].convention == "the loss with a factor 1/2"


def test_a_factor_in_one_line_alone_is_no_convention() -> None:
    text = lines(
        r"\delta_i^2 = (o_i^2 - y_i^*) o_i^2 (1 - o_i^2)",
        r"\frac{\partial E}{\partial o_i^2} = 2 (o_i^2 - y_i^*)",
    )
    first, second = marked(text, SIGMOID, "units").marks
    assert (first.verdict, second.verdict) == (WRONG, RIGHT)
    assert first.slips[0].kind == "factor"
    assert "factor 1/2" in first.message


# ------------------------------------------------------------------ wrong, and why


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (r"\delta_j^1 = o_j^1 (1 - o_j^1) \sum_i w_{ij}^2 \delta_i^2", "index"),
        (r"\delta_j^1 = o_j^1 (1 + o_j^1) \sum_i w_{ji}^2 \delta_i^2", "sign"),
        (r"\delta_j^1 = s_j^1 (1 - s_j^1) \sum_i w_{ji}^2 \delta_i^2", "slope"),
        (r"\frac{\partial E}{\partial w_{ji}^2} = \delta_i^2 o_j^2", "layer"),
        (r"\delta_i^2 = 2 (o_i^2 - y_i^*)", "slope"),
        (r"w_{ji}^2 := w_{ji}^2 + \alpha \frac{\partial E}{\partial w_{ji}^2}", "ascent"),
    ],
)
def test_slips_are_named(line: str, kind: str) -> None:
    (only,) = marked(lines(line), SIGMOID, "units").marks
    assert only.verdict == WRONG
    assert [s.kind for s in only.slips] == [kind]
    assert only.counterexample is not None
    assert only.counterexample.lhs != only.counterexample.rhs
    again = marked(lines(only.corrected), SIGMOID, "units")
    assert verdicts(again) == [RIGHT], only.corrected


def test_a_wrong_middle_does_not_spoil_a_right_end() -> None:
    text = lines(
        r"\frac{\partial E}{\partial w_{ji}^2} = \frac{\partial E}{\partial s_i^2} "
        r"\frac{\partial s_i^2}{\partial o_j^1} = \delta_i^2 o_j^1"
    )
    made = marked(text, SIGMOID, "units")
    assert verdicts(made) == [WRONG, RIGHT]
    assert [m.follows for m in made.marks] == [None, False]


def test_a_slip_that_is_carried_on_is_said_once() -> None:
    text = lines(
        r"\delta^{(1)} = W^{(2)} \delta^{(2)} \odot a^{(1)} \odot (1 - a^{(1)})",
        r"\frac{\partial C_1}{\partial b^{(1)}} = "
        r"W^{(2)} \delta^{(2)} \odot a^{(1)} \odot (1 - a^{(1)})",
    )
    first, second = marked(text, SIGMOID, "columns").marks
    assert (first.verdict, second.verdict) == (WRONG, WRONG)
    assert first.slips[0].kind == "transpose"
    assert (first.inherits, second.inherits) == (None, 0)


def test_a_chain_that_goes_on_with_a_slip_inherits_it() -> None:
    text = lines(
        r"\delta_i^2 = (o_i^2 - y_i^*) o_i^2 (1 - o_i^2) = "
        r"o_i^2 (1 - o_i^2) o_i^2 - o_i^2 (1 - o_i^2) y_i^*"
    )
    first, second = marked(text, SIGMOID, "units").marks
    assert (first.verdict, second.verdict) == (WRONG, WRONG)
    assert (second.inherits, second.follows) == (0, True)


# ------------------------------------------------------------------ neither right nor wrong


def test_a_label_left_out_is_a_defect() -> None:
    text = lines(r"z_i^{(2)} = b_i^{(2)} + \sum_j w_{ij} a_j^{(1)}")
    (only,) = marked(text, SIGMOID, "columns").marks
    assert (only.verdict, only.slips[0].kind) == (DEFECT, "layer")


def test_the_letter_of_any_layer_for_the_last_one_is_a_defect() -> None:
    text = lines(r"C_1 = \| a^{(\ell)} - y \|^2")
    (only,) = marked(text, "n > d tanh repeat=L : squared_error", "columns").marks
    assert (only.verdict, only.slips[0].kind) == (DEFECT, "layer")
    assert only.corrected == r"C_1 = \| a^{(L)} - y \|^2"


def test_a_blank_is_completed() -> None:
    text = lines(r"\frac{\partial s_i^2}{\partial o_j^1} =", r"\delta_i^2 = \dots")
    sheet = read_sheet(text, "hand.tex", "tex")
    made = mark(sheet, load(SIGMOID), "units", typeset=lambda layout: "found")
    assert verdicts(made) == [INCOMPLETE, INCOMPLETE]
    assert made.marks[0].corrected.endswith("= found")


def test_what_completes_a_blank_is_right() -> None:
    network = load("1x5x5 > conv 2 2 relu > conv 2 2 > flatten > 2 : squared_error")
    sheet = read_sheet(
        lines(r"\frac{\partial C_0}{\partial a_{kmp}^{(1)}} ="), "hand.tex", "tex"
    )  # with letters that the sum would have for its own
    (blank,) = mark(sheet, network, "columns", typeset=partial(formula, plain=True)).marks
    written = read_sheet(lines(blank.corrected), "hand.tex", "tex")
    again = mark(written, network, "columns", limit=Limit(evaluations=0))
    assert verdicts(again) == [RIGHT], blank.corrected


def test_what_says_nothing_of_the_network() -> None:
    made = marked(lines(r"1 \le j \le 3", r"\text{and so on}", r"w_{ji}^2"), SIGMOID, "units")
    assert set(verdicts(made)) == {OUT_OF_SCOPE, DEFINITION}


def test_one_bad_formula_never_stops_the_sheet() -> None:
    text = lines(r"\delta_i^2 = \frac{1}{", r"\frac{\partial E}{\partial b_i^1} = \delta_i^1")
    made = marked(text, SIGMOID, "units")
    assert verdicts(made) == [UNREADABLE, RIGHT]


@pytest.mark.parametrize(
    ("line", "network"),
    [
        (r"o_i^2 = e^{1000} = e^{1000} + 1", SIGMOID),
        (r"o_1^1 = 10^{400}", SIGMOID),
        (
            r"\delta^2 = \begin{pmatrix} \delta_1^2 \\ e^{1000} \\ \vdots \\ 1 \end{pmatrix}",
            SIGMOID,
        ),
        (r"\frac{dy}{dx} = \frac{1}{0}", None),
        (r"o^2 = \begin{pmatrix} o_1^2 \\ o_1^2 & 1 \end{pmatrix}", SIGMOID),
    ],
)
def test_numbers_that_break_off_never_stop_the_sheet(line: str, network: str | None) -> None:
    text = lines(line, r"\sigma'(z) = \sigma(z) (1 - \sigma(z))")
    *found, last = verdicts(marked(text, network))
    assert last == RIGHT
    assert RIGHT not in found


def test_programming_is_refused_by_its_name() -> None:
    with pytest.raises(SpecError, match="catcode"):
        marked(r"\catcode`\@=11 \[ a = b \]", SIGMOID)


# ------------------------------------------------------------------ without a network


def test_lemmas_need_no_network() -> None:
    text = lines(
        r"\sigma'(z) = \sigma(z) (1 - \sigma(z))", r"\tanh'(z) = 1 - \tanh(z)",
    )  # fmt: skip
    first, second = marked(text, None, "columns").marks
    assert first.verdict == RIGHT
    assert (second.verdict, second.slips[0].kind) == (WRONG, "factor")


def test_chain_rules_of_functions_that_nobody_wrote_down() -> None:
    text = lines(
        r"y = f(u)", r"u = g(x)", r"\frac{dy}{dx} = \frac{dy}{du} \frac{du}{dx} = f'(u) g'(x)",
        r"\frac{dy}{dx} = \frac{dy}{du} \frac{dx}{du}",
        r"\frac{dz}{dt} = \frac{\partial z}{\partial p} \frac{dp}{dt} "
        r"+ \frac{\partial z}{\partial q} \frac{dq}{dt}",
    )  # fmt: skip
    made = marked(text, None)
    assert verdicts(made) == [DEFINITION, DEFINITION, RIGHT, RIGHT, WRONG, RIGHT]


def test_arrays_with_dots_are_looked_at_entry_by_entry() -> None:
    right = (
        r"W^{(1)} = \begin{pmatrix} w_{11}^{(1)} & \cdots & w_{12}^{(1)} \\ \vdots & & \vdots \\ "
        r"w_{31}^{(1)} & \cdots & w_{32}^{(1)} \end{pmatrix}"
    )
    wrong = right.replace("w_{31}", "w_{13}")
    first, second = marked(lines(right, wrong), SIGMOID, "columns").marks
    assert (first.verdict, second.verdict) == (RIGHT, WRONG)
    assert {s.kind for s in second.slips} <= {"entry", "base"}


def test_a_list_may_name_more_than_a_small_network_has() -> None:
    rest = r"\\ x_2 \\ x_3 \\ x_4 \\ x_5 \\ \vdots \\ x_n \end{pmatrix}"
    text = lines(*(rf"x = \begin{{pmatrix}} {first} {rest}" for first in ("x_1", "x_2")))
    assert verdicts(marked(text, "n > d tanh : squared_error", "columns")) == [RIGHT, WRONG]


def test_a_list_that_names_more_than_there_is() -> None:
    text = lines(r"x = \begin{pmatrix} 0 & 0 & 0 & \cdots & 0 \end{pmatrix}^\top")
    assert verdicts(marked(text, SIGMOID, "columns")) == [WRONG]


@pytest.mark.parametrize(
    ("rhs", "verdict"),
    [
        (r"\frac{1}{N} \sum_i \nabla C_{b,i}", RIGHT),
        (r"\sum_i \nabla C_{b,i}", RIGHT_IF),
        (r"3 \sum_i \nabla C_{b,i}", WRONG),
        (r"\sum_i \nabla C_{i,b}", WRONG),
    ],
)
def test_the_loss_of_a_batch_by_those_of_its_samples(rhs: str, verdict: str) -> None:
    (only,) = marked(lines(rf"\nabla C_b = {rhs}"), SIGMOID, "columns").marks
    assert only.verdict == verdict


def test_a_sum_over_the_places_of_a_kernel_is_the_sharing_of_weights() -> None:
    network = "1x6 > conv 2 2 relu > flatten > 2 : squared_error"
    text = lines(
        r"\frac{\partial C_0}{\partial b_c^{(1)}} = \delta_{cp}^{(1)}",
        r"\frac{\partial C_0}{\partial b_i^{(2)}} = \sum_i \delta_i^{(2)}",
    )
    made = marked(text, network, "columns").marks
    assert [[s.kind for s in m.slips] for m in made] == [["sharing"], ["sum"]]


def test_a_network_of_relus_is_never_looked_at_switched_off() -> None:
    network = "3 > 3 relu > 3 relu > 2 : squared_error"
    text = lines(
        r"\delta_j^2 = [s_j^2 > 0] \sum_i w_{ji}^3 \delta_i^3",
        r"\delta_j^1 = [s_j^1 > 0] \sum_i w_{ij}^2 \delta_i^2",
    )
    first, second = marked(text, network, "units").marks
    assert (first.verdict, second.verdict) == (RIGHT, WRONG)
    assert [s.kind for s in second.slips] == ["index"]


@pytest.mark.parametrize(
    ("line", "network"),
    [
        (r"N \frac{\partial C}{\partial w_{ij}^{(2)}} = "
         r"\sum_{n=1}^{N} \delta_{n,i}^{(2)} a_{n,j}^{(1)}", SIGMOID),
        (r"w_{ij}^{(2)} \leftarrow w_{ij}^{(2)} - "
         r"\frac{\eta}{N} \sum_n \delta_{n,i}^{(2)} a_{n,j}^{(1)}", SIGMOID),
    ],
)  # fmt: skip
def test_a_sum_over_samples_is_about_the_objective(line: str, network: str) -> None:
    assert verdicts(marked(lines(line), network, "columns")) == [RIGHT]
    without = line.replace(r"\frac{\eta}{N}", r"\frac{\eta}{2}").replace(r"N \frac", r"\frac")
    (only,) = mark(
        read_sheet(lines(without), "hand.tex", "tex"),
        load(network),
        "columns",
        limit=Limit(evaluations=0),
    ).marks
    assert only.verdict == WRONG


def test_slips_of_python_sheets_sum_along_the_axis_of_the_samples() -> None:
    text = "\n".join(
        [
            "Z1 = W1 @ X + b1",
            "A1 = np.tanh(Z1)",
            "Z2 = W2 @ A1 + b2",
            "db2 = (1 / m) * np.sum(dZ1, axis=1, keepdims=True)",
        ]
    )
    sheet = read_sheet(text, "hand.py", "python")
    made = mark(sheet, load("2 > 3 tanh > 1 sigmoid : binary_cross_entropy")).marks[-1]
    assert made.verdict == WRONG
    assert made.slips[0].expected == "delta2"
    assert "axis=1" in made.corrected
