"""Read formulas as terms of the calculus; of a whole array, the term of an entry.

The law of notations: what a notation prints of a term is read as an equal term.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction

from derive.identities import O, S
from derive.naming import LETTERS
from derive.reading_scope import Scope
from derive.reading_tree import (
    Applied,
    Bars,
    Bracket,
    Branches,
    Derivative,
    Entry,
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
    children,
    walk,
)
from derive.reading_tree import Value as Named
from derive.stages import SAMPLE
from derive.terms import (
    ONE,
    ZERO,
    Affine,
    Apply,
    Argmax,
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
    Partial,
    Piecewise,
    Ref,
    Sum,
    Tensor,
    Term,
    add,
    call,
    exp,
    lift,
    mul,
    power,
)
from derive.terms import Num as Number
from derive.terms import Size as SizeOf

Shape = tuple[Extent, Extent]
_COMPARE = {"<": "<", ">": ">", "le": "<=", "ge": ">="}
_EXTREMA = {"max": "max", "min": "min", "argmax": "max", "argmin": "min"}


class NoTerm(Exception):
    """The formula has no term of the calculus; the text says why."""


@dataclass(frozen=True)
class Terms:
    """Makes terms of nodes; `ranges` are sizes of indices that no array shows."""

    scope: Scope
    ranges: Mapping[str, Extent] = field(default_factory=dict)
    biases: Mapping[Label | None, str] = field(default_factory=dict)  # label -> added, threshold
    units: str = "d"  # the letter of the units of a generic layer
    letters: Mapping[str, Index] = field(default_factory=dict)

    # ---------------------------------------------------------------- indices

    def over(self, *nodes: Node) -> Terms:
        """With the free letters of the nodes as indices."""
        found = dict(self.letters)
        for name in dict.fromkeys(n for node in nodes for n in _free(node)):
            if name not in found:
                with suppress(NoTerm):
                    found[name] = self._index(name, nodes)
        return replace(self, letters=found)

    def _index(self, name: str, nodes: tuple[Node, ...], high: Node | None = None) -> Index:
        for node in nodes:
            for size in self._sizes(name, node):
                return SAMPLE if size == "sample" else Index(self._base(name), size)
        if isinstance(high, Num):
            return Index(self._base(name), int(high.value))
        if isinstance(high, Size):
            return Index(self._base(name), self.extent(high))
        base = self._base(name)
        if base in self.ranges:
            return Index(base, self.ranges[base])
        if name == self.scope.sample:
            return SAMPLE
        raise NoTerm(f"the range of the index {name}")

    def _base(self, name: str) -> str:
        """The letter of the calculus for a written index."""
        letter, marks = name.rstrip("'"), name[len(name.rstrip("'")) :]
        back = {written: base for base, written in self.scope.profile.indices.items()}
        return back.get(letter, letter) + marks

    def _sizes(self, name: str, node: Node) -> Iterator[Extent]:
        """The sizes of the axes along which the letter stands, sums of its own left out."""
        if isinstance(node, Entry):
            if node.sample == Letter(name):
                yield "sample"
            shape = self._shape_of(node)
            places = self._ordered(node)
            if shape is not None and len(shape) == len(places):
                yield from (e for p, e in zip(places, shape, strict=True) if p == Letter(name))
        if isinstance(node, Total) and any(b.name == name for b in node.bounds):
            return
        for child in children(node):
            yield from self._sizes(name, child)

    def place(self, node: Node) -> Affine:
        """The place that an index expression writes, counted from 0."""
        made = self._affine(node)
        base = self.scope.profile.base
        return made - base * (1 - sum(c for _, c in made.terms))

    def _affine(self, node: Node) -> Affine:
        match node:
            case Num() if node.value.denominator == 1:
                return Affine(int(node.value))
            case Letter() if node.name in self.letters:
                return Affine.of(self.letters[node.name])
            case Minus():
                return self._affine(node.arg) * -1
            case Plus():
                made = Affine()
                for arg in node.args:
                    made = made + self._affine(arg)
                return made
            case Times() if isinstance(node.args[0], Num):
                made = self._affine(node.args[-1])
                return made * int(node.args[0].value)
        raise NoTerm("an index expression")

    # ---------------------------------------------------------------- arrays

    def tensor(self, node: Entry) -> Tensor:
        """The array of an entry; under a bar, that of the derivatives of the loss by it."""
        plain = self._plain_tensor(node)
        if not node.barred:
            return plain
        return Tensor(f"d{plain.letter}", "adjoint", plain.label, plain.batched)

    def _plain_tensor(self, node: Entry) -> Tensor:
        role, label = node.role, node.label
        if role == "own":
            return self._own(node)
        if role == "output":
            role, label = "activation", self.scope.last
            if not any(t.role == role and t.label == label for t in self.scope.shapes):
                role = "preactivation"
        if role == "activation" and label == Label(0):
            role, label = "input", None
        if role in ("input", "target", "loss"):
            label = None
        found = [t for t in self.scope.shapes if t.role == role and t.label == label]
        same = [t for t in found if LETTERS.get(t.role) == t.letter]
        if same:
            return same[0]
        batched = role not in ("weight", "bias")
        return Tensor(LETTERS[role], role, label, batched)

    def _own(self, node: Entry) -> Tensor:
        for tensor in self.scope.shapes:
            if tensor.letter == node.letter and tensor.label == node.label:
                return tensor
        raise NoTerm(f"an array {node.letter} in layer {node.label}")

    def _shape_of(self, node: Entry) -> tuple[Extent, ...] | None:
        if node.role in ("loss", "objective"):
            return ()
        try:
            tensor = self.tensor(node)
        except NoTerm:
            return None
        if tensor.role == "input" and self._repeated:
            return (f"{self.units}^(0)",)  # the first of the repeated layers reads it
        known = self.scope.shapes.get(self._plain_tensor(node))
        if known is not None:
            return known
        if tensor.label is None or not (tensor.label.base or self._repeated):
            return None
        below, here = (f"{self.units}^({tensor.label.shifted(k)})" for k in (-1, 0))
        return (below, here) if node.role == "weight" else (here,)

    @property
    def _repeated(self) -> bool:
        """Whether a layer of the network stands for several."""
        return any(t.label == Label(0, "l") for t in self.scope.shapes)

    def _ordered(self, node: Entry) -> list[Node]:
        """The places in the order of the calculus."""
        places = list(node.places)
        if node.fixed is not None and len(places) == 2:
            places.pop(1 if self.scope.profile.out_first else 0)
        elif node.role == "weight" and self.scope.profile.out_first and len(places) == 2:
            places.reverse()
        return places

    def ref(self, node: Entry, *at: Affine) -> Ref:
        """The entry at its places, or at those given."""
        tensor = self.tensor(node)
        shape = self._shape_of(node)
        if at or node.form == "batch":
            return Ref(tensor, at)
        places = [self.place(p) for p in self._ordered(node)]
        if not places and shape and all(e == 1 for e in shape):
            places = [Affine() for _ in shape]
        front = (self._sample(node),) if tensor.batched else ()
        return Ref(tensor, (*front, *places))

    def _sample(self, node: Entry) -> Affine:
        if node.sample is None:
            return Affine.of(SAMPLE)
        if isinstance(node.sample, Letter):
            return Affine.of(self.letters.get(node.sample.name, SAMPLE))
        return self.place(node.sample)

    # ---------------------------------------------------------------- shapes of arrays

    def shape(self, node: Node) -> Shape | None:
        """Rows and columns of an array; None for a number."""
        match node:
            case Entry():
                return self._array_shape(node)
            case Transposed():
                made = self.shape(node.arg)
                return None if made is None else (made[1], made[0])
            case Times():
                return self._product_shape(node)
            case Derivative():
                return self.shape(node.by[0])
            case Nabla():
                return None if node.by is None else self.shape(node.by)
            case Norm() | Kronecker() | Size() | Num() | Named():
                return None
            case Letter():
                return (SAMPLE.size, 1) if node.name == "bold 1" else None
        shapes = [s for part in children(node) if (s := self.shape(part)) is not None]
        if isinstance(node, Plus):
            shapes.sort(key=lambda s: s[1] == 1)
        return shapes[0] if shapes else None

    def _array_shape(self, node: Entry) -> Shape | None:
        shape = self._shape_of(node)
        if shape is None or not shape:
            return None
        if node.form == "batch":
            return (SAMPLE.size, shape[0]) if len(shape) == 1 else None
        if (
            len(node.places) > (node.fixed is not None)
            or all(e == 1 for e in shape)
            and (node.form == "entry")
        ):
            return None
        if (
            node.form == "entry"
            and node.role in ("preactivation", "activation")
            and node.label is None
        ):
            return None
        if len(shape) == 1:
            return (shape[0], 1)
        if len(shape) == 2:
            return (shape[1], shape[0]) if self.scope.profile.out_first else (shape[0], shape[1])
        return None

    def _product_shape(self, node: Times) -> Shape | None:
        made: Shape | None = None
        before: Node = node.args[0]
        for k, arg in enumerate(node.args):
            other = self.shape(arg)
            if k:
                made, other = self._fitted(made, before, other, arg)
            before = arg
            if other is None:
                continue
            if made is None or (k and node.signs[k - 1] in ("odot", "circ", "ast", "otimes")):
                made = other if made is None else made
            elif made == (1, 1):
                made = other
            elif other != (1, 1):
                made = (made[0], other[1])
        return made

    def _fitted(
        self, made: Shape | None, before: Node, other: Shape | None, arg: Node
    ) -> tuple[Shape | None, Shape | None]:
        """Both shapes, those of ones as they fit."""
        if _is_ones(arg) and made is not None:
            other = (made[1], 1)
        if isinstance(before, Transposed) and _is_ones(before.arg) and other is not None:
            made = (1, other[0])
        return made, other

    def _beside(self, left: Node, right: Node) -> tuple[Shape | None, Shape | None]:
        """The shapes of two factors; ones are as many as fit the other factor."""
        a, b = self.shape(left), self.shape(right)
        if _is_ones(right) and a is not None:
            b = (a[1], 1)
        if isinstance(left, Transposed) and _is_ones(left.arg) and b is not None:
            a = (1, b[0])
        return a, b

    # ---------------------------------------------------------------- entries of arrays

    def entry(self, node: Node, row: Affine, col: Affine) -> Term:
        """The entry of an array at a place; a number is the same at every place."""
        shape = self.shape(node)
        if shape is None:
            return self.term(node)
        match node:
            case Entry():
                return self._array_entry(node, row, col)
            case Transposed():
                return self.entry(node.arg, col, row)
            case Times():
                return self._product_entry(list(node.args), list(node.signs), row, col)
            case Plus():
                return add(*(self._summand(arg, shape, row, col) for arg in node.args))
            case Minus():
                return -self.entry(node.arg, row, col)
            case Over():
                return self.entry(node.above, row, col) / self.entry(node.below, row, col)
            case Power():
                return self._power(self.entry(node.base, row, col), node.exponent)
            case Letter():
                return ONE
            case Applied():
                return self._applied(node, row, col)
            case Derivative() | Nabla():
                return self._gradient_entry(node, row, col)
            case Total():
                return self._total(node, row, col)
            case Bracket():
                return self._indicator(node, row, col)
            case Branches():
                return Piecewise(
                    tuple((self.entry(v, row, col), self._when(c, row, col)) for v, c in node.rows)
                )
            case Root():
                return power(self.entry(node.arg, row, col), Fraction(1, 2))
            case Bars():
                return call("abs", self.entry(node.arg, row, col))
        raise NoTerm(f"an array that is a {type(node).__name__.lower()}")

    def _array_entry(self, node: Entry, row: Affine, col: Affine) -> Term:
        tensor = self.tensor(node)
        if node.form == "batch":
            return Ref(tensor, (row, col))
        if node.role == "weight":
            return Ref(tensor, (col, row) if self.scope.profile.out_first else (row, col))
        front = (self._sample(node),) if tensor.batched else ()
        return Ref(tensor, (*front, row))

    def _summand(self, node: Node, shape: Shape, row: Affine, col: Affine) -> Term:
        """A column added to a batch is added to every row."""
        own = self.shape(node)
        if own is not None and own != shape and own == (shape[1], 1):
            return self.entry(node, col, Affine())
        return self.entry(node, row, col)

    def _product_entry(self, args: list[Node], signs: list[str], row: Affine, col: Affine) -> Term:
        """Entries of products from the left; a matrix product sums over a fresh index."""
        if len(args) == 1:
            return self.entry(args[0], row, col)
        *first, last = args
        sign = signs[-1]
        left = Times(tuple(first), tuple(signs[:-1])) if len(first) > 1 else first[0]
        a, b = self._beside(left, last)
        entrywise = sign in ("odot", "circ", "ast")
        if a is None or b is None or entrywise or (1, 1) in (a, b):
            places = [(Affine(), Affine()) if s == (1, 1) else (row, col) for s in (a, b)]
            return mul(self.entry(left, *places[0]), self.entry(last, *places[1]))
        if a[1] == 1 and b[0] == 1:
            return mul(self.entry(left, row, Affine()), self.entry(last, Affine(), col))
        taken = {i for p in (row, col) for i, _ in p.terms} | set(self.letters.values())
        names = (f"k{n}" for n in range(100))
        size = a[1]
        k = next(i for n in names if (i := Index(n, size, size == SAMPLE.size)) not in taken)
        inner = replace(self, letters={**self.letters, f"#{k.name}": k})
        at = Affine.of(k)
        return Sum(mul(inner.entry(left, row, at), inner.entry(last, at, col)), (k,))

    def _gradient_entry(self, node: Derivative | Nabla, row: Affine, col: Affine) -> Term:
        by = node.by[0] if isinstance(node, Derivative) else node.by
        if not isinstance(by, Entry) or not isinstance(node.of, Entry):
            raise NoTerm("a gradient of something else than a loss")
        entry = self._array_entry(by, row, col)
        assert isinstance(entry, Ref)
        return self._slope(node.of, entry)

    def _slope(self, of: Entry, by: Ref) -> Term:
        if of.role == "objective":
            tensor = replace(by.tensor, role="gradient")
            return Ref(tensor, by.at)
        return Partial(self.ref(of), by)

    def _indicator(self, node: Bracket, row: Affine, col: Affine) -> Term:
        """A comparison entry by entry."""
        return Piecewise(((ONE, self._when(node, row, col)), (ZERO, True)))

    def _when(self, node: Node | None, row: Affine, col: Affine) -> Condition:
        if node is None:
            return True
        if not isinstance(node, Bracket) or len(node.members) != 2:
            raise NoTerm("a comparison of two arrays")
        relation = _COMPARE.get(node.relations[0])
        if relation is None:
            raise NoTerm(f"the comparison {node.relations[0]}")
        return Compare(relation, *(self.entry(m, row, col) for m in node.members))

    # ---------------------------------------------------------------- numbers

    def term(self, node: Node) -> Term:
        """The term of a formula that is a number."""
        match node:
            case Num():
                return lift(node.value)
            case Size():
                return self._size(node)
            case Named():
                return exp(1) if node.name == "e" else Const(node.name)
            case Entry():
                return self._number(node)
            case Applied():
                return self._applied(node)
            case Plus():
                return add(*map(self.term, node.args))
            case Minus():
                return -self.term(node.arg)
            case Times():
                return self._times(node)
            case Over():
                return self.term(node.above) / self.term(node.below)
            case Power():
                return self._powered(node)
            case Total():
                return self._total(node)
            case Derivative():
                return self._derivative(node)
            case Nabla() if isinstance(node.by, Entry) and isinstance(node.of, Entry):
                return self._slope(node.of, self.ref(node.by))
            case Root():
                return power(self.term(node.arg), Fraction(1, 2))
            case Bars():
                return call("abs", self.term(node.arg))
            case Kronecker():
                return Delta(self.place(node.left), self.place(node.right))
            case Bracket():
                return self._bracket(node)
            case Branches():
                rows = tuple((self.term(v), self._condition(c)) for v, c in node.rows)
                return Piecewise(rows)
            case Letter() if node.name in self.scope.size_names:
                return SizeOf(self.scope.size_names[node.name])
        raise NoTerm(f"a number that is a {type(node).__name__.lower()}")

    def extent(self, node: Size) -> Extent:
        """The size as an extent."""
        if node.name:
            return node.name
        if node.label is None:
            return SAMPLE.size
        for tensor, shape in self.scope.shapes.items():
            if tensor.role == "preactivation" and tensor.label == node.label:
                return shape[0]
        if node.label == Label(0):
            return next(s[0] for t, s in self.scope.shapes.items() if t.role == "input")
        return f"{self.units}^({node.label})"

    def _size(self, node: Size) -> Term:
        extent = self.extent(node)
        return lift(extent) if isinstance(extent, int) else SizeOf(extent)

    def _number(self, node: Entry) -> Term:
        alone = not node.places and node.sample is None and node.label is None
        if alone and node.role == "preactivation":
            return S
        if alone and node.role == "activation":
            return O
        fixed = self._fixed(node)
        return self.ref(node) if fixed is None else fixed

    def _fixed(self, node: Entry) -> Term | None:
        """x_0, the fixed input of the units of the layer above."""
        first = node.places[0] if len(node.places) == 1 else None
        if node.role in ("activation", "input") and first == Num(Fraction(0)):
            return -ONE if self.scope.threshold else ONE
        return None

    def _times(self, node: Times) -> Term:
        if self._scalar_product(node):
            return self._product_entry(list(node.args), list(node.signs), Affine(), Affine())
        return mul(*map(self.term, node.args))

    def _scalar_product(self, node: Times) -> bool:
        return any(self.shape(arg) is not None for arg in node.args)

    def _powered(self, node: Power) -> Term:
        if isinstance(node.base, Norm) and node.exponent == Num(Fraction(2)):
            arg = node.base.arg
            shape = self.shape(arg)
            if shape is None:
                return power(self.term(arg), 2)
            k = Index("k0", shape[0])
            return Sum(power(self.entry(arg, Affine.of(k), Affine()), 2), (k,))
        return self._power(self.term(node.base), node.exponent)

    def _power(self, base: Term, exponent: Node) -> Term:
        value = self.term(exponent)
        if isinstance(value, Number):
            return power(base, value.value)
        return exp(mul(value, call("log", base)))

    # ---------------------------------------------------------------- functions

    def _applied(self, node: Applied, row: Affine | None = None, col: Affine | None = None) -> Term:
        function = node.function
        if function.name == "diag":
            assert row is not None
            assert col is not None
            return mul(self.entry(node.args[0], row, Affine()), Delta(row, col))
        if function.name == "loss":
            return self._loss(node)
        args = [
            self.term(a) if row is None or col is None else self.entry(a, row, col)
            for a in node.args
        ]
        name = function.name
        labelled = function.label is not None and not function.assumed
        if function.activation and (not name or labelled):
            return Apply(self._activation(function.label, labelled), args[0], node.order)
        if name in self.scope.functions:
            return Apply(Function(name, function.label), args[0], node.order)
        if node.order:
            return Apply(Function(name), args[0], node.order)
        return Call(name, tuple(args))

    def _activation(self, label: Label | None, labelled: bool) -> Function:
        """The activation of a layer: that of its formula, or the generic one."""
        own = self.scope.formulas.get(label) if label is not None else None
        if own is not None and not labelled:
            return Function(own)
        only = sorted(self.scope.functions)
        return Function(only[0]) if label is None and only else Function("phi", label)

    def _loss(self, node: Applied) -> Term:
        arg = node.args[0]
        if not isinstance(arg, Entry):
            raise NoTerm("a loss of something else than the output")
        return Apply(Function("loss"), Ref(self.tensor(arg), (self._sample(arg),)), node.order)

    # ---------------------------------------------------------------- sums and derivatives

    def _total(self, node: Total, row: Affine | None = None, col: Affine | None = None) -> Term:
        inner = dict(self.letters)
        made: list[Index] = []
        joined = False
        for bound in node.bounds:
            index = self._index(bound.name, (node.body,), bound.high)
            while index in self.letters.values() and index != self.letters.get(bound.name):
                index = replace(index, name=index.name + "'")
            inner[bound.name] = index
            made.append(index)
            joined |= isinstance(bound.low, Num) and bound.low.value < self.scope.profile.base
        within = replace(self, letters=inner)
        if row is None or col is None:
            body = within.term(node.body)
        else:
            body = within.entry(node.body, row, col)
        if node.kind == "sum":
            inner_sum = body if isinstance(body, Sum) else Sum(body, ())
            result: Term = Sum(inner_sum.body, (*made, *inner_sum.indices))
            return add(result, self._threshold(node)) if joined else result
        return Extremum(_EXTREMA[node.kind], body, tuple(made))

    def _threshold(self, node: Total) -> Term:
        """The summand i = 0 of a weighted sum: the bias, with the sign of the fixed input."""
        weights = [n for n in walk(node.body) if isinstance(n, Entry) and n.role == "weight"]
        if len(weights) != 1:
            raise NoTerm("a sum from 0 without one weight")
        places = self._ordered(weights[0])
        bias = Tensor("b", "bias", weights[0].label, batched=False)
        known = self.biases.get(weights[0].label)
        value = Ref(bias, (self.place(places[1]),))
        return -value if known == "threshold" else value

    def _derivative(self, node: Derivative) -> Term:
        if node.of is None or len(node.by) != 1 or not isinstance(node.by[0], Entry):
            raise NoTerm("a derivative by something else than a quantity")
        by = self._number(node.by[0])
        assert isinstance(by, Ref)
        if isinstance(node.of, Entry):
            if node.of.role == "objective":
                return self._slope(node.of, by)
            return Partial(self._number(node.of), by)
        return Partial(self.term(node.of), by)

    # ---------------------------------------------------------------- conditions

    def _bracket(self, node: Bracket) -> Term:
        first, last = node.members[0], node.members[-1]
        if isinstance(last, Total) and last.kind.startswith("arg"):
            items = first.items if isinstance(first, Listed) else (first,)
            extremum = self._total(last)
            assert isinstance(extremum, Extremum)
            return Argmax(extremum, tuple(map(self.place, items)))
        if node.relations == ("=",):
            return Delta(self.place(first), self.place(last))
        if len(node.members) == 3 and node.relations[0] == "le":
            size = self.extent(last) if isinstance(last, Size) else self._whole(last)
            return Guard(self.place(node.members[1]), size)
        return Piecewise(((ONE, self._condition(node)), (ZERO, True)))

    def _whole(self, node: Node) -> Extent:
        value = self.term(node)
        if isinstance(value, SizeOf):
            return value.extent
        if isinstance(value, Number):
            return int(value.value)
        raise NoTerm("a size")

    def _condition(self, node: Node | None) -> Condition:
        if node is None:
            return True
        if not isinstance(node, Bracket) or len(node.relations) != 1:
            raise NoTerm("a comparison of two numbers")
        relation = node.relations[0]
        if relation not in _COMPARE:
            raise NoTerm(f"the comparison {relation}")
        return Compare(_COMPARE[relation], *map(self.term, node.members))


def _is_ones(node: Node) -> bool:
    return isinstance(node, Letter) and node.name == "bold 1"


def _free(node: Node, bound: frozenset[str] = frozenset()) -> Iterator[str]:
    """The letters of indices that no sum binds."""
    if isinstance(node, Letter) and node.name not in bound:
        yield node.name
    if isinstance(node, Total):
        bound |= {b.name for b in node.bounds}
    for child in children(node):
        yield from _free(child, bound)
