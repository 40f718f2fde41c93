"""An equation between an entry of a tensor and a term: the datum that every layer is made of."""

from __future__ import annotations

from dataclasses import dataclass

from derive.algebra.terms import Ref, Term


@dataclass(frozen=True)
class Equation:
    """lhs = rhs for every value of the free indices; `why` is the sentence a reader sees."""

    lhs: Ref
    rhs: Term
    why: str = ""
