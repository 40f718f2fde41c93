"""The scope of a network: what a reader may know of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from derive.algebra.equation import Equation
from derive.algebra.symbols import Extent, Label
from derive.algebra.terms import Extremum, Index, Sum, walk
from derive.claims.terms import Terms
from derive.derivation import Derivation
from derive.reading.own import PLAIN as NOTHING
from derive.reading.scope import Scope
from derive.stages import Stage
from derive.staging import FORMULAS
from derive.writing.profile import Profile


def scope_of(derivation: Derivation, profile: Profile) -> Scope:
    """The signs of the profile over the arrays of the network."""
    stages = derivation.forward_pass.stages
    return Scope(
        profile,
        last=derivation.forward_pass.output.tensor.label,
        shapes=derivation.shapes,
        threshold=any(getattr(s.layer, "bias", "") == "threshold" for s in stages),
        formulas=named_formulas(stages),
        own=replace(NOTHING, beyond=True),
    )


def named_formulas(stages: Iterable[Stage]) -> dict[Label, tuple[str, ...]]:
    """Layer -> the letters of the activations that a user wrote for it."""
    formulas: dict[Label, tuple[str, ...]] = {}
    for stage in stages:
        function = stage.function
        own = function is not None and function.label is None and function.name in FORMULAS
        if own and function is not None and stage.label is not None:
            formulas[stage.label] = (*formulas.get(stage.label, ()), function.name)
    return formulas


def terms_of(derivation: Derivation, scope: Scope) -> Terms:
    """Makes terms of what was read about the network."""
    stages = derivation.forward_pass.stages
    biases: dict[Label | None, str] = {
        s.label: bias for s in stages if isinstance(bias := getattr(s.layer, "bias", None), str)
    }
    generic = {kind for kind in biases.values() if kind}
    biases.setdefault(Label(0, "l"), generic.pop() if len(generic) == 1 else "")
    return Terms(scope, _ranges(derivation), biases, _units(derivation))


def _units(derivation: Derivation) -> str:
    for shape in derivation.shapes.values():
        for extent in shape:
            if isinstance(extent, str) and "^(" in extent:
                return extent.partition("^")[0]
    return "d"


def _ranges(derivation: Derivation) -> dict[str, Extent]:
    """The sizes of indices that only the forward equations know: those of a window."""
    found: dict[str, Extent] = {}
    equations: tuple[Equation, ...] = (*derivation.forward, *derivation.backward)
    for equation in equations:
        for node in walk(equation.rhs):
            for index in node.indices if isinstance(node, Extremum) else ():
                found.setdefault(index.name, index.size)
    for equation in equations:
        for node in walk(equation.rhs):
            for index in node.indices if isinstance(node, Sum | Extremum) else ():
                found.setdefault(index.name, index.size)
        for place in equation.lhs.at:
            for index, _ in place.terms:
                _put(found, index)
    return found


def _put(found: dict[str, Extent], index: Index) -> None:
    if not index.sample:
        found.setdefault(index.name, index.size)
