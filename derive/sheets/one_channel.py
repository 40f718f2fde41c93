r"""A convolution with one channel, which bears no index: s_{p,q} = \sum w_{u,v} x_{p+u,q+v}.

Such a sheet speaks of the layer that moves the window, whatever the network has behind it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from derive.algebra.symbols import Label
from derive.reading.own import Bound, Own
from derive.reading.scope import Scope
from derive.sheets.findings import Key, Signs
from derive.sheets.statements import EQUALS, Written, names_in, only_name, texts

_SHIFTED = re.compile(r"(?:\\[A-Za-z]+|[A-Za-z])[+-](?:\\[A-Za-z]+|[A-Za-z])")


def windowed(signs: Signs) -> tuple[Written, Written, Written, Written | None] | None:
    """What a sum over shifted places makes, its kernel, what lies under it, and the bias."""
    for statement in signs.statements:
        lhs = only_name(statement.members[0])
        if lhs is None or statement.relations[:1] not in {(sign,) for sign in EQUALS}:
            continue
        text = texts(statement.members[1])
        if r"\partial" in text or not text.startswith((r"\sum", lhs.sign.letter, "b", "c")):
            continue
        names = names_in(statement.members[1])
        under = [n for n in names if _SHIFTED.search(n.below)]
        kernels = [n for n in names if n.below and n not in under]
        biases = [n for n in names if not n.below]
        if r"\sum" in text and len(under) == len(kernels) == 1 and len(biases) < 2:
            return lhs, kernels[0], under[0], biases[0] if biases else None
    return None


def shifts(signs: Signs) -> bool:
    """Whether a kernel moves over places with nothing added: x_{k,p+u}, not x_{k,p+u-1}."""
    places = [part for n in signs.names for part in n.below.split(",") if _SHIFTED.search(part)]
    return any(_SHIFTED.fullmatch(part.strip()) for part in places)


def one_channel(own: Own, signs: Signs, base: Scope, label: Label, first: bool) -> Own:
    """The sheet's own part of a scope with the signs of the convolution."""
    found = windowed(signs)
    if found is None:
        return own
    lhs, kernel, under, bias = found
    made: dict[Key, Bound] = {k: b for k, b in own.signs.items() if b.role in ("loss", "objective")}
    below = Bound("input") if first else Bound("activation", Label(label.offset - 1))
    made |= {
        (lhs.sign, ""): Bound("preactivation", label),
        (kernel.sign, ""): Bound("weight", label),
        (under.sign, ""): below,
    }
    if bias is not None:
        made[bias.sign, ""] = Bound("bias", label)
    for forward in signs.forwards:
        if forward.arg is not None and forward.arg.sign == lhs.sign:
            made[forward.lhs.sign, ""] = Bound("activation", label)
    return replace(own, signs={**own.signs, **made}, one_channel=True, index_layers={}, sample="")
