"""Whether a claim holds, on several small networks under given assumptions.

A claim is looked at on networks of different sizes and numbers, with general targets and several
samples; what it needs beyond that is a condition.  The networks are made once and shared by all
claims of a sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from itertools import islice

from derive.claims.claim import Claim
from derive.claims.evaluation import Evidence, evidence
from derive.claims.numbers import Outside
from derive.claims.places import NoValue
from derive.claims.side_conditions import of_classes
from derive.claims.sizes import LEAST, samples
from derive.claims.world import Ends, World
from derive.marking.conventions import PLAIN, Conventions
from derive.marking.shrinking import shrunk, weights
from derive.network.layers import Dense
from derive.reading.scope import Scope
from derive.reading.tree import ClassOf, Num, walk
from derive.spec import Network

SEEDS = (0, 1)
VARIED_SEEDS = (0, 1, 2)  # where sizes are symbolic
MOST_WEIGHTS = 5_000  # of a network that is looked at in its own size


@dataclass(frozen=True)
class Assumptions:
    """What holds beyond the network itself."""

    normalised: bool = False  # the targets sum to 1
    network: Callable[[Network], Network] | None = None  # a change of the network
    inference: bool = False  # outside of training
    one_hot: bool = False  # each target names one class

    def apply(self, network: Network) -> Network:
        """The network under the assumption."""
        return network if self.network is None else self.network(network)


GENERAL = Assumptions()


@dataclass(frozen=True)
class Difference:
    """The first choice of a trial at which a claim fails."""

    world: World
    scope: Scope
    evidence: Evidence


@dataclass
class Judge:
    """Decides claims on the small relatives of one network."""

    network: Network
    kept: frozenset[int] = frozenset()  # sizes that the sheet mentions: they are not shrunk
    samples: int | None = None  # their number, where the sheet says it
    deepest: int = 0  # the greatest number of a layer in the sheet
    ends: Ends = field(default_factory=dict)  # the letters that end ranges in the sheet
    _worlds: dict[object, World | None] = field(default_factory=dict)

    # ---------------------------------------------------------------- worlds

    @property
    def varied(self) -> bool:
        """Whether sizes are symbolic."""
        sizes: list[object] = list(self.network.input)
        sizes += [layer.units for layer in self.network.layers if isinstance(layer, Dense)]
        return any(isinstance(size, str) for size in sizes)

    @property
    def sized(self) -> bool:
        """Whether the relatives have the very sizes of the network."""
        return not self.varied and self.network == shrunk(self.network, self.kept)

    def worlds(
        self, conventions: Conventions = PLAIN, assumptions: Assumptions = GENERAL
    ) -> Iterator[World]:
        """The networks to look at; those on which nothing can be computed are left out."""
        for seed in VARIED_SEEDS if self.varied else SEEDS:
            made = self._world(conventions, assumptions, seed)
            if made is not None:
                yield made

    def _world(self, made: Conventions, given: Assumptions, seed: int) -> World | None:
        key = (made.loss_factor, made.reduction, made.biases, given, seed)
        if key not in self._worlds:
            self._worlds[key] = self._made(made, given, seed)
        return self._worlds[key]

    def _made(self, made: Conventions, given: Assumptions, seed: int) -> World | None:
        network = given.apply(_agreed(self.network, made))
        try:
            world = World(
                shrunk(network, self.kept, seed),
                seed,
                self.samples or samples(seed),
                normalised=given.normalised,
                factor=made.loss_factor,
                deepest=self.deepest,
                inference=given.inference,
                one_hot=given.one_hot,
            )
        except Outside:
            return None
        world.ends = self.ends
        return world

    # ---------------------------------------------------------------- claims

    def difference(
        self, claim: Claim, scope: Scope, assumptions: Assumptions = GENERAL
    ) -> Difference | None:
        """Where the claim fails; NoValue where it says nothing that can be evaluated."""
        seen = False
        assumptions = _of_classes(claim, assumptions)
        for world in self.worlds(scope.conventions, assumptions):
            for found in evidence(claim, world, scope):
                if not found.agrees:
                    return Difference(world, scope, found)
                seen = True
        if not seen:
            raise NoValue("layers that the network does not have")
        return None

    def smallest(self, claim: Claim, scope: Scope, found: Difference) -> Difference:
        """A failure on two of everything where there is one, else the one found."""
        general = _of_classes(claim, GENERAL)
        world = self._world(scope.conventions, general, LEAST) if self.varied else None
        if world is not None:
            try:
                for seen in evidence(claim, world, scope):
                    if not seen.agrees:
                        return Difference(world, scope, seen)
            except NoValue:
                pass
        return found

    def holds_in_full(self, claim: Claim, scope: Scope) -> bool:
        """Whether a claim that fails on small relatives holds on the network at its own size.

        A line such as f_{4c+2p+q} = g_{cpq} says of what size the arrays are.
        """
        made = scope.conventions
        agreed = _agreed(self.network, made)
        if self.varied or agreed == shrunk(agreed, self.kept) or weights(agreed) > MOST_WEIGHTS:
            return False
        key = (made.loss_factor, made.reduction, made.biases, "full")
        try:
            if key not in self._worlds:
                self._worlds[key] = World(
                    agreed,
                    samples=self.samples or samples(0),
                    normalised=GENERAL.normalised,
                    factor=made.loss_factor,
                )
            world = self._worlds[key]
            return world is not None and all(e.agrees for e in evidence(claim, world, scope))
        except (NoValue, Outside):
            return False

    def holds(self, claim: Claim, scope: Scope, assumptions: Assumptions = GENERAL) -> bool:
        """Whether the claim holds wherever it was looked at; never where it has no value."""
        try:
            return self.difference(claim, scope, assumptions) is None
        except (NoValue, Outside):
            return False

    def under(self, claim: Claim, scope: Scope, conventions: Conventions) -> bool:
        """Whether the claim holds under other conventions."""
        return self.holds(claim, replace(scope, conventions=conventions))


def vanishes(judge: Judge, claim: Claim, scope: Scope, given: Assumptions = GENERAL) -> bool:
    """Whether both sides are 0 on a small network, though nobody wrote a 0."""
    if Num(Fraction(0)) in claim.sides:
        return False
    world = next(iter(judge.worlds(scope.conventions, given)), None)
    try:
        found = list(islice(evidence(claim, world, scope), 12)) if world is not None else []
    except (NoValue, RecursionError):
        return False
    return bool(found) and all(e.vanishes for e in found)


def _of_classes(claim: Claim, given: Assumptions) -> Assumptions:
    """With targets that name a class each, where the claim has such a class as an index."""
    named = any(isinstance(n, ClassOf) for side in claim.sides for n in walk(side))
    named = named or any(map(of_classes, claim.conditions))
    return replace(given, one_hot=True) if named else given


def _agreed(network: Network, conventions: Conventions) -> Network:
    """The network with the reduction and the biases of the sheet."""
    changes: dict[str, object] = {}
    if conventions.reduction:
        changes["reduction"] = conventions.reduction
    if conventions.biases:
        bias = "threshold" if conventions.biases == "threshold" else "added"
        changes["layers"] = tuple(
            layer.model_copy(update={"bias": bias})
            if getattr(layer, "bias", "absent") != "absent"
            else layer
            for layer in network.layers
        )
    return network.model_copy(update=changes) if changes else network


@cache
def spelled(network: Network) -> str:
    """The network in one line, as far as it is a chain of dense layers."""
    sizes = "x".join(map(str, network.input))
    layers = []
    for layer in network.layers:
        words = [layer.kind] if not isinstance(layer, Dense) else [str(layer.units)]
        activation = getattr(layer, "activation", None)
        name = getattr(activation, "name", "") or getattr(activation, "text", "")
        layers.append(" ".join([*words, *([name] if name and name != "linear" else [])]))
    loss = network.loss.name or network.loss.likelihood or "loss"
    return " > ".join([sizes, *layers]) + f" : {loss}"
