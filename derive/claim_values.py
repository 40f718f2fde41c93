"""What a written formula is worth on a small network.

A derivative is taken through the forward equations: the quantity below moves, everything that is
computed after it follows.  Derivatives inside derivatives have no value here.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product

from derive.claim_arrays import Matrix, Value, column, multiplied, together
from derive.claim_dots import continued
from derive.claim_world import (
    LOSS,
    OBJECTIVE,
    STEP,
    Array,
    NoLayer,
    Outside,
    Places,
    World,
    compare,
    guarded_log,
)
from derive.forward import X, Y
from derive.reading_scope import Scope
from derive.reading_tree import (
    Applied,
    AtPoint,
    Bars,
    Bracket,
    Branches,
    Change,
    Derivative,
    Dots,
    Entry,
    Function,
    Grid,
    Kronecker,
    Letter,
    Listed,
    Minus,
    Nabla,
    Node,
    Norm,
    Num,
    Over,
    Plus,
    Power,
    Root,
    Size,
    Times,
    Total,
    Transposed,
    Words,
    children,
    walk,
)
from derive.reading_tree import Value as Named
from derive.symbols import Label, Tensor
from derive.symbols import Function as Known

RATE = 0.037  # the learning rate


class NoValue(Exception):
    """The formula says nothing that can be evaluated; the text says why."""


@dataclass(frozen=True)
class Setting:
    """The values of letters, the layer l, the sample, and where derivatives look."""

    world: World
    scope: Scope
    layer: int = 0
    sample: int = 0
    letters: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, complex] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    now: dict[Tensor, Array] | None = None  # values with something moved
    target: Tensor = LOSS  # what training steps descend on
    likelihood: bool = False  # whether log L stands for minus the loss

    @property
    def values(self) -> dict[Tensor, Array]:
        """The values of all quantities."""
        return self.world.values if self.now is None else self.now

    # ---------------------------------------------------------------- dispatch

    def value(self, node: Node) -> Value:
        """The value of a formula."""
        match node:
            case Num():
                return complex(float(node.value))
            case Letter():
                return self._letter(node)
            case Size():
                return complex(self._size(node))
            case Named():
                return self._named(node)
            case Entry():
                return self._entry(node)
            case Applied():
                return self._applied(node)
            case Plus():
                return self._plus(node)
            case Minus():
                return self._map(node.arg, lambda z: -z)
            case Times():
                return self._times(node)
            case Over():
                return together(self.value(node.above), self.value(node.below), _divided)
            case Power():
                return self._power(node)
            case Total():
                return self._total(node)
            case Derivative():
                return self._derivative(node)
            case Nabla():
                return self._nabla(node)
            case Transposed():
                made = self.value(node.arg)
                return made.transposed if isinstance(made, Matrix) else made
            case Grid():
                return self._grid(node)
            case Branches():
                return next(self.value(v) for v, c in node.rows if c is None or self.value(c) == 1)
            case Norm():
                return self._norm(node)
            case Bars():
                return self._map(node.arg, lambda z: z if z.real > 0 else -z)
            case Root():
                return self._map(node.arg, cmath.sqrt)
            case Kronecker():
                return complex(self.place(node.left) == self.place(node.right))
            case Bracket():
                return self._bracket(node)
            case Listed():
                parts = [self.value(item) for item in continued(node.items, self.place)]
                return column(
                    [v for p in parts for v in (p.entries if isinstance(p, Matrix) else (p,))]
                )
            case Change():
                return self._change(node)
            case AtPoint():
                return self._at_point(node)
        raise NoValue(f"{type(node).__name__.lower()} without a value")

    def number(self, node: Node) -> complex:
        """The value of a formula that must be a number."""
        made = self.value(node)
        if isinstance(made, Matrix):
            if made.shape != (1, 1):
                raise Outside("a number in place of an array")
            return made.rows[0][0]
        return made

    def _map(self, node: Node, function: Callable[[complex], complex]) -> Value:
        made = self.value(node)
        return made.map(function) if isinstance(made, Matrix) else function(made)

    # ---------------------------------------------------------------- letters and sizes

    def _letter(self, node: Letter) -> complex:
        for table in (self.letters, self.sizes, self.numbers):
            if node.name in table:
                return complex(table[node.name])
        if node.name == "bold 1":
            return 1 + 0j
        raise NoValue(f"the letter {node.name}, which nothing gives a value")

    def _named(self, node: Named) -> complex:
        known = {"pi": cmath.pi, "e": cmath.e, "learning_rate": RATE}
        if node.name not in known:
            raise NoValue(f"{node.name} as a number")
        return complex(known[node.name])

    def place(self, node: Node) -> int:
        """The written value of an index."""
        made = self.value(node)
        if isinstance(made, Matrix) or abs(made - round(made.real)) > 1e-9:
            raise Outside("a whole number as an index")
        return round(made.real)

    def _size(self, node: Size) -> int:
        if node.name:
            if node.name in self.world.symbols:
                return self.world.symbols[node.name]
            raise NoValue(f"the size {node.name}")
        if node.label is None:
            return self.world.samples
        number = self.layer_number(node.label)
        if number == 0:
            return self.world.extent(self.world.shapes[X][0])
        tensor = self.tensor_of("preactivation", number)
        return self.world.extent(self.world.shapes[tensor][0])

    def layer_number(self, label: Label) -> int:
        """The number of a layer."""
        base = {"": 0, "L": self.world.last, "l": self.layer}
        if label.base not in base:
            raise NoValue(f"the layer {label}")
        return base[label.base] + label.offset

    # ---------------------------------------------------------------- entries

    def tensor_of(self, role: str, number: int) -> Tensor:
        """The array of a role in a layer."""
        found = [t for t in self.world.shapes if t.label == Label(number)]
        wanted = [t for t in found if t.role == role]
        if role == "activation" and not wanted:
            if number == 0:
                return X
            wanted = [t for t in found if t.role == "preactivation"]
        if role == "mask" or wanted:
            wanted = wanted or [t for t in found if t.role == "mask"]
        if not wanted:
            raise NoLayer(f"a {role} in layer {number}")
        return wanted[-1]

    def tensor(self, node: Entry) -> Tensor:
        """The array of an entry; an error is found by what it is a derivative of."""
        match node.role:
            case "input":
                return X
            case "target":
                return Y
            case "loss":
                return LOSS
            case "objective":
                return OBJECTIVE
            case "output":
                return self.world.passed.output.tensor
            case "own":
                return self._own(node)
            case "delta" | "error":
                role = "preactivation" if node.role == "delta" else "activation"
                return self.tensor_of(role, self._label(node))
        return self.tensor_of(node.role, self._label(node))

    def _label(self, node: Entry) -> int:
        if node.label is None:
            raise NoValue(f"a {node.role} of no layer")
        return self.layer_number(node.label)

    def _own(self, node: Entry) -> Tensor:
        for tensor in self.world.values:
            if tensor.letter == node.letter and (
                node.label is None or tensor.label == Label(self._label(node))
            ):
                return tensor
        raise Outside(f"an array {node.letter}")

    def _entry(self, node: Entry) -> Value:
        if node.role == "loss" and node.places:
            raise NoValue("a loss with more indices than the sample")
        if (node.step or 0) != 0:
            return self._stepped(node)
        if not node.places and node.form == "entry" and node.label is None:
            known = self.numbers.get(variable(node))
            if known is not None:
                return known
        return self._read(node, self._get)

    def _get(self, tensor: Tensor, at: Places, node: Entry) -> complex:
        if node.role in ("delta", "error") or node.barred:
            if self.now is not None:
                raise NoValue("a derivative inside a derivative")
            return self._error(tensor, at)
        return self.values[tensor][at]

    def _error(self, tensor: Tensor, at: Places) -> complex:
        """d (sum of the losses) / d entry."""
        samples = range(self.world.samples + 1)
        return sum((self.world.slope(LOSS, (n,), tensor, at) for n in samples), 0j)

    def _read(self, node: Entry, get: Callable[[Tensor, Places, Entry], complex]) -> Value:
        """The entry or array, each number by `get`."""
        fixed = self._fixed(node)
        if fixed is not None and get == self._get:
            return fixed
        tensor, places = self._addressed(node)
        if isinstance(places, _Table):
            return places.map(lambda at: get(tensor, at, node))
        return get(tensor, places, node)

    def _addressed(self, node: Entry) -> tuple[Tensor, Places | _Table]:
        tensor = self.tensor(node)
        shape = [self.world.extent(e) for e in self._shape(tensor)]
        if node.role == "weight" and (bias := self._as_bias(node, shape)) is not None:
            return bias
        if node.form == "batch" and tensor.batched:
            if len(shape) != 1:
                raise NoValue("a batch of more than vectors")
            return tensor, _Table(self.world.samples, shape[0], lambda r, c: (r, c))
        front = (self._sample(node),) if tensor.batched else ()
        places = self._places(node, shape, tensor)
        if places is not None:
            return tensor, (*front, *places)
        if node.role == "weight" and len(shape) == 2:
            if self.scope.profile.out_first:
                return tensor, _Table(shape[1], shape[0], lambda r, c: (c, r))
            return tensor, _Table(shape[0], shape[1], lambda r, c: (r, c))
        if len(shape) == 1:
            return tensor, _Table(shape[0], 1, lambda r, c: (*front, r))
        raise NoValue(f"an array with {len(shape)} axes")

    def _shape(self, tensor: Tensor) -> tuple[int | str, ...]:
        return () if tensor in (LOSS, OBJECTIVE) else self.world.shapes.get(tensor, ())

    def _places(self, node: Entry, shape: list[int], tensor: Tensor) -> Places | None:
        """The places of an entry from 0, or None for the whole array."""
        base = self.scope.profile.base
        written = [self.place(p) - base for p in node.places]
        if node.fixed is not None and len(written) == 2:
            written.pop(1 if self.scope.profile.out_first else 0)
        elif node.role == "weight" and self.scope.profile.out_first:
            written.reverse()
        if not written and shape and all(size == 1 for size in shape) and node.form == "entry":
            written = [0] * len(shape)
        if not written and shape:
            return None
        if len(written) != len(shape):
            raise Outside(f"{len(shape)} indices of {tensor}")
        for place, size in zip(written, shape, strict=True):
            if not 0 <= place < size:
                raise Outside(f"index {place + base} of {tensor}")
        return tuple(written)

    def _as_bias(self, node: Entry, shape: list[int]) -> tuple[Tensor, Places] | None:
        """The weight from the fixed input of a unit is its threshold."""
        if len(node.places) != 2 or self.scope.profile.base != 1:
            return None
        written = [self.place(p) for p in node.places]
        into, out = written if not self.scope.profile.out_first else written[::-1]
        if into != 0:
            return None
        bias = self.tensor_of("bias", self._label(node))
        if not 1 <= out <= shape[1]:
            raise Outside(f"index {out} of {bias}")
        return bias, (out - 1,)

    def _fixed(self, node: Entry) -> complex | None:
        """The fixed input x_0 of the units above, where the index is 0."""
        if node.role not in ("activation", "input") or len(node.places) != 1:
            return None
        if self.scope.profile.base != 1 or self.place(node.places[0]) != 0:
            return None
        return -1 + 0j if self.world.threshold else 1 + 0j

    def _sample(self, node: Entry) -> int:
        if node.sample is None:
            return self.sample
        if isinstance(node.sample, Letter) and node.sample.name not in self.letters:
            return self.sample
        written = self.place(node.sample)
        if written == 0:
            return self.world.samples
        if not 1 <= written <= self.world.samples:
            raise Outside(f"the sample {written}")
        return written - 1

    # ---------------------------------------------------------------- training

    def _stepped(self, node: Entry) -> Value:
        """A parameter after one step of gradient descent."""
        if node.step != 1 or node.role not in ("weight", "bias"):
            raise NoValue("a quantity at another iteration")
        return self.updated(node)

    def updated(self, node: Node) -> Value:
        """A parameter after one step of gradient descent."""
        if not isinstance(node, Entry) or node.role not in ("weight", "bias"):
            raise NoValue("an update of something else than a parameter")
        here = replace(node, step=None)
        return together(self.value(here), self._gradient(here), lambda w, g: w - RATE * g)

    def _gradient(self, node: Entry) -> Value:
        def get(tensor: Tensor, at: Places, entry: Entry) -> complex:
            return self._target_slope(tensor, at)

        return self._read(node, get)

    def _target_slope(self, tensor: Tensor, at: Places) -> complex:
        of = (self.sample,) if self.target == LOSS else ()
        return self.world.slope(self.target, of, tensor, at)

    def _change(self, node: Change) -> Value:
        if isinstance(node.arg, Entry) and node.arg.role in ("weight", "bias"):
            return together(-RATE + 0j, self._gradient(node.arg), lambda a, b: a * b)
        raise NoValue("the change of something else than a parameter")

    def _at_point(self, node: AtPoint) -> Value:
        if isinstance(node.arg, Entry) and node.arg.role == "error" and not node.arg.places:
            first = node.points[0]
            if isinstance(first, Entry) and first.role == "activation":
                return self.value(replace(first, role="error"))
        return self.value(node.arg)

    # ---------------------------------------------------------------- arithmetic

    def _plus(self, node: Plus) -> Value:
        parts = [self.value(arg) for arg in continued(node.args, self.place)]
        result = parts[0]
        for part in parts[1:]:
            result = together(result, part, lambda a, b: a + b)
        return result

    def _times(self, node: Times) -> Value:
        result = self.value(node.args[0])
        for sign, arg in zip(node.signs, node.args[1:], strict=True):
            other = self.value(arg)
            entrywise = sign in ("odot", "circ", "ast")
            if entrywise:
                result = together(result, other, lambda a, b: a * b)
            elif isinstance(arg, Letter) and arg.name == "bold 1":
                result = self._ones(result, left=False)
            else:
                first = node.args[0]
                if (
                    isinstance(first, Letter)
                    and first.name == "bold 1"
                    and not isinstance(result, Matrix)
                ):
                    result = self._ones(other, left=True)
                else:
                    result = multiplied(result, other)
        return result

    def _ones(self, other: Value, left: bool) -> Value:
        """A column of ones of the fitting length beside a matrix."""
        if not isinstance(other, Matrix):
            return other
        if left:  # the rows of a batch
            return Matrix(tuple(other.rows[0] for _ in range(self.world.samples)))
        return column([sum(row) for row in other.rows])

    def _power(self, node: Power) -> Value:
        if isinstance(node.exponent, Num) and node.exponent.value.denominator == 1:
            whole = int(node.exponent.value)
            made = self.value(node.base)
            if isinstance(made, Matrix) and not node.entrywise and made.shape != (1, 1):
                if made.shape[1] != 1 or whole != 2:
                    raise NoValue("the power of an array")
            return self._map(node.base, lambda z: z**whole)
        exponent = self.number(node.exponent)
        return self._map(node.base, lambda z: z**exponent)

    def _norm(self, node: Norm) -> complex:
        made = self.value(node.arg)
        entries = made.entries if isinstance(made, Matrix) else (made,)
        if node.kind == "1":
            return sum((z if z.real > 0 else -z for z in entries), 0j)
        if node.kind not in ("", "2", "F"):
            raise NoValue(f"a norm with the index {node.kind}")
        return cmath.sqrt(sum((z * z for z in entries), 0j))

    def _bracket(self, node: Bracket) -> complex:
        values = [self.number(m) if not isinstance(m, Listed) else None for m in node.members]
        if None in values:
            raise NoValue("a comparison of several places")
        pairs = zip(node.relations, values, values[1:], strict=False)
        words = {"<": "<", ">": ">", "le": "le", "ge": "ge", "=": "=", "ne": "ne"}
        ok = True
        for relation, a, b in pairs:
            if relation not in words:
                raise NoValue(f"the comparison {relation}")
            assert a is not None
            assert b is not None
            ok &= compare(words[relation], a.real, b.real)
        return complex(ok)

    def _grid(self, node: Grid) -> Matrix:
        rows = [
            tuple(self.number(cell) for cell in row if not isinstance(cell, Dots))
            for row in node.rows
        ]
        if any(isinstance(cell, Dots) for row in node.rows for cell in row):
            raise NoValue("a matrix with dots")
        return Matrix(tuple(rows))

    # ---------------------------------------------------------------- sums

    def _total(self, node: Total) -> Value:
        rows = list(self._rows(node))
        if not rows:
            raise Outside("an empty sum")
        parts = [replace(self, letters={**self.letters, **row}).value(node.body) for row in rows]
        if node.kind in ("max", "min"):
            best = max if node.kind == "max" else min
            numbers = [p for p in parts if not isinstance(p, Matrix)]
            return best(numbers, key=lambda z: z.real)
        if node.kind not in ("sum", "prod"):
            raise NoValue(node.kind)
        result = parts[0]
        for part in parts[1:]:
            sign = (lambda a, b: a + b) if node.kind == "sum" else (lambda a, b: a * b)
            result = together(result, part, sign)
        return result

    def _rows(self, node: Total) -> Iterator[dict[str, int]]:
        ranges = []
        for bound in node.bounds:
            base = self.scope.profile.base
            extent = self.extent(bound.name, node.body)
            low = base if bound.low is None else self.place(bound.low)
            if bound.high is not None:
                high = self._limit(bound.high, extent, base)
            elif extent is not None:
                high = base + extent - 1
            else:
                self.need_layers(node.body)
                raise NoValue(f"the range of {bound.name}")
            ranges.append(range(low, high + 1))
        names = [b.name for b in node.bounds]
        for row in product(*ranges):
            yield dict(zip(names, row, strict=True))

    def need_layers(self, node: Node) -> None:
        """Raise NoLayer where a quantity belongs to a layer that does not exist."""
        for part in walk(node):
            if isinstance(part, Entry) and part.label is not None:
                self.tensor(part)

    def _limit(self, node: Node, extent: int | None, base: int) -> int:
        if isinstance(node, Letter) and node.name not in self.letters and extent is not None:
            return base + extent - 1
        return self.place(node)

    def extent(self, name: str, node: Node) -> int | None:
        """The number of values of an index, from the places where it stands."""
        found: list[int] = []
        for part in counted(node):
            if not isinstance(part, Entry):
                continue
            if part.sample == Letter(name):
                found.append(self.world.samples)
            if Letter(name) in part.places:
                found += self._extents(part, name)
        return min(found) if found else None

    def _extents(self, part: Entry, name: str) -> list[int]:
        try:
            shape = [self.world.extent(e) for e in self._shape(self.tensor(part))]
        except (Outside, NoValue):
            return []
        places = list(part.places)
        if part.fixed is not None and len(places) == 2:
            places.pop(1 if self.scope.profile.out_first else 0)
        elif part.role == "weight" and self.scope.profile.out_first:
            places.reverse()
        if len(places) != len(shape):
            return []
        return [size for place, size in zip(places, shape, strict=True) if place == Letter(name)]

    # ---------------------------------------------------------------- functions

    def _applied(self, node: Applied) -> Value:
        function = node.function
        if function.name in ("slope", "output"):
            return self._by_output(node)
        if function.name == "log" and self.likelihood and _is_loss(node.args):
            return self._log_likelihood(node.args[0])
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
        if function.name in ("max", "min") and len(node.args) > 1:
            best = max if function.name == "max" else min
            return best((self.number(a) for a in node.args), key=lambda z: z.real)
        if function.name == "softmax":
            return self._softmax(node)
        if len(node.args) != 1:
            raise NoValue("a function of several numbers")
        return self._map(node.args[0], self._function(node))

    def _function(self, node: Applied) -> Callable[[complex], complex]:
        world, order = self.world, node.order
        function = node.function
        label = function.label
        if function.activation and (label is not None or not function.name):
            number = world.last if label is None else self.layer_number(label)
            stage = next(
                (s for s in world.passed.stages if s.label == Label(number) and s.function), None
            )
            if stage is None or not 1 <= number <= world.last:
                raise NoLayer(f"an activation function in layer {number}")
            known = stage.function
            if known is not None and known.label is not None:
                return lambda s: world.function(known, s, order)
            return lambda s: world.elementwise(stage.phi, s, order)
        if function.name in ("log", "exp", "sqrt") and not order:
            plain = {"log": guarded_log, "exp": cmath.exp, "sqrt": cmath.sqrt}[function.name]
            return plain
        if function.name in self.scope.functions or label is not None:
            number_label = None if label is None else Label(self.layer_number(label))
            known = Known(function.name, number_label)
            return lambda s: world.function(known, s, order)
        if function.name not in KNOWN:
            raise NoValue(f"the function {function.name}")
        return lambda s: world.function(Known(function.name), s, order)

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
        if node.of is None or len(node.by) != 1:
            raise NoValue("a derivative of nothing, or of higher order")
        (by,) = node.by
        if self.now is not None or any(
            isinstance(z, complex) and z.imag for z in self.numbers.values()
        ):
            raise NoValue("a derivative inside a derivative")
        if isinstance(by, Letter) or (isinstance(by, Entry) and is_variable(by)):
            return self._by_number(node.of, by)
        if not isinstance(by, Entry):
            raise NoValue("a derivative by something else than a quantity")
        of = self._named_activation(node.of, by)
        tensor, places = self._addressed(by)
        if not isinstance(places, _Table):
            return self._moved(of, tensor, places)
        if places.cols == 1 and self._is_vector(of):  # a Jacobian
            columns = [self._moved(of, tensor, places.at(r, 0)) for r in range(places.rows)]
            matrices = [m for m in columns if isinstance(m, Matrix)]
            return Matrix(tuple(zip(*(m.transposed.rows[0] for m in matrices), strict=True)))
        return places.map(lambda at: _plain(self._moved(of, tensor, at)))

    def _named_activation(self, of: Node, by: Entry) -> Node:
        """`activation` alone is the activation of the unit below."""
        if isinstance(of, Applied) and not of.args and of.function.activation:
            return replace(by, role="activation")
        return of

    def _is_vector(self, of: Node) -> bool:
        return isinstance(self.value(of), Matrix)

    def _moved(self, of: Node, tensor: Tensor, place: Places) -> Value:
        """The derivative by one entry."""
        derived = isinstance(of, Entry) and (of.role in ("delta", "error") or of.barred)
        if isinstance(of, Entry) and not derived and not of.step:
            return self._read(of, lambda t, at, _: self.world.slope(t, at, tensor, place))
        moved = replace(self, now=self.world.perturbed(tensor, place))
        made = moved.value(of)
        return made.map(_slope) if isinstance(made, Matrix) else _slope(made)

    def _by_number(self, of: Node, by: Node) -> Value:
        name = variable(by)
        if name not in self.numbers:
            raise NoValue(f"a derivative by {name}")
        moved = replace(self, numbers={**self.numbers, name: self.numbers[name] + 1j * STEP})
        made = moved.value(of)
        return made.map(_slope) if isinstance(made, Matrix) else _slope(made)

    def _nabla(self, node: Nabla) -> Value:
        if node.of is None:
            raise NoValue("a gradient of nothing")
        if isinstance(node.by, Entry) and (node.by.label is not None or node.by.places):
            return self._derivative(Derivative(node.of, (node.by,)))
        roles = ("weight", "bias") if node.by is None else (getattr(node.by, "role", ""),)
        made: list[complex] = []
        for role in roles:
            for tensor, array in self.world.values.items():
                if tensor.role == role:
                    made += [_plain(self._moved(node.of, tensor, place)) for place in array]
        if not made:
            raise NoValue("a gradient by unknown arrays")
        return column(made)


@dataclass(frozen=True)
class _Table:
    """Rows, columns, and the place in memory of each entry of an array."""

    rows: int
    cols: int
    at: Callable[[int, int], Places]

    def map(self, get: Callable[[Places], complex]) -> Matrix:
        """The array of what `get` gives at each place."""
        return Matrix(
            tuple(tuple(get(self.at(r, c)) for c in range(self.cols)) for r in range(self.rows))
        )


def parts(node: Node) -> tuple[Node, ...]:
    """The direct parts that have a value; arguments that are only named are left out."""
    if not isinstance(node, AtPoint):
        return children(node)
    bare = isinstance(node.arg, Entry) and node.arg.role == "error" and not node.arg.places
    return (node.arg, *node.points[:1]) if bare else (node.arg,)


def counted(node: Node) -> Iterator[Node]:
    """The node and everything in it that has a value."""
    yield node
    for part in parts(node):
        yield from counted(part)


KNOWN = frozenset(
    "tanh sinh cosh sin cos tan asin acos atan erf sigmoid relu softplus exp log sqrt abs".split()
)


def variable(node: Node) -> str:
    """The name of a number that no quantity of the network is."""
    if isinstance(node, Letter):
        return node.name
    assert isinstance(node, Entry)
    return f"{node.role} {node.letter}".strip()


def is_variable(node: Entry) -> bool:
    """Whether the entry stands for a number of its own: s, o, x without index and layer."""
    return (
        not node.places
        and node.form == "entry"
        and node.label is None
        and node.sample is None
        and (node.role in ("preactivation", "activation"))
    )


def _is_loss(args: tuple[Node, ...]) -> bool:
    return len(args) == 1 and isinstance(args[0], Entry) and args[0].role == "loss"


def _divided(a: complex, b: complex) -> complex:
    if b == 0:
        raise Outside("a denominator that is not 0")
    return a / b


def _slope(value: complex) -> complex:
    return complex(value.imag / STEP)


def _plain(value: Value) -> complex:
    if isinstance(value, Matrix):
        raise Outside("a number in place of an array")
    return value


__all__ = ["NoValue", "Setting", "Words", "is_variable", "variable"]
