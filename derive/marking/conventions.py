"""What sheets agree on in different ways: factors, signs, storage, layouts, layer numbers.

A line that is right under one of these is no slip where the sheet keeps to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction


@dataclass(frozen=True)
class Conventions:
    """The choices of a sheet; the defaults are those of the network and of the notation."""

    loss_factor: Fraction = Fraction(1)  # the loss of the sheet is this times the network's
    reduction: str = ""  # "mean" or "sum" over the samples, "" as the network has it
    delta_sign: int = 1  # -1: delta is minus the derivative of the loss
    biases: str = ""  # "bias" or "threshold", "" as the network has it
    transposed: bool = False  # whole weight matrices stand the other way round
    swapped: bool = False  # w_ij with its indices, and W with its sides, the other way round
    row_vectors: bool = False  # one sample is a row
    sample_columns: bool = False  # the samples of a batch are its columns
    gradient_rows: bool = False  # dL/dv is a row, dL/dW has the shape of W transposed
    jacobian_columns: bool = False  # d v_i / d u_j stands in row j and column i
    weights_from: bool = False  # W^(l) leads from layer l, not into it
    first_layer: int = 0  # the number of the input
    from_last: bool = False  # layers are counted from the output, which is layer 1
    single: bool = False  # the objective is the loss of the one sample that the sheet speaks of


PLAIN = Conventions()

#: Each convention that a checker tries by itself: its name in reports, and what it changes.
TRIED: tuple[tuple[str, Callable[[Conventions], Conventions]], ...] = (
    ("the loss with a factor 1/2", lambda c: replace(c, loss_factor=c.loss_factor / 2)),
    ("the loss without the factor 1/2", lambda c: replace(c, loss_factor=c.loss_factor * 2)),
    ("the sum over the samples", lambda c: replace(c, reduction="sum")),
    ("the mean over the samples", lambda c: replace(c, reduction="mean")),
    ("delta with the opposite sign", lambda c: replace(c, delta_sign=-c.delta_sign)),
    ("thresholds that are subtracted", lambda c: replace(c, biases="threshold")),
    ("biases that are added", lambda c: replace(c, biases="bias")),
    ("weight matrices stored transposed", lambda c: replace(c, transposed=not c.transposed)),
    ("weight indices in the other order", lambda c: replace(c, swapped=not c.swapped)),
    ("samples as rows", lambda c: replace(c, row_vectors=not c.row_vectors)),
    ("samples as columns of a batch", lambda c: replace(c, sample_columns=not c.sample_columns)),
    ("gradients as rows", lambda c: replace(c, gradient_rows=not c.gradient_rows)),
    ("Jacobians transposed", lambda c: replace(c, jacobian_columns=not c.jacobian_columns)),
    ("weights numbered by the layer they leave", lambda c: replace(c, weights_from=True)),
    ("the input as layer 1", lambda c: replace(c, first_layer=1)),
)  # fmt: skip


#: What only a sheet as a whole can show.
SHOWN: tuple[tuple[str, Callable[[Conventions], Conventions]], ...] = (
    ("layers counted from the output", lambda c: replace(c, from_last=True)),
)


def tried(here: Conventions) -> Iterator[tuple[str, Conventions]]:
    """Every other convention, one change at a time."""
    for name, change in TRIED:
        made = change(here)
        if made != here:
            yield name, made


def named(conventions: Conventions) -> tuple[str, ...]:
    """In words, where a sheet differs from the network and the notation."""
    found = []
    for name, change in (*TRIED, *SHOWN):
        made = change(PLAIN)
        changed = [f.name for f in fields(made) if getattr(made, f.name) != getattr(PLAIN, f.name)]
        if all(getattr(conventions, f) == getattr(made, f) for f in changed):
            found.append(name)
    return tuple(found)
