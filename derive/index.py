"""Indices at work: substitution, differentiation and contraction.

This is the only module that replaces something inside a term or differentiates it.  Bound indices
are renamed before anything could be captured by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product

from derive.errors import NotYet
from derive.primitives import DEFINED
from derive.terms import (
    ONE,
    ZERO,
    Add,
    Affine,
    Apply,
    Argmax,
    Call,
    Compare,
    Const,
    Delta,
    Extent,
    Extremum,
    Function,
    Guard,
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
    add,
    bound,
    call,
    free_indices,
    mul,
    power,
    rebuild,
    refs,
    total,
    walk,
)

# ------------------------------------------------------------------ substitution


LETTERS = "kmpqrtuvijabcdefgh"  # for an index whose own name is taken


def _placed(place: Affine, values: Mapping[Index, Affine]) -> Affine:
    result = Affine(place.offset)
    for index, coef in place.terms:
        result = result + values.get(index, Affine.of(index)) * coef
    return result


def fresh(
    name: str, size: int | str, taken: frozenset[Index] | set[Index], sample: bool = False
) -> Index:
    """An index of that size whose name is not taken: the name itself, or another letter."""
    names = {i.name for i in taken}
    if name not in names:
        return Index(name, size, sample)
    free = (letter for letter in LETTERS if letter not in names)
    return Index(next(free, f"{name}_{len(names)}"), size, sample)


def at(term: Term, values: Mapping[Index, Affine]) -> Term:
    """The term with free indices replaced by affine expressions, without capture.

    >>> i, j = Index("i", 3), Index("j", 3)
    >>> w = Tensor("w", "weight", batched=False)
    >>> str(at(Sum(Ref(w, (Affine.of(i), Affine.of(j))), (i,)), {j: Affine.of(i)}))
    'Sum(w[k,i], k)'
    """
    values = {i: v for i, v in values.items() if i in free_indices(term) and v.index != i}
    if not values:
        return term
    match term:
        case Ref():
            return Ref(term.tensor, tuple(_placed(p, values) for p in term.at), term.padded)
        case Delta():
            return Delta(_placed(term.left, values), _placed(term.right, values))
        case Guard():
            return Guard(_placed(term.place, values), term.size)
        case Argmax():
            inner = at(term.extremum, values)
            assert isinstance(inner, Extremum)
            return Argmax(inner, tuple(_placed(p, values) for p in term.at))
        case Sum() | Extremum():
            term = _away_from(term, {i for v in values.values() for i, _ in v.terms})
    return rebuild(term, lambda child: at(child, values))


def _away_from(term: Sum | Extremum, taken: set[Index]) -> Sum | Extremum:
    """The same sum or extremum with bound names that no index in `taken` has."""
    names = {i.name for i in taken}
    if not any(i.name in names for i in term.indices):
        return term
    avoid = set(taken) | set(free_indices(term.body))
    renamed: dict[Index, Affine] = {}
    indices = []
    for i in term.indices:
        new = fresh(i.name, i.size, avoid, i.sample) if i.name in names else i
        avoid.add(new)
        indices.append(new)
        if new != i:
            renamed[i] = Affine.of(new)
    body = at(term.body, renamed)
    return (
        Sum(body, tuple(indices))
        if isinstance(term, Sum)
        else Extremum(term.kind, body, tuple(indices))
    )


def replace_refs(term: Term, value: Callable[[Ref], Term | None]) -> Term:
    """The term with entries replaced by terms (None keeps the entry), without capture.

    The indices of a replacement are those of the entry's own places, so that a sum around the entry
    may bind them; a sum inside the replacement is renamed where an outer index has its name.
    """
    if isinstance(term, Ref):
        new = value(term)
        return term if new is None else new
    if isinstance(term, Partial):
        return term
    return rebuild(term, lambda child: replace_refs(child, value))


def define(term: Term, lhs: Ref, rhs: Term) -> Term:
    """The term with every entry of the tensor of `lhs` replaced by its definition `rhs`."""
    free = [p.index for p in lhs.at]

    def value(entry: Ref) -> Term | None:
        if entry.tensor != lhs.tensor:
            return None
        return at(rhs, {i: p for i, p in zip(free, entry.at, strict=True) if i is not None})

    return replace_refs(term, value)


def replace_term(term: Term, old: Term, new: Term) -> Term:
    """The term with every occurrence of the subterm `old` (its indices free) replaced by `new`."""
    if term is old:
        return new
    return rebuild(term, lambda child: replace_term(child, old, new))


def relabel(
    term: Term,
    tensor: Callable[[Tensor], Tensor],
    extent: Callable[[int | str], int | str],
    function: Callable[[Function], Function] = lambda f: f,
) -> Term:
    """The term with tensors, sizes and functions renamed throughout (layer l becomes layer 2)."""

    def index(i: Index) -> Index:
        return Index(i.name, extent(i.size), i.sample)

    def place(p: Affine) -> Affine:
        return Affine(p.offset, tuple((index(i), c) for i, c in p.terms))

    def visit(node: Term) -> Term:
        node = rebuild(node, visit)
        match node:
            case Ref():
                padded = tuple(map(extent, node.padded))
                return Ref(tensor(node.tensor), tuple(map(place, node.at)), padded)
            case Size():
                return _size(extent(node.extent))
            case Sum():
                return Sum(node.body, tuple(map(index, node.indices)))
            case Extremum():
                return Extremum(node.kind, node.body, tuple(map(index, node.indices)))
            case Argmax():
                return Argmax(node.extremum, tuple(map(place, node.at)))
            case Delta():
                return Delta(place(node.left), place(node.right))
            case Guard():
                return Guard(place(node.place), extent(node.size))
            case Apply():
                return Apply(function(node.function), node.arg, node.order)
        return node

    return visit(term)


def _size(extent: int | str) -> Term:
    return mul(extent) if isinstance(extent, int) else Size(extent)


def named_by(term: Term, like: Term) -> Term:
    """The term with canonical bound names (_1a, ...) replaced by names that `like` uses, or k, m."""
    usual: dict[Extent, list[str]] = {}
    for node in walk(like):
        for i in sorted(bound(node)) + sorted(free_indices(node)):
            names = usual.setdefault(i.size, [])
            if i.name not in names and not i.name.startswith("_"):
                names.append(i.name)

    def visit(node: Term, taken: frozenset[str]) -> Term:
        if isinstance(node, Sum | Extremum) and any(i.name[0] == "_" for i in node.indices):
            used = set(taken) | {i.name for i in free_indices(node)}
            used |= {i.name for n in walk(node.body) for i in bound(n)}
            renaming: dict[Index, Affine] = {}
            fresh_indices = []
            for i in node.indices:
                options = [*usual.get(i.size, []), "k", "m", "p", "q", "r", "t"]
                name = next((n for n in options if n not in used), None)
                new = (
                    Index(name, i.size, i.sample)
                    if name
                    else fresh("k", i.size, {Index(n, 0) for n in used})
                )
                used.add(new.name)
                fresh_indices.append(new)
                renaming[i] = Affine.of(new)
            body = at(node.body, renaming)
            indices = tuple(fresh_indices)
            node = (
                Sum(body, indices) if isinstance(node, Sum) else Extremum(node.kind, body, indices)
            )
        inner = taken | {i.name for i in bound(node)}
        return rebuild(node, lambda child: visit(child, inner))

    return visit(term, frozenset(i.name for i in free_indices(term)))


def expand_functions(term: Term) -> Term:
    """The term with every function that has a definition (sigmoid, tanh, max, ...) written out."""
    term = rebuild(term, expand_functions)
    if isinstance(term, Call) and term.function in DEFINED:
        return expand_functions(DEFINED[term.function](*term.args))
    return term


# ------------------------------------------------------------------ differentiation

_HALF = Fraction(1, 2)

#: The derivative of each primitive function of the calculus at u.  Everything else (sigmoid, tanh,
#: sinh, max, ...) has a definition in terms of these, and its derivative is derived from that.
CALCULUS: dict[str, Callable[[Term], Term]] = {
    "exp": lambda u: call("exp", u),
    "log": lambda u: power(u, -1),
    "sin": lambda u: call("cos", u),
    "cos": lambda u: -call("sin", u),
    "asin": lambda u: power(1 - u**2, -_HALF),
    "acos": lambda u: -power(1 - u**2, -_HALF),
    "atan": lambda u: power(1 + u**2, -1),
    "erf": lambda u: 2 * power(Const("pi"), -_HALF) * call("exp", -(u**2)),
}


def derivative(term: Term, by: Ref) -> Term:
    """d term / d by, exactly one application of each rule, nothing simplified but zeros and ones.

    `by` is an entry at free indices that the term does not bind (bound ones are renamed first).  A
    function with a definition keeps its name: d tanh(u) = tanh'(u) du.
    """
    match term:
        case Num() | Const() | Size() | Delta() | Guard() | Argmax():
            return ZERO  # an argmax is constant wherever it is differentiable
        case Ref():
            return _entry(term, by)
        case Add():
            return add(*(derivative(arg, by) for arg in term.args))
        case Mul():
            return add(*(_factor_rule(term, k, by) for k in range(len(term.args))))
        case Pow():
            inner = derivative(term.base, by)
            if inner is ZERO:
                return ZERO
            exponent = term.exponent
            return mul(exponent, power(term.base, exponent - 1), inner)
        case Call():
            return _call_rule(term, by)
        case Apply():
            inner = derivative(term.arg, by)
            return mul(Apply(term.function, term.arg, term.order + 1), inner)
        case Piecewise():
            values = tuple((derivative(v, by), c) for v, c in term.branches)
            return ZERO if all(v is ZERO for v, _ in values) else Piecewise(values)
        case Sum():
            term = _away_from(term, set(free_indices(by)))
            assert isinstance(term, Sum)
            inner = derivative(term.body, by)
            return ZERO if inner is ZERO else Sum(inner, term.indices)
        case Extremum():
            term = _away_from(term, set(free_indices(by)))
            assert isinstance(term, Extremum)
            inner = derivative(term.body, by)
            where = Argmax(term, tuple(map(Affine.of, term.indices)))
            return ZERO if inner is ZERO else Sum(mul(where, inner), term.indices)
    raise NotYet(f"no derivative rule for {type(term).__name__}; add one beside `derivative`")


def _entry(entry: Ref, by: Ref) -> Term:
    """d t[p] / d t[m] is 1 where every place of p equals that of m, else 0."""
    if entry.tensor != by.tensor:
        return ZERO
    return mul(*(ONE if p == m else Delta(p, m) for p, m in zip(entry.at, by.at, strict=True)))


def _factor_rule(product: Mul, k: int, by: Ref) -> Term:
    """The k-th summand of the product rule."""
    inner = derivative(product.args[k], by)
    if inner is ZERO:
        return ZERO
    return mul(*product.args[:k], inner, *product.args[k + 1 :])


def _call_rule(term: Call, by: Ref) -> Term:
    """The chain rule for a function: f(u)' = f'(u) u'."""
    if len(term.args) > 1:  # max and min: alternatives in the order as written
        return derivative(DEFINED[term.function](*term.args), by)
    (arg,) = term.args
    inner = derivative(arg, by)
    if inner is ZERO:
        return ZERO
    if term.function in CALCULUS:
        return mul(CALCULUS[term.function](arg), inner)
    if term.function in DEFINED:
        return mul(Apply(Function(term.function), arg, 1), inner)
    raise NotYet(f"no derivative rule for the function {term.function}")


