"""The types of the values in a spec: each reads one kind of value and says what it expected.

A reader takes what TOML, JSON or Python hands over and returns the value that a model keeps, or
raises with `found ..., expected ...`.  Nothing is converted behind the writer's back: "3", true and
1.5 are no whole numbers.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Generic, TypeVar

from pydantic import PlainValidator, WithJsonSchema

from derive.errors import SpecError, listed, rational_text, shown, suggestion

LARGEST_SIZE = 1_000_000
MOST_DIGITS = 40
SIZE_NAME = re.compile(r"[A-Za-z][0-9]*(_[A-Za-z0-9]{1,8})?")
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}
_MODULES = sys.stdlib_module_names | {"numpy", "derive", "codegen", "gradwright"}

K = TypeVar("K")
V = TypeVar("V")


class Table(Mapping[K, V], Generic[K, V]):
    """An immutable, hashable mapping in the order in which it was written."""

    def __init__(self, entries: Mapping[K, V] | None = None) -> None:
        """Copy the entries."""
        self._entries = dict(entries or {})

    def __getitem__(self, key: K) -> V:
        return self._entries[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __repr__(self) -> str:
        return f"Table({self._entries!r})"


class Typed:
    """Pydantic metadata: read a field with `reader`, describe it in the JSON schema by `schema`."""

    def __init__(self, reader: Callable[[Any], Any], schema: dict[str, Any]) -> None:
        """Keep both."""
        self.reader, self.schema = reader, schema

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return PlainValidator(self.reader).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> Any:
        return WithJsonSchema(self.schema).__get_pydantic_json_schema__(core, handler)


def expected(found: object, wanted: str) -> SpecError:
    """The error of a value that is not what a field takes."""
    return SpecError(f"found {shown(found)}, expected {wanted}")


def is_whole(value: object) -> bool:
    """Whether the value is an integer as written: 3, not 3.0, "3" or true."""
    return isinstance(value, int) and not isinstance(value, bool)


def whole(low: int, high: int) -> Typed:
    """A whole number from low to high."""
    wanted = f"a whole number from {low} to {high}"

    def read(value: Any) -> int:
        if not is_whole(value) or not low <= value <= high:
            raise expected(value, wanted)
        return int(value)

    return Typed(read, {"type": "integer", "minimum": low, "maximum": high})


def read_size(value: Any) -> int | str:
    """A number of units, or the name of a symbolic size."""
    if is_whole(value) and 1 <= value <= LARGEST_SIZE:
        return int(value)
    if isinstance(value, str) and SIZE_NAME.fullmatch(value):
        return value
    hint = ", or a symbolic size such as n, d1 or n_h" if isinstance(value, str) else ""
    raise expected(value, f"a whole number from 1 to {LARGEST_SIZE}{hint}")


_SIZE_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE},
        {"type": "string", "pattern": f"^{SIZE_NAME.pattern}$"},
    ]
}
SIZE = Typed(read_size, _SIZE_SCHEMA)


def sequence(
    reader: Callable[[Any], Any], least: int, most: int, wanted: str, schema: dict[str, Any]
) -> Typed:
    """A value, which stands for a list of one, or a list of values, kept as a tuple."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            return (reader(value),)
        if not least <= len(value) <= most:
            raise expected(value, f"{wanted}, or a list of {least} to {most} of them")
        made, problems = [], []
        for place, item in enumerate(value):
            try:
                made.append(reader(item))
            except SpecError as error:
                problems += error.under(f"entry {place}").problems
        if problems:
            raise SpecError(*problems)
        return tuple(made)

    many = {"type": "array", "items": schema, "minItems": least, "maxItems": most}
    return Typed(read, {"anyOf": [schema, many]})


SHAPE = sequence(read_size, 1, 8, "a size", _SIZE_SCHEMA)


def per_axis(low: int, high: int) -> Typed:
    """A whole number for every spatial axis: one for all, or a list of one or two."""
    one = whole(low, high)
    return sequence(one.reader, 1, 2, f"a whole number from {low} to {high}", one.schema)


def read_rational(value: Any) -> Fraction | None:
    """The exact value of a written number: 0.1 is 1/10, and "1/3" is a third; None for others."""
    if isinstance(value, Fraction):
        exact = value
    elif is_whole(value):
        exact = Fraction(value)
    elif isinstance(value, float | Decimal):
        decimal = Decimal(repr(value)) if isinstance(value, float) else value
        if not decimal.is_finite() or abs(decimal.adjusted()) > MOST_DIGITS:
            return None
        exact = Fraction(decimal)
    elif isinstance(value, str) and re.fullmatch(r"-?\d{1,40}/0*[1-9]\d{0,39}", value):
        exact = Fraction(value)
    else:
        return None
    return exact if max(abs(exact.numerator), exact.denominator) < 10**MOST_DIGITS else None


def rational(low: Fraction | int, high: Fraction | int, *, open_low: bool = False) -> Typed:
    """A number of the closed range low..high, or of the range above low, kept exactly."""
    first, last = rational_text(Fraction(low)), rational_text(Fraction(high))
    wanted = (
        f"a number above {first}, at most {last}" if open_low else f"a number {first} to {last}"
    )

    def read(value: Any) -> Fraction:
        exact = read_rational(value)
        if exact is None or not low <= exact <= high or (open_low and exact == low):
            raise expected(value, wanted)
        return exact

    lower = "exclusiveMinimum" if open_low else "minimum"
    bounds = {"type": "number", lower: float(low), "maximum": float(high)}
    ratio = {"type": "string", "pattern": "^-?[0-9]+/[0-9]+$"}
    return Typed(read, {"anyOf": [bounds, ratio]})


def word(*words: str) -> Typed:
    """One of the given words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise expected(value, listed(words) + suggestion(value, words))
        return value

    return Typed(read, {"enum": list(words)})


def read_name(value: Any) -> str:
    """The name of a network, which becomes the name of files and of a Python module."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", value):
        raise expected(value, "a letter followed by at most 63 letters, digits or underscores")
    if keyword.iskeyword(value):
        raise SpecError(f'found "{value}", which is a Python keyword; choose another name')
    if value in _MODULES:
        raise SpecError(f'found "{value}", the name of a Python module that it would hide')
    if value.lower() in _DEVICES:
        raise SpecError(f'found "{value}", which Windows keeps for a device; choose another name')
    return value


NAME = Typed(read_name, {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,63}$"})


def read_title(value: Any) -> str:
    """One line of text for people."""
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or not value.isprintable():
        raise expected(value, "one line of at most 200 printable characters")
    return value


TITLE = Typed(read_title, {"type": "string", "minLength": 1, "maxLength": 200})
