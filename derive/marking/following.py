"""Whether a claim follows from the lines before it, and whose slip it carries on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.claims.places import NoValue
from derive.marking.judging import Judge
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Letter, Node, Times, children, rebuilt

MOST_FACTORS = 6


@dataclass(frozen=True)
class Earlier:
    """A wrong claim further up, with the number of its mark."""

    number: int
    claim: Claim


def follows(claim: Claim, previous: Claim | None, judge: Judge, scope: Scope) -> bool | None:
    """Whether the claim follows from the line before: the member before it in the chain, or the
    last statement about the same quantity; None where there is no such line.
    """
    if claim.before is not None and claim.before != claim.lhs:
        return _same(claim.before, claim.rhs, claim, judge, scope)
    if previous is not None and previous.complete and previous.lhs == claim.lhs:
        return _same(previous.rhs, claim.rhs, claim, judge, scope)
    return None


def _same(a: Node | None, b: Node | None, claim: Claim, judge: Judge, scope: Scope) -> bool | None:
    try:
        return judge.difference(replace(claim, lhs=a, rhs=b, before=None), scope) is None
    except NoValue:
        return None


def carried_on(claim: Claim, earlier: Sequence[Earlier], judge: Judge, scope: Scope) -> int | None:
    """The number of the earlier claim whose slip alone makes this one wrong."""
    for before in reversed(earlier):
        wrong = before.claim
        if wrong.chain == claim.chain and claim.before == wrong.rhs:
            if _same(wrong.rhs, claim.rhs, claim, judge, scope):
                return before.number
        elif wrong.lhs == claim.lhs and _same(wrong.rhs, claim.rhs, claim, judge, scope):
            return before.number
    for before in reversed(earlier):
        for made in put_back(claim, before.claim):
            if judge.holds(made, scope):
                return before.number
    return None


def restates(claim: Claim, wrong: Claim) -> bool:
    """Whether it is the same formula, for another layer: neither follows from the other."""
    return any(made.rhs == claim.lhs != wrong.lhs for made in put_back(claim, wrong))


# ------------------------------------------------------------------ the wrong value put in


def put_back(claim: Claim, wrong: Claim) -> Iterator[Claim]:
    """The claim with the quantity in every place where its wrong value was put in."""
    if wrong.lhs is None or wrong.rhs is None or claim.rhs is None:
        return
    if isinstance(wrong.rhs, Entry | Letter):  # stands in too many places to mean anything
        return
    made = _replaced(claim.rhs, wrong.rhs, wrong.lhs)
    if made != claim.rhs:
        yield replace(claim, rhs=made)


def _replaced(node: Node, value: Node, name: Node) -> Node:
    """`name` for `value`, with letters and layers as they are there."""
    node = rebuilt(node, lambda part: _replaced(part, value, name))
    if (found := _matched(value, node, {})) is not None:
        return _renamed(name, found)
    if isinstance(node, Times) and isinstance(value, Times):
        return _factors_replaced(node, value, name)
    return node


def _factors_replaced(node: Times, value: Times, name: Node) -> Node:
    """`name` for some of the factors, in the order in which they are written."""
    count = len(value.args)
    if not 1 < count < len(node.args) <= MOST_FACTORS:
        return node
    for chosen in combinations(range(len(node.args)), count):
        some = Times(tuple(node.args[k] for k in chosen), value.signs)
        found = _matched(value, some, {})
        if found is None:
            continue
        args = [arg for k, arg in enumerate(node.args) if k not in chosen]
        first = min(chosen)
        args.insert(first, _renamed(name, found))
        signs = [node.signs[k - 1] for k in range(1, len(node.args)) if k not in chosen]
        signs = (signs + [""] * len(args))[: len(args) - 1]
        return Times(tuple(args), tuple(signs), span=node.span)
    return node


Names = dict[object, object]


def _matched(pattern: Node, node: Node, names: Names) -> Names | None:
    """The letters and the shift of layers under which the pattern is the node."""
    if isinstance(pattern, Letter) and isinstance(node, Letter):
        known = names.get(pattern.name)
        if known is None:
            return {**names, pattern.name: node.name}
        return names if known == node.name else None
    if type(pattern) is not type(node):
        return None
    here, there = getattr(pattern, "label", None), getattr(node, "label", None)
    if isinstance(here, Label) and isinstance(there, Label):
        shift = (here.base, there.base, there.offset - here.offset)
        if names.setdefault("layer", shift) != shift:
            return None
        node = replace(node, label=here)  # type: ignore[call-arg]
    parts, others = children(pattern), children(node)
    if len(parts) != len(others) or _shell(pattern) != _shell(node):
        return None
    found: Names | None = dict(names)
    for part, other in zip(parts, others, strict=True):
        if found is None:
            return None
        found = _matched(part, other, found)
    return found


def _shell(node: Node) -> Node:
    """The node without what is in it."""
    return rebuilt(node, lambda part: Letter(""))


def _renamed(node: Node, names: Names) -> Node:
    node = rebuilt(node, lambda part: _renamed(part, names))
    if isinstance(node, Letter):
        return replace(node, name=str(names.get(node.name, node.name)))
    label, shift = getattr(node, "label", None), names.get("layer")
    if isinstance(label, Label) and isinstance(shift, tuple) and label.base == shift[0]:
        moved = Label(label.offset + shift[2], shift[1])
        return replace(node, label=moved)  # type: ignore[call-arg]
    return node
