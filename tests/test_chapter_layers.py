"""The chapter on networks of all kinds of layers: pictures, words, windows, and clean pages."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import pytest

import gradwright
from codegen import examples
from codegen.chapter import chapter, equation_numbers, notes_html, notes_tex, notes_text
from codegen.chapter.opening_words import title
from codegen.chapter.reach import _reached, flipped
from codegen.chapter.stage_names import decimal, option_text, stage_name
from codegen.commands.sources import example
from codegen.pages import pdf
from codegen.pages.document import (
    CodeListing,
    CrossRef,
    Display,
    Document,
    Figure,
    Listing,
    Paragraph,
    Table,
)
from codegen.pages.latex_math import formula
from codegen.pages.numbering import nodes
from derive import profiles
from derive.algebra.prove import PROVED, Unproved, prove
from derive.algebra.terms import Index
from derive.derivation import Derivation, derive
from derive.network.layers import Conv, MaxPool
from derive.network.shapes import pads
from derive.spec import load
from derive.stages import entry

CONV: dict[str, Any] = {"kind": "conv", "channels": 2, "kernel": 3}
NETWORKS: dict[str, Any] = {
    "pools": {
        "input": [1, 6, 6],
        "layers": [{**CONV, "activation": "relu"}, {"kind": "max_pool", "kernel": 2},
                   {"kind": "flatten"}, "dense 3 softmax"],
        "loss": "cross_entropy",
    },
    "residual": {
        "input": 4,
        "layers": [
            "dense 6 tanh",
            {"kind": "residual", "layers": [
                {"kind": "layer_norm"}, "dense 6 relu", {"kind": "dropout", "rate": 0.25},
                "dense 6"]},
            {"kind": "layer_norm"},
            "dense 2",
        ],
        "loss": "half_squared_error",
    },
    "batch": {
        "input": [2, 8],
        "layers": [
            {**CONV, "padding": "same", "bias": False},
            {"kind": "batch_norm", "activation": "relu"},
            {"kind": "avg_pool", "kernel": 3, "stride": 1},
            {"kind": "flatten"},
            "dense 3 softmax",
        ],
        "loss": "cross_entropy",
    },
    "attention": {
        "input": [3, 4],
        "layers": [{
            "kind": "equations",
            "indices": {"t": 3, "u": 3, "i": 4, "d": 2},
            "parameters": {"q": ["i", "d"], "k": ["i", "d"], "v": ["i", "d"]},
            "forward": [
                "a[t,d] = Sum(q[i,d]*x[t,i], i)",
                "c[u,d] = Sum(k[i,d]*x[u,i], i)",
                "g[u,d] = Sum(v[i,d]*x[u,i], i)",
                "e[t,u] = Sum(a[t,d]*c[u,d], d)/sqrt(size(d))",
                "p[t,u] = softmax(e[t,u], u)",
                "s[t,d] = Sum(p[t,u]*g[u,d], u)",
            ],
        }],
        "loss": "half_squared_error",
    },
    "own": {
        "input": 3,
        "layers": [
            {"kind": "equations", "indices": {"i": 3, "k": 3, "j": 4},
             "parameters": {"w": ["i", "k", "j"], "b": ["j"]},
             "forward": ["s[j] = Sum(w[i,k,j]*x[i]*x[k], i, k) + b[j]"], "activation": "tanh"},
            {"kind": "equations", "indices": {"i": 4, "j": 2},
             "parameters": {"u": ["i", "j"], "v": ["i", "j"]},
             "forward": ["g[j] = sigmoid(Sum(v[i,j]*x[i], i))",
                         "s[j] = g[j]*Sum(u[i,j]*x[i], i)"]},
        ],
        "loss": "half_squared_error",
    },
    "strides": {
        "input": [3, 9, 9],
        "layers": [
            {**CONV, "stride": 2, "padding": 1, "activation": "tanh"},
            {**CONV, "kernel": [3, 2], "dilation": 2, "bias": "threshold"},
            {"kind": "batch_norm"}, {"kind": "flatten"}, "dense 2",
        ],
        "loss": "half_squared_error",
    },
    "round a convolution": {
        "input": [2, 5],
        "layers": [{**CONV, "padding": "same"},
                   {"kind": "residual", "layers": [{**CONV, "padding": "same"}]},
                   {"kind": "flatten"}, "dense 1"],
        "loss": "squared_error",
    },
}  # fmt: skip


@cache
def derived(name: str) -> Derivation:
    return derive(NETWORKS[name])


@cache
def page(name: str, notation: str = "columns") -> Document:
    return chapter(derived(name), notation)


def said(document: Document) -> str:
    """All words of the paragraphs and lists."""
    paragraphs = [node for node in nodes(document) if isinstance(node, Paragraph)]
    texts = [part for p in paragraphs for part in (*p.lead, *p.body) if isinstance(part, str)]
    for node in nodes(document):
        if isinstance(node, Listing):
            texts += [part for item in node.items for part in item if isinstance(part, str)]
    return " ".join(" ".join(texts).split())


# ------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("name", "yes", "no"),
    [
        ("pools", "goes to that one value, the winner", "spread evenly"),
        ("pools", "do not lie over one another", "what it gets from them adds up"),
        ("pools", "its last weight first", "steps larger than 1"),
        ("pools", "only gave the entries new names", "Three terms"),
        ("residual", "has two ways back, and they add", "no form for one sample alone"),
        ("residual", "Three terms.", "running averages"),
        ("residual", "meets the same mask", "its last weight first"),
        ("residual", "one more input, which nobody differentiates by", "the winner"),
        ("batch", "there is no form for one sample alone, only the one for the batch", "mask"),
        ("batch", "keeps running averages of both", "the winner"),
        ("batch", "is spread evenly over its values", "steps larger than 1"),
        ("batch", "what it gets from them adds up", "do not lie over one another"),
        ("attention", "writes the layer as index equations", "Three terms"),
        ("strides", "as if zeros stood between the errors", "Around the input lies minus"),
        ("strides", "From place to place it moves on by 2", "two ways back"),
        ("round a convolution", "its last weight first", "the same sum, by the place"),
    ],
)
def test_the_words_fit_the_layers(name: str, yes: str, no: str) -> None:
    assert yes in said(page(name))
    assert no not in said(page(name))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_quantity_has_a_meaning(name: str) -> None:
    (table,) = [n for n in nodes(page(name)) if isinstance(n, Table) and n.key == "tab:notation"]
    meanings = ["".join(p for p in row[1] if isinstance(p, str)) for row in table.rows]
    assert all(meanings)
    forward = derived(name).forward_pass
    kept = {t for s in forward.stages for t in (*s.masks, *s.state)}
    assert sum(m.startswith(("mask:", "running")) for m in meanings) == len(kept)


def test_own_equations_are_shown_as_written() -> None:
    listings = [n for n in nodes(page("own")) if isinstance(n, CodeListing)]
    lines = [line.code for listing in listings for line in listing.lines]
    for layer in NETWORKS["own"]["layers"]:
        assert set(layer["forward"]) <= set(lines)


def weighted(equation: str, *axes: str) -> dict[str, Any]:
    """A layer of one's own with a matrix W and one with another name, declared alike."""
    own = {
        "kind": "equations",
        "indices": {"i": 4, "j": 3},
        "parameters": {"W": axes, "V": axes},
        "forward": [f"h[j] = {equation}", f"s[j] = h[j]*({equation.replace('W', 'V')})"],
    }
    return {"input": 4, "layers": [own, "dense 2 tanh"], "loss": "squared_error"}


