"""derive(network): the single object that notes, module, verification and checker are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from derive.algebra.equation import Equation
from derive.algebra.prove import PROVED, SAMPLED, TESTED, Fact
from derive.algebra.terms import Extent, Tensor, Term
from derive.backward import Backward, backward
from derive.domain import Condition, conditions
from derive.forward import Forward, expression, forward, objective
from derive.spec import Network, load
from derive.steps import Chain

CONVENTIONS = (
    "The error delta of a layer is the derivative of the loss of one sample by its pre-activation.",
    "At a kink the last alternative counts: "
    "the slope of max(s, 0) at 0 is 0, and that of |s| is 0.",
)


@dataclass(frozen=True)
class Derivation:
    """Everything that was derived of a network, each step with its reason and its check."""

    network: Network
    forward_pass: Forward
    backward_pass: Backward
    conditions: tuple[Condition, ...]

    @property
    def forward(self) -> tuple[Equation, ...]:
        """The forward equations in the order of evaluation."""
        return self.forward_pass.equations

    @property
    def inference(self) -> tuple[Equation, ...]:
        """The forward equations outside training: running averages, no dropout."""
        return tuple(e for stage in self.forward_pass.stages for e in stage.inferred)

    @property
    def loss(self) -> Equation:
        """The loss of one sample."""
        return self.forward_pass.loss

    @cached_property
    def objective(self) -> Term:
        """What training minimises: mean or sum of the losses, plus weight decay."""
        return objective(self.forward_pass)

    @cached_property
    def expression(self) -> Term:
        """The loss of one sample as one expression over all parameters."""
        return expression(self.forward_pass)

    @property
    def lemmas(self) -> tuple[Chain, ...]:
        """Slopes and Jacobians of the activations, the slope of the loss."""
        return self.backward_pass.lemmas

    @property
    def generic(self) -> tuple[Chain, ...]:
        """The step for a layer l that stands between two others, valid for every l."""
        return self.backward_pass.generic

    @property
    def layers(self) -> tuple[Chain, ...]:
        """The instances, from the last layer to the first, and the gradient of the input."""
        return self.backward_pass.layers

    @property
    def backward(self) -> tuple[Equation, ...]:
        """The errors of all layers in the order of evaluation, per sample."""
        return self.backward_pass.equations

    @property
    def gradients(self) -> tuple[Equation, ...]:
        """The gradient of the objective for every parameter."""
        return self.backward_pass.gradients

    @property
    def shapes(self) -> Mapping[Tensor, tuple[Extent, ...]]:
        """The shape of every tensor, without the axis of samples."""
        return self.forward_pass.shapes

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is assumed of the data, and where it was used."""
        return self.forward_pass.facts

    @property
    def conventions(self) -> tuple[str, ...]:
        """Sentences that a page states once."""
        return CONVENTIONS

    @property
    def chains(self) -> tuple[Chain, ...]:
        """Every chain, in the order of the notes."""
        return (*self.lemmas, *self.generic, *self.layers)

    @property
    def checks(self) -> dict[str, int]:
        """How many steps were PROVED, TESTED and SAMPLED."""
        words = [step.check.word for chain in self.chains for step in chain.steps]
        return {word: words.count(word) for word in (PROVED, TESTED, SAMPLED)}

    @property
    def in_domain(self) -> bool:
        """Whether every condition holds whatever the parameters are."""
        return all(c.holds for c in self.conditions)


def derive(source: Network | str | Path | Mapping[str, Any]) -> Derivation:
    """The derivation of a network, given as a spec in any of its forms.

    >>> d = derive("2 > 2 tanh > 1 sigmoid : binary_cross_entropy")
    >>> str(d.backward[0].rhs), str(d.backward[1].rhs)
    ('o2[n,j] - y[n,j]', 'Sum(W2[j,k]*delta2[n,k], k)*(1 - o1[n,j]**2)')
    """
    network = load(source)
    pass_ = forward(network)
    return Derivation(network, pass_, backward(pass_), conditions(pass_))
