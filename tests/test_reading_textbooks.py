"""Formulas as textbooks, papers and blogs print them: forms that were misread or not read once."""

# ruff: noqa: RUF001  (look-alike signs are what some of the formulas are about)
from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import pytest

from derive.algebra.symbols import Label
from derive.marking.marker import mark
from derive.marking.verdicts import RIGHT, UNDECIDED, WRONG
from derive.reading.reader import read
from derive.reading.tree import (
    Applied,
    AtPoint,
    Branches,
    Change,
    Differential,
    Entry,
    Function,
    Letter,
    Listed,
    Minus,
    Num,
    Picked,
    Power,
    Times,
    Total,
    Transposed,
    Value,
    Words,
    walk,
)
from derive.rewriting.filled import told
from derive.rewriting.writing import latex
from derive.sheets.door import read_sheet
from derive.slips.diagnosis import Limit
from derive.spec import load
from tests.test_reading import SCOPES, problem, relations, side

SAME = [
    # signs of Unicode, and words without a backslash
    ("z¹ + W¹x", r"z^1 + W^{1} x"),
    ("(Wˡ⁺¹)ᵀ δˡ⁺¹ ⊙ σ′(zˡ)", r"(W^{l+1})^T \delta^{l+1} \odot \sigma'(z^l)"),
    ("x̂ + ȳ + 𝐖", r"\hat{x} + \bar{y} + \mathbf{W}"),
    ("y log ŷ + exp y", r"y \log \hat{y} + \exp y"),
    ("x_{max} + max(0, z)", r"x_{max} + \max(0, z)"),
    # derivatives with an upright d, of higher order, and the sign of an operator
    (r"\frac{\mathrm d C_n}{\mathrm d z}", r"\frac{d C_n}{d z}"),
    (r"\frac{\mathrm{d}^2 f}{\mathrm{d} x^2}", r"\frac{d^2 f}{d x^2}"),
    (r"\frac{{\rm d} C_n}{{\rm d} z}", r"\frac{d C_n}{d z}"),
    (r"\dv{z} \sigma(z)", r"\frac{d}{dz} \sigma(z)"),
    (r"\pdv[2]{C_n}{z}", r"\frac{\partial^2 C_n}{\partial z^2}"),
    (r"\pdv{C_n}{w}{b}", r"\frac{\partial^2 C_n}{\partial w \partial b}"),
    (r"[f(g(x))]'", r"\frac{d f(g(x))}{dx}"),
    (r"(\sigma(z))'", r"\frac{d \sigma(z)}{dz}"),
    (r"\frac{\partial C_n / \partial w}{\partial z / \partial w}",
     r"\frac{\frac{\partial C_n}{\partial w}}{\frac{\partial z}{\partial w}}"),
    # points, and compositions
    (r"\left.\frac{d\sigma}{dz}\right|_{z=0}", r"\sigma'(0)"),
    (r"\left.\frac{d\sigma(x)}{dx}\right|_{x=z_j^{(1)}}", r"\sigma'(z_j^{(1)})"),
    (r"(f \circ g)(x)", "f(g(x))"),
    (r"f \circ g \circ h(x)", "f(g(h(x)))"),
    (r"\boldsymbol\sigma(\mathbf{z}^{(2)})", r"\sigma(\mathbf{z}^{(2)})"),
    (r"(f \circ g)'(x)", r"\frac{d f(g(x))}{dx}"),
    # functions
    (r"\log_2 y_1", r"\frac{\log y_1}{\log 2}"),
    (r"\sqrt[3]{y_1}", r"y_1^{1/3}"),
    (r"\sin^{-1}(y_1)", r"\arcsin(y_1)"),
    (r"(z)_+", r"\max(0, z)"),
    (r"\max(|a_1^{(2)}|, |y_1|)", r"\max(\left|a_1^{(2)}\right|, \left|y_1\right|)"),
    (r"\mathrm{sech}^2 z", r"\operatorname{sech}^2(z)"),
    (r"\operatorname{LeakyReLU}(z)", r"\operatorname{leaky\_relu}(z)"),
    (r"\operatorname{Tr}(W^{(1)})", r"\operatorname{tr}(W^{(1)})"),
    # operators
    (r"\underset{k}{\max} \; y_k", r"\max_k y_k"),
    (r"\arg\max_k y_k", r"\operatorname*{arg\,max}_k y_k"),
    (r"\sum_{1 \le i < j \le 3} y_i y_j", r"\sum_{1 \le i, j \le 3} [i < j] (y_i y_j)"),
    # numbers, norms, ones, transposes
    (r".5 y_1", r"0.5 y_1"),
    (r"0{,}5 y_1 + 12{,}25", r"0.5 y_1 + 12.25"),
    (r"0,5 y_1 + 1,5 y_2 + 0,75", r"0.5 y_1 + 1.5 y_2 + 0.75"),
    (r"(0,5 - y_1)^2 + \frac{0,5}{2} + \sigma(1,5 \cdot 3)",
     r"(0.5 - y_1)^2 + \frac{0.5}{2} + \sigma(1.5 \cdot 3)"),
    (r"\begin{pmatrix} 0,5 & 1,25 \\ -0,1 & 3 \end{pmatrix}",
     r"\begin{pmatrix} 0.5 & 1.25 \\ -0.1 & 3 \end{pmatrix}"),
    (r"w_{0,5}^{(1)} y_1", r"w_{0, 5}^{(1)} y_1"),
    (r"0,1", r"0, 1"),
    (r"1,25", r"1, 25"),
    (r"\{0,5\}", r"\{0, 5\}"),
    (r"\max(0,5)", r"\max(0, 5)"),
    (r"(0,2,0,5)", r"(0, 2, 0, 5)"),
    (r"\|W^{(1)}\|_{\text{F}}", r"\|W^{(1)}\|_F"),
    (r"\mathbb{1}^T y", r"\mathbf{1}^T y"),
    (r"\mathbf{1}_n^\top y", r"\mathbf{1}^T y"),
    (r"\mathbf{1} (\mathbf{b}^{(1)})^\top", r"\mathbf{1} \mathbf{b}^{(1)\top}"),
    (r"W1 y + \frac{\partial C_n}{\partial W2}", r"W_1 y + \frac{\partial C_n}{\partial W_2}"),
    (r"\sum_{\text{all } k} y_k", r"\sum_k y_k"),
    (r"\sum_{i\ (i \ne j)} y_i", r"\sum_{i \ne j} y_i"),
    (r"\sum_{\mathclap{i=1}}^n y_i", r"\sum_{i=1}^n y_i"),
    (r"\sum_{k \text{ s.t. } k \ne j} y_k", r"\sum_{k \ne j} y_k"),
    (r"\prod_{3 \ge i > k} y_i", r"\prod_{i=k+1}^{3} y_i"),
    (r"\sum_n \frac{\partial C^n}{\partial y^n}", r"\sum_n \frac{\partial C_n}{\partial y_n}"),
    (r"\mathrm{E}[y_1]", r"\mathrm{E}(y_1)"),
    # layout
    (r"y_1^{\mkern-1.5mu T} y \kern.5em + \mskip3mu y_2", r"y_1^T y + y_2"),
    (r"\hbox{softmax}(z)_k", r"\operatorname{softmax}(z)_k"),
    (r"\begin{pmatrix} y_1 \\[4pt] y_2 \end{pmatrix}",
     r"\begin{pmatrix} y_1 \\ y_2 \end{pmatrix}"),
    (r"y_1 - \alpha \text{ } y_2", r"y_1 - \alpha y_2"),
    (r"\mathop{\rm diag}(z)", r"\operatorname{diag}(z)"),
    (r"\norm{y}", r"\|y\|"),
    (r"\class{red}{y_1}", "y_1"),
    (r"\cancelto{1}{y_1} y_2", "y_1 y_2"),
    (r"\begin{dcases} y_1 & z > 0 \\ 0 & z \le 0 \end{dcases}",
     r"\begin{cases} y_1 & z > 0 \\ 0 & z \le 0 \end{cases}"),
    (r"\begin{cases} 1 \text{ if } z > 0 \\ 0 \text{ otherwise} \end{cases}",
     r"\begin{cases} 1 & \text{if } z > 0 \\ 0 & \text{otherwise} \end{cases}"),
    (r"\begin{cases} 1 & if & i = j \\ 0 & if & i \ne j \end{cases}",
     r"\begin{cases} 1 & i = j \\ 0 & i \ne j \end{cases}"),
    (r"y_1 \text{ (see above)}", "y_1"),
    (r"f(x \mid t)", "f(x, t)"),
    (r"g(x \,\|\, t) + g(x || t)", "g(x, t) + g(x, t)"),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SAME)
