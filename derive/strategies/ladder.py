"""Dense layers one above the other, and the factors of the chain rule between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from derive.adjoint import apart
from derive.algebra.equation import Equation
from derive.algebra.index import contracted, derivative
from derive.algebra.terms import (
    ONE,
    Affine,
    Apply,
    Index,
    Label,
    Partial,
    Ref,
    Tensor,
    Term,
    mul,
    ref,
    total,
)
from derive.derivation import Derivation
from derive.forward import at_end, at_number, delta_of
from derive.generic import template
from derive.lemma_book import LemmaBook
from derive.network.layers import Dense
from derive.stages import Stage
from derive.strategies.checks import Frame, Slope, error_of, placed

Upstream = Callable[[Ref], Term]  # how a strategy writes dL/d entry
REACH = (-2, -1, 0, 1, 2)  # the layers around l that a step may speak of


@dataclass(frozen=True)
class Ladder:
    """The dense stages of a network from the first to the last, and the generic layer l."""

    derivation: Derivation
    stages: tuple[Stage, ...]
    lemmas: LemmaBook
    frame: Frame
    in_general: Mapping[str, Frame]  # by the form of the bias: around l any kind of activation

    def frame_of(self, stage: Stage) -> Frame:
        """The equations among which a layer stands: those of the network, or of layer l."""
        assert isinstance(stage.layer, Dense)
        general = stage.label.base == "l" and isinstance(stage.phi, Apply)
        return self.in_general[stage.layer.bias] if general else self.frame

    @property
    def last(self) -> Stage:
        """The output layer, at its last number."""
        return at_end(self.stages[-1])

    @property
    def many(self) -> bool:
        """Whether some layer stands between two others."""
        return len(self.stages) > 1 or self.stages[0].repeat is not None

    @property
    def unitwise(self) -> bool:
        """Whether every activation acts on each unit by itself, so that layer l may be any."""
        return all(s.activation is None or s.phi is not None for s in self.stages)

    @property
    def concrete(self) -> bool:
        """Whether all sizes are numbers."""
        return all(isinstance(e, int) for shape in self.derivation.shapes.values() for e in shape)

    @property
    def biases(self) -> tuple[str, ...]:
        """The forms of the bias, in the order of the layers that have them."""
        return _biases(self.stages)

    def generic(self, offset: int = 0, bias: str = "") -> Stage:
        """The layer l, or one near it, with the first form of the bias or another."""
        stage = template(bias or self.biases[0])
        return stage if not offset else at_number(stage, Label(offset, "l"))


def ladder_of(derivation: Derivation) -> Ladder | str:
    """The ladder of a network of dense layers, or why there is none."""
    stages = derivation.forward_pass.stages
    others = sorted({s.kind for s in stages if not isinstance(s.layer, Dense)})
    if others:
        return f"it is told for dense layers, and this network has others ({', '.join(others)})"
    forward = derivation.forward_pass
    own = [at_number(s, Label(k, "l")) for s in stages if s.repeat is not None for k in REACH]
    own += [at_end(s) for s in stages]
    lemmas = LemmaBook(forward)
    return Ladder(
        derivation,
        stages,
        lemmas,
        _frame(derivation, own, lemmas),
        {bias: _frame(derivation, _around(bias), lemmas) for bias in _biases(stages)},
    )


def _biases(stages: tuple[Stage, ...]) -> tuple[str, ...]:
    layers = [stage.layer for stage in stages]
    return tuple(dict.fromkeys(layer.bias for layer in layers if isinstance(layer, Dense)))


def _around(bias: str) -> list[Stage]:
    """The layer l and its neighbours, all with that form of the bias."""
    return [at_number(template(bias), Label(k, "l")) for k in REACH]


def _frame(derivation: Derivation, stages: list[Stage], lemmas: LemmaBook) -> Frame:
    """The equations of layers; the slope of an activation is the one that its lemma proves."""
    equations = {e.lhs.tensor: e for stage in stages for e in stage.equations}
    deltas: dict[Tensor, Tensor] = {}
    slopes: dict[Tensor, Slope] = {}
    for stage in stages:
        deltas[delta_of(stage.label)] = stage.s.tensor
        deltas[error_of(stage.output)] = stage.output
        if stage.activation is not None and stage.phi is not None:
            slopes[stage.output] = partial(_proved_slope, lemmas, stage)
    return Frame(tuple(equations.values()), derivation.loss, deltas, slopes)


def _proved_slope(lemmas: LemmaBook, stage: Stage, o: Ref) -> tuple[Ref, Term]:
    s = Ref(stage.s.tensor, o.at)
    return s, lemmas.slope(stage, s)[0]


# ------------------------------------------------------------------ factors of the chain rule


@dataclass(frozen=True)
class Factor:
    """One factor of a chain rule: as a formal derivative, what it is, and the lemmas behind it."""

    formal: Term
    value: Term
    cites: tuple[str, ...] = ()
    over: tuple[Index, ...] = ()  # indices that the chain rule sums over


def by_activation(
    ladder: Ladder, stage: Stage, s: Ref, beside: tuple[Index, ...] = ()
) -> tuple[Ref, Factor | None]:
    """The output entry that depends on s, and the factor do/ds; no factor without activation.

    The indices `beside` are in use already.
    """
    if stage.activation is None:
        return s, None
    if stage.phi is not None:
        o = Ref(stage.activation.lhs.tensor, s.at)
        slope, cites = ladder.lemmas.slope(stage, s)
        return o, Factor(Partial(o, s), slope, cites)
    user = apart(stage.activation, Ref(s.tensor, (*s.at, *map(Affine.of, beside))))
    jacobian, cites = ladder.lemmas.jacobian(user, s, stage)
    over = tuple(p.index for p in user.lhs.at if p.index is not None and not p.index.sample)
    return user.lhs, Factor(Partial(user.lhs, s), jacobian, cites, over)


def by_parameter(stage: Stage, by: Ref) -> Factor:
    """ds/dw of the unit to which the parameter belongs."""
    return by_input(stage, own_unit(stage, by), by)


def by_input(stage: Stage, s: Ref, by: Ref) -> Factor:
    """ds/dx for an entry of the layer's input, or of anything else in its equation."""
    return Factor(Partial(s, by), slope_of(stage.main, s, by), (f"forward.{s.tensor}",))