# ------------------------------------------------------------------ contraction


def solve(delta: Delta, index: Index) -> Affine | None:
    """The value of `index` at which the delta is 1, where its coefficient is 1 or -1."""
    gap = delta.left - delta.right
    coef = gap.coefficient(index)
    if abs(coef) != 1:
        return None
    return (gap - Affine.of(index) * coef) * -coef


def in_range(place: Affine, size: Extent) -> bool:
    """Whether the place is in 0 .. size - 1 for every value of its indices, as far as is known."""
    if place.index is not None and place.index.size == size:
        return True
    if not isinstance(size, int) or not all(isinstance(i.size, int) for i, _ in place.terms):
        return False
    spans = [c * (int(i.size) - 1) for i, c in place.terms]
    low = place.offset + sum(min(0, s) for s in spans)
    return low >= 0 and place.offset + sum(max(0, s) for s in spans) < size


def guard(place: Affine, size: Extent) -> Term:
    """[0 <= place < size], or 1 where that is known."""
    return ONE if in_range(place, size) else Guard(place, size)


def contract(term: Sum) -> Term | None:
    """Sum_i f(i) [i = m] = f(m) [m in the range of i], for one delta; None where none applies."""
    factors = term.body.args if isinstance(term.body, Mul) else (term.body,)
    for k, factor in enumerate(factors):
        if not isinstance(factor, Delta):
            continue
        for index in term.indices:
            place = solve(factor, index)
            if place is None:
                continue
            rest = mul(*factors[:k], *factors[k + 1 :])
            others = tuple(i for i in term.indices if i != index)
            body = mul(at(rest, {index: place}), guard(place, index.size))
            return total(body, *others)
    return None


