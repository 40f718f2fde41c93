r"""Signs for arrays that the network has under other letters: \mu, \sigma^2, \hat x of a norm.

A sign that stands alone on the left of an equation is the array of the network that has these
values, whatever the sheet calls it.  Dense layers have none of these: their arrays have roles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import product

from derive.algebra.symbols import Tensor
from derive.forward import X, forward
from derive.marking.judging import Judge
from derive.network.layers import BatchNorm, LayerNorm
from derive.reading.latex_macros import Macros
from derive.reading.own import Bound, Definition, symbol
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Letter, Node, Num, Power, Root
from derive.sheets.agreements import quickly_holds
from derive.sheets.door import claims_of
from derive.sheets.findings import Key
from derive.sheets.sheet import Formula
from derive.sheets.statements import (
    EQUALS,
    Statement,
    Written,
    names_in,
    only_name,
    statements,
)
from derive.writing.naming import ROLE_OF
from derive.writing.signs import Sign

MOST_OPEN = 2  # signs in an equation
ROUNDS = 3  # an equation may use a sign that one below it defines
COMPUTED = ("quantity", "preactivation", "activation", "delta")
FUNCTIONS = ("sigma", "phi", "varphi", "psi", "rho")  # letters of activations
SMALL = ("epsilon", "varepsilon")


def identified(judge: Judge, scope: Scope, formulas: tuple[Formula, ...], macros: Macros) -> Scope:
    """The scope with the signs of arrays without a role bound to these."""
    if all(scope.has_role(t) for t in scope.shapes if t.role in COMPUTED):
        return scope
    search = _Search(judge, formulas, macros)
    scope = search.with_input(search.with_small_number(scope))
    for _ in range(ROUNDS):
        before, scope = scope, search.once(scope)
        if scope is before:
            break
    return scope


@dataclass(frozen=True)
class _Search:
    """Looks for the arrays that the formulas of one sheet define."""

    judge: Judge
    formulas: tuple[Formula, ...]
    macros: Macros

    @cached_property
    def _written(self) -> tuple[tuple[Formula, Statement], ...]:
        return tuple((f, s) for f in self.formulas for s in statements(f, self.macros))

    @cached_property
    def _names(self) -> tuple[Written, ...]:
        return tuple(n for _, s in self._written for part in s.members for n in names_in(part))

    @cached_property
    def _alone(self) -> frozenset[str]:
        """The letters of quantities that the sheet defines."""
        defined = (only_name(s.members[0]) for _, s in self._written if s.relations)
        return frozenset(str(n.sign) for n in defined if n is not None and not n.below)

    @cached_property
    def _layered(self) -> frozenset[str]:
        """The letters that bear a layer somewhere in the sheet: these say what they are."""
        return frozenset(name.sign.letter for name in self._names if name.number)

    def _key(self, name: Written) -> Key:
        """The sign of a name; in W_r, r is no index where it is a quantity."""
        return (name.sign, name.below) if name.below in self._alone else name.key

    def with_small_number(self, scope: Scope) -> Scope:
        """The scope with epsilon for the small number of the norms, where all have the same."""
        layers = [stage.layer for stage in forward(self.judge.network).stages]
        values = {layer.eps for layer in layers if isinstance(layer, LayerNorm | BatchNorm)}
        for letter in SMALL:
            uses = [name for name in self._names if name.sign == Sign(letter)]
            if len(values) != 1 or not uses or any(n.below or n.above for n in uses):
                continue
            known = {**scope.own.definitions, letter: Definition((), None, Num(*values))}
            own = replace(scope.own, definitions=known)
            scope = _with(replace(scope, own=own), uses[0].key, Bound("user", letter=letter))
        return scope

    def with_input(self, scope: Scope) -> Scope:
        """The scope with X for the input of one sample, where this has rows and columns."""
        if len(scope.shapes.get(X, ())) < 2:
            return scope
        batch = scope.profile.roles["input"].batch
        for name in self._names:
            if name.sign.letter == batch.letter and not name.below and not name.above:
                scope = _with(scope, name.key, Bound("input"))
        return scope

    def once(self, scope: Scope) -> Scope:
        """The scope with what each formula defines under the scope of those before it."""
        for formula, statement in self._written:
            name = only_name(statement.members[0])
            if name is None or name.primes or name.sign.letter in self._layered:
                continue
            if not statement.relations or statement.relations[0] not in EQUALS:
                continue
            known = scope.own.signs.get(name.key)
            if known is None or known.role != "own":
                scope = self._bound(scope, formula, name, names_in(statement.members[1]))
        return scope

    def _bound(self, scope: Scope, formula: Formula, name: Written, used: list[Written]) -> Scope:
        """The scope with the name bound to the array whose values the right side has."""
        letter, square = symbol(*name.key), name.above.strip("{}") == "2"
        trials = []
        unsaid = [name for name in used if name.sign.letter not in self._layered]
        keys = list(dict.fromkeys(map(self._key, unsaid)))
        for supposed in _supposed(scope, keys):
            trial = _with(supposed, name.key, Bound("user", letter=letter))
            for claim in claims_of(formula, trial, self.macros).claims:
                lhs = _root(claim.lhs) if square else claim.lhs
                if isinstance(lhs, Entry) and lhs.letter == letter and claim.rhs is not None:
                    trials.append((supposed, trial, claim, lhs))
        for array in _by_name([t for t in scope.shapes if t.role in COMPUTED], name.key, scope):
            for supposed, trial, claim, lhs in trials:
                entry = _entry(array, lhs, scope)
                if entry is None:
                    continue
                if quickly_holds(self.judge, replace(claim, lhs=entry), trial):
                    if square:
                        return _with_square(supposed, name, letter, entry)
                    bound = Bound(entry.role, array.label, letter=entry.letter)
                    return _with(supposed, name.key, bound)
        return scope


def _supposed(scope: Scope, used: list[Key]) -> Iterator[Scope]:
    """The scope, and those with one or two open signs for arrays of the network."""
    yield scope
    choices = [(key, _choices(key, scope)) for key in used]
    open_ones = [(key, _by_name(tensors, key, scope)) for key, tensors in choices if tensors]
    if 1 <= len(open_ones) <= MOST_OPEN:
        for chosen in product(*(tensors for _, tensors in open_ones)):
            made = scope
            for (key, _), tensor in zip(open_ones, chosen, strict=True):
                entry = _whole(tensor, scope)
                made = _with(made, key, Bound(entry.role, entry.label, letter=entry.letter))
            if len(set(chosen)) == len(chosen):
                yield made


def _choices(key: Key, scope: Scope) -> list[Tensor]:
    """What a sign may stand for of which nothing but habit says what it is."""
    bound = scope.own.signs.get(key)
    roles = {bound.role} if bound else {m.role for m in scope.meanings(key[0])}
    letter = key[0].letter
    if not key[1] and (letter in FUNCTIONS or letter in (scope.samples, *scope.size_names)):
        return []
    if roles <= {"weight", "bias"} or (bound is None and key[1]):
        return [t for t in scope.shapes if t.role == "parameter"]
    if bound is None and roles <= {"preactivation", "activation", "input"}:  # of which layer?
        return [t for t in scope.shapes if t.role in ("input", *COMPUTED[:-1])]
    return []


def _by_name(tensors: list[Tensor], key: Key, scope: Scope) -> list[Tensor]:
    """Those first that are called like the name, those last that another sign stands for."""
    text = (key[0].letter + key[1]).strip("{}").lower()
    signs = scope.own.signs.items()
    taken = {(b.letter, b.label) for other, b in signs if b.role == "own" and other != key}
    return sorted(tensors, key=lambda t: ((t.letter, t.label) in taken, t.letter.lower() != text))


def _root(node: Node | None) -> Node | None:
    """The sign of which the left side is the square."""
    square = isinstance(node, Power) and node.exponent == Num(Fraction(2))
    return node.base if square and isinstance(node, Power) else None


def _with_square(scope: Scope, name: Written, letter: str, entry: Entry) -> Scope:
    """The scope with the sign as the root of an array: sigma, where sigma^2 is a variance."""
    root = Definition((), None, Root(replace(entry, places=(), form="whole")))
    own = replace(scope.own, definitions={**scope.own.definitions, letter: root})
    return _with(replace(scope, own=own), name.key, Bound("user", letter=letter))


def _entry(array: Tensor, lhs: Entry, scope: Scope) -> Entry | None:
    """The entry of the array at the same places; None where it has others."""
    shape, sample, places = scope.shapes[array], lhs.sample, lhs.places
    if array.batched and len(places) == len(shape) + 1 and places[0] == Letter(scope.sample):
        sample, places = places[0], places[1:]
    if places and len(places) != len(shape):
        return None
    form = "entry" if places or not shape else "whole"
    return replace(_whole(array, scope), places=places, sample=sample, form=form)


def _whole(array: Tensor, scope: Scope) -> Entry:
    """The array as a quantity: by its role where the notation has one for it."""
    role = ROLE_OF.get(array.letter, "") if array.role == "parameter" else array.role
    if role in ("weight", "bias") or scope.has_role(array):
        return Entry(role, "", array.label, form="whole")
    return Entry("own", array.letter, array.label, form="whole")


def _with(scope: Scope, key: Key, bound: Bound) -> Scope:
    return replace(scope, own=replace(scope.own, signs={**scope.own.signs, key: bound}))
