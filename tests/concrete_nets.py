"""Every member of every chain against a concrete network in mpmath: the strongest test there is.

`Net` is a dense network written by hand, in loops.  Layer labels and symbolic sizes of a chain are
given numbers, errors and pending derivatives are difference quotients of the whole network, and
every member must have the value of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from random import Random

import mpmath

from derive.algebra.equation import Equation
from derive.algebra.terms import (
    Apply,
    Extent,
    Index,
    Label,
    Partial,
    Ref,
    Tensor,
    Term,
    free_indices,
    ordered,
    walk,
)
from derive.derivation import Derivation
from derive.identities import S
from derive.steps import Chain
from tests.brute import STEP, Brute, Number, Place, close, difference

Key = tuple[str, int, Place]  # letter, layer, place
Function = Callable[[Number], Number]
Vector = Sequence[Number]
SAMPLES = 2


def sigmoid(s: Number) -> Number:
    return 1 / (1 + mpmath.exp(-s))


def softmax(s: Vector) -> list[Number]:
    powers = [mpmath.exp(v) for v in s]
    return [p / mpmath.fsum(powers) for p in powers]


ACTIVATIONS: dict[str, Function] = {
    "linear": lambda s: s,
    "sigmoid": sigmoid,
    "tanh": mpmath.tanh,
    "relu": lambda s: s if s > 0 else mpmath.mpf(0),
    "leaky_relu": lambda s: s if s > 0 else s / 100,
    "elu": lambda s: s if s > 0 else mpmath.exp(s) - 1,
    "softplus": lambda s: mpmath.log(1 + mpmath.exp(s)),
    "gelu": lambda s: s * (1 + mpmath.erf(s / mpmath.sqrt(2))) / 2,
    "silu": lambda s: s * sigmoid(s),
    "softsign": lambda s: s / (1 + abs(s)),
    "mish": lambda s: s * mpmath.tanh(mpmath.log(1 + mpmath.exp(s))),
    "sin": mpmath.sin,
}


def huber(e: Number) -> Number:
    return e**2 / 2 if abs(e) < 1 else abs(e) - mpmath.mpf(1) / 2


def over_outputs(each: Callable[[Number, Number], Number]) -> Callable[[Vector, Vector], Number]:
    return lambda o, y: mpmath.fsum(each(a, b) for a, b in zip(o, y, strict=True))


LOSSES: dict[str, Callable[[Vector, Vector], Number]] = {
    "squared_error": over_outputs(lambda o, y: (o - y) ** 2),
    "half_squared_error": over_outputs(lambda o, y: (o - y) ** 2 / 2),
    "mean_squared_error": lambda o, y: over_outputs(lambda a, b: (a - b) ** 2)(o, y) / len(o),
    "binary_cross_entropy": over_outputs(
        lambda o, y: -y * mpmath.log(o) - (1 - y) * mpmath.log(1 - o)
    ),
    "cross_entropy": over_outputs(lambda o, y: -y * mpmath.log(o)),
    "huber": over_outputs(lambda o, y: huber(o - y)),
    "gaussian": over_outputs(lambda o, y: (o - y) ** 2 / 2 + mpmath.log(2 * mpmath.pi) / 2),
    "log_cosh": over_outputs(lambda o, y: mpmath.log(mpmath.cosh(o - y))),
    "generic": lambda o, y: mpmath.fsum(mpmath.sin(a * (k + 1)) for k, a in enumerate(o)) ** 2,
}


@dataclass
class Net:
    """s = x W + sign b, o = phi(s); `labels` and `sizes` give numbers to symbols."""

    widths: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    biases: tuple[int, ...] = ()  # +1 added, -1 threshold, 0 absent; for each layer
    labels: Mapping[str, int] = field(default_factory=dict)  # base of a label -> number
    sizes: Mapping[str, int] = field(default_factory=dict)
    mean: bool = True
    decay: Number = 0
    seed: int = 0
    targets: str = "any"  # "unit": they sum to 1
    moved: dict[Key, Number] = field(default_factory=dict)

    def given(self, letter: str, layer: int, place: Place) -> Number:
        """An input, target or parameter."""
        key = (letter, layer, place)
        if key in self.moved:
            return self.moved[key]
        low, high = (0.1, 0.9) if letter == "y" else (-1.2, 1.2)
        value = mpmath.mpf(Random(f"{self.seed} {key}").uniform(low, high))
        if letter == "y" and self.targets == "unit":
            raw = [Random(f"{self.seed} {('y', 0, (place[0], k))}") for k in range(self.widths[-1])]
            value = value / mpmath.fsum(mpmath.mpf(r.uniform(low, high)) for r in raw)
        return value

    def forward(self, n: int) -> dict[Key, Number]:
        """Every s and o of sample n; o of layer 0 is the input; moved entries keep their value."""
        found: dict[Key, Number] = {}
        below = [self.given("x", 0, (n, i)) for i in range(self.widths[0])]
        found.update({("o", 0, (n, i)): v for i, v in enumerate(below)})
        for layer, width in enumerate(self.widths[1:], 1):
            s = [self._sum(layer, below, j) for j in range(width)]
            s = [self.moved.get(("s", layer, (n, j)), v) for j, v in enumerate(s)]
            name = self.activations[layer - 1]
            o = softmax(s) if name == "softmax" else [ACTIVATIONS[name](v) for v in s]
            below = [self.moved.get(("o", layer, (n, j)), v) for j, v in enumerate(o)]
            for j in range(width):
                found["s", layer, (n, j)], found["o", layer, (n, j)] = s[j], below[j]
        return found

    def _sum(self, layer: int, below: Vector, j: int) -> Number:
        terms = [self.given("W", layer, (i, j)) * v for i, v in enumerate(below)]
        sign = self.biases[layer - 1] if self.biases else 1
        return mpmath.fsum(terms) + (sign * self.given("b", layer, (j,)) if sign else 0)

    def sample_loss(self, n: int) -> Number:
        values = self.forward(n)
        last = len(self.widths) - 1
        o = [values["o", last, (n, j)] for j in range(self.widths[-1])]
        y = [self.given("y", 0, (n, j)) for j in range(self.widths[-1])]
        return LOSSES[self.loss](o, y)

    def objective(self) -> Number:
        """Mean or sum over the samples, plus the decay of all weights."""
        total = mpmath.fsum(self.sample_loss(n) for n in range(SAMPLES))
        squares = mpmath.fsum(
            self.given("W", m, w) ** 2
            for m in range(1, len(self.widths))
            for w in product(range(self.widths[m - 1]), range(self.widths[m]))
        )
        return total / (SAMPLES if self.mean else 1) + self.decay * squares / 2

    def slope(self, of: Callable[[], Number], key: Key, value: Number) -> Number:
        """The difference quotient of a quantity of the network by one of its entries."""

        def moved(at: Number) -> Number:
            self.moved[key] = at
            try:
                return of()
            finally:
                del self.moved[key]

        return (moved(value + STEP) - moved(value - STEP)) / (2 * STEP)

    def value(self, key: Key) -> Number:
        letter, _, place = key
        if letter in {"s", "o"}:
            return self.forward(place[0])[key]
        return self.given(*key)


class Member(Brute):
    """The value of a member of a chain in a network, at one place S of a lemma if there is one."""

    def __init__(self, net: Net, point: Number = 0, phi: Function | None = None) -> None:
        super().__init__(self.look_up, {"N": SAMPLES, **net.sizes})
        self.net, self.point, self.phi = net, point, phi

    def number(self, label: Label | None) -> int:
        if label is None:
            return 0
        return label.offset + (self.net.labels[label.base] if label.base else 0)

    def key(self, tensor: Tensor, where: Place) -> Key:
        letter, layer = tensor.letter, self.number(tensor.label)
        if tensor.role in {"preactivation", "activation"}:
            letter = "s" if tensor.role == "preactivation" else "o"
        if letter == "x":
            return ("x", 0, where)
        return ("x", 0, where) if (letter, layer) == ("o", 0) else (letter, layer, where)

    def look_up(self, tensor: Tensor, where: Place) -> Number:
        if not tensor.batched and tensor.label is None:  # S and O of a lemma
            return self.point if tensor.letter == "s" else self._output()
        if tensor.role == "loss":
            return self.net.sample_loss(where[0])
        if tensor.role in {"delta", "adjoint"}:
            letter = "s" if tensor.role == "delta" else tensor.letter.removeprefix("d")
            key: Key = (letter, self.number(tensor.label), where)
            of = self.net.sample_loss
            return self.net.slope(lambda: of(where[0]), key, self.net.value(key))
        if tensor.role == "gradient":
            key = (tensor.letter, self.number(tensor.label), where)
            return self.net.slope(self.net.objective, key, self.net.value(key))
        return self.net.value(self.key(tensor, where))

    def _output(self) -> Number:
        assert self.phi is not None
        return self.phi(self.moved.get((S.tensor, ()), self.point))

    def partial(self, term: Partial, at: Mapping[Index, int]) -> Number:
        """Of a named entry: through the network.  Of a term: of that term alone."""
        where = self.where(term.by, at)
        if isinstance(term.of, Ref):
            of = term.of
            key = self.key(term.by.tensor, where)
            return self.net.slope(lambda: self.ref(of, at), key, self.net.value(key))
        return super().partial(term, at)

    def apply(self, term: Apply, arg: Number) -> Number:
        return difference(self.function(term), arg, term.order)

    def function(self, term: Apply) -> Function:
        """phi of a layer, a named function, or the one function that a lemma is about."""
        if term.function.label is not None and term.function.label.base:
            return ACTIVATIONS[self.net.activations[self.number(term.function.label) - 1]]
        name = term.function.name
        if name in ACTIVATIONS:
            return ACTIVATIONS[name]
        if name in {"sinh", "cosh", "abs", "exp"}:
            return abs if name == "abs" else getattr(mpmath, name)
        assert self.phi is not None, name
        return self.phi


def assignments(net: Net, terms: Sequence[Term]) -> Iterator[dict[Index, int]]:
    """Values of the free indices: all equal, all different, and last ones."""
    free = ordered({i for t in terms for i in free_indices(t)})
    size = {
        i: i.size if isinstance(i.size, int) else {"N": SAMPLES, **net.sizes}[i.size] for i in free
    }
    seen: list[dict[Index, int]] = []
    patterns: tuple[Callable[[int, int], int], ...] = (
        lambda k, n: 0,
        lambda k, n: k % n,
        lambda k, n: n - 1,
        lambda k, n: (k + 1) % n,
    )
    for pattern in patterns:
        at = {i: pattern(k, size[i]) for k, i in enumerate(free)}
        if at not in seen:
            seen.append(at)
            yield at


def assert_chain(chain: Chain, net: Net, phi: Function | None = None) -> int:
    """Every member has the value of the first; returns how many values were compared."""
    members = (chain.lhs, *(step.rhs for step in chain.steps))
    points = [mpmath.mpf(p) for p in ("-1.3", "-0.4", "0.7", "1.6")]
    lemma = any(
        isinstance(n, Ref) and n.tensor.label is None and not n.tensor.batched
        for m in members
        for n in walk(m)
    )
    compared = 0
    for point in points if lemma else points[:1]:
        for at in assignments(net, members):
            member = Member(net, point, phi)
            first = member(members[0], at)
            for k, term in enumerate(members[1:]):
                value = member(term, at)
                compared += 1
                assert close(value, first, 12), (
                    f"{chain.key}, step {k + 1} ({chain.steps[k].why}): {term} is "
                    f"{mpmath.nstr(value, 15)}, not {mpmath.nstr(first, 15)} at {at}"
                )
    return compared


def assert_equation(equation: Equation, net: Net) -> None:
    """Both sides have the same value."""
    member = Member(net)
    for at in assignments(net, (equation.lhs, equation.rhs)):
        left, right = member(equation.lhs, at), member(equation.rhs, at)
        assert close(left, right, 12), f"{equation.lhs} = {equation.rhs} at {at}: {left}, {right}"


def generic(bias: int, extents: Sequence[Extent] = ()) -> Net:
    """A network with a layer l between two others, for the chains of the generic layer."""
    sizes = {"d^(l-1)": 3, "d^(l)": 2, "d^(l+1)": 3}
    return Net((2, 3, 2, 3), ("tanh", "sin", "sigmoid"), "generic", (bias,) * 3, {"l": 2}, sizes)


def assert_derivation(d: Derivation, net: Net, phis: Mapping[str, Function] | None = None) -> int:
    """Every chain and every equation of a derivation; returns the number of compared values."""
    compared = 0
    for chain in d.chains:
        if chain.kind == "generic":
            sign = {"threshold": -1, "absent": 0}.get(chain.key.rsplit(".", 1)[-1], 1)
            compared += assert_chain(chain, generic(sign))
        else:
            name = chain.key.rsplit(".", 1)[-1]
            phi = (phis or {}).get(name) or ACTIVATIONS.get(name) or getattr(mpmath, name, None)
            compared += assert_chain(chain, net, phi)
    for equation in (*d.forward, d.loss, *d.backward, *d.gradients):
        if not isinstance(equation.rhs, Apply):
            assert_equation(equation, net)
    return compared
