"""The lemmas that a network needs, each derived once, and the errors by their names."""

from __future__ import annotations

from derive.algebra.equation import Equation
from derive.algebra.index import replace_term
from derive.algebra.terms import ONE, Apply, Partial, Ref, Term
from derive.forward import LOSS, Forward, delta_of
from derive.identities import O, S
from derive.lemmas import jacobian_lemma, loss_lemma, slope_lemmas
from derive.stages import Stage, entry
from derive.steps import BY_DEFINITION, Builder, Chain


def error(place: Ref) -> Term:
    """The error at an entry: delta where the entry is a pre-activation, else dL/d entry."""
    if place.tensor.role != "preactivation":
        return of_loss(place)
    assert place.tensor.label is not None
    return Ref(delta_of(place.tensor.label), place.at)


def of_loss(by: Ref) -> Partial:
    """dL/d by, for the loss of one sample, or of the batch where samples depend on others."""
    return Partial(entry(LOSS), by)


class LemmaBook:
    """The lemmas that a network needs, each derived once."""

    def __init__(self, forward: Forward) -> None:
        """No lemma yet, but the likelihood's, whose result is the loss."""
        self.forward = forward
        self.chains: dict[str, Chain] = {}
        if forward.likelihood is not None:
            chain = Builder("loss", "the loss", forward.loss.lhs, "likelihood")
            chain.by_rule(forward.likelihood.rhs, "negative log-likelihood", check=BY_DEFINITION)
            chain.equal(forward.loss.rhs, "logarithms of products and powers")
            self.chains["loss"] = chain.chain()

    def slope(self, stage: Stage, s: Ref) -> tuple[Term, tuple[str, ...]]:
        """phi'(s) at an entry in forward quantities, and the key of the lemma that says so."""
        if stage.phi is None or stage.function is None or stage.activation is None:
            return ONE, ()
        if isinstance(stage.phi, Apply):
            return Apply(stage.phi.function, s, 1), ()
        chains = slope_lemmas(stage.phi, stage.function)
        self.chains.update((chain.key, chain) for chain in chains)
        o = Ref(stage.activation.lhs.tensor, s.at)
        result = replace_term(replace_term(chains[-1].result, S, s), O, o)
        return result, (chains[-1].key,)

    def loss_slope(self, by: Ref) -> tuple[Term, tuple[str, ...]]:
        """dL/d by for an entry of the output."""
        if isinstance(self.forward.loss.rhs, Apply):
            return of_loss(by), ()
        chain = loss_lemma(self.forward.loss, by, "loss.slope", ("loss",))
        self.chains[chain.key] = chain
        return chain.result, (chain.key,)

    def jacobian(self, equation: Equation, by: Ref, stage: Stage) -> tuple[Term, tuple[str, ...]]:
        """d lhs/d by for an activation over an index."""
        name = str(stage.function)
        chain = jacobian_lemma(equation, by, f"jacobian.{name}", f"the Jacobian of {name}")
        known = self.chains.setdefault(chain.key, chain)
        return chain.result, (known.key,)
