"""Verdicts on lines as sheets have them: what letters mean there, and under which conditions."""

from __future__ import annotations

from typing import Any

import pytest

from derive.marking.marker import mark
from derive.marking.verdicts import (
    DEFECT,
    DEFINITION,
    OUT_OF_SCOPE,
    RIGHT,
    RIGHT_IF,
    RIGHT_UNDER,
    UNDECIDED,
    WRONG,
    Mark,
)
from derive.sheets.door import read_sheet
from derive.spec import load

THRESHOLDS = {
    "input": 2,
    "loss": "generic",
    "layers": [
        {"kind": "dense", "units": 2, "activation": "generic", "bias": "threshold"},
        {"kind": "dense", "units": 1, "activation": "generic", "bias": "threshold"},
    ],
}
DECAY = "3 > 4 sigmoid > 2 linear : squared_error reduction=sum weight_decay=0.1"


def marks(spec: str | dict[str, Any] | None, notation: str | None, *lines: str) -> tuple[Mark, ...]:
    """The marks of displayed formulas."""
    text = "\n\n".join(rf"\[ {line} \]" for line in lines)
    network = None if spec is None else load(spec)
    return mark(read_sheet(text, "hand.tex", "tex"), network, notation).marks


def verdicts(spec: str | dict[str, Any] | None, notation: str | None, *lines: str) -> list[str]:
    """The verdicts on displayed formulas."""
    return [m.verdict for m in marks(spec, notation, *lines)]


def test_a_generic_layer_of_one_unit_is_no_softmax() -> None:
    line = r"\delta_1^{(1)} = \delta_1^{(2)} w_{11}^{(2)} \varphi'(S_1^{(2)})"
    assert verdicts(THRESHOLDS, "signals", line) == [WRONG]


@pytest.mark.parametrize(
    ("spec", "notation", "line", "found"),
    [
        (DECAY, "columns", r"\frac{\partial C}{\partial W^{(2)}} = "
         r"\sum_n \delta_n^{(2)} (a_n^{(1)})^\top + 0.1 W^{(2)}", ""),
        (DECAY, "columns", r"\frac{\partial C}{\partial b^{(2)}} = "
         r"\sum_n \delta_n^{(2)} + 0.1 b^{(2)}", "term"),
        ("3 > 4 tanh > 1 sigmoid : binary_cross_entropy", "named_layers",
         r"\frac{\partial L}{\partial w_{1,k}^{(out)}} = "
         r"\frac{1}{n} \sum_{i=1}^n (a_1^{(out)[i]} - y_1^{[i]}) a_k^{(h)[i]}", ""),
        ("3 > 4 tanh > 1 sigmoid : binary_cross_entropy", "named_layers",
         r"\frac{\partial L}{\partial w_{1,k}^{(out)}} = "
         r"\sum_{i=1}^n (a_1^{(out)[i]} - y_1^{[i]}) a_k^{(h)[i]}", "factor"),
    ],
)  # fmt: skip
def test_the_loss_is_that_of_all_where_a_line_sums_over_samples(
    spec: str, notation: str, line: str, found: str
) -> None:
    (made,) = marks(spec, notation, line)
    assert made.verdict == (WRONG if found else RIGHT)
    assert [slip.kind for slip in made.slips[:1]] == ([found] if found else [])


@pytest.mark.parametrize(
    ("end", "found"), [("k", []), ("m", ["base"])], ids=["of that layer", "of another layer"]
)
def test_a_size_of_the_network_ends_its_own_range(end: str, found: list[str]) -> None:
    line = (
        rf"\delta_j^{{(1)}} = \sum_{{i=1}}^{{{end}}} w_{{ij}}^{{(2)}} \delta_i^{{(2)}} "
        r"a_j^{(1)} (1 - a_j^{(1)})"
    )
    (made,) = marks("n > m sigmoid > k sigmoid : binary_cross_entropy", "columns", line)
    assert made.verdict == (WRONG if found else RIGHT)
    assert [slip.kind for slip in made.slips] == found


