"""Equations in forms that stay accurate for every finite input: rules on terms, to a fixpoint.

The rules know the primitives of the calculus and nothing of activations, losses or layers:

    a quotient of sums of exponentials         -> sigmoid, tanh, exp(a - max a), exp(-|w|)
    log of exponentials, their sums, quotients -> softplus, maximum + log of the rest
    exp(u) - 1, log(1 + u), 1 + erf(u)         -> expm1(u), log1p(u), erfc(-u)
    a branch of a Piecewise                    -> computed on the side where its condition holds

An equation that divides by an activation or takes its logarithm is first composed with the
definition of that activation, so that the exponentials meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial

from codegen.exponentials import logarithm, over_others, quotient
from derive.canon import normal, sign
from derive.equation import Equation
from derive.errors import NotYet
from derive.index import define, derivative, expand_functions, replace_term
from derive.terms import (
    ONE,
    Add,
    Apply,
    Call,
    Compare,
    Extremum,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Sum,
    Tensor,
    Term,
    add,
    call,
    children,
    mul,
    number,
    rebuild,
    refs,
    walk,
)

RISKY = frozenset({"exp", "expm1", "log", "log1p", "sinh", "cosh"})
BOUNDED = frozenset({"sigmoid", "tanh", "decay", "erf", "erfc", "atan"})
EXPONENTIAL = frozenset({"exp", "sigmoid", "softplus", "tanh", "sinh", "cosh"})


def stable_form(term: Term, known: Mapping[Tensor, Equation]) -> Term:
    """The term in a stable form, composed with the definitions of activations where that helps."""
    term = _unsaturated(term, known)
    whole = composed(term, known)
    result = stable(whole)
    if whole is not term and any(may_overflow(node) for node in walk(result)):
        return stable(term)  # the composition only moved the trouble
    return result


def may_overflow(node: Term) -> bool:
    """exp(u) with nothing that holds u back."""
    if not (isinstance(node, Call) and node.function == "exp"):
        return False
    held = any(isinstance(n, Extremum | Call) for n in walk(node.args[0]))
    return not held and _attempt_sign(node.args[0]) != -1


def _unsaturated(term: Term, known: Mapping[Tensor, Equation]) -> Term:
    """c - d o^2 for o = a tanh(u) with |a| > 1, where the rounding of o is magnified, in u."""
    term = rebuild(term, lambda child: _unsaturated(child, known))
    if not (isinstance(term, Add) and any(isinstance(a, Num) for a in term.args)):
        return term
    tensors = {r.tensor for r in refs(term)}
    if len(tensors) != 1 or (tensor := tensors.pop()) not in known:
        return term
    factor, inner = _coefficient(known[tensor].rhs)
    if abs(factor) <= 1 or not (isinstance(inner, Call) and inner.function in ("tanh", "sigmoid")):
        return term
    found = _attempt(quotient, define(term, known[tensor].lhs, known[tensor].rhs))
    return found if isinstance(found, Mul) else term


def composed(term: Term, known: Mapping[Tensor, Equation]) -> Term:
    """The term with those activations written out on which a logarithm or a quotient rests."""
    for _ in range(8):
        inner = [_resting(node) for node in walk(term)]
        tensors = {r.tensor for base in inner if base is not None for r in refs(base)}
        found = [t for t in known if t in tensors and made_of_exponentials(known[t].rhs)]
        if not found:
            return term
        for tensor in found:
            term = define(term, known[tensor].lhs, known[tensor].rhs)
    return term


def _resting(node: Term) -> Term | None:
    """What stands under a logarithm or in a denominator."""
    if isinstance(node, Call) and node.function == "log":
        return node.args[0]
    return node.base if isinstance(node, Pow) and node.exponent < 0 else None


def made_of_exponentials(term: Term) -> bool:
    """Whether rational operations lead from the term to an exponential."""
    if isinstance(term, Call):
        return term.function in EXPONENTIAL
    if isinstance(term, Add | Mul | Pow | Sum):
        return any(map(made_of_exponentials, children(term)))
    return False


def stable(term: Term) -> Term:
    """The term after every rule has been applied until none applies."""
    term = _derivatives_written(term)
    for _ in range(8):
        after = _visit(term)
        if after is term:
            return term
        term = after
    return term


def _derivatives_written(term: Term) -> Term:
    """Derivatives of named functions, sigma'(u), as terms in u."""
    term = rebuild(term, _derivatives_written)
    if not isinstance(term, Apply):
        return term
    if term.order == 0:
        return call(term.function.name, term.arg)
    u = Ref(Tensor("u", "quantity", None, False), ())
    slope = expand_functions(call(term.function.name, u))
    for _ in range(term.order):
        slope = derivative(slope, u)
    return replace_term(slope, u, term.arg)


