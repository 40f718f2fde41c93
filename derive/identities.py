"""Slopes in forward quantities: sigma' = o(1 - o) is found, not remembered.

Given o = phi(s), the search writes phi'(s) as a polynomial of least degree in quantities that the
forward pass has anyway: o itself, |o|, s, and the values of the functions named in phi.  Both sides
are rational functions of independent atoms (e^s, log(1 + e^s), ...), so the coefficients solve a
linear system at random points modulo a prime; the result is then proved by exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement

from derive.algebra.brackets import case_split
from derive.algebra.calculus import derivative
from derive.algebra.canon import equal, normal
from derive.algebra.effort import bounded, charged
from derive.algebra.fitting import Span, fit
from derive.algebra.polynomial import TooBig
from derive.algebra.simplify import cost, tidy
from derive.algebra.substitution import expand_functions, replace_term
from derive.algebra.terms import (
    ONE,
    Apply,
    Call,
    Condition,
    Piecewise,
    Pow,
    Tensor,
    Term,
    add,
    call,
    factors_of,
    mul,
    power,
    rebuild,
    ref,
    refs,
    structure,
    walk,
)
from derive.primitives import DEFINED

S = ref(Tensor("s", "preactivation", batched=False))

O = ref(Tensor("o", "activation", batched=False))  # noqa: E741 (the field's letter)

KNOWN = ("sigmoid", "tanh", "sinh", "cosh")  # functions that every reader knows


@dataclass(frozen=True)
class Slope:
    """phi'(s) for o = phi(s): as the calculus gives it, and in forward quantities where possible.

    `direct` and `folded` are terms in the entries S and O; `folded` is None where none was found.
    """

    phi: Term
    direct: Term
    folded: Term | None

    @property
    def best(self) -> Term:
        """The folded form, or the direct one."""
        return self.direct if self.folded is None else self.folded


@charged
def slope(phi: Term) -> Slope:
    """The slope of the activation o = phi(S).

    >>> from derive.algebra.terms import call
    >>> str(slope(call("sigmoid", S)).best), str(slope(call("tanh", S)).best)
    ('o*(1 - o)', '1 - o**2')
    """
    named = derivative(phi, S)
    direct = tidy(with_slopes(named))
    return Slope(phi, direct, _fold(phi, direct))


@charged
def function_slope(name: str) -> Term:
    """The derivative of a function that has a definition, in S and O = f(S)."""
    phi = DEFINED[name](S)
    direct = tidy(derivative(expand_functions(phi), S))
    found = _fold(call(name, S), direct)
    return direct if found is None else found


@charged
def with_slopes(term: Term) -> Term:
    """The term with f'(u), for functions f that have a definition, replaced by their slopes."""
    term = rebuild(term, with_slopes)
    if isinstance(term, Apply) and term.order == 1 and term.function.name in DEFINED:
        shape = function_slope(term.function.name)
        value = Call(term.function.name, (term.arg,))
        return replace_term(replace_term(shape, S, term.arg), O, value)
    return term


def recognised(term: Term) -> Term:
    """A known function of one argument where the term is one: sinh(u)/cosh(u) = tanh(u)."""
    inside = {a for n in walk(term) if isinstance(n, Call) for a in n.args if refs(a)}
    for argument in sorted(inside, key=structure):
        shape = replace_term(term, argument, S)
        if any(entry is not S for entry in refs(shape)) or isinstance(shape, Call):
            continue
        for known in (*(call(name, S) for name in KNOWN), call("sigmoid", -S)):
            solution = fit([normal(ONE), normal(known)], normal(shape))
            found = shape if solution is None else _written(solution, [ONE, known])
            if cost(found) < cost(shape) and equal(found, shape):
                return replace_term(found, S, argument)
    return term


# ------------------------------------------------------------------ the search


def _fold(phi: Term, direct: Term) -> Term | None:
    """phi' in forward quantities, on all branches at once or branch by branch."""
    try:
        whole = bounded(lambda: _search(phi, direct, _quantities(phi)), otherwise=None)
        return _fold_branches(phi, direct) if whole is None else whole
    except (TooBig, ZeroDivisionError, RecursionError):
        return None


