"""Hand derivations as Python programs give them: a file, LaTeX, or SymPy expressions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codegen.commands.hands import Hand, read_path
from derive.errors import SpecError
from derive.reading.latex_macros import definitions
from derive.sheets.door import read_sheet
from derive.sheets.sheet import Formula, Sheet

NAME = "derivation"  # of a text without a file
_DISPLAYED = ("$$", r"\[", r"\begin{", "$")
_FILES = (".tex", ".md", ".py")


def hand_of(given: Any) -> Hand:
    """The sheet that a program gives.

    A path, or a text that ends like one, is a file; a text with displayed formulas is a sheet, any
    other text is one formula; a SymPy relation or a pair of sides is a claim, a list several.

    >>> [f.text for f in hand_of("o = y").sheet.formulas]
    ['o = y']
    """
    if isinstance(given, Path) or (isinstance(given, str) and _is_file(given)):
        return read_path(Path(given), str(given))
    if isinstance(given, str):
        return Hand(_sheet(given))
    claims = [given] if _is_claim(given) else given
    if not isinstance(claims, list | tuple) or not claims:
        raise TypeError(
            f"found {type(given).__name__}, expected LaTeX, a path, a SymPy relation, "
            "a pair of sides, or a list of these"
        )
    texts = [claim if isinstance(claim, str) else _latex(claim) for claim in claims]
    return Hand(Sheet(NAME, tuple(Formula(NAME, t, line=k + 1) for k, t in enumerate(texts))))


def _is_file(text: str) -> bool:
    return text.endswith(_FILES) and not any(c in text for c in "\n\\$={}")


def _sheet(text: str) -> Sheet:
    if not text.strip():
        raise SpecError("derivation: is empty, expected a hand derivation")
    if any(sign in text for sign in _DISPLAYED):
        return read_sheet(text, NAME, "tex")
    formula, macros = definitions(text)
    return Sheet(NAME, (Formula(NAME, formula),), macros)


def _is_claim(given: Any) -> bool:
    """A SymPy relation, or two sides of which at least one is no string."""
    if _is_relation(given):
        return True
    pair = isinstance(given, tuple) and len(given) == 2
    return pair and not any(isinstance(g, str | tuple) or _is_relation(g) for g in given)


def _is_relation(given: Any) -> bool:
    return hasattr(given, "lhs") and hasattr(given, "rhs") and hasattr(given, "rel_op")


def _latex(claim: Any) -> str:
    """A claim as LaTeX.  SymPy prints it; no text ever goes to SymPy."""
    from sympy import Expr

    from codegen.pages.sympy_latex import latex

    if _is_relation(claim):
        if claim.rel_op != "==":
            raise TypeError(f"found a relation {claim.rel_op}, expected an equation")
        sides: Sequence[Any] = (claim.lhs, claim.rhs)
    elif isinstance(claim, tuple) and len(claim) == 2:
        sides = claim
    elif str(claim) in ("True", "False"):
        raise TypeError(
            "found an equation that SymPy has evaluated; "
            "expected a pair of sides, or Eq(..., evaluate=False)"
        )
    else:
        raise TypeError(f"found {type(claim).__name__}, expected an equation or a pair of sides")
    for side in sides:
        if not isinstance(side, Expr | int | float):
            raise TypeError(f"found {type(side).__name__}, expected a SymPy expression")
    return " = ".join(latex(side) for side in sides)
