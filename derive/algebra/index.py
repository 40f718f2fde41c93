"""Indices at work: substitution, differentiation, contraction, and terms at concrete sizes.

This is the door to the only modules that replace something inside a term
(`derive.algebra.substitution`) or differentiate it (`derive.algebra.calculus`).
"""

from derive.algebra.calculus import CALCULUS, derivative, push
from derive.algebra.concrete import written_out
from derive.algebra.contraction import contract, contracted, guard, in_range, solve
from derive.algebra.substitution import (
    LETTERS,
    at,
    away_from,
    define,
    expand_functions,
    fresh,
    named_by,
    relabel,
    replace_refs,
    replace_term,
    size_of,
    unshadowed,
)

__all__ = [
    "CALCULUS",
    "LETTERS",
    "at",
    "away_from",
    "contract",
    "contracted",
    "define",
    "derivative",
    "expand_functions",
    "fresh",
    "guard",
    "in_range",
    "named_by",
    "push",
    "relabel",
    "replace_refs",
    "replace_term",
    "size_of",
    "solve",
    "unshadowed",
    "written_out",
]
