r"""Gradients under a short name: g_v for the derivative of the loss by v, whatever v is."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from derive.reading.own import Bound, Definition, Own, symbol
from derive.reading.scope import Scope
from derive.reading.tree import Derivative, Entry
from derive.sheets.findings import Signs
from derive.sheets.statements import only_name, texts
from derive.writing.signs import Sign

ENOUGH = 3  # quantities by which there is one
_GRADIENT = re.compile(r"\\(?:frac|partial|nabla|mathrm|tfrac|dfrac)")
_BY = ("input", "output", "preactivation", "activation", "weight", "bias", "own")


def gradient_name(signs: Signs) -> Sign | None:
    """The sign of gradients, whose subscript is the quantity: told by g_v = dL/dv, or by use."""
    for statement in signs.statements:
        lhs = only_name(statement.members[0])
        if lhs is None or len(statement.members) < 2 or not re.fullmatch("[A-Za-z]", lhs.below):
            continue
        text = texts(statement.members[1]).replace("{", "").replace("}", "")
        by = re.search(r"\\partial([A-Za-z])$|\\nabla_([A-Za-z])", text)
        if _GRADIENT.match(text) and by and (by[1] or by[2]) == lhs.below:
            return lhs.sign
    written = {n.sign.letter for n in signs.names if not n.below}
    counts = Counter(
        n.sign
        for n in dict.fromkeys(signs.names)
        if n.below in written and len(n.below) == 1 and not n.above
    )
    sign, count = max(counts.items(), key=lambda pair: pair[1], default=(Sign("g"), 0))
    return sign if count >= ENOUGH and sign.letter in ("g", "delta", "d", "G", "e") else None


def short_gradients(own: Own, signs: Signs, base: Scope, sign: Sign) -> Own:
    """The sheet's own part of a scope in which g_v is the derivative of the loss by v."""
    made, definitions = dict(own.signs), dict(own.definitions)
    own_places = (n.below for n in signs.names if n.sign == sign and len(n.below) == 1)
    for below in dict.fromkeys(own_places):
        quantity = made.get((Sign(below), ""))
        if quantity is None:
            roles = [m for m in base.meanings(Sign(below)) if m.role in _BY]
            quantity = Bound(roles[0].role) if roles else None
        if quantity is None or quantity.role not in _BY:
            continue
        form = quantity.form or "whole"
        by = Entry(quantity.role, quantity.letter, quantity.label, form=form)
        letter = symbol(sign, below)
        made[sign, below] = Bound("user", letter=letter)
        of = Entry(own.gradient_of, "", None)
        definitions[letter] = Definition((), None, Derivative(of, (by,)))
    return replace(own, signs=made, definitions=definitions)
