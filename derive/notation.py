"""A notation at work: terms, equations, matrix forms and names of things for the pages."""

from __future__ import annotations

from derive import layout as lay
from derive.equation import Equation
from derive.layout import Layout, Symbol, row
from derive.naming import Context
from derive.printing import Printer
from derive.profile import Profile
from derive.terms import Label, Tensor, Term

__all__ = ["Context", "Profile", "Writer"]


class Writer(Printer):
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

    def tensor(self, tensor: Tensor, batch: bool = False) -> Layout:
        """The whole array; with `batch` that of all samples."""
        return self.names.whole(tensor, batch)

    def label(self, label: Label) -> Layout:
        """A layer label inside a sentence: 2, l, out."""
        return self.names.bare_label(label)

    def partial_tensor(self, tensor: Tensor, batch: bool = False) -> Layout:
        """The gradient by a whole array, of the objective or (for an array per sample) the loss."""
        of = self.objective if batch or not tensor.batched else self.loss
        whole = self.tensor(tensor, batch)
        if self.profile.writing["gradient"] == "nabla":
            return row(lay.sub(Symbol("nabla"), whole), of)
        return lay.partial(of, whole)
