"""Sheets as people write them: the notation is found, the signs are understood, the claims judged.

Every sheet lies in tests/data/sheets.  The string of a sheet says for each claim in order whether
it is right (R), right where the targets sum to 1 (I), wrong (W), or not readable (!): a judgement
by hand, held against values on small networks.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.errors import SpecError
from derive.marking.conventions import PLAIN, Conventions
from derive.marking.judging import Assumptions, Judge
from derive.marking.marker import mark
from derive.reading.own import Bound
from derive.reading.scope import Scope
from derive.sheets.door import claims_of, read_sheet
from derive.sheets.environment import Environment, directed, environment
from derive.sheets.forward import forwards
from derive.sheets.layers import Layering, layers_below
from derive.sheets.legend import legend
from derive.sheets.likeliest import likeliest
from derive.sheets.sheet import Sheet
from derive.sheets.statements import statements
from derive.spec import Network, load
from derive.writing.signs import Sign

FOLDER = Path(__file__).parent / "data" / "sheets"


def dense(sizes: tuple[int, ...], acts: str, loss: str, bias: object = False) -> dict[str, Any]:
    layers = [
        {"kind": "dense", "units": units, "activation": act, "bias": bias}
        for units, act in zip(sizes[1:], acts.split(), strict=True)
    ]
    return {"name": "sheet", "input": sizes[0], "layers": layers, "loss": loss}


HALF = "half_squared_error"
DEEP = "2 > 3 sigmoid > 2 sigmoid : half_squared_error"
SHEETS: dict[str, tuple[Any, str]] = {
    "plain_hidden.tex": ("2 > 3 tanh > 3 softmax : cross_entropy", "RRIIII"),
    "numbered_below.md": ("2 > 3 sigmoid > 1 sigmoid : binary_cross_entropy", "RRRRRRRRW"),
    "samples_in_columns.md": ("2 > 3 tanh > 1 sigmoid : binary_cross_entropy", "RRRRRRRR"),
    "row_vectors.tex": ("2 > 3 relu > 2 : half_squared_error", "RRRRRRR"),
    "net_out.tex": (dense((3, 2), "sigmoid", HALF), "RRRRRRR"),
    "first_layer_one.tex": ("2 > 3 sigmoid > 2 sigmoid : binary_cross_entropy", "RRRRRRR"),
    "error_symbol.tex": (dense((3, 2), "tanh", HALF), "RRRRRRR"),
    "pointwise_circ.tex": ("2 > 3 tanh > 2 tanh : half_squared_error", "RRRRRRR"),
    "wrong_layer.tex": (DEEP, "WRWR"),
    "indices_by_prose.md": (dense((2, 3, 2), "sigmoid sigmoid", HALF), "RRRRRW"),
    "letters_for_layers.tex": (dense((2, 3, 2), "sigmoid sigmoid", HALF), "RRRRRRRWW"),
    "unicode.md": ("3 > 2 sigmoid : binary_cross_entropy", "RRRR"),
    "regularised.tex": ("3 > 2 : half_squared_error", "RRWR"),
    "update_rules.tex": ("3 > 2 sigmoid : half_squared_error", "RRRRW"),
    "boxed_chain.tex": (DEEP, "RRRRRR"),
    "softmax_cases.md": ("3 > 4 softmax : cross_entropy", "RRWI"),
    "threshold_rows.tex": (dense((2, 3, 2), "tanh tanh", HALF, "threshold"), "RRRW"),
    "outer_product.tex": (dense((2, 3, 2), "sigmoid linear", HALF), "RRRRRRRRR"),
    "numerator_layout.tex": ("3 > 2 tanh : half_squared_error", "RRRRRR"),
    "barred.tex": (DEEP, "RRRRR"),
    "likelihood.tex": ("3 > 1 sigmoid : binary_cross_entropy", "RRRRR"),
    "own_delta.md": (dense((3, 2), "sigmoid", HALF), "RR"),
    "two_sections.tex": ("2 > 3 tanh > 2 tanh : half_squared_error", "RRRRRRRRRR"),
    "broken.md": ("3 > 2 sigmoid : half_squared_error", "R!!R"),
    "mean_loss.tex": ("3 > 1 : squared_error", "RRRW"),
    "step_by_step.md": ("2 > 2 sigmoid > 2 sigmoid : half_squared_error", "R" * 20 + "W"),
    "any_layer.tex": (dense((2, 3, 2), "tanh linear", HALF), "RRRRRRRRRRRRW"),
    "class_scores.md": ("3 > 4 relu > 2 softmax : cross_entropy", "RRRIRRRRW"),
    "ridge.tex": ("3 > 1 : half_squared_error", "RRWR"),
    "hypothesis.tex": (dense((3, 1), "sigmoid", "binary_cross_entropy"), "RRRRRW"),
    "logistic_samples.md": ("3 > 1 sigmoid : binary_cross_entropy", "RRRRW"),
    "sums_that_lead_back.tex": (dense((3, 4, 2), "tanh sigmoid", HALF), "RRRRRW"),
    "any_letter_for_layers.tex": ("3 > 4 sigmoid > 3 sigmoid > 2 sigmoid : " + HALF, "RRRRW"),
    "diagonal_symbols.tex": (dense((3, 4, 3, 2), "tanh tanh linear", HALF), "RRW"),
    "output_vector.tex": ("3 > 4 sigmoid > 1 : half_squared_error", "RRRWRR"),
    "arrows.md": (dense((3, 4, 3, 2), "sigmoid sigmoid linear", HALF), "RRRRRRRRW"),
    "scalars.md": (dense((1, 1, 1), "tanh linear", "squared_error", bias=True), "RRRRRRRRW"),
    "function_of_layer.tex": ("3 > 4 sigmoid > 3 tanh > 2 sigmoid : " + HALF, "RRRRW"),
    "softmax_two_cases.tex": ("3 > 4 softmax : cross_entropy", "RRRR"),
    "letters_of_sums.tex": ("4 > 5 tanh > 3 softmax : cross_entropy", "RRRRIIWIW"),
    "encoder_decoder.md": ("5 > 3 sigmoid > 4 : half_squared_error", "RRRRRRW"),
    "dropout_mask.md": ("5 > 4 tanh > dropout 0.4 > 2 : half_squared_error", "RRRRRRWW"),
    "units_numbered_through.md": ("2 > 2 sigmoid > 1 sigmoid : " + HALF, "RRRRRRRWW"),
    "patterns_above.tex": ("4 > 3 sigmoid > 2 sigmoid : " + HALF, "RRRRRRRRW"),
    "layers_behind.md": ("5 > 4 tanh > 3 tanh > 2 tanh : " + HALF, "RRRRRW"),
    "input_as_layer_one.tex": ("3 > 4 sigmoid > 2 sigmoid : " + HALF, "RRRRRWW"),
    "layers_from_the_output.tex": ("4 > 3 sigmoid > 2 sigmoid : " + HALF, "RRRRRRW"),
    "biases_among_weights.md": ("3 > 4 sigmoid > 2 : " + HALF, "RRRRWW"),
    "extended_inputs.tex": ("2 > 3 sigmoid > 2 sigmoid : " + HALF, "RRRRRW"),
    "one_channel.tex": ("1x6x5 > conv 1 2 tanh > flatten > 2 : half_squared_error", "RRRRRW"),
    "samples_in_front.md": ("4 > 3 relu > 2 : half_squared_error", "RRRRRRW"),
    "samples_behind.tex": ("4 > 3 tanh > 2 sigmoid : " + HALF, "RRRRRRRW"),
    "short_gradients.md": ("5 > 3 tanh > 1 : half_squared_error", "RRRRRRRWW"),
    "one_feature.tex": ("4 > batch_norm > 2 : half_squared_error", "RRRRRRWW"),
    "layers_below_any_letter.tex": ("4 > 3 tanh > 2 tanh > 1 tanh : " + HALF, "RRRRRRW"),
    "weights_of_a_unit.tex": ("4 > 3 sigmoid > 2 : half_squared_error", "RRRRRRWW"),
    "numbers_in_names.tex": ("4 > 3 tanh > 3 tanh > 2 : half_squared_error", "RRRRRRWW"),
    "mask_by_entries.md": ("3 > 4 sigmoid > dropout 0.25 > 2 : half_squared_error", "RRRRRRW"),
    "capitals_of_the_output.tex": ("4 > 3 tanh > 2 sigmoid : " + HALF, "RRRRRRW"),
    "capital_delta.tex": (dense((3, 4, 2), "sigmoid sigmoid", HALF, "threshold"), "RRRRRRRRW"),
    "any_letter_for_weights.tex": ("5 > 3 tanh > 1 : squared_error", "RRRRRRW"),
    "batch_in_any_letters.md": ("4 > 5 relu > 3 softmax : cross_entropy", "RRRRIRW"),
    "numpy_rows.py": ("2 > 3 tanh > 2 sigmoid : squared_error", "RRRRRRRRRRRRRWW"),
    "numpy_columns.py": ("2 > 3 relu > 1 sigmoid : binary_cross_entropy", "RRRRRRRRRR"),
    "numpy_own_names.py": ("2 > 3 tanh > 2 : half_squared_error", "RRDRDRRW"),
    "sympy_entries.py": ("2 > 3 tanh > 2 sigmoid : squared_error", "RRRRRRW"),
}


@cache
def sheet(name: str) -> Sheet:
    path = FOLDER / name
    return read_sheet(path.read_text(encoding="utf-8"), name, path.suffix[1:])


@cache
def network(name: str) -> Network:
    return load(SHEETS[name][0])


@cache
def found(name: str) -> Environment:
    return likeliest(sheet(name), network(name))


def verdict(claim: Claim, judge: Judge, scope: Scope) -> str:
    if not claim.complete:
        return "D"
    if judge.difference(claim, scope) is None:
        return "R"
    return "I" if judge.holds(claim, scope, Assumptions(normalised=True)) else "W"


def verdicts(made: Sheet, env: Environment, about: Network) -> str:
    judge, text = Judge(about), ""
    for formula, scope in zip(made.formulas, env.scopes, strict=True):
        reading = claims_of(formula, scope, made.macros)
        text += "".join(verdict(claim, judge, scope) for claim in reading.claims)
        text += "!" * len(reading.problems)
    return text


@pytest.mark.parametrize("name", SHEETS)
def test_claims_of_sheets(name: str) -> None:
    assert verdicts(sheet(name), found(name), network(name)) == SHEETS[name][1]


def test_every_sheet_is_tested() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(SHEETS)


# ------------------------------------------------------------------ notation


def of(text: str, about: str | None = DEEP, notation: str | None = None) -> Environment:
    made = read_sheet(text, "hand.tex", "tex")
    return environment(made, None if about is None else load(about), notation)


def test_a_notation_that_is_told_is_taken() -> None:
    text = r"\[ z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)} \]"
    assert (of(text).notation, of(text).guessed) == ("columns", True)
    assert (of(text, notation="units").notation, of(text, notation="units").guessed) == (
        "units",
        False,
    )
    told = of("% gradwright: notation=rows\n" + text)
    assert (told.notation, told.guessed) == ("rows", False)


def test_an_unknown_notation_is_refused_with_its_line() -> None:
    with pytest.raises(SpecError, match=r'hand.tex:2: .*"unit".*did you mean "units"'):
        of("\n% gradwright: notation=unit\n\\[ a \\]")


def test_an_unknown_directive_is_a_remark() -> None:
    assert any("notatoin" in remark for remark in of("% gradwright: notatoin=x\n\\[ a \\]").remarks)


GUESSES = [
    (r"S_j^{(k)} = \sum_i w_{ij}^{(k)} x_i^{(k-1)} - b_j^{(k)}", "signals"),
    (r"s_j^{(l)} = \sum_{i=0} w_{ij}^{(l)} x_i^{(l-1)}", "neurons"),
    (r"z_j^{(l)} = \sum_i w_{ji}^{(l)} a_i^{(l-1)} + b_j^{(l)}", "columns"),
    (r"s_i^l = \sum_j w_{ji}^l o_j^{l-1} + b_i^l", "units"),
    (r"s_j^{(l)} = \sum_i w_{ij}^{(l)} o_i^{(l-1)} + b_j^{(l)}", "rows"),
    (r"z_j^{(out)} = \sum_k w_{j,k}^{(out)} a_k^{(h)} + b_j^{(out)}", "named_layers"),
]


@pytest.mark.parametrize(("line", "notation"), GUESSES)
def test_notations_are_guessed(line: str, notation: str) -> None:
    bias = "threshold" if notation in ("signals", "neurons") else "added"
    about = dense((2, 3, 2), "tanh tanh", HALF, bias)
    made = read_sheet(rf"\[ {line} \]", "hand.tex", "tex")
    assert environment(made, load(about)).notation == notation


def test_a_directive_names_the_loss() -> None:
    made = read_sheet("% gradwright: loss=binary_cross_entropy\n\\[ a \\]", "hand.tex", "tex")
    assert directed(made, load(DEEP)).loss.name == "binary_cross_entropy"
    assert directed(sheet("broken.md"), load(DEEP)) == load(DEEP)
    wrong = read_sheet("% gradwright: loss=cross_entrpy\n\\[ a \\]", "hand.tex", "tex")
    with pytest.raises(SpecError, match=r"hand.tex:1: .*cross_entropy"):
        directed(wrong, load(DEEP))


def test_sections_may_differ() -> None:
    made = found("two_sections.tex")
    notations = [scope.profile.name for scope in made.scopes]
    assert notations[0] != notations[-1] == "units"
    assert any("the notation is read as units" in remark for remark in made.remarks)


# ------------------------------------------------------------------ signs


def bound(name: str) -> dict[str, Bound]:
    return {f"{sign}{below}": b for (sign, below), b in found(name).scopes[0].own.signs.items()}


def test_names_bound_by_forward_equations() -> None:
    signs = bound("plain_hidden.tex")
    assert signs["h"] == Bound("activation", Label(1))
    assert signs["V"] == Bound("weight", Label(2))
    assert signs["c"] == Bound("bias", Label(2))
    assert signs["hat y"] == Bound("activation", Label(2))
    assert signs["t"] == Bound("target")


def test_a_clash_with_the_notation_is_a_remark() -> None:
    assert any(r.startswith("y is the activation") for r in found("error_symbol.tex").remarks)
    assert any(r.startswith("Delta is a symbol of its own") for r in found("own_delta.md").remarks)


def test_conventions_are_declared_by_forward_equations() -> None:
    assert found("row_vectors.tex").conventions.row_vectors
    assert found("samples_in_columns.md").conventions.sample_columns
    assert found("first_layer_one.tex").conventions.first_layer == 1
    assert found("first_layer_one.tex").conventions.weights_from
    assert found("numerator_layout.tex").conventions.gradient_rows
    assert found("numpy_columns.py").conventions == Conventions(transposed=True)
    assert found("plain_hidden.tex").conventions == PLAIN


def test_definitions_have_their_letters_and_values() -> None:
    own = found("error_symbol.tex").scopes[0].own
    assert own.definitions["e"].places == ("j",)
    assert not found("plain_hidden.tex").scopes[0].own.definitions


def test_a_symbol_is_not_defined_by_itself() -> None:
    own = of(r"\[ Q = Q + 1 \] \[ R_j = P_j \] \[ P_j = R_j \]").scopes[0].own
    assert "Q" not in own.definitions
    assert len({"R", "P"} & set(own.definitions)) <= 1


def test_an_objective_of_its_own_needs_gradients_that_say_so() -> None:
    loss = r"\[ L = \tfrac12 \|a^{(2)} + y\|^2 \]"
    wrong = loss + r"\[ \frac{\partial L}{\partial a^{(2)}} = a^{(2)} - y \]"
    assert not of(wrong).scopes[0].own.definitions
    right = wrong.replace("} = a^{(2)} - y", "} = a^{(2)} + y")
    assert "L" in of(right).scopes[0].own.definitions


# ------------------------------------------------------------------ words and forms


LEGENDS = [
    (r"Let $\eta$ denote the learning rate.", "eta", "learning_rate"),
    (r"with learning rate $\alpha$ we go on", "alpha", "learning_rate"),
    (r"where $h$ denotes the hidden activations", "h", "activation"),
    (r"$t$ is the target", "t", "target"),
    (r"the desired output $d$ of the net", "d", "target"),
    (r"$m$ is the number of training examples", "m", "size"),
    (r"the squashing function $g$", "g", "activation_function"),
    (r"where $z$ is the weighted input of a unit", "z", "preactivation"),
    (r"we minimise the cost $J$", "J", "loss"),
]


@pytest.mark.parametrize(("text", "letter", "role"), LEGENDS)
def test_words_name_roles(text: str, letter: str, role: str) -> None:
    made = read_sheet(text, "hand.tex", "tex")
    assert [(s.name.sign.letter, s.role) for s in legend(made.parts, made.macros)] == [
        (letter, role)
    ]


def test_words_that_name_no_role() -> None:
    made = read_sheet(r"For every $k$ we see that $q$ grows, and so does $r$.", "a", "tex")
    assert not legend(made.parts, made.macros)


FORWARDS = [
    (r"h = \tanh(W x + b)", "x:input0 W:weight1 b:bias1 h:activation1"),
    (r"h = \max(0, x W + b)", "x:input0 W:weight1 b:bias1 h:activation1"),
    (r"u = b + \sum_i v_{ij} x_i, y_j = f(u_j)",
     "x:input0 v:weight1 b:bias1 u:preactivation1 y:activation1"),
    (r"p = \frac{1}{1 + e^{-(W x)}}", ""),
    (r"o = \frac{1}{1 + e^{-W x}}", "x:input0 W:weight1 o:activation1"),
    (r"z_2 = W_2 a_1 + b_2", "z:preactivation W:weight b:bias a:activation"),
    (r"\bar z = W^\top \bar a", ""),
    (r"y = \gamma x + \beta", ""),
    (r"\delta_i = \sum_j w_{ij} \delta_j", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "roles"), FORWARDS)
def test_forward_equations_are_found_by_their_form(text: str, roles: str) -> None:
    made = read_sheet(rf"\[ {text} \]", "hand.tex", "tex")
    forward = forwards(statements(made.formulas[0], made.macros))
    layering = Layering()
    layering.run(forward, layers_below(forward))
    said = {
        f"{sign.letter}:{role}{'' if layer is None else layer}"
        for (sign, _), (role, layer) in layering.roles.items()
    }
    expected = set(roles.split())
    assert said <= expected if "a:activation" in expected else said == expected


def test_a_subscript_can_belong_to_a_name() -> None:
    signs = found("row_vectors.tex").scopes[0].own.signs
    assert signs[(Sign("W"), "xh")] == Bound("weight", Label(1))
    assert signs[(Sign("W"), "hy")] == Bound("weight", Label(2))


def test_letters_of_indices_say_layers() -> None:
    own = found("letters_for_layers.tex").scopes[0].own
    assert own.index_layers == {"i": 0, "j": 1, "k": 2}
    assert not found("indices_by_prose.md").scopes[0].own.index_layers.get("q")


# ------------------------------------------------------------------ without a network


def test_a_sheet_of_lemmas_needs_no_network() -> None:
    made = of(r"\[ \sigma'(z) = \sigma(z) (1 - \sigma(z)) \]", None)
    assert made.conventions == PLAIN
    assert len(made.scopes) == 1


def test_an_empty_sheet() -> None:
    assert of("Nothing here.").scopes == ()


# ------------------------------------------------------------------ sheets without a network


def marked(text: str) -> list[str]:
    return [m.verdict for m in mark(read_sheet(text, "hand.tex", "tex"), None).marks]


def test_softmax_needs_no_network() -> None:
    text = (
        r"\[ \alpha_i = \frac{\exp(s_i)}{\sum_j \exp(s_j)}, \qquad"
        r"\frac{\partial \log \alpha_i}{\partial s_j} = \delta_{ij} - \alpha_j, \qquad"
        r"\frac{\partial \alpha_i}{\partial s_j} = \alpha_i (\delta_{ij} - \alpha_i) \]"
    )
    assert marked(text) == ["RIGHT", "RIGHT", "WRONG"]


def test_functions_of_x_alone_are_differentiated_by_a_number() -> None:
    text = (
        r"\[ \sigma(x) = \frac{1}{1+e^{-x}}, \quad \frac{d}{dx} \log(1 + e^x) = \sigma(x), \quad"
        r"\frac{d}{dx} \frac{x}{1+e^{-x}} = \sigma(x) + x \sigma(x) \]"
    )
    assert marked(text) == ["RIGHT", "RIGHT", "WRONG"]


def test_a_variable_that_changes_has_no_value() -> None:
    text = (
        r"\[ h^{(k)} = f(W^{(k)} h^{(k-1)}) \] \[ g \leftarrow \nabla_{h^{(k)}} J \]"
        r"\[ g \leftarrow g \odot f'(W^{(k)} h^{(k-1)}) \]"
        r"\[ \nabla_{W^{(k)}} J = g h^{(k-1)\top} \]"
    )
    assert "WRONG" not in marked(text)[1:]


def test_a_display_that_begins_with_a_relation_goes_on_with_the_one_before() -> None:
    text = (
        r"\[ \frac{d}{dx} \tanh(x) = 1 - \tanh^2(x) \] so that"
        r"\[ = (1 - \tanh(x)) (1 + \tanh(x)) \] and not \[ = (1 - \tanh(x))^2 \]"
    )
    assert marked(text) == ["RIGHT", "RIGHT", "WRONG"]


def test_talk_of_any_function_leaves_the_targets_alone() -> None:
    text = (
        r"For $y = f(x)$ we write \[ z = W x + b, \quad \hat y = z,"
        r"\quad L = \frac12 \|\hat y - y\|^2, \quad \frac{\partial L}{\partial z} = \hat y - y \]"
    )
    made = mark(read_sheet(text, "hand.tex", "tex"), load("3 > 2 : half_squared_error"))
    assert [m.verdict for m in made.marks] == ["RIGHT"] * 4


def test_outputs_of_a_layer_that_are_named_y_are_no_targets() -> None:
    text = r"\[ y_i = \gamma \hat x_i + \beta, \quad \frac{\partial L}{\partial y_i} = 0 \]"
    made = read_sheet(text, "hand.tex", "tex")
    signs = environment(made, load("3 > 2 : half_squared_error")).scopes[0].own.signs
    assert signs[Sign("y"), ""].role == "user"


# ------------------------------------------------------------------ other hypotheses


def test_a_sheet_that_says_how_it_is_read_otherwise() -> None:
    (read,) = [r for r in found("letters_of_sums.tex").remarks if "read with" in r]
    assert read == "the sheet is read with a, b as indices"


def test_layers_counted_otherwise_are_a_convention() -> None:
    name = "layers_from_the_output.tex"
    made = mark(sheet(name), network(name))
    assert [m.verdict for m in made.marks][:2] == ["RIGHT_UNDER"] * 2
    assert made.marks[0].convention is not None
    assert "layers counted from the output" in made.marks[0].convention


def test_names_are_no_convention() -> None:
    name = "letters_of_sums.tex"
    made = mark(sheet(name), network(name))
    assert [m.verdict for m in made.marks][:4] == ["RIGHT"] * 4


@pytest.mark.parametrize(
    "line",
    [
        r"\[ z^{(1)} = W^{(2)} x + b^{(1)} \]",
        r"\[ \delta^{(2)} = a^{(1)} - y \]",
        r"\[ \frac{\partial C}{\partial W^{(2)}} = \delta^{(2)} (a^{(2)})^T \]",
    ],
)
def test_no_other_reading_excuses_one_wrong_line(line: str) -> None:
    text = (
        r"\[ z^{(1)} = W^{(1)} x + b^{(1)} \] \[ a^{(1)} = \tanh(z^{(1)}) \]"
        r"\[ z^{(2)} = W^{(2)} a^{(1)} + b^{(2)} \] \[ \delta^{(2)} = z^{(2)} - y \]"
        r"\[ \frac{\partial C}{\partial W^{(2)}} = \delta^{(2)} (a^{(1)})^T \]"
    )
    about = load("3 > 4 tanh > 2 : half_squared_error")
    made = mark(read_sheet(text + line, "hand.tex", "tex"), about)
    assert [m.verdict for m in made.marks] == ["RIGHT"] * 5 + ["WRONG"]


def test_a_sheet_of_wrong_lines_stays_wrong() -> None:
    text = (
        r"\[ z_a = \sum_b U_{ba} x_a \] \[ h_a = z_a (1 - z_a) \]"
        r"\[ \frac{\partial L}{\partial z_a} = \sum_a U_{ab} h_b \]"
    )
    about = load("3 > 4 tanh > 2 : half_squared_error")
    made = mark(read_sheet(text, "hand.tex", "tex"), about)
    assert not {"RIGHT", "RIGHT_IF", "RIGHT_UNDER"} & {m.verdict for m in made.marks}


def test_an_arrow_above_a_sign_is_no_function() -> None:
    r"""vec(x) is a matrix as one column; \vec x is x."""
    made = read_sheet(r"\[ \vec{\mathbf a}^{(0)} = \vec{\mathbf x} \]", "s.tex", "tex")
    assert forwards(statements(made.formulas[0], made.macros)) == []