def slope_of(main: Equation, s: Ref, by: Ref) -> Term:
    """The derivative of a layer's equation at an entry."""
    return contracted(derivative(placed(main, s), by))


def own_unit(stage: Stage, by: Ref) -> Ref:
    """The pre-activation of the unit to which an entry of a weight or bias belongs."""
    front = tuple(p for p in stage.s.at if p.index is not None and p.index.sample)
    return Ref(stage.s.tensor, (*front, by.at[-1]))


def parameter_entry(stage: Stage, parameter: Tensor) -> Ref:
    """w[i,j] or b[j] with the indices of the layer's equation."""
    j = stage.s.at[-1]
    if parameter.role != "weight":
        return ref(parameter, j)
    below = stage.shapes[parameter][0]
    name = "i" if j.index is None or j.index.name != "i" else "k"
    return ref(parameter, Index(name, below), j)


def product(*factors: Factor | Term, formal: bool, inner_first: bool = False) -> Term:
    """The product of factors, outermost first or last; sums of the chain rule around it."""
    terms = [f if isinstance(f, Term) else f.formal if formal else f.value for f in factors]
    over = [i for f in factors if isinstance(f, Factor) for i in f.over]
    kept = [t for t in terms if t is not ONE]
    return total(mul(*(reversed(kept) if inner_first else kept)), *over)


def cited(*factors: Factor | Term | None) -> tuple[str, ...]:
    """The lemmas and equations behind the factors."""
    return tuple(dict.fromkeys(c for f in factors if isinstance(f, Factor) for c in f.cites))


def neighbours(ladder: Ladder) -> tuple[tuple[Stage, Stage], ...]:
    """(layer, the one above it) from the last pair to the first; a repeated layer with itself."""
    pairs: list[tuple[Stage, Stage]] = []
    for below, above in reversed(list(pairwise(ladder.stages))):
        pairs.append((at_end(below), above))
    for stage in ladder.stages:
        if stage.repeat is not None:
            pairs.append((stage, at_number(stage, Label(1, "l"))))
    return tuple(pairs)
