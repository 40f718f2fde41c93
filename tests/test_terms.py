"""Terms: interning, the folding that constructors announce, and walking."""

from __future__ import annotations

import gc
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.algebra.terms import (
    ONE,
    ZERO,
    Add,
    Affine,
    Delta,
    Index,
    Label,
    Mul,
    Num,
    Pow,
    Sum,
    Tensor,
    Term,
    add,
    call,
    children,
    free_indices,
    lift,
    mul,
    number,
    ordered,
    power,
    rebuild,
    ref,
    refs,
    tensors,
    total,
    walk,
)
from tests.random_terms import INDICES, I, J, W, X, places, terms

A, B = (ref(Tensor(c, "parameter", batched=False)) for c in "ab")


# ------------------------------------------------------------------ interning


@settings(max_examples=100, deadline=None, derandomize=True)
@given(terms)
def test_equal_terms_are_one_object(term: Term) -> None:
    assert rebuild(term, lambda child: child) is term or isinstance(term, Add | Mul)
    fields = [getattr(term, name) for name in type(term).__dataclass_fields__]
    assert type(term)(*fields) is term


def test_interned_terms_can_be_collected() -> None:
    from derive.algebra import nodes

    gc.collect()  # what other tests left behind must not go in between
    before = len(nodes._TABLE)
    many = [ref(Tensor("z", "parameter", Label(k), False)) for k in range(500)]
    assert len(nodes._TABLE) >= before + 500
    del many
    gc.collect()
    assert len(nodes._TABLE) < before + 500


# ------------------------------------------------------------------ folding


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (A + 0, "a"),
        (A + 1 + 2, "a + 3"),
        (1 + A - 1, "a"),
        (A - A, "a - a"),
        ((A + B) + (A + 1), "a + b + a + 1"),
        (A * 1, "a"),
        (A * 0, "0"),
        (2 * A * 3, "6*a"),
        (A * A, "a**2"),
        (A * A**2, "a**3"),
        (A * B * A, "a*b*a"),
        (A / A, "a/a"),
        (mul(-1, -A), "a"),
        ((A**2) ** 3, "a**6"),
        (power(power(A, Fraction(1, 2)), 2), "a"),
        (power(A**2, Fraction(1, 2)), "(a**2)**(1/2)"),
        (power(lift(2), -2), "1/4"),
        (power(A, 0), "1"),
        (1 - A / B, "1 - a/b"),
        (mul(-1, A + B), "-(a + b)"),
        (A**-1, "1/a"),
        (total(A), "a"),
    ],
)
def test_constructors_fold_numerals_and_nothing_else(term: Term, text: str) -> None:
    assert str(term) == text


def test_division_by_zero_is_not_folded() -> None:
    assert isinstance(power(ZERO, -1), Pow)


def test_numbers_are_exact() -> None:
    assert number(lift(Fraction(1, 3)) + Fraction(1, 6)) == Fraction(1, 2)
    assert number(A) is None
    assert lift(1) is ONE


# ------------------------------------------------------------------ places and labels


@settings(max_examples=100, deadline=None, derandomize=True)
@given(places, places, st.integers(-3, 3))
def test_places_are_affine_functions(left: Affine, right: Affine, factor: int) -> None:
    at = {i: 3 * k + 1 for k, i in enumerate(INDICES)}

    def value(place: Affine) -> int:
        return place.offset + sum(c * at[i] for i, c in place.terms)

    assert value(left + right) == value(left) + value(right)
    assert value(left - right) == value(left) - value(right)
    assert value(left * factor) == factor * value(left)
    assert not (left - left).terms
    assert all(c for _, c in (left + right).terms)


def test_places_read_as_written() -> None:
    p, u = Index("p", 4), Index("u", 3)
    assert str(Affine.of(p) * 2 + u - 1) == "2*p+u-1"
    assert str(Affine.of(p) * -1) == "-p"
    assert (Affine.of(p) + 0).index == p
    assert (Affine.of(p) + 1).index is None
    assert (Affine.of(p) * 2).coefficient(p) == 2


def test_labels_count_layers() -> None:
    assert [str(Label(*args)) for args in ((2,), (0, "l"), (-1, "l"), (1, "L"))] == [
        "2",
        "l",
        "l-1",
        "L+1",
    ]
    assert Label(0, "l").shifted(1) == Label(1, "l")


# ------------------------------------------------------------------ walking


@settings(max_examples=100, deadline=None, derandomize=True)
@given(terms)
def test_a_walk_meets_every_subterm_once(term: Term) -> None:
    met = list(walk(term))
    assert met[0] is term
    assert len(met) == len(set(met))
    assert set(met) == {term, *(c for node in met for c in children(node))}
    assert set(refs(term)) == {n for n in met if type(n).__name__ == "Ref"}
    assert set(tensors(term)) == {r.tensor for r in refs(term)}


def test_a_bound_index_is_not_free() -> None:
    term = Sum(ref(W, I, J) * ref(X, I), (I,)) + Delta(Affine.of(I), Affine.of(2))
    assert free_indices(term) == {I, J}
    assert free_indices(Sum(ref(X, I), (I,))) == frozenset()


def test_indices_are_ordered_with_the_sample_first() -> None:
    n = Index("n", "N", sample=True)
    assert ordered({J, n, I}) == (n, I, J)


def test_deep_terms_are_walked() -> None:
    term: Term = A
    for _ in range(300):
        term = call("tanh", term * B)
    assert sum(1 for _ in walk(term)) == 602
    assert add(Num(Fraction(1)), term) is add(1, term)
