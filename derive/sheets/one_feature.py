r"""Batch normalisation told for one feature: \mu, x_i and y_i with the sample as the only index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.reading.own import Bound, Definition, Own, symbol
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Num, Root
from derive.sheets.findings import Key, Signs
from derive.sheets.samples import is_mean
from derive.sheets.statements import EQUALS, LOSS_LETTERS, Written, names_in, only_name, texts

_EPSILON = ("epsilon", "varepsilon")


@dataclass(frozen=True)
class Normalised:
    """A layer of batch normalisation of the network."""

    label: Label
    of_input: bool  # whether it takes the input itself
    epsilon: Fraction


@dataclass(frozen=True)
class Feature:
    """The signs of the sheet for one feature."""

    mean: Written
    variance: Written
    of: Written
    hat: Written
    made: Written
    scale: Written
    shift: Written
    sample: str


def one_feature(signs: Signs) -> Feature | None:
    """The four equations of a batch normalisation whose only index is the sample."""
    found: dict[str, Written] = {}
    for statement in signs.statements:
        lhs = only_name(statement.members[0])
        if lhs is None or statement.relations[:1] not in {(sign,) for sign in EQUALS}:
            continue
        text, names = texts(statement.members[1]), names_in(statement.members[1])
        plain = [n for n in names if n.sign.letter not in _EPSILON]
        if r"\partial" in text or not plain:
            continue
        if is_mean(text) and r"\sum" in text and "mean" in found and "^2" in text.replace("{", ""):
            found.setdefault("variance", lhs)
        elif is_mean(text) and r"\sum" in text and plain[-1].indices:
            found.setdefault("mean", lhs)
            found.setdefault("of", plain[-1])
        elif r"\sqrt" in text and "of" in found and plain[0].sign == found["of"].sign:
            found.setdefault("hat", lhs)
        elif "hat" in found and [n.sign for n in plain[:2]].count(found["hat"].sign) == 1:
            found |= _affine(lhs, plain, found["hat"]) if "+" in text else {}
    if len(found) < len(Feature.__dataclass_fields__) - 1 or len(found["of"].indices) != 1:
        return None
    return Feature(**found, sample=found["of"].indices[0])


def _affine(lhs: Written, names: list[Written], hat: Written) -> dict[str, Written]:
    """y = gamma h + beta."""
    if len(names) != 3:
        return {}
    scale = names[1] if names[0].sign == hat.sign else names[0]
    return {"made": lhs, "scale": scale, "shift": names[2]}


def with_one_feature(own: Own, signs: Signs, base: Scope, told: Feature, layer: Normalised) -> Own:
    """The sheet's own part of a scope with the signs of the one feature."""
    label = layer.label
    below = Bound("input") if layer.of_input else Bound("activation", Label(label.offset - 1))
    made: dict[Key, Bound] = {**own.signs, _key(told.of): below}
    definitions = dict(own.definitions)
    for name, letter in ((told.mean, "m"), (told.hat, "h"), (told.scale, "gamma"),
                         (told.shift, "beta")):  # fmt: skip
        made[_key(name)] = Bound("own", label, letter=letter)
    made[_key(told.made)] = Bound("preactivation", label)
    variance = Entry("own", "v", label, form="whole")
    key = _key(told.variance)
    if told.variance.above.strip("{}") == "2":  # the variance is the square of its sign
        made[key] = Bound("user", letter=symbol(*key))
        definitions[symbol(*key)] = Definition((), None, Root(variance))
    else:
        made[key] = Bound("own", label, letter="v")
    for name in signs.names:
        if name.sign.letter in _EPSILON:
            made[name.sign, ""] = Bound("user", letter=str(name.sign))
            definitions[str(name.sign)] = Definition((), None, Num(layer.epsilon))
        elif str(name.sign) in LOSS_LETTERS and not name.below:
            made[name.key] = Bound("objective")
    return replace(own, signs=made, definitions=definitions, lone_unit=True, index_layers={})


def _key(name: Written) -> Key:
    """The sign, with what belongs to it below: mu_B."""
    return name.sign, "" if name.indices else name.below
