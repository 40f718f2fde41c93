"""The normal form and the short forms are sound: what they call equal is equal in numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.algebra.brackets import sign
from derive.algebra.canon import TooBig, equal, normal, to_term
from derive.algebra.flattening import flattened
from derive.algebra.polynomial import opened
from derive.algebra.simplify import cost, split_logs, tidy
from derive.algebra.terms import (
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Delta,
    Extremum,
    Function,
    Index,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Sum,
    Tensor,
    Term,
    add,
    call,
    exp,
    free_indices,
    lift,
    mul,
    power,
    rebuild,
    ref,
    structure,
    walk,
)
from tests.brute import DIGITS, Brute, OutsideDomain, at_random, close, real_value
from tests.random_terms import INDICES, SIZES, C, I, J, K, M, W, X, terms

PLACES = [
    dict(zip(INDICES, where, strict=True)) for where in ((0, 0, 0, 0), (1, 2, 1, 1), (2, 1, 0, 1))
]
A, B, D = (ref(Tensor(c, "parameter", batched=False)) for c in "abd")


@pytest.fixture(autouse=True)
def precise() -> Any:
    with mpmath.workdps(DIGITS):
        yield


def differs(left: Term, right: Term, seeds: int = 3) -> tuple[Any, Any] | None:
    """Two values at the same point that differ, or None where no such point was found."""
    for seed, where in product(range(seeds), PLACES):
        brute = Brute(at_random(seed), SIZES)
        try:
            a, b = real_value(brute, left, where), real_value(brute, right, where)
        except OutsideDomain:
            continue
        if not close(a, b, 25):
            return a, b
    return None


# ------------------------------------------------------------------ soundness


@settings(max_examples=120, deadline=None, derandomize=True)
@given(terms)
def test_a_short_form_has_the_same_value(term: Term) -> None:
    short = tidy(term)
    assert differs(term, short) is None, f"{term}  is not  {short}"
    assert cost(short) <= cost(term)
    assert free_indices(short) <= free_indices(term)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(terms, terms)
def test_equal_terms_have_equal_values(left: Term, right: Term) -> None:
    if equal(left, right):
        assert differs(left, right) is None


def shuffled(term: Term) -> Term:
    """The same number, written in another order.

    A delta between indices of different ranges is contracted from the left, so sums over it stay.
    """
    term = rebuild(term, shuffled)
    match term:
        case Add() | Mul():
            return (add if isinstance(term, Add) else mul)(*reversed(term.args))
        case Sum() if not any(isinstance(n, Delta) for n in walk(term.body)):
            return Sum(term.body, term.indices[::-1])
    return term


@settings(max_examples=120, deadline=None, derandomize=True)
@given(terms)
def test_the_order_of_writing_does_not_matter(term: Term) -> None:
    try:
        normal(term)
    except (TooBig, ZeroDivisionError):
        return
    assert equal(term, shuffled(term))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(terms)
def test_sums_inside_sums_are_those_over_all_indices(term: Term) -> None:
    flat = flattened(term)
    assert differs(term, flat) is None, f"{term}  is not  {flat}"
    try:
        normal(term), normal(flat)
    except (TooBig, ZeroDivisionError):
        return
    assert equal(term, flat)


U, V = (Tensor(c, "parameter", batched=False) for c in "uv")
P, Q, R = Index("p", 3), Index("q", 3), Index("r", 4)
NESTED: dict[str, tuple[Term, Term]] = {
    "a sum of products": (
        Sum(ref(U, I) * Sum(ref(V, J, I) * ref(U, J), (J,)), (I,)),
        Sum(ref(U, I) * ref(V, J, I) * ref(U, J), (I, J)),
    ),
    "the other way round": (
        Sum(ref(U, I) * Sum(ref(V, J, I) * ref(U, J), (J,)), (I,)),
        Sum(ref(U, J) * Sum(ref(V, J, I) * ref(U, I), (I,)), (J,)),
    ),
    "a sum beside others": (
        Sum(ref(U, I) * (1 - A * Sum(ref(V, J, I), (J,))), (I,)),
        Sum(ref(U, I), (I,)) - A * Sum(ref(U, I) * ref(V, J, I), (J, I)),
    ),
    "a square": (
        Sum(Sum(ref(V, I, J), (J,)) ** 2, (I,)),
        Sum(ref(V, I, J) * ref(V, I, P), (I, P, J)),
    ),
    "three deep": (
        Sum(ref(U, I) * Sum(ref(V, I, J) * Sum(ref(V, J, M) * ref(U, M), (M,)), (J,)), (I,)),
        Sum(ref(V, J, M) * ref(U, M) * Sum(ref(U, I) * ref(V, I, J), (I,)), (M, J)),
    ),
    "five indices": (
        Sum(ref(V, I, J) * Sum(ref(V, J, M) * ref(V, M, Q) * ref(V, Q, R), (M, Q, R)), (I, J)),
        Sum(ref(V, Q, R) * Sum(ref(V, I, J) * ref(V, J, M), (I, J)) * ref(V, M, Q), (R, Q, M)),
    ),
    "under a function": (
        exp(-Sum(ref(U, I) * Sum(ref(V, J, I), (J,)), (I,))),
        exp(-Sum(ref(U, I) * ref(V, J, I), (I, J))),
    ),
    "a condition": (
        Piecewise(((A, Compare(">", Sum(ref(U, I) * Sum(ref(V, J, I), (J,)), (I,)), ZERO)),
                   (ZERO, True))),
        Piecewise(((A, Compare(">", Sum(ref(U, I) * ref(V, J, I), (I, J)), ZERO)), (ZERO, True))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NESTED)
def test_nested_sums_equal_the_sum_over_all_indices(case: str) -> None:
    one, other = NESTED[case]
    assert equal(one, other)
    assert not equal(one, 2 * other)
    turned = {V: Tensor("w", "parameter", batched=False)}
    wrong = rebuild_refs(other, turned)
    assert not equal(one, wrong)


def rebuild_refs(term: Term, names: dict[Tensor, Tensor]) -> Term:
    """The term over other arrays."""

    def visit(node: Term) -> Term:
        if isinstance(node, Ref):
            return Ref(names.get(node.tensor, node.tensor), node.at)
        return rebuild(node, visit)

    return visit(term)


def test_nested_sums_that_get_too_long_are_not_called_equal() -> None:
    factors = [Sum(ref(U, I) + ref(V, I, J), (I,)) + k for k in range(14)]
    with pytest.raises(TooBig):
        flattened(Sum(mul(*factors), (J,)))


def mutations(term: Term) -> list[Term]:
    """Terms with one small thing wrong."""
    found: list[Term] = []

    def visit(node: Term, back: Any) -> None:
        match node:
            case Num():
                found.append(back(Num(node.value + 1)))
            case Pow():
                found.append(back(power(node.base, node.exponent + 1)))
            case Add():
                found.append(back(add(-node.args[0], *node.args[1:])))
                for k, arg in enumerate(node.args):
                    visit(arg, lambda n, k=k: back(add(*node.args[:k], n, *node.args[k + 1 :])))
            case Mul():
                found.append(back(mul(-1, *node.args)))
                for k, arg in enumerate(node.args):
                    visit(arg, lambda n, k=k: back(mul(*node.args[:k], n, *node.args[k + 1 :])))

    visit(term, lambda n: n)
    return found


@settings(max_examples=100, deadline=None, derandomize=True)
@given(terms)
def test_a_mutated_term_is_not_called_equal(term: Term) -> None:
    for wrong in mutations(term):
        if differs(term, wrong) is not None:
            assert not equal(term, wrong), f"{term}  and  {wrong}"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(terms)
def test_a_polynomial_is_read_back_as_it_was_written(term: Term) -> None:
    try:
        poly = normal(term)
    except (TooBig, ZeroDivisionError):
        return
    assert opened(to_term(poly)) == poly


@settings(max_examples=100, deadline=None, derandomize=True)
@given(terms)
def test_a_sign_that_is_seen_is_there(term: Term) -> None:
    try:
        seen = sign(normal(term))
    except (TooBig, ZeroDivisionError):
        return
    for seed, where in product(range(3), PLACES):
        try:
            value = real_value(Brute(at_random(seed), SIZES), term, where)
        except OutsideDomain:
            continue
        assert not seen or mpmath.sign(value) == seen


# ------------------------------------------------------------------ identities that must be seen

x, y = ref(X, I), ref(X, J)
total = Sum(exp(ref(X, K)), (K,))
HALF = Fraction(1, 2)
IDENTITIES = {
    "square": ((A + B) ** 2, A**2 + 2 * A * B + B**2),
    "cancelling": ((A**2 - B**2) / (A - B), A + B),
    "exponentials": (exp(A + B), exp(A) * exp(B)),
    "exponential of a logarithm": (exp(2 * call("log", A)), A**2),
    "logarithm of a product": (call("log", 2 * exp(A)), call("log", 2) + A),
    "logarithm of a quotient": (call("log", 1 / (1 + exp(-A))), -call("log", 1 + exp(-A))),
    "sigmoid complement": (1 - call("sigmoid", A), call("sigmoid", -A)),
    "tanh by sigmoid": (call("tanh", A), 2 * call("sigmoid", 2 * A) - 1),
    "softplus": (call("softplus", A) - call("softplus", -A), A),
    "cosh and sinh": (call("cosh", A) ** 2 - call("sinh", A) ** 2, ONE),
    "Pythagoras": (call("sin", A) ** 2 + call("cos", A) ** 2, ONE),
    "odd": (call("sin", -A) + call("erf", -A), -call("sin", A) - call("erf", A)),
    "absolute value": (call("abs", A) ** 2, A**2),
    "maximum": (call("max", A, B) + call("min", A, B), A + B),
    "maximum by an absolute value": (call("max", A, B), (A + B + call("abs", A - B)) / 2),
    "relu": (call("relu", A) - call("relu", -A), A),
    "root": (power(4 * A**2 + 4, Fraction(1, 2)), 2 * power(1 + A**2, Fraction(1, 2))),
    "product of roots": (
        power(lift(12), Fraction(1, 2)) * power(lift(3), Fraction(1, 2)),
        Num(Fraction(6)),
    ),
    "linear sum": (Sum(2 * ref(X, I) + 1, (I,)), 2 * Sum(ref(X, J), (J,)) + 3),
    "double sum": (Sum(ref(X, I) * ref(X, J), (I, J)), Sum(ref(X, I), (I,)) ** 2),
    "sums of softmax": (Sum(exp(ref(X, K)) / total, (K,)), ONE),
    "delta": (Sum(Delta(*(ref(X, I).at + ref(X, J).at)) * ref(X, I), (I,)), ref(X, J)),
    "square of a delta": (Delta(*x.at, *y.at) ** 2 * x, Delta(*x.at, *y.at) * y),
    "swapped sums": (Sum(ref(W, I, J), (I, J)), Sum(ref(W, J, I), (I, J))),
    "continuous branches": (
        Piecewise(((A, Compare(">=", A, ZERO)), (ZERO, True))),
        Piecewise(((A, Compare(">", A, ZERO)), (ZERO, True))),
    ),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_an_identity_of_exact_arithmetic_is_seen(name: str) -> None:
    left, right = IDENTITIES[name]
    assert differs(left, right) is None
    assert equal(left, right)


#: Both sides are defined, and differ, at some points: the laws of positive numbers do not hold.
FALSE = {
    "root of a square": (power(A**2, Fraction(1, 2)), A),
    "root of a product": (power(A * B, Fraction(1, 2)), B * power(A / B, Fraction(1, 2))),
    "denominator of a root": (
        power(1 / (A + B) + 1 / (A + B) ** 2, Fraction(1, 2)),
        power(A + B + 1, Fraction(1, 2)) / (A + B),
    ),
    "logarithm of a square": (call("log", A**2), 2 * call("log", A)),
    "index of a delta": (Delta(*x.at, *y.at) * x, x),
    "bound and free": (Sum(ref(W, I, J), (I,)), Sum(ref(W, J, I), (I,))),
    "maximum and minimum": (
        Extremum("max", ref(X, I), (I,)),
        Extremum("min", ref(X, I), (I,)),
    ),
    "a jump": (
        Piecewise(((ONE, Compare(">=", ref(X, I) - ref(X, J), ZERO)), (ZERO, True))),
        Piecewise(((ONE, Compare(">", ref(X, I) - ref(X, J), ZERO)), (ZERO, True))),
    ),
    "a power of a sine": (power(call("sin", A), Fraction(5, 2)), call("sin", A) ** 2),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_identity_is_not_seen(name: str) -> None:
    left, right = FALSE[name]
    assert not equal(left, right)
    if name != "logarithm of a square":  # where both are defined, they are equal
        assert differs(left, right, 60) is not None


def test_what_is_too_big_is_not_called_equal() -> None:
    letters = [ref(Tensor(f"p{k}", "parameter", batched=False)) for k in range(12)]
    big = power(add(*letters), 8)
    with pytest.raises(TooBig):
        normal(big * big)
    assert not equal(big * big, big * big + 1)
    assert isinstance(tidy(big), Pow)


def test_a_sum_may_run_over_any_number_of_indices() -> None:
    indices = tuple(Index(f"i{k}", 2) for k in range(40))
    entries = [ref(Tensor("p", "parameter", batched=False), i) for i in indices]
    body, other = exp(mul(*entries)), exp(mul(*reversed(entries)))
    assert equal(Sum(body, indices), Sum(other, indices))


def test_a_root_of_a_root_is_one_root_also_with_a_number_in_it() -> None:
    half, base = Fraction(1, 2), 3 * A - 2
    assert equal(power(power(base, half), half), power(base, half / 2))
    assert not equal(power(power(base, 2), half / 2), power(base, half))  # for A < 2/3


def test_division_by_zero_is_not_called_equal() -> None:
    assert not equal(1 / (A - A + ZERO * B), ONE)


# ------------------------------------------------------------------ what distinguishes terms

i3, i4 = Index("i", 3), Index("i", 4)
DIFFERENT = [
    (ref(X, I), ref(Tensor("x", "target", batched=False), I)),
    (Sum(ref(X, i3), (i3,)), Sum(ref(X, i4), (i4,))),
    (Extremum("max", ref(X, I), (I,)), Extremum("min", ref(X, I), (I,))),
    (call("sin", A), call("cos", A)),
    (power(A, 2), power(A, 3)),
]


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different_terms_have_different_structure(left: Term, right: Term) -> None:
    assert structure(left) != structure(right)
    assert not equal(left, right)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(terms, terms)
def test_structure_determines_the_term(left: Term, right: Term) -> None:
    assert (structure(left) == structure(right)) == (left is right)


# ------------------------------------------------------------------ the forms that people write

o, t = (ref(Tensor(c, r, batched=False)) for c, r in (("o", "activation"), ("y", "target")))
s = ref(Tensor("s", "preactivation", batched=False))
FORMS = [
    (-(t - o), "o - y"),
    (((1 - t) / (1 - o) - t / o) * o * (1 - o), "o - y"),
    ((1 - t) / (1 - o) - t / o, "(o - y)/(o*(1 - o))"),
    (o - o**2, "o*(1 - o)"),
    (-(o**2) + 1, "1 - o**2"),
    (2 * (o - t) * (1 - o) * o, "2*o*(1 - o)*(o - y)"),
    (exp(-s) / exp(-2 * s), "exp(s)"),
    (call("sigmoid", s) + call("sigmoid", -s), "1"),
    (A / 2 + A / 3, "5/6*a"),
    (A / (3 * B) + A / (3 * B), "2/3*a/b"),
    (Sum(2 * ref(X, I), (I,)) - 2 * Sum(ref(X, J), (J,)) * A, "2*Sum(x[i], i)*(1 - a)"),
    (Piecewise(((ONE, Compare("<", -s, ZERO)), (ZERO, True))) * A, None),
]


@pytest.mark.parametrize(("term", "text"), FORMS)
def test_short_forms(term: Term, text: str | None) -> None:
    assert text is None or str(tidy(term)) == text
    assert differs(term, tidy(term)) is None


def test_logarithms_are_split_as_likelihoods_need() -> None:
    density = exp(-(A**2)) / power(2 * B, Fraction(1, 2)) * exp(t * call("log", o))
    split = split_logs(call("log", density))
    inside = [n.args[0] for n in walk(split) if isinstance(n, Call) and n.function == "log"]
    assert not any(isinstance(n, Mul | Pow) for n in inside)
    positive = Brute(at_random(0, 0.2, 0.9))
    assert close(positive(split, {}), positive(call("log", density), {}))


def test_generic_functions_are_atoms() -> None:
    from derive.algebra.terms import Apply

    phi = Function("phi")
    assert equal(Apply(phi, A + B), Apply(phi, B + A))
    assert not equal(Apply(phi, A), Apply(phi, A, 1))
    assert not equal(Apply(phi, A), Apply(Function("psi"), A))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.permutations([A, B, D, ref(C), ref(X, I), ref(W, J, M)]))
def test_the_short_form_of_a_sum_does_not_depend_on_its_order(parts: list[Term]) -> None:
    assert tidy(add(*parts)) is tidy(add(A, B, D, ref(C), ref(X, I), ref(W, J, M)))
