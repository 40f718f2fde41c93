"""The rules for what is made of exponentials: where a quotient or a logarithm is taken whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from codegen.stability.exponents import Exponent, multiple
from codegen.stability.logarithms import logarithm
from codegen.stability.opaque import kept_whole
from codegen.stability.quotients import over_others, quotient
from derive.algebra.canon import normal
from derive.algebra.effort import bounded
from derive.algebra.terms import (
    Add,
    Call,
    Mul,
    Num,
    Pow,
    Sum,
    Term,
    add,
    children,
    mul,
    rebuild,
)
from derive.errors import NotYet

EXPONENTIAL = frozenset({"exp", "sigmoid", "softplus", "tanh", "sinh", "cosh"})


def _quotient(term: Term) -> Term | None:
    return _kept_closed(quotient, term)


def _kept_closed(rule: Callable[[Term], Term | None], term: Term) -> Term | None:
    """What the rule gives, softplus again where it was opened: so rules do not go in circles."""
    found = kept_whole(rule, term)
    return None if found is None else _closed(found)


def _closed(term: Term) -> Term:
    term = rebuild(term, _closed)
    return logarithms(term) or term


def made_of_exponentials(term: Term) -> bool:
    """Whether rational operations lead from the term to an exponential."""
    if isinstance(term, Call):
        return term.function in EXPONENTIAL
    if isinstance(term, Add | Mul | Pow | Sum):
        return any(map(made_of_exponentials, children(term)))
    return False


def quotients(term: Term) -> Term | None:
    """Factors or summands with exponentials below a fraction line, taken together."""
    if isinstance(term, Pow) and term.exponent < 0:
        return attempt(_quotient, term) if _is_fraction(term) else None
    if not isinstance(term, Add | Mul):
        return None
    own = [a for a in term.args if made_of_exponentials(a) or _numeric_summand(term, a)]
    if isinstance(term, Mul):  # a tanh is right for small s as it is, its exponentials cancel
        apart = [a for a in own if not _is_tanh(a)]
        own = apart if any(map(_has_fraction, apart)) else own
    if not any(_has_fraction(a) for a in own):
        return None
    join = add if isinstance(term, Add) else mul
    found = attempt(_quotient, join(*own)) or attempt(partial(_kept_closed, _apart), join(*own))
    return None if found is None else join(*(a for a in term.args if a not in own), found)


def _apart(term: Term) -> Term | None:
    """Sums or products by their exponents, each alone: sinh(u)/cosh(u) beside sinh(v)."""
    groups: list[tuple[list[Term], list[Exponent]]] = []
    for arg in term.args if isinstance(term, Add | Mul) else ():
        own = [e for e in _exponents(arg) if e] if _is_rational(arg) else []
        near = [group for group in groups if _parallel(group[1], own)]
        groups = [group for group in groups if group not in near]
        joined = [a for args, _ in near for a in args], [e for _, es in near for e in es]
        groups.append(([*joined[0], arg], [*joined[1], *own]))
    if len(groups) < 2:
        return None
    join = add if isinstance(term, Add) else mul
    parts = [join(*args) for args, _ in groups]
    found = [(quotient(part) if _has_fraction(part) else None) or part for part in parts]
    return None if found == parts else join(*found)


def _exponents(term: Term) -> Iterator[Exponent]:
    """What stands under the exponentials of a term, without constants."""
    if isinstance(term, Call) and term.function in EXPONENTIAL:
        yield {mono: c for mono, c in normal(term.args[0]).items() if mono}
    elif isinstance(term, Add | Mul | Pow | Sum):
        for child in children(term):
            yield from _exponents(child)


def _is_rational(term: Term) -> bool:
    """Whether nothing but numbers and exponentials stands below a fraction line."""
    if isinstance(term, Pow) and term.exponent < 0:
        return not _others(term.base)
    return not isinstance(term, Add | Mul | Pow) or all(map(_is_rational, children(term)))


def _others(term: Term) -> bool:
    if isinstance(term, Add | Mul | Pow):
        return any(map(_others, children(term)))
    exponential = isinstance(term, Call) and term.function in EXPONENTIAL - {"softplus"}
    return not (exponential or isinstance(term, Num))


def _parallel(some: list[Exponent], others: list[Exponent]) -> bool:
    return any(multiple(a, b) is not None for a in some for b in others)


def left_out(term: Term) -> Term | None:
    """A product with a sum over the others below."""
    args = term.args if isinstance(term, Mul) else ()
    for arg in args:
        if isinstance(arg, Pow) and arg.exponent == -1 and isinstance(arg.base, Add):
            base = arg.base
            above = [a for a in args if a is not arg and made_of_exponentials(a)]
            found = attempt(partial(over_others, below=base), mul(*above))
            if found is not None:
                return mul(*(a for a in args if a is not arg and a not in above), found)
    return None


def _numeric_summand(term: Term, arg: Term) -> bool:
    return isinstance(term, Add) and isinstance(arg, Num)


def _has_fraction(term: Term) -> bool:
    """Whether an exponential stands below a fraction line, seen through rational operations."""
    if _is_fraction(term):
        return True
    return isinstance(term, Add | Mul | Pow) and any(map(_has_fraction, children(term)))


def _is_tanh(term: Term) -> bool:
    """tanh(u), or a power of it above the line."""
    base = term.base if isinstance(term, Pow) and term.exponent > 0 else term
    return isinstance(base, Call) and base.function == "tanh"


def _is_fraction(term: Term) -> bool:
    """1/u with u made of exponentials, unless u is harmless: then nothing is gained, and tanh(s)
    as exponentials would cancel for small s.
    """
    if not (isinstance(term, Pow) and term.exponent < 0 and made_of_exponentials(term.base)):
        return False
    return not _is_harmless(term.base)


def _is_harmless(term: Term) -> bool:
    """A positive number and moderate terms: neither near zero nor large."""
    if not isinstance(term, Add):
        return False
    return any(isinstance(a, Num) for a in term.args) and all(map(_moderate, term.args))


def _moderate(term: Term) -> bool:
    """Neither negative nor large: a positive number, an even power of a tanh, a sigmoid."""
    if isinstance(term, Num):
        return term.value >= 0
    if isinstance(term, Mul):
        return all(map(_moderate, term.args))
    if isinstance(term, Pow) and isinstance(term.base, Call):
        even = term.exponent > 0 and term.exponent % 2 == 0
        return (even and term.base.function == "tanh") or (
            term.exponent > 0 and _moderate(term.base)
        )
    return isinstance(term, Call) and term.function == "sigmoid"


def logarithms(term: Term) -> Term | None:
    """log(u) for u made of exponentials, unless u is harmless: log(1 + sigmoid(s)^2)."""
    if isinstance(term, Call) and term.function == "log" and made_of_exponentials(term.args[0]):
        if _is_harmless(term.args[0]):
            return None
        return attempt(partial(kept_whole, logarithm), term.args[0])
    return None


def attempt(rule: Callable[[Term], Term | None], term: Term) -> Term | None:
    """What the rule makes of the term; None where exact arithmetic gives up on it."""
    try:
        found = bounded(lambda: rule(term), otherwise=None)
    except (NotYet, ZeroDivisionError):
        return None
    return None if found is term else found
