"""Slips of signs, numbers and parentheses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TypeVar

from derive.reading.tree import (
    Applied,
    Derivative,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Power,
    Size,
    Times,
    Total,
    Value,
)
from derive.slips.sites import Site
from derive.slips.view import HALF, ONE, TWO, View, is_number

Edits = Iterator[Node]
N = TypeVar("N", Times, Plus)


def negative(node: Node) -> Node:
    """The node with the other sign."""
    return node.arg if isinstance(node, Minus) else Minus(node, span=node.span)


def times(*args: Node, span: tuple[int, int] = (0, 0)) -> Node:
    """A product of factors side by side; products in it are opened, ones left out."""
    signs: list[str] = []
    made: list[Node] = []
    for arg in args:
        if arg == ONE and len(args) > 1:
            continue
        inner = arg if isinstance(arg, Times) else Times((arg,), ())
        signs += ([""] if made else []) + list(inner.signs)
        made += inner.args
    if len(made) < 2:
        return made[0] if made else ONE
    return Times(tuple(made), tuple(signs), span=span)


def without(node: Times, k: int) -> Node:
    """The product without its factor k."""
    args = (*node.args[:k], *node.args[k + 1 :])
    gone = k if k < len(node.signs) else k - 1
    signs = (*node.signs[:gone], *node.signs[gone + 1 :])
    return args[0] if len(args) == 1 else replace(node, args=args, signs=signs)


def part_of(node: Times, start: int, end: int) -> Node:
    """Some factors of a product."""
    if end - start == 1:
        return node.args[start]
    return replace(node, args=node.args[start:end], signs=node.signs[start : end - 1])


def joined_to(node: Times, last: Node) -> Node:
    """The product with another last factor, opened where all signs are alike."""
    if isinstance(last, Times) and len({*node.signs, *last.signs}) == 1:
        args = (*node.args[:-1], *last.args)
        return replace(node, args=args, signs=(*node.signs, *last.signs))
    return exchanged_arg(node, len(node.args) - 1, last)


def exchanged_arg(node: N, k: int, new: Node) -> N:
    """The sum or product with another member k."""
    return replace(node, args=(*node.args[:k], new, *node.args[k + 1 :]))


# ------------------------------------------------------------------ signs


def difference_reversed(site: Site, view: View) -> Edits:
    """a - b for b - a."""
    match site.node:
        case Plus(args=(a, Minus(b))):
            yield replace(site.node, args=(b, Minus(a, span=a.span)))


def sign_of_a_term(site: Site, view: View) -> Edits:
    """a - b for a + b."""
    if isinstance(site.node, Plus):
        for k in reversed(range(len(site.node.args))):
            yield exchanged_arg(site.node, k, negative(site.node.args[k]))


def sign_of_a_product(site: Site, view: View) -> Edits:
    """-a for a: of a side, the body of a sum, or where a sign is written."""
    parent = site.parent
    whole = parent is None or isinstance(parent, Total)
    if _in_exponent(site):
        return
    if whole or (isinstance(site.node, Minus) and not isinstance(parent, Plus)):
        yield negative(site.node)


def minus_of_an_exponent(site: Site, view: View) -> Edits:
    """exp(-s) for exp(s): the minus is lost easily."""
    if not isinstance(site.node, Minus):
        yield from sign_in_an_exponent(site, view)


def sign_in_an_exponent(site: Site, view: View) -> Edits:
    """exp(-s) for exp(s), exp(s) for exp(-s), x^(-1) for x."""
    if _in_exponent(site) and not isinstance(site.node, Plus):
        yield negative(site.node)


def _in_exponent(site: Site) -> bool:
    """Whether the node is what exp is applied to, or an exponent."""
    match site.parent:
        case Applied(function=function):
            return function.name == "exp"
        case Power(exponent=exponent):
            return exponent is site.node
    return False


def sign_in_an_argument(site: Site, view: View) -> Edits:
    """f(-s) for f(s)."""
    parent = site.parent
    if isinstance(parent, Applied) and parent.function.name != "exp":
        yield negative(site.node)


# ------------------------------------------------------------------ numbers


def number_missing(site: Site, view: View) -> Edits:
    """2 a, a / 2, a / n for a: a side, a term, the body of a sum."""
    above = site.parent is None or isinstance(site.parent, Plus | Total | Minus)
    if above and not (site.path and is_number(site.node)):
        whole = site.node.arg if isinstance(site.node, Minus) else site.node
        sizes = [n for n in view.nodes if isinstance(n, Size)]
        numbers = (TWO, HALF, Over(ONE, Size(None)), Size(None), Value("learning_rate"),
                   *sizes, *(Over(ONE, s) for s in sizes))  # fmt: skip
        for number in dict.fromkeys(numbers):
            made = times(number, whole, span=site.node.span)
            yield Minus(made, span=made.span) if isinstance(site.node, Minus) else made


def number_extra(site: Site, view: View) -> Edits:
    """a for 2 a, a / 2, a / n."""
    match site.node:
        case Times(args=args):
            yield from (without(site.node, k) for k in range(len(args)) if is_number(args[k]))
        case Over(above=above, below=below):
            if is_number(below):
                yield above
            if isinstance(below, Times):
                yield from (replace(site.node, below=without(below, k))
                            for k, arg in enumerate(below.args) if is_number(arg))  # fmt: skip


def number_of_a_factor(site: Site, view: View) -> Edits:
    """1/2 for 2, 2 for 1/2, 1/N for 1/n; a square for another power."""
    node, parent = site.node, site.parent
    multiplies = isinstance(parent, Times | Over | Power)
    if isinstance(node, Power) and isinstance(node.exponent, Num):
        yield node.base
    if isinstance(node, Num) and multiplies:
        inverse = 1 / node.value if node.value else 2
        near = (node.value / 2, node.value * 2, node.value + 1, node.value - 1, inverse)
        least = 1 if isinstance(parent, Power) else 0  # a^1 is written as a
        yield from (Num(Fraction(v), span=node.span) for v in near if v > least)
    if isinstance(node, Size | Over) and is_number(node) and isinstance(parent, Times | Over):
        sizes = [n for n in view.nodes if isinstance(n, Size)]
        for made in dict.fromkeys((Size(None), *sizes)):
            yield Over(ONE, made, span=node.span) if isinstance(node, Over) else made


def square(site: Site, view: View) -> Edits:
    """a^2 for a."""
    match site.node:
        case Plus() | Applied() if not isinstance(site.parent, Plus | Power):
            yield Power(site.node, TWO, span=site.node.span)


def inverse(site: Site, view: View) -> Edits:
    """b / a for a / b; a b for a / b; 1 / a for a."""
    match site.node:
        case Over(above=above, below=below):
            yield replace(site.node, above=below, below=above)
            yield times(above, below, span=site.node.span)
        case Plus() | Power() if site.parent is None:
            yield Over(ONE, site.node, span=site.node.span)


# ------------------------------------------------------------------ parentheses


def product_of_a_sum(site: Site, view: View) -> Edits:
    """a (b + c) d for a b + c d; -(b + c) for -b + c; (a + b)^2 for a + b^2."""
    if not isinstance(site.node, Plus):
        return
    args = site.node.args
    for k in range(len(args) - 1):
        for end in range(len(args), k + 1, -1):
            for ending in _endings(args[end - 1]):
                joined = partial(_sum_with, (*args[k + 1 : end - 1],), ending)
                for made in _opened(args[k], joined):
                    whole = (*args[:k], made, *args[end:])
                    yield whole[0] if len(whole) == 1 else replace(site.node, args=whole)


Ending = tuple[Node, Times | None, Node | None]  # a summand, the product with it, an exponent


def _endings(last: Node) -> Iterator[Ending]:
    """Where the parentheses may close in the last summand."""
    sign = Minus if isinstance(last, Minus) else None
    term = last.arg if isinstance(last, Minus) else last
    yield last, None, None
    if isinstance(term, Times):
        for k in range(1, len(term.args)):
            head = part_of(term, 0, k)
            behind = replace(term, args=term.args[k - 1 :], signs=term.signs[k - 1 :])
            yield head if sign is None else Minus(head), behind, None
    if isinstance(term, Power):
        yield term.base if sign is None else Minus(term.base), None, term.exponent


def _sum_with(middle: tuple[Node, ...], ending: Ending, first: Node) -> Node:
    """(first + middle + last)^exponent factors."""
    last, behind, exponent = ending
    made: Node = Plus((first, *middle, last))
    if exponent is not None:
        made = Power(made, exponent)
    return made if behind is None else exchanged_arg(behind, 0, made)


def _opened(first: Node, joined: Callable[[Node], Node]) -> Edits:
    """Where the parentheses may open in the first summand."""
    yield joined(first)
    match first:
        case Minus(arg):
            yield from map(Minus, _opened(arg, joined))
        case Times(args=(*_, last)):
            opened = _opened(last, joined)
            yield from (joined_to(first, made) for made in opened)
        case Over(below=below):
            yield from (replace(first, below=made) for made in _opened(below, joined))
        case Total(body=body):
            yield from (replace(first, body=made) for made in _opened(body, joined))
        case Applied(args=(arg,)):
            yield from (replace(first, args=(made,)) for made in _opened(arg, joined))
        case Derivative(of=Node() as of):
            yield from (replace(first, of=made) for made in _opened(of, joined))


def sum_of_a_product(site: Site, view: View) -> Edits:
    """a b + c for a (b + c); -b + c for -(b + c)."""
    match site.node:
        case Minus(Plus(args=(first, *rest))):
            yield Plus((negative(first), *rest), span=site.node.span)
        case Times(args=(*front, Plus(args=(first, *rest)))) if not isinstance(first, Num):
            head = exchanged_arg(site.node, len(front), first)
            yield Plus((head, *rest), span=site.node.span)
        case Times(args=(Plus(args=(*rest, last)), *_)):
            yield Plus((*rest, exchanged_arg(site.node, 0, last)), span=site.node.span)
        case Total(body=Plus(args=(first, *rest))):
            yield Plus((replace(site.node, body=first), *rest), span=site.node.span)
        case Applied(args=(Plus(args=(first, *rest)),)):
            yield Plus((replace(site.node, args=(first,)), *rest), span=site.node.span)


def part_of_a_fraction(site: Site, view: View) -> Edits:
    """a / (b c) for (a / b) c, (a + b) / c for a + b / c, and the other way round."""
    match site.node:
        case Over(above=Plus(args=(*rest, last)), below=below):
            yield Plus((*rest, Over(last, below)), span=site.node.span)
        case Over(above=above, below=Plus(args=(first, *rest))):
            yield Plus((Over(above, first), *rest), span=site.node.span)
        case Over(above=above, below=Times(args=(first, *rest))):
            yield times(Over(above, first), *rest, span=site.node.span)
        case Times(args=(Over(above=above, below=below), *rest)):
            yield Over(above, times(below, *rest), span=site.node.span)
        case Plus(args=(*rest, Over(above=above, below=below))):
            yield Over(Plus((*rest, above)), below, span=site.node.span)
        case Plus(args=(*rest, Minus(Over(above=above, below=below)))):
            yield Over(Plus((*rest, Minus(above))), below, span=site.node.span)


def power_of_a_part(site: Site, view: View) -> Edits:
    """(a + b)^2 for a + b^2, and the other way round; (a b)^2 for a b^2."""
    match site.node:
        case Plus(args=(*rest, Minus(Power(base=base, exponent=high)))):
            yield Power(Plus((*rest, Minus(base))), high, span=site.node.span)
        case Plus(args=(*rest, Power(base=base, exponent=high))):
            yield Power(Plus((*rest, base)), high, span=site.node.span)
        case Power(base=Plus(args=(*rest, Minus(last))), exponent=high):
            yield Plus((*rest, Minus(Power(last, high))), span=site.node.span)
        case Power(base=Plus(args=(*rest, last)), exponent=high):
            yield Plus((*rest, Power(last, high)), span=site.node.span)
        case Power(base=Times(args=(*front, last)), exponent=high):
            yield times(*front, Power(last, high), span=site.node.span)
        case Times(args=(*front, Power(base=base, exponent=high))):
            yield Power(times(*front, base), high, span=site.node.span)


def argument_of_a_product(site: Site, view: View) -> Edits:
    """f(a b) for f(a) b, and the other way round."""
    match site.node:
        case Times(args=(*front, Applied(args=(arg,)) as function, last)):
            inside = replace(function, args=(times(arg, last),))
            yield times(*front, inside, span=site.node.span)
        case Applied(args=(Times(args=(first, *rest)),)):
            yield times(replace(site.node, args=(first,)), *rest, span=site.node.span)
