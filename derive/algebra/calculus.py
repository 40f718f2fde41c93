"""Differentiation: the only module that differentiates, all at once or one rule at a time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from derive.algebra.substitution import away_from
from derive.algebra.terms import (
    ONE,
    ZERO,
    Add,
    Affine,
    Apply,
    Argmax,
    Call,
    Const,
    Delta,
    Extremum,
    Function,
    Guard,
    Mul,
    Num,
    Partial,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Term,
    add,
    call,
    free_indices,
    mul,
    power,
    rebuild,
    refs,
)
from derive.errors import NotYet
from derive.primitives import DEFINED

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
            term = away_from(term, set(free_indices(by)))
            assert isinstance(term, Sum)
            inner = derivative(term.body, by)
            return ZERO if inner is ZERO else Sum(inner, term.indices)
        case Extremum():
            term = away_from(term, set(free_indices(by)))
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
            outer, inner = power(term.base, term.exponent - 1), _pending(term.base, by)
            above = term.exponent > 0  # what is divided stands before what it is divided by
            return mul(term.exponent, *((outer, inner) if above else (inner, outer)))
        case Sum():
            term = away_from(term, set(free_indices(by)))
            rules["sum rule"] = None
            return Sum(_linear(term.body, by, rules), term.indices)
        case Piecewise():
            rules["branch by branch"] = None
            return Piecewise(tuple((_pending(v, by), c) for v, c in term.branches))
        case Call() if len(term.args) == 1 and term.function in CALCULUS:
            rules[f"derivative of {term.function}"] = None
            outer, inner = CALCULUS[term.function](*term.args), _pending(*term.args, by)
            divides = isinstance(outer, Pow) and outer.exponent < 0
            return mul(inner, outer) if divides else mul(outer, inner)
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
