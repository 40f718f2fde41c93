"""The search for slips: lines wrong by hand, lines made wrong by machine, and nothing else changed.

The lines by hand are as students write them, with the slips that their writer had in mind; those
made by machine come from `tests.corpus_slips`, which knows nothing of the repairs.
"""

from __future__ import annotations

from functools import cache

import pytest

from derive.derivation import derive
from derive.profiles import profile
from derive.reading import read
from derive.reading_network import scope_of
from derive.reading_scope import Scope
from derive.slips import Repair, search
from derive.spec import Network, load
from tests.corpus_slips import (
    Line,
    holds,
)  # fmt: skip

SQUARES = "3 > 4 tanh > 2 sigmoid : half_squared_error"
DEEP = "3 > 2 tanh > 4 tanh > 3 sigmoid : half_squared_error"
SOFTMAX = "3 > 4 tanh > 3 softmax : cross_entropy"
ENTROPY = "3 > 4 sigmoid > 2 sigmoid : binary_cross_entropy"

#: (network, notation, line, slips): the first is the search's; "a or b" where two names fit.
HAND: tuple[tuple[str, str, str, str], ...] = (
    (SQUARES, "columns", r"\delta_i^{(2)} = (y_i - a_i^{(2)}) a_i^{(2)} (1 - a_i^{(2)})", "sign"),
    (SQUARES, "columns", r"\delta_i^{(2)} = (a_i^{(2)} - y_i) (1 - (a_i^{(2)})^2)", "slope"),
    (SQUARES, "columns", r"\delta_i^{(2)} = (a_i^{(2)} - y_i) z_i^{(2)} (1 - z_i^{(2)})", "slope"),
    (SQUARES, "columns", r"\delta_i^{(2)} = a_i^{(2)} - y_i", "slope"),
    (SQUARES, "columns", r"\delta_i^{(2)} = (a_i^{(2)} - y_i) \dot{\sigma}(a_i^{(2)})", "slope"),
    (SQUARES, "columns", r"\delta_i^{(2)} = 2 (a_i^{(2)} - y_i) a_i^{(2)} (1 - a_i^{(2)})",
     "factor"),
    (SQUARES, "columns",
     r"\delta_j^{(1)} = \sum_i w_{ji}^{(2)} \delta_i^{(2)} (1 - (a_j^{(1)})^2)", "index"),
    (SQUARES, "columns", r"\delta_j^{(1)} = w_{ij}^{(2)} \delta_i^{(2)} (1 - (a_j^{(1)})^2)",
     "sum"),
    (SQUARES, "columns", r"\delta_j^{(1)} = \sum_i w_{ij}^{(2)} \delta_i^{(2)}", "slope"),
    (SQUARES, "columns",
     r"\delta_j^{(1)} = \sum_i w_{ij}^{(1)} \delta_i^{(1)} (1 - (a_j^{(1)})^2)", "layer"),
    (SQUARES, "columns",
     r"\delta_j^{(1)} = \sum_j w_{ij}^{(2)} \delta_i^{(2)} (1 - (a_j^{(1)})^2)",
     "sum or index"),
    (SQUARES, "columns", r"\frac{\partial C_0}{\partial w_{ij}^{(2)}} = \delta_i^{(2)} a_j^{(2)}",
     "layer"),
    (SQUARES, "columns", r"\frac{\partial C_0}{\partial w_{ij}^{(2)}} = \delta_j^{(2)} a_i^{(1)}",
     "index"),
    (SQUARES, "columns", r"\frac{\partial C_0}{\partial w_{ij}^{(2)}} = \delta_i^{(2)} z_j^{(1)}",
     "variable"),
    (SQUARES, "columns", r"\frac{\partial C_0}{\partial b_i^{(2)}} = \delta_i^{(2)} a_i^{(1)}",
     "term"),
    (SQUARES, "columns",
     r"\frac{\partial C}{\partial w_{ij}^{(2)}} = \sum_{n=1}^{N} \delta_{n,i}^{(2)} a_{n,j}^{(1)}",
     "factor"),
    (SQUARES, "columns",
     r"\frac{\partial C}{\partial w_{ij}^{(2)}} "
     r"= \frac{1}{N} \sum_{n=1}^{N} \delta_{n,i}^{(2)} a_j^{(1)}", "sample"),
    (SQUARES, "columns",
     r"\delta^{(1)} = (W^{(2)} \delta^{(2)}) \odot (1 - (a^{(1)})^{\odot 2})", "transpose"),
    (SQUARES, "columns",
     r"\delta^{(1)} = (\delta^{(2)} W^{(2) \top}) \odot (1 - (a^{(1)})^{\odot 2})", "order"),
    (SQUARES, "columns", r"\delta^{(2)} = (a^{(2)} - y) a^{(2)} \odot (1 - a^{(2)})", "hadamard"),
    (SQUARES, "columns", r"\frac{\partial C_0}{\partial W^{(2)}} = \delta^{(2)} a^{(1)}",
     "transpose"),
    (SQUARES, "columns", r"\frac{\partial C}{\partial b^{(2)}} = \frac{1}{N} \Delta^{(2) \top}",
     "shape"),
    (SQUARES, "columns", r"z_i^{(1)} = \sum_j w_{ij}^{(1)} x_j - b_i^{(1)}", "sign"),
    (SQUARES, "columns", r"z_i^{(1)} = \sum_j w_{ij}^{(1)} x_j", "term"),
    (SQUARES, "columns", r"z_i^{(1)} = \sum_{j=1}^{2} w_{ij}^{(1)} x_j + b_i^{(1)}", "base"),
    (SQUARES, "columns", r"C_0 = \frac{1}{2} \sum_i a_i^{(2)} - y_i^2", "parentheses"),
    (SQUARES, "columns", r"C_0 = \frac{1}{2} \sum_i (a_i^{(2)} - y_i)", "factor"),
    (SQUARES, "columns",
     r"\delta^{(2)} = \begin{pmatrix} \delta_1^{(2)} \\ \delta_1^{(2)} \end{pmatrix}", "entry"),
    (SQUARES, "units", r"w_{ji}^2 \leftarrow w_{ji}^2 + \alpha \frac{\partial E}{\partial w_{ji}^2}",
     "ascent"),
    (SQUARES, "units", r"\frac{\partial E}{\partial s_i^2} = \frac{\partial E}{\partial o_i^2}",
     "slope"),
    (SOFTMAX, "columns",
     r"\frac{\partial a_i^{(2)}}{\partial z_j^{(2)}} = a_i^{(2)} (1 - a_j^{(2)})", "jacobian"),
    (SOFTMAX, "columns",
     r"\frac{\partial a_i^{(2)}}{\partial z_j^{(2)}} = a_i^{(2)} ([i = j] - a_i^{(2)})", "index"),
    (SOFTMAX, "columns", r"\delta_i^{(2)} = (a_i^{(2)} - y_i) a_i^{(2)} (1 - a_i^{(2)})", "slope"),
    (SOFTMAX, "columns", r"C_0 = -\sum_i y_i a_i^{(2)}", "log"),
    (SOFTMAX, "columns", r"C_0 = \sum_i y_i \ln a_i^{(2)}", "sign"),
    (ENTROPY, "columns",
     r"C_0 = -\sum_i (y_i \ln a_i^{(2)} - (1 - y_i) \ln(1 - a_i^{(2)}))", "sign"),
    (ENTROPY, "columns",
     r"C_0 = -\sum_i (y_i \ln a_i^{(2)} + (1 - y_i) \ln a_i^{(2)})", "constant"),
    (ENTROPY, "columns", r"\sigma(z) = \frac{1}{1 + e^{z}}", "exponent_sign"),
    (ENTROPY, "columns", r"\dot{\sigma}(z) = \sigma(z) (1 + \sigma(z))", "sign"),
    (SQUARES, "columns", r"\tanh'(z) = 1 - \tanh(z)", "factor or slope"),
    # ------------------------------------------------------------ two slips
    (SQUARES, "columns",
     r"\delta_j^{(1)} = \sum_i w_{ji}^{(2)} \delta_i^{(1)} (1 - (a_j^{(1)})^2)", "index, layer"),
    (SQUARES, "columns",
     r"\frac{\partial C_0}{\partial w_{ij}^{(2)}} = -\delta_i^{(2)} a_j^{(2)}", "sign, layer"),
    (SQUARES, "columns",
     r"\delta_i^{(2)} = 2 (y_i - a_i^{(2)}) a_i^{(2)} (1 - a_i^{(2)})", "factor, sign"),
    (SQUARES, "columns",
     r"\delta^{(1)} = (W^{(2)} \delta^{(1)}) \odot (1 - (a^{(1)})^{\odot 2})",
     "transpose, layer"),
    (DEEP, "columns",
     r"\delta_i^{(1)} = a_i^{(1)} (1 - a_i^{(1)}) \sum_k w_{ik}^{(2)} \delta_k^{(2)}",
     "slope, index"),
    (SQUARES, "columns",
     r"\frac{\partial C}{\partial w_{ij}^{(2)}} = \sum_{n=1}^{N} \delta_{n,j}^{(2)} a_{n,i}^{(1)}",
     "factor, index"),
    (SQUARES, "columns", r"\delta^{(2)} = (y - a^{(2)}) \odot a^{(2)} (1 - a^{(2)})",
     "sign, hadamard"),
    # ------------------------------------------------------------ three slips
    (SQUARES, "columns",
     r"\delta_j^{(1)} = -\sum_i w_{ji}^{(2)} \delta_i^{(1)} (1 - (a_j^{(1)})^2)",
     "sign, index, layer"),
    (SQUARES, "columns",
     r"\delta_i^{(2)} = 2 (y_i - a_i^{(2)}) z_i^{(2)} (1 - z_i^{(2)})", "factor, sign, slope"),
)  # fmt: skip


@cache
def scope(network: Network, notation: str) -> Scope:
    return scope_of(derive(network), profile(notation))


def found(text: str, spec: str, notation: str) -> tuple[tuple[Repair, ...], ...]:
    network = load(spec)
    line = Line("by hand", notation, network, "", "", "")
    made = read(text, scope(network, notation))
    assert not made.problems
    (claim,) = made.claims
    assert not holds(claim, line), "the line is right"
    return search(claim, lambda c: holds(c, line), scope(network, notation), network)


@pytest.mark.parametrize(("spec", "notation", "text", "slips"), HAND, ids=[h[2] for h in HAND])
def test_slips_of_students(spec: str, notation: str, text: str, slips: str) -> None:
    ways = found(text, spec, notation)
    assert ways, "nothing found"
    kinds = sorted(repair.kind for repair in ways[0])
    wanted = [part.split(" or ") for part in slips.split(", ")]
    assert len(kinds) == len(wanted), kinds
    if len(wanted) == 1:
        assert kinds[0] in wanted[0], kinds
    else:
        assert kinds == sorted(part[0] for part in wanted)