def contracted(term: Term) -> Term:
    """Every Kronecker delta under a sum contracted; sums are split over such summands first."""
    term = rebuild(term, contracted)
    if not isinstance(term, Sum) or not any(isinstance(n, Delta) for n in walk(term.body)):
        return term
    body = _delta_outwards(term.body, set(term.indices))
    if isinstance(body, Add):
        return add(*(contracted(Sum(arg, term.indices)) for arg in body.args))
    found = contract(Sum(body, term.indices))
    return Sum(body, term.indices) if found is None else contracted(found)


def _delta_outwards(body: Term, bound_here: set[Index]) -> Term:
    """A factor that is a sum of deltas and other terms is multiplied out over them."""
    if isinstance(body, Piecewise):
        return _delta_of_branches(body)
    if not isinstance(body, Mul):
        return body
    for k, factor in enumerate(body.args):
        if isinstance(factor, Piecewise):
            moved = _delta_of_branches(factor)
            if moved is not factor:
                return mul(*body.args[:k], moved, *body.args[k + 1 :])
        if isinstance(factor, Add) and any(_has_delta(arg, bound_here) for arg in factor.args):
            others = (*body.args[:k], *body.args[k + 1 :])
            return add(*(_delta_outwards(mul(arg, *others), bound_here) for arg in factor.args))
    return body


