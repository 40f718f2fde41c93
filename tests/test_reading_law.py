"""The law of notations: what a notation prints is read as the same claim.

The term that was printed is the oracle: the reader sees nothing but the text, the profile and the
shapes of the network.
"""

from __future__ import annotations

import time
from functools import cache, partial
from pathlib import Path

import pytest
from hypothesis import given, settings

import derive.profiles as shipped
from codegen.pages.latex_math import formula
from derive.algebra.terms import Term
from derive.derivation import Derivation, derive
from derive.matrices.expressions import Mat
from derive.profiles import loads, names
from derive.reading.network import scope_of, terms_of
from derive.reading.reader import read
from derive.reading.tree import Entry, Node, walk
from derive.spec import Network
from derive.writing.layout import Layout, row
from derive.writing.profile import Profile
from tests.layer_strategies import layered_networks
from tests.notations import assert_same, printed, writer_of

EXAMPLES = Path(__file__).parent.parent / "codegen" / "examples"
GENERIC = {
    "name": "any", "input": "n", "loss": "generic",
    "layers": [{"kind": "dense", "units": "d", "activation": "generic", "repeat": "L",
                "bias": "threshold"}],
}  # fmt: skip
OWN = {
    "name": "own", "input": 3, "likelihood": "gaussian", "weight_decay": 0.01,
    "layers": [
        {"kind": "dense", "units": 3, "activation": "s/(1+exp(-s))"},
        {"kind": "dense", "units": 2, "activation": "1.7159*tanh(2*s/3)", "bias": "threshold"},
        {"kind": "dense", "units": 2, "activation": "gelu", "bias": False},
    ],
}  # fmt: skip
DROPPED = {
    "name": "dropped", "input": 3, "loss": "half_squared_error",
    "layers": ["dense 4 tanh", {"kind": "dropout", "rate": 0.2}, {"kind": "layer_norm"}, "dense 2"],
}  # fmt: skip
NETWORKS: dict[str, object] = {
    "two layers": "3 > 4 tanh > 2 sigmoid : squared_error",
    "softmax": "3 > 4 relu > 3 softmax : cross_entropy",
    "one output": "2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy",
    "generic activations": "2 > 3 generic > 2 generic : squared_error",
    "kinks": "3 > 3 softplus > 1 sigmoid : huber",
    "any depth": GENERIC,
    "own formulas": OWN,
}
_EXAMPLES = ("decay", "xor", "any_depth", "attention", "digits_conv", "residual_norm")
_REST = sorted({path.stem for path in EXAMPLES.glob("*.toml")} - set(_EXAMPLES))


@cache
def derivation(name: str) -> Derivation:
    if name in NETWORKS:
        return derive(NETWORKS[name])  # type: ignore[arg-type]
    return derive(EXAMPLES / f"{name}.toml")


def law(derived: Derivation, notation: str | Profile) -> None:
    """Everything that the notation prints of the derivation is read as it was meant."""
    writer = writer_of(derived, notation)
    scope = scope_of(derived, writer.profile)
    terms = terms_of(derived, scope)
    for what, text, members in printed(derived, writer):
        reading = read(text, scope)
        assert not reading.problems, f"{what}: {text}\n{reading.problems[0]}"
        assert len(reading.claims) == len(members) - 1, f"{what}: {text}"
        sides = [reading.claims[0].lhs, *(claim.rhs for claim in reading.claims)]
        present = [side for side in sides if side is not None]
        within = terms.over(*present)
        pairs: list[tuple[Node, Term | Mat]] = list(zip(present, members, strict=True))
        for side, meant in pairs:
            assert_same(within, side, meant, text)


@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("name", [*NETWORKS, *_EXAMPLES])
def test_what_is_printed_is_read_as_the_same(name: str, notation: str) -> None:
    law(derivation(name), notation)


@pytest.mark.sweep
@pytest.mark.parametrize("notation", names())
@pytest.mark.parametrize("name", _REST)
def test_the_law_on_every_other_example(name: str, notation: str) -> None:
    law(derivation(name), notation)


#: Choices of writing that none of the six notations makes, and letters that arrays of layers have.
_CHOICES = (
    'hadamard = "ast"\nones = "implied"\nsample = "argument"\nupdate = "assign"',
    'hadamard = "otimes"\nfirst = "0"\ntranspose = "sans"\nexponential = "name"\nlog = "log"',
    'hadamard = "circ"\nbounds = "always"\ngradient = "nabla"\nkronecker = "delta"',
)


