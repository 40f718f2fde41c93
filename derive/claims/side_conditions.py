r"""Conditions on numbers beside a claim: phi'(s) = e^s for s < 0.

They are statements between a quantity and a number; what stands before them in the same formula,
or behind where nothing stands before, is looked at where they are met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.claims.arrays import Matrix
from derive.claims.claim import Claim
from derive.claims.numbers import Outside, compare
from derive.claims.places import NoValue
from derive.claims.values import Setting
from derive.reading.tree import Entry, Letter, Minus, Node, Num

_ORDERS = ("<", ">", "le", "ge")


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
            if c.chain == chain and not is_side_condition(c)
            else c
            for c in made
        ]
    return tuple(made)


def is_side_condition(claim: Claim) -> bool:
    """Whether the claim compares a quantity of its own with a number: s > 0."""
    sides = (claim.lhs, claim.rhs)
    quantity = any(isinstance(s, Entry | Letter) for s in sides)
    return claim.relation in _ORDERS and quantity and any(map(_is_number, sides))


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
    if isinstance(left, Matrix) or isinstance(right, Matrix):
        return True
    return compare(condition.relation, left.real, right.real)
