"""The tree of a page: sections, formulas, lemmas, tables, pictures; every format prints this tree.

`numbered` goes over the tree once, gives every equation, lemma, table, figure and exercise its
number, and refuses a reference to a key that nothing carries.  So all formats, and the comments of
the generated code, speak of the same equation (4).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

from codegen.picture import Picture
from derive.layout import Layout

KEY = re.compile(r"[A-Za-z][A-Za-z0-9:._-]*")
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
    """Words in a colour of `derive.marks.TINTS`."""

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


# ----------------------------------------------------------------------------------- numbering


def numbered(document: Document) -> Document:
    """The document with every number in its place, and with its targets by key."""
    numbers = _Numbering()
    opening = tuple(numbers.visit(block) for block in document.opening)
    sections = tuple(numbers.visit(section) for section in document.sections)
    made = replace(document, opening=opening, sections=sections)
    _check_references(made, numbers.targets)
    return replace(made, targets=MappingProxyType(numbers.targets))


class _Numbering:
    """Counts while it walks; holds what it has found by key."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.targets: dict[str, Target] = {}
        self.path: list[int] = []

    def visit(self, node: Any) -> Any:
        if isinstance(node, Section):
            return self.section(node)
        if isinstance(node, Line | EquationRow):
            return self.give(node, "Equation") if node.key else node
        if isinstance(node, Lemma):
            node = self.give(node, node.kind)
        elif isinstance(node, Table) and not node.caption:
            return node
        elif isinstance(node, Figure | Table | Exercise):
            return self.inside(self.give(node, type(node).__name__))
        return self.inside(node)

    def inside(self, node: Any) -> Any:
        """Number what a block holds: its tuples of blocks, lines or rows."""
        if not is_dataclass(node) or isinstance(node, type):
            return node
        changed: dict[str, Any] = {}
        for f in fields(node):
            value = getattr(node, f.name)
            if (
                isinstance(value, tuple)
                and value
                and isinstance(value[0], Block | Line | EquationRow)
            ):
                changed[f.name] = tuple(map(self.visit, value))
        return replace(node, **changed) if changed else node

    def section(self, node: Section) -> Section:
        depth = len(self.path)
        self.counts[f"section {depth}"] += 1
        self.counts[f"section {depth + 1}"] = 0
        self.path.append(self.counts[f"section {depth}"])
        number = ".".join(map(str, self.path))
        self.register(node.key, Target("Section", number))
        made = replace(node, number=number, blocks=tuple(map(self.visit, node.blocks)))
        self.path.pop()
        return made

    def give(self, node: Any, kind: str) -> Any:
        self.counts[kind] += 1
        number = str(self.counts[kind])
        self.register(node.key, Target(kind, number))
        return replace(node, number=number)

    def register(self, key: str | None, target: Target) -> None:
        if key is None:
            return
        if not KEY.fullmatch(key):
            raise ValueError(f"key {key!r}: letters, digits and : . _ - only, a letter first")
        if key in self.targets:
            raise ValueError(f"key {key!r} names both {self.targets[key].text} and {target.text}")
        self.targets[key] = target


def nodes(tree: Any) -> Iterator[Any]:
    """Every dataclass of a tree, in reading order, except the inside of formulas and pictures."""
    if isinstance(tree, tuple):
        for part in tree:
            yield from nodes(part)
    elif is_dataclass(tree) and not isinstance(tree, Layout | Picture | type):
        yield tree
        for f in fields(tree):
            yield from nodes(getattr(tree, f.name))


def _check_references(document: Document, targets: Mapping[str, Target]) -> None:
    for node in nodes(document):
        keys = [node.key] if isinstance(node, CrossRef) else []
        keys += node.refs if isinstance(node, CodeLine) else []
        for key in keys:
            if key not in targets:
                known = ", ".join(sorted(targets)) or "none"
                raise ValueError(
                    f"a reference to {key!r}, which nothing carries; there are: {known}"
                )
        if isinstance(node, Line) and node.checked not in MARKS:
            raise ValueError(f"found check mark {node.checked!r}, expected one of {MARKS}")
        if isinstance(node, Lemma) and node.kind not in STATEMENTS:
            raise ValueError(f"found statement {node.kind!r}, expected one of {STATEMENTS}")
