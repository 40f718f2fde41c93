"""Texts that a notation prints of a derivation, each with the terms or arrays it stands for."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.pages.latex_math import formula
from derive.algebra.canon import equal
from derive.algebra.index import at
from derive.algebra.terms import (
    Affine,
    Apply,
    Argmax,
    Call,
    Delta,
    Extremum,
    Index,
    Partial,
    Ref,
    Sum,
    Tensor,
    Term,
    free_indices,
    mul,
    rebuild,
    ref,
)
from derive.claims.terms import Terms
from derive.derivation import Derivation
from derive.matrices.entry import entry
from derive.matrices.expressions import Mat
from derive.profiles import profile
from derive.reading.tree import Node
from derive.writing.naming import ROLE_OF
from derive.writing.notation import Context, Writer
from derive.writing.profile import Profile

OWN_LETTERS = ("phi", "psi", "chi", "omega", "loss")
LOSS = ref(Tensor("L", "loss"), Index("n", "N", sample=True))
Printed = tuple[str, str, list[Term] | list[Mat]]


def writer_of(derivation: Derivation, notation: str | Profile) -> Writer:
    made = profile(notation) if isinstance(notation, str) else notation
    last = derivation.forward_pass.output.tensor.label
    mixed = derivation.forward_pass.across_samples
    return Writer(made, Context(last=last, shapes=derivation.shapes, mixed=mixed))


def printed(derivation: Derivation, writer: Writer) -> Iterator[Printed]:
    """(what it is, LaTeX, the members that it states to be equal)."""
    results = (*derivation.forward, derivation.loss, *derivation.backward, *derivation.gradients)
    for equation in results:
        yield f"{equation.lhs}", formula(writer.equation(equation)), [equation.lhs, equation.rhs]
        for batch in (False, True):
            made = writer.matrix_form(equation, batch)
            if made is not None:
                text = formula(writer.matrix_equation(made))
                yield f"{equation.lhs} as arrays", text, [made.lhs, made.rhs]
    for chain in derivation.chains:
        if chain.steps:
            text = formula(writer.chain(chain.lhs, *(("=", s.rhs) for s in chain.steps)))
            yield chain.key, text, [chain.lhs, *(s.rhs for s in chain.steps)]


def assert_same(terms: Terms, read: Node, meant: Term | Mat, text: str) -> None:
    """The read formula is what was printed, up to names of bound indices and order of factors."""
    if isinstance(meant, Mat):
        row, col = (_index(n, s) for n, s in zip(("r_", "c_"), meant.shape, strict=True))
        want, got = entry(meant, row, col), terms.entry(read, row, col)
    else:
        want, got = meant, terms.term(read)
    want, got = plain(want), plain(got)
    assert want is got or equal(want, got), f"{text}\nread  {got}\nmeant {want}"


def _index(name: str, size: int | str) -> Affine:
    return Affine() if size == 1 else Affine.of(Index(name, size, sample=size == "N"))


def plain(term: Term) -> Term:
    """Without what no formula shows: indices with one value, padding, a second way to write it."""
    made = _plain(term)
    single = {i: Affine() for i in free_indices(made) if i.size == 1}
    return at(made, single) if single else made


def _plain(term: Term) -> Term:
    if isinstance(term, Argmax) and any(i.size == 1 for i in term.extremum.indices):
        return _plain(_argmax(term.extremum, term.at))
    term = rebuild(term, _plain)
    match term:
        case Sum(body=body, indices=indices) if any(i.size == 1 for i in indices) or isinstance(
            body, Sum
        ):
            return _sum(body, indices)
        case Extremum(kind, body, indices) if any(i.size == 1 for i in indices):
            inner = at(body, {i: Affine() for i in indices if i.size == 1})
            rest = tuple(i for i in indices if i.size != 1)
            return Extremum(kind, inner, rest) if rest else inner
        case Ref(tensor, places) if tensor.role == "gradient" and _by_sample(places):
            role = ROLE_OF.get(tensor.letter, "parameter")
            return Partial(LOSS, Ref(Tensor(tensor.letter, role, tensor.label), places))
        case Ref(padded=padded) if padded:
            return Ref(term.tensor, term.at)
        case Apply(function, arg, 0) if function.label is None:
            return term if function.name in OWN_LETTERS else Call(function.name, (arg,))
    return term


def _sum(body: Term, indices: tuple[Index, ...]) -> Term:
    single = {i: Affine() for i in indices if i.size == 1}
    rest = tuple(i for i in indices if i.size != 1)
    inner = at(body, single) if single else body
    if isinstance(inner, Sum):
        return Sum(inner.body, (*rest, *inner.indices))
    return Sum(inner, rest) if rest else inner


def _argmax(extremum: Extremum, places: tuple[Affine, ...]) -> Term:
    """The place of an extremum; along an index with one value that value."""
    pairs = list(zip(places, extremum.indices, strict=True))
    fixed: list[Term] = [Delta(p, Affine()) for p, i in pairs if i.size == 1]
    rest = [(p, i) for p, i in pairs if i.size != 1]
    body = at(extremum.body, {i: Affine() for i in extremum.indices if i.size == 1})
    if rest:
        inner = Extremum(extremum.kind, body, tuple(i for _, i in rest))
        fixed.append(Argmax(inner, tuple(p for p, _ in rest)))
    return mul(*fixed)


def _by_sample(places: tuple[Affine, ...]) -> bool:
    return bool(places) and places[0].index is not None and places[0].index.sample
