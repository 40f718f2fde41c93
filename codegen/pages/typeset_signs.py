"""LaTeX commands and the marks that they stand for: the printer's tables, read backwards.

Spellings that the printer never uses, but that people write, are added by hand.
"""

from __future__ import annotations

from codegen.pages.tex_text import (
    BIG_COMMAND,
    FUNCTION_COMMAND,
    GREEK_COMMAND,
    OPERATOR_COMMAND,
    PLAIN_OPERATOR,
    SPACE_COMMAND,
    SYMBOL_COMMAND,
)


def _reversed(*tables: dict[str, str]) -> dict[str, str]:
    return {command: name for table in tables for name, command in table.items()}


LETTERS = _reversed(GREEK_COMMAND)
OPERATORS = {
    **_reversed(OPERATOR_COMMAND, PLAIN_OPERATOR),
    r"\neq": "ne", r"\leq": "le", r"\geq": "ge", r"\implies": "implies", r"\iff": "iff",
    r"\Longrightarrow": "implies", r"\Longleftrightarrow": "iff", r"\rightarrow": "to",
    r"\longrightarrow": "to", r"\gets": "gets", r"\longleftarrow": "gets", r"\coloneq": ":=",
    r"\triangleq": ":=", r"\doteq": "=", r"\simeq": "approx", r"\cong": "approx",
    r"\colon": "colon", ":": "colon", r"\bullet": "cdot", "*": "ast", r"\vert": "mid",
}  # fmt: skip
SYMBOLS = {
    **_reversed(SYMBOL_COMMAND),
    r"\dots": "ldots", r"\dotsc": "ldots", r"\dotsb": "cdots", r"\dotsm": "cdots",
    r"\varnothing": "empty", r"\intercal": "top",
}  # fmt: skip
SYMBOLS = {command: name for command, name in SYMBOLS.items() if name not in ("blank", "bullet")}
BIG = {**_reversed(BIG_COMMAND), r"\argmax": "argmax", r"\argmin": "argmin"}
BIG_WORDS = {"argmax": "argmax", r"arg\,max": "argmax", "arg max": "argmax", "argmin": "argmin",
             r"arg\,min": "argmin", "arg min": "argmin"}  # fmt: skip
FUNCTIONS = {
    **_reversed(FUNCTION_COMMAND),
    **{"\\" + name: name for name in ("cot", "sec", "csc", "coth", "sgn", "tr", "dim", "ker",
                                      "diag", "softmax", "sinc", "arg", "sup", "inf", "Pr")},
}  # fmt: skip
SPACES = _reversed(SPACE_COMMAND)
OPEN = {"(": "(", "[": "[", r"\{": "{", r"\lbrace": "{", r"\lbrack": "[", r"\langle": "<",
        r"\lfloor": "floor(", r"\lceil": "ceil(", r"\lvert": "|", r"\lVert": "||"}  # fmt: skip
CLOSE = {")": ")", "]": "]", r"\}": "}", r"\rbrace": "}", r"\rbrack": "]", r"\rangle": ">",
         r"\rfloor": "floor)", r"\rceil": "ceil)", r"\rvert": "|", r"\rVert": "||"}  # fmt: skip
BARS = {"|": "|", r"\vert": "|", r"\|": "||", r"\Vert": "||"}
MATRICES = {"matrix": ("", ""), "smallmatrix": ("", ""), "array": ("", ""), "pmatrix": ("(", ")"),
            "bmatrix": ("[", "]"), "Bmatrix": ("{", "}"), "vmatrix": ("|", "|"),
            "Vmatrix": ("||", "||")}  # fmt: skip
CASES = ("cases", "dcases", "rcases")
