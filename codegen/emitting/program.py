"""What the emitted module is made from: the equations and facts of one network, not yet printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any

from derive.algebra.equation import Equation
from derive.algebra.index import relabel
from derive.algebra.terms import Affine, Extent, Index, Ref, Tensor, Term

Shapes = Mapping[Tensor, tuple[Extent, ...]]


@dataclass(frozen=True)
class Start:
    """How a parameter starts: glorot, he, zeros, ones, or normal with standard deviation sigma.

    `fans` are the numbers of inputs and outputs that one entry of it connects.
    """

    scheme: str = "glorot"
    sigma: float = 0.0
    fans: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Training:
    """The defaults of the emitted training loop."""

    momentum: float = 0.0
    learning_rate: float = 0.1
    batch_size: int = 32
    epochs: int = 100


@dataclass(frozen=True)
class Program:
    """One network as equations, with all that its module says beside them."""

    name: str
    sha256: str
    forward: tuple[Equation, ...]
    loss: Equation
    objective: Term
    backward: tuple[Equation, ...]
    gradients: tuple[Equation, ...]
    shapes: Shapes
    title: str | None = None
    dtype: str = "float64"
    exact: bool = False  # differences without cancellation, also where that takes longer
    labels: bool = False  # integer labels stand for one-hot rows
    sum_to_one: bool = False  # the derivation used that the targets sum to 1
    starts: Mapping[str, Start] = field(default_factory=dict)
    training: Training = Training()
    numbers: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (role, name) -> "(3)"
    conventions: tuple[str, ...] = ()
    outside: tuple[Equation, ...] = ()  # the forward equations outside training, where they differ
    updates: tuple[Equation, ...] = ()  # of the state, after a batch
    state: tuple[Tensor, ...] = ()
    masks: Mapping[Tensor, Fraction] = field(default_factory=dict)  # and the rates of dropout

    @property
    def inference(self) -> tuple[Equation, ...]:
        """The forward equations outside training."""
        return self.outside or self.forward

    @cached_property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """The trained arrays, in the order of their gradients, and their shapes."""
        shapes = {str(t): shape for t, shape in self.shapes.items() if t.role != "gradient"}
        return {str(eq.lhs.tensor): whole(shapes[str(eq.lhs.tensor)]) for eq in self.gradients}

    @property
    def input(self) -> Tensor:
        """The input x."""
        return next(t for t in self.shapes if t.role == "input")

    @property
    def target(self) -> Tensor:
        """The target y."""
        return next(t for t in self.shapes if t.role == "target")

    @property
    def output(self) -> Tensor:
        """What the last forward equation defines."""
        return self.forward[-1].lhs.tensor

    @cached_property
    def derived(self) -> tuple[Equation, ...]:
        """Every equation of a training step."""
        return (*self.forward, self.loss, *self.backward, *self.gradients)

    @cached_property
    def beside(self) -> tuple[Equation, ...]:
        """What holds outside training in place of a forward equation, and the state's renewal."""
        return (*(eq for eq in self.inference if eq not in self.forward), *self.updates)

    def number(self, equation: Equation) -> str:
        """The number of an equation in the notes; without notes, its place in the sequence."""
        tensor = equation.lhs.tensor
        known = self.numbers.get((tensor.role, str(tensor)))
        if known is not None and equation not in self.beside:
            return known
        return f"({(*self.derived, *self.beside).index(equation) + 1})"


def _reach(place: Affine) -> Extent:
    """The size of the axis that a place on a left side fills."""
    if place.index is not None:
        return place.index.size
    return 1 + place.offset + sum(c * (int(index.size) - 1) for index, c in place.terms)


def whole(shape: Sequence[Extent]) -> tuple[int, ...]:
    """A shape of numbers."""
    assert all(isinstance(size, int) for size in shape), f"the sizes {shape} are not all numbers"
    return tuple(int(size) for size in shape)


def free(ref: Ref) -> tuple[Index, ...]:
    """The indices of a left side, in order."""
    return tuple(index for place in ref.at for index, _ in place.terms)


