"""Finds formulas, headings and prose in text whose comments and programs are already blanked.

Both TeX and Markdown write mathematics in the same frames: environments, \\[ \\], $$, $, \\( \\).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from derive.sheets.sheet import Formula, Heading, Prose
from derive.sheets.text import MOST_FORMULAS, Placed, Source

DISPLAYS = frozenset(
    (
        "equation", "align", "gather", "multline", "eqnarray", "alignat", "flalign", "displaymath",
        "split", "aligned", "gathered", "alignedat", "dmath", "IEEEeqnarray", "xalignat",
        "darray", "mathpar", "empheq",
    )
)  # fmt: skip
#: Environments whose formula stands behind an argument in braces.
WITH_ARGUMENT = ("alignat", "alignedat", "IEEEeqnarray", "xalignat", "empheq")
_MARK = re.compile(
    r"\\begin\s*\{(?P<begin>[A-Za-z]+)(?P<star>\*?)\}"
    r"|\\(?P<heading>part|chapter|section|subsection|subsubsection|paragraph|subparagraph|title)"
    r"(?![A-Za-z])\*?\s*(?:\[[^\]\n]*\])?\s*\{"
    r"|(?P<open>\$\$|\$|\\\[|\\\()"
    r"|\\."
    r"|(?P<paragraph>\n[ \t]*\n)",
    re.DOTALL,
)
_LABEL = re.compile(r"\\(?:label|tag\*?)\s*\{([^{}]*)\}")
_INTERTEXT = re.compile(r"\\(?:short)?intertext\s*\{")
_BLANK = re.compile(r"\n[ \t]*\n")
_CLOSERS = {r"\[": r"\]", r"\(": r"\)", "$$": "$$", "$": "$"}
_CELL = re.compile(r"(?<!\\)&|\\\\")  # ends a cell of a table, or a row
_UNSAID = re.compile(
    r"%[ \t]*(?=\n|$)|\\(?:begin|end)\s*\{[^{}]*\}(?:\[[^\]]*\])?"
    r"|\\(?:label|ref|eqref|cref|Cref|cite[a-z]*|vspace|hspace|color|textcolor|includegraphics)\*?"
    r"\s*(?:\[[^\]]*\])?\{[^{}]*\}|\\[A-Za-z]+\*?|\\.|[{}~&]"
)


@dataclass
class Scanner:
    """Reads one text; `markdown` says by which rules a single dollar opens mathematics."""

    source: Source
    text: str
    markdown: bool = False

    def run(self, start: int = 0, end: int | None = None) -> list[Placed]:
        """Formulas, headings and prose between two places, in order."""
        end = len(self.text) if end is None else end
        made: list[Placed] = []
        at = since = start
        while found := _MARK.search(self.text, at, end):
            at = found.end()
            parts: list[Placed] | None = None
            if found["begin"] and found["begin"] in DISPLAYS | {"math"}:
                parts, at = self._environment(found, end)
            elif found["heading"]:
                parts, at = self._heading(found, end)
            elif found["open"] and self._opens(found):
                parts, at = self._delimited(found, end)
            elif found["paragraph"] is not None:
                parts, at = [], found.end() - 1
            if parts is not None:
                made += self._prose(since, found.start())
                made += parts
                since = at
            if len(made) > 4 * MOST_FORMULAS:
                raise self.source.refused(at, f"found more than {MOST_FORMULAS} formulas")
        return made + self._prose(since, end)

    def whole(self, start: int, end: int, frame: str) -> list[Placed]:
        """A stretch that is one display without a frame of its own."""
        return self._formula(start, end, frame)

    # ---------------------------------------------------------------- frames

    def _environment(self, found: re.Match[str], end: int) -> tuple[list[Placed], int]:
        name = found["begin"] + found["star"]
        start = self._behind_arguments(found["begin"], found.end(), end)
        closing = self._end_of(name, start, end)
        if closing is None:
            stop, at = self._until_blank(start, end)
            return self._formula(start, stop, name, rf"found no \end{{{name}}} behind it"), at
        stop, at = closing
        asides = [part for m in _INTERTEXT.finditer(self.text, start, stop) for part in self._in(m)]
        return asides + self._formula(start, stop, name), at

    def _behind_arguments(self, name: str, at: int, end: int) -> int:
        if found := re.compile(r"\s*\[[^\]\n]*\](?=\s*[{\n])").match(self.text, at, end):
            at = found.end()
        if name in WITH_ARGUMENT and (found := re.compile(r"\s*\{").match(self.text, at, end)):
            at = self._closing_brace(found.end() - 1, end) + 1
        return at

    def _in(self, found: re.Match[str]) -> list[Placed]:
        """Words between the rows of a display, with the mathematics inside them."""
        start = found.end()
        return self.run(start, self._closing_brace(start - 1, len(self.text)))

    def _end_of(self, name: str, at: int, end: int) -> tuple[int, int] | None:
        r"""Where \end of the environment stands, and where it ends."""
        depth = 1
        same = re.compile(r"\\\\|\\(begin|end)\s*\{" + re.escape(name) + r"\}")
        while found := same.search(self.text, at, end):
            at = found.end()
            depth += {"begin": 1, "end": -1}.get(found[1] or "", 0)
            if not depth:
                return found.start(), found.end()
        return None

    def _until_blank(self, start: int, end: int) -> tuple[int, int]:
        found = _BLANK.search(self.text, start, end)
        stop = found.start() if found else end
        return stop, stop

    def _opens(self, found: re.Match[str]) -> bool:
        """Whether a dollar opens mathematics; in Markdown one before a space is a dollar."""
        after = self.text[found.end() : found.end() + 1]
        return not (self.markdown and found["open"] == "$" and (after.isspace() or not after))

    def _delimited(self, found: re.Match[str], end: int) -> tuple[list[Placed], int]:
        opening = found["open"]
        start, display = found.end(), opening in ("$$", r"\[")
        stop = self._closer(opening, start, end)
        if stop is None:
            if opening == "$" and self.markdown:
                return [], start
            stop, at = self._until_blank(start, end)
            closer = _CLOSERS[opening]
            problem = f'found no "{closer}" that closes it'
            return self._formula(start, stop, opening, problem, display), at
        made = self._formula(start, stop, opening, display=display)
        return made, stop + len(_CLOSERS[opening])

    def _closer(self, opening: str, at: int, end: int) -> int | None:
        """Where the frame is closed; a blank line or the same opening again ends the search."""
        closer = _CLOSERS[opening]
        mark = re.compile(r"\\\\|\$\$|\$|\\[\[\]()]|\\.|[{}]|\n[ \t]*\n", re.DOTALL)
        depth = 0
        first: int | None = None  # where it closes if the braces are not balanced
        while found := mark.search(self.text, at, end):
            at, sign = found.end(), found.group()
            if sign in "{}":
                depth += 1 if sign == "{" else -1
            elif sign == closer and self._closes(opening, found):
                if depth <= 0:
                    return found.start()
                first = found.start() if first is None else first
            elif opening == "$" and sign == "$$" and depth <= 0:
                return found.start()  # $a$$b$: two formulas side by side
            elif (sign == opening and opening[0] == "\\") or sign[0] == "\n":
                return first
        return first

    def _closes(self, opening: str, found: re.Match[str]) -> bool:
        if not (self.markdown and opening == "$"):
            return True
        before = self.text[found.start() - 1]
        after = self.text[found.end() : found.end() + 1]
        return not before.isspace() and not after.isdigit()

    # ---------------------------------------------------------------- parts

    def _formula(
        self, start: int, stop: int, frame: str, problem: str = "", display: bool = True
    ) -> list[Placed]:
        text = self.text[start:stop]
        start += len(text) - len(text.lstrip())
        text = text.strip()
        if not text:
            return []
        line, column = self.source.place(start)
        label = _LABEL.search(text)
        made = Formula(
            self.source.name, text, line, column, start, display and frame != "math", frame,
            label[1] if label else "", problem=problem,
        )  # fmt: skip
        return [(start, made)]

    def _heading(self, found: re.Match[str], end: int) -> tuple[list[Placed], int]:
        stop = self._closing_brace(found.end() - 1, end)
        title = _UNSAID.sub(" ", self.text[found.end() : stop])
        part = Heading(self.source.name, " ".join(title.split()), self.source.line(found.start()))
        return [(found.start(), part)], min(stop + 1, end)

    def _prose(self, start: int, end: int) -> list[Placed]:
        cells = _CELL.sub(lambda c: " | " if c[0] == "&" else " ; ", self.text[start:end])
        words = " ".join(_UNSAID.sub(" ", cells).split())
        if not re.search(r"\w", words):
            return []
        first = re.search(r"\S", self.text[start:end])
        at = start + (first.start() if first else 0)
        return [(at, Prose(self.source.name, words, self.source.line(at)))]

    def _closing_brace(self, at: int, end: int) -> int:
        depth = 0
        for found in self._braces(at, end):
            depth += 1 if found.group() == "{" else -1
            if not depth:
                return found.start()
        return self._until_blank(at, end)[0]

    def _braces(self, at: int, end: int) -> Iterator[re.Match[str]]:
        for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(self.text, at, end):
            if found.group() in "{}":
                yield found
