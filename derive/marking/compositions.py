r"""Chain rules about functions that nobody wrote down: dF/dx = df/dg dg/dx with F(x) = f(g(x)).

Quantities are nodes, dependences are edges: those that the sheet defines (y = f(u)), those of
nested functions, and those that derivatives name.  Every edge has a random slope; a derivative is
the sum over all paths of the products of their slopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from derive.claims.calculus import KNOWN
from derive.claims.claim import Claim
from derive.claims.places import NoValue
from derive.reading.tree import (
    Applied,
    Derivative,
    Entry,
    Letter,
    Minus,
    Node,
    Num,
    Over,
    Plus,
    Times,
    walk,
)

Edge = tuple[str, str]
SEEDS = 2
#: Functions that a sheet need not define.
WRITTEN = KNOWN | {"softmax", "max", "min", "sign", "diag", "loss", "slope", "output"}
TOLERANCE = 1e-9
MOST_DEEP = 30


@dataclass(frozen=True)
class Compositions:
    """The dependences that the claims of a sheet name."""

    edges: frozenset[Edge] = frozenset()
    same: dict[str, str] = field(default_factory=dict)  # F for f, where F(x) = f(g(x))

    def holds(self, claim: Claim) -> bool:
        """Whether both sides agree for random slopes; NoValue where it is no chain rule."""
        if claim.lhs is None or claim.rhs is None or claim.relation not in ("=", "equiv"):
            raise NoValue("an equation between derivatives")
        if not any(isinstance(n, Derivative) or _is_slope(n) for n in walk(claim.lhs)):
            raise NoValue("a derivative on the left side")
        for seed in range(SEEDS):
            slopes = _Slopes(self, seed)
            try:
                lhs, rhs = slopes.value(claim.lhs), slopes.value(claim.rhs)
            except ArithmeticError as problem:  # a denominator of 0, numbers too great
                raise NoValue(str(problem)) from problem
            if abs(lhs - rhs) > TOLERANCE * (1 + abs(lhs) + abs(rhs)):
                return False
        return True


def compositions(claims: Iterable[Claim]) -> Compositions:
    """The dependences of all claims together."""
    made = tuple(claims)
    certain: dict[Edge, None] = {}
    same: dict[str, str] = {}
    for claim in made:
        certain.update(dict.fromkeys(e for side in claim.sides for e in _nested(side)))
        certain.update(dict.fromkeys(_defined(claim)))
        same.update(_alias(claim))
    named = [e for c in made if c.rhs is not None for e in _named(c.rhs)]
    named += [e for c in made if c.lhs is not None for e in _named(c.lhs)]
    edges = {(a, _first(b, same)) for a, b in certain if a not in same}
    edges |= {(a, _first(b, same)) for a, b in _of_aliases(certain, same)}
    for a, b in named:
        edge = (_first(a, same), _first(b, same))
        known = _leads(*edge, edges) or _leads(edge[1], edge[0], edges)
        if edge[0] != edge[1] and not known:
            edges.add(edge)
    return Compositions(frozenset(edges), same)


def _of_aliases(certain: Iterable[Edge], same: dict[str, str]) -> Iterator[Edge]:
    """y = f(u) with no more said of f: that y depends on u is all that is known."""
    made = tuple(certain)
    for a, b in made:
        if a in same and not any(start == same[a] for start, _ in made):
            yield same[a], b


def names_composition(claim: Claim) -> bool:
    """Whether a claim says of what a quantity is a function: y = f(u), without saying which."""
    lhs, rhs = claim.lhs, claim.rhs
    if lhs is None or not isinstance(rhs, Applied) or rhs.order or claim.relation != "=":
        return False
    if all(isinstance(n, Entry) and n.label and not n.assumed for n in (lhs, *rhs.args)):
        return False  # of layers that are named: they have formulas
    plain = all(name_of(arg) is not None for arg in rhs.args) and bool(rhs.args)
    return plain and rhs.function.name not in WRITTEN and name_of(lhs) is not None


def _first(name: str, same: dict[str, str]) -> str:
    return same.get(name, name)


def _leads(a: str, b: str, edges: set[Edge]) -> bool:
    """Whether a path leads from a to b."""
    reached, open_ones = {a}, [a]
    while open_ones:
        here = open_ones.pop()
        for start, end in edges:
            if start == here and end not in reached:
                reached.add(end)
                open_ones.append(end)
    return b in reached and a != b


# ------------------------------------------------------------------ names and dependences


def name_of(node: Node) -> str | None:
    """The name of a quantity that stands alone, or of what a function gives."""
    match node:
        case Letter():
            return node.name
        case Applied() if not node.order:
            return None if node.function.name in WRITTEN else _function(node)
        case Entry() if node.role == "user":
            return node.letter
        case Entry() if not node.places and node.sample is None and node.step is None:
            return f"{node.role} {node.letter} {node.label}"
    return None


def _function(node: Applied) -> str:
    return node.function.name or "the activation function"


def _is_slope(node: Node) -> bool:
    return isinstance(node, Applied) and node.order == 1 and len(node.args) == 1


def _nested(side: Node) -> Iterator[Edge]:
    for node in walk(side):
        if isinstance(node, Applied) and node.function.name not in WRITTEN:
            for arg in node.args:
                if (below := name_of(arg)) is not None:
                    yield _function(node), below


def _defined(claim: Claim) -> Iterator[Edge]:
    """y = f(u): y depends on u."""
    if claim.lhs is not None and isinstance(claim.rhs, Applied) and not claim.rhs.order:
        above = name_of(claim.lhs)
        for arg in claim.rhs.args:
            below = name_of(arg)
            if above is not None and below is not None and not isinstance(claim.lhs, Applied):
                yield above, below


def _alias(claim: Claim) -> Iterator[tuple[str, str]]:
    """F for f, from F(x) = f(g(x)), y = f(u), or the derivatives of both by the same."""
    lhs, rhs = claim.lhs, claim.rhs
    if isinstance(lhs, Derivative) and isinstance(rhs, Derivative) and lhs.by == rhs.by:
        lhs, rhs = lhs.of, rhs.of
    if lhs is None or rhs is None or not isinstance(rhs, Applied) or rhs.order:
        return
    a, b = name_of(lhs), name_of(rhs)
    if a is not None and b is not None and a != b and rhs.function.name not in WRITTEN:
        yield a, b


def _named(side: Node) -> Iterator[Edge]:
    """dy/du: y depends on u."""
    for node in walk(side):
        if isinstance(node, Derivative) and node.of is not None and len(node.by) == 1:
            above, below = name_of(node.of), name_of(node.by[0])
            if above is not None and below is not None:
                yield above, below


# ------------------------------------------------------------------ values


@dataclass
class _Slopes:
    """Random slopes of all edges."""

    made: Compositions
    seed: int

    @cached_property
    def slope(self) -> dict[Edge, float]:
        return {
            edge: Random(f"slope {self.seed} {edge}").uniform(0.5, 2.0)
            for edge in sorted(self.made.edges)
        }

    def value(self, node: Node) -> float:
        match node:
            case Num():
                return float(node.value)
            case Plus():
                return sum(map(self.value, node.args))
            case Minus():
                return -self.value(node.arg)
            case Times():
                result = 1.0
                for arg in node.args:
                    result *= self.value(arg)
                return result
            case Over():
                return self.value(node.above) / self.value(node.below)
            case Derivative() if node.of is not None and len(node.by) == 1:
                above, below = name_of(node.of), name_of(node.by[0])
                if above is not None and below is not None:
                    return self.total(self._known(above), self._known(below))
            case Applied() if _is_slope(node):
                below = name_of(node.args[0])
                above = self._known(_function(node))
                if below is not None and (above, self._known(below)) in self.slope:
                    return self.slope[above, self._known(below)]
        raise NoValue("a chain rule with something else than derivatives in it")

    def _known(self, name: str) -> str:
        return _first(name, self.made.same)

    def total(self, above: str, below: str, deep: int = 0) -> float:
        """The sum over all paths; dx/du is 1 / (du/dx) where u depends on x."""
        if above == below:
            return 1.0
        if not deep and not _leads(above, below, set(self.slope)):
            if not _leads(below, above, set(self.slope)):
                raise NoValue(f"how {above} depends on {below}")
            return 1 / self.total(below, above)
        if deep > MOST_DEEP:
            raise NoValue("a quantity that depends on itself")
        return sum(
            slope * self.total(end, below, deep + 1)
            for (start, end), slope in self.slope.items()
            if start == above
        )
