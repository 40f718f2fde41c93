"""Substitution, contraction and derivative rules against plain loops and difference quotients."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from derive.algebra.calculus import CALCULUS
from derive.algebra.index import (
    LETTERS,
    at,
    contract,
    contracted,
    define,
    derivative,
    fresh,
    guard,
    named_by,
    push,
    relabel,
    replace_term,
    solve,
    written_out,
)
from derive.algebra.terms import (
    ONE,
    ZERO,
    Affine,
    Apply,
    Argmax,
    Compare,
    Delta,
    Extremum,
    Function,
    Guard,
    Index,
    Label,
    Mul,
    Partial,
    Piecewise,
    Ref,
    Sum,
    Tensor,
    Term,
    bound,
    call,
    exp,
    free_indices,
    mul,
    power,
    ref,
    walk,
)
from derive.errors import NotYet
from derive.primitives import DEFINED
from tests.brute import DIGITS, Brute, OutsideDomain, at_random, close, real_value
from tests.random_terms import INDICES, SIZES, C, I, J, K, M, W, X, places, smooth, terms

PLACES = [
    dict(zip(INDICES, where, strict=True)) for where in ((0, 0, 0, 0), (1, 2, 1, 1), (2, 1, 0, 1))
]


@pytest.fixture(autouse=True)
def precise() -> Any:
    with mpmath.workdps(DIGITS):
        yield


def assert_equal_values(left: Term, right: Term, *, digits: int = 15, least: int = 0) -> None:
    """Both terms have the same value wherever both have one."""
    seen = 0
    for seed, where in product(range(2), PLACES):
        brute = Brute(at_random(seed), SIZES)
        try:
            a, b = real_value(brute, left, where), real_value(brute, right, where)
        except OutsideDomain:
            continue
        seen += 1
        assert close(a, b, digits), f"{left}  and  {right}: {a} and {b} at {where}"
    assert seen >= least


# ------------------------------------------------------------------ substitution


@settings(max_examples=120, deadline=None, derandomize=True)
@given(terms, st.dictionaries(st.sampled_from(INDICES), places, min_size=1))
def test_substitution_is_evaluation_at_other_places(
    term: Term, values: dict[Index, Affine]
) -> None:
    moved = at(term, values)
    for seed, where in product(range(2), PLACES):
        brute = Brute(at_random(seed), SIZES)
        there = {**where, **{i: brute.place(p, where) for i, p in values.items()}}
        try:
            expected = real_value(brute, term, there)
        except OutsideDomain:
            continue
        assert close(real_value(brute, moved, where), expected, 25)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(terms, st.dictionaries(st.sampled_from(INDICES), places, min_size=1))
def test_substitution_never_shadows(term: Term, values: dict[Index, Affine]) -> None:
    moved = at(term, values)
    came = {i.name for v in values.values() for i, _ in v.terms}
    used = {i for i in values if i in free_indices(term) and values[i].index != i}
    if used:
        came = {i.name for u in used for i, _ in values[u].terms}
        assert not came & {i.name for node in walk(moved) for i in bound(node)}


def test_a_bound_index_is_renamed_before_it_captures() -> None:
    row = Sum(ref(W, I, J) * ref(X, I), (I,))
    moved = at(row, {J: Affine.of(I)})
    assert str(moved) == "Sum(w[k,i]*x[k], k)"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(terms)
def test_written_out_is_the_same_number(term: Term) -> None:
    for where in PLACES:
        brute = Brute(at_random(0), SIZES)
        try:
            expected = real_value(brute, term, where)
        except OutsideDomain:
            continue
        plain = written_out(term, SIZES, where)
        assert not free_indices(plain)
        assert not any(isinstance(n, Sum | Delta | Guard) for n in walk(plain))
        assert close(real_value(brute, plain, {}), expected, 25)


def test_a_definition_is_inserted_without_capture() -> None:
    h = Tensor("h", "quantity", batched=False)
    inner = Sum(ref(W, I, J) * ref(X, I), (I,))
    outer = Sum(ref(h, I) * ref(X, I), (I,))
    opened = define(outer, ref(h, J), inner)
    brute = Brute(at_random(1))
    expected = mpmath.fsum(
        brute(ref(W, a, b), {}) * brute(ref(X, a), {}) * brute(ref(X, b), {})
        for a, b in product(range(3), repeat=2)
    )
    assert close(brute(opened, {}), expected)


def test_a_subterm_is_replaced_without_capture() -> None:
    term = Sum(ref(X, I) * ref(C), (I,))
    moved = replace_term(term, ref(C), ref(W, I, I))
    assert_equal_values(moved, ref(W, I, I) * Sum(ref(X, J), (J,)), least=1)
    bound_entry = Sum(ref(X, I), (I,))
    assert replace_term(bound_entry, ref(X, I), ONE) is bound_entry


@pytest.mark.parametrize("number", [18, 19, 20, 21])
def test_a_fresh_name_is_never_a_taken_one(number: int) -> None:
    """Also where all letters are in use, and a name that was made before is."""
    names = {*LETTERS, f"i_{number}"}
    assert fresh("i", 2, {Index(name, 2) for name in names}).name not in names


def test_relabelling_reaches_every_part() -> None:
    label, size = Label(0, "l"), "d^(l)"
    i, j = Index("i", size), Index("j", size)
    t = Tensor("t", "activation", label, batched=False)
    phi = Function("phi", label)
    largest = Extremum("max", ref(t, i), (i,))
    parts = (
        Apply(phi, ref(t, i)),
        Sum(Delta(Affine.of(i), Affine.of(j)), (j,)),
        Argmax(largest, (Affine.of(j),)),
        Guard(Affine.of(i), size),
        Ref(t, (Affine.of(i),), (size,)),
        Piecewise(((ref(t, i), Compare(">", ref(t, j), ZERO)), (ZERO, True))),
    )
    moved = relabel(
        mul(*parts),
        lambda x: Tensor(x.letter, x.role, Label(2), x.batched),
        lambda e: 4 if e == size else e,
        lambda f: Function(f.name, Label(2)),
    )
    text = repr(moved)
    assert "'l'" not in text
    assert size not in text


def test_canonical_names_give_way_to_the_readers() -> None:
    a, b = Index("_1a", 3), Index("_1b", 3)
    term = Sum(ref(W, a, b) * ref(X, I), (a, b))
    assert str(named_by(term, ref(X, I))) == "Sum(w[k,m]*x[i], k, m)"


# ------------------------------------------------------------------ contraction


@settings(max_examples=120, deadline=None, derandomize=True)
@given(terms, places, places)
def test_contraction_keeps_the_value(term: Term, left: Affine, right: Affine) -> None:
    """Affine places, strides and ranges that differ: the guard makes them all right."""
    total = Sum(mul(Delta(left, right), term), (I, K))
    assert_equal_values(contracted(total), total)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(terms)
def test_contraction_of_any_term_keeps_the_value(term: Term) -> None:
    total = Sum(term, (J, M))
    assert_equal_values(contracted(total), total)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_windows_scatter_as_loops_do(stride: int, dilation: int, padding: int) -> None:
    """Sum_{p,u} g[p] w[u] [stride p + dilation u - padding = m], for every entry m of the input."""
    out, taps, size = 3, 2, 7
    p, u, m = Index("p", out), Index("u", taps), Index("m", size)
    place = Affine.of(p) * stride + Affine.of(u) * dilation - padding
    total = Sum(mul(Delta(place, Affine.of(m)), ref(X, p), ref(C, u)), (p, u))
    found = contracted(total)
    only_delta = stride > 1 and dilation > 1
    assert any(isinstance(n, Delta) for n in walk(found)) == only_delta
    brute = Brute(at_random("windows"))
    for target in range(size):
        expected = mpmath.fsum(
            brute(ref(X, a), {}) * brute(ref(C, b), {})
            for a in range(out)
            for b in range(taps)
            if stride * a + dilation * b - padding == target
        )
        assert close(brute(found, {m: target}), expected)


def test_the_guard_goes_where_the_ranges_are_the_same() -> None:
    i, m = Index("i", "d"), Index("m", "d")
    other = Index("p", "e")
    assert guard(Affine.of(m), "d") is ONE
    assert isinstance(guard(Affine.of(other), "d"), Guard)
    assert guard(Affine.of(Index("p", 3)) + 1, 4) is ONE
    assert isinstance(guard(Affine.of(Index("p", 3)) + 1, 3), Guard)
    assert str(contract(Sum(mul(Delta(Affine.of(i), Affine.of(m)), ref(X, i)), (i,)))) == "x[m]"
    assert contract(Sum(ref(X, i), (i,))) is None


def test_only_unit_coefficients_are_solved_for() -> None:
    i, m = Index("i", 5), Index("m", 5)
    assert solve(Delta(Affine.of(i) * 2, Affine.of(m)), i) is None
    assert solve(Delta(Affine.of(i) * 2, Affine.of(m)), m) == Affine.of(i) * 2
    assert solve(Delta(Affine.of(m) + 1, Affine.of(i) * -1), i) == Affine.of(m) * -1 - 1


# ------------------------------------------------------------------ differentiation

SLOTS = (ref(C), ref(X, J), ref(W, J, K))  # an entry of each tensor, at free indices


@settings(max_examples=120, deadline=None, derandomize=True)
@given(smooth, st.sampled_from(SLOTS))
def test_derivatives_are_difference_quotients(term: Term, by: Ref) -> None:
    assert_derivative(term, derivative(term, by), by)


def assert_derivative(term: Term, slope: Term, by: Ref, least: int = 0) -> None:
    """The slope is the difference quotient of the term's value, at random points."""
    checked = 0
    for seed, where in product(range(2), PLACES):
        brute = Brute(at_random(seed, 0.2, 1.4), SIZES)
        try:
            expected = real_value(brute, Partial(term, by), where)
            found = real_value(brute, slope, where)
        except OutsideDomain:
            continue
        if abs(expected) > 1e6:
            continue  # too steep for a difference quotient
        checked += 1
        assert close(found, expected, 12), f"d({term})/d({by}) = {slope}: {found}, not {expected}"
    assert checked >= least


