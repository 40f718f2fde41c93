"""The terms of the index calculus: immutable, interned nodes that mean real numbers.

    term  ::= Num | Const | Size | Ref | Add | Mul | Pow | Call | Apply | Piecewise
            | Sum | Extremum | Argmax | Delta | Guard | Partial
    Ref   ::= tensor[affine, ...]          an entry of a tensor; a per-sample tensor has the sample
                                           index first
    affine::= offset + coef*index + ...

Nothing here evaluates by itself beyond the folding that `add`, `mul` and `power` announce: the
written form of an equation is what a reader sees.  Interning makes equal terms the same object, so
equality and hashing cost nothing and a shared subterm is shared in memory.

This module is the door: names of things stand in `derive.algebra.symbols`, the nodes in
`derive.algebra.nodes`, and what walks over them in `derive.algebra.tree`.
"""

from derive.algebra.nodes import (
    ONE,
    ZERO,
    Add,
    Apply,
    Argmax,
    Call,
    Compare,
    Condition,
    Const,
    Delta,
    Extremum,
    Guard,
    Mul,
    Num,
    Partial,
    Piecewise,
    Pow,
    Ref,
    Size,
    Sum,
    Term,
    TermLike,
    add,
    call,
    exp,
    factors_of,
    lift,
    mul,
    number,
    power,
    ref,
    total,
)
from derive.algebra.symbols import Affine, Extent, Function, Index, Label, Tensor
from derive.algebra.tree import (
    bound,
    children,
    condition,
    free_indices,
    ordered,
    places,
    rebuild,
    refs,
    structure,
    tensors,
    walk,
)

__all__ = [
    "ONE",
    "ZERO",
    "Add",
    "Affine",
    "Apply",
    "Argmax",
    "Call",
    "Compare",
    "Condition",
    "Const",
    "Delta",
    "Extent",
    "Extremum",
    "Function",
    "Guard",
    "Index",
    "Label",
    "Mul",
    "Num",
    "Partial",
    "Piecewise",
    "Pow",
    "Ref",
    "Size",
    "Sum",
    "Tensor",
    "Term",
    "TermLike",
    "add",
    "bound",
    "call",
    "children",
    "condition",
    "exp",
    "factors_of",
    "free_indices",
    "lift",
    "mul",
    "number",
    "ordered",
    "places",
    "power",
    "rebuild",
    "ref",
    "refs",
    "structure",
    "tensors",
    "total",
    "walk",
]
