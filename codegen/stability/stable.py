"""Equations in forms that stay accurate for every finite input: rules on terms, to a fixpoint.

The rules know the primitives of the calculus and nothing of activations, losses or layers:

    a quotient of sums of exponentials         -> sigmoid, tanh, exp(a - max a), exp(-|w|)
    log of exponentials, their sums, quotients -> softplus, maximum + log of the rest
    exp(u) - 1, log(1 + u), 1 + erf(u)         -> expm1(u), log1p(u), erfc(-u)
    1/exp(u)                                   -> exp(-u)
    a b / sqrt(a b) for positive a, b          -> sqrt(a b)
    log of softplus, sigmoid by softplus       -> held in range far down
    a branch of a Piecewise                    -> computed on the side where its condition holds

An equation that divides by an activation or takes its logarithm is first composed with the
definition of that activation, so that the exponentials meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from codegen.stability.complements import (
    coefficient,
    complement,
    erfc,
    expm1,
    falling,
    log1p,
    sech,
    softplus_turned,
    turned_signs,
)
from codegen.stability.positive_powers import roots_joined
from codegen.stability.products import gathered, hyperbolic, levelled, split
from codegen.stability.quotients import quotient
from codegen.stability.sides import known_sign, on_its_side, sinking
from codegen.stability.tails import held_in_range
from codegen.stability.wholes import attempt, left_out, logarithms, made_of_exponentials, quotients
from derive.algebra.effort import charged
from derive.algebra.equation import Equation
from derive.algebra.index import define, derivative, expand_functions, replace_term
from derive.algebra.simplify import cost, tidy
from derive.algebra.terms import (
    Add,
    Apply,
    Call,
    Extremum,
    Mul,
    Num,
    Pow,
    Ref,
    Tensor,
    Term,
    call,
    mul,
    rebuild,
    refs,
    walk,
)

LONGEST = 80  # operations in a form with activations written out


def stable_form(term: Term, known: Mapping[Tensor, Equation]) -> Term:
    """The term in a stable form, composed with the definitions of activations where that helps."""
    term = _unsaturated(term, known, {})
    whole = composed(term, known)
    result = stable(whole)
    if _overflows(result):  # the composition only moved the trouble
        term = _logarithms(term, known)
        tamed = _tamed(term, known)
        result = stable(term) if tamed is None else tamed
    return held_in_range(together(result))


def _logarithms(term: Term, known: Mapping[Tensor, Equation]) -> Term:
    """The term with s for log(o) where o = exp(s): a logarithm by itself, where it is calm so."""
    term = rebuild(term, lambda child: _logarithms(child, known))
    if not (isinstance(term, Call) and term.function == "log"):
        return term
    found = _calm(stable(_written_out(term, known)))
    return term if found is None else found


def _tamed(term: Term, known: Mapping[Tensor, Equation]) -> Term | None:
    """The term with activations written out where they meet what overflows: (1 - o) sinh(s)."""
    if not isinstance(term, Mul):
        return _calm(stable(_written_out(term, known)))
    wild = [a for a in term.args if _overflows(a)]
    entries = [a for a in term.args if a not in wild and _of_exponentials(a, known)]
    for own in (wild, [*wild, *entries]):
        whole = _written_out(mul(*own), known)
        for form in (whole, tidy(whole)):
            found = _calm(together(stable(form)))
            if found is not None:
                return mul(found, *(stable(a) for a in term.args if a not in own))
    return None


def _of_exponentials(term: Term, known: Mapping[Tensor, Equation]) -> bool:
    """Whether the term is one in activations that are made of exponentials, and in nothing else."""
    tensors = {r.tensor for r in refs(term)}
    own = all(t in known and made_of_exponentials(known[t].rhs) for t in tensors)
    return bool(tensors) and own


def _written_out(term: Term, known: Mapping[Tensor, Equation]) -> Term:
    """The term with the definition of every activation that is made of exponentials."""
    for tensor in {r.tensor: None for r in refs(term)}:
        if tensor in known and made_of_exponentials(known[tensor].rhs):
            term = define(term, known[tensor].lhs, known[tensor].rhs)
    return term


def _calm(term: Term) -> Term | None:
    """The term, if it is short and nothing in it overflows."""
    return None if _overflows(term) or cost(term) > LONGEST else term


def _overflows(term: Term) -> bool:
    return any(map(may_overflow, walk(term)))


def may_overflow(node: Term) -> bool:
    """exp(u), sinh(u) or cosh(u) with nothing that holds u back."""
    if not (isinstance(node, Call) and node.function in ("exp", "sinh", "cosh")):
        return False
    held = any(isinstance(n, Extremum | Call) for n in walk(node.args[0]))
    return not held and known_sign(node.args[0]) != -1


def _unsaturated(term: Term, known: Mapping[Tensor, Equation], done: dict[Term, Term]) -> Term:
    """c - d o^2 for o = a tanh(u) with |a| > 1, where the rounding of o is magnified, in u."""
    if term not in done:
        inner = rebuild(term, lambda child: _unsaturated(child, known, done))
        done[term] = _in_argument(inner, known)
    return done[term]


def _in_argument(term: Term, known: Mapping[Tensor, Equation]) -> Term:
    if not (isinstance(term, Add) and any(isinstance(a, Num) for a in term.args)):
        return term
    tensors = {r.tensor for r in refs(term)}
    if len(tensors) != 1 or (tensor := tensors.pop()) not in known:
        return term
    factor, inner = coefficient(known[tensor].rhs)
    if abs(factor) <= 1 or not (isinstance(inner, Call) and inner.function in ("tanh", "sigmoid")):
        return term
    found = attempt(quotient, define(term, known[tensor].lhs, known[tensor].rhs))
    return found if isinstance(found, Mul) else term


def composed(term: Term, known: Mapping[Tensor, Equation]) -> Term:
    """The term with those activations written out on which a logarithm or a quotient rests."""
    for _ in range(8):
        inner = [_resting(node) for node in walk(term)]
        tensors = {r.tensor for base in inner if base is not None for r in refs(base)}
        found = [t for t in known if t in tensors and _exponential(known[t].rhs)]
        if not found:
            return term
        for tensor in found:
            term = define(term, known[tensor].lhs, known[tensor].rhs)
    return term


def _exponential(term: Term) -> bool:
    """Whether a definition is made of exponentials, as it stands or in its stable form."""
    return made_of_exponentials(term) or made_of_exponentials(stable(term))


def _resting(node: Term) -> Term | None:
    """What stands under a logarithm or in a denominator."""
    if isinstance(node, Call) and node.function == "log":
        return node.args[0]
    return node.base if isinstance(node, Pow) and node.exponent < 0 else None


def stable(term: Term) -> Term:
    """The term after every rule has been applied until none applies."""
    term = _derivatives_written(term)
    for _ in range(8):
        after = _visit(term)
        if after is term:
            return term
        term = after
    return term


@charged
def together(term: Term) -> Term:
    """Products of exponentials as one where a factor may overflow, when all else is done."""
    term = rebuild(term, together)
    if not (isinstance(term, Mul) and any(may_overflow(arg) for arg in term.args)):
        return term
    found = gathered(term)
    return term if found is None else found


@lru_cache(maxsize=50_000)
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


@charged
def _visit(term: Term) -> Term:
    for rule in RULES:
        found = rule(term)
        if found is not None and found is not term:
            return found
    return rebuild(term, _visit)


RULES: tuple[Callable[[Term], Term | None], ...] = (
    split,
    hyperbolic,
    levelled,
    logarithms,
    left_out,
    quotients,
    expm1,
    complement,
    sech,
    roots_joined,
    softplus_turned,
    erfc,
    log1p,
    falling,
    on_its_side,
    sinking,
    turned_signs,
)
