"""Lemmas, line by line: one rule a line, each line with its reason, ending in the known form."""

from __future__ import annotations

from itertools import pairwise

import pytest

from derive.algebra.prove import PROVED
from derive.algebra.terms import Partial, Ref, Sum, free_indices, walk
from derive.algebra.text import plain
from derive.derivation import derive
from derive.lemmas import MOST_LINES, function_lemma
from derive.steps import Chain


def lines(chain: Chain) -> list[tuple[str, str]]:
    return [(plain(step.rhs), step.why) for step in chain.steps]


def lemma(source: object, key: str) -> Chain:
    return next(c for c in derive(source).lemmas if c.key == key)  # type: ignore[arg-type]


def test_the_slope_of_sigmoid() -> None:
    assert plain(function_lemma("sigmoid").lhs) == "sigmoid'(s)"
    assert lines(function_lemma("sigmoid"))[:3] == [
        ("d(1/(1 + exp(-s)))/d(s)", "definition"),
        ("-d(1 + exp(-s))/d(s)/(1 + exp(-s))**2", "reciprocal rule"),
        ("exp(-s)/(1 + exp(-s))**2", "derivative of exp"),
    ]
    assert lines(function_lemma("sigmoid"))[-1] == ("o*(1 - o)", "in forward quantities")


def test_the_slope_of_tanh() -> None:
    assert [why for _, why in lines(function_lemma("tanh"))] == [
        "definition",
        "quotient rule",
        "derivative of exp",
        "collect terms",
        "in forward quantities",
    ]
    assert plain(function_lemma("tanh").result) == "1 - o**2"


def test_the_jacobian_of_softmax() -> None:
    chain = lemma("2 > 3 softmax : cross_entropy", "jacobian.softmax")
    assert plain(chain.lhs) == "d(o1[n,k])/d(s1[n,j])"
    texts = [text for text, _ in lines(chain)]
    assert texts[0] == "d(exp(s1[n,k])/Sum(exp(s1[n,m]), m))/d(s1[n,j])"
    assert texts[-1] == "o1[n,j]*([j = k] - o1[n,k])"
    assert [why for _, why in lines(chain)] == [
        "definition",
        "quotient rule",
        "derivative of exp, sum rule",
        "only the term with equal indices remains",
        "collect terms",
        "in forward quantities",
    ]


def test_the_slope_of_a_loss() -> None:
    assert lines(lemma("2 > 3 sigmoid : squared_error", "loss.slope"))[-1][0] == (
        "2*(o1[n,j] - y[n,j])"
    )
    chain = lemma("2 > 3 softmax : cross_entropy", "loss.slope")
    assert lines(chain)[-1][0] == "-y[n,k]/o1[n,k]"
    assert chain.steps[0].cites == ("loss",)


def test_the_lemmas_of_the_parts_come_first_and_are_cited() -> None:
    lemmas = derive("2 > 3 mish > 1 linear : squared_error").lemmas
    keys = [chain.key for chain in lemmas]
    assert keys.index("slope.tanh") < keys.index("slope.mish")
    assert keys.index("slope.softplus") < keys.index("slope.mish")
    (mish,) = (c for c in lemmas if c.key == "slope.mish")
    cited = {key for step in mish.steps for key in step.cites}
    assert cited == {"slope.tanh", "slope.softplus"}


def test_only_the_lemmas_that_a_network_uses() -> None:
    keys = {chain.key for chain in derive("2 > 3 tanh > 1 linear : squared_error").lemmas}
    assert keys == {"slope.tanh", "loss.slope"}


def test_a_likelihood_is_a_lemma_for_its_loss() -> None:
    source = {"name": "g", "input": 2, "layers": ["dense 1"], "likelihood": "gaussian"}
    chain = lemma(source, "loss")
    assert [why for _, why in lines(chain)] == [
        "negative log-likelihood",
        "logarithms of products and powers",
    ]
    assert chain.kind == "likelihood"


