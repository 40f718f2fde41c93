"""What the signs of a sheet stand for: from its forward equations, its words, and its habits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from derive.latex_macros import Macros
from derive.latex_tokens import Token
from derive.reading_cursor import Cursor
from derive.reading_own import Bound, Own
from derive.reading_scope import Scope
from derive.reading_words import FRACTIONS
from derive.sheet import Formula, Part
from derive.sheet_forward import Forward, Layering, all_names, forwards, labelled, layers_below
from derive.sheet_indices import index_layers, role_in
from derive.sheet_legend import Said, legend
from derive.sheet_statements import (
    EQUALS,
    Statement,
    Written,
    name_at,
    only_name,
    statements,
    texts,
)
from derive.signs import Sign
from derive.symbols import Label

Key = tuple[Sign, str]
UNITS = ("input", "output", "preactivation", "activation", "target", "delta", "error")
_LOSSES = frozenset("LJECRQ") | {"ell", "cal L", "cal J", "cal E", "cal C"}
_LOSS_FORMULA = r"\\log|\\ln|\^2|\^\{2\}|\\ell|\\text|\\mathcal|\\operatorname"
_DIFFERENTIALS = ([r"\partial"], ["d"])
_MEAN = r"\\frac\{-?1\}\{2?([NmnMBP])\}|1/2?([NmnMBP])(?![a-z_^])"
_SPELLED = {"net": "preactivation", "out": "activation", "target": "target", "in": "preactivation"}


@dataclass
class Signs:
    """Everything that the sheet says of its signs, whatever the notation."""

    statements: list[Statement]
    forwards: list[Forward]
    said: list[Said]
    names: list[Written]
    below: bool
    layering: Layering = field(default_factory=Layering)

    @property
    def depth(self) -> int:
        """The number of layers that the forward equations number themselves."""
        return max((k for _, k in self.layering.roles.values() if k is not None), default=0)


def signs_of(parts: tuple[Part, ...], macros: Macros) -> Signs:
    """Look through the parts of a sheet, or of a section."""
    formulas = [p for p in parts if isinstance(p, Formula) and p.language == "latex"]
    made = [s for f in formulas for s in statements(f, macros)]
    found = forwards(made)
    signs = Signs(made, found, legend(parts, macros), all_names(made), layers_below(found))
    signs.layering.run(found, signs.below)
    return signs


# -------------------------------------------------------------------- bound signs


def bound_signs(
    signs: Signs, base: Scope, last: int, activations: frozenset[str] = frozenset()
) -> dict[Key, Bound]:
    """The signs that the notation does not have, or has in another sense."""
    made: dict[Key, Bound] = {}
    if not base.shapes and not any(f.affine for f in signs.forwards):
        return made  # lemmas about functions: no unit in sight
    numbered = last in (0, signs.depth)
    layered = {n.sign for n in signs.names if n.above}
    weighed = {f.affine.below.sign for f in signs.forwards if f.affine is not None}
    for key, (role, layer) in signs.layering.roles.items():
        if _known(base, key, "activation") and (
            (role == "input" and (not numbered or key[0] in layered))
            or (role == "preactivation" and key[0] in weighed)
        ):  # a line about some layer; the output of a linear one
            continue
        label = Label(layer) if layer is not None and numbered and role != "input" else None
        _put(made, key, Bound(role, label, _form(key, role, signs)), base)
    for found in signs.forwards:
        if found.function == "softmax" and last:  # stands at the end
            for name, role in ((found.lhs, "activation"), (found.arg, "preactivation")):
                unlabelled = name is not None and not labelled(name, signs.below)
                if name is not None and unlabelled and name.key not in signs.layering.roles:
                    _put(
                        made, name.key, Bound(role, Label(last), _form(name.key, role, signs)), base
                    )
    for sign, function in signs.layering.functions.items():
        named = next((n for n, s in base.profile.functions.items() if s == sign), "")
        other = bool(named and activations) and named not in activations  # sigma for a tanh
        if function == "?" and (other or not _known(base, (sign, ""), "activation_function")):
            made.setdefault((sign, ""), Bound("activation_function"))
    for said in signs.said:
        letter = said.name.sign.letter
        if not said.name.below and letter in "ijklmnpqrs" and said.role != "size":
            continue
        if said.name.above and _known(base, said.name.key, "activation"):
            continue  # the input as the activation of layer 0
        odd = said.role == "loss" and str(said.name.sign) not in _LOSSES
        if odd or any(m.role == "own" for m in base.meanings(said.name.sign)):
            continue
        if said.name.key not in made and said.name.key not in signs.layering.roles:
            _put(made, said.name.key, _of_words(said, signs, last), base)
    _losses(signs, base, made)
    _sizes(signs, base, made)
    _habits(signs, base, made, last)
    return made


def _put(made: dict[Key, Bound], key: Key, bound: Bound, base: Scope) -> None:
    sign = key[0]
    roles = {m.role for m in base.meanings(sign)}
    if bound.label is None and not key[1] and _known(base, key, bound.role):
        return
    if "own" in roles or (roles == {"output"} and bound.role == "activation"):
        return  # the network's own array, and the output by its own letter
    if bound.role in ("weight", "bias") and roles & {"input", "target"}:
        return  # x W and W x: what stands beside it is the weight
    computed = bound.role in ("weight", "bias", "preactivation", "activation")
    if key[1] and bound.role in roles and bound.role in UNITS and len(key[1]) <= 3:
        return  # letters of indices
    if computed and (roles & {"delta", "error"} or sign in base.profile.functions.values()):
        return
    made.setdefault(key, bound)


def _known(base: Scope, key: Key, role: str) -> bool:
    """Whether the notation reads the sign in this role."""
    roles = {m.role for m in base.meanings(key[0])}
    if role in ("input", "output"):
        return roles == {role}
    return role in roles or (role == "activation" and roles == {"output"})


def _form(key: Key, role: str, signs: Signs) -> str:
    """Capital letters without indices are whole batches, where the input is one."""
    return (
        "batch" if role in UNITS and key[0].letter[:1].isupper() and _is_whole(key, signs) else ""
    )


def _is_whole(key: Key, signs: Signs) -> bool:
    uses = [n for n in signs.names if n.key == key]
    return not any(n.indices and not (signs.below and n.below.isdigit()) for n in uses)


def _of_words(said: Said, signs: Signs, last: int) -> Bound:
    label, role = None, said.role
    if role == "output" and any(n.key == said.name.key and labelled(n, signs.below)
                                for n in (said.name, *signs.names)):  # fmt: skip
        role = "activation"  # the output of every layer, since it has a layer
    if role in ("activation", "preactivation") and said.hidden and last == 2:
        label = Label(1)
    return Bound(role, label, _form(said.name.key, role, signs))


def _losses(signs: Signs, base: Scope, made: dict[Key, Bound]) -> None:
    """A loss is a letter for it that is differentiated, or whose formula has a log or a square.

    Where the sheet speaks of one sample only, it is the loss of that sample.
    """
    found: dict[Key, None] = {}
    defined = False
    for statement in signs.statements:
        for name in differentiated(statement):
            if str(name.sign) in _LOSSES and not name.below:
                found.setdefault(name.key)
        lhs = only_name(statement.members[0])
        if lhs is None or str(lhs.sign) not in _LOSSES or not statement.relations:
            continue
        text = texts(statement.members[1]) if statement.members[1] else ""
        if statement.relations[0] in EQUALS and re.search(_LOSS_FORMULA, text):
            found.setdefault(lhs.key)
            defined |= is_mean(text)
    several = defined or _many_samples(signs, made)
    several |= len({key for key in found if base.meanings(key[0])}) > 1
    for key in found:
        known = _known(base, key, "loss") or _known(base, key, "objective")
        if key not in made and not (known and several):
            made[key] = Bound("objective" if several else "loss")


def _many_samples(signs: Signs, made: Mapping[Key, Bound]) -> bool:
    """Whether the sheet speaks of more than one sample."""
    batch = any(b.form == "batch" for b in made.values())
    size = any(b.role == "size" for b in made.values())
    losses = (n for n in signs.names if str(n.sign) in _LOSSES)
    sampled = any(n.indices and n.below not in ("t",) for n in losses)
    means = any(is_mean(texts(m)) for s in signs.statements for m in s.members)
    return batch or size or sampled or means


def differentiated(statement: Statement) -> Iterable[Written]:
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
    if not batch and not _gradient_means(signs) and not _sample_letter(signs):
        return
    for statement in signs.statements:
        for member in statement.members:
            found = re.search(_MEAN, texts(member))
            letter = next((g for g in found.groups() if g), "") if found else ""
            if letter and letter != base.samples:
                made.setdefault((Sign(letter), ""), Bound("size"))


def is_mean(text: str) -> bool:
    """Whether a formula divides by the number of samples."""
    return bool(re.search(_MEAN, text))


def _habits(signs: Signs, base: Scope, made: dict[Key, Bound], last: int) -> None:
    """Hats for outputs, words for quantities, and what stands in a difference with an output."""
    output = Bound("activation", Label(last)) if last else Bound("output")
    keys = dict.fromkeys(n.key for n in signs.names)
    for key in keys:
        sign = key[0]
        if key in made or key[1]:
            continue
        if sign.accent == "hat" and sign.letter in "ytopY" and not base.meanings(sign):
            made[key] = Bound(output.role, output.label, _form(key, "output", signs))
        if sign.style in ("text", "roman") and sign.letter in _SPELLED:
            _put(made, key, Bound(_SPELLED[sign.letter]), base)
    for a, b in _differences(signs):
        for unit, other in ((a, b), (b, a)):
            if other.key in made or base.meanings(other.sign):
                continue
            role = role_in(unit, base, made)
            linear = made.get(unit.key) == Bound("preactivation", Label(last))
            known = role in ("activation", "output") or linear
            if known and other.indices == unit.indices:
                made[other.key] = Bound("target", None, _form(other.key, "target", signs))


def _differences(signs: Signs) -> Iterable[tuple[Written, Written]]:
    """Pairs of names with a minus between them."""
    for statement in signs.statements:
        for member in statement.members:
            yield from _pairs(member)


def _pairs(member: tuple[Token, ...]) -> Iterable[tuple[Written, Written]]:
    if not member:
        return
    c = Cursor(list(member), member[-1].end)
    before: Written | None = None
    while not c.done:
        if c.peek().text == "-" and before is not None:
            c.next()
            name = name_at(c)
            if name is not None:
                yield before, name
            before = name
            continue
        before = None if c.peek().text == "{" else name_at(c)
        if before is None:
            c.next()


# -------------------------------------------------------------------- habits of writing


def own_of(signs: Signs, base: Scope, last: int, activations: frozenset[str] = frozenset()) -> Own:
    """The sheet's own part of a scope: its signs and how it writes layers, steps and products."""
    made = bound_signs(signs, base, last, activations)
    batch = any(b.form == "batch" for b in made.values())
    return Own(
        signs=made,
        index_layers=index_layers(signs.names, signs.forwards, signs.below, base, made, last),
        last=_last_letters(signs, base),
        below=signs.below,
        brackets=_brackets(signs),
        sample=_sample_letter(signs),
        words=frozenset(n.sign.letter for n in signs.names if n.sign.style == "text"),
        steps=_steps(signs),
        differentials=_differentials(signs),
        gradient_of="objective" if batch or _gradient_means(signs) else "loss",
        unit_means=_unit_means(signs),
        fitting=_fitting(signs),
        outer=_outer(signs),
    )


