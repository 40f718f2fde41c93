"""The keys of all numbered equations of a chapter, in order; the module cites the same numbers.

A key is `forward.s1`, `loss`, `generic.delta`, `delta.2`, `gradient.W1` and so on: those under
which the steps of a derivation cite one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codegen.chapter.groups import Gradient, Group, groups_of, place_of
from derive.algebra.equation import Equation
from derive.derivation import Derivation
from derive.steps import Chain

PER_ROW = 2  # gradients side by side under one number


@dataclass(frozen=True)
class Keys:
    """`equations` in the order of the chapter; `alias` takes what a step cites to its key."""

    equations: tuple[str, ...]
    alias: Mapping[str, str]
    computed: Mapping[tuple[str, str], str]  # (role, array) of the module -> key

    def numbers(self) -> dict[tuple[str, str], str]:
        """(role, array) -> the number in the notes, as `Program.numbers` wants them."""
        place = {key: f"({k})" for k, key in enumerate(self.equations, 1)}
        return {array: place[key] for array, key in self.computed.items()}


def equation_numbers(derivation: Derivation) -> dict[tuple[str, str], str]:
    """The numbers that the chapter gives to the equations of the module.

    >>> from derive.derivation import derive
    >>> equation_numbers(derive("2 > 1 sigmoid : binary_cross_entropy"))["preactivation", "s1"]
    '(1)'
    """
    return keys_of(derivation, groups_of(derivation)).numbers()


def keys_of(derivation: Derivation, groups: tuple[Group, ...]) -> Keys:
    """Every key of the chapter on these groups."""
    order: list[str] = []
    alias: dict[str, str] = {}
    computed: dict[tuple[str, str], str] = {}
    for group in groups:
        for rows in forward_rows(group):
            key = forward_key(rows[0])
            order.append(key)
            for equation in rows:
                for tensor in group.each(equation.lhs.tensor):
                    computed[tensor.role, str(tensor)] = key
                    alias[f"forward.{tensor}"] = key
    order += ["loss", "objective"]
    computed["loss", "L"] = "loss"
    generic = [chain.key for chain in derivation.generic]
    order += ["generic.s", *generic] if generic else []
    for group in reversed(groups):
        for chain in group.errors:
            key = error_key(chain)
            order.append(key)
            for role, name, cited in _named(group, chain):
                computed[role, name] = key
                alias[cited] = key
    order.append("gradient.x")
    computed["adjoint", "dx"] = "gradient.x"
    for group in groups:
        for row in gradient_rows(group):
            key = gradient_key(row[0])
            order.append(key)
            for gradient in row:
                for tensor in group.each(gradient.parameter.tensor):
                    computed["gradient", str(tensor)] = key
                    alias[f"gradient.{tensor}"] = key
    alias.update((key, key) for key in order)
    return Keys(tuple(order), alias, computed)


def forward_rows(group: Group) -> Iterator[tuple[Equation, ...]]:
    """The equations that stand under one number: the pre-activation with its activation."""
    rows: list[tuple[Equation, ...]] = []
    for equation in group.forward:
        if equation.lhs.tensor.role == "activation" and rows:
            rows[-1] += (equation,)
        else:
            rows.append((equation,))
    yield from rows


def gradient_rows(group: Group) -> Iterator[tuple[Gradient, ...]]:
    """The gradients of a layer that stand under one number."""
    for k in range(0, len(group.gradients), PER_ROW):
        yield group.gradients[k : k + PER_ROW]


def forward_key(equation: Equation) -> str:
    """The key of a forward equation."""
    return f"forward.{equation.lhs.tensor}"


def error_key(chain: Chain) -> str:
    """The key of the equation that defines an error."""
    tensor = place_of(chain).tensor
    return f"delta.{tensor.label}" if chain.kind == "delta" else f"adjoint.{tensor}"


def gradient_key(gradient: Gradient) -> str:
    """The key of the row of gradients that begins with this one."""
    return f"gradient.{gradient.parameter.tensor}"


def _named(group: Group, chain: Chain) -> Iterator[tuple[str, str, str]]:
    """(role, array, key that steps cite) of an error, for every number of the group."""
    for tensor in group.each(place_of(chain).tensor):
        if chain.kind == "delta":
            yield "delta", str(tensor), f"delta.{tensor.label}"
        else:
            yield "adjoint", f"d{tensor}", f"adjoint.{tensor}"