@pytest.mark.parametrize("notation", ["columns", "rows"])
def test_a_weight_of_ones_own_that_leads_to_its_rows_stays_as_declared(notation: str) -> None:
    network = weighted("Sum(W[j,i]*x[i], i)", "j", "i")
    text = notes_text(derive(load(network)), notation)
    assert "h⁽¹⁾ = W⁽¹⁾ x " in text
    assert "3 \u00d7 4, 3 \u00d7 4  W1, V1" in text
    right = r"""
        $$h_j^{(1)} = \sum_i w_{ji}^{(1)} x_i$$
        $$h^{(1)} = W^{(1)} x$$
        $$\frac{\partial L}{\partial w_{ji}^{(1)}} =
            \delta_j^{(1)} \Big(\sum_k V_{jk}^{(1)} x_k\Big) x_i$$"""
    marked = gradwright.check(network, right, notation=notation)
    assert [mark.verdict for mark in marked.marks] == ["RIGHT"] * 3


def test_a_weight_of_ones_own_as_in_a_dense_layer_is_written_like_one() -> None:
    derivation = derive(load(weighted("Sum(W[i,j]*x[i], i)", "i", "j")))
    columns, rows = (notes_text(derivation, n) for n in ("columns", "rows"))
    assert "h⁽¹⁾ = W⁽¹⁾ x " in columns
    assert "3 \u00d7 4, 4 \u00d7 3  W1, V1" in columns
    assert "h⁽¹⁾ = W^{(1) \u22a4} x " in rows
    assert "4 \u00d7 3, 4 \u00d7 3  W1, V1" in rows


