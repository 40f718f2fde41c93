"""The chapter: its numbers are right, every key is numbered once, and TeX has no complaint."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest

from codegen.chapter import (
    chapter,
    equation_numbers,
    notes_html,
    notes_markdown,
    notes_tex,
    notes_text,
)
from codegen.chapter.figures import figure
from codegen.chapter.groups import groups_of
from codegen.chapter.opening_words import title
from codegen.emitting.module import emit
from codegen.example_network import DEEPEST, WIDEST, small
from codegen.example_numbers import Numbers, numbers_of
from codegen.pages import pdf
from codegen.pages.document import (
    CodeListing,
    CrossRef,
    Display,
    Document,
    Equations,
    Exercise,
    Figure,
    Lemma,
    Line,
    Math,
    Paragraph,
)
from codegen.pages.latex_math import formula
from codegen.pages.numbering import nodes
from derive import profiles
from derive.algebra.terms import Label
from derive.derivation import Derivation, derive
from derive.marking.marker import mark
from derive.sheets.door import read_sheet
from derive.spec import load
from derive.strategies.ways import tell
from derive.writing.layout import Number
from derive.writing.layout import row as layout_row

XOR = "2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy"
MIXED: dict[str, Any] = {
    "input": 3, "loss": "mean_squared_error",
    "layers": [{"kind": "dense", "units": 3, "activation": "sigmoid", "bias": "threshold"},
               {"kind": "dense", "units": 2, "activation": "tanh", "bias": False},
               {"kind": "dense", "units": 2, "activation": "softplus"}],
}  # fmt: skip
DEEP = "64" + " > 64 relu" * 19 + " > 10 softmax : cross_entropy"
NETWORKS: dict[str, Any] = {
    "xor": XOR,
    "classifier": "4 > 16 relu > 16 tanh > 3 softmax : cross_entropy",
    "huber": "3 > 4 tanh > 2 : huber",
    "many": "3 > 4 leaky_relu > 4 elu > 4 gelu > 3 mish > 2 softplus : squared_error",
    "inner softmax": "3 > 4 silu > 4 softsign > 4 softmax > 2 sigmoid : squared_error",
    "one": "1 > 1 : squared_error",
    "outside": "2 > 2 tanh > 1 tanh : binary_cross_entropy",
    "deep": DEEP,
    "own": {
        "input": 2,
        "layers": [{"kind": "dense", "units": 3, "activation": "s/(1 + exp(-s))"}, "dense 1"],
        "loss": "log(cosh(o - y))",
    },
    "decay": {
        "input": 3,
        "layers": ["dense 4 relu", {"kind": "dense", "units": 2, "bias": False}],
        "loss": "mean_squared_error",
        "weight_decay": 0.01,
        "reduction": "sum",
    },
    "gaussian": {"input": 3, "layers": ["dense 4 tanh", "dense 2"], "likelihood": "gaussian"},
    "thresholds": {
        "input": 2,
        "layers": [
            {"kind": "dense", "units": n, "activation": "generic", "bias": "threshold"}
            for n in (2, 1)
        ],
        "loss": "generic",
    },
    "any depth": {
        "input": "d",
        "layers": [{"kind": "dense", "units": "d", "activation": "tanh", "repeat": "L"}],
        "loss": "half_squared_error",
    },
    "symbols": {
        "input": "p",
        "layers": ["dense q tanh", "dense r softmax"],
        "loss": "cross_entropy",
    },
}


@cache
def derived(name: str) -> Derivation:
    return derive(NETWORKS[name])


@cache
def page(name: str, notation: str = "columns") -> Document:
    return chapter(derived(name), notation)


def module_of(derivation: Derivation, numbers: dict[tuple[str, str], str]) -> ModuleType:
    module = ModuleType("emitted")
    exec(compile(emit(derivation, numbers), "emitted", "exec"), module.__dict__)
    return module


# ------------------------------------------------------------------ the numbers of the example


@pytest.mark.parametrize("name", NETWORKS)
def test_the_example_agrees_with_the_module(name: str) -> None:
    numbers = numbers_of(derived(name))
    assert numbers is not None
    module = module_of(numbers.derivation, {})
    arrays = _arrays(numbers)
    names = {t.role: str(t) for t in numbers.derivation.shapes if t.role in ("input", "target")}
    params = {k: v for k, v in arrays.items() if k in module.PARAMETERS}
    x, y = arrays[names["input"]][None], arrays[names["target"]][None]
    trace = module.trace(params, x, y)
    for equation in (*numbers.derivation.forward, *numbers.derivation.backward):
        name_ = str(equation.lhs.tensor)
        np.testing.assert_allclose(trace[name_][0], arrays[name_], rtol=1e-9, atol=1e-9)
    value, gradients = module.loss_and_gradients(params, x, y)
    assert value == pytest.approx(float(numbers.objective), abs=1e-9)
    for entry in numbers.trained:
        at = tuple(place.offset for place in entry.at)
        found = gradients[str(entry.tensor)][at]
        assert found == pytest.approx(float(numbers.gradient(entry)), abs=1e-9)


def _arrays(numbers: Numbers) -> dict[str, Any]:
    made = {}
    for tensor in dict.fromkeys(r.tensor for r in numbers.values):
        if tensor.role not in ("gradient", "objective"):
            made[str(tensor)] = np.array(_floats(numbers.rows(tensor)))
    return made


def _floats(rows: Any) -> Any:
    return [_floats(row) for row in rows] if isinstance(rows, list) else float(rows)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_the_example_agree_with_central_differences(name: str) -> None:
    numbers = numbers_of(derived(name))
    assert numbers is not None
    assert numbers.difference < mpmath.mpf(10) ** -25


def test_a_wrong_gradient_shows_in_the_difference() -> None:
    numbers = numbers_of(derived("xor"))
    assert numbers is not None
    entry = next(r for r in numbers.values if r.tensor.role == "gradient")
    values = {**numbers.values, entry: numbers.values[entry] + mpmath.mpf(10) ** -12}
    assert Numbers(numbers.derivation, numbers.given, values).difference > 1e-13


def test_the_curve_of_central_differences_is_a_v() -> None:
    numbers = numbers_of(derived("xor"))
    assert numbers is not None
    curve = dict(numbers.curve(range(1, 11), 6))
    best = min(curve, key=lambda k: curve[k])
    assert 3 < best < 7
    assert curve[1] / curve[2] == pytest.approx(100, rel=0.1)  # truncation falls like h^2
    assert curve[10] > 100 * curve[best]  # rounding grows


@pytest.mark.parametrize("name", NETWORKS)
def test_the_example_is_small(name: str) -> None:
    network = small(derived(name).network)
    assert network is not None
    assert network.numeric
    assert len(network.layers) <= DEEPEST
    assert all(layer.units <= WIDEST for layer in network.layers)  # type: ignore[union-attr, operator]
    kinds = [layer.activation.name for layer in derived(name).network.layers]
    kept = [layer.activation.name for layer in network.layers]
    assert set(kept) <= {"tanh" if kind == "generic" else kind for kind in kinds}


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.5", "0.5"), ("-1", "-1"), ("0.59917", "0.5992"), ("0.50000001", "0.5000"), ("0", "0")],
)
def test_figures_are_rounded_to_four_places(value: str, text: str) -> None:
    assert figure(mpmath.mpf(value) if value != "0.5" else mpmath.mpf(1) / 2) == Number(text)


# ------------------------------------------------------------------ numbers of equations


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_are_those_of_the_page(name: str) -> None:
    document = page(name)
    found = {k: t.number for k, t in document.targets.items() if t.kind == "Equation"}
    keys = sorted(found, key=lambda k: int(found[k]))
    from codegen.chapter.keys import keys_of

    expected = keys_of(derived(name), groups_of(derived(name)))
    assert tuple(keys) == expected.equations
    assert [int(found[k]) for k in keys] == list(range(1, len(keys) + 1))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_equation_of_the_module_has_a_number(name: str) -> None:
    derivation = derived(name)
    numbers = equation_numbers(derivation)
    every = (*derivation.forward, derivation.loss, *derivation.backward, *derivation.gradients)
    for equation in every:
        tensor = equation.lhs.tensor
        assert re.fullmatch(r"\(\d+\)", numbers[tensor.role, str(tensor)])


def test_the_module_cites_the_page() -> None:
    derivation = derived("xor")
    numbers = equation_numbers(derivation)
    text = emit(derivation, numbers)
    number = page("xor").targets["delta.1"].number
    assert numbers["delta", "delta1"] == f"({number})"
    assert re.search(rf"delta1 = .*# \({number}\)", text)


def test_numbers_do_not_depend_on_the_notation() -> None:
    pages = [page("thresholds", name) for name in profiles.names()]
    numbers = [{k: t.number for k, t in p.targets.items() if t.kind == "Equation"} for p in pages]
    assert all(n == numbers[0] for n in numbers)


# ------------------------------------------------------------------ what the pages say


PAGES = [(name, "columns") for name in NETWORKS] + [
    (name, notation)
    for name in ("inner softmax", "decay", "thresholds", "any depth")
    for notation in profiles.names()[1:]
]


@pytest.mark.parametrize(("name", "notation"), PAGES)
def test_every_line_has_its_reason(name: str, notation: str) -> None:
    document = page(name, notation)
    lines = [node for node in nodes(document) if isinstance(node, Line) and node.checked]
    assert lines
    assert all(line.why for line in lines)


OTHER_LAYERS: dict[str, Any] = {
    "conv": {
        "input": [1, 6, 6],
        "layers": [
            {"kind": "conv", "channels": 2, "kernel": 3, "activation": "relu"},
            {"kind": "max_pool", "kernel": 2},
            {"kind": "flatten"},
            "dense 3 softmax",
        ],
        "loss": "cross_entropy",
    },
    "norms": {
        "input": 4,
        "layers": ["dense 3", {"kind": "layer_norm"}, "dense 3 tanh", {"kind": "batch_norm"}],
        "loss": "squared_error",
    },
}


@pytest.mark.parametrize("name", OTHER_LAYERS)
def test_other_layers_have_pages_too(name: str) -> None:
    derivation = derive(OTHER_LAYERS[name])
    document = chapter(derivation)
    numbers = equation_numbers(derivation)
    shown = {t.number for t in document.targets.values() if t.kind == "Equation"}
    assert {n.strip("()") for n in numbers.values()} <= shown
    assert "PROVED" in notes_text(derivation)


def test_words_and_pictures_in_every_format() -> None:
    derivation = derived("classifier")
    assert "\\begin{lemma}" in notes_tex(derivation)
    assert "<svg" in notes_html(derivation)
    assert "## " in notes_markdown(derivation)
    assert "PROVED" in notes_text(derivation)


def test_layers_that_are_alike_stand_together() -> None:
    groups = groups_of(derived("deep"))
    assert [len(group.numbers) for group in groups] == [1, 18, 1]
    assert groups[1].label == Label(0, "l")
    deep = len(notes_tex(derived("deep")))
    assert deep < 2 * len(notes_tex(derived("classifier")))


def test_layers_that_differ_stand_alone() -> None:
    mixed = derive("4 > 4 tanh > 4 tanh > 4 relu > 4 tanh > 4 tanh > 1 : squared_error")
    assert all(not group.run for group in groups_of(mixed))


def _said(document: Document) -> str:
    paragraphs = [node for node in nodes(document) if isinstance(node, Paragraph)]
    return " ".join(part for p in paragraphs for part in p.body if isinstance(part, str))


@pytest.mark.parametrize(
    ("spec", "yes", "no"),
    [
        (XOR, "reason for pairing", "stays in"),
        ("2 > 3 softmax : cross_entropy", "of the whole Jacobian nothing is left", "stays in"),
        ("2 > 2 sigmoid > 1 sigmoid : squared_error", "stays in", "reason for pairing"),
        ("2 > 3 softmax : squared_error", "does not cancel", "reason for pairing"),
        ("2 > 2 relu > 1 : squared_error", "a switch", "saturated"),
        ("2 > 2 tanh > 1 : huber", "an outlier pulls no harder", "proportional"),
        ("2 > 2 : half_squared_error", "proportional to the error", "outlier"),
        ("2 > 2 tanh > 1 : huber", "All layers do the same", "There is one"),
        ("2 > 2 : squared_error", "There is one layer", "one of them"),
        (MIXED, " the bias is a threshold", "is a threshold here"),
        (MIXED, "Where there is no bias:", "Three derivatives"),
        (MIXED, "biases that are added are the errors", "those of the biases"),
    ],
)
def test_the_words_fit_the_network(spec: Any, yes: str, no: str) -> None:
    said = _said(chapter(derive(spec)))
    assert yes in said
    assert no not in said


def test_biases_as_weights_are_those_of_every_layer() -> None:
    """The letter l where several layers have such biases, the layer itself where one has them."""
    none = [{"kind": "dense", "units": 2, "bias": False}, {"kind": "dense", "units": 1}]
    one = derive({"name": "one", "input": 3, "loss": "squared_error", "layers": none})
    for derived, label in ((derive(XOR), r"(\ell)"), (one, "(2)")):
        found = re.search(r"biases \$(.*?)\$ are written as", notes_tex(derived, "neurons"))
        assert found is not None
        assert label.replace(r"\ell", "l") in found[1].replace(r"\ell", "l")


def test_the_exercise_changes_the_loss() -> None:
    """The mean over two outputs is half the sum already."""
    for outputs in (1, 2, 3):
        page = chapter(derive(f"2 > 2 tanh > {outputs} : mean_squared_error"))
        asked = next(n for n in nodes(page) if isinstance(n, Exercise) and n.key == "ex:loss")
        own = next(row for n in nodes(page) if isinstance(n, Equations)
                   for row in n.rows if row.key == "loss").equations[0]  # fmt: skip
        assert own.lhs is not None
        assert Math(layout_row(own.lhs, "=", own.rhs)) not in list(nodes(asked))


def test_the_fall_of_the_loss_is_the_difference_of_its_values() -> None:
    page = chapter(derive(MIXED))
    step = next(n for n in nodes(page) if isinstance(n, Exercise) and n.key == "ex:step")
    (said,) = step.solution
    assert isinstance(said, Paragraph)
    *_, before, after, fall = [Fraction(formula(p.layout)) for p in said.body
                               if isinstance(p, Math) and formula(p.layout)[0].isdigit()
                               and "=" not in formula(p.layout)]  # fmt: skip
    assert before - after == fall


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("2 > 3 tanh > 3 tanh > 1 : huber", "two hidden layers of three units each"),
        ("2 > 3 tanh > 2 tanh > 1 : huber", "hidden layers of three and two units"),
        ("2 > 3 tanh > 1 : huber", "three hidden units"),
    ],
)
def test_hidden_layers_are_counted(spec: str, said: str) -> None:
    (figure_,) = (n for n in nodes(chapter(derive(spec)))
                  if isinstance(n, Figure) and n.key == "fig:network")  # fmt: skip
    assert said in str(figure_.caption[0])


def test_facts_are_stated_and_cited() -> None:
    document = page("classifier")
    facts = [n for n in nodes(document) if isinstance(n, Lemma) and n.kind == "Fact"]
    assert [fact.key for fact in facts] == ["fact.targets"]
    cites = [n for n in nodes(document) if isinstance(n, CrossRef) and n.key == "fact.targets"]
    assert len(cites) >= 2


def test_a_domain_that_can_be_left_is_told() -> None:
    texts = notes_text(derived("outside"))
    assert "can leave that range" in " ".join(texts.split())
    assert "(1 + o)/2" in texts


def test_steps_are_counted_truly() -> None:
    derivation = derived("many")
    told = tell(derivation, "activations").chains  # the other way of telling it in columns
    every = sum(derivation.checks.values()) + sum(len(chain.steps) for chain in told)
    badges = "".join(
        part for badge in page("many").badges for part in badge if isinstance(part, str)
    )
    assert str(every) in badges


def test_code_is_that_of_the_module() -> None:
    derivation = derived("classifier")
    listing = next(n for n in nodes(page("classifier")) if isinstance(n, CodeListing))
    text = emit(derivation)
    for line in listing.lines:
        if line.refs:
            assert line.code.split(" = ")[0].strip() in text
    assert any("delta3 = o3 - y" in line.code for line in listing.lines)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (XOR, "A 2\u20132\u20131 sigmoid network with binary cross-entropy"),
        ("8 > 3 softmax : cross_entropy", "An 8\u20133 softmax classifier with cross-entropy"),
        ("n > 2 tanh > k : huber", "An n\u20132\u2013k tanh network with the Huber loss"),
        ("11 > 8 : huber", "An 11\u20138 linear network with the Huber loss"),
        ("2" + " > 2 tanh" * 11 + " : huber", "An 11-layer tanh network with the Huber loss"),
    ],
)
def test_titles(spec: str, expected: str) -> None:
    assert title(load(spec)) == expected


def test_the_same_pages_come_out_twice() -> None:
    first = notes_html(derive(NETWORKS["classifier"]))
    assert first == notes_html(derive(NETWORKS["classifier"]))


# ------------------------------------------------------------------ TeX


@pytest.mark.skipif(not pdf.available(), reason="pdflatex is not installed")
@pytest.mark.parametrize(
    ("name", "notation"), [("xor", "columns"), ("many", "columns"), ("any depth", "signals")]
)
def test_tex_has_no_complaint(name: str, notation: str) -> None:
    made = pdf.compile_pdf(notes_tex(derived(name), notation))
    assert made.problems == ()
    assert made.pdf.startswith(b"%PDF")


def test_displays_hold_no_empty_chain() -> None:
    for name in NETWORKS:
        shown = [n for n in nodes(page(name)) if isinstance(n, Display)]
        assert all(display.lines for display in shown)


def test_a_step_in_the_exercise_goes_down() -> None:
    """With 0.1 the loss would rise to a million times its value."""
    text = notes_tex(derive("2 > 3 8*s > 1 8*s : squared_error"), "columns")
    assert r"gradient descent with $\eta = 0.0001$" in text
    falls = re.search(r"falls from \$([\d.]+)\$ to \$([\d.]+)\$, by \$([\d.]+)\$", text)
    assert falls is not None
    before, after, fall = map(Decimal, falls.groups())
    assert before - after == fall > 0


def test_examples_and_exercises_hold_no_towers_of_numbers() -> None:
    """exp(exp(...)) after a step would fill the memory with its digits."""
    text = notes_tex(derive("2 > 3 exp(s) > 3 s+s**3 > 2 s**2*exp(s) : huber"), "columns")
    assert not re.search(r"\d{9}", text.partition(r"\begin{document}")[2])


def test_what_pays_no_weight_decay_in_a_layer_of_ones_own() -> None:
    layer = {
        "kind": "equations",
        "indices": {"i": 2, "j": 3},
        "parameters": {"w": ["i", "j"], "b": ["j"]},
        "forward": ["s[j] = Sum(w[i,j]*x[i], i) + b[j]"],
    }
    spec = {"input": 2, "layers": [layer], "loss": "squared_error", "weight_decay": 0.1}
    text = " ".join(notes_tex(derive(spec), "columns").split())
    assert "biases, in own equations parameters with fewer than two indices, do not pay" in text


@pytest.mark.parametrize("notation", profiles.names())
def test_a_chapter_says_in_which_notation_it_is(notation: str) -> None:
    """Two layers are too little to guess it from."""
    made = derive("2 > 2 : squared_error")
    for text, kind in ((notes_tex(made, notation), "tex"), (notes_markdown(made, notation), "md")):
        found = mark(read_sheet(text, f"chapter.{kind}", kind), made.network)
        assert (found.notation, found.guessed) == (notation, False)


def test_a_notation_of_a_file_is_not_named() -> None:
    own = Path(__file__).parent / "data" / "profiles" / "sums_called_a.toml"
    assert "gradwright:" not in notes_tex(derive("2 > 2 : squared_error"), str(own))
