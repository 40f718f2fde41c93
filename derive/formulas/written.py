"""Reads index equations: those of a user's own layer, and losses such as "-Sum(y[k]*log(o[k]), k)".

    s[j] = Sum(v[r,j]*h[r], r) + b[j]

What an entry name[place, ...] means is said by the caller's `resolve`, which may put the index of
samples in front.  Everything else is checked here: ranks, ranges, free and summed indices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import chain, count

from derive.algebra.contraction import in_range, reach
from derive.algebra.index import at, fresh
from derive.algebra.terms import (
    Affine,
    Extent,
    Extremum,
    Index,
    Ref,
    Size,
    Tensor,
    Term,
    children,
    exp,
    free_indices,
    total,
)
from derive.errors import SpecError, listed, shown, suggestion
from derive.formulas.formula import FUNCTIONS, Reader
from derive.formulas.grammar import (
    Binary,
    Entry,
    Invocation,
    Name,
    Negation,
    Number,
    Tree,
    read_sides,
    read_tree,
)
from derive.formulas.tokens import fault

INDEX_FUNCTIONS = ("Sum", "Max", "Min", "softmax", "size")
LATER = "it is defined only by this equation or below it; a name is defined before its use"
RESERVED = frozenset((*FUNCTIONS, *INDEX_FUNCTIONS, "pi", "True", "False"))
Resolve = Callable[[str, tuple[Affine, ...]], Term]
Inner = Callable[[Term, tuple[Index, ...]], Term]  # a part of a right side and its indices


@dataclass(frozen=True)
class Written:
    """name[at] = rhs, as a user wrote it; rank 0 has no places."""

    name: str
    at: tuple[Index, ...]
    rhs: Term

    @property
    def shape(self) -> tuple[Extent, ...]:
        """The extents of the array that the equation defines."""
        return tuple(index.size for index in self.at)


def named_entry(name: str, at: tuple[Affine, ...]) -> Ref:
    """The plain meaning of an entry: a quantity of that name, without samples."""
    return Ref(Tensor(name, "quantity", None, batched=False), at)


@dataclass(frozen=True)
class Scope:
    """What the names of an equation stand for."""

    indices: Mapping[str, Index]
    arrays: Mapping[str, tuple[Extent, ...]]
    resolve: Resolve = named_entry
    padded: frozenset[str] = frozenset()
    remedy: str = "; list the name in `padded` to read 0 there"
    later: frozenset[str] = frozenset()  # names that this equation or one below it defines

    def defining(self, equation: Written) -> Scope:
        """The scope of the equations below this one."""
        return replace(self, arrays={**self.arrays, equation.name: equation.shape})


def read_equations(texts: tuple[str, ...], scope: Scope) -> tuple[Written, ...]:
    """Every equation in the scope of those above it; all mistakes at once."""
    made: list[Written] = []
    problems: list[str] = []
    for place, text in enumerate(texts):
        scope = replace(scope, later=frozenset(map(_defined_name, texts[place:])))
        try:
            equation = read_equation(text, scope)
        except SpecError as error:
            problems += error.under(f"[{place}]").problems
            scope = _guessed(text, scope)
            continue
        scope = scope.defining(equation)
        made.append(equation)
    if problems:
        raise SpecError(*problems)
    return tuple(made)


def read_equation(
    text: object, scope: Scope, naming: Inner | None = None, *, known: bool = False
) -> Written:
    """One equation that defines a new name; one that is `known` to have values is not tried out.

    `naming` names what should have a name of its own inside of it.
    """
    left, right = read_sides(text)
    name, at = _left_side(left, scope)
    reader = IndexReader(scope, at, naming, right)
    return Written(name, at, reader.term(right) if known else reader.whole(right))


def read_index_formula(
    text: object,
    shape: tuple[Extent, ...],
    resolve: Resolve,
    taken: frozenset[Index] = frozenset(),
) -> Term:
    """The loss that an index formula in o and y writes; both have the shape of the output.

    An index gets another name where one in `taken` has its own.
    """
    tree = read_tree(text)
    arrays = {"o": shape, "y": shape}
    indices: dict[str, Index] = {}
    for entry in _entries(tree):
        if entry.name in arrays and len(entry.places) == len(shape):
            for place, extent in zip(entry.places, shape, strict=True):
                if isinstance(place, Name):
                    indices.setdefault(place.name, Index(place.name, extent))
    if clash := sorted(set(indices) & (RESERVED | set(arrays))):
        raise SpecError(f"{clash[0]} cannot be the name of an index")
    indices = apart(indices, taken)
    return IndexReader(Scope(indices, arrays, resolve, remedy=""), ()).whole(tree)


def apart(indices: Mapping[str, Index], taken: frozenset[Index]) -> dict[str, Index]:
    """The indices by name, each with a name that nothing in `taken` has."""
    found: dict[str, Index] = {}
    for name, index in indices.items():
        others = {other for other in indices.values() if other != index}
        found[name] = fresh(name, index.size, {*taken, *others, *found.values()})
    return found


class IndexReader(Reader):
    """Reads the right side of an equation whose left side has the indices `free`."""

    def __init__(
        self,
        scope: Scope,
        free: tuple[Index, ...],
        naming: Inner | None = None,
        right: Tree | None = None,
    ) -> None:
        """Only the free indices are visible outside sums; `right` is the whole right side."""
        super().__init__({})
        self.scope, self.naming, self.right = scope, naming, right
        self.advice = {**self.advice, **dict.fromkeys(scope.later, LATER)}
        self.visible = {name: index for name, index in scope.indices.items() if index in free}

    def name(self, tree: Name) -> Term:
        """The term of a rank-0 name."""
        if tree.name in self.scope.indices:
            raise fault(
                tree, f"{tree.name} is an index, not a number; size({tree.name}) is its range"
            )
        if tree.name in self.scope.arrays:
            return self._resolved(tree, tree.name, ())
        if tree.name not in RESERVED:
            raise self.unknown(tree, "name", [*self.scope.arrays], RESERVED)
        return super().name(tree)

    def entry(self, tree: Entry) -> Term:
        """The term of name[place, ...]."""
        if tree.name not in self.scope.arrays:
            raise self.unknown(Name(tree.column, tree.name), "name", [*self.scope.arrays], [])
        return self._resolved(tree, tree.name, tuple(map(self.affine, tree.places)))

    def _resolved(self, tree: Tree, name: str, at: tuple[Affine, ...]) -> Term:
        extents = self.scope.arrays[name]
        if len(at) != len(extents):
            wanted = f"{name}[{', '.join('.' * len(extents))}]" if extents else name
            raise fault(
                tree, f"{name} has {_counted(len(extents))}, found {len(at)}; write {wanted}"
            )
        for place, extent in zip(at, extents, strict=True):
            if name not in self.scope.padded and (problem := _outside(place, extent)):
                raise fault(tree, f"{name}[{place}] {problem}{self.scope.remedy}")
        return self.scope.resolve(name, at)

    def affine(self, tree: Tree) -> Affine:
        """The place that an index expression such as 2*p + u - 1 writes."""
        match tree:
            case Number() if tree.value.denominator == 1 and tree.value <= 10**6:
                return Affine(int(tree.value))
            case Name():
                return Affine.of(self.index(tree))
            case Negation():
                return self.affine(tree.operand) * -1
            case Binary(op="+"):
                return self.affine(tree.left) + self.affine(tree.right)
            case Binary(op="-"):
                return self.affine(tree.left) - self.affine(tree.right)
            case Binary(op="*"):
                left, right = self.affine(tree.left), self.affine(tree.right)
                if not left.terms or not right.terms:
                    constant, other = (right, left) if left.terms else (left, right)
                    if abs(constant.offset) <= 10**6:
                        return other * constant.offset
        raise fault(tree, "a place is a sum of indices with whole factors, such as 2*p + u")

    def index(self, tree: Tree) -> Index:
        """The visible index that a name stands for."""
        if isinstance(tree, Name) and tree.name in self.visible:
            return self.visible[tree.name]
        if isinstance(tree, Name) and tree.name in self.scope.indices:
            raise fault(tree, f"the index {tree.name} is neither on the left side nor summed over")
        raise self._unknown_index(tree)

    def _unknown_index(self, tree: Tree) -> SpecError:
        known = [*self.scope.indices]
        if not isinstance(tree, Name):
            return fault(tree, "expected the name of an index")
        near = suggestion(tree.name, known) or (f"; known: {listed(known)}" if known else "")
        return fault(tree, f"unknown index {shown(tree.name)}{near}")

    def invocation(self, tree: Invocation) -> Term:
        """Functions over an index, and those of the formula language."""
        over_index = any(
            isinstance(a, Name) and a.name in self.scope.indices for a in tree.args[1:]
        )
        match tree.name:
            case "Sum":
                with self.binding(tree) as indices:
                    return total(self.term(tree.args[0]), *indices)
            case "Max" | "Min" | "max" | "min" if over_index:
                with self.binding(tree) as indices:
                    return Extremum(tree.name.lower(), self.term(tree.args[0]), indices)
            case "softmax":
                return self.softmax(tree)
            case "size":
                if len(tree.args) != 1 or not isinstance(tree.args[0], Name):
                    raise fault(tree, "size takes the name of one index")
                if tree.args[0].name not in self.scope.indices:
                    raise self._unknown_index(tree.args[0])
                return Size(self.scope.indices[tree.args[0].name].size)
        return super().invocation(tree)

    @contextmanager
    def binding(self, tree: Invocation) -> Iterator[tuple[Index, ...]]:
        """The indices after the first argument, visible within the block."""
        if len(tree.args) < 2:
            raise fault(tree, f"{tree.name} takes an expression and the indices that it runs over")
        outside, made = dict(self.visible), []
        for arg in tree.args[1:]:
            if not isinstance(arg, Name) or arg.name not in self.scope.indices:
                raise self._unknown_index(arg)
            if arg.name in self.visible:
                raise fault(
                    arg, f"the index {arg.name} already has a meaning here; take another one"
                )
            self.visible[arg.name] = self.scope.indices[arg.name]
            made.append(self.visible[arg.name])
        yield tuple(made)
        self.visible = outside

    def softmax(self, tree: Invocation) -> Term:
        """softmax(e, i) = exp(e) / Sum(exp(e with k for i), k)."""
        if len(tree.args) != 2:
            raise fault(tree, "softmax takes an expression and the index that it runs over")
        index, argument = self.index(tree.args[1]), self.term(tree.args[0])
        self.counted(tree, _length(argument))
        inner = replace(index, name=self._fresh())
        whole = total(exp(at(argument, {index: Affine.of(inner)})), inner)
        ratio = exp(argument) / whole
        if self.naming is None or tree is self.right:
            return ratio
        free = free_indices(ratio)
        return self.naming(ratio, tuple(i for i in self.visible.values() if i in free))

    def _fresh(self) -> str:
        indices = (*self.scope.indices.values(), *self.visible.values())
        taken = {*self.scope.indices, *(index.name for index in indices)}
        letters = chain("kmpqrtuvabcdefghijl", (f"k{n}" for n in count()))
        return next(letter for letter in letters if letter not in taken)


def _left_side(tree: Tree, scope: Scope) -> tuple[str, tuple[Index, ...]]:
    """The new name and its indices."""
    if not isinstance(tree, Name | Entry):
        raise fault(tree, "the left side is a new name with its indices, such as s[j]")
    check_new_name(tree.name, scope)
    places = tree.places if isinstance(tree, Entry) else ()
    indices: list[Index] = []
    for place in places:
        if not isinstance(place, Name) or place.name not in scope.indices:
            raise fault(place, f"on the left stand plain indices: {listed(scope.indices)}")
        if scope.indices[place.name] in indices:
            raise fault(place, f"the index {place.name} stands twice on the left side")
        indices.append(scope.indices[place.name])
    return tree.name, tuple(indices)


def check_new_name(name: str, scope: Scope) -> None:
    """Refuse a name that has a meaning already."""
    if name in scope.arrays or name in scope.indices:
        raise SpecError(f"{name} is defined already; every name is defined once")
    if name in RESERVED:
        raise SpecError(f"{name} is a word of the formula language; take another name")
    if not name[-1].isalpha():
        raise SpecError(f"{name} does not end in a letter; the number of the layer is added to it")


def _defined_name(text: str) -> str:
    """What stands in front of the places on the left side."""
    return text.partition("=")[0].partition("[")[0].strip()


def _guessed(text: str, scope: Scope) -> Scope:
    """The scope in which a faulty equation still defines its name, so that it is reported once."""
    try:
        name, at = _left_side(read_tree(text.partition("=")[0]), scope)
    except SpecError:
        return scope
    return scope.defining(Written(name, at, Size(1)))


def _outside(place: Affine, extent: Extent) -> str | None:
    """What is wrong with reading an axis of that extent at the place, or None."""
    if in_range(place, extent):
        return None
    ends = reach(place)
    if ends is None or isinstance(extent, str):
        return f"cannot be seen to stay within 0..{extent}-1"
    low, high = ends
    found = f"reaches from {low} to {high}" if low < high else f"is entry {low}"
    return f"{found}, outside 0..{extent - 1}"


@lru_cache(maxsize=10_000)
def _length(term: Term) -> int:
    """The number of parts of a term that is written out."""
    return 1 + sum(map(_length, children(term)))


def _counted(rank: int) -> str:
    return "no index" if rank == 0 else "1 index" if rank == 1 else f"{rank} indices"


def _entries(tree: Tree) -> Iterator[Entry]:
    """Every name[...] in the tree, from left to right."""
    if isinstance(tree, Entry):
        yield tree
    for field in fields(tree):
        part = getattr(tree, field.name)
        for inner in part if isinstance(part, tuple) else (part,):
            if isinstance(inner, Tree):
                yield from _entries(inner)