def test_parameters_of_ones_own_are_summed_up_and_moved_like_those_of_dense_layers() -> None:
    text = notes_text(derive(load(weighted("Sum(W[j,i]*x[i], i)", "j", "i"))), "columns")
    box = text.partition("The whole backward pass")[2]
    assert "= h̄⁽¹⁾ x\u22a4 " in box  # its gradient as a matrix
    assert box.count("← W^(") == 1  # both W in one line


def test_a_matrix_has_one_letter_everywhere() -> None:
    own = {"kind": "equations", "indices": {"i": 4, "j": 3}, "parameters": {"u": ["j", "i"]},
           "forward": ["s[j] = Sum(u[j,i]*x[i], i)"]}  # fmt: skip
    made = derive({"input": 4, "layers": [own, "2 tanh"], "loss": "squared_error"})
    box = notes_text(made, "columns").partition("The whole backward pass")[2]
    assert "\u2202C\u2099/\u2202U⁽¹⁾ = " in box
    assert "U⁽¹⁾ ← U⁽¹⁾ " in box


def test_words_are_said_once() -> None:
    text = said(page("residual"))
    assert text.count("Three terms.") == 1
    assert said(chapter(derive(example("digits_conv").network))).count("the winner") == 1


@pytest.mark.parametrize("name", NETWORKS)
def test_equations_keep_their_numbers(name: str) -> None:
    numbers = equation_numbers(derived(name))
    shown = {t.number for t in page(name).targets.values() if t.kind == "Equation"}
    assert {n.strip("()") for n in numbers.values()} <= shown
    computed = {str(e.lhs.tensor) for e in derived(name).forward}
    assert computed <= {array for _, array in numbers}


def test_references_lead_somewhere() -> None:
    for name in NETWORKS:
        cited = {n.key for n in nodes(page(name)) if isinstance(n, CrossRef)}
        assert cited <= set(page(name).targets)


# ------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ({"channels": 8, "kernel": (5, 5), "stride": (2, 2)}, "conv 8@5\u00d75, stride 2"),
        ({"channels": 1, "kernel": (3,), "padding": "same"}, "conv 1@3, same"),
        (
            {"channels": 4, "kernel": (3, 1), "padding": (1, 0), "dilation": (2, 2)},
            "conv 4@3\u00d71, padding 1\u00d70, dilation 2",
        ),
    ],
)
def test_names_of_convolutions(layer: dict[str, Any], expected: str) -> None:
    assert option_text(Conv(**layer)) == expected


def test_names_of_other_layers() -> None:
    assert option_text(MaxPool(kernel=(2, 2))) == "max pool 2\u00d72"
    assert option_text(MaxPool(kernel=(3,), stride=(2,))) == "max pool 3, stride 2"
    names = [stage_name(stage) for stage in derived("residual").forward_pass.stages]
    assert names == ["dense 6, tanh", "layer norm", "dense 6, relu", "dropout 0.25", "dense 6",
                     "residual", "layer norm", "dense 2"]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"), [(Fraction(1, 4), "0.25"), (Fraction(1, 3), "1/3"), (Fraction(2), "2")]
)
def test_decimals(value: Fraction, text: str) -> None:
    assert decimal(value) == text


def test_titles() -> None:
    assert title(load(NETWORKS["pools"])).startswith("A convolutional softmax classifier with")
    assert title(load(NETWORKS["residual"])).startswith("A residual tanh and relu network")
    inside = {"kind": "residual", "layers": ["dense 2 silu", "dense 2 tanh"]}
    nested = {"input": 2, "layers": [inside, "dense 1"], "loss": "squared_error"}
    assert title(load(nested)).startswith("A residual silu and tanh network with")
    own = {
        "kind": "equations",
        "indices": {"i": 2},
        "parameters": {},
        "forward": ["s[i] = x[i]**2"],
    }
    squares = {"input": 2, "layers": [own, "dense 1"], "loss": "squared_error"}
    assert title(load(squares)).startswith("A 2-layer network with")


