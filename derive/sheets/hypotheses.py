"""Hypotheses on the environment of a sheet: each a whole reading, with what it departs in.

The plain reading goes by habit.  Where it makes little of a sheet, a few others are tried, each by
what the sheet itself shows: the letters that its sums run over, masks, units numbered through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from derive.algebra.symbols import Label
from derive.marking.conventions import Conventions
from derive.reading.own import Behind, Own
from derive.reading.scope import Scope
from derive.sheets.absorbed import absorbed, absorbs
from derive.sheets.findings import Signs
from derive.sheets.letters import fences_behind, letters_of, sample_letters
from derive.sheets.masks import Dropped, maskings, with_masks
from derive.sheets.named_layers import (
    capital_delta,
    named_above,
    named_layers,
    names_above,
    with_capital_delta,
)
from derive.sheets.numbered_units import numbered_through, numbers_through
from derive.sheets.numbering import numberings
from derive.sheets.one_channel import one_channel, shifts, windowed
from derive.sheets.one_feature import Normalised, one_feature, with_one_feature
from derive.sheets.short_gradients import gradient_name, short_gradients
from derive.sheets.statements import INDICES

#: What a departure makes of the sheet's own part of a scope.
Change = Callable[[Own, Signs, Scope], Own]


@dataclass(frozen=True)
class Hypothesis:
    """One reading of a sheet as a whole."""

    departures: tuple[str, ...] = ()  # in words
    letters: frozenset[str] = INDICES  # those of indices
    notation: str = ""  # in which the rest is read, where nobody tells it
    sample: str = ""  # the letter that counts the samples, where habit does not tell it
    bare: bool = False  # ... which stands above its signs without parentheses
    front: str = ""  # the letter of the samples before the index of a unit: x_{ni}
    numbered: bool = False  # a number below is part of a name
    behind: Behind | None = None  # where layers or samples stand behind their signs
    conventions: tuple[Callable[[Conventions], Conventions], ...] = ()
    extended: bool = False  # accents stand for vectors with an entry 1 for the bias
    first: int | None = None  # of the values of an index, where the notation does not say it
    words: bool = True  # whether the prose says what signs are
    changes: tuple[Change, ...] = field(default=())

    def applied(self, own: Own, signs: Signs, base: Scope) -> Own:
        """The sheet's own part of a scope under the hypothesis."""
        own = replace(own, bare_sample=self.bare, always_sample=bool(self.sample))
        own = replace(own, behind=self.behind)
        for change in self.changes:
            own = change(own, signs, base)
        return own


PLAIN = Hypothesis()
#: A hypothesis with one more departure.
Departure = Callable[[Hypothesis], Hypothesis]


def _departure(
    *words: str,
    change: Change | None = None,
    convention: Callable[[Conventions], Conventions] | None = None,
    **fields: Any,
) -> Departure:
    """What is read otherwise, in words, with the fields of a hypothesis that say so."""

    def depart(made: Hypothesis) -> Hypothesis:
        return replace(
            made,
            departures=(*made.departures, *words),
            changes=made.changes if change is None else (*made.changes, change),
            conventions=(*made.conventions, *(() if convention is None else (convention,))),
            **fields,
        )

    return depart


@dataclass(frozen=True)
class Known:
    """What the network says that a sheet may write in its own way."""

    dropped: tuple[Dropped, ...] = ()
    sizes: tuple[int, ...] = ()  # of a chain of dense layers, the inputs first
    last: int = 0  # the number of the last layer
    biased: bool = False  # whether every layer with weights has a bias
    normalised: Normalised | None = None  # the first batch normalisation
    windowed: Label | None = None  # the first convolution, where it has one channel
    windows: bool = False  # whether there are convolutions


def departures(signs: Signs, known: Known) -> list[Departure]:
    """Where a sheet gives reason to read it otherwise, the likeliest first."""
    return [
        *_behind(signs),
        *_letters(signs),
        *_above(signs, known.last),
        *_numbered(signs),
        *_absorbed(signs, known.biased),
        *_one_feature(signs, known.normalised),
        *_one_channel(signs, known.windowed),
        *_from_zero(signs, known.windows),
        *_masks(signs, known.dropped),
        *_samples(signs),
        *_counted(signs, known.last),
        *_numbers(signs, known.sizes),
        *_capital_delta(signs, known.last),
        *_gradients(signs),
        *_words(signs),
    ]


def notations(names: Iterable[str]) -> list[Departure]:
    """Each notation as the one in which the rest of a sheet is read."""
    return [_departure(f"the notation {name}", notation=name) for name in names]