def _delta_of_branches(term: Piecewise) -> Term:
    """A delta that every branch but those of value 0 has as a factor comes in front."""
    values = [v for v, _ in term.branches if v is not ZERO]
    factors = [_factors(v) for v in values]
    common = [f for f in factors[0] if isinstance(f, Delta) and all(f in fs for fs in factors)]
    if not common:
        return term
    inner = tuple(
        (v if v is ZERO else mul(*(f for f in _factors(v) if f not in common)), c)
        for v, c in term.branches
    )
    return mul(*common, Piecewise(inner))


def _has_delta(term: Term, bound_here: set[Index]) -> bool:
    return any(isinstance(f, Delta) and free_indices(f) & bound_here for f in _factors(term))


def _factors(term: Term) -> tuple[Term, ...]:
    return term.args if isinstance(term, Mul) else (term,)


# ------------------------------------------------------------------ small sizes, written out


def written_out(term: Term, sizes: Mapping[str, int], values: Mapping[Index, int]) -> Term:
    """The term at concrete sizes and index values: sums written out, deltas and guards decided.

    An entry keeps its tensor and gets constant places; a padded entry outside its range is 0.
    """

    def extent(size: Extent) -> int:
        return size if isinstance(size, int) else sizes[size]

    def place(p: Affine) -> int:
        return p.offset + sum(c * values[i] for i, c in p.terms)

    def visit(node: Term) -> Term:
        return written_out(node, sizes, values)

    match term:
        case Size():
            return mul(extent(term.extent))
        case Ref():
            where = tuple(map(place, term.at))
            if term.padded and not all(
                0 <= p < extent(e) for p, e in zip(where, term.padded, strict=True)
            ):
                return ZERO
            return Ref(term.tensor, tuple(Affine(p) for p in where))
        case Delta():
            return ONE if place(term.left) == place(term.right) else ZERO
        case Guard():
            return ONE if 0 <= place(term.place) < extent(term.size) else ZERO
        case Sum():
            return add(*_rows(term, extent, sizes, values))
        case Extremum():
            rows = _rows(term, extent, sizes, values)
            return rows[0] if len(rows) == 1 else Call(term.kind, tuple(rows))
        case Argmax():
            rows = _rows(term.extremum, extent, sizes, values)
            shape = [extent(i.size) for i in term.extremum.indices]
            k = 0
            for p, size in zip(map(place, term.at), shape, strict=True):
                k = k * size + p
            return _is_first(term.extremum.kind, rows, k)
        case Partial():
            by = visit(term.by)
            assert isinstance(by, Ref)
            return Partial(visit(term.of) if isinstance(term.of, Ref) else term.of, by)
    return rebuild(term, visit)


def _rows(
    term: Sum | Extremum,
    extent: Callable[[Extent], int],
    sizes: Mapping[str, int],
    values: Mapping[Index, int],
) -> list[Term]:
    ranges = [range(extent(i.size)) for i in term.indices]
    return [
        written_out(term.body, sizes, {**values, **dict(zip(term.indices, where, strict=True))})
        for where in product(*ranges)
    ]