def test_a_letter_that_ends_a_sum_is_its_size_in_other_lines_too() -> None:
    mean = r"L = \frac{1}{t} \sum_{j=1}^t (y_j - a_j^{(out)})^2"
    slope = r"\frac{\partial L}{\partial a_1^{(out)}} = \frac{%s}{t} (a_1^{(out)} - y_1)"
    spec = "3 > 2 sigmoid > 2 sigmoid : mean_squared_error"
    assert verdicts(spec, "named_layers", mean, slope % 2) == [RIGHT, RIGHT]
    assert verdicts(spec, "named_layers", mean, slope % 1)[1] == WRONG


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"\varphi'(s) = \frac12 (1 + \operatorname{erf}\frac{s}{\sqrt 2}) "
         r"+ \frac{s}{\sqrt{2\pi}} e^{-s^2/2}", RIGHT),
        (r"\varphi'(s) = \frac12 (1 + \operatorname{erf}\frac{s}{\sqrt 2})", WRONG),
    ],
)  # fmt: skip
def test_the_activation_without_a_layer_is_that_of_the_hidden_one(line: str, verdict: str) -> None:
    assert verdicts("3 > 4 gelu > 2 linear : huber", "rows", line) == [verdict]


@pytest.mark.parametrize(
    ("spec", "line", "verdict"),
    [
        ("2 > 3 elu > 1 sigmoid : binary_cross_entropy",
         r"\varphi'(s_j^{(1)}) = e^{s_j^{(1)}} \quad \text{for } s_j^{(1)} < 0", RIGHT),
        ("2 > 3 elu > 1 sigmoid : binary_cross_entropy",
         r"\varphi'(s_j^{(1)}) = e^{s_j^{(1)}} \quad \text{for } s_j^{(1)} > 0", WRONG),
        (None, r"\frac{d}{dx} \max(0, x) = 1 \quad \text{if } x > 0", RIGHT),
        (None, r"\frac{d}{dx} \max(0, x) = 1 \quad \text{if } x < 0", WRONG),
    ],
)  # fmt: skip
def test_a_condition_on_a_number_restricts_the_claim_beside_it(
    spec: str | None, line: str, verdict: str
) -> None:
    assert verdicts(spec, None if spec is None else "neurons", line) == [verdict, OUT_OF_SCOPE]


BACK = r"\delta^{(l)} = ((W^{(l+1)})^\top \delta^{(l+1)}) \odot \sigma'(z^{(l)})"
RELUS = "4 > 3 relu > 3 relu > 2 linear : half_squared_error"


@pytest.mark.parametrize(
    ("spec", "lines", "expected"),
    [
        (RELUS, [BACK], [RIGHT]),
        (RELUS, [BACK.replace("(z^{(l)})", "(z^{(l+1)})")], [WRONG]),
        (RELUS, [r"\sigma'(z) = \sigma(z) (1 - \sigma(z))", BACK], [RIGHT, WRONG]),
        ("4 > 3 tanh > 2 linear : half_squared_error",
         [r"\sigma'(z) = 1 - \sigma(z)^2", BACK], [RIGHT, RIGHT]),
        ("4 > 3 tanh > 2 sigmoid : half_squared_error",
         [r"\delta^{(1)} = (W^{(2)})^\top \delta^{(2)} \odot \sigma'(z^{(1)})"], [WRONG]),
    ],
)  # fmt: skip
def test_sigma_is_any_activation_where_no_layer_and_no_line_has_the_sigmoid(
    spec: str, lines: list[str], expected: list[str]
) -> None:
    assert verdicts(spec, "columns", *lines) == expected


