"""Notebooks: the structure that nbformat 4.5 asks for, pictures that show, code that runs."""

from __future__ import annotations

import contextlib
import io
import json
import re
from base64 import b64decode
from typing import Any
from xml.etree import ElementTree

import pytest

import gradwright
from codegen.pages.document import Figure
from codegen.pages.notebook import notebook
from codegen.pages.numbering import nodes
from tests.notes_sample import HOSTILE, hostile_document, sample

XOR = "2 > 2 sigmoid > 1 sigmoid : binary_cross_entropy"
CELL_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")
SVG = "{http://www.w3.org/2000/svg}svg"


def assert_valid(text: str) -> list[dict[str, Any]]:
    """The cells of a notebook that is as the schema of nbformat 4.5 wants it."""
    made = json.loads(text)
    assert set(made) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    assert made["metadata"]["kernelspec"]["name"] == "python3"
    cells: list[dict[str, Any]] = made["cells"]
    for cell in cells:
        assert CELL_ID.fullmatch(cell["id"])
        assert isinstance(cell["metadata"], dict)
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        keys = {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            assert set(cell) == keys | {"execution_count", "outputs"}
            assert (cell["execution_count"], cell["outputs"]) == (None, [])
        else:
            assert cell["cell_type"] == "markdown"
            assert set(cell) - {"attachments"} == keys
        shown = re.findall(r"\]\(attachment:(.*?)\)", "".join(cell["source"]))
        assert shown == list(cell.get("attachments", {}))
    assert len({cell["id"] for cell in cells}) == len(cells)
    return cells


def test_the_sample_is_a_notebook() -> None:
    cells = assert_valid(notebook(sample()))
    assert notebook(sample()) == notebook(sample())
    pictures = [bundle for cell in cells for bundle in cell.get("attachments", {}).values()]
    assert len(pictures) == sum(isinstance(node, Figure) for node in nodes(sample()))
    for bundle in pictures:
        picture = ElementTree.fromstring(b64decode(bundle["image/svg+xml"], validate=True))
        assert picture.tag == SVG
        assert float(picture.attrib["width"]) > 0
    headings = [cell["source"][0] for cell in cells[1:]]
    assert all(re.match(r"#{2,3} \d", heading) for heading in headings)


def test_hostile_words_stay_words() -> None:
    cells = assert_valid(notebook(hostile_document(HOSTILE)))
    outside = "\n\n".join("".join(cell["source"]) for cell in cells)
    assert "<script" not in re.sub(r"(?sm)^(`{3,})python\n.*?\n\1$", "", outside)


def test_the_code_of_a_notebook_runs() -> None:
    """As in Jupyter, where the name of the module is __main__; nothing ends the kernel."""
    cells = assert_valid(str(gradwright.notes(XOR, "ipynb")))
    module, check = ("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    names: dict[str, Any] = {"__name__": "__main__"}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(module, "module", "exec"), names)
        assert not said.getvalue()
        exec(compile(check, "check", "exec"), names)
    assert "all is well" in said.getvalue()
    assert "# (1)" in module


@pytest.mark.parametrize(
    "spec", ["n > 2 tanh > 1 : squared_error", "4 > 1 tanh : binary_cross_entropy"]
)
def test_without_a_module_a_notebook_has_no_code(spec: str) -> None:
    cells = assert_valid(str(gradwright.notes(spec, "ipynb")))
    assert {cell["cell_type"] for cell in cells} == {"markdown"}
