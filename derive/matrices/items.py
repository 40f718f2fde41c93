"""Products of matrices whose rows and columns carry indices.

Summing over an index joins the items that carry it: M[r,k] N[k,c] is M N, M[r,k] v[k] is M v,
M[r,k] alone is M 1, u[k] v[k] is u^T v.  What remains and shares its free indices is an entrywise
product; a row vector beside a column vector is an outer product.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from derive.algebra.terms import (
    ONE,
    Extent,
    Index,
    Size,
    Term,
    mul,
)
from derive.matrices.expressions import (
    Diagonal,
    Fill,
    Hadamard,
    Map,
    Mat,
    Plus,
    Product,
    Scale,
    Transpose,
    ones,
    scaled,
    transposed,
)


class NoForm(Exception):
    """No matrix form exists."""


@dataclass(frozen=True)
class Item:
    """A matrix whose rows and columns run over these indices; a vector is a column."""

    mat: Mat
    row: Index | None = None
    col: Index | None = None

    @property
    def indices(self) -> frozenset[Index]:
        """The free indices."""
        return frozenset(i for i in (self.row, self.col) if i is not None)

    @property
    def constant(self) -> Term | None:
        """The value of a number that is a term."""
        return self.mat.value if isinstance(self.mat, Fill) and not self.indices else None

    def over(self, row: Index) -> Mat:
        """The matrix with `row` along its rows."""
        return self.mat if self.row == row else transposed(self.mat)

    def turned(self, row: Index) -> Mat:
        """The same as a factor: a sum or an entrywise product is transposed as a whole."""
        whole = isinstance(self.mat, Hadamard | Plus) and self.row != row
        return Transpose(self.mat) if whole else self.over(row)


@dataclass(frozen=True)
class Products:
    """Sums and products of items; `batch` decides how a vector meets a matrix."""

    batch: bool

    def plus(self, items: list[Item]) -> Item:
        """Summands brought to one shape."""
        row, col = self.axes(items)
        return Item(Plus(tuple(self.aligned(item, row, col) for item in items)), row, col)

    def axes(self, items: list[Item]) -> tuple[Index | None, Index | None]:
        """The free indices of all items, as rows and columns of the first that has both."""
        every = {i for item in items for i in item.indices}
        if len(every) > 2:
            raise NoForm
        for item in items:
            if item.indices == every:  # one index, or both in the order of this item
                return item.row, item.col
        row, col = sorted(every, key=lambda i: (not i.sample, i.name))
        return row, col

    def aligned(self, item: Item, row: Index | None, col: Index | None) -> Mat:
        """The item with these rows and columns; what it does not depend on is repeated."""
        if not item.indices <= {row, col}:
            raise NoForm
        if isinstance(item.mat, Scale):
            inner = Item(item.mat.arg, item.row, item.col)
            return scaled(item.mat.factor, self.aligned(inner, row, col))
        if item.constant is not None:
            return Fill(item.constant, (extent_of(row), extent_of(col)))
        if row in item.indices and col in item.indices and row is not None:
            return item.over(row)
        mat = item.mat
        if row is not None and row in item.indices:
            return mat if col is None else product(mat, transposed(ones(col.size)))
        if col is not None and col in item.indices:
            mat = transposed(mat)
        elif col is not None:
            mat = product(mat, transposed(ones(col.size)))
        return mat if row is None else product(ones(row.size), mat)

    def joined(self, items: list[Item], summed: tuple[Index, ...]) -> Item:
        """The product of the items, summed over some indices, in any order that works."""
        for order in permutations(summed):
            try:
                left = items
                for index in order:
                    left = self.eliminated(left, index)
                return self.combined(left)
            except NoForm:
                continue
        raise NoForm

    def eliminated(self, items: list[Item], k: Index) -> list[Item]:
        """The items after summing over k those that carry it."""
        mine = [item for item in items if k in item.indices]
        rest = [item for item in items if k not in item.indices]
        vectors = [item.mat for item in mine if len(item.indices) == 1]
        pairs: dict[Index, list[Item]] = {}
        for item in mine:
            if len(item.indices) == 2:
                (other,) = item.indices - {k}
                pairs.setdefault(other, []).append(item)
        if not mine:
            return [*rest, Item(Fill(Size(k.size) if isinstance(k.size, str) else mul(k.size)))]
        if len(pairs) > 2:
            raise NoForm
        sides = [(i, _beside(i, items)) for i, items in pairs.items()]
        if not sides:
            first, *others = vectors
            if k.size == 1 and not others:
                return [*rest, Item(first)]
            against = hadamard(others) if others else ones(k.size)
            if not others:
                first, against = against, first
            return [*rest, Item(product(transposed(first), against))]
        if len(sides) == 1:
            ((r, m),) = sides
            if k.size == 1 and not vectors:
                return [*rest, Item(m, r)]
            v = hadamard(vectors) if vectors else ones(k.size)
            return [*rest, Item(product(m, v), r)]
        (r, m), (c, n) = sides
        middle = [Diagonal(hadamard(vectors))] if vectors else []
        return [*rest, Item(product(m, *middle, transposed(n)), r, c)]

    def combined(self, items: list[Item]) -> Item:
        """The entrywise product of items over at most two indices."""
        factor = mul(*(c for c in (item.constant for item in items) if c is not None))
        items = [item for item in items if item.constant is None]
        numbers = [item.mat for item in items if not item.indices]
        items = [item for item in items if item.indices]
        if not items:
            mat = product(*numbers) if numbers else Fill(ONE)
            return Item(scaled(factor, mat))
        row, col = self.axes(items)
        mat = self.entrywise(items, row, col)
        if numbers:
            if col is not None:
                raise NoForm
            mat = product(mat, *numbers)
        return Item(scaled(factor, mat), row, col)

    def entrywise(self, items: list[Item], row: Index | None, col: Index | None) -> Mat:
        """Vectors over the rows, vectors over the columns, and matrices, multiplied."""
        assert row is not None
        full = [item.over(row) for item in items if len(item.indices) == 2]
        down = [item.mat for item in items if item.indices == {row}]
        across = [item.mat for item in items if item.indices == {col}]
        if col is None:
            return hadamard(down)
        if not full:
            return product(hadamard(down), transposed(hadamard(across)))
        if not self.batch:
            left = [Diagonal(hadamard(down))] if down else []
            right = [Diagonal(hadamard(across))] if across else []
            return product(*left, hadamard(full), *right)
        if down:
            full.append(spread(hadamard(down), transposed(ones(col.size)), after=True))
        if across:
            full.append(spread(transposed(hadamard(across)), ones(row.size), after=False))
        return hadamard(full)


def extent_of(index: Index | None) -> Extent:
    """The length of an axis over the index; 1 where there is none."""
    return 1 if index is None else index.size


def _beside(row: Index, items: list[Item]) -> Mat:
    """The entrywise product of matrices with `row` along its rows."""
    if any(item.row == row for item in items):
        return hadamard([item.turned(row) for item in items])
    return Item(hadamard([item.mat for item in items]), items[0].row, row).turned(row)


def hadamard(mats: list[Mat]) -> Mat:
    """The entrywise product, matrix products first."""
    flat = [m for mat in mats for m in (mat.args if isinstance(mat, Hadamard) else (mat,))]
    flat.sort(key=lambda mat: not isinstance(mat, Product))
    return flat[0] if len(flat) == 1 else Hadamard(tuple(flat))


def spread(vector: Mat, line: Mat, *, after: bool) -> Mat:
    """A vector repeated along a line of ones, inside the functions that are applied to it."""
    if isinstance(vector, Map):
        args = tuple(spread(arg, line, after=after) for arg in vector.args)
        return Map(args, vector.template)
    return product(vector, line) if after else product(line, vector)


def product(*mats: Mat) -> Mat:
    """The matrix product, flattened; a single 1 says nothing."""
    flat = [m for mat in mats for m in (mat.args if isinstance(mat, Product) else (mat,))]
    flat = [m for m in flat if m != ones(1)] or flat[:1]
    return flat[0] if len(flat) == 1 else Product(tuple(flat))
