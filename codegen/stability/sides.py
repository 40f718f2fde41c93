"""Every branch of a Piecewise on its own side, and exponentials that cannot run away.

NumPy computes all branches everywhere; those not taken must stay finite too."""

from __future__ import annotations

from derive.algebra.canon import normal, sign
from derive.algebra.index import replace_term
from derive.algebra.terms import (
    Call,
    Compare,
    Num,
    Piecewise,
    Pow,
    Term,
    call,
    children,
    walk,
)
from derive.errors import NotYet

RISKY = frozenset({"exp", "expm1", "log", "log1p", "sinh", "cosh"})


BOUNDED = frozenset({"sigmoid", "tanh", "decay", "erf", "erfc", "atan"})


def on_its_side(term: Term) -> Term | None:
    """Each branch with the compared quantity held where the branch is taken.

    NumPy computes every branch everywhere; held back, the branches not taken stay finite.
    """
    if not isinstance(term, Piecewise):
        return None
    known: list[Compare] = []
    branches = []
    for value, cond in term.branches:
        holds = [*known, cond] if isinstance(cond, Compare) else known
        for compare in holds:
            value = _held(value, compare)
        branches.append((value, cond))
        if isinstance(cond, Compare):
            known.append(Compare(Compare.COMPLEMENT[cond.op], cond.lhs, cond.rhs))
    return Piecewise(tuple(branches))


def _held(value: Term, compare: Compare) -> Term:
    lhs, rhs, below = compare.lhs, compare.rhs, compare.op in ("<", "<=")
    if isinstance(lhs, Num):
        return value
    if isinstance(lhs, Call) and lhs.function == "abs" and below:
        lhs = lhs.args[0]
        inside = call("max", call("min", lhs, rhs), -rhs)
    else:
        inside = call("min" if below else "max", lhs, rhs)
    if any(node is inside for node in walk(value)):
        return value  # held already
    return replace_term(value, lhs, inside) if _exposed(value, lhs) else value


def _exposed(value: Term, part: Term, risky: bool = False) -> bool:
    """Whether `part` stands in `value` under something that may overflow or leave its domain."""
    if value is part:
        return risky
    if isinstance(value, Call) and value.function in BOUNDED:
        return False
    risky = risky or isinstance(value, Pow)
    risky = risky or (isinstance(value, Call) and value.function in RISKY)
    return any(_exposed(child, part, risky) for child in children(value))


def sinking(term: Term) -> Term | None:
    """exp(-a exp(v)) with a > 0: beyond v = 80 it is 0, so v need not grow further."""
    if not (isinstance(term, Call) and term.function == "exp"):
        return None
    inner = [n for n in walk(term.args[0]) if isinstance(n, Call) and n.function == "exp"]
    inner = [n for n in inner if not isinstance(n.args[0], Call)]
    if not inner or known_sign(term.args[0]) != -1:
        return None
    arg = term.args[0]
    for node in inner:
        arg = replace_term(arg, node, call("exp", call("min", node.args[0], 80)))
    return call("exp", arg)


def known_sign(term: Term) -> int:
    """1 or -1 where the normal form shows the sign of the term, else 0."""
    try:
        return sign(normal(term))
    except (NotYet, ZeroDivisionError):
        return 0
