"""A network as forward equations: every layer kind is the index equations that `primitives` holds.

Batched tensors have the sample index n first.  Layers with parameters are numbered 1, 2, ...; the
repeated layers of a generic network have the numbers l = 1 .. L and those after it L + 1, ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from derive.equation import Equation
from derive.formula import read_formula
from derive.identities import S
from derive.index import define, relabel, replace_term
from derive.layers import Dense
from derive.primitives import (
    ACTIVATIONS,
    DENSE,
    INDEXED_ACTIVATIONS,
    LIKELIHOODS,
    LOSSES,
    UNIT_SUM,
)
from derive.prove import Fact
from derive.simplify import factors_of, split_logs
from derive.spec import Network
from derive.terms import (
    ONE,
    Add,
    Affine,
    Apply,
    Extent,
    Function,
    Index,
    Label,
    Mul,
    Num,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
    add,
    call,
    mul,
    power,
    ref,
    refs,
    total,
)
from derive.written import Scope, read_equation, read_index_formula

SAMPLE = Index("n", "N", sample=True)
X, Y = Tensor("x", "input"), Tensor("y", "target")
LOSS = Tensor("L", "loss")


@dataclass(frozen=True)
class Stage:
    """One layer: its number, its equations, and its activation o = phi(s).

    `phi` is elementwise, in the entry S, or None for an activation over an index (softmax); a
    linear stage has neither `phi` nor an activation equation: its output is its pre-activation.
    """

    label: Label
    kind: str
    layer: Dense
    affine: Equation
    activation: Equation | None
    phi: Term | None
    function: Function | None
    weights: tuple[Tensor, ...]
    source: Tensor

    @property
    def s(self) -> Ref:
        """The entry that the affine equation defines."""
        return self.affine.lhs

    @property
    def output(self) -> Tensor:
        """The tensor that the next layer reads."""
        return self.activation.lhs.tensor if self.activation else self.s.tensor

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The equations in the order of evaluation."""
        return (self.affine,) if self.activation is None else (self.affine, self.activation)


@dataclass(frozen=True)
class Forward:
    """The whole forward pass: stages, the loss of one sample, and what is known of the targets."""

    network: Network
    stages: tuple[Stage, ...]
    loss: Equation
    likelihood: Equation | None
    facts: tuple[Fact, ...]
    shapes: Mapping[Tensor, tuple[Extent, ...]]

    @property
    def equations(self) -> tuple[Equation, ...]:
        """Every forward equation but the loss."""
        return tuple(e for stage in self.stages for e in stage.equations)


def entry(tensor: Tensor, *at: Affine | Index) -> Ref:
    """tensor[at], with the sample in front where the tensor has one per sample."""
    return ref(tensor, *((SAMPLE, *at) if tensor.batched else at))


def forward(network: Network) -> Forward:
    """The forward equations of a network."""
    stages: list[Stage] = []
    shapes: dict[Tensor, tuple[Extent, ...]] = {X: network.input}
    source, extent = X, network.input[-1]
    label = Label(0)
    names = _function_names(network)
    for layer in network.layers:
        label, (below, above) = _numbered(label, layer, extent)
        stage = dense_stage(layer, label, source, below, above, names)
        stages.append(stage)
        shapes.update(_shapes(stage, below, above))
        if layer.repeat is not None:
            last, size = Label(0, layer.repeat), f"{layer.units}^({layer.repeat})"
            end = relabelled(
                stage, last, stage.source, {below: f"{layer.units}^({layer.repeat}-1)", above: size}
            )
            shapes.update(_shapes(end, below, size))
            source, extent = end.output, size
        else:
            source, extent = stage.output, above
    shapes[Y] = (extent,)
    shapes[LOSS] = ()
    loss, likelihood = _loss(network, source, (extent,))
    facts = unit_sum_facts(network, (extent,))
    return Forward(network, tuple(stages), loss, likelihood, facts, shapes)


def _numbered(before: Label, layer: Dense, extent: Extent) -> tuple[Label, tuple[Extent, Extent]]:
    """The number of the layer, and the sizes of its input and output."""
    if layer.repeat is None:
        return before.shifted(1), (extent, layer.units)
    units = str(layer.units)
    return Label(0, layer.repeat), (f"{units}^(l-1)", f"{units}^(l)")