def test_what_reads_alike_in_both_forms_is_said_once() -> None:
    """Over all entries of a picture 1/sqrt(v + eps) is one number, of a vector as well."""
    norm = {"kind": "layer_norm", "axes": "all"}
    layers = [norm, {"kind": "flatten"}, "dense 1"]
    spec = {"name": "one", "input": [1, 2, 2], "layers": layers, "loss": "squared_error"}
    page = notes_tex(derive(spec))
    forward = page[page.index("Forward pass") : page.index("Backward pass")]
    assert forward.count(r"r^{(1)} &= \frac{1}{") + forward.count(r"r^{(1)} = \frac{1}{") == 1
    assert forward.count("Entry by entry") == 1  # of the dense layer


def test_arrays_of_one_shape_share_a_row_of_the_table() -> None:
    """A layer with many arrays leaves the table as narrow as others."""
    names = ("wq", "wk", "wv")
    forward = [f"{n[1]}[h,a] = Sum({n}[h,i,a]*x[i], i)" for n in names]
    own = {
        "kind": "equations",
        "indices": {"h": 2, "i": 4, "a": 2},
        "parameters": {name: ["h", "i", "a"] for name in names} | {"c": ["a"]},
        "forward": [*forward, "s[a] = Sum(q[h,a]*k[h,a]*v[h,a], h) + c[a]"],
    }
    spec = {"name": "heads", "input": 4, "layers": [own], "loss": "squared_error"}
    page = notes_text(derive(spec))
    assert "2 \u00d7 4 \u00d7 2 each" in page
    assert "2 \u00d7 4 \u00d7 2, 2" not in page


# ------------------------------------------------------------------ the kernel turned round

WINDOWS = [
    ((3, 3), (1, 1), (0, 0), (1, 1)),
    ((3, 2), (2, 1), (1, 0), (1, 2)),
    ((2, 3), (1, 3), (2, 1), (2, 1)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), WINDOWS)
