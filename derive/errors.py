"""The three kinds of stop, and the wording that every message shares.

A message says where, what is wrong, what was found, and what is allowed:
`net.toml: layers[1].units: found "tree", expected a whole number from 1 to 1000000`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches
from fractions import Fraction

MOST_PROBLEMS, LONGEST_PROBLEM, LONGEST_FOUND = 10, 300, 40


class SpecError(ValueError):
    """The input is wrong and its writer can mend it; `problems` holds one line for each mistake."""

    def __init__(self, *problems: str) -> None:
        """Keep the first ten mistakes, each on one line of at most 300 printable characters."""
        different = dict.fromkeys(_one_line(problem) for problem in problems)
        self.problems: list[str] = list(different)[:MOST_PROBLEMS]
        super().__init__("\n".join(self.problems))

    def under(self, place: str) -> SpecError:
        """The same mistakes, each with `place` in front."""
        return SpecError(*(f"{place}: {problem}" for problem in self.problems))


class NotYet(NotImplementedError):
    """The mathematics exists; the rule has not been written."""


class Undefined(ArithmeticError):
    """The derivative does not exist there, whatever we implement."""


def shown(value: object) -> str:
    """A found value as a message prints it: short, on one line, in ASCII.

    >>> shown("tree"), shown(True), shown(3), shown([1, 2])
    ('"tree"', 'true', '3', '[1, 2]')
    """
    if isinstance(value, str):
        text = json.dumps(value[: LONGEST_FOUND + 1])
    elif isinstance(value, Fraction):
        text = rational_text(value)
    elif isinstance(value, dict | list | tuple) and len(value) > 8:
        text = f"a table of {len(value)}" if isinstance(value, dict) else f"a list of {len(value)}"
    elif isinstance(value, int) and value.bit_length() > 200:
        text = "a number of more than 60 digits"
    else:
        text = json.dumps(value, default=_shown_inside)
    if len(text) <= LONGEST_FOUND:
        return text
    return text[: LONGEST_FOUND - 4] + '..."' * isinstance(value, str) or text[:36] + "..."


def rational_text(value: Fraction) -> str:
    """A rational as a decimal where that is exact and short, else as p/q.

    >>> rational_text(Fraction(1, 100)), rational_text(Fraction(1, 3))
    ('0.01', '1/3')
    """
    decimal = repr(float(value)) if abs(value) < 10**15 else str(value)
    if value.denominator == 1:
        return str(value)
    return decimal if Fraction(decimal) == value else str(value)


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The most similar of the valid words, regardless of case, or None.

    >>> nearest("Sigmoyd", ["tanh", "sigmoid"])
    'sigmoid'
    """
    folded = {w.lower().replace("-", "_"): w for w in words}
    wanted = word[:100].lower().strip().replace("-", "_").replace(" ", "_")
    found = get_close_matches(wanted, folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def suggestion(word: object, words: Iterable[str]) -> str:
    """`; did you mean "sigmoid"?`, or nothing where no valid word is near."""
    near = nearest(word, words) if isinstance(word, str) else None
    return f'; did you mean "{near}"?' if near else ""


def listed(words: Iterable[str]) -> str:
    """The valid words in one phrase: `a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _one_line(text: str) -> str:
    plain = "".join(c if " " <= c <= "~" else json.dumps(c)[1:-1] for c in text[:1000])
    return plain if len(plain) <= LONGEST_PROBLEM else plain[: LONGEST_PROBLEM - 3] + "..."


def _shown_inside(value: object) -> object:
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return type(value).__name__
