"""The nodes of terms, interned, and the constructors that fold numerals."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from derive.algebra.symbols import Affine, Extent, Function, Index, Tensor

_TABLE: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()


class _Interned(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        key = (cls, *(getattr(made, f.name) for f in fields(made)))
        return _TABLE.setdefault(key, made)


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Term(metaclass=_Interned):
    """A real number, as a function of the tensors and free indices in it."""

    def __add__(self, other: TermLike) -> Term:
        return add(self, other)

    def __radd__(self, other: TermLike) -> Term:
        return add(other, self)

    def __sub__(self, other: TermLike) -> Term:
        return add(self, mul(-1, other))

    def __rsub__(self, other: TermLike) -> Term:
        return add(other, mul(-1, self))

    def __mul__(self, other: TermLike) -> Term:
        return mul(self, other)

    def __rmul__(self, other: TermLike) -> Term:
        return mul(other, self)

    def __truediv__(self, other: TermLike) -> Term:
        return mul(self, power(lift(other), -1))

    def __rtruediv__(self, other: TermLike) -> Term:
        return mul(other, power(self, -1))

    def __pow__(self, exponent: int | Fraction) -> Term:
        return power(self, exponent)

    def __neg__(self) -> Term:
        return mul(-1, self)

    def __str__(self) -> str:
        from derive.algebra.text import plain  # printing stands above the terms

        return plain(self)


TermLike = Term | int | Fraction


@dataclass(frozen=True, eq=False, slots=True)
class Num(Term):
    """An exact rational number."""

    value: Fraction


@dataclass(frozen=True, eq=False, slots=True)
class Const(Term):
    """A named real constant: pi."""

    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Size(Term):
    """The number of values of an index range."""

    extent: Extent


@dataclass(frozen=True, eq=False, slots=True)
class Ref(Term):
    """The entry of `tensor` at the affine places `at`.

    With `padded`, the tensor's extents, an entry outside of them is 0; with `lowest` as well it is
    below every number, so that it never counts under a maximum.
    """

    tensor: Tensor
    at: tuple[Affine, ...]
    padded: tuple[Extent, ...] = ()
    lowest: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Add(Term):
    """The sum of two or more terms."""

    args: tuple[Term, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Mul(Term):
    """The product of two or more terms."""

    args: tuple[Term, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Pow(Term):
    """base ** exponent for a rational exponent; sqrt is the exponent 1/2."""

    base: Term
    exponent: Fraction


@dataclass(frozen=True, eq=False, slots=True)
class Call(Term):
    """A function of the formula language: a primitive of the calculus, or one with a definition."""

    function: str
    args: tuple[Term, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Apply(Term):
    """The `order`-th derivative of a named function at a point: sigma(s), phi'(s)."""

    function: Function
    arg: Term
    order: int = 0


@dataclass(frozen=True)
class Compare:
    """lhs op rhs with op one of < <= > >=."""

    op: str
    lhs: Term
    rhs: Term

    COMPLEMENT: ClassVar[dict[str, str]] = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}


Condition = Compare | bool


@dataclass(frozen=True, eq=False, slots=True)
class Piecewise(Term):
    """The value of the first branch whose condition holds; the last condition is True."""

    branches: tuple[tuple[Term, Condition], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Sum(Term):
    """The sum of `body` over the full ranges of `indices`, which are bound here."""

    body: Term
    indices: tuple[Index, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Extremum(Term):
    """The "max" or "min" of `body` over the full ranges of `indices`, which are bound here."""

    kind: str
    body: Term
    indices: tuple[Index, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Argmax(Term):
    """1 where the place `at` is the first, in row-major order, at the extremum; else 0."""

    extremum: Extremum
    at: tuple[Affine, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Delta(Term):
    """Kronecker's delta: 1 where left = right, else 0."""

    left: Affine
    right: Affine


@dataclass(frozen=True, eq=False, slots=True)
class Guard(Term):
    """1 where 0 <= place < size, else 0."""

    place: Affine
    size: Extent


@dataclass(frozen=True, eq=False, slots=True)
class Partial(Term):
    """The derivative of the entry `of` with respect to the entry `by`, not yet carried out."""

    of: Term
    by: Ref


# ------------------------------------------------------------------ constructors

ZERO, ONE = Num(Fraction(0)), Num(Fraction(1))


def lift(value: TermLike) -> Term:
    """A term for a number."""
    return value if isinstance(value, Term) else Num(Fraction(value))


def number(term: Term) -> Fraction | None:
    """The value of a numeral, else None."""
    return term.value if isinstance(term, Num) else None


def factors_of(term: Term) -> tuple[Term, ...]:
    """The factors of a product, the term itself where it is none."""
    return term.args if isinstance(term, Mul) else (term,)


def add(*terms: TermLike) -> Term:
    """Sum with nested sums flattened, numerals folded into the first one's place, zeros dropped."""
    flat: list[Term] = []
    constant, place = Fraction(0), None
    for term in map(lift, terms):
        for part in term.args if isinstance(term, Add) else (term,):
            if isinstance(part, Num):
                constant += part.value
                place = len(flat) if place is None else place
            else:
                flat.append(part)
    if constant:
        flat.insert(place or 0, Num(constant))
    return ZERO if not flat else flat[0] if len(flat) == 1 else Add(tuple(flat))


def mul(*terms: TermLike) -> Term:
    """Product, flat, numerals folded to the front, ones dropped, u*u written u**2."""
    flat: list[Term] = []
    constant = Fraction(1)
    for term in map(lift, terms):
        for part in factors_of(term):
            if isinstance(part, Num):
                constant *= part.value
            elif flat and (square := _joined(flat[-1], part)) is not None:
                flat[-1] = square
            else:
                flat.append(part)
    if not constant:
        return ZERO
    if constant != 1:
        flat.insert(0, Num(constant))
    return ONE if not flat else flat[0] if len(flat) == 1 else Mul(tuple(flat))


def _joined(left: Term, right: Term) -> Term | None:
    """u u = u^2 for neighbours that are positive whole powers of the same term."""
    base, m = (left.base, left.exponent) if isinstance(left, Pow) else (left, Fraction(1))
    other, n = (right.base, right.exponent) if isinstance(right, Pow) else (right, Fraction(1))
    whole = m.denominator == n.denominator == 1 and m > 0 and n > 0
    return Pow(base, m + n) if base is other and whole else None


def power(base: Term, exponent: int | Fraction) -> Term:
    """base ** exponent, folded where the exponent is whole: numerals, and (b**m)**n = b**(m*n)."""
    exponent = Fraction(exponent)
    if exponent == 1:
        return base
    if exponent == 0:
        return ONE
    if exponent.denominator == 1:
        if isinstance(base, Num) and (base.value or exponent > 0):
            return Num(base.value ** int(exponent))
        if isinstance(base, Pow):  # a root is of something positive, so (u^(1/2))^2 = u
            return power(base.base, base.exponent * exponent)
    return Pow(base, exponent)


def call(function: str, *args: TermLike) -> Term:
    """A call of the formula language, as written."""
    return Call(function, tuple(map(lift, args)))


def exp(arg: TermLike) -> Term:
    """e ** arg."""
    return call("exp", arg)


def total(body: Term, *indices: Index) -> Term:
    """Sum of `body` over `indices`; nested sums stay nested, no index gives the body."""
    return Sum(body, indices) if indices else body


def ref(tensor: Tensor, *at: Affine | Index | int) -> Ref:
    """tensor[at, ...]."""
    return Ref(tensor, tuple(map(Affine.of, at)))
