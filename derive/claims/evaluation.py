"""Claims on small networks: both sides at every value of the free letters.

>>> from derive.profiles import profile
>>> from derive.reading.reader import read
>>> from derive.spec import load
>>> world = World(load("2 > 3 tanh > 2 sigmoid : squared_error"))
>>> scope = Scope(profile("units"))
>>> def holds(text):
...     return [e.agrees for e in evaluate_claim(read(text, scope).claims[0], world, scope)][:1]
>>> holds(r"\\frac{\\partial E}{\\partial w_{ji}^2} = \\delta_i^2 o_j^1")
[True]
>>> holds(r"\\frac{\\partial E}{\\partial w_{ji}^2} = \\delta_i^2 o_j^2")
[False]
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from random import Random

from derive.algebra.symbols import Label
from derive.claims.arrays import Matrix, Value, entries
from derive.claims.claim import Claim
from derive.claims.numbers import NoLayer, Outside, compare
from derive.claims.parts import is_variable, parts, spoken, variable
from derive.claims.places import NoValue
from derive.claims.values import Setting
from derive.claims.world import LOSS, OBJECTIVE, World
from derive.reading.scope import Scope
from derive.reading.tree import (
    Applied,
    Bracket,
    Derivative,
    Dots,
    Entry,
    Kronecker,
    Letter,
    Listed,
    Nabla,
    Node,
    Num,
    Over,
    Space,
    Times,
    Total,
    children,
    walk,
)

MOST_PLACES = 60
TOLERANCE = 1e-7
ORDERS = ("=", "ne", "<", ">", "le", "ge")
_SIZES = frozenset("dnmpDNMHKCJ")  # letters for a number of units
_EQUAL = ("=", "equiv", ":=", "gets")


@dataclass(frozen=True)
class Evidence:
    """Both sides at one choice of layer, sample and indices; a side without a value is None."""

    at: tuple[tuple[str, int], ...]
    lhs: Value | None
    rhs: Value | None
    agrees: bool
    problem: str = ""
    setting: Setting | None = field(default=None, repr=False, compare=False)


def evaluate_claim(claim: Claim, world: World, scope: Scope, seed: int = 0) -> tuple[Evidence, ...]:
    """Both sides at every choice (at most 60, drawn by the seed); NoValue where it says nothing."""
    found = tuple(evidence(claim, world, scope, seed))
    if not found:
        raise NoValue("layers that the network has")
    return found


def evidence(claim: Claim, world: World, scope: Scope, seed: int = 0) -> Iterator[Evidence]:
    """Both sides at one choice after the other, so that a search can stop at the first.

    NoValue also where numbers break off: too great for a computer, or nested too deeply.
    """
    if not claim.complete:
        raise NoValue("a claim with one side only")
    if isinstance(claim.lhs, Letter) and isinstance(claim.rhs, Listed):
        raise NoValue("the values of an index")
    try:
        for setting in list(_settings(claim, world, scope, seed)):
            found = _evidence(claim, setting)
            if found is not None:
                yield found
    except RecursionError:
        raise NoValue("a formula that is nested too deeply") from None
    except (ArithmeticError, ValueError) as problem:
        raise NoValue(str(problem)) from problem


def holds(claim: Claim, world: World, scope: Scope, seed: int = 0) -> bool:
    """Whether both sides agree at every choice."""
    return all(e.agrees for e in evaluate_claim(claim, world, scope, seed))


# ------------------------------------------------------------------ one choice


def _evidence(claim: Claim, setting: Setting) -> Evidence | None:
    """The sides at one choice; None where a layer does not exist."""
    lhs = rhs = None
    at = (("l", setting.layer), ("n", setting.sample + 1), *sorted(setting.letters.items()))
    try:
        for member in _chain(claim):  # it speaks of layers in which all of it makes sense
            setting.need_layers(member)
        if claim.relation == "maps":
            return Evidence(at, None, None, _maps(claim, setting), "", setting)
        lhs = left_side(claim, setting)
        assert claim.rhs is not None
        rhs = setting.value(claim.rhs)
        return Evidence(at, lhs, rhs, _related(claim.relation, lhs, rhs), "", setting)
    except NoLayer:
        return None
    except Outside as problem:
        return Evidence(at, lhs, rhs, False, str(problem), setting)


def _chain(claim: Claim) -> tuple[Node, ...]:
    """All members of the chain as written; the sides alone of a claim that was changed since."""
    sides = (claim.lhs, claim.rhs)
    written = all(any(side is m for m in claim.members) for side in sides)
    return claim.members if written else claim.sides


def left_side(claim: Claim, setting: Setting) -> Value:
    """The left side; after the step of training where it is assigned."""
    assert claim.lhs is not None
    assert claim.rhs is not None
    updated = claim.relation in ("gets", ":=") and claim.lhs in tuple(walk(claim.rhs))
    return setting.updated(claim.lhs) if updated else setting.value(claim.lhs)


def _related(relation: str, lhs: Value, rhs: Value) -> bool:
    if relation in _EQUAL:
        return agree(lhs, rhs)
    if relation in ("approx", "propto", "sim"):
        return parallel(lhs, rhs)
    if relation == "ne":
        return not agree(lhs, rhs)
    raise NoValue(f"the relation {relation}")


def agree(lhs: Value, rhs: Value) -> bool:
    """Whether two values are equal, shapes included; a 1 x 1 matrix is a number."""
    if isinstance(lhs, Matrix) and isinstance(rhs, Matrix):
        lhs, rhs = lhs.stretched(*rhs.shape), rhs.stretched(*lhs.shape)
    shapes = [v.shape if isinstance(v, Matrix) else (1, 1) for v in (lhs, rhs)]
    if shapes[0] != shapes[1]:
        return False
    pairs = list(zip(entries(lhs), entries(rhs), strict=True))
    size = max((abs(a) + abs(b) for a, b in pairs), default=0.0)
    return all(abs(a.real - b.real) <= TOLERANCE * (1e-3 + size) for a, b in pairs)


def parallel(lhs: Value, rhs: Value) -> bool:
    """Whether two arrays have the same direction."""
    a, b = entries(lhs), entries(rhs)
    if len(a) != len(b):
        return False
    size, other = (sum(abs(z) ** 2 for z in v) ** 0.5 for v in (a, b))
    if len(a) == 1 or not size or not other:
        return agree(lhs, rhs)
    return all(abs(x.real / size - y.real / other) <= TOLERANCE for x, y in zip(a, b, strict=True))


def _maps(claim: Claim, setting: Setting) -> bool:
    """W : R^n -> R^m is about the shape of W."""
    made = setting.value(claim.lhs) if claim.lhs is not None else 0j
    spaces = claim.rhs.items if isinstance(claim.rhs, Listed) else ()
    sizes = [
        setting.place(s.size) if isinstance(s, Space) and s.size is not None else 1 for s in spaces
    ]
    if not isinstance(made, Matrix) or len(sizes) != 2:
        raise NoValue("a map that is no matrix")
    return made.shape == (sizes[1], sizes[0])


# ------------------------------------------------------------------ all choices


def _settings(claim: Claim, world: World, scope: Scope, seed: int) -> Iterator[Setting]:
    """Every layer, sample and value of the free letters; a draw where there are too many."""
    random = Random(f"choices {seed}")
    names = free_letters(claim)
    made: list[Setting] = []
    for layer in _layers(claim, world, scope):
        for sample in _samples(claim, world):
            base = _base(claim, world, scope, layer, sample)
            try:
                made += list(_choices(claim, base, names))
            except NoLayer:
                continue
    if len(made) > MOST_PLACES:
        made = random.sample(made, MOST_PLACES)
    for k, setting in enumerate(made):
        with suppress(NoLayer):
            yield _numbered(claim, setting, Random(f"numbers {seed} {k}"))


def _base(claim: Claim, world: World, scope: Scope, layer: int, sample: int) -> Setting:
    target = LOSS
    likelihood = False
    for side in claim.sides:
        for node in walk(side):
            updated = claim.relation in ("gets", ":=")
            if updated and isinstance(node, Entry) and node.form == "batch":
                target = OBJECTIVE  # a step by the arrays of all samples
            if updated and isinstance(node, Total) and _of_samples(node, scope):
                target = OBJECTIVE
            if isinstance(node, Derivative | Nabla) and isinstance(node.of, Entry):
                target = OBJECTIVE if node.of.role == "objective" else target
            if isinstance(node, Applied) and node.function.name == "log":
                likelihood |= any(isinstance(a, Entry) and a.role == "loss" for a in node.args)
    made = Setting(world, scope, layer, sample, target=target, likelihood=likelihood)
    return replace(made, sizes=_sizes(claim, made))


def _of_samples(node: Total, scope: Scope) -> bool:
    """Whether a sum runs over the samples of a sheet whose gradients are those of all."""
    letter = scope.own.sample
    names = {bound.name for bound in node.bounds}
    return bool(letter) and letter in names and scope.own.gradient_of == "objective"


def _sizes(claim: Claim, setting: Setting) -> dict[str, int]:
    """Letters that end the range of a sum, or divide it, are the number of its summands."""
    found: dict[str, int] = {}
    for side in claim.sides:
        for node in walk(side):
            for letter, total in _means(node):
                extents = [setting.extent(b.name, total.body) for b in total.bounds]
                if len(extents) == 1 and extents[0] is not None:
                    found.setdefault(letter, extents[0])
            if not isinstance(node, Total):
                continue
            for bound in node.bounds:
                extent = setting.extent(bound.name, node.body)
                if isinstance(bound.high, Letter) and extent is not None:
                    found[bound.high.name] = extent
    return found


def _means(node: Node) -> Iterator[tuple[str, Total]]:
    """A letter and the sum that it divides: 1/d sum_i s_i."""
    over, total = (node, node.above) if isinstance(node, Over) else (None, None)
    if isinstance(node, Times) and len(node.args) == 2:
        over, total = node.args
    if not isinstance(over, Over) or not isinstance(total, Total) or not isinstance(over.below, Letter):
        return
    alone = node is over or over.above == Num(Fraction(1))
    if alone and over.below.name in _SIZES and total.kind == "sum":
        yield over.below.name, total


def _is_generic(claim: Claim, scope: Scope) -> bool:
    """Whether the claim speaks of any layer l."""
    return any(_has_generic(side, scope) for side in claim.sides)


def _has_generic(node: Node, scope: Scope) -> bool:
    """Whether a quantity of any layer l stands there, outside the sums over layers."""
    if isinstance(node, Total):
        names = {b.name for b in node.bounds if scope.layer_letters.get(b.name) == "l"}
        if any(not any(p == Letter(name) for p in walk(node.body)) for name in names):
            return False
    label = getattr(node, "label", None)
    if isinstance(label, Label) and label.base == "l":
        return True
    return any(_has_generic(part, scope) for part in children(node))


def _layers(claim: Claim, world: World, scope: Scope) -> list[int]:
    return list(range(0, world.last + 3)) if _is_generic(claim, scope) else [0]


def _samples(claim: Claim, world: World) -> list[int]:
    """The samples to look at: those that are numbered, else all."""
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Entry) and isinstance(node.sample, Num):
                number = int(node.sample.value)
                return [world.samples if number == 0 else (number - 1) % world.samples]
    return list(range(world.samples))


def free_letters(claim: Claim) -> tuple[str, ...]:
    """The letters of indices that no sum binds, in the order of first use."""
    found: dict[str, None] = {}

    def visit(node: Node, bound: frozenset[str]) -> None:
        if isinstance(node, Total):
            bound |= {b.name for b in node.bounds}
        places: tuple[Node, ...] = ()
        if isinstance(node, Entry):
            places = node.places
        elif isinstance(node, Kronecker):
            places = (node.left, node.right)
        elif isinstance(node, Bracket):
            places = tuple(m for m in node.members if not isinstance(m, Total))
        for place in places:
            for part in walk(place):
                if isinstance(part, Letter) and part.name not in bound:
                    found.setdefault(part.name)
        for part in parts(node):
            visit(part, bound)

    for side in claim.sides:
        visit(side, frozenset())
    return tuple(found)


def _choices(claim: Claim, base: Setting, names: tuple[str, ...]) -> Iterator[Setting]:
    ranges = []
    first = base.scope.profile.base
    for name in names:
        extents = [e for side in claim.sides if (e := base.extent(name, side)) is not None]
        if not extents:
            extents = _partners(claim, base, name)
        if not extents:
            for side in claim.sides:
                base.need_layers(side)
            raise NoValue(f"the range of the index {name}")
        ranges.append(range(first, first + max(extents)))
    letters_of_layers = base.scope.layer_letters.items() if _is_generic(claim, base.scope) else ()
    layers = {k: base.layer for k, letter in letters_of_layers if letter == "l"}
    for row in product(*ranges):
        letters = dict(zip(names, row, strict=True))
        known = {**layers, **letters}
        if all(_fits(condition, known) for condition in claim.conditions):
            yield replace(base, letters=letters)


def _partners(claim: Claim, base: Setting, name: str) -> list[int]:
    """The range of the letter that this one is compared with."""
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Kronecker) and Letter(name) in (node.left, node.right):
                other = node.right if node.left == Letter(name) else node.left
                if isinstance(other, Letter):
                    return [e for s in claim.sides if (e := base.extent(other.name, s)) is not None]
    return []


def _fits(condition: Claim, letters: dict[str, int]) -> bool:
    """Whether the letters meet a side condition such as i = j or j = 1, 2."""
    lhs, rhs = condition.lhs, condition.rhs
    if not isinstance(lhs, Letter) or lhs.name not in letters:
        return True
    value = letters[lhs.name]
    if isinstance(rhs, Listed):
        numbers = [int(i.value) for i in rhs.items if isinstance(i, Num)]
        dots = [k for k, item in enumerate(rhs.items) if isinstance(item, Dots)]
        if len(numbers) + len(dots) < len(rhs.items):
            return True
        if dots and 0 < dots[0] < len(rhs.items) - 1:  # 2, ..., 5
            return numbers[0] <= value <= numbers[-1]
        return bool(dots) or value in numbers
    other = letters.get(rhs.name) if isinstance(rhs, Letter) else None
    if isinstance(rhs, Num):
        other = int(rhs.value)
    if other is None:
        return True
    return compare(condition.relation, value, other) if condition.relation in ORDERS else True


def _numbered(claim: Claim, setting: Setting, random: Random) -> Setting:
    """Random numbers for the letters that are no indices; o is the function of s."""
    numbers: dict[str, complex] = {}
    for side in claim.sides:
        for node in spoken(side, setting.scope):
            alone = isinstance(node, Letter) and node.name not in {*setting.letters, *setting.sizes}
            if alone or (isinstance(node, Entry) and is_variable(node)):
                numbers.setdefault(variable(node), complex(random.uniform(0.2, 0.9)))
    made = replace(setting, numbers=numbers)
    if "activation" in numbers and "preactivation" in numbers:
        numbers["activation"] = made.number(replace(_function_of_s(claim), order=0))
    return made


def _function_of_s(claim: Claim) -> Applied:
    """The function that makes o of s in a statement about both."""
    for side in (claim.lhs, claim.before, claim.rhs):
        if side is None:
            continue
        for node in walk(side):
            known = isinstance(node, Applied) and node.function.name not in ("exp", "log")
            if known and isinstance(node, Applied) and len(node.args) == 1:
                return node
    raise NoValue("an output and an input without the function between them")
