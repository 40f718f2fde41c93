"""The first look at a claim: right, right under a condition, no statement at all, or failing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from derive.algebra.terms import Ref, Term, refs
from derive.claims.claim import Claim
from derive.claims.examples import FAILS as NUMBERS_FAIL
from derive.claims.examples import FOLLOWS, GIVEN, Examples
from derive.claims.numbers import Outside
from derive.claims.places import NoValue
from derive.domain import conditions
from derive.forward import forward
from derive.marking import minibatches
from derive.marking.compositions import WRITTEN, Compositions, names_composition
from derive.marking.generic_choices import coincidences, meant
from derive.marking.judging import Assumptions, Difference, Judge
from derive.marking.listings import Fault, faults, is_listing
from derive.marking.verdicts import (
    DEFECT,
    DEFINITION,
    INCOMPLETE,
    OUT_OF_SCOPE,
    RIGHT,
    RIGHT_IF,
    UNDECIDED,
    WRONG,
)
from derive.reading.own import defined
from derive.reading.scope import Scope
from derive.reading.tree import (
    Applied,
    Derivative,
    Entry,
    Letter,
    Listed,
    Minus,
    Nabla,
    Node,
    Num,
    Size,
    Space,
    Total,
    Words,
    rebuilt,
    walk,
)

_FIRST = Num(Fraction(1))
_OF_EXAMPLES = {GIVEN: DEFINITION, FOLLOWS: RIGHT, NUMBERS_FAIL: WRONG}
FAILS = ""  # no verdict yet: both sides differ

EQUALS = ("=", "equiv", ":=")
#: Relations between places and sets, which say nothing about the network.
ABOUT_PLACES = ("<", ">", "le", "ge", "in", "notin", "subset", "ll", "gg")


@dataclass(frozen=True)
class Look:
    """What the first look gives; a verdict of "" is a claim that fails."""

    verdict: str
    message: str = ""
    conditions: tuple[str, ...] = ()
    difference: Difference | None = None
    faults: tuple[Fault, ...] = ()  # of an array with dots
    chain_rule: bool = False  # about functions that nobody wrote down


@dataclass
class Observer:
    """Looks at claims, one network for all of them."""

    judge: Judge
    chains: Compositions  # dependences that the sheet names by itself
    lemmas_only: bool = False  # whether no network is spoken of
    examples: Examples | None = None  # with numbers

    def look(self, claim: Claim, scope: Scope) -> Look:
        """The verdict that needs no search."""
        if (made := _nothing_said(claim, scope)) is not None:
            return made
        if self.lemmas_only and (made := self._chain_rule(claim)) is not None:
            return made
        if isinstance(claim.lhs, Derivative) and claim.lhs.of is None and claim.complete:
            return Look(DEFECT, "the sign = stands between an operator and what it acts on")
        if minibatches.is_minibatch(claim):
            return self._minibatch(claim, scope)
        if is_listing(claim):
            return self._listing(claim, scope)
        try:
            difference = self.judge.difference(claim, scope)
        except NoValue as problem:
            return self._without_value(claim, scope, str(problem))
        if difference is None:
            domain = self.domain if _speaks_of_loss(claim) else ()
            return Look(RIGHT_IF if domain else RIGHT, "", domain)
        if self.examples is not None and (stated := self.examples.look(claim, scope)) is not None:
            return Look(_OF_EXAMPLES[stated.verdict], stated.message)
        for name, given in self.assumptions(claim):
            if self.judge.holds(claim, scope, given):
                return Look(RIGHT_IF, conditions=(name, *self._domain_of(claim)))
        if self.judge.holds_in_full(claim, scope):
            return Look(RIGHT)
        return Look(FAILS, self._coincidence(claim, scope), difference=difference)

    def _coincidence(self, claim: Claim, scope: Scope) -> str:
        """For what activation a claim that fails would hold, in words."""
        for name, given in coincidences(claim, self.judge.network):
            if self.judge.holds(claim, scope, given):
                return f"it would be right if {name}"
        return ""

    def _minibatch(self, claim: Claim, scope: Scope) -> Look:
        """The loss of a batch by those of its samples, on networks where there is one batch."""
        found = minibatches.faults(claim)
        if found:
            return Look(WRONG, minibatches.READ, faults=found)
        whole = minibatches.of_one_batch(claim)
        try:
            if self.judge.difference(whole, scope) is None:
                return Look(RIGHT, minibatches.READ)
        except NoValue as problem:
            return Look(UNDECIDED, f"{minibatches.READ}; cannot be evaluated: {problem}")
        for reduction in ("sum", "mean"):
            other = replace(scope.conventions, reduction=reduction)
            if self.judge.under(whole, scope, other):
                name = f"the loss of a batch is the {reduction} over its samples"
                return Look(RIGHT_IF, conditions=(name,))
        return Look(WRONG, minibatches.READ)

    def _listing(self, claim: Claim, scope: Scope) -> Look:
        """An array with dots, entry by entry."""
        try:
            worlds = self.judge.worlds(scope.conventions)
            found = faults(claim, worlds, scope, sized=self.judge.sized)
        except (NoValue, Outside, ArithmeticError, ValueError) as problem:
            return Look(UNDECIDED, f"cannot be evaluated: {problem}")
        return Look(WRONG, faults=found) if found else Look(RIGHT)

    # ---------------------------------------------------------------- without a value

    def _without_value(self, claim: Claim, scope: Scope, problem: str) -> Look:
        assert claim.lhs is not None
        assert claim.rhs is not None
        if claim.relation in ABOUT_PLACES:
            return Look(OUT_OF_SCOPE, "a statement about numbers, not about the network")
        if (made := self._chain_rule(claim)) is not None:
            return made
        right = self.has_value(claim.rhs, scope)
        if right and not self.has_value(claim.lhs, scope) and _is_symbol(claim.lhs):
            return Look(DEFINITION, "brings a symbol of its own")
        if isinstance(claim.lhs, Letter) and isinstance(claim.rhs, Listed):
            return Look(DEFINITION, "names the values of an index")
        if _is_recursion(claim):
            return Look(DEFINITION, "says how a symbol of its own goes on")
        if self._names_function(claim, scope):
            return Look(DEFINITION, "names the function that the network computes")
        if any(isinstance(n, Words) for side in claim.sides for n in walk(side)):
            return Look(OUT_OF_SCOPE, "words that name no quantity of the network")
        return Look(UNDECIDED, f"cannot be evaluated: {problem}")

    def _chain_rule(self, claim: Claim) -> Look | None:
        """The verdict on a statement about functions that nobody wrote down."""
        if names_composition(claim):
            return Look(DEFINITION, "names a composition")
        try:
            return Look(RIGHT if self.chains.holds(claim) else FAILS, chain_rule=True)
        except NoValue:
            return None

    def _names_function(self, claim: Claim, scope: Scope) -> bool:
        """Whether the claim holds where a function of the writer's own is the output."""
        output = Entry("output", "", scope.last)
        if claim.rhs is None or not any(_is_own_function(n) for n in walk(claim.rhs)):
            return False
        read = [
            replace(claim, rhs=_with_output(claim.rhs, replace(output, form=form, places=places)))
            for form, places in (("whole", ()), ("entry", ()), ("entry", (_FIRST,)))
        ]
        return any(self.judge.holds(made, scope) for made in read)

    def has_value(self, node: Node, scope: Scope) -> bool:
        """Whether an expression can be evaluated."""
        same = Claim(node, "=", node, node.span)
        try:
            return self.judge.difference(same, scope) is None
        except NoValue:
            return False

    # ---------------------------------------------------------------- conditions

    def _domain_of(self, claim: Claim) -> tuple[str, ...]:
        return self.domain if _speaks_of_loss(claim) else ()

    @cached_property
    def domain(self) -> tuple[str, ...]:
        """Where the loss is defined, if not for all parameters."""
        network = next(iter(self.judge.worlds())).network
        passed = forward(network)
        found = conditions(passed)
        return () if all(c.holds for c in found) else _in_words([c.positive for c in found])

    def assumptions(self, claim: Claim) -> Iterator[tuple[str, Assumptions]]:
        """What could make the claim hold, the likeliest first."""
        sums = Assumptions(normalised=True)
        if self.normalisable:
            yield "the targets sum to 1", sums
        yield from meant(claim, self.judge.network)
        own = (n.letter for side in claim.sides for n in walk(side) if isinstance(n, Entry))
        if not self.averages.isdisjoint(own):
            yield "it is about the network after training", Assumptions(inference=True)

    @cached_property
    def averages(self) -> frozenset[str]:
        """The letters of running averages."""
        stages = (s for world in self.judge.worlds() for s in world.passed.stages)
        return frozenset(tensor.letter for stage in stages for tensor in stage.state)

    @property
    def normalisable(self) -> bool:
        """Whether the targets are meant to sum to 1: where the loss is a cross-entropy."""
        loss = self.judge.network.loss
        return (loss.likelihood or loss.name) in ("cross_entropy", "categorical")


