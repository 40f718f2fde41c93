"""`check` and `assert_derivation`: hand derivations inside Python programs and tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codegen import examples
from codegen.asserts.hand_text import NAME, hand_of
from codegen.commands.checking import check_hand
from codegen.commands.sources import Source, example
from codegen.marked.terminal import terminal
from codegen.marked.words import JUDGED, Demands, summary
from derive.derivation import Derivation
from derive.marking.verdicts import Marked
from derive.spec import Network, load

Subject = Derivation | Network | Mapping[str, Any] | Path | str


def check(spec: Subject | None, hand: Any, *, notation: str | None = None) -> Marked:
    """Mark a hand derivation: LaTeX, a path, a SymPy equation, a pair of sides, or a list.

    `spec` is as everywhere, or None for statements about activations, losses and chain rules.
    """
    given = hand_of(hand)
    return check_hand(given, None if spec is None else _source(spec), notation)


def assert_derivation(
    spec: Subject | None, hand: Any, *, notation: str | None = None, strict: bool = True
) -> Marked:
    """Raise AssertionError with the report where a claim of a hand derivation is wrong.

    What is incomplete, or right but for a defect, passes as on the command line.  What cannot be
    read or decided fails as well unless `strict` is False; where nothing was checked it fails
    always.
    """
    __tracebackhide__ = True  # pytest shows the test alone
    marked = check(spec, hand, notation=notation)
    problem = failing(marked, strict=strict)
    if problem:
        raise AssertionError(f"\n{problem}")
    return marked


def failing(marked: Marked, name: str = "", *, strict: bool = True) -> str:
    """The report where the answer is no, else nothing."""
    checked = marked.count(*JUDGED)
    if checked and Demands(strict).met([marked]):
        return ""
    file = name or (marked.marks[0].position[0] if marked.marks else NAME)
    counted = summary(marked) if checked else f"nothing was checked: {summary(marked)}"
    return f"{counted}\n\n{terminal(marked, file)}"


def _source(spec: Subject) -> Source:
    """The network with its name; a string is the name of an example, or as everywhere."""
    if isinstance(spec, str) and spec in examples.names():
        return example(spec)
    network = spec.network if isinstance(spec, Derivation) else load(spec)
    return Source(network.name, network, "")
