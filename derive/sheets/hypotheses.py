"""Hypotheses on the environment of a sheet: each a whole reading, with what it departs in.

The plain reading goes by habit.  Where it makes little of a sheet, a few others are tried, each by
what the sheet itself shows: the letters that its sums run over, masks, units numbered through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from derive.reading.own import Own
from derive.reading.scope import Scope
from derive.sheets.findings import Signs
from derive.sheets.letters import letters_of, sample_letters
from derive.sheets.masks import Dropped, maskings, with_masks
from derive.sheets.named_layers import named_layers
from derive.sheets.numbered_units import numbered_through, numbers_through
from derive.sheets.statements import INDICES

#: What a departure makes of the sheet's own part of a scope.
Change = Callable[[Own, Signs, Scope], Own]


@dataclass(frozen=True)
class Hypothesis:
    """One reading of a sheet as a whole."""

    departures: tuple[str, ...] = ()  # in words
    letters: frozenset[str] = INDICES  # those of indices
    sample: str = ""  # the letter that counts the samples, where habit does not tell it
    bare: bool = False  # ... which stands above its signs without parentheses
    words: bool = True  # whether the prose says what signs are
    changes: tuple[Change, ...] = field(default=())

    def applied(self, own: Own, signs: Signs, base: Scope) -> Own:
        """The sheet's own part of a scope under the hypothesis."""
        own = replace(own, bare_sample=self.bare, always_sample=bool(self.sample))
        for change in self.changes:
            own = change(own, signs, base)
        return own


PLAIN = Hypothesis()
#: A hypothesis with one more departure.
Departure = Callable[[Hypothesis], Hypothesis]


def departures(
    signs: Signs, dropped: tuple[Dropped, ...], sizes: tuple[int, ...]
) -> list[Departure]:
    """Where a sheet gives reason to read it otherwise, the likeliest first.

    `sizes`: how many units the layers have, the inputs first, where all of that is told.
    """
    return [
        *_letters(signs),
        *_masks(signs, dropped),
        *_samples(signs),
        *_numbers(signs, sizes),
        *_words(signs),
    ]


def _letters(signs: Signs) -> Iterator[Departure]:
    letters = letters_of(signs.statements)
    words = _told(letters)
    if not words:
        return

    def depart(made: Hypothesis) -> Hypothesis:
        return replace(
            made,
            departures=(*made.departures, *words),
            letters=letters,
            changes=(*made.changes, named_layers),
        )

    yield depart


def _told(letters: frozenset[str]) -> tuple[str, ...]:
    more, fewer = sorted(letters - INDICES), sorted(INDICES - letters)
    made = []
    if more:
        made.append(f"{', '.join(more)} as {'indices' if len(more) > 1 else 'an index'}")
    if fewer:
        made.append(f"{', '.join(fewer)} as {'names' if len(fewer) > 1 else 'a name'} of layers")
    return tuple(made)


def _masks(signs: Signs, dropped: tuple[Dropped, ...]) -> Iterator[Departure]:
    names = [str(m.mask.sign) for m in maskings(signs)][: len(dropped)]
    if not names:
        return

    def masked(own: Own, found: Signs, base: Scope) -> Own:
        return with_masks(own, found, dropped)

    word = f"{', '.join(dict.fromkeys(names))} as the mask"

    def depart(made: Hypothesis) -> Hypothesis:
        return replace(made, departures=(*made.departures, word), changes=(*made.changes, masked))

    yield depart


def _samples(signs: Signs) -> Iterator[Departure]:
    for letter, bare in sample_letters(signs.statements, signs.sample):

        def depart(made: Hypothesis, letter: str = letter, bare: bool = bare) -> Hypothesis:
            words = (*made.departures, f"{letter} as the sample")
            return replace(made, departures=words, sample=letter, bare=bare)

        yield depart


def _numbers(signs: Signs, sizes: tuple[int, ...]) -> Iterator[Departure]:
    if not numbers_through(signs, sizes):
        return

    def through(own: Own, found: Signs, base: Scope) -> Own:
        return numbered_through(own, found, base, sizes)

    def depart(made: Hypothesis) -> Hypothesis:
        words = (*made.departures, "the units of all layers numbered through")
        return replace(made, departures=words, changes=(*made.changes, through))

    yield depart


def _words(signs: Signs) -> Iterator[Departure]:
    if not signs.said:
        return

    def depart(made: Hypothesis) -> Hypothesis:
        words = (*made.departures, "signs by their equations, whatever the prose calls them")
        return replace(made, departures=words, words=False)

    yield depart
