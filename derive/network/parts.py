"""The parts that layers and networks are made of: the base model, choices, initial values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.config import JsonDict

from derive.errors import SpecError, shown
from derive.network.choices import ACTIVATIONS, LOSSES, check_activation, check_loss, named
from derive.network.problems import problems_of
from derive.network.values import RATIO, Table, expected, rational, table, word


class Model(BaseModel):
    """A frozen model that takes no unknown key and compares and hashes by its values."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    also: ClassVar[dict[str, Any] | None] = None  # the JSON schema of its short form

    def __hash__(self) -> int:
        """By the values of all fields."""
        return hash((type(self).__name__, *(getattr(self, f) for f in type(self).model_fields)))

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, raw: Any, handler: Any) -> Any:
        """Turn what pydantic says into our sentences, at every level."""
        try:
            return handler(raw)
        except ValidationError as error:
            raise SpecError(*problems_of(error, cls)) from None

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        """The schema of the table, or of the short form."""
        own = handler.resolve_ref_schema(handler(core))
        if cls.also is None:
            return own
        return {"anyOf": [cls.also, own]}

    def _set(self, **values: Any) -> Self:
        """The frozen model with a field completed during validation."""
        for name, value in values.items():
            object.__setattr__(self, name, value)
        return self


_TEXT = {"type": "string", "minLength": 1}
_OPTION: JsonDict = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": RATIO}]}


class Activation(Model):
    """A named activation with options, or a formula in s."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": _OPTION})
    also = _TEXT

    name: str = "linear"
    formula: str | None = None
    options: Annotated[Table[str, Fraction], table()] = Table()

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        if isinstance(raw, cls):
            return raw
        fields = named(raw if raw != {} else "linear", ACTIVATIONS, "activation")
        if fields.get("formula") is not None:
            check_activation(fields["formula"])
        return fields

    @property
    def numeric(self) -> bool:
        """Whether numbers can be computed with it."""
        return self.name != "generic"


LIKELIHOOD = word("gaussian", "bernoulli", "categorical")


class Loss(Model):
    """A named loss with options, a formula in o and y, an index formula, or a likelihood."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": _OPTION})
    also = _TEXT

    name: str
    formula: str | None = None
    options: Annotated[Table[str, Fraction], table()] = Table()
    likelihood: Annotated[Literal["gaussian", "bernoulli", "categorical"], LIKELIHOOD] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        if isinstance(raw, cls):
            return raw
        if isinstance(raw, Mapping) and "likelihood" in raw:
            rest = {k: v for k, v in raw.items() if k not in ("likelihood", "name") and v != {}}
            if rest or raw.get("name", "likelihood") != "likelihood":
                raise SpecError("a likelihood stands without another loss")
            return {"name": "likelihood", "likelihood": raw["likelihood"]}
        fields = named(raw, LOSSES, "loss")
        if fields.get("formula") is not None:
            fields["name"] = "index_formula" if "[" in fields["formula"] else "formula"
            check_loss(fields["formula"])
        return fields

    @property
    def numeric(self) -> bool:
        """Whether numbers can be computed with it."""
        return self.name != "generic"


_INITS = word("glorot", "he", "zeros", "normal")


class Init(Model):
    """How weights start: glorot, he, zeros, or normal with the standard deviation sigma."""

    also = {"type": "string", "pattern": r"^(glorot|he|zeros|normal\([0-9.e-]+\))$"}

    name: Annotated[str, _INITS] = "glorot"
    sigma: Annotated[Fraction, rational(0, 1000, open_low=True)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        if isinstance(raw, cls):
            return raw
        if isinstance(raw, str):
            match = re.fullmatch(
                r"(\w+)\s*\(\s*(-?\d{0,20}\.?\d{1,20}(e-?\d\d?)?)\s*\)", raw[:100], re.ASCII
            )
            raw = {"name": match[1], "sigma": Fraction(match[2])} if match else {"name": raw}
        if not isinstance(raw, Mapping):
            raise expected(raw, 'glorot, he, zeros or "normal(0.1)"')
        name = raw.get("name", "glorot")
        _INITS.reader(name)
        if (name == "normal") != (raw.get("sigma") is not None):
            raise SpecError(f'found {shown(name)}; sigma belongs to normal, as in "normal(0.1)"')
        return {k: v for k, v in raw.items() if v is not None}


def read_init(raw: Any) -> Init:
    """The initial values that a table or a short form writes."""
    try:
        return Init.model_validate(raw)
    except ValidationError as error:
        raise SpecError(*problems_of(error, Init)) from None