@pytest.mark.parametrize(
    ("rhs", "verdict"),
    [(r"\frac12 \sum_i (o_i^2 - y_i^*)^2", RIGHT_IF), (r"\sum_i (o_i^2 - y_i^*)^2", WRONG)],
)
def test_constants_of_a_likelihood_may_be_left_out(rhs: str, verdict: str) -> None:
    spec = "3 > 4 tanh > 2 linear : likelihood gaussian"
    assert verdicts(spec, "units", rf"E = {rhs}") == [verdict]


@pytest.mark.parametrize(("number", "verdict"), [("0.2413", RIGHT), ("0.3413", WRONG)])
def test_numbers_that_the_sheet_gives_stand_for_their_quantities(number: str, verdict: str) -> None:
    made = verdicts(
        "2 > 2 sigmoid > 1 sigmoid : half_squared_error",
        "columns",
        "x_1 = 0.05",
        r"a_1^{(1)} = \frac{1}{1 + e^{-0.3775}} = 0.59327",
        rf"a_1^{{(1)}} (1 - a_1^{{(1)}}) = {number}",
    )
    assert made[-1] == verdict


def test_a_velocity_is_a_symbol_of_the_sheet() -> None:
    steps = (r"v_{t+1} = \mu v_t - \eta \nabla_W C", r"W_{t+1} = W_t + v_{t+1}")
    text = "The velocity $v$: " + " ".join(rf"\[ {step} \]" for step in steps)
    sheet = read_sheet(text, "hand.tex", "tex")
    made = mark(sheet, load("3 > 4 tanh > 2 linear : squared_error"), "columns").marks
    assert [m.verdict for m in made] == [DEFINITION, UNDECIDED]
    assert verdicts(RELUS, "columns", r"v \leftarrow \mu v - \eta \nabla_W C") == [DEFINITION]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"\frac{\partial}{\partial o} (-y \ln o - (1-y) \ln(1-o)) = \frac{o - y}{o (1-o)}", RIGHT),
        (r"\frac{\partial}{\partial o} (-y \ln o - (1-y) \ln(1-o)) = \frac{y - o}{o (1-o)}", WRONG),
        (r"\frac{\partial}{\partial o} |o - y| = \operatorname{sign}(o - y)", RIGHT),
        (r"\frac{\partial}{\partial o} |o - y| = \operatorname{sgn}(y - o)", WRONG),
        (r"\frac{d}{dx} \tanh(\beta x) = 1 - \tanh^2(\beta x)", WRONG),
    ],
)
def test_two_letters_of_a_lemma_are_two_numbers(line: str, verdict: str) -> None:
    assert verdicts(None, "units", line) == [verdict]


def test_a_letter_and_its_square_are_one_number() -> None:
    assert verdicts(None, "neurons", r"\frac{d}{dx} \arctan x = \frac{1}{1 + x^2}") == [RIGHT]


def test_slips_are_looked_for_with_the_activation_that_other_lines_mean() -> None:
    lines = (r"\theta(s) = \tanh(s)", r"\theta'(s) = 1 + \theta(s)^2")
    right, wrong = marks(None, "neurons", *lines)
    assert right.conditions == ("the activation is tanh",)
    assert [slip.kind for slip in wrong.slips] == ["sign"]
    assert wrong.corrected == r"\theta'(s) = 1 - \theta(s)^2"
    assert wrong.counterexample is not None
    assert wrong.counterexample.lhs == "0.6418"  # 1 - tanh(0.6908)^2


ONE = "2 > 3 tanh > 1 linear : half_squared_error"


@pytest.mark.parametrize(
    ("notation", "slope"),
    [
        ("units", r"\frac{\partial E}{\partial o} = %s(o - y^*)"),
        ("units", r"\frac{\partial E}{\partial o_1} = %s(o_1 - y_1)"),
        ("units", r"\frac{\partial E}{\partial o} = %s(o - y)"),
        ("columns", r"\frac{\partial C}{\partial a} = %s(a - y)"),
        ("rows", r"\frac{\partial L}{\partial o} = %s(o - y)"),
        ("neurons", r"\frac{\partial E_n}{\partial s} = %s(x - y)"),
    ],
)
def test_the_output_needs_no_layer_and_the_target_no_mark(notation: str, slope: str) -> None:
    assert verdicts(ONE, notation, slope % "") == [RIGHT]
    assert verdicts(ONE, notation, slope % "5") == [WRONG]


