"""The delta of the last layer where it divides by the output: through the logarithms instead.

(o - y)/(1 - o) is 0/0 where o rounds to 1.  The same delta is the derivative of the stable loss:
with log o = s - log S and log(1 - o) = log(S - exp(s)) - log S no output is left to divide by.
"""

from __future__ import annotations

from collections.abc import Mapping

from codegen.stability.stable import may_overflow, stable, stable_form, together
from codegen.stability.wholes import made_of_exponentials
from derive.algebra.canon import normal, to_term
from derive.algebra.equation import Equation
from derive.algebra.index import contracted, define, derivative
from derive.algebra.terms import Call, Pow, Ref, Tensor, Term, rebuild, refs, walk
from derive.errors import NotYet


def stable_delta(delta: Equation, loss: Equation, known: Mapping[Tensor, Equation]) -> Term:
    """The right side of a delta in a stable form."""
    term = stable_form(delta.rhs, known)
    label = delta.lhs.tensor.label
    own = {t: eq for t, eq in known.items() if t.role == "activation" and t.label == label}
    errors = any(r.tensor.role in ("delta", "adjoint") for r in refs(term))
    if errors or not _divides(term, own):
        return term
    try:
        found = stable(_through_logarithms(delta, loss, own))
    except (NotYet, ZeroDivisionError):
        return term
    if any(map(may_overflow, walk(found))) or _divides(found, own):
        return term
    return together(found)


def _divides(term: Term, known: Mapping[Tensor, Equation]) -> bool:
    """Whether an activation made of exponentials stands in a denominator."""
    below = [n.base for n in walk(term) if isinstance(n, Pow) and n.exponent < 0]
    tensors = {r.tensor for base in below for r in refs(base)}
    return any(t in known and made_of_exponentials(known[t].rhs) for t in tensors)


def _through_logarithms(delta: Equation, loss: Equation, own: Mapping[Tensor, Equation]) -> Term:
    """dL/ds with every logarithm of a quotient split before it is differentiated.

    The activations of the layer are written out, so that nothing else depends on s.
    """
    whole = loss.rhs
    for equation in own.values():
        whole = define(whole, equation.lhs, equation.rhs)
    whole = _split(whole)
    entries = {r.tensor for r in refs(whole) if r.tensor.label == delta.lhs.tensor.label}
    if [t.role for t in entries] != ["preactivation"]:
        raise NotYet("a loss in more than the pre-activations of the last layer")
    (s,) = entries
    return contracted(derivative(whole, Ref(s, delta.lhs.at)))


def _split(term: Term) -> Term:
    term = rebuild(term, _split)
    if isinstance(term, Call) and term.function == "log":
        return to_term(normal(term))
    return term