FORMULAS = ("s*exp(-s**2)", "tanh(s)/(1 + s**2)", "sqrt(1 + s**2)*sin(s)", "log(1 + exp(s)**2)")


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_users_formula_is_differentiated_rule_by_rule(formula: str) -> None:
    chain = lemma(f"2 > 2 {formula} > 1 linear : squared_error", "slope.phi")
    assert len(chain.steps) <= MOST_LINES + 5
    assert all(step.why for step in chain.steps)
    assert all(step.check.word == PROVED for step in chain.steps)
    pending = [n for n in walk(chain.result) if isinstance(n, Partial)]
    assert not pending


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_line_repeats_the_one_before(formula: str) -> None:
    chain = lemma(f"2 > 2 {formula} > 1 linear : squared_error", "slope.phi")
    members = [chain.lhs, *(step.rhs for step in chain.steps)]
    assert all(a is not b for a, b in pairwise(members))


def test_a_formula_that_occurs_twice_has_one_lemma() -> None:
    lemmas = derive("2 > 2 s*exp(-s**2) > 3 s*exp(-s**2) > 1 linear : squared_error").lemmas
    assert [c.key for c in lemmas].count("slope.phi") == 1


def test_the_fifth_formula_is_called_by_its_layer() -> None:
    """phi^(6) is the activation of layer 6, whatever its place among the formulas."""
    formulas = ("s", "s + s**2", "s + s**3", "sin(s)", "s*exp(s)", "s/(1 + s**2)", "s/(1 + s**2)")
    layers = " > ".join(f"2 {formula}" for formula in formulas)
    stages = derive(f"2 > {layers} : squared_error").forward_pass.stages
    names = ["None", "phi", "psi", "chi", "omega", "phi6", "phi6"]
    assert [str(stage.function) for stage in stages] == names


def test_results_speak_of_named_entries_only() -> None:
    derivation = derive("2 > 3 gelu > 2 softmax : cross_entropy")
    known = {e.lhs.tensor for e in derivation.forward} | {e.lhs.tensor for e in derivation.backward}
    known |= set(derivation.shapes)
    for equation in (*derivation.backward, *derivation.gradients):
        assert {n.tensor for n in walk(equation.rhs) if isinstance(n, Ref)} <= known


def test_a_named_activation_with_other_options_has_a_lemma_of_its_own() -> None:
    """A page that cites the slope of leaky_relu means one function by it."""
    source = "2 > 3 leaky_relu slope=0.1 > 3 leaky_relu slope=0.3 > 2 leaky_relu slope=0.1 > 1"
    derivation = derive(f"{source} : squared_error")
    slopes = {c.key: str(c.result) for c in derivation.lemmas if c.kind == "slope"}
    assert slopes == {
        "slope.leaky_relu": "Piecewise((1, s > 0), (1/10, True))",
        "slope.phi": "Piecewise((1, s > 0), (3/10, True))",
    }
    cited = {c.key: c.steps[-1].cites for c in derivation.layers if c.key.startswith("delta.")}
    assert cited["delta.1"] == cited["delta.3"] == ("slope.leaky_relu",)
    assert cited["delta.2"] == ("slope.phi",)


@pytest.mark.parametrize(
    "source",
    [
        "2 > 3 softmax : cross_entropy",
        "2 > 3 tanh > 2 : squared_error",
        {
            "name": "pooled",
            "input": [2, 4],
            "loss": "squared_error",
            "layers": [
                {
                    "kind": "equations",
                    "indices": {"c": 2, "p": 2, "u": 2},
                    "parameters": {},
                    "forward": ["s[c,p] = Sum(x[c,2*p+u]*softmax(x[c,2*p+u], u), u)"],
                },
                {"kind": "flatten"},
                {"kind": "dense", "units": 1},
            ],
        },
    ],
)
def test_no_letter_has_two_senses_in_a_line(source: object) -> None:
    """What is differentiated by o_k is no sum over k."""
    derivation = derive(source)  # type: ignore[arg-type]
    for chain in (*derivation.lemmas, *derivation.layers):
        if not isinstance(chain.lhs, Partial):
            continue
        free = {i.name for i in free_indices(chain.lhs.by)}
        for step in chain.steps:
            bound = {i.name for n in walk(step.rhs) if isinstance(n, Sum) for i in n.indices}
            assert bound.isdisjoint(free), (chain.key, plain(step.rhs))
