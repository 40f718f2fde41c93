r"""Sheets in LaTeX: what is skipped, what is refused, which files are read with it.

Comments, verbatim text and drawings are blanked out, so that every formula keeps its place; TeX
programming is refused by its name; \input is followed inside the folder.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

from derive.errors import SpecError
from derive.reading.latex_macros import Macros, definitions
from derive.reading.latex_tokens import Refused
from derive.sheets.scan import Scanner
from derive.sheets.sheet import Part
from derive.sheets.text import (
    DEEPEST_INPUT,
    MOST_INPUTS,
    MOST_TEXT,
    Include,
    Placed,
    Source,
    blank_all,
    directives,
    inside_folder,
    off_stretches,
)

#: Commands that compute, read or write files or change how characters are read, in any place.
REFUSED = (
    "catcode", "csname", "endcsname", "write", "immediate", "openout", "openin", "closeout",
    "closein", "read", "readline", "InputIfFileExists", "loop", "repeat", "whiledo", "edef", "xdef",
    "gdef", "futurelet", "expandafter", "noexpand", "afterassignment", "aftergroup", "everymath",
    "everypar", "everydisplay", "everyjob", "special", "directlua", "luaexec", "luadirect",
    "latelua", "ExplSyntaxOn", "uppercase", "lowercase", "mathchardef", "chardef", "countdef",
    "newcount", "newwrite", "newread", "advance", "multiply", "divide", "ifx", "ifnum", "ifdim",
    "ifcase", "ifcat", "ifmmode", "ifodd", "ifeof", "ifvoid", "scantokens", "detokenize",
    "batchmode", "scrollmode", "nonstopmode", "shipout", "globaldefs", "escapechar", "endlinechar",
    "romannumeral", "import", "subimport", "pdfsystem", "ShellEscape", "mathcode", "activechar",
)  # fmt: skip
REFUSED_COMMAND = re.compile(r"\\(" + "|".join(REFUSED) + r")(?![A-Za-z])")
#: Environments in which nothing is a formula.
_SKIPPED = (
    "verbatim", "Verbatim", "BVerbatim", "LVerbatim", "lstlisting", "minted", "comment", "alltt",
    "tikzpicture", "pgfpicture", "filecontents", "picture", "circuitikz", "tikzcd", "sagesilent",
    "codeblock", "thebibliography",
)  # fmt: skip
_OPAQUE = re.compile(
    r"\\\\|\\%"
    r"|(?P<comment>%[^\n]*)"
    r"|\\begin\s*\{(?P<skipped>" + "|".join(_SKIPPED) + r")(?P<star>\*?)\}"
    r"|\\(?P<verb>verb|lstinline|mintinline)\*?(?:\{[a-z]+\})?(?P<fence>[^\sA-Za-z*{\[])"
    r"|\\(?P<false>iffalse|iftrue)(?![A-Za-z])"
)
_CONDITION = re.compile(r"\\(if[a-zA-Z]*|else|fi)(?![A-Za-z])")
_INPUT = re.compile(
    r"\\(?:input|include|subfile|subfileinclude)(?![A-Za-z])\s*"
    r"(?:\{(?P<braced>[^{}\n]*)\}|(?P<bare>[^\s\\{}$%]+))"
)
_END = re.compile(r"\\end\s*\{document\}|\\endinput(?![A-Za-z])")


@dataclass
class TexReader:
    """Reads a file and the files that it reads."""

    include: Include | None = None
    macros: Macros = field(default_factory=Macros)
    read: int = 0  # characters so far
    inputs: int = 0

    def parts(self, source: Source, depth: int = 0) -> list[Part]:
        """The parts of the file in order, those of the files it reads at their places."""
        self.read += len(source.text)
        if self.read > MOST_TEXT:
            raise Refused(f"{source.name}: found files of more than {MOST_TEXT} characters")
        text, told = self._visible(source)
        if found := REFUSED_COMMAND.search(text):
            raise source.refused(
                found.start(),
                f"found the command {found.group()}, which programs TeX; expected formulas",
            )
        text = self._defined(source, text)
        end = found.start() if (found := _END.search(text)) else len(text)
        body = re.search(r"\\begin\s*\{document\}", text)
        start = body.end() if body and body.end() <= end else 0
        text = blank_all(text, off_stretches(told, end))
        made: list[tuple[int, list[Part]]] = [(at, [part]) for at, part in told]
        calls = list(_INPUT.finditer(text, 0, end))
        for call in calls:
            inside = self._followed(source, call, depth)
            if call.start() >= start:  # what the preamble reads gives macros only
                made.append((call.start(), inside))
        scanner = Scanner(source, blank_all(text, [call.span() for call in calls]))
        cuts = [start, *(c.start() for c in calls if c.start() >= start), end]
        for low, high in itertools.pairwise(cuts):
            made += [(at, [part]) for at, part in scanner.run(low, high)]
        return [part for _, parts in sorted(made, key=lambda p: p[0]) for part in parts]

    # ---------------------------------------------------------------- what can be seen

    def _visible(self, source: Source) -> tuple[str, list[Placed]]:
        """The text without comments, verbatim text and drawings; what comments tell the checker."""
        text = source.text
        gone: list[tuple[int, int]] = []
        told: list[Placed] = []
        at = 0
        while found := _OPAQUE.search(text, at):
            at = found.end()
            if found["comment"] is not None:
                told += directives(source, found.start(), found["comment"][1:])
                gone.append((found.start() + 1, found.end()))  # the sign stays: no blank line
            elif found["skipped"]:
                closing = f"\\end{{{found['skipped']}{found['star']}}}"
                stop = text.find(closing, at)
                at = len(text) if stop < 0 else stop + len(closing)
                gone.append((found.start(), at))
            elif found["verb"]:
                stop = text.find(found["fence"], at)
                at = stop + 1 if stop >= 0 else at
                gone.append((found.start(), at))
            elif found["false"]:
                hidden = self._hidden(text, found)
                gone += hidden
                at = found.end() if found["false"] == "iftrue" else hidden[0][1]
        return blank_all(text, gone), told

    def _hidden(self, text: str, found: re.Match[str]) -> list[tuple[int, int]]:
        r"""What \iffalse hides: up to \else or \fi; of \iftrue, what stands behind \else."""
        depth, middle = 1, None
        for sign in _CONDITION.finditer(text, found.end()):
            if sign[1] == "else" and depth == 1:
                middle = sign
            depth += {"else": 0, "fi": -1}.get(sign[1], 1)
            if not depth:
                if found["false"] == "iftrue":
                    return [found.span(), (*(middle or sign).span()[:1], sign.end())]
                return [(found.start(), (middle or sign).end()), sign.span()]
        if found["false"] == "iftrue":
            return [found.span()]
        return [(found.start(), len(text))]

    def _defined(self, source: Source, text: str) -> str:
        """The text without its definitions, which are kept."""
        try:
            text, self.macros = definitions(text, self.macros, lenient=True)
        except SpecError as problem:
            raise Refused(*(f"{source.name}: {p}" for p in problem.problems)) from None
        return text

    # ---------------------------------------------------------------- other files

    def _followed(self, source: Source, call: re.Match[str], depth: int) -> list[Part]:
        name = call["braced"] if call["braced"] is not None else call["bare"]
        self.inputs += 1
        if depth >= DEEPEST_INPUT or self.inputs > MOST_INPUTS:
            raise source.refused(
                call.start(),
                f"found files inside files more than {DEEPEST_INPUT} deep or {MOST_INPUTS} in all",
            )
        try:
            plain = inside_folder(name)
            if self.include is None:
                raise SpecError(f"found {call.group()} in a text that lies in no folder")
            inner = Source(plain, self.include(plain))
        except SpecError as problem:
            raise source.refused(call.start(), " ".join(problem.problems)) from None
        except (OSError, UnicodeDecodeError):
            raise source.refused(
                call.start(), f"found {call.group()}, expected a file that can be read"
            ) from None
        return self.parts(inner, depth + 1)
