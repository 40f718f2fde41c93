"""What a written formula is worth on a small network.

A derivative is taken through the forward equations: the quantity below moves, everything that is
computed after it follows.
"""

from __future__ import annotations

import cmath
from dataclasses import dataclass, replace

from derive.claims.arrays import ONES, Matrix, Value, column, entries, multiplied, together
from derive.claims.chain_rule import Held, held_fixed
from derive.claims.differentials import Differentials
from derive.claims.dots import continued
from derive.claims.numbers import Outside, compare, guarded_root
from derive.claims.parts import is_variable
from derive.claims.places import NoValue
from derive.claims.world import LOSS
from derive.reading.tree import (
    Applied,
    AtPoint,
    Bars,
    Bracket,
    Branches,
    Change,
    ClassOf,
    Derivative,
    Differential,
    Dots,
    Entry,
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
    Picked,
    Plus,
    Power,
    Root,
    Size,
    Times,
    Total,
    Transposed,
)
from derive.reading.tree import Value as Named


@dataclass(frozen=True)
class Setting(Differentials):
    """Reads off the value of any formula."""

    # ---------------------------------------------------------------- dispatch

    def value(self, node: Node) -> Value:
        """The value of a formula."""
        match node:
            case Num():
                return complex(float(node.value))
            case Letter():
                return ONES if node.name == "bold 1" else self._letter(node)
            case Size():
                return complex(self._size(node))
            case Named():
                return self._named(node)
            case Entry(role="loss", form="batch"):
                return sum((self.values[LOSS][(n,)] for n in range(self.world.samples)), 0j)
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
            case Total(kind="lim"):
                return self._limit_at(node)
            case Total():
                return self._total(node)
            case Picked():
                return self._picked(node)
            case ClassOf():
                return self._class_of(node)
            case Differential():
                return self._differential(node)
            case Derivative():
                return self._derivative(node)
            case Nabla():
                return self._nabla(node)
            case Transposed():
                made = self.value(node.arg)
                drawn = isinstance(node.arg, Letter) and node.arg.name in self.numbers
                if isinstance(node.arg, Letter) and drawn and node.arg.name != "bold 1":
                    raise NoValue(f"the entries of {node.arg.name}")  # it is no number
                if isinstance(node.arg, Entry) and is_variable(node.arg):
                    raise NoValue(f"the entries of the {node.arg.role}")
                return made.transposed if isinstance(made, Matrix) else made
            case Grid():
                return self._grid(node)
            case Branches():
                return self._branches(node)
            case Norm():
                return self._norm(node)
            case Bars():
                return self._map(node.arg, lambda z: z if z.real > 0 else -z)
            case Root():
                return self._map(node.arg, guarded_root)
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

    # ---------------------------------------------------------------- arithmetic

    def _plus(self, node: Plus) -> Value:
        terms = tuple(continued(node.args, self.place))
        held = self._held(node) if len(terms) == len(node.args) else None
        if held is None:
            parts = [self.value(arg) for arg in terms]
        else:
            parts = [self.but(held=h).value(arg) for h, arg in zip(held, terms, strict=True)]
        result = parts[0]
        for part in parts[1:]:
            result = self._added(result, part)
        return result

    def _held(self, node: Plus) -> Held | None:
        """What rests in each term of a chain rule over several quantities."""
        key = ("held", id(node), self.layer)
        if key not in self.told:
            self.told[key] = node, held_fixed(self, node)
        found: Held | None = self.told[key][1]
        return found

    def _added(self, a: Value, b: Value) -> Value:
        """A sum; a bias beside samples in columns counts for every column."""
        if self.scope.conventions.sample_columns:
            return self._added_columns(a, b)
        return together(a, b, lambda x, y: x + y)

    def _added_columns(self, a: Value, b: Value) -> Value:
        if isinstance(a, Matrix) and isinstance(b, Matrix):
            if b.shape == (a.shape[0], 1):
                b = Matrix(tuple(row * a.shape[1] for row in b.rows))
            elif a.shape == (b.shape[0], 1):
                a = Matrix(tuple(row * b.shape[1] for row in a.rows))
        return together(a, b, lambda x, y: x + y)

    def _times(self, node: Times) -> Value:
        guards = [guard for arg in node.args for guard in _guards(arg)]
        if len(guards) < len(node.args) and any(self.value(guard) == 0 for guard in guards):
            return 0j  # where a condition fails the rest may have no value
        groups = self._matrix_products(node)
        if len(groups) < len(node.args) and any(len(args) > 1 for args, _ in groups[1:]):
            made = self._entrywise(groups)
            if made is not None:
                return made
        return self._product(node.args, node.signs)

    def _entrywise(self, groups: list[tuple[tuple[Node, ...], tuple[str, ...]]]) -> Value | None:
        """f' o W^T delta: the matrix products first, if that makes arrays of one shape."""
        try:
            parts = [self._product(args, signs) for args, signs in groups]
        except Outside:
            return None
        if len({part.shape if isinstance(part, Matrix) else () for part in parts}) > 1:
            return None
        result = parts[0]
        for part in parts[1:]:
            result = together(result, part, lambda a, b: a * b)
        return result

    def _matrix_products(self, node: Times) -> list[tuple[tuple[Node, ...], tuple[str, ...]]]:
        """The factors between the signs entry by entry, where matrix products come first."""
        groups: list[tuple[tuple[Node, ...], tuple[str, ...]]] = [((node.args[0],), ())]
        for sign, arg in zip(node.signs, node.args[1:], strict=True):
            if sign in self.scope.entrywise:
                groups.append(((arg,), ()))
            else:
                args, signs = groups[-1]
                groups[-1] = ((*args, arg), (*signs, sign))
        return groups

    def _product(self, args: tuple[Node, ...], signs: tuple[str, ...]) -> Value:
        """The factors from left to right."""
        result = self.value(args[0])
        for sign, arg in zip(signs, args[1:], strict=True):
            other = self.value(arg)
            if sign in self.scope.own.outer and isinstance(other, Matrix):
                result = multiplied(result, other.transposed)
            elif sign in self.scope.entrywise or self._only_entrywise(sign, result, other):
                result = together(result, other, lambda a, b: a * b)
            else:
                result = multiplied(result, other)
        return result

    def _only_entrywise(self, sign: str, a: Value, b: Value) -> bool:
        """Whether the sheet's sign stands between arrays of one shape that no product joins."""
        if sign not in self.scope.own.fitting or not isinstance(a, Matrix):
            return False
        return isinstance(b, Matrix) and a.shape == b.shape and a.shape[1] != b.shape[0]

    def _power(self, node: Power) -> Value:
        if isinstance(node.exponent, Num) and node.exponent.value.denominator == 1:
            whole = int(node.exponent.value)
            made = self.value(node.base)
            entries = isinstance(node.base, Entry) and node.base.form == "batch"
            entrywise = node.entrywise or entries
            plain = isinstance(made, Matrix) and not entrywise and made.shape != (1, 1)
            if isinstance(made, Matrix) and plain and (made.shape[1] != 1 or whole != 2):
                raise NoValue("the power of an array")
            return self._map(node.base, lambda z: z**whole)
        exponent = self.number(node.exponent)
        return self._map(node.base, lambda z: z**exponent)

    def _norm(self, node: Norm) -> complex:
        made = self.value(node.arg)
        entries = made.entries if isinstance(made, Matrix) else (made,)
        if node.kind == "infty":
            return max((z if z.real > 0 else -z for z in entries), key=lambda z: z.real)
        if node.kind == "1":
            return sum((z if z.real > 0 else -z for z in entries), 0j)
        if node.kind not in ("", "2", "F"):
            raise NoValue(f"a norm with the index {node.kind}")
        return cmath.sqrt(sum((z * z for z in entries), 0j))

    def _branches(self, node: Branches) -> Value:
        """The first value of which the condition holds; of arrays entry by entry."""
        made: Value | None = None
        left: Value = 1 + 0j  # 1 where no condition has held yet
        for value, when in node.rows:
            holds = 1 + 0j if when is None else self.value(when)
            if isinstance(holds, Matrix) and holds.shape == (1, 1):
                holds = holds.entries[0]
            here = together(left, holds, lambda a, b: a * b)
            if not any(entries(here)):
                continue
            if here == 1:
                return self.value(value)
            part = together(here, self.value(value), lambda c, v: c * v)
            made = part if made is None else together(made, part, lambda a, b: a + b)
            left = together(left, holds, lambda a, b: a * (1 - b))
            if not any(entries(left)):
                return made
        raise Outside("a case that holds")

    def _bracket(self, node: Bracket) -> Value:
        last = node.members[-1]
        if isinstance(last, Total) and last.kind.startswith("arg"):
            return self._is_best(node.members[0], last)
        if len(node.relations) == 1 and not any(isinstance(m, Listed) for m in node.members):
            left, right = map(self.value, node.members)
            if isinstance(left, Matrix) or isinstance(right, Matrix):
                word = node.relations[0]
                return together(left, right, lambda a, b: complex(_compared(word, a, b)))
        return self._bracketed(node)

    def _is_best(self, place: Node, best: Total) -> complex:
        """[(p, q) = argmax ...]: whether the first of the best values stands there."""
        rows = list(self._rows(best))
        numbers = [
            replace(self, letters={**self.letters, **row}).number(best.body).real for row in rows
        ]
        choose = max if best.kind == "argmax" else min
        found = rows[numbers.index(choose(numbers))]
        items = place.items if isinstance(place, Listed) else (place,)
        return complex([self.place(item) for item in items] == [*found.values()])

    def _bracketed(self, node: Bracket) -> complex:
        values = [self.number(m) if not isinstance(m, Listed) else None for m in node.members]
        if None in values:
            raise NoValue("a comparison of several places")
        pairs = zip(node.relations, values, values[1:], strict=False)
        ok = True
        for relation, a, b in pairs:
            assert a is not None
            assert b is not None
            ok &= _compared(relation, a, b)
        return complex(ok)

    def _grid(self, node: Grid) -> Matrix:
        cells = [[self.value(c) for c in row if not isinstance(c, Dots)] for row in node.rows]
        if any(isinstance(cell, Dots) for row in node.rows for cell in row):
            raise NoValue("a matrix with dots")  # of which no entry that is written is wrong
        rows = [line for row in cells for line in _joined(row)]
        if len({len(row) for row in rows}) != 1:
            raise NoValue("a matrix with rows of different lengths")
        return Matrix(tuple(rows))


def _joined(cells: list[Value]) -> list[tuple[complex, ...]]:
    """The rows of blocks that stand side by side; a number is a block of one."""
    blocks = [cell.rows if isinstance(cell, Matrix) else ((cell,),) for cell in cells]
    if len({len(block) for block in blocks}) != 1:
        raise NoValue("blocks of different heights side by side")
    return [sum(lines, ()) for lines in zip(*blocks, strict=True)]


def _guards(node: Node) -> list[Node]:
    """The conditions among the factors of a product, also above a fraction line."""
    match node:
        case Bracket() | Kronecker():
            return [node]
        case Over():
            return _guards(node.above)
        case Times():
            return [guard for arg in node.args for guard in _guards(arg)]
    return []


def _divided(a: complex, b: complex) -> complex:
    if b == 0:
        raise Outside("a denominator that is not 0")
    return a / b


def _compared(relation: str, a: complex, b: complex) -> bool:
    if relation not in ("<", ">", "le", "ge", "=", "ne"):
        raise NoValue(f"the comparison {relation}")
    return compare(relation, a.real, b.real)
