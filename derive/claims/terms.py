"""Read formulas as terms of the calculus; of a whole array, the term of an entry.

The law of notations: what a notation prints of a term is read as an equal term.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from derive.algebra.terms import (
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
from derive.algebra.terms import Num as Number
from derive.algebra.terms import Size as SizeOf
from derive.claims.entries import COMPARE, Arrays
from derive.claims.indices import NoTerm
from derive.identities import O, S
from derive.reading.tree import (
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
    walk,
)
from derive.reading.tree import Value as Named
from derive.stages import SAMPLE

_EXTREMA = {"max": "max", "min": "min", "argmax": "max", "argmin": "min"}


@dataclass(frozen=True)
class Terms(Arrays):
    """Makes terms of nodes."""

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
            case Entry(role="loss", form="batch"):
                return Sum(self._number(replace(node, form="entry")), (SAMPLE,))
            case Entry():
                return self._number(node)
            case Applied():
                return self._applied(node)
            case Plus():
                return add(*map(self.term, node.args))
            case Minus():
                return -self.term(node.arg)
            case Transposed():
                return self.term(node.arg)
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
            above = Label(0) if node.label is None else node.label
            kind = self.biases.get(above.shifted(1), "threshold" if self.scope.threshold else "")
            return -ONE if kind == "threshold" else ONE
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
            if shape[0] is None:
                raise NoTerm("the number of ones under a norm")
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
            if row is None or col is None:  # of one number
                return self.term(node.args[0])
            return mul(self.entry(node.args[0], row, Affine()), Delta(row, col))
        if function.name == "loss":
            return self._loss(node)
        shape = self.shape(node)
        args = [
            self.term(a) if row is None or col is None else self._beside(a, shape, row, col)
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
        if not labelled:
            letters = self.scope.formulas.get(label, ()) if label else self.scope.functions
            if letters:  # the sign of any activation is written for phi
                return Function("phi" if "phi" in letters else min(letters))
        return Function("phi", label)

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
            of = node.of
            if of.role == "loss" and of.form == "batch":  # seen from one sample: its share
                of = replace(of, form="entry")
            return Partial(self._number(of), by)
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
        if relation not in COMPARE:
            raise NoTerm(f"the comparison {relation}")
        return Compare(COMPARE[relation], *map(self.term, node.members))