def parameter_order(names: Sequence[str]) -> list[str]:
    """Parameters layer by layer: by the number at the end of the name, then as given."""

    def layer(name: str) -> int:
        digits = name[len(name.rstrip("0123456789")) :]
        return int(digits) if digits else 0

    return sorted(names, key=layer)


def program_of(derivation: Any) -> Program:
    """The program of a derivation."""
    network = derivation.network
    shapes = dict(derivation.shapes)
    for eq in (*derivation.forward, *derivation.backward, *derivation.gradients):
        own = [_reach(place) for place in eq.lhs.at]
        shapes.setdefault(eq.lhs.tensor, tuple(own[eq.lhs.tensor.batched :]))
    training = network.training
    used = {key for chain in derivation.chains for step in chain.steps for key in step.cites}
    loss = network.loss.likelihood or network.loss.name
    stages = derivation.forward_pass.stages
    backward, gradients = _apart(derivation, shapes)
    return Program(
        name=network.name,
        sha256=network.sha256,
        exact=network.accuracy == "exact",
        forward=tuple(derivation.forward),
        loss=derivation.loss,
        objective=derivation.objective,
        backward=backward,
        gradients=gradients,
        shapes=shapes,
        title=network.title,
        dtype=network.dtype,
        labels=loss in ("cross_entropy", "categorical") and len(network.output_shape) == 1,
        sum_to_one=any(fact.key in used for fact in derivation.facts),
        starts=_starts(stages),
        training=Training(
            float(training.momentum),
            float(training.learning_rate),
            training.batch_size,
            training.epochs,
        ),
        conventions=tuple(derivation.conventions),
        outside=tuple(derivation.inference),
        updates=tuple(eq for stage in stages for eq in stage.updates),
        state=tuple(tensor for stage in stages for tensor in stage.state),
        masks={mask: stage.layer.rate for stage in stages for mask in stage.masks},
    )


def _apart(
    derivation: Any, shapes: dict[Tensor, tuple[Extent, ...]]
) -> tuple[tuple[Equation, ...], tuple[Equation, ...]]:
    """The backward pass with error names that nothing else has: delta_1 beside a user's delta1."""
    gradients = {f"d{eq.lhs.tensor}" for eq in derivation.gradients}
    errors = {eq.lhs.tensor for eq in derivation.backward}
    taken = gradients | {str(t) for t in shapes if t not in errors and t.role != "gradient"}
    taken |= {f"next_{t}" for t in shapes if t.role == "state"}
    new = {t: replace(t, letter=t.letter + "_") for t in errors if str(t) in taken}
    shapes.update({new[t]: shapes[t] for t in new})

    def renamed(equation: Equation) -> Equation:
        def term(of: Term) -> Term:
            return relabel(of, lambda t: new.get(t, t), lambda extent: extent)

        lhs = term(equation.lhs)
        assert isinstance(lhs, Ref)
        return Equation(lhs, term(equation.rhs), equation.why)

    both = derivation.backward, derivation.gradients
    if not new:
        return tuple(both[0]), tuple(both[1])
    return tuple(map(renamed, both[0])), tuple(map(renamed, both[1]))


def _starts(stages: Sequence[Any]) -> dict[str, Start]:
    """How every parameter and state starts, where that is not 0."""
    starts: dict[str, Start] = {}
    for stage in stages:
        for tensor in (*stage.parameters, *stage.state):
            (scheme, sigma), shape = stage.starts[tensor], whole(stage.shapes[tensor])
            starts[str(tensor)] = Start(scheme, float(sigma or 0), _fans(tensor, shape))
    return starts


def _fans(tensor: Tensor, shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of one entry: of a kernel (out, in, *taps), else (..., out)."""
    if tensor.role == "weight" and len(shape) > 2:
        out, into, *taps = shape
        return into * prod(taps), out * prod(taps)
    return (prod(shape[:-1]), shape[-1]) if shape else (1, 1)
