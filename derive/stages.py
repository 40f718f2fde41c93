"""A layer as a stage of the forward pass: equations between tensors, under the layer's number.

Batched tensors have the sample index n first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from derive.algebra.equation import Equation
from derive.algebra.index import relabel
from derive.algebra.terms import (
    Affine,
    Extent,
    Function,
    Index,
    Label,
    Ref,
    Tensor,
    Term,
    ref,
)
from derive.network.layers import AnyLayer, Dense
from derive.network.shapes import Shape

SAMPLE = Index("n", "N", sample=True)
Start = tuple[str, Fraction | None]  # glorot, he, normal with its sigma, zeros or ones


@dataclass(frozen=True)
class Stage:
    """One layer: its number, its equations, and its activation o = phi(s).

    `phi` is elementwise, in the entry S, or None for an activation over an index (softmax); a stage
    without `activation` has the last of its equations as output.
    """

    label: Label
    kind: str
    layer: AnyLayer
    body: tuple[Equation, ...]
    activation: Equation | None
    phi: Term | None
    function: Function | None
    parameters: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]
    source: Tensor
    shapes: Mapping[Tensor, Shape]
    inner: Tensor | None = None  # the output of the inner layers, for a residual stage
    state: tuple[Tensor, ...] = ()
    updates: tuple[Equation, ...] = ()  # of the state after a training batch, from its old value
    inference: tuple[Equation, ...] = ()  # in place of the body, outside training; often none
    starts: Mapping[Tensor, Start] = field(default_factory=dict)  # of parameters and state

    @property
    def repeat(self) -> str | None:
        """The name of the last number, for a layer that stands for all of l = 1 .. L."""
        return self.layer.repeat if isinstance(self.layer, Dense) else None

    @property
    def main(self) -> Equation:
        """The equation of the pre-activation."""
        return self.body[-1]

    @property
    def s(self) -> Ref:
        """An entry of what the main equation defines, at the places of the activation."""
        made = self.main.lhs
        return Ref(made.tensor, self.activation.lhs.at) if self.activation else made

    @property
    def inferred(self) -> tuple[Equation, ...]:
        """The equations outside training, activation included."""
        body = self.inference or self.body
        return body if self.activation is None else (*body, self.activation)

    @property
    def output(self) -> Tensor:
        """The tensor that the next layer reads."""
        return self.activation.lhs.tensor if self.activation else self.s.tensor

    @property
    def out(self) -> Ref:
        """An entry of the output."""
        return self.activation.lhs if self.activation else self.s

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The equations in the order of evaluation."""
        return self.body if self.activation is None else (*self.body, self.activation)

    @property
    def across_samples(self) -> bool:
        """Whether one sample's output depends on the others."""
        return self.kind == "batch_norm"

    def decayed(self, parameter: Tensor) -> bool:
        """Whether weight decay applies: to weights, and in a user's layer to ranks above 1."""
        if self.kind == "equations":
            return len(self.shapes[parameter]) > 1
        return parameter.role == "weight"


def entry(tensor: Tensor, *at: Affine | Index) -> Ref:
    """tensor[at], with the sample in front where the tensor has one per sample."""
    return ref(tensor, *((SAMPLE, *at) if tensor.batched else at))


# ------------------------------------------------------------------ the same layer, elsewhere


@dataclass(frozen=True)
class Moved:
    """Renames everything of a stage for another layer number, source and sizes."""

    stage: Stage
    label: Label
    source: Tensor
    extents: Mapping[Extent, Extent]

    def tensor(self, tensor: Tensor) -> Tensor:
        """The tensor under its new number."""
        if tensor == self.stage.source:
            return self.source
        if tensor.label is None or tensor.label.base != self.stage.label.base:
            return tensor
        by = tensor.label.offset - self.stage.label.offset
        return replace(tensor, label=self.label.shifted(by))

    def function(self, function: Function) -> Function:
        """The function under its new number."""
        if function.label is None:
            return function
        by = function.label.offset - self.stage.label.offset
        return Function(function.name, self.label.shifted(by))

    def __call__(self, term: Term) -> Term:
        """The term of the other layer."""
        return relabel(term, self.tensor, self.extent, self.function)

    def extent(self, extent: Extent) -> Extent:
        """The size in the other layer."""
        return self.extents.get(extent, extent)

    def equation(self, equation: Equation) -> Equation:
        """The equation of the other layer."""
        lhs = self(equation.lhs)
        assert isinstance(lhs, Ref)
        return Equation(lhs, self(equation.rhs), equation.why)


def relabelled(
    stage: Stage, label: Label, source: Tensor, extents: Mapping[Extent, Extent]
) -> Stage:
    """The stage of layer l as the stage of another number, with that source and those sizes."""
    moved = Moved(stage, label, source, extents)
    return replace(
        stage,
        label=label,
        source=source,
        body=tuple(map(moved.equation, stage.body)),
        activation=stage.activation and moved.equation(stage.activation),
        phi=None if stage.phi is None else moved(stage.phi),
        function=stage.function and moved.function(stage.function),
        parameters=tuple(map(moved.tensor, stage.parameters)),
        shapes={
            moved.tensor(t): tuple(map(moved.extent, shape)) for t, shape in stage.shapes.items()
        },
    )
