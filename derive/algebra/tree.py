"""Walking over terms: their parts, the same node over other parts, free indices, a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import sha256

from derive.algebra.nodes import (
    Add,
    Apply,
    Argmax,
    Call,
    Compare,
    Condition,
    Const,
    Delta,
    Extremum,
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
    mul,
    power,
)
from derive.algebra.symbols import Affine, Index, Tensor


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


def ordered(indices: Iterable[Index]) -> tuple[Index, ...]:
    """Indices in a fixed order: the sample first, then by name."""
    return tuple(sorted(indices, key=lambda i: (not i.sample, i.name, str(i.size))))


# ------------------------------------------------------------------ a fixed order of terms


LONGEST = 600  # characters of a structure that stand as they are; the rest goes into a digest


@lru_cache(maxsize=200_000)
def structure(term: Term) -> str:
    """A text that determines the term, the same in every run: the sort key of atoms."""
    own = [str(p) for p in places(term)]
    match term:
        case Ref():
            outside = f"{term.padded or ''}{term.lowest or ''}"
            own.insert(0, f"{term.tensor} {term.tensor.role} {outside}")
        case Num():
            own.append(str(term.value))
        case Const():
            own.append(term.name)
        case Size() | Guard():
            own.append(str(term.extent if isinstance(term, Size) else term.size))
        case Pow():
            own.append(str(term.exponent))
        case Call():
            own.append(term.function)
        case Apply():
            own.append(f"{term.function}'{term.order}")
        case Sum() | Extremum():
            own.extend(f"{i.name}<{i.size}" for i in term.indices)
            own.append(term.kind if isinstance(term, Extremum) else "")
        case Piecewise():
            own.extend(c.op if isinstance(c, Compare) else str(c) for _, c in term.branches)
    inner = ",".join(structure(child) for child in children(term))
    if len(inner) > LONGEST:  # shared subterms would make the text grow without bound
        inner = inner[:LONGEST] + sha256(inner.encode()).hexdigest()
    return f"{type(term).__name__}({';'.join(own)}|{inner})"
