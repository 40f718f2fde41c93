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
from dataclasses import dataclass, field

from derive.claims.arrays import Matrix, Value, entries
from derive.claims.choices import is_generic, settings
from derive.claims.claim import Claim
from derive.claims.numbers import NoLayer, Outside
from derive.claims.places import NoValue
from derive.claims.values import Setting
from derive.claims.world import World
from derive.reading.scope import Scope
from derive.reading.tree import (
    Letter,
    Listed,
    Node,
    Space,
    walk,
)

TOLERANCE = 1e-7
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

    @property
    def vanishes(self) -> bool:
        """Whether both sides are 0."""
        values = [v for v in (self.lhs, self.rhs) if v is not None]
        return bool(values) and all(not z for v in values for z in entries(v))


def evaluate_claim(claim: Claim, world: World, scope: Scope, seed: int = 0) -> tuple[Evidence, ...]:
    """Both sides at every choice (at most 60, drawn by the seed); NoValue where it says nothing."""
    found = tuple(evidence(claim, world, scope, seed))
    if not found:
        raise NoValue("layers that the network does not have")
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
        seen, missing = False, None
        absent: list[Setting] = []
        for setting in settings(claim, world, scope, seed):
            found = at_setting(claim, setting)
            if found is None:
                missing = setting
                absent.append(setting)
                continue
            seen = True
            yield found
        if not seen:  # where all layers are linear, any activation stands for the identity
            again = (at_setting(claim, setting.but(linear=True)) for setting in absent)
            yield from (found for found in again if found is not None)
        if seen and missing is not None and not is_generic(claim, scope):
            at = _chosen(missing)  # it speaks of one layer, and has a value at some places alone
            yield Evidence(at, None, None, False, "a function at every place", missing)
    except RecursionError:
        raise NoValue("a formula that is nested too deeply") from None
    except (ArithmeticError, ValueError) as problem:
        raise NoValue(str(problem)) from problem


# ------------------------------------------------------------------ one choice


def at_setting(claim: Claim, setting: Setting) -> Evidence | None:
    """The sides at one choice; None where a layer does not exist."""
    lhs = rhs = None
    at = _chosen(setting)
    try:
        for member in _chain(claim):  # it speaks of layers in which all of it makes sense
            if (key := ("layers", id(member), setting.layer)) not in setting.told:
                setting.need_layers(member)
                setting.told[key] = member
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


def _chosen(setting: Setting) -> tuple[tuple[str, int], ...]:
    """The layer, the sample and the letters of a choice."""
    return (("l", setting.layer), ("n", setting.sample + 1), *sorted(setting.letters.items()))


def _chain(claim: Claim) -> tuple[Node, ...]:
    """All members of the chain as written; the sides alone of a claim that was changed since."""
    sides = (claim.lhs, claim.rhs)
    written = all(any(side is m for m in claim.members) for side in sides)
    return claim.members if written else claim.sides


def left_side(claim: Claim, setting: Setting) -> Value:
    """The left side; after the step of training where it is assigned."""
    assert claim.lhs is not None
    assert claim.rhs is not None
    assigned = claim.relation in ("gets", ":=")
    if assigned and (claim.lhs in tuple(walk(claim.rhs)) or setting.averaged(claim.lhs)):
        return setting.updated(claim.lhs)
    return setting.value(claim.lhs)


def _related(relation: str, lhs: Value, rhs: Value) -> bool:
    if relation in _EQUAL:
        return agree(lhs, rhs)
    if relation in ("approx", "propto", "sim"):
        return parallel(lhs, rhs)
    if relation == "ne":
        return not agree(lhs, rhs)
    raise NoValue(f"the relation {relation}")


def agree(lhs: Value, rhs: Value) -> bool:
    """Whether two values are equal, shapes included; a 1 x 1 matrix is a number, 0 any zeros."""
    if isinstance(lhs, Matrix) and isinstance(rhs, Matrix):
        lhs, rhs = lhs.stretched(*rhs.shape), rhs.stretched(*lhs.shape)
    shapes = [v.shape if isinstance(v, Matrix) else (1, 1) for v in (lhs, rhs)]
    if shapes[0] != shapes[1]:
        zero = lhs == 0 or rhs == 0  # written as a number
        return zero and all(abs(z.real) <= TOLERANCE * 1e-3 for v in (lhs, rhs) for z in entries(v))
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
