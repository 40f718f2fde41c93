r"""Words beside a row that say nothing about a quantity: (chain rule), (see above), (BP1).

>>> from derive.reading.latex_tokens import tokens
>>> [t.text for t in without_asides(tokens(r"a = b \quad \text{(chain rule)} \\ = c"))]
['a', '=', 'b', '\\\\', '=', 'c']
"""

from __future__ import annotations

from dataclasses import replace

from derive.reading.latex_tokens import Token
from derive.reading.words import PRODUCTS, RELATIONS, conjunction

_GAPS = (r"\quad", r"\qquad", "&")
_FENCES = ("(", ")", "[", "]")
_ENDS = ("\\\\", ".", ",", ";")
_OPERATORS = ("+", "-", "/", "(", "[", "{", "_", "^", *_ENDS)


def without_asides(given: list[Token]) -> list[Token]:
    """Without words that end a row behind a gap, or that stand in parentheses of their own."""
    if not any(t.raw for t in given):
        return given
    made: list[Token] = []
    deep = 0
    for token in given:
        if not deep and (token.text in _ENDS or token.text in _GAPS):
            _drop_last(made, token.text == "\\\\")
        deep += {r"\begin": 1, r"\end": -1, "{": 1, "}": -1}.get(token.text, 0)
        made.append(token)
    _drop_last(made, True)
    return made


def with_conditions(given: list[Token]) -> list[Token]:
    """Conditions in parentheses behind a gap, and reasons, without these: a = b, (j = 1, 2)."""
    made = list(given)
    for k, token in enumerate(given):
        reason = token.text == "(" and any(t.raw and conjunction(t) for t in given[k + 1 : k + 2])
        gap = k > 0 and given[k - 1].text in (*_GAPS, ",")
        if token.text != "(" or not (gap or (reason and k)):
            continue
        depth = 0
        for end in range(k, len(given)):
            depth += {"(": 1, ")": -1}.get(given[end].text, 0)
            if not depth:
                break
        else:
            continue
        behind = [t.text for t in given[end + 1 : end + 2]]
        related = any(t.text in RELATIONS for t in given[k:end])
        if related and (not behind or behind[0] in _ENDS or behind[0] in _GAPS):
            made[k] = replace(token, text=r"\quad", kind="command")
            made[end] = replace(given[end], text=r"\quad", kind="command")
    return made


def _drop_last(made: list[Token], row: bool) -> None:
    """Take words that end a statement, with the gap before them; `row`: the row ends as well."""
    start = len(made)
    while start and (made[start - 1].raw or made[start - 1].text in _FENCES):
        start -= 1
    for k in range(start, len(made)):
        if _is_aside(made, k) and (row or not any(t.raw and conjunction(t) for t in made[k:])):
            while made[k - 1].text in _GAPS:
                k -= 1
            del made[k:]
            return


def _is_aside(made: list[Token], start: int) -> bool:
    """Whether words, and parentheses around them, stand from a place on behind a whole side."""
    if not any(t.raw for t in made[start:]):
        return False
    text = "".join(t.raw or t.text for t in made[start:]).strip()
    if text.count("(") != text.count(")") or text.count("[") != text.count("]"):
        return False
    own = bool(made[start].raw) and text[:1] + text[-1:] in ("()", "[]")
    k = start
    while k and made[k - 1].text in _GAPS:
        k -= 1
    before = made[k - 1].text if k else ""
    operand = k > 0 and not (before in RELATIONS or before in PRODUCTS or before in _OPERATORS)
    return operand and (own or k < start)
