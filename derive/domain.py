"""Where the loss is defined: what stands under its logarithms and roots must be positive.

Whether it is, whatever the parameters are, is looked up at outputs that a network can have: the
activation at pre-activations of every size and sign, targets between 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import mpmath

from derive.algebra.evaluate import Digits
from derive.algebra.index import define, relabel, written_out
from derive.algebra.simplify import tidy
from derive.algebra.terms import (
    Apply,
    Call,
    Extent,
    Index,
    Num,
    Pow,
    Ref,
    Term,
    free_indices,
    ordered,
    refs,
    walk,
)
from derive.forward import Forward, Y
from derive.identities import S
from derive.stages import Stage

GRID = (0.0, *(s * 10.0**e for e in (-8, -3, -1, 0, 1, 2) for s in (-3, -1, 1, 3)))
TRIALS = 40
DIGITS = 300  # e^-300 and 1 - e^-300 are still apart from 0 and 1


@dataclass(frozen=True)
class Condition:
    """`positive` > 0 must hold; `holds`: it does for every value of the parameters."""

    positive: Term
    holds: bool
    remedy: str = ""


def conditions(forward: Forward) -> tuple[Condition, ...]:
    """A condition for every logarithm and root in the loss that depends on the output."""
    found: dict[Term, Condition] = {}
    for node in walk(forward.loss.rhs):
        inside = _must_be_positive(node)
        if inside is not None and any(r.tensor == forward.output.tensor for r in refs(inside)):
            found.setdefault(inside, _condition(forward, inside))
    return tuple(found.values())


def _must_be_positive(node: Term) -> Term | None:
    match node:
        case Call(function="log"):
            return node.args[0]
        case Pow() if node.exponent.denominator > 1 and not isinstance(node.base, Num):
            return node.base
    return None


def _condition(forward: Forward, inside: Term) -> Condition:
    stage = forward.stages[-1]
    if isinstance(stage.phi, Apply):  # nothing is known of a generic activation
        return Condition(inside, True)
    if _always_positive(inside, stage):
        return Condition(tidy(inside), True)
    within = all(_always_positive(edge, stage) for edge in (1 + forward.output, 1 - forward.output))
    helps = within and _always_positive(_centred(inside, forward), stage)
    return Condition(
        tidy(inside), False, "use (1 + o)/2 in place of o in the loss" if helps else ""
    )


def _centred(term: Term, forward: Forward) -> Term:
    """The term with (1 + o)/2 in place of every output o."""
    out = forward.output
    if any(p.index is None for p in out.at):
        return term
    return define(term, out, (1 + out) / 2)


def _always_positive(inside: Term, stage: Stage) -> bool:
    with mpmath.workdps(DIGITS):
        return all(_positive_once(inside, stage, Random(f"domain {k}")) for k in range(TRIALS))


def _positive_once(inside: Term, stage: Stage, random: Random) -> bool:
    """At one choice of outputs and targets; an entry at one place has one value.

    Where a part has no real value there is another condition, on that part, which says so.
    """
    small = _at_most(inside)
    here = {i: random.randrange(_count(i)) for i in ordered(free_indices(small))}
    term = written_out(small, _Sizes(), here)
    before: dict[Term, Any] = {}

    def pre_activation(place: Term) -> Any:
        return before.setdefault(place, mpmath.mpf(random.choice(GRID)))

    def value(node: Term) -> Any:
        assert isinstance(node, Ref)
        if node.tensor == Y:
            return before.setdefault(node, mpmath.mpf(random.random()))
        if stage.activation is not None and stage.phi is None:
            return _softmax(pre_activation(node), random)
        phi = S if stage.phi is None else stage.phi
        return Digits(lambda _: pre_activation(node))(phi)

    try:
        found = Digits(value)(term)
    except ZeroDivisionError:
        return False
    except ValueError:
        return True
    return isinstance(found, mpmath.mpc) or bool(found > 0)


def _softmax(s: Any, random: Random) -> Any:
    """One output of a softmax with another unit beside it."""
    return 1 / (1 + mpmath.exp(mpmath.mpf(random.choice(GRID)) - s))


def _count(index: Index) -> int:
    return min(2, index.size) if isinstance(index.size, int) else 2


def _at_most(term: Term) -> Term:
    """The term with every range cut to two values, which is enough to look at signs."""

    def cut(extent: Extent) -> Extent:
        return min(2, extent) if isinstance(extent, int) else extent

    return relabel(term, lambda t: t, cut)


class _Sizes(dict[str, int]):
    """Two, for every symbolic size."""

    def __missing__(self, name: str) -> int:
        return 2
