"""Documents as plain text for a terminal: no markup, formulas in Unicode on one line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import singledispatchmethod

from codegen.pages.code_lines import code_parts
from codegen.pages.document import (
    Block,
    Code,
    CodeListing,
    CrossRef,
    Display,
    Document,
    Equations,
    Exercise,
    Figure,
    Inlines,
    Lemma,
    Line,
    Listing,
    Math,
    Paragraph,
    Remark,
    Result,
    Section,
    Table,
    Target,
)
from codegen.pages.plain import visible
from codegen.pages.terminal_math import text
from derive.writing.layout import row

WIDTH = 96
INDENT = "    "


def terminal(document: Document, width: int = WIDTH) -> str:
    """A complete page of a numbered document."""
    writer = _Writer(document.targets, width)
    title = visible(document.title)
    parts = [f"{title}\n{'=' * min(len(title), width)}"]
    if document.subtitle:
        parts.append(visible(document.subtitle))
    if document.badges:
        parts.append("\n".join(f"✓ {writer.inlines(badge)}" for badge in document.badges))
    parts += map(writer.block, (*document.opening, *document.sections))
    return "\n\n".join(parts) + "\n"


def plain_inlines(parts: Inlines, targets: Mapping[str, Target]) -> str:
    """Running text without markup."""
    made = ""
    for part in parts:
        if isinstance(part, str):
            made += visible(part)
        elif isinstance(part, Math):
            made += text(part.layout)
        elif isinstance(part, Code):
            made += visible(part.text)
        elif isinstance(part, CrossRef):
            made += targets[part.key].text
        else:
            made += plain_inlines(part.body, targets)
    return made


class _Writer:
    """Prints blocks; knows the targets of references and the width of the page."""

    def __init__(self, targets: Mapping[str, Target], width: int) -> None:
        self.targets = targets
        self.width = width

    def inlines(self, parts: Inlines) -> str:
        """Running text."""
        return plain_inlines(parts, self.targets)

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Blocks one after the other."""
        return "\n\n".join(map(self.block, blocks))

    def filled(self, words: str) -> str:
        """A paragraph."""
        return textwrap.fill(words, self.width, break_long_words=False, break_on_hyphens=False)

    @singledispatchmethod
    def block(self, block: Block) -> str:
        """One block."""
        raise NotImplementedError(f"no plain text for the block {type(block).__name__}")

    @block.register
    def _(self, block: Section) -> str:
        title = f"{block.number}  {self.inlines(block.title)}"
        return f"{title}\n{'-' * len(title)}\n\n{self.blocks(block.blocks)}"

    @block.register
    def _(self, block: Paragraph) -> str:
        lead = f"{self.inlines(block.lead)} " if block.lead else ""
        return self.filled(lead + self.inlines(block.body))

    @block.register
    def _(self, block: Display) -> str:
        rows = [self.line(line) for line in block.lines]
        return "\n".join(_columns(rows, self.width)) + ("\n" + INDENT + "∎" if block.qed else "")

    def line(self, line: Line) -> tuple[str, str, str]:
        """Left side, right side with its relation, reason with check and number."""
        left = "" if line.lhs is None else text(line.lhs)
        right = text(row(line.relation, line.rhs) if line.relation else line.rhs)
        number = f"({line.number})" if line.number else ""
        reason = "  ".join(w for w in (self.inlines(line.why), line.checked, number) if w)
        return left, right, reason

    @block.register
    def _(self, block: Equations) -> str:
        lines = []
        for made in block.rows:
            formulas = [
                " ".join(p for p in self.line(Line(e.lhs, e.relation, e.rhs)) if p)
                for e in made.equations
            ]
            number = f"    ({made.number})" if made.number else ""
            lines.append(INDENT + "    ".join(formulas) + number)
        return "\n".join(lines)

    @block.register
    def _(self, block: Lemma) -> str:
        name = f" ({self.inlines(block.name)})" if block.name else ""
        head = f"{block.kind} {block.number}{name}. "
        statement = self.filled(head + self.inlines(block.statement))
        statement = "\n\n".join(filter(None, (statement, self.blocks(block.shown))))
        if not block.proof:
            return statement
        return f"{statement}\n\nProof. {self.blocks(block.proof)}"

    @block.register
    def _(self, block: Result) -> str:
        return self.inlines(block.title) + "\n" + self.table(block.columns, block.rows)

    @block.register
    def _(self, block: Table) -> str:
        caption = self.filled(f"Table {block.number}: {self.inlines(block.caption)}")
        table = self.table(block.columns, block.rows)
        return f"{table}\n{caption}" if block.caption else table

    def table(self, columns: tuple[Inlines, ...], rows: tuple[tuple[Inlines, ...], ...]) -> str:
        """Cells in columns."""
        cells = [[self.inlines(cell) for cell in line] for line in (columns, *rows)]
        wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = (
            INDENT + "  ".join(c.ljust(w) for c, w in zip(line, wide, strict=True)).rstrip()
            for line in cells
        )
        head, *body = lines
        return "\n".join([head, INDENT + "-" * (sum(wide) + 2 * len(wide) - 2), *body])

    @block.register
    def _(self, block: Figure) -> str:
        words = f"Figure {block.number}: {self.inlines(block.caption)}"
        return self.filled(f"[{visible(block.picture.alt)}]") + "\n" + self.filled(words)

    @block.register
    def _(self, block: CodeListing) -> str:
        parts = code_parts(block, self.targets)
        return "\n".join(INDENT + visible(code + remark).rstrip() for code, remark in parts)

    @block.register
    def _(self, block: Exercise) -> str:
        question = f"Exercise {block.number}. {self.blocks(block.question)}"
        if not block.solution:
            return question
        return f"{question}\n\nSolution. {self.blocks(block.solution)}"

    @block.register
    def _(self, block: Remark) -> str:
        return f"{self.inlines(block.title)}. {self.blocks(block.body)}"

    @block.register
    def _(self, block: Listing) -> str:
        marks = (f"{k}." if block.ordered else "-" for k in range(1, len(block.items) + 1))
        return "\n".join(
            f"{mark} {self.inlines(item)}" for mark, item in zip(marks, block.items, strict=True)
        )


def _columns(rows: list[tuple[str, str, str]], width: int) -> Iterator[str]:
    """Aligned at the relations; reasons beside the formulas, or below those that are too long."""
    left = max(len(lhs) for lhs, _, _ in rows)
    right = max((len(rhs) for _, rhs, _ in rows if len(rhs) <= width // 2), default=0)
    column = len(INDENT) + left + right + 4
    for lhs, rhs, reason in rows:
        formula = f"{INDENT}{lhs.rjust(left)} {rhs}"
        pieces = textwrap.wrap(reason, max(width - column, 24)) or [""]
        beside = len(formula) < column
        if not beside:
            yield formula
        for k, piece in enumerate(pieces):
            head = formula if k == 0 and beside else ""
            if head or piece:
                yield f"{head.ljust(column)}{piece}".rstrip()
