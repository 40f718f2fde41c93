"""Matrix expressions under a notation.

A matrix product and an entrywise product stand in parentheses inside each other.  A quotient of
vectors is entrywise, and so is a power with the sign of the entrywise product in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from derive.algebra.index import replace_term
from derive.algebra.terms import ONE, Affine, Index, Mul, Pow, Ref, Tensor, mul, number, refs
from derive.matrices.entry import walk
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
    ones,
    scaled,
    transposed,
)
from derive.stages import SAMPLE
from derive.writing import layout as lay
from derive.writing.layout import BigOp, Ident, Layout, Script, Symbol, Tinted, row
from derive.writing.naming import ROLE_OF
from derive.writing.pieces import PRODUCT, SUM, Piece, juxtaposed, negative
from derive.writing.printing import Factor, Printer


@dataclass(frozen=True)
class MatrixPrinter(Printer):
    """Prints matrix expressions; `holes`: what the entries in a `Map` are."""

    holes: Mapping[Ref, Piece] = field(default_factory=dict)
    entrywise: bool = False  # whether the holes are arrays, so that powers are entry by entry
    lone: bool = False  # whether nothing but ones says that there is a row for every sample

    # -------------------------------------------------------------------- names

    def whole(self, tensor: Tensor, batch: bool = False, sample: Index | None = None) -> Layout:
        """A whole array; a gradient as the derivative by the whole array."""
        if tensor.role != "gradient":
            return self.names.whole(tensor, batch, sample)
        role = ROLE_OF.get(tensor.letter, "parameter")
        parameter = replace(tensor, role=role, batched=False)
        return self.partial_tensor(parameter, sample=tensor.batched and not batch)

    def partial_tensor(self, parameter: Tensor, sample: bool = False) -> Layout:
        """The gradient by a whole array, of the objective or of the loss of one sample."""
        of = self.of_sample if sample else self.objective
        whole = self.names.whole(parameter)
        if self.profile.writing["gradient"] == "nabla":
            return row(lay.sub(Symbol("nabla"), whole), of)
        return lay.partial(of, whole)

    # -------------------------------------------------------------------- dispatch

    def matrix(self, mat: Mat) -> Layout:
        """The matrix expression as a layout."""
        lone = mat.shape[0] == SAMPLE.size and not any(map(_of_samples, walk(mat)))
        return replace(self, lone=lone).mat(mat).layout

    def mat(self, mat: Mat) -> Piece:
        """The matrix expression, with how tightly it holds together."""
        minus, made = self._sign(mat)
        return negative(made) if minus else made

    def _sign(self, mat: Mat) -> tuple[bool, Piece]:
        """Whether the expression starts with a minus sign, and the expression without it."""
        if isinstance(mat, Scale):
            first = mat.factor.args[0] if isinstance(mat.factor, Mul) else mat.factor
            if (number(first) or 0) < 0:
                return True, self._unsigned(scaled(mul(-1, mat.factor), mat.arg))
        if isinstance(mat, Fill):
            return self._signed(mat.value)
        return False, self._unsigned(mat)

    def _unsigned(self, mat: Mat) -> Piece:
        match mat:
            case Whole():
                return self._whole(mat)
            case Fill():
                return self.piece(mat.value)
            case Identity():
                return Piece(Ident("I"))
            case Diagonal():
                return Piece(lay.apply(lay.Function("diag"), self.matrix(mat.arg)), exponent=False)
            case Transpose():
                return self._transpose(mat)
            case Product():
                return self._matrix_product(list(mat.args))
            case Hadamard():
                return self._hadamard(list(mat.args))
            case Plus():
                return self._plus(mat)
            case Scale():
                return self._scale(mat)
            case Map():
                return self._map(mat)
            case SampleSum():
                inner = replace(self, bound=self.bound | {mat.index})
                return self._over_samples(mat.index, inner._factor(mat.arg))
        raise TypeError(f"no notation for {type(mat).__name__}: add one here")

    def _over_samples(self, index: Index, body: Layout) -> Piece:
        if self.limits(index):
            return Piece(self.between(index, body), PRODUCT, 1, exponent=False)
        made = BigOp("sum", self.index(index), None, body)
        return Piece(made, PRODUCT, 1, exponent=False)

    # -------------------------------------------------------------------- nodes

    def _whole(self, mat: Whole) -> Piece:
        sample = None
        if mat.axes and isinstance(mat.axes[0], Affine):
            held = mat.axes[0].index
            shown = held in self.bound or self.context.samples
            sample = held if shown else None
        made = self.named(self.whole(mat.tensor, mat.batch, sample))
        return replace(made, chain=mat.tensor.role == "gradient")

    def _transpose(self, mat: Transpose) -> Piece:
        if isinstance(mat.arg, Fill):
            return Piece(lay.sup(Ident("1", "bold"), self.names.transpose), exponent=False)
        body, tint = self.matrix(mat.arg), ""
        if isinstance(body, Tinted):
            tint = body.tint
            body = body.body
        plain = isinstance(mat.arg, Whole) and isinstance(body, Script | Ident)
        labelled = isinstance(body, Script) and body.sup is not None
        if not plain or (labelled and self.profile.labels.form == "bare"):
            body = lay.paren(body)
        made: Layout = lay.sup_more(body, self.names.transpose)
        return Piece(Tinted(made, tint) if tint else made, exponent=False)

    def _factor(self, mat: Mat, last: bool = True) -> Layout:
        """As a factor of a matrix product."""
        if isinstance(mat, Fill) and mat.value == ONE and mat.shape[0] != 1:
            return Ident("1", "bold")
        made = self.mat(mat)
        return lay.paren(made.layout) if isinstance(mat, Hadamard) else made.factor(last)

    def _matrix_product(self, args: list[Mat]) -> Piece:
        if len(args) == 2 and args[0] == Transpose(args[1]) and args[1].shape[1] == 1:
            return self._norm(args[1])
        below = [a for a in args if _inverse(a) and a.shape == (1, 1)]
        if below:
            above = [a for a in args if a not in below]
            over = self._matrix_product(above).layout if above else lay.number(1)
            inner = [a.args[0] for a in below if isinstance(a, Map)]
            under = self._matrix_product(inner).layout
            return Piece(lay.frac(over, under), exponent=False)
        implied = self.profile.writing["ones"] == "implied" and not self.lone
        if implied and _repeated(args):
            return self.mat(transposed(args[1]))
        if len(args) == 1:
            return self.mat(args[0])
        pieces = [Piece(self._factor(a, k == len(args) - 1)) for k, a in enumerate(args)]
        return Piece(juxtaposed(pieces, "none"), PRODUCT)

    def _norm(self, mat: Mat) -> Piece:
        """v^T v as a square of a norm."""
        made = lay.sup(lay.Fenced("||", self.matrix(mat), "||"), lay.number(2))
        return Piece(made, exponent=False)

    def _hadamard(self, args: list[Mat]) -> Piece:
        below = [a.args[0] for a in args if isinstance(a, Map) and _inverse(a)]
        above = [a for a in args if not _inverse(a)]
        if below:
            over = self._entrywise(above).layout if above else lay.number(1)
            return Piece(lay.frac(over, self._entrywise(below).layout), exponent=False)
        return self._entrywise(above)

    def _entrywise(self, args: list[Mat]) -> Piece:
        if len(args) == 1:
            return self.mat(args[0])
        return self._hadamard_of([self.mat(arg) for arg in args])

    def _hadamard_of(self, pieces: list[Piece]) -> Piece:
        """Arrays with the sign of the entrywise product between them."""
        parts: list[lay.Part] = []
        for made in pieces:
            loose = made.level == PRODUCT and not made.reach
            body = lay.paren(made.layout) if loose else made.factor(last=False)
            parts += [self.profile.writing["hadamard"], body] if parts else [body]
        return Piece(row(*parts), PRODUCT)

    def _plus(self, mat: Plus) -> Piece:
        parts: list[lay.Part] = []
        for k, arg in enumerate(mat.args):
            minus, made = self._sign(arg)
            if k or minus:
                parts.append("-" if minus else "+")
            parts.append(made.summand(last=k == len(mat.args) - 1))
        return Piece(row(*parts), SUM)

    def _scale(self, mat: Scale) -> Piece:
        inner = self.mat(mat.arg)
        return Piece(juxtaposed([self.piece(mat.factor), inner], "none"), PRODUCT, inner.reach)

    def _map(self, mat: Map) -> Piece:
        """The template printed around the arguments."""
        inner = [self.mat(arg) for arg in mat.args]
        template = mat.template
        holes: dict[Ref, Piece] = {}
        for k, arg in enumerate(mat.args):
            stand_in = hole(k)
            if isinstance(arg, Whole):  # so that a function can see its layer
                stand_in = Ref(arg.tensor, ())
                template = replace_term(template, hole(k), stand_in)
            holes[stand_in] = inner[k]
        printer = replace(self, holes=holes, entrywise=mat.shape != (1, 1))
        return printer.piece(template)

    def side_by_side(self, parts: list[Factor]) -> Piece:
        """A product inside a `Map`: arrays are multiplied entry by entry."""
        arrays: list[Piece] = []
        numbers: list[Piece] = []
        for piece, terms in parts:
            held = any(self.holes.keys() & refs(t) for t in terms)
            (arrays if held else numbers).append(piece)
        if not self.entrywise or len(arrays) < 2:
            return super().side_by_side(parts)
        product = self._hadamard_of(arrays)
        return product if not numbers else Piece(juxtaposed([*numbers, product], "none"), PRODUCT)

    def _power(self, term: Pow) -> Piece:
        e = term.exponent
        if self.entrywise and e.denominator == 1 and e > 0 and self.holes.keys() & refs(term.base):
            times = self.profile.writing["hadamard"]
            return self.piece(term.base).raised(row(times, lay.number(e)))
        return super()._power(term)

    def _ref(self, term: Ref) -> Piece:
        return self.holes[term] if term in self.holes else super()._ref(term)


def _of_samples(mat: Mat) -> bool:
    """Whether it is the array of all samples."""
    return isinstance(mat, Whole) and mat.batch


def _inverse(mat: Mat) -> bool:
    return (
        isinstance(mat, Map)
        and isinstance(mat.template, Pow)
        and mat.template.base is hole()
        and mat.template.exponent == -1
    )


def _repeated(args: list[Mat]) -> bool:
    """Whether a row is repeated for every sample."""
    return len(args) == 2 and args[0] == ones(SAMPLE.size) and args[1].shape[0] == 1
