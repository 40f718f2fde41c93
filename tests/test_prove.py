"""How a step is checked: which word it gets, and that what is false gets none."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings

from derive.algebra import prove as module
from derive.algebra.evaluate import PRIME, Modular
from derive.algebra.prove import (
    PROVED,
    SAMPLED,
    TESTED,
    Fact,
    Unproved,
    _agree,
    _sample,
    prove,
    tidy_given,
)
from derive.algebra.terms import (
    ONE,
    ZERO,
    Affine,
    Compare,
    Delta,
    Index,
    Num,
    Piecewise,
    Sum,
    Tensor,
    Term,
    call,
    exp,
    lift,
    mul,
    power,
    ref,
)
from derive.steps import Builder
from tests.random_terms import terms

A, B = (ref(Tensor(c, "parameter", batched=False)) for c in "ab")
N = Index("n", "N", sample=True)
I, J, K = Index("i", "d"), Index("j", "d"), Index("k", "d")  # noqa: E741
O, Y, S = (  # noqa: E741
    Tensor(c, r) for c, r in (("o", "activation"), ("y", "target"), ("s", "preactivation"))
)
HALF = Fraction(1, 2)
big = exp(A) + exp(-A)


def softmax(index: Index) -> Term:
    return exp(ref(S, N, index)) / Sum(exp(ref(S, N, K)), (K,))


UNIT = Fact("fact.unit", "the targets sum to 1", Sum(ref(Y, N, K), (K,)), ONE)

KNOWN: dict[str, tuple[Term, Term, str]] = {
    "binomial": ((A + B) ** 3, A**3 + 3 * A**2 * B + 3 * A * B**2 + B**3, PROVED),
    "sigmoid": (exp(A) / (1 + exp(A)), 1 / (1 + exp(-A)), PROVED),
    "softmax sums to 1": (Sum(softmax(I), (I,)), ONE, PROVED),
    "delta": (Sum(Delta(Affine.of(I), Affine.of(J)) * ref(S, N, I), (I,)), ref(S, N, J), PROVED),
    "maximum": (call("max", A, B) + call("min", A, B), A + B, PROVED),
    "a root inside a root": (
        power(3 + 2 * power(lift(2), HALF), HALF),
        1 + power(lift(2), HALF),
        SAMPLED,
    ),
    "addition theorem of the sine": (
        call("sin", A + B),
        call("sin", A) * call("cos", B) + call("cos", A) * call("sin", B),
        SAMPLED,
    ),
    "a large power": (
        power(1 + big, 12) - 1,
        (power(1 + big, 6) - 1) * (power(1 + big, 6) + 1),
        "",
    ),
    "root of an absolute value": (power(A**2, HALF), call("abs", A), ""),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_true_identity_gets_its_word(name: str) -> None:
    left, right, word = KNOWN[name]
    check = prove(left, right)
    assert check.word == (word or check.word)
    assert check.word in {PROVED, TESTED, SAMPLED}
    assert check.how


def test_what_is_too_big_for_a_normal_form_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = [ref(Tensor(f"p{k}", "parameter", batched=False)) for k in range(9)]
    total = lift(sum(letters, start=ZERO))
    left, right = power(total, 12), power(total, 4) * power(total, 8) * exp(A) * exp(-A)
    check = prove(left, right)
    assert check.word == TESTED
    assert "modulo a prime of 61 bits" in check.how
    assert "10^-" in check.how
    with pytest.raises(Unproved):
        prove(left, right + power(lift(Fraction(1, 10**9)), 1))


FALSE: dict[str, tuple[Term, Term]] = {
    "sign": (A - B, A + B),
    "factor": (2 * A, A),
    "tiny": (exp(A), exp(A) + Num(Fraction(1, 10**30))),
    "binomial": ((A + B) ** 2, A**2 + B**2),
    "sigmoid": (call("sigmoid", A), call("sigmoid", 2 * A)),
    "slope": (call("tanh", A) ** 2, call("tanh", A)),
    "bound": (Sum(ref(S, N, I), (I,)), ref(S, N, J)),
    "size": (Sum(ONE, (I,)), ONE),
    "delta on the diagonal": (Delta(Affine.of(I), Affine.of(J)), ZERO),
    "delta off the diagonal": (Delta(Affine.of(I), Affine.of(J)), ONE),
    "three indices": (
        Delta(Affine.of(I), Affine.of(J)) * ref(S, N, K),
        Delta(Affine.of(I), Affine.of(J)) * ref(S, N, J),
    ),
    "far condition": (Piecewise(((ONE, Compare(">", A, lift(2))), (ZERO, True))), ZERO),
    "relu": (call("relu", A), A),
    "absolute value": (call("abs", A), -A),
    "role": (ref(O, N, I), ref(Tensor("o", "weight"), N, I)),
    "maximum": (call("max", A, B), A),
    "logarithm": (call("log", A + B), call("log", A) + call("log", B)),
    "sine": (call("sin", 2 * A), 2 * call("sin", A)),
    "softmax": (softmax(I), softmax(J)),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_identity_is_refused(name: str) -> None:
    with pytest.raises(Unproved):
        prove(*FALSE[name])


@pytest.mark.parametrize("name", FALSE)
def test_every_way_of_checking_refuses_alone(name: str) -> None:
    """The test modulo a prime says nothing, and the digits raise; neither passes."""
    left, right = FALSE[name]
    assert module._test(left, right) is None
    with pytest.raises(Unproved):
        module._sample(left, right)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(terms)
def test_no_term_is_one_more_than_itself(term: Term) -> None:
    with pytest.raises(Unproved):
        prove(term, term + Num(Fraction(1, 7)))


def test_outside_its_domain_nothing_is_sampled() -> None:
    nowhere = call("log", -exp(A))
    with pytest.raises(Unproved, match="points of the domain"):
        prove(call("sin", nowhere) * call("erf", A), call("sin", nowhere) * call("erf", B))


@pytest.mark.parametrize(("count", "bell"), [(0, 1), (1, 1), (2, 2), (3, 5), (4, 15)])
def test_every_pattern_of_equal_indices_is_tried(count: int, bell: int) -> None:
    found = {tuple(a == b for a in p for b in p) for p in module._patterns(count)}
    assert len(found) == bell


# ------------------------------------------------------------------ facts


def test_a_step_may_rest_on_a_fact_and_only_then() -> None:
    left = ref(O, N, J) * Sum(ref(Y, N, K), (K,)) - ref(Y, N, J)
    right = ref(O, N, J) - ref(Y, N, J)
    with pytest.raises(Unproved):
        prove(left, right)
    assert prove(left, right, (UNIT,)).word == PROVED
    assert tidy_given(left, (UNIT,)) is right
    assert tidy_given(right, (UNIT,)) is right


def test_a_fact_proves_nothing_else() -> None:
    with pytest.raises(Unproved, match="facts"):
        prove(ref(Y, N, J), ONE, (UNIT,))


@pytest.mark.parametrize("exponent", [2, -1, -2, HALF])
def test_a_fact_holds_in_every_power(exponent: int | Fraction) -> None:
    four = Fact("four", "it is 4", Sum(ref(Y, N, K), (K,)), lift(4))
    left = power(four.lhs, exponent) * A
    assert prove(left, power(lift(4), exponent) * A, (four,)).word == PROVED
    with pytest.raises(Unproved):
        prove(left, A, (four,))


# ------------------------------------------------------------------ chains

delta = 2 * (ref(O, N, J) - ref(Y, N, J)) * ref(O, N, J) * (1 - ref(O, N, J))
MUTANTS: dict[str, Term] = {
    "sign": -delta,
    "factor": delta / 2,
    "slope missing": 2 * (ref(O, N, J) - ref(Y, N, J)),
    "slope doubled": delta * ref(O, N, J) * (1 - ref(O, N, J)),
    "s for o": 2 * (ref(S, N, J) - ref(Y, N, J)) * ref(O, N, J) * (1 - ref(O, N, J)),
    "index": 2 * (ref(O, N, I) - ref(Y, N, J)) * ref(O, N, J) * (1 - ref(O, N, J)),
    "term missing": 2 * ref(O, N, J) * ref(O, N, J) * (1 - ref(O, N, J)),
    "1 + o": 2 * (ref(O, N, J) - ref(Y, N, J)) * ref(O, N, J) * (1 + ref(O, N, J)),
    "squared": delta**2,
    "sum extra": Sum(delta, (J,)),
    "sum over another index": delta * Sum(ONE, (K,)),
    "y for o": 2 * (ref(O, N, J) - ref(Y, N, J)) * ref(Y, N, J) * (1 - ref(O, N, J)),
    "a billionth": delta * (1 + Num(Fraction(1, 10**9))),
    "threshold": delta - ONE,
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_step_stops_the_chain(name: str) -> None:
    chain = Builder("delta", "the error", delta)
    with pytest.raises(Unproved):
        chain.equal(MUTANTS[name], "a slip")
    assert chain.last is delta


def test_a_step_that_changes_nothing_is_none() -> None:
    chain = Builder("delta", "the error", delta)
    assert chain.equal(delta, "nothing").by_rule(delta, "nothing").chain().steps == ()
    assert chain.chain().result is delta


def test_a_chain_keeps_reason_word_and_citation() -> None:
    factored = mul(2, ref(O, N, J), ref(O, N, J) - ref(Y, N, J), 1 - ref(O, N, J))
    (step,) = Builder("delta", "the error", delta).equal(factored, "in order", "eq.1").steps
    assert (step.why, step.check.word, step.cites) == ("in order", PROVED, ("eq.1",))


# ------------------------------------------------------------------ the arithmetic behind TESTED


def test_the_prime_is_what_it_should_be() -> None:
    """-1 is no square, small primes are: so every square root has one sign that is a residue."""
    import sympy as sp

    assert sp.isprime(PRIME)
    assert PRIME % 8 == 7
    assert all(
        pow(p, (PRIME - 1) // 2, PRIME) == 1 for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31)
    )
    assert pow(PRIME - 1, (PRIME - 1) // 2, PRIME) == PRIME - 1


@pytest.mark.parametrize("seed", range(10))
def test_generators_keep_the_laws_of_functions(seed: int) -> None:
    at_point = Modular(str(seed))
    half = Fraction(1, 2)
    laws = [
        (exp(A + B), exp(A) * exp(B)),
        (exp(A / 2) ** 2, exp(A)),
        (power(exp(A) * exp(B), half), power(exp(A), half) * power(exp(B), half)),
        (exp(call("log", exp(B) + 1)), exp(B) + 1),
        (call("abs", A) ** 2, A**2),
        (call("sin", -A), -call("sin", A)),
    ]
    assert all(at_point(left) == at_point(right) for left, right in laws)


def test_points_outside_of_the_domain_decide_nothing() -> None:
    """A condition on the root of a negative number has no value, an infinite side neither."""
    root = power(A, HALF)
    term = Piecewise(((A, Compare(">", root, ONE)), (B, True)))
    assert _sample(term, term).word == SAMPLED
    assert _agree(A, call("log", ZERO), Random("a"), 1.0) is None