def _visit(term: Term) -> Term:
    for rule in RULES:
        found = rule(term)
        if found is not None and found is not term:
            return found
    return rebuild(term, _visit)


def _quotients(term: Term) -> Term | None:
    """Factors or summands with exponentials below a fraction line, taken together."""
    if isinstance(term, Pow) and term.exponent < 0:
        return _attempt(quotient, term) if made_of_exponentials(term.base) else None
    if not isinstance(term, Add | Mul):
        return None
    own = [a for a in term.args if made_of_exponentials(a) or _numeric_summand(term, a)]
    if not any(_has_fraction(a) for a in own):
        return None
    join = add if isinstance(term, Add) else mul
    found = _attempt(quotient, join(*own))
    return None if found is None else join(*(a for a in term.args if a not in own), found)


def _left_out(term: Term) -> Term | None:
    """A product with a sum over the others below."""
    args = term.args if isinstance(term, Mul) else ()
    for arg in args:
        if isinstance(arg, Pow) and arg.exponent == -1 and isinstance(arg.base, Add):
            base = arg.base
            above = [a for a in args if a is not arg and made_of_exponentials(a)]
            found = _attempt(partial(over_others, below=base), mul(*above))
            if found is not None:
                return mul(*(a for a in args if a is not arg and a not in above), found)
    return None


def _numeric_summand(term: Term, arg: Term) -> bool:
    return isinstance(term, Add) and isinstance(arg, Num)


def _has_fraction(term: Term) -> bool:
    """Whether an exponential stands below a fraction line, seen through rational operations."""
    if isinstance(term, Pow) and term.exponent < 0 and made_of_exponentials(term.base):
        return True
    return isinstance(term, Add | Mul | Pow) and any(map(_has_fraction, children(term)))


def _logarithms(term: Term) -> Term | None:
    """log(u) for u made of exponentials."""
    if isinstance(term, Call) and term.function == "log" and made_of_exponentials(term.args[0]):
        return _attempt(logarithm, term.args[0])
    return None


def _attempt(rule: Callable[[Term], Term | None], term: Term) -> Term | None:
    try:
        found = rule(term)
    except (NotYet, ZeroDivisionError):
        return None
    return None if found is term else found


def _expm1(term: Term) -> Term | None:
    """c exp(u) - c = c expm1(u)."""
    return _beside_number(term, "exp", lambda c, u: mul(-c, call("expm1", u)), opposite=True)


def _complement(term: Term) -> Term | None:
    """c - c sigmoid(u) = c sigmoid(-u): no cancellation."""
    return _beside_number(term, "sigmoid", lambda c, u: mul(c, call("sigmoid", -u)), opposite=True)


def _softplus_turned(term: Term) -> Term | None:
    """c softplus(u) - c u = c softplus(-u)."""
    args = term.args if isinstance(term, Add) else ()
    for arg in args:
        c, inner = _coefficient(arg)
        if isinstance(inner, Call) and inner.function == "softplus":
            (u,) = inner.args
            if any(other is mul(-c, u) for other in args):
                rest = (a for a in args if a is not arg and a is not mul(-c, u))
                return add(*rest, mul(c, call("softplus", -u)))
    return None


def _erfc(term: Term) -> Term | None:
    """c + c erf(u) = c erfc(-u) and c - c erf(u) = c erfc(u): no cancellation in the tails."""
    plus = _beside_number(term, "erf", lambda c, u: mul(c, call("erfc", -u)), opposite=False)
    return plus or _beside_number(term, "erf", lambda c, u: mul(c, call("erfc", u)), opposite=True)