def _nothing_said(claim: Claim, scope: Scope) -> Look | None:
    """The verdict on a claim that lacks a side."""
    if claim.complete:
        return _naming(claim, scope)
    (side,) = claim.sides or (None,)
    if claim.relation:
        return Look(INCOMPLETE, "one side is left blank")
    if side is None or isinstance(side, Words):
        return Look(OUT_OF_SCOPE, "words alone")
    if _descends(side):
        return Look(RIGHT, "the direction of descent")
    return Look(DEFINITION, "names a quantity")


def _descends(node: Node) -> bool:
    """Minus a gradient of the loss: where a step of training leads."""
    return (
        isinstance(node, Minus)
        and isinstance(node.arg, Nabla | Derivative)
        and isinstance(node.arg.of, Entry)
        and node.arg.of.role in ("loss", "objective")
    )


def _naming(claim: Claim, scope: Scope) -> Look | None:
    """A letter that stands for nothing yet, alone on one side; a symbol that the sheet brings."""
    if isinstance(claim.lhs, Entry) and claim.lhs.role == "user":
        known = defined(scope.own.definitions, claim.lhs.letter, claim.lhs.label)
        if known is not None and known.rhs == claim.rhs:
            return Look(DEFINITION, "brings a symbol of its own")
    if isinstance(claim.lhs, Applied) and not claim.lhs.order:
        function = scope.own.functions.get(claim.lhs.function.name)
        if function is not None and claim.rhs is not None and function.rhs == claim.rhs:
            return Look(DEFINITION, "brings a function of its own")
    for side, other in ((claim.lhs, claim.rhs), (claim.rhs, claim.lhs)):
        assert side is not None
        assert other is not None
        alone = isinstance(side, Letter) and side.name != "bold 1"
        if alone and claim.relation in EQUALS and side not in tuple(walk(other)):
            return Look(DEFINITION, "names a number")
    return None