def _function_names(network: Network) -> dict[str, Function]:
    """A letter for every different formula that is used as an activation."""
    formulas = [a.formula for layer in network.layers if (a := layer.activation).formula]
    letters = ("phi", "psi", "chi", "omega")
    different = list(dict.fromkeys(formulas))
    return {
        text: Function(letters[k]) if k < len(letters) else Function("phi", Label(k + 1))
        for k, text in enumerate(different)
    }


def dense_stage(
    layer: Dense,
    label: Label,
    source: Tensor,
    below: Extent,
    above: Extent,
    names: Mapping[str, Function],
) -> Stage:
    """s[j] = Sum(W[i,j]*x[i], i) + b[j] and o[j] = phi(s[j])."""
    if layer.repeat is not None:
        label = Label(0, "l")
        source = Tensor("o", "activation", Label(-1, "l"))
    weight = Tensor("W", "weight", label, batched=False)
    bias = Tensor("b", "bias", label, batched=False)
    tensors = {"x": source, "W": weight, "b": bias, "s": Tensor("s", "preactivation", label)}
    indices = {"i": Index("i", below), "j": Index("j", above)}
    arrays = {"x": (below,), "W": (below, above), "b": (above,)}
    scope = Scope(indices, arrays, lambda name, at: entry(tensors[name], *at))
    written = read_equation(DENSE[layer.bias], scope)
    s = entry(tensors["s"], *written.at)
    weights = (weight,) if layer.bias == "absent" else (weight, bias)
    activation, phi, function = _activation(layer, label, indices["j"], names)
    why = "weighted sum of the inputs"
    return Stage(
        label,
        "dense",
        layer,
        Equation(s, written.rhs, why),
        activation,
        phi,
        function,
        weights,
        source,
    )


def relabelled(
    stage: Stage, label: Label, source: Tensor, extents: Mapping[Extent, Extent]
) -> Stage:
    """The stage of layer l as the stage of another number, with that source and those sizes."""
    moved = Moved(stage, label, source, extents)
    affine = Equation(moved.entry(stage.affine.lhs), moved(stage.affine.rhs), stage.affine.why)
    activation = stage.activation and Equation(
        moved.entry(stage.activation.lhs), moved(stage.activation.rhs), stage.activation.why
    )
    phi = None if stage.phi is None else moved(stage.phi)
    function = stage.function and moved.function(stage.function)
    weights = tuple(map(moved.tensor, stage.weights))
    return Stage(label, stage.kind, stage.layer, affine, activation, phi, function, weights, source)


@dataclass(frozen=True)
class Moved:
    """Renames everything of the layer `stage.label` for another layer number."""

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
        return relabel(term, self.tensor, lambda e: self.extents.get(e, e), self.function)

    def entry(self, entry: Ref) -> Ref:
        """An entry of the other layer."""
        moved = self(entry)
        assert isinstance(moved, Ref)
        return moved


def _activation(
    layer: Dense, label: Label, j: Index, names: Mapping[str, Function]
) -> tuple[Equation | None, Term | None, Function | None]:
    """The activation equation of the output entry, phi in S, and the name of phi."""
    s, o = Tensor("s", "preactivation", label), Tensor("o", "activation", label)
    spec = layer.activation
    if spec.name in INDEXED_ACTIVATIONS:
        k = Index("k", j.size)

        def resolve(name: str, at: tuple[Affine, ...]) -> Term:
            return entry(s, *at)

        scope = Scope({"j": j, "k": k}, {"s": (j.size,)}, resolve)
        rhs = read_equation("o[j] = " + INDEXED_ACTIVATIONS[spec.name], scope).rhs
        return Equation(entry(o, j), rhs, spec.name), None, Function(spec.name)
    if spec.name == "generic":
        function = Function("phi", label)
        phi: Term = Apply(function, S)
    else:
        phi = activation_formula(spec.name, spec.formula, spec.options)
        function = names[spec.formula] if spec.formula else Function(spec.name)
    if phi is S:
        return None, None, None
    rhs = replace_term(phi, S, entry(s, j))
    return Equation(entry(o, j), rhs, "activation"), phi, function


def activation_formula(name: str, formula: str | None, options: Mapping[str, object]) -> Term:
    """phi(S) of a named activation with its options, or of a user's formula."""
    names: dict[str, Term] = {"s": S}
    for option, value in options.items():
        names[option] = mul(value)  # type: ignore[arg-type]
    return read_formula(formula if formula is not None else ACTIVATIONS[name], names)