def test_two_ways_to_write_one_thing(left: str, right: str) -> None:
    assert side(left) == side(right)


DIFFERENT = [
    (r"\eta^2 y", r"\eta y"),  # the exponent of the learning rate
    (r"\alpha_m^T x", r"\alpha x"),
    (r"\frac x2", "x2"),
    (r"w_{i2}", "w_{i_2}"),
    (r"\max_{j \ne k} y_j", r"\max_j [j \ne k] y_j"),
    (r"\prod_{j \ne k} y_j", r"\prod_j [j \ne k] y_j"),
    ("v^* v", "v v"),  # another letter for each mark, sample and layer
    (r"\hat{y}^{(1)}", r"\hat{y}^{(2)}"),
    (r"\Theta_{ij}^{(l)}", r"\Theta_{ij}^{(l-1)}"),
    (r"A^\dagger", "A"),
    (r"\theta'", r"\theta"),
]


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_things_that_were_read_alike(left: str, right: str) -> None:
    assert side(left) != side(right)


# ------------------------------------------------------------------ functions of the sheet


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (r"J(\theta)", "J"), (r"\zeta(-x)", "zeta"), (r"\mathrm{Var}(z)", "Var"),
        (r"\mathbb{E}_{x \sim p}[C_n]", r"blackboard E_x\simp"),
        (r"\mathcal{N}(\mu, v)", "cal N"), (r"\operatorname{vec}(W^{(1)})", "vec"),
        (r"\varphi(y_1 + y_2)", "varphi"), ("e(w)", "e"), ("E[g^2]", "E"),
        (r"P(y = 1 \mid x)", "P"),
    ],
)  # fmt: skip
def test_a_sign_before_its_argument_is_no_factor(text: str, name: str) -> None:
    made = side(text)
    assert isinstance(made, Applied)
    assert made.function.name == name
    assert made.args


