"""Functions in branches under exponentials, kept whole while the exponentials meet.

In log(cosh(max(s, c))) the maximum is a number like any other.  Opened into its branches it would
multiply every exponential by a condition, and no sum of two exponentials would be seen.
"""

from __future__ import annotations

from collections.abc import Callable

from derive.algebra.index import at, define
from derive.algebra.terms import (
    Affine,
    Call,
    Index,
    Piecewise,
    Ref,
    Tensor,
    Term,
    free_indices,
    rebuild,
    refs,
)

BRANCHED = frozenset({"max", "min", "abs", "relu"})


def kept_whole(rule: Callable[[Term], Term | None], term: Term) -> Term | None:
    """What the rule makes of the term with a name in the place of each function in branches."""
    names = _Names()
    found = rule(names.given(term))
    return None if found is None else names.opened(found)


class _Names:
    def __init__(self) -> None:
        self.known: list[tuple[Ref, Term]] = []
        self.done: dict[Term, Term] = {}

    def given(self, term: Term) -> Term:
        if term not in self.done:
            branched = isinstance(term, Call) and term.function in BRANCHED
            whole = isinstance(term, Piecewise) or branched
            self.done[term] = self._name(term) if whole else rebuild(term, self.given)
        return self.done[term]

    def _name(self, term: Term) -> Term:
        """The same name for the same function of other indices: max(s[j], 0) and max(s[k], 0)."""
        places = tuple(map(Affine.of, _in_order(term)))
        for lhs, rhs in self.known:
            own = [p.index for p in lhs.at if p.index is not None]
            if len(own) == len(places) and at(rhs, dict(zip(own, places, strict=True))) is term:
                return Ref(lhs.tensor, places)
        tensor = Tensor(f"whole{len(self.known)}", "quantity", None, False)
        self.known.append((Ref(tensor, places), term))
        return Ref(tensor, places)

    def opened(self, term: Term) -> Term:
        for lhs, rhs in self.known:
            term = define(term, lhs, rhs)
        return term


def _in_order(term: Term) -> list[Index]:
    """The free indices in the order of their first occurrence."""
    free = free_indices(term)
    found = [i for entry in refs(term) for place in entry.at for i, _ in place.terms if i in free]
    return list(dict.fromkeys([*found, *sorted(free)]))
