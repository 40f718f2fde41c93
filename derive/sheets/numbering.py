"""How a sheet counts its layers: from the input, as 0 or 1, or from the output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from derive.marking.conventions import Conventions
from derive.sheets.findings import Signs
from derive.sheets.statements import number_of


def numberings(
    signs: Signs, last: int
) -> Iterator[tuple[str, Callable[[Conventions], Conventions]]]:
    """The ways of counting that the numbers in the sheet speak for, each in words."""
    numbers = [number_of(name, signs.below) for name in signs.names]
    most = max((n for n in numbers if n is not None), default=0)
    if most == last + 1:
        yield "the input as layer 1", lambda c: replace(c, first_layer=1)
    for forward in signs.forwards:
        if forward.affine is None:
            continue
        above = number_of(forward.lhs, signs.below)
        below = number_of(forward.affine.below, signs.below)
        if above is not None and below == above + 1:
            yield "layers counted from the output", lambda c: replace(c, from_last=True)
            return
