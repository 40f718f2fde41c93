"""What a matrix expression means: its entries as index terms."""

from __future__ import annotations

from collections.abc import Iterator

from derive.algebra.index import fresh, replace_refs
from derive.algebra.terms import Affine, Delta, Index, Ref, Sum, Term, add, free_indices, mul
from derive.matrices.expressions import (
    Alike,
    Diagonal,
    Fill,
    Hadamard,
    Identity,
    Map,
    Mat,
    Plus,
    Product,
    SampleSum,
    Scale,
    Shaped,
    Transpose,
    Whole,
    hole,
)


def entry(mat: Mat, row: Affine, col: Affine) -> Term:
    """The entry at a place, as an index term; a vector's column and a number's places are 0."""
    match mat:
        case Whole():
            at = {"row": row, "col": col}
            return Ref(mat.tensor, tuple(at[a] if isinstance(a, str) else a for a in mat.axes))
        case Fill():
            return mat.value
        case Identity():
            return Delta(row, col)
        case Diagonal():
            return mul(entry(mat.arg, row, Affine()), Delta(row, col))
        case Transpose():
            return entry(mat.arg, col, row)
        case Product():
            return _product(mat.args, row, col)
        case Hadamard():
            return mul(*(entry(a, row, col) for a in mat.args))
        case Plus():
            return add(*(entry(a, row, col) for a in mat.args))
        case Scale():
            return mul(mat.factor, entry(mat.arg, row, col))
        case Map():
            values = {hole(k): entry(arg, row, col) for k, arg in enumerate(mat.args)}
            return replace_refs(mat.template, values.get)
        case SampleSum():
            return Sum(entry(mat.arg, row, col), (mat.index,))
    raise TypeError(f"no entries for {type(mat).__name__}; add them in derive.matrices.expressions")


def _product(args: tuple[Mat, ...], row: Affine, col: Affine) -> Term:
    """Sum_k A[row, k] (B C ...)[k, col]."""
    first, *rest = args
    if not rest:
        return entry(first, row, col)
    size = first.shape[1]
    if size == 1:
        return mul(entry(first, row, Affine()), _product(tuple(rest), Affine(), col))
    taken = {i for place in (row, col) for i, _ in place.terms}
    sample = by_sample(first, "col") or by_sample(rest[0], "row")
    k = fresh("k", size, taken | {i for mat in args for i in _loose(mat)}, sample)
    inner = mul(entry(first, row, Affine.of(k)), _product(tuple(rest), Affine.of(k), col))
    return Sum(inner, (k,))


def _loose(mat: Mat) -> Iterator[Index]:
    """Indices that stand in the expression: samples held, and those of numbers."""
    for part in walk(mat):
        if isinstance(part, Whole):
            yield from (i for a in part.axes if isinstance(a, Affine) for i, _ in a.terms)
        for term in (getattr(part, name, None) for name in ("value", "factor", "template")):
            if isinstance(term, Term):
                yield from free_indices(term)


def by_sample(mat: Mat, axis: str) -> bool:
    """Whether an axis, "row" or "col", runs over the samples."""
    match mat:
        case Whole():
            return mat.batch and mat.axes[0] == axis
        case Transpose():
            return by_sample(mat.arg, "col" if axis == "row" else "row")
        case Product():
            return by_sample(mat.args[0] if axis == "row" else mat.args[-1], axis)
        case Alike():
            return any(by_sample(arg, axis) for arg in mat.args)
        case Shaped():
            return by_sample(mat.arg, axis)
        case Diagonal():
            return by_sample(mat.arg, "row")
    return False


def walk(mat: Mat) -> Iterator[Mat]:
    """The expression and everything inside it."""
    yield mat
    for part in getattr(mat, "args", ()) or filter(None, (getattr(mat, "arg", None),)):
        yield from walk(part)
