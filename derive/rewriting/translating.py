r"""A whole sheet in another notation: its formulas are re-written, everything else stays in place.

>>> from derive.sheets.door import read_sheet
>>> text = r"We have \[ \delta_i^l = o_i^l - y_i^* \] at the output."
>>> translate(text, read_sheet(text, "hand.tex", "tex"), None, "units", "columns").text
'We have \\[ \\delta_i^{(\\ell)} = a_i^{(\\ell)} - y_i \\] at the output.'
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from derive.forward import forward
from derive.profiles import load
from derive.reading.latex_macros import Macros
from derive.reading.latex_tokens import Refused, Unreadable
from derive.reading.scope import Scope
from derive.rewriting.translated import Translated, translated
from derive.rewriting.translation import Thresholds, Translator, scope_there
from derive.sheets.environment import environment
from derive.sheets.sheet import Directive, Formula, Sheet
from derive.spec import Network
from derive.writing.marks import GREEK
from derive.writing.profile import Profile


@dataclass(frozen=True)
class Left:
    """A formula that stands as it did, and why."""

    formula: Formula
    problem: Unreadable

    def __str__(self) -> str:
        """One line with the place."""
        file, line, column = self.formula.position(self.problem.at)
        said = f"found {self.problem.found}, expected {self.problem.expected}"
        return f"{file}:{line}:{column}: left as it is: {said}"


@dataclass(frozen=True)
class Translation:
    """A sheet in another notation."""

    text: str
    source: str  # the notation it was in
    guessed: bool
    done: int  # formulas that were read and written
    left: tuple[Left, ...] = ()
    notes: tuple[str, ...] = ()


def translate(
    text: str, sheet: Sheet, network: Network | None, source: str | None, target: str
) -> Translation:
    """The text of a sheet with its formulas in the notation `target`."""
    return _Sheet(text, sheet, network, source, load(target), target).run()


class _Sheet:
    """Translates one sheet."""

    def __init__(
        self,
        text: str,
        sheet: Sheet,
        network: Network | None,
        source: str | None,
        target: Profile,
        name: str,
    ) -> None:
        self.text, self.sheet, self.network = text, sheet, network
        self.target, self.name = target, name
        self.environment = environment(sheet, network, source)
        self.left: list[Left] = []
        self.notes: dict[str, None] = {}
        self.subtracted, self.generic = _about(network)

    def run(self) -> Translation:
        changes: list[tuple[int, int, str]] = []
        done = 0
        for formula, scope in self._formulas():
            made = self._formula(formula, scope)
            if made.problem is not None and not _says(formula.text):
                continue  # a mark alone: nothing in it has another name
            if made.problem is not None:
                self.left.append(Left(formula, made.problem))
                continue
            done += 1
            start = formula.start
            changes.append((start, start + len(formula.text), made.text))
        changes += self._directives()
        made_text, at = "", 0
        for start, end, new in sorted(changes):
            made_text += self.text[at:start] + new
            at = end
        return Translation(
            made_text + self.text[at:],
            self.environment.notation,
            self.environment.guessed,
            done,
            tuple(self.left),
            (*self.environment.remarks, *self.notes),
        )

    def _formulas(self) -> Iterator[tuple[Formula, Scope]]:
        """The formulas of the file itself with their scopes; one in a line has its neighbour's."""
        scopes = dict(zip(map(id, self.sheet.formulas), self.environment.scopes, strict=True))
        formulas = [p for p in self.sheet.parts if isinstance(p, Formula)]
        coming: Scope | None = None
        found: list[tuple[Formula, Scope | None]] = []
        for formula in reversed(formulas):
            coming = scopes.get(id(formula), coming)
            found.append((formula, coming))
        before = self._bare()
        for formula, scope in reversed(found):
            before = scope or before
            yield formula, before

    def _bare(self) -> Scope:
        """The scope of a sheet without displayed formulas."""
        if self.environment.scopes:
            return self.environment.scopes[-1]
        profile = load(self.environment.notation)
        if self.network is None:
            return Scope(profile)
        passed = forward(self.network)
        last = passed.output.tensor.label
        kinds = [getattr(s.layer, "bias", "") for s in passed.stages]
        return Scope(profile, last, passed.shapes, "threshold" in kinds)

    def _formula(self, formula: Formula, here: Scope) -> Translated:
        if formula.file != self.sheet.file:
            return _left(formula, "a formula of the file itself; translate the other file as well")
        if self.text[formula.start :][: len(formula.text)] != formula.text:
            return _left(formula, "a formula that stands in the file as it is")
        if formula.problem:
            return _left(formula, formula.problem.partition("; ")[2] or "a whole formula")
        there = scope_there(here, Scope(self.target))
        biases = here.conventions.biases
        subtracted: Thresholds = biases == "threshold" if biases else self.subtracted
        translator = Translator(here, there, subtracted, self.generic, self.notes)
        return _translated(formula, translator, self.sheet.macros)

    def _directives(self) -> Iterator[tuple[int, int, str]]:
        """A comment that names the notation names the new one."""
        starts = [0, *(found.end() for found in re.finditer("\n", self.text))]
        for part in self.sheet.parts:
            named = isinstance(part, Directive) and part.name == "notation"
            if named and part.file == self.sheet.file:
                start = starts[part.line - 1]
                line = self.text[start : self.text.find("\n", start) % (len(self.text) + 1)]
                assert isinstance(part, Directive)
                found = re.search(rf"(notation\s*=\s*\"?){re.escape(part.value)}", line, re.I)
                if found is not None:
                    yield start + found.end(1), start + found.end(), self.name


def _translated(formula: Formula, translator: Translator, macros: Macros) -> Translated:
    try:
        return translated(formula.text, translator, macros)
    except RecursionError:
        return _left(formula, "less nesting")
    except Refused as stop:
        where = f"{formula.file}:{formula.line}"
        raise Refused(*(f"{where}: {p}" for p in stop.problems)) from None


def _says(text: str) -> bool:
    """Whether there is a letter, Greek ones included, or a number."""
    words = re.findall(r"\\([A-Za-z]+)", text)
    plain = re.sub(r"\\[A-Za-z]+", "", text)
    return bool(re.search(r"[^\W_]", plain)) or any(w in GREEK or w == "ell" for w in words)


def _left(formula: Formula, expected: str) -> Translated:
    return Translated(formula.text, Unreadable(0, "this formula", expected))


def _about(network: Network | None) -> tuple[Thresholds, bool]:
    """In which layers biases are subtracted, where anybody says; whether activations are open."""
    if network is None:
        return None, True
    stages = forward(network).stages
    kinds = {s.label: getattr(s.layer, "bias", "") for s in stages if s.label is not None}
    generic = any(s.function is not None and s.function.label is not None for s in stages)
    return {label: kind == "threshold" for label, kind in kinds.items()}, generic
