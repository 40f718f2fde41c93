"""What the signs of a sheet stand for: from its forward equations, its words, and its habits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from derive.algebra.symbols import Label
from derive.reading.cursor import Cursor
from derive.reading.own import Bound
from derive.reading.scope import Scope
from derive.reading.words import FRACTIONS
from derive.sheets.binding import UNITS, form, known, put
from derive.sheets.customs import customary
from derive.sheets.findings import Key, Signs
from derive.sheets.forward import OF_LAYERS
from derive.sheets.legend import Said
from derive.sheets.samples import MEAN, gradient_means, is_mean, sums_samples
from derive.sheets.statements import (
    EQUALS,
    LOSS_LETTERS,
    Statement,
    Written,
    labelled,
    name_at,
    only_name,
    texts,
)
from derive.sheets.unit_names import UNIT, unit_names
from derive.writing.signs import Sign

_LOSSES = LOSS_LETTERS | {"R", "Q"}
_LOSS_FORMULA = r"\\log|\\ln|\^2|\^\{2\}|\\ell|\\text|\\mathcal|\\operatorname"
_TRANSPOSES = ("T", r"\top", r"\intercal", r"\mathsf{T}", r"\mathrm{T}", "t", "'")
_DIFFERENTIALS = ([r"\partial"], ["d"])


def bound_signs(
    signs: Signs, base: Scope, last: int, activations: frozenset[str] = frozenset()
) -> dict[Key, Bound]:
    """The signs that the notation does not have, or has in another sense."""
    made: dict[Key, Bound] = {}
    if not base.shapes and not any(f.affine for f in signs.forwards):
        return made  # lemmas about functions: no unit in sight
    made.update(unit_names(signs, base, last))
    numbered = last in (0, signs.depth)
    layered = {n.sign for n in signs.names if n.above and n.above not in _TRANSPOSES}
    called = {f.lhs.key for f in signs.forwards if f.called}
    weighed = {f.affine.below.sign for f in signs.forwards if f.affine is not None}
    bare = base.profile.labels.form == "bare"  # s_i^2 says its layer, and is no square
    sums = Counter((f.lhs.key, f.lhs.indices) for f in signs.forwards if f.affine is not None)
    shared = Counter(key for key, _ in sums)  # a_j and a_k: one sign in several layers
    inside: set[Key] = set()
    for found in signs.forwards:
        if found.function == "softmax" and any(
            m.role == "own" for m in base.meanings(found.lhs.sign)
        ):
            inside |= {found.arg.key} if found.arg is not None else set()
            continue  # in a layer of one's own
        if found.function == "softmax" and last:  # stands at the end
            for name, role in ((found.lhs, "activation"), (found.arg, "preactivation")):
                if name is not None and shared[name.key] > 1:
                    continue
                unlabelled = name is not None and not labelled(name, signs.below)
                number = name is not None and signs.layering.roles.get(name.key, ("", None))[1]
                if name is not None and bare and name.above and known(base, name.key, role):
                    continue
                if name is not None and unlabelled and number is None:
                    put(made, name.key, Bound(role, Label(last), form(name.key, role, signs)), base)
    active = any(t.role == "activation" for t in base.shapes)
    for key, (role, layer) in signs.layering.roles.items():
        if key in inside or any(m.form == "window" for m in base.meanings(key[0])):
            continue  # what lies under a kernel, whatever layer is written so
        if role == "activation" and not active and known(base, key, "preactivation"):
            continue  # z = tanh(...) in a layer of one's own: the network has no other output
        if known(base, key, "activation") and (
            (role == "input" and (not numbered or key[0] in layered))
            or (role == "preactivation" and key[0] in weighed)
        ):  # a line about some layer; the output of a linear one
            continue
        if bare and key[0] in layered and known(base, key, role):
            continue
        certain = layer is not None and (numbered or key in signs.layering.stated)
        label = Label(layer) if layer is not None and certain and role != "input" else None
        put(made, key, Bound(role, label, form(key, role, signs), called=key in called), base)
    for sign, below in sorted(called, key=str):  # h(x) for h_theta(x)
        if (sign, below) in made and below and not base.meanings(sign):
            made.setdefault((sign, ""), made[sign, below])
    for sign, function in signs.functions.items():
        if function in activations and not known(base, (sign, ""), "activation_function"):
            made.setdefault((sign, ""), Bound("function", None, function))
    for sign, function in signs.layering.functions.items():
        named = next((n for n, s in base.profile.functions.items() if s == sign), "")
        if any(n.sign == sign and n.indices and n.below not in OF_LAYERS for n in signs.names):
            continue  # a quantity
        other = bool(named and activations) and named not in activations  # sigma for a tanh
        meant = named in activations or known(base, (sign, ""), "activation_function")
        if function == "?" and (other or not meant):
            made.setdefault((sign, ""), Bound("activation_function"))
    for said in signs.said:
        letter = said.name.sign.letter
        if said.role == "activation" and known(base, said.name.key, "activation_function"):
            continue  # "the activation", for its function
        if not said.name.below and letter in "ijklmnpqrs" and said.role != "size":
            continue
        if said.name.above and known(base, said.name.key, "activation"):
            continue  # the input as the activation of layer 0
        odd = said.role == "loss" and str(said.name.sign) not in _LOSSES
        if odd or any(m.role == "own" for m in base.meanings(said.name.sign)):
            continue
        if said.name.key not in made and said.name.key not in signs.layering.roles:
            put(made, said.name.key, _of_words(said, signs, last), base)
    _entries(signs, made)
    _losses(signs, base, made)
    _sizes(signs, base, made)
    customary(signs, base, made, last)
    _entries(signs, made)  # of what custom says
    _vectors(signs, made)
    return made


def _vectors(signs: Signs, made: dict[Key, Bound]) -> None:
    """A bold z is the vector z of the forward equations, where no bold z bears a layer or an index.

    Those say which layer it belongs to; the notation has it for any.
    """
    bold = [n for n in signs.names if n.sign.style == "bold"]
    scripted = {n.sign for n in bold if n.indices or n.number}
    for sign in dict.fromkeys(n.sign for n in bold if not n.below):
        bound = made.get((replace(sign, style="italic"), ""))
        known = bound is not None and bound.role in (*UNITS, "weight", "bias")
        if bound is not None and known and bound.label is not None and sign not in scripted:
            made.setdefault((sign, ""), bound)


def _entries(signs: Signs, made: dict[Key, Bound]) -> None:
    """The entries of a bold h are h_j, those of W are w_ji."""
    used = {n.key for n in signs.names if n.indices and not n.below.isdigit()}
    for (sign, below), bound in list(made.items()):
        unit = bound.role in UNITS and (sign.style == "bold" or sign.accent == "vec")
        if below or not (unit or bound.role in ("weight", "bias")):
            continue
        plain = replace(sign, style="italic", accent="" if sign.accent == "vec" else sign.accent)
        for entry in (plain, replace(plain, letter=sign.letter.lower())):
            batch = bound.form == "batch"  # Y_{nk} of the samples in Y
            if (entry, "") in used and entry != sign and not (batch and entry != plain):
                made.setdefault((entry, ""), replace(bound, form="") if batch else bound)


def _of_words(said: Said, signs: Signs, last: int) -> Bound:
    label, role = None, said.role
    if role == "output" and any(n.key == said.name.key and labelled(n, signs.below)
                                for n in (said.name, *signs.names)):  # fmt: skip
        role = "activation"  # the output of every layer, since it has a layer
    if role in ("activation", "preactivation") and said.hidden and last == 2:
        label = Label(1)
    return Bound(role, label, form(said.name.key, role, signs))


def _losses(signs: Signs, base: Scope, made: dict[Key, Bound]) -> None:
    """A loss is a letter for it that is differentiated, or whose formula has a log or a square.

    Where the sheet speaks of one sample only, it is the loss of that sample.
    """
    found: dict[Key, None] = {}
    defined = False
    for statement in signs.statements:
        for name in _differentiated(statement):
            if str(name.sign) in _LOSSES and (not name.below or _is_sample(name, signs, base)):
                found.setdefault(name.key)
        lhs = only_name(statement.members[0])
        of_unit = lhs is not None and UNIT.fullmatch(lhs.below)  # E_{o1}, a part of the loss
        if lhs is None or of_unit or str(lhs.sign) not in _LOSSES or not statement.relations:
            continue
        text = texts(statement.members[1]) if statement.members[1] else ""
        if statement.relations[0] in EQUALS and re.search(_LOSS_FORMULA, text):
            found.setdefault(lhs.key)
            defined |= is_mean(text)
    several = defined or _many_samples(signs, made, base)
    several |= len({key for key in found if base.meanings(key[0])}) > 1
    mean = base.profile.roles["objective"].entry  # beside it the loss is always that of a sample
    apart = mean != base.profile.roles["loss"].entry and any(n.sign == mean for n in signs.names)
    sampled = {n.key for n in signs.names if n.key in found and _is_sample(n, signs, base)}
    sampled = set() if apart else sampled
    for key in found:
        told = known(base, key, "loss") or known(base, key, "objective")
        if key in sampled:  # E_n, beside which E is the loss of all samples
            made.setdefault((key[0], ""), Bound("loss", None, "sampled"))
        elif key not in made and not (told and several):
            made[key] = Bound("objective" if several else "loss")


def _is_sample(name: Written, signs: Signs, base: Scope) -> bool:
    """Whether the index of a loss counts samples: no unit bears it."""
    letter = name.below
    if len(letter) != 1 or not letter.islower() or letter == "t":
        return False
    unit = any(letter in n.indices and n.sign != name.sign for n in signs.names)
    return letter in (signs.sample, base.sample) or not unit


def _many_samples(signs: Signs, made: Mapping[Key, Bound], base: Scope) -> bool:
    """Whether the sheet speaks of more than one sample."""
    batch = any(b.form == "batch" for b in made.values())
    whole = (n for n in signs.names if n.key not in made and not n.indices)
    batch |= any(_is_batch(base, n.sign) for n in whole)
    size = any(b.role == "size" for b in made.values())
    losses = (n for n in signs.names if str(n.sign) in _LOSSES)
    sampled = any(n.indices and n.below not in ("t",) for n in losses)
    written = [texts(m) for s in signs.statements for m in s.members]
    letter = signs.sample or base.sample
    means = any(is_mean(text) or sums_samples(text, letter, base.samples) for text in written)
    return batch or size or sampled or means


def _is_batch(base: Scope, sign: Sign) -> bool:
    """Whether the sign is that of all samples in the notation, and of nothing else."""
    forms = {m.form for m in base.meanings(sign)}
    return forms == {"batch"}


def _differentiated(statement: Statement) -> Iterable[Written]:
    """The names above in derivatives, and those behind a nabla."""
    for member in statement.members:
        for k, token in enumerate(member):
            opening = [t.text for t in member[k + 1 : k + 3]]
            ahead = None
            if token.text in FRACTIONS and opening[:1] == ["{"] and opening[1:] in _DIFFERENTIALS:
                ahead = member[k + 3 :]
            elif token.text in (r"\partial", r"\nabla"):
                ahead = member[k + 1 :]
            if ahead:
                c = Cursor(list(ahead), ahead[-1].end)
                if token.text == r"\nabla" and c.take("_"):
                    c.argument()
                name = name_at(c)
                if name is not None:
                    yield name


def _sizes(signs: Signs, base: Scope, made: dict[Key, Bound]) -> None:
    """The letter by which means are divided is the number of samples."""
    batch = any(b.form == "batch" for b in made.values())
    if not batch and not gradient_means(signs.statements) and not signs.sample:
        return
    for statement in signs.statements:
        for member in statement.members:
            found = re.search(MEAN, texts(member))
            letter = next((g for g in found.groups() if g), "") if found else ""
            if letter and letter != base.samples and letter not in base.size_names:
                made.setdefault((Sign(letter), ""), Bound("size"))
