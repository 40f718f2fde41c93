"""Units that have names of their own, as in examples by numbers: net_{h1}, out_{o2}, w_5.

h1 is the first hidden unit, o2 the second output; w_5 is what the weighted sums of the sheet show:
the weight between the two units beside it.
"""

from __future__ import annotations

import re

from derive.algebra.symbols import Label
from derive.reading.own import Bound
from derive.reading.scope import Meaning, Scope
from derive.sheets.findings import Key, Signs
from derive.sheets.statements import EQUALS, Statement, Written, names_in, only_name
from derive.sheets.summands import summands
from derive.writing.signs import Sign

UNIT = re.compile(r"([ho])_?(\d)")
_ROLES = {"net": "preactivation", "out": "activation", "o": "activation", "target": "target",
          "t": "target", "y": "target", "delta": "delta"}  # fmt: skip


def unit_names(signs: Signs, base: Scope, last: int) -> dict[Key, Bound]:
    """Signs at named units, and the weights and biases between them."""
    if last != 2 or not {found[1] for n in signs.names if (found := UNIT.fullmatch(n.below))} > {
        "h"
    }:
        return {}
    made: dict[Key, Bound] = {}
    for name in signs.names:
        unit = UNIT.fullmatch(name.below)
        role = _role(name.sign, base) if unit else ""
        if unit and role:
            label = None if role == "target" else Label(1 if unit[1] == "h" else last)
            made[name.sign, name.below] = Bound(role, label, places=(int(unit[2]),))
    for statement in signs.statements:
        _weights(statement, made, base)
    _numbered_on(made, base)
    return made


def _role(sign: Sign, base: Scope) -> str:
    if sign.letter in _ROLES:
        return _ROLES[sign.letter]
    roles = [m.role for m in base.meanings(sign)]
    return next((r for r in roles if r in ("preactivation", "activation", "delta", "target")), "")


def _weights(statement: Statement, made: dict[Key, Bound], base: Scope) -> None:
    """net_{o1} = w_5 out_{h1} + w_6 out_{h2} + b_2: each weight stands beside its unit."""
    lhs = only_name(statement.members[0])
    into = None if lhs is None else made.get((lhs.sign, lhs.below))
    if lhs is None or into is None or into.role != "preactivation" or into.label is None:
        return
    if statement.relations[:1] not in {(sign,) for sign in EQUALS}:
        return
    below = into.label.offset - 1
    for _, part in summands(statement.members[1]):
        factors = [n for n in names_in(tuple(part)) if n.sign.letter.isalpha()]
        plain = [n for n in factors if n.below.isdigit()]
        if len(factors) == 1 and plain:
            made.setdefault(_key(plain[0]), Bound("bias", into.label, places=into.places))
        if len(factors) != 2 or not plain:
            continue
        unit = next((n for n in factors if made.get((n.sign, n.below))), None)
        if unit is None and below == 0 and len(plain) == 2:  # w_1 i_1
            weight, source = plain if plain[0].sign.letter in "wWv" else plain[::-1]
            made.setdefault(_key(source), Bound("input", None, places=(int(source.below),)))
        else:
            weight, source = plain[0], unit or plain[0]
        found = made.get((source.sign, source.below))
        if found is not None and weight is not source:
            out, inside = into.places, found.places
            places = (*out, *inside) if base.out_first else (*inside, *out)
            made.setdefault(_key(weight), Bound("weight", into.label, places=places))


def _key(name: Written) -> Key:
    return name.sign, name.below


def _numbered_on(made: dict[Key, Bound], base: Scope) -> None:
    """Weights that the sheet does not show are numbered on, unit after unit: w_3, w_4."""
    for (sign, _), first in list(made.items()):
        if first.role != "weight" or first.label is None or set(first.places) != {1}:
            continue
        shape = base.shape(Meaning("weight", "entry"), first.label)
        sizes = [n for n in shape or () if isinstance(n, int)]
        start = next(int(b) for (s, b), bound in made.items() if s == sign and bound == first)
        if len(sizes) != 2:
            continue
        inputs, units = sizes
        told = {
            int(b): bound.places
            for (s, b), bound in made.items()
            if s == sign and bound.label == first.label
        }
        on = {}
        for unit in range(units):
            for source in range(inputs):
                pair = (unit + 1, source + 1) if base.out_first else (source + 1, unit + 1)
                on[start + unit * inputs + source] = pair
        if all(on.get(number) == places for number, places in told.items()):
            for number, places in on.items():
                made.setdefault((sign, str(number)), Bound("weight", first.label, places=places))