@pytest.mark.parametrize(
    ("definition", "line", "expected"),
    [
        (r"f(x) = x \sigma(x)", r"f'(x) = f(x) + \sigma(x) (1 - f(x))", [RIGHT, RIGHT]),
        (r"f(x) = x \sigma(x)", r"f'(x) = f(x) + \sigma(x)", [RIGHT, WRONG]),
        (r"g(x) = \frac{x}{1 + |x|}",
         r"g''(x) = -\frac{2 \operatorname{sign}(x)}{(1 + |x|)^3}", [RIGHT, RIGHT]),
        (r"g(x) = \begin{cases} x & x > 0 \\ e^x - 1 & x \le 0 \end{cases}",
         r"g'(x) = \begin{cases} 1 & x > 0 \\ g(x) & x \le 0 \end{cases}", [RIGHT, WRONG]),
    ],
)  # fmt: skip
def test_functions_that_a_sheet_defines(definition: str, line: str, expected: list[str]) -> None:
    assert verdicts(None, None, definition, line) == expected


def test_a_function_of_two_meanings_is_not_held_to_the_first() -> None:
    both = (r"f(x) = x \sigma(x)", r"f(x) = \log(1 + e^x)", r"f'(x) = \sigma(x)")
    assert verdicts(None, None, *both) == [DEFINITION, DEFINITION, UNDECIDED]


def test_a_line_without_samples_is_about_one_in_a_sheet_of_many() -> None:
    many = r"\nabla_{W^{(1)}} L = \frac{1}{N} X^\top \Delta^{(1)}"
    one = r"\frac{\partial L}{\partial w_{ij}^{(1)}} = x_i \delta_j^{(1)}"
    first, second = marks(ONE, "rows", many, one)
    assert (first.verdict, second.verdict) == (RIGHT, RIGHT_IF)
    assert second.conditions == ("there is one sample",)


@pytest.mark.parametrize(
    ("rhs", "kind"),
    [
        (r"\frac{1}{N} \mathbf{1}^\top \Delta^{(1)}", ""),
        (r"\frac{1}{N} \Delta^{(1)\top} \mathbf{1}", ""),
        (r"\mathbf{1}^\top \Delta^{(1)}", "factor"),
        (r"\frac{1}{N} \mathbf{1}^\top \Delta^{(2)}", "layer"),
    ],
)
def test_gradients_of_biases_are_rows_beside_rows_of_samples(rhs: str, kind: str) -> None:
    spec = "4 > 5 tanh > 3 sigmoid : binary_cross_entropy"
    (made,) = marks(spec, "rows", rf"\nabla_{{b^{{(1)}}}} L = {rhs}")
    assert made.verdict == (WRONG if kind else RIGHT)
    assert [slip.kind for slip in made.slips] == ([kind] if kind else [])


@pytest.mark.parametrize(("number", "verdict"), [("2", RIGHT_IF), ("1", WRONG)])
def test_a_letter_may_be_the_number_of_outputs(number: str, verdict: str) -> None:
    slope = r"\frac{\partial L}{\partial a_j^{(out)}} = \frac{%s}{t} (a_j^{(out)} - y_j)"
    (made,) = marks(
        "3 > 4 sigmoid > 2 sigmoid : mean_squared_error", "named_layers", slope % number
    )
    assert made.verdict == verdict
    assert made.conditions == (("t is the number of outputs",) if verdict == RIGHT_IF else ())


def test_how_an_unknown_letter_depends_on_others_is_not_decided() -> None:
    line = r"\frac{\partial f}{\partial x_j} = \frac{e^{x_j}}{\sum_i e^{x_i}}"
    assert verdicts(None, None, line) == [UNDECIDED]