@settings(max_examples=100, deadline=None, derandomize=True)
@given(smooth, st.sampled_from(SLOTS))
def test_one_rule_at_a_time_ends_in_the_derivative(term: Term, by: Ref) -> None:
    """Every line is equal to the one before, and the last has no pending derivative."""
    assume(not isinstance(term, Ref))
    line: Term = Partial(term, by)
    for _ in range(30):
        if not any(isinstance(n, Partial) for n in walk(line)):
            break
        line, rules = push(line)
        assert all(rules)
    assert not any(isinstance(n, Partial) for n in walk(line))
    assert_derivative(term, line, by)


U = ref(C)


def constant(value: mpmath.mpf) -> Brute:
    return Brute(lambda tensor, where: value)


@pytest.mark.parametrize("name", sorted(CALCULUS))
def test_every_rule_of_the_calculus_by_sympy(name: str) -> None:
    """The table's entry is what SymPy's own differentiation gives, as a number."""
    u = sp.Symbol("u")
    expected = sp.diff(getattr(sp, name)(u), u)
    for value in (Fraction(1, 7), Fraction(3, 5), Fraction(9, 10)):
        point = sp.Rational(value.numerator, value.denominator)
        number = mpmath.mpf(value.numerator) / value.denominator
        found = constant(number)(derivative(call(name, U), U), {})
        assert close(found, mpmath.mpf(expected.subs(u, point).evalf(DIGITS)), 30)