def _shapes(stage: Stage, below: Extent, above: Extent) -> dict[Tensor, tuple[Extent, ...]]:
    found: dict[Tensor, tuple[Extent, ...]] = {stage.weights[0]: (below, above)}
    if len(stage.weights) > 1:
        found[stage.weights[1]] = (above,)
    found.update({e.lhs.tensor: (above,) for e in stage.equations})
    found[delta_of(stage.label)] = (above,)
    return found


def delta_of(label: Label) -> Tensor:
    """The tensor of the error delta = dL/ds of a layer."""
    return Tensor("delta", "delta", label)


# ------------------------------------------------------------------ the loss


def _loss(
    network: Network, output: Tensor, shape: tuple[Extent, ...]
) -> tuple[Equation, Equation | None]:
    """The loss of one sample, and for a likelihood the equation from which it is derived."""
    lhs = entry(LOSS)
    spec = network.loss
    if spec.name == "generic":
        return Equation(lhs, Apply(Function("loss"), entry(output)), "a smooth loss"), None
    if spec.formula is not None and "[" in spec.formula:
        tensors = {"o": output, "y": Y}
        rhs = read_index_formula(spec.formula, shape, lambda n, at: entry(tensors[n], *at))
        return Equation(lhs, rhs, "the loss"), None
    indices = [Index(name, size) for name, size in zip("kmpq", shape, strict=False)]
    names = {"o": entry(output, *indices), "y": entry(Y, *indices), "t": mul(*map(size_of, shape))}
    names.update({option: mul(value) for option, value in spec.options.items()})
    if spec.likelihood is not None:
        density = read_formula(LIKELIHOODS[spec.likelihood], names)
        start = -Sum(call("log", density), tuple(indices))
        rhs = summed(split_logs(-call("log", density)), indices)
        return Equation(lhs, rhs, "negative log-likelihood"), Equation(lhs, start)
    each = read_formula(spec.formula or LOSSES[spec.name], names)
    return Equation(lhs, summed(each, indices), "the loss"), None


def size_of(extent: Extent) -> Term:
    """The size as a number, or as a symbol."""
    return mul(extent) if isinstance(extent, int) else Size(extent)


def summed(body: Term, indices: list[Index]) -> Term:
    """The sum over all indices, with numbers and sizes in front of it, constants by their count."""
    if isinstance(body, Mul) and isinstance(body.args[-1], Add) and len(body.args) == 2:
        if body.args[0] == Num(Fraction(-1)) and not all(map(refs, body.args[-1].args)):
            body = add(*(-arg for arg in body.args[-1].args))
    if isinstance(body, Add) and not all(map(refs, body.args)):
        constant = add(*(arg for arg in body.args if not refs(arg)))
        varying = add(*(arg for arg in body.args if refs(arg)))
        return summed(varying, indices) + mul(*(size_of(i.size) for i in indices), constant)
    factors = factors_of(body)
    front = [f for f in factors if not refs(f)]
    inner = mul(*(f for f in factors if refs(f)))
    return mul(*front, Sum(inner, tuple(indices)))


def unit_sum_facts(network: Network, shape: tuple[Extent, ...]) -> tuple[Fact, ...]:
    """What the loss declares of its targets: those of a cross-entropy are probabilities."""
    name = network.loss.likelihood or network.loss.name
    if name not in UNIT_SUM:
        return ()
    k = Index("k", shape[-1])
    fact = Fact("fact.targets", "the targets of a sample sum to 1", Sum(entry(Y, k), (k,)), ONE)
    return (fact,)


def objective(forward: Forward) -> Term:
    """The mean or sum of the losses over the samples, plus (lambda/2) Sum w^2."""
    network = forward.network
    losses = total(forward.loss.lhs, SAMPLE)
    value = losses if network.reduction == "sum" else power(Size(SAMPLE.size), -1) * losses
    if network.weight_decay:
        for stage in forward.stages:
            i, j = (
                Index(n, e) for n, e in zip("ij", forward.shapes[stage.weights[0]], strict=True)
            )
            square = Sum(power(ref(stage.weights[0], i, j), 2), (i, j))
            value = value + Num(network.weight_decay / 2) * square
    return value


def expression(forward: Forward) -> Term:
    """The loss of one sample as one expression over input, target and all parameters."""
    term = forward.loss.rhs
    for equation in reversed(forward.equations):
        term = define(term, equation.lhs, equation.rhs)
    return term
