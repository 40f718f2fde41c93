"""Where the quantities of a formula stand on a small network, and what they are worth."""

from __future__ import annotations

import cmath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Self, TypeGuard

from derive.algebra.symbols import Tensor
from derive.claims.arrays import Folded, Matrix, Value, together
from derive.claims.layers import Layered
from derive.claims.layers import NoValue as NoValue
from derive.claims.numbers import Array, NoLayer, Nowhere, Outside, Places
from derive.claims.parts import in_order, variable
from derive.claims.windows import Window, window_of
from derive.claims.world import LOSS, OBJECTIVE, World
from derive.forward import X
from derive.reading.scope import Scope
from derive.reading.tree import (
    AtPoint,
    Change,
    Entry,
    Letter,
    Node,
    Plus,
    Size,
)
from derive.reading.tree import Value as Named

RATE = 0.037  # the learning rate
INTO_LAYERS = ("activation", "input", "preactivation", "own")  # what layers take


@dataclass(frozen=True)
class Table:
    """Rows, columns, and the place in memory of each entry of an array."""

    rows: int
    cols: int
    at: Callable[[int, int], Places]
    folded: bool = False  # of more axes, the later ones in a row

    def map(self, get: Callable[[Places], complex]) -> Matrix:
        """The array of what `get` gives at each place."""
        rows = (tuple(get(self.at(r, c)) for c in range(self.cols)) for r in range(self.rows))
        return (Folded if self.folded else Matrix)(tuple(rows))