@pytest.mark.parametrize(("slope", "verdict"), [("1 - ", DEFECT), ("1 + ", WRONG)])
def test_columns_side_by_side_are_meant_entry_by_entry_beside_such_a_product(
    slope: str, verdict: str
) -> None:
    line = rf"\delta^{{(1)}} = (W^{{(2)}})^\top \delta^{{(2)}} \odot a^{{(1)}} ({slope} a^{{(1)}})"
    (made,) = marks("3 > 4 sigmoid > 2 linear : half_squared_error", "columns", line)
    assert made.verdict == verdict
    assert made.slips[0].kind == "hadamard"


ERRORS = r"""With $z = Wx + b$, $h = \tanh(z)$,
$\theta = Uh + c$, $\hat y = \mathrm{softmax}(\theta)$.
\[ \boldsymbol\delta_1 = \frac{\partial J}{\partial \boldsymbol\theta} \]
\[ \boldsymbol\delta_2 = \frac{\partial J}{\partial \mathbf z} \]
"""
COUNTED = r"""With $h = \sigma(x W_1 + b_1)$, $\hat y = \mathrm{softmax}(h W_2 + b_2)$.
\[ \delta_1 = \frac{\partial J}{\partial z_2} = \hat y - y \]
\[ \delta_2 = \frac{\partial J}{\partial h} = \delta_1 W_2^\top \]
\[ \delta_3 = \frac{\partial J}{\partial z_1} = \delta_2 \circ \sigma'(z_1) \]
"""


@pytest.mark.parametrize(
    ("spec", "start", "line", "right"),
    [
        ("5 > 4 tanh > 3 softmax : cross_entropy", ERRORS, line, right)
        for line, right in (
            (r"\boldsymbol\delta_2 = U^T \boldsymbol\delta_1 \circ (1 - h^2)", True),
            (r"\boldsymbol\delta_2 = U^T \boldsymbol\delta_1", False),
            (r"\frac{\partial J}{\partial \mathbf b} = \boldsymbol\delta_2", True),
            (r"\frac{\partial J}{\partial \mathbf b} = \boldsymbol\delta_1", False),
            (r"\frac{\partial J}{\partial U} = \boldsymbol\delta_2 h^\top", False),
        )
    ]
    + [
        ("5 > 4 sigmoid > 3 softmax : cross_entropy", COUNTED, line, right)
        for line, right in (
            (r"\frac{\partial J}{\partial x} = \delta_3 W_1^\top", True),
            (r"\frac{\partial J}{\partial x} = \delta_2 W_1^\top", False),
        )
    ],
)
def test_numbers_of_errors_that_no_layer_bears_are_part_of_their_names(
    spec: str, start: str, line: str, right: bool
) -> None:
    sheet = read_sheet(f"{start}\\[ {line} \\]", "hand.tex", "tex")
    made = mark(sheet, load(spec)).marks
    assert {m.verdict for m in made[:-1]} <= {DEFINITION, RIGHT, RIGHT_IF, RIGHT_UNDER}
    assert (made[-1].verdict in (RIGHT, RIGHT_IF, RIGHT_UNDER)) == right
    assert (made[-1].verdict == WRONG) != right


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (r"\frac{\partial E}{\partial w_1} = (\hat y - y) w_2 (1 - h^2) x", True),
        (r"\frac{\partial E}{\partial w_1} = (\hat y - y) w_2 (1 - h) x", False),
        (r"\frac{\partial E}{\partial b_1} = (\hat y - y) w_1 (1 - h^2)", False),
    ],
)
def test_an_output_with_a_hat_is_not_subtracted_from_itself(line: str, right: bool) -> None:
    text = (
        r"Let $z_1 = w_1 x + b_1$, $h = \tanh(z_1)$, $\hat y = w_2 h + b_2$, "
        r"$E = \frac12 (\hat y - y)^2$."
        rf" \[ \frac{{\partial E}}{{\partial b_2}} = \hat y - y \] \[ {line} \]"
    )
    sheet = read_sheet(text, "hand.tex", "tex")
    made = mark(sheet, load("1 > 1 tanh > 1 : half_squared_error")).marks
    assert [m.verdict for m in made] == [RIGHT, RIGHT if right else WRONG]


