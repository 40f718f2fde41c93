"""How a Python sheet keeps its arrays: rows or columns, sums or means, and names of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from derive.algebra.symbols import Label
from derive.forward import forward
from derive.marking.conventions import PLAIN, Conventions
from derive.marking.judging import Judge
from derive.profiles import profile
from derive.python_sheets.bindings import own_names
from derive.python_sheets.names import meaning
from derive.python_sheets.writing import names_of
from derive.reading.own import Own, PythonStyle
from derive.reading.scope import Scope
from derive.sheets.agreements import quickly_holds
from derive.sheets.door import claims_of
from derive.sheets.sheet import Sheet
from derive.spec import Network

_BATCHED = ("axis", ".shape[", "len(", ".mean(", "/ n", "/ m", "/n", "/m")


def python_scope(sheet: Sheet, network: Network | None) -> tuple[Scope, Conventions]:
    """The scope in which most lines hold, the plainest first."""
    names = own_names(sheet.parts, network=network is not None)
    base = Scope(profile("rows"), own=Own(names=names))
    if network is None:
        return base, PLAIN
    passed = forward(network)
    base = replace(base, last=passed.output.tensor.label, shapes=passed.shapes)
    judge = Judge(network)
    best, most = base, -1
    for scope in _scopes(base, sheet):
        count = 0
        for formula in sheet.formulas[:12]:
            for claim in claims_of(formula, scope).claims:
                count += claim.complete and quickly_holds(judge, claim, scope)
        if count > most:
            best, most = scope, count
    return best, best.conventions


def _scopes(base: Scope, sheet: Sheet) -> Iterator[Scope]:
    text = "\n".join(f.text for f in sheet.formulas)
    inside = (False, True) if any(map(_of_activation, names_of(text))) else (False,)
    batched = any(word in text for word in _BATCHED)
    for batch in (True, False) if batched or "@" in text or "dot" in text else (False, True):
        for columns, mean in product((False, True), (False, True)) if batch else ((False, False),):
            for transposed, inner in product((columns, not columns), inside):
                style = PythonStyle(batch, columns, mean, inner, _above(text, base.last))
                made = Conventions(transposed=transposed)
                own = replace(base.own, python=style)
                yield replace(base, own=own, conventions=made)


def _of_activation(name: str) -> bool:
    """Whether a name is that of a derivative by an activation: da1, dh, d_output."""
    named = meaning(name)
    return named is not None and named.derived and named.role in ("activation", "output")


def _above(text: str, last: Label | None) -> bool:
    """Whether the deltas begin with 2, as where the input is counted as a layer."""
    named = [found for name in names_of(text) if (found := meaning(name)) is not None]
    labels = {n.label for n in named if n.role == "delta" and n.label is not None}
    return last is not None and last.shifted(1) in labels and Label(1) not in labels
