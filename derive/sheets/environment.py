"""The environment of a sheet: in which notation each formula is read, and what its signs mean.

The notation is the one that is told, by the caller or by a directive; else it is guessed, and the
guess is stated.  What the forward equations, the words and the definitions of the sheet say of its
signs goes before the notation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from derive.algebra.terms import Call
from derive.algebra.terms import walk as walk_terms
from derive.claims.claim import Claim
from derive.errors import SpecError, listed, shown, suggestion
from derive.forward import forward
from derive.marking.conventions import PLAIN, Conventions
from derive.marking.judging import Judge
from derive.network.layers import Equations
from derive.primitives import ACTIVATIONS
from derive.profiles import load, names
from derive.python_sheets.environment import python_scope
from derive.reading.network import named_formulas
from derive.reading.reader import Reading
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Letter, walk
from derive.sheets.agreements import declared, in_words, quickly_holds
from derive.sheets.definitions import with_definitions
from derive.sheets.door import claims_of
from derive.sheets.findings import Signs, signs_of
from derive.sheets.habits import own_of
from derive.sheets.hypotheses import PLAIN as AS_USUAL
from derive.sheets.hypotheses import Hypothesis
from derive.sheets.identified import identified
from derive.sheets.objective import with_objective
from derive.sheets.sheet import Directive, Formula, Heading, Part, Sheet
from derive.sheets.statements import names_as
from derive.sheets.told_functions import with_told_function
from derive.spec import Network
from derive.spec import load as load_network
from derive.writing.profile import Profile

KNOWN_DIRECTIVES = ("notation", "off", "on", "loss", "spec", "network")
MOST_TRIED = 60  # formulas by which a notation is guessed
CLEARLY = 2.5  # by how much a section must read better to have a notation of its own


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


def environment(
    sheet: Sheet,
    network: Network | None,
    notation: str | None = None,
    hypothesis: Hypothesis = AS_USUAL,
    judge: Judge | None = None,
) -> Environment:
    """The environment of a sheet about a network; without one, of lemmas and chain rules.

    A judge of the network may be handed on, who has its small relatives ready.
    """
    if sheet.formulas and all(f.language == "python" for f in sheet.formulas):
        scope, conventions = python_scope(sheet, network)
        scopes = (scope,) * len(sheet.formulas)
        return Environment("rows", notation is None, scopes, conventions)
    made, letters = hypothesis, hypothesis.letters
    if made.letters == AS_USUAL.letters and network is not None:
        letters |= own_indices(network)
    with names_as(letters, made.behind, made.front, made.numbered):
        return _Environments(sheet, network, hypothesis, judge).run(notation)


def own_indices(network: Network) -> frozenset[str]:
    """The letters of indices of the layers that the user has written as equations."""
    layers = (stage.layer for stage in forward(network).stages)
    own = (layer for layer in layers if isinstance(layer, Equations))
    return frozenset(name for layer in own for name in layer.indices if len(name) == 1)


def directed(sheet: Sheet, network: Network) -> Network:
    """The network with the loss that a directive of the sheet names."""
    for part in sheet.parts:
        if isinstance(part, Directive) and part.name == "loss":
            layer = {"kind": "dense", "units": 2}
            spec = {"name": "loss", "input": 2, "layers": [layer], "loss": part.value}
            try:
                return network.model_copy(update={"loss": load_network(spec).loss})
            except SpecError as problem:
                where = f"{part.file}:{part.line}"
                raise SpecError(*(f"{where}: {p}" for p in problem.problems)) from None
    return network


class _Environments:
    """Finds the environment of one sheet of formulas."""

    def __init__(
        self, sheet: Sheet, network: Network | None, hypothesis: Hypothesis, judge: Judge | None
    ) -> None:
        self.sheet, self.network, self.hypothesis = sheet, network, hypothesis
        self.judge = judge if judge or network is None else Judge(network)
        passed = forward(network) if network is not None else None
        self.shapes = passed.shapes if passed else {}
        self.last = passed.output.tensor.label if passed else None
        stages = passed.stages if passed else ()
        self.threshold = any(getattr(s.layer, "bias", "") == "threshold" for s in stages)
        self.formulas = named_formulas(stages)
        known = (s.function for s in stages)
        within = (n for s in stages for e in s.equations for n in walk_terms(e.rhs))
        inner = {n.function for n in within if isinstance(n, Call)}  # sigma in z sigma(z)
        self.activations = frozenset(f.name for f in known if f is not None and f.label is None)
        self.activations |= inner & ACTIVATIONS.keys()
        self.remarks: list[str] = []

    def run(self, notation: str | None) -> Environment:
        told = notation or self._told()
        signs = self._signs(self.sheet.parts)
        supposed = told or self.hypothesis.notation
        if supposed:
            whole = self._trial(supposed, load(supposed), signs, self.sheet.formulas)
        else:
            whole = self._best(signs, self.sheet.formulas[:MOST_TRIED])
        scope, conventions = self._complete(whole.scope, self.sheet.parts)
        scopes = {id(f): scope for f in self.sheet.formulas}
        sections = list(_sections(self.sheet.parts))
        name = whole.name
        if told is None and len(sections) > 1:
            name = self._divide(sections, replace(whole, scope=scope), scopes)
        self._unknown_directives()
        return Environment(
            name,
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

    def _signs(self, parts: tuple[Part, ...]) -> Signs:
        made, here = self.hypothesis, self.sheet.macros
        targets = (shape for tensor, shape in self.shapes.items() if tensor.role == "target")
        outputs = frozenset(size for shape in targets for size in shape if isinstance(size, str))
        signs = signs_of(parts, here, made.sample, made.bare, made.extended, outputs)
        return signs if made.words else replace(signs, said=[])

    def _base(self, made: Profile) -> Scope:
        first = self.hypothesis.first
        if first is not None:
            made = replace(made, writing={**made.writing, "first": str(first)})
        return Scope(made, self.last, self.shapes, self.threshold, self.formulas)

    def _trial(
        self, name: str, made: Profile, signs: Signs, formulas: tuple[Formula, ...]
    ) -> _Trial:
        base = self._base(made)
        depth = 0 if self.last is None else self.last.offset if not self.last.base else 0
        own = own_of(signs, base, depth, self.activations)
        own = self.hypothesis.applied(own, signs, base)
        scope = replace(base, own=own)
        score = self._score(formulas, scope) + _alike(made, signs)
        return _Trial(name, score, scope)

    def _score(self, formulas: tuple[Formula, ...], scope: Scope) -> float:
        """How well formulas read in a scope; signs that the notation lacks count against it."""
        readings = [claims_of(f, scope, self.sheet.macros) for f in formulas]
        bound = 0.5 * len(scope.own.signs)
        return sum(map(_quality, readings)) - bound + self._holding(readings, scope)

    def _best(self, signs: Signs, formulas: tuple[Formula, ...]) -> _Trial:
        """The notation in which the formulas read best; between equals the first of the list."""
        trials = []
        for name in names():
            trials.append(self._trial(name, load(name), signs, formulas))
            if _all_alike(load(name), signs) and self._perfect(formulas, trials[-1].scope):
                return trials[-1]
        return max(trials, key=lambda trial: trial.score)

    def _perfect(self, formulas: tuple[Formula, ...], scope: Scope) -> bool:
        """Whether everything reads, nothing is filled in, and the forward equations hold."""
        if scope.own.signs:
            return False
        readings = [claims_of(f, scope, self.sheet.macros) for f in formulas]
        claims = [claim for reading in readings for claim in reading.claims]
        forward_claims = [c for c in claims if is_forward(c.lhs) and c.complete][:6]
        filled_in = any("without a layer" in note for claim in claims for note in claim.notes)
        if filled_in or any(r.problems for r in readings) or self.judge is None:
            return False
        held = all(quickly_holds(self.judge, claim, scope) for claim in forward_claims)
        return bool(forward_claims) and held

    def _reads_well(self, formulas: tuple[Formula, ...], scope: Scope) -> bool:
        """Whether a section has no reason to be read in another notation."""
        readings = [claims_of(f, scope, self.sheet.macros) for f in formulas]
        claims = [claim for reading in readings for claim in reading.claims]
        tried = [c for c in claims if is_forward(c.lhs) and c.complete][:6]
        judge = self.judge
        held = judge is None or all(quickly_holds(judge, claim, scope) for claim in tried)
        return held and not any(r.problems for r in readings)

    def _holding(self, readings: list[Reading], scope: Scope) -> float:
        """How many of the first forward equations hold: the order of indices shows in them."""
        if self.judge is None:
            return 0.0
        tried = [c for r in readings for c in r.claims if is_forward(c.lhs) and c.complete][:6]
        return 3.0 * sum(quickly_holds(self.judge, claim, scope) for claim in tried)

    # ---------------------------------------------------------------- sections

    def _divide(self, sections: list[_Section], whole: _Trial, scopes: dict[int, Scope]) -> str:
        """A section that clearly reads better in another notation has it; the commonest name."""
        names_used: dict[str, int] = {}
        for section in sections:
            formulas = section.formulas
            if not formulas:
                continue
            if self._reads_well(formulas, whole.scope):
                names_used[whole.name] = names_used.get(whole.name, 0) + len(formulas)
                continue
            here = self._score(formulas, whole.scope)
            best = self._best(self._signs(section.parts), formulas)
            name = whole.name
            if best.score >= here + CLEARLY:
                name = best.name
                scope, _ = self._complete(best.scope, section.parts)
                scopes.update({id(formula): scope for formula in formulas})
            if name != whole.name:
                line = formulas[0].line
                self.remarks.append(f"from line {line} on, the notation is read as {name}")
            names_used[name] = names_used.get(name, 0) + len(formulas)
        return max(names_used, key=lambda name: names_used[name], default=whole.name)

    # ---------------------------------------------------------------- what the sheet declares

    def _complete(self, scope: Scope, parts: tuple[Part, ...]) -> tuple[Scope, Conventions]:
        formulas = tuple(p for p in parts if isinstance(p, Formula))
        scope = with_definitions(scope, parts, self.sheet.macros)
        conventions = in_words(parts)
        for change in self.hypothesis.conventions:
            conventions = change(conventions)
        if self.judge is not None:
            scope = identified(self.judge, scope, formulas, self.sheet.macros)
            told = (c for f in formulas for c in claims_of(f, scope, self.sheet.macros).claims)
            scope = with_told_function(self.judge, scope, told)
            read: dict[Conventions, list[Claim]] = {}

            def claims(made: Conventions) -> list[Claim]:
                """The order of the indices of a weight decides which layers are filled in."""
                key = replace(PLAIN, swapped=made.swapped, from_last=made.from_last)
                if key not in read:
                    here = replace(scope, conventions=key)
                    readings = [claims_of(f, here, self.sheet.macros) for f in formulas]
                    read[key] = [c for r in readings for c in r.claims if c.complete]
                return read[key]

            def forward_ones(made: Conventions) -> list[Claim]:
                return [c for c in claims(made) if is_forward(c.lhs)][:6]

            conventions = declared(self.judge, forward_ones, scope, conventions)
            scope = replace(scope, conventions=conventions)
            scope = with_objective(self.judge, claims(conventions), scope)
        self.remarks += clashes(scope)
        return replace(scope, conventions=conventions), conventions


def _all_alike(made: Profile, signs: Signs) -> bool:
    """Whether no layer is written in another form than that of the notation."""
    layers = [name for name in signs.names if name.number and not name.number.isdigit()]
    fenced = made.labels.form == "parentheses"
    words = {made.labels.output, made.labels.hidden, made.labels.input} - {""}
    own = words & {name.number for name in layers}
    return all((name.above[:1] in "([") == fenced for name in layers) and bool(own) == bool(words)


def _alike(made: Profile, signs: Signs) -> float:
    """A little for layers that are written as in the notation: in parentheses, bare, by name."""
    layers = [name for name in signs.names if name.number and not name.number.isdigit()]
    fenced = made.labels.form == "parentheses"
    same = sum((name.above[:1] in "([") == fenced for name in layers)
    words = {made.labels.output, made.labels.hidden, made.labels.input} - {""}
    named = sum(name.number in words for name in signs.names)
    return min(0.4, 0.1 * same) + min(1.0, 0.2 * named) if layers else 0.0


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
        if roles and not below and bound.role not in roles:
            there = sorted(roles)[0].replace("_", " ")
            named = {"user": "a symbol of its own", "own": "an array of a layer"}
            here = named.get(bound.role, "the " + bound.role.replace("_", " "))
            yield f"{sign} is {here} in this sheet, not the {there} of the notation"
