"""An oracle in plain Python loops: equations between tensors, entry by entry, in complex numbers.

It shares with the engine nothing but the terms themselves: no rule, no normal form, no lowering.
"""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Iterable, Mapping
from itertools import product

from derive.algebra.equation import Equation
from derive.algebra.terms import (
    Add,
    Affine,
    Argmax,
    Call,
    Compare,
    Const,
    Delta,
    Extremum,
    Guard,
    Index,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
    free_indices,
)
from derive.derivation import Derivation

Arrays = dict[Tensor, dict[tuple[int, ...], complex]]


class Loops:
    """Evaluates terms for `samples` samples, with numbers for the symbolic sizes."""

    def __init__(self, samples: int, sizes: Mapping[str, int] | None = None) -> None:
        self.sizes = {"N": samples, **(sizes or {})}
        self.arrays: Arrays = {}

    def extent(self, size: int | str) -> int:
        return size if isinstance(size, int) else self.sizes[size]

    def place(self, place: Affine, at: Mapping[Index, int]) -> int:
        return place.offset + sum(c * at[i] for i, c in place.terms)

    def over(self, indices: Iterable[Index], at: Mapping[Index, int]) -> list[dict[Index, int]]:
        chosen = list(indices)
        ranges = [range(self.extent(i.size)) for i in chosen]
        return [{**at, **dict(zip(chosen, w, strict=True))} for w in product(*ranges)]

    def define(self, equation: Equation) -> None:
        """Compute every entry of the left side."""
        entries = self.arrays.setdefault(equation.lhs.tensor, {})
        entries.clear()
        free = sorted(free_indices(equation.lhs))
        for at in self.over(free, {}):
            where = tuple(self.place(p, at) for p in equation.lhs.at)
            entries[where] = self.value(equation.rhs, at)

    def value(self, term: Term, at: Mapping[Index, int]) -> complex:
        match term:
            case Num():
                return complex(term.value)
            case Const():
                return math.pi
            case Size():
                return self.extent(term.extent)
            case Ref():
                where = tuple(self.place(p, at) for p in term.at)
                entries = self.arrays[term.tensor]
                return entries.get(where, 0) if term.padded else entries[where]
            case Add():
                return sum(self.value(a, at) for a in term.args)
            case Mul():
                result: complex = 1
                for arg in sorted(term.args, key=lambda a: not isinstance(a, Guard)):
                    result *= self.value(arg, at)
                    if result == 0 and isinstance(arg, Guard):
                        return 0  # the other factors need not exist there
                return result
            case Pow():
                return self.value(term.base, at) ** float(term.exponent)
            case Call():
                return self.call(term.function, [self.value(a, at) for a in term.args])
            case Piecewise():
                for value, cond in term.branches:
                    if not isinstance(cond, Compare) or self.holds(cond, at):
                        return self.value(value, at)
            case Sum():
                return sum(self.value(term.body, w) for w in self.over(term.indices, at))
            case Extremum():
                values = [
                    self.value(term.body, w)
                    for w in self.over(term.indices, at)
                    if not self.missing(term.body, w)
                ]
                return (max if term.kind == "max" else min)(values, key=lambda v: v.real)
            case Argmax():
                return self.first(term, at)
            case Delta():
                return float(self.place(term.left, at) == self.place(term.right, at))
            case Guard():
                return float(0 <= self.place(term.place, at) < self.extent(term.size))
        raise TypeError(type(term).__name__)

    def missing(self, body: Term, at: Mapping[Index, int]) -> bool:
        """Whether the body is an entry outside its tensor that counts as below all numbers."""
        if not isinstance(body, Ref) or not body.lowest:
            return False
        where = tuple(self.place(p, at) for p in body.at)
        return where not in self.arrays[body.tensor]

    def first(self, term: Argmax, at: Mapping[Index, int]) -> float:
        best, chosen = None, None
        for where in self.over(term.extremum.indices, at):
            if self.missing(term.extremum.body, where):
                continue
            value = self.value(term.extremum.body, where).real
            value = value if term.extremum.kind == "max" else -value
            if best is None or value > best:
                best, chosen = value, tuple(where[i] for i in term.extremum.indices)
        return float(chosen == tuple(self.place(p, at) for p in term.at))

    def holds(self, cond: Compare, at: Mapping[Index, int]) -> bool:
        lhs, rhs = (complex(self.value(t, at)).real for t in (cond.lhs, cond.rhs))
        return {"<": lhs < rhs, "<=": lhs <= rhs, ">": lhs > rhs, ">=": lhs >= rhs}[cond.op]

    def call(self, name: str, args: list[complex]) -> complex:
        z = complex(args[0])
        match name:
            case "sigmoid":
                return 1 / (1 + cmath.exp(-z))
            case "softplus":
                return cmath.log(1 + cmath.exp(z))
            case "relu":
                return z if z.real > 0 else 0
            case "abs":
                return z if z.real > 0 else -z
            case "max":
                return max(args, key=lambda v: complex(v).real)
            case "min":
                return min(args, key=lambda v: complex(v).real)
            case "erf":  # first order around the real axis, which is all that a complex step needs
                slope = 2 / math.sqrt(math.pi) * math.exp(-(z.real**2))
                return complex(math.erf(z.real), slope * z.imag)
        function = getattr(cmath, name)
        assert callable(function)
        return complex(function(z))


