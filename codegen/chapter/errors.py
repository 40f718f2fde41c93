"""Errors of layers: as equations between arrays, and whether they are output minus target."""

from __future__ import annotations

from codegen.chapter.sheet import Sheet
from derive.algebra.canon import equal
from derive.algebra.equation import Equation
from derive.algebra.terms import Ref, Tensor, Term
from derive.backward import computable
from derive.forward import Y
from derive.steps import Chain


def error_equation(chain: Chain) -> Equation | None:
    """The error as an equation between arrays, with every dL/dt under its own name."""
    lhs = computable(chain.lhs)
    return Equation(lhs, computable(chain.result)) if isinstance(lhs, Ref) else None


def adjoint(tensor: Tensor) -> Tensor:
    """The array of the derivatives of the loss by the entries of an array."""
    return Tensor(f"d{tensor.letter}", "adjoint", tensor.label, tensor.batched)


def cancels(sheet: Sheet) -> bool:
    """Whether the error of the output is output minus target, the slope of its activation gone."""
    delta, activation = sheet.last.delta, sheet.output_activation
    if delta is None or activation is None:
        return False
    return equal(delta.result, gap(at_places(activation.lhs, delta.lhs)))


def gap(o: Ref) -> Term:
    """Output minus target at an entry."""
    return o - Ref(Y, o.at)


def at_places(entry: Ref, like: Term) -> Ref:
    """The entry at the places of another one."""
    return Ref(entry.tensor, like.at) if isinstance(like, Ref) else entry
