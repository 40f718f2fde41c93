"""The three kinds of stop, and the wording that every message shares.

A message says where, what is wrong, what was found, and what is allowed:
`net.toml: layers[1].units: found "tree", expected a whole number from 1 to 1000000`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
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
        """The same mistakes, each with `place` in front.

        A mistake that begins with `.field` or `[number]` lies further inside the place.
        """
        return SpecError(*(p if not place else join(place, p) for p in self.problems))


class NotYet(NotImplementedError):
    """The mathematics exists; the rule has not been written."""


class Undefined(ArithmeticError):
    """The derivative does not exist there, whatever we implement."""


def join(place: str, problem: str) -> str:
    """The problem at the place; one that begins with `.field` or `[number]` lies further inside.

    >>> join("layers[1]", ".units: found 0"), join("layers[1]", "found 0")
    ('layers[1].units: found 0', 'layers[1]: found 0')
    """
    return place + problem if problem[:1] in (".", "[") else f"{place}: {problem}"


def shown(value: object) -> str:
    """A found value as a message prints it: short, on one line, in ASCII.

    >>> shown("tree"), shown(True), shown(3), shown([1, 2])
    ('"tree"', 'true', '3', '[1, 2]')
    """
    if isinstance(value, str):
        text = json.dumps(value[: LONGEST_FOUND + 1]).replace("\\\\", "\\")  # commands of TeX
        return (
            text if len(text) <= LONGEST_FOUND else text[: LONGEST_FOUND - 4].rstrip("\\") + '..."'
        )
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        inner = f"[{', '.join(map(shown, value))}]" if len(value) <= 8 and _flat(value) else ""
        return inner if 0 < len(inner) <= LONGEST_FOUND else f"a list of {len(value)}"
    if isinstance(value, Fraction):
        return rational_text(value)
    if isinstance(value, int) and value.bit_length() > 120:
        return "a number of more than 36 digits"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return str(value)[:LONGEST_FOUND] if isinstance(value, Decimal) else type(value).__name__


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


def _flat(values: Iterable[object]) -> bool:
    return not any(isinstance(value, Mapping | list | tuple) for value in values)