@dataclass(frozen=True)
class Located(Layered):
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
    linear: bool = False  # whether a layer without an activation has the identity for one
    held: frozenset[Tensor] = frozenset()  # what rests while something else moves

    def but(self, **changes: Any) -> Self:
        """The same with some changes; quicker than `replace`, and asked for millions of times."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, **changes)
        return made

    @property
    def values(self) -> dict[Tensor, Array]:
        """The values of all quantities."""
        return self.world.values if self.now is None else self.now

    def value(self, node: Node) -> Value:
        """The value of a formula."""
        raise NotImplementedError

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
        raise NoValue(f"the letter {node.name}, which nothing gives a value")

    def _named(self, node: Named) -> complex:
        decay = self.world.network.weight_decay
        known = {"pi": cmath.pi, "e": cmath.e, "learning_rate": RATE}
        if decay:
            known["decay"] = float(decay)
        if node.name not in known:
            raise NoValue(f"{node.name} as a number")
        return complex(known[node.name])

    def place(self, node: Node) -> int:
        """The written value of an index."""
        made = self.value(node)
        if isinstance(made, Matrix) or abs(made - round(made.real)) > 1e-9:
            raise Nowhere("a whole number as an index")
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

    # ---------------------------------------------------------------- entries

    def _user(self, node: Entry) -> Value:
        """A symbol that the sheet defines."""
        raise NoValue(f"the symbol {node.letter}, which nothing gives a value")

    def _entry(self, node: Entry) -> Value:
        if node.role == "user":
            return self._user(node)
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
        if _derived(node):
            if self.now is not None:
                raise NoValue("a derivative inside a derivative inside a derivative")
            sign = self.scope.conventions.delta_sign if node.role == "delta" else 1
            return sign * self._error(tensor, at)
        return self.values[tensor][at]

    def _error(self, tensor: Tensor, at: Places) -> complex:
        """d (sum of the losses of the batch) / d entry; a sample outside of it has its own."""
        outside = tensor.batched and at[0] == self.world.samples
        samples = (at[0],) if outside else range(self.world.samples)
        return sum((self.world.slope(LOSS, (n,), tensor, at) for n in samples), 0j)

    def _read(self, node: Entry, get: Callable[[Tensor, Places, Entry], complex]) -> Value:
        """The entry or array, each number by `get`."""
        fixed = self._fixed(node)
        if fixed is not None and get == self._get:
            return fixed
        tensor, places = self._addressed(node)
        known = self.values.get(tensor)

        def one(at: Places) -> complex:
            if known is not None and at not in known:  # beside the array
                return self.world.beside(tensor, _derived(node)) or 0j
            return get(tensor, at, node)

        return places.map(one) if isinstance(places, Table) else one(places)

    def addressed(self, node: Entry) -> tuple[Tensor, Places | Table]:
        """The array of the entry, with its place there, or with all places of the whole."""
        return self._addressed(node)

    def _addressed(self, node: Entry) -> tuple[Tensor, Places | Table]:
        tensor = self.tensor(node)
        if node.form == "window":
            return tensor, self._window(node, tensor)
        shape = [self.world.extent(e) for e in self._shape(tensor)]
        if node.role == "weight" and (bias := self._as_bias(node, shape)) is not None:
            return bias
        if node.form == "batch" and tensor.batched:
            if len(shape) > 1:
                raise NoValue("a batch of more than vectors")
            axes, columns = 1 + len(shape), shape[0] if shape else 1
            if self.scope.conventions.sample_columns:
                return tensor, Table(columns, self.world.samples, lambda r, c: (c, r)[:axes])
            return tensor, Table(self.world.samples, columns, lambda r, c: (r, c)[:axes])
        front = (self._sample(node),) if tensor.batched else ()
        apart = self.world.channels_apart(tensor, len(node.places))
        if apart and not self.scope.own.one_channel:  # all channels at a place
            rest = self._inside([self.place(p) for p in node.places], shape[1:], tensor)
            return tensor, Table(shape[0], 1, lambda r, c: (*front, r, *rest))
        if self._of_unit(node, shape):
            unit = self._inside([self.place(node.places[0])], shape[1:], tensor)
            return tensor, Table(shape[0], 1, lambda r, c: (r, *unit))
        places = self._places(node, shape, tensor)
        if places is not None:
            return tensor, (*front, *places)
        if node.role == "weight" and len(shape) == 2:
            if self.scope.rows_out_of(node.label):
                return tensor, Table(shape[1], shape[0], lambda r, c: (c, r))
            return tensor, Table(shape[0], shape[1], lambda r, c: (r, c))
        if len(shape) == 1:
            if self.scope.conventions.row_vectors:
                return tensor, Table(1, shape[0], lambda r, c: (*front, c))
            return tensor, Table(shape[0], 1, lambda r, c: (*front, r))
        if len(shape) == 2:
            return tensor, Table(shape[0], shape[1], lambda r, c: (*front, r, c))
        if not tensor.batched and shape:  # kernels, those of a channel in a row
            cells = list(product(*map(range, shape[1:])))
            folded = not self.world.windows
            return tensor, Table(shape[0], len(cells), lambda r, c: (r, *cells[c]), folded)
        raise NoValue(f"an array with {len(shape)} axes")

    def _of_unit(self, node: Entry, shape: list[int]) -> bool:
        """Whether the weights of one unit are meant, as a vector: w_j."""
        one = node.role == "weight" and len(node.places) == 1 and len(shape) == 2
        return one and self.scope.own.unit_weights and 1 not in shape

    def _inside(self, written: list[int], shape: list[int], tensor: Tensor) -> Places:
        """The written places from 0, each in its range."""
        base = self.scope.profile.base
        for place, size in zip(written, shape, strict=True):
            if not base <= place < base + size:
                raise Outside(f"index {place} of {tensor}")
        return tuple(place - base for place in written)

    def window(self, tensor: Tensor) -> Window:
        """The window that a layer moves over the array."""
        found = window_of(self.world, tensor)
        if found is None:
            raise NoLayer(f"a window over {tensor}")
        return found

    def _window(self, node: Entry, tensor: Tensor) -> Table:
        """What lies under a window at a place, as a column."""
        base, found = self.scope.profile.base, self.window(tensor)
        at = [self.place(p) - base for p in node.places]
        places = found.places(self.world, self._sample(node), at)
        return Table(len(places), 1, lambda r, c: places[r])

    def _shape(self, tensor: Tensor) -> tuple[int | str, ...]:
        return () if tensor in (LOSS, OBJECTIVE) else self.world.shapes.get(tensor, ())

    def _places(self, node: Entry, shape: list[int], tensor: Tensor) -> Places | None:
        """The places of an entry from 0, or None for the whole array."""
        base = self.scope.profile.base
        places: Sequence[Node] = node.places
        if node.role == "weight" and node.fixed is None:
            places = in_order(places, shape, self.scope.out_first_of(node.label), base)
        written = [self.place(p) - base for p in places]
        if node.fixed is not None and len(written) == 2:
            written.pop(1 if self.scope.out_first else 0)
        single = all(size == 1 for size in shape) and node.form == "entry"
        if not written and shape and (single or self.scope.own.lone_unit):
            written = [0] * len(shape)
        if not written and shape:
            return None
        if self.scope.own.one_channel and shape[: len(shape) - len(written)] in ([1], [1, 1]):
            written = [0] * (len(shape) - len(written)) + written
        if len(written) != len(shape):
            raise Nowhere(f"{len(shape)} indices of {tensor}")
        moved = any(isinstance(p, Plus) for p in node.places)  # a window may reach beyond
        beside = moved and self.world.beside(tensor, _derived(node)) is not None
        for place, size in zip(written, shape, strict=True):
            if not (0 <= place < size or beside):
                raise Outside(f"index {place + base} of {tensor}")
        return tuple(written)

    def _as_bias(self, node: Entry, shape: list[int]) -> tuple[Tensor, Places] | None:
        """The weight from the fixed input of a unit is its threshold."""
        single = len(node.places) == 1 and len(shape) == 2 and shape[1] == 1  # v_0 of one unit
        if (len(node.places) != 2 and not single) or self.scope.profile.base != 1:
            return None
        written = [self.place(p) for p in node.places]
        written += [1] * single
        into, out = written if not self.scope.out_first or single else written[::-1]
        if into != 0 and not (self.scope.own.absorbed and into == shape[0] + 1):
            return None
        bias = self.tensor_of("bias", self._label(node))
        if not 1 <= out <= shape[1]:
            raise Outside(f"index {out} of {bias}")
        return bias, (out - 1,)

    def _fixed(self, node: Entry) -> complex | None:
        """The fixed input x_0 of the units above, where the index is 0."""
        if node.role not in INTO_LAYERS or len(node.places) != 1:
            return None
        if self.scope.profile.base != 1 or not self._is_fixed(node):
            return None
        below = 0 if node.label is None else self.layer_number(node.label)
        any_other = "threshold" if self.world.threshold else "added"
        return -1 + 0j if self.world.biases.get(below + 1, any_other) == "threshold" else 1 + 0j

    def _is_fixed(self, node: Entry) -> bool:
        """Whether the index is 0, or one more than there are units where biases are weights."""
        place = self.place(node.places[0])
        if place == 0 or not self.scope.own.absorbed:
            return place == 0
        shape = [self.world.extent(e) for e in self._shape(self.tensor(node))]
        return len(shape) == 1 and place == shape[0] + 1

    def _sample(self, node: Entry) -> int:
        if node.sample is None:
            return self.sample
        if isinstance(node.sample, Letter) and node.sample.name not in self.letters:
            return self.sample
        written, first = self.place(node.sample), self.scope.profile.base
        if written == first - 1:
            return self.world.samples
        if not first <= written < first + self.world.samples:
            raise Outside(f"the sample {written}")
        return written - first

    # ---------------------------------------------------------------- training

    def _stepped(self, node: Entry) -> Value:
        """A parameter after one step of gradient descent, or an average after one more batch."""
        if node.step != 1 or not (self._trained(node) or self.averaged(node)):
            raise NoValue("a quantity at another iteration")
        return self.updated(node)

    def updated(self, node: Node) -> Value:
        """A parameter after one step of gradient descent; an average after one more batch."""
        if self.averaged(node):
            here = replace(node, step=None)
            return self._read(here, lambda tensor, at, _: self.world.renewed[tensor][at])
        if not self._trained(node):
            raise NoValue("an update of something else than a parameter")
        here = replace(node, step=None)
        return together(self.value(here), self._gradient(here), lambda w, g: w - RATE * g)

    def _trained(self, node: Node) -> TypeGuard[Entry]:
        """Whether training changes the quantity."""
        if not isinstance(node, Entry):
            return False
        return node.role in ("weight", "bias") or (
            node.role == "own" and self.tensor(node).role == "parameter"
        )

    def averaged(self, node: Node) -> TypeGuard[Entry]:
        """Whether it is a running average, which every batch renews."""
        if not isinstance(node, Entry) or node.role != "own":
            return False
        return self.tensor(node).role == "state"

    def _gradient(self, node: Entry) -> Value:
        def get(tensor: Tensor, at: Places, entry: Entry) -> complex:
            return self._target_slope(tensor, at)

        return self._read(node, get)

    def _target_slope(self, tensor: Tensor, at: Places) -> complex:
        of = (self.sample,) if self.target == LOSS else ()
        return self.world.slope(self.target, of, tensor, at)

    def _change(self, node: Change) -> Value:
        if self._trained(node.arg):
            return together(-RATE + 0j, self._gradient(node.arg), lambda a, b: a * b)
        raise NoValue("the change of something else than a parameter")

    def _at_point(self, node: AtPoint) -> Value:
        if isinstance(node.arg, Entry) and node.arg.role == "error" and not node.arg.places:
            first = node.points[0]
            if isinstance(first, Entry) and first.role == "activation":
                return self.value(replace(first, role="error"))
        return self.value(node.arg)


def _derived(node: Entry) -> bool:
    """Whether the entry is a derivative of the loss."""
    return node.role in ("delta", "error") or node.barred
