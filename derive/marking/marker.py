r"""Marking a sheet: a verdict on every claim, with its evidence.

>>> from derive.sheets.door import read_sheet
>>> from derive.spec import load
>>> sheet = read_sheet(r"\[ \delta_j^{(2)} = a_j^{(2)} - y_j \]", "hand.tex", "tex")
>>> made = mark(sheet, load("2 > 3 tanh > 1 sigmoid : binary_cross_entropy"), "columns")
>>> [m.verdict for m in made.marks]
['RIGHT']

The order of thought: what holds on every small network is right; what needs an assumption is right
under a condition; what a convention of the sheet explains is right under it; what exactly one
charitable reading makes right is a defect; what repeats an earlier slip inherits it; for the rest
the slips are searched that lead from what is right to what is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import pairwise

from derive.claims.claim import Claim
from derive.claims.places import NoValue
from derive.claims.side_conditions import with_side_conditions
from derive.marking.charity import Charity, charitable
from derive.marking.completion import Completion
from derive.marking.compositions import compositions
from derive.marking.conventions import Conventions, named
from derive.marking.corrections import (
    Corrections,
    Finding,
    Typeset,
    extra_relation,
    mended,
    partly_labelled,
    without_sample,
)
from derive.marking.counterexample import counterexample
from derive.marking.first_look import FAILS, Look, Observer, counts_samples, speaks_of_network
from derive.marking.followed_conventions import Agreement, Judged, agreements
from derive.marking.following import Earlier, carried_on, follows, restates
from derive.marking.judging import GENERAL, Assumptions, Judge
from derive.marking.meanings import Meanings, unknown_letters
from derive.marking.stated import deepest, numbers, ranges, samples
from derive.marking.verdicts import (
    DEFECT,
    DEFINITION,
    INCOMPLETE,
    RIGHT,
    RIGHT_IF,
    RIGHT_UNDER,
    UNDECIDED,
    UNREADABLE,
    WRONG,
    Mark,
    Marked,
)
from derive.marking.words import message_of
from derive.reading.latex_tokens import Unreadable
from derive.reading.tree import Entry, Nabla, walk
from derive.sheets.door import claims_of
from derive.sheets.ready import Placed, placed
from derive.sheets.sheet import Formula, Sheet
from derive.slips.diagnosis import Limit, Repair, search
from derive.spec import Network

OF_PLACES = (
    "layer",
    "index",
    "sum",
    "sample",
    "variable",
)  # slips that leave a claim without a value
_UNDETERMINED = "no SPEC is given, and the equations of the sheet do not say which network is meant"
LIMIT = Limit(evaluations=6_000, seconds=60.0)  # the count decides: no clock in a verdict


def mark(
    sheet: Sheet,
    network: Network | None,
    notation: str | None = None,
    *,
    typeset: Typeset | None = None,
    limit: Limit = LIMIT,
) -> Marked:
    """The marks of a sheet about a network; without one, of lemmas and chain rules.

    `typeset` turns a layout into LaTeX, for lines that the derivation completes.
    """
    made = placed(sheet, network, notation)
    marker = _Marker(made, typeset, limit)
    return Marked(
        None if network is None else network.name,
        made.notation,
        made.guessed,
        tuple(marker.marks()),
        (*made.remarks, *marker.remarks),
    )


class _Marker:
    """Marks the claims of one sheet in the order of the file."""

    def __init__(self, made: Placed, typeset: Typeset | None, limit: Limit) -> None:
        """Everything read, nothing judged."""
        self.made, self.limit = made, limit
        claims = tuple(made.claims)
        scopes = [(claim, item.scope) for item in made.items for claim in item.reading.claims]
        self.judge = Judge(
            made.network, numbers(claims), samples(claims), deepest(claims), ranges(scopes)
        )
        self.single = not (made.network.weight_decay or any(map(counts_samples, claims)))
        self.observer = Observer(
            self.judge,
            compositions(claims),
            lemmas_only=not made.about,
            examples=made.examples if made.about else None,
        )
        self.meanings = Meanings(self.observer, bool(made.network.weight_decay))
        self.write = Corrections(made.macros, Completion(made.network), typeset)
        self.conditions: set[str] = set()  # on which lines of the sheet are right
        self.remarks: list[str] = []
        self.findings: list[Finding] = []
        self.unread: list[tuple[int, Formula, Unreadable]] = []

    def marks(self) -> Iterator[Mark]:
        """One mark for every claim and every formula that could not be read."""
        self._look()
        self._agree()
        self._explain()
        done: list[Mark | None] = [None] * self._count
        for finding in self.findings:
            done[finding.number] = self._mark(finding)
        for number, formula, problem in self.unread:
            done[number] = _unreadable(formula, problem)
        yield from (m for m in done if m is not None)

    # ---------------------------------------------------------------- the first look

    def _look(self) -> None:
        number = 0
        previous: Claim | None = None
        for item in self.made.items:
            for claim in with_side_conditions(item.reading.claims):
                finding = self.meanings.look(number, claim, item.formula, item.scope)
                if not finding.look.chain_rule:
                    finding.follows = follows(claim, previous, self.judge, finding.scope)
                self.findings.append(finding)
                previous = claim
                number += 1
            for problem in item.reading.problems:
                self.unread.append((number, item.formula, problem))
                number += 1
        self._count = number
        self.meanings.functions(self.findings)
        self.conditions = {c for f in self.findings for c in f.look.conditions}
        for before, after in pairwise(self.findings):
            both = (before, after)
            if after.claim.link == "iff" and not any(speaks_of_network(f.claim) for f in both):
                for finding in both:
                    finding.look = Look(DEFINITION, "says what a relation means")

    # ---------------------------------------------------------------- conventions

    def _agree(self) -> None:
        """Take the conventions to which the sheet keeps, one after the other."""
        here = self.made.conventions
        for _ in range(3):
            taken = self._next_convention(here)
            if taken is None:
                return
            here = taken

    def _next_convention(self, here: Conventions) -> Conventions | None:
        here = replace(here, single=self.single)
        decided = (RIGHT, RIGHT_IF, RIGHT_UNDER)
        open_ones = [
            f
            for f in self.findings
            if (f.fails or f.look.verdict in decided) and not f.look.chain_rule
        ]
        judged = [
            Judged(
                f.claim, replace(f.scope, conventions=here), not f.fails, partial(self._again, f)
            )
            for f in open_ones
        ]
        found = agreements(self.judge, judged, here)
        for agreement in found:
            for k in agreement.explains:
                if not agreement.taken:
                    open_ones[k].reconciling = open_ones[k].reconciling or agreement.name
        if not found or not found[0].taken:
            return None
        self._take(found[0], open_ones)
        return found[0].conventions

    def _again(self, finding: Finding, conventions: Conventions) -> Claim:
        """The claim as it is read under other conventions."""
        if conventions.swapped == finding.scope.conventions.swapped:
            return finding.claim
        scope = replace(finding.scope, conventions=conventions)
        claims = claims_of(finding.formula, scope, self.made.macros).claims
        same = [c for c in claims if c.span == finding.claim.span]
        return same[0] if same else finding.claim

    def _take(self, agreement: Agreement, findings: Sequence[Finding]) -> None:
        self.remarks.append(f"the sheet keeps to a convention: {agreement.name}")
        for k in agreement.explains:
            finding = findings[k]
            finding.claim = self._again(finding, agreement.conventions)
            finding.scope = replace(finding.scope, conventions=agreement.conventions)
            finding.convention = _listed(named(agreement.conventions)) or agreement.name
            finding.look = Look(RIGHT_UNDER, conditions=finding.look.conditions)

    # ---------------------------------------------------------------- what went wrong

    def _explain(self) -> None:
        earlier: list[Earlier] = []
        for finding in self.findings:
            if finding.look.verdict == UNDECIDED and self.made.about:
                self._without_value(finding)
                continue
            if not finding.fails:
                continue
            if self.undetermined and _needs_network(finding):
                finding.look = Look(UNDECIDED, _UNDETERMINED)
                continue
            self._charity(finding)
            if finding.charity is not None:
                continue
            for given in self._kept(finding.claim)[:1]:
                found = self.judge.difference(finding.claim, finding.scope, given)
                finding.look = replace(finding.look, difference=found or finding.look.difference)
            number = carried_on(finding.claim, earlier, self.judge, finding.scope)
            finding.inherits = number
            wrong = [e.claim for e in earlier if e.number == number]
            if wrong and not restates(finding.claim, wrong[0]):
                finding.follows = True  # from what stands before, wrong as that is
            limit = self.limit if number is None else replace(self.limit, together=1)
            finding.ways = self._search(finding, limit)
            guess = self.made.about and number is None and not finding.ways
            if guess and (letters := unknown_letters(finding)):
                finding.look = Look(UNDECIDED, f"nothing says what {letters[0]} is")
                continue
            if number is None:
                finding.inherits = self._repeats(finding)
            earlier.append(Earlier(finding.number, finding.claim))

    @cached_property
    def undetermined(self) -> bool:
        """Whether no network is named, and equations of the sheet do not hold of any network."""
        looks = (self.observer.look(claim, scope) for claim, scope in self.made.stated)
        return any(look.verdict in (FAILS, UNDECIDED) and not look.chain_rule for look in looks)

    def _without_value(self, finding: Finding) -> None:
        """A claim that has no value is wrong where one slip of a place explains it."""
        ways = self._search(finding, replace(self.limit, together=1))
        found = tuple(way for way in ways if way[0].kind in OF_PLACES)
        if found:
            finding.look, finding.ways = Look(FAILS, finding.look.message), found

    def _charity(self, finding: Finding) -> None:
        """The only charitable reading under which the claim holds."""
        found: list[Charity] = []
        for reading in charitable(finding.claim, finding.scope):
            same = any(reading.claim == other.claim for other in found)
            if not same and self._holds(reading.claim, finding):
                found.append(reading)
        if len(found) == 1:
            (finding.charity,) = found

    def _search(self, finding: Finding, limit: Limit) -> tuple[tuple[Repair, ...], ...]:
        network = None if finding.look.chain_rule else self.made.network
        for given in self._kept(finding.claim)[:1] if network is not None else ():
            network = given.apply(self.made.network)
        try:
            return search(
                finding.claim,
                lambda claim: self._holds(claim, finding),
                finding.scope,
                network,
                limit,
            )
        except RecursionError:
            return ()

    def _holds(self, claim: Claim, finding: Finding) -> bool:
        """Whether another form of the finding's claim holds."""
        if not finding.look.chain_rule:
            usual = [Assumptions(normalised=True)] if self.observer.normalisable else []
            usual += self._kept(finding.claim)
            return any(self.judge.holds(claim, finding.scope, g) for g in (GENERAL, *usual))
        try:
            return self.observer.chains.holds(claim)
        except NoValue:
            return False

    def _kept(self, claim: Claim) -> list[Assumptions]:
        """What other lines of the sheet mean by an activation or a loss that is left open."""
        made = self.observer.assumptions(claim) if self.conditions else ()
        return [given for name, given in made if name in self.conditions and given.network]

    def _repeats(self, finding: Finding) -> int | None:
        """An earlier claim with the same repairs."""
        own = [(r.kind, r.before, r.after) for r in finding.ways[0]] if finding.ways else []
        for other in self.findings[: self.findings.index(finding)] if own else ():
            if other.ways and [(r.kind, r.before, r.after) for r in other.ways[0]] == own:
                return other.number
        return None

    # ---------------------------------------------------------------- marks

    def _mark(self, finding: Finding) -> Mark:
        look, claim = finding.look, finding.claim
        made = Mark(
            finding.formula,
            claim.span,
            look.verdict,
            claim=claim,
            follows=finding.follows,
            conditions=look.conditions,
            convention=finding.convention or None,
            inherits=finding.inherits,
        )
        if finding.fails:
            made = self._failing(finding, made)
        elif look.verdict == DEFECT:
            made = replace(made, slips=(extra_relation(finding),))
        elif look.faults:
            slips = [self.write.slip(finding, f.kind, f.cell, f.repaired) for f in look.faults]
            slips.sort(key=lambda slip: slip.at)
            made = replace(made, slips=tuple(slips), corrected=mended(finding, slips))
        elif look.verdict == INCOMPLETE:
            made = replace(made, corrected=self.write.completed(finding))
        elif look.verdict in (RIGHT, RIGHT_IF) and (
            slip := without_sample(finding) or partly_labelled(finding)
        ):
            made = replace(made, verdict=DEFECT, slips=(slip,))
        message = message_of(made, look.message, finding.reconciling)
        return replace(made, message=message)

    def _failing(self, finding: Finding, made: Mark) -> Mark:
        claim, text = finding.claim, finding.formula.text
        if finding.charity is not None:
            reading = finding.charity
            slip = self.write.slip(finding, reading.kind, reading.before, reading.after)
            corrected_text = self.write.claim(finding, reading.claim)
            return replace(made, verdict=DEFECT, slips=(slip,), corrected=corrected_text)
        made = replace(made, verdict=WRONG)
        if finding.look.difference is not None:
            difference = finding.look.difference
            if not self._kept(claim):
                difference = self.judge.smallest(claim, finding.scope, difference)
            made = replace(made, counterexample=counterexample(claim, difference, text))
        if not finding.ways:
            return replace(made, corrected=self.write.completed(finding))
        best = finding.ways[0]
        slips = tuple(self.write.slip(finding, r.kind, r.before, r.after) for r in best)
        return replace(made, slips=slips, corrected=self.write.claim(finding, best[-1].claim))


def _needs_network(finding: Finding) -> bool:
    """Whether a claim is about quantities, and not about functions that the sheet writes down."""
    nodes = (n for side in finding.claim.sides for n in walk(side))
    return not finding.look.chain_rule and any(isinstance(n, Entry | Nabla) for n in nodes)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(words)


def _unreadable(formula: Formula, problem: Unreadable) -> Mark:
    return Mark(formula, (problem.at, len(formula.text)), UNREADABLE, str(problem))
