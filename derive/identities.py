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
from functools import lru_cache
from itertools import combinations_with_replacement
from math import lcm
from random import Random

from derive.canon import Polynomial, TooBig, assume, case_split, equal, normal, opposite, structure
from derive.index import derivative, expand_functions, replace_term
from derive.primitives import DEFINED
from derive.simplify import cost, tidy
from derive.terms import (
    ONE,
    Add,
    Apply,
    Call,
    Condition,
    Mul,
    Piecewise,
    Pow,
    Tensor,
    Term,
    add,
    call,
    mul,
    power,
    rebuild,
    ref,
    refs,
    walk,
)

S = ref(Tensor("s", "preactivation", batched=False))
O = ref(Tensor("o", "activation", batched=False))  # noqa: E741 (the field's letter)

PRIME = (1 << 61) - 1
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


@lru_cache(maxsize=512)
def slope(phi: Term) -> Slope:
    """The slope of the activation o = phi(S).

    >>> from derive.terms import call
    >>> str(slope(call("sigmoid", S)).best), str(slope(call("tanh", S)).best)
    ('o*(1 - o)', '1 - o**2')
    """
    named = derivative(phi, S)
    direct = tidy(with_slopes(named))
    return Slope(phi, direct, _fold(phi, direct))


@lru_cache(maxsize=64)
def function_slope(name: str) -> Term:
    """The derivative of a function that has a definition, in S and O = f(S)."""
    phi = DEFINED[name](S)
    direct = tidy(derivative(expand_functions(phi), S))
    found = _fold(call(name, S), direct)
    return direct if found is None else found


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
        known = [(call(name, S), call(name, S)) for name in KNOWN]
        for quantity in known:
            solution = _solve([normal(ONE), normal(quantity[1])], normal(shape))
            if solution is None:
                continue
            found = _written(solution, [ONE, quantity[0]])
            if cost(found) < cost(shape) and equal(found, shape):
                return replace_term(found, S, argument)
    return term


# ------------------------------------------------------------------ the search


def _fold(phi: Term, direct: Term) -> Term | None:
    """phi' in forward quantities, on all branches at once or branch by branch."""
    try:
        whole = _search(phi, direct, _quantities(phi))
        if whole is not None:
            return whole
        return _fold_branches(phi, direct)
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
    merged: list[tuple[Term, Condition]] = []
    for part, cond in reversed(branches):
        if merged and part is merged[0][0]:
            merged[0] = (part, merged[0][1])  # the same value on both sides of the condition
            continue
        merged.insert(0, (part, cond))
    return Piecewise(tuple(merged)) if len(merged) > 1 else merged[0][0]


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
    best: Term | None = None
    for basis in _bases(quantities):
        coefficients = _solve([normal(value) for _, value in basis], normal(direct))
        if coefficients is None:
            continue
        found = _written(coefficients, [w for w, _ in basis])
        if equal(_unfolded(found, phi), direct) and (best is None or cost(found) < cost(best)):
            best = found
        if best is not None:
            break
    if best is not None and cost(best) >= cost(direct) and O not in set(walk(best)):
        return None
    return best


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
    factors = word.args if isinstance(word, Mul) else (word,)
    return tuple(f.base if isinstance(f, Pow) else f for f in factors)


def _unfolded(term: Term, phi: Term) -> Term:
    return replace_term(term, O, phi)


def _bases(quantities: list[tuple[Term, Term]]) -> Iterator[list[tuple[Term, Term]]]:
    """1; then powers of o; then of o and |o|; then monomials of degree 2 in all quantities."""
    one: list[tuple[Term, Term]] = [(ONE, ONE)]
    yield one
    for quantity in quantities[:1] + list(quantities[2:]):
        yield [*one, quantity]
    for count in range(1, len(quantities) + 1):
        for degree in (1, 2):
            basis = list(one)
            for d in range(1, degree + 1):
                for chosen in combinations_with_replacement(quantities[:count], d):
                    basis.append((mul(*(w for w, _ in chosen)), mul(*(v for _, v in chosen))))
            yield [(_squares(w), v) for w, v in basis]


