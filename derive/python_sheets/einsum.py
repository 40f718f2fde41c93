"""einsum in a Python sheet: sums over axes and products of arrays by their indices."""

from __future__ import annotations

import ast

from derive.python_sheets.arrays import Array, multiplied, summed, transposed
from derive.python_sheets.quantities import PythonQuantities
from derive.reading.tree import Times


class Einsums(PythonQuantities):
    """Reads einsum as matrix products, products entry by entry and sums."""

    def _einsum(self, node: ast.Call, args: list[ast.expr]) -> Array:
        """Sums over an axis, and products of two factors with at most one summed index."""
        told = args[0].value if isinstance(args[0], ast.Constant) else None
        text = told.replace(" ", "") if isinstance(told, str) else ""
        inputs, arrow, out = text.partition("->")
        names = inputs.split(",")
        arrays = [self.array(a) for a in args[1:]]
        ranks = [{"s": 0, "v": 1}.get(made.kind, 2) for made in arrays]
        distinct = all(len(set(n)) == len(n) for n in (*names, out))
        if not arrow or not distinct or [len(n) for n in names] != ranks:
            raise self.wrong(args[0], "einsum with -> and an index for each axis")
        if len(arrays) == 1:
            return self._one_summed(node, arrays[0], names[0], out)
        first, name = arrays[0], names[0]
        for k, second in enumerate(arrays[1:], 1):  # one after the other
            later = set("".join((*names[k + 1 :], out)))
            kept = "".join(dict.fromkeys(c for c in name + names[k] if c in later))
            between = out if k == len(arrays) - 1 else kept
            first = self._of_two(node, first, second, [name, names[k]], between)
            name = between
        return first

    def _of_two(
        self, node: ast.Call, first: Array, second: Array, names: list[str], out: str
    ) -> Array:
        """einsum of two arrays."""
        ranks = [len(n) for n in names]
        if set(names[0]) == set(names[1]):
            turned = second if names[0] == names[1] else transposed(second)
            product = Array(Times((first.node, turned.node), ("odot",)), first.kind)
            return product if out == names[0] else self._one_summed(node, product, names[0], out)
        if ranks == [1, 1] and len(out) == 2:
            outer = Array(Times((first.node, transposed(second.made("c")).node), ("",)), "p")
            return outer if out == names[0] + names[1] else transposed(outer)
        if ranks != [2, 2] or len(out) != 2:
            return self._with_vector(node, first, second, names, out)
        shared = set(names[0]) & set(names[1]) - set(out)
        if len(shared) != 1 or set(out) != set(names[0] + names[1]) - shared:
            raise self.wrong(node, "einsum with one summed index")
        (k,) = shared
        left = first if names[0][1] == k else transposed(first)
        right = second if names[1][0] == k else transposed(second)
        made = multiplied(left, right)
        return made if out[0] in names[0] else transposed(made)

    def _one_summed(self, node: ast.Call, made: Array, name: str, out: str) -> Array:
        """The sum of one array over some of its axes, or its transpose."""
        if len(name) == len(out) == 2 and set(name) == set(out):
            return made if name == out else transposed(made)
        if out == "":
            return summed(made, None, False)
        if len(name) == 2 and len(out) == 1 and out in name:
            return summed(made, 1 - name.index(out), False)
        raise self.wrong(node, "einsum that sums over an axis")

    def _with_vector(
        self, node: ast.Call, first: Array, second: Array, names: list[str], out: str
    ) -> Array:
        """A matrix and a vector, which share one summed index; or two vectors."""
        shared = set(names[0]) & set(names[1]) - set(out)
        if len(shared) != 1 or set(out) != set(names[0] + names[1]) - shared:
            raise self.wrong(node, "einsum with one summed index")
        (k,) = shared
        if len(names[0]) == 2 and names[0][0] == k:
            first = transposed(first)
        if len(names[1]) == 2 and names[1][1] == k:
            second = transposed(second)
        return multiplied(first, second)
