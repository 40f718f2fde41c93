r"""Dropout as a sheet writes it: \tilde h = m \odot h / (1 - p), or with the mask that is scaled.

The network's mask is 0 or 1/(1 - rate); a sheet that divides by 1 - p has one of zeros and ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.reading.own import Bound, Definition, Own, symbol
from derive.reading.tree import Entry, Letter, Node, Num, Times
from derive.sheets.findings import Key, Signs
from derive.sheets.statements import EQUALS, Statement, Written, names_in, only_name, texts
from derive.writing.signs import Sign

_DROPPED = re.compile(r"1-(p|q|r|\\rho|\\pi|\\alpha)(?![A-Za-z])")  # 1 - p is what is kept
_KEPT = re.compile(r"(?:\}\{|/)\{?(p|q|\\rho|\\pi)\}?(?![A-Za-z_])")
_LETTERS = "mMrdDzxi"  # of masks, where words do not say what a mask is


@dataclass(frozen=True)
class Masked:
    """One layer of dropout: what it makes, of what, and by which mask."""

    made: Written
    mask: Written
    of: Written
    text: str  # of the formula


@dataclass(frozen=True)
class Dropped:
    """A layer of dropout of the network."""

    label: Label
    rate: Fraction
    letter: str  # of what it makes


def maskings(signs: Signs) -> Iterator[Masked]:
    """The statements that multiply units by a mask."""
    for statement in signs.statements:
        lhs = only_name(statement.members[0])
        if lhs is None or statement.relations[:1] not in {(sign,) for sign in EQUALS}:
            continue
        found = _masked(lhs, statement)
        if found is not None:
            yield found


def _masked(lhs: Written, statement: Statement) -> Masked | None:
    text = texts(statement.members[1])
    if re.search(r"\\partial|\\nabla|\\delta|\\sum", text):
        return None
    plain = names_in(statement.members[1])
    rates = {m[1].lstrip("\\") for pattern in (_DROPPED, _KEPT) if (m := pattern.search(text))}
    plain = [n for n in plain if n.below or n.sign.letter not in rates]
    product = re.search(r"\\odot|\\circ|\*", text) or all(n.indices for n in (lhs, *plain))
    if len(plain) != 2 or not product:
        return None
    mask = next((n for n in plain if n.sign.letter in _LETTERS), None)
    if mask is None:
        return None
    of = plain[1] if mask is plain[0] else plain[0]
    return Masked(lhs, mask, of, text)


def with_masks(own: Own, signs: Signs, layers: tuple[Dropped, ...]) -> Own:
    """The scope's part with masks and what they make, layer after layer."""
    made: dict[Key, Bound] = {}
    definitions = dict(own.definitions)
    for masked, layer in zip(maskings(signs), layers, strict=False):
        made[_key(masked.made)] = Bound("own", layer.label, letter=layer.letter)
        scale = _scale(masked.text, layer.rate)
        key = _key(masked.mask)
        if scale is None:
            made[key] = Bound("mask", layer.label)
            continue
        factor, letter, value = scale
        name = symbol(*key)
        made[key] = Bound("user", letter=name)
        places = masked.mask.indices
        mask = Entry("mask", "", layer.label, tuple(map(Letter, places)), form=_form(places))
        times: Node = Times((Num(factor), mask), ("",))
        definitions[name] = Definition(places, None, times)
        if letter:
            made[Sign(letter), ""] = Bound("user", letter=letter)
            definitions[letter] = Definition((), None, Num(value))
    return replace(own, signs={**own.signs, **made}, definitions=definitions)


def _scale(text: str, rate: Fraction) -> tuple[Fraction, str, Fraction] | None:
    """By what the sheet's mask is smaller than the network's; the letter of the rate, its value."""
    keep = 1 - rate
    if (found := _DROPPED.search(text)) is not None:
        return keep, found[1].lstrip("\\"), rate
    if (found := _KEPT.search(text)) is not None:
        return keep, found[1].lstrip("\\"), keep
    if re.search(r"\d", re.sub(r"_\{[^{}]*\}|_\w|\^\{[^{}]*\}", "", text)):
        return keep, "", keep
    return None


def _form(places: tuple[str, ...]) -> str:
    return "entry" if places else "whole"


def _key(name: Written) -> Key:
    return name.sign, "" if name.indices and not name.below.isdigit() else name.below
