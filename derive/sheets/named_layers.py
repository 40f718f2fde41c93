"""Layers that have a letter for a name: W_e and W_d of an encoder and a decoder, b_h, delta^o."""

from __future__ import annotations

import re
from dataclasses import replace

from derive.algebra.symbols import Label
from derive.reading.own import Bound, Own
from derive.reading.scope import Scope
from derive.sheets.findings import Signs
from derive.sheets.statements import only_name
from derive.writing.signs import Sign

_ABOVE = re.compile(r"[({]*([ho])[)}]*T?")
_DELTA = Sign("Delta")
_ROLES = ("delta", "error", "preactivation", "activation", "bias")


def named_layers(own: Own, signs: Signs, base: Scope) -> Own:
    """What bears the name of a layer belongs to it: delta_d beside W_d."""
    layers: dict[str, Label] = {}
    for (_, below), bound in own.signs.items():
        if bound.role == "weight" and below and bound.label is not None:
            layers[below] = bound.label
    made = dict(own.signs)
    for name in signs.names:
        label = layers.get(name.below)
        if label is None or (name.sign, name.below) in made or name.number:
            continue
        roles = [m.role for m in base.meanings(name.sign)]
        role = next((r for r in _ROLES if r in roles), "")
        if role:
            made[name.sign, name.below] = Bound(role, label)
    return replace(own, signs=made)


def names_above(signs: Signs) -> bool:
    """Whether h and o stand above signs as the hidden layer and that of the output."""
    found = {m[1] for n in signs.names if (m := _ABOVE.fullmatch(n.above))}
    return bool(found)


def named_above(own: Own, signs: Signs, base: Scope) -> Own:
    """h and o above are layers of a network with one hidden layer."""
    return replace(own, layer_names={"h": 1, "o": 2}, bare=True)


def capital_delta(signs: Signs) -> bool:
    r"""Whether \Delta_k has a formula of its own, and so is no change of what stands behind it."""
    for statement in signs.statements:
        lhs = only_name(statement.members[0])
        if lhs is not None and lhs.sign == _DELTA and len(lhs.indices) == 1:
            return not any(t.text in (r"\eta", r"\alpha") for t in statement.members[1])
    return False


def with_capital_delta(own: Own, signs: Signs, base: Scope, last: int) -> Own:
    r"""\Delta_k is the delta of the last layer, beside \delta_j of those below."""
    return replace(own, signs={**own.signs, (_DELTA, ""): Bound("delta", Label(last))})