@pytest.mark.parametrize("name", sorted(DEFINED))
def test_every_definition_is_the_function_of_that_name(name: str) -> None:
    """Its definition has the value of mpmath's function, and its derivative the right slope."""
    args = (U, ref(X, 0)) if name in {"max", "min"} else (U,)
    for seed in range(6):
        brute = Brute(at_random(seed))
        assert close(brute(DEFINED[name](*args), {}), brute(call(name, *args), {}), 30)
        slope = derivative(call(name, *args), U)
        assert close(brute(slope, {}), brute(Partial(call(name, *args), U), {}), 15)


RULES: dict[str, Term] = {
    "sum rule": Sum(exp(ref(W, I, J) * ref(X, J)), (I,)),
    "product rule": ref(X, J) * exp(ref(X, J)),
    "quotient rule": exp(ref(X, J)) / (1 + ref(X, J) ** 2),
    "reciprocal rule": power(1 + ref(X, J) ** 2, -1),
    "power rule": power(1 + ref(X, J) ** 2, Fraction(3, 2)),
    "chain rule": call("tanh", ref(X, J) ** 2),
    "branch by branch": Piecewise(
        ((ref(X, J) ** 2, Compare(">", ref(X, J), ONE)), (2 * ref(X, J), True))
    ),
    "differentiation": Extremum("max", ref(W, I, J) * ref(X, J), (I,)),
    **{f"derivative of {name}": call(name, ref(X, J) / 2) for name in CALCULUS},
}


