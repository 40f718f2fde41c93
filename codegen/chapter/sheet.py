"""What every part of a chapter works with: the derivation, a writer, its groups and its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property

from codegen.chapter.groups import Group, groups_of
from codegen.chapter.keys import Keys, keys_of
from codegen.pages.document import CrossRef, Equation, Inline, Inlines, Line, Math
from derive import profiles
from derive.algebra import equation as terms_equation
from derive.algebra.terms import (
    ONE,
    Affine,
    Delta,
    Index,
    Label,
    Ref,
    Tensor,
    Term,
    rebuild,
    total,
)
from derive.derivation import Derivation
from derive.forward import at_end
from derive.stages import SAMPLE
from derive.steps import Chain, Step
from derive.strategies.ways import Told, tell
from derive.writing import layout as lay
from derive.writing.layout import Layout, row
from derive.writing.notation import Context, Writer

MOST_PICTURED = 4  # layers in a picture of units; deeper networks are drawn as blocks


@dataclass(frozen=True)
class Sheet:
    """A derivation under a notation."""

    derivation: Derivation
    writer: Writer

    @staticmethod
    def of(derivation: Derivation, notation: str) -> Sheet:
        """The sheet of a derivation in a notation, by its name or file."""
        last = derivation.forward_pass.output.tensor.label
        mixed = derivation.forward_pass.across_samples
        functions = (stage.function for stage in derivation.forward_pass.stages)
        named = frozenset(f.name for f in functions if f is not None and f.label is None)
        shapes = derivation.shapes
        context = Context(last=last, shapes=shapes, mixed=mixed, activations=named)
        return Sheet(derivation, Writer(profiles.load(notation), context))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The layers from the first to the last."""
        return groups_of(self.derivation)

    @cached_property
    def keys(self) -> Keys:
        """The numbered equations."""
        return keys_of(self.derivation, self.groups)

    @cached_property
    def cited(self) -> dict[str, str]:
        """What a step cites -> the key that it has on the page."""
        known = {chain.key: chain.key for chain in self.derivation.lemmas if chain.key != "loss"}
        known.update((fact.key, fact.key) for fact in self.derivation.facts)
        return {**known, **self.keys.alias}

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """The derivation in the other ways that the notation asks for."""
        names = self.writer.profile.strategies
        return tuple(tell(self.derivation, name) for name in names if name != "delta")

    @cached_property
    def checks(self) -> dict[str, int]:
        """How many steps of the page were PROVED, TESTED and SAMPLED, however they are told."""
        steps = [step for told in self.told for chain in told.chains for step in chain.steps]
        words = [step.check.word for step in steps]
        return {word: n + words.count(word) for word, n in self.derivation.checks.items()}

    @property
    def mixed(self) -> bool:
        """Whether what comes out for one sample depends on the others."""
        return self.writer.context.mixed

    @property
    def of_each(self) -> Sheet:
        """The sheet for what holds of the loss of every sample by itself."""
        context = replace(self.writer.context, mixed=False)
        return Sheet(self.derivation, Writer(self.writer.profile, context))

    def over_samples(self, term: Term) -> Term:
        """The share of a sample in a gradient; where samples are mixed, the sum of all shares."""
        return total(term, SAMPLE) if self.mixed else term

    @property
    def dense(self) -> bool:
        """Whether every layer is dense."""
        return all(layer.kind == "dense" for layer in self.derivation.network.layers)

    @property
    def last(self) -> Group:
        """The group of the output layer."""
        return self.groups[-1]

    @property
    def output(self) -> Ref:
        """An entry of the output."""
        return self.derivation.forward_pass.output

    @property
    def output_activation(self) -> terms_equation.Equation | None:
        """The activation equation of the output layer, at its last number."""
        return at_end(self.derivation.forward_pass.stages[-1]).activation

    # -------------------------------------------------------------- formulas

    def write(self, term: Term) -> Layout:
        """A term; Kronecker's delta over a single value is 1."""
        return self.writer.write(single(term))

    def math(self, term: Term) -> Math:
        """A term in running text."""
        return Math(self.write(term))

    def tensor(self, tensor: Tensor, batch: bool = False) -> Math:
        """A whole array in running text."""
        return Math(self.writer.tensor(tensor, batch))

    def label(self, label: Label) -> Math:
        """A layer label in running text."""
        return Math(self.writer.label(label))

    def index(self, name: str) -> Math:
        """An index letter of the calculus as the notation writes it."""
        return Math(self.writer.names.letter(name))

    def equation(self, equation: terms_equation.Equation) -> Equation:
        """An equation in index form."""
        return Equation(self.write(equation.lhs), "=", self.write(equation.rhs))

    def arrays(self, equation: terms_equation.Equation, batch: bool = False) -> Equation | None:
        """An equation between whole arrays, where there is a matrix form."""
        made = self.writer.matrix_form(equation, batch)
        if made is None:
            return None
        return Equation(self.writer.matrix(made.lhs), "=", self.writer.matrix(made.rhs))

    def best(self, equation: terms_equation.Equation, batch: bool = False) -> Equation:
        """The matrix form where there is one, else the index form."""
        return self.arrays(equation, batch) or self.equation(equation)

    # -------------------------------------------------------------- chains

    def lines(self, chain: Chain, key: str | None = None) -> tuple[Line, ...]:
        """The steps with their reasons and marks, without those that look like the one before."""
        made: list[Line] = []
        first = self.write(chain.lhs)
        before = first
        for step in chain.steps:
            shown = self.write(step.rhs)
            if shown != before:
                made.append(self._line(None if made else first, shown, step))
                before = shown
        if key and made:
            made[-1] = replace(made[-1], key=key)
        return tuple(made)

    def _line(self, lhs: Layout | None, rhs: Layout, step: Step) -> Line:
        return Line(lhs, "=", rhs, self.why(step), step.check.word, detail=step.check.how)

    def why(self, step: Step) -> Inlines:
        """The reason with what makes it easy to see, and with what it rests on."""
        keys = [self.cited[c] for c in step.cites if c in self.cited]
        sides = [row(self.write(a), "=", self.write(b)) for a, b in step.since]
        seen: Inlines = (", since ", Math(lay.listed(*sides))) if sides else ()
        return (step.why, *seen, *self.citing(keys))

    def citing(self, keys: Iterable[str]) -> Inlines:
        """References behind a reason."""
        made: list[Inline] = []
        for key in dict.fromkeys(keys):
            equation = key in self.keys.equations
            made += [(" " if equation else ": ") if not made else ", ", CrossRef(key)]
        return tuple(made)

    # -------------------------------------------------------------- groups

    def span(self, group: Group, less: int = 0) -> Math:
        """l = 2, ..., 19; with `less` the last numbers are left out."""
        return Math(row(*self.spanned(group, less)))

    def spanned(self, group: Group, less: int = 0) -> tuple[Layout, str, Layout]:
        """The same as the sides of an equation."""
        first, last = group.numbers[0], group.numbers[-1].shifted(-less)
        letter = self.writer.label(group.label)
        ends = (self.writer.label(first), lay.Symbol("ldots"), self.writer.label(last))
        return letter, "=", lay.listed(*ends)

    def place(self, tensor: Tensor, *at: int) -> Ref:
        """The entry at numbers, of the sample that is looked at."""
        sample = (Affine.of(Index("n", "N", sample=True)),) if tensor.batched else ()
        return Ref(tensor, (*sample, *map(Affine, at)))


