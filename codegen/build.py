"""Everything of one spec: notes, module, its test, the report and a copy of the spec."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from codegen.commands.answers import No
from codegen.commands.files import stamped
from codegen.commands.sources import Source
from codegen.emitting.module import emit, emit_test
from codegen.pages.document import Document
from codegen.refusals import not_numeric, problems, refuse
from codegen.report import Report
from codegen.verify import verify
from derive.derivation import Derivation, derive
from derive.errors import SpecError

FORMATS = ("tex", "html", "pdf", "md", "ipynb", "text")
MEASURED = "measured"


@dataclass(frozen=True)
class Built:
    """The files of one spec, by their names below its folder."""

    source: Source
    derivation: Derivation
    report: Report | None
    files: Mapping[str, bytes]


def module(derivation: Derivation, label: str) -> str:
    """The module of a network with numbers, with its stamp."""
    refuse(derivation, label)
    from codegen.chapter.keys import equation_numbers

    return stamped(emit(derivation, equation_numbers(derivation)))


def module_test(derivation: Derivation, name: str) -> str:
    """A test file for the module that is imported under `name`, with its stamp."""
    return stamped(emit_test(derivation, name))


def document(derivation: Derivation, notation: str) -> Document:
    """The chapter in a notation."""
    from codegen.chapter import chapter

    return chapter(derivation, notation)


def notes(
    page: Document, formats: Iterable[str], derivation: Derivation | None = None
) -> dict[str, bytes]:
    """The chapter in some formats, by the names of the files; a notebook with the module too."""
    made = {}
    for suffix in formats:
        text = _notebook(page, derivation) if suffix == "ipynb" else _PRINTERS[suffix](page)
        made[f"notes.{suffix}"] = text
    return made


def build(source: Source, notation: str | None = None, *, pdf: bool = False) -> Built:
    """Everything of one spec; a network without numbers has notes and a report, but no module."""
    derivation = derive(source.network)
    name = source.network.name
    files: dict[str, bytes] = {f"{name}.toml": source.copy.encode()}
    report = None
    if not not_numeric(derivation):
        text = module(derivation, source.label)
        report = verify(derivation, text)
        if not report.ok:
            raise No(report.table())
        files[f"{name}.py"] = text.encode()
        files[f"test_{name}.py"] = module_test(derivation, name).encode()
    page = document(derivation, notation or source.notation)
    files |= notes(page, ("tex", "html", "pdf") if pdf else ("tex", "html"))
    files["report.json"] = report_text(derivation, report, notation or source.notation).encode()
    return Built(source, derivation, report, {f"{name}/{key}": files[key] for key in files})


# ------------------------------------------------------------------------------------- report


def report_text(derivation: Derivation, report: Report | None, notation: str) -> str:
    """report.json: what was derived, how it was checked, and what verification measured.

    The figures under "measured" differ a little from machine to machine; all else does not.
    """
    network = derivation.network
    data: dict[str, Any] = {
        "schema": 1,
        "name": network.name,
        "title": network.title,
        "spec_sha256": network.sha256,
        "notation": notation,
        "parameters": _parameters(derivation),
        "steps": derivation.checks,
        "facts": [fact.sentence for fact in derivation.facts],
        "in_domain": derivation.in_domain,
        "verification": None if report is None else _stable(report),
        MEASURED: None if report is None else _measured(report),
    }
    lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def same_report(one: bytes, other: bytes) -> bool:
    """Whether two reports say the same, up to the figures that depend on the machine."""
    try:
        first, second = json.loads(one), json.loads(other)
        first.pop(MEASURED, None)
        second.pop(MEASURED, None)
    except (ValueError, AttributeError, RecursionError):
        return False
    return bool(first == second)


def _parameters(derivation: Derivation) -> dict[str, list[int | str]]:
    """The shape of every parameter, symbolic sizes as text."""
    shapes = {str(tensor): shape for tensor, shape in derivation.shapes.items()}
    names = [str(equation.lhs.tensor) for equation in derivation.gradients]
    return {
        name: [size if isinstance(size, int) else str(size) for size in shapes[name]]
        for name in names
    }


def _stable(report: Report) -> dict[str, Any]:
    referees: dict[str, int] = {}
    for row in report.rows:
        referees[row.referee] = referees.get(row.referee, 0) + 1
    limit = max(row.limit for row in report.rows)
    exact = report.exactness
    places = {"domain": exact.domain, "promised": exact.promised} if exact else None
    return {
        "ok": report.ok,
        "comparisons": referees,
        "limit": limit,
        "unit": "eps * size of the terms",
        **({"last_places": places} if places else {}),
    }


def _measured(report: Report) -> dict[str, Any]:
    worst = report.worst
    rows = json.loads(report.to_json())["rows"]
    kept = ("referee", "quantity", "precision", "worst")
    return {
        "worst": float(f"{worst.worst:.3g}"),
        "at": f"{worst.quantity}, {worst.referee}, {worst.precision}",
        "rows": [[row[key] for key in kept] for row in rows if row["limit"]],
        **({"last_places": report.exactness.data()} if report.exactness else {}),
    }


# ----------------------------------------------------------------------------------- printers


def _tex(page: Document) -> bytes:
    from codegen.pages.latex import latex

    return latex(page).encode()


def _html(page: Document) -> bytes:
    from codegen.pages.html import html

    return html(page).encode()


def _markdown(page: Document) -> bytes:
    from codegen.pages.markdown import markdown

    return markdown(page).encode()


def _notebook(page: Document, derivation: Derivation | None) -> bytes:
    from codegen.chapter.keys import equation_numbers
    from codegen.pages.notebook import notebook

    runs = derivation is not None and not problems(derivation)
    module = emit(derivation, equation_numbers(derivation)) if derivation and runs else None
    return notebook(page, module).encode()


def _text(page: Document) -> bytes:
    from codegen.pages.terminal import terminal

    return terminal(page).encode()


def _pdf(page: Document) -> bytes:
    from codegen.pages.latex import latex
    from codegen.pages.pdf import NoTeX, compile_pdf

    try:
        return compile_pdf(latex(page)).pdf
    except NoTeX as error:
        raise SpecError(f"format pdf: {error}") from None


_PRINTERS: Mapping[str, Callable[[Document], bytes]] = {
    "tex": _tex,
    "html": _html,
    "pdf": _pdf,
    "md": _markdown,
    "text": _text,
}
