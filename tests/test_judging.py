"""What small networks can tell: numbers that are sizes by chance, symbolic sizes everywhere,
derivatives of derivatives, symbols that are defined by others twice.
"""

from __future__ import annotations

import string
from itertools import pairwise
from typing import Any

import pytest

from derive.marking.judging import Judge
from derive.marking.marker import mark
from derive.marking.shrinking import shrunk
from derive.marking.verdicts import DEFINITION, RIGHT, RIGHT_IF, UNDECIDED, Marked
from derive.sheets.door import read_sheet
from derive.slips.diagnosis import Limit
from derive.spec import load

TWO = "2 > 3 tanh > 2 linear : half_squared_error"
DEPTH = "n > d generic repeat=L > m linear : half_squared_error"
ANY = "n > d tanh repeat=L : half_squared_error"
NO_SEARCH = Limit(evaluations=0)


def marked(*formulas: str, network: Any = TWO) -> Marked:
    text = "\n".join(rf"\[ {formula} \]" for formula in formulas)
    return mark(read_sheet(text, "hand.tex", "tex"), load(network), "columns", limit=NO_SEARCH)


def passes(*formulas: str, network: Any = TWO) -> list[bool]:
    """Whether each claim is right, if need be under a condition."""
    return [m.verdict in (RIGHT, RIGHT_IF) for m in marked(*formulas, network=network).marks]


# ------------------------------------------------------------------ numbers in place of sizes


@pytest.mark.parametrize("number", range(1, 7))
def test_no_number_is_the_number_of_samples(number: int) -> None:
    mean, total = rf"C = \frac{{1}}{{{number}}} \sum_n C_n", rf"N = {number}"
    assert passes(mean) == [False]
    assert passes(mean, total) == [True, True]


@pytest.mark.parametrize(
    "line", [r"C = \frac{1}{4} \sum_{n=1}^{4} C_n", r"C = \frac14 (C_1 + C_2 + C_3 + C_4)"]
)
def test_samples_that_the_sheet_counts_are_as_many(line: str) -> None:
    assert passes(line) == [True]
    assert passes(line.replace("14", "13").replace("{4} \\sum", "{3} \\sum")) == [False]


@pytest.mark.parametrize("number", range(1, 7))
def test_no_number_is_a_symbolic_size_or_depth(number: int) -> None:
    layer = rf"\delta^{{({number})}} = a^{{({number})}} - y"
    inputs = rf"z_i^{{(1)}} = b_i^{{(1)}} + \sum_{{j=1}}^{{{number}}} w_{{ij}}^{{(1)}} x_j"
    assert passes(layer, inputs, network=DEPTH) == [False, False]
    last = rf"\frac{{\partial C_0}}{{\partial a^{{({number})}}}} = a^{{({number})}} - y"
    assert passes(last, network=ANY) == [False]
    right = r"\delta^{(L)} = a^{(L)} - y"
    assert passes(right, r"\delta_j^{(2)} = \dot{\sigma}(z_j^{(2)}) "
                  r"\sum_k w_{kj}^{(3)} \delta_k^{(3)}", network=DEPTH) == [True, True]  # fmt: skip


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_no_number_is_a_size_that_was_shrunk(number: int) -> None:
    network = "64 > 32 tanh > 10 : mean_squared_error"
    line = r"\frac{\partial C_0}{\partial a_j^{(2)}} = \frac{2}{%d} (a_j^{(2)} - y_j)"
    assert passes(line % number, network=network) == [False]
    assert passes(line % 10, network=network) == [True]


def test_the_relatives_of_a_network_differ_in_size() -> None:
    network = load("1x8x8 > conv 8 3 relu > max_pool 2 > flatten > 10 softmax : cross_entropy")
    made = [shrunk(network, turn=turn) for turn in range(2)]
    sizes = [(m.input, *(getattr(layer, "channels", 0) for layer in m.layers)) for m in made]
    assert sizes[0] != sizes[1]
    widths = {tuple(w.network.input) for w in Judge(load(DEPTH)).worlds()}
    assert len(widths) == 3


# ------------------------------------------------------------------ sizes by name, everywhere

