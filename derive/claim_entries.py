"""Whole arrays in read formulas: their shapes, and their entries as terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from derive.claim_indices import NoTerm, Placed, Shape
from derive.reading_tree import (
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
from derive.reading_tree import Value as Named
from derive.stages import SAMPLE
from derive.terms import (
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
        """Rows and columns of an array; None for a number."""
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
                return (SAMPLE.size, 1) if node.name == "bold 1" else None
        shapes = [s for part in children(node) if (s := self.shape(part)) is not None]
        if isinstance(node, Plus):
            shapes.sort(key=lambda s: s[1] == 1)
        return shapes[0] if shapes else None

    def _array_shape(self, node: Entry) -> Shape | None:
        shape = self._shape_of(node)
        if shape is None or not shape:
            return None
        if node.form == "batch":
            return (SAMPLE.size, shape[0]) if len(shape) == 1 else None
        if len(node.places) > (node.fixed is not None) or (
            all(e == 1 for e in shape) and (node.form == "entry")
        ):
            return None
        if (
            node.form == "entry"
            and node.role in ("preactivation", "activation")
            and node.label is None
        ):
            return None
        if len(shape) == 1:
            return (shape[0], 1)
        if len(shape) == 2:
            return (shape[1], shape[0]) if self.scope.rows_out else (shape[0], shape[1])
        return None

    def _product_shape(self, node: Times) -> Shape | None:
        made: Shape | None = None
        before: Node = node.args[0]
        for k, arg in enumerate(node.args):
            other = self.shape(arg)
            if k:
                made, other = self._fitted(made, before, other, arg)
            before = arg
            if other is None:
                continue
            if made is None or (k and node.signs[k - 1] in ("odot", "circ", "ast", "otimes")):
                made = other if made is None else made
            elif made == (1, 1):
                made = other
            elif other != (1, 1):
                made = (made[0], other[1])
        return made

    def _fitted(
        self, made: Shape | None, before: Node, other: Shape | None, arg: Node
    ) -> tuple[Shape | None, Shape | None]:
        """Both shapes, those of ones as they fit."""
        if _is_ones(arg) and made is not None:
            other = (made[1], 1)
        if isinstance(before, Transposed) and _is_ones(before.arg) and other is not None:
            made = (1, other[0])
        return made, other

    def _beside(self, left: Node, right: Node) -> tuple[Shape | None, Shape | None]:
        """The shapes of two factors; ones are as many as fit the other factor."""
        a, b = self.shape(left), self.shape(right)
        if _is_ones(right) and a is not None:
            b = (a[1], 1)
        if isinstance(left, Transposed) and _is_ones(left.arg) and b is not None:
            a = (1, b[0])
        return a, b

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
                return add(*(self._summand(arg, shape, row, col) for arg in node.args))
            case Minus():
                return -self.entry(node.arg, row, col)
            case Over():
                return self.entry(node.above, row, col) / self.entry(node.below, row, col)
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
                return Piecewise(
                    tuple((self.entry(v, row, col), self._when(c, row, col)) for v, c in node.rows)
                )
            case Root():
                return power(self.entry(node.arg, row, col), Fraction(1, 2))
            case Bars():
                return call("abs", self.entry(node.arg, row, col))
        raise NoTerm(f"an array that is a {type(node).__name__.lower()}")

    def _array_entry(self, node: Entry, row: Affine, col: Affine) -> Term:
        tensor = self.tensor(node)
        if node.form == "batch":
            return Ref(tensor, (row, col))
        if node.role == "weight":
            return Ref(tensor, (col, row) if self.scope.rows_out else (row, col))
        if len(self._shape_of(node) or ()) == 2 and not tensor.batched:
            return Ref(tensor, (row, col))
        front = (self._sample(node),) if tensor.batched else ()
        return Ref(tensor, (*front, row))

    def _summand(self, node: Node, shape: Shape, row: Affine, col: Affine) -> Term:
        """A column added to a batch is added to every row."""
        own = self.shape(node)
        if own is not None and own != shape and own == (shape[1], 1):
            return self.entry(node, col, Affine())
        return self.entry(node, row, col)

    def _product_entry(self, args: list[Node], signs: list[str], row: Affine, col: Affine) -> Term:
        """Entries of products from the left; a matrix product sums over a fresh index."""
        if len(args) == 1:
            return self.entry(args[0], row, col)
        *first, last = args
        sign = signs[-1]
        left = Times(tuple(first), tuple(signs[:-1])) if len(first) > 1 else first[0]
        a, b = self._beside(left, last)
        entrywise = sign in ("odot", "circ", "ast")
        if a is None or b is None or entrywise or (1, 1) in (a, b):
            places = [(Affine(), Affine()) if s == (1, 1) else (row, col) for s in (a, b)]
            return mul(self.entry(left, *places[0]), self.entry(last, *places[1]))
        if a[1] == 1 and b[0] == 1:
            return mul(self.entry(left, row, Affine()), self.entry(last, Affine(), col))
        taken = {i for p in (row, col) for i, _ in p.terms} | set(self.letters.values())
        names = (f"k{n}" for n in range(100))
        size = a[1]
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
        return Compare(relation, *(self.entry(m, row, col) for m in node.members))


def _is_ones(node: Node) -> bool:
    return isinstance(node, Letter) and node.name == "bold 1"
