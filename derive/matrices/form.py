"""Matrix forms found from index terms, and proved; None where no matrix form exists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from derive.algebra.canon import equal
from derive.algebra.equation import Equation
from derive.algebra.index import at, replace_term
from derive.algebra.terms import (
    ONE,
    Add,
    Affine,
    Apply,
    Call,
    Delta,
    Extent,
    Index,
    Mul,
    Piecewise,
    Pow,
    Ref,
    Sum,
    Tensor,
    Term,
    children,
    factors_of,
    free_indices,
    rebuild,
    refs,
    total,
    walk,
)
from derive.matrices.entry import entry
from derive.matrices.expressions import (
    Fill,
    Identity,
    Map,
    Mat,
    MatrixEquation,
    SampleSum,
    Scale,
    Whole,
    hole,
    scaled,
)
from derive.matrices.items import Item, NoForm, Products, extent_of


def form(
    term: Term,
    row: Index | None = None,
    col: Index | None = None,
    *,
    batch: bool,
    out_first: bool,
    shapes: Mapping[Tensor, tuple[Extent, ...]] | None = None,
) -> Mat | None:
    """The matrix whose entry at [row, col] is the term, proved entry by entry, or None.

    In the batch form the sample is an index like any other; else it is held, vectors are columns.
    `out_first`: the matrix of a weight has the units it leads to along its rows.
    """
    finder = Finder(batch, out_first, shapes or {})
    try:
        mat = finder.aligned(finder.item(term), row, col)
    except NoForm:
        return None
    return mat if proved(mat, term, row, col) else None


def proved(mat: Mat, term: Term, row: Index | None = None, col: Index | None = None) -> bool:
    """Whether exact arithmetic shows that the entry of the matrix at [row, col] is the term."""
    at_row, at_col = (Affine() if i is None else Affine.of(i) for i in (row, col))
    return equal(comparable(entry(mat, at_row, at_col)), comparable(term))


def matrix_equation(
    equation: Equation,
    *,
    batch: bool,
    out_first: bool,
    shapes: Mapping[Tensor, tuple[Extent, ...]] | None = None,
) -> MatrixEquation | None:
    """The equation between whole arrays, or None."""
    try:
        lhs = Finder(batch, out_first, shapes or {}).item(equation.lhs)
    except NoForm:
        return None
    rhs = form(equation.rhs, lhs.row, lhs.col, batch=batch, out_first=out_first, shapes=shapes)
    return None if rhs is None else MatrixEquation(lhs.mat, rhs)


@dataclass(frozen=True)
class Finder(Products):
    """Turns terms into items."""

    out_first: bool
    shapes: Mapping[Tensor, tuple[Extent, ...]] = field(default_factory=dict)

    def indices(self, term: Term) -> frozenset[Index]:
        """The free indices that rows or columns must run over."""
        return frozenset(i for i in free_indices(term) if self.batch or not i.sample)

    # -------------------------------------------------------------------- terms

    def item(self, term: Term) -> Item:
        """The term as a matrix over its free indices."""
        loose = self.indices(term)
        if not loose and not any(isinstance(node, Sum) for node in walk(term)):
            return Item(Fill(term))
        match term:
            case Ref():
                return self.whole(term)
            case Delta():
                return self.identity(term)
            case Add():
                return self.plus([self.item(arg) for arg in term.args])
            case Mul():
                return self.joined(self.items(term.args), ())
            case Sum():
                return self.total(term.body, term.indices)
            case Pow() | Call() | Apply() | Piecewise():
                return self.mapped(term)
        raise NoForm

    def items(self, factors: Iterable[Term]) -> list[Item]:
        """The factors as items."""
        return [self.item(factor) for factor in factors]

    def whole(self, term: Ref) -> Item:
        """An entry at different plain indices is an entry of the whole array."""
        if self.batch and term.tensor.role == "loss":  # its sum over the samples is what counts
            raise NoForm
        axes: list[str | Affine] = []
        found: list[Index] = []
        extents = self.extents(term.tensor)
        for place, extent in zip(term.at, extents or [None] * len(term.at), strict=True):
            index = place.index
            if not self.batch and index is not None and index.sample:
                axes.append(place)
                continue
            if index is None or index in found or extent not in (None, index.size):
                raise NoForm
            axes.append("row" if not found else "col")
            found.append(index)
        if term.padded or len(found) > 2:
            raise NoForm
        if self.out_first and len(found) == 2 and term.tensor.turns:
            turned: dict[str | Affine, str | Affine] = {"row": "col", "col": "row"}
            axes = [turned.get(a, a) for a in axes]
            found.reverse()
        row, col = (*found, None, None)[:2]
        return Item(Whole(term.tensor, tuple(axes), (extent_of(row), extent_of(col))), row, col)

    def extents(self, tensor: Tensor) -> list[Extent | None] | None:
        """The extents of all axes, where shapes are known."""
        if tensor not in self.shapes:
            return None
        return [None] * tensor.batched + list(self.shapes[tensor])

    def identity(self, term: Delta) -> Item:
        """[i = j] over equal ranges."""
        row, col = term.left.index, term.right.index
        if row is None or col is None or row == col or row.size != col.size:
            raise NoForm
        return Item(Identity(row.size), row, col)

    def mapped(self, term: Term) -> Item:
        """A function of one or more quantities, entry by entry."""
        inner = dict.fromkeys(c for c in children(term) if self.needs_form(c))
        if isinstance(term, Piecewise) or len(inner) != 1:
            inner = dict.fromkeys(r for r in refs(term) if self.indices(r))
            if any(isinstance(node, Sum) for node in walk(term)):
                raise NoForm
        items = self.items(inner)
        if not items:
            raise NoForm
        row, col = self.axes(items) if any(item.indices for item in items) else (None, None)
        template = term
        for k, part in enumerate(inner):
            template = replace_term(template, part, hole(k))
        return Item(Map(tuple(self.aligned(i, row, col) for i in items), template), row, col)

    def needs_form(self, term: Term) -> bool:
        """Whether the term is more than a number."""
        return bool(self.indices(term)) or any(isinstance(node, Sum) for node in walk(term))

    def total(self, body: Term, indices: tuple[Index, ...]) -> Item:
        """A sum, term by term."""
        if isinstance(body, Sum):
            return self.total(body.body, (*indices, *body.indices))
        if isinstance(body, Add):
            return self.plus([self.total(arg, indices) for arg in body.args])
        held = [i for i in indices if i.sample and not self.batch]
        if held:
            rest = tuple(i for i in indices if i not in held)
            inner = self.total(body, rest) if rest else self.item(body)
            return self.over_samples(inner, held)
        square = isinstance(body, Pow) and body.exponent == 2 and indices[0].size != 1
        if isinstance(body, Pow) and square and self.indices(body.base) == set(indices):
            base = self.item(body.base)
            return self.joined([base, base], indices)
        factors = factors_of(body)
        return self.joined(self.items(factors), indices)

    def over_samples(self, inner: Item, samples: list[Index]) -> Item:
        """The sum over samples of an item of one sample, numbers in front of it."""
        mat: Mat = inner.mat
        factor: Term = ONE
        if isinstance(mat, Scale) and free_indices(mat.factor).isdisjoint(samples):
            factor = mat.factor
            mat = mat.arg
        for index in samples:
            mat = SampleSum(mat, index)
        return Item(scaled(factor, mat), inner.row, inner.col)


def comparable(term: Term) -> Term:
    """The term with indices of one value at that value."""
    values = {i: Affine() for i in free_indices(term) if i.size == 1}
    term = rebuild(at(term, values) if values else term, comparable)
    if not isinstance(term, Sum):
        return term
    values = {i: Affine() for i in term.indices if i.size == 1}
    return total(at(term.body, values), *(i for i in term.indices if i not in values))