def _fold_branches(phi: Term, direct: Term) -> Term | None:
    if isinstance(phi, Call) and phi.function in DEFINED:
        phi = DEFINED[phi.function](*phi.args)
    if not isinstance(phi, Piecewise):
        return None
    branches: list[tuple[Term, Condition]] = []
    for value, cond in phi.branches:
        part = slope(value).best if value is not phi else None
        if part is None:
            return None
        branches.append((part, cond))
    while len(branches) > 1 and branches[-2][0] is branches[-1][0]:
        del branches[-2]  # the same value whether its condition holds or not
    return Piecewise(tuple(branches)) if len(branches) > 1 else branches[0][0]


def _quantities(phi: Term) -> list[tuple[Term, Term]]:
    """(how it is written, what it is): o, |o|, s, and the function values that stand in phi."""
    found: list[tuple[Term, Term]] = [(O, phi)]
    if case_split(normal(phi)):
        found.append((call("abs", O), call("abs", phi)))
    found.append((S, S))
    for node in walk(phi):
        if (
            isinstance(node, Call)
            and node is not phi
            and node.function not in {"abs", "max", "min"}
        ):
            found.append((node, node))
    found.extend((call(name, S), call(name, S)) for name in KNOWN)
    return list(dict.fromkeys(found))[:9]


def _search(phi: Term, direct: Term, quantities: list[tuple[Term, Term]]) -> Term | None:
    """Least degree first, and within it the fewest quantities."""
    bases = list(_bases(len(quantities)))
    target = normal(direct)
    span = Span([normal(value) for _, value in quantities], target)
    if span.multiplies and not span.reaches(bases[-1]):
        return None  # every basis is a part of the last one
    for basis in bases:
        written = [mul(*(quantities[k][0] for k in chosen)) for chosen in basis]
        if span.multiplies:
            coefficients = span.combination(basis)
        else:
            values = [mul(*(quantities[k][1] for k in chosen)) for chosen in basis]
            coefficients = fit(list(map(normal, values)), target)
        if coefficients is None:
            continue
        found = _written(coefficients, written)
        if equal(_unfolded(found, phi), direct):
            return None if _is_dearer(found, direct) else found
    return None


def _is_dearer(folded: Term, direct: Term) -> bool:
    """Whether the folded slope is not worth it: a long one, whose terms may cancel badly.

    One through the output may be a little longer than the direct one: it costs no new function.
    """
    room = 2 if O in set(walk(folded)) else -1
    return cost(folded) > cost(direct) + room


def _written(coefficients: list[Fraction], words: list[Term]) -> Term:
    """The linear combination in its shortest form, every quantity kept under its own name."""
    absolute = call("abs", O)
    parts = {w: c for c, w in zip(coefficients, words, strict=True) if c}
    if absolute in parts:  # |o|^2 = o^2 completes the square
        parts = {power(absolute, 2) if w is power(O, 2) else w: c for w, c in parts.items()}
    names = dict.fromkeys(
        n for w in parts for n in walk(w) if isinstance(n, Call) and n in _bare(w)
    )
    stand_ins = {n: ref(Tensor(f"q{k}", "quantity", batched=False)) for k, n in enumerate(names)}
    total = add(*(mul(c, w) for w, c in parts.items()))
    for name, stand_in in stand_ins.items():
        total = replace_term(total, name, stand_in)
    total = tidy(total)
    for name, stand_in in stand_ins.items():
        total = replace_term(total, stand_in, name)
    return total


def _bare(word: Term) -> tuple[Term, ...]:
    """The factors of a monomial in the quantities."""
    factors = factors_of(word)
    return tuple(f.base if isinstance(f, Pow) else f for f in factors)


def _unfolded(term: Term, phi: Term) -> Term:
    return replace_term(term, O, phi)


def _bases(count: int) -> Iterator[list[tuple[int, ...]]]:
    """1; then o, or one of the others; then monomials of degree 1 and 2 in more and more of them.

    Each monomial is the tuple of the numbers of its factors: 0 is o, and (0, 0) is o^2.
    """
    one: list[tuple[int, ...]] = [()]
    yield one
    for k in (0, *range(2, count)):
        yield [*one, (k,)]
    for upto in range(1, count + 1):
        for degree in (1, 2):
            degrees = range(1, degree + 1)
            chosen = (c for d in degrees for c in combinations_with_replacement(range(upto), d))
            yield [*one, *chosen]
