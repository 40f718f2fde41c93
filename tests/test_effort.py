"""The same question ends in the same way, whatever was asked before it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from codegen.stability.wholes import attempt
from derive.algebra import effort
from derive.algebra.canon import normal
from derive.algebra.effort import bounded, charged, spend
from derive.algebra.polynomial import TooBig
from derive.algebra.prove import TESTED, prove
from derive.algebra.simplify import tidy
from derive.algebra.terms import Tensor, Term, call, children, exp, ref

FRESH = count()
ENOUGH = 10**9


def letters(many: int) -> list[Term]:
    """Entries that no term has had, in the same order as those before them."""
    k = next(FRESH)
    return [ref(Tensor(f"q{k:06}{c}", "quantity", batched=False)) for c in "abcdef"[:many]]


def rational() -> Term:
    a, b, c = letters(3)
    return ((1 - a) / (1 - b) - a / b + 1 / (c + a * b)) * (b + c) ** 2 * (1 - b)


def exponential() -> Term:
    a, b, _ = letters(3)
    return call("log", 1 + exp(a)) * (exp(a) - exp(-b)) / (exp(a) + exp(-b)) + call("tanh", a * b)


def inside(term: Term) -> list[Term]:
    return [term, *(t for child in children(term) for t in inside(child))]


def nothing(term: Term) -> None:
    pass


def parts_first(term: Term) -> None:
    for part in reversed(inside(term)[1:]):
        normal(part)


def parts_tidied(term: Term) -> None:
    for part in inside(term)[1:]:
        tidy(part)


def whole_first(term: Term) -> None:
    normal(term)


BEFORE = [parts_first, parts_tidied, whole_first]


def least(before: Callable[[Term], None], made: Callable[[], Term], monkeypatch: object) -> int:
    """The least effort with which a term is brought into a short form, to one unit."""
    assert isinstance(monkeypatch, pytest.MonkeyPatch)
    low, high = 0, 40_000
    while high - low > 1:
        middle = (low + high) // 2
        term = made()
        before(term)
        monkeypatch.setattr(effort, "EFFORT", middle)
        found = bounded(lambda term=term: (tidy(term),), otherwise=None)  # type: ignore[misc]
        monkeypatch.setattr(effort, "EFFORT", ENOUGH)
        low, high = (middle, high) if found is None else (low, middle)
    return high


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("made", [rational, exponential])
def test_what_is_known_costs_what_it_cost(
    made: Callable[[], Term], before: Callable[[Term], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = least(nothing, made, monkeypatch)
    assert 100 < cold < 40_000
    assert least(before, made, monkeypatch) == cold


def test_a_value_is_paid_for_once_and_by_each_question(monkeypatch: pytest.MonkeyPatch) -> None:
    @charged
    def price(n: int) -> int:
        spend(9)
        return n if n < 2 else price(n - 1) + price(n - 2)

    monkeypatch.setattr(effort, "EFFORT", 210)  # twenty-one values of ten units
    for _ in range(2):
        assert bounded(lambda: price(20), otherwise=None) == 6765
        assert bounded(lambda: price(21), otherwise=None) is None
    assert price(21) == 10946  # outside of a question nothing is bounded
    assert bounded(lambda: price(21), otherwise=None) is None  # and it costs no less then
    assert bounded(lambda: bounded(lambda: price(21), otherwise=0), otherwise=1) == 1


def test_work_that_failed_is_paid_by_the_value_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    @charged
    def failing(n: int) -> int:
        spend(50)
        raise TooBig("always")

    @charged
    def around(n: int) -> int:
        try:
            return failing(n)
        except TooBig:
            return n

    for enough in (51, 52):
        monkeypatch.setattr(effort, "EFFORT", enough)
        for _ in range(2):  # new, then known
            assert bounded(lambda: around(7), otherwise=None) == (7 if enough == 52 else None)
        assert around(7) == 7


def test_who_opened_the_question_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof goes on with numbers, a short form stays as it is, a rule does not apply."""
    monkeypatch.setattr(effort, "EFFORT", 60)
    term = rational()
    assert tidy(term) is term
    assert attempt(lambda t: (normal(t), t + 1)[1], rational()) is None
    a, b = letters(2)
    assert prove((a + b) ** 5, (a + b) ** 4 * (a + b)).word == TESTED
