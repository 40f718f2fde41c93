"""Where the loss is defined: the arguments of its logarithms and roots must stay positive."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath

from derive.evaluate import Digits
from derive.forward import Forward, Y
from derive.identities import S
from derive.index import replace_term
from derive.simplify import tidy
from derive.terms import Apply, Call, Ref, Term, refs, walk

GRID = (0.0, *(s * 10.0**e for e in (-8, -3, -1, 0, 1, 2) for s in (-3, -1, 1, 3)))


@dataclass(frozen=True)
class Condition:
    """`positive` > 0 must hold; `holds`: it does for every value of the parameters."""

    positive: Term
    holds: bool
    remedy: str = ""


def conditions(forward: Forward) -> tuple[Condition, ...]:
    """A condition for every logarithm in the loss whose argument depends on the output."""
    output = forward.output.tensor
    found: dict[Term, Condition] = {}
    for node in walk(forward.loss.rhs):
        if isinstance(node, Call) and node.function == "log":
            (arg,) = node.args
            outputs = [r for r in refs(arg) if r.tensor == output]
            if len(outputs) == 1 and not any(r.tensor == Y for r in refs(arg)):
                found.setdefault(arg, _condition(forward, arg, outputs[0]))
    return tuple(found.values())


def _condition(forward: Forward, arg: Term, output: Ref) -> Condition:
    stage = forward.stages[-1]
    if stage.activation is not None and stage.phi is None:
        low, high = 0.0, 1.0  # softmax: strictly between
        holds = _positive(arg, output, mpmath.mpf("1e-30")) and _positive(
            arg, output, 1 - mpmath.mpf("1e-30")
        )
        return Condition(arg, holds)
    phi = S if stage.phi is None else stage.phi
    if isinstance(stage.phi, Apply):
        return Condition(arg, True)
    inside = replace_term(arg, output, phi)
    holds = all(_positive_at(inside, s) for s in GRID)
    remedy = ""
    if not holds and all(_positive_at(replace_term(arg, output, (1 + phi) / 2), s) for s in GRID):
        remedy = "use (1 + o)/2 in place of o in the loss"
    return Condition(tidy(arg), holds, remedy)


def _positive_at(term: Term, s: float) -> bool:
    return _positive(term, S, mpmath.mpf(s))


def _positive(term: Term, entry: Ref, value: mpmath.mpf) -> bool:
    with mpmath.workdps(300):
        return bool(Digits(lambda node: value)(term) > 0)
