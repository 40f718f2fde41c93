"""Terms under a profile: any term of the calculus as a piece of a formula.

Parentheses are the fewest that keep the meaning; a power never looks like a layer label, a sum
stands at the end of its product, and a quotient is one fraction as far as it was written as one.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from derive.algebra.terms import (
    Add,
    Apply,
    Call,
    Const,
    Extremum,
    Function,
    Index,
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
    factors_of,
    mul,
    number,
    power,
    walk,
)
from derive.writing import layout as lay
from derive.writing.layout import BigOp, Ident, Layout, Script, Symbol, row
from derive.writing.lettering import Lettering
from derive.writing.naming import ROLE_OF
from derive.writing.pieces import PRODUCT, SUM, Piece, flat, juxtaposed, negative, numeral

Factor = tuple[Piece, tuple[Term, ...]]


class Printer(Lettering):
    """Prints terms under one profile."""

    # -------------------------------------------------------------------- dispatch

    def piece(self, term: Term) -> Piece:
        """The term, with how tightly it holds together."""
        minus, made = self._signed(term)
        return negative(made) if minus else made

    def _signed(self, term: Term) -> tuple[bool, Piece]:
        """Whether the term starts with a minus sign, and the term without it."""
        positive = negated(term)
        if positive is None:
            return False, self._plain(term)
        inner, made = self._signed(positive)
        return not inner, made

    def _plain(self, term: Term) -> Piece:
        match term:
            case Num():
                return numeral(term.value)
            case Const():
                return Piece(self.names.constant(term.name))
            case Size():
                return self.named(self.size(term.extent))
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
                return self.piecewise(term)
            case Sum():
                return self._big("sum", term.body, term.indices)
            case Extremum():
                return self._big(term.kind, term.body, term.indices)
            case Partial():
                return self._partial(term)
        return self.indicator(term)

    def _ref(self, term: Ref) -> Piece:
        if term.tensor.role == "gradient":
            letter = term.tensor.letter
            by = Tensor(letter, ROLE_OF.get(letter, "parameter"), term.tensor.label, _sampled(term))
            of = self.of_sample if by.batched else self.objective
            below = self.names.entry(Ref(by, term.at), self.bound)
            return Piece(lay.partial(of, below), exponent=False, chain=True)
        return self.named(self.names.entry(term, self.bound))

    # -------------------------------------------------------------------- sums and products

    def _sum_of(self, term: Add) -> Piece:
        if len(term.args) == 1:
            return self._plain(term.args[0])
        summands = self._summands(term.args)
        parts: list[lay.Part] = []
        for k, (minus, made) in enumerate(summands):
            if k or minus:
                parts.append("-" if minus else "+")
            parts.append(made.summand(last=k == len(summands) - 1))
        return Piece(row(*parts), SUM, 2 if summands[-1][1].reach == 2 else 0)

    def _summands(self, args: tuple[Term, ...]) -> list[tuple[bool, Piece]]:
        """Each summand with its sign; a bias that is the weight of input 0 joins the sum."""
        joined = self._augmented(args)
        if joined is None:
            return [self._signed(arg) for arg in args]
        where, bias = joined
        made = []
        for k, arg in enumerate(args):
            if k == where and isinstance(arg, Sum):
                fixed = self.profile.roles["bias"].fixed
                big = self.between(arg.indices[0], self.piece(arg.body).factor(), fixed)
                made.append((False, Piece(big, PRODUCT, 1, exponent=False)))
            elif k != bias:
                made.append(self._signed(arg))
        return made

    def _augmented(self, args: tuple[Term, ...]) -> tuple[int, int] | None:
        """Where Sum_i W[i,j]*x[i] and its bias b[j] stand, if the bias is a weight of input 0."""
        if self.profile.roles["bias"].fixed is None:
            return None
        for k, arg in enumerate(args):
            match arg:
                case Sum(Mul((Ref() as w, Ref() as x)), (i,)) if i.size != 1 and (
                    w.tensor.role == "weight" and len(w.at) == 2 and x.at[-1] == w.at[0]
                ):
                    bias = Ref(Tensor("b", "bias", w.tensor.label, batched=False), (w.at[1],))
                    for m, other in enumerate(args):
                        if other is bias or other is -bias:
                            return k, m
        return None

    def _product(self, args: list[Term]) -> Piece:
        """Factors; each run of them that ends in negative powers is one fraction."""
        args.sort(key=lambda arg: isinstance(arg, Sum))
        coefficient = number(args[0])
        if coefficient is not None:
            args = args[1:]
        parts: list[Factor] = []
        above: list[Term] = []
        below: list[Term] = []
        for arg in args:
            if isinstance(arg, Pow) and arg.exponent < 0:
                below.append(power(arg.base, -arg.exponent))
                continue
            if below:
                parts += self._fraction_beside(coefficient, above, below)
                coefficient, above, below = None, [], []
            above.append(arg)
        if below:
            parts += self._fraction_beside(coefficient, above, below)
            coefficient, above = None, []
        if coefficient is not None:
            front = numeral(coefficient) if coefficient >= 0 else self.piece(Num(coefficient))
            parts.insert(0, (front, ()))
        parts += [(self.piece(arg), (arg,)) for arg in above]
        return parts[0][0] if len(parts) == 1 else self.side_by_side(parts)

    def _fraction_beside(
        self, coefficient: Fraction | None, above: list[Term], below: list[Term]
    ) -> list[Factor]:
        """A fraction; derivatives of the loss, tall as they are, stand beside it and not in it."""
        tall = [term for term in above if any(map(_by_loss, walk(term)))]
        low = [term for term in above if term not in tall]
        fraction = (self._fraction(coefficient, low, below), (*low, *below))
        return [fraction, *((self.piece(term), (term,)) for term in tall)]

    def side_by_side(self, parts: list[Factor]) -> Piece:
        """A product of pieces, each with the terms that stand in it."""
        pieces = [piece for piece, _ in parts]
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
        if term.function == "log" and _bare(term.args[0]):
            return Piece(row(name, self.write(term.args[0])), PRODUCT, 1, False, applied)
        return Piece(applied, exponent=self.profile.labels.form != "bare")

    def _exponential(self, arg: Term) -> Piece:
        """e^x, or exp(x) where the exponent is tall; exp(y log(o)) is o^y."""
        factors = factors_of(arg)
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
            if term.of.tensor.role == "loss" and self.names.context.mixed:
                of = self.names.total
            return Piece(lay.partial(of, by), exponent=False, chain=True)
        operator = lay.Fraction(Symbol("partial"), row(Symbol("partial"), by))
        return Piece(row(operator, lay.paren(self.write(term.of))), exponent=False, chain=True)

    def _big(self, sign: str, body: Term, indices: tuple[Index, ...]) -> Piece:
        """A sum or an extremum over indices, with its limits where the profile shows them."""
        inner = replace(self, bound=self.bound | set(indices)).piece(body)
        indices = tuple(i for i in indices if i.size != 1)
        if not indices:  # one summand only
            return inner
        made = inner.factor()
        if sign != "sum":
            made = BigOp(sign, self.below(indices, body), None, made)
            return Piece(made, PRODUCT, max(1, inner.reach), exponent=False)
        shown = [i for i in indices if self.limits(i, body)]
        plain = [self.index(i) for i in indices if i not in shown]
        if plain:
            made = BigOp(sign, self.names.joined(plain), None, made)
        for index in reversed(shown):
            made = self.between(index, made)
        return Piece(made, PRODUCT, max(1, inner.reach), exponent=False)


def _sampled(ref: Ref) -> bool:
    """Whether the first place of the entry is a sample."""
    return bool(ref.at) and ref.at[0].index is not None and ref.at[0].index.sample


def _bare(arg: Term) -> bool:
    """Whether a logarithm of it needs no parentheses."""
    return isinstance(arg, Ref | Size | Const) and not (
        isinstance(arg, Ref) and arg.tensor.role == "hole"
    )


def negated(term: Term) -> Term | None:
    """The negative of a term that starts with a minus sign; the sign of a summand is in front."""
    match term:
        case Num() if term.value < 0:
            return Num(-term.value)
        case Sum():
            body = negated(term.body)
            return None if body is None else Sum(body, term.indices)
        case Mul():
            for k, factor in enumerate(term.args):
                if k == 0 or isinstance(factor, Sum):
                    positive = negated(factor)
                    if positive is not None:
                        return mul(*term.args[:k], positive, *term.args[k + 1 :])
    return None


def _by_loss(term: Term) -> bool:
    """Whether a term is the derivative of the loss by something."""
    return isinstance(term, Partial) and isinstance(term.of, Ref) and term.of.tensor.role == "loss"
