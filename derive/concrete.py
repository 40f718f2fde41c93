"""A term at concrete sizes: sums written out, deltas and guards decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

from derive.terms import (
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

    def visit(node: Term) -> Term:
        return written_out(node, sizes, values)

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
            return add(*_rows(term, extent, sizes, values))
        case Extremum():
            rows = _rows(term, extent, sizes, values)
            return rows[0] if len(rows) == 1 else Call(term.kind, tuple(rows))
        case Argmax():
            rows = _rows(term.extremum, extent, sizes, values)
            shape = [extent(i.size) for i in term.extremum.indices]
            k = 0
            for p, size in zip(map(place, term.at), shape, strict=True):
                k = k * size + p
            return _is_first(term.extremum.kind, rows, k)
        case Partial():
            by = visit(term.by)
            assert isinstance(by, Ref)
            return Partial(visit(term.of) if isinstance(term.of, Ref) else term.of, by)
    return rebuild(term, visit)


def _rows(
    term: Sum | Extremum,
    extent: Callable[[Extent], int],
    sizes: Mapping[str, int],
    values: Mapping[Index, int],
) -> list[Term]:
    ranges = [range(extent(i.size)) for i in term.indices]
    return [
        written_out(term.body, sizes, {**values, **dict(zip(term.indices, where, strict=True))})
        for where in product(*ranges)
    ]


def _is_first(kind: str, rows: list[Term], k: int) -> Term:
    """1 where rows[k] is the first extremal one: strictly beyond all before, not beaten after."""
    before, after = (">", ">=") if kind == "max" else ("<", "<=")
    result: Term = ONE
    for j, other in enumerate(rows):
        if j != k:
            op = before if j < k else after
            result = mul(result, Piecewise(((ONE, Compare(op, rows[k], other)), (ZERO, True))))
    return result
