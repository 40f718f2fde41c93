"""What stops code, verification and training: numbers that are missing, or a loss without a value.

The derivation of such a network is still right, so notes are written and say under which condition.
"""

from __future__ import annotations

import re

from derive.algebra.terms import Tensor
from derive.algebra.text import plain
from derive.derivation import Derivation
from derive.errors import SpecError

REMEDY = 'add domain = "unchecked"'


def refuse(derivation: Derivation, label: str) -> None:
    """Raise where no numbers can be computed."""
    if found := problems(derivation):
        raise SpecError(*(f"{label}: {problem}" for problem in found))


def problems(derivation: Derivation) -> list[str]:
    """Why no module is made."""
    unchecked = derivation.network.domain == "unchecked"
    return not_numeric(derivation) + ([] if unchecked else outside(derivation))


def not_numeric(derivation: Derivation) -> list[str]:
    """What is a symbol where code needs a number or a formula."""
    network = derivation.network
    problems = [
        f"input[{axis}]: found the symbolic size {size}, code needs a number"
        for axis, size in enumerate(network.input)
        if isinstance(size, str)
    ]
    for k, layer in enumerate(network.layers):
        place = f"layers[{k}]"
        repeat = getattr(layer, "repeat", None)
        if repeat is not None:
            problems.append(f"{place}.repeat: found {repeat} layers, code needs a spec of each")
        units = getattr(layer, "units", None)
        if isinstance(units, str) and repeat is None:
            problems.append(f"{place}.units: found the symbolic size {units}, code needs a number")
        activation = getattr(layer, "activation", None)
        if activation is not None and not activation.numeric:
            problems.append(f"{place}.activation: found {activation.name}, code needs a formula")
    if not network.loss.numeric:
        problems.append(f"loss: found {network.loss.name}, code needs a formula")
    if not problems and not network.numeric:
        problems.append("found symbolic sizes or generic functions, code needs numbers")
    return problems


def outside(derivation: Derivation) -> list[str]:
    """Where the output can leave the domain of the loss, with the condition and the remedy."""
    if derivation.in_domain:
        return []
    broken = [c for c in derivation.conditions if not c.holds]
    helps = all(c.remedy for c in broken)  # one that leaves another condition broken is none
    remedies = dict.fromkeys(c.remedy for c in broken if helps)
    activation = getattr(derivation.network.layers[-1], "activation", None)
    name = "linear" if activation is None else activation.formula or activation.name
    output = "the output" if name == "linear" else f"the output of {name}"
    advice = ", or ".join([*remedies, REMEDY])
    return [f"loss: defined only for {condition(derivation)}, which {output} can leave; {advice}"]


def condition(derivation: Derivation) -> str:
    """What the loss needs of an output o, in one phrase.

    >>> from derive.derivation import derive
    >>> condition(derive("2 > 1 tanh : binary_cross_entropy"))
    '0 < o < 1'
    """
    output = derivation.forward_pass.output.tensor
    positive = {_in_o(plain(c.positive), output): None for c in derivation.conditions}
    if list(positive) == ["o", "1 - o"]:
        return "0 < o < 1"
    return " and ".join(f"{text} > 0" for text in positive)


def _in_o(text: str, output: Tensor) -> str:
    """An entry of the output layer as the o of the spec."""
    return re.sub(rf"\b{re.escape(str(output))}\[[^\]]*\]", "o", text)
