r"""Formulas in another notation say the same about every network.

Both sides of every claim are evaluated on small random networks, before and after.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from codegen.cli import main
from derive.algebra.symbols import Label
from derive.claims.places import NoValue
from derive.claims.world import World
from derive.derivation import derive
from derive.marking.marker import mark
from derive.profiles import loads, names, profile
from derive.reading.network import scope_of
from derive.reading.reader import read
from derive.reading.scope import Scope
from derive.rewriting.translated import translated
from derive.rewriting.translating import translate
from derive.rewriting.translation import Translator, scope_there
from derive.sheets.door import read_sheet
from derive.spec import load
from tests.claims import holds
from tests.notations import printed, writer_of
from tests.test_lecture_notes import ENTRIES, world

NETWORK = {key: entry["notation"] for key, entry in ENTRIES.items()}
NETWORK |= {key: "sigmoid, squares" for key, n in NETWORK.items() if n == "units"}
#: A sample of a batch that is none of the whole; a vector of thresholds where they are weights.
LEFT = 2


def verdict(text: str, scope: Scope, within: World) -> list[bool | None]:
    """Whether each claim holds; None where it says nothing that can be evaluated."""
    made: list[bool | None] = []
    for claim in read(text, scope).claims:
        try:
            made.append(holds(claim, within, scope))
        except NoValue:
            made.append(None)
    return made


@cache
def scopes(here: str, there: str) -> tuple[Scope, Scope]:
    scope = Scope(profile(here))
    return scope, scope_there(scope, Scope(profile(there)))


def check(key: str, to: str) -> bool:
    """Whether the entry can be written in the notation; there and back it says the same."""
    text, home = ENTRIES[key]["latex"], ENTRIES[key]["notation"]
    within = world(NETWORK[key])
    here, there = scopes(home, to)
    generic = home == "columns"  # its network leaves the activation functions open
    made = translated(text, Translator(here, there, within.threshold, generic))
    if made.problem is not None:
        assert made.text == text
        return False
    before = verdict(text, here, within)
    assert verdict(made.text, there, within) == before, f"{key}: {text}\n{made.text}"
    again = translated(made.text, Translator(there, here, within.threshold, generic))
    assert again.problem is None, f"{key}: {made.text}\n{again.problem}"
    assert verdict(again.text, here, within) == before, f"{key}: {made.text}\n{again.text}"
    return True


@pytest.mark.parametrize("to", names())
def test_some_lecture_notes_say_the_same_there_and_back(to: str) -> None:
    keys = [key for key, entry in ENTRIES.items() if entry["notation"] != to]
    chosen = keys[names().index(to) :: 24]
    assert sum(check(key, to) for key in chosen) >= 0.9 * len(chosen)


NET = "3 > 4 tanh > 2 sigmoid bias=threshold : squared_error"
KINDS = {Label(1): False, Label(2): True}  # in which of its layers biases are subtracted
PAIRS = (("columns", "units"), ("neurons", "columns"), ("named_layers", "neurons"),
         ("signals", "rows"))  # fmt: skip


@pytest.mark.parametrize(("home", "to"), PAIRS)
def test_formulas_of_our_chapters_say_the_same_there_and_back(home: str, to: str) -> None:
    derived, within = derive(NET), World(load(NET), seed=2)
    here = scope_of(derived, profile(home))
    there = scope_there(here, Scope(profile(to)))
    texts = [text for _, text, _ in printed(derived, writer_of(derived, home))]
    held = 0
    for text in texts[names().index(to) :: 5]:
        before = verdict(text, here, within)
        made = translated(text, Translator(here, there, KINDS, False))
        assert made.problem is None, f"{text}\n{made.problem}"
        assert verdict(made.text, there, within) == before, f"{text}\n{made.text}"
        again = translated(made.text, Translator(there, here, KINDS, False))
        assert verdict(again.text, here, within) == before, f"{made.text}\n{again.text}"
        held += before.count(True)
    assert held > 5


@pytest.mark.parametrize(
    ("home", "text", "to", "expected"),
    [
        ("units", r"s_i^l = \sum_j w_{ji}^l o_j^{l-1}", "columns",
         r"z_i^{(\ell)} = \sum_j w_{ij}^{(\ell)} a_j^{(\ell-1)}"),
        # weight matrices stand the other way round, and their gradients with them
        ("columns", r"\delta^{(l)} = W^{(l+1)\top} \delta^{(l+1)}", "neurons",
         r"\boldsymbol{\delta}^{(l)} = \mathbf{W}^{(l+1)} \boldsymbol{\delta}^{(l+1)}"),
        ("columns", r"\partial C_n/\partial W^{(l)} = \delta^{(l)} a^{(l-1)\top}", "units",
         r"\partial E/\partial \mathbf{W}^l = \mathbf{o}^{l-1} \boldsymbol{\delta}^{l\top}"),
        # and so do the numbers of an example
        ("columns", r"W^{(1)} = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "rows",
         r"W^{(1)} = \begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}"),
        # a threshold is the weight of the input -1 there, and subtracted here
        ("neurons", r"s_j^{(l)} = \sum_{i=0}^{d^{(l-1)}} w_{ij}^{(l)} x_i^{(l-1)}", "units",
         r"s_i^l = \sum_{j=1}^{n^{l-1}} w_{ji}^l o_j^{l-1} - b_i^l"),
        ("units", r"s_i^l = \sum_j w_{ji}^l o_j^{l-1} - b_i^l", "neurons",
         r"s_j^{(l)} = \sum_{i=0}^{d^{(l-1)}} w_{ij}^{(l)} x_i^{(l-1)}"),
        # the writer's ell is no way to write the names of layers
        ("columns", r"\delta^{(L)} = a^{(L)} \odot (a^{(\ell)} - y)", "named_layers",
         r"\boldsymbol{\delta}^{(\mathit{out})} = \mathbf{a}^{(\mathit{out})} \odot "
         r"(\mathbf{a}^{(l)} - \mathbf{y})"),
        # the writer's parentheses are enough
        ("columns", r"C_n = \ln\bigl(1 - a_1^{(2)}\bigr)", "rows",
         r"L_n = \ln\bigl(1 - o_1^{(2)}\bigr)"),
        # a sign with two meanings says its layer where the activation is meant
        ("units", r"o_i^l = a(s_i^l)", "columns", r"a_i^{(\ell)} = \sigma^{(\ell)}(z_i^{(\ell)})"),
        ("columns", r"\dot\sigma(z) = \sigma(z)(1 - \sigma(z))", "neurons",
         r"\sigma'(s) = \sigma(s)(1 - \sigma(s))"),
        ("named_layers", r"\frac{1}{n} \sum_{i=1}^n (a_1^{(out)[i]} - y_1^{[i]})^2", "columns",
         r"\frac{1}{N} \sum_{n=1}^N (a_{n1}^{(L)} - y_{n1})^2"),
        # layers under a sum are counted by the letter of a layer, also where the letter is a number
        ("columns", r"\frac{1}{L} \sum_{l=1}^L l \sum_j a_j^{(l)}", "signals",
         r"\frac{1}{K} \sum_{k=1}^K k \sum_i x_i^{(k)}"),
        # a quantity of the writer's own has the same unit as the others
        ("units", r"s_i^l = \sum_j w_{ji}^l o_j^{l-1} - v_i", "rows",
         r"s_j^{(l)} = \sum_i w_{ij}^{(l)} o_i^{(l-1)} - v_{j}"),
        # an iteration beside the sample, and the last sample
        ("units", r"L(n+1) \approx L_0", "columns", r"C_n(n+1) \approx C_0"),
        ("columns", r"C_1 + \cdots + C_N", "named_layers", r"L^{[1]} + \cdots + L^{[n]}"),
        # letters that mean something else there, each with one of its own
        ("units", r"y_k(t) = g(t)^K", "signals", r"x_{cm} = g(c)^r"),
        # a function that nobody has named is that of the network, and its argument the input
        ("neurons", r"g_r(\mathbf{x}) = x_1^{(L)}", "columns", r"g_r(x) = a_1^{(L)}"),
        ("neurons", r"g_r(\mathbf{x}) = x_1^{(L)}", "named_layers",
         r"g_r(\mathbf{a}) = a_1^{(\mathit{out})}"),
        # a loss that is a sum over the samples is that of all of them
        ("named_layers", r"\frac{\partial L}{\partial b_1^{(out)}} = \frac{1}{n} \sum_{i=1}^n"
         r" \delta_1^{(out)[i]}", "columns",
         r"\frac{\partial C}{\partial b_1^{(L)}} = \frac{1}{N} \sum_{n=1}^N \delta_{n1}^{(L)}"),
        # no index becomes a layer, no two become one, and conditions keep their letters
        ("units", r"\sum_h w_{ih}^2 \delta_h^2", "columns",
         r"\sum_h w_{hi}^{(2)} \delta_h^{(2)}"),
        ("units", r"\sum_h w_{ih}^2 \delta_h^2", "named_layers",
         r"\sum_p w_{p,j}^{(\mathit{h2})} \delta_p^{(\mathit{h2})}"),
        ("neurons", r"\sum_h \sum_m w_{ih}^{(2)} \delta_m^{(2)}", "signals",
         r"\sum_p \sum_h w_{ip}^{(2)} \delta_h^{(2)}"),
        ("columns", r"a_k^{(2)} = 3, \quad k = 1, \dots, n_2", "named_layers",
         r"a_m^{(\mathit{h2})} = 3, \quad m = 1, \dots, d^{(\mathit{h2})}"),
        ("columns", r"\delta_i^{(l)} = 0, \quad i \ne j, \quad l = L-1, \dots, 1", "signals",
         r"\delta_j^{(k)} = 0, \quad j \ne i, \quad k = K-1, \dots, 1"),
        # a decimal comma stays
        ("columns", r"z^{(1)} = 0{,}5 a^{(0)} + 0,25 y", "rows",
         r"\mathbf{s}^{(1)} = 0{,}5 \mathbf{x} + 0,25 \mathbf{y}"),
    ],
)  # fmt: skip
def test_names_orders_and_labels_change(home: str, text: str, to: str, expected: str) -> None:
    here, there = scopes(home, to)
    made = translated(text, Translator(here, there, threshold=True, generic=False))
    assert made.problem is None
    assert made.text == expected


def test_kernels_keep_a_row_for_each_channel() -> None:
    spec = {"name": "c", "input": [1, 4, 4], "loss": "squared_error", "layers": [
        {"kind": "conv", "channels": 2, "kernel": 2}, {"kind": "flatten"},
        {"kind": "dense", "units": 2}]}  # fmt: skip
    here = scope_of(derive(spec), profile("columns"))
    there = scope_there(here, Scope(profile("rows")))
    text = (
        r"z_{pq}^{(1)} = W^{(1)} \hat{x}_{pq} + b^{(1)}, \quad z^{(2)} = W^{(2)} f^{(1)} + b^{(2)}"
    )
    made = translated(text, Translator(here, there, False, False)).text
    assert r"= W^{(1)} \hat{" in made
    assert r"= W^{(2)\top} \mathbf{f}^{(1)}" in made


def test_arrays_of_the_network_alone_are_written_like_the_others() -> None:
    spec = {"name": "c", "input": 2, "loss": "squared_error", "layers": [
        {"kind": "dense", "units": 2, "activation": "tanh"},
        {"kind": "residual", "layers": [{"kind": "dense", "units": 2}]},
        {"kind": "dense", "units": 2}]}  # fmt: skip
    here = scope_of(derive(spec), profile("units"))
    there = scope_there(here, Scope(profile("columns")))
    there_and_back = Translator(there, here, False, False)
    text = r"\mathbf{u}^{2} = \mathbf{o}^{1} + \mathbf{s}^{2}"
    made = translated(text, Translator(here, there, False, False)).text
    assert made == r"u^{(2)} = a^{(1)} + z^{(2)}"
    assert translated(made, there_and_back).text == text


def test_one_sign_for_weights_and_their_matrix() -> None:
    own = loads((Path(__file__).parent / "data" / "profiles" / "plain.toml").read_text())
    here = Scope(own)
    there = scope_there(here, Scope(profile("rows")))
    made = translated(r"z^l = w^l a^{l-1}, \quad z_j^l = \sum_k w_{jk}^l a_k^{l-1}",
                      Translator(here, there, False, False))  # fmt: skip
    assert made.text == (r"\mathbf{s}^{(l)} = W^{(l)\top} \mathbf{o}^{(l-1)}, \quad "
                         r"s_j^{(l)} = \sum_i w_{ij}^{(l)} o_i^{(l-1)}")  # fmt: skip


def test_colours_stay_with_their_quantities() -> None:
    macros = r"\newcommand{\bwd}[1]{{\color{red}#1}}"
    text = macros + r"\[ \partial C_n/\partial W^{(2)} = \bwd{\delta^{(2)}} a^{(1)\top} \]"
    made = translate(text, read_sheet(text, "hand.tex", "tex"), None, "columns", "rows").text
    assert r"\bwd{\boldsymbol{\delta}^{(2)\top}}" in made
    assert r"\bwd{\mathbf{o}" not in made


def test_marks_are_nothing_to_translate() -> None:
    text = r"A kernel of 2$\times$2, \checkmark or $\checkmark$: $C_n$, $\delta$"
    made = translate(text, read_sheet(text, "hand.tex", "tex"), None, "columns", "rows")
    assert r"2$\times$2" in made.text
    assert made.left == ()


def test_added_biases_stay_biases() -> None:
    here, there = scopes("neurons", "units")
    text = r"s_j^{(1)} = \sum_{i=0}^{3} w_{ij}^{(1)} x_i^{(0)}"
    assert "+ b_i^1" in translated(text, Translator(here, there, threshold=False)).text
    unsaid = Translator(here, there)
    assert "- b_i^1" in translated(text, unsaid).text
    assert any("x_0 = -1" in note for note in unsaid.notes)


SHEET = r"""\newcommand{\dd}[2]{\frac{\partial #1}{\partial #2}}
% gradwright: notation=units
Let $s_i^l$ be the input of unit $i$, it costs 5\$.  % $s_i^l$ stays
\begin{align}
  s_i^l &= \sum_j w_{ji}^l o_j^{l-1}, \label{eq:s} \\
  \delta_i^l &= \dd{E}{s_i^l} \quad\text{and}\quad o_i^l = a(s_i^l)
\end{align}
\[ \frac{a}{b \] \[ f(x) = x^2 \]
"""
TRANSLATED = r"""\newcommand{\dd}[2]{\frac{\partial #1}{\partial #2}}
% gradwright: notation=columns
Let $z_i^{(\ell)}$ be the input of unit $i$, it costs 5\$.  % $s_i^l$ stays
\begin{align}
  z_i^{(\ell)} &= \sum_j w_{ij}^{(\ell)} a_j^{(\ell-1)}, \label{eq:s} \\
  \delta_i^{(\ell)} &= \frac{\partial C_n}{\partial z_i^{(\ell)}} \quad\text{and}\quad a_i^{(\ell)} = \sigma^{(\ell)}(z_i^{(\ell)})
\end{align}
\[ \frac{a}{b \] \[ f(r) = r^2 \]
"""  # noqa: E501


PATHS = r"""
\[ \frac{\partial E}{\partial w_{11}^1} =
   \sum_h (o_h^2 - y_h^*) o_h^2 (1 - o_h^2) w_{1h}^2 o_1^1 (1 - o_1^1) o_1^0 \]
\[ \frac{\partial E}{\partial w_{21}^1} =
   \sum_h (o_h^2 - y_h^*) o_h^2 (1 - o_h^2) w_{2h}^2 o_1^1 (1 - o_1^1) o_2^0 \]
\[ \frac{\partial o_i^2}{\partial s_j^2} = 0, \quad i \neq j \]
"""


@pytest.mark.parametrize("to", [name for name in names() if name != "units"])
def test_a_translated_sheet_has_the_same_verdicts(to: str) -> None:
    net = load("2 > 3 sigmoid > 2 sigmoid : half_squared_error")

    def verdicts(text: str, notation: str) -> list[tuple[str, tuple[str, ...]]]:
        made = mark(read_sheet(text, "hand.tex", "tex"), net, notation).marks
        return [(m.verdict, tuple(slip.kind for slip in m.slips[:1])) for m in made]

    made = translate(PATHS, read_sheet(PATHS, "hand.tex", "tex"), net, "units", to)
    assert not made.left
    first = verdicts(PATHS, "units")
    assert [verdict for verdict, _ in first] == ["RIGHT", "WRONG", "RIGHT"]
    assert verdicts(made.text, to) == first


@pytest.mark.parametrize(("factor", "verdict"), [(r"\frac{1}{n}", "RIGHT"), ("2", "WRONG")])
def test_a_loss_that_is_a_mean_is_that_of_all_samples(factor: str, verdict: str) -> None:
    net = load("2 > 3 sigmoid > 1 sigmoid : squared_error")
    text = rf"\[ L = {factor} \sum_{{i=1}}^n \left( a_1^{{(out)[i]}} - y_1^{{[i]}} \right)^2 \]"
    made = translate(text, read_sheet(text, "hand.tex", "tex"), net, "named_layers", "columns")
    for sheet, notation in ((text, "named_layers"), (made.text, "columns")):
        (found,) = mark(read_sheet(sheet, "hand.tex", "tex"), net, notation).marks
        assert found.verdict == verdict, sheet


def test_a_sheet_keeps_everything_but_its_formulas() -> None:
    sheet = read_sheet(SHEET, "hand.tex", "tex")
    made = translate(SHEET, sheet, None, None, "columns")
    assert made.text == TRANSLATED
    assert (made.source, made.guessed, made.done) == ("units", False, 4)
    assert [str(left).split(":")[:2] for left in made.left] == [["hand.tex", "8"]]
    assert any("x stands as r" in note for note in made.notes)


def test_the_command_prints_or_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand, out = tmp_path / "hand.tex", tmp_path / "out.tex"
    hand.write_bytes(SHEET.replace("\n", "\r\n").encode())
    assert main(["translate", str(hand), "--to", "columns"]) == 0
    shown = capsys.readouterr()
    assert shown.out.replace("\r\n", "\n") == TRANSLATED
    assert "\r\n" in shown.out
    assert shown.err.count("left as it is") == 1
    assert "x stands as r" in shown.err
    arguments = ["translate", str(hand), "--to", "columns", "-o", str(out)]
    assert main(arguments) == 0
    assert main([*arguments, "--strict"]) == 1
    out.write_text("mine")
    assert main(arguments) == 2
    assert out.read_text() == "mine"
    assert main([*arguments, "--force"]) == 0


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("no formula", ["--to", "rows"], "found no formula"),
        (r"\[ \frac{a \]", ["--to", "rows", "--from", "units"], "none of 1 formulas"),
        (r"$x$", ["--to", "row"], 'did you mean "rows"'),
        (r"$x$", ["--to", "rows", "--from", "nobody.toml"], "nobody.toml"),
    ],
)
def test_what_cannot_be_done_is_told(
    text: str,
    options: list[str],
    problem: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hand = tmp_path / "hand.tex"
    hand.write_text(text)
    assert main(["translate", str(hand), *options]) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert problem in shown.err


@pytest.mark.sweep
@pytest.mark.parametrize("to", names())
def test_the_lecture_notes_say_the_same_in_every_notation(to: str) -> None:
    left = [key for key in ENTRIES if not check(key, to)]
    print(f"{to}: {len(ENTRIES) - len(left)} of {len(ENTRIES)} translated; left: {left}")
    assert len(left) <= LEFT