def single(term: Term) -> Term:
    """Kronecker's delta of indices with one value only is 1."""
    if isinstance(term, Delta):
        indices = [i for place in (term.left, term.right) for i, _ in place.terms]
        if indices and all(i.size == 1 for i in indices) and term.left.offset == term.right.offset:
            return ONE
    return rebuild(term, single)


def braced(layout: Layout, target: Layout, label: Layout) -> Layout:
    """The layout with a brace and a label below the first part that equals `target`."""
    done = False

    def visit(node: Layout) -> Layout:
        nonlocal done
        if done:
            return node
        if node == target:
            done = True
            return lay.Underbrace(node, label)
        return _rebuilt(node, visit)

    return visit(layout)


def replaced(layout: Layout, target: Layout, by: Layout) -> Layout:
    """The layout with another in the place of every part that equals `target`."""
    if layout == target:
        return by
    return _rebuilt(layout, lambda node: replaced(node, target, by))


def _rebuilt(node: Layout, visit: Callable[[Layout], Layout]) -> Layout:
    """The same node over visited parts."""
    changed: dict[str, object] = {}
    for f in fields(node):
        value = getattr(node, f.name)
        if isinstance(value, Layout):
            changed[f.name] = visit(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Layout):
            changed[f.name] = tuple(visit(v) for v in value)
    return replace(node, **changed) if changed else node
