"""The likeliest environment of a sheet: the plain one, or another under which more is right.

A reading is judged by the forward equations first, since these declare what the signs stand for.
Another one is taken only if at least two more claims hold under it, forward equations among them;
so it never excuses a single line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from derive.claims.claim import Claim
from derive.errors import SpecError
from derive.forward import X, forward
from derive.marking.judging import GENERAL, Assumptions, Judge
from derive.network.layers import BatchNorm, Conv, Dense, Dropout
from derive.profiles import names
from derive.reading.latex_tokens import Refused
from derive.reading.own import defined
from derive.reading.scope import Scope
from derive.reading.tree import Entry
from derive.sheets.agreements import quickly_holds
from derive.sheets.door import claims_of
from derive.sheets.environment import Environment, environment, is_forward
from derive.sheets.findings import signs_of
from derive.sheets.hypotheses import PLAIN, Hypothesis, Known, departures, notations
from derive.sheets.masks import Dropped
from derive.sheets.one_feature import Normalised
from derive.sheets.sheet import Sheet
from derive.spec import Network

MOST_CLAIMS = 60  # by which a reading is judged
ENOUGH = 2  # claims that must speak for another reading
PENALTY = 0.5  # of a departure, in claims
MOST_DEPARTURES = 6
DOUBTFUL = 0.3  # the part of claims that may fail before other readings are tried
SETTLED = 0.2  # ... and before more departures are


@dataclass(frozen=True)
class Merits:
    """What holds under a reading: places of claims in the sheet."""

    forward: frozenset[tuple[int, int]]
    others: frozenset[tuple[int, int]]
    failing_forward: int
    failing: int  # of all claims and formulas
    penalty: float = 0.0  # for departures

    def doubtful(self, part: float) -> bool:
        """Whether so much fails that the reading may be at fault."""
        count = len(self.forward) + len(self.others) + self.failing
        return bool(self.failing_forward) or self.failing > max(1, part * count)

    @property
    def score(self) -> float:
        """Forward equations declare conventions, so they count twice."""
        return 2.0 * len(self.forward) + len(self.others) - self.penalty

    def better_than(self, other: Merits) -> bool:
        """Whether enough more holds, and no forward equation less."""
        here, there = self.forward | self.others, other.forward | other.others
        enough = len(here - there) - len(there - here) >= ENOUGH
        return enough and len(self.forward) >= len(other.forward) and self.score > other.score


def likeliest(sheet: Sheet, network: Network | None, notation: str | None = None) -> Environment:
    """The environment under which most of a sheet is right, the plain one between equals."""
    if network is None or any(f.language != "latex" for f in sheet.formulas):
        return environment(sheet, network, notation)
    judge = Judge(network)
    plain = environment(sheet, network, notation, judge=judge)
    search = _Search(sheet, network, notation, judge)
    merits = search.merits(plain)
    if not merits.doubtful(DOUBTFUL):
        return plain
    hypothesis, made, found = search.best(plain, merits)
    if not found.better_than(merits):
        return plain
    read = "the sheet is read with " + " and ".join(hypothesis.departures)
    return replace(made, remarks=(read, *made.remarks))


class _Search:
    """Adds one departure after the other, as long as more of the sheet is right."""

    def __init__(self, sheet: Sheet, network: Network, notation: str | None, judge: Judge) -> None:
        self.sheet, self.network, self.notation = sheet, network, notation
        self.judge = judge

    def merits(self, made: Environment) -> Merits:
        return _merits(self.sheet, made, self.judge)

    def best(self, plain: Environment, merits: Merits) -> tuple[Hypothesis, Environment, Merits]:
        """The hypothesis under which most is right."""
        best = (PLAIN, plain, merits)
        signs = signs_of(self.sheet.parts, self.sheet.macros)
        left = departures(signs, known(self.network))[:MOST_DEPARTURES]
        if plain.guessed:
            left += notations(name for name in names() if name != plain.notation)
        while left and best[2].doubtful(SETTLED):
            tried = [(d, t) for d in left if (t := self._tried(d(best[0])))]
            if not tried:
                break
            departure, better = max(tried, key=lambda pair: pair[1][2].score)
            if better[2].score <= best[2].score:
                break
            best = better
            if better[0].notation:
                left = [d for d in left if not d(PLAIN).notation]
            left = [d for d in left if d is not departure]
        return best

    def _tried(self, made: Hypothesis) -> tuple[Hypothesis, Environment, Merits] | None:
        try:
            found = environment(self.sheet, self.network, self.notation, made, self.judge)
            merits = self.merits(found)
        except (SpecError, Refused, RecursionError):
            return None
        return made, found, replace(merits, penalty=PENALTY * len(made.departures))


def known(network: Network) -> Known:
    """What the network says of masks, sizes, numbers of layers and biases."""
    passed = forward(network)
    dropped = tuple(
        Dropped(s.label, s.layer.rate, s.body[-1].lhs.tensor.letter)
        for s in passed.stages
        if isinstance(s.layer, Dropout)
    )
    found = [*network.input, *(la.units for la in network.layers if isinstance(la, Dense))]
    plain = len(found) == 1 + len(network.layers) and len(network.input) == 1
    sizes = tuple(n for n in found if isinstance(n, int)) if plain else ()
    label = passed.output.tensor.label
    last = label.offset if label is not None and not label.base else 0
    weighed = [la for la in network.layers if isinstance(la, Dense)]
    biased = bool(weighed) and all(la.bias != "absent" for la in weighed)
    window = next((s for s in passed.stages if isinstance(s.layer, Conv)), None)
    one = window is not None and {1} == {
        shape[0] for t in (window.source, window.s.tensor) if (shape := passed.shapes.get(t))
    }
    normed = next((s for s in passed.stages if isinstance(s.layer, BatchNorm)), None)
    normalised = None
    if normed is not None and isinstance(normed.layer, BatchNorm):
        normalised = Normalised(normed.label, normed.source == X, normed.layer.eps)
    label = window.label if window is not None and one else None
    return Known(dropped, sizes, last, biased, normalised, label, window is not None)


def _merits(sheet: Sheet, made: Environment, judge: Judge) -> Merits:
    held: dict[bool, set[tuple[int, int]]] = {True: set(), False: set()}
    failing = failing_forward = 0
    loss = judge.network.loss
    classes = (loss.likelihood or loss.name) in ("cross_entropy", "categorical")
    usual = (GENERAL, Assumptions(normalised=True)) if classes else (GENERAL,)
    for k, (claim, scope) in _claims(sheet, made):
        if claim is None:
            failing += 1
        elif any(quickly_holds(judge, claim, scope, given) for given in usual):
            held[is_forward(claim.lhs)].add(k)
        else:
            failing += 1
            failing_forward += is_forward(claim.lhs)
    return Merits(frozenset(held[True]), frozenset(held[False]), failing_forward, failing)


def _claims(
    sheet: Sheet, made: Environment
) -> Iterator[tuple[tuple[int, int], tuple[Claim | None, Scope]]]:
    """The claims that say something, each with its place; None where nothing could be read."""
    count = 0
    for k, (formula, scope) in enumerate(zip(sheet.formulas, made.scopes, strict=True)):
        reading = claims_of(formula, scope, sheet.macros)
        for problem in reading.problems:
            yield (k, -1 - problem.at), (None, scope)
        for claim in reading.claims:
            brings = _brings(claim, scope)
            if claim.complete and not brings:
                count += 1
                yield (k, claim.span[0]), (claim, scope)
        if count >= MOST_CLAIMS:
            return


def _brings(claim: Claim, scope: Scope) -> bool:
    """Whether a claim is what defines a symbol of the sheet, and holds of itself."""
    lhs = claim.lhs
    if not isinstance(lhs, Entry) or lhs.role != "user":
        return False
    known = defined(scope.own.definitions, lhs.letter, lhs.label)
    return known is None or known.rhs == claim.rhs