def random_arrays(derivation: Derivation, loops: Loops, seed: int) -> list[Tensor]:
    """Random parameters, inputs, masks and targets; the parameters are returned."""
    rng = random.Random(seed)
    stages = derivation.forward_pass.stages
    parameters = [p for stage in stages for p in stage.parameters]
    masks = [m for stage in stages for m in stage.masks]
    inputs = [t for t in derivation.shapes if t.role in {"input", "target"}]
    for tensor in (*parameters, *masks, *inputs):
        shape = tuple(map(loops.extent, derivation.shapes[tensor]))
        full = (loops.sizes["N"], *shape) if tensor.batched else shape
        low, high = {"target": (0.1, 0.9), "mask": (0.0, 2.0)}.get(tensor.role, (-1.0, 1.0))
        entries = {w: rng.uniform(low, high) for w in product(*map(range, full))}
        if tensor.role == "target" and derivation.facts:
            entries = _normalised(entries)
        loops.arrays[tensor] = {w: complex(v) for w, v in entries.items()}
    return parameters


def _normalised(entries: dict[tuple[int, ...], float]) -> dict[tuple[int, ...], float]:
    sums: dict[tuple[int, ...], float] = {}
    for where, value in entries.items():
        sums[where[:-1]] = sums.get(where[:-1], 0) + value
    return {where: value / sums[where[:-1]] for where, value in entries.items()}


def objective_value(derivation: Derivation, loops: Loops) -> complex:
    for equation in (*derivation.forward, derivation.loss):
        loops.define(equation)
    return loops.value(derivation.objective, {})


def assert_gradients(derivation: Derivation, samples: int = 2, seed: int = 0) -> None:
    """Every derived gradient equals the complex step of the objective."""
    loops = Loops(samples)
    parameters = random_arrays(derivation, loops, seed)
    objective_value(derivation, loops)
    for equation in (*derivation.backward, *derivation.gradients):
        loops.define(equation)
    derived = {e.lhs.tensor: dict(loops.arrays[e.lhs.tensor]) for e in derivation.gradients}
    for tensor, entries in derived.items():
        parameter = next(
            p for p in parameters if p.letter == tensor.letter and p.label == tensor.label
        )
        for where, found in entries.items():
            kept = loops.arrays[parameter][where]
            loops.arrays[parameter][where] = kept + 1e-30j
            expected = complex(objective_value(derivation, loops)).imag / 1e-30
            loops.arrays[parameter][where] = kept
            gap = abs(found.real - expected)
            assert gap <= 1e-9 * (1 + abs(expected)), (
                f"d/d{parameter}{list(where)}: derived {found.real}, complex step {expected}"
            )
