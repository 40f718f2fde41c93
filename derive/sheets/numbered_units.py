"""Units that are numbered through, from the inputs to the outputs: z_3 = w_{13} x_1 + w_{23} x_2.

Unit 3 is the first hidden one of a network with two inputs, and w_{13} leads to it from unit 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from derive.algebra.symbols import Label
from derive.reading.own import Bound, Own
from derive.reading.scope import Scope
from derive.sheets.findings import Key, Signs
from derive.sheets.indices import role_in
from derive.sheets.statements import Written
from derive.writing.signs import Sign

_UNITS = ("preactivation", "activation", "output", "delta", "error", "bias")


def numbers_through(signs: Signs, sizes: tuple[int, ...]) -> bool:
    """Whether weights lead from a unit of one layer to one of the next, by numbers alone."""
    pairs = [pair for name in signs.names if (pair := _pair(name))]
    into = [_edge(pair, sizes) for pair in pairs]
    return len(sizes) > 1 and bool(pairs) and None not in into


def numbered_through(own: Own, signs: Signs, base: Scope, sizes: tuple[int, ...]) -> Own:
    """The sheet's own part of a scope with a meaning for every numbered sign."""
    made: dict[Key, Bound] = dict(own.signs)
    plain = {key: bound for key, bound in made.items() if not key[1]}
    roles: dict[Sign, str] = {}
    for forward in signs.forwards:
        roles.setdefault(forward.lhs.sign, "activation" if forward.function else "preactivation")
        if forward.arg is not None:
            roles.setdefault(forward.arg.sign, "preactivation")
    for name in _named(signs):
        pair = _pair(name)
        if pair:
            edge = _edge(pair, sizes)
            if edge is not None:
                layer, source, unit = edge
                places = (unit, source) if base.out_first else (source, unit)
                made[name.sign, name.below] = Bound("weight", Label(layer), places=places)
            continue
        layer, unit = _place(int(name.below), sizes)
        role = roles.get(name.sign) or role_in(name, base, plain)
        if layer < 0:
            continue
        if role == "target" or (role == "" and name.sign.letter in "ty" and layer):
            made[name.sign, name.below] = Bound("target", None, places=(unit,))
        elif layer == 0:
            made[name.sign, name.below] = Bound("input", None, places=(unit,))
        elif role in _UNITS or name.sign.letter == "b":
            role = "activation" if role == "output" else role if role in _UNITS else "bias"
            made[name.sign, name.below] = Bound(role, Label(layer), places=(unit,))
    return replace(own, signs=made, below=False, index_layers={})


def _named(signs: Signs) -> Iterator[Written]:
    return (n for n in signs.names if re.fullmatch(r"\d{1,2}|\d,\d", n.below) and not n.above)


def _pair(name: Written) -> tuple[int, int] | None:
    """The two units of a weight."""
    found = re.fullmatch(r"(\d),?(\d)", name.below)
    weight = name.sign.letter in ("w", "W", "v", "theta")
    return (int(found[1]), int(found[2])) if found and weight and not name.above else None


def _place(number: int, sizes: tuple[int, ...]) -> tuple[int, int]:
    """The layer of a unit and its number there; -1 beyond the last."""
    before = 0
    for layer, end in enumerate(accumulate(sizes)):
        if before < number <= end:
            return layer, number - before
        before = end
    return -1, 0


def _edge(pair: tuple[int, int], sizes: tuple[int, ...]) -> tuple[int, int, int] | None:
    """The layer that a weight leads into, the unit it comes from, and the one it leads to."""
    (a, source), (b, unit) = sorted(_place(number, sizes) for number in pair)
    return (b, source, unit) if a >= 0 and b == a + 1 else None
