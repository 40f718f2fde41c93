"""A small network with random numbers, every derivative of it by a complex step.

Symbolic sizes become small numbers, a repeated layer becomes several layers of different widths, a
generic activation a random smooth function (another one in each layer), a generic loss a random
smooth function of all outputs.  One sample more than N is computed: the number 0 of sheets that
count from it.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import mpmath

from derive.forward import Forward, forward, objective
from derive.identities import S
from derive.index import expand_functions
from derive.layers import AnyLayer, Dense
from derive.spec import Network
from derive.stages import SAMPLE
from derive.terms import (
    Add,
    Affine,
    Apply,
    Call,
    Compare,
    Condition,
    Const,
    Delta,
    Extent,
    Extremum,
    Function,
    Guard,
    Index,
    Label,
    Mul,
    Num,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Tensor,
    Term,
)

STEP = 1e-20
SAMPLES = 3
LAYERS = 3
Places = tuple[int, ...]
Array = dict[Places, complex]
OBJECTIVE = Tensor("objective", "objective", None, batched=False)
LOSS = Tensor("L", "loss")
_PRIMITIVES: dict[str, Callable[[complex], complex]] = {
    "exp": cmath.exp, "log": cmath.log, "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan,
    "asin": cmath.asin, "acos": cmath.acos, "atan": cmath.atan, "tanh": cmath.tanh,
    "sinh": cmath.sinh, "cosh": cmath.cosh,
}  # fmt: skip


class Outside(Exception):
    """A place outside an array, a logarithm of nothing positive."""


class NoLayer(Outside):
    """A layer that the network has not."""


def concrete(network: Network, random: Random, layers: int = LAYERS) -> Network:
    """The network with numbers for every symbolic size; a repeated layer written out."""
    sizes: dict[str, int] = {}

    def size(extent: int | str) -> int:
        if isinstance(extent, int):
            return extent
        return sizes.setdefault(extent, 2 + (len(sizes) + random.randrange(3)) % 3)

    made: list[AnyLayer] = []
    for layer in network.layers:
        if isinstance(layer, Dense) and layer.repeat is not None:
            widths = [2 + (k + random.randrange(2)) % 3 for k in range(layers)]
            made += [layer.model_copy(update={"units": w, "repeat": None}) for w in widths]
        elif isinstance(layer, Dense):
            made.append(layer.model_copy(update={"units": size(layer.units)}))
        else:
            made.append(layer)
    inputs = tuple(size(e) for e in network.input)
    return network.model_copy(update={"layers": tuple(made), "input": inputs})


class World:
    """The values of every quantity of one small network, and their derivatives."""

    def __init__(self, network: Network, seed: int = 0, samples: int = SAMPLES) -> None:
        """Numbers are drawn until every logarithm has a positive argument."""
        self.network = concrete(network, Random(f"sizes {seed}"))
        self.symbols = {"N": samples}
        self.passed: Forward = forward(self.network)
        self.samples = samples
        self.last = self._number(self.passed.output.tensor.label)
        self.threshold = any(
            getattr(s.layer, "bias", "") == "threshold" for s in self.passed.stages
        )
        self.shapes: Mapping[Tensor, tuple[Extent, ...]] = self.passed.shapes
        self._perturbed: dict[tuple[Tensor, Places], dict[Tensor, Array]] = {}
        self._compiled: dict[Term, Callable[[dict[Index, int]], complex]] = {}
        self.values: dict[Tensor, Array] = {}
        self.steps = [
            *((e.lhs.tensor, e.lhs, e.rhs) for e in self.passed.equations),
            (LOSS, self.passed.loss.lhs, self.passed.loss.rhs),
        ]
        self.objective = objective(self.passed)
        for attempt in range(400):
            self.random = Random(f"values {seed} {attempt}")
            self.shapers: dict[Any, tuple[float, ...]] = {}
            self.values = self._leaves()
            try:
                self._run(self.values, 0)
                break
            except Outside:
                continue
        else:
            raise Outside("no values with every logarithm defined were found")

    @staticmethod
    def _number(label: Label | None) -> int:
        return 0 if label is None else label.offset

    # ---------------------------------------------------------------- values

    def _leaves(self) -> dict[Tensor, Array]:
        defined = {tensor for tensor, _, _ in self.steps}
        made: dict[Tensor, Array] = {}
        positive = self.network.loss.likelihood or self.network.loss.name
        for tensor, shape in self.passed.shapes.items():
            if tensor in defined or tensor.role == "delta":
                continue
            array = {place: complex(self._draw(tensor)) for place in self._places(tensor)}
            if tensor.role == "target" and positive not in ("gaussian", "squared_error"):
                array = self._probabilities(array)
            made[tensor] = array
            assert len(shape) >= 0
        return made

    def _draw(self, tensor: Tensor) -> float:
        if tensor.role == "target":
            return self.random.uniform(0.15, 0.85)
        size = self.random.uniform(0.25, 1.25)
        return size if self.random.random() < 0.5 else -size

    def _probabilities(self, array: Array) -> Array:
        """Targets that sum to 1 over the last axis, where the loss says so."""
        name = self.network.loss.likelihood or self.network.loss.name
        if name not in ("cross_entropy", "categorical"):
            return array
        totals: dict[Places, complex] = {}
        for place, value in array.items():
            totals[place[:-1]] = totals.get(place[:-1], 0) + value
        return {place: value / totals[place[:-1]] for place, value in array.items()}

    def _places(self, tensor: Tensor) -> list[Places]:
        shape = [self.extent(e) for e in self.passed.shapes.get(tensor, ())]
        rows = [range(self.samples + 1)] if tensor.batched else []
        return list(product(*rows, *map(range, shape)))

    def extent(self, extent: Extent) -> int:
        """The number that a size is here."""
        return extent if isinstance(extent, int) else self.symbols[extent]

    def _run(self, values: dict[Tensor, Array], start: int) -> None:
        """Compute every step from `start` on."""
        for tensor, lhs, rhs in self.steps[start:]:
            values[tensor] = self._step(values, tensor, lhs, rhs)
        self._now = values
        values[OBJECTIVE] = {(): self.compiled(self.objective)({})}

    def _step(self, values: dict[Tensor, Array], tensor: Tensor, lhs: Ref, rhs: Term) -> Array:
        self._now = values
        value = self.compiled(rhs)
        names = [i for place in lhs.at for i, _ in place.terms]
        ranges = [range(self.samples + 1 if i.sample else self.extent(i.size)) for i in names]
        rows = (dict(zip(names, row, strict=True)) for row in product(*ranges))
        return {tuple(_place(p, row) for p in lhs.at): value(row) for row in rows}

    def perturbed(self, tensor: Tensor, place: Places) -> dict[Tensor, Array]:
        """All values where one entry has moved by an imaginary step."""
        key = (tensor, place)
        if key not in self._perturbed:
            values = dict(self.values)
            values[tensor] = {**values[tensor], place: values[tensor][place] + 1j * STEP}
            order = [step[0] for step in self.steps]
            start = order.index(tensor) + 1 if tensor in order else 0
            self._run(values, start)
            self._perturbed[key] = values
        return self._perturbed[key]

    def slope(self, of: Tensor, at: Places, by: Tensor, place: Places) -> complex:
        """d of[at] / d by[place]."""
        if by == of:
            return complex(at == place)
        order = [step[0] for step in self.steps]
        if of in order and by in order and order.index(of) < order.index(by):
            return 0j
        return complex(self.perturbed(by, place)[of][at].imag / STEP)

    # ---------------------------------------------------------------- functions

    def shaper(self, key: object) -> tuple[float, ...]:
        """The numbers of a random smooth function."""
        if key not in self.shapers:
            random = Random(f"function {key}")
            self.shapers[key] = tuple(random.uniform(0.5, 1.3) for _ in range(4))
        return self.shapers[key]

    def smooth(self, key: object, order: int, s: complex) -> complex:
        """The derivative of a random smooth function: a sin(b s + c) + d s / 2."""
        a, b, c, d = self.shaper(key)
        waves = (cmath.sin, cmath.cos, lambda z: -cmath.sin(z), lambda z: -cmath.cos(z))
        value = a * b**order * waves[order % 4](b * s + c)
        return value + (d * s / 2, d / 2, 0)[min(order, 2)]

    def function(self, function: Function, s: complex, order: int = 0) -> complex:
        """A named function, or its derivative."""
        if function.label is not None or function.name in ("phi", "psi", "chi", "omega"):
            stage = next((g for g in self.passed.stages if g.function == function), None)
            if stage is not None and not _generic(stage.phi):
                return self.elementwise(stage.phi, s, order)
            if function.label is not None and not 1 <= function.label.offset <= self.last:
                raise NoLayer(f"layer {function.label}")
            return self.smooth(str(function), order, s)
        return self.elementwise(Call(function.name, (S,)), s, order)

    def elementwise(self, phi: Term | None, s: complex, order: int = 0) -> complex:
        """phi(s) for a term in S, or its derivative."""
        if phi is None:
            raise Outside("an activation of a single number")
        if order:
            h = 1e-2
            near = [self.elementwise(phi, s + k * h, order - 1) for k in (-3, -2, -1, 1, 2, 3)]
            a, b, c, d, e, f = near
            return (45 * (d - c) - 9 * (e - b) + (f - a)) / (60 * h)
        before, self._now = self._now, {S.tensor: {(): s}}
        try:
            return self.compiled(phi)({})
        finally:
            self._now = before

    # ---------------------------------------------------------------- terms

    def compiled(self, term: Term) -> Callable[[dict[Index, int]], complex]:
        """A function from the values of indices to the value of the term."""
        made = self._compiled.get(term)
        if made is None:
            made = self._compiled[term] = self._compile(term)
        return made

    def _compile(self, term: Term) -> Callable[[dict[Index, int]], complex]:
        match term:
            case Num():
                value = complex(float(term.value))
                return lambda at: value
            case Const():
                return lambda at: complex(mpmath.pi)
            case Size():
                size = complex(self.extent(term.extent))
                return lambda at: size
            case Ref():
                return self._ref(term)
            case Add():
                parts = [self.compiled(a) for a in term.args]
                return lambda at: sum((p(at) for p in parts), 0j)
            case Mul():
                return _multiplied([self.compiled(a) for a in term.args])
            case Pow():
                return _raised(self.compiled(term.base), term.exponent)
            case Call():
                return self._call(term)
            case Apply():
                return self._apply(term)
            case Piecewise():
                branches = [(self.compiled(v), self._condition(c)) for v, c in term.branches]
                return lambda at: next(v(at) for v, c in branches if c(at))
            case Sum():
                body, rows = self.compiled(term.body), self._rows(term.indices)
                return lambda at: sum((body({**at, **row}) for row in rows), 0j)
            case Extremum():
                return self._extremum(term)
            case Delta():
                left, right = term.left, term.right
                return lambda at: complex(_place(left, at) == _place(right, at))
            case Guard():
                inside, most = term.place, self.extent(term.size)
                return lambda at: complex(0 <= _place(inside, at) < most)
        raise Outside(f"a value for {type(term).__name__}")

    def _rows(self, indices: tuple[Index, ...]) -> list[dict[Index, int]]:
        ranges = [range(self.extent(i.size)) for i in indices]
        return [dict(zip(indices, row, strict=True)) for row in product(*ranges)]

    def _ref(self, term: Ref) -> Callable[[dict[Index, int]], complex]:
        tensor, at = term.tensor, term.at
        if not term.padded:
            return lambda env: self._now[tensor][tuple(_place(p, env) for p in at)]
        sizes = [self.samples + 1 if e == SAMPLE.size else self.extent(e) for e in term.padded]
        default = complex("-inf") if term.lowest else 0j

        def value(env: dict[Index, int]) -> complex:
            where = tuple(_place(p, env) for p in at)
            inside = all(0 <= p < e for p, e in zip(where, sizes, strict=True))
            return self._now[tensor][where] if inside else default

        return value

    def _call(self, term: Call) -> Callable[[dict[Index, int]], complex]:
        args = [self.compiled(a) for a in term.args]
        first = args[0]
        if term.function == "log":
            return lambda at: guarded_log(first(at))
        if term.function in _PRIMITIVES:
            plain = _PRIMITIVES[term.function]
            return lambda at: plain(first(at))
        if term.function == "erf":
            return lambda at: complex(mpmath.erf(first(at)))
        if term.function in ("max", "min"):
            best = max if term.function == "max" else min
            return lambda at: best((a(at) for a in args), key=lambda z: z.real)
        expanded = expand_functions(term)
        if expanded is term:
            raise Outside(f"a value of {term.function}")
        return self.compiled(expanded)

    def _apply(self, term: Apply) -> Callable[[dict[Index, int]], complex]:
        if term.function == Function("loss"):
            assert isinstance(term.arg, Ref)
            return self._generic_loss(term.arg)
        arg, function, order = self.compiled(term.arg), term.function, term.order
        return lambda at: self.function(function, arg(at), order)

    def _generic_loss(self, output: Ref) -> Callable[[dict[Index, int]], complex]:
        """A smooth function of all outputs of a sample."""
        tensor = output.tensor
        shape = [range(self.extent(e)) for e in self.passed.shapes[tensor]]

        def value(at: dict[Index, int]) -> complex:
            n = _place(output.at[0], at)
            found = [self._now[tensor][(n, *place)] for place in product(*shape)]
            alone = sum(self.smooth(f"loss {k}", 0, o) for k, o in enumerate(found))
            return alone + cmath.sin(sum(found) * 0.7)

        return value

    def _condition(self, cond: Condition) -> Callable[[dict[Index, int]], bool]:
        if not isinstance(cond, Compare):
            return lambda at: bool(cond)
        left, right, op = self.compiled(cond.lhs), self.compiled(cond.rhs), cond.op
        return lambda at: compare(op, left(at).real, right(at).real)

    def _extremum(self, term: Extremum) -> Callable[[dict[Index, int]], complex]:
        body, rows = self.compiled(term.body), self._rows(term.indices)
        best = max if term.kind == "max" else min
        return lambda at: best((body({**at, **row}) for row in rows), key=lambda z: z.real)


def compare(op: str, left: float, right: float) -> bool:
    """left op right."""
    return {
        "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right,
        "le": left <= right, "ge": left >= right, "=": left == right, "ne": left != right,
    }[op]  # fmt: skip


def _generic(phi: Term | None) -> bool:
    return isinstance(phi, Apply)


def _place(place: Affine, at: dict[Index, int]) -> int:
    return place.offset + sum(c * at[i] for i, c in place.terms)


def guarded_log(value: complex) -> complex:
    """The logarithm of a positive number."""
    if value.real <= 0:
        raise Outside("a logarithm of a positive number")
    return cmath.log(value)


def _multiplied(
    parts: list[Callable[[dict[Index, int]], complex]],
) -> Callable[[dict[Index, int]], complex]:
    def value(at: dict[Index, int]) -> complex:
        result = 1 + 0j
        for part in parts:
            result *= part(at)
        return result

    return value


def _raised(
    base: Callable[[dict[Index, int]], complex], exponent: Fraction
) -> Callable[[dict[Index, int]], complex]:
    if exponent.denominator == 1:
        whole = int(exponent)
        return lambda at: base(at) ** whole
    power = float(exponent)
    return lambda at: base(at) ** power