def test_a_factor_before_a_sum_stays_one() -> None:
    assert isinstance(side(r"\lambda (y_1 + y_2)"), Times)
    assert isinstance(side("A (y_1 + y_2)"), Times)


def test_a_letter_that_is_a_number_inside_is_one_before_the_parentheses() -> None:
    made = side(r"p_j (\delta_{ij} - p_i)")
    assert isinstance(made, Times)
    assert made.args[0] == Letter("p_j")
    made = side(r"\sigma_B^2 + \epsilon")
    assert Power(Letter("sigma_B"), Num(Fraction(2))) in walk(made)


def test_functions_of_layers_and_orders_of_derivatives() -> None:
    layer = side("f^L(z^L)")
    assert isinstance(layer, Applied)
    assert layer.function == Function("f", False, Label(0, "L"))
    layer = side("g^{[1]}(z^{[1]})")
    assert isinstance(layer, Applied)
    assert layer.function.label == Label(1)
    layer = side("f^{(2)}(z^{(2)})")
    assert isinstance(layer, Applied)
    assert (layer.function.label, layer.order) == (Label(2), 0)
    derived = side("f^{(2)}(x)")
    assert isinstance(derived, Applied)
    assert (derived.function.label, derived.order) == (None, 2)
    nested = side("f^{(2)}(f^{(1)}(x))")
    assert isinstance(nested, Applied)
    assert (nested.function.label, nested.order) == (Label(2), 0)


def test_arrays_in_fences_have_entries() -> None:
    made = side(r"(W^{(1)} x)_i")
    assert isinstance(made, Picked)
    assert made.places == (Letter("i"),)
    assert isinstance(side(r"\operatorname{softmax}(z^{(2)})_i"), Picked)
    made = side(r"(W^{(1)\top})_{ij}")
    assert isinstance(made, Picked)
    assert isinstance(made.arg, Transposed)


