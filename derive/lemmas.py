"""Lemmas: slopes of activations, Jacobians over an index, and slopes of losses, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

from derive.algebra.canon import equal
from derive.algebra.equation import Equation
from derive.algebra.index import (
    at,
    contracted,
    define,
    expand_functions,
    push,
    replace_term,
    unshadowed,
)
from derive.algebra.prove import prove
from derive.algebra.simplify import cost, tidy
from derive.algebra.terms import (
    Add,
    Affine,
    Apply,
    Call,
    Delta,
    Function,
    Index,
    Mul,
    Partial,
    Piecewise,
    Pow,
    Ref,
    Sum,
    Tensor,
    Term,
    factors_of,
    free_indices,
    mul,
    ordered,
    power,
    rebuild,
    ref,
    refs,
    walk,
)
from derive.identities import O, S, function_slope, recognised, slope, with_slopes
from derive.primitives import DEFINED
from derive.steps import BY_DEFINITION, Builder, Chain

LONGEST = 60  # operations in a line that is still shown rule by rule
MOST_LINES = 8
SHORT = 8  # operations in a side identity that is worth a remark


def slope_lemmas(phi: Term, function: Function) -> tuple[Chain, ...]:
    """The slope of phi, after the slopes of the named functions that stand in it.

    The last lemma's result is phi' in O = phi(S) and S.
    """
    inner = [
        node.function
        for node in walk(phi)
        if isinstance(node, Call) and node.function in DEFINED and len(node.args) == 1
    ]
    if any(phi is Call(name, (S,)) for name in inner):
        (name,) = dict.fromkeys(inner)
        return (function_lemma(name),)
    names = tuple(dict.fromkeys(inner))
    return (*map(function_lemma, names), _slope_chain(phi, function, names))


@lru_cache(maxsize=64)
def function_lemma(name: str) -> Chain:
    """The slope of a function of the formula language from its definition."""
    phi = DEFINED[name](S)
    chain = Builder(f"slope.{name}", f"the slope of {name}", Apply(Function(name), S, 1), "slope")
    chain.by_rule(Partial(phi, S), "definition", check=BY_DEFINITION)
    _differentiate(chain)
    direct = tidy(expand_functions(chain.last))
    if cost(direct) < cost(chain.last):
        chain.equal(direct, "collect terms")
    folded = function_slope(name)
    return _fold(chain, folded, expand_functions(Call(name, (S,)))).chain()


def _slope_chain(phi: Term, function: Function, names: tuple[str, ...]) -> Chain:
    lhs = Apply(function, S, 1)
    chain = Builder(f"slope.{function}", f"the slope of {function}", lhs, "slope")
    chain.by_rule(Partial(phi, S), "definition", check=BY_DEFINITION)
    _differentiate(chain)
    named = with_slopes(chain.last)
    chain.equal(
        named,
        "insert the slopes",
        *(f"slope.{name}" for name in names),
        unfold=(expand_slopes(chain.last), expand_functions(named)),
    )
    found = slope(phi)
    if cost(found.direct) < cost(chain.last) or found.folded is None:
        chain.equal(found.direct, "collect terms")
    if found.folded is not None:
        _fold(chain, found.folded, phi)
    return chain.chain()


def expand_slopes(term: Term) -> Term:
    """f'(u) written out through the definition of f, for comparison."""
    return expand_functions(with_slopes(term))


def _differentiate(chain: Builder) -> None:
    """One rule a line while the lines stay short; then the rest at once."""
    rounds = 0
    while any(isinstance(n, Partial) and not isinstance(n.of, Ref) for n in walk(chain.last)):
        term, rules = push(chain.last)
        rounds += 1
        if rounds >= MOST_LINES or cost(term) > LONGEST:
            while any(isinstance(n, Partial) and not isinstance(n.of, Ref) for n in walk(term)):
                term, more = push(term)
                rules = tuple(dict.fromkeys((*rules, *more)))
        chain.by_rule(term, ", ".join(rules))


def _fold(chain: Builder, folded: Term, phi: Term) -> Builder:
    opened = replace_term(folded, O, phi)
    return chain.equal(
        folded,
        "in forward quantities" if folded is not chain.last else "",
        unfold=(expand_slopes(chain.last), opened),
        since=_side_identities(folded, phi) if cost(chain.last) <= LONGEST else (),
    )


def _side_identities(folded: Term, phi: Term) -> tuple[tuple[Term, Term], ...]:
    """What the sums in a folded slope are in s, where that is short: 1 - o = 1/(1 + e^s).

    What is no shorter than the sum with phi(s) in the place of o says nothing new.
    """
    found = []
    for node in walk(folded):
        if node is not folded and isinstance(node, Add) and all(r is O for r in refs(node)):
            inserted = expand_functions(replace_term(node, O, phi))
            side = tidy(inserted)
            short = cost(side) <= min(SHORT, cost(inserted) - 1)
            if short and not isinstance(side, Piecewise):
                prove(inserted, side)
                found.append((node, side))
    return tuple(found)


