"""Makes the stage of a layer: its recipe is read into equations between tensors.

Names are unique: the letters of the recipe with the number of the layer, and a letter more where a
number has two layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain, count
from math import prod
from string import ascii_lowercase

from derive.algebra.equation import Equation
from derive.algebra.index import in_range, replace_term
from derive.algebra.terms import (
    Affine,
    Apply,
    Function,
    Index,
    Label,
    Ref,
    Tensor,
    Term,
    free_indices,
    mul,
    ref,
    refs,
)
from derive.formulas.formula import read_formula
from derive.formulas.written import Scope, Written, apart, read_equation, read_equations
from derive.identities import S
from derive.kinds import Recipe
from derive.network.layers import Activation, AnyLayer
from derive.network.parts import Init
from derive.network.shapes import Shape
from derive.primitives import ACTIVATIONS, INDEXED_ACTIVATIONS
from derive.stages import SAMPLE, Stage, Start, entry

DELTA_KINDS = ("dense", "conv", "layer_norm", "batch_norm", "equations")
OTHERS = "uvcgrpqt"  # for a second quantity of a kind under one number
FORMULAS = ("phi", "psi", "chi", "omega")  # the letters of activations without a name of their own


class Naming:
    """Letters that are still free under a layer number, and letters for users' formulas."""

    def __init__(self) -> None:
        """Nothing taken yet."""
        self.taken: set[tuple[str, Label]] = set()
        self.functions: dict[Activation, Function] = {}
        self.with_delta: set[Label] = set()  # one error delta a number

    def letter(self, letter: str, label: Label, others: str = "") -> str:
        """The letter itself, or one of the others, or doubled until it is free under this number.

        The slope by h is called dh, which must be free as well; delta belongs to the error.
        """
        doubled = (letter + letter[0] * k for k in count(1))
        for name in chain((letter,), others, doubled):
            if all((n, label) not in self.taken and n != "delta" for n in (name, f"d{name}")):
                break
        self.taken |= {(name, label), (f"d{name}", label)}
        return name

    def function(self, activation: Activation, label: Label) -> Function:
        """The name of an activation: its own, or a Greek letter for each different formula.

        A name stands for one function: with other options it is a formula like any other.
        """
        if activation.name == "generic":
            return Function("phi", label)
        if activation not in self.functions:
            self.functions[activation] = self._new_function(activation, label)
        return self.functions[activation]

    def _new_function(self, activation: Activation, label: Label) -> Function:
        """A name that no other has; beyond the letters phi^(l), of the layer that has it first."""
        taken = [function.name for function in self.functions.values()]
        if activation.formula is None and activation.name not in taken:
            return Function(activation.name)
        further = (Function("phi", label.shifted(k)) for k in count())
        names = chain(map(Function, FORMULAS), further)
        return next(name for name in names if name not in self.functions.values())


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
        named = {name: Index(name, size) for name, size in recipe.indices.items()}
        self.indices = apart(named, frozenset({SAMPLE}))
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
        tensor = Tensor(name, role or "parameter", self.label, batched=False)
        if self.kind == "equations" and name == "W" and len(axes) == 2:
            tensor = replace(tensor, fixed_order=not self._leads_onward(name))
        return self._new(name, tensor, axes)

    def _leads_onward(self, name: str) -> bool:
        """Whether its first index is summed over and its second remains, as in a dense layer."""
        declared = self.recipe.parameters.items()
        arrays = {key: tuple(self.indices[a].size for a in axes) for key, axes in declared}
        scope = Scope(self.indices, {**self.arrays, **arrays}, padded=self.recipe.padded)
        for written in read_equations(self.recipe.equations, scope):
            for part in refs(written.rhs):
                if part.tensor.letter == name:
                    first, second = (place.index for place in part.at)
                    return second in written.at and first not in written.at
        return False

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
        made: list[Equation] = []
        for k, text in enumerate(self.recipe.equations):
            scope = Scope(self.indices, self.arrays, self._entry, self.recipe.padded)
            last = k == len(self.recipe.equations) - 1

            def named(part: Term, at: tuple[Index, ...]) -> Term:
                made.append(self._inner(part, at))
                return made[-1].lhs

            made.append(self._defined(read_equation(text, scope, named, known=True), last))
        return tuple(made)

    def _inner(self, part: Term, at: tuple[Index, ...]) -> Equation:
        """A softmax inside of a larger expression under a name of its own.

        Its derivative then is p*(dp - Sum(p*dp)), and so it is safe from overflow.
        """
        own = {*self.tensors, *(text.partition("=")[0] for text in self.recipe.equations)}
        own |= set(self.recipe.indices)
        used = {name.partition("[")[0].strip() for name in own}
        more = (f"softmax{c * n}" for n in count(1) for c in ascii_lowercase)
        letter = next(c for c in chain("pqarghzuvef", ("softmax",), more) if c not in used)
        return self._defined(Written(letter, at, part), False)

    def updates(self) -> tuple[Equation, ...]:
        made = []
        for name, text in self.recipe.updates.items():
            written = read_equation(text, Scope(self.indices, self.arrays, self._entry), known=True)
            made.append(Equation(ref(self.tensors[name], *written.at), written.rhs))
        return tuple(made)

    def inference(self) -> tuple[Equation, ...]:
        """The equations outside training, for the same tensors."""
        defined = {text.partition("[")[0] for text in self.recipe.equations}
        arrays = {name: shape for name, shape in self.arrays.items() if name not in defined}
        made = []
        for text in self.recipe.inference:
            written = read_equation(text, Scope(self.indices, arrays, self._entry), known=True)
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
        others = "" if main or self.kind == "equations" else OTHERS
        letter = self.naming.letter(written.name, self.label, others)
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
    known = spec.name in ACTIVATIONS or spec.formula is not None
    phi = activation_formula(spec) if known else None
    if phi is S:
        return None, None, None
    o = Tensor(naming.letter("o", label, OTHERS), "activation", label, s.tensor.batched)
    lhs = Ref(o, s.at)
    function = naming.function(spec, label)
    if spec.name in INDEXED_ACTIVATIONS:
        return Equation(lhs, _over_last_axis(spec.name, s), spec.name), None, function
    if phi is None:  # a generic one
        phi = Apply(function, S)
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