def test_inverse_transposes_and_differentials() -> None:
    made = side("X^{-T}")
    assert isinstance(made, Transposed)
    assert isinstance(made.arg, Power)
    made = side(r"\operatorname{tr}(G^T dW)")
    assert any(isinstance(part, Differential) for part in walk(made))
    assert side(r"G : dW") == side(r"\langle G, dW \rangle")
    assert side("d(d - 1)") == Times((Letter("d"), side("d - 1")), ("",))


def test_a_loss_at_other_parameters_is_no_product() -> None:
    made = side(r"C(w_{11}^{(1)} + \epsilon)")
    assert isinstance(made, AtPoint)
    assert side("C_n(a^{(2)})") == side("C_n")


def test_cases_by_words_and_what_is_left_out_of_a_maximum() -> None:
    made = side(
        r"\begin{cases} y_1 & \text{if } j \text{ is an output} \\ 0 & \mbox{output} \end{cases}"
    )
    assert isinstance(made, Branches)
    assert [when for _, when in made.rows] == [Words("j is an output"), Words("output")]
    made = side(r"\max_{j \ne k} y_j")
    assert isinstance(made, Total)
    assert isinstance(made.body, Branches)
    assert made.body.rows[1] == (Minus(Value("infinity")), None)
    made = side(r"\begin{cases} 1 & z > 0 \\ 0 & z = 0 \end{cases}")
    assert isinstance(made, Branches)
    assert [when for _, when in made.rows] == [side("[z > 0]"), side("[z = 0]")]
    assert any(isinstance(part, Entry) for part in walk(side("[z = 0]")))


def test_the_last_part_of_a_list_is_read_as_its_first() -> None:
    for text in (
        r"\begin{pmatrix} y_1 & & 0 \\ & \ddots & \\ 0 & & y_n \end{pmatrix}",
        r"(y_1, y_2, \dots, y_n)",
        r"y_1 + y_2 + \dots + y_n",
        r"\begin{pmatrix} y_1 \\ \vdots \\ y_n \end{pmatrix}",
        r"[\frac{\partial f}{\partial y_1} \cdots \frac{\partial f}{\partial y_n}]",
    ):
        *_, last = (part for part in walk(side(text)) if isinstance(part, Entry))
        assert (last.places, last.sample) == ((Letter("n"),), None), text
    *_, last = (part for part in walk(side(r"C_1 + \dots + C_n")) if isinstance(part, Entry))
    assert last.sample == Letter("n")


def test_letters_with_scripts_are_one_symbol() -> None:
    turned, plain = side(r"h^{(t)\top}"), side("h^{(t)}")
    assert isinstance(turned, Transposed)
    assert turned.arg == plain
    assert side(r"\eta_j") == Letter("eta_j")  # a unit's, and no rate
    assert side(r"\eta_t") == Value("learning_rate")
    assert isinstance(side(r"E_n(w_{ij} + \epsilon)"), Applied)


# ------------------------------------------------------------------ statements


def test_a_prime_may_say_which_parameter_is_the_one_after_a_step() -> None:
    (claim,) = read(r"w_{ij}' = w_{ij} - \eta v", SCOPES["columns"]).claims
    before = side("w_{ij}")
    assert isinstance(before, Entry)
    assert claim.lhs == replace(before, step=1)
    (claim,) = read(r"w \rightarrow w' = w - \eta v", SCOPES["columns"]).claims
    assert (claim.lhs, claim.relation, claim.rhs) == (side("w"), "to", side(r"w - \eta v"))
    assert "without dots or primes" in problem(r"y = W' x").expected


def test_steps_that_say_what_is_added() -> None:
    for text in (r"w -= \eta", r"w \mathrel{-}= \eta", r"w \mathrel{-=} \eta"):
        (claim,) = read(text, SCOPES["columns"]).claims
        assert claim.relation == "gets"
        assert isinstance(claim.lhs, Minus)
        assert isinstance(claim.lhs.arg, Change)
        assert claim.rhs == Value("learning_rate")
    (claim,) = read(r"w += v", SCOPES["columns"]).claims
    assert isinstance(claim.lhs, Change)
    assert relations("w^+= v") == ["="]
    assert problem("y = w += v").at == len("y = w ")


