"""The numbers behind a failing claim: where it fails, what stands there, what comes out."""

from __future__ import annotations

from derive.claims.arrays import Matrix, Value
from derive.claims.claim import Claim
from derive.claims.numbers import Outside
from derive.claims.places import NoValue
from derive.claims.values import Setting
from derive.marking.conventions import PLAIN
from derive.marking.judging import Difference, spelled
from derive.marking.verdicts import Counterexample
from derive.reading.tree import Derivative, Entry, Nabla, Node, children, walk

MOST_GIVEN = 8
MOST_SHOWN = 4  # entries of a row, and rows


def counterexample(claim: Claim, found: Difference, text: str) -> Counterexample:
    """The failure in the signs of the sheet; `text` is its source."""
    seen = found.evidence
    setting = seen.setting
    given = {} if setting is None else _given(claim, setting, text)
    return Counterexample(
        spelled(found.world.network),
        _places(claim, found),
        tuple(given.items())[:MOST_GIVEN],
        _side(seen.lhs, seen.problem),
        _side(seen.rhs, seen.problem),
    )


def _places(claim: Claim, found: Difference) -> tuple[tuple[str, int], ...]:
    """The letters of the claim; the layer and the sample where they are free."""
    at = dict(found.evidence.at)
    names = {n for side in claim.sides for n in _names(side)}
    layer, sample = at.pop("l", 0), at.pop("n", 1)
    shift = found.scope.conventions.first_layer - PLAIN.first_layer
    made = [(name, value) for name, value in at.items()]
    if "l" in names:
        letter = found.scope.profile.labels.letters.get("l", "l")
        made.insert(0, (letter, layer + shift))
    if found.world.samples > 1 and "sample" in names:
        made.append((found.scope.sample, sample))
    return tuple(made)


def _names(node: Node) -> set[str]:
    found: set[str] = set()
    for part in walk(node):
        label = getattr(part, "label", None)
        if label is not None and getattr(label, "base", "") == "l":
            found.add("l")
        if isinstance(part, Entry) and part.sample is not None:
            found.add("sample")
    return found


def _given(claim: Claim, setting: Setting, text: str) -> dict[str, str]:
    """The numbers of the quantities that the claim names, each under its own sign."""
    found: dict[str, str] = {}
    for side in claim.sides:
        for entry in _values_in(side):
            start, end = entry.span
            name = " ".join(text[start:end].split())
            if not name or name in found:
                continue
            try:
                found[name] = shown(setting.value(entry))
            except (NoValue, Outside, KeyError):
                continue
    return found


def _values_in(node: Node) -> list[Entry]:
    """The quantities that are read, not those by which is differentiated."""
    if isinstance(node, Derivative | Nabla):
        return []
    found = [node] if isinstance(node, Entry) and node.role not in ("loss", "objective") else []
    for part in children(node):
        found += _values_in(part)
    return found


def _side(value: Value | None, problem: str) -> str:
    return shown(value) if value is not None else f"no value ({problem})" if problem else "no value"


def shown(value: Value) -> str:
    """Four digits; a vector in one row, a matrix row by row, long ones cut short."""
    if not isinstance(value, Matrix):
        return _number(value)
    if 1 in value.shape:
        return _row(value.entries)
    rows = [_row(row) for row in value.rows[:MOST_SHOWN]]
    return "(" + ", ".join(rows + ["..."] * (len(value.rows) > MOST_SHOWN)) + ")"


def _row(values: tuple[complex, ...]) -> str:
    shown = [_number(v) for v in values[:MOST_SHOWN]]
    return "(" + ", ".join(shown + ["..."] * (len(values) > MOST_SHOWN)) + ")"


def _number(value: complex) -> str:
    return f"{value.real + 0.0:.4g}"
