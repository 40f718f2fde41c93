"""A right line is right in every form: no false alarm over a thousand ways to write the same."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import pytest

from derive.marking import mark
from derive.reading import read
from derive.sheets import read_sheet
from derive.verdicts import DEFECT, UNREADABLE, WRONG, Mark
from tests.corpus_equal import (
    Equal,
    corpus,
    equal_lines,
    is_right,
    lecture_lines,
    network_of,
    scope_of_line,
)


def some(step: int, seed: int) -> list[Equal]:
    """Some forms of some lines of the lecture notes."""
    random = Random(seed)
    made = [e for line in list(lecture_lines())[seed::step] for e in equal_lines(line, random)]
    return random.sample(made, 60)


def marks(lines: list[Equal]) -> list[Mark]:
    """The marks of lines about one network in one notation, as one sheet."""
    text = "\n\n".join(rf"\[ {line.text} \]" for line in lines)
    line = lines[0].line
    return list(mark(read_sheet(text, "hand.tex", "tex"), network_of(line.network),
                     line.notation).marks)  # fmt: skip


def test_other_forms_are_read_and_hold() -> None:
    for line in some(step=17, seed=3):
        assert is_right(line.text, line.line), f"{line.how}: {line.line.text}\n{line.text}"


def test_no_false_alarm_on_one_network() -> None:
    lines = [e for e in some(step=11, seed=1) if e.line.network == "signals" and e.labelled][:12]
    assert len(lines) > 5
    assert not [m for m in marks(lines) if m.verdict in (WRONG, DEFECT, UNREADABLE)]


@pytest.mark.sweep
def test_all_forms_are_read_and_hold() -> None:
    made = corpus()
    print(f"{len(made)} lines, {len({e.how for e in made})} ways to change them")
    assert len(made) > 1000
    wrong = [e for e in made if not is_right(e.text, e.line)]
    assert not [(e.how, e.line.text, e.text) for e in wrong]
    for line in made:
        assert not read(line.text, scope_of_line(line.line.notation, line.line.network)).problems


@pytest.mark.sweep
def test_no_false_alarm() -> None:
    groups: dict[tuple[str, str], list[Equal]] = defaultdict(list)
    for line in corpus():
        if r"\begin" not in line.text and line.labelled:
            groups[line.line.network, line.line.notation].append(line)
    alarms = []
    for lines in groups.values():
        for k in range(0, len(lines), 20):
            found = marks(lines[k : k + 20])
            alarms += [m for m in found if m.verdict in (WRONG, DEFECT, UNREADABLE)]
    assert not [(m.verdict, m.text, m.message) for m in alarms]
