"""The search for slips: lines wrong by hand, lines made wrong by machine, and nothing else changed.

The lines by hand are as students write them, with the slips that their writer had in mind; those
made by machine come from `tests.corpus_slips`, which knows nothing of the repairs.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable

import pytest

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.marking.marker import mark
from derive.marking.verdicts import DEFECT, KINDS, RIGHT, RIGHT_IF, RIGHT_UNDER, WRONG, Mark
from derive.reading.tree import Entry
from derive.sheets.door import read_sheet
from derive.slips.catalogue import CATALOGUE
from derive.slips.diagnosis import Limit, Repair, search
from derive.slips.view import View
from derive.spec import load
from tests.corpus_slips import (
    Line,
    Wrong,
    chapter_lines,
    claim_of,
    drawn,
    holds,
    notes_lines,
    scope_for,
    wrong_lines,
)
from tests.hand_slips import IMAGES, LINES, Spec

#: What a forward equation says: its left side.
FORWARD = ("preactivation", "activation", "output", "loss", "objective", "own")
SQUARES = "3 > 4 tanh > 2 sigmoid : half_squared_error"
DEEP = "3 > 2 tanh > 4 tanh > 3 sigmoid : half_squared_error"
SOFTMAX = "3 > 4 tanh > 3 softmax : cross_entropy"
RELU = "3 > 4 relu > 2 linear : half_squared_error"
ENTROPY = "3 > 4 sigmoid > 2 sigmoid : binary_cross_entropy"

#: (network, notation, line, slips): one slip each; "a or b" where either name will do.
ONE: tuple[tuple[str, str, str, str], ...] = (
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
     r"= \frac{1}{N} \sum_{n=1}^{N} \delta_{n,i}^{(2)} a_{1,j}^{(1)}", "sample"),
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
    (SQUARES, "units",
     r"w_{ji}^2 \leftarrow w_{ji}^2 + \alpha \frac{\partial E}{\partial w_{ji}^2}", "ascent"),
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
    (SQUARES, "columns",
     r"\frac{\partial C_n}{\partial w_{ij}^{(2)}} = \delta_{n,i}^{(2)} a_{m,j}^{(1)}", "sample"),
    (SQUARES, "columns",
     r"\frac{\partial C}{\partial b_i^{(2)}} "
     r"= \frac{1}{N} \frac{1}{N} \sum_{n=1}^{N} \delta_{n,i}^{(2)}", "factor"),
    # in the other notations
    (SQUARES, "rows",
     r"\delta_j^{(1)} = (1 - (o_j^{(1)})^2) \sum_k w_{kj}^{(2)} \delta_k^{(2)}", "index"),
    (SQUARES, "rows",
     r"\delta_j^{(1)} = (1 - (s_j^{(1)})^2) \sum_k w_{jk}^{(2)} \delta_k^{(2)}", "slope"),
    (SQUARES, "rows", r"\nabla_{W^{(2)}} L = \frac{1}{N} O^{(1)} \Delta^{(2)}", "transpose"),
    (SQUARES, "rows", r"\Delta^{(2)} = O^{(2)} - Y", "slope"),
    (SQUARES, "rows", r"\Delta^{(1)} = (\Delta^{(2)} W^{(2)}) \odot (1 - (O^{(1)})^{\odot 2})",
     "transpose"),
    (SQUARES, "rows",
     r"\frac{\partial L_n}{\partial x_i} = \sum_k \delta_k^{(2)} w_{ik}^{(1)}", "layer"),
    (SQUARES, "signals", r"\delta_j^{(2)} = t_j (1 - t_j) (y_j - t_j)", "slope or variable"),
    (SQUARES, "signals",
     r"S_j^{(2)} = \sum_i w_{ij}^{(2)} S_i^{(1)} + b_j^{(2)}", "variable"),
    (SQUARES, "signals", r"\frac{\partial L}{\partial b_j^{(2)}} = \delta_j^{(2)} x_j^{(1)}",
     "term"),
    (SQUARES, "neurons",
     r"\delta_j^{(l)} = \varphi'(s_j^{(l)}) \sum_k w_{jk}^{(l+1)} \delta_k^{(l)}", "layer"),
    (SQUARES, "neurons",
     r"\delta_j^{(l)} = \varphi(s_j^{(l)}) \sum_k w_{jk}^{(l+1)} \delta_k^{(l+1)}", "slope"),
    (SQUARES, "neurons",
     r"w_{ij}^{(2)} \leftarrow w_{ij}^{(2)} - \frac{\partial E}{\partial w_{ij}^{(2)}}", "factor"),
    (SQUARES, "units", r"\delta_i^l = a'(o_i^l) \sum_k w_{ik}^{l+1} \delta_k^{l+1}", "slope"),
    (SQUARES, "units", r"\frac{\partial E}{\partial w_{ji}^2} = \delta_i^2 o_i^1", "index"),
    (SQUARES, "units", r"w_{ji}^2(n+1) = w_{ji}^2(n)", "term"),
    (SQUARES, "named_layers",
     r"\boldsymbol{\delta}^{(h)} = \mathbf{W}^{(\mathit{out})\top} "
     r"\boldsymbol{\delta}^{(\mathit{out})}", "slope"),
    (SQUARES, "named_layers",
     r"\frac{\partial L}{\partial w_{j,k}^{(\mathit{out})}} "
     r"= \delta_j^{(\mathit{out})} a_k^{(\mathit{in})}", "layer"),
    # a part of a slope, its square, an index twice bound, a fraction without its parentheses
    (ENTROPY, "rows", r"\delta_j^{(1)} = o_j^{(1)} \sum_k w_{jk}^{(2)} \delta_k^{(2)}", "slope"),
    (SQUARES, "neurons",
     r"\delta_j^{(l)} = \varphi'(s_j^{(l)})^2 \sum_k w_{jk}^{(l+1)} \delta_k^{(l+1)}", "slope"),
    (SQUARES, "rows",
     r"\delta_j^{(1)} = (1 - (o_j^{(1)})^2) \sum_j w_{jj}^{(2)} \delta_j^{(2)}", "index"),
    (DEEP, "columns",
     r"\frac{\partial C_0}{\partial a_j^{(1)}} = \sum_k w_{kj}^{(2)} (1 - (a_k^{(2)})^2) "
     r"\sum_k w_{kk}^{(3)} \delta_k^{(3)}", "index"),
    (SQUARES, "rows", r"\tanh(s) = e^s - e^{-s} / (e^s + e^{-s})", "parentheses"),
    (SQUARES, "signals", r"\tanh(S) = \frac{e^S - e^S}{e^S + e^{-S}}", "exponent_sign"),
    (SOFTMAX, "columns", r"a^{(2)} = \frac{e^{z^{(2)}}}{\mathbf{1} e^{z^{(2)}}}", "transpose"),
    (SOFTMAX, "signals", r"\delta_j^{(2)} = (y_j - t_j) y_j", "term or factor"),
    (SOFTMAX, "columns",
     r"\frac{\partial a_i^{(2)}}{\partial z_j^{(2)}} = a_i^{(2)} a_j^{(2)}", "jacobian"),
    (SQUARES, "rows", r"\sigma'(s) = \frac{e^{-s}}{1 + e^{-s}}", "factor"),
    (SOFTMAX, "units",
     r"\frac{\partial o_k^2}{\partial s_i^2} = \frac{\exp(s_k^2) [k = i] \sum_m s_m^2 "
     r"- \exp(s_k^2) \exp(s_i^2)}{(\sum_m \exp(s_m^2))^2}", "log"),
    (RELU, "columns", r"\delta_i^{(2)} = (a_i^{(2)} - y_i) [z_i^{(2)} > 0]", "slope"),
    (RELU, "columns",
     r"\delta_j^{(1)} = [z_j^{(1)} < 0] \sum_i w_{ij}^{(2)} \delta_i^{(2)}", "domain"),
)  # fmt: skip
#: What the sheet as a whole says too: a condition, a layer that there is not, a sum over nothing.
MARKED: tuple[tuple[str, str, str, str], ...] = (
    (SOFTMAX, "columns", r"\delta_i^{(2)} = y_i - a_i^{(2)}", "sign"),
    (SQUARES, "rows", r"\nabla_{b^{(2)}} L = \frac{1}{N} \sum_{n=1}^{N} "
     r"\boldsymbol{\delta}_n^{(3)}", "layer"),
    (SOFTMAX, "columns", r"a_i^{(2)} = \frac{e^{z_i^{(2)}}}{\sum_i e^{z_k^{(2)}}}", "sum or index"),
    (SQUARES, "columns", r"\frac{\partial C}{\partial W^{(1)}} = \Delta^{(1) \top} X", "factor"),
    (DEEP.replace("> 3 sigmoid", "> 3"), "rows",
     r"\mathbf{o}^{(2)} = \tanh(\mathbf{s}^{(3)})", "layer"),
    ("2 > 3 tanh > 4 sigmoid > 2 : half_squared_error", "rows",
     r"\mathbf{o}^{(2)} = \sigma(\mathbf{s}^{(3)})", "layer"),
    (SQUARES, "units",
     r"\delta_i^l = \frac{\partial E}{\partial s_i^l} \frac{\partial o_i^l}{\partial s_i^l}",
     "slope or variable"),
)  # fmt: skip
#: Two or three slips each.
MORE: tuple[tuple[str, str, str, str], ...] = (
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
    (SQUARES, "columns",
     r"\delta_j^{(1)} = -\sum_i w_{ji}^{(2)} \delta_i^{(1)} (1 - (a_j^{(1)})^2)",
     "sign, index, layer"),
    (SQUARES, "columns",
     r"\delta_i^{(2)} = 2 (y_i - a_i^{(2)}) z_i^{(2)} (1 - z_i^{(2)})", "factor, sign, slope"),
)  # fmt: skip


def line_of(spec: str, notation: str) -> Line:
    return Line("by hand", notation, load(spec), "", "=", "")


def found(spec: str, notation: str, text: str) -> tuple[tuple[Repair, ...], ...]:
    line = line_of(spec, notation)
    claim = claim_of(text, line)
    assert claim is not None
    assert not holds(claim, line), "the line is right"
    return search(claim, lambda c: holds(c, line), scope_for(line), line.network)


def assert_named(ways: tuple[tuple[Repair, ...], ...], slips: str) -> None:
    """The best way has just these slips; "a or b" where either name will do."""
    assert ways, "nothing found"
    kinds = sorted(repair.kind for repair in ways[0])
    wanted = [part.split(" or ") for part in slips.split(", ")]
    alone = len(wanted) == 1 and len(kinds) == 1 and kinds[0] in wanted[0]
    assert alone or kinds == sorted(part[0] for part in wanted)


@pytest.mark.parametrize(
    ("spec", "notation", "text", "slips"),
    [pytest.param(*row, id=row[2], marks=[pytest.mark.sweep] * (k % 3 > 0))
     for k, row in enumerate(ONE)],
)  # fmt: skip
def test_a_slip_of_a_student(spec: str, notation: str, text: str, slips: str) -> None:
    ways = found(spec, notation, text)
    assert_named(ways, slips)
    for repair in ways[0]:
        start, end = repair.before.span
        assert 0 <= start < end <= len(text)


@pytest.mark.sweep
@pytest.mark.parametrize(("spec", "notation", "text", "slips"), MORE, ids=[h[2] for h in MORE])
def test_slips_of_a_student(spec: str, notation: str, text: str, slips: str) -> None:
    assert_named(found(spec, notation, text), slips)


@pytest.mark.parametrize(("spec", "notation", "text", "slips"), MARKED, ids=[h[2] for h in MARKED])
def test_slips_of_a_sheet_of_one_line(spec: str, notation: str, text: str, slips: str) -> None:
    sheet = read_sheet(rf"\[ {text} \]", "hand.tex", "tex")
    (made,) = mark(sheet, load(spec), notation).marks
    assert made.verdict == WRONG
    assert [slip.kind for slip in made.slips] in [[kind] for kind in slips.split(" or ")]


@pytest.mark.parametrize(
    ("spec", "notation", "before", "text", "verdict", "kinds", "corrected"),
    [pytest.param(*row, id=row[3], marks=[pytest.mark.sweep] * (k % 5 > 0))
     for k, row in enumerate(LINES)],
)  # fmt: skip
def test_a_line_of_a_student(
    spec: Spec,
    notation: str,
    before: tuple[str, ...],
    text: str,
    verdict: str,
    kinds: list[str],
    corrected: str,
) -> None:
    sheet = read_sheet("\n".join(rf"\[ {x} \]" for x in (*before, text)), "hand.tex", "tex")
    marks = mark(sheet, load(spec), notation).marks[len(before) :]
    made = next(m for m in marks if m.verdict in (WRONG, DEFECT))
    assert made.verdict == verdict
    assert [slip.kind for slip in made.slips] == kinds
    assert "".join(made.corrected.split()) == "".join(corrected.split())
    assert (made.counterexample is not None) == (verdict == WRONG)


def test_two_slips_at_two_places() -> None:
    ways = found(SQUARES, "columns", MORE[1][2])
    assert_named(ways, "sign, layer")
    line = line_of(SQUARES, "columns")
    final = ways[0][-1].claim
    assert holds(final, line)
    assert not holds(ways[0][0].claim, line)  # the first alone is not enough


def test_terms_that_may_be_missing_have_all_their_indices() -> None:
    line = line_of(IMAGES, "columns")
    claim = claim_of(r"\delta_{cpq}^{(1)} = [z_{cpq}^{(1)} > 0] \bar{a}_{cpq}^{(1)}", line)
    assert claim is not None
    view = View(claim, scope_for(line), line.network)
    here = [e for e in view.units("preactivation") if e.label == Label(1)]
    assert here
    assert {len(e.places) for e in here} == {3}
    assert view.units("preactivation") is view.units("preactivation")


def test_two_rare_slips_at_once_are_none() -> None:
    line = line_of(RELU, "columns")
    claim = claim_of(r"z_i^{(2)} = \sin(b_i^{(2)}) + 3 (a_i^{(2)})^3", line)
    assert claim is not None
    limit = Limit(evaluations=1000)
    assert search(claim, lambda c: holds(c, line), scope_for(line), line.network, limit) == ()


# ------------------------------------------------------------------ one search


def test_a_search_is_the_same_every_time() -> None:
    spec, notation, text, _ = ONE[1]
    first, second = (found(spec, notation, text) for _ in range(2))
    assert first == second
    assert 1 <= len(first) <= 3


def test_what_was_found_is_not_lost_at_the_limit() -> None:
    line = line_of("1x5x5 > conv 2 2 tanh > conv 3 2 > flatten > 2 : squared_error", "columns")
    text = (
        r"z_{cpq}^{(2)} = b_c^{(2)} + \sum_k \sum_u \sum_v w_{kcuv}^{(2)} a_{k,p+u-1,q+v-1}^{(1)}"
    )
    claim = claim_of(text, line)
    assert claim is not None
    limit = Limit(evaluations=200)  # far fewer than there are single repairs
    ways = search(claim, lambda c: holds(c, line), scope_for(line), line.network, limit)
    assert_named(ways, "index")


def test_a_search_stops_at_its_limit() -> None:
    line = line_of(*MORE[-1][:2])
    claim = claim_of(MORE[-1][2], line)
    assert claim is not None
    asked: list[Claim] = []

    def judged(candidate: Claim) -> bool:
        asked.append(candidate)
        return holds(candidate, line)

    limit = Limit(evaluations=50)
    assert search(claim, judged, scope_for(line), None, limit) == ()
    assert len(asked) <= 50


def test_without_a_network_the_judge_alone_decides() -> None:
    line = line_of(ENTROPY, "columns")
    claim = claim_of(r"\sigma(z) = \frac{1}{1 + e^{z}}", line)
    assert claim is not None
    ways = search(claim, lambda c: holds(c, line), scope_for(line))
    assert_named(ways, "exponent_sign")


def test_every_kind_of_the_catalogue_is_known() -> None:
    assert {row.kind for row in CATALOGUE} <= set(KINDS)
    elsewhere = {"ascent", "bias_sign", "sharing"}  # names of others at certain places
    assert set(KINDS) - {row.kind for row in CATALOGUE} == elsewhere


def test_every_slip_is_short() -> None:
    for row in CATALOGUE:
        lines = inspect.getsource(row.slip).splitlines()
        assert len(lines) <= 15, row.slip.__name__


# ------------------------------------------------------------------ lines made wrong


def right_lines(lines: Iterable[Line]) -> list[Line]:
    """Those that the networks confirm."""
    made = []
    for line in lines:
        claim = claim_of(line.text, line)
        if claim is not None and holds(claim, line):
            made.append(line)
    return made


def agreed(wrong: Wrong, claim: Claim, made: Mark) -> bool:
    """Whether the sheet itself makes it right: it has this one line, and that declares it.

    A forward equation says how arrays are stored and what a bias does; without a sign of the
    entrywise product anywhere, things side by side are that product.
    """
    if made.verdict == RIGHT_UNDER:
        return isinstance(claim.lhs, Entry) and claim.lhs.role in FORWARD
    unsigned = not any(sign in wrong.text for sign in (r"\odot", r"\circ", r"\ast"))
    return made.verdict in (RIGHT, RIGHT_IF) and wrong.kinds[0] == "hadamard" and unsigned


def rates(lines: list[Wrong]) -> tuple[int, Counter[str], list[str]]:
    """How many lines are wrong indeed, what a reader is told of them, and the failures."""
    count, result, failures = 0, Counter[str](), []
    for wrong in lines:
        claim = claim_of(wrong.text, wrong.line)
        if claim is None or holds(claim, wrong.line):
            continue
        sheet = read_sheet(rf"\[ {wrong.text} \]", "hand.tex", "tex")
        marks = mark(sheet, wrong.line.network, wrong.line.notation).marks
        made = next((m for m in marks if m.verdict in (WRONG, DEFECT)), marks[-1])
        if agreed(wrong, claim, made):
            continue
        count += 1
        kinds = [slip.kind for slip in made.slips]
        told = len(kinds) == 1 and kinds[0] in wrong.kinds
        result["found"] += made.verdict in (WRONG, DEFECT)
        result["named"] += bool(kinds)
        result["kind"] += told
        if not told:
            failures.append(
                f"{made.verdict} {wrong.kinds} {kinds} {wrong.line.where}: {wrong.text}"
            )
    return count, result, failures


def test_a_sample_of_lines_made_wrong() -> None:
    sample = list(chapter_lines(["two layers"]))[::37]
    wrong = [w for line in right_lines(sample) for w in wrong_lines(line)]
    count, result, failures = rates(drawn(wrong, 12, seed=7))
    assert count >= 8
    assert result["found"] >= count - 1, failures
    assert result["kind"] >= 0.8 * count, failures


@pytest.mark.sweep
def test_lines_made_wrong() -> None:
    right = right_lines([*chapter_lines(), *notes_lines()])
    wrong = [w for line in right for w in wrong_lines(line)]
    count, result, failures = rates(drawn(wrong, 6000, seed=7))
    print(f"{count} lines, {dict(result)}")
    print("\n".join(failures))
    assert count >= 3000
    assert result["found"] >= 0.995 * count
    assert result["named"] >= 0.995 * count
    assert result["kind"] >= 0.95 * count


def test_the_root_of_a_negative_number_has_no_value() -> None:
    line = line_of(SQUARES, "columns")
    claim = claim_of(r"z_i^{(1)} = z_i^{(1)} + \sqrt{-1}", line)
    assert claim is not None
    assert not holds(claim, line)


DECAYING = "3 > 4 tanh > 2 : half_squared_error weight_decay=0.01"
PLAIN_PART = r"\frac{\partial L}{\partial W^{(2)}} = \delta^{(2)} \left(a^{(1)}\right)^\top"


@pytest.mark.parametrize(
    ("line", "kind", "corrected"),
    [
        (PLAIN_PART + r" + \lambda W^{(2)}", "", ""),
        (PLAIN_PART + r" + 2 \lambda W^{(2)}", "factor", PLAIN_PART + r" + \lambda W^{(2)}"),
        (PLAIN_PART + r" - \lambda W^{(2)}", "sign", PLAIN_PART + r" + \lambda W^{(2)}"),
        (PLAIN_PART + r" + \lambda W^{(1)}", "layer", PLAIN_PART + r" + \lambda W^{(2)}"),
        (r"W^{(1)} \leftarrow (1 - \eta \lambda) W^{(1)} - \eta \delta^{(1)} x^\top", "", ""),
    ],
)
def test_lambda_is_the_weight_decay_of_the_network(line: str, kind: str, corrected: str) -> None:
    sheet = read_sheet(rf"\[ {line} \]", "hand.tex", "tex")
    (made,) = mark(sheet, load(DECAYING), "columns").marks
    assert made.verdict == ("WRONG" if kind else "RIGHT_IF")
    assert [slip.kind for slip in made.slips] == ([kind] if kind else [])
    assert made.corrected == corrected
