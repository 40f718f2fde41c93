"""How a sheet writes layers, iterations, products and derivatives: its own part of a scope."""

from __future__ import annotations

import re
from collections.abc import Mapping

from derive.reading.own import Bound, Own
from derive.reading.scope import Scope
from derive.sheets.findings import Key, Signs
from derive.sheets.indices import index_layers, role_in
from derive.sheets.samples import gradient_means, unit_means
from derive.sheets.signs import bound_signs
from derive.sheets.statements import Written, labelled, number_of, only_name

_EXPLICIT = (r"\odot", r"\circ", "*", r"\ast", r"\otimes", r"\bullet")


def own_of(signs: Signs, base: Scope, last: int, activations: frozenset[str] = frozenset()) -> Own:
    """The sheet's own part of a scope: its signs and how it writes layers, steps and products."""
    made = bound_signs(signs, base, last, activations)
    batch = any(b.form == "batch" for b in made.values())
    layers = index_layers(signs.names, signs.forwards, signs.below, base, made, last)
    return Own(
        signs=made,
        index_layers=layers,
        input_apart=_input_apart(signs, base, made, layers),
        unit_weights=any(len(w.indices) == 1 and not w.below.isdigit() for w in _weights(signs)),
        last=_last_letters(signs, base),
        beyond=_names_beyond(signs, base),
        layers=_layer_letters(signs, base),
        turned=_turned(signs),
        below=signs.below,
        places=_has_places(signs, base),
        brackets=_brackets(signs),
        bare=_bare(signs),
        sample=signs.sample,
        words=frozenset(n.sign.letter for n in signs.names if n.sign.style == "text"),
        steps=_steps(signs),
        differentials=_differentials(signs, base, made),
        gradient_of="objective" if batch or gradient_means(signs.statements) else "loss",
        unit_means=unit_means(signs.statements, signs.parameters),
        fitting=_fitting(signs),
        outer=_outer(signs),
    )


def _input_apart(
    signs: Signs, base: Scope, made: Mapping[Key, Bound], layers: Mapping[str, int]
) -> bool:
    """Whether the input has a sign of its own, and no sum is over the units of any layer."""
    below = [f.affine.below for f in signs.forwards if f.affine is not None]
    roles = [(role_in(name, base, made), name.indices) for name in below]
    anywhere = any(
        role == "activation" and any(layers.get(i) == 0 for i in indices) for role, indices in roles
    )
    return not anywhere and any(role == "input" and indices for role, indices in roles)


def _weights(signs: Signs) -> list[Written]:
    """The weights of the forward equations that do not say their layer."""
    found = [f.affine.weight for f in signs.forwards if f.affine is not None]
    return [w for w in found if not labelled(w, signs.below)]


def _names_beyond(signs: Signs, base: Scope) -> bool:
    """Whether a layer behind L is spoken of: W^{(L+1)}."""
    lasts = [letter for letter, kind in base.layer_letters.items() if kind == "L"]
    return any(n.number.startswith(f"{letter}+") for letter in lasts for n in signs.names)


def _last_letters(signs: Signs, base: Scope) -> frozenset[str]:
    """Letters that stand as a layer above a symbol, and are neither the generic one nor known."""
    known = {*base.layer_letters, "t", "n", "i", "j", "m", "s", "p", "q", "d"}
    found: dict[str, int] = {}
    for name in signs.names:
        letter = re.match(r"[A-Z]", name.number)
        fenced = name.above[:1] in ("(", "[")
        if letter and fenced and letter[0] not in known:
            found[letter[0]] = found.get(letter[0], 0) + 1
        elif name.number == "l" and fenced and _layer_letters(signs, base):
            found["l"] = 1  # k is any layer and l the last one
    return frozenset(found)


def _layer_letters(signs: Signs, base: Scope) -> frozenset[str]:
    """Letters for any layer: h^{(k-1)} stands beside W^{(k)}."""
    weights = {k for k, (role, _) in signs.layering.roles.items() if role == "weight"}
    plain = {n.number for n in signs.names if n.key in weights and len(n.number) == 1}
    shifted = {n.number[0] for n in signs.names if re.fullmatch(r"[a-z][+-]\d", n.number)}
    return frozenset(plain & shifted - {*base.layer_letters, signs.sample, "t"})


