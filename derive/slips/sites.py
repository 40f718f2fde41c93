"""Places in a claim, and what stands around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from derive.claims.claim import Claim
from derive.reading.tree import (
    Bound,
    Derivative,
    Entry,
    Function,
    Kronecker,
    Letter,
    Node,
    Total,
    walk,
)

Step = tuple[str, tuple[int, ...]]
Path = tuple[Step, ...]


@dataclass(frozen=True)
class Site:
    """A node of a claim with the way to it; `parents` from the side down to the nearest."""

    side: str  # lhs or rhs
    path: Path
    node: Node
    parents: tuple[Node, ...]

    @property
    def parent(self) -> Node | None:
        """The node around it."""
        return self.parents[-1] if self.parents else None

    @property
    def bound(self) -> frozenset[str]:
        """The letters that sums around it bind."""
        return frozenset(b.name for p in self.parents if isinstance(p, Total) for b in p.bounds)

    def inside(self, *kinds: type[Node]) -> bool:
        """Whether a node of one of the kinds stands around it."""
        return any(isinstance(p, kinds) for p in self.parents)

    def takes(self, node: Node) -> bool:
        """Whether a node of this sort can stand here."""
        if isinstance(self.node, Bound):
            return isinstance(node, Bound)
        if isinstance(self.parent, Derivative):
            return isinstance(node, Entry) or self.parent.of is self.node
        return True


def sites(claim: Claim) -> tuple[Site, ...]:
    """All places of a claim, those of the right side first."""
    made: list[Site] = []
    for side in ("rhs", "lhs"):
        node = getattr(claim, side)
        if node is not None:
            made += _below(Site(side, (), node, ()))
    return tuple(made)


def _below(site: Site) -> Iterator[Site]:
    """The site and those in it; indices and the names of functions are parts of their owner."""
    if isinstance(site.node, Function):
        return
    yield site
    if isinstance(site.node, Entry | Kronecker | Bound):
        return
    for step, child in parts(site.node):
        yield from _below(Site(site.side, (*site.path, step), child, (*site.parents, site.node)))


def parts(node: Node) -> Iterator[tuple[Step, Node]]:
    """The direct parts, each with the step that leads to it."""
    for f in fields(node):
        if f.name != "span":
            for where, child in _found(getattr(node, f.name), ()):
                yield (f.name, where), child


def _found(value: Any, where: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Node]]:
    if isinstance(value, Node):
        yield where, value
    elif isinstance(value, tuple):
        for k, part in enumerate(value):
            yield from _found(part, (*where, k))


def exchanged(node: Node, path: Path, new: Node) -> Node:
    """The tree with another node at the end of the path; all else is the very same."""
    if not path:
        return new
    (name, where), rest = path[0], path[1:]
    return replace(node, **{name: _put(getattr(node, name), where, rest, new)})


def _put(value: Any, where: tuple[int, ...], rest: Path, new: Node) -> Any:
    if not where:
        return exchanged(value, rest, new)
    k = where[0]
    return (*value[:k], _put(value[k], where[1:], rest, new), *value[k + 1 :])


def exchanged_object(node: Node, old: Node, new: Node) -> Node | None:
    """The tree with another node in the place of this very one; None where it is not in it."""
    if node is old:
        return new
    for step, child in parts(node):
        made = exchanged_object(child, old, new)
        if made is not None:
            return exchanged(node, (step,), made)
    return None


def changed(node: Node, visit: Callable[[Node], Node]) -> Node:
    """The node over visited parts; the very same where no part changes."""
    made = node
    for step, child in parts(node):
        new = visit(child)
        if new is not child:
            made = exchanged(made, (step,), new)
    return made


def letters_in(node: Node) -> tuple[str, ...]:
    """The letters of indices of a formula, in the order of first use."""
    found: dict[str, None] = {}
    for part in walk(node):
        if not isinstance(part, Entry):
            continue
        for place in (*part.places, *([] if part.sample is None else [part.sample])):
            found.update((n.name, None) for n in walk(place) if isinstance(n, Letter))
    return tuple(found)
