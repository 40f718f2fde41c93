"""Chains of justified, checked equalities: what lemmas and derivations are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.algebra.prove import BY_DEFINITION, BY_RULE, PROVED, SAMPLED, TESTED, Check, Fact, prove
from derive.algebra.terms import Term

__all__ = ["BY_DEFINITION", "BY_RULE", "PROVED", "SAMPLED", "TESTED", "Builder", "Chain", "Step"]


@dataclass(frozen=True)
class Step:
    """... = rhs, because of `why`; `cites` are keys of equations, lemmas, facts it rests on.

    `since` are side identities, each proved, that make the step easy to see: 1 - o = 1/(1 + e^s).
    """

    rhs: Term
    why: str
    check: Check
    cites: tuple[str, ...] = ()
    since: tuple[tuple[Term, Term], ...] = ()


@dataclass(frozen=True)
class Chain:
    """lhs = step = step = ...: every member equals the one before it."""

    key: str
    title: str
    lhs: Term
    steps: tuple[Step, ...]
    kind: str = "chain"

    @property
    def result(self) -> Term:
        """The last member."""
        return self.steps[-1].rhs if self.steps else self.lhs


@dataclass
class Builder:
    """Grows a chain; a member that is not equal to the one before it stops the derivation."""

    key: str
    title: str
    lhs: Term
    kind: str = "chain"
    steps: list[Step] = field(default_factory=list)

    @property
    def last(self) -> Term:
        """The current last member."""
        return self.steps[-1].rhs if self.steps else self.lhs

    def by_rule(self, rhs: Term, why: str, *cites: str, check: Check = BY_RULE) -> Builder:
        """Add a member that a named rule gives."""
        if rhs is not self.last:
            self.steps.append(Step(rhs, why, check, cites))
        return self

    def equal(
        self,
        rhs: Term,
        why: str,
        *cites: str,
        unfold: tuple[Term, Term] | None = None,
        facts: tuple[Fact, ...] = (),
        since: tuple[tuple[Term, Term], ...] = (),
    ) -> Builder:
        """Add a member after checking it; `unfold` are both sides with definitions inserted."""
        if rhs is not self.last:
            check = prove(*(unfold or (self.last, rhs)), facts)
            self.steps.append(Step(rhs, why, check, cites, since))
        return self

    def chain(self) -> Chain:
        """The finished chain."""
        return Chain(self.key, self.title, self.lhs, tuple(self.steps), self.kind)