def test_words_beside_a_row_end_no_chain() -> None:
    text = (
        r"\begin{aligned} y_i &= x_i \quad \text{(chain rule)} \\ &= a_i^{(2)} && \text{since this}"
        r" \\ &= z_i^{(2)} \end{aligned}"
    )
    reading = read(text, SCOPES["columns"])
    assert [claim.lhs for claim in reading.claims] == [side("y_i")] * 3
    assert relations(r"\sigma(\text{net}) = y_1") == ["="]
    assert any(n == Words("net") for n in walk(side(r"\sigma(\text{net})")))


@pytest.mark.parametrize(
    "end", [r"\quad \text{if } j \text{ is an output}", r"\qquad \forall j", r"\quad \text{for } j"]
)
def test_for_which_indices_is_no_claim(end: str) -> None:
    assert relations(rf"y_j = x_j {end}") == ["="]


def test_conditions_in_parentheses_are_conditions() -> None:
    (claim,) = read(r"y_j = x_j \quad (j = 1, \dots, n)", SCOPES["columns"]).claims
    assert [condition.lhs for condition in claim.conditions] == [Letter("j")]
    text = r"y_j = x_j \quad \text{for } j = 1, \dots, K \text{ and } y_1 = x_1"
    first, second = read(text, SCOPES["columns"]).claims
    assert [isinstance(c.rhs, Listed) and len(c.rhs.items) for c in first.conditions] == [3]
    assert second.lhs == side("y_1")


def test_a_reason_in_parentheses_is_a_statement() -> None:
    text = r"y_j = x_j\;\;(\text{since }\textstyle\sum_k y_k = 1)"
    first, second = read(text, SCOPES["columns"]).claims
    assert (first.rhs, second.rhs) == (side("x_j"), Num(Fraction(1)))
    for word in (r"\mathrm{in}", r"\text{total}"):  # of all samples, and of no sample "in"
        made = side(f"E_{{{word}}}", "neurons")
        assert isinstance(made, Entry)
        assert (made.role, made.sample) == ("objective", None)


def test_nothing_inside_of_a_broken_environment_is_a_claim() -> None:
    text = (
        r"x' = \begin{cases} 0 & \text{ with probability } p \\ y & \text{ otherwise} \end{cases}"
    )
    reading = read(text, SCOPES["columns"])
    assert not reading.claims
    assert len(reading.problems) == 1


def test_other_relations() -> None:
    assert relations(r"y_1 \not= x_1") == ["ne"]
    assert relations(r"y_1 \not\in x_1") == ["notin"]
    assert relations(r"y_1 {=} x_1 {\stackrel{?}{=}} z_1") == ["=", "="]
    assert relations(r"\begin{aligned} y_1 &= x_1 \\[1ex] &= z_1 \end{aligned}") == ["=", "="]
    assert relations(r"\bbox[yellow]{y_1 = x_1}") == ["="]


# ------------------------------------------------------------------ messages

UNREADABLE = [
    (r"q = \frac{\delta C_n}{\delta z_1^{(2)}}", r"\delta", "a derivative"),
    (r"q = \sigma^{-1}(y_1)", "-1", "inverse"),
    (r"q = \left. \nabla C \right|_{W = \hat{W}}", "W", "the point of the network"),
    (r"q = \langle y \rangle", r"\langle", "two factors"),
    (r"q = \lim_{h} h", "h", "an arrow"),
    (r"q = \lim_{x \to 0} y_1", "", "without another meaning"),
    (r"q = \sum_{m n \ldots q} y_m", r"\ldots", "an index"),
    (r"q = 1{,}000 y_1", "{", "a decimal point"),
    (r"q = 1{,}000{,}50 y_1", "{", "a decimal point"),
    (r"q = \sqrt[n]{y_1}", "n", "a whole number"),
    (r"q = (f \circ g)'", "", "the argument of the composition"),
    (r"q = (fg)'", "'", "a variable that it names"),
    (r"q = \nabla^2 C", "^", "a gradient of first order"),
    (r"q = \frac{d^{2x} f}{dx^2}", "2", "the order of the derivative"),
    (r"q = \frac{d f}{dx^{1000000000}}", "x", "a whole order from 1 to 9"),
    (r"q = y^{(l)}", "l", "on a quantity that has one"),
    (r"q = J^{\{t\}}", r"\{", "without braces"),
    (r"q = \begin{vmatrix} 1 \end{vmatrix}", "", "a matrix or cases"),
]


