"""Sheets in Markdown: mathematics in dollars, brackets or fences; code and comments are skipped."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from derive.errors import SpecError
from derive.reading.latex_macros import Macros, definitions
from derive.reading.latex_tokens import Refused
from derive.sheets.scan import Scanner
from derive.sheets.sheet import Formula, Heading, Part
from derive.sheets.tex import REFUSED_COMMAND
from derive.sheets.text import Placed, Source, blank_all, directives, off_stretches

_FENCE = re.compile(
    r"^(?P<indent>[ \t>]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$", re.MULTILINE
)
_MATHEMATICS = ("math", "latex", "tex", "katex", "mathjax")
_COMMENT = re.compile(r"<!--(.*?)-->|<!--", re.DOTALL)
_QUOTED = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_CODE = re.compile(
    r"(?<!`)(?P<mark>`+)(?!`)(?P<inside>(?:(?!\n[ \t]*\n).)+?)(?<!`)(?P=mark)(?!`)", re.DOTALL
)
_QUOTED_MATH = re.compile(r"\$`([^`\n]+)`\$")
#: Frames whose backslash is doubled because Markdown would take a single one away.
_DOUBLED = re.compile(
    r"^(?P<in>[ \t]*)\\\\\[(?P<display>(?!-?\d)(?:(?!\n[ \t]*\n).)*?)\\\\\]"
    r"|\\\\\((?P<inline>[^\n]*?)\\\\\)",
    re.DOTALL | re.MULTILINE,
)
_HEADING = re.compile(
    r"^ {0,3}#{1,6}[ \t]+(?P<title>[^\n]*?)[ \t#]*$"
    r"|^(?P<under>[^\n\s#>$`|\\][^\n$]*)\n {0,3}(?:=+|-{3,})[ \t]*$",
    re.MULTILINE,
)
_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n.*?\n\1[ \t]*$", re.DOTALL | re.MULTILINE)


@dataclass
class MarkdownReader:
    """Reads one file."""

    macros: Macros = field(default_factory=Macros)

    def parts(self, source: Source) -> list[Part]:
        """The parts of the file in order."""
        told: list[Placed] = []
        text = source.text
        if matter := _MATTER.match(text):
            text = blank_all(text, [matter.span()])
        text, blocks = self._fences(text)
        comments = list(_COMMENT.finditer(text))
        for comment in comments:
            told += directives(source, comment.start(), comment[1] or "")
        gone = [c.span() if c[1] is not None else (c.start(), len(text)) for c in comments]
        gone += off_stretches(told, len(text))
        text = blank_all(text, gone)
        hidden = [(low, high) for low, high in blocks if text[low:high].strip()]
        text = _QUOTED.sub(lambda found: " " * len(found.group()), self._code(text))
        if found := REFUSED_COMMAND.search(text):
            raise source.refused(
                found.start(),
                f"found the command {found.group()}, which programs TeX; expected formulas",
            )
        try:
            text, self.macros = definitions(text, self.macros, lenient=True)
        except SpecError as problem:
            raise Refused(*(f"{source.name}: {p}" for p in problem.problems)) from None
        made = told
        for low, high in hidden:
            made += self._block(source, text, low, high)
        text = blank_all(text, hidden)
        text, headings = self._headings(source, text)
        made += headings + Scanner(source, text, markdown=True).run()
        return [part for _, part in sorted(made, key=lambda placed: placed[0])]

    def _fences(self, text: str) -> tuple[str, list[tuple[int, int]]]:
        """The text without blocks of code, and where the blocks of mathematics stand."""
        gone: list[tuple[int, int]] = []
        blocks: list[tuple[int, int]] = []
        at = 0
        while opening := _FENCE.search(text, at):
            mark = opening["fence"]
            closing = re.compile(
                rf"^[ \t>]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$", re.MULTILINE
            ).search(text, opening.end())
            stop = closing.start() if closing else len(text)
            at = closing.end() if closing else len(text)
            words = opening["info"].strip().strip("{}").lstrip(".").split()
            if words and words[0].lower() in _MATHEMATICS:
                gone += [opening.span(), (stop, at)]
                blocks.append((opening.end(), stop))
            else:
                gone.append((opening.start(), at))
        return blank_all(text, gone), blocks

    def _code(self, text: str) -> str:
        """The text without code in a line; mathematics between dollars and back quotes stays."""
        text = _QUOTED_MATH.sub(lambda found: f" ${found[1]}$ ", text)
        text = _CODE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
        return _DOUBLED.sub(_undoubled, text)

    def _block(self, source: Source, text: str, low: int, high: int) -> list[Placed]:
        """A block of mathematics: the displays in it, or all of it as one."""
        scanner = Scanner(source, text)
        found = [
            placed
            for placed in scanner.run(low, high)
            if isinstance(placed[1], Formula) and placed[1].display
        ]
        return found or scanner.whole(low, high, "```")

    def _headings(self, source: Source, text: str) -> tuple[str, list[Placed]]:
        made: list[Placed] = []
        gone: list[tuple[int, int]] = []
        for found in _HEADING.finditer(text):
            title = found["title"] if found["title"] is not None else found["under"]
            made.append(
                (found.start(), Heading(source.name, title.strip(), source.line(found.start())))
            )
            gone.append(found.span())
        return blank_all(text, gone), made


def _undoubled(found: re.Match[str]) -> str:
    if found["inline"] is not None:
        return rf" \({found['inline']} \)"
    return rf"{found['in']} \[{found['display']} \]"
