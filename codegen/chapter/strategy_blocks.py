"""What the sections on strategies share: chains in a line, results side by side, whole arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from codegen.chapter.sheet import Sheet
from codegen.chapter.validity import forms
from codegen.pages.document import (
    Block,
    Display,
    Equation,
    EquationRow,
    Equations,
    Line,
    Math,
    Paragraph,
)
from codegen.pages.measure import width
from derive.algebra import equation as terms_equation
from derive.algebra.prove import PROVED
from derive.algebra.terms import (
    Affine,
    Index,
    Label,
    Partial,
    Ref,
    Tensor,
    Term,
    free_indices,
    rebuild,
)
from derive.backward import computable
from derive.stages import SAMPLE
from derive.steps import Chain
from derive.strategies.ways import Part, Told
from derive.writing import layout as lay
from derive.writing.layout import Layout, row
from derive.writing.naming import unbarred
from derive.writing.notation import Writer

WIDE = 30.0  # ems of two formulas that still stand side by side
LINE = 40.0  # ems of a chain that still stands on one line


def layer(sheet: Sheet) -> list[Block]:
    """What layer l computes, for the sections that come before the generic layer."""
    label = Math(sheet.writer.label(Label(0, "l")))
    return [
        Paragraph(("We look at one layer, number ", label, ", which computes")),
        *(Equations((EquationRow((*map(sheet.equation, made), *([where] if where else []))),))
          for made, where in forms(sheet)),
    ]  # fmt: skip


def parts(told: Told, *kinds: str) -> Iterator[Part]:
    """The parts of these kinds in order."""
    yield from (part for part in told.parts if part.kind in kinds)


def chains(told: Told, *kinds: str) -> list[Chain]:
    """The chains with something to say in the parts of these kinds."""
    return [chain for part in parts(told, *kinds) for chain in part.chains if chain.steps]


def display(sheet: Sheet, chain: Chain) -> Display:
    """A chain line by line with reasons and marks."""
    return Display(sheet.lines(chain))


def result(sheet: Sheet, chain: Chain) -> Equation:
    """The left side and the last member of a chain."""
    return Equation(sheet.write(chain.lhs), "=", sheet.write(chain.result))


def inline(sheet: Sheet, chain: Chain, skip: Iterable[int] = ()) -> Equation:
    """A whole chain on one line, some members left out."""
    left_out = set(skip)
    members = [s.rhs for k, s in enumerate(chain.steps) if k not in left_out]
    shown: list[Layout] = []
    for member in members:
        made = sheet.write(member)
        if not shown or made != shown[-1]:
            shown.append(made)
    made_row: list[Layout | str] = []
    for layout in shown:
        made_row += ["=", layout] if made_row else [layout]
    return Equation(sheet.write(chain.lhs), "=", row(*made_row))


def side_by_side(equations: Iterable[Equation]) -> Equations:
    """Equations in rows of two, or alone where they are wide."""
    rows: list[EquationRow] = []
    waiting: Equation | None = None
    for equation in equations:
        if waiting is not None and _wide(waiting) + _wide(equation) <= WIDE:
            rows.append(EquationRow((waiting, equation)))
            waiting = None
            continue
        if waiting is not None:
            rows.append(EquationRow((waiting,)))
        waiting = equation
    if waiting is not None:
        rows.append(EquationRow((waiting,)))
    return Equations(tuple(rows))


def _wide(equation: Equation) -> float:
    left = width(equation.lhs) if equation.lhs is not None else 0.0
    return left + width(equation.rhs)


def fits(equation: Equation) -> bool:
    """Whether the equation stands on one line."""
    return _wide(equation) <= LINE


# ------------------------------------------------------------------ whole arrays


@dataclass(frozen=True)
class ByDerivative(Writer):
    """Writes the array of the derivatives of the loss as such: dL/da, not a with a bar."""

    def whole(self, tensor: Tensor, batch: bool = False, sample: Index | None = None) -> Layout:
        """A whole array."""
        plain, barred = unbarred(tensor)
        if not barred:
            return super().whole(tensor, batch, sample)
        return lay.partial(self.of_sample, super().whole(plain, batch, sample))


def vectors(sheet: Sheet, lhs: Term, rhs: Term) -> Equation | None:
    """An equation between entries as one between whole arrays of a sample, where there is one."""
    if all(i.size == 1 for i in free_indices(lhs) if not i.sample):
        return None
    left = _array(lhs)
    if not isinstance(left, Ref):
        return None
    writer = ByDerivative(sheet.writer.profile, sheet.writer.context)
    made = writer.matrix_form(terms_equation.Equation(left, _array(rhs)))
    if made is None:
        return None
    return Equation(writer.matrix(made.lhs), "=", writer.matrix(made.rhs))


def vector_line(sheet: Sheet, chain: Chain) -> tuple[Line, ...]:
    """The result of a chain between whole arrays, as a line below it."""
    made = vectors(sheet, chain.lhs, chain.result)
    if made is None:
        return ()
    return (Line(made.lhs, "=", made.rhs, ("as vectors",), PROVED, detail="entry by entry"),)


def _array(term: Term) -> Term:
    """Derivatives of the loss by parameters as gradients of one sample, others by their names."""
    if isinstance(term, Partial) and not term.by.tensor.batched:
        tensor = term.by.tensor
        gradient = replace(tensor, role="gradient", batched=True)
        return Ref(gradient, (Affine.of(SAMPLE), *term.by.at))
    if isinstance(term, Partial):
        return computable(term)
    return rebuild(term, _array)
