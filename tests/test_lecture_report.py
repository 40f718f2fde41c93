"""The equations of the lecture notes through the checker: verdicts as the inventory has them.

The verdicts need no search for slips and are looked at for all sheets; what slipped, and the report
under generated/, for the sheets that are quick, the others in a sweep.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegen import lecture_notes
from derive.marking.marker import mark
from derive.marking.verdicts import (
    DEFECT,
    DEFINITION,
    INCOMPLETE,
    RIGHT,
    RIGHT_IF,
    RIGHT_UNDER,
    UNREADABLE,
    VERDICTS,
    WRONG,
)
from derive.slips.diagnosis import Limit

HERE = Path(__file__).parent
REPORT = HERE.parent / "generated" / "lecture_notes.md"
ENTRIES = {e["id"]: e for e in json.loads((HERE / "data" / "lecture_notes.json").read_text())}
ALLOWED = {
    "CORRECT": {RIGHT, RIGHT_IF, RIGHT_UNDER},
    "DEFINITION": {DEFINITION, RIGHT},
    "WRONG": {WRONG},
    "AMBIGUOUS-TYPO": {DEFECT, RIGHT_IF},
    "INCOMPLETE": {INCOMPLETE},
}
#: S1.21 is complete as it stands here; the notes say it in words only.
COMPLETE = {"S1.21"}
#: What slipped in the wrong lines of 002, as its inventory says.
SLIPS = {
    "S2.10": ["base"],
    "S2.11": ["base", "entry", "layer"],
    "S2.25": ["index"],
    "S2.28": ["index", "layer"],
    "S2.33": ["index", "layer"],
    "S2.34": ["layer", "layer", "transpose"],
    "S2.39": ["base", "relation"],
    "S2.40": ["index", "index"],
}
SLOW = ("columns", "units_binary", "units_classes", "units_likelihood", "units_squares")
QUICK = [name for name in lecture_notes.names() if name not in SLOW]


def test_the_sheets_hold_the_whole_inventory() -> None:
    found: list[str] = []
    for name in lecture_notes.names():
        for formula in lecture_notes.sheet(name).sheet.formulas:
            found.append(formula.label)
            text = formula.text.replace(rf"\label{{{formula.label}}}", "").strip()
            assert text == ENTRIES[formula.label]["latex"].strip()
    assert sorted(found) == sorted(ENTRIES)


def worst_verdicts(name: str) -> dict[str, str]:
    """The worst verdict of each entry of a sheet; slips are not searched."""
    hand = lecture_notes.sheet(name)
    source = hand.network()
    assert source is not None
    made = mark(hand.sheet, source.network, limit=Limit(evaluations=0))
    found: dict[str, str] = {}
    for one in made.marks:
        before = found.get(one.formula.label, one.verdict)
        found[one.formula.label] = max(before, one.verdict, key=VERDICTS.index)
    return found


@pytest.mark.parametrize("name", lecture_notes.names())
def test_verdicts_are_those_of_the_inventory(name: str) -> None:
    found = worst_verdicts(name)
    judged = {key: ENTRIES[key].get("verdict") for key in found if key not in COMPLETE}
    wrong = {k: (found[k], v) for k, v in judged.items() if v and found[k] not in ALLOWED[v]}
    assert not wrong
    assert UNREADABLE not in found.values()
    assert all(found[key] == RIGHT for key in COMPLETE & set(found))


@pytest.mark.sweep
def test_slips_are_those_of_the_inventory() -> None:
    found: dict[str, list[str]] = {}
    for one in lecture_notes.marked("columns").marks:
        if one.verdict == WRONG:
            found.setdefault(one.formula.label, sorted(s.kind for s in one.slips))
    assert found == SLIPS


def committed(name: str) -> bool:
    return lecture_notes.section(name) in REPORT.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", QUICK)
def test_the_report_is_current(name: str) -> None:
    assert committed(name)


@pytest.mark.sweep
def test_the_whole_report_is_current() -> None:
    assert lecture_notes.report() == REPORT.read_text(encoding="utf-8")