def _last_letters(signs: Signs, base: Scope) -> frozenset[str]:
    """Letters that stand as a layer above a symbol, and are neither the generic one nor known."""
    known = {*base.layer_letters, "t", "n", "i", "j", "m", "s", "p", "q", "d"}
    found: dict[str, int] = {}
    for name in signs.names:
        letter = re.match(r"[A-Z]", name.number)
        fenced = name.above[:1] in ("(", "[")
        if letter and fenced and letter[0] not in known:
            found[letter[0]] = found.get(letter[0], 0) + 1
    return frozenset(found)


_OVER_SAMPLES = re.compile(
    r"(?:\\frac\{-?[12]?\}\{2?(?P<size>[NmnMB])\}|1/2?(?P<other>[NmnMB]))"
    r"(?:\(|\[)?\\sum_\{?(?P<letter>[a-z])=[01]\}?\^\{?(?P<last>[A-Za-z])(?:-1)?\}?"
)


def _sample_letter(signs: Signs) -> str:
    """The letter of a sum that is divided by the number of its summands: 1/n sum_{i=1}^n."""
    for statement in signs.statements:
        for member in statement.members:
            found = _OVER_SAMPLES.search(texts(member))
            if found and found["last"] == (found["size"] or found["other"]):
                return found["letter"]
    return ""


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