def test_two_signs_for_one_quantity_make_nothing_right() -> None:
    line = r"o_j^2 - y_j^2 = 3 (o_j^2 - y_j^2)"  # y is another sign for o there
    assert verdicts("2 > 3 tanh > 2 sigmoid : half_squared_error", "units", line) == [UNDECIDED]


def test_a_symbol_named_by_a_letter_of_indices_is_defined_where_no_index_has_it() -> None:
    text = r"""$u = W x + b$, $h = \tanh(u)$, $v = V h + c$, $p = \mathrm{softmax}(v)$. Put
    \[ r := V^\top (p - t) \]
    \[ \frac{\partial J}{\partial h} = r \]
    \[ \frac{\partial J}{\partial u} = r \]
    """
    spec = "3 > 4 tanh > 2 softmax : cross_entropy"
    made = mark(read_sheet(text, "hand.tex", "tex"), load(spec)).marks
    assert [m.verdict for m in made] == [DEFINITION, RIGHT_IF, WRONG]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"0.6059 (1 - 0.6059) \approx 0.2388", RIGHT),
        (r"0.6059 (1 - 0.6059) \approx 0.2398", WRONG),
        (r"\sigma(0.5) = 0.6225", RIGHT),
        (r"\sigma(0.5) = 0.6325", WRONG),
        (r"-\ln 0.6059 \approx 0.5010", RIGHT),
        (r"-\ln 0.6059 \approx -0.5010", WRONG),
        (r"0.5 \cdot 0.8 + 0.3 \cdot 0.1 = 0.42", WRONG),
        (r"\sigma'(0) = 0.2", WRONG),
        (r"\sqrt 2 \approx 1.42", WRONG),
        (r"\sigma(2) \approx 0.9", RIGHT),
        (r"\sigma(0) = 0.504", WRONG),
        (r"a_1^{(2)} = \tanh(1.5)", DEFINITION),  # of data that the sheet does not give
    ],
)
def test_numbers_worked_out_by_hand_are_held_to_their_last_digit(line: str, verdict: str) -> None:
    assert verdicts("2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy", "columns", line) == [
        verdict
    ]


SOFTMAX = "2 > 3 tanh > 2 softmax : cross_entropy"


@pytest.mark.parametrize(
    ("spec", "line", "verdict"),
    [
        (SOFTMAX, r"\delta_k^{(2)} = a_k^{(2)} - 1 \quad \text{for } y_k = 1", RIGHT),
        (SOFTMAX, r"\delta_k^{(2)} = a_k^{(2)}, \quad y_k = 0", RIGHT),
        (SOFTMAX, r"\delta_k^{(2)} = a_k^{(2)} \quad \text{if } y_k = 1", WRONG),
        ("2 > 3 tanh > 1 sigmoid : binary_cross_entropy",
         r"\delta^{(2)} = a^{(2)} - 1 \quad \text{if } y = 1", RIGHT),
        ("2 > 3 tanh > 1 sigmoid : binary_cross_entropy",
         r"\delta^{(2)} = a^{(2)} - 1 \quad \text{if } y = 0", WRONG),
        ("3 > 4 gelu > 2 linear : huber",
         r"\delta_k^{(2)} = a_k^{(2)} - y_k \quad \text{if } |a_k^{(2)} - y_k| \le 1", RIGHT),
        ("3 > 4 gelu > 2 linear : huber", r"\delta_k^{(2)} = a_k^{(2)} - y_k", WRONG),
    ],
)  # fmt: skip
def test_a_line_holds_where_the_condition_beside_it_does(
    spec: str, line: str, verdict: str
) -> None:
    assert verdicts(spec, "columns", line)[0] == verdict


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (r"\frac{2}{N} \sum_{n=1}^N (o^{(2)} - y)", ["sample"]),
        (r"\frac{2}{N} \sum_{n=1}^N (o_n^{(2)} - y)", ["sample"]),
        (r"\frac{2}{N} \sum_{n=1}^N (o_n^{(2)} - y_n)", []),
    ],
)
def test_what_is_summed_over_the_samples_says_its_sample(line: str, found: list[str]) -> None:
    spec = "4 > 3 sigmoid > 2 linear : squared_error"
    (made,) = marks(spec, "rows", rf"\frac{{\partial L}}{{\partial b^{{(2)}}}} = {line}")
    assert made.verdict == (DEFECT if found else RIGHT)
    assert [slip.kind for slip in made.slips] == found


