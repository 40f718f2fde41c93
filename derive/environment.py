"""The environment of a sheet: in which notation each formula is read, and what its signs mean.

The notation is the one that is told, by the caller or by a directive; else it is guessed, and the
guess is stated.  What the forward equations, the words and the definitions of the sheet say of its
signs goes before the notation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from derive.conventions import PLAIN, Conventions
from derive.errors import SpecError, listed, shown, suggestion
from derive.forward import forward
from derive.judging import Judge
from derive.profile import Profile
from derive.profiles import load, names
from derive.python_environment import python_scope
from derive.reading import Reading
from derive.reading_scope import Scope
from derive.reading_tree import Entry, Letter, walk
from derive.sheet import Directive, Formula, Heading, Part, Sheet
from derive.sheet_agreements import declared
from derive.sheet_definitions import with_definitions
from derive.sheet_signs import Signs, own_of, signs_of
from derive.sheets import claims_of
from derive.spec import Network

KNOWN_DIRECTIVES = ("notation", "off", "on", "loss", "spec", "network")
CLEARLY = 6  # by how much a section must read better to have a notation of its own


@dataclass(frozen=True)
class Environment:
    """The scope of every displayed formula, and what was found out on the way."""

    notation: str
    guessed: bool
    scopes: tuple[Scope, ...]  # one for each of sheet.formulas
    conventions: Conventions = PLAIN  # that the sheet declares by its forward equations
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Section:
    parts: tuple[Part, ...]

    @property
    def formulas(self) -> tuple[Formula, ...]:
        return tuple(p for p in self.parts if isinstance(p, Formula) and p.display)


@dataclass(frozen=True)
class _Trial:
    """A notation tried on some formulas: how well they read."""

    name: str
    score: float
    scope: Scope


def environment(sheet: Sheet, network: Network | None, notation: str | None = None) -> Environment:
    """The environment of a sheet about a network; without one, of lemmas and chain rules."""
    if sheet.formulas and all(f.language == "python" for f in sheet.formulas):
        scope, conventions = python_scope(sheet, network)
        scopes = (scope,) * len(sheet.formulas)
        return Environment("rows", notation is None, scopes, conventions)
    return _Environments(sheet, network).run(notation)


class _Environments:
    """Finds the environment of one sheet of formulas."""

    def __init__(self, sheet: Sheet, network: Network | None) -> None:
        self.sheet, self.network = sheet, network
        self.judge = Judge(network) if network is not None else None
        passed = forward(network) if network is not None else None
        self.shapes = passed.shapes if passed else {}
        self.last = passed.output.tensor.label if passed else None
        stages = passed.stages if passed else ()
        self.threshold = any(getattr(s.layer, "bias", "") == "threshold" for s in stages)
        self.remarks: list[str] = []

    def run(self, notation: str | None) -> Environment:
        told = notation or self._told()
        signs = signs_of(self.sheet.parts, self.sheet.macros)
        if told is not None:
            whole = self._trial(told, load(told), signs, self.sheet.formulas)
        else:
            whole = self._best(signs, self.sheet.formulas)
        scope, conventions = self._complete(whole.scope, self.sheet.parts)
        scopes = {id(f): scope for f in self.sheet.formulas}
        sections = list(_sections(self.sheet.parts))
        if told is None and len(sections) > 1:
            self._divide(sections, whole, scopes)
        self._unknown_directives()
        return Environment(
            whole.name,
            told is None,
            tuple(scopes[id(f)] for f in self.sheet.formulas),
            conventions,
            tuple(dict.fromkeys(self.remarks)),
        )

    def _told(self) -> str | None:
        """The notation that a directive names."""
        for part in self.sheet.parts:
            if isinstance(part, Directive) and part.name == "notation":
                if part.value not in names() and not part.value.endswith(".toml"):
                    hint = suggestion(part.value, names())
                    raise SpecError(
                        f"{part.file}:{part.line}: notation: found {shown(part.value)}, "
                        f"expected {listed(names())}{hint}"
                    )
                return part.value
        return None

    def _unknown_directives(self) -> None:
        for part in self.sheet.parts:
            if isinstance(part, Directive) and part.name not in KNOWN_DIRECTIVES:
                hint = suggestion(part.name, KNOWN_DIRECTIVES)
                self.remarks.append(
                    f"line {part.line}: the directive {shown(part.name)} is not known{hint}"
                )

    # ---------------------------------------------------------------- guesses

    def _base(self, made: Profile) -> Scope:
        return Scope(made, self.last, self.shapes, self.threshold)

    def _trial(
        self, name: str, made: Profile, signs: Signs, formulas: tuple[Formula, ...]
    ) -> _Trial:
        base = self._base(made)
        depth = 0 if self.last is None else self.last.offset if not self.last.base else 0
        own = own_of(signs, base, depth)
        scope = replace(base, own=own)
        readings = [claims_of(f, scope, self.sheet.macros) for f in formulas]
        score = sum(map(_quality, readings)) - 0.5 * len(own.signs)
        return _Trial(name, score + self._holding(readings, scope), scope)

    def _best(self, signs: Signs, formulas: tuple[Formula, ...]) -> _Trial:
        """The notation in which the formulas read best; between equals the first of the list."""
        trials = [self._trial(name, load(name), signs, formulas) for name in names()]
        return max(trials, key=lambda trial: trial.score)

    def _holding(self, readings: list[Reading], scope: Scope) -> float:
        """How many of the first forward equations hold: the order of indices shows in them."""
        if self.judge is None:
            return 0.0
        tried = [c for r in readings for c in r.claims if is_forward(c.lhs) and c.complete][:6]
        return 2.0 * sum(self.judge.holds(claim, scope) for claim in tried)

    # ---------------------------------------------------------------- sections

    def _divide(self, sections: list[_Section], whole: _Trial, scopes: dict[int, Scope]) -> None:
        """A section that clearly reads better in another notation has it."""
        for section in sections:
            if not section.formulas:
                continue
            signs = signs_of(section.parts, self.sheet.macros)
            here = self._trial(whole.name, load(whole.name), signs, section.formulas)
            best = self._best(signs, section.formulas)
            if best.name == whole.name or best.score < here.score + CLEARLY:
                continue
            scope, _ = self._complete(best.scope, section.parts)
            for formula in section.formulas:
                scopes[id(formula)] = scope
            line = section.formulas[0].line
            self.remarks.append(f"from line {line} on, the notation is read as {best.name}")

    # ---------------------------------------------------------------- what the sheet declares

    def _complete(self, scope: Scope, parts: tuple[Part, ...]) -> tuple[Scope, Conventions]:
        formulas = tuple(p for p in parts if isinstance(p, Formula))
        scope = with_definitions(scope, formulas, self.sheet.macros)
        conventions = PLAIN
        if self.judge is not None:
            readings = [claims_of(f, scope, self.sheet.macros) for f in formulas if f.display]
            claims = [c for r in readings for c in r.claims if is_forward(c.lhs) and c.complete]
            conventions = declared(self.judge, claims[:10], scope)
        self.remarks += clashes(scope)
        return replace(scope, conventions=conventions), conventions


def _sections(parts: tuple[Part, ...]) -> Iterator[_Section]:
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Heading) and any(isinstance(p, Formula) for p in found):
            yield _Section(tuple(found))
            found = []
        found.append(part)
    yield _Section(tuple(found))


def _quality(reading: Reading) -> float:
    """How well one formula reads: problems and letters without a meaning count against it."""
    score = -4.0 * len(reading.problems)
    for claim in reading.claims:
        entries = unknown = 0
        for side in claim.sides:
            for node in walk(side):
                entries += isinstance(node, Entry)
                unknown += isinstance(node, Letter) and _is_unknown(node.name)
        score += 1.0 if entries else 0.0
        score -= 0.7 * unknown + 0.2 * sum("without a layer" in note for note in claim.notes)
    return score


def _is_unknown(name: str) -> bool:
    """Whether a letter looks like a quantity and not like an index or a number."""
    return not (len(name) == 1 and name.islower() and name in "ijklmnpqrstuc")


def is_forward(node: object) -> bool:
    """Whether a claim's left side is what a forward equation computes."""
    return isinstance(node, Entry) and node.role in ("preactivation", "activation", "output")


def clashes(scope: Scope) -> Iterator[str]:
    """Signs that the sheet uses in another sense than the notation."""
    for (sign, below), bound in scope.own.signs.items():
        roles = {m.role for m in scope.meanings(sign)}
        if roles and not below and bound.role not in roles and bound.role != "user":
            there = sorted(roles)[0].replace("_", " ")
            here = bound.role.replace("_", " ")
            yield f"{sign} is the {here} in this sheet, not the {there} of the notation"
