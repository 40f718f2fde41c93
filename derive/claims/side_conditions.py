r"""Conditions on numbers beside a claim: phi'(s) = e^s for s < 0.

They are statements between a quantity and a number; what stands before them in the same formula,
or behind where nothing stands before, is looked at where they are met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from derive.claims.arrays import Matrix, Value
from derive.claims.claim import Claim
from derive.claims.numbers import Outside, compare
from derive.claims.places import NoValue
from derive.claims.values import Setting
from derive.reading.tree import Bars, Entry, Letter, Minus, Node, Num

_ORDERS = ("<", ">", "le", "ge")
_ZERO, _ONE = Num(Fraction(0)), Num(Fraction(1))


def with_side_conditions(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims of one formula, those beside a condition with it."""
    made = list(claims)
    for k, condition in enumerate(claims):
        if not is_side_condition(condition):
            continue
        before = [c for c in claims[:k] if not is_side_condition(c)]
        behind = [c for c in claims[k:] if not is_side_condition(c)]
        chain = before[-1].chain if before else behind[0].chain if behind else None
        made = [
            replace(c, conditions=(*c.conditions, condition))
            if c.chain == chain and not is_side_condition(c) and not _gives(c, condition)
            else c
            for c in made
        ]
    return tuple(made)


def is_side_condition(claim: Claim) -> bool:
    """Whether the claim compares a quantity of its own with a number: s > 0, |o - y| < 1, y = 1."""
    sides = (claim.lhs, claim.rhs)
    if of_classes(claim):
        return True
    quantity = any(isinstance(s, Entry | Letter | Bars) for s in sides)
    return claim.relation in _ORDERS and quantity and any(map(_is_number, sides))


def of_classes(claim: Claim) -> bool:
    """Whether it says that a target is 0 or 1: y_k = 1, where k is any class."""
    lhs, rhs = claim.lhs, claim.rhs
    target = isinstance(lhs, Entry) and lhs.role == "target" and lhs.form != "batch"
    free = isinstance(lhs, Entry) and all(isinstance(p, Letter) for p in lhs.places)
    return claim.relation == "=" and target and free and rhs in (_ZERO, _ONE)


def _gives(claim: Claim, condition: Claim) -> bool:
    """Whether both give numbers: x = 0.5, y = 1."""
    return of_classes(condition) and claim.rhs is not None and _is_number(claim.rhs)


def _is_number(node: Node | None) -> bool:
    return isinstance(node.arg if isinstance(node, Minus) else node, Num)


def meets(claim: Claim, setting: Setting) -> bool:
    """Whether the side conditions hold at a place; those without a value say nothing."""
    return all(_holds(c, setting) for c in claim.conditions if is_side_condition(c))


def _holds(condition: Claim, setting: Setting) -> bool:
    assert condition.lhs is not None
    assert condition.rhs is not None
    try:
        left, right = setting.value(condition.lhs), setting.value(condition.rhs)
    except (NoValue, Outside):
        return True
    left, right = map(_lone, (left, right))
    if isinstance(left, Matrix) or isinstance(right, Matrix):
        return True
    if condition.relation == "=":
        return abs(left - right) < 0.5
    return compare(condition.relation, left.real, right.real)


def _lone(value: Value) -> Value:
    """The number in an array of one."""
    if isinstance(value, Matrix) and value.shape == (1, 1):
        return value.rows[0][0]
    return value
