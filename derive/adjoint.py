"""The chain rule over equations: how the loss depends on an entry, one justified step at a time.

dL/dt[m] is the sum, over the free indices j of an equation lhs[j] = rhs in which t stands, of
dL/dlhs[j] * d rhs/d t[m].  One sample is looked at, so its index is never summed over here.
"""

from __future__ import annotations

from collections.abc import Callable

from derive.equation import Equation
from derive.index import at, contracted, derivative, fresh
from derive.simplify import tidy
from derive.steps import BY_DEFINITION, Builder
from derive.terms import Affine, Index, Partial, Ref, Term, free_indices, mul, ordered, total

Upstream = Callable[[Ref], Term]  # the error of an entry: its delta, or dL/d entry
NAMES = "kmpqrtuv"  # for the index that the chain rule sums over


def apart(user: Equation, by: Ref) -> Equation:
    """The equation with free indices that do not clash with those of `by`; the sample stays."""
    taken = {i for i in free_indices(by) if not i.sample}
    renaming: dict[Index, Affine] = {}
    for i in paths(user):
        name = next(n for n in NAMES if n not in {t.name for t in taken})
        new = fresh(name, i.size, taken)
        taken.add(new)
        renaming[i] = Affine.of(new)
    lhs = at(user.lhs, renaming)
    assert isinstance(lhs, Ref)
    return Equation(lhs, at(user.rhs, renaming), user.why)


def paths(user: Equation) -> tuple[Index, ...]:
    """The free indices of the left side, the sample apart."""
    return tuple(i for i in ordered(free_indices(user.lhs)) if not i.sample)


def formal(user: Equation, by: Ref, upstream: Upstream) -> Term:
    """Sum_j dL/dlhs[j] * d lhs[j]/d by, the inner derivative not yet carried out."""
    return total(mul(upstream(user.lhs), Partial(user.lhs, by)), *paths(user))


def inserted(user: Equation, by: Ref, upstream: Upstream) -> Term:
    """The same with the derivative of the right side, its own deltas contracted."""
    slope = contracted(derivative(user.rhs, by))
    return total(mul(upstream(user.lhs), slope), *paths(user))


def carried(user: Equation, by: Ref, upstream: Upstream) -> Term:
    """The short form of the same: what reaches `by` through the equation."""
    return tidy(contracted(inserted(user, by, upstream)))


def append_rule(
    chain: Builder, user: Equation, raw: Upstream, named: Upstream, cites: tuple[str, ...]
) -> Builder:
    """Chain rule, errors by their names, derivative inserted, contracted, in short form."""
    by = chain.lhs.by if isinstance(chain.lhs, Partial) else None
    assert isinstance(by, Ref)
    user = apart(user, by)
    chain.by_rule(formal(user, by, raw), "chain rule")
    chain.by_rule(formal(user, by, named), "definition of the error", check=BY_DEFINITION)
    chain.by_rule(inserted(user, by, named), "derivative of the equation", *cites)
    chain.equal(contracted(chain.last), "only the term with equal indices remains")
    return chain.equal(tidy(chain.last), "in short form")
