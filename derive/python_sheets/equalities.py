"""Equalities of a Python sheet that hold up to a tolerance, which must be small."""

from __future__ import annotations

import ast
from fractions import Fraction

from derive.python_sheets.calls import PythonCalls
from derive.reading.latex_tokens import Unreadable
from derive.reading.tree import Minus, Num, Power

_SIZES = ("abs", "norm", "absolute", "fabs")
_LARGEST = ("max", "amax", "sum", "mean")
LARGEST_TOLERANCE = Fraction(1, 1000)  # of a comparison that counts as an equality
LEAST_DIGITS = 3


class Equalities(PythonCalls):
    """Reads comparisons of floating-point numbers as equations."""

    def near(self, node: ast.Compare) -> list[ast.expr] | None:
        """The sides of abs(a - b) < 1e-9, or of 1e-9 > abs(a - b)."""
        if len(node.ops) != 1:
            return None
        left, small = node.left, node.comparators[0]
        if isinstance(node.ops[0], ast.Gt | ast.GtE):
            left, small = small, left
        elif not isinstance(node.ops[0], ast.Lt | ast.LtE):
            return None
        whole = False  # whether the size does not depend on the sign
        while isinstance(left, ast.Call) and self.called(left) in (*_SIZES, *_LARGEST):
            if whole and self.called(left) in _LARGEST:
                return None  # the size of a sum says little of what is summed
            whole |= self.called(left) in _SIZES
            inner = left.args[0] if left.args else getattr(left.func, "value", left)
            left = inner if isinstance(inner, ast.expr) else left
        if not whole or not isinstance(left, ast.BinOp) or not isinstance(left.op, ast.Sub):
            return None
        self._check_small(small)
        return [left.left, left.right]

    def check_tolerances(self, node: ast.Call, name: str) -> None:
        """Refuse an equality so rough that much that is wrong would pass."""
        places = {"rtol": 2, "rel_tol": 9, "atol": 3, "abs_tol": 9}
        for keyword, place in places.items():
            given = next((k.value for k in node.keywords if k.arg == keyword), None)
            if given is None and len(node.args) > place and name.endswith(("close", "testing")):
                given = node.args[place]
            if given is not None:
                self._check_small(given)
        if name.endswith("almost_equal"):
            given = next((k.value for k in node.keywords if k.arg in ("decimal", "places")), None)
            given = given or (node.args[2] if len(node.args) > 2 else None)
            digits = None if given is None else self._number(given)
            if given is not None and (digits is None or digits < LEAST_DIGITS):
                raise self.wrong(given, f"at least {LEAST_DIGITS} decimals")

    def _check_small(self, node: ast.expr) -> None:
        number = self._number(node)
        if number is None or not 0 <= number <= LARGEST_TOLERANCE:
            raise self.wrong(node, f"a tolerance from 0 to {float(LARGEST_TOLERANCE)}")

    def _number(self, node: ast.expr) -> Fraction | None:
        """The value of a small number: 1e-6, 10**-6, or a name that stands for one."""
        try:
            made = self.array(node).node
        except Unreadable:
            return None
        if isinstance(made, Power) and isinstance(made.base, Num):
            power = made.exponent.arg if isinstance(made.exponent, Minus) else made.exponent
            if isinstance(power, Num) and power.value in range(100):
                sign = -1 if isinstance(made.exponent, Minus) else 1
                return made.base.value ** (sign * int(power.value))
        return made.value if isinstance(made, Num) else None