@pytest.mark.parametrize(("text", "found", "expected"), UNREADABLE)
def test_messages_have_place_and_expectation(text: str, found: str, expected: str) -> None:
    made = problem(text)
    assert expected in made.expected
    assert 0 <= made.at <= len(text)
    assert found in made.found.replace("\\\\", "\\")
    assert re.match(r"character \d+: found .+, expected .+", str(made))


# ------------------------------------------------------------------ written and read again


@pytest.mark.parametrize(
    "text",
    [
        r"v^* + v_1^\star + \hat{y}^{(i)} + \Theta_{ij}^{(2)} + \theta'",
        r"(W^{(1)} x)_i + (W^{(1)\top})_{ij} + \operatorname{softmax}(z)_k",
        r"\langle y, x \rangle + \lim_{h \to 0} \frac{h}{2} + \mathrm{d}(u + v) + dW",
        r"f^L(z^L) + f^{(2)}(x) + \mathrm{Var}(z) + J(\theta) + \mathbb{E}[z] + P(y = 1 | x)",
        r"\max_{j \ne k} y_j + \sum_{1 \le i < j \le 3} y_i y_j + C(w_{11}^{(1)} + \epsilon)",
        r"\begin{cases} 1 & \text{if } j \text{ is first} \\ 0 & \text{otherwise} \end{cases}",
    ],
)
def test_what_is_read_is_written_so_that_it_is_read_again(text: str) -> None:
    made = side(text)
    assert side(latex(made, SCOPES["columns"])) == told(made)


# ------------------------------------------------------------------ against a network

