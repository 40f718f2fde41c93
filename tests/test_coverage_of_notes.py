"""Coverage: every right entry of five lecture notes is stated by a step of a bundled example.

The verdicts are the inventory's for the first three files, a judgement by hand for the other two
(tests/test_lecture_notes.py evaluates both on small networks).  What is wrong is stated nowhere.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from derive.derivation import Derivation, derive
from tests.notes_coverage import Sheet
from tests.notes_words import Legend
from tests.test_lecture_notes import ENTRIES, FAILS, FILES, of_file

EXAMPLES = Path(__file__).parent.parent / "codegen" / "examples"
#: The configurations with convolutions count the softmax as a layer of its own, number 4, and
#: write the flat input of the dense layer as the output of layer 2.
APART = Legend(
    {
        ("activation", 4): ("activation", "", 3),
        ("preactivation", 4): ("preactivation", "", 3),
        ("activation", 3): ("preactivation", "", 3),
        ("activation", 2): ("own", "f", 2),
    }
)


@cache
def derivation(example: str) -> Derivation:
    return derive(EXAMPLES / f"{example}.toml")


def sheet(example: str, notation: str, legend: Legend | None = None, **options: object) -> Sheet:
    legend = Legend() if legend is None else legend
    return Sheet(example, derivation(example), notation, legend=legend, **options)  # type: ignore[arg-type]


@cache
def sheets(notation: str) -> tuple[Sheet, ...]:
    """The derivations that stand for a file."""
    if notation == "signals":
        return sheet("two_two_one", notation), sheet("xor", notation)
    if notation == "neurons":  # the file has one output
        one = sheet("any_depth_tanh", notation, widths={"d^(L)": 1})
        return sheet("any_depth_tanh", notation), one
    if notation == "columns":
        return (sheet("any_depth", notation),)
    if notation == "named_layers":
        return sheet("one_answer", notation), sheet("two_means", notation)
    in_order = ("three_layers", "two_tanh", "several_labels", "flowers", "noisy_curve")
    apart = [sheet(name, notation, APART) for name in ("two_convolutions", "conv_classifier")]
    # The sections on likelihoods write w_ij from j to i.
    turned = [sheet(n, notation, order="out in") for n in ("three_layers", "noisy_curve")]
    return (*(sheet(n, notation) for n in in_order), *turned, *apart)


# ------------------------------------------------------------------ what has to be stated

#: Slips that the evaluation on small networks cannot see, or words and pictures.
_ELSEWHERE = {
    "S3.105": "holds for a step uphill, as the slip in S3.100 has it",
    "S3.133": "the output of this configuration is layer 4, not 2",
    "S4.2": "a derivative of nothing",
    "S4.8": "the sign of the exponent is lost",
    "S4.9": "the parentheses are lost",
    **{f"S4.{n}": "a heading" for n in (13, 14, 15, 16)},
}
NOT_RIGHT = {*(f"S3.{n}" for n in FAILS.split()), *_ELSEWHERE}
#: What the file leaves blank, and the step that fills it: (example, key).  A blank says nothing to
#: compare, so these are matched by hand.
BLANKS = {
    "S3.16": ("two_convolutions", "slope.relu"),
    "S3.17": ("noisy_curve", "delta.2"),
    "S3.18": ("flowers", "jacobian.softmax"),
    "S3.138": ("conv_classifier", "delta.1"),
}
#: Right entries that no step states, and why.
MISSING = {
    "S3.19": "a model of the data; our derivation begins with the density of the targets",
    "S3.48": "says what a label is; our fact is that the targets of a sample sum to 1",
    "S3.102": "to first order only; our steps are equations",
    "S3.128": "tanh with cross-entropy leaves the logarithm's domain: no bundled example",
}
GOALS = {"signals": 1.0, "neurons": 1.0, "columns": 1.0, "units": 0.95, "named_layers": 0.95}


def right(notation: str) -> list[str]:
    """The entries of a file that are right or definitions."""
    if notation in FILES[:3]:
        return of_file(notation, "CORRECT", "DEFINITION", "INCOMPLETE")
    return [key for key in of_file(notation) if key not in NOT_RIGHT]


def stated(key: str) -> str | None:
    """The example and step that states every claim of an entry."""
    if key in BLANKS:
        example, step = BLANKS[key]
        chains = {c.key: c for c in derivation(example).chains}
        return f"{example}: {step}" if chains[step].steps else None
    entry = ENTRIES[key]
    for made in sheets(entry["notation"]):
        found = [made.states(claim) for claim in made.read(entry["latex"])]
        if found and all(found):
            return f"{made.name}: {', '.join(dict.fromkeys(map(str, found)))}"
    return None


@pytest.mark.parametrize("notation", FILES)
def test_what_is_right_is_a_step_of_the_derivation(notation: str) -> None:
    found = {key: stated(key) for key in right(notation) if key not in MISSING}
    absent = [key for key in right(notation) if key in MISSING]
    covered = sum(step is not None for step in found.values())
    many = len(found) + len(absent)
    by_hand = len(found.keys() & BLANKS)
    print(f"{notation}: {covered} of {many} right or definition entries are steps", end="")
    print(f", {by_hand} of them blanks that are matched by hand" if by_hand else "")
    for key in absent:
        print(f"  {key}: {MISSING[key]}")
    assert {key: ENTRIES[key]["latex"] for key, step in found.items() if step is None} == {}
    assert covered >= GOALS[notation] * many


@pytest.mark.parametrize("notation", ["columns", "named_layers"])
def test_what_is_wrong_is_no_step(notation: str) -> None:
    wrong = of_file(notation, "WRONG") + [
        k for k in _ELSEWHERE if ENTRIES[k]["notation"] == notation
    ]
    for key in wrong:
        assert stated(key) is None, ENTRIES[key]["latex"]


@pytest.mark.sweep
def test_slips_are_no_steps() -> None:
    """But for S3.136, which is the equation of a layer if its l is taken for 2."""
    keys = [f"S3.{n}" for n in FAILS.split() if n != "136"]
    assert {key: step for key in keys if (step := stated(key))} == {}
