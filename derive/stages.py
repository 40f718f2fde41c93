"""A layer as a stage of the forward pass: its recipe read into equations between tensors.

Batched tensors have the sample index n first.  Names are unique: the letters of the recipe with the
number of the layer, and a letter more where a number has two layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import prod

from derive.equation import Equation
from derive.formula import read_formula
from derive.identities import S
from derive.index import in_range, relabel, replace_term
from derive.kinds import Recipe
from derive.layers import Activation, AnyLayer, Dense
from derive.parts import Init
from derive.primitives import ACTIVATIONS, INDEXED_ACTIVATIONS
from derive.shapes import Shape
from derive.terms import (
    Affine,
    Apply,
    Extent,
    Function,
    Index,
    Label,
    Ref,
    Tensor,
    Term,
    free_indices,
    mul,
    ordered,
    ref,
)
from derive.written import Scope, Written, read_equation

SAMPLE = Index("n", "N", sample=True)
Start = tuple[str, Fraction | None]  # glorot, he, normal with its sigma, zeros or ones
DELTA_KINDS = ("dense", "conv", "layer_norm", "batch_norm", "equations")


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


class Naming:
    """Letters that are still free under a layer number, and letters for users' formulas."""

    def __init__(self) -> None:
        """Nothing taken yet."""
        self.taken: set[tuple[str, Label]] = set()
        self.formulas: dict[str, Function] = {}
        self.with_delta: set[Label] = set()  # one error delta a number

    def letter(self, letter: str, label: Label) -> str:
        """The letter itself, or doubled until it and d + it are free under this number.

        The slope by h is called dh; delta belongs to the error.
        """
        name = letter
        while any((n, label) in self.taken or n == "delta" for n in (name, f"d{name}")):
            name += letter[0]
        self.taken |= {(name, label), (f"d{name}", label)}
        return name

    def function(self, activation: Activation, label: Label) -> Function:
        """The name of an activation: its own, or a Greek letter for each different formula."""
        if activation.name == "generic":
            return Function("phi", label)
        if activation.formula is None:
            return Function(activation.name)
        letters = ("phi", "psi", "chi", "omega")
        k = len(self.formulas)
        new = Function(letters[k]) if k < len(letters) else Function("phi", Label(k + 1))
        return self.formulas.setdefault(activation.formula, new)


def make_stage(
    layer: AnyLayer,
    recipe: Recipe,
    label: Label,
    source: Tensor,
    shape: Shape,
    naming: Naming,
    inner: Tensor | None = None,
) -> Stage:
    """The stage of a layer with the given recipe, whose input is `source` of that shape."""
    reader = _Reader(layer, recipe, label, source, shape, naming, inner)
    body = reader.body()
    updates, inference = reader.updates(), reader.inference()
    chosen = getattr(layer, "activation", Activation())
    shapes = dict(reader.shapes)
    s = body[-1].lhs
    if recipe.flat:
        s = entry(s.tensor, Index("i", shapes[s.tensor][0]))
    activation, phi, function = _activation(chosen, s, naming)
    if activation is not None:
        shapes[activation.lhs.tensor] = shapes[body[-1].lhs.tensor]
    return Stage(
        label, layer.kind, layer, body, activation, phi, function,
        reader.parameters, reader.masks, source, shapes, inner,
        reader.state, updates, inference, reader.starts(),
    )  # fmt: skip


