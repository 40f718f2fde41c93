"""Derivatives of whole networks: the slopes of single steps, multiplied along the way.

Only what lies between the two quantities is visited, each entry once, and it is remembered how
everything below an entry moves that entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product

from derive.algebra.terms import Ref, Tensor, Term
from derive.claims.local_slopes import STEP, LocalSlopes, Slopes, Spot
from derive.claims.numbers import Array, Env, Numbers, Places, placing, slot

Step = tuple[Tensor, Ref | None, Term]  # what is computed, its indices, and how


def rows_of(lhs: Ref | None, numbers: Numbers) -> dict[Places, Env]:
    """The places that a step fills, with the values of its indices."""
    if lhs is None:
        return {(): {}}
    names = [i for place in lhs.at for i, _ in place.terms]
    samples = range(numbers.samples + 1)
    ranges = [samples if i.sample else range(numbers.extent(i.size)) for i in names]
    slots, at = [slot(i) for i in names], [placing(p) for p in lhs.at]
    rows = (dict(zip(slots, row, strict=True)) for row in product(*ranges))
    return {tuple([p(row) for p in at]): row for row in rows}


class Propagation:
    """How the quantities of one network move each other, at given values."""

    def __init__(
        self,
        numbers: Numbers,
        values: Mapping[Tensor, Array],
        steps: Sequence[Step],
        inputs: Sequence[frozenset[Tensor]],
    ) -> None:
        """`inputs`: what each step reads."""
        self.numbers, self.values = numbers, dict(values)
        self.steps, self.inputs = steps, inputs
        self.order = {step[0]: k for k, step in enumerate(steps)}
        self._local = LocalSlopes(numbers)
        self._rows: dict[int, dict[Places, Env]] = {}
        self._slopes: dict[tuple[int, Places], Slopes] = {}
        self._readers: dict[int, dict[Spot, list[tuple[Places, complex]]]] = {}
        self._below: dict[tuple[Tensor, Places, frozenset[Tensor]], _Below] = {}

    # ---------------------------------------------------------------- single steps

    def rows(self, k: int) -> dict[Places, Env]:
        """The places that step k fills, with the values of its indices."""
        if k not in self._rows:
            self._rows[k] = rows_of(self.steps[k][1], self.numbers)
        return self._rows[k]

    def slopes(self, k: int, place: Places) -> Slopes:
        """How one entry that step k computes moves with what the step reads."""
        found = self._slopes.get((k, place))
        if found is None:
            self.numbers.now = self.values
            total: defaultdict[Spot, complex] = defaultdict(complex)
            for spot, slope in self._local.compiled(self.steps[k][2])(self.rows(k)[place]):
                total[spot] += slope
            found = self._slopes[k, place] = list(total.items())
        return found

    def readers(self, k: int) -> dict[Spot, list[tuple[Places, complex]]]:
        """The entries that step k computes from each that it reads."""
        if k not in self._readers:
            made: defaultdict[Spot, list[tuple[Places, complex]]] = defaultdict(list)
            for place in self.rows(k):
                for spot, slope in self.slopes(k, place):
                    made[spot].append((place, slope))
            self._readers[k] = dict(made)
        return self._readers[k]

    # ---------------------------------------------------------------- the network

    def slope(
        self, of: Tensor, at: Places, by: Tensor, place: Places, held: frozenset[Tensor]
    ) -> complex:
        """d of[at] / d by[place], with what is held at rest."""
        if of == by:
            return complex(at == place)
        if of in held or of not in self.order:
            return 0j
        key = of, at, held
        if key not in self._below:
            self._below[key] = _Below(self, of, at, held)
        return self._below[key].slope(by, place)

    def moved(self, tensor: Tensor, place: Places, held: frozenset[Tensor]) -> dict[Tensor, Array]:
        """All values where one entry has moved by an imaginary step, and what is held rests."""
        speeds: dict[Tensor, Mapping[Places, complex]] = {tensor: {place: 1 + 0j}}
        for k in range(self.order.get(tensor, -1) + 1, len(self.steps)):
            made = self.steps[k][0]
            if made in held or self.inputs[k].isdisjoint(speeds):
                continue
            found: defaultdict[Places, complex] = defaultdict(complex)
            for read in self.inputs[k].intersection(speeds):
                for at, speed in speeds[read].items():
                    for there, slope in self.readers(k).get((read, at), ()):
                        found[there] += speed * slope
            speeds[made] = found
        values = dict(self.values)
        for made, speed_of in speeds.items():
            before = values[made]
            values[made] = {**before, **{p: before[p] + 1j * STEP * v for p, v in speed_of.items()}}
        return values


class _Below:
    """How one entry moves with everything from which it is computed: as far down as was asked."""

    def __init__(self, whole: Propagation, of: Tensor, at: Places, held: frozenset[Tensor]) -> None:
        self.whole, self.held, self.of = whole, held, of
        self.speeds: defaultdict[Tensor, defaultdict[Places, complex]] = defaultdict(
            lambda: defaultdict(complex)
        )
        self.speeds[of][at] = 1 + 0j
        self.step = whole.order[of]  # the next one to go through

    def slope(self, by: Tensor, place: Places) -> complex:
        """d of[at] / d by[place]."""
        whole = self.whole
        lowest = whole.order.get(by, -1) + 1
        while self.step >= lowest:
            self._through(self.step)
            self.step -= 1
        return self.speeds[by].get(place, 0j) if by in self.speeds else 0j

    def _through(self, k: int) -> None:
        """From what step k computes to what it reads."""
        made = self.whole.steps[k][0]
        if made not in self.speeds or made in self.held:
            return
        for place, speed in self.speeds[made].items():
            if speed:
                for (read, where), slope in self.whole.slopes(k, place):
                    self.speeds[read][where] += speed * slope
