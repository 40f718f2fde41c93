r"""The last reader of a LaTeX page: it knows the commands that our pages use, and no others.

Whatever a user managed to smuggle into a page would have to be a command or an environment that is
not in these lists, a ^^ sequence, a comment, or a macro parameter; all are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from codegen.pages.tex_text import (
    ACCENT_COMMAND,
    BIG_COMMAND,
    FENCE_COMMAND,
    FUNCTION_COMMAND,
    GREEK_COMMAND,
    OPERATOR_COMMAND,
    SPACE_COMMAND,
    STYLE_COMMAND,
    SYMBOL_COMMAND,
    TINT_COMMAND,
)

_TABLES = (
    ACCENT_COMMAND, BIG_COMMAND, FENCE_COMMAND, FUNCTION_COMMAND, GREEK_COMMAND, OPERATOR_COMMAND,
    SPACE_COMMAND, STYLE_COMMAND, SYMBOL_COMMAND, TINT_COMMAND,
)  # fmt: skip
_TOKEN = re.compile(r"\\([A-Za-z]+\*?|.|\n|$)", re.DOTALL)

_NAME = re.compile(r"\\([A-Za-z]+\*?)")
_MATHEMATICS = """frac tfrac sqrt left right bigl bigr underbrace operatorname operatorname* mathit
boldsymbol text quad qquad notag label eqref ref hspace displaystyle"""
_WORDS = """textbackslash textasciicircum textasciitilde textless textgreater textbar textquotedbl
textasciigrave textquoteleft texttt textbf emph softbreak dots checkmark times cdot pm to ss ae AE
o O oe OE l L aa AA i j c v r u H k enspace normalfont upshape small color linewidth item"""
_PAGE = """begin end section subsection subsubsection subsection* texorpdfstring resizebox caption
centering nopagebreak codeline remarked why checked shrunk qedhere toprule midrule bottomrule
raggedright arraybackslash node draw fill useasboundingbox footnotesize par vspace LARGE large
bfseries thispagestyle hrule"""
_SIGNS = set("\\{}$&#%_,:;!|.'`^~\"= -")


def _names(commands: Iterable[str]) -> set[str]:
    return {name for command in commands for name in _NAME.findall(command)}


BODY = frozenset(
    _names(command for table in _TABLES for command in table.values())
    | {*f"{_MATHEMATICS} {_WORDS} {_PAGE}".split()}
    | _SIGNS
)
_ENVIRONMENT_NAMES = """document align align* equation equation* cases matrix matrix* tabular
tikzpicture placed figure table code result lemma proposition theorem fact convention proof exercise
itemize enumerate"""
ENVIRONMENTS = frozenset(_ENVIRONMENT_NAMES.split())
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{([^}]*)\}")


def assert_safe_latex(text: str) -> str:
    """The text unchanged; ValueError where it holds a command that no page of ours needs.

    The part before \\begin{document} belongs to the template, whose holes hold escaped words.
    """
    head, mark, body = text.partition("\\begin{document}")
    assert_safe_body(body if mark else head)
    return text


def assert_safe_body(body: str) -> str:
    """The text unchanged, if every command and environment in it is known."""
    for found in _TOKEN.finditer(body):
        name = found.group(1)
        if name not in BODY and name.rstrip("*") not in BODY:
            raise ValueError(f"\\{name} {_where(body, found.start())} is no command of our pages")
    for found in _ENVIRONMENT.finditer(body):
        if found.group(1) not in ENVIRONMENTS:
            raise ValueError(f"environment {found.group(1)!r} {_where(body, found.start())}")
    bare = _TOKEN.sub("  ", body)
    for bad, reason in (("^^", "a character by its number"), ("#", "a macro parameter")):
        if bad in bare:
            raise ValueError(f"{bad} ({reason}) {_where(bare, bare.index(bad))}")
    if remark := re.search(r"%(?!\n)", bare):
        raise ValueError(f"a comment {_where(bare, remark.start())}")
    if sign := re.search(r"[^\n\x20-\x7e]", bare):
        raise ValueError(f"U+{ord(sign.group()):04X} {_where(bare, sign.start())}")
    return body


def _where(text: str, place: int) -> str:
    line = text.count("\n", 0, place) + 1
    return f"in line {line} of the body, near {text[max(0, place - 20) : place + 20]!r}"
