"""The letters of indices and layers when a formula goes from one notation to another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from derive.reading.scope import Scope
from derive.reading.tree import (
    Bound,
    Bracket,
    Dots,
    Entry,
    Function,
    Kronecker,
    Letter,
    Listed,
    Minus,
    Node,
    Num,
    Plus,
    Size,
    Times,
    Total,
    children,
    walk,
)
from derive.writing.profile import Profile
from derive.writing.signs import Sign

_NUMBERS = "xrtcvuz"  # letters for a number, the usual ones first
_INDICES = "hpqruvs"  # letters for an index
_ROOT = re.compile(r"([A-Za-z]+)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Letters:
    """Renames indices; `indices` are the letters that stand as indices in the formula."""

    here: Scope
    there: Scope
    indices: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()  # every letter that stands for a number in the formula
    numbers: frozenset[str] = frozenset()  # indices that also stand outside of scripts: f(t)

    def index(self, name: str) -> str:
        """An index letter in the other notation; primes and numbers at it stay."""
        found = _ROOT.fullmatch(name)
        if found is None:
            return name
        root, rest = found.groups()
        if not rest and root in self._moved:
            return self._moved[root]
        return self._plain(root) + rest

    def _plain(self, root: str) -> str:
        return self._indices.get(root) or self._same(root)

    def _same(self, root: str) -> str:
        """The letter of the same index."""
        plain = _calculus(self.here.profile, root)
        return self.there.profile.indices.get(plain, plain)

    @cached_property
    def _indices(self) -> dict[str, str]:
        """The letter of each index of the formula: none that is a layer there, no two alike."""
        found = (_ROOT.fullmatch(name) for name in self.indices)
        roots = sorted({one[1] for one in found if one is not None})
        layers = {*self.there.layer_letters, self.there.profile.labels.hidden}
        made = {root: self._same(root) for root in roots if self._same(root) not in layers}
        for root in roots:
            if root not in made:
                taken = {*made.values(), *layers, *self.there.profile.indices.values()}
                free = (one for one in _INDICES if one not in taken and not self._means(one))
                made[root] = root if root not in {*made.values(), *layers} else next(free, root)
        return made

    def layer(self, name: str) -> str | None:
        """The letter of a layer in the other notation; None where it is none."""
        base = self.here.layer_letters.get(name)
        return None if base is None else self.there.profile.labels.letters[base]

    def letter(self, node: Letter) -> Letter:
        """A letter outside the indices: the letter of an index used as a number, or of a layer."""
        if node.name in self.indices:
            return replace(node, name=self.index(node.name))
        sign, line, below = node.name.partition("_")
        if line and self.indices.issuperset(below.split(",")):  # v_k of the writer's own
            places = ",".join(map(self.index, below.split(",")))
            return replace(node, name=f"{sign}_{places}")
        layer = self.layer(node.name)
        if layer is None and self.is_taken(node.name):
            return replace(node, name=self._moved.get(node.name, node.name))
        return node if layer is None else replace(node, name=layer)

    def is_taken(self, name: str) -> bool:
        """Whether the letter of a number means something else in the other notation."""
        single = len(name) == 1 and name not in self.indices
        return single and self.layer(name) is None and self._means(name)

    def _means(self, name: str) -> bool:
        there = self.there
        sizes = (there.samples, *there.size_names, *there.functions)
        return bool(there.meanings(Sign(name))) or name in there.layer_letters or name in sizes

    @cached_property
    def _moved(self) -> dict[str, str]:
        """Letters of numbers that mean something else there, each with one that is left free."""
        taken = self.used | self.indices | set(self.there.profile.indices.values())
        free = (one for one in _NUMBERS if one not in taken and not self._means(one))
        clash = [name for name in sorted(self.used) if self._clashes(name)]
        return dict(zip(clash, free, strict=False))

    def _clashes(self, name: str) -> bool:
        if name in self.indices:
            return name in self.numbers and self._means(self._plain(name))
        return self.is_taken(name)

    def place(self, node: Node) -> Node:
        """An index expression, counted from the first index of the other notation."""
        shift = self.there.profile.base - self.here.profile.base
        made = self._renamed(node)
        by = shift * (1 - _weight(node))
        return _added(made, by) if by else made

    def _renamed(self, node: Node) -> Node:
        match node:
            case Letter():
                return replace(node, name=self.index(node.name))
            case Plus() | Times():
                return replace(node, args=tuple(map(self._renamed, node.args)))
            case Minus():
                return replace(node, arg=self._renamed(node.arg))
        return node

    def bound(self, bound: Bound, body: Node) -> Bound:
        """An index under a large operator; a sum over layers keeps the letter of the layer."""
        layer = self.layer(bound.name)
        if layer is not None and _over_layers(self.here, bound, body):
            return replace(bound, name=layer)
        low, high = bound.low, bound.high
        shift = self.there.profile.base - self.here.profile.base
        if shift and low is not None and high is not None:
            low, high = _added(low, shift), _added(high, shift)
        return replace(bound, name=self.index(bound.name), low=low, high=high)


def letters_of(here: Scope, there: Scope, nodes: Iterable[Node]) -> Letters:
    """What renames the letters of a formula."""
    members = tuple(nodes)
    used = {part.name for node in members for part in walk(node) if isinstance(part, Letter)}
    numbers = {name for node in members if not says_which(node) for name in _outside(node)}
    indices = _indices(here, members) | {"i", "j"}
    return Letters(here, there, indices, frozenset(used), frozenset(numbers & indices))


def says_which(node: Node) -> bool:
    """Whether there are only letters and numbers, as in a condition: i = 1, ..., n."""
    kinds = Letter | Num | Size | Dots | Plus | Minus | Listed
    return all(isinstance(part, kinds) for part in walk(node))


def _outside(node: Node) -> Iterator[str]:
    """The letters that stand outside of scripts and comparisons."""
    match node:
        case Letter(name=name):
            yield name
        case Kronecker() | Bracket() | Entry():
            return
    for part in children(node):
        if not isinstance(part, Bound):
            yield from _outside(part)


def _indices(here: Scope, nodes: Iterable[Node]) -> frozenset[str]:
    """The letters that stand as indices."""
    found: set[str] = set()
    for node in nodes:
        for part in walk(node):
            places: tuple[Node, ...] = ()
            if isinstance(part, Entry):
                places = (*part.places, *(() if part.sample is None else (part.sample,)))
            elif isinstance(part, Kronecker):
                places = (part.left, part.right)
            elif isinstance(part, Bracket):
                places = part.members
            elif isinstance(part, Total):
                bounds = (b for b in part.bounds if not _over_layers(here, b, part.body))
                found |= {b.name for b in bounds}
            found |= {n.name for p in places for n in walk(p) if isinstance(n, Letter)}
    return frozenset(found)


def _over_layers(here: Scope, bound: Bound, body: Node) -> bool:
    """Whether the letter under a large operator counts layers."""
    counts = bound.name in here.layer_letters and _layers(body)
    return counts and bound.name not in _indices(here, [body])


def _layers(node: Node) -> bool:
    """Whether a layer is named by a letter somewhere."""
    return any(
        part.label is not None and part.label.base
        for part in walk(node)
        if isinstance(part, Entry | Function)
    )


def _calculus(profile: Profile, letter: str) -> str:
    """The letter of the calculus for a written index."""
    back = {written: base for base, written in profile.indices.items()}
    return back.get(letter, letter)


def _weight(node: Node) -> int:
    """The sum of the coefficients of the letters."""
    match node:
        case Letter():
            return 1
        case Plus():
            return sum(map(_weight, node.args))
        case Minus():
            return -_weight(node.arg)
        case Times(args=(Num(value=value), other)):
            return int(value) * _weight(other)
    return 0


def _added(node: Node, by: int) -> Node:
    """The index expression and a number."""
    if isinstance(node, Num):
        return replace(node, value=node.value + by)
    args = node.args if isinstance(node, Plus) else (node,)
    last = args[-1]
    old = last.value if isinstance(last, Num) else Fraction(0)
    if isinstance(last, Minus) and isinstance(last.arg, Num):
        old = -last.arg.value
    rest = args[:-1] if old else args
    total = old + by
    if not total:
        return rest[0] if len(rest) == 1 else Plus(rest)
    number: Node = Num(total) if total > 0 else Minus(Num(-total))
    return Plus((*rest, number))