CONVS = {
    "input": ["c", "h", "w"],
    "loss": "half_squared_error",
    "layers": [
        {"kind": "conv", "channels": "d", "kernel": 3, "padding": "same", "activation": "tanh"},
        {"kind": "conv", "channels": "e", "kernel": 1},
    ],
}
RESIDUAL = {
    "input": "n",
    "loss": "half_squared_error",
    "layers": [
        {"kind": "residual", "layers": ["dense h tanh", "dense n"]},
        {"kind": "dense", "units": "m"},
    ],
}
SCORES = {
    "input": ["T", "n"],
    "loss": "half_squared_error",
    "layers": [
        {
            "kind": "equations",
            "indices": {"t": "T", "u": "T", "i": "n", "a": "m"},
            "parameters": {"wq": ["i", "a"]},
            "forward": ["q[t,a] = Sum(wq[i,a]*x[t,i], i)", "s[t,u] = Sum(q[t,a]*q[u,a], a)"],
        }
    ],
}


@pytest.mark.parametrize(
    ("network", "right", "wrong"),
    [
        (CONVS, r"\frac{\partial C_0}{\partial b_c^{(1)}} = \sum_{p=1}^h \sum_{q=1}^w "
         r"\delta_{cpq}^{(1)}", r"\frac{\partial C_0}{\partial b_c^{(1)}} = \delta_{c11}^{(1)}"),
        (CONVS, r"\delta_{cpq}^{(2)} = a_{cpq}^{(2)} - y_{cpq}",
         r"\delta_{cpq}^{(2)} = y_{cpq} - a_{cpq}^{(2)}"),
        (RESIDUAL, r"\frac{\partial C_0}{\partial w_{ij}^{(1)}} = \delta_i^{(1)} x_j",
         r"\frac{\partial C_0}{\partial w_{ij}^{(1)}} = \delta_j^{(1)} x_i"),
        (SCORES, r"\delta_{tu}^{(1)} = z_{tu}^{(1)} - y_{tu}",
         r"\delta_{tu}^{(1)} = z_{tu}^{(1)} - y_{ut}"),
    ],
)  # fmt: skip
def test_symbolic_sizes_in_every_kind_of_layer(network: Any, right: str, wrong: str) -> None:
    assert passes(right, wrong, network=network) == [True, False]


# ------------------------------------------------------------------ derivatives of derivatives


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"\frac{\partial}{\partial a_i^{(2)}} \frac{\partial C_0}{\partial a_j^{(2)}} = [i = j]",
         r"\frac{\partial}{\partial a_i^{(2)}} \frac{\partial C_0}{\partial a_j^{(2)}} = 1"),
        (r"\frac{\partial^2 C_0}{\partial w_{ij}^{(2)} \partial w_{kl}^{(2)}} "
         r"= [i = k] a_j^{(1)} a_l^{(1)}",
         r"\frac{\partial^2 C_0}{\partial w_{ij}^{(2)} \partial w_{kl}^{(2)}} "
         r"= a_j^{(1)} a_l^{(1)}"),
        (r"\frac{\partial \delta_i^{(2)}}{\partial w_{jk}^{(2)}} = [i = j] a_k^{(1)}",
         r"\frac{\partial \delta_i^{(2)}}{\partial w_{jk}^{(2)}} = a_k^{(1)}"),
        (r"\frac{\partial}{\partial w_{ij}^{(2)}} \frac{\partial C_0}{\partial a_k^{(1)}} "
         r"= \delta_i^{(2)} [j = k] + w_{ik}^{(2)} a_j^{(1)}",
         r"\frac{\partial}{\partial w_{ij}^{(2)}} \frac{\partial C_0}{\partial a_k^{(1)}} "
         r"= \delta_i^{(2)} [j = k]"),
        (r"\frac{d^2}{dz^2} \tanh(z) = -2 \tanh(z) (1 - \tanh^2(z))",
         r"\frac{d^2}{dz^2} \tanh(z) = 2 \tanh(z) (1 - \tanh^2(z))"),
    ],
)  # fmt: skip
def test_second_derivatives(right: str, wrong: str) -> None:
    assert passes(right, wrong) == [True, False]


@pytest.mark.parametrize(
    "line",
    [
        r"\frac{\partial C_0}{\partial \delta_i^{(2)}} = \delta_i^{(2)}",
        r"\frac{\partial}{\partial a_k^{(1)}} \frac{\partial C_0}{\partial w_{ij}^{(1)}} = 0",
        r"\frac{\partial}{\partial x_1} \frac{\partial}{\partial x_2} \delta_k^{(2)} = 0",
    ],
)
def test_derivatives_that_say_nothing_are_undecided(line: str) -> None:
    (only,) = marked(line).marks
    assert only.verdict == UNDECIDED
    assert "a derivative" in only.message


