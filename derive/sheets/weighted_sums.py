"""Weighted sums of a sheet: which sign is the weight, which the input, which the bias."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from derive.reading.cursor import Cursor
from derive.reading.latex_tokens import Token, Unreadable
from derive.sheets.statements import Written, is_function, labelled, name_at
from derive.sheets.summands import summands
from derive.writing.signs import Sign

WEIGHTS = frozenset("WwVvUuM") | {"theta", "Theta", "omega", "Omega"}


@dataclass(frozen=True)
class Affine:
    """A weighted sum: the weights, what they weigh, and the bias."""

    weight: Written
    below: Written
    bias: Written | None = None
    minus: bool = False
    weight_first: bool = True
    transposed: bool = False


def skip_scripts(c: Cursor) -> None:
    """Go past what stands above and below."""
    while c.peek().text in ("^", "_"):
        c.next()
        try:
            c.argument()
        except Unreadable:
            return


def affine(tokens: tuple[Token, ...], computed: Collection[Sign] = ()) -> Affine | None:
    """W x + b, x W + b, sum_i w_ij x_i + b_j, with the bias first or last or without one.

    `computed`: the signs of what the sheet has computed before, which are no weights.
    """
    product: Affine | None = None
    bias: Written | None = None
    minus = False
    for sign, part in summands(tokens):
        factors = _factors(part)
        if factors is None:
            return None
        if len(factors) == 2 and product is None and sign != "-":
            product = _weighed(factors, computed)
            if product is None:
                return None
        elif len(factors) == 1 and bias is None:
            bias, minus = factors[0][0], sign == "-"
        else:
            return None
    if product is None:
        return None
    return Affine(
        product.weight, product.below, bias, minus, product.weight_first, product.transposed
    )


def _factors(tokens: list[Token]) -> list[tuple[Written, bool]] | None:
    """The names of a product, each with whether a sum stands before; None for anything else."""
    c = Cursor(tokens, tokens[-1].end)
    made: list[tuple[Written, bool]] = []
    summed = False
    while not c.done:
        token = c.peek()
        if token.text == r"\sum":
            c.next()
            skip_scripts(c)
            summed = True
        elif token.text in (r"\cdot", r"\times", r"\,", "*", r"\ast"):
            c.next()
        elif token.text == "(" and tokens[-1].text == ")" and summed and not made:
            c.next()
            tokens = tokens[c.place : -1]
            c = Cursor(tokens, tokens[-1].end if tokens else 0)
        else:
            name = name_at(c)
            if name is None or is_function(name.sign) or name.primes:
                return None
            if name.sign.letter != "1":  # a column of ones beside the bias
                made.append((name, summed))
    return made


def _weighed(factors: list[tuple[Written, bool]], computed: Collection[Sign]) -> Affine | None:
    """Which of two factors is the weight."""
    (a, summed), (b, _) = factors
    indexed = any(i for name in (a, b) for i in name.indices if not i.isdigit())
    layered = all(labelled(name, True) or not name.indices for name in (a, b))
    if indexed and not summed and not layered:
        return _of_unit(a, b, computed)  # gamma_i x_i is no sum
    ranks = [_weight_rank(a, summed), _weight_rank(b, summed)]
    if max(ranks) == 1 and ranks[0] == ranks[1]:  # X A, H B
        ranks = [0 if _is_value(name, computed) else 1 for name in (a, b)]
    if max(ranks) == 0 and _turned(a) and not summed:  # c^T z
        ranks = [0 if _is_value(name, computed) else 1 for name in (a, b)]
    if max(ranks) == 0 or ranks[0] == ranks[1]:
        return None
    first = ranks[0] > ranks[1]
    weight, below = (a, b) if first else (b, a)
    transposed = (
        weight.above.strip("{}()") in ("T", r"\top")
        or r"\top" in weight.above
        or (weight.above.endswith("T"))
    )
    return Affine(weight, below, None, False, first, transposed)


def _turned(name: Written) -> bool:
    return name.above.strip("{}") in ("T", r"\top")


def _is_value(name: Written, computed: Collection[Sign]) -> bool:
    """Whether a sign is the input, or what the sheet has computed before."""
    return name.sign in computed or name.sign.letter in ("x", "X")


def _of_unit(a: Written, b: Written, computed: Collection[Sign]) -> Affine | None:
    """The inputs by the weights of one unit, which are a vector: w_j^T x, x^T w_j."""
    for weight, below in ((a, b), (b, a)):
        one = len(weight.indices) == 1 and not weight.below.isdigit() and not below.indices
        known = weight.sign.letter in WEIGHTS or _is_value(below, computed)
        if one and _turned(a) and known and not weight.sign.accent:
            return Affine(weight, below, None, False, weight is a, True)
    return None


def _weight_rank(name: Written, summed: bool) -> int:
    letter = name.sign.letter
    if name.sign.accent not in ("", "vec"):
        return 0
    two = len(name.indices) == 2 and not re.search(r"[+-]", name.below)  # h_{l-1} has a layer
    if two:
        return 4
    if letter in WEIGHTS:
        return 3 if letter[:1].isupper() or name.sign.style == "bold" else 2
    return 1 if letter[:1].isupper() and not summed else 0
