"""What a claim speaks of: the letters, labels and functions that a repair may use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from string import ascii_letters

from derive.algebra.symbols import Label, Tensor
from derive.claims.choices import free_letters
from derive.claims.claim import Claim
from derive.reading.scope import Meaning, Scope
from derive.reading.tree import (
    Applied,
    Bound,
    Bracket,
    Derivative,
    Entry,
    Function,
    Grid,
    Kronecker,
    Letter,
    Node,
    Num,
    Over,
    Size,
    Value,
    walk,
)
from derive.slips.sharing import by_shared, numbers_of
from derive.slips.sites import Site, changed
from derive.spec import Network

UNIT_ROLES = ("activation", "preactivation", "delta", "error", "bias", "output", "target", "input")
UNLABELLED = ("input", "target", "output")
LABELLED = ("activation", "preactivation", "delta", "error", "bias", "weight", "mask")
ONE, TWO = Num(Fraction(1)), Num(Fraction(2))
HALF = Over(ONE, TWO)


@dataclass(frozen=True)
class View:
    """A claim under the eyes of a corrector."""

    claim: Claim
    scope: Scope
    network: Network | None = None
    _units: dict[tuple[str, str], tuple[Entry, ...]] = field(default_factory=dict, compare=False)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node of both sides."""
        return tuple(n for side in self.claim.sides for n in walk(side))

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The quantities, each once."""
        return tuple(dict.fromkeys(n for n in self.nodes if isinstance(n, Entry)))

    @cached_property
    def free(self) -> tuple[str, ...]:
        """The letters that the left side leaves free."""
        made = self.claim.lhs
        return () if made is None else free_letters(replace(self.claim, rhs=None))

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """The letters of all indices: those of the left side, then the others."""
        bound = [n.name for n in self.nodes if isinstance(n, Bound)]
        found = dict.fromkeys((*self.free, *free_letters(self.claim), *bound))
        return tuple(found)

    @cached_property
    def fresh(self) -> str:
        """A letter that stands nowhere yet."""
        written = {n.name for n in self.nodes if isinstance(n, Letter | Bound)}
        order: dict[str, None] = dict.fromkeys(
            (
                self.scope.profile.indices.get("k", "k"),
                *self.scope.profile.indices.values(),
                *"kjimpqr",
                *ascii_letters,
            )
        )
        return next(x for x in order if len(x) == 1 and x not in written and x not in "nlN")

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """The layers named, and their neighbours."""
        named = dict.fromkeys(
            label for n in self.nodes if isinstance(label := getattr(n, "label", None), Label)
        )
        near = [label.shifted(by) for label in named for by in (-1, 1)]
        ends = [self.scope.last] if self.scope.last is not None else []
        other = [Label(label.offset, base) for label in named if label.base for base in "lL"]
        return tuple(dict.fromkeys((*named, *near, *other, *ends)))

    def usable(self, site: Site) -> tuple[str, ...]:
        """The letters that have a meaning at the site, the innermost sums first."""
        return tuple(dict.fromkeys((*site.bound, *self.free, *self.letters)))

    @cached_property
    def places(self) -> tuple[Node, ...]:
        """What stands as an index of one unit: letters, then numbers."""
        numbers = {p for e in self.entries for p in e.places if isinstance(p, Num)}
        values = sorted({int(n.value) for n in numbers if isinstance(n, Num)})
        near = dict.fromkeys(v + by for v in values for by in (0, -1, 1) if v + by >= 0)
        return (*map(Letter, self.letters), *(Num(Fraction(v)) for v in near))

    @cached_property
    def function(self) -> Function:
        """How the sheet writes the activation function."""
        found = [n.function for n in self.nodes if isinstance(n, Applied)]
        own = [f for f in found if f.activation]
        return own[0] if own else Function("", True)

    @cached_property
    def chains(self) -> bool:
        """Whether factors are written as derivatives of one quantity by another."""
        return any(isinstance(n, Derivative) and isinstance(n.of, Entry) and n.of.role
                   in UNIT_ROLES for n in self.nodes)  # fmt: skip

    @cached_property
    def steps(self) -> bool:
        """Whether the claim is a step of training: w <- w, w(n + 1) = w(n)."""
        moved = any(e.step for e in self.entries)
        return moved or (self.claim.relation in ("gets", ":=") and self.claim.lhs in self.nodes)

    @cached_property
    def of_shared(self) -> bool:
        """Whether the claim is about the derivative by a parameter used at several places."""
        return self.network is not None and by_shared(self.claim, self.network, self.scope)

    def rank(self, entry: Entry) -> int:
        """The number of places that the entry should have."""
        return self.scope.rank(Meaning(entry.role, entry.form, entry.letter), entry.label)

    def is_array(self, node: Node) -> bool:
        """Whether whole arrays stand in the formula."""
        return any(
            isinstance(n, Grid) or n == Letter("bold 1") or (isinstance(n, Entry) and self.whole(n))
            for n in walk(node)
        )

    def whole(self, entry: Entry) -> bool:
        """Whether the entry is a whole array: a vector, a matrix, a batch."""
        if entry.form != "entry":
            return True
        named = entry.label is not None or entry.sample is not None or entry.role in UNLABELLED
        return not entry.places and named and self.rank(entry) > 0

    def batched(self, entry: Entry) -> bool:
        """Whether there is one such quantity for every sample."""
        return self.scope.batched(Meaning(entry.role, entry.form, entry.letter))

    def samples_written(self, node: Node) -> bool:
        """Whether some quantity says of which sample it is."""
        return any(isinstance(n, Entry) and n.sample is not None for n in walk(node))

    def with_sample(self, node: Node, name: str) -> Node:
        """Every quantity of a sample with the letter of the sample."""
        node = changed(node, lambda part: self.with_sample(part, name))
        if isinstance(node, Entry) and self.batched(node):
            return replace(node, sample=Letter(name))
        return node

    def units(self, role: str, form: str = "entry") -> tuple[Entry, ...]:
        """The quantities of the role at every layer and place; the same objects every time."""
        if (role, form) not in self._units:
            self._units[role, form] = tuple(self._all(role, form))
        return self._units[role, form]

    def _all(self, role: str, form: str) -> Iterator[Entry]:
        if role in ("output", "input") and all(e.role != role for e in self.entries):
            return  # then they are activations here
        labels = self.labels if role in LABELLED else (None,)
        for label in labels:
            if form != "entry":
                yield Entry(role, "", label, form="entry" if self._alike(role, form) else form)
                continue
            rank = self.scope.rank(Meaning(role, form), label)
            for places in self.tuples(rank) if rank > 1 else [(p,) for p in self.places]:
                yield Entry(role, "", label, places)

    def _alike(self, role: str, form: str) -> bool:
        """Whether the whole has the sign of its entries: then it is read as one without index."""
        known = self.scope.profile.roles.get(role)
        return known is not None and form == "whole" and known.whole == known.entry

    def tuples(self, rank: int) -> list[tuple[Node, ...]]:
        """The places of the quantities of the claim with so many indices, windows aside."""
        found = dict.fromkeys(e.places for e in self.entries if e.role not in ("weight", "own"))
        plain = [p for p in found if all(isinstance(x, Letter | Num) for x in p)]
        return [p for p in plain if len(p) == rank]

    def same(self, left: Node, right: Node) -> Node:
        """1 where two indices are equal, as the notation writes it."""
        written = any(isinstance(n, Kronecker) for n in self.nodes)
        if written or self.scope.profile.writing["kronecker"] == "delta":
            return Kronecker(left, right)
        return Bracket((left, right), ("=",))

    @cached_property
    def numbers(self) -> tuple[Fraction, ...]:
        """The numbers that the network itself brings: a small one below a root, a decay."""
        return () if self.network is None else numbers_of(self.network)

    def named(self, tensor: Tensor, like: Entry) -> Entry:
        """An array of the network at the places of another quantity."""
        role = tensor.role if self.scope.has_role(tensor) else "own"
        label = None if role in UNLABELLED else tensor.label
        form = "whole" if like.form == "batch" and not tensor.batched else like.form
        made = Entry(role, "" if role != "own" else tensor.letter, label, like.places, form=form)
        return replace(made, sample=like.sample if tensor.batched else None)

    def own(self, form: str = "entry") -> Iterator[Entry]:
        """The quantities that only this network has, with one index that means something."""
        for tensor, shape in self.scope.shapes.items():
            if self.scope.has_role(tensor):
                continue
            if form != "entry" and shape:
                yield self.named(tensor, Entry("own", "", None, form=form))
            elif len(shape) < 2:
                places = [(p,) for p in self.places] if shape else [()]
                yield from (self.named(tensor, Entry("own", "", None, p)) for p in places)


def is_number(node: Node) -> bool:
    """Whether a node is a number, a size, or named number, whatever the network."""
    if isinstance(node, Over) and isinstance(node.below, Letter):
        return is_number(node.above)  # 1 / t
    return all(isinstance(n, Num | Size | Value | Over) for n in walk(node))
