"""Words for LaTeX: everything a user writes comes out as marks on paper, never as a command."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from derive.writing.marks import ACCENTS, BIG, FENCES, GREEK, OPERATORS, SYMBOLS

_ASCII = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}", "'": "'",
}  # fmt: skip
_PUNCTUATION = {
    "\u2013": "--", "\u2014": "---", "\u2018": r"\textquoteleft{}", "\u2019": "'",
    "\u201c": "``", "\u201d": "''", "\u2026": r"\dots{}", "\u00a0": "~", "\u2011": "-",
    "\u2010": "-", "\u2212": "$-$", "\u00d7": r"$\times$", "\u00b7": r"$\cdot$",
    "\u00b1": r"$\pm$", "\u2713": r"$\checkmark$", "\u2192": r"$\to$", "\u00b2": "$^{2}$",
}  # fmt: skip
_ACCENT_COMMANDS = {
    "\u0300": "\\`", "\u0301": "\\'", "\u0302": "\\^", "\u0303": "\\~", "\u0308": '\\"',
    "\u0327": "\\c", "\u030c": "\\v", "\u030a": "\\r", "\u0304": "\\=", "\u0306": "\\u",
    "\u0307": "\\.", "\u030b": "\\H", "\u0328": "\\k",
}  # fmt: skip
_LETTERS = {
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ø": r"\o{}", "Ø": r"\O{}", "œ": r"\oe{}",
    "Œ": r"\OE{}", "ł": r"\l{}", "Ł": r"\L{}", "å": r"\aa{}", "Å": r"\AA{}",
}  # fmt: skip
_WORD = re.compile(r"\W{0,2}[^\W\d_]+([-\u2013\u2019'][^\W\d_]+)*\W{0,3}")  # of a language
LONG_WORD, LONG_NAME = 24, 12  # longer words, and longer names with signs, may break anywhere

_GREEK_NAMES = {sign: name for name, sign in GREEK.items()}


def escape(text: str, *, breakable: bool = True) -> str:
    r"""The text as LaTeX, inert; long words may break.

    >>> escape(r"50% of \input{x} & $5")
    '50\\% of \\textbackslash{}input\\{x\\} \\& \\$5'
    """
    words = []
    for word in text.split(" "):
        made = [_character(c) for c in word]
        most = LONG_WORD if _WORD.fullmatch(word) else LONG_NAME
        if breakable and len(word) > most:
            made = [r"\softbreak{}" * (k > 0) + c for k, c in enumerate(made)]
        words.append("".join(_kept_apart(made)))
    return " ".join(words)


def _kept_apart(pieces: list[str]) -> list[str]:
    """No ligatures that the writer did not ask for: ?` and !` and -- and '' stay two marks."""
    return [
        piece + "{}" if piece + after in ("--", "''", ",,", "<<", ">>") else piece
        for piece, after in pairwise([*pieces, ""])
    ]


def _character(c: str) -> str:
    if c in _ASCII:
        return _ASCII[c]
    if " " <= c <= "~":
        return c
    if c in _PUNCTUATION:
        return _PUNCTUATION[c]
    if c in _LETTERS:
        return _LETTERS[c]
    if c in _GREEK_NAMES:
        return f"${GREEK_COMMAND[_GREEK_NAMES[c]]}$"
    if c in _SIGNS:
        return f"${_SIGNS[c]}$"
    if c in ("\n", "\t", "\r"):
        return " "
    base, *marks = list(unicodedata.normalize("NFD", c))
    if base.isascii() and base.isalpha() and len(marks) == 1 and marks[0] in _ACCENT_COMMANDS:
        base = {"i": r"\i", "j": r"\j"}.get(base, base) if marks[0] != "\u0328" else base
        return f"{_ACCENT_COMMANDS[marks[0]]}{{{base}}}"
    return rf"\texttt{{[U+{ord(c):04X}]}}"  # shown, not guessed at


def pdf_string(text: str) -> str:
    """The text for the metadata of a PDF: letters, digits and a few marks; the rest is left out."""
    flat = unicodedata.normalize("NFKD", text.replace("\u2013", "-").replace("\u2014", "-"))
    kept = "".join(c if c.isascii() and (c.isalnum() or c in " .:()-+=*/'") else "" for c in flat)
    return " ".join(kept.split())


# ---------------------------------------------------------------------- commands of the marks

GREEK_COMMAND = {name: "\\" + name for name in GREEK}

SYMBOL_COMMAND = {
    **{name: "\\" + name for name in SYMBOLS},
    "infinity": r"\infty", "asterisk": r"\ast", "empty": r"\emptyset", "blank": "{}",
}  # fmt: skip
OPERATOR_COMMAND = {
    **{name: name if not name.isalpha() else "\\" + name for name in OPERATORS},
    "implies": r"\Rightarrow", "iff": r"\Leftrightarrow", ":=": r"\coloneqq",
    "gets": r"\leftarrow",
}  # fmt: skip
PLAIN_OPERATOR = {**OPERATOR_COMMAND, ":=": ":=", "<": r"\lt", ">": r"\gt"}
BIG_COMMAND = {
    **{name: "\\" + name for name in BIG},
    "argmax": r"\operatorname*{arg\,max}", "argmin": r"\operatorname*{arg\,min}",
}  # fmt: skip
FENCE_COMMAND = {
    **dict.fromkeys(FENCES, ""),
    "(": "(", ")": ")", "[": "[", "]": "]", "{": r"\{", "}": r"\}", "|": "|", "||": r"\|",
    "floor(": r"\lfloor", "floor)": r"\rfloor", "ceil(": r"\lceil", "ceil)": r"\rceil",
    "<": r"\langle", ">": r"\rangle",
}  # fmt: skip
ACCENT_COMMAND = {name: "\\" + name for name in ACCENTS}
FUNCTION_COMMAND = {
    name: "\\" + name
    for name in ("ln", "log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin",
                 "arccos", "arctan", "det", "max", "min")
}  # fmt: skip
STYLE_COMMAND = {
    "roman": r"\mathrm", "bold": r"\mathbf", "calligraphic": r"\mathcal", "sans": r"\mathsf",
    "blackboard": r"\mathbb", "typewriter": r"\mathtt",
}  # fmt: skip
TINT_COMMAND = {"forward": r"\fwd", "backward": r"\bwd", "soft": r"\soft", "good": r"\good"}
SPACE_COMMAND = {
    "thin": r"\,",
    "medium": r"\:",
    "thick": r"\;",
    "quad": r"\quad",
    "qquad": r"\qquad",
}
_SIGNS = {
    sign: commands[name]
    for table, commands in (
        (SYMBOLS, SYMBOL_COMMAND),
        (OPERATORS, OPERATOR_COMMAND),
        (BIG, BIG_COMMAND),
    )
    for name, sign in table.items()
    if len(sign) == 1 and not sign.isascii()
}
