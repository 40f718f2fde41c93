"""HTML, Markdown and plain-text pages: well formed, self-contained, and inert."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

import pytest

from codegen.pages.html import html
from codegen.pages.markdown import markdown
from codegen.pages.terminal import terminal
from codegen.render import FONTS
from tests.notes_sample import HOSTILE, hostile_document, sample

VOID = {"meta", "br", "hr"}
NAMES = """html head meta title style body div nav a main header h1 h2 h3 h4 p ul ol li section
figure figcaption table thead tbody tr th td span strong em b code pre details summary math
semantics annotation mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover
munderover mtable mtr mtd mstyle svg circle rect polyline polygon text tspan"""
TAGS = frozenset(NAMES.split())


class Reader(HTMLParser):
    """Checks the nesting of tags while it reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str | None] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        self.words += data


def assert_sound_page(page: str) -> Reader:
    read = Reader(page)
    assert not read.open, f"never closed: {read.open}"
    assert read.tags <= TAGS, f"unexpected tags: {read.tags - TAGS}"
    for name, value in read.attributes:
        assert not name.startswith("on"), f"{name} runs a script"
        assert name not in ("src", "xlink:href"), f"{name} loads something"
        assert name != "href" or (value or "").startswith("#"), f"a link leaves the page: {value}"
    assert len(read.ids) == len(set(read.ids)), "an id is used twice"
    return read


def test_the_sample_is_sound() -> None:
    page = html(sample())
    read = assert_sound_page(page)
    assert html(sample()) == page
    for _, value in [(n, v) for n, v in read.attributes if n == "href"]:
        assert (value or "#")[1:] in read.ids, f"{value} leads nowhere"
    assert not re.search(r"url\((?!data:font)", page)
    assert len(page) < 400_000


def test_every_picture_has_words() -> None:
    page = html(sample())
    pictures = re.findall(r"<svg [^>]*>", page)
    assert len(pictures) == 3
    assert all('role="img"' in p and re.search(r'aria-label="[^"]{10,}"', p) for p in pictures)


@pytest.mark.parametrize("mark", ["PROVED", "TESTED", "SAMPLED"])
def test_pages_name_the_checks(mark: str) -> None:
    for page in (html(sample()), markdown(sample()), terminal(sample())):
        assert mark in page


def test_hostile_words_are_inert_in_html() -> None:
    read = assert_sound_page(html(hostile_document(HOSTILE)))
    assert "<script>alert('1')</script>" in read.words
    assert "\u202e" not in read.words


def test_hostile_words_are_inert_in_markdown() -> None:
    page = markdown(hostile_document(HOSTILE))
    outside = re.sub(r"(?s)^(`{3,})python\n.*?\n\1$", "", page, flags=re.MULTILINE)
    outside = re.sub(r"(?s)\$\$.*?\$\$|\$[^$]*\$", "", outside)
    outside = re.sub(r"</?code>", "", outside)
    outside = re.sub(r"(?m)^> ", "", outside)
    assert not re.search(r"[<>`$\\~]", outside)
    assert "](" not in outside


def test_hostile_words_are_inert_in_a_terminal() -> None:
    page = terminal(hostile_document(HOSTILE + "\x1b[31m\x07"))
    bad = {c for c in page if unicodedata.category(c).startswith("C")} - {"\n"}
    assert not bad
    assert "[U+001B]" in page


def test_code_fences_are_longer_than_any_run_inside() -> None:
    page = markdown(hostile_document("````\n# x"))
    fences = re.findall(r"^(`{3,})python$", page, re.MULTILINE)
    assert all(len(fence) > 3 for fence in fences)
    assert fences


def test_terminal_lines_fit() -> None:
    for line in terminal(sample(), 96).splitlines():
        assert len(line) <= 96, line


def test_fonts_have_their_licence_beside_them() -> None:
    files = {path.name: path.stat().st_size for path in FONTS.iterdir()}
    assert "SIL OPEN FONT LICENSE" in (FONTS / "OFL.txt").read_text(encoding="utf-8")
    assert sum(size for name, size in files.items() if name.endswith(".woff2")) < 250_000
