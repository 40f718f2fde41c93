"""Another summed index: both sides written out add up the same, and nothing false is proved."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from derive.algebra.canon import equal, normal
from derive.algebra.index import written_out
from derive.algebra.prove import PROVED, Unproved, prove
from derive.algebra.reindex import _forms, opened
from derive.algebra.terms import Affine, Guard, Index, Ref, Sum, Tensor, Term, mul

A, U, M = Index("a", 6), Index("u", 3), Index("m", 4)
W = Tensor("w", "weight", batched=False)
D = Tensor("d", "quantity", batched=False)


def place(offset: int = 0, **terms: int) -> Affine:
    known = {"a": A, "u": U, "m": M}
    return Affine(offset, tuple((known[name], c) for name, c in terms.items()))


def over_places(offset: int = 0, size: int = 3) -> Term:
    """Sum_m [0 <= a - m + offset < size] w[a - m + offset] d[m]."""
    tap = place(offset, a=1, m=-1)
    return Sum(mul(Guard(tap, size), Ref(W, (tap,)), Ref(D, (Affine.of(M),))), (M,))


def over_taps(offset: int = 0, sign: int = -1) -> Term:
    """Sum_u w[u] d[a - u + offset], with 0 read outside of d."""
    spot = place(offset, a=1, u=sign)
    return Sum(mul(Ref(W, (Affine.of(U),)), Ref(D, (spot,), (4,))), (U,))


def number(term: Term, a: int) -> float:
    """The value at a place, by reading the written-out sum entry by entry."""
    return float(_value(written_out(term, {}, {A: a})))


def _value(term: Any) -> float:
    if isinstance(term, Ref):
        at, random = [p.offset for p in term.at], Random(f"{term.tensor} {term.at[0].offset}")
        outside = term.padded and not all(
            0 <= p < int(n) for p, n in zip(at, term.padded, strict=True)
        )
        return 0.0 if outside else random.uniform(1, 2)
    if isinstance(term, Guard):
        return float(0 <= term.place.offset < int(term.size))
    parts = [_value(part) for part in getattr(term, "args", ())]
    match type(term).__name__:
        case "Add":
            return sum(parts)
        case "Mul":
            found = 1.0
            for part in parts:
                found *= part
            return found
        case "Num":
            return float(term.value)
    raise AssertionError(term)


@pytest.mark.parametrize("offset", [-1, 0, 2])
def test_every_form_of_a_sum_has_its_value(offset: int) -> None:
    given = opened(over_places(offset))
    (((first, _),),) = normal(given)
    assert isinstance(first, Sum)
    forms = _forms(first)
    assert len(forms) > 1
    for form in forms:
        for a in range(6):
            assert number(form, a) == pytest.approx(number(given, a))


@pytest.mark.parametrize("offset", [-1, 0, 2])
def test_places_and_taps_are_one_sum(offset: int) -> None:
    assert not equal(over_places(offset), over_taps(offset))
    assert prove(over_places(offset), over_taps(offset)).word == PROVED
    for a in range(6):
        assert number(over_places(offset), a) == pytest.approx(number(over_taps(offset), a))


@pytest.mark.parametrize(
    "other", [over_taps(1), over_taps(0, 1), over_places(0, 2), over_places(1)]
)
def test_other_sums_are_not(other: Term) -> None:
    with pytest.raises(Unproved):
        prove(over_taps(), other)


def test_sums_inside_sums_are_one() -> None:
    inner = Sum(mul(Ref(W, (Affine.of(U),)), Ref(D, (place(0, a=1, u=-1),), (4,))), (U,))
    outer = Index("a", 6)
    nested = Sum(
        mul(Ref(Tensor("v", "weight", batched=False), (Affine.of(outer),)), inner), (outer,)
    )
    flat = opened(nested)
    assert isinstance(flat, Sum)
    assert len(flat.indices) == 2
    assert number(flat, 0) == pytest.approx(number(nested, 0))
