"""The chapter on a network: one document, which every format prints."""

from __future__ import annotations

from codegen.chapter import (
    backward,
    code,
    example,
    exercises,
    forward,
    lemmas,
    network,
    opening,
    trust,
)
from codegen.chapter.keys import equation_numbers
from codegen.chapter.opening_words import title
from codegen.chapter.sheet import Sheet
from codegen.pages.document import Document, Section
from codegen.pages.html import html
from codegen.pages.latex import latex
from codegen.pages.markdown import markdown
from codegen.pages.numbering import numbered
from codegen.pages.terminal import terminal
from derive.derivation import Derivation
from derive.profiles import names

__all__ = [
    "chapter",
    "equation_numbers",
    "notes_html",
    "notes_markdown",
    "notes_tex",
    "notes_text",
]


def chapter(derivation: Derivation, notation: str = "columns") -> Document:
    """The chapter on a network in a notation, numbered."""
    sheet = Sheet.of(derivation, notation)
    worked = example.example_of(sheet, notation)
    sections: list[Section | None] = [
        network.section(sheet),
        forward.section(sheet),
        lemmas.section(sheet),
        backward.section(sheet),
        example.section(sheet, worked) if worked else None,
        code.section(sheet, worked),
        trust.section(sheet, worked),
        exercises.section(sheet, worked),
    ]
    return numbered(
        Document(
            title(derivation.network),
            opening.SUBTITLE if worked else opening.SUBTITLE_WITHOUT,
            opening.badges(sheet, worked),
            opening.opening(sheet),
            tuple(section for section in sections if section is not None),
            notation=notation if notation in names() else "",
        )
    )


def notes_tex(derivation: Derivation, notation: str = "columns") -> str:
    """The chapter as LaTeX."""
    return latex(chapter(derivation, notation))


def notes_html(derivation: Derivation, notation: str = "columns") -> str:
    """The chapter as one self-contained page."""
    return html(chapter(derivation, notation))


def notes_markdown(derivation: Derivation, notation: str = "columns") -> str:
    """The chapter as Markdown."""
    return markdown(chapter(derivation, notation))


def notes_text(derivation: Derivation, notation: str = "columns") -> str:
    """The chapter for a terminal."""
    return terminal(chapter(derivation, notation))
