"""What a lecture note says about arrays, sizes and names, and what in a derivation says the same.

These claims are no equations between numbers: a list of gradients, a matrix with dots, a shape.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from derive.algebra.index import define
from derive.algebra.terms import (
    Const,
    Label,
    Mul,
    Partial,
    Pow,
    Ref,
    Sum,
    Tensor,
    Term,
    mul,
    total,
    walk,
)
from derive.claims.claim import Claim
from derive.reading.tree import (
    Applied,
    Derivative,
    Dots,
    Entry,
    Function,
    Grid,
    Letter,
    Listed,
    Minus,
    Nabla,
    Node,
    Norm,
    Num,
    Over,
    Size,
    Space,
    Times,
    Total,
    rebuilt,
)
from derive.stages import SAMPLE
from derive.strategies.ways import UPDATE
from tests.notations import plain
from tests.notes_words import at_last

if TYPE_CHECKING:
    from tests.notes_coverage import Sheet


def structural(sheet: Sheet, claim: Claim) -> str | None:
    """What in the derivation says the same as a claim that is no equation between numbers."""
    for rule in RULES:
        found = rule(sheet, claim)
        if found is not None:
            return found
    return None


def _fixed(sheet: Sheet, claim: Claim) -> str | None:
    """x_0 = -1: the threshold is the weight of an input that is always -1."""
    lhs, rhs = claim.lhs, claim.rhs
    if (
        not isinstance(lhs, Entry)
        or lhs.places != (Num(Fraction(0)),)
        or not isinstance(rhs, Minus)
    ):
        return None
    kinds = {getattr(s.layer, "bias", "") for s in sheet.derivation.forward_pass.stages}
    return "threshold" if kinds == {"threshold"} and rhs.arg == Num(Fraction(1)) else None


def _gradient(sheet: Sheet, claim: Claim) -> str | None:
    """nabla L = (nabla_w L, nabla_b L): the gradients of all kinds of parameters, and no other."""
    if not isinstance(claim.lhs, Nabla) or not isinstance(claim.rhs, Listed):
        return None
    listed = {n.by.role for n in claim.rhs.items if isinstance(n, Nabla) and _entry(n.by)}  # type: ignore[union-attr]
    stages = sheet.derivation.forward_pass.stages
    derived = {t.role for stage in stages for t in stage.parameters}
    return "gradients" if listed == derived and claim.lhs.by is None else None


def _entry(node: Node | None) -> bool:
    return isinstance(node, Entry)


def _matrix(sheet: Sheet, claim: Claim) -> str | None:
    """W = (w_11 ...): every entry that is written stands at its place, the last row and column."""
    if not isinstance(claim.lhs, Entry) or not isinstance(claim.rhs, Grid):
        return None
    terms = sheet.terms
    shape = terms.shape(claim.lhs)
    if shape is None:
        return None
    rows = claim.rhs.rows
    for r, row in enumerate(rows):
        for c, node in enumerate(row):
            if isinstance(node, Dots):
                continue
            assert isinstance(node, Entry)
            wanted = [_end(r, len(rows), shape[0]), _end(c, len(row), shape[1])]
            written = [p if isinstance(p, Size) else _number(p) for p in node.places]
            got = [terms.extent(p) if isinstance(p, Size) else p for p in written]
            if node.role != claim.lhs.role or got != wanted:
                return None
    return f"shape of {terms.tensor(claim.lhs)}"


def _end(k: int, of: int, size: int | str | None) -> int | str | None:
    return size if k == of - 1 else k + 1


def _number(node: Node) -> int:
    assert isinstance(node, Num)
    return int(node.value)


def _map(sheet: Sheet, claim: Claim) -> str | None:
    """W : R^n -> R^m: the shape of the matrix as the notation writes it."""
    if claim.relation != "maps" or not isinstance(claim.lhs, Entry):
        return None
    assert isinstance(claim.rhs, Listed)
    terms = sheet.terms
    sizes = [s.size for s in claim.rhs.items if isinstance(s, Space)]
    extents = [terms.extent(s) for s in sizes if isinstance(s, Size)]
    shape = terms.shape(claim.lhs)
    return "shape" if shape is not None and [shape[1], shape[0]] == extents else None


def _objective(sheet: Sheet, claim: Claim) -> str | None:
    """C = (1/N) sum of C_n, also with the loss of a sample inserted."""
    from tests.notes_coverage import _NO_TERM, _same

    lhs, rhs = claim.lhs, claim.rhs
    if rhs is None or not (lhs is None or (isinstance(lhs, Entry) and lhs.role in _OBJECTIVES)):
        return None
    try:
        rhs = at_last(_number_of_outputs(sheet, rhs), sheet.last)
        read = plain(sheet.terms.over(rhs).term(rhs))
    except _NO_TERM:
        return None
    loss = sheet.derivation.loss
    losses = total(loss.lhs, SAMPLE)
    for meant in (sheet.derivation.objective, losses):
        for made in (meant, define(meant, loss.lhs, loss.rhs)):
            if _same(plain(made), read):
                return "objective"
    return None


_OBJECTIVES = ("objective", "loss")


def _number_of_outputs(sheet: Sheet, node: Node) -> Node:
    """The letter t of a mean over the outputs as their number."""
    node = rebuilt(node, lambda child: _number_of_outputs(sheet, child))
    width = sheet.shapes[sheet.derivation.forward_pass.output.tensor][0]
    if isinstance(node, Over) and node.below == Letter("t"):
        return replace(node, below=Num(Fraction(int(width))))
    if isinstance(node, Total):
        bounds = tuple(replace(b, high=None) if b.high == Letter("t") else b for b in node.bounds)
        return replace(node, bounds=bounds)
    return node


def _legend(sheet: Sheet, claim: Claim) -> str | None:
    """w_ji^2 alone: an array of the network."""
    lhs = claim.lhs
    if claim.rhs is not None or claim.conditions or claim.relation or not isinstance(lhs, Entry):
        return None
    tensor = sheet.terms.tensor(lhs)
    return f"shape of {tensor}" if tensor in sheet.shapes else None


def _density(sheet: Sheet, claim: Claim) -> str | None:
    """p(y|x) = product of B: the loss is derived as -sum of log B."""
    likelihood = sheet.derivation.forward_pass.likelihood
    if likelihood is None or not isinstance(claim.rhs, Total) or claim.rhs.kind != "prod":
        return None
    bounds = tuple(replace(b, low=None, high=None) for b in claim.rhs.bounds)
    body = Applied(Function("log"), (claim.rhs.body,))
    from tests.notes_coverage import _NO_TERM, _same

    logs = at_last(Total("sum", bounds, body), sheet.last)
    try:
        read = plain(-sheet.terms.over(logs).term(logs))
    except _NO_TERM:
        return None
    return "loss" if _same(plain(likelihood.rhs), read) else None


def _ranges(sheet: Sheet, claim: Claim) -> str | None:
    """w_ij for 0 <= i <= d^(l-1), 1 <= j <= d^(l): the shapes of weight and bias of layer l."""
    lhs = claim.lhs
    if claim.rhs is not None or not claim.conditions or not isinstance(lhs, Entry):
        return None
    terms = sheet.terms
    tensor = terms.tensor(lhs)
    shape = sheet.shapes.get(tensor)
    ends = [terms.extent(c.rhs) for c in claim.conditions if isinstance(c.rhs, Size)]
    lows = [
        int(c.lhs.value)
        for c in claim.conditions
        if isinstance(c.lhs, Num) and isinstance(c.rhs, Letter) and c.rhs in lhs.places
    ]
    fixed = sheet.derivation.forward_pass.stages[0].layer
    biased = getattr(fixed, "bias", "") != "absent"
    return (
        f"shape of {tensor}" if shape == tuple(ends) and lows == [0 if biased else 1, 1] else None
    )


def _size(sheet: Sheet, claim: Claim) -> str | None:
    """d^(0) = d and d^(L) = 1: the width of the input has a letter, that of the output is 1."""
    if not isinstance(claim.lhs, Size) or claim.rhs is None:
        return None
    terms = sheet.terms
    if claim.lhs.label == Label(0):
        own = sheet.shapes[Tensor("x", "input")][0]
        return (
            "width of the input" if isinstance(own, str) and isinstance(claim.rhs, Letter) else None
        )
    if isinstance(claim.rhs, Num) and terms.extent(claim.lhs) == int(claim.rhs.value):
        return "width"
    return None


def _output(sheet: Sheet, claim: Claim) -> str | None:
    """g(x) = x^(L): a name for the output."""
    if not isinstance(claim.lhs, Entry) or claim.lhs != claim.rhs:
        return None
    output = sheet.derivation.forward_pass.output.tensor
    return "output" if sheet.terms.tensor(claim.lhs) == output else None


def _direction(sheet: Sheet, claim: Claim) -> str | None:
    """v/|v| = u/|u| and v ~ u: of the mean and of the sum over the samples; -grad: of a step."""
    lhs, rhs = claim.lhs, claim.rhs
    if not isinstance(lhs, Minus | Letter | Over):
        return None
    update = sheet.update
    unit = [c for part in update.parts if part.kind == "direction" for c in part.chains]
    if isinstance(lhs, Minus) and isinstance(lhs.arg, Nabla) and rhs is None:
        steps = [c for c in update.chains if c.kind == UPDATE]
        return "update" if steps and all(_against(c.lhs, c.steps[0].rhs) for c in steps) else None
    letters = isinstance(lhs, Letter) and isinstance(rhs, Letter) and claim.relation == "approx"
    if letters or (_is_unit(lhs) and _is_unit(rhs) and claim.relation == "="):
        return unit[0].key if unit and all(_has_length(s.rhs) for s in unit[0].steps) else None
    return None


def _against(lhs: object, rhs: object) -> bool:
    """Whether the right side is the old value less a multiple of the gradient."""
    assert isinstance(lhs, Ref)
    assert isinstance(rhs, Term)
    (gradient,) = (n for n in walk(rhs) if isinstance(n, Partial))
    return rhs is lhs - mul(Const("learning_rate"), gradient)


def _is_unit(node: Node | None) -> bool:
    return isinstance(node, Over) and isinstance(node.below, Norm) and node.below.arg == node.above


def _has_length(term: object) -> bool:
    assert isinstance(term, Term)
    roots = [n for n in walk(term) if isinstance(n, Pow) and n.exponent == Fraction(-1, 2)]
    return any(isinstance(n.base, Sum) for n in roots)


def _composition(sheet: Sheet, claim: Claim) -> str | None:
    """dF/dx = df/dg dg/dh ... dv/dx: a product of as many derivatives, each by what the next is of.

    The letters are the sheet's own; our step has the quantities of the network in their place.
    """
    lhs, rhs = claim.lhs, claim.rhs
    if not isinstance(lhs, Derivative) or not isinstance(lhs.of, Letter):
        return None
    if isinstance(rhs, Derivative) and isinstance(rhs.of, Applied):
        depth, inner = 1, rhs.of
        while isinstance(inner.args[0], Applied):
            depth, inner = depth + 1, inner.args[0]
        same = inner.args[0] == rhs.by[0] == lhs.by[0]
        return None if not same else "notation" if depth == 1 else _linked(sheet, depth)
    if not isinstance(rhs, Times):
        return None
    chain = [f for f in rhs.args if isinstance(f, Derivative)]
    linked = all(a.by[0] == b.of for a, b in pairwise(chain))
    whole = len(chain) == len(rhs.args) and linked and chain[-1].by[0] == lhs.by[0]
    return _linked(sheet, len(chain)) if whole else None


def _linked(sheet: Sheet, count: int) -> str | None:
    """The key of a step that is a product of so many derivatives, one behind the other."""
    for statement in sheet.statements:
        lhs, rhs = statement.lhs, statement.rhs
        if not isinstance(lhs, Partial) or not isinstance(rhs, Mul) or len(rhs.args) != count:
            continue
        factors = [f for f in rhs.args if isinstance(f, Partial)]
        linked = len(factors) == count and all(a.by is b.of for a, b in pairwise(factors))
        if linked and factors[0].of is lhs.of and factors[-1].by is lhs.by:
            return statement.key
    return None


RULES = (
    _fixed, _gradient, _matrix, _map, _objective, _ranges, _size, _output, _direction,
    _legend, _density, _composition,
)  # fmt: skip
