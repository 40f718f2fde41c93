"""Matrix expressions: what they are, their shapes, and their entries as index terms.

    mat ::= Whole | Fill | Identity | Diagonal | Transpose | Product | Hadamard | Plus | Scale | Map
          | SampleSum

A vector is a matrix of one column, a number one of one row and one column.  Shapes are checked
where an expression is made; `derive.matrices.entry` gives every entry as an index term.
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.algebra.terms import (
    ONE,
    Affine,
    Extent,
    Index,
    Ref,
    Tensor,
    Term,
    mul,
)

Shape = tuple[Extent, Extent]


def hole(k: int = 0) -> Ref:
    """What stands for an entry of argument k in the template of a `Map`."""
    return Ref(Tensor(str(k), "hole", batched=False), ())


@dataclass(frozen=True)
class Mat:
    """A matrix of real numbers; every entry may depend on the sample."""

    @property
    def shape(self) -> Shape:
        """Numbers of rows and columns."""
        raise NotImplementedError


@dataclass(frozen=True)
class Whole(Mat):
    """A whole array: each axis is "row" or "col", or is held at a place (the sample)."""

    tensor: Tensor
    axes: tuple[str | Affine, ...]
    extents: Shape

    @property
    def shape(self) -> Shape:
        """As told."""
        return self.extents

    @property
    def batch(self) -> bool:
        """Whether the samples are rows or columns of it."""
        return self.tensor.batched and bool(self.axes) and not isinstance(self.axes[0], Affine)


@dataclass(frozen=True)
class Fill(Mat):
    """The same value everywhere; a column of ones is Fill(ONE, (n, 1))."""

    value: Term
    extents: Shape = (1, 1)

    @property
    def shape(self) -> Shape:
        """As told."""
        return self.extents


@dataclass(frozen=True)
class Identity(Mat):
    """The identity matrix."""

    size: Extent

    @property
    def shape(self) -> Shape:
        """Square."""
        return (self.size, self.size)


@dataclass(frozen=True)
class Diagonal(Mat):
    """The diagonal matrix of a column vector."""

    arg: Mat

    def __post_init__(self) -> None:
        """A vector is wanted."""
        _need(self.arg.shape[1] == 1, "the diagonal of a column vector", self.arg)

    @property
    def shape(self) -> Shape:
        """Square."""
        return (self.arg.shape[0], self.arg.shape[0])


@dataclass(frozen=True)
class Transpose(Mat):
    """Rows and columns exchanged; `transposed` simplifies."""

    arg: Mat

    @property
    def shape(self) -> Shape:
        """Exchanged."""
        return (self.arg.shape[1], self.arg.shape[0])


@dataclass(frozen=True)
class Product(Mat):
    """The matrix product of two or more factors."""

    args: tuple[Mat, ...]

    def __post_init__(self) -> None:
        """Neighbours must fit."""
        for a, b in zip(self.args, self.args[1:], strict=False):
            _need(a.shape[1] == b.shape[0], "factors of a matrix product that fit", a, b)

    @property
    def shape(self) -> Shape:
        """Rows of the first, columns of the last."""
        return (self.args[0].shape[0], self.args[-1].shape[1])


@dataclass(frozen=True)
class Alike(Mat):
    """An operation on matrices of one shape, entry by entry."""

    args: tuple[Mat, ...]

    def __post_init__(self) -> None:
        """Shapes must be equal."""
        _need(len({a.shape for a in self.args}) == 1, "matrices of one shape", *self.args)

    @property
    def shape(self) -> Shape:
        """The common shape."""
        return self.args[0].shape


class Hadamard(Alike):
    """The entrywise product."""


class Plus(Alike):
    """The sum."""


@dataclass(frozen=True)
class Shaped(Mat):
    """A matrix made of another one of the same shape."""

    arg: Mat

    @property
    def shape(self) -> Shape:
        """That of the argument."""
        return self.arg.shape


@dataclass(frozen=True)
class Scale(Shaped):
    """A number, free of rows and columns, times a matrix."""

    factor: Term


@dataclass(frozen=True)
class Map(Alike):
    """A function applied to every entry: `template` with the entry of argument k as `hole(k)`."""

    template: Term


@dataclass(frozen=True)
class SampleSum(Shaped):
    """The sum over the samples of a matrix that belongs to one sample."""

    index: Index


@dataclass(frozen=True)
class MatrixEquation:
    """lhs = rhs, entry by entry."""

    lhs: Mat
    rhs: Mat

    def __post_init__(self) -> None:
        """Shapes must be equal."""
        _need(self.lhs.shape == self.rhs.shape, "sides of one shape", self.lhs, self.rhs)


def _need(fits: bool, wanted: str, *found: Mat) -> None:
    if not fits:
        shapes = ", ".join(f"{m.shape[0]} x {m.shape[1]}" for m in found)
        raise ValueError(f"found shapes {shapes}; expected {wanted}")


def ones(size: Extent) -> Mat:
    """A column of ones."""
    return Fill(ONE, (size, 1))


def transposed(mat: Mat) -> Mat:
    """The transpose, carried inwards to whole arrays.

    >>> transposed(Product((ones(2), transposed(ones(3))))).shape
    (3, 2)
    """
    if mat.shape == (1, 1):
        return mat
    match mat:
        case Transpose():
            return mat.arg
        case Identity() | Diagonal():
            return mat
        case Fill() if mat.value is not ONE or 1 not in mat.shape:
            return Fill(mat.value, (mat.shape[1], mat.shape[0]))
        case Product():
            return Product(tuple(transposed(a) for a in reversed(mat.args)))
        case Map():
            return Map(tuple(map(transposed, mat.args)), mat.template)
        case Alike() if mat.shape[1] != 1:  # a sum of vectors stays in sight
            return type(mat)(tuple(map(transposed, mat.args)))
        case Scale():
            return Scale(transposed(mat.arg), mat.factor)
        case SampleSum():
            return SampleSum(transposed(mat.arg), mat.index)
    return Transpose(mat)


def scaled(factor: Term, mat: Mat) -> Mat:
    """factor times the matrix, with numbers in front folded."""
    if isinstance(mat, Scale):
        return scaled(mul(factor, mat.factor), mat.arg)
    if isinstance(mat, Fill):
        return Fill(mul(factor, mat.value), mat.shape)
    return mat if factor == ONE else Scale(mat, factor)