def _differentials(signs: Signs) -> bool:
    """Whether some statement begins with dW = ..., d and a symbol."""
    for statement in signs.statements:
        first = statement.members[0]
        if statement.relations and len(first) > 1 and first[0].text == "d":
            rest = only_name(first[1:])
            if rest is not None and not first[0].raw:
                return True
    return False


def _unit_means(signs: Signs) -> bool:
    """Whether derivatives by units carry the mean already: dZ = (A - Y) / m."""
    weights = {k[0] for k, (role, _) in signs.layering.roles.items() if role in ("weight", "bias")}
    for statement in signs.statements:
        first = statement.members[0]
        name = only_name(first[1:]) if len(first) > 1 and first[0].text == "d" else None
        if name is None or name.sign in weights or name.sign.letter in ("W", "b"):
            continue
        if any(
            re.search(r"/[NmnMB](?![a-z_^])|\}\{[NmnMB]\}", texts(m)) for m in statement.members[1:]
        ):
            return True
    return False


def _gradient_means(signs: Signs) -> bool:
    """Whether the gradients of the sheet are means over the samples."""
    for statement in signs.statements:
        lhs = texts(statement.members[0])
        gradient = re.match(r"d[A-Z]|\\nabla|\\frac\{\\partial", lhs)
        if gradient and any(is_mean(texts(m)) for m in statement.members[1:]):
            return True
    return False


_EXPLICIT = (r"\odot", r"\circ", "*", r"\ast", r"\otimes", r"\bullet")


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
