"""The types of the values in a spec: each reads one kind of value and says what it expected.

A reader takes what TOML, JSON or Python hands over and returns the value that a model keeps, or
raises with `found ..., expected ...`.  Nothing is converted behind the writer's back: "3", true and
1.5 are no whole numbers.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Generic, Literal, TypeVar

from pydantic_core import core_schema

from derive.errors import SpecError, listed, shown, suggestion

LARGEST_SIZE = 1_000_000
MOST_DIGITS = 40
RATIO = "^-?[0-9]+/[0-9]+$"  # the JSON schema of an exact fraction
SIZE_NAME = re.compile(r"[A-Za-z][0-9]{0,3}(_[A-Za-z0-9]{1,8})?", re.ASCII)
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
        """The value of a key."""
        return self._entries[key]

    def __iter__(self) -> Iterator[K]:
        """The keys in written order."""
        return iter(self._entries)

    def __len__(self) -> int:
        """The number of entries."""
        return len(self._entries)

    def __hash__(self) -> int:
        """By the entries."""
        return hash(frozenset(self._entries.items()))

    def __repr__(self) -> str:
        """As a call."""
        return f"Table({self._entries!r})"


class Typed:
    """Pydantic metadata of a field: its reader, its JSON schema, and in words what it takes."""

    def __init__(self, reader: Callable[[Any], Any], schema: dict[str, Any], wanted: str) -> None:
        """Keep all three."""
        self.reader, self.schema, self.wanted = reader, schema, wanted

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """The reader alone decides."""
        return core_schema.no_info_plain_validator_function(self.reader)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> Any:
        """The schema as it is."""
        return dict(self.schema)


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

    return Typed(read, {"type": "integer", "minimum": low, "maximum": high}, wanted)


def read_size(value: Any) -> int | str:
    """A number of units, or the name of a symbolic size."""
    if is_whole(value) and 1 <= value <= LARGEST_SIZE:
        return int(value)
    if isinstance(value, str) and SIZE_NAME.fullmatch(value):
        if value == "N":
            raise SpecError('found "N", which is the number of samples; take another letter')
        return value
    hint = ", or a symbolic size such as n, d1 or n_h" if isinstance(value, str) else ""
    raise expected(value, f"a whole number from 1 to {LARGEST_SIZE}{hint}")


_SIZE_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE},
        {"type": "string", "pattern": f"^{SIZE_NAME.pattern}$"},
    ]
}
SIZE = Typed(read_size, _SIZE_SCHEMA, f"a whole number from 1 to {LARGEST_SIZE}")


def each(items: Iterable[tuple[str, Any]], reader: Callable[[Any], Any]) -> list[Any]:
    """The items as the reader reads them; the mistakes of all of them at once, at their places."""
    made, problems = [], []
    for place, item in items:
        try:
            made.append(reader(item))
        except SpecError as error:
            problems += error.under(place).problems
    if problems:
        raise SpecError(*problems)
    return made


def sequence(one: Typed, least: int, most: int) -> Typed:
    """A value, which stands for a list of one, or a list of values, kept as a tuple."""
    wanted = f"{one.wanted}, or a list of {least} to {most} of them"

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            return (one.reader(value),)
        if not least <= len(value) <= most:
            raise expected(value, wanted)
        return tuple(each(((f"[{n}]", item) for n, item in enumerate(value)), one.reader))

    many = {"type": "array", "items": one.schema, "minItems": least, "maxItems": most}
    return Typed(read, {"anyOf": [one.schema, many]}, wanted)


SHAPE = sequence(SIZE, 1, 8)


def per_axis(low: int, high: int) -> Typed:
    """A whole number for every spatial axis: one for all, or a list of one or two."""
    return sequence(whole(low, high), 1, 2)


def read_padding(value: Any) -> Literal["same"] | tuple[int, ...]:
    """The word "same", or a padding for every spatial axis."""
    if value == "same":
        return "same"
    if isinstance(value, str):
        raise expected(value, 'a whole number from 0 to 10000, or "same"')
    made: tuple[int, ...] = _PADDINGS.reader(value)
    return made


_PADDINGS = per_axis(0, 10_000)
_SAME = {"enum": ["same"]}
PADDING = Typed(read_padding, {"anyOf": [_PADDINGS.schema, _SAME]}, f'"same" or {_PADDINGS.wanted}')


def read_bias(value: Any) -> str:
    """true, false or "threshold", as the words that a model keeps."""
    if isinstance(value, bool):
        return "added" if value else "absent"
    if value in ("added", "absent", "threshold"):
        return str(value)
    raise expected(value, 'true, false or "threshold"')


BIAS = Typed(
    read_bias,
    {"enum": [True, False, "threshold", "added", "absent"]},
    'true, false or "threshold"',
)


def read_symbol(value: Any) -> str:
    """The name of a symbolic size."""
    if not isinstance(value, str) or not SIZE_NAME.fullmatch(value) or value == "N":
        raise expected(value, 'the name of a symbolic number, such as "L"')
    return value


SYMBOL = Typed(read_symbol, {"type": "string", "pattern": f"^{SIZE_NAME.pattern}$"}, "a name")


def texts(least: int, most: int) -> Typed:
    """A list of texts."""
    wanted = f"a list of {least} to {most} texts" if least else "a list of texts"

    def read_one(value: Any) -> str:
        if not isinstance(value, str):
            raise expected(value, "a text")
        return value.strip()

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            raise expected(value, wanted)
        return tuple(each(((f"[{n}]", item) for n, item in enumerate(value)), read_one))

    schema = {"type": "array", "items": {"type": "string"}, "minItems": least, "maxItems": most}
    return Typed(read, schema, wanted)


def table(reader: Callable[[Any], Any] = lambda value: value, most: int = 200) -> Typed:
    """A table whose keys are names and whose values the reader reads."""

    def read(value: Any) -> Table[str, Any]:
        if not isinstance(value, Mapping) or len(value) > most:
            raise expected(value, f"a table of at most {most} names")
        for key in value:
            if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z]\w{0,31}", key, re.ASCII):
                raise SpecError(f"found the name {shown(key)}, expected letters and digits")
        entries = each(((f".{key}", entry) for key, entry in value.items()), reader)
        return Table(dict(zip(value, entries, strict=True)))

    return Typed(read, {"type": "object"}, "a table")


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


def rational(low: int, high: int, *, open_low: bool = False, open_high: bool = False) -> Typed:
    """A number from low to high, with or without the ends, kept exactly."""
    ends = f"{'above' if open_low else 'of at least'} {low}", "below" if open_high else "at most"
    closed = not open_low and not open_high
    wanted = (
        f"a number from {low} to {high}" if closed else f"a number {ends[0]} and {ends[1]} {high}"
    )

    def read(value: Any) -> Fraction:
        exact = read_rational(value)
        if exact is None or not low <= exact <= high:
            raise expected(value, wanted)
        if (open_low and exact == low) or (open_high and exact == high):
            raise expected(value, wanted)
        return exact

    lower = "exclusiveMinimum" if open_low else "minimum"
    upper = "exclusiveMaximum" if open_high else "maximum"
    ratio = {"type": "string", "pattern": RATIO}
    return Typed(read, {"anyOf": [{"type": "number", lower: low, upper: high}, ratio]}, wanted)


def word(*words: str) -> Typed:
    """One of the given words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise expected(value, listed(words) + suggestion(value, words))
        return value

    return Typed(read, {"enum": list(words)}, listed(words))


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


NAME = Typed(read_name, {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,63}$"}, "a name")


def read_title(value: Any) -> str:
    """One line of text for people."""
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or not value.isprintable():
        raise expected(value, "one line of at most 200 printable characters")
    return value


TITLE = Typed(read_title, {"type": "string", "minLength": 1, "maxLength": 200}, "a line")
