"""The law of chapters: every displayed formula of a chapter is read, and true on small networks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codegen.chapter import notes_tex
from derive.claims.claim import Claim
from derive.claims.examples import Examples, is_number
from derive.derivation import Derivation, derive
from derive.marking.compositions import compositions
from derive.marking.first_look import Observer
from derive.marking.judging import Judge
from derive.marking.marker import mark
from derive.marking.verdicts import DEFINITION, RIGHT, RIGHT_IF, Marked
from derive.profiles import names, profile
from derive.reading.network import scope_of
from derive.reading.scope import Scope
from derive.reading.tree import Num, walk
from derive.sheets.door import claims_of, read_sheet
from derive.sheets.sheet import Formula, Sheet
from derive.slips.diagnosis import Limit
from derive.spec import load
from tests.random_chapters import chapter_spec

EXAMPLES = Path(__file__).parent.parent / "codegen" / "examples"
ALL = sorted(path.stem for path in EXAMPLES.glob("*.toml"))
OWN = Path(__file__).parent / "data" / "profiles"  # notations of a user's own
QUICK = (("xor", "units"), ("robust", "columns"))
SMALL_CONV = {
    "name": "windows", "input": [2, 3, 2], "loss": "squared_error",
    "layers": [{"kind": "conv", "channels": 2, "kernel": 2, "padding": 1, "activation": "tanh"},
               {"kind": "avg_pool", "kernel": 2}, {"kind": "flatten"},
               {"kind": "dense", "units": 2}],
}  # fmt: skip


@cache
def derivation(name: str) -> Derivation:
    return derive(EXAMPLES / f"{name}.toml")


def observed(derived: Derivation, notation: str, change: tuple[str, str] = ("", "")) -> list[str]:
    """What is wrong with the chapter; `change` replaces a text in it everywhere."""
    text = notes_tex(derived, notation)
    text = text.replace(*change) if change[0] else text
    sheet = read_sheet(text, "chapter.tex", "tex")
    scope = scope_of(derived, profile(notation))
    found: list[str] = []
    stated: list[tuple[Formula, Claim]] = []
    for formula in sheet.formulas:
        reading = claims_of(formula, scope, sheet.macros)
        found += [f"{problem}: {formula.text}" for problem in reading.problems]
        stated += [(formula, claim) for claim in reading.claims]
    claims = [claim for _, claim in stated]
    kept = {int(n.value) for c in claims for s in c.sides for n in walk(s) if isinstance(n, Num)}
    judge = Judge(derived.network, frozenset(kept))
    given = [*_in_prose(sheet, scope), *((claim, scope) for claim in claims)]
    observer = Observer(
        judge, compositions(claims), examples=Examples(derived.network, tuple(given))
    )
    for formula, claim in stated:
        look = observer.look(claim, scope)
        if look.verdict not in (RIGHT, RIGHT_IF, DEFINITION):
            line = formula.text[claim.span[0] : claim.span[1]]
            found.append(f"{look.verdict or 'differs'} {look.message}: {line}")
    return found


def _in_prose(sheet: Sheet, scope: Scope) -> Iterator[tuple[Claim, Scope]]:
    for part in sheet.parts:
        if isinstance(part, Formula) and not part.display and "=" in part.text:
            for claim in claims_of(part, scope, sheet.macros).claims:
                if claim.rhs is not None and is_number(claim.rhs):
                    yield claim, scope


@pytest.mark.parametrize(("name", "notation"), QUICK)
def test_what_a_chapter_says_is_read_and_holds(name: str, notation: str) -> None:
    assert not observed(derivation(name), notation)


def test_a_chapter_with_windows_holds() -> None:
    assert not observed(derive(SMALL_CONV), "signals")


@pytest.mark.parametrize(
    ("spec", "notation"),
    [
        ("d1 > d2 tanh > d_out linear : squared_error", "neurons"),  # no units of layer 1 or 2
        ("k > i tanh > j linear : squared_error", "columns"),  # letters of indices
        ("n > d tanh > m linear : squared_error", "columns"),  # n is no n_l
        ("x > w tanh > m linear : squared_error", "signals"),  # and of quantities
    ],
)
def test_sizes_are_called_as_nothing_else(spec: str, notation: str) -> None:
    assert not observed(derive(spec), notation)


def not_right(spec: str | dict[str, Any], notation: str | Path) -> list[str]:
    """What `check` has against the chapter as a file that nobody says anything about."""
    sheet = read_sheet(notes_tex(derive(spec), str(notation)), "chapter.tex", "tex")
    marks = mark(sheet, load(spec), str(notation), limit=Limit(evaluations=0)).marks
    assert len(marks) > 20
    return [
        f"{m.verdict} {m.message}: {m.text}"
        for m in marks
        if m.verdict not in (RIGHT, RIGHT_IF, DEFINITION)
    ]


RESIDUAL = {  # no dense layer hands on to the next one alone
    "name": "past", "input": 2, "loss": "squared_error",
    "layers": [{"kind": "dense", "units": 2, "activation": "tanh"},
               {"kind": "residual", "layers": [{"kind": "dense", "units": 2}]},
               {"kind": "dense", "units": 2}],
}  # fmt: skip
AS_FILES = (
    (RESIDUAL, "columns"),
    ("2 > 3 silu > 2 linear : squared_error", "named_layers"),  # sigma is a function, and no phi
    ("2 > 3 softplus > 2 linear : squared_error", "columns"),  # sigma is that of any layer
    ("2 > 2 gelu > 1 linear : squared_error", "signals"),  # pi among numbers
    (chapter_spec(9), "rows"),  # a gate of the user's own
    ("2 > 2 linear > 1 sigmoid : huber", "signals"),  # any activation of a linear layer
    ("2 > 2 softmax : cross_entropy", "rows"),  # none unit by unit
    ("2 > m tanh : mean_squared_error", "columns"),  # m outputs, no samples
    ("n > d generic repeat=L : squared_error", "named_layers"),  # from layer h1 to out
    ("n > d sigmoid repeat=L > m linear : generic", "neurons"),  # l = 1, ..., L of L + 1 layers
    ("2 > 2 s+s**2 > 2 s+s**3 > 2 s*tanh(s) : huber", "signals"),  # three letters of functions
    ("2 > 3 exp(s) > 3 s+s**3 > 2 s**2*exp(s) : huber", "named_layers"),  # soon beyond all numbers
    ("2 > 2 tanh > 1 sigmoid : binary_cross_entropy", OWN / "from_zero.toml"),
    ("2 > 2 tanh bias=threshold > 2 softmax : cross_entropy", OWN / "sums_called_a.toml"),
)


@pytest.mark.parametrize(("spec", "notation"), AS_FILES, ids=range(len(AS_FILES)))
def test_chapters_are_right_as_files(spec: str | dict[str, Any], notation: str | Path) -> None:
    assert not not_right(spec, notation)


@pytest.mark.sweep
@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("seed", range(60))
def test_random_chapters_are_right_as_files(seed: int, notation: str) -> None:
    assert not not_right(chapter_spec(seed), notation)


MIXED = {
    "name": "mixed", "input": 3, "loss": "squared_error",
    "layers": [{"kind": "dense", "units": 2, "activation": "tanh"}, {"kind": "batch_norm"},
               {"kind": "dense", "units": 2}],
}  # fmt: skip


@pytest.mark.parametrize("notation", ["columns", "signals"])
def test_a_chapter_on_samples_that_are_mixed_holds(notation: str) -> None:
    """Derivatives are of the sum of the losses; running averages are renewed, and then stand in.

    The derivatives of the loss of one sample would be others.
    """
    found = observed(derive(MIXED), notation)
    assert not found
    mean = "0.9 " + r"\mathit{mean}"
    assert len(observed(derive(MIXED), notation, (mean, mean.replace("9", "8")))) == 1
    sign = "C" if notation == "columns" else "L"
    total, single = rf"\partial {sign}_{{\Sigma}}", rf"\partial {sign}_{{n}}"
    assert len(observed(derive(MIXED), notation, (total, single))) > len(found) + 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"&= 0.5992 - 1", r"&= 0.5982 - 1"),
        ("0.0572", "0.0574"),
        (r"\mathbf{o}^{0} + \mathbf{b}^{1}", r"\mathbf{o}^{0}"),
    ],
)  # fmt: skip
def test_a_chapter_with_an_error_does_not_hold(old: str, new: str) -> None:
    assert observed(derivation("xor"), "units", (old, new))


IN_A_ROW = {
    "name": "row", "input": [2, 7], "loss": "squared_error",
    "layers": [{"kind": "conv", "channels": 2, "kernel": 3, "stride": 2, "padding": 1,
                "activation": "tanh"},
               {"kind": "avg_pool", "kernel": 2}, {"kind": "flatten"},
               {"kind": "dense", "units": 1}],
}  # fmt: skip


@pytest.mark.parametrize("notation", ["columns", "rows", "signals"])
def test_windows_over_a_row_are_read_back(notation: str) -> None:
    """One index of an array of channels and places is a place: z_p = W x_p."""
    assert not observed(derive(IN_A_ROW), notation)


NESTED = {
    "name": "nested", "input": 3, "loss": "squared_error",
    "layers": [{"kind": "residual", "activation": "tanh", "layers": [
                   {"kind": "residual", "activation": "sigmoid", "layers": ["dense 3 tanh"]},
                   {"kind": "layer_norm"}]},
               {"kind": "dense", "units": 1}],
}  # fmt: skip


def test_each_derivative_of_a_chain_rule_holds_the_others_fixed() -> None:
    """In dL/dm dm/dx + dL/dv dv/dx + ... the mean rests while the variance is differentiated.

    A second activation under one number has a letter of its own.
    """
    assert not observed(derive(NESTED), "columns")
    past = r"\sum_{k} \frac{\partial C_{n}}{\partial u_{k}^{(2)}}"
    assert observed(derive(NESTED), "columns", ("+ " + past, "- " + past))


GATE = {
    "name": "gate", "input": [2, 4], "loss": "squared_error",
    "layers": [{"kind": "equations", "indices": {"c": 2, "p": 2, "u": 2, "j": 2},
                "parameters": {"v": ["j", "c", "p"], "b": ["j"]},
                "forward": ["e[c,p,u] = softmax(x[c,2*p+u], u)",
                            "t[c,p] = Sum(e[c,p,u]*x[c,2*p+u], u)",
                            "g[j] = sigmoid(Sum(v[j,c,p]*t[c,p], c, p) + b[j])",
                            "s[j] = g[j]*b[j]"]}],
}  # fmt: skip


@pytest.mark.parametrize("notation", ["columns", "units"])
def test_a_layer_of_ones_own_is_read_back(notation: str) -> None:
    """Its b, a gate beside it, the update of an array with three axes, a condition over a sum."""
    assert not observed(derive(GATE), notation)


COVARIANCE = {
    "kind": "equations", "indices": {"t": 3, "i": 2, "j": 2}, "parameters": {"w": ["i", "j"]},
    "forward": ["m[i] = Sum(x[t,i], t)/size(t)",
                "c[i,j] = Sum((x[t,i] - m[i])*(x[t,j] - m[j]), t)/size(t)",
                "s[i,j] = c[i,j]*w[i,j]"],
}  # fmt: skip
BLOCK = {"kind": "residual", "activation": "tanh", "layers": ["dense 2 relu", "dense 2"]}
UNUSUAL: dict[str, tuple[Any, list[Any]]] = {
    "X^T X is a matrix, and a vector of zeros is 0": ([3, 2], [COVARIANCE]),
    "averages of the last batch alone": (2, [{"kind": "batch_norm", "momentum": 1}, "dense 1"]),
    "a single place is numbered": ([2, 3], ["conv 1 3", "flatten"]),
    "one layer alone reads what is written as an activation": (
        [1, 2],
        ["flatten", "dense 2 tanh", "layer_norm", "dense 2 softmax"],
    ),
    "a^(l) behind a block is no activation of z^(l)": (2, ["dense 2 tanh", BLOCK, "dense 1"]),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_chapters_of_unusual_networks_hold(name: str) -> None:
    shape, layers = UNUSUAL[name]
    spec = {"name": "unusual", "input": shape, "layers": layers, "loss": "squared_error"}
    assert not observed(derive(spec), "columns")


def marked(spec: dict[str, Any], notation: str) -> Marked:
    """The chapter as `check` marks it: with what its own lines declare, and its prose."""
    derived = derive(spec)
    sheet = read_sheet(notes_tex(derived, notation), "chapter.tex", "tex")
    return mark(sheet, derived.network, notation)


GATED = {
    "name": "gated", "input": 2, "loss": "squared_error",
    "layers": [{"kind": "dense", "units": 2, "activation": "silu"}, {"kind": "batch_norm"},
               {"kind": "dense", "units": 1}],
}  # fmt: skip


def test_a_chapter_that_is_marked_is_right() -> None:
    """The total of the losses has a sign of its own; sigma within silu stays the sigmoid."""
    found = marked(GATED, "columns")
    wrong = [m.text for m in found.marks if m.verdict not in (RIGHT, RIGHT_IF, DEFINITION)]
    assert not wrong
    after = [m for m in found.marks if "it is about the network after training" in m.conditions]
    assert len(after) == 1
    assert r"\mathit{mean}" in after[0].text


ROWS = {
    "name": "rows", "input": [3, 2], "loss": "Sum((o[t,k] - y[t,k])**4, t, k)",
    "layers": [{"kind": "equations", "indices": {"t": 3, "i": 2, "k": 2},
                "parameters": {"w": ["i", "k"]},
                "forward": ["s[t,k] = tanh(Sum(w[i,k]*x[t,i], i))"]}],
}  # fmt: skip


@pytest.mark.parametrize("spec", [GATE, ROWS])
def test_a_function_inside_of_a_layer_is_no_activation(spec: dict[str, Any]) -> None:
    """Softmax within is not the output; z = tanh(...) is what the notation calls z."""
    found = marked(spec, "columns")
    assert not [m.text for m in found.marks if m.verdict not in (RIGHT, RIGHT_IF, DEFINITION)]


def test_the_window_over_what_has_no_activation_keeps_its_sign() -> None:
    """z = W z^ + b: what lies under a kernel is no activation, whatever it is multiplied by."""
    layers = [{"kind": "layer_norm", "axes": "all"}, {"kind": "conv", "channels": 1, "kernel": 2},
              {"kind": "flatten"}, {"kind": "dense", "units": 1}]  # fmt: skip
    spec = {"name": "bare", "input": [1, 2, 2], "loss": "squared_error", "layers": layers}
    found = marked(spec, "columns")
    assert not [m.text for m in found.marks if m.verdict not in (RIGHT, RIGHT_IF, DEFINITION)]


@pytest.mark.sweep
@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("name", ALL)
def test_every_chapter_is_read_and_holds(name: str, notation: str) -> None:
    assert not observed(derivation(name), notation)
