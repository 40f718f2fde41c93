"""The gradient through a standardisation in its usual three terms, as a simplification.

With h = (x - m) r and r = (v + eps)^(-1/2) the errors of m and v are inserted into that of x, and
x and v are eliminated by solving these two equations for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from derive.adjoint import partner
from derive.algebra.equation import Equation
from derive.algebra.index import at, define, derivative, replace_refs
from derive.algebra.simplify import cost, tidy
from derive.algebra.terms import (
    ZERO,
    Affine,
    Index,
    Partial,
    Pow,
    Ref,
    Sum,
    Tensor,
    Term,
    free_indices,
    power,
    rebuild,
    refs,
)
from derive.stages import Stage
from derive.steps import Builder, Chain


def in_standardised(chain: Builder, stage: Stage, errors: Mapping[Tensor, Chain]) -> Builder:
    """Append the errors of the statistics and the short form in h and r."""
    inner = [e for e in stage.body[:-1] if not _has(e.lhs, stage.body[-1])]
    inserted = chain.last
    for equation in inner:  # the error of m has that of v in it, and that one the error of r
        if equation.lhs.tensor in errors:
            inserted = _insert(
                inserted, _apart(errors[equation.lhs.tensor], free_indices(inserted))
            )
    short = inserted
    solved = [s for e in stage.body[:-1] if (s := _solved(e, stage.source)) is not None]
    for entry, value in solved:
        short = define(short, entry, value)
    short = tidy(short)
    if cost(short) >= cost(inserted):
        return chain
    chain.by_rule(inserted, "insert the errors of the statistics")
    opened = short
    closed = inserted
    for equation in reversed(stage.body[:-1]):
        if _solved(equation, stage.source) is not None:
            opened = define(opened, equation.lhs, equation.rhs)
            closed = define(closed, equation.lhs, equation.rhs)
    return chain.equal(short, "in the standardised values", unfold=(closed, opened))


def _has(entry: Ref, equation: Equation) -> bool:
    """Whether the equation reads the entry's tensor: the standardised values, whose error stays."""
    return any(r.tensor == entry.tensor for r in refs(equation.rhs))


def _apart(chain: Chain, taken: frozenset[Index]) -> Chain:
    """The chain with its last sums over other places than those that are looked at."""
    names = {i.name for i in taken}

    def visit(node: Term) -> Term:
        node = rebuild(node, visit)
        if not isinstance(node, Sum):
            return node
        moved: dict[Index, Index] = {}
        for i in node.indices:
            if _clash(i, names):
                avoid = names | {j.name for j in (*node.indices, *moved.values())}
                moved[i] = Index(partner(i.name, avoid), i.size)
        body = at(node.body, {i: Affine.of(new) for i, new in moved.items()})
        return Sum(body, tuple(moved.get(i, i) for i in node.indices))

    last = replace(chain.steps[-1], rhs=visit(chain.result))
    return replace(chain, steps=(*chain.steps[:-1], last))


def _clash(index: Index, names: set[str]) -> bool:
    return index.name in names and not index.sample


def _insert(term: Term, chain: Chain) -> Term:
    """The term with every dL/dt replaced by what the chain says of it."""
    lhs = chain.lhs
    assert isinstance(lhs, Partial)
    free = [p.index for p in lhs.by.at]

    def visit(node: Term) -> Term:
        if isinstance(node, Partial) and node.by.tensor == lhs.by.tensor:
            places: dict[Index, Affine] = {
                i: p for i, p in zip(free, node.by.at, strict=True) if i is not None
            }
            return at(chain.result, places)
        return rebuild(node, visit)

    return visit(term)


def _solved(equation: Equation, source: Tensor) -> tuple[Ref, Term] | None:
    """The equation solved for an entry: a power for its base, a linear one for the source."""
    rhs = equation.rhs
    if isinstance(rhs, Pow):
        inside = [r for r in refs(rhs.base)]
        if len(inside) == 1:
            base = power(equation.lhs, 1 / rhs.exponent)
            return inside[0], base - replace_refs(rhs.base, lambda r: ZERO)
        return None
    entries = [r for r in refs(rhs) if r.tensor == source]
    if len(entries) != 1 or entries[0].at != equation.lhs.at:
        return None
    (entry,) = entries
    slope = derivative(rhs, entry)
    if slope is ZERO or any(r.tensor == source for r in refs(slope)):
        return None
    constant = replace_refs(rhs, lambda r: ZERO if r is entry else None)
    return entry, (equation.lhs - constant) / slope