DEEP = load("2 > 3 sigmoid > 3 sigmoid > 2 sigmoid : half_squared_error")
HELD = [
    (r"(W^{(2)\top} \delta^{(2)})_j \sigma'(z_j^{(1)}) = \delta_j^{(1)}", RIGHT),
    (r"(W^{(2)\top} \delta^{(2)})_k \sigma'(z_j^{(1)}) = \delta_j^{(1)}", WRONG),
    (r"(\nabla_{W^{(2)}} C_n)_{ij} = \delta_i^{(2)} a_j^{(1)}", RIGHT),
    (r"(\nabla_{W^{(2)}} C_n)_{ij} = \delta_j^{(2)} a_i^{(1)}", WRONG),
    (r"(W^{(2)\top})_{ij} = w_{ji}^{(2)}", RIGHT),
    (r"(W^{(2)\top})_{ij} = w_{ij}^{(2)}", WRONG),
    (r"\operatorname{softmax}(z^{(3)})_i = \frac{e^{z_i^{(3)}}}{\sum_k e^{z_k^{(3)}}}", RIGHT),
    (r"\operatorname{softmax}(z^{(3)})_i = \frac{e^{z_i^{(3)}}}{\sum_k e^{-z_k^{(3)}}}", WRONG),
    (r"\sigma'(z) = \lim_{h \to 0} \frac{\sigma(z+h) - \sigma(z)}{h}", RIGHT),
    (r"\sigma'(z) = \lim_{h \to 0} \frac{\sigma(z+h) - \sigma(z-h)}{h}", WRONG),
    (r"\sigma'(z) = \lim_{h \to 0} \frac{\sigma(z+h) + \sigma(z)}{h}", UNDECIDED),
    (r"\lim_{z \to \infty} \sigma(z) = 1", RIGHT),
    (r"\lim_{z \to -\infty} \sigma(z) = 1", WRONG),
    (r"\lim_{z \to 0} \frac{\tanh z}{z} = 1", RIGHT),
    (r"\tanh'(z) = \operatorname{sech}^2(z)", RIGHT),
    (r"\tanh'(z) = \operatorname{sech}(z)", WRONG),
    (r"\operatorname{artanh}(\tanh z) = z", RIGHT),
    (r"\langle \delta^{(2)}, z^{(2)} \rangle = \delta^{(2)\top} z^{(2)}", RIGHT),
    (r"\langle \delta^{(2)}, z^{(2)} \rangle = 2 \delta^{(2)\top} z^{(2)}", WRONG),
    (r"\operatorname{tr}(\delta^{(2)} z^{(2)\top}) = \langle \delta^{(2)}, z^{(2)} \rangle", RIGHT),
    (r"\left. \frac{d\sigma}{dz}\right|_{z=0} = \frac14", RIGHT),
    (r"\left. \frac{d\sigma}{dz}\right|_{z=0} = \frac12", WRONG),
    (r"w_{ij}^{(2)} -= \eta \frac{\partial C_n}{\partial w_{ij}^{(2)}}", RIGHT),
    (r"w_{ij}^{(2)} += \eta \frac{\partial C_n}{\partial w_{ij}^{(2)}}", WRONG),
    (r"W^{(2)} \mathrel{-}= \eta \delta^{(2)} a^{(1)\top}", RIGHT),
    (r"W^{(2)} \mathrel{-}= \eta a^{(1)} \delta^{(2)\top}", WRONG),
    (r"w_{ij}^{(2)} \to w_{ij}^{(2)\prime} = w_{ij}^{(2)} - \eta \delta_i^{(2)} a_j^{(1)}", RIGHT),
    (r"w_{ij}^{(2)} \to w_{ij}^{(2)\prime} = w_{ij}^{(2)} + \eta \delta_i^{(2)} a_j^{(1)}", WRONG),
    (r"w_{ij}^{(2)\prime} = w_{ij}^{(2)} - \eta \frac{\partial C_n}{\partial w_{ij}^{(2)}}", RIGHT),
    (r"w_{ij}^{(2)\prime} = w_{ij}^{(2)} - \frac{\partial C_n}{\partial w_{ij}^{(2)}}", WRONG),
    (r"\sum_{1 \le i < j \le 3} a_i^{(1)} a_j^{(1)} = \frac{1}{2} \left( (\sum_i a_i^{(1)})^2"
     r" - \sum_i (a_i^{(1)})^2 \right)", RIGHT),
    (r"\eta^2 = \eta", WRONG),
    (r"y_1 = \sum_{i=1}^{1000000000} 1", UNDECIDED),
    (r"y_1 = \sum_{i=1}^{9000} \prod_{j=1}^{9000} 2", UNDECIDED),
    (r"dC_n = \operatorname{tr}((\frac{\partial C_n}{\partial W^{(2)}})^T dW^{(2)})", RIGHT),
    (r"dC_n = \operatorname{tr}((\frac{\partial C_n}{\partial W^{(2)}})^T dW^{(3)})", WRONG),
    (r"dC_n = \delta^{(2)} : dz^{(2)}", RIGHT),
    (r"dC_n = \delta^{(1)} : dz^{(2)}", WRONG),
    (r"\mathrm{d}z^{(2)} = \mathrm{d}W^{(2)} a^{(1)} + W^{(2)} \mathrm{d}a^{(1)}"
     r" + \mathrm{d}b^{(2)}", RIGHT),
    (r"\mathrm{d}z^{(2)} = \mathrm{d}W^{(2)} a^{(1)} + W^{(2)\top} \mathrm{d}a^{(1)}", WRONG),
    (r"\mathrm{d}a^{(1)} = a^{(1)} \odot (1 - a^{(1)}) \odot \mathrm{d}z^{(1)}", RIGHT),
    (r"\mathrm{d}a^{(1)} = a^{(1)} \odot (1 + a^{(1)}) \odot \mathrm{d}z^{(1)}", WRONG),
    (r"\max(|z|, 0) = |z|", RIGHT),
    (r"\|a^{(1)}\|_\infty = \max_i |a_i^{(1)}|", RIGHT),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "verdict"), HELD)
def test_what_is_read_is_what_holds(formula: str, verdict: str) -> None:
    sheet = read_sheet(rf"\[ {formula} \]", "hand.tex", "tex")
    (found,) = mark(sheet, DEEP, "columns", limit=Limit(evaluations=1, seconds=1.0)).marks
    assert found.verdict == verdict


def test_a_step_is_corrected_as_it_is_written() -> None:
    sheet = read_sheet(
        r"\[ w_{ij}^{(2)} += \eta \frac{\partial C_n}{\partial w_{ij}^{(2)}} \]", "hand.tex", "tex"
    )
    (found,) = mark(sheet, DEEP, "columns").marks
    assert found.corrected == (r"w_{ij}^{(2)} += -\eta \frac{\partial C_n}{\partial w_{ij}^{(2)}}")
