"""`assert_derivation`, `check` and `assert_backward`: what passes, and what a failure says."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy as sp

import gradwright
from codegen.asserts.backward_frameworks import framework_of
from codegen.asserts.hand_text import hand_of
from codegen.backprop import loss_and_gradients
from derive.errors import SpecError
from derive.spec import load

Function = Callable[..., Any]
DEEP = "3 > 4 tanh > 2 sigmoid : binary_cross_entropy"
s = sp.Symbol("s")
sigma = sp.Function("sigma")


# -------------------------------------------------------------------------------------- derivations


def test_latex_and_sympy_are_both_taken() -> None:
    right = r"\delta_j^{(2)} = o_j^{(2)} - y_j"
    assert gradwright.check("xor", right, notation="columns").notation == "columns"
    marked = gradwright.assert_derivation("xor", right)
    assert marked.marks[0].text == right
    slope = sp.Derivative(sigma(s), s)
    gradwright.assert_derivation(None, sp.Eq(slope, sigma(s) * (1 - sigma(s))))
    gradwright.assert_derivation(None, (sp.Derivative(sp.exp(-s), s), -sp.exp(-s)))
    with pytest.raises(AssertionError) as caught:
        gradwright.assert_derivation(None, sp.Eq(slope, sigma(s) * (1 + sigma(s))))
    said = str(caught.value)
    assert "1 claim: 1 wrong" in said
    assert "sign" in said
    assert "for example" in said


def test_a_failure_shows_every_claim() -> None:
    sheet = r"""\begin{align} \delta_j^{(2)} &= o_j^{(2)} - y_j \\
      \delta_j^{(2)} &= y_j - o_j^{(2)} \end{align}"""
    with pytest.raises(AssertionError) as caught:
        gradwright.assert_derivation("xor", sheet)
    said = str(caught.value)
    assert "2 claims: 1 wrong, 1 right" in said
    assert "should be" in said


@pytest.mark.parametrize(
    ("hand", "strict", "passes"),
    [
        ("only words", True, False),  # nothing can be read
        ("Only words, $x$ among them.", False, False),  # nothing is said
        (r"\[ \mystery = 1 \] \[ \delta_j^{(2)} = o_j^{(2)} - y_j \]", True, False),
        (r"\[ \mystery = 1 \] \[ \delta_j^{(2)} = o_j^{(2)} - y_j \]", False, True),
    ],
)
def test_nothing_read_never_passes(hand: str, strict: bool, passes: bool) -> None:
    if passes:
        gradwright.assert_derivation("xor", hand, strict=strict)
    else:
        with pytest.raises(AssertionError):
            gradwright.assert_derivation("xor", hand, strict=strict)


def test_what_a_hand_derivation_may_be(tmp_path: Path) -> None:
    path = tmp_path / "hand.tex"
    path.write_text(r"\[ a = b \] \[ c = d \]")
    assert len(hand_of(path).sheet.formulas) == len(hand_of(str(path)).sheet.formulas) == 2
    x, y = sp.symbols("x y")
    several = hand_of([sp.Eq(x, y), (x, y**2), "a = b"]).sheet.formulas
    assert [f.text for f in several] == ["x = y", "x = y^{2}", "a = b"]
    assert hand_of((x, y)).sheet.formulas[0].text == "x = y"
    macro = hand_of(r"\newcommand{\e}{\delta} \e = 1").sheet
    assert "e" in macro.macros.known


@pytest.mark.parametrize(
    ("hand", "words"),
    [
        (sp.true, "SymPy has evaluated"),
        (sp.Lt(s, 1), "expected an equation"),
        (s, "expected LaTeX"),
        (3, "expected LaTeX"),
        ([s], "expected an equation or a pair"),
        ((s, "1"), "Symbol"),
    ],
)
def test_other_things_are_refused(hand: Any, words: str) -> None:
    with pytest.raises((TypeError, SpecError), match=words):
        hand_of([hand] if hand is sp.true else hand)


def test_tex_programming_is_refused() -> None:
    with pytest.raises(SpecError, match="catcode"):
        gradwright.check(None, r"\catcode`\@=11 \[ x = y \]")


# ---------------------------------------------------------------------------------- backward passes


def sigmoid(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


def by_hand(slip: str = "") -> Function:
    """The backward pass of DEEP, written as people write it, with a slip."""

    def backward(params: Any, x: Any, y: Any) -> Any:
        W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
        n = len(x)
        s1 = x @ W1 + b1
        o1 = np.tanh(s1)
        o2 = sigmoid(o1 @ W2 + b2)
        d2 = o2 - y
        if slip == "cross-entropy kept its slope":
            d2 = d2 * o2 * (1 - o2)
        if slip == "sum of output and target":
            d2 = o2 + y
        if slip == "s2 for o2":
            d2 = o1 @ W2 + b2 - y
        slope = 1 - o1**2
        if slip == "slope 1 + o^2":
            slope = 1 + o1**2
        if slip == "no slope":
            slope = np.ones_like(o1)
        if slip == "slope in o at s":
            slope = 1 - s1**2
        if slip == "slope at o":
            slope = 1 - np.tanh(o1) ** 2
        d1 = d2 @ W2.T * slope
        if slip == "ascent":
            d2, d1 = -d2, -d1
        read = s1 if slip == "s for o" else o1
        g = {"W1": x.T @ d1 / n, "b1": d1.sum(axis=0) / n,
             "W2": read.T @ d2 / n, "b2": d2.sum(axis=0) / n}  # fmt: skip
        if slip == "one sample":
            g["b1"] = d1[0] / n
        if slip in ("no mean", "no mean, no slope"):
            g = {name: value * n for name, value in g.items()}
        if slip == "no mean, no slope":
            g |= {"W1": x.T @ (d2 @ W2.T), "b1": (d2 @ W2.T).sum(axis=0)}
        if slip == "mean twice":
            g = {name: value / n for name, value in g.items()}
        if slip == "threefold":
            g["W2"] = 3 * g["W2"]
        if slip == "nonsense":
            g["W2"] = g["W2"] ** 2 + 1
        return g

    return backward


def message(spec: Any, function: Function) -> str:
    with pytest.raises(AssertionError) as caught:
        gradwright.assert_backward(spec, function)
    return str(caught.value)


def test_right_backward_passes_pass() -> None:
    gradwright.assert_backward(DEEP, by_hand())
    for spec in (
        "6 > layer_norm > 4 relu > 3 softmax : cross_entropy weight_decay=0.1",
        "1x5x5 > conv 2 3 relu > max_pool 2 > flatten > 3 softmax : cross_entropy",
        "4 > dropout 0.5 > 3 silu > 2 : huber",
        "4 > 3 tanh > batch_norm > 3 tanh > 2 : mean_squared_error reduction=sum",
    ):
        gradwright.assert_backward(spec, generic(spec))


def generic(spec: str, wrong: str = "") -> Function:
    """A right backward pass of a network, or that of another one."""
    network = load(wrong or spec)

    def backward(params: Any, x: Any, y: Any, masks: Any = None) -> Any:
        return loss_and_gradients(network, params, x, y, masks=masks)[1]

    return backward


@pytest.mark.parametrize(
    ("slip", "parameters", "words"),
    [
        ("cross-entropy kept its slope", "W1, b1, W2, b2",
         "slope: the slope of the activation of layer 2 stands twice"),
        ("no slope", "W1, b1", "slope: the slope of the activation of layer 1 is missing"),
        ("slope in o at s", "W1, b1", "is written in the output o, is taken at s"),
        ("slope at o", "W1, b1", "layer 1 is taken at the output o, not at s"),
        ("sum of output and target", "W1, b1, W2, b2",
         "sign: in delta2 = o2 - y: o2 + y stands for o2 - y"),
        ("s2 for o2", "W1, b1, W2, b2", "variable: in delta2 = o2 - y: s2 stands for o2"),
        ("slope 1 + o^2", "W1, b1", "1 + o1 ** 2 stands for 1 - o1 ** 2"),
        ("ascent", "W1, b1, W2, b2", "sign: every gradient has the wrong sign"),
        ("s for o", "W2", "variable: s1 stands for the input of layer 2 in the gradient of W2"),
        ("one sample", "b1", "sum: the sum over the samples is missing: only the first one"),
        ("no mean", "W1, b1, W2, b2", "factor: 1/N is missing"),
        ("mean twice", "W1, b1, W2, b2", "factor: 1/N stands twice"),
        ("threefold", "W2", "factor: the gradient of W2 is the right one times 3"),
        ("nonsense", "W2", "the gradient of W2 fits no slip that is known"),
    ],
)  # fmt: skip
def test_slips_are_named(slip: str, parameters: str, words: str) -> None:
    said = message(DEEP, by_hand(slip))
    assert f"the gradient of {parameters} is wrong" in said
    assert words in said
    assert "the smallest example found: 1 > 1 tanh > 1 sigmoid : binary_cross_entropy, " in said
    samples = 2 if slip in ("one sample", "no mean", "mean twice") else 1
    assert f", {samples} sample" in said
    assert "W1 = [[" in said


def test_two_slips_together() -> None:
    said = message(DEEP, by_hand("no mean, no slope"))
    assert "factor: 1/N is missing" in said
    assert "slope: the slope of the activation of layer 1 is missing" in said


@pytest.mark.parametrize(
    ("spec", "wrong", "words"),
    [
        ("4 > 3 tanh > 2 : huber weight_decay=0.1", "4 > 3 tanh > 2 : huber",
         "the weight decay is forgotten"),
        ("4 > 3 tanh > 3 : mean_squared_error", "4 > 3 tanh > 3 : squared_error",
         "not divided by the number of outputs"),
        ("4 > 2 tanh : half_squared_error", "4 > 2 tanh : squared_error", "a factor 2 too much"),
        ("4 > 2 tanh : squared_error reduction=sum", "4 > 2 tanh : squared_error",
         "averaged, not summed"),
    ],
)  # fmt: skip
def test_other_conventions_are_named(spec: str, wrong: str, words: str) -> None:
    assert words in message(spec, generic(spec, wrong))


def test_the_last_sample_alone_with_its_mask() -> None:
    spec = "3 > dropout 0.5 > 2 tanh > 1 : squared_error"

    def backward(params: Any, x: Any, y: Any, masks: Any) -> Any:
        last = {name: mask[-1:] for name, mask in masks.items()}
        return loss_and_gradients(load(spec), params, x[-1:], y[-1:], masks=last)[1]

    assert "only the last one counts" in message(spec, backward)


def test_softmax_reduced_to_its_diagonal() -> None:
    def backward(params: Any, x: Any, y: Any) -> Any:
        s1 = x @ params["W1"] + params["b1"]
        e = np.exp(s1)
        o = e / e.sum(axis=1, keepdims=True)
        d = 2 * (o - y) * o * (1 - o)
        return [x.T @ d / len(x), d.sum(axis=0) / len(x)]

    said = message("3 > 3 softmax : squared_error", backward)
    assert "jacobian: the Jacobian of the softmax of layer 1 is reduced to its diagonal" in said
    assert "the smallest example found: 1 > 2 softmax" in said


def test_weights_of_another_layer() -> None:
    def backward(params: Any, x: Any, y: Any) -> Any:
        W1, W2, W3 = params["W1"], params["W2"], params["W3"]
        n, o1 = len(x), np.tanh(x @ params["W1"] + params["b1"])
        o2 = np.tanh(o1 @ W2 + params["b2"])
        d3 = 2 * (o2 @ W3 + params["b3"] - y)
        d2 = d3 @ W3.T * (1 - o2**2)
        d1 = d2 @ W1.T * (1 - o1**2)  # it should be W2
        pairs = ((x, d1), (o1, d2), (o2, d3))
        return {f"d{c}{k}": v for k, (i, d) in enumerate(pairs, 1)
                for c, v in (("W", i.T @ d / n), ("b", d.sum(axis=0) / n))}  # fmt: skip

    said = message("3 > 3 tanh > 3 tanh > 3 : squared_error", backward)
    assert "layer: the weights W1 stand for W2 on the way back" in said
    assert "the gradient of W1, b1 is wrong; that of W2, b2, W3, b3 is right" in said


LAYER = "3 > 2 sigmoid : squared_error"


@pytest.mark.parametrize(
    "function",
    [
        lambda delta, x: (x.T @ delta, delta.sum(axis=0)),
        lambda delta, x: x.T @ delta,
        lambda delta, x, W: (delta @ W.T, x.T @ delta, delta.sum(axis=0)),
        lambda grad_output, inputs, o: {
            "dW": inputs.T @ (grad_output * o * (1 - o)),
            "db": (grad_output * o * (1 - o)).sum(axis=0),
        },
    ],
)
def test_a_single_layer_asks_for_what_it_needs(function: Function) -> None:
    gradwright.assert_backward(LAYER, function)


@pytest.mark.parametrize(
    "function",
    [
        lambda grad_output, o: grad_output * o * (1 - o),  # an activation alone
        lambda d_o, s: {"delta": d_o * sigmoid(s) * (1 - sigmoid(s))},
    ],
)
def test_an_activation_alone(function: Function) -> None:
    gradwright.assert_backward(LAYER, function)
    said = message("3 > 2 tanh : squared_error", function)
    assert "the gradient of delta1 is wrong" in said


def test_matrices_stored_the_other_way_round() -> None:
    def linear(slip: float) -> Function:
        def backward(delta: Any, input: Any, weight: Any) -> Any:
            assert weight.shape == (delta.shape[1], input.shape[1])
            return slip * delta @ weight, delta.T @ input, delta.sum(axis=0)

        return backward

    gradwright.assert_backward(LAYER, linear(1))
    gradwright.assert_backward("2 > 2 sigmoid : squared_error", linear(1))
    assert "the gradient of x is wrong" in message(LAYER, linear(2))

    def columns(params: Any, x: Any, y: Any) -> Any:
        W1, W2, n = params["W1"], params["W2"], x.shape[0]
        o1 = np.tanh(W1 @ x.T + params["b1"][:, None])
        d2 = sigmoid(W2 @ o1 + params["b2"][:, None]) - y.T
        d1 = W2.T @ d2 * (1 - o1**2)
        return {"W1": d1 @ x / n, "b1": d1.mean(axis=1, keepdims=True),
                "W2": d2 @ o1.T / n, "b2": d2.mean(axis=1, keepdims=True)}  # fmt: skip

    gradwright.assert_backward(DEEP, columns)


def test_a_loss_before_or_behind_the_gradients() -> None:
    def backward(params: Any, x: Any, y: Any) -> Any:
        return loss_and_gradients(load(DEEP), params, x, y)[::-1]

    gradwright.assert_backward(DEEP, backward)


def test_a_wrong_single_layer() -> None:
    said = message(LAYER, lambda delta, x, W: (-delta @ W.T, x.T @ delta, delta.mean(axis=0)))
    assert "x: sign: what layer 1 hands on to its input has the wrong sign" in said
    assert "b1: factor: 1/N stands twice in the gradient of b1" in said


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda params, x, y: {"W1": params["W1"]}, "expected also b1"),
        (lambda params, x, y: {"W1": params["W1"].T, "b1": params["b1"]},
         r"shape \(2, 3\), expected \(3, 2\): it is transposed"),
        (lambda params, x, y: "no", "expected arrays of numbers"),
        (lambda params, x, y: [params["W1"]] * 4, "returned 4 arrays"),
        (lambda params, x, y: {"W1": params["W1"] * np.nan, "b1": params["b1"]}, "W1, b1 is wrong"),
    ],
)  # fmt: skip
def test_answers_that_are_no_gradients(function: Function, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        gradwright.assert_backward(LAYER, function)


def test_arguments_that_nobody_knows() -> None:
    with pytest.raises(TypeError, match="asks for foo"):
        gradwright.assert_backward(LAYER, lambda foo, x: x)


def test_three_arguments_are_told_by_their_names() -> None:
    """What no name says is taken in order, and said; what a name contradicts is refused."""
    right = by_hand()
    gradwright.assert_backward(DEEP, lambda theta, data, labels: right(theta, data, labels))
    gradwright.assert_backward(DEEP, lambda network, a, b: right(network, a, b))
    wrong = by_hand("no slope")
    said = message(DEEP, lambda network, a, b: wrong(network, a, b))
    assert "note: (network, a, b) was taken for (params, x, y)" in said
    assert "was taken for" not in message(DEEP, lambda params, x, y: wrong(params, x, y))
    with pytest.raises(KeyError) as caught:
        gradwright.assert_backward(DEEP, lambda q, r, s: q["W9"])
    assert caught.value.__notes__ == ["(q, r, s) was taken for (params, x, y)"]
    refused: tuple[Function, ...] = (
        lambda x, y, params_of_mine: {},
        lambda cached, W1, x: {},
        lambda delta2, foo, o1: {},
        lambda a, b: {},
    )
    for function in refused:
        with pytest.raises(TypeError, match=r"expected \(params, x, y\), or quantities by their"):
            gradwright.assert_backward(DEEP, function)


def test_arguments_by_position_and_by_name() -> None:
    def of_names(W: Any, x: Any, /, masks: Any = None, *, delta: Any) -> Any:
        return delta @ W.T, x.T @ delta, delta.sum(axis=0)

    gradwright.assert_backward(LAYER, of_names)
    said = message(LAYER, lambda W, /, *, delta: {"x": 2 * delta @ W.T})
    assert "the gradient of x is wrong" in said


def test_a_wrong_loss_is_told() -> None:
    def backward(params: Any, x: Any, y: Any) -> Any:
        loss, gradients = loss_and_gradients(load(DEEP), params, x, y)
        return 2 * loss, gradients

    assert "the gradients are right, but the loss of" in message(DEEP, backward)


def test_the_function_may_change_what_it_is_given() -> None:
    right = by_hand()

    def backward(params: Any, x: Any, y: Any) -> Any:
        made = right(params, x, y)
        x *= 0
        params.clear()
        return made

    gradwright.assert_backward(DEEP, backward)


def test_a_network_without_numbers_is_refused() -> None:
    with pytest.raises(SpecError, match="expected numbers"):
        gradwright.assert_backward("n > d tanh : squared_error", lambda params, x, y: {})


# -------------------------------------------------------------------------------- other frameworks


def test_functions_of_pytorch() -> None:
    torch = pytest.importorskip("torch")

    def layer(slope: Function) -> Any:
        class Layer(torch.autograd.Function):  # type: ignore[name-defined,misc]
            @staticmethod
            def forward(ctx: Any, x: Any, W: Any, b: Any) -> Any:
                o = torch.sigmoid(x @ W + b)
                ctx.save_for_backward(x, W, o)
                return o

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                x, W, o = ctx.saved_tensors
                d = g * slope(o)
                return d @ W.T, x.T @ d, d.sum(0)

        return Layer

    gradwright.assert_backward(LAYER, layer(lambda o: o * (1 - o)))
    said = message(LAYER, layer(lambda o: o))
    assert "the activation of layer 1 itself stands in place of its slope" in said


def of_torch(slip: str = "") -> Any:
    """Layers of PyTorch: matrices as (outputs, inputs), a context that is set up apart."""
    torch = pytest.importorskip("torch")

    class Layers(torch.autograd.Function):  # type: ignore[name-defined,misc]
        @staticmethod
        def forward(x: Any, W1: Any, b1: Any, W2: Any, b2: Any, targets: Any) -> Any:
            o = torch.relu(x @ W1.t() + b1) @ W2.t() + b2
            return ((o - targets) ** 2).sum(1).mean()

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, W1, b1, W2, b2, y = ctx.saved_tensors
            h = torch.relu(x @ W1.t() + b1)
            d2 = g * 2 * (h @ W2.t() + b2 - y) / len(x)
            if slip == "no mean":
                d2 = d2 * len(x)
            d1 = d2 @ W2
            if slip != "no slope":
                d1 = d1 * (h > 0)
            if slip == "sign":
                d1 = -d1
            first = d1[0] if slip == "first sample" else d1.sum(0)
            left = x if slip == "x for h" else h
            return d1 @ W1, d1.t() @ x, first, d2.t() @ left, d2.sum(0), None

    return Layers


RELU = "3 > 3 relu > 2 : squared_error"
LAYERED = [
    ("no mean", "W1, b1, W2, b2, x", "factor: 1/N is missing"),
    ("no slope", "W1, b1, x", "slope: the slope of the activation of layer 1 is missing"),
    ("sign", "W1, b1, x", "sign: the slope of the activation of layer 1 has the wrong sign"),
    ("first sample", "b1", "sum: the sum over the samples is missing: only the first one"),
    ("x for h", "W2", "variable: x stands for the input of layer 2 in the gradient of W2"),
]


@pytest.mark.parametrize(("slip", "parameters", "words"), [("", "", ""), *LAYERED])
def test_layers_and_losses_of_pytorch(slip: str, parameters: str, words: str) -> None:
    if not slip:
        gradwright.assert_backward(RELU, of_torch())
        return
    said = message(RELU, of_torch(slip))
    assert f"the gradient of {parameters} is wrong" in said
    assert words in said
    assert "the smallest example found: 1 > 1 relu > 1 : squared_error" in said


def test_an_activation_of_pytorch_alone() -> None:
    """Whatever its one argument is called, it is the weighted sum."""
    torch = pytest.importorskip("torch")

    def activation(below: float) -> Any:
        class Leaky(torch.autograd.Function):  # type: ignore[name-defined,misc]
            @staticmethod
            def forward(ctx: Any, input: Any) -> Any:
                ctx.save_for_backward(input)
                return torch.where(input > 0, input, 0.01 * input)

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                (input,) = ctx.saved_tensors
                return g * torch.where(input > 0, 1.0, below)

        return Leaky

    spec = "3 > 4 tanh > 2 leaky_relu : squared_error"
    gradwright.assert_backward(spec, activation(0.01))
    said = message(spec, activation(0.0))
    assert "the gradient of delta2 is wrong" in said
    assert "slope: the slope of the activation of layer 2 is 0 where s is negative" in said


def test_several_outputs_are_refused() -> None:
    torch = pytest.importorskip("torch")

    class Two(torch.autograd.Function):  # type: ignore[name-defined,misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1, x * 2

        @staticmethod
        def backward(ctx: Any, *g: Any) -> Any:
            return g[0]

    with pytest.raises(AssertionError, match="the output is a tuple, expected one array"):
        gradwright.assert_backward(LAYER, Two)


def of_jax(slip: str = "") -> Any:
    """A loss of JAX with a dictionary of parameters and a backward pass of its own."""
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def passed(params: Any, x: Any, y: Any) -> Any:
        h = jnp.tanh(x @ params["W1"] + params["b1"])
        o = h @ params["W2"] + params["b2"]
        return jnp.mean(jnp.sum((o - y) ** 2, axis=1)), (params, x, h, o - y)

    loss: Any = jax.custom_vjp(lambda params, x, y: passed(params, x, y)[0])

    def backward(kept: Any, g: Any) -> Any:
        params, x, h, gap = kept
        d2 = g * 2 * gap / len(x)
        if slip == "half":
            d2 = d2 / 2
        d1 = d2 @ params["W2"].T * (1 - (h if slip == "slope" else h**2))
        named = {"W1": x.T @ d1, "b1": d1.sum(0), "W2": h.T @ d2, "b2": d2.sum(0)}
        if slip == "no bias":
            named["b2"] = jnp.zeros_like(named["b2"])
        return named, d1 @ params["W1"].T, -d2

    loss.defvjp(passed, backward)
    return loss


TANH = "3 > 4 tanh > 2 : squared_error"


@pytest.mark.parametrize(
    ("slip", "parameters", "words"),
    [
        ("", "", ""),
        ("half", "W1, b1, W2, b2, x", "factor: the factor 2 of dL/do is missing"),
        ("slope", "W1, b1, x", "slope: in delta1 = "),
        ("no bias", "b2", "term: the gradient of b2 is zero"),
    ],
)
def test_a_rule_of_jax_with_parameters_by_name(slip: str, parameters: str, words: str) -> None:
    if not slip:
        gradwright.assert_backward(TANH, of_jax())
        return
    said = message(TANH, of_jax(slip))
    assert f"the gradient of {parameters} is wrong" in said
    assert words in said
    assert "is known" not in said


def test_gradients_of_jax_itself() -> None:
    jax = pytest.importorskip("jax")
    loss = of_jax()

    def apart(W1: Any, b1: Any, W2: Any, b2: Any, x: Any, y: Any) -> Any:
        return loss({"W1": W1, "b1": b1, "W2": W2, "b2": b2}, x, y)

    gradwright.assert_backward(TANH, jax.value_and_grad(loss))
    gradwright.assert_backward(TANH, jax.jit(jax.grad(apart, argnums=(0, 1, 2, 3))))


def test_functions_of_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for JAX: what is asked of it is `vjp` of a function with its own rule."""
    monkeypatch.setitem(sys.modules, "jax", fake_jax())

    def rule(given: Any, g: Any, slope: Function) -> Any:
        x, W, b = given
        o = sigmoid(x @ W + b)
        d = g * slope(o)
        return d @ W.T, x.T @ d, d.sum(axis=0)

    def custom(slope: Function) -> Any:
        def layer(x: Any, W: Any, b: Any) -> Any:
            return sigmoid(x @ W + b)

        def called(self: Any, *args: Any) -> Any:
            return layer(*args)

        home = {"__module__": "jax._src.custom_derivatives", "__call__": called}
        made: Any = type("custom_vjp", (), home)()
        made.__signature__ = inspect.signature(layer)
        made.rule = lambda args, g: rule(args, g, slope)
        return made

    assert framework_of(custom(lambda o: o)) is not None
    gradwright.assert_backward(LAYER, custom(lambda o: o * (1 - o)))
    assert "layer 1 is missing" in message(LAYER, custom(np.ones_like))


def fake_jax() -> ModuleType:
    made: Any = ModuleType("jax")
    made.numpy = np
    made.vjp = lambda f, *args: (f(*args), lambda g: f.rule(args, g))
    found: ModuleType = made
    return found
