"""The named activations and losses with their options, and how one of them is written in a spec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from derive.algebra.terms import Tensor, ref
from derive.errors import SpecError, listed, nearest, shown, suggestion
from derive.formulas import bounds
from derive.formulas.formula import FUNCTIONS, read_formula
from derive.formulas.grammar import read_tree
from derive.network.values import Table, Typed, expected, rational

Choices = Mapping[str, Mapping[str, tuple[Typed, Fraction]]]

_SLOPE = rational(-1000, 1000)
_POSITIVE = rational(0, 1000, open_low=True)
ACTIVATIONS: Choices = {
    "linear": {},
    "sigmoid": {},
    "tanh": {},
    "relu": {},
    "leaky_relu": {"slope": (_SLOPE, Fraction(1, 100))},
    "elu": {"alpha": (_POSITIVE, Fraction(1))},
    "softplus": {},
    "gelu": {},
    "silu": {},
    "softsign": {},
    "mish": {},
    "softmax": {},
    "generic": {},
}
LOSSES: Choices = {
    "squared_error": {},
    "half_squared_error": {},
    "mean_squared_error": {},
    "binary_cross_entropy": {},
    "cross_entropy": {},
    "huber": {"delta": (_POSITIVE, Fraction(1))},
    "generic": {},
}
RELU_LIKE = ("relu", "leaky_relu", "elu", "softplus", "gelu", "silu", "mish")
_S, _O, _Y = (ref(Tensor(letter, "quantity", None, batched=False)) for letter in "soy")
_ACTIVATION_ADVICE = {
    name: f'the activation "{name}" stands alone, without s'
    for name in ACTIVATIONS
    if name not in FUNCTIONS
}
_LOSS_ADVICE = {name: f'the loss "{name}" stands alone, without o and y' for name in LOSSES}


def named(raw: Any, known: Choices, what: str) -> dict[str, Any]:
    """The fields name, formula and options of an activation or a loss, from any of its forms."""
    if isinstance(raw, str):
        raw = {"name": raw} if raw in known else {"formula": _not_a_name(raw, known, what)}
    if not isinstance(raw, Mapping):
        raise expected(raw, f"the name of the {what}, a formula, or a table with a name")
    entries = dict(raw)
    options, formula = entries.pop("options", {}), entries.pop("formula", None)
    name = entries.pop("name", None if formula is None else "formula")
    if not isinstance(options, Mapping):
        raise SpecError(f".options: found {shown(options)}, expected a table")
    if formula is not None:
        if entries or options or name not in ("formula", "index_formula"):
            raise SpecError("found a formula with other keys, expected a formula alone")
        if not isinstance(formula, str):
            raise SpecError(f".formula: found {shown(formula)}, expected a formula as text")
        return {"name": "formula", "formula": formula.strip()}
    if not isinstance(name, str) or name not in known:
        wanted = listed(known) + suggestion(name, known)
        raise SpecError(f".name: found {shown(name)}, expected {wanted}")
    return {"name": name, "options": _options(name, {**options, **entries}, known[name])}


def _not_a_name(text: str, known: Choices, what: str) -> str:
    """The text, as long as it cannot be meant as a name; else both readings are offered."""
    text = text.strip()
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_ -]{2,40}", text, re.ASCII) or " - " in text:
        return text
    near, function = nearest(text, known), nearest(text, FUNCTIONS)
    variable = "s" if what == "activation" else "o - y"
    both = [f'the {what} "{near}"'] if near else []
    both += [f'the formula "{function}({variable})"'] if function else []
    hint = (
        f"did you mean {' or '.join(both)}?" if both else f"expected {listed(known)} or a formula"
    )
    raise SpecError(f"found {shown(text)}; {hint}")


def _options(
    name: str, given: Mapping[str, Any], known: Mapping[str, tuple[Typed, Fraction]]
) -> Table[str, Fraction]:
    """The options with their defaults filled in."""
    problems, values = [], {option: default for option, (_, default) in known.items()}
    for option, value in given.items():
        if option not in known:
            allowed = (
                f"the option of {name} is {listed(known)}" if known else f"{name} has no option"
            )
            problems.append(f"unknown key {shown(option)}; {allowed}")
            continue
        try:
            values[option] = known[option][0].reader(value)
        except SpecError as error:
            problems += error.under(f".{option}").problems
    if problems:
        raise SpecError(*problems)
    return Table(values)


def check_activation(formula: str) -> None:
    """Refuse a formula that cannot be an activation."""
    term = read_formula(formula, {"s": _S}, "", _ACTIVATION_ADVICE)
    if not bounds.depends(term, "s"):
        raise SpecError("found a formula that is constant in s, expected one that depends on it")


def check_loss(formula: str) -> None:
    """Refuse a scalar formula that cannot be a loss; of an index formula only its grammar."""
    if "[" in formula:
        read_tree(formula)
        return
    term = read_formula(formula, {"o": _O, "y": _Y}, "", _LOSS_ADVICE)
    if not bounds.depends(term, "o"):
        raise SpecError("found a loss that ignores the output o, expected one that depends on it")