def test_the_outputs_that_an_input_reaches(
    kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...],
    dilation: tuple[int, ...],
) -> None:  # fmt: skip
    """Every output looks through its window; an input has reached those that saw it."""
    layer = Conv(channels=1, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    source, target = (6, 7), (4, 3)
    saw: dict[tuple[int, ...], dict[tuple[int, ...], tuple[int, ...]]] = {}
    for p, u in product(product(*map(range, target)), product(*map(range, kernel))):
        read = tuple(
            s * a + d * b - f
            for s, a, d, b, (f, _) in zip(stride, p, dilation, u, pads(layer), strict=True)
        )
        saw.setdefault(read, {})[p] = u
    for origin in product(*map(range, source)):
        assert dict(_reached(layer, origin, list(target))) == saw.get(origin, {})


def test_the_sum_over_the_taps_is_checked() -> None:
    stage = derived("pools").forward_pass.stages[0]
    k, a, b = Index("k", 1), Index("a", 6), Index("b", 6)
    made = flipped(stage, entry(stage.source, k, a, b))
    assert made is not None
    claim, check = made
    assert check.word == PROVED
    assert str(claim) == "Sum(W1[c,k,u,v]*delta1[n,c,a-u,b-v], c, u, v)"
    straight = flipped(stage, entry(stage.source, k, b, a))
    assert straight is not None
    with pytest.raises(Unproved):
        prove(claim, straight[0])


def test_sums_over_channels_and_places_have_their_usual_indices() -> None:
    layers = [{**CONV, "kernel": 3}, {**CONV, "kernel": 3, "stride": 2}, "batch_norm", "flatten"]
    spec = {"input": [1, 8, 8], "layers": [*layers, "2"], "loss": "squared_error"}
    results = {chain.key: str(chain.result) for chain in derive(spec).layers}
    kernel = "[0 <= p-2*a < 3]*[0 <= q-2*b < 3]*W2[k,c,p-2*a,q-2*b]*delta2[n,k,a,b]"
    assert results["delta.1"] == f"Sum({kernel}, k, a, b)"
    assert results["adjoint.r3"].endswith("(s2[n,c,p,q] - m3[c]), n, p, q)")


TAPS = [(1, 3, 0, 1), (1, 3, 2, 2), (1, 2, 1, 2), (2, 3, 1, 1), (2, 2, 2, 2)]


@pytest.mark.parametrize(("rank", "kernel", "padding", "dilation"), TAPS)
def test_the_kernel_turned_round_is_proved(
    rank: int, kernel: int, padding: int, dilation: int
) -> None:
    layer = {**CONV, "kernel": kernel, "padding": padding, "dilation": dilation}
    spec = {
        "input": [2, *[6, 7][:rank]],
        "layers": [layer, "flatten", "2"],
        "loss": "squared_error",
    }
    stage = derive(spec).forward_pass.stages[0]
    spots = [Index("a", 6), Index("b", 7)][:rank]
    made = flipped(stage, entry(stage.source, Index("k", 2), *spots))
    assert made is not None
    assert made[1].word == PROVED


def test_gaps_in_a_kernel_leave_no_bracket_in_an_error() -> None:
    """Under a stride the bracket stays, and the page says what it is."""
    layers = [{**CONV, "kernel": 3, "dilation": 2}, {**CONV, "kernel": 2, "dilation": 3},
              {**CONV, "kernel": 2, "dilation": 2, "stride": 3}, "flatten", "1"]  # fmt: skip
    made = chapter(derive({"input": [1, 13], "layers": layers, "loss": "squared_error"}))
    displays = [node for node in nodes(made) if isinstance(node, Display)]
    keyed = [line for display in displays for line in display.lines if line.key]
    lines = {line.key: formula(line.rhs).replace(" ", "") for line in keyed}
    assert "k,p-3u+" in lines["delta.1"]
    assert "[" not in lines["delta.1"]
    assert "c,a-2u" in lines["gradient.x"]
    assert "[3u+2k-4=p]" in lines["delta.2"]
    words = said(made)
    assert "where an output and a weight meet" in words
    assert "An error outside its range counts as 0" in words
    assert "leave out the outputs" not in words


def test_pictures_of_kernels() -> None:
    def keys(name: str) -> list[str]:
        figures = [n for n in nodes(page(name)) if isinstance(n, Figure)]
        return [f.key for f in figures if f.key and f.key.startswith("fig:reach")]

    assert keys("pools") == ["fig:reach.1"]
    assert keys("strides") == ["fig:reach.2", "fig:reach.1"]
    assert keys("residual") == []
    large = derive({"input": [1, 20], "loss": "squared_error", "layers": [
        {**CONV, "kernel": 9}, {"kind": "flatten"}, "dense 1"]})  # fmt: skip
    assert not any(isinstance(n, Figure) and n.key != "fig:network" for n in nodes(chapter(large)))


# ------------------------------------------------------------------ pages


@pytest.mark.skipif(not pdf.available(), reason="pdflatex is not installed")
@pytest.mark.parametrize("name", NETWORKS)
def test_tex_has_no_complaint(name: str) -> None:
    """Each network in a notation of its own, so that all are seen."""
    notation = profiles.names()[list(NETWORKS).index(name) % len(profiles.names())]
    assert pdf.compile_pdf(notes_tex(derived(name), notation)).problems == ()


@pytest.mark.sweep
@pytest.mark.skipif(not pdf.available(), reason="pdflatex is not installed")
@pytest.mark.parametrize("notation", profiles.names())
@pytest.mark.parametrize("name", NETWORKS)
def test_tex_has_no_complaint_in_any_notation(name: str, notation: str) -> None:
    assert pdf.compile_pdf(notes_tex(derived(name), notation)).problems == ()


def test_pages_in_html() -> None:
    made = notes_html(derived("pools"))
    assert made.count("<svg") >= 2
    assert "the outputs it reaches" in made


def test_examples_cover_the_kinds_of_layers() -> None:
    stages = [s for n in examples.names() for s in derive(example(n).network).forward_pass.stages]
    kinds = {stage.kind for stage in stages}
    assert kinds >= {"dense", "conv", "max_pool", "flatten", "layer_norm", "residual", "equations"}
