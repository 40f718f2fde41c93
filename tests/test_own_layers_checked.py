"""Hand derivations about layers of one's own and norms, in whatever letters the sheet likes."""

from __future__ import annotations

from typing import Any

import pytest

import gradwright

SOFTMAX = {
    "name": "softmax", "input": 4, "loss": "cross_entropy",
    "layers": [{"kind": "equations", "indices": {"i": 4, "j": 3, "k": 3},
                "parameters": {"w": ["i", "j"], "b": ["j"]},
                "forward": ["e[j] = Sum(w[i,j]*x[i], i) + b[j]",
                            "p[j] = exp(e[j])/Sum(exp(e[k]), k)"]}],
}  # fmt: skip
HIGHWAY = {
    "name": "highway", "input": 5, "loss": "cross_entropy",
    "layers": [{"kind": "equations", "indices": {"j": 5, "k": 5},
                "parameters": {"W": ["j", "k"], "b": ["j"], "V": ["j", "k"], "c": ["j"]},
                "forward": ["h[j] = tanh(Sum(W[j,k]*x[k], k) + b[j])",
                            "t[j] = sigmoid(Sum(V[j,k]*x[k], k) + c[j])",
                            "o[j] = t[j]*h[j] + (1 - t[j])*x[j]"]},
               {"kind": "layer_norm"}, "3 softmax"],
}  # fmt: skip
NORM = {"name": "norm", "input": 6, "layers": [{"kind": "layer_norm"}],
        "loss": "half_squared_error"}  # fmt: skip

ATTENTION = {
    "name": "attention", "input": [3, 4], "loss": "squared_error",
    "layers": [{"kind": "equations", "indices": {"t": 3, "u": 3, "r": 3, "i": 4, "a": 2},
                "parameters": {"A": ["i", "a"], "B": ["i", "a"], "C": ["i", "a"]},
                "forward": ["q[t,a] = Sum(A[i,a]*x[t,i], i)",
                            "k[t,a] = Sum(B[i,a]*x[t,i], i)",
                            "v[t,a] = Sum(C[i,a]*x[t,i], i)",
                            "e[t,u] = Sum(q[t,a]*k[u,a], a)/sqrt(2)",
                            "p[t,u] = exp(e[t,u])/Sum(exp(e[t,r]), r)",
                            "s[t,a] = Sum(p[t,u]*v[u,a], u)"]},
               {"kind": "flatten"}],
}  # fmt: skip
GATED = {
    "name": "gated", "input": 4, "loss": "squared_error",
    "layers": [{"kind": "equations", "indices": {"i": 4, "j": 4, "k": 4},
                "parameters": {"A": ["j", "i"], "B": ["j", "i"], "R": ["j", "i"], "d": ["j"]},
                "forward": ["z[j] = sigmoid(Sum(A[j,i]*x[i], i))",
                            "r[j] = sigmoid(Sum(B[j,i]*x[i], i))",
                            "g[j] = tanh(Sum(R[j,k]*r[k]*x[k], k) + d[j])",
                            "s[j] = (1 - z[j])*x[j] + z[j]*g[j]"]},
               "2 tanh"],
}  # fmt: skip

