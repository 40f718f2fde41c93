"""What a mark says in words: one plain sentence or two for every verdict."""

from __future__ import annotations

from derive.marking.verdicts import (
    DEFECT,
    INCOMPLETE,
    RIGHT_IF,
    RIGHT_UNDER,
    WRONG,
    Mark,
    Slip,
)

#: What stands before "found" and "expected" for each kind of slip.
OF_KIND = {
    "sign": "sign",
    "factor": "factor",
    "transpose": "transpose",
    "order": "order of a matrix product",
    "hadamard": "kind of product",
    "index": "index",
    "base": "range",
    "layer": "layer",
    "variable": "quantity",
    "slope": "slope of the activation",
    "jacobian": "Jacobian of softmax",
    "sum": "sum",
    "term": "term",
    "entry": "entry",
    "ascent": "direction of the step",
    "bias_sign": "sign of a threshold",
    "exponent_sign": "sign of an exponent",
    "log": "function",
    "parentheses": "parentheses",
    "separator": "two equations run together",
    "relation": "relation",
    "shape": "shape",
    "sharing": "sharing of weights",
    "constant": "constant",
    "domain": "domain",
    "sample": "sample",
}
MOST = 60  # characters of a formula inside a sentence


def message_of(mark: Mark, found: str, reconciling: str) -> str:
    """The sentence; `found` is what the first look said."""
    match mark.verdict:
        case v if v == RIGHT_IF:
            return f"right if {_listed(mark.conditions)}"
        case v if v == RIGHT_UNDER:
            return f"right under a convention of the sheet: {mark.convention}"
        case v if v == DEFECT:
            return found or _joined("right as it is meant", [_slip(s) for s in mark.slips])
        case v if v == INCOMPLETE:
            return found
        case v if v == WRONG:
            return "; ".join(filter(None, [_wrong(mark, reconciling), found]))
    return found


def _wrong(mark: Mark, reconciling: str) -> str:
    parts: list[str] = []
    if mark.inherits is not None:
        parts.append("carries on an earlier slip")
    parts += [_slip(slip) for slip in mark.slips]
    if not parts:
        parts.append("both sides differ")
    if reconciling:
        parts.append(f"it would be right with this convention: {reconciling}")
    return "; ".join(parts)


def _slip(slip: Slip) -> str:
    """index: a_i should be a_j."""
    head = OF_KIND.get(slip.kind, slip.kind)
    found, expected = _short(slip.found), _short(slip.expected)
    if slip.kind == "layer" and not expected:
        return f"{head}: {found} lacks its layer"
    if not expected:
        return f"{head}: {found}" if found else head
    return f"{head}: {found} should be {expected}" if found else f"{head}: {expected} is missing"


def _short(text: str) -> str:
    return text if len(text) <= MOST else text[: MOST - 3].rstrip() + "..."


def _joined(head: str, parts: list[str]) -> str:
    return f"{head}: " + "; ".join(parts) if parts else head


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(words)
