"""The mathematical alphabets of Unicode: italic, bold, script, sans, double-struck, monospace."""
# ruff: noqa: RUF001  (signs that look alike are meant)

from __future__ import annotations

from derive.writing.layout import Ident

_CAPITAL_A = {"italic": 0x1D434, "bold": 0x1D400, "calligraphic": 0x1D49C, "sans": 0x1D5A0,
              "blackboard": 0x1D538, "typewriter": 0x1D670}  # fmt: skip
_SMALL_A = {"italic": 0x1D44E, "bold": 0x1D41A, "sans": 0x1D5BA, "blackboard": 0x1D552,
            "typewriter": 0x1D68A}  # fmt: skip
_GREEK_ALPHA = {"italic": 0x1D6FC, "bold": 0x1D6C2}
_GREEK_CAPITAL = {"bold": 0x1D6A8}  # italic text has upright capitals
_ORDER = "αβγδεζηθικλμνξοπρςστυφχψω"
_VARIANTS = {"ϵ": 26, "ϑ": 27, "ϕ": 29, "ϱ": 30}  # places behind omega
_OLD = {  # these letters had a place in Unicode before the alphabets came
    ("italic", "h"): "ℎ", ("calligraphic", "B"): "ℬ", ("calligraphic", "E"): "ℰ",
    ("calligraphic", "F"): "ℱ", ("calligraphic", "H"): "ℋ", ("calligraphic", "I"): "ℐ",
    ("calligraphic", "L"): "ℒ", ("calligraphic", "M"): "ℳ", ("calligraphic", "R"): "ℛ",
    ("blackboard", "C"): "ℂ", ("blackboard", "H"): "ℍ", ("blackboard", "N"): "ℕ",
    ("blackboard", "P"): "ℙ", ("blackboard", "Q"): "ℚ", ("blackboard", "R"): "ℝ",
    ("blackboard", "Z"): "ℤ",
}  # fmt: skip


def styled(node: Ident) -> str:
    """The name in the letters of its style.

    >>> [hex(ord(c)) for c in styled(Ident("W", "bold"))]
    ['0x1d416']
    """
    if node.greek:
        return _greek(node.greek, node.style)
    return "".join(_letter(c, node.style) for c in node.text)


def _letter(c: str, style: str) -> str:
    if (style, c) in _OLD:
        return _OLD[style, c]
    if "A" <= c <= "Z" and style in _CAPITAL_A:
        return chr(_CAPITAL_A[style] + ord(c) - ord("A"))
    if "a" <= c <= "z" and style in _SMALL_A:
        return chr(_SMALL_A[style] + ord(c) - ord("a"))
    if "0" <= c <= "9" and style == "bold":
        return chr(0x1D7CE + int(c))
    return c


def _greek(letter: str, style: str) -> str:
    if letter in _ORDER:
        return chr(_GREEK_ALPHA[style] + _ORDER.index(letter))
    if letter in _VARIANTS:
        return chr(_GREEK_ALPHA[style] + _VARIANTS[letter])
    if style in _GREEK_CAPITAL:
        return chr(_GREEK_CAPITAL[style] + ord(letter) - ord("Α"))
    return letter