def _is_recursion(claim: Claim) -> bool:
    """Whether a symbol of the writer's is made of itself, as of the step before: v <- m v - g."""
    lhs, rhs = claim.lhs, claim.rhs
    if isinstance(lhs, Letter):
        return claim.relation in ("gets", ":=") and rhs is not None and lhs in tuple(walk(rhs))
    own = isinstance(lhs, Entry) and lhs.role == "user" and claim.relation in (*EQUALS, "gets")
    symbols = [n for n in walk(rhs) if isinstance(n, Entry)] if own and rhs else []
    return isinstance(lhs, Entry) and any(n.letter == lhs.letter for n in symbols)


def _is_symbol(node: Node) -> bool:
    """Whether the left side is a sign of the writer's, alone or with arguments."""
    if isinstance(node, Applied):
        return not node.order and not node.function.activation
    return isinstance(node, Letter | Entry | Words)


def _is_own_function(node: Node) -> bool:
    return (
        isinstance(node, Applied)
        and not node.function.activation
        and node.function.name not in WRITTEN
    )


def _with_output(node: Node, output: Entry) -> Node:
    if _is_own_function(node):
        return output
    return rebuilt(node, lambda part: _with_output(part, output))


def _speaks_of_loss(claim: Claim) -> bool:
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Nabla):
                return True
            if isinstance(node, Entry) and node.role in ("loss", "objective", "delta", "error"):
                return True
            if isinstance(node, Derivative) and node.of is None:
                return True
    return False


def speaks_of_network(claim: Claim) -> bool:
    """Whether a quantity or the activation of the network stands in it."""
    return any(
        isinstance(n, Entry | Nabla | Size) or (isinstance(n, Applied) and n.function.activation)
        for side in claim.sides
        for n in walk(side)
    )


def counts_samples(claim: Claim) -> bool:
    """Whether the claim itself sums over samples or writes whole batches."""
    for side in claim.sides:
        for node in walk(side):
            if isinstance(node, Entry) and (node.form == "batch" or node.sample is not None):
                return True
            if isinstance(node, Space):
                return True
            if isinstance(node, Total) and any(b.name in ("n", "t") for b in node.bounds):
                return True
    return False


# ------------------------------------------------------------------ domains in words


def _in_words(positive: list[Term]) -> tuple[str, ...]:
    """0 < o < 1 and the like."""
    words = []
    above_zero = [p for p in positive if isinstance(p, Ref)]
    below_one = [p for p in positive for o in refs(p) if p == 1 - o]
    if above_zero and below_one:
        words.append("0 < o < 1")
    elif above_zero or below_one:
        words.append("o > 0" if above_zero else "o < 1")
    return tuple(words + [f"{p} > 0" for p in positive if p not in (*above_zero, *below_one)])