#: What the sheet says first, its lines, and what each is: right (also under a condition) or wrong.
SHEETS: dict[str, tuple[Any, str, list[tuple[str, str]]]] = {
    "the letters of the layer": (
        SOFTMAX,
        r"Let $e_j = \sum_i w_{ij} x_i + b_j$ and $p_j = e^{e_j}/\sum_k e^{e_k}$.",
        [
            (r"\frac{\partial p_k}{\partial e_j} = p_k ([k = j] - p_j)", "RIGHT"),
            (r"\frac{\partial p_k}{\partial e_j} = p_k (1 - p_j)", "WRONG"),
            (r"\frac{\partial L}{\partial e_j} = p_j - y_j", "RIGHT"),
            (r"\frac{\partial L}{\partial w_{ij}} = x_i (p_j - y_j)", "RIGHT"),
            (r"\frac{\partial L}{\partial w_{ij}} = x_j (p_i - y_i)", "WRONG"),
            (r"\frac{\partial L}{\partial x} = w (p - y)", "RIGHT"),
            (r"\frac{\partial L}{\partial x} = w^\top (p - y)", "WRONG"),
            (r"\frac{\partial L}{\partial p_j} = -\frac{y_j}{p_j}", "RIGHT"),
        ],
    ),
    "other letters": (
        SOFTMAX,
        r"Let $u_j = \sum_i w_{ij} x_i + b_j$ and $q_j = e^{u_j}/\sum_k e^{u_k}$.",
        [
            (r"\frac{\partial L}{\partial u_j} = q_j - y_j", "RIGHT"),
            (r"\frac{\partial L}{\partial u_j} = q_j (1 - q_j)", "WRONG"),
            (r"\frac{\partial L}{\partial b} = q - y", "RIGHT"),
        ],
    ),
    "an error of the output of a layer": (
        HIGHWAY,
        r"Let $h = \tanh(W x + b)$, $t = \sigma(V x + c)$ and"
        r" $o = t \odot h + (1 - t) \odot x$. Write $\delta = \partial C/\partial o$.",
        [
            (r"\frac{\partial C}{\partial h} = \delta \odot t", "RIGHT"),
            (r"\frac{\partial C}{\partial h} = \delta \odot (1 - t)", "WRONG"),
            (r"\frac{\partial C}{\partial t} = \delta \odot (h - x)", "RIGHT"),
            (r"\frac{\partial C}{\partial W} = (\delta \odot t \odot (1 - h^2)) x^\top", "RIGHT"),
            (r"\frac{\partial C}{\partial V} = (\delta \odot (h - x) \odot t) x^\top", "WRONG"),
            (r"\frac{\partial C}{\partial x} = W^\top (\delta \odot t \odot (1 - h^2))"
             r" + V^\top (\delta \odot (h - x) \odot t \odot (1 - t)) + \delta \odot (1 - t)",
             "RIGHT"),
        ],
    ),
    "entries of attention": (
        ATTENTION,
        r"""\begin{align}
            q_{ta} &= \sum_i A_{ia} x_{ti}, & k_{ta} &= \sum_i B_{ia} x_{ti},
                & v_{ta} &= \sum_i C_{ia} x_{ti} \\
            e_{tu} &= \frac{1}{\sqrt 2} \sum_a q_{ta} k_{ua} \\
            p_{tu} &= \frac{\exp(e_{tu})}{\sum_r \exp(e_{tr})} \\
            s_{ta} &= \sum_u p_{tu} v_{ua}
            \end{align} Let $\delta_{ta} = \partial L/\partial s_{ta}$.""",
        [
            (r"\frac{\partial L}{\partial v_{ua}} = \sum_t p_{tu} \delta_{ta}", "RIGHT"),
            (r"\frac{\partial L}{\partial v_{ua}} = \sum_t p_{ut} \delta_{ta}", "WRONG"),
            (r"\frac{\partial L}{\partial e_{tu}} = p_{tu} \Big(\frac{\partial L}{\partial p_{tu}}"
             r" - \sum_r p_{tr} \frac{\partial L}{\partial p_{tr}}\Big)", "RIGHT"),
            (r"\frac{\partial L}{\partial e_{tu}} = p_{tu} (1 - p_{tu})"
             r" \frac{\partial L}{\partial p_{tu}}", "WRONG"),
            (r"\frac{\partial L}{\partial k_{ua}} = \frac{1}{\sqrt 2}"
             r" \sum_t \frac{\partial L}{\partial e_{tu}} q_{ta}", "RIGHT"),
            (r"\frac{\partial L}{\partial k_{ua}}"
             r" = \sum_t \frac{\partial L}{\partial e_{tu}} q_{ta}", "WRONG"),
        ],
    ),
    "matrices of attention, by other names": (
        ATTENTION,
        r"""Self-attention: $Q = X W_Q$, $K = X W_K$, $V = X W_V$ and
            \begin{align} S &= \frac{1}{\sqrt{2}} Q K^\top \\ P &= \operatorname{softmax}(S) \\
            O &= P V \end{align} With $dO = \partial L/\partial O$:""",
        [
            ("dV = P^\\top dO", "RIGHT"),
            ("dV = P dO", "WRONG"),
            ("dP = dO V^\\top", "RIGHT"),
            (r"dQ = \frac{1}{\sqrt 2} dS\, K", "RIGHT"),
            (r"dK = \frac{1}{\sqrt 2} dS^\top Q", "RIGHT"),
            (r"dK = \frac{1}{\sqrt 2} dS\, Q", "WRONG"),
            ("dW_Q = X^\\top dQ", "RIGHT"),
            ("dW_V = X^\\top dK", "WRONG"),
        ],
    ),
    "weights by the names of their gates": (
        GATED,
        r"""The gates are $z = \sigma(W_z x)$ and $r = \sigma(W_r x)$,
            \[ \tilde h = \tanh(W_h (r \odot x) + b_h) \]
            \[ h = (1 - z) \odot x + z \odot \tilde h \]
            With $\delta_h = \partial L/\partial h$:""",
        [
            (r"\frac{\partial L}{\partial \tilde h} = \delta_h \odot z", "RIGHT"),
            (r"\frac{\partial L}{\partial z} = \delta_h \odot \tilde h", "WRONG"),
            (r"\frac{\partial L}{\partial W_z} ="
             r" (\delta_h \odot (\tilde h - x) \odot z \odot (1 - z)) x^\top", "RIGHT"),
            (r"\frac{\partial L}{\partial b_h} = \delta_h \odot z \odot (1 - \tilde h^2)", "RIGHT"),
            (r"\frac{\partial L}{\partial r} ="
             r" x \odot W_h^\top (\delta_h \odot z \odot (1 - \tilde h^2))", "RIGHT"),
            (r"\frac{\partial L}{\partial W_h} ="
             r" (\delta_h \odot z \odot (1 - \tilde h^2)) x^\top", "WRONG"),
            (r"\frac{\partial L}{\partial W_h} ="
             r" (\delta_h \odot z \odot (1 - \tilde h^2)) (r \odot x)^\top", "RIGHT"),
        ],
    ),
    "batches of a hidden layer": (
        {"name": "batches", "input": 4, "layers": ["5", {"kind": "batch_norm"}, "2"],
         "loss": "half_squared_error"},
        r"""\begin{align}
            \mu_j &= \frac1N \sum_{n=1}^N s_{nj}, \qquad
            v_j = \frac1N \sum_{n=1}^N (s_{nj} - \mu_j)^2 \\
            \hat s_{nj} &= \frac{s_{nj} - \mu_j}{\sqrt{v_j + \epsilon}} \\
            u_{nj} &= \gamma_j \hat s_{nj} + \beta_j \end{align}""",
        [
            (r"\frac{\partial L}{\partial \hat s_{nj}}"
             r" = \gamma_j \frac{\partial L}{\partial u_{nj}}", "RIGHT"),
            (r"\frac{\partial L}{\partial \mu_j} = -\frac{1}{\sqrt{v_j + \epsilon}}"
             r" \sum_n \frac{\partial L}{\partial \hat s_{nj}}", "RIGHT"),
            (r"\frac{\partial L}{\partial \beta_j} = \frac{\partial L}{\partial u_{nj}}", "WRONG"),
            (r"\frac{\partial L}{\partial \beta_j}"
             r" = \sum_n \frac{\partial L}{\partial u_{nj}}", "RIGHT"),
        ],
    ),
    "a variance that is a square": (
        NORM,
        r"""\begin{align} \mu &= \frac1d \sum_{i=1}^d x_i \\
            \sigma^2 &= \frac1d \sum_{i=1}^d (x_i - \mu)^2 \\
            \hat x_i &= \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} \end{align}""",
        [
            (r"o_i = \gamma_i \hat x_i + \beta_i", "RIGHT"),
            (r"\frac{\partial L}{\partial \hat x_i} = (o_i - y_i) \gamma_i", "RIGHT"),
            (r"\frac{\partial L}{\partial \gamma_i} = (o_i - y_i) \hat x_i", "RIGHT"),
            (r"\frac{\partial L}{\partial \gamma_i} = (o_i - y_i) x_i", "WRONG"),
            (r"\frac{\partial L}{\partial \sigma^2} = -\frac12 (\sigma^2 + \epsilon)^{-3/2}"
             r" \sum_i \frac{\partial L}{\partial \hat x_i} (x_i - \mu)", "RIGHT"),
            (r"\frac{\partial L}{\partial \sigma^2} = -\frac12 (\sigma^2 + \epsilon)^{-1/2}"
             r" \sum_i \frac{\partial L}{\partial \hat x_i} (x_i - \mu)", "WRONG"),
            (r"\frac{\partial L}{\partial x_i} = \frac{1}{d\sqrt{\sigma^2 + \epsilon}} \left("
             r" d \frac{\partial L}{\partial \hat x_i}"
             r" - \sum_j \frac{\partial L}{\partial \hat x_j}"
             r" - \hat x_i \sum_j \frac{\partial L}{\partial \hat x_j} \hat x_j \right)", "RIGHT"),
            (r"\frac{\partial L}{\partial x_i} = \frac{1}{\sqrt{\sigma^2 + \epsilon}}"
             r" \frac{\partial L}{\partial \hat x_i}", "WRONG"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHEETS)
def test_verdicts(name: str) -> None:
    spec, first, lines = SHEETS[name]
    sheet = first + "\n" + "\n".join(rf"\[ {line} \]" for line, _ in lines)
    marks = gradwright.check(spec, sheet).marks
    found = [mark.verdict.partition("_")[0] for mark in marks[-len(lines) :]]
    assert found == [verdict for _, verdict in lines]
    assert not [m for m in marks[: -len(lines)] if m.verdict not in ("RIGHT", "DEFINITION")]


def test_a_matrix_product_between_entrywise_ones_goes_before_them() -> None:
    dropout = {"kind": "dropout", "rate": 0.5}
    network = {"input": 3, "layers": ["4 tanh", dropout, "2"], "loss": "half_squared_error"}
    lines = [
        r"\frac{\partial L}{\partial a} = m \odot W_2^\top (o - y) \odot (1 - h^2)",
        r"\frac{\partial L}{\partial a} = W_2^\top (o - y) \odot (1 - h^2)",
        r"\frac{\partial L}{\partial h} = m \odot W_2^\top (o - y)",
        r"\frac{\partial L}{\partial h} = W_2^\top (o - y)",
    ]
    forward = [r"a = W_1 x + b_1", r"h = \tanh(a)", r"\tilde h = m \odot h",
               r"o = W_2 \tilde h + b_2"]  # fmt: skip
    sheet = "\n".join(rf"\[ {line} \]" for line in (*forward, *lines))
    verdicts = [mark.verdict for mark in gradwright.check(network, sheet).marks][-4:]
    assert verdicts == ["RIGHT", "WRONG", "RIGHT", "WRONG"]


def test_an_activation_is_the_one_that_the_sheet_says() -> None:
    """Of a network with two: without f(s) = s sigma(s) the slope could be that of either."""
    network = {
        "input": 4, "loss": "binary_cross_entropy",
        "layers": [{"kind": "dense", "units": 8, "activation": "s/(1 + exp(-s))"}, "1 sigmoid"],
    }  # fmt: skip
    lines = [
        r"f'(s) = f(s) + \sigma(s) (1 - f(s))",
        r"f'(s) = \sigma(s) (1 - \sigma(s))",
        r"\sigma'(s) = \sigma(s) (1 - \sigma(s))",
    ]
    sheet = r"The activation is $f(s) = s\,\sigma(s)$." + "".join(rf" \[ {x} \]" for x in lines)
    verdicts = [mark.verdict for mark in gradwright.check(network, sheet, notation="rows").marks]
    assert verdicts == ["RIGHT", "WRONG", "RIGHT"]
