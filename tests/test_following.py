"""Whose slip a line carries on, and whether it follows from what stands before it."""

from __future__ import annotations

import pytest

from derive.marking.marker import mark
from derive.marking.verdicts import UNREADABLE
from derive.sheets.door import read_sheet
from derive.slips.diagnosis import Limit
from derive.spec import load

SQUARES = "3 > 4 tanh > 2 sigmoid : half_squared_error"
SOFTMAX = "3 > 4 tanh > 3 softmax : cross_entropy"
DEEP = "3 > 2 tanh > 4 tanh > 3 sigmoid : half_squared_error"
ENTROPY = "3 > 4 sigmoid > 2 sigmoid : binary_cross_entropy"
GENERIC = "n > d generic repeat=L : generic"

#: (what it is about, network, notation, displays, whose slip each claim carries on, whether each
#: follows from what stands before)
SHEETS: tuple[tuple[str, str, str, tuple[str, ...], list[int | None], list[bool | None]], ...] = (
    ("a wrong middle is carried on to the end of a chain", SQUARES, "columns",
     (r"\delta_i^{(2)} = \frac{\partial C_0}{\partial a_i^{(2)}} \dot{\sigma}(z_i^{(2)}) = "
      r"(y_i - a_i^{(2)}) \dot{\sigma}(z_i^{(2)}) = (y_i - a_i^{(2)}) a_i^{(2)} (1 - "
      r"a_i^{(2)})",),
     [None, None, 1], [None, False, True]),
    ("a wrong middle, a right end", SQUARES, "columns",
     (r"\delta_i^{(2)} = (y_i - a_i^{(2)}) \dot{\sigma}(z_i^{(2)}) = (a_i^{(2)} - y_i) "
      r"a_i^{(2)} (1 - a_i^{(2)})",),
     [None, None], [None, False]),
    ("the same quantity again", SQUARES, "columns",
     (r"\delta_i^{(2)} = (a_i^{(2)} - y_i)",
      r"\delta_i^{(2)} = -(y_i - a_i^{(2)})",),
     [None, 0], [None, True]),
    ("put into another quantity", SQUARES, "columns",
     (r"\delta_i^{(2)} = a_i^{(2)} - y_i",
      r"\frac{\partial C_0}{\partial w_{ij}^{(2)}} = (a_i^{(2)} - y_i) a_j^{(1)}",),
     [None, 0], [None, True]),
    ("put in with other letters", SQUARES, "columns",
     (r"\delta_i^{(2)} = a_i^{(2)} - y_i",
      r"\delta_j^{(1)} = (1 - (a_j^{(1)})^2) \sum_k w_{kj}^{(2)} (a_k^{(2)} - y_k)",),
     [None, 0], [None, True]),
    ("some of the factors", SQUARES, "units",
     (r"\delta_i^2 = (o_i^2 - y_i^*) (1 + o_i^2)",
      r"\frac{\partial E}{\partial w_{ji}^2} = (o_i^2 - y_i^*) (1 + o_i^2) o_j^1",),
     [None, 0], [None, True]),
    ("a slope that was wrong", SQUARES, "columns",
     (r"\dot{\sigma}(z_i^{(2)}) = a_i^{(2)} (1 + a_i^{(2)})",
      r"\delta_i^{(2)} = (a_i^{(2)} - y_i) a_i^{(2)} (1 + a_i^{(2)})",),
     [None, 0], [None, True]),
    ("the same slip elsewhere is another one", SQUARES, "columns",
     (r"\frac{\partial C_0}{\partial w_{ij}^{(2)}} = \delta_i^{(2)} a_j^{(2)}",
      r"\frac{\partial C_0}{\partial w_{ij}^{(1)}} = \delta_i^{(1)} x_j",),
     [None, None], [None, None]),
    ("right after wrong", SQUARES, "columns",
     (r"\delta_i^{(2)} = a_i^{(2)} - y_i",
      r"\delta_i^{(2)} = (a_i^{(2)} - y_i) a_i^{(2)} (1 - a_i^{(2)})",),
     [None, None], [None, False]),
    ("a new slip", SQUARES, "columns",
     (r"\delta_i^{(2)} = a_i^{(2)} - y_i",
      r"\frac{\partial C_0}{\partial b_i^{(2)}} = \delta_i^{(2)} a_i^{(2)}",),
     [None, None], [None, None]),
    ("the third line carries on the first", SQUARES, "columns",
     (r"\delta_i^{(2)} = a_i^{(2)} - y_i",
      r"\delta_j^{(1)} = (1 - (a_j^{(1)})^2) \sum_i w_{ij}^{(2)} \delta_i^{(2)}",
      r"\frac{\partial C_0}{\partial b_i^{(2)}} = a_i^{(2)} - y_i",),
     [None, None, 0], [None, None, True]),
    ("rows that begin with a relation", SQUARES, "columns",
     (r"\begin{aligned} \frac{\partial C_0}{\partial w_{ij}^{(2)}} &= \delta_i^{(2)} "
      r"a_j^{(1)} \\ &= (a_i^{(2)} - y_i) a_j^{(1)} \\ &= a_i^{(2)} a_j^{(1)} - y_i "
      r"a_j^{(1)} \end{aligned}",),
     [None, None, 1], [None, False, True]),
    ("arrays", SQUARES, "columns",
     (r"\delta^{(2)} = a^{(2)} - y",
      r"\frac{\partial C_0}{\partial W^{(2)}} = (a^{(2)} - y) a^{(1)\top}",),
     [None, 0], [None, True]),
    ("batches", SQUARES, "rows",
     (r"\Delta^{(2)} = O^{(2)} - Y",
      r"\nabla_{W^{(2)}} L = \frac{1}{N} O^{(1)\top} (O^{(2)} - Y)",),
     [None, 0], [None, True]),
    ("an inherited slip and a new one", SQUARES, "columns",
     (r"\delta_i^{(2)} = a_i^{(2)} - y_i",
      r"\frac{\partial C_0}{\partial w_{ij}^{(2)}} = 2 (a_i^{(2)} - y_i) a_j^{(1)}",),
     [None, None], [None, None]),
    ("any layer", GENERIC, "neurons",
     (r"\delta_j^{(l)} = \sum_k w_{jk}^{(l+1)} \delta_k^{(l+1)}",
      r"\frac{\partial E}{\partial w_{ij}^{(l)}} = x_i^{(l-1)} \sum_k w_{jk}^{(l+1)} "
      r"\delta_k^{(l+1)}",),
     [None, 0], [None, True]),
    ("a Jacobian", SOFTMAX, "columns",
     (r"\frac{\partial a_i^{(2)}}{\partial z_j^{(2)}} = a_i^{(2)} a_j^{(2)}",
      r"\delta_j^{(2)} = -\sum_i \frac{y_i}{a_i^{(2)}} a_i^{(2)} a_j^{(2)}",),
     [None, 0], [None, True]),
    ("a Jacobian, and a chain behind it", SOFTMAX, "columns",
     (r"\frac{\partial a_i^{(2)}}{\partial z_j^{(2)}} = a_i^{(2)} a_j^{(2)}",
      r"\delta_j^{(2)} = -\sum_i \frac{y_i}{a_i^{(2)}} a_i^{(2)} a_j^{(2)} = -a_j^{(2)} "
      r"\sum_i y_i",),
     [None, 0, 1], [None, True, True]),
    ("a wrong factor", SQUARES, "columns",
     (r"\frac{\partial C_0}{\partial a_i^{(2)}} = 2 (a_i^{(2)} - y_i)",
      r"\delta_i^{(2)} = 2 (a_i^{(2)} - y_i) a_i^{(2)} (1 - a_i^{(2)})",),
     [None, 0], [None, True]),
    ("the same in another form", ENTROPY, "columns",
     (r"\delta_i^{(2)} = (a_i^{(2)} - y_i) a_i^{(2)} (1 - a_i^{(2)})",
      r"\delta_i^{(2)} = (a_i^{(2)} - y_i) (a_i^{(2)} - (a_i^{(2)})^2)",),
     [None, 0], [None, True]),
    ("a forward equation", SQUARES, "columns",
     (r"z_i^{(2)} = \sum_j w_{ij}^{(2)} z_j^{(1)} + b_i^{(2)}",
      r"a_i^{(2)} = \sigma(\sum_j w_{ij}^{(2)} z_j^{(1)} + b_i^{(2)})",),
     [None, 0], [None, True]),
    ("a right chain over two displays", SQUARES, "columns",
     (r"\delta_i^{(2)} = \frac{\partial C_0}{\partial z_i^{(2)}}",
      r"\delta_i^{(2)} = (a_i^{(2)} - y_i) a_i^{(2)} (1 - a_i^{(2)})",),
     [None, None], [None, True]),
    ("a right line in between", SQUARES, "columns",
     (r"\delta_i^{(2)} = (y_i - a_i^{(2)}) a_i^{(2)} (1 - a_i^{(2)})",
      r"\delta_j^{(1)} = (1 - (a_j^{(1)})^2) \sum_i w_{ij}^{(2)} \delta_i^{(2)}",
      r"\frac{\partial C_0}{\partial w_{ij}^{(2)}} = (y_i - a_i^{(2)}) a_i^{(2)} (1 - "
      r"a_i^{(2)}) a_j^{(1)}",),
     [None, None, 0], [None, None, True]),
    ("an update with the wrong gradient", SQUARES, "columns",
     (r"\frac{\partial C_0}{\partial w_{ij}^{(2)}} = \delta_i^{(2)} a_j^{(2)}",
      r"w_{ij}^{(2)} \leftarrow w_{ij}^{(2)} - \eta \delta_i^{(2)} a_j^{(2)}",),
     [None, 0], [None, True]),
    ("a chain behind a wrong line", SQUARES, "units",
     (r"\frac{\partial E}{\partial o_i^2} = y_i^* - o_i^2",
      r"\delta_i^2 = \frac{\partial E}{\partial o_i^2} \frac{\partial o_i^2}{\partial "
      r"s_i^2} = (y_i^* - o_i^2) o_i^2 (1 - o_i^2)",),
     [None, None, 0], [None, None, True]),
    ("corrected by the writer", SQUARES, "columns",
     (r"\delta_i^{(2)} = a_i^{(2)} - y_i",
      r"\delta_i^{(2)} = (a_i^{(2)} - y_i) \dot{\sigma}(z_i^{(2)})",
      r"\frac{\partial C_0}{\partial b_i^{(2)}} = (a_i^{(2)} - y_i) a_i^{(2)} (1 - "
      r"a_i^{(2)})",),
     [None, None, None], [None, False, None]),
    ("two layers", DEEP, "columns",
     (r"\delta_j^{(2)} = \sum_k w_{kj}^{(3)} \delta_k^{(3)}",
      r"\delta_i^{(1)} = (1 - (a_i^{(1)})^2) \sum_j w_{ji}^{(2)} \sum_k w_{kj}^{(3)} "
      r"\delta_k^{(3)}",),
     [None, 0], [None, True]),
    ("the objective, expanded", SQUARES, "columns",
     (r"C_0 = \frac{1}{2} \sum_i (a_i^{(2)} + y_i)^2 = \frac{1}{2} \sum_i ((a_i^{(2)})^2 + "
      r"2 a_i^{(2)} y_i + y_i^2)",),
     [None, 0], [None, True]),
    ("the same formula for two layers", DEEP, "columns",
     (r"\delta_j^{(2)} = \sum_k w_{jk}^{(3)} \delta_k^{(3)} (1 - (a_j^{(2)})^2)",
      r"\delta_j^{(1)} = \sum_k w_{jk}^{(2)} \delta_k^{(2)} (1 - (a_j^{(1)})^2)",),
     [None, 0], [None, None]),
    ("the samples", SQUARES, "columns",
     (r"\frac{\partial C}{\partial w_{ij}^{(2)}} = \sum_n \delta_{n,i}^{(2)} a_{n,j}^{(1)}",
      r"w_{ij}^{(2)} \leftarrow w_{ij}^{(2)} - \eta \sum_n \delta_{n,i}^{(2)} a_{n,j}^{(1)}",),
     [None, 0], [None, True]),
)  # fmt: skip


def sheet(*displays: str) -> str:
    return "\n".join(rf"\[ {display} \]" for display in displays)


@pytest.mark.parametrize(
    ("network", "notation", "displays", "inherits", "follows"),
    [pytest.param(*row[1:], id=row[0]) for row in SHEETS],
)
def test_what_is_carried_on(
    network: str,
    notation: str,
    displays: tuple[str, ...],
    inherits: list[int | None],
    follows: list[bool | None],
) -> None:
    made = mark(
        read_sheet(sheet(*displays), "hand.tex", "tex"),
        load(network),
        notation,
        limit=Limit(evaluations=600, together=1),
    )
    assert [m.inherits for m in made.marks] == inherits
    assert [m.follows for m in made.marks] == follows


def test_what_cannot_be_read_counts_as_a_line() -> None:
    displays = (
        r"\delta_i^{(2)} = a_i^{(2)} - y_i",
        r"\frac{a",
        r"\delta_i^{(2)} = -(y_i - a_i^{(2)})",
    )
    made = mark(read_sheet(sheet(*displays), "hand.tex", "tex"), load(SQUARES), "columns").marks
    assert made[1].verdict == UNREADABLE
    assert (made[2].inherits, made[2].follows) == (0, True)
