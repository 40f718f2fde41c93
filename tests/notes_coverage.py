"""Which step of a derivation states what a lecture note says: claims compared after reading.

A claim is stated where its left side is a member of a chain, up to the names of free indices and
the number of a layer that stands for every layer, and its right side another member of that chain,
equal by exact arithmetic in the same quantities (delta is dL/ds, and nothing else is unfolded).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from derive.algebra.canon import equal, normal, to_term
from derive.algebra.index import at, expand_functions, relabel, replace_term, written_out
from derive.algebra.polynomial import TooBig
from derive.algebra.symbols import Function as Named
from derive.algebra.terms import (
    ONE,
    Affine,
    Apply,
    Call,
    Extent,
    Index,
    Label,
    Partial,
    Ref,
    Sum,
    Tensor,
    Term,
    children,
    free_indices,
    rebuild,
    refs,
    walk,
)
from derive.claims.claim import Claim
from derive.claims.indices import NoTerm
from derive.claims.terms import Terms
from derive.derivation import Derivation
from derive.errors import NotYet
from derive.forward import LOSS
from derive.identities import O, S
from derive.profiles import profile
from derive.reading.network import scope_of, terms_of
from derive.reading.reader import read
from derive.reading.scope import Scope
from derive.reading.tree import Grid, Node, rebuilt
from derive.stages import entry
from derive.steps import Step
from derive.strategies.ways import UPDATE, Told, tell
from derive.writing.profile import Profile
from tests.notations import plain
from tests.notes_structures import structural
from tests.notes_words import Legend, at_last, labelled, without_words

SHIFTS = (1, -1, 2, -2)
_EXTENT = re.compile(r"(.*\^\()l([+-]\d+)?(\))")
_NO_TERM = (
    NoTerm, NotYet, KeyError, IndexError, ValueError, AssertionError, StopIteration,
    ZeroDivisionError,
)  # fmt: skip


_TOLD: dict[tuple[int, str], Told] = {}


def told(derivation: Derivation, name: str) -> Told:
    """A strategy at work, once for all sheets on the same derivation."""
    key = (id(derivation), name)
    if key not in _TOLD:
        _TOLD[key] = tell(derivation, name)
    return _TOLD[key]


@dataclass(frozen=True)
class Statement:
    """One member of a chain equal to another; in an update it is the new value."""

    key: str
    lhs: Term
    rhs: Term
    update: bool = False


@dataclass(frozen=True)
class Sheet:
    """A derivation under the notation of a file, with the strategies of that notation."""

    name: str
    derivation: Derivation
    notation: str
    widths: Mapping[str, int] = field(default_factory=dict)  # sizes in place of letters
    order: str = ""  # of the indices of a weight, where a sheet leaves its own notation
    legend: Legend = field(default_factory=Legend)

    @cached_property
    def profile(self) -> Profile:
        made = profile(self.notation)
        if not self.order:
            return made
        return replace(made, writing={**made.writing, "order": self.order})

    @cached_property
    def scope(self) -> Scope:
        return replace(scope_of(self.derivation, self.profile), shapes=self.shapes)

    @cached_property
    def shapes(self) -> dict[Tensor, tuple[Extent, ...]]:
        shapes = self.derivation.shapes.items()
        return {t: tuple(self.widths.get(str(e), e) for e in shape) for t, shape in shapes}

    @cached_property
    def terms(self) -> Terms:
        return terms_of(self.derivation, self.scope)

    @property
    def last(self) -> Label:
        made = self.derivation.forward_pass.output.tensor.label
        assert made is not None
        return made

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """The layers that an l may stand for."""
        last = self.last
        own = {stage.label for stage in self.derivation.forward_pass.stages}
        made = {*own, last, Label(0, "l"), Label(-1, "l")}
        return tuple(sorted(made, key=str, reverse=True))

    # ------------------------------------------------------------ what is stated

    @cached_property
    def update(self) -> Told:
        return told(self.derivation, UPDATE)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        chains = [*self.derivation.chains, *self.update.chains]
        for name in dict.fromkeys((*self.profile.strategies, "delta")):
            chains += told(self.derivation, name).chains
        equations = (*self.derivation.forward, self.derivation.loss, *self.derivation.gradients)
        found = [
            Statement(f"equation {e.lhs}", self._sized(e.lhs), self._sized(e.rhs))
            for e in equations
        ]
        for chain in chains:
            members = [self._sized(t) for t in (chain.lhs, *(s.rhs for s in chain.steps))]
            if any(S in refs(t) for t in members):
                members = list(map(_nameless, members))
            update = chain.kind == UPDATE
            for a in members[:1] if update else members:
                found += [Statement(chain.key, a, b, update) for b in members if b is not a]
            found += [s for step in chain.steps for s in _sides(chain.key, step)]
        return tuple(dict.fromkeys(found))

    def _sized(self, term: Term) -> Term:
        if self.widths:
            term = relabel(term, lambda t: t, lambda e: self.widths.get(str(e), e))
        return self._by_derivative(plain(term))

    def _by_derivative(self, term: Term) -> Term:
        """delta as the derivative that it is."""
        term = rebuild(term, self._by_derivative)
        if isinstance(term, Partial) and not isinstance(term.of, Ref):
            return Partial(to_term(normal(expand_functions(term.of))), term.by)
        if isinstance(term, Ref) and term.tensor.role == "delta":
            found = [t for t in self._sums if t.label == term.tensor.label]
            known = found[0] if found else Tensor("s", "preactivation", term.tensor.label)
            return Partial(entry(LOSS), Ref(known, term.at))
        return term

    @cached_property
    def _sums(self) -> tuple[Tensor, ...]:
        return tuple(t for t in self.derivation.shapes if t.role == "preactivation")

    @cached_property
    def by_head(self) -> dict[str, list[tuple[Statement, Elsewhere | None]]]:
        """What is stated of a quantity, at every layer for which it is stated."""
        found: dict[str, list[tuple[Statement, Elsewhere | None]]] = {}
        for statement in self.statements:
            moves: tuple[Elsewhere | None, ...] = (None,)
            if _generic(statement.lhs):
                moves = (None, *self.places)
            for move in moves:
                found.setdefault(head(statement.lhs, move), []).append((statement, move))
        return found

    @cached_property
    def places(self) -> tuple[Elsewhere, ...]:
        """Layer l one or two layers on, at every number of the network, and at the last one."""
        numbers = [s.label for s in self.derivation.forward_pass.stages if not s.label.base]
        at_numbers = [Elsewhere(label.offset, "", self._sizes) for label in dict.fromkeys(numbers)]
        at_end = Elsewhere(0, "L", self._sizes)
        return (*(Elsewhere(k, "l", {}) for k in SHIFTS), *at_numbers, at_end)

    @cached_property
    def _sizes(self) -> dict[Label, Extent]:
        """The number of units of every layer."""
        shapes = self.shapes
        found = {t.label: s[0] for t, s in shapes.items() if t.role == "preactivation" and s}
        first = next(s for t, s in shapes.items() if t.role == "input")
        return {Label(0): first[0], **{k: v for k, v in found.items() if k is not None}}

    # ------------------------------------------------------------ one claim

    def read(self, latex: str) -> tuple[Claim, ...]:
        return read(latex, Scope(self.profile)).claims

    def states(self, claim: Claim) -> str | None:
        """The key of a step that states the claim, or None."""
        claim, update = without_words(claim)
        found = structural(self, claim)
        if found is not None or claim.lhs is None:
            return found
        tried: set[tuple[Term, Term | None]] = set()
        for read_as in labelled(claim.lhs, claim.rhs, self.labels):
            lhs, rhs = (n and at_last(self.legend(n), self.last) for n in read_as)
            assert lhs is not None
            for a, b in _entrywise(lhs, rhs):
                found = self._pair(a, b, update, tried)
                if found is None:
                    break
            else:
                return found
        return None

    def _pair(
        self, lhs: Node, rhs: Node | None, update: bool, tried: set[tuple[Term, Term | None]]
    ) -> str | None:
        present = [node for node in (lhs, rhs) if node is not None]
        terms = self.terms.over(*present)
        try:
            left, *rest = (self._by_derivative(_term(terms, node)) for node in present)
        except _NO_TERM:
            return None
        right = rest[0] if rest else None
        if (left, right) in tried:
            return None
        tried.add((left, right))
        return self.find(*_of_one_variable(left, right), update)

    def find(self, left: Term, right: Term | None, update: bool = False) -> str | None:
        """The key of a statement with these sides; without a right side, of what fills it."""
        if left is right and isinstance(left, Ref | Partial):
            return "notation"  # two ways to write the same quantity
        if isinstance(left, Partial) and left.of is left.by and right is ONE:
            return "notation"  # a layer without activation hands on its weighted sum
        for statement, move in self.by_head.get(head(left), ()):
            if statement.update != update:
                continue
            lhs, rhs, arrays = self._placed(statement, move)
            if right is not None and arrays != _arrays(right):
                continue
            binding: dict[Index, Affine] = {}
            composed = not isinstance(lhs, Ref | Partial | Apply)
            if composed and (_arrays(lhs) != _arrays(left) or not _same(lhs, left)):
                continue
            if not composed and not _bind(lhs, left, binding):
                continue
            if right is None:
                if not any(isinstance(n, Partial) for n in walk(rhs)):
                    return statement.key
            elif _same(at(rhs, binding), right):
                return statement.key
        return None

    def _placed(
        self, statement: Statement, move: Elsewhere | None
    ) -> tuple[Term, Term, frozenset[Tensor]]:
        """The sides of a statement at another layer, and the arrays of the right one."""
        known = self._moved.get((statement, move))
        if known is None:
            lhs, rhs = statement.lhs, statement.rhs
            if move is not None:
                lhs, rhs = plain(move(lhs)), plain(move(rhs))
            known = self._moved[statement, move] = (lhs, rhs, _arrays(rhs))
        return known

    @cached_property
    def _moved(
        self,
    ) -> dict[tuple[Statement, Elsewhere | None], tuple[Term, Term, frozenset[Tensor]]]:
        return {}


def _term(terms: Terms, node: Node) -> Term:
    """The term of a number, or of the entry of an array."""
    shape = terms.shape(node)
    if shape is None:
        return plain(terms.term(node))
    row, col = (
        Affine() if size in (1, None) else Affine.of(Index(name, size or 1, size == "N"))
        for name, size in zip(("r_", "c_"), shape, strict=True)
    )
    return plain(terms.entry(node, row, col))


def _entrywise(lhs: Node, rhs: Node | None) -> list[tuple[Node, Node | None]]:
    """A matrix by its entries, and a number times a matrix, entry by entry."""
    if not isinstance(lhs, Grid) or rhs is None:
        return [(lhs, rhs)]
    return [
        (node, _at_entry(rhs, r, c)) for r, row in enumerate(lhs.rows) for c, node in enumerate(row)
    ]


def _at_entry(node: Node, r: int, c: int) -> Node:
    if isinstance(node, Grid):
        return node.rows[r][c]
    return rebuilt(node, lambda child: _at_entry(child, r, c))


# ------------------------------------------------------------------ terms


def head(term: Term, move: Elsewhere | None = None) -> str:
    """What a left side must share with another one to be the same."""
    if isinstance(term, Partial):
        return f"d {head(term.of, move)} {head(term.by, move)}"
    if isinstance(term, Apply):
        return "Apply"
    if isinstance(term, Ref):
        return str(term.tensor if move is None else move.tensor(term.tensor))
    return ""


def _sides(key: str, step: Step) -> Iterator[Statement]:
    """The side identities of a step, as in 1 - o = 1/(1 + e^s): in s alone."""
    for in_output, side in step.since:
        if in_output is not side:
            yield Statement(key, side, in_output)
            yield Statement(key, side, side)


def _of_one_variable(left: Term, right: Term | None) -> tuple[Term, Term | None]:
    """phi(x) for a letter x of the sheet's own: as a function of s, of no special layer."""
    found = {r for t in (left, right) if t is not None for r in refs(t)}
    if not found or found - {O, S} or S in found or right is None:
        return left, right
    return replace_term(left, O, S), replace_term(right, O, S)