def _behind(signs: Signs) -> Iterator[Departure]:
    for behind in fences_behind(signs.statements):
        letter = behind.sample
        what = f"{letter} as the sample" if letter else "layers"
        told: dict[str, Any] = {"sample": letter} if letter else {}
        yield _departure(f"{what} behind the signs", behind=behind, **told)


def _counted(signs: Signs, last: int) -> Iterator[Departure]:
    for word, convention in numberings(signs, last):
        yield _departure(word, convention=convention)


def _letters(signs: Signs) -> Iterator[Departure]:
    letters = letters_of(signs.statements)
    if words := _told(letters):
        yield _departure(*words, change=named_layers, letters=letters)


def _numbered(signs: Signs) -> Iterator[Departure]:
    lone = [f for f in signs.forwards if f.affine is not None and f.lhs.below.isdigit()]
    weights = [f.affine.weight for f in signs.forwards if f.affine is not None]
    if lone and not signs.below and not any(w.below for w in weights):
        yield _departure("numbers below as parts of names", numbered=True)


def _above(signs: Signs, last: int) -> Iterator[Departure]:
    if last == 2 and names_above(signs):
        yield _departure("h and o above as the names of layers", change=named_above)


def _told(letters: frozenset[str]) -> tuple[str, ...]:
    more, fewer = sorted(letters - INDICES), sorted(INDICES - letters)
    made = []
    if more:
        made.append(f"{', '.join(more)} as {'indices' if len(more) > 1 else 'an index'}")
    if fewer:
        made.append(f"{', '.join(fewer)} as {'names' if len(fewer) > 1 else 'a name'} of layers")
    return tuple(made)


def _one_feature(signs: Signs, layer: Normalised | None) -> Iterator[Departure]:
    feature = one_feature(signs) if layer is not None else None
    if layer is None or feature is None:
        return

    def alone(own: Own, found: Signs, base: Scope) -> Own:
        return with_one_feature(own, found, base, feature, layer)

    word = f"one feature, whose samples are counted by {feature.sample}"
    yield _departure(word, change=alone, sample=feature.sample)


def _one_channel(signs: Signs, label: Label | None) -> Iterator[Departure]:
    if label is None or windowed(signs) is None:
        return

    def alone(own: Own, found: Signs, base: Scope) -> Own:
        return one_channel(own, found, base, label, label == Label(1))

    for first, end in ((1, ""), (0, " from 0")):
        yield _departure(f"one channel without an index{end}", change=alone, first=first)


def _from_zero(signs: Signs, windows: bool) -> Iterator[Departure]:
    if windows and shifts(signs):
        yield _departure("places counted from 0", first=0)


def _absorbed(signs: Signs, biased: bool) -> Iterator[Departure]:
    if absorbs(signs, biased):
        yield _departure("biases among the weights", change=absorbed, extended=True)


def _masks(signs: Signs, dropped: tuple[Dropped, ...]) -> Iterator[Departure]:
    names = [str(m.mask.sign) for m in maskings(signs)][: len(dropped)]

    def masked(own: Own, found: Signs, base: Scope) -> Own:
        return with_masks(own, found, dropped)

    if names:
        yield _departure(f"{', '.join(dict.fromkeys(names))} as the mask", change=masked)


def _samples(signs: Signs) -> Iterator[Departure]:
    for letter, place in sample_letters(signs.statements, signs.sample):
        above = place == "above"
        front = "" if above else letter
        yield _departure(f"{letter} as the sample", sample=letter, bare=above, front=front)


def _numbers(signs: Signs, sizes: tuple[int, ...]) -> Iterator[Departure]:
    def through(own: Own, found: Signs, base: Scope) -> Own:
        return numbered_through(own, found, base, sizes)

    if numbers_through(signs, sizes):
        yield _departure("the units of all layers numbered through", change=through)


def _capital_delta(signs: Signs, last: int) -> Iterator[Departure]:
    def large(own: Own, found: Signs, base: Scope) -> Own:
        return with_capital_delta(own, found, base, last)

    if last and capital_delta(signs):
        yield _departure("Delta as the error signal of the last layer", change=large)


def _gradients(signs: Signs) -> Iterator[Departure]:
    sign = gradient_name(signs)
    if sign is None:
        return

    def named(own: Own, found: Signs, base: Scope) -> Own:
        return short_gradients(own, found, base, sign)

    yield _departure(f"the subscript of {sign} as what the loss is derived by", change=named)


def _words(signs: Signs) -> Iterator[Departure]:
    if signs.said:
        yield _departure("signs by their equations, whatever the prose calls them", words=False)
