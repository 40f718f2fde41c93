"""The first look at a line: as it is written, then by what its signs may mean beside that.

A letter of the loss is that of all samples where a line sums over them; the sign of the activation
without a layer is that of the hidden ones; one that is a function too is any activation where no
line needs it as that function.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice

from derive.claims.arrays import Matrix
from derive.claims.claim import Claim
from derive.marking.all_samples import of_all_samples
from derive.marking.bare_functions import of_any_function, of_layers
from derive.marking.conventions import PLAIN, named
from derive.marking.corrections import Finding
from derive.marking.first_look import FAILS, Look, Observer, counts_samples
from derive.marking.judging import GENERAL, Assumptions, vanishes
from derive.marking.likelihoods import LEFT_OUT, up_to_a_constant
from derive.marking.plain_numbers import has_two_signs, mixes_numbers, of_numbers
from derive.marking.verdicts import DEFINITION, RIGHT, RIGHT_IF, RIGHT_UNDER, UNDECIDED
from derive.reading.scope import Scope
from derive.reading.tree import (
    Bound,
    Derivative,
    Entry,
    Letter,
    Nabla,
    Node,
    Norm,
    Num,
    Picked,
    Plus,
    Power,
    Size,
    Times,
    Value,
    rebuilt,
    walk,
)
from derive.sheets.sheet import Formula

_HOLDS = (RIGHT, RIGHT_IF)
DECAY = "lambda"  # the letter of weight decay, where a sheet says nothing else of it


@dataclass
class Meanings:
    """Looks at the lines of one sheet."""

    observer: Observer
    decays: bool  # whether the network has a regulariser, which one sample has no part of

    def look(self, number: int, claim: Claim, formula: Formula, scope: Scope) -> Finding:
        """The first look: as the sheet declares, plainly, and with one sample in mind."""
        if self.observer.lemmas_only and mixes_numbers(claim, formula.text):
            claim = of_numbers(claim, formula.text) or claim
        alone_decays = False
        if self.decays and (decayed := with_decay(claim)) != claim:
            alone_decays = not counts_samples(claim)
            if alone_decays and claim.relation == "gets":  # which has no form as corrected
                single = replace(scope, conventions=replace(scope.conventions, single=True))
                look = self.observer.look(_regularised(decayed), single)
                alone_decays = look.verdict in _HOLDS
            claim = _regularised(decayed) if alone_decays else decayed
        if alone_decays:
            scope = replace(scope, conventions=replace(scope.conventions, single=True))
        look = self.observer.look(claim, scope)
        if alone_decays and look.verdict in _HOLDS:
            look = Look(RIGHT_IF, conditions=(*look.conditions, "there is one sample"))
        made = Finding(number, claim, formula, scope, look)
        declared = look.verdict == RIGHT and scope.conventions != PLAIN
        if declared and not self.observer.judge.under(claim, scope, PLAIN):
            made.look, made.convention = Look(RIGHT_UNDER), " and ".join(named(scope.conventions))
        self._meant(made)
        if made.fails and not self.decays and not counts_samples(made.claim):
            made.scope = replace(scope, conventions=replace(scope.conventions, single=True))
            alone = self.observer.look(made.claim, made.scope)
            if alone.verdict in _HOLDS:
                made.look = Look(RIGHT_IF, conditions=(*alone.conditions, "there is one sample"))
        if made.look.verdict in _HOLDS and has_two_signs(made.claim, formula.text):
            judge, given = self.observer.judge, Assumptions(normalised=True)
            if any(vanishes(judge, made.claim, made.scope, a) for a in (GENERAL, given)):
                made.look = Look(UNDECIDED, "two signs are read as one quantity: both sides are 0")
        return made

    def _sized(self, finding: Finding) -> None:
        """A letter of which nothing is said may be the number of outputs, or of samples."""
        letters = unknown_letters(finding)
        last = finding.scope.last
        if len(letters) != 1 or not re.fullmatch("[A-Za-z]", letter := letters[0]):
            return
        sizes = {"outputs": Size(last), "samples": Size(None)} if last else {}
        for name, size in sizes.items():
            claim = finding.claim
            lhs, rhs = (s and _with_size(s, letter, size) for s in (claim.lhs, claim.rhs))
            if self.observer.judge.holds(replace(claim, lhs=lhs, rhs=rhs), finding.scope):
                words = f"{letter} is the number of {name}"
                finding.look = Look(RIGHT_IF, conditions=(words,))
                return

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
        if finding.fails and _sums_rows(finding.claim) and _is_row(finding.look):
            rows = replace(finding.scope.conventions, gradient_rows=True)
            finding.scope = replace(finding.scope, conventions=rows)
            finding.look = self.observer.look(finding.claim, finding.scope)
        if finding.fails and _steps(finding.claim, finding.formula.text):
            finding.look = Look(DEFINITION, "says how a symbol of its own goes on")
        if finding.fails and up_to_a_constant(finding.claim, self.observer.judge, finding.scope):
            finding.look = Look(RIGHT_IF, conditions=(LEFT_OUT,))
        if finding.fails and not self.observer.lemmas_only:
            self._sized(finding)
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


def with_decay(claim: Claim) -> Claim:
    r"""The claim with the network's weight decay for a \lambda of which nothing is said."""

    def visit(node: Node) -> Node:
        if node == Letter(DECAY):
            return Value("decay", span=node.span)
        return rebuilt(node, visit)

    lhs, rhs = (None if side is None else visit(side) for side in (claim.lhs, claim.rhs))
    return replace(claim, lhs=lhs, rhs=rhs)


