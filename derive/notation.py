"""Terms under a notation: any term of the calculus as a layout.

Parentheses are the fewest that keep the meaning; a power never looks like a layer label, a sum
stands at the end of its product, and a quotient is one fraction as far as it was written as one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from derive import layout as lay
from derive.equation import Equation
from derive.layout import BigOp, Ident, Layout, Script, Symbol, Text, row
from derive.naming import ROLE_OF, Context, Names
from derive.pieces import PRODUCT, SUM, Piece, flat, juxtaposed, negative, numeral
from derive.profile import Profile
from derive.terms import (
    ONE,
    ZERO,
    Add,
    Affine,
    Apply,
    Argmax,
    Call,
    Compare,
    Condition,
    Const,
    Delta,
    Extent,
    Extremum,
    Function,
    Guard,
    Index,
    Label,
    Mul,
    Num,
    Partial,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
    mul,
    number,
    power,
)

_SAMPLE = Affine.of(Index("n", "N", sample=True))
COMPARISONS = {"<": "<", "<=": "le", ">": ">", ">=": "ge"}


@dataclass(frozen=True)
class Writer:
    """Writes terms, equations and names under one profile."""

    profile: Profile
    context: Context = Context()
    bound: frozenset[Index] = field(default=frozenset())

    @property
    def names(self) -> Names:
        """The writer of names."""
        return Names(self.profile, self.context)

    # -------------------------------------------------------------------- for the pages

    def write(self, term: Term) -> Layout:
        """The term as a layout."""
        return self.piece(term).layout

    def equation(self, equation: Equation) -> Layout:
        """lhs = rhs."""
        return row(self.write(equation.lhs), "=", self.write(equation.rhs))

    def chain(self, first: Term, *rest: tuple[str, Term]) -> Layout:
        """first = second = ..., each of the rest with its relation in front."""
        made: list[lay.Part] = [self.write(first)]
        for relation, term in rest:
            made += [relation, self.write(term)]
        return row(*made)

    def tensor(self, tensor: Tensor, batch: bool = False) -> Layout:
        """The whole array; with `batch` that of all samples."""
        return self.names.whole(tensor, batch)

    def label(self, label: Label) -> Layout:
        """A layer label inside a sentence: 2, l, out."""
        return self.names.bare_label(label)

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

    def partial_tensor(self, tensor: Tensor, batch: bool = False) -> Layout:
        """The gradient by a whole array, of the objective or (for an array per sample) the loss."""
        of = self.objective if batch or not tensor.batched else self.loss
        whole = self.tensor(tensor, batch)
        if self.profile.writing["gradient"] == "nabla":
            return row(lay.sub(Symbol("nabla"), whole), of)
        return lay.partial(of, whole)

    # -------------------------------------------------------------------- dispatch

    def piece(self, term: Term) -> Piece:
        """The term, with how tightly it holds together."""
        minus, made = self._signed(term)
        return negative(made) if minus else made

    def _signed(self, term: Term) -> tuple[bool, Piece]:
        """Whether the term starts with a minus sign, and the term without it."""
        if isinstance(term, Num) and term.value < 0:
            return True, numeral(-term.value)
        if isinstance(term, Mul):
            first = number(term.args[0])
            if first is not None and first < 0:
                inner, made = self._signed(mul(-first, *term.args[1:]))
                return not inner, made
        return False, self._plain(term)

    def _plain(self, term: Term) -> Piece:
        match term:
            case Num():
                return numeral(term.value)
            case Const():
                return Piece(self.names.constant(term.name))
            case Size():
                return self._named(self.size(term.extent))
            case Ref():
                return self._ref(term)
            case Add():
                return self._sum_of(term)
            case Mul():
                return self._product(list(term.args))
            case Pow():
                return self._power(term)
            case Call():
                return self._call(term)
            case Apply():
                return self._apply(term)
            case Piecewise():
                return self._piecewise(term)
            case Sum():
                return self._big("sum", term.body, term.indices)
            case Extremum():
                return self._big(term.kind, term.body, term.indices)
            case Partial():
                return self._partial(term)
        return self._indicator(term)

    def _named(self, made: Layout) -> Piece:
        """A name: it carries an exponent unless that could look like a label."""
        bare = self.profile.labels.form == "bare"
        body = made.body if isinstance(made, lay.Tinted) else made
        plain = (isinstance(body, Script) and body.sup is None) or isinstance(
            body, Ident | lay.Number
        )
        return Piece(made, exponent=plain and not (bare and isinstance(body, Script)))

    def _ref(self, term: Ref) -> Piece:
        if term.tensor.role == "gradient":
            letter = term.tensor.letter
            by = Tensor(letter, ROLE_OF.get(letter, "parameter"), term.tensor.label, _sampled(term))
            of = self.loss if by.batched else self.objective
            below = self.names.entry(Ref(by, term.at), self.bound)
            return Piece(lay.partial(of, below), exponent=False, chain=True)
        return self._named(self.names.entry(term, self.bound))

    # -------------------------------------------------------------------- sums and products

    def _sum_of(self, term: Add) -> Piece:
        if len(term.args) == 1:
            return self._plain(term.args[0])
        parts: list[lay.Part] = []
        for k, arg in enumerate(term.args):
            minus, made = self._signed(arg)
            if k or minus:
                parts.append("-" if minus else "+")
            parts.append(made.summand(last=k == len(term.args) - 1))
        return Piece(row(*parts), SUM, 2 if made.reach == 2 else 0)

    def _product(self, args: list[Term]) -> Piece:
        """Factors; each run of them that ends in negative powers is one fraction."""
        args.sort(key=lambda arg: isinstance(arg, Sum))
        coefficient = number(args[0])
        if coefficient is not None:
            args = args[1:]
        pieces: list[Piece] = []
        above: list[Term] = []
        below: list[Term] = []
        for arg in args:
            if isinstance(arg, Pow) and arg.exponent < 0:
                below.append(power(arg.base, -arg.exponent))
                continue
            if below:
                pieces.append(self._fraction(coefficient, above, below))
                coefficient, above, below = None, [], []
            above.append(arg)
        if below:
            pieces.append(self._fraction(coefficient, above, below))
            coefficient, above = None, []
        if coefficient is not None:
            pieces.insert(
                0, numeral(coefficient) if coefficient >= 0 else self.piece(Num(coefficient))
            )
        pieces += map(self.piece, above)
        if len(pieces) == 1:
            return pieces[0]
        return Piece(juxtaposed(pieces, self.profile.writing["chain"]), PRODUCT, pieces[-1].reach)

    def _fraction(
        self, coefficient: Fraction | None, above: list[Term], below: list[Term]
    ) -> Piece:
        c = Fraction(1) if coefficient is None else coefficient
        if numeral(abs(c)).exponent:  # a whole number or a decimal stays above
            over, under = mul(c, *above), mul(*below)
        else:
            over, under = mul(c.numerator, *above), mul(c.denominator, *below)
        return Piece(lay.frac(self.write(over), self.write(under)), exponent=False)

    def _power(self, term: Pow) -> Piece:
        if term.exponent < 0:
            return self._fraction(None, [], [power(term.base, -term.exponent)])
        if term.exponent == Fraction(1, 2):
            return Piece(lay.Root(self.write(term.base)))
        base = self.piece(term.base)
        e = term.exponent
        top, bottom = lay.number(e.numerator), lay.number(e.denominator)
        return base.raised(top if e.denominator == 1 else lay.slashed(top, bottom))

    # -------------------------------------------------------------------- functions

    def _call(self, term: Call) -> Piece:
        if term.function == "exp":
            return self._exponential(term.args[0])
        if term.function == "abs":
            return Piece(lay.bars(self.write(term.args[0])))
        name = self.names.function(Function(term.function))
        applied = lay.apply(name, *map(self.write, term.args))
        if term.function == "log" and isinstance(term.args[0], Ref | Size | Const):
            return Piece(row(name, self.write(term.args[0])), PRODUCT, 1, False, applied)
        return Piece(applied, exponent=self.profile.labels.form != "bare")

    def _exponential(self, arg: Term) -> Piece:
        """e^x, or exp(x) where the exponent is tall; exp(y log(o)) is o^y."""
        factors = arg.args if isinstance(arg, Mul) else (arg,)
        logs = [f for f in factors if isinstance(f, Call) and f.function == "log"]
        others = [f for f in factors if f not in logs]
        if len(logs) == 1 and any(number(f) is None for f in others):
            base, exponent = self.piece(logs[0].args[0]), self.write(mul(*others))
            if flat(exponent):
                return base.raised(exponent)
        made = self.write(arg)
        if self.profile.writing["exponential"] == "power" and flat(made):
            return Piece(lay.sup(Ident("e"), made), exponent=False)
        bare = self.profile.labels.form == "bare"
        return Piece(lay.apply(lay.Function("exp"), made), exponent=not bare)

    def _apply(self, term: Apply) -> Piece:
        name = self.names.function(term.function, term.arg)
        if term.order:
            name = self._derived(name, term.order)
        bare = self.profile.labels.form == "bare"
        return Piece(lay.apply(name, self.write(term.arg)), exponent=not bare)

    def _derived(self, name: Layout, order: int) -> Layout:
        base = name.base if isinstance(name, Script) else name
        if self.profile.writing["slope"] == "prime" or order > 2 or isinstance(base, lay.Function):
            return lay.prime(name, order)
        dotted = lay.Accent("dot" if order == 1 else "ddot", base)
        return Script(dotted, name.sub, name.sup) if isinstance(name, Script) else dotted

    def _partial(self, term: Partial) -> Piece:
        by = self.names.entry(term.by, self.bound)
        if isinstance(term.of, Ref) and term.of.tensor.role != "gradient":
            of = self.names.entry(term.of, self.bound)
            return Piece(lay.partial(of, by), exponent=False, chain=True)
        operator = lay.Fraction(Symbol("partial"), row(Symbol("partial"), by))
        return Piece(row(operator, lay.paren(self.write(term.of))), exponent=False, chain=True)

    # -------------------------------------------------------------------- cases and indices

    def _piecewise(self, term: Piecewise) -> Piece:
        values = [value for value, _ in term.branches]
        if values == [ONE, ZERO] and term.branches[1][1] is True:
            return Piece(lay.bracket(self.condition(term.branches[0][1])))
        rows = []
        for value, cond in term.branches:
            when = self.condition(cond)
            rows.append((self.write(value), when if cond is True else row(Text("if "), when)))
        return Piece(lay.Cases(tuple(rows)), reach=2, exponent=False)

    def condition(self, cond: Condition) -> Layout:
        """A condition; the last one of cases is "otherwise"."""
        if not isinstance(cond, Compare):
            return Text("otherwise" if cond else "never")
        return row(self.write(cond.lhs), COMPARISONS[cond.op], self.write(cond.rhs))

    def _big(self, sign: str, body: Term, indices: tuple[Index, ...]) -> Piece:
        """A sum or an extremum over indices, with its limits where the profile shows them."""
        inner = replace(self, bound=self.bound | set(indices)).piece(body)
        made = inner.factor()
        shown = [i for i in indices if sign == "sum" and self._limits(i)]
        plain = [self.index(i) for i in indices if i not in shown]
        if plain:
            made = BigOp(sign, self.names.joined(plain), None, made)
        for index in reversed(shown):
            made = self.between(index, made)
        return Piece(made, PRODUCT, max(1, inner.reach), exponent=False)

    def _limits(self, index: Index) -> bool:
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

    def _indicator(self, term: Term) -> Piece:
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
                best = self._big(f"arg{e.kind}", e.body, e.indices).layout
                return Piece(lay.bracket(row(at, "=", best)))
        raise TypeError(f"no notation for {type(term).__name__}; add one in derive.notation")


def _sampled(ref: Ref) -> bool:
    """Whether the first place of the entry is a sample."""
    return bool(ref.at) and ref.at[0].index is not None and ref.at[0].index.sample
