r"""Signs, letters and numbers of a reading tree as LaTeX.

>>> sign_text(Sign.parse("vec bold a")), letter_text("lambda_h"), number_text(Fraction(1, 4))
('\\vec{\\mathbf{a}}', '\\lambda_{h}', '0.25')
"""

from __future__ import annotations

import re
from fractions import Fraction

from derive.errors import SpecError
from derive.writing.marks import GREEK
from derive.writing.pieces import decimal_text
from derive.writing.signs import STYLE_WORDS, Sign

STYLES = {
    "bold": r"\mathbf", "roman": r"\mathrm", "calligraphic": r"\mathcal", "sans": r"\mathsf",
    "blackboard": r"\mathbb", "typewriter": r"\mathtt",
}  # fmt: skip
MARKS = {"star": r"\star", "asterisk": "*", "dagger": r"\dagger"}
#: Functions that LaTeX has a command for, by their names in the formula language.
COMMANDS = {
    "tanh": r"\tanh", "sinh": r"\sinh", "cosh": r"\cosh", "exp": r"\exp", "log": r"\log",
    "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "asin": r"\arcsin", "acos": r"\arccos",
    "atan": r"\arctan", "max": r"\max", "min": r"\min",
}  # fmt: skip


def sign_text(sign: Sign) -> str:
    """The sign under its accent, without its marks."""
    if sign.style == "text":
        return rf"\text{{{sign.letter}}}"
    greek = sign.letter in GREEK or sign.letter == "ell"
    made = "\\" + sign.letter if greek else sign.letter.replace("_", r"\_")
    if sign.style in STYLES:
        style = r"\boldsymbol" if greek and sign.style == "bold" else STYLES[sign.style]
        made = f"{style}{{{made}}}"
    elif len(sign.letter) > 1 and not greek:
        made = rf"\mathit{{{made}}}"
    return rf"\{sign.accent}{{{made}}}" if sign.accent else made


def letter_text(name: str, *, place: bool = False) -> str:
    r"""A letter without a role by its name in the tree: x_1, bold f, i'; `place`: as an index."""
    name, raised, above = name.partition("^(")
    if raised:
        return letter_text(name, place=place) + f"^{{{spaced(above[:-1])}}}"
    base, line, below = name.partition("_")
    primes = name[len(name.rstrip("'")) :]
    if primes:
        return letter_text(name.rstrip("'"), place=place) + primes
    return _base(base, place) + (f"_{{{spaced(below)}}}" if line and below else "")


def _base(base: str, place: bool) -> str:
    if place and len(base) > 1 and base.isalnum() and base not in GREEK and base != "ell":
        return rf"\mathrm{{{base}}}"
    if place and " " in base:
        return rf"\text{{{base}}}"
    style, _, rest = base.rpartition(" ")
    if style in STYLE_WORDS and rest.isdigit():
        return sign_text(Sign(rest, STYLE_WORDS[style]))
    try:
        sign = Sign.parse(base)
        marks = "".join(MARKS[mark] for mark in sign.marks)
        return sign_text(sign) + (f"^{{{marks}}}" if marks else "")
    except SpecError:
        return base if len(base) < 2 else rf"\mathrm{{{base}}}"


_ARGUMENT = r"(?:[^{}\\\s]|\\[A-Za-z]+|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})"
_RAISED = re.compile(rf"(?:\^\s*{_ARGUMENT}(?:\s*_\s*{_ARGUMENT})?|')$")


def is_raised(text: str) -> bool:
    """Whether the text ends in a superscript, so that another one cannot follow."""
    return _RAISED.search(text) is not None


def spaced(text: str) -> str:
    """Signs written together, with a space behind every command that a letter would lengthen."""
    return re.sub(r"(\\[A-Za-z]+)(?=[A-Za-z])", r"\1 ", text)


def number_text(value: Fraction) -> str:
    """A number: a decimal where it has one, else a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    decimal = decimal_text(abs(value))
    if decimal is not None:
        return f"-{decimal}" if value < 0 else decimal
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
