"""SymPy expressions as the LaTeX that people write: f(x) without braces around the parentheses.

Only printed: nothing is parsed, evaluated or simplified by SymPy.
"""

from __future__ import annotations

from typing import Any

from sympy.printing.latex import LatexPrinter


class _Printer(LatexPrinter):  # type: ignore[misc]
    """SymPy's printer, with functions as in a lecture."""

    def _print_Function(self, expr: Any, exp: str | None = None) -> str:
        name: str = self._hprint_Function(expr.func.__name__)
        args = ", ".join(self._print(arg) for arg in expr.args)
        return rf"{name}{'' if exp is None else f'^{{{exp}}}'}\left({args}\right)"

    _print_log = _print_Function

    def _print_KroneckerDelta(self, expr: Any, exp: str | None = None) -> str:
        left, right = (self._print(arg) for arg in expr.args)
        return rf"\left[{left} = {right}\right]"  # 0 or 1, whatever the power

    def _print_Heaviside(self, expr: Any, exp: str | None = None) -> str:
        return rf"\left[{self._print(expr.args[0])} > 0\right]"


def latex(expression: Any) -> str:
    r"""The expression as LaTeX.

    >>> from sympy import Function, Symbol, log
    >>> latex(Function("sigma")(Symbol("s")) ** 2 * log(Symbol("o_j")))
    '\\sigma^{2}\\left(s\\right) \\log\\left(o_{j}\\right)'
    """
    made: str = _Printer().doprint(expression)
    return made
