"""How a sheet speaks of many samples: their letter, and what is a mean over them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from derive.sheets.statements import Statement, only_name, texts
from derive.writing.signs import Sign

MEAN = (
    r"\\frac\{-?(?:1|\\(?:eta|alpha|varepsilon|epsilon))\}\{2?([NmnMBP])\}"
    r"|1/2?([NmnMBP])(?![a-z_^])|\\frac1([NmnMBP])(?![a-z_^])"
)
_OVER_SAMPLES = re.compile(
    r"(?:\\frac\{-?[12]?\}\{2?(?P<size>[NmnMB])\}|(?:1/2?|\\frac1)(?P<other>[NmnMB]))"
    r"(?:\(|\[)?\\sum_\{?(?P<letter>[a-z])=[01]\}?\^\{?(?P<last>[A-Za-z])(?:-1)?\}?"
)
_OVER_INPUTS = re.compile(  # the mean over the inputs themselves
    r"(?:\\frac\{[^{}]*\}\{2?[NmnMB]\}|(?:1/2?|\\frac1)[NmnMB])(?:\(|\[)?\\sum_(?:x|\{x\})(?!\^)"
)
_SUMMED = re.compile(r"\\sum_\{?([a-z])(?![a-z])")
_ABOVE = re.compile(r"(\w)\}?(?:_\{?\w\}?)?\^\{?\(([a-z])([+-]\d)?\)")


def is_mean(text: str) -> bool:
    """Whether a formula divides by the number of samples."""
    return bool(re.search(MEAN, text))


def sums_samples(text: str, letter: str, size: str) -> bool:
    """Whether a formula sums over the samples: to their number, or entries that name theirs."""
    sign, last = re.escape(letter), re.escape(size)
    if not re.search(rf"\\sum_\{{?{sign}(?![a-z])", text):
        return False
    return bool(re.search(rf"=[01]\}}?\^\{{?{last}(?![A-Za-z])|_\{{{sign},", text))


def sample_letter(statements: Iterable[Statement], outputs: frozenset[str] = frozenset()) -> str:
    """The letter of a sum that is divided by the number of its summands: 1/n sum_{i=1}^n.

    Or the letter of a sum that stands in parentheses above two signs: x^{(i)}, y^{(i)}.
    """
    above: dict[str, set[str]] = {}
    summed: set[str] = set()
    shifted: set[str] = set()
    for statement in statements:
        for member in statement.members:
            text = texts(member)
            found = _OVER_SAMPLES.search(text)
            if found and found["last"] in outputs:
                continue
            if found and found["last"] == (found["size"] or found["other"]):
                return found["letter"]
            if _OVER_INPUTS.search(text):
                return "x"
            summed.update(_SUMMED.findall(text))
            for sign, letter, shift in _ABOVE.findall(text):
                above.setdefault(letter, set()).add(sign)
                shifted.update({letter} if shift else ())
    fitting = (k for k, signs in above.items() if len(signs) > 1 and k in summed - shifted)
    return next(fitting, "")


def gradient_means(statements: Iterable[Statement]) -> bool:
    """Whether the gradients of the sheet are means over the samples."""
    for statement in statements:
        lhs = texts(statement.members[0])
        gradient = re.match(r"d[A-Z]|\\nabla|\\frac\{\\partial", lhs)
        if gradient and any(is_mean(texts(m)) for m in statement.members[1:]):
            return True
    return False


def unit_means(statements: Iterable[Statement], parameters: Collection[Sign]) -> bool:
    """Whether derivatives by units carry the mean already: dZ = (A - Y) / m."""
    for statement in statements:
        first = statement.members[0]
        name = only_name(first[1:]) if len(first) > 1 and first[0].text == "d" else None
        if name is None or name.sign in parameters or name.sign.letter in ("W", "b"):
            continue
        if any(
            re.search(r"/[NmnMB](?![a-z_^])|\}\{[NmnMB]\}", texts(m)) for m in statement.members[1:]
        ):
            return True
    return False
