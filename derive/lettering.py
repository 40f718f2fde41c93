"""What a term is written with besides arithmetic: names, limits, cases and indicators."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from derive import layout as lay
from derive.layout import BigOp, Ident, Layout, Script, Text, row
from derive.naming import Context, Names
from derive.pieces import Piece
from derive.profile import Profile
from derive.terms import (
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
)

COMPARISONS = {"<": "<", "<=": "le", ">": ">", ">=": "ge"}
_SAMPLE = Affine.of(Index("n", "N", sample=True))


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
        return self.write(Ref(Tensor("L", "loss"), (_SAMPLE,)))

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

    def limits(self, index: Index) -> bool:
        """Whether the limits of a sum over the index are written."""
        choice = self.profile.writing["bounds"]
        return choice == "always" or (choice == "symbolic" and isinstance(index.size, str))

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
                at = lay.listed(*map(place, term.at))
                at = at if len(term.at) == 1 else lay.paren(at)
                e = term.extremum
                inner = replace(self, bound=self.bound | set(e.indices)).piece(e.body).factor()
                below = self.names.joined(list(map(self.index, e.indices)))
                best = BigOp(f"arg{e.kind}", below, None, inner)
                return Piece(lay.bracket(row(at, "=", best)))
        raise TypeError(f"no notation for {type(term).__name__}; add one in derive.lettering")

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
