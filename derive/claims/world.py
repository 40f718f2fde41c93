"""A small network with random numbers, every derivative of it by a complex step.

Symbolic sizes become small numbers (`sizes`), a generic activation a random smooth function
(another one in each layer), a generic loss a random smooth function of all outputs.  One sample
more than N is computed: the number 0 of sheets that count from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import prod, sqrt
from random import Random

from derive.algebra.terms import (
    Extent,
    Label,
    Num,
    Ref,
    Tensor,
    Term,
    refs,
)
from derive.claims.kinks import sides
from derive.claims.numbers import (
    Array,
    Numbers,
    Outside,
    Places,
)
from derive.claims.propagation import Propagation, Step, rows_of
from derive.claims.sizes import SAMPLES, concrete
from derive.forward import forward, objective
from derive.identities import S
from derive.network.layers import Conv, Dense
from derive.reading.tree import Node
from derive.spec import Network

WINDOWED = ("conv", "max_pool", "avg_pool")  # kinds of layers that move a window
TRIES = 400  # draws of all numbers
WILDEST = 50.0  # a pre-activation beyond that has no exponential that says anything
OBJECTIVE = Tensor("objective", "objective", None, batched=False)
LOSS = Tensor("L", "loss")

Range = tuple[str, Node]  # an index, and the formula in which it stands
Ends = Mapping[str, tuple[Range, ...]]  # letters that end ranges, wherever a sheet has them


class World(Numbers):
    """The values of every quantity of one small network, and their derivatives."""

    def __init__(
        self,
        network: Network,
        seed: int = 0,
        samples: int = SAMPLES,
        *,
        normalised: bool = True,
        one_hot: bool = False,
        factor: Fraction = Fraction(1),
        deepest: int = 0,
        inference: bool = False,
    ) -> None:
        """Numbers are drawn until every logarithm has a positive argument, smaller ones in time.

        `normalised`: targets sum to 1 where the loss says so; `one_hot`: they name one class each;
        the loss is `factor` times that of the network; `deepest`: the greatest number of a layer
        that claims name; `inference`: outside of training, by running averages and without masks.
        """
        self.ends: Ends = {}
        self._seed = seed
        self.network, sizes = concrete(network, seed, deepest)
        self.normalised, self.one_hot = normalised, one_hot
        passed = forward(self.network)
        if factor != 1:
            passed = replace(passed, loss=replace(passed.loss, rhs=Num(factor) * passed.loss.rhs))
        last = passed.output.tensor.label
        super().__init__(
            passed, {**sizes, "N": samples}, samples, 0 if last is None else last.offset
        )
        self.biases = {  # layer -> added, threshold
            s.label.offset: s.layer.bias
            for s in self.passed.stages
            if isinstance(s.layer, Dense | Conv)
        }
        self.threshold = "threshold" in self.biases.values()
        self.shapes: Mapping[Tensor, tuple[Extent, ...]] = self.passed.shapes
        self._perturbed: dict[tuple[Tensor, Places, frozenset[Tensor]], dict[Tensor, Array]] = {}
        self._propagation: Propagation | None = None
        self._shifted: dict[tuple[Tensor, Places, complex], World] = {}
        self.values: dict[Tensor, Array] = {}
        self.found: dict[tuple[str, int], Tensor | None] = {}  # by role and layer
        stages = self.passed.stages
        outside = tuple(e for s in stages for e in s.inferred)
        self.steps = [
            *(
                (e.lhs.tensor, e.lhs, e.rhs)
                for e in (outside if inference else self.passed.equations)
            ),
            (LOSS, self.passed.loss.lhs, self.passed.loss.rhs),
        ]
        self.objective = objective(self.passed)
        for attempt in range(TRIES):
            self.random = Random(f"values {seed} {attempt}")
            self._scale = 0.8 ** (attempt // 10)  # powers of powers are soon beyond all numbers
            self.shapers.clear()
            self.values = self._leaves()
            try:
                self._run(self.values, 0)
            except (Outside, OverflowError):
                continue
            if (self._alive() and self._tame()) or attempt >= TRIES // 2:
                break
        else:
            raise Outside("no values with every logarithm defined were found")

    def _alive(self) -> bool:
        """Whether no sample finds a whole layer switched off: nothing could be told from zeros."""
        units: dict[tuple[Tensor, int], bool] = {}
        for tensor, array in self.values.items():
            if tensor.role == "activation" and tensor.batched:
                for place, value in array.items():
                    key = (tensor, place[0])
                    units[key] = units.get(key, False) or value != 0
        return all(units.values())

    def _tame(self) -> bool:
        """Whether every pre-activation is of a size that numbers can tell apart."""
        arrays = (v for t, v in self.values.items() if t.role == "preactivation")
        return all(abs(value) <= WILDEST for array in arrays for value in array.values())

    @cached_property
    def renewed(self) -> dict[Tensor, Array]:
        """Running averages after one more batch."""
        updates = [e for stage in self.passed.stages for e in stage.updates]
        return {e.lhs.tensor: self._step(self.values, e.lhs, e.rhs) for e in updates}

    @cached_property
    def _inputs(self) -> list[frozenset[Tensor]]:
        """What each step reads."""
        return [frozenset(r.tensor for r in refs(rhs)) for _, _, rhs in self.steps]

    @cached_property
    def _padded(self) -> dict[Tensor, complex]:
        """What stands beside the arrays over which windows move."""
        found = [r for _, _, rhs in self.steps for r in refs(rhs) if r.padded]
        return {r.tensor: complex("-inf") if r.lowest else 0j for r in found}

    def beside(self, tensor: Tensor, derived: bool) -> complex | None:
        """What stands beside an array, or beside its derivatives; None where nothing does."""
        if derived:
            return 0j if self.windows else None
        return self._padded.get(tensor)

    @cached_property
    def windows(self) -> bool:
        """Whether some equation moves a window over an array."""
        places = [p for _, _, rhs in self.steps for r in refs(rhs) for p in r.at]
        return any(len(p.terms) > 1 for p in places)

    def is_linear(self, number: int) -> bool:
        """Whether a dense layer hands on what it sums up."""
        named = [s for s in self.passed.stages if s.label == Label(number)]
        return any(isinstance(s.layer, Dense) and s.activation is None for s in named)

    def channels_apart(self, tensor: Tensor, written: int) -> bool:
        """Whether so many indices are a place, and all channels at it are meant.

        Only arrays over which windows move, or that they leave, have places of that kind.
        """
        if written == 0 or written != len(self.shapes.get(tensor, ())) - 1 or not tensor.batched:
            return False
        return tensor in self._windowed

    @cached_property
    def _windowed(self) -> frozenset[Tensor]:
        """The arrays before and behind windows."""
        stages = [s for s in self.passed.stages if s.kind in WINDOWED]
        return frozenset(t for s in stages for t in (s.source, s.main.lhs.tensor, s.output))

    # ---------------------------------------------------------------- values

    def with_values(self, given: Mapping[Tensor, Array]) -> World:
        """The same network with other values of quantities that nothing computes."""
        made = self._copy()
        made.values = {**self.values, **given}
        made._run(made.values, 0)
        return made

    def _copy(self) -> World:
        """The same network, for other values: what was compiled looks at its own."""
        made = copy(self)
        made._perturbed, made._compiled, made._shifted = {}, {}, {}
        made._propagation = None
        return made

    def _leaves(self) -> dict[Tensor, Array]:
        defined = {tensor for tensor, _, _ in self.steps}
        made: dict[Tensor, Array] = {}
        positive = self.network.loss.likelihood or self.network.loss.name
        for tensor in self.passed.shapes:
            if tensor in defined or tensor.role == "delta":
                continue
            sides = self._sides(tensor)
            array = {
                place: complex(self._beside(sides, k) if sides else self._draw(tensor))
                for k, place in enumerate(self._places(tensor))
            }
            general = positive not in ("gaussian", "squared_error")
            if tensor.role == "target" and (general or self.one_hot):
                array = self._probabilities(array)
            made[tensor] = array
        return made

    def _sides(self, tensor: Tensor) -> tuple[float, ...]:
        """Numbers on every side of the kinks that a target or a bias leads over."""
        if tensor.role == "target":
            return sides(self.passed.loss.rhs, tensor)
        stage = next((s for s in self.passed.stages if tensor in s.parameters), None)
        if tensor.role != "bias" or stage is None or stage.phi is None:
            return ()
        found = sides(stage.phi, S.tensor)
        threshold = getattr(stage.layer, "bias", "") == "threshold"
        return tuple(-x for x in found) if threshold else found

    def _beside(self, numbers: tuple[float, ...], k: int) -> float:
        """The numbers in turn, another one first in every network."""
        return numbers[(k + self._seed) % len(numbers)] + self.random.uniform(-0.25, 0.25)

    def _draw(self, tensor: Tensor) -> float:
        if tensor.role == "target" or tensor in self._positive:
            return self.random.uniform(0.15, 0.85)
        size = self.random.uniform(0.25, 1.25) * self._share(tensor)
        return size if self.random.random() < 0.5 else -size

    @cached_property
    def _positive(self) -> frozenset[Tensor]:
        """Averages of squares, which start at 1."""
        kept = (s.starts.items() for s in self.passed.stages if s.state)
        return frozenset(
            t for starts in kept for t, (name, _) in starts if t.role == "state" and name == "ones"
        )

    def _share(self, tensor: Tensor) -> float:
        """Weights are smaller where many inputs meet, so that units are not all saturated."""
        shape = [self.extent(e) for e in self.passed.shapes.get(tensor, ())]
        if tensor.role != "weight" or len(shape) < 2:
            return self._scale
        inputs = shape[0] if len(shape) == 2 else prod(shape[1:])
        return self._scale * min(1.0, 2 / sqrt(inputs))

    def _probabilities(self, array: Array) -> Array:
        """Targets that sum to 1 over the last axis, where the loss says so."""
        if self.one_hot:
            return self._classes(array)
        name = self.network.loss.likelihood or self.network.loss.name
        if name not in ("cross_entropy", "categorical") or not self.normalised:
            return array
        totals: dict[Places, complex] = {}
        for place, value in array.items():
            totals[place[:-1]] = totals.get(place[:-1], 0) + value
        return {place: value / totals[place[:-1]] for place, value in array.items()}

    def _classes(self, array: Array) -> Array:
        """Targets of zeros and one over the last axis: a class for every place before."""
        rows: dict[Places, list[Places]] = {}
        for place in array:
            rows.setdefault(place[:-1], []).append(place)
        wanted = {  # of one output: whether it is of the class
            self.random.choice(row)
            for row in rows.values()
            if len(row) > 1 or self.random.random() < 0.5
        }
        return {place: complex(place in wanted) for place in array}

    def _places(self, tensor: Tensor) -> list[Places]:
        shape = [self.extent(e) for e in self.passed.shapes.get(tensor, ())]
        rows = [range(self.samples + 1)] if tensor.batched else []
        return list(product(*rows, *map(range, shape)))

    def _run(
        self,
        values: dict[Tensor, Array],
        start: int,
        moved: Tensor | None = None,
    ) -> None:
        """Compute every step from `start` on; those that depend on what moved."""
        changed = None if moved is None else {moved}
        for k, (tensor, lhs, rhs) in enumerate(self.steps[start:], start):
            if changed is not None and changed.isdisjoint(self._inputs[k]):
                continue
            values[tensor] = self._step(values, lhs, rhs)
            if changed is not None:
                changed.add(tensor)
        self.now = values
        values[OBJECTIVE] = {(): self.compiled(self.objective)({})}

    def _step(self, values: dict[Tensor, Array], lhs: Ref, rhs: Term) -> Array:
        self.now = values
        value = self.compiled(rhs)
        return {place: value(row) for place, row in rows_of(lhs, self).items()}

    @property
    def propagation(self) -> Propagation:
        """How quantities move each other."""
        if self._propagation is None:
            steps: list[Step] = [*self.steps, (OBJECTIVE, None, self.objective)]
            read = frozenset(r.tensor for r in refs(self.objective))
            self._propagation = Propagation(self, self.values, steps, [*self._inputs, read])
        return self._propagation

    def perturbed(
        self, tensor: Tensor, place: Places, held: frozenset[Tensor] = frozenset()
    ) -> dict[Tensor, Array]:
        """All values where one entry has moved by an imaginary step, and what is held rests."""
        key = (tensor, place, held)
        if key not in self._perturbed:
            self._perturbed[key] = self.propagation.moved(tensor, place, held)
        return self._perturbed[key]

    def shifted(self, tensor: Tensor, place: Places, by: complex) -> World:
        """The same network where one entry is a little greater, and what is computed from it."""
        key = (tensor, place, by)
        if key not in self._shifted:
            made = self._copy()
            made.values = dict(self.values)
            made.values[tensor] = {**self.values[tensor], place: self.values[tensor][place] + by}
            made._run(made.values, self._start(tensor), tensor)
            self._shifted[key] = made
        return self._shifted[key]

    def between(self, below: Tensor | None, tensor: Tensor) -> bool:
        """Whether the second is computed from the first."""
        reached = {below}
        for (made, _, _), read in zip(self.steps, self._inputs, strict=True):
            if not reached.isdisjoint(read):
                reached.add(made)
        return tensor in reached and tensor != below

    def _start(self, tensor: Tensor) -> int:
        """The first step after the quantity is there."""
        order = [step[0] for step in self.steps]
        return order.index(tensor) + 1 if tensor in order else 0

    def slope(
        self,
        of: Tensor,
        at: Places,
        by: Tensor,
        place: Places,
        held: frozenset[Tensor] = frozenset(),
    ) -> complex:
        """d of[at] / d by[place], with what is held at rest."""
        if place not in self.values[by]:
            raise KeyError(place)
        return self.propagation.slope(of, at, by, place, held)