# ------------------------------------------------------------------ symbols of the sheet


@pytest.mark.parametrize("place", ["", "_i"])
def test_a_chain_of_definitions_that_double(place: str) -> None:
    names = [rf"\mathrm{{q{a}{b}}}{place}" for a in "abc" for b in string.ascii_lowercase][:60]
    unit = place[1:] or "1"
    made = [rf"{names[0]} = \delta_{unit}^{{(2)}}"]
    made += [f"{b} = {a} + {a}" for a, b in pairwise(names)]
    right, wrong = (rf"{names[-1]} = 2^{{{power}}} \delta_{unit}^{{(2)}}" for power in (59, 58))
    verdicts = [m.verdict for m in marked(*made, right, wrong).marks]
    assert verdicts[:-1] == [DEFINITION] * 60 + [RIGHT]
    assert verdicts[-1] != RIGHT


def test_slopes_close_to_a_kink() -> None:
    """A unit of this network lies 0.0007 from the kink of relu."""
    line = r"\delta_i^{(2)} = \operatorname{relu}'(z_i^{(2)}) \sum_k w_{ki}^{(3)} \delta_k^{(3)}"
    network = "3 > 4 tanh bias=threshold > 3 relu > 2 linear : squared_error"
    assert passes(line, network=network) == [True]


@pytest.mark.parametrize(
    ("layers", "right"),
    [
        (r", \qquad l = 1, \ldots, L - 2", True),
        (r", \qquad l = L - 2, \ldots, 1", True),
        (r", \qquad 1 \le l \le L - 2", True),
        (r", \qquad l < L - 1", True),
        (r" \quad \text{for all } l \le L - 2", True),
        (r" \quad l \in \{1, \ldots, L - 2\}", True),
        (r", \qquad l = 1, \ldots, L - 1", False),
        (r", \qquad 1 \le l < L", False),
        ("", False),
    ],
)
def test_a_line_is_about_the_layers_that_it_names(layers: str, right: bool) -> None:
    """The last layer has no slope a (1 - a), so the layer below it is another case."""
    line = (
        r"\frac{\partial C}{\partial a^{(l)}} = (W^{(l+1)})^\top \Big(a^{(l+1)} \odot"
        r" (1 - a^{(l+1)}) \odot \frac{\partial C}{\partial a^{(l+1)}}\Big)"
    )
    network = "3 > 4 sigmoid > 3 sigmoid > 2 : squared_error"
    assert passes(line + layers, network=network) == [right]


@pytest.mark.parametrize(("entry", "right"), [("0.0468", True), ("0.0471", False)])
def test_matrices_worked_out_by_hand_are_rounded(entry: str, right: bool) -> None:
    factor = r"0.1318 \begin{pmatrix} 0.355 \\ 1 \end{pmatrix}"
    assert passes(rf"{factor} = \begin{{pmatrix}} {entry} \\ 0.1318 \end{{pmatrix}}") == [right]


CUT = {"kind": "dense", "units": 4, "activation": "min(max(s, 0), 6)"}
RELU6 = {"name": "relu6", "input": 3, "layers": [CUT, "2"], "loss": "squared_error"}


@pytest.mark.parametrize(
    ("network", "line", "right"),
    [
        ("3 > 1 : huber", r"\frac{\partial C}{\partial a} = \max(-1, \min(1, a - y))", True),
        ("3 > 1 : huber", r"\frac{\partial C}{\partial a} = \min(1, a - y)", False),
        ("3 > 1 : huber", r"\frac{\partial C}{\partial a} = a - y", False),
        (RELU6, r"\delta_i^{(1)} = [0 < z_i^{(1)} < 6] \sum_j w_{ji}^{(2)} \delta_j^{(2)}", True),
        (RELU6, r"\delta_i^{(1)} = [z_i^{(1)} > 0] \sum_j w_{ji}^{(2)} \delta_j^{(2)}", False),
    ],
)
def test_every_piece_of_a_formula_is_seen(network: Any, line: str, right: bool) -> None:
    assert passes(line, network=network) == [right]
