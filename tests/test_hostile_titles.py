"""A title may hold anything that can be printed, and is shown inert in every format."""

from __future__ import annotations

import ast
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from codegen import cli
from codegen.pages import pdf
from codegen.pages.latex_safety import assert_safe_latex
from derive.spec import load
from tests.command_line import Cli

TITLES = {
    "TeX": r"\input{/etc/passwd} \write18{touch x} \catcode`\%=12 % \end{document} }{ ^^5cinput",
    "HTML": "<script>alert(1)</script> <img src=x onerror=alert(1)> --> ]]> &amp; </title></style>",
    "Python": '""" + __import__("os").system("touch x") + ' + "''' " + r"\ \N{DIGIT ONE} \x41 \\",
    "Jinja": "{{ 7*7 }} {% raw %} << 7*7 >> <% x %> {# #} ${7} %s {0} $x$ _a_ **b** `c` | # ~ ^ &",
    "Unicode": "Größe \u2013 \u4f53 \u2013 \u2211 \u2013 e\u0301 \u2013 \U0001f600",
}


class Page(HTMLParser):
    """The text, the elements and the attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def squeezed(text: str) -> str:
    return "".join(text.split())


def statements(text: str) -> list[str]:
    """What a module does: its statements without its docstring and the hash of its spec."""
    dumps = [ast.dump(item) for item in ast.parse(text).body[1:]]
    return [dump for dump in dumps if "SPEC_SHA256" not in dump]


def spec(**fields: str) -> bytes:
    layers = ["dense 2 tanh"]
    return json.dumps({"input": 2, "layers": layers, "loss": "squared_error", **fields}).encode()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything of the same network with a harmless title."""
    folder = tmp_path_factory.mktemp("harmless")
    (folder / "network.toml").write_bytes(spec(title="Harmless"))
    assert cli.main(["build", str(folder / "network.toml"), "-o", str(folder)]) == 0
    return folder / "network"


@pytest.mark.parametrize("kind", TITLES)
def test_hostile_titles_are_shown_inert(run: Cli, tmp_path: Path, other: Path, kind: str) -> None:
    title = TITLES[kind]
    assert run("build", "-", "-o", "hostile", stdin=spec(title=title)).code == 0
    made = tmp_path / "hostile/network"
    assert {path.name for path in made.iterdir()} == {path.name for path in other.iterdir()}

    assert load(made / "network.toml").title == title
    assert json.loads((made / "report.json").read_text())["title"] == title

    module = (made / "network.py").read_text()
    assert squeezed(title) in squeezed(ast.get_docstring(ast.parse(module)) or "")
    assert statements(module) == statements((other / "network.py").read_text())

    page, harmless = (Page((folder / "notes.html").read_text()) for folder in (made, other))
    assert page.elements == harmless.elements
    assert page.attributes == harmless.attributes
    assert squeezed(title) in squeezed("".join(page.words))

    tex = (made / "notes.tex").read_text()
    assert assert_safe_latex(tex) == tex
    if pdf.available() and kind in ("TeX", "Unicode"):
        assert pdf.compile_pdf(tex).pdf.startswith(b"%PDF")
    assert {path.name for path in tmp_path.iterdir()} == {"hostile"}
