"""From the text of a formula to its tokens: numbers, names and signs, each with its column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from derive.errors import SpecError, shown

LONGEST_TEXT, MOST_DIGITS, LARGEST_SCALE = 2000, 60, 100


class Placed(Protocol):
    """What has a column, counted from 1."""

    @property
    def column(self) -> int:
        """The column."""


@dataclass(frozen=True)
class Token:
    """A piece of the text."""

    kind: str  # number, name, operator, end
    text: str
    column: int


_TOKEN = re.compile(
    r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z]\w*)"
    r"|(?P<operator>\*\*|<=|>=|[-+*/<>=(),\[\]])|(?P<space>[ \t\r\n]+)",
    re.ASCII,
)
_REMEDIES = {
    "^": "write ** for a power",
    "==": "a condition takes < <= > or >=",
    "!=": "a condition takes < <= > or >=",
    "//": "write / for a quotient",
    ":=": "a formula assigns nothing",
    "%": "there is no remainder in a formula",
    "&": "a condition is one comparison",
    "|": "a condition is one comparison; write abs(...) for the absolute value",
    "~": "a condition is one comparison",
    "!": "there is no factorial in a formula",
    '"': "there is no text in a formula",
    "'": "there is no text in a formula",
    "#": "there are no comments in a formula",
    "{": "write parentheses ( )",
    "}": "write parentheses ( )",
    "\\": "write plain names, such as sqrt(s)",
    ".": "there are no attributes in a formula",
    "_": "a name begins with a letter",
}


def fault(place: Placed, message: str) -> SpecError:
    """The error at the place."""
    return SpecError(f"column {place.column}: {message}")


def _checked_text(text: object) -> str:
    if not isinstance(text, str):
        raise SpecError(f"found {shown(text)}, expected a formula as text")
    if not text.strip():
        raise SpecError("found an empty text, expected a formula")
    if len(text) > LONGEST_TEXT:
        raise SpecError(f"found {len(text)} characters, expected at most {LONGEST_TEXT}")
    if not text.isascii():
        column = next(n for n, c in enumerate(text, 1) if not c.isascii())
        raise SpecError(
            f"column {column}: found the character {shown(text[column - 1])}, "
            "expected plain ASCII letters, digits and signs"
        )
    return text


def tokens_of(text: object) -> list[Token]:
    """The tokens of a text that may be a formula, closed by one that marks the end."""
    return _tokens(_checked_text(text))


def _tokens(text: str) -> list[Token]:
    tokens, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _strange(text, place)
        kind = str(match.lastgroup)
        token = Token(kind, match.group(), place + 1)
        place = match.end()
        if kind == "number":
            _check_number(token, text[place : place + 40])
        if kind == "operator" and (token.text + text[place : place + 1]) in _REMEDIES:
            raise fault(
                token, f'found "{token.text}{text[place]}"; {_REMEDIES[token.text + text[place]]}'
            )
        if "__" in token.text or (kind == "name" and len(token.text) > 64):
            raise fault(token, f"found {shown(token.text)}, expected a name of at most 64 letters")
        if kind != "space":
            tokens.append(token)
    return [*tokens, Token("end", "", len(text) + 1)]


def _strange(text: str, place: int) -> SpecError:
    pair, sign = text[place : place + 2], text[place]
    remedy = _REMEDIES.get(pair) or _REMEDIES.get(sign) or "it has no meaning in a formula"
    found = pair if pair in _REMEDIES else sign
    return SpecError(f"column {place + 1}: found {shown(found)}; {remedy}")


def _check_number(token: Token, rest: str) -> None:
    """Refuse 2s, 1_000, 1.2.3 and numbers of too many digits."""
    if follows := re.match(r"[A-Za-z]\w*", rest):
        word = follows.group()
        raise fault(token, f'found "{token.text[:20]}{word}"; write {token.text[:20]}*{word}')
    if rest[:1] in ("_", "."):
        raise fault(token, f'found "{token.text[:20]}{rest[0]}", expected a number such as 0.5')
    mantissa, _, scale = token.text.lower().partition("e")
    if len(mantissa) > MOST_DIGITS or len(scale) > 5 or abs(int(scale or 0)) > LARGEST_SCALE:
        raise fault(
            token,
            f"found the number {token.text[:12]}..., expected at most {MOST_DIGITS} digits "
            f"and a power of ten from -{LARGEST_SCALE} to {LARGEST_SCALE}"
            if len(token.text) > 12
            else f"found the number {token.text}, expected a power of ten "
            f"from -{LARGEST_SCALE} to {LARGEST_SCALE}",
        )