@pytest.mark.parametrize("rule", RULES)
def test_every_named_rule_is_true(rule: str) -> None:
    """One push uses the rule, says so, and keeps the value."""
    term, by = RULES[rule], ref(X, J)
    line, rules = push(Partial(term, by))
    assert rule in rules
    assert_derivative(term, line, by, least=4)
    assert_derivative(term, derivative(term, by), by, least=4)


def test_the_derivative_of_a_maximum_is_at_its_first_place() -> None:
    largest = Extremum("max", ref(X, I) * ref(C), (I,))
    assert_derivative(largest, derivative(largest, ref(X, J)), ref(X, J), least=4)
    tie = Brute(lambda tensor, where: mpmath.mpf(1))
    slope = derivative(largest, ref(X, J))
    assert [int(tie(slope, {J: place})) for place in range(3)] == [1, 0, 0]


def test_an_argmax_over_two_indices_keeps_row_major_order() -> None:
    from derive.algebra.canon import normal, to_term

    for indices in ((I, K), (K, I)):
        largest = Extremum("max", ref(W, I, K), indices)
        where = Argmax(largest, tuple(map(Affine.of, indices)))
        tie = Brute(lambda tensor, where: mpmath.mpf(sum(where) == 2))  # w[1,1] = w[2,0] = 1
        for a, b in product(range(3), range(2)):
            expected = tie(where, {I: a, K: b})
            assert tie(to_term(normal(where)), {I: a, K: b}) == expected


def test_a_generic_function_gets_a_prime() -> None:
    phi = Function("phi", Label(0, "l"))
    assert str(derivative(Apply(phi, ref(X, J) ** 2), ref(X, J))) == "2*phil'(x[j]**2)*x[j]"


def test_two_entries_of_one_tensor_differ_by_their_places() -> None:
    assert str(derivative(ref(W, I, K), ref(W, J, M))) == "[i = j]*[k = m]"
    assert derivative(ref(W, I, K), ref(X, J)) is ZERO
    assert derivative(ref(X, J), ref(X, J)) is ONE


def test_what_has_no_rule_says_so() -> None:
    with pytest.raises(NotYet, match="Partial"):
        derivative(Partial(ref(X, I), ref(C)), ref(C))
    with pytest.raises(NotYet, match="zeta"):
        derivative(call("zeta", ref(C)), ref(C))


def test_constant_factors_stay_in_front() -> None:
    line, _ = push(Partial(3 * ref(X, I) * exp(ref(C)), ref(C)))
    assert isinstance(line, Mul)
    assert str(line) == "3*x[i]*exp(c)"
