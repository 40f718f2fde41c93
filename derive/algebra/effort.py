"""A bound on the work of a question, whose answer does not depend on what was asked before.

A value that is known already costs what it cost when it was found: `charged` is a cache that keeps
with each value the work that it took and the values that it rests on.  Within one question every
value is paid for once.  So the same question always ends in the same way, answered or given up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import Any, TypeVar, TypeVarTuple

EFFORT = 40_000  # units of work for one question, of which a usual one needs some thousands

V = TypeVar("V")
W = TypeVar("W")
Ts = TypeVarTuple("Ts")


class Exhausted(Exception):
    """The work allowed for the question is used up, which concerns nobody but `bounded`.

    A function in between that went on without the value would answer by what work was left.
    """


class _Record:
    """A value with the work that it took by itself, and the records of the values it rests on."""

    __slots__ = ("paid", "parts", "units", "value")

    def __init__(self, question: int) -> None:
        self.value: Any = None
        self.units = 0
        self.parts: dict[_Record, None] = {}
        self.paid = question  # the number of the question that has paid for it


class _Work:
    """The question under way: its number, what is left of its work (None outside of one)."""

    left: int | None = None
    question = 0
    open: _Record | None = None  # the innermost value that is being found


def bounded(question: Callable[[], V], otherwise: W) -> V | W:
    """The answer, or `otherwise` where that takes more than the work allowed.

    A question within another one has no bound of its own: that of the outer one holds on.
    """
    if _Work.left is not None:
        return question()
    _Work.left = EFFORT
    _Work.question += 1
    try:
        return question()
    except Exhausted:
        return otherwise
    finally:
        _Work.left = None


def spend(units: int) -> None:
    """Count work, for the value that is being found and for the question under way."""
    if _Work.open is not None:
        _Work.open.units += units
    if _Work.left is not None:
        _Work.left -= units
        if _Work.left < 0:
            raise Exhausted


def charged(function: Callable[[*Ts], V]) -> Callable[[*Ts], V]:
    """The function with a cache of its values, each of which costs the same, known or new.

    A value costs a unit or more, so that the cache holds all that one question can pay for.
    """

    @lru_cache(maxsize=2 * EFFORT)
    def found(*args: Hashable) -> _Record:
        outer, record = _Work.open, _Record(_Work.question)
        _Work.open = record
        try:
            spend(1)
            record.value = function(*args)  # type: ignore[arg-type]
        except BaseException:  # what fails is not kept: it was work for the value around it
            if outer is not None:
                outer.units += record.units
                outer.parts |= record.parts
            raise
        finally:
            _Work.open = outer
        return record

    @wraps(function)
    def asked(*args: *Ts) -> V:
        record = found(*args)
        if _Work.open is not None:
            _Work.open.parts[record] = None
        if _Work.left is not None and record.paid != _Work.question:
            _pay(record)
        value: V = record.value
        return value

    return asked


def _pay(record: _Record) -> None:
    """Charge a known value, and all that it rests on, to the question under way."""
    around, _Work.open = _Work.open, None  # it pays through its parts
    waiting = [record]
    try:
        while waiting:
            part = waiting.pop()
            if part.paid != _Work.question:
                part.paid = _Work.question
                spend(part.units)
                waiting.extend(part.parts)
    finally:
        _Work.open = around
