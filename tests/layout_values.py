"""Reading printed arithmetic as a person would, to see that its parentheses keep the meaning.

A sum sign takes in the rest of its product.  Sums run over two made-up values of their index, and
an entry is multiplied by the values of its indices: a factor that slips in or out is seen.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Mapping

from derive.algebra.terms import Add, Call, Index, Mul, Num, Pow, Sum, Term, free_indices
from derive.writing.layout import (
    BigOp,
    Fenced,
    Fraction,
    Function,
    Ident,
    Layout,
    Number,
    Operator,
    Root,
    Row,
    Script,
)

Scales = dict[str, complex]
Leaves = Mapping[Layout, tuple[complex, tuple[str, ...]]]

RANGE = (1 + 0.5j, 2 - 0.25j)
FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "exp": cmath.exp,
    "log": lambda z: cmath.log(z + 0),
    "tanh": cmath.tanh,
    "sigmoid": lambda z: 1 / (1 + cmath.exp(-z)),
    "abs": abs,
}
WRITTEN = {"ln": "log", "log": "log", "exp": "exp", "tanh": "tanh", "sigma": "sigmoid"}


def value_of_term(term: Term, leaves: Mapping[Term, complex], at: Scales) -> complex:
    """The value by the definition of the term."""
    match term:
        case _ if term in leaves:
            value = leaves[term]
            for index in sorted(free_indices(term)):
                value *= at.get(index.name, 1)
            return value
        case Num():
            return complex(float(term.value))
        case Add():
            return sum((value_of_term(a, leaves, at) for a in term.args), 0j)
        case Mul():
            result = 1 + 0j
            for arg in term.args:
                result *= value_of_term(arg, leaves, at)
            return result
        case Pow():
            return (value_of_term(term.base, leaves, at) + 0) ** float(term.exponent)
        case Call():
            return FUNCTIONS[term.function](value_of_term(term.args[0], leaves, at))
        case Sum():
            (index,) = term.indices
            return sum((value_of_term(term.body, leaves, {**at, index.name: v}) for v in RANGE), 0j)
    raise NotImplementedError(type(term).__name__)


class Reader:
    """Reads layouts; `leaves` gives the value and the indices of each printed name."""

    def __init__(self, leaves: Leaves, indices: Mapping[Layout, Index]) -> None:
        self.leaves, self.indices = leaves, indices

    def value(self, layout: Layout, at: Scales) -> complex:
        items = spliced(layout)
        total, k = 0j, 0
        while k < len(items):
            sign = 1
            while isinstance(items[k], Operator) and _name(items[k]) in ("+", "-"):
                sign *= -1 if _name(items[k]) == "-" else 1
                k += 1
            end = k
            while end < len(items) and _name(items[end]) not in ("+", "-"):
                end += 1
            assert end > k, "a sign with nothing behind it"
            total += sign * self.product(items[k:end], at)
            k = end
        return total

    def product(self, items: list[Layout], at: Scales) -> complex:
        result, k = 1 + 0j, 0
        while k < len(items):
            item = items[k]
            if isinstance(item, Operator) and item.name in ("cdot", "times"):
                k += 1
            elif isinstance(item, BigOp):
                assert item.lower is not None
                name = self.indices[spliced(item.lower)[0]].name
                rest = items[k + 1 :]
                return result * sum((self.product(rest, {**at, name: v}) for v in RANGE), 0j)
            elif _name(item) in WRITTEN and item not in self.leaves:
                result *= FUNCTIONS[WRITTEN[_name(item)]](self.factor(items[k + 1], at))
                k += 2
            else:
                result *= self.factor(item, at)
                k += 1
        return result

    def factor(self, item: Layout, at: Scales) -> complex:
        if item in self.leaves:
            value, names = self.leaves[item]
            for name in names:
                value *= at.get(name, 1)
            return value
        match item:
            case Number():
                return complex(float(item.text))
            case Fraction():
                return self.value(item.num, at) / self.value(item.den, at)
            case Root():
                return (self.value(item.body, at) + 0) ** 0.5
            case Fenced():
                inner = self.value(item.body, at)
                return abs(inner) if item.left == "|" else inner
            case Script(base=Ident(text="e"), sub=None, sup=Layout() as top):
                return cmath.exp(self.value(top, at))
            case Script(sup=Layout() as top):
                below = item.base if item.sub is None else Script(item.base, item.sub, None)
                if isinstance(below, Row):
                    inner = self.product(list(below.items), at)
                else:
                    inner = self.factor(below, at)
                return (inner + 0) ** self.exponent(top, at)
        raise AssertionError(f"cannot read {item}")

    def exponent(self, top: Layout, at: Scales) -> complex:
        items = spliced(top)
        if len(items) == 3 and _name(items[1]) == "/":
            return self.factor(items[0], at) / self.factor(items[2], at)
        return self.value(top, at)


def spliced(layout: Layout) -> list[Layout]:
    """The marks on one line in the order of reading; what a sum sign acts on stands behind it."""
    if isinstance(layout, Row):
        return [part for item in layout.items for part in spliced(item)]
    if isinstance(layout, BigOp) and layout.body is not None:
        return [BigOp(layout.name, layout.lower, layout.upper), *spliced(layout.body)]
    return [layout]


def _name(item: Layout) -> str:
    match item:
        case Operator() | Function():
            return item.name
        case Ident():
            return item.text
    return ""
