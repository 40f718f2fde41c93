"""Differences without cancellation, for `accuracy = "exact"`.

    c - d phi(s)        ->  the same in s, where that is no difference: 1 - tanh(s)^2, 1 + elu(s)
    o - y               ->  (1 - y) o - y (1 - o), with 1 - o in s: sigmoid(-s)
    1 - softmax_k       ->  the sum of the other exponentials over the sum of all
    log Sum exp(a - m)  ->  log(1 + the sum without its largest term, which is 1)

The rules are applied to stable forms, which they leave as they are where they find nothing better.
"""

from __future__ import annotations

from collections.abc import Mapping

from codegen.stability.complements import coefficient, tanh_complement
from codegen.stability.exponents import log_of_sum
from codegen.stability.positive_powers import is_positive
from codegen.stability.stable import stable
from codegen.stability.wholes import attempt
from derive.algebra.equation import Equation
from derive.algebra.index import at, define
from derive.algebra.simplify import cost, tidy
from derive.algebra.terms import (
    ONE,
    Add,
    Affine,
    Argmax,
    Call,
    Condition,
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
    power,
    rebuild,
    refs,
    total,
    walk,
)

Known = Mapping[Tensor, Equation]
LONGEST = 40  # operations in a difference that is replaced by something longer


def exact_form(term: Term, known: Known) -> Term:
    """The term with every difference in a form that does not cancel, where one is found."""
    term = rebuild(term, lambda child: exact_form(child, known))
    found: Term | None = None
    if isinstance(term, Piecewise):
        found = _settled(term)
    elif isinstance(term, Call) and term.function == "log":
        found = _without_largest(term.args[0])
    elif isinstance(term, Add):
        found = _beside_number(term, known) or _error(term, known)
    return term if found is None else found


def _settled(term: Piecewise) -> Piecewise:
    """Without cases that an earlier condition of the outer choice has taken already."""
    branches: list[tuple[Term, Condition]] = []
    for value, cond in term.branches:
        if isinstance(value, Piecewise):
            taken = [c for _, c in branches]
            left = tuple(b for b in value.branches if b[1] not in taken)
            value = left[0][0] if len(left) == 1 else Piecewise(left)
        branches.append((value, cond))
    return term if tuple(branches) == term.branches else Piecewise(tuple(branches))


# ------------------------------------------------------------------ an activation and a number


def _beside_number(term: Add, known: Known) -> Term | None:
    """Numbers and one activation, in its pre-activation."""
    entries = refs(term)
    if len(entries) != 1 or entries[0].tensor not in known:
        return None
    if not any(isinstance(a, Num) for a in term.args):
        return None
    (entry,) = entries
    equation = known[entry.tensor]
    if term is ONE - entry and (others := _others(entry, equation)) is not None:
        return others
    whole = define(term, equation.lhs, equation.rhs)
    for form in (tanh_complement, stable, lambda t: stable(tidy(t))):
        found = attempt(form, whole)
        if found is not None and cost(found) <= LONGEST and not _may_cancel(found):
            return found
    return None


def _may_cancel(term: Term) -> bool:
    """Whether there is a sum of computed values of different signs; s - 1 is only rounded once."""
    if isinstance(term, Call):
        return False
    if isinstance(term, Add) and not all(map(is_positive, term.args)):
        plain = [inner for _, inner in map(coefficient, term.args) if isinstance(inner, Ref)]
        numbers = [a for a in term.args if isinstance(a, Num)]
        return not (len(plain) == len(numbers) == 1 and len(term.args) == 2)
    return any(map(_may_cancel, children(term)))


# ------------------------------------------------------------------ an activation and a target


def _error(term: Add, known: Known) -> Term | None:
    """c o - c y = c ((1 - y) o - y (1 - o)): for y = 0 it is c o, for y = 1 it is -c (1 - o)."""
    if len(term.args) != 2:
        return None
    for k in (0, 1):
        (c, o), (d, y) = coefficient(term.args[k]), coefficient(term.args[1 - k])
        if not (isinstance(o, Ref) and isinstance(y, Ref) and c == -d):
            continue
        if o.tensor in known and y.tensor.role == "target":
            rest = exact_form(ONE - o, known)
            if rest is not ONE - o and not _is_sum(rest):
                return mul(c, add(mul(ONE - y, o), -mul(y, rest)))
    return None


def _is_sum(term: Term) -> bool:
    """Whether a sum is the last operation, in some case."""
    if isinstance(term, Call | Pow | Mul | Ref):
        return False
    return isinstance(term, Add) or any(map(_is_sum, children(term)))


# ------------------------------------------------------------------ over an index


def _others(entry: Ref, equation: Equation) -> Term | None:
    """1 - exp(a_k)/Sum_j exp(a_j) as the sum of the others over the sum of all.

    Behind the largest one the sum is added up anew; before a smaller one it is the difference,
    which is not less than the largest.
    """
    rhs = equation.rhs
    sums = [n for n in walk(rhs) if isinstance(n, Sum) and len(n.indices) == 1]
    places = [p for p in equation.lhs.at if p.index is not None]
    if len(sums) != 1 or not places:
        return None
    (j,), place = sums[0].indices, places[-1]
    above = at(sums[0].body, {j: place})
    if rhs is not mul(above, power(sums[0], -1)) or (pair := log_of_sum(sums[0])) is None:
        return None
    top, whole = pair
    if not isinstance(whole, Sum) or not isinstance(top, Extremum):
        return None
    one = at(whole.body, {j: place})
    largest = Argmax(top, (place,))
    others = add(mul(largest, _smaller(whole, top)), mul(ONE - largest, add(whole, -one)))
    stand_in = Tensor("rest", "quantity", None, entry.tensor.batched)
    return define(Ref(stand_in, entry.at), Ref(stand_in, equation.lhs.at), mul(others, whole**-1))


def _smaller(whole: Sum, top: Extremum) -> Term:
    """The sum without the term at the first maximum."""
    places = tuple(Affine.of(i) for i in whole.indices)
    return total(mul(ONE - Argmax(top, places), whole.body), *whole.indices)


def _without_largest(inside: Term) -> Term | None:
    """log of a sum whose largest term is exp(0) = 1."""
    if not isinstance(inside, Sum) or not isinstance(inside.body, Call):
        return None
    tops = [n for n in walk(inside.body) if isinstance(n, Extremum) and n.kind == "max"]
    if len(tops) != 1 or tops[0].indices != inside.indices or inside.body.function != "exp":
        return None
    if inside.body is not call("exp", tops[0].body - tops[0]):
        return None
    return call("log1p", _smaller(inside, tops[0]))