# ------------------------------------------------------------------ over an index


def jacobian_lemma(equation: Equation, by: Ref, key: str, title: str) -> Chain:
    """The derivative of an entry defined by an index formula, as softmax, by another entry."""
    chain = Builder(key, title, Partial(equation.lhs, by), "jacobian")
    chain.by_rule(Partial(equation.rhs, by), "definition", check=BY_DEFINITION)
    _differentiate(chain)
    chain.equal(contracted(chain.last), "only the term with equal indices remains")
    chain.equal(tidy(chain.last), "collect terms")
    folded = fold_ratio(chain.last, equation)
    opened = define(folded, equation.lhs, equation.rhs)
    return chain.equal(folded, "in forward quantities", unfold=(chain.last, opened)).chain()


def fold_ratio(term: Term, equation: Equation) -> Term:
    """With o_i = u_i/Z, u an exponential and Z a sum, every u_i becomes o_i Z, and Z cancels."""
    factors = factors_of(equation.rhs)
    below = [f.base for f in factors if isinstance(f, Pow) and f.exponent == -1]
    above = mul(*(f for f in factors if not isinstance(f, Pow) or f.exponent != -1))
    if len(below) != 1 or not isinstance(below[0], Sum) or not isinstance(above, Call):
        return term
    whole = ref(Tensor("Z", "quantity"))
    over = [i for i in ordered(free_indices(above)) if i not in free_indices(below[0])]

    def visit(node: Term) -> Term:
        if isinstance(node, Mul):
            node = _by_indices_of(equation.lhs, node)
        if isinstance(node, Sum) and equal(node, below[0]):
            return whole
        if isinstance(node, Call) and node.function == above.function:
            for values in _matches(above, node, over):
                entry = at(equation.lhs, values)
                assert isinstance(entry, Ref)
                return mul(entry, whole)
        return rebuild(node, visit)

    folded = tidy(_gathered(visit(term), whole))
    return term if any(r is whole for r in refs(folded)) else folded


def _by_indices_of(entry: Ref, product: Mul) -> Term:
    """A product with [i = k]: what stands beside it at k, where only k is an index of the entry."""
    own = free_indices(entry)
    for factor in product.args:
        if not isinstance(factor, Delta):
            continue
        left, right = factor.left.index, factor.right.index
        for kept, other in ((left, right), (right, left)):
            if kept in own and other is not None and other not in own:
                rest = mul(*(f for f in product.args if f is not factor))
                return mul(factor, at(rest, {other: Affine.of(kept)}))
    return product


def _matches(pattern: Term, term: Term, over: Sequence[Index]) -> Iterator[dict[Index, Affine]]:
    """What the indices `over` of the pattern are in the term, where it is an instance of it."""
    constants = sorted({p for r in refs(term) for p in r.at if not p.terms}, key=str)
    met = ordered(free_indices(term))
    choices = [[*(Affine.of(i) for i in met if i.size == k.size), *constants] for k in over]
    for values in product(*choices):
        found = dict(zip(over, values, strict=True))
        if equal(at(pattern, found), term):
            yield found


def _gathered(term: Term, whole: Ref) -> Term:
    """The term with the powers of one quantity multiplied, those inside a sum in front of it."""
    term = rebuild(term, lambda child: _gathered(child, whole))
    if isinstance(term, Sum):
        factors = factors_of(term.body)
        front = [f for f in factors if _power_of(f, whole)]
        rest = Sum(mul(*(f for f in factors if f not in front)), term.indices)
        return mul(*front, rest) if front else term
    if not isinstance(term, Mul):
        return term
    exponent = sum(
        f.exponent if isinstance(f, Pow) else 1 for f in term.args if _power_of(f, whole)
    )
    return mul(*(f for f in term.args if not _power_of(f, whole)), power(whole, exponent))


def _power_of(term: Term, whole: Ref) -> bool:
    return term is whole or (isinstance(term, Pow) and term.base is whole)


def loss_lemma(loss: Equation, by: Ref, key: str, cites: tuple[str, ...]) -> Chain:
    """The derivative of the loss by an entry of the output."""
    chain = Builder(key, "the slope of the loss", Partial(loss.lhs, by), "loss slope")
    apart = unshadowed(loss.rhs, free_indices(by))  # its sums run over other letters
    chain.by_rule(Partial(apart, by), "definition", *cites, check=BY_DEFINITION)
    _differentiate(chain)
    inserted = with_slopes(chain.last)
    chain.equal(
        inserted,
        "insert the slopes",
        unfold=(expand_slopes(chain.last), expand_functions(inserted)),
    )
    chain.equal(contracted(chain.last), "only the term with equal indices remains")
    chain.equal(recognised(tidy(chain.last)), "collect terms")
    return chain.chain()