class _Reader:
    """Reads the equations of one recipe."""

    def __init__(
        self,
        layer: AnyLayer,
        recipe: Recipe,
        label: Label,
        source: Tensor,
        shape: Shape,
        naming: Naming,
        inner: Tensor | None,
    ) -> None:
        self.layer, self.kind = layer, layer.kind
        self.recipe, self.label, self.naming = recipe, label, naming
        self.indices = {n: Index(n, size) for n, size in recipe.indices.items()}
        if recipe.across_samples:
            self.indices["n"] = SAMPLE
        self.tensors: dict[str, Tensor] = {"x": source}
        self.arrays: dict[str, Shape] = {"x": self._explicit(shape)}
        if inner is not None:
            self.tensors["h"], self.arrays["h"] = inner, self._explicit(shape)
        self.shapes: dict[Tensor, Shape] = {}
        self.parameters = tuple(map(self._parameter, recipe.parameters.items()))
        self.masks = tuple(map(self._mask, recipe.masks.items()))
        self.state = tuple(map(self._kept, recipe.state.items()))

    def _explicit(self, shape: Shape) -> Shape:
        return ("N", *shape) if self.recipe.across_samples else shape

    def _parameter(self, item: tuple[str, tuple[str, ...]]) -> Tensor:
        name, axes = item
        role = {"W": "weight", "b": "bias"}.get(name) if self.kind in ("dense", "conv") else None
        return self._new(name, Tensor(name, role or "parameter", self.label, batched=False), axes)

    def _mask(self, item: tuple[str, tuple[str, ...]]) -> Tensor:
        return self._new(item[0], Tensor(item[0], "mask", self.label), item[1])

    def _kept(self, item: tuple[str, tuple[str, ...]]) -> Tensor:
        return self._new(item[0], Tensor(item[0], "state", self.label, batched=False), item[1])

    def _new(self, name: str, tensor: Tensor, axes: tuple[str, ...]) -> Tensor:
        tensor = replace(tensor, letter=self.naming.letter(tensor.letter, self.label))
        self.tensors[name] = tensor
        self.arrays[name] = self.shapes[tensor] = tuple(self.indices[a].size for a in axes)
        return tensor

    def starts(self) -> dict[Tensor, Start]:
        """How parameters and state start: as the layer says, at 1, or at 0."""
        chosen: Mapping[str, Init] = getattr(self.layer, "initial", {})
        found: dict[Tensor, Start] = {}
        names = (*self.recipe.parameters, *self.recipe.state)
        for name, tensor in zip(names, (*self.parameters, *self.state), strict=True):
            own = getattr(self.layer, "init", None) if tensor.role == "weight" else chosen.get(name)
            fixed = "ones" if name in self.recipe.ones else "zeros"
            found[tensor] = (fixed, None) if own is None else (own.name, own.sigma)
        return found

    def body(self) -> tuple[Equation, ...]:
        made = []
        for k, text in enumerate(self.recipe.equations):
            scope = Scope(self.indices, self.arrays, self._entry, self.recipe.padded)
            last = k == len(self.recipe.equations) - 1
            made.append(self._defined(read_equation(text, scope), last))
        return tuple(made)

    def updates(self) -> tuple[Equation, ...]:
        made = []
        for name, text in self.recipe.updates.items():
            written = read_equation(text, Scope(self.indices, self.arrays, self._entry))
            made.append(Equation(ref(self.tensors[name], *written.at), written.rhs))
        return tuple(made)

    def inference(self) -> tuple[Equation, ...]:
        """The equations outside training, for the same tensors."""
        defined = {text.partition("[")[0] for text in self.recipe.equations}
        arrays = {name: shape for name, shape in self.arrays.items() if name not in defined}
        made = []
        for text in self.recipe.inference:
            written = read_equation(text, Scope(self.indices, arrays, self._entry))
            arrays[written.name] = written.shape
            at = tuple(i for i in written.at if not i.sample)
            made.append(Equation(entry(self.tensors[written.name], *at), written.rhs))
        return tuple(made)

    def _entry(self, name: str, at: tuple[Affine, ...]) -> Term:
        tensor = self.tensors[name]
        if self.recipe.across_samples:
            return ref(tensor, *at)
        made = entry(tensor, *at)
        extents = self.arrays[name]
        inside = all(in_range(p, e) for p, e in zip(at, extents, strict=True))
        if name in self.recipe.padded and not inside:
            padded = (SAMPLE.size, *extents) if tensor.batched else extents
            return Ref(tensor, made.at, padded, self.recipe.lowest)
        return made

    def _defined(self, written: Written, last: bool) -> Equation:
        at = tuple(i for i in written.at if not i.sample)
        batched = not self.recipe.across_samples or len(at) < len(written.at)
        main = last and self.kind in DELTA_KINDS and self.label not in self.naming.with_delta
        role = "preactivation" if main else "quantity"
        if main:
            self.naming.with_delta.add(self.label)
        letter = self.naming.letter(written.name, self.label)
        tensor = Tensor(letter, role, self.label, batched)
        self.tensors[written.name] = tensor
        self.arrays[written.name] = written.shape
        self.shapes[tensor] = tuple(i.size for i in at)
        lhs = entry(tensor, *at)
        if self.recipe.flat:
            sizes = [int(i.size) for i in at]
            self.shapes[tensor] = (prod(sizes),)
            lhs = entry(tensor, _row_major(at, sizes))
        return Equation(lhs, written.rhs, "")


def _row_major(at: tuple[Index, ...], sizes: list[int]) -> Affine:
    """The place of entry `at` among all entries."""
    place = Affine()
    for index, size in zip(at, sizes, strict=True):
        place = place * size + index
    return place


# ------------------------------------------------------------------ activations


def _activation(
    spec: Activation, s: Ref, naming: Naming
) -> tuple[Equation | None, Term | None, Function | None]:
    """The activation equation at the entry s, phi in S, and the name of phi."""
    assert s.tensor.label is not None
    label = s.tensor.label
    if spec.name == "linear":
        return None, None, None
    o = Tensor(naming.letter("o", label), "activation", label, s.tensor.batched)
    lhs = Ref(o, s.at)
    function = naming.function(spec, label)
    if spec.name in INDEXED_ACTIVATIONS:
        return Equation(lhs, _over_last_axis(spec.name, s), spec.name), None, function
    phi: Term = Apply(function, S)
    if spec.name != "generic":
        phi = activation_formula(spec)
    if phi is S:
        naming.taken -= {(o.letter, label), (f"d{o.letter}", label)}
        return None, None, None
    return Equation(lhs, replace_term(phi, S, s), "activation"), phi, function


def _over_last_axis(name: str, s: Ref) -> Term:
    """An activation over the last index of s, the others standing by."""
    *others, last = s.at
    index = last.index
    assert index is not None
    taken = {i.name for i in free_indices(s)}
    other = next(c for c in "kmpqr" if c not in taken)
    scope = Scope(
        {index.name: index, other: Index(other, index.size)},
        {"s": (index.size,)},
        lambda _, at: Ref(s.tensor, (*others, *at)),
    )
    text = INDEXED_ACTIVATIONS[name].format(j=index.name, k=other)
    return read_equation(f"o[{index.name}] = {text}", scope).rhs


def activation_formula(spec: Activation) -> Term:
    """phi(S) of a named activation with its options, or of a user's formula."""
    names: dict[str, Term] = {"s": S}
    names.update({option: mul(value) for option, value in spec.options.items()})
    return read_formula(spec.formula or ACTIVATIONS[spec.name], names)


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


def paths(equation: Equation) -> tuple[Index, ...]:
    """The free indices of the left side, the sample apart."""
    return tuple(i for i in ordered(free_indices(equation.lhs)) if not i.sample)
