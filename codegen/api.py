"""What Python programs use: from a spec to its module, its notes and its verification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codegen import build
from codegen.report import Report
from codegen.verify import verify as hold_against_referees
from derive.derivation import Derivation, derive
from derive.errors import SpecError, listed, shown, suggestion
from derive.spec import Network, load

Subject = Derivation | Network | Mapping[str, Any] | Path | str


def code(subject: Subject) -> str:
    """The NumPy module of a network, as Python source.

    >>> print(code("2 > 1 sigmoid : binary_cross_entropy").splitlines()[0])
    # SPDX-License-Identifier: 0BSD
    """
    derivation = _derivation(subject)
    return build.module(derivation, derivation.network.name)


def notes(subject: Subject, format: str = "html", notation: str | None = None) -> str | bytes:
    """The chapter on a network as tex, html, md, ipynb or text, or the bytes of a pdf."""
    if format not in build.FORMATS:
        hint = listed(build.FORMATS) + suggestion(format, build.FORMATS)
        raise SpecError(f"format: found {shown(format)}, expected {hint}")
    derivation = _derivation(subject)
    page = build.document(derivation, notation or derivation.network.notation)
    (made,) = build.notes(page, [format], derivation).values()
    return made if format == "pdf" else made.decode()


def verify(subject: Subject) -> Report:
    """Hold the module of a network against its four referees; `.ok` is the answer."""
    derivation = _derivation(subject)
    return hold_against_referees(derivation, code(derivation))


def _derivation(subject: Subject) -> Derivation:
    if isinstance(subject, Derivation):
        return subject
    return derive(load(subject))