CONV = {
    "input": [1, 6],
    "loss": "half_squared_error",
    "layers": [{"kind": "conv", "channels": 2, "kernel": 3, "activation": "tanh"}],
}
PLANE = {
    "input": [1, 4, 4],
    "loss": "half_squared_error",
    "layers": [{"kind": "conv", "channels": 1, "kernel": 2, "activation": "relu"}],
}


def test_a_delta_with_two_places_under_windows_is_an_error_signal_counted_as_the_sheet_does() -> (
    None
):
    made = verdicts(
        CONV, None,
        r"s_{c,p} = \sum_{k,u} w_{c,k,u} x_{k,p+u} + b_c",
        r"\delta_{c,p} = (o_{c,p} - y_{c,p}) (1 - o_{c,p}^2)",
        r"\frac{\partial L}{\partial w_{c,k,u}} = \sum_p \delta_{c,p} x_{k,p+u}",
        r"\frac{\partial L}{\partial b_c} = \delta_{c,p}",
        r"\frac{\partial L}{\partial x_{k,q}} = \sum_{c,u} w_{c,k,u} \delta_{c,q-u}",
        r"\frac{\partial L}{\partial x_{k,q}} = \sum_{c,u} w_{c,k,u} \delta_{c,q+u}",
    )  # fmt: skip
    assert made == [RIGHT, RIGHT, RIGHT, WRONG, RIGHT, WRONG]


def test_one_channel_in_a_plane_has_errors_with_two_places() -> None:
    made = verdicts(
        PLANE, None,
        r"s_{p,q} = \sum_{u,v} w_{u,v} x_{p+u,q+v} + b",
        r"\frac{\partial L}{\partial w_{u,v}} = \sum_{p,q} \delta_{p,q} x_{p+u,q+v}",
        r"\frac{\partial L}{\partial w_{u,v}} = \sum_{p,q} \delta_{p,q} x_{p,q}",
        r"\frac{\partial L}{\partial b} = \sum_{p,q} \delta_{p,q}",
    )  # fmt: skip
    assert made == [RIGHT, RIGHT, WRONG, RIGHT]


def test_a_sign_for_derivatives_is_no_layer_though_weights_stand_before_it() -> None:
    text = r"""Let $f_3 = \mathrm{softmax}(z_3)$, $h_1 = \tanh(z_1)$, $h_2 = \sigma(z_2)$.
    \[ g_3 = \frac{\partial J}{\partial z_3} \]
    \[ g_3 = f_3 - y \]
    \[ g_2 = \frac{\partial J}{\partial z_2} \]
    \[ g_2 = W_3^\top g_3 \]
    \[ g_2 = W_3^\top g_3 \odot h_2 \odot (1 - h_2) \]
    """
    spec = "4 > 3 tanh > 3 sigmoid > 2 softmax : cross_entropy"
    made = mark(read_sheet(text, "hand.tex", "tex"), load(spec)).marks
    assert [m.verdict for m in made] == [DEFINITION, RIGHT_IF, DEFINITION, WRONG, RIGHT]
