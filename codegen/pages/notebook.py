"""Documents as notebooks for Jupyter: a cell for every section, and the module as code to run."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from codegen.pages.document import Document, Figure, Section, Target
from codegen.pages.markdown import Writer, escape
from codegen.pages.svg import standalone

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
MAIN = '\nif __name__ == "__main__":'  # in a notebook this would hold, and end the kernel
ABOUT = (
    "The whole module, to run and to change. Its own check holds every gradient against a"
    " difference quotient:"
)


def notebook(document: Document, module: str | None = None) -> str:
    """A complete .ipynb file (nbformat 4.5) of a numbered document; `module`: Python source."""
    top = CellWriter(document.targets, 1)
    cells = [top.whole("top", top.head(document))]
    for section, depth in _sections(document):
        writer = CellWriter(document.targets, depth)
        cells.append(writer.whole(f"section-{section.number}", writer.block(section)))
    if module is not None:
        cells.append(_cell("module", "markdown", f"## The module\n\n{escape(ABOUT)}"))
        cells.append(_code("code", module.partition(MAIN)[0].rstrip()))
        cells.append(_code("check", "main();"))
    made = {
        "cells": cells,
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _sections(document: Document) -> Iterator[tuple[Section, int]]:
    """Every section and subsection by itself, with the depth at which its heading stands."""
    for section in document.sections:
        inner = [block for block in section.blocks if isinstance(block, Section)]
        own = tuple(block for block in section.blocks if not isinstance(block, Section))
        yield replace(section, blocks=own), 1
        yield from ((part, 2) for part in inner)


class CellWriter(Writer):
    """Prints the blocks of one cell; its pictures are attached to the cell."""

    def __init__(self, targets: Mapping[str, Target], depth: int) -> None:
        """No picture yet."""
        super().__init__(targets)
        self.depth = depth
        self.pictures: dict[str, dict[str, str]] = {}

    def picture(self, block: Figure) -> str:
        """The picture by the name of its attachment."""
        name = f"figure-{block.number}.svg"
        data = b64encode(standalone(block.picture).encode()).decode("ascii")
        self.pictures[name] = {"image/svg+xml": data}
        return f"![{escape(block.picture.alt)}](attachment:{name})"

    def whole(self, key: str, text: str) -> dict[str, Any]:
        """The cell with its text and pictures."""
        made = _cell(key, "markdown", text)
        return {**made, "attachments": self.pictures} if self.pictures else made


def _cell(key: str, kind: str, text: str) -> dict[str, Any]:
    lines = text.splitlines(keepends=True)
    return {"cell_type": kind, "id": key.replace(".", "-"), "metadata": {}, "source": lines}


def _code(key: str, text: str) -> dict[str, Any]:
    return {**_cell(key, "code", text), "execution_count": None, "outputs": []}
