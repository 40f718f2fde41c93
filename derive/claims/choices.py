"""Where a claim is looked at: every layer, sample and value of its free letters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from random import Random

from derive.algebra.symbols import Label
from derive.claims.claim import Claim
from derive.claims.ends import sizes_of_letters
from derive.claims.numbers import NoLayer, Outside, compare
from derive.claims.parts import is_variable, parts, spoken, variable
from derive.claims.places import NoValue
from derive.claims.side_conditions import is_side_condition, meets
from derive.claims.values import Setting
from derive.claims.world import LOSS, OBJECTIVE, World
from derive.reading.scope import Scope
from derive.reading.tree import (
    Applied,
    Bars,
    Bracket,
    Branches,
    ClassOf,
    Derivative,
    Dots,
    Entry,
    Kronecker,
    Letter,
    Listed,
    Minus,
    Nabla,
    Node,
    Num,
    Picked,
    Plus,
    Root,
    Total,
    children,
    walk,
)

MOST_PLACES = 60
DRAWS = 50  # for numbers that meet the conditions beside a claim
_PIECEWISE = frozenset(("relu", "leaky_relu", "elu", "abs", "max", "min", "sign", "softsign"))
ORDERS = ("=", "ne", "<", ">", "le", "ge")


@dataclass(frozen=True)
class Choice:
    """A layer and a sample, with values for the letters; a setting is made of it when needed."""

    base: Setting  # in that layer
    sample: int
    letters: dict[str, int]

    @property
    def setting(self) -> Setting:
        """The setting without the numbers of its own."""
        return self.base.but(sample=self.sample, letters=self.letters)


def settings(claim: Claim, world: World, scope: Scope, seed: int = 0) -> list[Setting]:
    """Every layer, sample and value of the free letters; a draw where there are too many."""
    made = list(_all(claim, world, scope))
    if len(made) > MOST_PLACES:
        made = Random(f"choices {seed}").sample(made, MOST_PLACES)
    found: list[Setting] = []
    for k, choice in enumerate(made):
        with suppress(NoLayer):
            here = _numbered(claim, choice.setting, f"numbers {seed} {k}")
            if meets(claim, here):
                found.append(here)
    return found


def _all(claim: Claim, world: World, scope: Scope) -> Iterator[Choice]:
    names = free_letters(claim)
    samples = _samples(claim, world)
    others = _letters_of_samples(claim)[1:]  # the first is that of the sample looked at
    plain = _base(claim, world, scope)
    for layer in _layers(claim, world, scope):
        here = plain.but(layer=layer)
        try:
            if claim.sides and not _has_layers(claim, here):
                continue
            base = here.but(sizes=sizes_of_letters(claim, here))
            rows = [
                row | dict(zip(others, numbers, strict=True))
                for row in _choices(claim, base, names)
                for numbers in product(range(1, world.samples + 1), repeat=len(others))
            ]
        except NoLayer:
            continue
        for sample in samples:
            for letters in rows:
                yield Choice(base, sample, letters)


def _has_layers(claim: Claim, here: Setting) -> bool:
    """Whether all layers of which both sides speak exist."""
    try:
        for side in claim.sides:
            here.need_layers(side)
    except NoLayer:
        return False
    except (NoValue, Outside):  # for those who look at the values
        pass
    return True


def _base(claim: Claim, world: World, scope: Scope) -> Setting:
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
    return Setting(world, scope, target=target, likelihood=likelihood)


def _of_samples(node: Total, scope: Scope) -> bool:
    """Whether a sum runs over the samples: of entries, or of gradients that are those of all."""
    letter = scope.own.sample
    names = {bound.name for bound in node.bounds}
    if any(isinstance(n, Entry) and n.sample == Letter(x) for n in walk(node.body) for x in names):
        return True
    return bool(letter) and letter in names and scope.own.gradient_of == "objective"


def is_generic(claim: Claim, scope: Scope) -> bool:
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
    return list(range(0, world.last + 3)) if is_generic(claim, scope) else [0]


def _samples(claim: Claim, world: World) -> list[int]:
    """The samples to look at: those that are numbered, else all."""
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Entry) and isinstance(node.sample, Num):
                number = int(node.sample.value)
                return [world.samples if number == 0 else (number - 1) % world.samples]
    return list(range(world.samples))


def _letters_of_samples(claim: Claim) -> tuple[str, ...]:
    """The letters of samples that no sum binds, in the order of first use."""
    found: dict[str, None] = {}

    def visit(node: Node, bound: frozenset[str]) -> None:
        if isinstance(node, Total):
            bound |= {b.name for b in node.bounds}
        sample = node.sample if isinstance(node, Entry) else None
        if isinstance(sample, Letter) and sample.name not in bound:
            found.setdefault(sample.name)
        for part in children(node):
            visit(part, bound)

    for side in claim.sides:
        visit(side, frozenset())
    return tuple(found)


def free_letters(claim: Claim) -> tuple[str, ...]:
    """The letters of indices that no sum binds, in the order of first use."""
    found: dict[str, None] = {}

    def visit(node: Node, bound: frozenset[str]) -> None:
        if isinstance(node, Total):
            bound |= {b.name for b in node.bounds}
        places: tuple[Node, ...] = ()
        if isinstance(node, Entry | Picked):
            places = node.places
        elif isinstance(node, Kronecker):
            places = (node.left, node.right)
        elif isinstance(node, Bracket):
            places = tuple(m for m in node.members if not isinstance(m, Total))
        for place in places:
            for part in walk(place) if not isinstance(place, ClassOf) else ():
                if isinstance(part, Letter) and part.name not in bound:
                    found.setdefault(part.name)
        for part in parts(node):
            visit(part, bound)

    for side in claim.sides:
        visit(side, frozenset())
    return tuple(found)


def _choices(claim: Claim, base: Setting, names: tuple[str, ...]) -> Iterator[dict[str, int]]:
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
    letters_of_layers = base.scope.layer_letters.items() if is_generic(claim, base.scope) else ()
    layers = {k: base.layer for k, letter in letters_of_layers if letter == "l"}
    last = {k: base.top for k, letter in letters_of_layers if letter == "L"}
    for row in product(*ranges):
        letters = dict(zip(names, row, strict=True))
        known = {**layers, **letters}
        if all(_fits(condition, known, last) for condition in claim.conditions):
            yield letters


def _partners(claim: Claim, base: Setting, name: str) -> list[int]:
    """The range of the letter that this one is compared with."""
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Kronecker) and Letter(name) in (node.left, node.right):
                other = node.right if node.left == Letter(name) else node.left
                if isinstance(other, Letter):
                    return [e for s in claim.sides if (e := base.extent(other.name, s)) is not None]
    return []


def _whole(node: Node, known: dict[str, int]) -> int | None:
    """The number that a limit is; None where it is of other letters."""
    match node:
        case Num():
            return int(node.value)
        case Letter():
            return known.get(node.name)
        case Minus():
            inner = _whole(node.arg, known)
            return None if inner is None else -inner
        case Plus():
            parts = [_whole(arg, known) for arg in node.args]
            return None if None in parts else sum(p for p in parts if p is not None)
    return None


def _fits(condition: Claim, letters: dict[str, int], last: dict[str, int]) -> bool:
    """Whether the letters meet a side condition such as i = j, j = 1, 2 or l = 1, ..., L - 1."""
    lhs, rhs = condition.before or condition.lhs, condition.rhs  # 1 <= l <= L - 1
    if (
        lhs is None
        or rhs is None
        or not any(isinstance(side, Letter) and side.name in letters for side in (lhs, rhs))
    ):
        return True
    if isinstance(rhs, Listed):
        if not isinstance(lhs, Letter):
            return True
        value = letters[lhs.name]
        numbers = [n for i in rhs.items if (n := _whole(i, last)) is not None]
        dots = [k for k, item in enumerate(rhs.items) if isinstance(item, Dots)]
        if len(numbers) + len(dots) < len(rhs.items):
            return True
        if dots and 0 < dots[0] < len(rhs.items) - 1:  # 2, ..., 5, or down: L - 1, ..., 1
            return min(numbers[0], numbers[-1]) <= value <= max(numbers[0], numbers[-1])
        return bool(dots) or value in numbers
    left, right = (_whole(side, {**last, **letters}) for side in (lhs, rhs))
    if left is None or right is None or condition.relation not in ORDERS:
        return True
    return compare(condition.relation, left, right)


def _numbered(claim: Claim, setting: Setting, seed: str) -> Setting:
    """Random numbers for the letters that are no indices; o is the function of s."""
    names = _numbers(claim, setting)
    if not names:
        return setting
    random = Random(seed)
    sign = -1 if setting.sample % 2 and _has_pieces(claim) else 1
    numbers = {name: complex(sign * random.uniform(0.2, 0.9)) for name in names}
    made = setting.but(numbers=numbers)
    for _ in range(DRAWS if any(map(is_side_condition, claim.conditions)) else 0):
        if meets(claim, made):
            break
        numbers = {name: complex(random.uniform(-3, 3)) for name in names}
        made = setting.but(numbers=numbers)
    if "activation" in numbers and "preactivation" in numbers:
        numbers["activation"] = made.number(replace(_function_of_s(claim), order=0))
    return made


def _has_pieces(claim: Claim) -> bool:
    """Whether numbers below 0 have cases of their own, and no logarithm or root forbids them."""
    parts = [node for side in claim.sides for node in walk(side)]
    names = {node.function.name for node in parts if isinstance(node, Applied)}
    roots = names & {"log", "sqrt"} or any(isinstance(node, Root) for node in parts)
    cases = any(isinstance(node, Branches | Bars | Bracket) for node in parts)
    return (cases or bool(names & _PIECEWISE)) and not roots


def _numbers(claim: Claim, setting: Setting) -> tuple[str, ...]:
    """The names of the letters that are numbers of their own, found once for all settings."""
    key = ("numbers", *map(id, claim.sides), *setting.letters, *setting.sizes)
    if key not in setting.told:
        found: dict[str, None] = {}
        for side in claim.sides:
            for node in spoken(side, setting.scope):
                taken = (
                    node.name in setting.letters or node.name in setting.sizes
                    if isinstance(node, Letter)
                    else not (isinstance(node, Entry) and is_variable(node))
                )
                if not taken:
                    found[variable(node)] = None
        setting.told[key] = claim, tuple(found)
    made: tuple[str, ...] = setting.told[key][1]
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
