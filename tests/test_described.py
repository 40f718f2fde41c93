"""Sheets that bring their own little model: the network that their equations describe."""

from __future__ import annotations

import pytest

from derive.marking.marker import mark
from derive.marking.verdicts import RIGHT, RIGHT_IF, UNDECIDED, WRONG
from derive.sheets.described import described
from derive.sheets.door import read_sheet

LINEAR = r"A linear model $\hat y = w^\top x + b$ with loss $L = \frac12 (\hat y - y)^2$."
LOGISTIC = (
    r"Logistic regression: $p = \sigma(z)$, $z = w^\top x + b$, "
    r"$\ell = -y \log p - (1-y) \log(1-p)$."
)
SOFTMAX = r"$$z = W x + b, \quad p = \mathrm{softmax}(z), \quad L = -\sum_k y_k \log p_k$$"
HIDDEN = (
    r"$$h = \tanh(W_1 x + b_1), \qquad \hat y = W_2 h + b_2, "
    r"\qquad L = \frac12 \| \hat y - y \|^2$$"
)
HINGE = (
    r"A classifier with score $f = w^\top x + b$ and loss $L = \max(0, 1 - y f)$. "
    r"$$L = \max(0, 1 - y f)$$ $$\frac{\partial L}{\partial w} = \frac{\partial L}{\partial f} x$$"
)
RIDGE = r"Ridge: $\hat y = w^\top x$ with $L = (\hat y - y)^2 + \lambda \| w \|^2$."
MEAN = (
    r"$$\hat y^{(i)} = w^\top x^{(i)} + b, \qquad "
    r"J = \frac{1}{N} \sum_{i=1}^N (\hat y^{(i)} - y^{(i)})^2$$"
)
ROWS = r"$$Z = X W + b, \qquad L = \frac{1}{2} \| Z - Y \|_F^2$$"
SLOPE = r"$$a = \sigma(w^\top x)$$ with $\sigma(z) = 1/(1+e^{-z})$ and $$E = \frac12 (a - t)^2$$"


def _line(text: str) -> str | None:
    found = described(read_sheet(text + "\n\n$$1 = 1$$\n", "hand.md", "md"))
    return None if found is None else found.line + (" *" if found.own_loss else "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LINEAR, "n > 1 : half_squared_error"),
        (LOGISTIC, "n > 1 sigmoid : binary_cross_entropy"),
        (SOFTMAX, "n > d softmax : cross_entropy"),
        (HIDDEN, "n > d tanh > m : half_squared_error"),
        (HINGE, "n > 1 : max(0, 1 - y*o)"),
        (MEAN, "n > 1 : squared_error"),
        (ROWS, "n > d : half_squared_error reduction=sum"),
        (SLOPE, "n > 1 sigmoid bias=false : half_squared_error"),
        (r"Let $z = W x + b$ and $a = f(z)$.", "n > d generic : generic"),
        (r"$a^l = f(W^l a^{l-1} + b^l)$ in every layer.", None),
        (r"The sigmoid is $\sigma(z) = 1 / (1 + e^{-z})$.", None),
        (r"$u = x + W x$ and $L = \frac12 \| u - y \|^2$.", None),
    ],
)
def test_the_equations_of_a_sheet_say_its_network(text: str, line: str | None) -> None:
    assert _line(text) == line


@pytest.mark.parametrize(
    ("model", "right", "wrong", "slip"),
    [
        (LINEAR, r"\frac{\partial L}{\partial w_i} = (\hat y - y) x_i",
         r"\frac{\partial L}{\partial b} = y - \hat y", "sign"),
        (LOGISTIC, r"\frac{\partial p}{\partial z} = p (1 - p)",
         r"\frac{\partial \ell}{\partial w} = (y - p) x", "sign"),
        (HIDDEN, r"\frac{\partial L}{\partial h} = W_2^\top (\hat y - y)",
         r"\frac{\partial L}{\partial W_1} = "
         r"\left((1 - h) \odot W_2^\top (\hat y - y)\right) x^\top", "slope"),
        (RIDGE, r"\frac{\partial L}{\partial w} = 2 (\hat y - y) x + 2 \lambda w",
         r"\frac{\partial L}{\partial w} = 2 (\hat y - y) x + \lambda w", "factor"),
        (MEAN, r"\frac{\partial J}{\partial w} = "
         r"\frac{2}{N} \sum_{i=1}^N (\hat y^{(i)} - y^{(i)}) x^{(i)}",
         r"\frac{\partial J}{\partial b} = \frac{1}{N} \sum_{i=1}^N (\hat y^{(i)} - y^{(i)})",
         "factor"),
        (ROWS, r"\frac{\partial L}{\partial W} = X^\top (Z - Y)",
         r"\frac{\partial L}{\partial W} = (Z - Y) X^\top", "order"),
    ],
)  # fmt: skip
def test_lines_are_held_against_the_model_of_the_sheet(
    model: str, right: str, wrong: str, slip: str
) -> None:
    text = f"{model}\n\n$${right}$$\n\n$${wrong}$$\n"
    made = mark(read_sheet(text, "hand.md", "md"), None)
    *_, good, bad = made.marks
    assert good.verdict.startswith(RIGHT)
    assert (bad.verdict, [s.kind for s in bad.slips][:1]) == (WRONG, [slip])
    assert made.remarks[0].startswith("no SPEC: the sheet's own equations say")


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (
            r"A block $u = x + W x$ with $L = \frac12 \| u - y \|^2$.",
            r"\frac{\partial L}{\partial W} = (u - y) x^\top",
        ),
        (
            r"A score $s = u^\top A v$ with $L = \log(1 + e^{-s})$.",
            r"\frac{\partial L}{\partial s} = -\frac{1}{1 + e^{s}}",
        ),
    ],
)
def test_a_model_that_is_no_such_network_is_left_undecided(model: str, line: str) -> None:
    made = mark(read_sheet(f"{model}\n\n$${line}$$\n", "hand.md", "md"), None)
    assert [m.verdict for m in made.marks] == [UNDECIDED]


def test_lines_about_any_layer_are_wrong_beside_a_loss() -> None:
    text = (
        r"Let $L = \frac12 \| a^L - y \|^2$ with $z^l = W^l a^{l-1} + b^l$ and $a^l = f(z^l)$."
        "\n\n"
        r"$$\delta^L = (a^L - y) \odot f'(z^L)$$"
        "\n\n"
        r"$$\delta^l = W^{l+1} \delta^{l+1} \odot f'(z^l)$$"
    )
    made = mark(read_sheet(text, "hand.md", "md"), None)
    assert [m.verdict for m in made.marks] == [RIGHT_IF, WRONG]


def test_a_number_times_a_number_is_a_network_of_numbers() -> None:
    assert _line(r"$a = \sigma(z)$, $z = w x + b$, $C = \frac12 (a - y)^2$") == (
        "1 > 1 generic : half_squared_error"
    )
