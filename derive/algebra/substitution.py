"""Substitution without capture: the only module that replaces something inside a term.

Bound indices are renamed before anything could be captured by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import chain, count

from derive.algebra.terms import (
    Affine,
    Apply,
    Argmax,
    Call,
    Delta,
    Extent,
    Extremum,
    Function,
    Guard,
    Index,
    Partial,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
    bound,
    free_indices,
    mul,
    rebuild,
    walk,
)
from derive.primitives import DEFINED

LETTERS = "kmpqrtuvijabcdefgh"  # for an index whose own name is taken


def fresh(
    name: str, size: int | str, taken: frozenset[Index] | set[Index], sample: bool = False
) -> Index:
    """An index of that size whose name is not taken: the name itself, or another letter."""
    names = {i.name for i in taken}
    if name not in names:
        return Index(name, size, sample)
    if sample:  # another sample is still seen to be one: n'
        return Index(next(n for k in count(1) if (n := name + "'" * k) not in names), size, True)
    others = chain(LETTERS, (f"{name}_{k}" for k in count(len(names))))
    return Index(next(other for other in others if other not in names), size)


def _placed(place: Affine, values: Mapping[Index, Affine]) -> Affine:
    result = Affine(place.offset)
    for index, coef in place.terms:
        result = result + values.get(index, Affine.of(index)) * coef
    return result


def at(term: Term, values: Mapping[Index, Affine]) -> Term:
    """The term with free indices replaced by affine expressions, without capture.

    No index is bound in the result under the name of one that came in.

    >>> i, j = Index("i", 3), Index("j", 3)
    >>> w = Tensor("w", "weight", batched=False)
    >>> str(at(Sum(Ref(w, (Affine.of(i), Affine.of(j))), (i,)), {j: Affine.of(i)}))
    'Sum(w[k,i], k)'
    """
    values = {i: v for i, v in values.items() if i in free_indices(term) and v.index != i}
    if not values:
        return term
    return _at(unshadowed(term, {i for v in values.values() for i, _ in v.terms}), values)


def unshadowed(term: Term, taken: frozenset[Index] | set[Index]) -> Term:
    """The same term with bound indices that have other names than those taken."""
    names = {i.name for i in taken}
    if not any(i.name in names for node in walk(term) for i in bound(node)):
        return term
    term = away_from(term, taken) if isinstance(term, Sum | Extremum) else term
    return rebuild(term, lambda child: unshadowed(child, taken))


def _at(term: Term, values: Mapping[Index, Affine]) -> Term:
    values = {i: v for i, v in values.items() if i in free_indices(term)}
    if not values:
        return term
    match term:
        case Ref():
            places = tuple(_placed(p, values) for p in term.at)
            return Ref(term.tensor, places, term.padded, term.lowest)
        case Delta():
            return Delta(_placed(term.left, values), _placed(term.right, values))
        case Guard():
            return Guard(_placed(term.place, values), term.size)
        case Argmax():
            inner = _at(term.extremum, values)
            assert isinstance(inner, Extremum)
            return Argmax(inner, tuple(_placed(p, values) for p in term.at))
    return rebuild(term, lambda child: _at(child, values))


def away_from(term: Sum | Extremum, taken: frozenset[Index] | set[Index]) -> Sum | Extremum:
    """The same sum or extremum with bound names that no index in `taken` has."""
    names = {i.name for i in taken}
    if not any(i.name in names for i in term.indices):
        return term
    avoid = set(taken) | set(free_indices(term.body))
    renamed: dict[Index, Affine] = {}
    indices = []
    for i in term.indices:
        new = fresh(i.name, i.size, avoid, i.sample) if i.name in names else i
        avoid.add(new)
        indices.append(new)
        if new != i:
            renamed[i] = Affine.of(new)
    body = at(term.body, renamed)
    return (
        Sum(body, tuple(indices))
        if isinstance(term, Sum)
        else Extremum(term.kind, body, tuple(indices))
    )


def replace_refs(term: Term, value: Callable[[Ref], Term | None]) -> Term:
    """The term with entries replaced by terms (None keeps the entry), without capture.

    The indices of a replacement are those of the entry's own places, so that a sum around the entry
    may bind them; a sum inside the replacement is renamed where an outer index has its name.
    """
    if isinstance(term, Ref):
        new = value(term)
        return term if new is None else new
    if isinstance(term, Partial):
        return term
    return rebuild(term, lambda child: replace_refs(child, value))


def define(term: Term, lhs: Ref, rhs: Term) -> Term:
    """The term with every entry of the tensor of `lhs` replaced by its definition `rhs`."""
    free = [p.index for p in lhs.at]

    def value(entry: Ref) -> Term | None:
        if entry.tensor != lhs.tensor:
            return None
        return at(rhs, {i: p for i, p in zip(free, entry.at, strict=True) if i is not None})

    return replace_refs(term, value)


def replace_term(term: Term, old: Term, new: Term) -> Term:
    """The term with every occurrence of the subterm `old` replaced by `new`, without capture.

    Where an index of `old` is bound, it is another index, and nothing is replaced.
    """
    if term is old:
        return new
    if isinstance(term, Argmax) and term.extremum is old:
        return term  # the place of the extremum is still asked of its definition
    if isinstance(term, Sum | Extremum):
        if not free_indices(old).isdisjoint(term.indices):
            return term
        term = away_from(term, set(free_indices(new)))
    return rebuild(term, lambda child: replace_term(child, old, new))


@lru_cache(maxsize=50_000)
def expand_functions(term: Term) -> Term:
    """The term with every function that has a definition (sigmoid, tanh, max, ...) written out."""
    term = rebuild(term, expand_functions)
    if isinstance(term, Call) and term.function in DEFINED:
        return expand_functions(DEFINED[term.function](*term.args))
    return term


# ------------------------------------------------------------------ names and sizes


def relabel(
    term: Term,
    tensor: Callable[[Tensor], Tensor],
    extent: Callable[[int | str], int | str],
    function: Callable[[Function], Function] = lambda f: f,
) -> Term:
    """The term with tensors, sizes and functions renamed throughout (layer l becomes layer 2)."""

    def index(i: Index) -> Index:
        return Index(i.name, extent(i.size), i.sample)

    def place(p: Affine) -> Affine:
        return Affine(p.offset, tuple((index(i), c) for i, c in p.terms))

    def visit(node: Term) -> Term:
        node = rebuild(node, visit)
        match node:
            case Ref():
                padded = tuple(map(extent, node.padded))
                return Ref(tensor(node.tensor), tuple(map(place, node.at)), padded, node.lowest)
            case Size():
                return size_of(extent(node.extent))
            case Sum():
                return Sum(node.body, tuple(map(index, node.indices)))
            case Extremum():
                return Extremum(node.kind, node.body, tuple(map(index, node.indices)))
            case Argmax():
                return Argmax(node.extremum, tuple(map(place, node.at)))
            case Delta():
                return Delta(place(node.left), place(node.right))
            case Guard():
                return Guard(place(node.place), extent(node.size))
            case Apply():
                return Apply(function(node.function), node.arg, node.order)
        return node

    return visit(term)


def size_of(extent: int | str) -> Term:
    """The size as a number, or as a symbol."""
    return mul(extent) if isinstance(extent, int) else Size(extent)


def named_by(term: Term, like: Term) -> Term:
    """The term with canonical bound names (_1a, ...) replaced by names in `like`, or k, m, ..."""
    if not any(i.name.startswith("_") for node in walk(term) for i in bound(node)):
        return term
    usual: dict[Extent, list[str]] = {}
    for node in walk(like):
        for i in sorted(bound(node)) + sorted(free_indices(node)):
            names = usual.setdefault(i.size, [])
            if i.name not in names and not i.name.startswith("_"):
                names.append(i.name)

    def visit(node: Term, taken: frozenset[str]) -> Term:
        if isinstance(node, Sum | Extremum) and any(i.name[0] == "_" for i in node.indices):
            used = set(taken) | {i.name for i in free_indices(node)}
            used |= {i.name for n in walk(node.body) for i in bound(n)}
            renaming: dict[Index, Affine] = {}
            fresh_indices = []
            for i in node.indices:
                own = ["n"] if i.sample else ["k", "m", "p", "q", "r", "t"]
                options = [*usual.get(i.size, []), *own]
                name = next((n for n in options if n not in used), own[0])
                new = fresh(name, i.size, {Index(n, 0) for n in used}, i.sample)
                used.add(new.name)
                fresh_indices.append(new)
                renaming[i] = Affine.of(new)
            body = at(node.body, renaming)
            indices = tuple(fresh_indices)
            node = (
                Sum(body, indices) if isinstance(node, Sum) else Extremum(node.kind, body, indices)
            )
        inner = taken | {i.name for i in bound(node)}
        return rebuild(node, lambda child: visit(child, inner))

    return visit(term, frozenset(i.name for i in free_indices(term)))
