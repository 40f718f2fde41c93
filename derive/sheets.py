r"""The door of sheets: a file's text as formulas, prose and headings in order.

>>> made = read_sheet(r"We find \[ \delta_j = e_j \] at once.", "hand.tex", "tex")
>>> [formula.text for formula in made.formulas]
['\\delta_j = e_j']
"""

from __future__ import annotations

from derive.errors import SpecError, listed, shown
from derive.sheet import Sheet
from derive.sheet_markdown import MarkdownReader
from derive.sheet_python import python_parts
from derive.sheet_tex import TexReader
from derive.sheet_text import Include, Source

KINDS = ("tex", "md", "py")
_SAME = {"latex": "tex", "ltx": "tex", "markdown": "md", "python": "py", "txt": "md", "mkd": "md"}


def read_sheet(text: str, name: str, kind: str, include: Include | None = None) -> Sheet:
    r"""The sheet of a text; TeX programming, files outside and excess raise `Refused`.

    `kind` is tex, md or py; `include` gives the text of a file that \input names, by its path
    inside the folder.
    """
    plain = kind.lower().lstrip(".")
    plain = _SAME.get(plain, plain)
    if plain not in KINDS:
        raise SpecError(f"{name}: found the kind {shown(kind)}, expected {listed(KINDS)}")
    source = Source(name, text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    if plain == "py":
        return Sheet(name, tuple(python_parts(source)))
    if plain == "md":
        markdown = MarkdownReader()
        return Sheet(name, tuple(markdown.parts(source)), markdown.macros)
    reader = TexReader(include)
    return Sheet(name, tuple(reader.parts(source)), reader.macros)
