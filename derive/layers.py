"""The parts of a network as models: activations, losses, initial values and the kinds of layers.

A model holds what was written with every default filled in.  What an activation or a layer *is*
(its forward equation) stands in `primitives`; here are only names, sizes and options.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from derive.errors import SpecError, listed, shown, suggestion
from derive.values import (
    SIZE,
    Table,
    Typed,
    expected,
    per_axis,
    rational,
    whole,
    word,
)

_SLOPE = rational(-1000, 1000)
_POSITIVE = rational(0, 1000, open_low=True)
ACTIVATIONS: Mapping[str, Mapping[str, tuple[Typed, Fraction]]] = {
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
LOSSES: Mapping[str, Mapping[str, tuple[Typed, Fraction]]] = {
    "squared_error": {},
    "half_squared_error": {},
    "mean_squared_error": {},
    "binary_cross_entropy": {},
    "cross_entropy": {},
    "huber": {"delta": (_POSITIVE, Fraction(1))},
    "generic": {},
}
RELU_LIKE = ("relu", "leaky_relu", "elu", "softplus", "gelu", "silu", "mish")


class Model(BaseModel):
    """A frozen model that takes no unknown key and compares and hashes by its values."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def __hash__(self) -> int:
        return hash((type(self).__name__, *(getattr(self, f) for f in type(self).model_fields)))


def _named(
    raw: Any, known: Mapping[str, Mapping[str, tuple[Typed, Fraction]]], what: str
) -> dict[str, Any]:
    """The fields name, formula and options of an activation or a loss, from any of its forms."""
    if isinstance(raw, str):
        raw = {"name": raw} if raw in known else {"formula": raw}
    if not isinstance(raw, Mapping):
        raise expected(raw, f"the name of {what}, a formula, or a table with a name")
    entries = dict(raw)
    options = entries.pop("options", {})
    if not isinstance(options, Mapping):
        raise SpecError(f"options: found {shown(options)}, expected a table")
    name = entries.pop("name", "formula" if "formula" in entries else None)
    formula = entries.pop("formula", None)
    if formula is not None:
        if entries or options or name not in ("formula", "index_formula"):
            raise SpecError("a formula stands without a name and without options")
        return {"name": name, "formula": formula, "options": Table()}
    if not isinstance(name, str) or name not in known:
        raise SpecError(
            f"name: found {shown(name)}, expected {listed(known)}{suggestion(name, known)}"
        )
    return {"name": name, "options": _options(name, {**options, **entries}, known[name])}


def _options(
    name: str, given: Mapping[str, Any], known: Mapping[str, tuple[Typed, Fraction]]
) -> Table[str, Fraction]:
    """The options with their defaults filled in."""
    problems, values = [], {option: default for option, (_, default) in known.items()}
    for option, value in given.items():
        if option not in known:
            allowed = f"the options of {name} are {listed(known)}" if known else f"{name} has none"
            problems.append(f"unknown option {shown(option)}: {allowed}")
            continue
        try:
            values[option] = known[option][0].reader(value)
        except SpecError as error:
            problems += error.under(option).problems
    if problems:
        raise SpecError(*problems)
    return Table(values)


class Activation(Model):
    """A named activation with options, or a formula in s."""

    name: str = "linear"
    formula: str | None = None
    options: Table[str, Fraction] = Table()

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        if isinstance(raw, Activation):
            return raw
        return _named(raw or "linear", ACTIVATIONS, "an activation")

    @property
    def numeric(self) -> bool:
        """Whether numbers can be computed with it."""
        return self.name != "generic"


class Loss(Model):
    """A named loss with options, a formula in o and y, an index formula, or a likelihood."""

    name: str
    formula: str | None = None
    options: Table[str, Fraction] = Table()
    likelihood: Literal["gaussian", "bernoulli", "categorical"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        if isinstance(raw, Loss):
            return raw
        if isinstance(raw, Mapping) and "likelihood" in raw:
            if set(raw) - {"likelihood", "name"} or raw.get("name", "likelihood") != "likelihood":
                raise SpecError("a likelihood stands without another loss")
            return {"name": "likelihood", "likelihood": LIKELIHOOD.reader(raw["likelihood"])}
        fields = _named(raw, LOSSES, "a loss")
        if fields.get("formula") is not None:
            fields["name"] = "index_formula" if "[" in fields["formula"] else "formula"
        return fields

    @property
    def numeric(self) -> bool:
        """Whether numbers can be computed with it."""
        return self.name != "generic"


LIKELIHOOD = word("gaussian", "bernoulli", "categorical")


class Init(Model):
    """How the weights of a layer start: glorot, he, zeros, or normal with the deviation sigma."""

    name: str = "glorot"
    sigma: Fraction | None = None


Whole = Annotated[int, whole(1, 10_000)]
PerAxis = Annotated[tuple[int, ...], per_axis(1, 10_000)]
Linear = Activation()


class Dense(Model):
    """s[j] = Sum(W[i,j]*x[i], i) + b[j]."""

    kind: Literal["dense"] = "dense"
    units: Annotated[int | str, SIZE]
    activation: Activation = Linear
    bias: Literal["added", "absent", "threshold"] = "added"
    repeat: str | None = None
    init: Init = Init()
