"""How a Python sheet keeps its arrays: rows or columns, sums or means, and names of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from derive.algebra.symbols import Label
from derive.forward import forward
from derive.marking.conventions import PLAIN, Conventions
from derive.marking.judging import Judge
from derive.profiles import profile
from derive.python_sheets.bindings import own_names, pairs, statement_of
from derive.python_sheets.names import LISTS, Named, by_what, meaning
from derive.python_sheets.places import key_of, named_place
from derive.python_sheets.told import Told, holds, told_names
from derive.python_sheets.writing import names_of
from derive.reading.own import Own, PythonStyle
from derive.reading.scope import Scope
from derive.sheets.door import claims_of
from derive.sheets.sheet import Formula, Sheet
from derive.spec import Network

_BATCHED = ("axis", ".shape[", "len(", ".mean(", "/ n", "/ m", "/n", "/m")
FIRST = 12  # formulas that all styles are tried on
MOST_FORMULAS = 60
MOST_TOLD = 4  # styles in which it is asked what names stand for
NEAR = 2  # formulas by which a style may be behind the best and still be tried on more
_PICKED = re.compile(r"\b([A-Za-z_]\w*)\[(\d+)\]")


def python_scope(sheet: Sheet, network: Network | None) -> tuple[Scope, Conventions]:
    """The scope in which most lines hold, the plainest first."""
    names = own_names(sheet.parts, network=network is not None)
    base = Scope(profile("rows"), own=Own(names=names))
    if network is None:
        return base, PLAIN
    passed = forward(network)
    decays = bool(network.weight_decay)
    base = replace(base, last=passed.output.tensor.label, shapes=passed.shapes)
    base = replace(base, own=replace(base.own, decays=decays))
    judge = Judge(network)
    formulas = sheet.formulas[:MOST_FORMULAS]
    batched = any(word in formula.text for formula in formulas for word in _BATCHED)
    scopes = _best(judge, list(_scopes(base, sheet, batched)), formulas, batched)
    made = told_names(judge, scopes[0], formulas)
    if made.score < made.claims:
        plain = [made, *(told_names(judge, each, formulas) for each in scopes[1:])]
        made = max(plain, key=lambda each: each.score)
        for begun, least in zip(scopes, plain, strict=True):
            tried = _of_sums(judge, begun, least, formulas)
            made = tried if tried.score > made.score else made
    return made.scope, made.scope.conventions


def _of_sums(judge: Judge, scope: Scope, plain: Told, formulas: Sequence[Formula]) -> Told:
    """The same where all that is said of gradients is of sums over the samples, not of means.

    One line alone would not say so.
    """
    if not scope.own.python.batch or scope.own.python.mean:
        return plain
    summed = replace(scope, conventions=replace(scope.conventions, reduction="sum"))
    tried = told_names(judge, summed, formulas)
    return tried if tried.score > plain.score + 1 else plain


def _best(
    judge: Judge, scopes: Sequence[Scope], formulas: Sequence[Formula], batched: bool
) -> list[Scope]:
    """The scopes in which the most formulas hold, the best first; those far behind are left.

    Where sums over axes and numbers of samples stand, one sample alone is the less likely.
    """
    counts = [-NEAR if batched and not s.own.python.batch else 0 for s in scopes]
    for begin in range(0, len(formulas), FIRST):
        leading = max(counts)
        alive = [k for k, count in enumerate(counts) if count >= leading - NEAR]
        if len(alive) == 1:
            break
        for k in alive:
            for formula in formulas[begin : begin + FIRST]:
                for claim in claims_of(formula, scopes[k]).claims:
                    counts[k] += claim.complete and holds(judge, claim, scopes[k])
    order = sorted(range(len(scopes)), key=lambda k: -counts[k])
    return [scopes[k] for k in order[:MOST_TOLD] if counts[k] >= counts[order[0]] - NEAR]


def _scopes(base: Scope, sheet: Sheet, batched: bool) -> Iterator[Scope]:
    text = "\n".join(f.text for f in sheet.formulas)
    names = names_of(text)
    inside = (False, True) if any(map(_of_activation, names)) else (False,)
    plain = PythonStyle(
        above=_above(names, base.last),
        from_zero=_from_zero(text, names, sheet),
        rate_free=not any(_is_rate(name) for name in names),
    )
    kinds = [(True, False), (True, True), (False, False)]  # rows, columns, one sample
    if not batched and not ("@" in text or "dot" in text):
        kinds = [(False, False), (True, False), (True, True)]
    if ".T" in text or "transpose" in text:
        kinds.append((False, True))  # one sample is a column
    for batch, columns in kinds:
        for mean in (False, True) if batch else (False,):
            for transposed, inner in product((columns, not columns), inside):
                style = replace(plain, batch=batch, columns=columns, mean=mean, inner=inner)
                made = Conventions(transposed=transposed)
                yield replace(base, own=replace(base.own, python=style), conventions=made)
    shapes = [s for t, s in base.shapes.items() if (t.role, t.label) == ("weight", base.last)]
    if any(shape[1:] == (1,) for shape in shapes):
        style = replace(plain, batch=False, vectors=True)
        yield replace(base, own=replace(base.own, python=style))
    if "@" in text or "dot" in text or "np." in text or ".T" not in text:
        return
    for batch, columns in ((False, True), (True, False), (True, True)):  # matrices of SymPy
        for transposed in (columns, not columns):
            style = replace(plain, batch=batch, columns=columns, matrices=True)
            made = Conventions(transposed=transposed)
            yield replace(base, own=replace(base.own, python=style), conventions=made)


def _of_activation(name: str) -> bool:
    """Whether a name is that of a derivative by an activation: da1, dh, d_output."""
    named = meaning(name)
    return named is not None and named.derived and named.role in ("activation", "output")


def _above(names: Sequence[str], last: Label | None) -> bool:
    """Whether the deltas begin with 2, as where the input is counted as a layer."""
    found = [named for name in names if (named := meaning(name)) is not None]
    labels = {n.label for n in found if n.role == "delta" and n.label is not None}
    return last is not None and last.shifted(1) in labels and Label(1) not in labels


def _from_zero(text: str, names: Sequence[str], sheet: Sheet) -> frozenset[str]:
    """The roles and the lists whose first number is 0: W0 and b0, weights[0]."""
    found = [named for name in names if (named := meaning(name)) is not None]
    roles = {n.role for n in found if n.label == Label(0)} - {"activation"}
    if any(map(_first_activation, sheet.formulas)):
        roles.add("activation")
    lists: set[str] = set()
    for name, number in _PICKED.findall(text):
        word = (by_what(name) or name).lower()
        if number == "0" and (word in LISTS or word in ("w", "b")):
            if LISTS.get(word) == "activation" and _holds_input(name, text):
                continue
            lists.add(name)
    if not lists & {"W", "weights"}:
        lists -= {"b"}  # b[0] is an entry
    return frozenset(roles | lists)


def _first_activation(formula: Formula) -> bool:
    """Whether a formula computes an activation of number 0, which then is not the input."""
    for target, value in pairs(statement_of(formula)):
        named = named_place(target)
        if named == Named("activation", Label(0)) and key_of(value) is None:
            return True
    return False


def _holds_input(name: str, text: str) -> bool:
    """Whether the first of the activations is the input."""
    return bool(re.search(rf"\b{name}\s*(?:\[0\]\s*=|=\s*\[)\s*[xX]\b", text))


def _is_rate(name: str) -> bool:
    named = meaning(name)
    return named is not None and named.role == "learning_rate"
