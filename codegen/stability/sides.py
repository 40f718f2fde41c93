"""Every branch of a Piecewise on its own side, and exponentials that cannot run away.

NumPy computes all branches everywhere; those not taken must stay finite too."""

from __future__ import annotations

import math
from fractions import Fraction

from codegen.stability.products import gathered
from derive.algebra.canon import normal, sign
from derive.algebra.index import replace_term
from derive.algebra.terms import (
    Add,
    Call,
    Compare,
    Mul,
    Num,
    Piecewise,
    Pow,
    Term,
    call,
    children,
    number,
    rebuild,
    walk,
)
from derive.errors import NotYet

HELD = 80  # exp of it is within the range of float32
SUNK = 10  # exp(-exp(10)) is 0 in both precisions
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
    if not (isinstance(term, Call) and term.function in ("exp", "expm1")):
        return None
    (arg,) = term.args
    inner = [n for n in walk(arg) if isinstance(n, Call) and n.function == "exp"]
    inner = [n for n in inner if not isinstance(n.args[0], Call)]
    if not inner or known_sign(arg) != -1:
        return None
    if (joined := _gathered(arg)) is not arg:
        return call(term.function, joined)  # exp(v) exp(-v/2) grows as exp(v/2)
    for node in inner:
        size = _least(arg, node)
        if size is not None and size > SUNK:
            arg = replace_term(arg, node, call("exp", call("min", node.args[0], HELD)))
    return None if arg is term.args[0] else call(term.function, arg)


def _gathered(term: Term) -> Term:
    term = rebuild(term, _gathered)
    return gathered(term) or term


def _least(term: Term, node: Term) -> float | None:
    """A bound from below of log |term| where node = exp(80), if it grows with the node.

    None where a factor beside the node can be small, so that the product need not be large.
    """
    if term is node:
        return float(HELD)
    if isinstance(term, Add):
        found = [size for arg in term.args if (size := _least(arg, node)) is not None]
        return max(found, default=None)
    if isinstance(term, Pow) and term.exponent > 0:
        inner = _least(term.base, node)
        return None if inner is None else float(term.exponent) * inner
    if not isinstance(term, Mul) or not any(n is node for n in walk(term)):
        return None
    sizes = [_least(arg, node) or _log_least(arg) for arg in term.args]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _log_least(term: Term) -> float | None:
    """log |c| for a number c, or for c + a with a number c > 0 and an a that is not negative."""
    value = number(term)
    if value is None and isinstance(term, Add) and known_sign(term) == 1:
        value = sum((v for arg in term.args if (v := number(arg)) is not None), Fraction(0))
    return math.log(abs(value)) if value else None


def known_sign(term: Term) -> int:
    """1 or -1 where the normal form shows the sign of the term, else 0."""
    try:
        return sign(normal(term))
    except (NotYet, ZeroDivisionError):
        return 0