@pytest.mark.parametrize("writing", _CHOICES)
def test_the_law_holds_under_other_choices(writing: str) -> None:
    text = (Path(shipped.__file__).parent / "rows.toml").read_text()
    kept = text.replace("[writing]", "[others]").replace('sign = "d"', 'sign = "D"')
    begin, _, rest = kept.partition("[others]")
    made = loads(f"{begin}[writing]\n{writing}\n{rest[rest.index('[indices]') :]}")
    assert made.layer_size[0].letter == "D"
    for name in ("softmax", "digits_conv", "two layers"):
        law(derivation(name), made)
    law(derive(DROPPED), made)


def _less(change: Layout, old: Layout) -> Layout:
    return row(old, "-", change)


UPDATES = {"signals": "=", "units": "=", "named_layers": ":="}


@pytest.mark.parametrize("notation", names())
def test_a_step_of_training_is_written_as_the_notation_does(notation: str) -> None:
    """w <- w - ..., w := w - ..., or w(tau + 1) = w(tau) - ...; each is read as that step."""
    derived = derivation("one output")
    writer = writer_of(derived, notation)
    for tensor in (t for stage in derived.forward_pass.stages for t in stage.parameters):
        change = row(writer.names.constant("learning_rate"), writer.partial_tensor(tensor))
        lhs, relation, rhs = writer.update(writer.tensor(tensor), partial(_less, change))
        reading = read(formula(row(lhs, relation, rhs)), scope_of(derived, writer.profile))
        assert not reading.problems
        (claim,) = reading.claims
        assert claim.relation == relation == UPDATES.get(notation, "gets")
        before, after = (n for n in walk(claim.rhs)  # type: ignore[arg-type]
                         if isinstance(n, Entry) and n.role == tensor.role)  # fmt: skip
        assert isinstance(claim.lhs, Entry)
        assert (claim.lhs.role, claim.lhs.label) == (tensor.role, tensor.label)
        steps = (1, 0, None) if relation == "=" else (None, None, None)
        assert (claim.lhs.step, before.step, after.step) == steps


#: Networks in which signs meet: two arrays of one letter, a layer before the first with
#: parameters, axes of one value, thresholds beside biases, letters that a notation uses itself.
MEETINGS: dict[str, list[dict[str, object]]] = {
    "windows of one place": [
        {"kind": "max_pool", "kernel": [3, 1], "stride": [3, 3], "activation": "tanh"},
        {"kind": "conv", "kernel": [1, 1], "channels": 2, "bias": "threshold"},
        {"kind": "batch_norm", "activation": "gelu"},
    ],
    "before the first layer": [
        {"kind": "dropout", "rate": 0.25, "activation": "softplus"},
        {"kind": "flatten", "activation": "s/(1 + s**2)"},
        {"kind": "dense", "units": 3, "bias": "threshold", "activation": "tanh"},
        {"kind": "residual", "layers": [{"kind": "dense", "units": 3}]},
        {"kind": "dropout", "rate": 0.5, "activation": "Max(s - 3, 1/2)"},
    ],
    "its own v and the v of a norm": [
        {"kind": "flatten"},
        {"kind": "equations", "indices": {"i": 18, "j": 2}, "parameters": {"v": ["i", "j"]},
         "forward": ["h[j] = Sum(v[i,j]*x[i], i)",
                     "s[j] = Piecewise((h[j], h[j] > 1), (Max(h[j], 0.25), True))"]},
        {"kind": "layer_norm"},
        {"kind": "dense", "units": 1, "activation": "sigmoid"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", MEETINGS)
def test_signs_that_meet_are_told_apart(name: str) -> None:
    spec = {"name": "met", "input": [2, 3, 3], "layers": MEETINGS[name], "loss": "squared_error"}
    derived = derive(spec)
    for notation in names():
        law(derived, notation)


@pytest.mark.sweep
@settings(max_examples=60, deadline=None)
@given(layered_networks())
def test_the_law_on_any_network(network: Network) -> None:
    derived = derive(network)
    for notation in names():
        law(derived, notation)


def test_reading_takes_less_than_five_milliseconds_a_formula() -> None:
    derived = derivation("softmax")
    writer = writer_of(derived, "columns")
    scope = scope_of(derived, writer.profile)
    texts = [text for _, text, _ in printed(derived, writer)]
    read(texts[0], scope)
    started = time.process_time()
    for text in texts:
        read(text, scope)
    assert time.process_time() - started < 0.005 * len(texts)
