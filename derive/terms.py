"""The terms of the index calculus: immutable, interned nodes that mean real numbers.

    term  ::= Num | Const | Size | Ref | Add | Mul | Pow | Call | Apply | Piecewise
            | Sum | Extremum | Argmax | Delta | Guard | Partial
    Ref   ::= tensor[affine, ...]          an entry of a tensor; a per-sample tensor has the sample
                                           index first
    affine::= offset + coef*index + ...

Nothing here evaluates by itself beyond the folding that `add`, `mul` and `power` announce: the
written form of an equation is what a reader sees.  Interning makes equal terms the same object, so
equality and hashing cost nothing and a shared subterm is shared in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, ClassVar
from weakref import WeakValueDictionary

Extent = int | str  # the size of an index range: a number, or the name of a symbolic size


@dataclass(frozen=True, order=True)
class Index:
    """A bound or free index with the range 0 .. size - 1.  `sample` marks the index of samples."""

    name: str
    size: Extent
    sample: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, order=True)
class Label:
    """A layer number: `Label(2)` is layer 2, `Label(-1, "l")` is layer l - 1, `Label(0, "L")` is L."""

    offset: int
    base: str = ""

    def __str__(self) -> str:
        if not self.base:
            return str(self.offset)
        return self.base + (f"{self.offset:+d}" if self.offset else "")

    def shifted(self, by: int) -> Label:
        """The label `by` layers further on."""
        return Label(self.offset + by, self.base)


@dataclass(frozen=True)
class Tensor:
    """A named array.  `role` tells a notation how to write it, `letter` is its name in code.

    Roles: input, preactivation, activation, weight, bias, delta, target, loss, mask, parameter
    (any other trained array), quantity (any other named intermediate).
    """

    letter: str
    role: str
    label: Label | None = None
    batched: bool = True  # the first index is the sample

    def __str__(self) -> str:
        return self.letter + ("" if self.label is None else str(self.label))


@dataclass(frozen=True)
class Function:
    """A function of one real variable known by name: sigma, or the generic phi of layer l."""

    name: str
    label: Label | None = None

    def __str__(self) -> str:
        return self.name + ("" if self.label is None else str(self.label))


@dataclass(frozen=True)
class Affine:
    """offset + sum of coef * index, in the order of first use; coefficients are never 0."""

    offset: int = 0
    terms: tuple[tuple[Index, int], ...] = ()

    @staticmethod
    def of(value: Affine | Index | int) -> Affine:
        """Lift an index or a number."""
        if isinstance(value, Affine):
            return value
        return Affine(0, ((value, 1),)) if isinstance(value, Index) else Affine(value)

    def __add__(self, other: Affine | Index | int) -> Affine:
        other = Affine.of(other)
        coef = dict(self.terms)
        for index, c in other.terms:
            coef[index] = coef.get(index, 0) + c
        return Affine(self.offset + other.offset, tuple((i, c) for i, c in coef.items() if c))

    def __mul__(self, factor: int) -> Affine:
        return Affine(self.offset * factor, tuple((i, c * factor) for i, c in self.terms if factor))

    def __sub__(self, other: Affine | Index | int) -> Affine:
        return self + Affine.of(other) * -1

    @property
    def index(self) -> Index | None:
        """The index, where the expression is nothing but one index."""
        if self.offset == 0 and len(self.terms) == 1 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return None

    def coefficient(self, index: Index) -> int:
        """The factor of `index`, 0 where it does not occur."""
        return dict(self.terms).get(index, 0)

    def __str__(self) -> str:
        parts = [(f"{c}*" if abs(c) != 1 else "-" * (c < 0)) + str(i) for i, c in self.terms]
        if self.offset or not parts:
            parts.append(str(self.offset))
        return "+".join(parts).replace("+-", "-")


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
        from derive.text import plain  # printing stands above the terms

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
    """The entry of `tensor` at the affine places `at`; `padded`: 0 outside the tensor's range."""

    tensor: Tensor
    at: tuple[Affine, ...]
    padded: tuple[Extent, ...] = ()  # the tensor's extents, where reading outside gives 0


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
    """1 where the place `at` is the first, in row-major order, that attains the extremum; else 0."""

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


ZERO, ONE = Num(Fraction(0)), Num(Fraction(1))


def lift(value: TermLike) -> Term:
    """A term for a number."""
    return value if isinstance(value, Term) else Num(Fraction(value))