def _turned(signs: Signs) -> frozenset[int]:
    """Layers whose weight matrix stands transposed in the forward equation, and others do not."""
    ways: dict[int, bool] = {}
    for forward in signs.forwards:
        affine = forward.affine
        if affine is None or (affine.weight.indices and not affine.weight.below.isdigit()):
            continue
        number = number_of(affine.weight, signs.below)
        number = (
            signs.layering.roles.get(affine.weight.key, ("", None))[1] if number is None else number
        )
        if number is not None:
            ways.setdefault(number, affine.transposed)
    return frozenset(k for k, turned in ways.items() if turned and not all(ways.values()))


def _bare(signs: Signs) -> bool:
    """Whether layers stand above their signs without parentheses: z^l, or W^2 in z^2 = W^2 a^1."""
    if any(n.above[:1] in ("(", "[") and n.number for n in signs.names):
        return False
    weights = [f.affine.weight for f in signs.forwards if f.affine is not None]
    numbered = any(re.fullmatch(r"\{?\d\}?", weight.above) for weight in weights)
    lone = r"\{?(?:l|\\ell|L)(?:[+-]\d)?\}?"
    return numbered or any(re.fullmatch(lone, n.above) for n in signs.names)


def _has_places(signs: Signs, base: Scope) -> bool:
    r"""Whether \delta_{c,p} is the error at a place of a channel, and no Kronecker delta.

    So it is where all layers have such places, and where an equation begins with it.
    """
    ranks = {len(shape) for tensor, shape in base.shapes.items() if tensor.role == "delta"}
    layered = any(str(name.sign) == "delta" and name.number for name in signs.names)
    if 2 not in ranks or layered:  # beside a delta with a layer, one without is Kronecker's
        return False
    first = [only_name(s.members[0]) for s in signs.statements if s.relations]
    begun = any(n is not None and str(n.sign) == "delta" and len(n.indices) == 2 for n in first)
    return begun or ranks == {2}


def _brackets(signs: Signs) -> bool:
    """Whether layers stand in square brackets: W^{[1]}."""
    weights = {k for k, (role, _) in signs.layering.roles.items() if role in ("weight", "bias")}
    return any(n.key in weights and n.above.startswith("[") for n in signs.names)


def _steps(signs: Signs) -> str:
    """The letter of iterations: W_{t+1} = W_t - ..."""
    for name in signs.names:
        found = re.fullmatch(r"([tk]|\\tau)\+1", name.below)
        if found and any(n.sign == name.sign and n.below == found[1] for n in signs.names):
            return found[1]
    return ""


def _differentials(signs: Signs, base: Scope, made: Mapping[Key, Bound]) -> bool:
    """Whether some statement begins with dW = ..., d and a symbol: the derivative by it.

    Not so in sheets that begin one with the differential of the loss itself, dL = ..., nor where
    the d is upright.
    """
    found = False
    for statement in signs.statements:
        first = statement.members[0]
        if statement.relations and len(first) > 1 and first[0].text == "d":
            rest = only_name(first[1:])
            if rest is not None and role_in(rest, base, made) in ("loss", "objective"):
                return False
            italic = first[0].end - first[0].start == 1
            found = found or (rest is not None and italic)
    return found


def _fitting(signs: Signs) -> frozenset[str]:
    """Signs that are taken entry by entry where nothing else in the sheet is such a sign."""
    used = {t.text for s in signs.statements for m in s.members for t in m}
    return frozenset() if used & set(_EXPLICIT) else frozenset(("", "cdot", "times"))


def _outer(signs: Signs) -> frozenset[str]:
    r"""Whether \otimes stands between an error and an input, and so makes a matrix."""
    weights = {k[0].letter for k, (role, _) in signs.layering.roles.items() if role == "weight"}
    weights |= {"W", "w"}
    for statement in signs.statements:
        outer = any(t.text == r"\otimes" for member in statement.members[1:] for t in member)
        if outer and any(t.text.lstrip("\\") in weights for t in statement.members[0]):
            return frozenset(("otimes",))
    return frozenset()