def _squares(term: Term) -> Term:
    """o*o as o**2."""
    args = getattr(term, "args", ())
    return power(args[0], 2) if len(args) == 2 and args[0] is args[1] else term


# ------------------------------------------------------------------ linear algebra modulo a prime


def _solve(basis: list[Polynomial], target: Polynomial) -> list[Fraction] | None:
    """Rational c with sum c_k basis_k = target as functions of independent atoms, or None."""
    rows: list[list[int]] = []
    for cases in _cases([*basis, target]):
        points = _Points(cases, Random(f"{len(basis)}"))
        for _ in range(len(basis) + 3):
            rows.append([points.value(p) for p in cases])
            points.move()
    solution = _gauss(rows, len(basis))
    if solution is None:
        return None
    rational = [_reconstruct(v) for v in solution]
    return None if any(r is None for r in rational) else [r for r in rational if r is not None]


def _cases(polys: list[Polynomial]) -> Iterator[list[Polynomial]]:
    """The polynomials in every case of their conditions but the ties."""
    for poly in polys:
        if split := case_split(poly):
            bracket = split[0]
            for holds in (True, False):
                rest = [assume(p, bracket, holds) for p in polys]
                if not holds and any(a is opposite(bracket) for p in rest for m in p for a, _ in m):
                    rest = [assume(p, opposite(bracket), True) for p in rest]
                yield from _cases(rest)
            return
    yield polys


class _Points:
    """Random values modulo PRIME for the atoms; an atom that is a polynomial has its own value."""

    def __init__(self, polys: list[Polynomial], random: Random) -> None:
        self.random = random
        self.root = 1
        for poly in polys:
            for mono in poly:
                for _, e in mono:
                    self.root = lcm(self.root, e.denominator)
        self.base: dict[Term, int] = {}

    def move(self) -> None:
        self.base.clear()

    def value(self, poly: Polynomial) -> int:
        result = 0
        for mono in sorted(poly, key=lambda m: tuple((structure(a), e) for a, e in m)):
            c = poly[mono]
            product = c.numerator * pow(c.denominator, -1, PRIME) % PRIME
            for atom, e in mono:
                product = product * self._power(atom, e) % PRIME
            result = (result + product) % PRIME
        return result

    def _power(self, atom: Term, exponent: Fraction) -> int:
        if isinstance(atom, Add) and exponent.denominator == 1:
            return pow(self.value(normal(atom)), int(exponent), PRIME)
        if atom not in self.base:
            self.base[atom] = self.random.randrange(2, PRIME)
        return pow(self.base[atom], int(exponent * self.root), PRIME)


def _gauss(rows: list[list[int]], unknowns: int) -> list[int] | None:
    """The solution of an over-determined system modulo PRIME; free unknowns are 0."""
    rows = [list(row) for row in rows]
    pivots: list[int] = []
    for column in range(unknowns):
        done = len(pivots)
        pivot = next((r for r in range(done, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        inverse = pow(rows[done][column], -1, PRIME)
        rows[done] = [v * inverse % PRIME for v in rows[done]]
        for r in range(len(rows)):
            if r != done and rows[r][column]:
                factor = rows[r][column]
                rows[r] = [
                    (v - factor * p) % PRIME for v, p in zip(rows[r], rows[done], strict=True)
                ]
        pivots.append(column)
    if any(row[-1] for row in rows[len(pivots) :]):
        return None
    solution = [0] * unknowns
    for k, column in enumerate(pivots):
        solution[column] = rows[k][-1]
    return solution


def _reconstruct(value: int) -> Fraction | None:
    """The fraction with small numerator and denominator that is `value` modulo PRIME."""
    bound = 1 << 30
    r0, r1, t0, t1 = PRIME, value, 0, 1
    while r1 > bound:
        q = r0 // r1
        r0, r1, t0, t1 = r1, r0 - q * r1, t1, t0 - q * t1
    if not t1 or abs(t1) > bound:
        return None
    return Fraction(r1, t1)
