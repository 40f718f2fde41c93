"""Where the loss is defined: what stands under its logarithms and roots must be positive.

Whether it is, whatever the parameters are, is looked up at outputs that a network can have:
computed from the equations of the last layers, back to a quantity that takes every value, as a
weighted sum does with its weights.  Targets lie between 0 and 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Any

import mpmath

from derive.algebra.evaluate import Digits
from derive.algebra.index import define, relabel, written_out
from derive.algebra.simplify import tidy
from derive.algebra.terms import (
    Add,
    Affine,
    Apply,
    Call,
    Extent,
    Index,
    Mul,
    Num,
    Pow,
    Ref,
    Sum,
    Tensor,
    Term,
    free_indices,
    ordered,
    rebuild,
    refs,
    walk,
)
from derive.forward import Forward, Y, at_end
from derive.network.layers import Dropout
from derive.stages import Stage

GRID = (0.0, *(s * 10.0**e for e in (-8, -3, -1, 0, 1, 2) for s in (-3, -1, 1, 3)))
SMALL = tuple(v for v in GRID if abs(v) <= 3)  # where they may be multiplied with one another
TRIALS = 40
FEW = 3  # so many values of an index are enough to look at signs
PARAMETERS = ("weight", "bias", "parameter")
FREE = "free"  # the role of a quantity that takes every value
DIGITS = 300  # e^-300 and 1 - e^-300 are still apart from 0 and 1


@dataclass(frozen=True)
class Condition:
    """`positive` > 0 must hold; `holds`: it does for every value of the parameters."""

    positive: Term
    holds: bool
    remedy: str = ""


def conditions(forward: Forward) -> tuple[Condition, ...]:
    """A condition for every logarithm and root in the loss that depends on the output."""
    found: dict[Term, Condition] = {}
    for node in walk(forward.loss.rhs):
        inside = _must_be_positive(node)
        if inside is not None and any(r.tensor == forward.output.tensor for r in refs(inside)):
            found.setdefault(inside, _condition(forward, inside))
    return tuple(found.values())


def _must_be_positive(node: Term) -> Term | None:
    match node:
        case Call(function="log"):
            return node.args[0]
        case Pow() if node.exponent.denominator > 1 and not isinstance(node.base, Num):
            return node.base
    return None


def _condition(forward: Forward, inside: Term) -> Condition:
    outputs = _Outputs(forward)
    if outputs.always_positive(inside):
        return Condition(tidy(inside), True)
    if replace(outputs, exact=True).always_positive(inside):
        return Condition(tidy(inside), False, "give the activation to the last layer itself")
    within = all(map(outputs.always_positive, (1 + forward.output, 1 - forward.output)))
    helps = within and outputs.always_positive(_centred(inside, forward))
    return Condition(
        tidy(inside), False, "use (1 + o)/2 in place of o in the loss" if helps else ""
    )


def _centred(term: Term, forward: Forward) -> Term:
    """The term with (1 + o)/2 in place of every output o."""
    out = forward.output
    if any(p.index is None for p in out.at):
        return term
    return define(term, out, (1 + out) / 2)


@dataclass(frozen=True)
class _Outputs:
    """The outputs that a network can have; every range is cut to a few values."""

    forward: Forward
    exact: bool = False  # also behind a list of entries, where a module computes with rounded ones

    @cached_property
    def equations(self) -> Mapping[Tensor, tuple[Term, Term]]:
        """What defines the entries of an array."""
        found: dict[Tensor, tuple[Term, Term]] = {}
        for stage in self._stages:
            for equation in stage.equations:
                rhs = _freed(equation.rhs, equation.lhs.tensor)
                found[equation.lhs.tensor] = _few(equation.lhs), _few(rhs)
        return found

    @cached_property
    def activations(self) -> Mapping[Tensor, tuple[Term, Term]]:
        """The pre-activation and the function of it, where an activation works by entries."""
        found: dict[Tensor, tuple[Term, Term]] = {}
        for stage in self._stages:
            if stage.activation is not None and stage.phi is not None:
                found[stage.activation.lhs.tensor] = _few(stage.s), stage.phi
        return found

    @cached_property
    def kept(self) -> Mapping[Tensor, float]:
        """What a mask is where the entry is kept."""
        layers = [(m, stage.layer) for stage in self._stages for m in stage.masks]
        return {m: float(1 / (1 - layer.rate)) for m, layer in layers if isinstance(layer, Dropout)}

    @property
    def _stages(self) -> tuple[Stage, ...]:
        return tuple(s for stage in self.forward.stages for s in (stage, at_end(stage)))

    def always_positive(self, inside: Term) -> bool:
        """Whether the term is positive at every trial."""
        with mpmath.workdps(DIGITS):
            return all(_Trial(self, k).positive(inside) for k in range(TRIALS))


class _Unknown(Exception):
    """Nothing is known of a generic activation."""


class _Trial:
    """One choice of everything that the outputs depend on; an entry at one place has one value."""

    def __init__(self, outputs: _Outputs, number: int) -> None:
        self.outputs, self.random = outputs, Random(f"domain {number}")
        self.grid, self.small = (GRID, SMALL) if number else (GRID[:1], GRID[:1])  # all zeros
        self.known: dict[Ref, Any] = {}
        self.digits = Digits(self.value)

    def positive(self, inside: Term) -> bool:
        """Whether the term is positive here.

        Where a part has no real value there is another condition, on that part, which says so.
        """
        small = _few(inside)
        here = {i: self.random.randrange(_count(i)) for i in ordered(free_indices(small))}
        try:
            found = self.digits(written_out(small, _SIZES, here))
        except ZeroDivisionError:
            return False
        except (ValueError, _Unknown):
            return True
        return isinstance(found, mpmath.mpc) or bool(found > 0)

    def value(self, entry: Term) -> Any:
        """The value of an entry."""
        assert isinstance(entry, Ref)
        if entry not in self.known:
            self.known[entry] = self._value(entry)
        return self.known[entry]

    def _value(self, entry: Ref) -> Any:
        tensor = entry.tensor
        if tensor == Y:
            return mpmath.mpf(self.random.random())
        if tensor.role == "mask":
            return mpmath.mpf(self.random.choice((0, self.outputs.kept[tensor])))
        if tensor not in self.outputs.equations:
            grid = self.grid if tensor.role == FREE else self.small
            return mpmath.mpf(self.random.choice(grid))
        lhs, rhs = self.outputs.equations[tensor]
        at = self._places(lhs, entry)
        if tensor not in self.outputs.activations:
            value = self.digits(written_out(rhs, _SIZES, at))
            listed = isinstance(lhs, Ref) and any(place.index is None for place in lhs.at)
            return _rounded(value) if listed and not self.outputs.exact else value
        s, phi = self.outputs.activations[tensor]
        if isinstance(phi, Apply):
            raise _Unknown
        before = written_out(s, _SIZES, at)
        return Digits(lambda _: self.value(before))(phi)

    def _places(self, lhs: Term, entry: Ref) -> dict[Index, int]:
        """The values of the indices of an equation; of a list of all entries, those of any one."""
        assert isinstance(lhs, Ref)
        at: dict[Index, int] = {}
        for place, value in zip(lhs.at, entry.at, strict=True):
            if place.index is not None:
                at[place.index] = value.offset
            else:
                at |= {i: self.random.randrange(_count(i)) for i, _ in place.terms}
        return at


def _rounded(value: Any) -> Any:
    """The value as a number of 24 bits, as a module knows it that has only this number."""
    with mpmath.workprec(24):
        return mpmath.mpf(0) if abs(value) < mpmath.mpf(2) ** -149 else +value


def _freed(term: Term, of: Tensor) -> Term:
    """The term with a free quantity for every part that takes every value with its parameters."""
    often = Counter(r.tensor for r in refs(term))
    lone = {t for t, count in often.items() if count == 1 and t.role in PARAMETERS}
    made: dict[Term, Term] = {}

    def free(part: Term) -> Term:
        places = (Affine.of(index) for index in ordered(free_indices(part)))
        return made.setdefault(part, Ref(Tensor(f"{of}.{len(made)}", FREE), tuple(places)))

    def visit(node: Term) -> Term:
        return free(node) if _is_moved(node, lone) else rebuild(node, visit)

    return visit(term)


def _is_moved(term: Term, parameters: set[Tensor]) -> bool:
    """Whether one of the parameters is added in it, alone or as a factor."""
    for part in term.args if isinstance(term, Add) else (term,):
        inner = part.body if isinstance(part, Sum) else part
        for factor in inner.args if isinstance(inner, Mul) else (inner,):
            if isinstance(factor, Ref) and factor.tensor in parameters:
                return True
    return False


def _count(index: Index) -> int:
    return min(FEW, index.size) if isinstance(index.size, int) else FEW


def _few(term: Term) -> Term:
    """The term with every range cut to a few values."""

    def cut(extent: Extent) -> Extent:
        return min(FEW, extent) if isinstance(extent, int) else extent

    return relabel(term, lambda t: t, cut)


class _Sizes(dict[str, int]):
    """A few, for every symbolic size."""

    def __missing__(self, name: str) -> int:
        return FEW


_SIZES = _Sizes()
