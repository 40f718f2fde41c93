"""The tree of a page: sections, formulas, lemmas, tables, pictures; every format prints this tree.

`codegen.pages.numbering` gives every equation, lemma, table, figure and exercise its number once,
so all formats, and the comments of the generated code, speak of the same equation (4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from codegen.pages.picture import Picture
from derive.writing.layout import Layout

MARKS = ("", "PROVED", "TESTED", "SAMPLED")
STATEMENTS = ("Lemma", "Proposition", "Theorem", "Fact", "Convention")


# ------------------------------------------------------------------------------------- inlines


@dataclass(frozen=True)
class Math:
    """A formula in running text."""

    layout: Layout


@dataclass(frozen=True)
class Emph:
    """Emphasised words."""

    body: Inlines


@dataclass(frozen=True)
class Strong:
    """Bold words."""

    body: Inlines


@dataclass(frozen=True)
class Tint:
    """Words in a colour of `derive.writing.marks.TINTS`."""

    body: Inlines
    tint: str


@dataclass(frozen=True)
class Code:
    """Names and expressions of the program."""

    text: str


@dataclass(frozen=True)
class CrossRef:
    """A reference: equation numbers in parentheses, otherwise the kind and the number."""

    key: str


Inline = str | Math | Emph | Strong | Tint | Code | CrossRef
Inlines = tuple[Inline, ...]


# -------------------------------------------------------------------------------------- blocks


@dataclass(frozen=True)
class Block:
    """Anything that stands on its own between two paragraphs."""


@dataclass(frozen=True)
class Paragraph(Block):
    """Running text, perhaps with a bold `lead`."""

    body: Inlines
    lead: Inlines = ()


@dataclass(frozen=True)
class Line:
    """One line of a derivation: lhs relation rhs, the reason, and how it was checked.

    Without `lhs` the line continues the chain of the line above it.
    """

    lhs: Layout | None
    relation: str
    rhs: Layout
    why: Inlines = ()
    checked: str = ""
    key: str | None = None
    detail: str = ""  # how the check was done, for those who ask: the sizes, the error bound
    number: str = ""


@dataclass(frozen=True)
class Display(Block):
    """Lines aligned at their relations; `qed` marks the end of a proof."""

    lines: tuple[Line, ...]
    qed: bool = False


@dataclass(frozen=True)
class Equation:
    """lhs relation rhs; a single formula has neither lhs nor relation."""

    lhs: Layout | None
    relation: str
    rhs: Layout


@dataclass(frozen=True)
class EquationRow:
    """Equations side by side under one number."""

    equations: tuple[Equation, ...]
    key: str | None = None
    number: str = ""


@dataclass(frozen=True)
class Equations(Block):
    """Rows of equations, aligned at their relations column by column."""

    rows: tuple[EquationRow, ...]


@dataclass(frozen=True)
class Lemma(Block):
    """A statement with its proof."""

    statement: Inlines
    proof: tuple[Block, ...] = ()
    key: str | None = None
    kind: str = "Lemma"
    name: Inlines = ()
    number: str = ""
    shown: tuple[Block, ...] = ()  # formulas of the statement that are too large for running text


@dataclass(frozen=True)
class Result(Block):
    """The box that a reader comes back to."""

    title: Inlines
    columns: tuple[Inlines, ...]
    rows: tuple[tuple[Inlines, ...], ...]


@dataclass(frozen=True)
class Table(Block):
    """Rows of cells under a heading; only a table with a caption has a number."""

    columns: tuple[Inlines, ...]
    rows: tuple[tuple[Inlines, ...], ...]
    caption: Inlines = ()
    key: str | None = None
    number: str = ""


@dataclass(frozen=True)
class Figure(Block):
    """A picture with its caption."""

    picture: Picture
    caption: Inlines = ()
    key: str | None = None
    number: str = ""


@dataclass(frozen=True)
class CodeLine:
    """A line of code and the keys of the equations that it computes."""

    code: str
    refs: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodeListing(Block):
    """Lines of a program."""

    lines: tuple[CodeLine, ...]


@dataclass(frozen=True)
class Exercise(Block):
    """A question; solutions stand together at the end of the section, or fold out."""

    question: tuple[Block, ...]
    solution: tuple[Block, ...] = ()
    key: str | None = None
    number: str = ""


@dataclass(frozen=True)
class Remark(Block):
    """An aside."""

    body: tuple[Block, ...]
    title: Inlines = ("Remark",)


@dataclass(frozen=True)
class Listing(Block):
    """A list of points."""

    items: tuple[Inlines, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Section(Block):
    """A heading and what stands under it; sections inside sections are subsections."""

    title: Inlines
    blocks: tuple[Block, ...]
    key: str | None = None
    short: str = ""  # for the table of contents
    number: str = ""


@dataclass(frozen=True)
class Target:
    """What a cross reference finds: a kind, such as "Figure", and a number."""

    kind: str
    number: str

    @property
    def text(self) -> str:
        """As a reader sees it in running text."""
        return f"({self.number})" if self.kind == "Equation" else f"{self.kind} {self.number}"


@dataclass(frozen=True)
class Document:
    """A whole page."""

    title: str
    subtitle: str = ""
    badges: tuple[Inlines, ...] = ()
    opening: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()
    targets: Mapping[str, Target] = field(default_factory=lambda: MappingProxyType({}))
    notation: str = ""  # its name, so that a checker need not guess it; none for one of a file
