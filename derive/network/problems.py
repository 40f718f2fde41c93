"""What pydantic found wrong, in the words of the project."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from derive.errors import SpecError, join, listed, shown, suggestion
from derive.network.values import Typed


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each mistake in the fields of `model`, with the place inside it."""
    found: list[str] = []
    for detail in error.errors(include_url=False):
        place = _place(detail["loc"])
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, SpecError):
            found += [join(place, problem) if place else problem for problem in cause.problems]
        else:
            found.append(_sentence(place, dict(detail), model))
    return found


def _place(loc: tuple[int | str, ...]) -> str:
    """`.layers[1]` for ("layers", 1, "dense"): what follows a number is the tag of a union."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            return f"{text}[{part}]"
        text += f".{part}"
    return text


def _sentence(place: str, detail: dict[str, Any], model: type[BaseModel]) -> str:
    match detail["type"]:
        case "missing":
            return f"{place}: missing{_wanted(model, str(detail['loc'][-1]))}"
        case "extra_forbidden":
            word, known = str(detail["loc"][-1]), list(model.model_fields)
            hint = suggestion(word, known) or f"; known here: {listed(known)}"
            return f"unknown key {shown(word)}{hint}"
        case "model_type" | "model_attributes_type" | "dict_type":
            sentence = f"found {shown(detail['input'])}, expected a table"
            return join(place, sentence) if place else sentence
        case "invalid_key":
            return "found a key that is not a text, expected names"
        case "tuple_type" | "list_type":
            return f"{place}: found {shown(detail['input'])}, expected a list"
        case "literal_error":
            allowed = detail["ctx"]["expected"].replace("'", '"')
            return f"{place}: found {shown(detail['input'])}, expected {allowed}"
    return f"{place}: found {shown(detail.get('input'))}, which does not fit: {detail['msg']}"


def _wanted(model: type[BaseModel], field: str) -> str:
    for item in model.model_fields[field].metadata:
        if isinstance(item, Typed):
            return f", expected {item.wanted}"
    return ""
