"""Numbers with a decimal comma, 0{,}5 and 0,5, as those with a point.

A comma in braces stands inside a number.  One without them does so where its digits stand close at
it and cannot be numbers side by side: behind a zero, or before a factor.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from derive.reading.latex_tokens import Token, Unreadable
from derive.reading.words import DOTS, PRODUCTS

_THOUSANDS = 3  # digits of a group
_COUNTS = "ijklmnr"  # letters that count, and whose values are listed
_OPENING, _CLOSING = ("{", "(", "[", r"\{"), ("}", ")", "]", r"\}")


def pointed(tokens: list[Token]) -> list[Token]:
    """The tokens with a point for every decimal comma."""
    if not any(t.text == "," for t in tokens):
        return tokens
    made: list[Token] = []
    opened: list[int] = []  # the places of the fences around
    at = 0
    while at < len(tokens):
        token = tokens[at]
        number = bool(made) and made[-1].kind == "digit"
        if number and [t.text for t in tokens[at : at + 3]] == ["{", ",", "}"]:
            behind, digits = _digits(tokens, at + 3)
            if digits:
                _one_number(tokens, made, digits, behind)
                made.append(replace(tokens[at + 1], text="."))
                at += 3
                continue
        if number and token.text == "," and _is_inside(tokens, at, opened[-1:]):
            token = replace(token, text=".")
        if token.text in _OPENING:
            opened.append(at)
        elif token.text in _CLOSING and opened:
            opened.pop()
        made.append(token)
        at += 1
    return made


def _digits(tokens: list[Token], at: int) -> tuple[int, str]:
    """The digits from a place on, and the place behind them."""
    end = at
    while end < len(tokens) and tokens[end].kind == "digit":
        end += 1
    return end, "".join(t.text for t in tokens[at:end])


def _before(tokens: list[Token], at: int) -> tuple[int, str]:
    """The digits before a place, and the place where they begin."""
    start = at
    while start and tokens[start - 1].kind == "digit":
        start -= 1
    return start, "".join(t.text for t in tokens[start:at])


def _one_number(tokens: list[Token], made: list[Token], digits: str, behind: int) -> None:
    """Nothing, unless the comma in braces may also stand between thousands."""
    whole = _before(made, len(made))[1]
    again = [t.text for t in tokens[behind : behind + 2]] == ["{", ","]
    if again or (len(digits) == _THOUSANDS and not whole.startswith("0")):
        comma = tokens[behind - len(digits) - 3]
        raise Unreadable(
            comma.start, '"{"', "a number with a decimal point, and nothing between its digits"
        )


def _is_inside(tokens: list[Token], at: int, opened: list[int]) -> bool:
    """Whether a comma without braces stands inside a number."""
    start, whole = _before(tokens, at)
    end, digits = _digits(tokens, at + 1)
    if (
        not digits
        or not _glued(tokens[at - 1 : at + 2])
        or (len(digits) == _THOUSANDS and whole != "0")
    ):
        return False
    before = [t.text for t in tokens[max(0, start - 2) : start]]
    behind = [t.text for t in tokens[end : end + 2]]
    if before[-1:] in ([","], ["."]) or _lists_on(behind, tokens[end + 1 : end + 2]):
        return False
    if len(before) == 2 and before[0] in _COUNTS and before[1] in ("=", r"\in"):
        return False
    factor = _is_factor(tokens[end]) if end < len(tokens) else False
    cell = "&" in (*before[-1:], *behind[:1])
    if not opened:
        return factor or cell or (whole == "0" and digits != "1")
    return _is_alone(tokens, opened[0], start, end, factor) and (factor or whole == "0")


def _glued(tokens: list[Token]) -> bool:
    """Whether tokens stand side by side without a gap."""
    return all(a.end == b.start for a, b in pairwise(tokens))


def _lists_on(behind: list[str], item: list[Token]) -> bool:
    """Whether a list goes on behind the digits."""
    return behind[:1] == [","] and bool(item) and (item[0].kind == "digit" or item[0].text in DOTS)


def _is_factor(token: Token) -> bool:
    """Whether something is multiplied with the number before it."""
    names = token.kind == "letter" or (token.kind == "command" and not token.raw)
    stops = (*DOTS, r"\}", r"\quad", r"\qquad", r"\\", r"\end")
    return token.text in ("(", *PRODUCTS) or (names and token.text not in stops)


def _is_alone(tokens: list[Token], fence: int, start: int, end: int, factor: bool) -> bool:
    """Whether the number is a term inside its fence: in no script, and beside other terms."""
    if fence and tokens[fence - 1].text in ("_", "^"):
        return False
    if tokens[fence].text == r"\{":
        return False
    signs = ("+", "-")
    beside = end < len(tokens) and tokens[end].text in signs
    argument = fence > 0 and tokens[fence].text == "{" and tokens[fence - 1].text not in signs
    begun = start - 1 > fence and tokens[start - 1].text in (*signs, *PRODUCTS, "/")
    return factor or beside or begun or argument