def _regularised(claim: Claim) -> Claim:
    """The claim about the loss of one sample and the regulariser, which that loss lacks.

    The derivative by a weight has that of the regulariser beside it, and a step of training goes
    so much further.
    """

    def visit(node: Node) -> Node:
        match node:
            case Derivative(of=Entry(role="loss" | "objective"), by=(Entry(role="weight") as w,)):
                return Plus((node, Derivative(_regulariser(w), (w,))), span=node.span)
            case Nabla(of=Entry(role="loss" | "objective"), by=Entry(role="weight") as w):
                return Plus((node, Derivative(_regulariser(w), (w,))), span=node.span)
        return rebuilt(node, visit)

    lhs, rhs = (None if side is None else visit(side) for side in (claim.lhs, claim.rhs))
    if claim.relation == "gets" and isinstance(lhs, Entry) and lhs.role == "weight" and rhs:
        step = Times((Value("learning_rate"), Derivative(_regulariser(lhs), (lhs,))), ("",))
        rhs = Plus((rhs, step), span=rhs.span)
    return replace(claim, lhs=lhs, rhs=rhs)


def _regulariser(weight: Entry) -> Node:
    """What the weights of a layer add to the objective: half of lambda times their squares."""
    squares = Power(Norm(replace(weight, places=(), form="whole")), Num(Fraction(2)))
    return Times((Num(Fraction(1, 2)), Value("decay"), squares), ("", ""))


def _with_size(node: Node, letter: str, size: Size) -> Node:
    if node == Letter(letter):
        return replace(size, span=node.span)
    return rebuilt(node, lambda part: _with_size(part, letter, size))


def _sums_rows(claim: Claim) -> bool:
    """Whether a gradient by biases is made of arrays with a row for every sample: 1^T Delta.

    It is a row then, as the biases are that stand beside such arrays.
    """
    lhs = claim.lhs
    by = lhs.by if isinstance(lhs, Nabla) else lhs.by[0] if isinstance(lhs, Derivative) else None
    whole = isinstance(by, Entry) and by.role == "bias" and not by.places
    nodes = walk(claim.rhs) if whole and claim.rhs is not None else ()
    return any(isinstance(n, Entry) and n.form == "batch" for n in nodes)


def _is_row(look: Look) -> bool:
    """Whether the right side of a claim that fails is a row."""
    made = None if look.difference is None else look.difference.evidence.rhs
    return isinstance(made, Matrix) and made.shape[0] == 1 < made.shape[1]


def _steps(claim: Claim, text: str) -> bool:
    """Whether a letter is made of itself under another index, as of the step before: v_{t+1}."""
    lhs = claim.lhs
    if not isinstance(lhs, Letter) or claim.rhs is None:
        return False
    written = {text[slice(*n.span)].strip() for n in walk(claim.rhs) if n == lhs}
    return bool(written) and text[slice(*lhs.span)].strip() not in written


def unknown_letters(finding: Finding) -> list[str]:
    """The letters of the writer's in a claim about quantities of the network, as written."""
    difference = finding.look.difference
    setting = None if difference is None else difference.evidence.setting
    nodes = [n for side in finding.claim.sides for n in walk(side)]
    if setting is None or not any(isinstance(n, Entry) and n.role != "user" for n in nodes):
        return []
    places = [p for n in nodes if isinstance(n, Entry) for p in (*n.places, n.sample) if p]
    places += [p for n in nodes if isinstance(n, Picked) for p in n.places]
    bounds = [n for n in nodes if isinstance(n, Bound)]
    indices = {part for place in (*places, *bounds) for part in walk(place)}
    indices |= {Letter(bound.name) for bound in bounds}
    letters = (n for n in nodes if isinstance(n, Letter) and n not in indices)
    known = ("bold 1", "max(", "amax(")  # ones, and the largest number that a softmax loses again
    letters = (n for n in letters if not n.name.startswith(known))
    drawn = {n.name: n for n in letters if n.name in setting.numbers}
    return [finding.formula.text[slice(*n.span)].strip() for n in drawn.values()]
