"""Whole arrays in read formulas: their shapes, and their entries as terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from derive.algebra.terms import (
    ONE,
    ZERO,
    Affine,
    Compare,
    Condition,
    Index,
    Partial,
    Piecewise,
    Ref,
    Sum,
    Term,
    add,
    call,
    mul,
    power,
)
from derive.claims.indices import NoTerm, Placed, Shape
from derive.reading.tree import (
    Applied,
    Bars,
    Bracket,
    Branches,
    Derivative,
    Entry,
    Kronecker,
    Letter,
    Minus,
    Nabla,
    Node,
    Norm,
    Num,
    Over,
    Plus,
    Power,
    Root,
    Size,
    Times,
    Total,
    Transposed,
    children,
)
from derive.reading.tree import Value as Named
from derive.stages import SAMPLE
from derive.writing.naming import LETTERS

COMPARE = {"<": "<", ">": ">", "le": "<=", "ge": ">="}


@dataclass(frozen=True)
class Arrays(Placed):
    """The entries of arrays."""

    def term(self, node: Node) -> Term:
        """The term of a formula that is a number."""
        raise NotImplementedError

    def _applied(self, node: Applied, row: Affine | None = None, col: Affine | None = None) -> Term:
        raise NotImplementedError

    def _total(self, node: Total, row: Affine | None = None, col: Affine | None = None) -> Term:
        raise NotImplementedError

    def _power(self, base: Term, exponent: Node) -> Term:
        raise NotImplementedError

    # ---------------------------------------------------------------- shapes of arrays

    def shape(self, node: Node) -> Shape | None:
        """Rows and columns of an array, None where they follow the context; None for a number."""
        match node:
            case Entry():
                return self._array_shape(node)
            case Transposed():
                made = self.shape(node.arg)
                return None if made is None else (made[1], made[0])
            case Times():
                return self._product_shape(node)
            case Derivative():
                return self.shape(node.by[0])
            case Nabla():
                return None if node.by is None else self.shape(node.by)
            case Norm() | Kronecker() | Size() | Num() | Named():
                return None
            case Letter():
                return (None, 1) if node.name == "bold 1" else None
            case Applied() if node.function.name == "diag":
                made = self.shape(node.args[0])
                return None if made is None else (made[0], made[0])
        return _common([s for part in children(node) if (s := self.shape(part)) is not None])

    def _array_shape(self, node: Entry) -> Shape | None:
        shape = self._shape_of(node)
        if shape is None:
            return None
        if node.form == "batch" and self.tensor(node).batched:
            return (SAMPLE.size, shape[0] if shape else 1) if len(shape) < 2 else None
        alone = node.role in ("preactivation", "activation") and node.label is None
        if len(node.places) > (node.fixed is not None) or (
            node.form == "entry" and (alone or all(e == 1 for e in shape))
        ):
            return None
        match shape:
            case (rows,):
                return (rows, 1)
            case (rows, cols):
                return (cols, rows) if self._turned(node) else (rows, cols)
        return None

    def _turned(self, node: Entry) -> bool:
        """Whether the rows of the matrix are the units to which a weight leads."""
        return self.scope.rows_out_of(node.label) and self.tensor(node).letter == LETTERS["weight"]

    def _product_shape(self, node: Times) -> Shape | None:
        made: Shape | None = None
        for sign, arg in zip(("", *node.signs), node.args, strict=True):
            other = self.shape(arg)
            if other is None:
                continue
            if made is None or (made == (1, 1) and sign not in self.scope.entrywise):
                made = other
            elif sign in self.scope.entrywise:
                made = _common([made, other])
            elif other != (1, 1):
                made = (made[0], other[1])
        return made

    # ---------------------------------------------------------------- entries of arrays

    def entry(self, node: Node, row: Affine, col: Affine) -> Term:
        """The entry of an array at a place; a number is the same at every place."""
        shape = self.shape(node)
        if shape is None:
            return self.term(node)
        match node:
            case Entry():
                return self._array_entry(node, row, col)
            case Transposed():
                return self.entry(node.arg, col, row)
            case Times():
                return self._product_entry(list(node.args), list(node.signs), row, col)
            case Plus():
                return add(*(self._beside(arg, shape, row, col) for arg in node.args))
            case Minus():
                return -self.entry(node.arg, row, col)
            case Over():
                above, below = (
                    self._beside(part, shape, row, col) for part in (node.above, node.below)
                )
                return above / below
            case Power():
                return self._power(self.entry(node.base, row, col), node.exponent)
            case Letter():
                return ONE
            case Applied():
                return self._applied(node, row, col)
            case Derivative() | Nabla():
                return self._gradient_entry(node, row, col)
            case Total():
                return self._total(node, row, col)
            case Bracket():
                return self._indicator(node, row, col)
            case Branches():
                rows = (
                    (self._beside(v, shape, row, col), self._when(c, row, col))
                    for v, c in node.rows
                )
                return Piecewise(tuple(rows))
            case Root():
                return power(self.entry(node.arg, row, col), Fraction(1, 2))
            case Bars():
                return call("abs", self.entry(node.arg, row, col))
        raise NoTerm(f"an array that is a {type(node).__name__.lower()}")

    def _array_entry(self, node: Entry, row: Affine, col: Affine) -> Term:
        tensor = self.tensor(node)
        axes = len(self._shape_of(node) or ())
        if node.form == "batch" and tensor.batched:
            return Ref(tensor, (row, col)[: axes + 1])
        front = (self._sample(node),) if tensor.batched else ()
        places = (col, row) if axes == 2 and self._turned(node) else (row, col)
        return Ref(tensor, (*front, *places[:axes]))

    def _beside(self, node: Node, shape: Shape | None, row: Affine, col: Affine) -> Term:
        """The entry beside arrays of a shape; a column beside a batch counts for every row."""
        own = self.shape(node)
        if own == (1, 1):
            return self.entry(node, Affine(), Affine())
        if own is not None and shape is not None and own != shape and own == (shape[1], 1):
            return self.entry(node, col, Affine())
        return self.entry(node, row, col)

    def _product_entry(self, args: list[Node], signs: list[str], row: Affine, col: Affine) -> Term:
        """Entries of products from the left; a matrix product sums over a fresh index."""
        if len(args) == 1:
            return self.entry(args[0], row, col)
        *first, last = args
        sign = signs[-1]
        left = Times(tuple(first), tuple(signs[:-1])) if len(first) > 1 else first[0]
        a, b = self.shape(left), self.shape(last)
        if a is None or b is None or sign in self.scope.entrywise or (1, 1) in (a, b):
            shape = _common([s for s in (a, b) if s is not None])
            return mul(*(self._beside(part, shape, row, col) for part in (left, last)))
        size = b[0] if a[1] is None else a[1]
        if size == 1:
            return mul(self.entry(left, row, Affine()), self.entry(last, Affine(), col))
        if size is None:
            raise NoTerm("a product of ones with ones, whose number nothing says")
        taken = {i for p in (row, col) for i, _ in p.terms} | set(self.letters.values())
        names = (f"k{n}" for n in range(100))
        k = next(i for n in names if (i := Index(n, size, size == SAMPLE.size)) not in taken)
        inner = replace(self, letters={**self.letters, f"#{k.name}": k})
        at = Affine.of(k)
        return Sum(mul(inner.entry(left, row, at), inner.entry(last, at, col)), (k,))

    def _gradient_entry(self, node: Derivative | Nabla, row: Affine, col: Affine) -> Term:
        by = node.by[0] if isinstance(node, Derivative) else node.by
        if not isinstance(by, Entry) or not isinstance(node.of, Entry):
            raise NoTerm("a gradient of something else than a loss")
        entry = self._array_entry(by, row, col)
        assert isinstance(entry, Ref)
        return self._slope(node.of, entry)

    def _slope(self, of: Entry, by: Ref) -> Term:
        if of.role == "objective":
            tensor = replace(by.tensor, role="gradient")
            return Ref(tensor, by.at)
        return Partial(self.ref(of), by)

    def _indicator(self, node: Bracket, row: Affine, col: Affine) -> Term:
        """A comparison entry by entry."""
        return Piecewise(((ONE, self._when(node, row, col)), (ZERO, True)))

    def _when(self, node: Node | None, row: Affine, col: Affine) -> Condition:
        if node is None:
            return True
        if not isinstance(node, Bracket) or len(node.members) != 2:
            raise NoTerm("a comparison of two arrays")
        relation = COMPARE.get(node.relations[0])
        if relation is None:
            raise NoTerm(f"the comparison {node.relations[0]}")
        shape = self.shape(node)
        return Compare(relation, *(self._beside(m, shape, row, col) for m in node.members))


def _common(shapes: list[Shape]) -> Shape | None:
    """The shape that all have but numbers; beside a batch, a column is added to every row of it."""
    shapes = sorted(shapes, key=lambda s: (s == (1, 1), s[1] == 1))
    shapes = [s for s in shapes if s != (1, 1)] or shapes
    alike = [s for s in shapes if (s[1] == 1) == (shapes[0][1] == 1)]
    if not alike:
        return None
    rows, cols = (next((e for e in es if e is not None), None) for es in zip(*alike, strict=True))
    return rows, cols