def _beside_number(
    term: Term, function: str, made: Callable[[Fraction, Term], Term], opposite: bool
) -> Term | None:
    if not isinstance(term, Add):
        return None
    for constant in term.args:
        c = number(constant)
        for arg in term.args if c is not None else ():
            factor, inner = _coefficient(arg)
            if c is None or not (isinstance(inner, Call) and inner.function == function):
                continue
            if factor == (-c if opposite else c):
                rest = (a for a in term.args if a is not constant and a is not arg)
                return add(*rest, made(c, inner.args[0]))
    return None


def _coefficient(term: Term) -> tuple[Fraction, Term]:
    if isinstance(term, Mul) and isinstance(term.args[0], Num):
        return term.args[0].value, mul(*term.args[1:])
    return Fraction(1), term


def _log1p(term: Term) -> Term | None:
    """log(1 + u) = log1p(u)."""
    if not (isinstance(term, Call) and term.function == "log"):
        return None
    (inside,) = term.args
    if isinstance(inside, Add) and any(a is ONE for a in inside.args):
        return call("log1p", add(*(a for a in inside.args if a is not ONE)))
    return None


def _on_its_side(term: Term) -> Term | None:
    """Each branch with the compared quantity held where the branch is taken.

    NumPy computes every branch everywhere; held back, the branches not taken stay finite.
    """
    if not isinstance(term, Piecewise):
        return None
    known: list[Compare] = []
    branches = []
    for value, cond in term.branches:
        holds = [*known, cond] if isinstance(cond, Compare) else known
        for compare in holds:
            value = _held(value, compare)
        branches.append((value, cond))
        if isinstance(cond, Compare):
            known.append(Compare(Compare.COMPLEMENT[cond.op], cond.lhs, cond.rhs))
    return Piecewise(tuple(branches))


def _held(value: Term, compare: Compare) -> Term:
    lhs, rhs, below = compare.lhs, compare.rhs, compare.op in ("<", "<=")
    if isinstance(lhs, Num):
        return value
    if isinstance(lhs, Call) and lhs.function == "abs" and below:
        lhs = lhs.args[0]
        inside = call("max", call("min", lhs, rhs), -rhs)
    else:
        inside = call("min" if below else "max", lhs, rhs)
    if any(node is inside for node in walk(value)):
        return value  # held already
    return replace_term(value, lhs, inside) if _exposed(value, lhs) else value


def _exposed(value: Term, part: Term, risky: bool = False) -> bool:
    """Whether `part` stands in `value` under something that may overflow or leave its domain."""
    if value is part:
        return risky
    if isinstance(value, Call) and value.function in BOUNDED:
        return False
    risky = risky or isinstance(value, Pow)
    risky = risky or (isinstance(value, Call) and value.function in RISKY)
    return any(_exposed(child, part, risky) for child in children(value))


def _sinking(term: Term) -> Term | None:
    """exp(-a exp(v)) with a > 0: beyond v = 80 it is 0, so v need not grow further."""
    if not (isinstance(term, Call) and term.function == "exp"):
        return None
    inner = [n for n in walk(term.args[0]) if isinstance(n, Call) and n.function == "exp"]
    inner = [n for n in inner if not isinstance(n.args[0], Call)]
    if not inner or _attempt_sign(term.args[0]) != -1:
        return None
    arg = term.args[0]
    for node in inner:
        arg = replace_term(arg, node, call("exp", call("min", node.args[0], 80)))
    return call("exp", arg)


def _attempt_sign(term: Term) -> int:
    try:
        return sign(normal(term))
    except (NotYet, ZeroDivisionError):
        return 0


def _signs(term: Term) -> Term | None:
    """-(-a - b) = a + b, also under a sum."""
    if not (isinstance(term, Mul) and number(term.args[0]) == -1 and len(term.args) == 2):
        return None
    inner = term.args[1]
    body = inner.body if isinstance(inner, Sum) else inner
    if not (isinstance(body, Add) and all(_coefficient(a)[0] < 0 for a in body.args)):
        return None
    turned = add(*(-a for a in body.args))
    return Sum(turned, inner.indices) if isinstance(inner, Sum) else turned


RULES: tuple[Callable[[Term], Term | None], ...] = (
    _logarithms,
    _left_out,
    _quotients,
    _expm1,
    _complement,
    _softplus_turned,
    _erfc,
    _log1p,
    _on_its_side,
    _sinking,
    _signs,
)
