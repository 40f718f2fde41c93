"""Plain data as TOML text: the way back from JSON and one-line specs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def toml(data: Mapping[str, Any]) -> str:
    """A table, one line for each key and for each entry of a list of layers.

    >>> print(toml({"layers": ["dense 1"], "loss": {"name": "huber", "delta": 2}}), end="")
    layers = [
        "dense 1",
    ]
    loss = { name = "huber", delta = 2 }
    """
    return "".join(f"{_key(key)} = {_top(value)}\n" for key, value in _given(data))


def _given(data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in data.items() if value is not None]


def _top(value: Any) -> str:
    if isinstance(value, list) and any(isinstance(item, str | Mapping) for item in value):
        return "[\n" + "".join(f"    {_value(item)},\n" for item in value) + "]"
    return _value(value)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in _given(value))
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key, re.ASCII) else _value(key)
