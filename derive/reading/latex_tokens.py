r"""LaTeX formulas as tokens with their places; TeX programming is refused by its name.

>>> [t.text for t in tokens(r"w_{ij} \cdot x'")]
['w', '_', '{', 'i', 'j', '}', '\\cdot', 'x', "'"]
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from derive.errors import SpecError, shown
from derive.reading.unicode_signs import written

MOST_CHARACTERS = 20_000
MOST_TOKENS = 8_000
DEEPEST = 60
DEEPEST_FENCES = 150  # of parentheses and brackets, which need not be balanced

#: Commands that program TeX, read or write files, or change how characters are read.
PROGRAMMING = frozenset(
    (
        "catcode", "csname", "endcsname", "write", "immediate", "openout", "openin", "closeout",
        "closein", "read", "input", "include", "includeonly", "InputIfFileExists", "import",
        "usepackage", "RequirePackage", "loop", "repeat", "loops", "whiledo", "foreach", "edef",
        "xdef", "gdef", "let", "futurelet", "expandafter", "noexpand", "afterassignment",
        "aftergroup", "everymath", "everypar", "everydisplay", "output", "special", "directlua",
        "luaexec", "lua_now", "ExplSyntaxOn", "makeatletter", "makeatother", "uppercase",
        "lowercase", "mathchardef", "chardef", "countdef", "newcount", "newwrite", "newread",
        "advance", "multiply", "divide", "if", "ifx", "ifnum", "ifdim", "ifcase", "ifcat",
        "ifmmode", "else", "fi", "scantokens", "detokenize", "jobname", "endinput", "batchmode",
        "scrollmode", "nonstopmode", "errorstopmode", "shipout", "verbatiminput", "lstinputlisting",
        "includegraphics", "href", "url", "newenvironment", "renewenvironment", "globaldefs",
        "escapechar", "endlinechar", "endcsname", "the", "number", "romannumeral", "string",
    )
)  # fmt: skip

_TOKEN = re.compile(r":=|[<>=!]=|\\[A-Za-z]+\*?|\\\\\*|\\.|[0-9]|[A-Za-z]|\S", re.DOTALL)
_SPACE = re.compile(r"(\s|%[^\n]*(\n|$))+")
_RAW = re.compile(r"\\(text|textrm|textit|textbf|textsf|mbox|hbox|textnormal|operatorname\*?)\s*\{")


class Unreadable(SpecError):
    """A formula that cannot be read: at which place, what was found, what was expected."""

    def __init__(self, at: int, found: str, expected: str) -> None:
        """Keep the parts; the message joins them."""
        self.at, self.found, self.expected = at, found, expected
        super().__init__(f"character {at + 1}: found {found}, expected {expected}")


class Refused(SpecError):
    """TeX programming, or a formula beyond the limits: nothing of it is read."""


@dataclass(frozen=True)
class Token:
    """A piece of LaTeX and where it stands; `raw` is what stands in the braces of \\text."""

    kind: str  # command, letter, digit, mark, end
    text: str
    start: int
    end: int
    raw: str = ""

    def at(self, start: int, end: int) -> Token:
        """The same token as if it stood elsewhere."""
        return replace(self, start=start, end=end)

    @property
    def shown(self) -> str:
        """As a message shows it."""
        return "the end of the formula" if self.kind == "end" else shown(self.text)


def tokens(text: str, most: int = MOST_CHARACTERS) -> list[Token]:
    """The tokens of a formula, without white space and comments; limits are checked."""
    if len(text) > most:
        raise Refused(f"found {len(text)} characters in one formula, expected at most {most}")
    made: list[Token] = []
    depth = fences = at = 0
    ascii_alone = text.isascii()
    while at < len(text):
        if found := _SPACE.match(text, at):
            at = found.end()
            continue
        if found := _RAW.match(text, at):
            end = _closing(text, found.end() - 1)
            made.append(Token("command", "\\" + found[1], at, end + 1, text[found.end() : end]))
            at = end + 1
            continue
        if not ascii_alone and (plain := written(text, at)) is not None:
            latex, end = plain
            made += [t.at(at, end) for t in tokens(latex)]
            at = end
            continue
        word = _TOKEN.match(text, at)
        assert word is not None
        sign = "\\\\" if word.group() == r"\\*" else word.group()  # a line that no page ends
        for token in _token(sign, at, word.end()):
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            fences = max(0, fences + {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0))
            made.append(token)
        at = word.end()
        if depth > DEEPEST:
            raise Refused(f"character {at}: found braces nested {depth} deep, expected {DEEPEST}")
        if fences > DEEPEST_FENCES:
            raise Refused(
                f"character {at}: found parentheses nested {fences} deep, expected {DEEPEST_FENCES}"
            )
        if len(made) > MOST_TOKENS:
            raise Refused(f"found more than {MOST_TOKENS} signs in one formula")
    return made


def _closing(text: str, at: int) -> int:
    """Where the brace that opens at `at` is closed."""
    depth = 0
    for k in range(at, len(text)):
        if text[k - 1] == "\\":
            continue
        depth += {"{": 1, "}": -1}.get(text[k], 0)
        if not depth:
            return k
    raise Unreadable(at, '"{"', 'a "}" that closes it')


def _token(text: str, start: int, end: int) -> list[Token]:
    if text.startswith("\\"):
        name = text[1:]
        if name.rstrip("*") in PROGRAMMING:
            raise Refused(
                f"character {start + 1}: found the command {text}, which programs TeX; "
                "expected a formula"
            )
        return [Token("command", text, start, end)]
    if text.isascii() and text.isalpha():
        return [Token("letter", text, start, end)]
    if text.isascii() and text.isdigit():
        return [Token("digit", text, start, end)]
    if not text.isascii() or not text.isprintable():
        raise Unreadable(start, shown(text), "a sign of a formula")
    return [Token("mark", text, start, end)]
