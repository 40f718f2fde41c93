r"""Biases that a sheet keeps among its weights: h = \sigma(W \tilde x) with \tilde x = (1, x).

Such a W is the matrix of blocks (b | W) of the network; entries have an index more, 0 or n + 1.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.reading.own import Bound, Definition, Own, symbol
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Grid, Node, Num
from derive.sheets.findings import Signs
from derive.sheets.forward import EXTENDED
from derive.sheets.indices import role_in

_ONE = Num(Fraction(1))


def absorbs(signs: Signs, biased: bool) -> bool:
    """Whether weighted sums have no bias, though the layers of the network have one."""
    affine = [f.affine for f in signs.forwards if f.affine is not None]
    return biased and bool(affine) and all(a.bias is None for a in affine)


def absorbed(own: Own, signs: Signs, base: Scope) -> Own:
    """The sheet's own part of a scope with weights that hold the biases."""
    made, definitions = dict(own.signs), dict(own.definitions)
    for name in signs.names:  # \hat o_i is o_i, and 1 behind the last
        if name.sign.accent in EXTENDED and name.indices:
            plain = replace(name, sign=replace(name.sign, accent=""))
            role = role_in(plain, base, made)
            found = made.get(plain.key) or (Bound(role) if role else None)
            if found is not None and found.role in ("input", "activation", "output"):
                role = "activation" if found.role == "output" else found.role
                made[name.key] = replace(found, role=role)
    for forward in signs.forwards:
        affine = forward.affine
        if affine is None or affine.weight.indices or affine.weight.above:
            continue
        weight = made.get(affine.weight.key)
        label = weight.label if weight is not None else signs.layering.roles.get(
            affine.weight.key, ("", None))[1]  # fmt: skip
        label = Label(label) if isinstance(label, int) else label
        if label is None or label.base:
            continue
        unit = made.get(affine.below.key) or Bound("input")
        of = Entry(unit.role, "", unit.label, form="whole")
        bias, inner = (Entry(r, "", label, form="whole") for r in ("bias", "weight"))
        first = affine.weight_first
        blocks: tuple[tuple[tuple[Node, ...], ...], ...] = (
            (((bias, inner),), ((_ONE,), (of,))) if first else (((bias,), (inner,)), ((_ONE, of),))
        )
        sign = affine.below.sign
        for key, rows in (
            (affine.weight.key, blocks[0]),
            *(
                ((replace(sign, accent=accent), affine.below.key[1]), blocks[1])
                for accent in EXTENDED
            ),
        ):
            letter = symbol(*key)
            made[key] = Bound("user", letter=letter)
            definitions[letter] = Definition((), None, Grid(rows))
    return replace(own, signs=made, definitions=definitions, absorbed=True)
