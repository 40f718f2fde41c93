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


SAMPLES = (
    r"Samples $n = 1, \dots, N$: $\hat y_n = w^\top x_n + b$ with "
    r"$$E = \frac12 \sum_{n=1}^N (\hat y_n - y_n)^2 .$$"
)
DESIGN = (
    r"Let $\hat y = X w$ with $X \in \mathbb{R}^{n \times d}$ and "
    r"$$L(w) = \frac{1}{n} \| X w - y \|^2 .$$"
)
POISSON = r"$\eta = w^\top x + b$, $\mu = \exp(\eta)$ and $\ell = \mu - y \log \mu$."
BLOCK = (
    r"A residual block: $h = x + W_2 f(W_1 x)$, $\hat y = v^\top h$, "
    r"$L = \frac12 (\hat y - y)^2$. Write $a = W_1 x$, $u = f(a)$."
)
DROPPED = (
    r"$h = \tanh(W_1 x)$, $\tilde h = m \odot h$ with a random mask $m$, $o = W_2 \tilde h$, "
    r"$L = \frac12 \| o - y \|^2$."
)
CODER = (
    r"$h = \sigma(W x + b)$ with the logistic $\sigma$, $\hat x = V h + c$, "
    r"$L = \frac12 \| \hat x - x \|^2$."
)
BILINEAR = r"A score $s = x^\top A x$ with the loss $\ell = \frac12 (s - t)^2$."
BATCH = (
    r"$S = X W$, $P = \mathrm{softmax}(S)$ row by row, "
    r"$$L = -\frac{1}{N} \sum_n \sum_k Y_{nk} \log P_{nk}.$$"
)


def _line(text: str) -> str | None:
    found = described(read_sheet(text + "\n\n$$1 = 1$$\n", "hand.md", "md"))
    if found is None:
        return None
    if found.model is not None:
        return "own: " + ", ".join(found.model.computed)
    return found.line + (" *" if found.own_loss else "")


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
        (r"$u = x + W x$ and $L = \frac12 \| u - y \|^2$.", "own: u, L"),
        (SAMPLES, "d > 1 : half_squared_error reduction=sum"),
        (DESIGN, "own: hat y, L"),
        (r"$h = \tanh(W x)$, $L = \frac12 \| V h - x \|^2$.", "own: h, L"),
        (r"$u = x + W x$ and $v = W u$.", None),
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
        (SAMPLES, r"\frac{\partial E}{\partial w} = \sum_{n=1}^N (\hat y_n - y_n) x_n",
         r"\frac{\partial E}{\partial w} = \sum_{n=1}^N (y_n - \hat y_n) x_n", "sign"),
        (DESIGN, r"\nabla_w L = \frac{2}{n} X^\top (X w - y)",
         r"\nabla_w L = 2 X^\top (X w - y)", None),
        (POISSON, r"\frac{\partial \ell}{\partial w} = (\mu - y) x",
         r"\frac{\partial \ell}{\partial w} = (\mu - y) \mu x", None),
        (BLOCK, r"\frac{\partial L}{\partial W_2} = (\hat y - y) v u^\top",
         r"\frac{\partial L}{\partial x} = W_1^\top (f'(a) \odot W_2^\top v) (\hat y - y)", None),
        (DROPPED, r"\frac{\partial L}{\partial h} = m \odot W_2^\top (o - y)",
         r"\frac{\partial L}{\partial h} = W_2^\top (o - y)", None),
        (CODER, r"\frac{\partial L}{\partial V} = (\hat x - x) h^\top",
         r"\frac{\partial L}{\partial V} = (x - \hat x) h^\top", "sign"),
        (BILINEAR, r"\frac{\partial \ell}{\partial x} = (s - t) (A + A^\top) x",
         r"\frac{\partial \ell}{\partial x} = 2 (s - t) A x", None),
        (BATCH, r"\frac{\partial L}{\partial W} = \frac{1}{N} X^\top (P - Y)",
         r"\frac{\partial L}{\partial W} = X^\top (P - Y)", None),
    ],
)  # fmt: skip
def test_lines_are_held_against_the_model_of_the_sheet(
    model: str, right: str, wrong: str, slip: str | None
) -> None:
    text = f"{model}\n\n$${right}$$\n\n$${wrong}$$\n"
    made = mark(read_sheet(text, "hand.md", "md"), None)
    *_, good, bad = made.marks
    assert good.verdict.startswith(RIGHT)
    assert bad.verdict == WRONG
    assert slip is None or [s.kind for s in bad.slips][:1] == [slip]
    assert made.remarks[0].startswith("no SPEC: ")


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (  # what the accent of a prime makes of a letter is not read
            r"$y = s(W x + b)$, $z = s(W' y + b')$ and $L = \frac12 \|z - x\|^2$.",
            r"\frac{\partial L}{\partial z} = z - x",
        ),
        (  # the rates have an index that the equations for the others have not
            r"$\hat y_i = w^\top \phi(x_i, z)$ and "
            r"$$J(w) = \frac{1}{n} \sum_i (\hat y_i - y_i)^2$$",
            r"\nabla_w J = \frac{2}{n} \sum_i (\hat y_i - y_i) \phi(x_i, z)",
        ),
    ],
)
def test_a_model_that_is_not_understood_is_left_undecided(model: str, line: str) -> None:
    made = mark(read_sheet(f"{model}\n\n$${line}$$\n", "hand.md", "md"), None)
    assert made.marks[-1].verdict == UNDECIDED


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
