"""Worked examples on a sheet: quantities that are given as numbers, and numbers that follow.

The numbers that a sheet gives to parameters, inputs and targets make a network of their own; what
the sheet says of other quantities is held against it, as far as the written digits go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations, pairwise

from derive.algebra.symbols import Tensor
from derive.claims.arithmetic import moved, worked_out
from derive.claims.arrays import Matrix, Value, entries
from derive.claims.claim import Claim
from derive.claims.numbers import Array, Outside, Places
from derive.claims.places import NoValue, Table
from derive.claims.values import Setting
from derive.claims.world import World
from derive.network.layers import Dense
from derive.network.parts import Activation, Loss
from derive.reading.scope import Scope
from derive.reading.tree import (
    Applied,
    Bars,
    Bracket,
    Branches,
    Derivative,
    Entry,
    Function,
    Grid,
    Listed,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Power,
    Root,
    Times,
    Transposed,
    rebuilt,
    walk,
)
from derive.reading.tree import Value as Named
from derive.spec import Network

GIVEN, FOLLOWS, FAILS = "given", "follows", "fails"
_LEAVES = ("weight", "bias", "input", "target", "mask", "own", "activation")
_NUMBERS = (Num, Minus, Plus, Times, Over, Power, Grid, Transposed, Listed, Root, Applied, Function,
            Bracket, Branches, Bars)  # fmt: skip
_MOST_NETWORKS = 12
#: What the numbers of a sheet may raise: there are none, they do not fit, or they break off.
_NO_NUMBER = (NoValue, Outside, ArithmeticError, ValueError)


@dataclass(frozen=True)
class Stated:
    """What a line of a worked example is: given, following, or failing, and in words why."""

    verdict: str
    message: str


@dataclass(frozen=True)
class Examples:
    """The worked example of a sheet about a network."""

    network: Network
    claims: tuple[tuple[Claim, Scope], ...]

    @cached_property
    def given(self) -> tuple[tuple[Entry, Node, Scope], ...]:
        """Quantities with the numbers that the sheet gives them."""
        found = []
        for claim, scope in self.claims:
            lhs, rhs = claim.lhs, claim.rhs
            plain = claim.relation in ("=", ":=") and claim.before in (None, lhs)
            if not (plain and isinstance(lhs, Entry) and rhs is not None):
                continue
            if is_leaf(lhs) and is_number(rhs):
                found.append((lhs, rhs, scope))
        return tuple(found)

    @cached_property
    def told(self) -> dict[Entry, Num]:
        """Quantities that follow from others, with the numbers that the sheet says they are."""
        found: dict[Entry, set[Num]] = {}
        for claim, _ in self.claims:
            if (
                isinstance(claim.lhs, Entry)
                and isinstance(claim.rhs, Num)
                and claim.relation == "="
            ):
                found.setdefault(claim.lhs, set()).add(claim.rhs)
        return {entry: numbers.pop() for entry, numbers in found.items() if len(numbers) == 1}

    def look(self, claim: Claim, scope: Scope) -> Stated | None:
        """What the claim is as a line of the example; None where it is none."""
        lhs, rhs = claim.lhs, claim.rhs
        if lhs is None or rhs is None or not is_number(rhs):
            return None
        before = claim.before
        left = lhs if before is None else before
        if is_number(left) and left != rhs and claim.relation in ("=", "approx"):
            setting = Setting(next(iter(self.worlds), None) or World(self.network), scope)
            same = worked_out(left, rhs, claim.relation, setting)
            return Stated(FOLLOWS if same else FAILS, "numbers worked out by hand")
        if not self.given and isinstance(lhs, Entry) and not is_leaf(lhs) and _is_worked_out(rhs):
            return Stated(GIVEN, "a number of an example that the sheet gives no numbers for")
        if claim.relation != "=":
            return None
        if isinstance(lhs, Entry) and is_leaf(lhs) and before in (None, lhs):
            return Stated(GIVEN, "gives numbers to a quantity")
        if not self.given:
            return None
        verdicts = [self._holds(lhs, rhs, scope, world) for world in self.worlds]
        if any(verdicts):
            return Stated(FOLLOWS, "holds in the example")
        if self.exact is not None:
            return Stated(FAILS, "does not hold in the example")
        told = _told(lhs, self.told)
        if not isinstance(lhs, Entry) and is_number(told):
            same = self._same_numbers(told, rhs, scope)
            return Stated(FOLLOWS if same else FAILS, "by numbers that the sheet gives")
        return Stated(GIVEN, "a number of an example that is not computed here")

    # ---------------------------------------------------------------- numbers

    def _same_numbers(self, left: Node, right: Node, scope: Scope) -> bool:
        world = next(iter(self.worlds), None)
        setting = Setting(world or World(self.network), scope)
        try:
            return _close(setting.value(left), setting.value(right), _slack(setting, left, right))
        except _NO_NUMBER:
            return False

    def _holds(self, lhs: Node, rhs: Node, scope: Scope, world: World) -> bool:
        setting = Setting(world, scope)
        try:
            return _close(setting.value(lhs), setting.value(rhs), _slack(setting, rhs))
        except _NO_NUMBER:
            return False

    # ---------------------------------------------------------------- networks

    @cached_property
    def worlds(self) -> tuple[World, ...]:
        """The network with the given numbers, or networks of its kind that have such sizes."""
        if self.exact is not None:
            return (self.exact,)
        made = []
        for network in self._alike():
            world = self._world(network)
            if world is not None:
                made.append(world)
        return tuple(made[:_MOST_NETWORKS])

    @cached_property
    def exact(self) -> World | None:
        """The network itself, where the numbers fit it and are complete."""
        return self._world(self.network) if self.network.numeric else None

    def _world(self, network: Network) -> World | None:
        try:
            world = World(network, samples=1)
            values = dict(self._arrays(world))
            wanted = {t for t in world.values if t.role in ("weight", "bias", "input", "target")}
            if not wanted <= set(values):
                return None
            return world.with_values(values)
        except _NO_NUMBER:
            return None

    def _arrays(self, world: World) -> Iterator[tuple[Tensor, Array]]:
        for lhs, rhs, scope in self.given:
            setting = Setting(world, scope)
            tensor, places = setting.addressed(lhs)
            yield tensor, dict(_filled(places, setting.value(rhs), tensor.batched, world))

    def _alike(self) -> Iterator[Network]:
        """Networks of dense layers with the sizes of the given matrices."""
        layers = [layer for layer in self.network.layers if isinstance(layer, Dense)]
        sizes = self._sizes
        if len(layers) != len(self.network.layers) or len(sizes) < 2:
            return
        unrolled = [n for layer in layers for n in [layer] * (len(sizes) if layer.repeat else 1)]
        for hidden in combinations(unrolled[:-1], len(sizes) - 2):
            yield self._sized((*hidden, unrolled[-1]), sizes)

    def _sized(self, layers: Sequence[Dense], sizes: Sequence[int]) -> Network:
        made = []
        for layer, units in zip(layers, sizes[1:], strict=True):
            changes: dict[str, object] = {"units": units, "repeat": None}
            if layer.activation.name == "generic":
                changes["activation"] = Activation(name="tanh")
            made.append(layer.model_copy(update=changes))
        changes = {"layers": tuple(made), "input": (sizes[0],)}
        if self.network.loss.name == "generic":
            changes["loss"] = Loss(name="half_squared_error")
        return self.network.model_copy(update=changes)

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        """Inputs and units of every layer, as the given matrices of weights show them."""
        shapes: dict[int, tuple[int, int]] = {}
        for lhs, rhs, scope in self.given:
            if lhs.role == "weight" and not lhs.places and lhs.label is not None:
                shape = _shape(rhs)
                if scope.rows_out_of(lhs.label):
                    shape = (shape[1], shape[0])
                last = lhs.label == scope.last or lhs.label.base == "L"
                shapes[10**6 if last else lhs.label.offset] = shape
        ordered = [shapes[k] for k in sorted(shapes)]
        fits = all(a[1] == b[0] for a, b in pairwise(ordered))
        return (ordered[0][0], *(s[1] for s in ordered)) if ordered and fits else ()


def is_number(node: Node) -> bool:
    """Whether an expression is made of numbers alone."""
    return all(isinstance(n, _NUMBERS) or _is_pi(n) for n in walk(node))


def _is_pi(node: Node) -> bool:
    return isinstance(node, Named) and node.name in ("pi", "e")


def _is_worked_out(node: Node) -> bool:
    """Whether an expression has decimals or functions, as statements for any data have not."""
    return any(
        isinstance(n, Applied) or (isinstance(n, Num) and n.value.denominator != 1)
        for n in walk(node)
    )


def _told(node: Node, numbers: Mapping[Entry, Num]) -> Node:
    """The expression with numbers for the quantities in it."""
    if isinstance(node, Entry):
        return numbers.get(node, node)
    return node if isinstance(node, Derivative) else rebuilt(node, lambda n: _told(n, numbers))


def is_leaf(node: Entry) -> bool:
    """Whether a sheet can give the quantity any value: nothing computes it."""
    first = node.places[0] if node.places else None
    fixed = node.role in ("activation", "input") and first == Num(Fraction(0))  # x_0
    below = node.label is not None and (node.label.offset, node.label.base) == (0, "")
    computed = (node.role == "activation" and not below) or node.barred
    return node.role in _LEAVES and not fixed and not computed


def _filled(
    places: Places | Table, value: Value, batched: bool, world: World
) -> Iterator[tuple[Places, complex]]:
    """The entries of an array; every sample has the same."""
    if isinstance(places, Table):
        rows = value.rows if isinstance(value, Matrix) else ((value,),)
        if (places.rows, places.cols) != (len(rows), len(rows[0])):
            raise Outside("numbers that fit the array")
        cells = [(places.at(r, c), z) for r, row in enumerate(rows) for c, z in enumerate(row)]
    else:
        cells = [(places, _number(value))]
    for place, z in cells:
        if not batched:
            yield place, z
        for n in range(world.samples + 1) if batched else ():
            yield (n, *place[1:]), z


def _number(value: Value) -> complex:
    if isinstance(value, Matrix):
        if value.shape != (1, 1):
            raise Outside("a number in place of an array")
        return value.rows[0][0]
    return value


def _shape(node: Node) -> tuple[int, int]:
    for part in walk(node):
        if isinstance(part, Grid):
            return len(part.rows), len(part.rows[0])
    return (1, 1)


# ------------------------------------------------------------------ digits


def _decimals(node: Node) -> int:
    """The most digits behind the point of a number in the expression."""
    found = [0]
    for part in walk(node):
        if isinstance(part, Num):
            digits = 0
            while digits < 12 and (part.value * 10**digits).denominator != 1:
                digits += 1
            found.append(digits)
    return max(found)


def _slack(setting: Setting, *sides: Node) -> list[float]:
    """How far the entries may be from each other, since written numbers are rounded."""
    digits = max(map(_decimals, sides))
    half = Fraction(1, 2 * 10**digits)
    total: list[float] = []
    for side in sides:
        here = entries(setting.value(side))
        total = total or [1e-9] * len(here)
        for k, part in enumerate(walk(side)):
            if isinstance(part, Num) and part.value.denominator != 1:
                with suppress(*_NO_NUMBER):
                    there = entries(setting.value(moved(side, k, half)))
                    total = [t + abs(a - b) for t, a, b in zip(total, here, there, strict=True)]
    return total


def _close(left: Value, right: Value, slack: Iterable[float]) -> bool:
    a, b = entries(left), entries(right)
    return len(a) == len(b) and all(abs(x - y) <= s for x, y, s in zip(a, b, slack, strict=True))
