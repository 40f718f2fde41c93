"""Functions and derivatives of written formulas on a small network."""

from __future__ import annotations

import cmath
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from derive.algebra.symbols import Function as Known
from derive.algebra.symbols import Label, Tensor
from derive.claims.arrays import Matrix, Value, column, entries, together
from derive.claims.local_slopes import STEP, stepped
from derive.claims.numbers import (
    NoLayer,
    Outside,
    Places,
    guarded_log,
    guarded_root,
    raised,
)
from derive.claims.own_functions import slope
from derive.claims.parts import is_variable, variable
from derive.claims.places import Located, NoValue, Table
from derive.claims.second import difference, inner
from derive.claims.world import LOSS, World
from derive.reading.own import Definition
from derive.reading.tree import (
    Applied,
    Derivative,
    Entry,
    Function,
    Letter,
    Nabla,
    Node,
    Num,
    Power,
)

KNOWN = frozenset(
    [
        "tanh",
        "sinh",
        "cosh",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "erf",
        "sigmoid",
        "relu",
        "softplus",
        "exp",
        "log",
        "sqrt",
        "abs",
    ]
)


@dataclass(frozen=True)
class Calculus(Located):
    """What is below a derivative moves, and all that is computed after it follows."""

    # ---------------------------------------------------------------- functions

    def _applied(self, node: Applied) -> Value:
        function = node.function
        if function.name in ("slope", "output"):
            return self._by_output(node)
        if function.name == "log" and self.likelihood and _is_loss(node.args):
            return self._log_likelihood(node.args[0])
        if function.name == "loss" and not node.order:  # of the output, as the network has it
            return self.values[LOSS][(self.sample,)]
        if function.name == "diag":
            made = self.value(node.args[0])
            if not isinstance(made, Matrix):
                return made
            n = made.shape[0]
            return Matrix(
                tuple(tuple(made.rows[r][0] if r == c else 0j for c in range(n)) for r in range(n))
            )
        if not node.args:
            raise NoValue("a function without its argument")
        if function.name in ("max", "min"):
            best = max if function.name == "max" else min
            if len(node.args) == 1:  # of all entries
                made = self.value(node.args[0])
                return best(entries(made), key=lambda z: z.real)
            first, *rest = map(self.value, node.args)
            for other in rest:
                first = together(first, other, lambda a, b: best(a, b, key=lambda z: z.real))
            return first
        if function.name == "sign" and len(node.args) == 1:
            return self._map(node.args[0], lambda z: _sign(z) * (not node.order))
        if function.name == "softmax":
            return self._softmax(node)
        if len(node.args) != 1:
            raise NoValue("a function of several numbers")
        return self._map(node.args[0], self._function(node))

    def _function(self, node: Applied) -> Callable[[complex], complex]:
        world, order = self.world, node.order
        function = self._own_formula(node.function)
        label = function.label
        if function.activation and not self._by_name(function):
            number = world.last if label is None else self.layer_number(label)
            stage = next(
                (s for s in world.passed.stages if s.label == Label(number) and s.function), None
            )
            if stage is None and self.linear and world.is_linear(number):
                return lambda s: (s, 1 + 0j, 0j)[min(order, 2)]
            if stage is None or not 1 <= number <= world.last:
                raise NoLayer(f"an activation function in layer {number}")
            known = stage.function
            if known is not None and known.label is not None:
                generic = known
                return lambda s: world.function(generic, s, order)
            return lambda s: world.elementwise(stage.phi, s, order)
        if function.name in ("log", "exp", "sqrt") and not order:
            plain: Callable[[complex], complex] = {
                "log": guarded_log,
                "exp": cmath.exp,
                "sqrt": guarded_root,
            }[function.name]
            return plain
        labelled = label is not None and not function.assumed
        if function.name in self.scope.functions or labelled:
            number_label = None if label is None else Label(self.layer_number(label))
            named = Known(function.name, number_label)
            return lambda s: world.function(named, s, order)
        if (own := self.scope.own.functions.get(function.name)) is not None:
            return slope(lambda s: self._of_own(own, s), order)
        if function.name not in KNOWN and not world.stage_of(Known(function.name)):
            raise NoValue(f"the function {function.name}")
        return lambda s: world.function(Known(function.name), s, order)

    def _of_own(self, function: Definition, argument: complex) -> complex:
        """A function that the sheet defines, at a number."""
        (letter,) = function.places
        return self.but(numbers={**self.numbers, letter: argument}).number(function.rhs)

    def _own_formula(self, function: Function) -> Function:
        """The sign of any activation is also written for a formula of the network's own."""
        label = function.label
        if not function.activation or function.name or (label and not function.assumed):
            return function
        letters = self.scope.functions
        if label is not None and letters:
            letters = frozenset(self.scope.formulas.get(Label(self.layer_number(label)), ()))
        if not letters:
            return function
        return replace(function, name="phi" if "phi" in letters else min(letters), label=None)

    def _by_name(self, function: Function) -> bool:
        """Whether a sign with two meanings, a function and any activation, is the function here.

        Without a label of its own it is, where the layer has another activation than a generic one.
        """
        if not function.name:
            return False
        if function.label is None:
            return True
        label = Label(self.layer_number(function.label))
        stages = [s for s in self.world.passed.stages if s.label == label]
        generic = any(s.function is not None and s.function.label is not None for s in stages)
        return function.assumed and bool(stages) and not generic

    def _softmax(self, node: Applied) -> Value:
        made = self.value(node.args[0])
        if not isinstance(made, Matrix) or node.order:
            raise NoValue("a softmax of a number")
        turned = made if made.shape[1] == 1 else made.transposed
        rows = []
        for vector in zip(*turned.rows, strict=True):
            whole = sum(map(cmath.exp, vector))
            rows.append(tuple(cmath.exp(z) / whole for z in vector))
        back = Matrix(tuple(rows))
        return back.transposed if made.shape[1] == 1 else back

    def _by_output(self, node: Applied) -> Value:
        """The output of a unit, or the slope of its activation, by its output."""
        arg = node.args[0] if node.args else None
        if not isinstance(arg, Entry) or arg.role not in ("activation", "output"):
            raise NoValue("a unit's output as the argument")
        if node.function.name == "output":
            return self.value(arg)
        label = arg.label or Label(self.world.last)
        inner = replace(arg, role="preactivation", label=label)
        return self._map(inner, self._function(Applied(Function("", True, label), (), 1)))

    def _log_likelihood(self, loss: Node) -> complex:
        """log L is minus the loss: of one sample, or of all where none is named."""
        assert isinstance(loss, Entry)
        if loss.sample is None or loss.sample == Letter("n"):
            rows = range(self.world.samples)
            return -sum((self.values[LOSS][(n,)] for n in rows), 0j)
        return -self.values[LOSS][(self._sample(loss),)]

    # ---------------------------------------------------------------- derivatives

    def _derivative(self, node: Derivative) -> Value:
        if node.of is None or len(node.by) > 2:
            raise NoValue("a derivative of nothing, or of third order")
        by, *rest = node.by
        if rest:
            return self._derivative(replace(node, of=Derivative(node.of, tuple(rest)), by=(by,)))
        if isinstance(node.of, Letter) and node.of != by and node.of.name in self.numbers:
            raise NoValue(f"how {node.of.name} depends on other quantities")
        if self._stepping:
            raise NoValue("a derivative inside a derivative inside a derivative")
        if isinstance(by, Power) and isinstance(by.exponent, Num):
            return self._by_power(node.of, by.base, by.exponent.value)
        if isinstance(by, Letter) or (isinstance(by, Entry) and is_variable(by)):
            return self._by_number(node.of, by)
        if not isinstance(by, Entry):
            raise NoValue("a derivative by something else than a quantity")
        if by.role == "user":
            return self._by_user(node.of, by)
        if by.role in ("delta", "error") or by.barred or by.step:
            raise NoValue("a derivative by something that is one itself, or a later value")
        if by.form == "window":
            return self._by_window(node.of, by)
        of = self._named_activation(node.of, by)
        tensor, places = self._addressed(by)
        if not isinstance(places, Table):
            return self._moved(of, tensor, places)
        conventions = self.scope.conventions
        if 1 in (places.rows, places.cols) and self._is_vector(of):
            made = self._jacobian(of, tensor, places)
            return made.transposed if conventions.jacobian_columns else made
        gradient = places.map(lambda at: _plain(self._moved(of, tensor, at)))
        return gradient.transposed if conventions.gradient_rows else gradient

    def _by_power(self, of: Node, base: Node, exponent: Fraction) -> Value:
        """By u^n: the derivative by u, over that of u^n by u."""
        by, value = self._derivative(Derivative(of, (base,))), self.value(base)
        if isinstance(value, Matrix) or value == 0:
            raise NoValue("a derivative by a power of something else than a number")
        return together(by, stepped(raised(exponent), value), lambda a, b: a / b)

    def _jacobian(self, of: Node, tensor: Tensor, places: Table) -> Matrix:
        """One row for each entry of the vector above, one column for each of that below."""
        down = range(places.rows * places.cols)
        ats = [places.at(*((k, 0) if places.cols == 1 else (0, k))) for k in down]
        moved = [self._moved(of, tensor, at) for at in ats]
        columns = [m.entries for m in moved if isinstance(m, Matrix)]
        return Matrix(tuple(zip(*columns, strict=True)))

    def _by_window(self, of: Node, by: Entry) -> Value:
        """What a place of a convolution gives back to its window: its errors by its kernels."""
        tensor = self.tensor(by)
        window = self.window(tensor)
        if not isinstance(of, Entry) or of.role != "loss" or window.stage.kind != "conv":
            raise NoValue("a derivative by the window of something else than a convolution")
        weight, base = window.stage.parameters[0], self.scope.profile.base
        at = [self.place(p) - base for p in by.places]
        known = self.world.values[window.stage.s.tensor]
        if (0, 0, *at) not in known:
            raise Outside(f"a place of a window over {tensor}")
        channels = {place[0] for place in self.world.values[weight]}
        out, n = window.stage.s.tensor, self._sample(by)
        samples = range(self.world.samples) if of.form == "batch" else (n,)
        errors = {
            c: sum((self.world.slope(LOSS, (m,), out, (n, c, *at)) for m in samples), 0j)
            for c in channels
        }
        weights = self.world.values[weight]
        return column(
            [sum(errors[c] * weights[c, *row] for c in channels) for row in window.rows(self.world)]
        )

    def _named_activation(self, of: Node, by: Entry) -> Node:
        """`activation` alone is the activation of the unit below."""
        if isinstance(of, Applied) and not of.args and of.function.activation:
            return replace(by, role="activation")
        return of

    def _is_vector(self, of: Node) -> bool:
        made = self.value(of)
        return isinstance(made, Matrix) and made.shape != (1, 1)

    def _moved(self, of: Node, tensor: Tensor, place: Places) -> Value:
        """The derivative by one entry."""
        derived = isinstance(of, Entry) and (of.role in ("delta", "error") or of.barred)
        if isinstance(of, Entry) and of.role == "loss" and of.form == "batch":
            return self._error(tensor, place)  # of all samples together
        if isinstance(of, Entry) and not derived and not of.step and of.role != "user":
            held = frozenset() if of.role in ("loss", "objective") else self.held
            return self._read(of, lambda t, at, _: self.world.slope(t, at, tensor, place, held))
        if below := inner(of, self.scope):
            return self._second(of, below, tensor, place)
        moved = self.but(now=self.world.perturbed(tensor, place))
        made = moved.value(of)
        return made.map(_slope) if isinstance(made, Matrix) else _slope(made)

    @property
    def _stepping(self) -> bool:
        """Whether something moves by an imaginary step, or by a difference around this."""
        return self.now is not None or any(
            isinstance(z, complex) and z.imag for z in self.numbers.values()
        )

    def _second(self, of: Node, below: tuple[Node, ...], tensor: Tensor, place: Places) -> Value:
        """The derivative by one entry of what is a derivative itself."""
        for part in below:
            if isinstance(part, Derivative | Entry) and self.world.between(
                self._below(part), tensor
            ):
                raise NoValue("a derivative by what the derivative inside it goes through")

        def at(by: float) -> Value:
            return self.elsewhere(self.world.shifted(tensor, place, by)).value(of)

        return difference(at)

    def _below(self, node: Derivative | Entry) -> Tensor | None:
        """The array by which is differentiated."""
        by = node.by[-1] if isinstance(node, Derivative) else node
        if isinstance(by, Entry) and by.role != "user" and not is_variable(by):
            return self.tensor(by)
        return None

    def elsewhere(self, world: World) -> Calculus:
        """The same place on a network with other values."""
        return replace(self, world=world)

    def _by_user(self, of: Node, by: Entry) -> Value:
        """The derivative by a symbol of the sheet's own."""
        raise NoValue(f"a derivative by the symbol {by.letter}")

    def _by_number(self, of: Node, by: Node) -> Value:
        name = variable(by)
        if name not in self.numbers:
            raise NoValue(f"a derivative by {name}")

        def at(by: complex) -> Value:
            return replace(self, numbers={**self.numbers, name: self.numbers[name] + by}).value(of)

        if inner(of, self.scope):
            return difference(at)
        made = at(1j * STEP)
        return made.map(_slope) if isinstance(made, Matrix) else _slope(made)

    def _nabla(self, node: Nabla) -> Value:
        if node.of is None:
            raise NoValue("a gradient of nothing")
        if isinstance(node.by, Entry) and (node.by.label is not None or node.by.places):
            return self._derivative(Derivative(node.of, (node.by,)))
        if isinstance(node.by, Entry):
            arrays = [t for t in self.world.values if t.role == node.by.role]
            if len(arrays) == 1:
                by = replace(node.by, label=arrays[0].label)
                return self._derivative(Derivative(node.of, (by,)))
        roles = ("weight", "bias") if node.by is None else (getattr(node.by, "role", ""),)
        made: list[complex] = []
        for role in roles:
            for tensor, array in self.world.values.items():
                if tensor.role == role:
                    made += [_plain(self._moved(node.of, tensor, place)) for place in array]
        if not made:
            raise NoValue("a gradient by unknown arrays")
        return column(made)


def _is_loss(args: tuple[Node, ...]) -> bool:
    return len(args) == 1 and isinstance(args[0], Entry) and args[0].role == "loss"


def _slope(value: complex) -> complex:
    return complex(value.imag / STEP)


def _plain(value: Value) -> complex:
    if isinstance(value, Matrix) and value.shape == (1, 1):
        return value.rows[0][0]
    if isinstance(value, Matrix):
        raise Outside("a number in place of an array")
    return value


def _sign(z: complex) -> complex:
    """1, -1, and 0 at 0; its slope is 0."""
    return complex((z.real > 0) - (z.real < 0))