def _is_first(kind: str, rows: list[Term], k: int) -> Term:
    """1 where rows[k] is the first extremal one: strictly beyond all before, not beaten after."""
    before, after = (">", ">=") if kind == "max" else ("<", "<=")
    result: Term = ONE
    for j, other in enumerate(rows):
        if j != k:
            op = before if j < k else after
            result = mul(result, Piecewise(((ONE, Compare(op, rows[k], other)), (ZERO, True))))
    return result


# ------------------------------------------------------------------ one rule at a time


def push(term: Term) -> tuple[Term, tuple[str, ...]]:
    """Carry every outermost pending derivative one rule inwards; the rules used, in order of use.

    A pending derivative is Partial(of, by) with a term that is not a bare entry.  Constants, the
    variable itself and the linear rules (sums, constant factors) are resolved on the spot.
    """
    rules: dict[str, None] = {}

    def visit(node: Term) -> Term:
        if isinstance(node, Partial) and not isinstance(node.of, Ref):
            return _pushed(node.of, node.by, rules)
        return rebuild(node, visit)

    return visit(term), tuple(rules)


def _pending(term: Term, by: Ref) -> Term:
    """Partial(term, by), resolved where it is 0, 1, a delta, or needs no rule."""
    if isinstance(term, Ref):
        return derivative(term, by)
    if all(entry.tensor != by.tensor for entry in refs(term)):
        return ZERO
    if isinstance(term, Add | Mul):  # linear in the variable: nothing is worth a line of its own
        slope = derivative(term, by)
        if all(entry.tensor != by.tensor for entry in refs(slope)):
            return slope
    return Partial(term, by)


def _linear(term: Term, by: Ref, rules: dict[str, None]) -> Term:
    """A summand or factor inside a linear rule, which goes on within the same line."""
    waiting = _pending(term, by)
    return _pushed(term, by, rules) if isinstance(waiting, Partial) else waiting


def _pushed(term: Term, by: Ref, rules: dict[str, None]) -> Term:
    match term:
        case Add():
            return add(*(_linear(arg, by, rules) for arg in term.args))
        case Mul():
            return _pushed_product(term, by, rules)
        case Pow():
            rules["reciprocal rule" if term.exponent == -1 else "power rule"] = None
            front = mul(term.exponent, power(term.base, term.exponent - 1))
            return mul(front, _pending(term.base, by))
        case Sum():
            term = _away_from(term, set(free_indices(by)))
            rules["sum rule"] = None
            return Sum(_linear(term.body, by, rules), term.indices)
        case Piecewise():
            rules["branch by branch"] = None
            return Piecewise(tuple((_pending(v, by), c) for v, c in term.branches))
        case Call() if len(term.args) == 1 and term.function in CALCULUS:
            rules[f"derivative of {term.function}"] = None
            return mul(CALCULUS[term.function](*term.args), _pending(*term.args, by))
        case Call() if len(term.args) == 1 and term.function in DEFINED:
            rules["chain rule"] = None
            slope = Apply(Function(term.function), *term.args, 1)
            return mul(slope, _pending(*term.args, by))
        case Call():
            rules["branch by branch"] = None
            return _pending(DEFINED[term.function](*term.args), by)
    rules["differentiation"] = None
    return derivative(term, by)


def _pushed_product(term: Mul, by: Ref, rules: dict[str, None]) -> Term:
    """Constant factors in front; then a quotient u/v, or a product."""
    varying = [a for a in term.args if any(r.tensor == by.tensor for r in refs(a))]
    constant = [a for a in term.args if a not in varying]
    if len(varying) == 1:
        return mul(*constant, _linear(varying[0], by, rules))
    below = [a for a in varying if isinstance(a, Pow) and a.exponent == -1]
    if len(below) == 1:
        rules["quotient rule"] = None
        (v,) = (a.base for a in below if isinstance(a, Pow))
        u = mul(*(a for a in varying if a is not below[0]))
        above = _pending(u, by) * v - mul(u, _pending(v, by))
        return mul(*constant, above, power(v, -2))
    rules["product rule"] = None
    parts = []
    for k, factor in enumerate(varying):
        others = [*varying[:k], _pending(factor, by), *varying[k + 1 :]]
        parts.append(mul(*others))
    return mul(*constant, add(*parts))
