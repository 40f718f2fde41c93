r"""Equations of a sheet between its own arrays, entry by entry: h = x + W f(U x).

What is a number, a column and a matrix shows in the letters and in what fits together: of all ways
that fit, the one with the fewest numbers is meant; where two are as good, none is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, count
from string import ascii_lowercase

from derive.formulas.formula import FUNCTIONS
from derive.reading.tree import (
    Applied,
    Bars,
    Entry,
    Letter,
    Minus,
    Node,
    Norm,
    Num,
    Over,
    Plus,
    Power,
    Root,
    Times,
    Total,
    Transposed,
    walk,
)

ONE = 0  # the dimension of what has none
ENTRYWISE = ("odot", "circ", "ast", "*", "bullet")
PLAIN_PRODUCTS = ("", "cdot", "times")
MOST_SYMBOLS = 14
SIZES = (3, 4, 2, 5, 3, 2, 4, 2)  # small, and those of one equation not all alike

Shape = tuple[int, int]
Text = Callable[[str, str], str]  # of one entry, from the indices of its row and column


class Misfit(Exception):
    """What is written does not fit together."""


@dataclass
class Form:
    """An expression: its rows and columns, and the text of an entry."""

    shape: Shape
    text: Text
    constant: bool = False  # a number written out, which is added to every entry

    @property
    def number(self) -> bool:
        """Whether it has one entry."""
        return self.shape == (ONE, ONE)


@dataclass(frozen=True)
class Definition:
    """One equation of the sheet: a symbol and what it is."""

    symbol: str
    rhs: Node


@dataclass
class Shapes:
    """The dimensions of the symbols of some equations, for one choice of what is a number."""

    kinds: Mapping[str, str]  # number, column or matrix
    names: Mapping[str, str]  # by which the equations call the symbols
    parents: list[int] = field(default_factory=lambda: [ONE])
    symbols: dict[str, Shape] = field(default_factory=dict)
    bound: dict[str, tuple[str, int]] = field(default_factory=dict)  # letters of sums
    indices: dict[str, int] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)  # letters of sizes
    fresh: Iterator[int] = field(default_factory=count)

    # ---------------------------------------------------------------- dimensions

    def dimension(self) -> int:
        """A dimension of which nothing is known yet."""
        self.parents.append(len(self.parents))
        return len(self.parents) - 1

    def root(self, dimension: int) -> int:
        """The dimension that stands for all that are the same."""
        while self.parents[dimension] != dimension:
            dimension = self.parents[dimension]
        return dimension

    def same(self, a: Shape, b: Shape) -> None:
        """Two shapes are one; what has a single row or column has that for good."""
        for one, other in zip(a, b, strict=True):
            left, right = self.root(one), self.root(other)
            if (left == ONE) != (right == ONE):
                raise Misfit
            self.parents[max(left, right)] = min(left, right)

    def sizes(self) -> dict[int, int]:
        """A small number for every dimension."""
        roots = dict.fromkeys(self.root(d) for d in range(len(self.parents)))
        del roots[ONE]
        return {root: SIZES[k % len(SIZES)] for k, root in enumerate(roots)}

    def of_symbol(self, symbol: str) -> Shape:
        """The rows and columns of a symbol."""
        if symbol not in self.symbols:
            rows = ONE if self.kinds[symbol] == "number" else self.dimension()
            columns = self.dimension() if self.kinds[symbol] == "matrix" else ONE
            self.symbols[symbol] = rows, columns
        return self.symbols[symbol]

    def index(self, dimension: int) -> str:
        """A new letter for an index of a dimension; none where there is only one place."""
        if self.root(dimension) == ONE:
            return ""
        number = next(self.fresh)
        name = "i" + ascii_lowercase[number // 26] + ascii_lowercase[number % 26]
        self.indices[name] = dimension
        return name

    # ---------------------------------------------------------------- expressions

    def entry(self, symbol: str, row: str, column: str) -> str:
        """An entry of a symbol, as the equations write it."""
        places = ", ".join(filter(None, (row, column)))
        return self.names[symbol] + (f"[{places}]" if places else "")

    def form(self, node: Node) -> Form:
        """What an expression is."""
        match node:
            case Num():
                value = f"({node.value})"
                return Form((ONE, ONE), lambda i, j: value, True)
            case Letter() if node.name not in self.bound:
                return self._size(node.name)
            case Entry(role="user", label=None, sample=None) if node.letter in self.lengths:
                return self._size(node.letter)
            case Entry(role="user", label=None, sample=None):
                return self._symbol(node)
            case Plus():
                return self._alike([self.form(n) for n in node.args], " + ")
            case Minus():
                inner = self.form(node.arg)
                return Form(inner.shape, lambda i, j: f"(-{inner.text(i, j)})", inner.constant)
            case Times():
                return self._product(node)
            case Over():
                return self._over(self.form(node.above), self.form(node.below))
            case Power(base=Norm(arg=arg, kind=""), exponent=Num(value=two)) if two == 2:
                return self._norm(self.form(arg), "({})**2")
            case Norm(kind="1"):
                return self._norm(self.form(node.arg), "abs({})")
            case Power(exponent=Num(value=exponent)):
                base = self.form(node.base)
                return Form(base.shape, lambda i, j: f"({base.text(i, j)})**({exponent})")
            case Transposed():
                turned = self.form(node.arg)
                rows, columns = turned.shape
                return Form((columns, rows), lambda i, j: turned.text(j, i), turned.constant)
            case Bars() | Root():
                return self._called("abs" if isinstance(node, Bars) else "sqrt", node.arg)
            case Applied(order=0) if len(node.args) == 1:
                return self._called(node.function.name, node.args[0])
            case Applied(order=0) if node.function.name in ("max", "min") and len(node.args) == 2:
                forms = [self.form(n) for n in node.args]
                made = self._alike(forms, ", ")
                name = node.function.name
                return Form(made.shape, lambda i, j: f"{name}{made.text(i, j)}")
            case Total(kind="sum"):
                return self._total(node)
        raise Misfit

    def _size(self, name: str) -> Form:
        """A letter for a size: the number of places of an index, or any number."""
        if name not in self.lengths:
            self.lengths[name] = self.dimension()
        dimension = self.lengths[name]
        return Form((ONE, ONE), lambda i, j: str(self.sizes()[self.root(dimension)]))

    def _symbol(self, node: Entry) -> Form:
        shape, symbol = self.of_symbol(node.letter), node.letter
        if not node.places:
            return Form(shape, lambda i, j: self.entry(symbol, i, j))
        rank = sum(d != ONE for d in shape)
        if rank != len(node.places):
            raise Misfit
        names = []
        for place, dimension in zip(node.places, shape, strict=False):
            if not isinstance(place, Letter) or place.name not in self.bound:
                raise Misfit
            name, own = self.bound[place.name]
            self.same((own, ONE), (dimension, ONE))
            names.append(name)
        return Form((ONE, ONE), lambda i, j: self.entry(symbol, *names, *[""] * (2 - len(names))))

    def _alike(self, forms: list[Form], between: str) -> Form:
        arrays = [f for f in forms if not f.number] or forms[:1]
        for other in forms:
            if other.number and not arrays[0].number and not other.constant:
                raise Misfit
            if not other.number:
                self.same(arrays[0].shape, other.shape)
        constant = all(f.constant for f in forms)
        return Form(
            arrays[0].shape,
            lambda i, j: f"({between.join(_at(f, i, j) for f in forms)})",
            constant,
        )

    def _product(self, node: Times) -> Form:
        """Products of matrices inside of entrywise ones; numbers stand anywhere."""
        groups: list[list[Form]] = [[self.form(node.args[0])]]
        for sign, factor in zip(node.signs, node.args[1:], strict=True):
            if sign in ENTRYWISE:
                groups.append([])
            elif sign not in PLAIN_PRODUCTS:
                raise Misfit
            groups[-1].append(self.form(factor))
        numbers = [f for group in groups for f in group if f.number]
        arrays = [self._chain(g) for group in groups if (g := [f for f in group if not f.number])]
        for other in arrays[1:]:
            self.same(arrays[0].shape, other.shape)
        shape = arrays[0].shape if arrays else (ONE, ONE)
        constant = all(f.constant for f in (*numbers, *arrays))
        return Form(
            shape,
            lambda i, j: "*".join(
                [*(f.text("", "") for f in numbers), *(a.text(i, j) for a in arrays)]
            ),
            constant,
        )

    def _chain(self, factors: list[Form]) -> Form:
        made = factors[0]
        for factor in factors[1:]:
            made = self._times(made, factor)
        return made

    def _times(self, a: Form, b: Form) -> Form:
        self.same((a.shape[1], ONE), (b.shape[0], ONE))
        middle = self.index(a.shape[1])

        def text(i: str, j: str) -> str:
            product = f"{a.text(i, middle)}*{b.text(middle, j)}"
            return f"Sum({product}, {middle})" if middle else product

        return Form((a.shape[0], b.shape[1]), text)

    def _over(self, above: Form, below: Form) -> Form:
        if not below.number:
            self.same(above.shape, below.shape)
        constant = above.constant and below.constant
        return Form(
            above.shape, lambda i, j: f"({above.text(i, j)})/({_at(below, i, j)})", constant
        )

    def _norm(self, inner: Form, entry: str) -> Form:
        row, column = self.index(inner.shape[0]), self.index(inner.shape[1])
        places = ", ".join(filter(None, (row, column)))

        def text(i: str, j: str) -> str:
            made = entry.format(inner.text(row, column))
            return f"Sum({made}, {places})" if places else made

        return Form((ONE, ONE), text)

    def _called(self, name: str, arg: Node) -> Form:
        inner = self.form(arg)
        if name == "softmax":
            column = inner.shape[1] != ONE
            along = self.index(inner.shape[1] if column else inner.shape[0])
            if not along:
                raise Misfit
            return Form(
                inner.shape,
                lambda i, j: (
                    f"(exp({inner.text(i, j)})/Sum(exp("
                    f"{inner.text(i, along) if column else inner.text(along, j)}), {along}))"
                ),
            )
        if name not in FUNCTIONS:
            raise Misfit
        return Form(inner.shape, lambda i, j: f"{name}({inner.text(i, j)})")

    def _total(self, node: Total) -> Form:
        known = dict(self.bound)
        names = []
        for bound in node.bounds:
            if not (
                bound.low is None or (isinstance(bound.low, Num) and bound.low.value in (0, 1))
            ):
                raise Misfit
            dimension = self.dimension()
            if bound.high is not None:
                self._length(bound.high, dimension)
            name = self.index(dimension)
            names.append(name)
            self.bound[bound.name] = name, dimension
        body = self.form(node.body)
        self.bound = known
        if not body.number:
            raise Misfit
        return Form((ONE, ONE), lambda i, j: f"Sum({body.text('', '')}, {', '.join(names)})")

    def _length(self, high: Node, dimension: int) -> None:
        if not isinstance(high, Letter | Entry):
            raise Misfit
        name = high.name if isinstance(high, Letter) else high.letter
        if name in self.lengths:
            self.same((self.lengths[name], ONE), (dimension, ONE))
        self.lengths[name] = dimension


def _at(form: Form, row: str, column: str) -> str:
    return form.text("", "") if form.number else form.text(row, column)


@dataclass(frozen=True)
class Fitting:
    """The equations with the shapes that fit."""

    shapes: Shapes
    forms: Mapping[str, Form]


def fitting(
    made: list[Definition], loss: str, names: Mapping[str, str], kinds: Mapping[str, str]
) -> Fitting | None:
    """The equations with the fewest numbers for which everything fits; `kinds`: if not numbers."""
    lengths = {n for d in made for t in walk(d.rhs) if isinstance(t, Total) for n in _ends(t)}
    symbols = [s for s in names if s != loss and s not in lengths]
    if len(symbols) > MOST_SYMBOLS:
        return None
    able = [s for s in symbols if kinds[s] != "bold"]
    for size in range(len(able) + 1):
        found = [f for n in combinations(able, size) if (f := _fitted(made, loss, names, kinds, n))]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _ends(node: Total) -> Iterator[str]:
    for bound in node.bounds:
        if isinstance(bound.high, Letter | Entry):
            yield bound.high.name if isinstance(bound.high, Letter) else bound.high.letter


def _fitted(
    made: list[Definition],
    loss: str,
    names: Mapping[str, str],
    kinds: Mapping[str, str],
    numbers: Iterable[str],
) -> Fitting | None:
    chosen = {s: "matrix" if "matrix" in k else "column" for s, k in kinds.items()}
    chosen.update({loss: "number"}, **dict.fromkeys(numbers, "number"))
    shapes = Shapes(chosen, names)
    shapes.lengths.update(
        (name, shapes.dimension())
        for d in made
        for t in walk(d.rhs)
        if isinstance(t, Total)
        for name in _ends(t)
    )
    forms = {}
    try:
        for definition in made:
            form = shapes.form(definition.rhs)
            shapes.same(shapes.of_symbol(definition.symbol), form.shape)
            forms[definition.symbol] = form
    except Misfit:
        return None
    return Fitting(shapes, forms)
