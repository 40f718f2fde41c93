"""A right line is right in every form: no false alarm over a thousand ways to write the same."""

from __future__ import annotations

from collections import defaultdict
from random import Random

import pytest

from derive.marking.marker import mark
from derive.marking.verdicts import DEFINITION, RIGHT, RIGHT_IF, RIGHT_UNDER, WRONG
from derive.reading.reader import read
from derive.sheets.door import read_sheet
from derive.spec import load
from tests.corpus_equal import (
    Equal,
    Line,
    corpus,
    equal_lines,
    is_right,
    lecture_lines,
    network_of,
    scope_of_line,
)

FINE = (RIGHT, RIGHT_IF, RIGHT_UNDER, DEFINITION)


def some(step: int, seed: int) -> list[Equal]:
    """Some forms of some lines of the lecture notes."""
    random = Random(seed)
    made = [e for line in list(lecture_lines())[seed::step] for e in equal_lines(line, random)]
    return random.sample(made, 60)


def alarms(line: Line, forms: list[Equal]) -> list[tuple[str, str, str]] | None:
    """The forms that are marked down; None where the line itself has a defect, or no verdict."""
    texts = [line.text, *(form.text for form in forms if r"\begin" not in form.text)]
    sheet = read_sheet("\n\n".join(rf"\[ {text} \]" for text in texts), "hand.tex", "tex")
    first, *others = mark(sheet, network_of(line.network), line.notation).marks
    if first.verdict == WRONG:
        return [(first.verdict, first.text, first.message)]
    if first.verdict not in FINE:
        return None
    return [(m.verdict, m.text, m.message) for m in others if m.verdict not in FINE]


def by_line(forms: tuple[Equal, ...] | list[Equal]) -> dict[Line, list[Equal]]:
    """The forms of each line."""
    made: dict[Line, list[Equal]] = defaultdict(list)
    for form in forms:
        made[form.line].append(form)
    return made


def test_other_forms_are_read_and_hold() -> None:
    for line in some(step=23, seed=3)[:40]:
        assert is_right(line.text, line.line), f"{line.how}: {line.line.text}\n{line.text}"


def test_no_false_alarm_on_two_lines() -> None:
    chosen = by_line(some(step=19, seed=1))
    for line in list(chosen)[:2]:
        assert len(chosen[line]) > 1
        assert alarms(line, chosen[line]) == []


@pytest.mark.parametrize(
    ("text", "spec", "notation"),
    [  # layers that a name says in more than one sign
        (r"s_i^{l=2} = \sum_k o_k^{l=1} w_{ki}^{l=2}", "2 > 3 tanh > 2 bias=false: huber", "units"),
        (r"z_j^{(h2)} = \sum_k w_{j,k}^{(h2)} a_k^{(h1)} + b_j^{(h2)}",
         "2 > 3 tanh > 2 tanh > 1 : huber", "named_layers"),
        (r"s_i^2 = \sum_j w_{ji}^2 o_j^1 + b_i^2", "2 > 3 tanh > 2 : huber", "units"),
        (r"o_i^2 = \frac{\exp(s_i^2)}{\sum_k \exp(s_k^2)}",
         "3 > 4 tanh > 3 softmax : cross_entropy", "units"),
        (r"\mathbf{S}^2 = \mathbf{O}^1 \mathbf{W}^2", "2 > 3 tanh > 2 bias=false: huber", "units"),
    ],
)  # fmt: skip
def test_names_of_layers_bind_nothing(text: str, spec: str, notation: str) -> None:
    sheet = read_sheet(rf"\[ {text} \]", "hand.tex", "tex")
    assert [m.verdict for m in mark(sheet, load(spec), notation).marks] == [RIGHT]


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
@pytest.mark.parametrize("part", range(6))
def test_no_false_alarm(part: int) -> None:
    lines = by_line(corpus())
    found = [alarms(line, lines[line]) for line in list(lines)[part::6]]
    assert found.count(None) < len(found) / 20
    assert not [alarm for several in found for alarm in several or ()]
