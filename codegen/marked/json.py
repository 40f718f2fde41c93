"""Marked sheets as JSON (schema 1): one claim for each relation, in order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from codegen.marked.words import shown_text
from derive.marking.verdicts import KINDS, UNREADABLE, VERDICTS, Mark, Marked

SCHEMA = 1


def to_json(sheets: Sequence[Marked]) -> str:
    """The JSON of sheets that were checked together, against one network at most."""
    return json.dumps(data(sheets), indent=2, ensure_ascii=False) + "\n"


def data(sheets: Sequence[Marked]) -> dict[str, Any]:
    """The same as plain data; `inherits` counts the claims of all sheets."""
    claims: list[dict[str, Any]] = []
    for marked in sheets:
        first = len(claims)
        claims += [_claim(mark, first) for mark in marked.marks]
    return {
        "schema": SCHEMA,
        "spec": _only([marked.spec for marked in sheets]),
        "notation": _only([marked.notation for marked in sheets]),
        "claims": claims,
    }


def _only(values: Sequence[str | None]) -> str | None:
    """What all sheets have in common, if it is one thing."""
    return values[0] if len(set(values)) == 1 else None


def _claim(mark: Mark, first: int) -> dict[str, Any]:
    file, line, column = mark.position
    example = mark.counterexample
    return {
        "file": file,
        "line": line,
        "column": column,
        "label": mark.formula.label or None,
        "latex": shown_text(mark) if mark.verdict == UNREADABLE else mark.text,
        "verdict": mark.verdict,
        "slips": [
            {
                "kind": slip.kind or None,
                "at": [min(max(at - mark.span[0], 0), len(mark.text)) for at in slip.at],
                "found": slip.found,
                "expected": slip.expected,
            }
            for slip in mark.slips
        ],
        "inherits": None if mark.inherits is None else first + mark.inherits,
        "follows": mark.follows,
        "conditions": list(mark.conditions),
        "convention": mark.convention,
        "counterexample": None
        if example is None
        else {
            "network": example.network,
            "at": dict(example.at),
            "given": dict(example.given),
            "lhs": example.lhs,
            "rhs": example.rhs,
        },
        "corrected": mark.corrected or None,
        "message": mark.message,
    }


# ------------------------------------------------------------------------------------ its schema


def schema() -> dict[str, Any]:
    """The JSON schema of what `to_json` writes."""
    text, number = {"type": "string"}, {"type": "integer"}
    slip = _object(
        kind={"enum": [*KINDS, None]},
        at={
            "description": "start and end in `latex`",
            "type": "array", "items": {**number, "minimum": 0}, "minItems": 2, "maxItems": 2,
        },
        found=text,
        expected=text,
    )  # fmt: skip
    example = _object(
        network=text,
        at={"type": "object", "additionalProperties": number},
        given={"type": "object", "additionalProperties": text},
        lhs=text,
        rhs=text,
    )
    claim = _object(
        file=text,
        line={**number, "minimum": 1},
        column={**number, "minimum": 1},
        label=_or_null("string"),
        latex=text,
        verdict={"enum": list(VERDICTS)},
        slips={"type": "array", "items": slip},
        inherits={**_or_null("integer"), "description": "the place of a claim in this list"},
        follows=_or_null("boolean"),
        conditions={"type": "array", "items": text},
        convention=_or_null("string"),
        counterexample={"anyOf": [example, {"type": "null"}]},
        corrected=_or_null("string"),
        message=text,
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The verdicts of gradwright check",
        **_object(
            schema={"const": SCHEMA},
            spec=_or_null("string"),
            notation=_or_null("string"),
            claims={"type": "array", "items": claim},
        ),
    }


def _or_null(kind: str) -> dict[str, Any]:
    return {"type": [kind, "null"]}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
