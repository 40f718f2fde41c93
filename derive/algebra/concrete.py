"""A term at concrete sizes: sums written out, deltas and guards decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

from derive.algebra.terms import (
    ONE,
    ZERO,
    Affine,
    Argmax,
    Call,
    Compare,
    Delta,
    Extent,
    Extremum,
    Guard,
    Index,
    Partial,
    Piecewise,
    Ref,
    Size,
    Sum,
    Term,
    add,
    mul,
    rebuild,
)


def written_out(term: Term, sizes: Mapping[str, int], values: Mapping[Index, int]) -> Term:
    """The term at concrete sizes and index values: sums written out, deltas and guards decided.

    An entry keeps its tensor and gets constant places; a padded entry outside its range is 0.
    """

    def extent(size: Extent) -> int:
        return size if isinstance(size, int) else sizes[size]

    def place(p: Affine) -> int:
        return p.offset + sum(c * values[i] for i, c in p.terms)

    known: dict[Term, Term] = {}  # a shared subterm is written out once

    def visit(node: Term) -> Term:
        made = known.get(node)
        if made is None:
            made = known[node] = make(node)
        return made

    def make(term: Term) -> Term:
        match term:
            case Size():
                return mul(extent(term.extent))
            case Ref():
                where = tuple(map(place, term.at))
                if term.padded and not all(
                    0 <= p < extent(e) for p, e in zip(where, term.padded, strict=True)
                ):
                    return ZERO
                return Ref(term.tensor, tuple(Affine(p) for p in where))
            case Delta():
                return ONE if place(term.left) == place(term.right) else ZERO
            case Guard():
                return ONE if 0 <= place(term.place) < extent(term.size) else ZERO
            case Sum():
                return add(*(r for r in _rows(term, extent, sizes, values) if r is not None))
            case Extremum():
                rows = [r for r in _rows(term, extent, sizes, values) if r is not None]
                return rows[0] if len(rows) == 1 else Call(term.kind, tuple(rows))
            case Argmax():
                rows_or_none = _rows(term.extremum, extent, sizes, values)
                shape = [extent(i.size) for i in term.extremum.indices]
                k = 0
                for p, size in zip(map(place, term.at), shape, strict=True):
                    if not 0 <= p < size:
                        return ZERO
                    k = k * size + p
                return _is_first(term.extremum.kind, rows_or_none, k)
            case Partial():
                by = visit(term.by)
                assert isinstance(by, Ref)
                return Partial(visit(term.of) if isinstance(term.of, Ref) else term.of, by)
        return rebuild(term, visit)

    return visit(term)


def _rows(
    term: Sum | Extremum,
    extent: Callable[[Extent], int],
    sizes: Mapping[str, int],
    values: Mapping[Index, int],
) -> list[Term | None]:
    """The body at every value of the bound indices; None for an entry that is below all numbers."""

    def row(at: Mapping[Index, int]) -> Term | None:
        body = term.body
        if isinstance(body, Ref) and body.lowest:
            places = [p.offset + sum(c * at[i] for i, c in p.terms) for p in body.at]
            sized = zip(places, map(extent, body.padded), strict=True)
            if not all(0 <= place < size for place, size in sized):
                return None
        return written_out(body, sizes, at)

    ranges = [range(extent(i.size)) for i in term.indices]
    return [
        row({**values, **dict(zip(term.indices, where, strict=True))}) for where in product(*ranges)
    ]


def _is_first(kind: str, rows: list[Term | None], k: int) -> Term:
    """1 where rows[k] is the first extremal one: strictly beyond all before, not beaten after."""
    chosen = rows[k]
    if chosen is None:
        return ZERO
    before, after = (">", ">=") if kind == "max" else ("<", "<=")
    result: Term = ONE
    for j, other in enumerate(rows):
        if j != k and other is not None:
            op = before if j < k else after
            result = mul(result, Piecewise(((ONE, Compare(op, chosen, other)), (ZERO, True))))
    return result
