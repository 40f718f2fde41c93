"""The only reader of `templates/`: frozen pages in, text out.

A page has decided everything; a template lays out.  In templates for LaTeX, where braces mean
something, holes are written << name >> and statements <% if name %>.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HERE = Path(__file__).parent
TEMPLATES = next(d for d in (_HERE / "templates", _HERE.parent / "templates") if d.is_dir())
FONTS = TEMPLATES / "fonts"


@dataclass(frozen=True)
class NotesTex:
    """What notes.tex.j2 prints, all of it LaTeX already."""

    notation: str
    pdf_title: str
    header: str
    title: str
    subtitle: str
    badges: tuple[str, ...]
    body: str


@dataclass(frozen=True)
class Entry:
    """A line of a table of contents."""

    anchor: str
    number: str
    title: str


@dataclass(frozen=True)
class NotesHtml:
    """What notes.html.j2 prints, all of it HTML already."""

    language: str
    plain_title: str
    title: str
    subtitle: str
    badges: tuple[str, ...]
    contents: tuple[Entry, ...]
    faces: tuple[Face, ...]
    body: str


@dataclass(frozen=True)
class Face:
    """An embedded font."""

    family: str
    weight: str
    style: str
    data: str  # base64


@dataclass(frozen=True)
class MarkedHtml:
    """What marked.html.j2 prints, all of it HTML already."""

    language: str
    title: str
    subtitle: str
    contents: tuple[Entry, ...]
    faces: tuple[Face, ...]
    body: str


@dataclass(frozen=True)
class NewSpec:
    """What new_spec.toml.j2 prints."""

    name: str


def _environment(**delimiters: str) -> Environment:
    return Environment(  # pages hold text that is escaped by type before it comes here
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        **delimiters,  # type: ignore[arg-type]
    )


_PLAIN = _environment()
_TEX = _environment(
    variable_start_string="<<", variable_end_string=">>", block_start_string="<%",
    block_end_string="%>", comment_start_string="<#", comment_end_string="#>",
)  # fmt: skip


def render(template: str, page: Any) -> str:
    """The template filled with the fields of a page."""
    environment = _TEX if template.endswith(".tex.j2") else _PLAIN
    holes = {field.name: getattr(page, field.name) for field in fields(page)}
    return environment.get_template(template).render(holes)


def render_tex(page: NotesTex) -> str:
    """notes.tex"""
    return render("notes.tex.j2", page)


def picture_style() -> str:
    """The rules for a picture that stands alone, in the colours of a light page."""
    names = ("colours.css.j2", "picture.css.j2")
    return "".join(_PLAIN.get_template(name).render() for name in names)


def render_html(page: NotesHtml) -> str:
    """notes.html"""
    return render("notes.html.j2", page)
