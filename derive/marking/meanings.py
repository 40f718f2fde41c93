"""The first look at a line: as it is written, then by what its signs may mean beside that.

A letter of the loss is that of all samples where a line sums over them; the sign of the activation
without a layer is that of the hidden ones; one that is a function too is any activation where no
line needs it as that function.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

from derive.claims.claim import Claim
from derive.marking.all_samples import of_all_samples
from derive.marking.bare_functions import of_any_function, of_layers
from derive.marking.conventions import PLAIN, named
from derive.marking.corrections import Finding
from derive.marking.first_look import FAILS, Look, Observer
from derive.marking.likelihoods import LEFT_OUT, up_to_a_constant
from derive.marking.plain_numbers import mixes_numbers, of_numbers
from derive.marking.verdicts import DEFINITION, RIGHT, RIGHT_IF, RIGHT_UNDER, UNDECIDED
from derive.reading.scope import Scope
from derive.reading.tree import Letter, walk
from derive.sheets.sheet import Formula

_HOLDS = (RIGHT, RIGHT_IF)


@dataclass
class Meanings:
    """Looks at the lines of one sheet."""

    observer: Observer
    single: bool  # whether no line of the sheet speaks of several samples

    def look(self, number: int, claim: Claim, formula: Formula, scope: Scope) -> Finding:
        """The first look: as the sheet declares, plainly, and with one sample in mind."""
        if self.observer.lemmas_only and mixes_numbers(claim, formula.text):
            claim = of_numbers(claim, formula.text) or claim
        look = self.observer.look(claim, scope)
        made = Finding(number, claim, formula, scope, look)
        declared = look.verdict == RIGHT and scope.conventions != PLAIN
        if declared and not self.observer.judge.under(claim, scope, PLAIN):
            made.look, made.convention = Look(RIGHT_UNDER), " and ".join(named(scope.conventions))
        self._meant(made)
        if made.fails and self.single:
            made.scope = replace(scope, conventions=replace(scope.conventions, single=True))
            alone = self.observer.look(made.claim, made.scope)
            if alone.verdict in _HOLDS:
                made.look = Look(RIGHT_IF, conditions=(*alone.conditions, "there is one sample"))
        return made

    def functions(self, findings: list[Finding]) -> None:
        """Where the sign of a function is that of any activation too, and no line needs it as such.

        sigma'(z) = sigma(z) (1 - sigma(z)) does: it holds of the sigmoid.
        """
        again = []
        for k, finding in enumerate(findings):
            claim = of_any_function(finding.claim, self.observer.judge.network)
            if claim is None or self.observer.lemmas_only:
                continue
            if finding.fails:
                made = self.look(finding.number, claim, finding.formula, finding.scope)
                again.append((k, replace(made, follows=finding.follows)))
                continue
            right = finding.look.verdict in (*_HOLDS, RIGHT_UNDER)
            if right and not self.observer.judge.holds(claim, finding.scope):
                return
        for k, made in again:
            if made.fails or made.look.verdict in _HOLDS:
                findings[k] = made

    def _meant(self, finding: Finding) -> None:
        """Signs that stand for less than they could: the loss of all, the function of one layer."""
        if finding.fails and (whole := of_all_samples(finding.claim)) is not None:
            look = self.observer.look(whole, finding.scope)
            if look.verdict in (*_HOLDS, FAILS):
                finding.claim, finding.look = whole, look
        if finding.fails and _steps(finding.claim, finding.formula.text):
            finding.look = Look(DEFINITION, "says how a symbol of its own goes on")
        if finding.fails and up_to_a_constant(finding.claim, self.observer.judge, finding.scope):
            finding.look = Look(RIGHT_IF, conditions=(LEFT_OUT,))
        if not finding.fails and finding.look.verdict != UNDECIDED:
            return
        lemma = self.observer.lemmas_only and not finding.look.chain_rule
        numbers = of_numbers(finding.claim, finding.formula.text) if lemma else None
        if numbers is not None:
            look = self.observer.look(numbers, finding.scope)
            if look.verdict in _HOLDS:
                finding.claim, finding.look = numbers, look
                return
        for world in islice(self.observer.judge.worlds(), 1):
            for claim in of_layers(finding.claim, world):
                look = self.observer.look(claim, finding.scope)
                right = look.verdict in _HOLDS
                if right or (finding.look.verdict == UNDECIDED and look.verdict == FAILS):
                    finding.claim, finding.look = claim, look
                if right:
                    return


def _steps(claim: Claim, text: str) -> bool:
    """Whether a letter is made of itself under another index, as of the step before: v_{t+1}."""
    lhs = claim.lhs
    if not isinstance(lhs, Letter) or claim.rhs is None:
        return False
    written = {text[slice(*n.span)].strip() for n in walk(claim.rhs) if n == lhs}
    return bool(written) and text[slice(*lhs.span)].strip() not in written