def _nameless(term: Term) -> Term:
    """phi(s) of no special layer."""
    term = rebuild(term, _nameless)
    if isinstance(term, Apply) and term.arg is S:
        return Apply(Named(term.function.name), S, term.order)
    return term


def _generic(term: Term) -> bool:
    return any(
        isinstance(n, Ref) and n.tensor.label is not None and n.tensor.label.base == "l"
        for n in walk(term)
    )


def _arrays(term: Term) -> frozenset[Tensor]:
    """The arrays of layers in a term: equal terms have the same."""
    return frozenset(n.tensor for n in walk(term) if isinstance(n, Ref) and n not in (O, S))


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Takes terms of layer l to layer l + by, or to the layer of a number."""

    by: int
    base: str
    sizes: Mapping[Label, Extent]

    def label(self, old: Label | None) -> Label | None:
        if old is None or old.base != "l":
            return old
        return Label(old.offset + self.by, self.base)

    def extent(self, old: Extent) -> Extent:
        found = _EXTENT.fullmatch(old) if isinstance(old, str) else None
        if found is None:
            return old
        label = Label(int(found[2] or 0) + self.by, self.base)
        return self.sizes.get(label, f"{found[1]}{label}{found[3]}")

    def tensor(self, old: Tensor) -> Tensor:
        label = self.label(old.label)
        if old.role == "activation" and label == Label(0):
            return Tensor("x", "input")
        return replace(old, label=label)

    def __call__(self, term: Term) -> Term:
        return relabel(term, self.tensor, self.extent, self._function)

    def _function(self, old: Named) -> Named:
        return Named(old.name, self.label(old.label))


def _bind(pattern: Term, term: Term, binding: dict[Index, Affine]) -> bool:
    """Whether the term is the pattern at other free indices; these are then bound."""
    if isinstance(pattern, Ref) and isinstance(term, Ref):
        if pattern.tensor != term.tensor or len(pattern.at) != len(term.at):
            return False
        for place, other in zip(pattern.at, term.at, strict=True):
            if place.index is None:
                if place != other:
                    return False
            elif binding.setdefault(place.index, other) != other:
                return False
        return True
    if type(pattern) is not type(term):
        return False
    if isinstance(pattern, Apply | Call) and _function_of(pattern) != _function_of(term):
        return False
    if isinstance(pattern, Sum) or not children(pattern):
        return pattern is term
    parts = children(pattern), children(term)
    return len(parts[0]) == len(parts[1]) and all(
        _bind(a, b, binding) for a, b in zip(*parts, strict=True)
    )


def _function_of(term: Term) -> tuple[object, ...]:
    return (getattr(term, "function", None), getattr(term, "order", None))


def _same(a: Term, b: Term) -> bool:
    """Whether two terms are equal by exact arithmetic; sums over numbers may be written out."""
    a, b = expand_functions(a), expand_functions(b)
    if a is b:
        return True
    try:
        if equal(a, b):
            return True
        free = free_indices(a) | free_indices(b)
        if not all(i.sample for i in free):
            return False
        values = {i: 97 for i in free}  # a sample that no place of a unit can be
        return equal(written_out(a, {"N": 1}, values), written_out(b, {"N": 1}, values))
    except (TooBig, NotYet, ZeroDivisionError, KeyError):
        return False
