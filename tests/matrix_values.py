"""Matrix expressions and index terms in numbers, each by its own definition."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.algebra.terms import (
    Add,
    Affine,
    Call,
    Compare,
    Const,
    Delta,
    Extent,
    Index,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
)
from derive.matrices.expressions import (
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
    Transpose,
    Whole,
    hole,
)

Array = NDArray[Any]
FUNCTIONS: dict[str, Any] = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "abs": np.abs,
             "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "softplus": lambda z: np.log1p(np.exp(z)),
             "max": max, "erf": lambda z: np.tanh(z) * 0.9}  # fmt: skip
COMPARE = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}


class Values:
    """Numbers for arrays and sizes."""

    def __init__(self, arrays: Mapping[Tensor, Array], sizes: Mapping[str, int]) -> None:
        self.arrays, self.sizes = arrays, sizes

    def size(self, extent: Extent) -> int:
        return extent if isinstance(extent, int) else self.sizes[extent]

    # -------------------------------------------------------------------- index terms, by loops

    def term(self, term: Term, at: Mapping[Index, int]) -> float:
        match term:
            case Num():
                return float(term.value)
            case Size():
                return self.size(term.extent)
            case Const():
                return float(np.pi)
            case Ref():
                return float(self.arrays[term.tensor][tuple(_place(p, at) for p in term.at)])
            case Add():
                return sum(self.term(a, at) for a in term.args)
            case Mul():
                return float(np.prod([self.term(a, at) for a in term.args]))
            case Pow():
                return float(self.term(term.base, at) ** float(term.exponent))
            case Call():
                return float(FUNCTIONS[term.function](*(self.term(a, at) for a in term.args)))
            case Delta():
                return float(_place(term.left, at) == _place(term.right, at))
            case Piecewise():
                return next(self.term(v, at) for v, c in term.branches if self.holds(c, at))
            case Sum():
                ranges = [range(self.size(i.size)) for i in term.indices]
                places = (dict(zip(term.indices, p, strict=True)) for p in product(*ranges))
                return sum(self.term(term.body, {**at, **p}) for p in places)
        raise NotImplementedError(type(term).__name__)

    def holds(self, cond: Compare | bool, at: Mapping[Index, int]) -> bool:
        if isinstance(cond, bool):
            return cond
        return bool(COMPARE[cond.op](self.term(cond.lhs, at), self.term(cond.rhs, at)))

    # -------------------------------------------------------------------- matrices, by arrays

    def mat(self, mat: Mat, at: Mapping[Index, int]) -> Array:
        value: Array = self._mat(mat, at)
        assert value.shape == tuple(map(self.size, mat.shape)), (mat, value.shape)
        return value

    def _mat(self, mat: Mat, at: Mapping[Index, int]) -> Any:
        match mat:
            case Whole():
                array = self.arrays[mat.tensor]
                for axis, held in enumerate(mat.axes):
                    if isinstance(held, Affine):
                        array = array.take([_place(held, at)], axis)
                free = [a for a in mat.axes if isinstance(a, str)]
                array = array.reshape([n for n, a in zip(array.shape, mat.axes, strict=True)
                                       if isinstance(a, str)])  # fmt: skip
                if free == ["col", "row"]:
                    return array.T
                return array.reshape(tuple(map(self.size, mat.shape)))
            case Fill():
                return np.full(tuple(map(self.size, mat.shape)), self.term(mat.value, at))
            case Identity():
                return np.eye(self.size(mat.size))
            case Diagonal():
                return np.diag(self.mat(mat.arg, at)[:, 0])
            case Transpose():
                return self.mat(mat.arg, at).T
            case Product():
                return np.linalg.multi_dot([np.eye(self.size(mat.shape[0])),
                                            *(self.mat(a, at) for a in mat.args)])  # fmt: skip
            case Hadamard():
                return np.multiply.reduce([self.mat(a, at) for a in mat.args])
            case Plus():
                return np.add.reduce([self.mat(a, at) for a in mat.args])
            case Scale():
                return self.term(mat.factor, at) * self.mat(mat.arg, at)
            case Map():
                return self._map(mat, at)
            case SampleSum():
                samples = range(self.size(mat.index.size))
                return np.add.reduce([self.mat(mat.arg, {**at, mat.index: n}) for n in samples])
        raise NotImplementedError(type(mat).__name__)

    def _map(self, mat: Map, at: Mapping[Index, int]) -> Array:
        args = [self.mat(a, at) for a in mat.args]
        result = np.empty(args[0].shape)
        for place in np.ndindex(result.shape):
            entries = {hole(k).tensor: arg[place] for k, arg in enumerate(args)}
            result[place] = Values({**self.arrays, **entries}, self.sizes).term(mat.template, at)
        return result


def _place(place: Affine, at: Mapping[Index, int]) -> int:
    return place.offset + sum(c * at[i] for i, c in place.terms)


def assert_same(
    values: Values, mat: Mat, term: Term, row: Index | None, col: Index | None, at: dict[Index, int]
) -> None:
    """Every entry of the matrix is the term at its place."""
    found = values.mat(mat, at)
    for r, c in np.ndindex(found.shape):
        where = {**at, **({row: r} if row else {}), **({col: c} if col else {})}
        expected = values.term(term, where)
        assert np.isclose(found[r, c], expected, rtol=1e-9, atol=1e-12), f"{term} as {mat}"
