"""A notation at work: terms, equations, matrix forms and names of things for the pages."""

from __future__ import annotations

from collections.abc import Callable

from derive.algebra.equation import Equation
from derive.algebra.terms import Label, Tensor, Term
from derive.matrices.expressions import MatrixEquation
from derive.matrices.form import matrix_equation
from derive.writing import layout as lay
from derive.writing.layout import Layout, row
from derive.writing.matrix_writing import MatrixPrinter
from derive.writing.naming import Context
from derive.writing.profile import Profile

__all__ = ["STEP", "Context", "Profile", "Writer"]

STEP = lay.Ident("tau")  # counts the steps of training, apart from n, which counts samples


class Writer(MatrixPrinter):
    """Writes everything that stands on a page under one profile."""

    def equation(self, equation: Equation) -> Layout:
        """lhs = rhs."""
        return row(self.write(equation.lhs), "=", self.write(equation.rhs))

    def chain(self, first: Term, *rest: tuple[str, Term]) -> Layout:
        """first = second = ..., each of the rest with its relation in front."""
        made: list[lay.Part] = [self.write(first)]
        for relation, term in rest:
            made += [relation, self.write(term)]
        return row(*made)

    def update(self, old: Layout, new: Callable[[Layout], Layout]) -> tuple[Layout, str, Layout]:
        """A step of training: the left side, the relation, and the new value from the old one."""
        form = self.profile.writing["update"]
        if form != "iterations":
            return old, "gets" if form == "arrow" else ":=", new(old)
        after = lay.apply(old, row(STEP, "+", lay.number(1)))
        return after, "=", new(lay.apply(old, STEP))

    def matrix_form(self, equation: Equation, batch: bool = False) -> MatrixEquation | None:
        """The equation between whole arrays, of one sample or of a batch, proved; or None."""
        return matrix_equation(
            equation,
            batch=batch,
            out_first=self.profile.out_first,
            shapes=self.context.shapes,
        )

    def matrix_equation(self, equation: MatrixEquation) -> Layout:
        """lhs = rhs between whole arrays."""
        return row(self.matrix(equation.lhs), "=", self.matrix(equation.rhs))

    def tensor(self, tensor: Tensor, batch: bool = False) -> Layout:
        """The whole array; with `batch` that of all samples."""
        return self.whole(tensor, batch)

    def label(self, label: Label) -> Layout:
        """A layer label inside a sentence: 2, l, out."""
        return self.names.bare_label(label)
