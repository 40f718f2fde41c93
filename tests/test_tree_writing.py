r"""Reading trees as text: what is written reads as the tree, and a correction changes what it must.

The reader is the oracle: it knows nothing of the writer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

import pytest

from derive.derivation import derive
from derive.profiles import names, profile
from derive.reading.latex_macros import definitions
from derive.reading.network import scope_of
from derive.reading.reader import read
from derive.reading.scope import Scope
from derive.reading.tree import (
    Applied,
    Entry,
    Letter,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Power,
    Times,
    Total,
    Transposed,
    rebuilt,
    walk,
)
from derive.rewriting.writing import Unwritable, corrected, latex, written
from tests.claims import replaced
from tests.notations import printed, writer_of

ENTRIES = json.loads((Path(__file__).parent / "data" / "lecture_notes.json").read_text())
NETWORKS = (
    "3 > 4 relu > 1 sigmoid : binary_cross_entropy",
    pytest.param("2 > 2 tanh > 3 softmax : cross_entropy", marks=pytest.mark.sweep),
)


@cache
def scope(notation: str) -> Scope:
    return Scope(profile(notation))


def rhs(text: str, notation: str = "columns") -> Node:
    side = read(text, scope(notation)).claims[-1].rhs
    assert side is not None
    return side


def assert_reads_back(node: Node, within: Scope) -> None:
    made = latex(node, within)
    reading = read(made, within)
    assert not reading.problems, f"{made}\n{reading.problems[0]}"
    assert [c.lhs for c in reading.claims] == [node], made


# ------------------------------------------------------------------ the whole tree


@pytest.mark.parametrize("notation", sorted({e["notation"] for e in ENTRIES}))
def test_the_lecture_notes_are_written_as_they_were_read(notation: str) -> None:
    for entry in ENTRIES:
        if entry["notation"] == notation:
            claims = read(entry["latex"], scope(notation)).claims
            for side in {side for claim in claims for side in claim.sides}:
                assert_reads_back(side, scope(notation))


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("network", NETWORKS)
def test_printed_formulas_are_written_as_they_were_read(network: str, notation: str) -> None:
    derived = derive(network)
    writer = writer_of(derived, notation)
    within = scope_of(derived, writer.profile)
    for _, text, _ in printed(derived, writer):
        for side in {side for claim in read(text, within).claims for side in claim.sides}:
            assert_reads_back(side, within)


@pytest.mark.parametrize(
    "text",
    [
        r"(2)(3) x",
        r"2 \cdot (-x)",
        r"(a + b)(c - d)",
        r"-(-x)",
        r"\left(\sum_i w_i\right) v",
        r"(\sigma)(z)",
        r"\|z^{(l)}\|_2^2 + |z_i^{(l)}| \sqrt{x}",
        r"\frac{\partial^2 C}{\partial z_i^{(l)} \partial z_j^{(l)}}",
        r"\begin{cases} 1 & \text{if } z > 0 \\ 0 & \text{otherwise} \end{cases}",
        r"\begin{pmatrix} 1 & -x \\ \cdots & x^2 \end{pmatrix}^\top",
        r"w_{ij}^{(l)}(n+1) - w_{ij}^{(l)}(n)",
        r"(a_i^{(l)})^2 \delta_{i,j} [i = j]",
        r"\max_k z_k^{(l)} \operatorname{argmax}_k z_k^{(l)}",
        r"e^{-\frac{x}{2}} x^{n+1} 2^{-x}",
        r"a_{2p+u-1}^{(l)} b_{12}^{(l)}",
        r"x_{\text{in}} + \Delta w_{ij}^{(l)}",
        r"\nabla_{W^{(l)}} C \cdot f_1(x, y)",
        r"z_n^{(l)} \in \mathbb{R}^{n \times m}",
    ],
)
def test_every_kind_of_node_is_written(text: str) -> None:
    for side in read(text, scope("columns")).claims[0].sides:
        assert_reads_back(side, scope("columns"))


def test_a_layer_that_was_left_out_is_said() -> None:
    made = latex(rhs(r"z_i^{(l)} = \sum_j w_{ij} a_j^{(l-1)}"), scope("columns"))
    assert r"w_{ij}^{(\ell)}" in made


def test_what_no_text_is_read_as_is_refused() -> None:
    with pytest.raises(Unwritable):
        latex(Times((Num(Fraction(-1)), Letter("x")), ("",)), scope("columns"))


# ------------------------------------------------------------------ corrections

Edit = Callable[[Node], Node]


def edits(node: Node, random: Random) -> Iterator[Node]:
    """Trees that differ from this one at one place."""
    places = [n for n in walk(node) if not isinstance(n, Letter)]
    for _ in range(2 if places else 0):
        place = random.choice(places)
        made = _edited(place, random)
        if made is not None:
            yield _put(node, place, made)


def _put(node: Node, old: Node, new: Node) -> Node:
    return new if node is old else rebuilt(node, lambda part: _put(part, old, new))


def _edited(node: Node, random: Random) -> Node | None:
    match node:
        case Entry(label=label, places=places) if random.random() < 0.5 and label is not None:
            down = -1 if label.base else 1
            return replace(node, label=label.shifted(random.choice((down, 1))), assumed=False)
        case Entry(places=places) if len(places) > 1 and node.fixed is None:
            return replace(node, places=places[::-1])
        case Entry() if node.form != "entry":
            return Transposed(node)
        case Transposed():
            return node.arg
        case Power():
            return node.base
        case Plus() if len(node.args) > 2 and random.random() < 0.5:
            return replace(node, args=node.args[1:])
        case Plus():
            *first, last = node.args
            flipped = last.arg if isinstance(last, Minus) else Minus(last)
            return replace(node, args=(*first, flipped))
        case Times() if len(node.args) > 2:
            return replace(node, args=node.args[:-1], signs=node.signs[:-1])
        case Times() if not any(isinstance(a, Total | Applied) for a in node.args):
            return replace(node, args=node.args[::-1], signs=node.signs[::-1])
        case Applied(order=order) if node.function.activation:
            return replace(node, order=1 - min(order, 1))
        case Num(value=value):
            return Num(value + 1)
        case Over() if random.random() < 0.5:
            return node.above
    return None


@pytest.mark.parametrize("notation", sorted({e["notation"] for e in ENTRIES}))
def test_a_correction_reads_as_what_it_corrects_to(notation: str) -> None:
    random = Random(notation)
    seen = 0
    for entry in ENTRIES:
        if entry["notation"] != notation:
            continue
        text = entry["latex"]
        for claim in read(text, scope(notation)).claims:
            if claim.rhs is None or claim.relation == "maps":
                continue
            kept = corrected(text, claim.rhs, claim.rhs, scope(notation))
            assert kept.strip() == written(claim.rhs, text).strip()
            filled = any(isinstance(n, Entry) and n.assumed for n in walk(claim.rhs))
            for after in edits(claim.rhs, random):
                made = replaced(text, claim.rhs, after, scope(notation))
                assert not re.search(r"\(\([^()]*\)\)", made), made
                sides = [c.rhs for c in read(made, scope(notation)).claims]
                assert filled or after in sides, f"{made}\nfor {after}"
                seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    ("text", "edit", "expected"),
    [
        (  # the rest stays as the writer has it, line ends and comments too
            "W^{(l+1)T}\n  \\delta^{(l+1)} % back\n  \\circ \\sigma(z^{(l)})",
            lambda n: replace(n, args=(*n.args[:2], replace(n.args[2], order=1))),
            "W^{(l+1)T}\n  \\delta^{(l+1)} % back\n  \\circ \\dot{\\sigma}(z^{(l)})",
        ),
        (
            r"(W^{(l+1)})^{T}\delta^{(l+1)}",
            lambda n: replace(n, args=(n.args[0].arg, n.args[1])),
            r"W^{(l+1)}\delta^{(l+1)}",
        ),
        (
            r"W^{(l+1)} \delta^{(l+1)} + X^{T}",
            lambda n: replace(
                n, args=(replace(n.args[0], args=(Transposed(n.args[0].args[0]),
                                                  n.args[0].args[1])), n.args[1])),
            r"W^{(l+1)T} \delta^{(l+1)} + X^{T}",
        ),
        (
            r"\vec{a}^{(l)} \odot \left(1 + \vec{a}^{(l)}\right)",
            lambda n: replace(n, args=(n.args[0], replace(
                n.args[1], args=(n.args[1].args[0], Minus(n.args[1].args[1]))))),
            r"\vec{a}^{(l)} \odot \left(1 - \vec{a}^{(l)}\right)",
        ),
        (
            r"-\eta(a_i^{(L)} - y_i)",
            lambda n: n.arg,
            r"\eta(a_i^{(L)} - y_i)",
        ),
        (
            r"a_i^{(L)} - y_i",
            lambda n: Times((Num(Fraction(2)), n), ("",)),
            r"2 (a_i^{(L)} - y_i)",
        ),
        (
            r"\left( a_i^{(L)} - y_i \right) + \ln w_{i,j}",
            lambda n: Times(n.args, ("cdot",)),
            r"\left( a_i^{(L)} - y_i \right) \cdot \ln w_{i,j}",
        ),
        (
            r"w_{ij}^{(l)}",
            lambda n: replace(n, places=n.places[::-1]),
            r"w_{ji}^{(l)}",
        ),
    ],
)  # fmt: skip
def test_only_what_differs_is_written_anew(text: str, edit: Edit, expected: str) -> None:
    whole = f"x = {text}"
    before = rhs(whole)
    assert replaced(whole, before, edit(before), scope("columns")) == f"x = {expected}"


def test_layers_that_the_writer_leaves_out_stay_out() -> None:
    text = r"\frac{\partial E}{\partial s_i} = \sum_k (o_k - y_k^*)"
    before = rhs(text, "units")
    assert isinstance(before, Total)
    body = before.body
    assert isinstance(body, Plus)
    output, target = body.args
    assert isinstance(output, Entry)
    assert output.label is not None
    for other, expected in (
        (replace(output, places=(Letter("i"),)), "o_i"),
        (replace(output, label=output.label.shifted(-1)), "o_k^{L-1}"),
    ):
        after = replace(before, body=replace(body, args=(other, target)))
        made = replaced(text, before, after, scope("units"))
        assert made.endswith(rf"\sum_k ({expected} - y_k^*)")


def test_macros_of_the_writer_are_kept() -> None:
    _, macros = definitions(r"\newcommand{\dl}[1]{\delta^{(#1)}}")
    text = r"\dl{l} = W^{(l+1)} \dl{l+1} \odot \sigma(z^{(l)})"
    before = read(text, scope("columns"), macros).claims[0].rhs
    assert isinstance(before, Times)
    weight, *rest = before.args
    after = replace(before, args=(Transposed(weight), *rest))
    made = corrected(text, before, after, scope("columns"), macros)
    assert made == r"W^{(l+1)\top} \dl{l+1} \odot \sigma(z^{(l)})"
