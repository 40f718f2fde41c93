"""What a term is written with besides arithmetic: names, limits, cases and indicators."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from derive.algebra.terms import (
    ONE,
    ZERO,
    Affine,
    Argmax,
    Compare,
    Condition,
    Delta,
    Extent,
    Guard,
    Index,
    Piecewise,
    Ref,
    Tensor,
    Term,
    refs,
)
from derive.stages import SAMPLE
from derive.writing import layout as lay
from derive.writing.layout import BigOp, Ident, Layout, Script, Text, row
from derive.writing.naming import Context, Names, unbarred
from derive.writing.pieces import ATOM, PRODUCT, Piece
from derive.writing.profile import Profile

COMPARISONS = {"<": "<", "<=": "le", ">": ">", ">=": "ge"}


@dataclass(frozen=True)
class Lettering:
    """Writes names under one profile; `bound` are the indices of the sums around."""

    profile: Profile
    context: Context = field(default_factory=Context)
    bound: frozenset[Index] = frozenset()

    def piece(self, term: Term) -> Piece:
        """The term, with how tightly it holds together."""
        raise NotImplementedError

    @property
    def names(self) -> Names:
        """The writer of names."""
        return Names(self.profile, self.context)

    def write(self, term: Term) -> Layout:
        """The term as a layout."""
        return self.piece(term).layout

    def size(self, extent: Extent) -> Layout:
        """A size."""
        return self.names.size(extent)

    def index(self, index: Index) -> Layout:
        """The name of an index."""
        return self.names.letter(index.name)

    @property
    def objective(self) -> Layout:
        """What is minimised: the mean or sum of the losses, and the penalty."""
        role = self.profile.roles["objective"]
        made = role.entry.base
        return lay.apply(made, *(a.base for a in role.arguments)) if role.arguments else made

    @property
    def loss(self) -> Layout:
        """The loss of one sample."""
        return self.write(Ref(Tensor("L", "loss"), (Affine.of(SAMPLE),)))

    @property
    def of_sample(self) -> Layout:
        """What is differentiated for one sample: its loss, or that of all where they are mixed."""
        return self.names.total if self.names.context.mixed else self.loss

    def named(self, made: Layout) -> Piece:
        """A name: it carries an exponent unless that could look like a label."""
        bare = self.profile.labels.form == "bare"
        body = made.body if isinstance(made, lay.Tinted) else made
        plain = (isinstance(body, Script) and body.sup is None) or isinstance(
            body, Ident | lay.Number
        )
        return Piece(made, exponent=plain and not (bare and isinstance(body, Script | Ident)))

    def condition(self, cond: Condition) -> Layout:
        """A condition; the last one of cases is "otherwise"."""
        if not isinstance(cond, Compare):
            return Text("otherwise" if cond else "never")
        return row(self.write(cond.lhs), COMPARISONS[cond.op], self.write(cond.rhs))

    def limits(self, index: Index, body: Term | None = None) -> bool:
        """Whether the limits of a sum over the index are written: where nothing else says them."""
        choice = self.profile.writing["bounds"]
        if choice == "always" or (choice == "symbolic" and isinstance(index.size, str)):
            return True
        return body is not None and not self.told(index, body)

    def told(self, index: Index, body: Term) -> bool:
        """Whether an axis along which the index runs alone tells its range."""
        if index.sample:
            return True
        found = [
            extent
            for ref in refs(body)
            for place, extent in zip(ref.at, self._extents(ref, index), strict=True)
            if place == Affine.of(index)
        ]
        return bool(found) and set(found) == {index.size}

    def _extents(self, ref: Ref, index: Index) -> tuple[Extent, ...]:
        """The extents of all axes; where the array is not known, they are as the index says."""
        shape = self.context.shapes.get(unbarred(ref.tensor)[0])
        rows = (SAMPLE.size,) if ref.tensor.batched else ()
        if shape is None or len(rows) + len(shape) != len(ref.at):
            return (index.size,) * len(ref.at)
        return (*rows, *shape)

    def between(self, index: Index, body: Layout, first: int | None = None) -> BigOp:
        """The sum over the range of an index, with limits."""
        base = self.profile.base
        lower = row(self.index(index), "=", lay.number(base if first is None else first))
        upper = self.size(index.size)
        if base == 0:
            upper = (
                lay.number(index.size - 1)
                if isinstance(index.size, int)
                else row(upper, "-", lay.number(1))
            )
        return BigOp("sum", lower, upper, body)

    def below(self, indices: tuple[Index, ...], body: Term) -> Layout | None:
        """The indices under an extremum, with their ranges where nothing else says them."""
        plain = [self.index(i) for i in indices if self.told(i, body)]
        rest = [i for i in indices if not self.told(i, body)]
        if not rest:
            return self.names.joined(plain)
        base = self.profile.base
        parts: list[Layout] = plain
        for size in dict.fromkeys(i.size for i in rest):
            alike = lay.listed(*(self.index(i) for i in rest if i.size == size))
            last = "le" if base else "<"
            parts.append(row(lay.number(base), "le", alike, last, self.size(size)))
        return lay.listed(*parts)

    def indicator(self, term: Term) -> Piece:
        """Kronecker's delta, range guards, and the place of an extremum: 1 or 0."""
        place = self.names.place
        match term:
            case Delta():
                left, right = place(term.left), place(term.right)
                if self.profile.writing["kronecker"] == "delta":
                    made = Script(Ident("delta"), lay.listed(left, right), None)
                    return Piece(made, exponent=False)
                return Piece(lay.bracket(row(left, "=", right)))
            case Guard():
                base = self.profile.base
                last = "le" if base else "<"
                inside = row(lay.number(base), "le", place(term.place), last, self.size(term.size))
                return Piece(lay.bracket(inside))
            case Argmax():
                return self._argmax(term)
        raise TypeError(f"no notation for {type(term).__name__}: add one here")

    def _argmax(self, term: Argmax) -> Piece:
        """[(u, v) = argmax ...]; an index with one value has it."""
        e = term.extremum
        pairs = list(zip(term.at, e.indices, strict=True))
        fixed = [self.indicator(Delta(p, Affine())).layout for p, i in pairs if i.size == 1]
        if rest := [(self.names.place(p), i) for p, i in pairs if i.size != 1]:
            at = lay.listed(*(place for place, _ in rest))
            at = at if len(rest) == 1 else lay.paren(at)
            inner = replace(self, bound=self.bound | set(e.indices)).piece(e.body).factor()
            below = self.below(tuple(i for _, i in rest), e.body)
            best = BigOp(f"arg{e.kind}", below, None, inner)
            fixed.append(lay.bracket(row(at, "=", best)))
        return Piece(row(*fixed), ATOM if len(fixed) == 1 else PRODUCT)

    def piecewise(self, term: Piecewise) -> Piece:
        """Cases behind a brace; one or zero is a condition in brackets."""
        values = [value for value, _ in term.branches]
        if values == [ONE, ZERO] and term.branches[1][1] is True:
            return Piece(lay.bracket(self.condition(term.branches[0][1])))
        rows = []
        for value, cond in term.branches:
            when = self.condition(cond)
            rows.append((self.write(value), when if cond is True else row(Text("if "), when)))
        return Piece(lay.Cases(tuple(rows)), reach=2, exponent=False)