def number(term: Term) -> Fraction | None:
    """The value of a numeral, else None."""
    return term.value if isinstance(term, Num) else None


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
        for part in term.args if isinstance(term, Mul) else (term,):
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
    """base ** exponent; exact for numerals and integer exponents, and (b**m)**n for integer m, n."""
    exponent = Fraction(exponent)
    if exponent == 1:
        return base
    if exponent == 0:
        return ONE
    if exponent.denominator == 1:
        if isinstance(base, Num) and (base.value or exponent > 0):
            return Num(base.value ** int(exponent))
        if isinstance(base, Pow) and base.exponent.denominator == 1:
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


def children(term: Term) -> tuple[Term, ...]:
    """The direct subterms, conditions included."""
    match term:
        case Add() | Mul() | Call():
            return term.args
        case Pow():
            return (term.base,)
        case Apply():
            return (term.arg,)
        case Piecewise():
            sides = (s for _, c in term.branches if isinstance(c, Compare) for s in (c.lhs, c.rhs))
            return (*(value for value, _ in term.branches), *sides)
        case Sum() | Extremum():
            return (term.body,)
        case Argmax():
            return (term.extremum,)
        case Partial():
            return (term.of, term.by)
    return ()


def bound(term: Term) -> tuple[Index, ...]:
    """The indices that this very node binds."""
    return term.indices if isinstance(term, Sum | Extremum) else ()


def places(term: Term) -> tuple[Affine, ...]:
    """The affine index expressions that stand in this very node."""
    match term:
        case Ref():
            return term.at
        case Argmax():
            return term.at
        case Delta():
            return (term.left, term.right)
        case Guard():
            return (term.place,)
    return ()


def rebuild(term: Term, visit: Callable[[Term], Term]) -> Term:
    """The same node over visited subterms; bound indices and places stay as they are."""
    match term:
        case Add():
            return add(*map(visit, term.args))
        case Mul():
            return mul(*map(visit, term.args))
        case Call():
            return Call(term.function, tuple(map(visit, term.args)))
        case Pow():
            return power(visit(term.base), term.exponent)
        case Apply():
            return Apply(term.function, visit(term.arg), term.order)
        case Piecewise():
            return Piecewise(tuple((visit(v), condition(c, visit)) for v, c in term.branches))
        case Sum():
            return Sum(visit(term.body), term.indices)
        case Extremum():
            return Extremum(term.kind, visit(term.body), term.indices)
        case Argmax():
            inner = visit(term.extremum)
            assert isinstance(inner, Extremum)
            return Argmax(inner, term.at)
        case Partial():
            by = visit(term.by)
            assert isinstance(by, Ref)
            return Partial(visit(term.of), by)
    return term


def condition(cond: Condition, visit: Callable[[Term], Term]) -> Condition:
    """The condition over visited sides."""
    if isinstance(cond, bool):
        return cond
    return Compare(cond.op, visit(cond.lhs), visit(cond.rhs))


_FREE: dict[int, tuple[Term, frozenset[Index]]] = {}


def free_indices(term: Term) -> frozenset[Index]:
    """The indices on whose values the term depends (a set: sort before use in any output)."""
    known = _FREE.get(id(term))
    if known is not None and known[0] is term:
        return known[1]
    found = {i for place in places(term) for i, _ in place.terms}
    for child in children(term):
        found |= free_indices(child)
    result = frozenset(found - set(bound(term)))
    if len(_FREE) > 200_000:
        _FREE.clear()
    _FREE[id(term)] = (term, result)
    return result


def walk(term: Term) -> Iterator[Term]:
    """Every different subterm once, the term itself first."""
    seen: set[Term] = set()
    stack = [term]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield node
            stack.extend(reversed(children(node)))


def refs(term: Term) -> tuple[Ref, ...]:
    """The different tensor entries in the term, in order of first use."""
    return tuple(node for node in walk(term) if isinstance(node, Ref))


def tensors(term: Term) -> tuple[Tensor, ...]:
    """The different tensors in the term, in order of first use."""
    return tuple(dict.fromkeys(ref.tensor for ref in refs(term)))


def ref(tensor: Tensor, *at: Affine | Index | int) -> Ref:
    """tensor[at, ...]."""
    return Ref(tensor, tuple(map(Affine.of, at)))


def ordered(indices: Iterable[Index]) -> tuple[Index, ...]:
    """Indices in a fixed order: the sample first, then by name."""
    return tuple(sorted(indices, key=lambda i: (not i.sample, i.name, str(i.size))))
