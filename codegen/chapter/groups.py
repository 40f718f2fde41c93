"""The layers of a chapter: each number once, a run of layers that are alike once as layer l."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from derive.algebra.equation import Equation
from derive.algebra.index import at, relabel
from derive.algebra.terms import (
    Affine,
    Function,
    Index,
    Label,
    Partial,
    Ref,
    Sum,
    Tensor,
    Term,
    free_indices,
    rebuild,
    refs,
    walk,
)
from derive.backward import computable
from derive.derivation import Derivation
from derive.stages import SAMPLE
from derive.steps import Chain

RUN = 3  # so many layers alike are worth a letter
GENERIC = "l"


@dataclass(frozen=True)
class Gradient:
    """The gradient of one parameter: for one sample, and of the objective."""

    chain: Chain
    equation: Equation

    @property
    def parameter(self) -> Ref:
        """The entry of the parameter."""
        assert isinstance(self.chain.lhs, Partial)
        return self.chain.lhs.by

    @property
    def of_sample(self) -> Equation:
        """The gradient of the loss of one sample as an equation between arrays."""
        by = self.parameter
        gradient = replace(by.tensor, role="gradient", batched=True)
        lhs = Ref(gradient, (Affine.of(SAMPLE), *by.at))
        return Equation(lhs, computable(self.chain.result))


@dataclass(frozen=True)
class Group:
    """One layer number with its equations, or a run of numbers under the letter l."""

    label: Label
    numbers: tuple[Label, ...]  # the numbers that it stands for; of an open run the ends
    forward: tuple[Equation, ...] = ()
    errors: tuple[Chain, ...] = ()
    gradients: tuple[Gradient, ...] = ()

    @property
    def run(self) -> bool:
        """Whether it stands for several layers."""
        return len(self.numbers) > 1

    def each(self, tensor: Tensor) -> tuple[Tensor, ...]:
        """The tensors that a tensor of this group stands for; an open run keeps its letter."""
        if not self.run or self.open or tensor.label != self.label:
            return (tensor,)
        return tuple(replace(tensor, label=number) for number in self.numbers)

    @property
    def open(self) -> bool:
        """Whether the run ends at a letter."""
        return any(number.base for number in self.numbers) and self.run

    @property
    def activation(self) -> Equation | None:
        """o = phi(s), where the layer has one."""
        last = self.forward[-1] if self.forward else None
        return last if last is not None and last.lhs.tensor.role == "activation" else None

    @property
    def body(self) -> tuple[Equation, ...]:
        """The equations before the activation."""
        return self.forward[:-1] if self.activation else self.forward

    @property
    def delta(self) -> Chain | None:
        """The error of the pre-activation."""
        return next((c for c in self.errors if c.kind == "delta"), None)


def groups_of(derivation: Derivation) -> tuple[Group, ...]:
    """The layers from the first to the last, runs of equal ones joined."""
    singles = _singles(derivation)
    made: list[Group] = []
    for _, run in groupby(_keyed(singles), key=lambda pair: pair[0]):
        members = [group for _, group in run]
        made += [_joined(members)] if len(members) >= RUN else members
    return tuple(made)


def place_of(chain: Chain) -> Ref:
    """The entry that a chain is about: the error, or what the loss is differentiated by."""
    place = chain.lhs.by if isinstance(chain.lhs, Partial) else chain.lhs
    assert isinstance(place, Ref)
    return place


def label_of(chain: Chain) -> Label | None:
    """The layer whose quantity a chain is about."""
    return place_of(chain).tensor.label


def _singles(derivation: Derivation) -> list[Group]:
    layers = [c for c in derivation.layers if c.kind != "input"]
    labels = list(dict.fromkeys(e.lhs.tensor.label or Label(0) for e in derivation.forward))
    place = 0
    for chain in reversed([c for c in layers if c.kind != "gradient"]):
        label = label_of(chain) or Label(0)
        if label not in labels:  # the last number of a repeated layer stands behind its letter
            labels.insert(place, label)
        place = labels.index(label) + 1
    gradients = {str(e.lhs.tensor): e for e in derivation.gradients}
    return [_single(label, derivation, layers, gradients) for label in labels]


def _single(
    label: Label, derivation: Derivation, layers: list[Chain], gradients: dict[str, Equation]
) -> Group:
    mine = [c for c in layers if (label_of(c) or Label(0)) == label]
    found = []
    for chain in mine:
        if chain.kind == "gradient" and isinstance(chain.lhs, Partial):
            found.append(Gradient(chain, gradients[str(chain.lhs.by.tensor)]))
    forward = tuple(e for e in derivation.forward if (e.lhs.tensor.label or Label(0)) == label)
    errors = tuple(c for c in mine if c.kind != "gradient")
    numbers: tuple[Label, ...] = (label,)
    if label.base == GENERIC:
        ends = [c for c in layers if c.kind == "delta" and label_of(c) not in (None, label)]
        bases = [e.base for c in ends if (e := label_of(c)) is not None and e.base]
        numbers = (Label(1), Label(0, bases[0] if bases else "L"))
    return Group(label, numbers, forward, errors, tuple(found))


def _keyed(singles: list[Group]) -> Iterable[tuple[object, Group]]:
    """Equal keys for consecutive layers that differ in their number only."""
    for k, group in enumerate(singles):
        if group.label.base or not group.forward:
            yield k, group
        else:
            moved = _moved(group, group.label)
            terms = [t for e in moved.forward for t in (e.lhs, e.rhs)]
            terms += [t for c in moved.errors for t in (c.lhs, c.result)]
            terms += [t for g in moved.gradients for t in (g.equation.lhs, g.equation.rhs)]
            yield tuple((str(t), _sizes(opened(t))) for t in terms), group


def _sizes(term: Term) -> tuple[Index, ...]:
    found = {i for node in walk(term) for i in (*free_indices(node), *getattr(node, "indices", ()))}
    return tuple(sorted(found, key=lambda i: (i.name, str(i.size))))


def opened(term: Term) -> Term:
    """The term with the width of layer l + 1 as a letter in sums over what comes back from it."""
    term = rebuild(term, opened)
    if not isinstance(term, Sum):
        return term
    above = {
        place.index
        for entry in refs(term.body)
        if entry.tensor.role == "delta" and entry.tensor.label == Label(1, GENERIC)
        for place in entry.at
    }
    renamed = {i: Index(i.name, f"d^({Label(1, GENERIC)})") for i in term.indices if i in above}
    if not renamed:
        return term
    body = at(term.body, {i: Affine.of(new) for i, new in renamed.items()})
    return Sum(body, tuple(renamed.get(i, i) for i in term.indices))


def _joined(members: list[Group]) -> Group:
    moved = [_moved(member, member.label) for member in members]
    first = moved[0]
    if len({tuple(_sizes(c.result) for c in m.errors) for m in moved}) > 1:
        first = _mapped(first, opened)
    return replace(first, label=Label(0, GENERIC), numbers=tuple(m.label for m in members))


def _moved(group: Group, at: Label) -> Group:
    """The group with its number written as l, the number before it as l - 1, and so on."""

    def label(old: Label | None) -> Label | None:
        if old is None or old.base:
            return old
        return Label(old.offset - at.offset, GENERIC)

    def tensor(old: Tensor) -> Tensor:
        return replace(old, label=label(old.label))

    def function(old: Function) -> Function:
        return Function(old.name, label(old.label))

    def term(old: Term) -> Term:
        return relabel(old, tensor, lambda extent: extent, function)

    return _mapped(group, term)


def _mapped(group: Group, term: Callable[[Term], Term]) -> Group:
    """The group with every term changed in the same way."""

    def equation(old: Equation) -> Equation:
        lhs = term(old.lhs)
        assert isinstance(lhs, Ref)
        return Equation(lhs, term(old.rhs), old.why)

    def chain(old: Chain) -> Chain:
        steps = tuple(replace(s, rhs=term(s.rhs)) for s in old.steps)
        return replace(old, lhs=term(old.lhs), steps=steps)

    return replace(
        group,
        forward=tuple(map(equation, group.forward)),
        errors=tuple(map(chain, group.errors)),
        gradients=tuple(Gradient(chain(g.chain), equation(g.equation)) for g in group.gradients),
    )
