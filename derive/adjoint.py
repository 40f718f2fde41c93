"""The chain rule over equations: how the loss depends on an entry, one justified step at a time.

dL/dt[m] is the sum, over every equation lhs[j] = rhs in which t stands and over its free indices j,
of dL/dlhs[j] * d rhs/d t[m].  The sample is looked at alone, so its index is summed over only where
t is a statistic of all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from derive.algebra.canon import equal
from derive.algebra.equation import Equation
from derive.algebra.index import (
    LETTERS,
    at,
    contracted,
    define,
    derivative,
    fresh,
    replace_term,
    unshadowed,
)
from derive.algebra.simplify import cost, tidy
from derive.algebra.terms import (
    ZERO,
    Add,
    Affine,
    Extremum,
    Index,
    Num,
    Partial,
    Pow,
    Ref,
    Sum,
    Term,
    add,
    free_indices,
    mul,
    power,
    rebuild,
    refs,
    total,
    walk,
)
from derive.identities import with_slopes
from derive.lemmas import expand_slopes, fold_ratio
from derive.steps import Builder

Upstream = Callable[[Ref], Term]  # the error of an entry: its delta, or dL/d entry
PARTNERS = {"c": "k", "k": "c", "p": "a", "q": "b", "a": "p", "b": "q"}  # of channels and places


def apart(user: Equation, by: Ref) -> Equation:
    """The equation with free indices that do not clash with those of `by`; the sample stays."""
    taken = {i for i in free_indices(by) if not i.sample}
    mine = [i for i in _in_places(user.lhs) if not i.sample]
    renaming: dict[Index, Affine] = {}
    for i in mine:
        clash = i.name in {t.name for t in taken}
        name = partner(i.name, {t.name for t in taken}) if clash else i.name
        if len(mine) == 1:  # one path index is always k, so that pages look alike
            name = next(n for n in LETTERS if n not in {t.name for t in taken})
        new = fresh(name, i.size, taken)
        taken.add(new)
        renaming[i] = Affine.of(new)
    lhs = at(user.lhs, renaming)
    assert isinstance(lhs, Ref)
    rhs = unshadowed(at(user.rhs, renaming), free_indices(by))  # no k in two senses
    return Equation(lhs, rhs, user.why)


def partner(name: str, taken: set[str]) -> str:
    """Another index of the kind: k for a channel c, a and b for places p and q."""
    usual = PARTNERS.get(name, name)
    return usual if usual not in taken else next(n for n in LETTERS if n not in taken)


def paths(user: Equation, by: Ref) -> tuple[Index, ...]:
    """The indices of the left side over which the chain rule sums."""
    statistic = by.tensor.role == "quantity" and not by.tensor.batched
    return tuple(i for i in _in_places(user.lhs) if statistic or not i.sample)


def _in_places(entry: Ref) -> tuple[Index, ...]:
    """The free indices in the order in which they stand."""
    return tuple(dict.fromkeys(i for place in entry.at for i, _ in place.terms))


def formal(user: Equation, by: Ref, upstream: Upstream) -> Term:
    """Sum_j dL/dlhs[j] * d lhs[j]/d by, the inner derivative not yet carried out."""
    return total(mul(upstream(user.lhs), Partial(user.lhs, by)), *paths(user, by))


def inserted(user: Equation, by: Ref, upstream: Upstream) -> Term:
    """The same with the derivative of the right side, its own deltas contracted."""
    slope = contracted(derivative(user.rhs, by))
    return total(mul(upstream(user.lhs), slope), *paths(user, by))


def carried(user: Equation, by: Ref, upstream: Upstream) -> Term:
    """The short form of the same: what reaches `by` through the equation."""
    return tidy(contracted(inserted(user, by, upstream)))


def in_values(term: Term, user: Equation) -> Term:
    """The derivative of the right side, in terms of the value of the left side where shorter:

    f'(u) by the slope of f, the whole right side by its name, a power of its base by a power of it,
    and the ratio u/Z of a softmax by its name.
    """
    term = with_slopes(term)
    if not isinstance(user.rhs, Extremum):  # an argmax asks for the place, not for the value
        term = replace_term(term, user.rhs, user.lhs)
    if isinstance(user.rhs, Pow):
        term = _powers(term, user.rhs, user.lhs)
        solved = tidy(_solved(term, user.rhs, user.lhs))
        term = solved if cost(solved) < cost(term) else term
    folded = fold_ratio(term, user)
    return folded if cost(folded) < cost(term) else term


def _powers(term: Term, rhs: Pow, lhs: Ref) -> Term:
    """(v + e)^(-3/2) = r^3 for r = (v + e)^(-1/2)."""
    if isinstance(term, Pow) and term.base is rhs.base:
        return power(lhs, term.exponent / rhs.exponent)
    return rebuild(term, lambda child: _powers(child, rhs, lhs))


def _solved(term: Term, rhs: Pow, lhs: Ref) -> Term:
    """e^(-u) = 1/p - 1 for p = 1/(1 + e^(-u)): the rest of a base beside a number."""
    if not isinstance(rhs.base, Add):
        return term
    known = [part for part in rhs.base.args if isinstance(part, Num)]
    rest = add(*(part for part in rhs.base.args if not isinstance(part, Num)))
    if not known or isinstance(rest, Add) or not refs(rest):
        return term
    return replace_term(term, rest, power(lhs, 1 / rhs.exponent) - add(*known))


def in_forward_quantities(user: Equation, by: Ref, upstream: Upstream) -> Term:
    """The chain rule with the derivative of the right side in terms of forward quantities."""
    slope = in_values(contracted(derivative(user.rhs, by)), user)
    return total(mul(upstream(user.lhs), slope), *paths(user, by))


def append_paths(
    chain: Builder,
    by: Ref,
    users: Sequence[Equation],
    upstream: Upstream,
    cites: tuple[str, ...],
    definitions: Sequence[Equation] = (),
) -> Builder:
    """Chain rule, derivative inserted, in forward quantities, contracted, in short form.

    By the `definitions` a sum of deviations from a mean is seen to vanish.
    """
    users = [apart(user, by) for user in users]
    chain.by_rule(add(*(formal(u, by, upstream) for u in users)), _reason(users, by))
    chain.by_rule(
        add(*(inserted(u, by, upstream) for u in users)),
        "derivative of the equation" if len(users) == 1 else "derivatives of the equations",
        *cites,
    )
    folded = add(*(in_forward_quantities(u, by, upstream) for u in users))
    before, after = expand_slopes(chain.last), folded
    for user in reversed(users):
        before, after = define(before, user.lhs, user.rhs), define(after, user.lhs, user.rhs)
    chain.equal(folded, "in forward quantities", unfold=(before, after))
    chain.equal(contracted(chain.last), "only the terms with equal indices remain")
    for definition in definitions:
        rest = without_vanishing(chain.last, definition)
        opened = tuple(define(t, definition.lhs, definition.rhs) for t in (chain.last, rest))
        chain.equal(rest, "the deviations from a mean sum to 0", unfold=(opened[0], opened[1]))
    return chain.equal(tidy(chain.last), "in short form")


def without_vanishing(term: Term, definition: Equation) -> Term:
    """The term with 0 for every sum that is 0 by the definition."""
    if isinstance(term, Sum) and any(r.tensor == definition.lhs.tensor for r in refs(term)):
        opened = define(term, definition.lhs, definition.rhs)
        if not any(isinstance(n, Partial) for n in walk(term)) and equal(opened, ZERO):
            return ZERO
    made = rebuild(term, lambda child: without_vanishing(child, definition))
    return ZERO if isinstance(made, Sum) and made.body is ZERO else made


def _reason(users: Sequence[Equation], by: Ref) -> str:
    if len(users) > 1:
        return f"chain rule over the {_counted(len(users))} equations that use it"
    if not paths(users[0], by):
        return "chain rule: one entry depends on it"
    return "chain rule: every entry that depends on it"


def _counted(n: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six")
    return words[n] if n < len(words) else str(n)


def append_rule(
    chain: Builder, user: Equation, raw: Upstream, named: Upstream, cites: tuple[str, ...]
) -> Builder:
    """The chain rule line by line for one equation: formal, named, inserted, contracted."""
    by = chain.lhs.by if isinstance(chain.lhs, Partial) else None
    assert isinstance(by, Ref)
    user = apart(user, by)
    chain.by_rule(formal(user, by, raw), "chain rule")
    chain.by_rule(formal(user, by, named), "definition of the error")
    chain.by_rule(inserted(user, by, named), "derivative of the equation", *cites)
    chain.equal(contracted(chain.last), "only the term with equal indices remains")
    return chain.equal(tidy(chain.last), "in short form")


def users_of(tensor: object, equations: Sequence[Equation]) -> list[Equation]:
    """The equations in whose right side the tensor stands."""
    return [e for e in equations if any(r.tensor == tensor for r in refs(e.rhs))]
