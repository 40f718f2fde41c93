"""Signs that everybody understands: hats for outputs, words, rates of steps, pre-activations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from derive.algebra.symbols import Label
from derive.reading.cursor import Cursor
from derive.reading.latex_tokens import Token
from derive.reading.own import Bound
from derive.reading.scope import Scope
from derive.sheets.binding import UNITS, form, put
from derive.sheets.findings import Key, Signs
from derive.sheets.indices import role_in
from derive.sheets.statements import Written, name_at, only_name, texts

_RATES = frozenset(
    ("alpha", "eta", "epsilon", "varepsilon", "gamma", "lambda", "mu", "rho", "kappa")
)
_BEFORE = ("pre", "in", "lin", "raw")  # H_{pre}, before the activation that makes H
_SPELLED = {
    "net": "preactivation",
    "out": "activation",
    "target": "target",
    "output": "output",
    "in": "preactivation",
}


def customary(signs: Signs, base: Scope, made: dict[Key, Bound], last: int) -> None:
    """Hats for outputs, words for quantities, and what stands in a difference with an output."""
    output = Bound("activation", Label(last)) if last else Bound("output")
    keys = dict.fromkeys(n.key for n in signs.names)
    for key in keys:
        sign = key[0]
        if key in made or key[1]:
            continue
        if sign.accent == "hat" and sign.letter in "ytopY" and not base.meanings(sign):
            made[key] = Bound(output.role, output.label, form(key, "output", signs))
        spelled = sign.style in ("text", "roman") and sign.letter in _SPELLED
        if spelled and not _takes_arguments(sign.letter, signs):
            put(made, key, Bound(_SPELLED[sign.letter]), base)
        if key not in made and not base.meanings(sign):
            _like_another(key, made)
    for key in keys:
        of = made.get((key[0], "")) if key[1] in _BEFORE else None
        if of is not None and of.role == "activation" and key not in made:  # H_{pre}
            made[key] = replace(of, role="preactivation")
    for rate in _rates(signs, base, made):
        made[rate] = Bound("learning_rate")
    indices = {index for name in signs.names for index in name.indices}
    for a, b in _differences(signs):
        for unit, other in ((a, b), (b, a)):
            if other.key in made or base.meanings(other.sign):
                of_unit = role_in(unit, base, made) in ("activation", "output", "input")
                beside = _is_beside_output(unit, other, signs, base, made)
                if (of_unit and _is_plain_target(other, signs, base)) or beside:
                    target = Bound("target", None, form(other.key, "target", signs))
                    made.setdefault(other.key, target)
                continue
            if not other.below and str(other.sign) in indices:  # a - p, places in a window
                continue
            role = role_in(unit, base, made)
            linear = made.get(unit.key) == Bound("preactivation", Label(last))
            known = role in ("activation", "output") or linear
            if known and other.indices == unit.indices:
                made[other.key] = Bound("target", None, form(other.key, "target", signs))


def _is_beside_output(
    unit: Written, other: Written, signs: Signs, base: Scope, made: Mapping[Key, Bound]
) -> bool:
    r"""Whether an output with a hat stands beside the sign that it has in the notation.

    Nobody writes \hat y - y for the difference of a quantity and itself: y is the target.
    """
    bare = replace(unit.sign, accent="")
    same = unit.sign.accent == "hat" and bare == other.sign and unit.indices == other.indices
    roles = {m.role for m in base.meanings(other.sign)}
    computed = any(forward.lhs.sign == other.sign for forward in signs.forwards)
    return same and unit.key in made and roles == {"output"} and not computed


def _is_plain_target(name: Written, signs: Signs, base: Scope) -> bool:
    """Whether a sign is that of the target without its mark: y for y^*.

    The notation may have it for an activation too: nothing computes it, nor is there one marked.
    """
    roles = base.profile.roles
    target = roles["target"].entry
    if name.above or not target.marks or name.sign != replace(target, marks=()):
        return False
    marked = any(n.sign == name.sign and n.above for n in signs.names)
    computed = any(forward.lhs.sign == name.sign for forward in signs.forwards)
    return not marked and not computed and roles["activation"].entry != name.sign


def _takes_arguments(word: str, signs: Signs) -> bool:
    """Whether a word is the name of a function: output(s)."""
    behind = r"(?:[\^_](?:\{[^{}]*\}|.))*\("
    call = re.compile(rf"(?<![a-z]){re.escape(word)}{behind}")
    return any(call.search(texts(m)) for s in signs.statements for m in s.members)


def _rates(signs: Signs, base: Scope, made: Mapping[Key, Bound]) -> Iterable[Key]:
    """The letter by which a step is multiplied: w <- w - gamma ..., Delta w = -gamma ..."""
    for statement in signs.statements:
        change = statement.members[0][:1] and statement.members[0][0].text == r"\Delta"
        lhs = only_name(statement.members[0][1:] if change else statement.members[0])
        if lhs is None or role_in(lhs, base, made) not in ("weight", "bias"):
            continue
        for member in statement.members[1:]:
            c = Cursor(list(member), member[-1].end if member else 0)
            before = None if change else name_at(c)
            if not change and (before is None or before.sign != lhs.sign):
                continue
            if not c.take("-") and not c.take("+") and not change:
                continue
            rate = name_at(c)
            if rate is None or rate.below or rate.above or str(rate.sign) not in _RATES:
                continue
            follows = name_at(c)
            decay = follows is not None and follows.sign == lhs.sign
            if rate.key not in made and not base.meanings(rate.sign) and not decay:
                yield rate.key


def _like_another(key: Key, made: dict[Key, Bound]) -> None:
    """P is the batch of what p_k is for one sample."""
    sign = key[0]
    small = made.get((replace(sign, letter=sign.letter.lower()), ""))
    if sign.letter.isupper() and small is not None and small.role in UNITS and not small.form:
        made[key] = replace(small, form="batch")


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
