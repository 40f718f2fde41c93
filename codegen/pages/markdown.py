"""Documents as Markdown with formulas between dollar signs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import singledispatchmethod

from codegen.pages.code_lines import code_parts
from codegen.pages.document import (
    Block,
    Code,
    CodeListing,
    CrossRef,
    Display,
    Document,
    Emph,
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
    Strong,
    Table,
    Target,
    Tint,
)
from codegen.pages.latex_math import formula
from codegen.pages.plain import bare, visible
from codegen.pages.terminal import plain_inlines
from codegen.pages.tex_text import PLAIN_OPERATOR
from derive.writing.layout import Layout

# characters that would begin a construct, by number: inert in every reader of Markdown
_NUMBERED = {c: f"&#{ord(c)};" for c in "\\`*_{}[]<>#|$~&!@^"}
_LINE_START = re.compile(r"^(\s*)([-+=]|\d+[.)])", re.MULTILINE)
_URL = re.compile(r"(?i)(https?|ftp|mailto|www)([:.])")


def markdown(document: Document) -> str:
    """A complete page of a numbered document."""
    writer = Writer(document.targets)
    return "\n\n".join([writer.head(document), *map(writer.block, document.sections)]) + "\n"


def escape(text: str) -> str:
    """The text as Markdown, inert.

    >>> escape("a_b <i> $x$")
    'a&#95;b &#60;i&#62; &#36;x&#36;'
    """
    made = "".join(_NUMBERED.get(c, c) for c in visible(text))
    made = _LINE_START.sub(lambda m: f"{m[1]}{m[2][:-1]}&#{ord(m[2][-1])};", made)
    return _URL.sub(lambda m: f"{m[1]}&#{ord(m[2])};", made)


def _tex(layout: Layout) -> str:
    return formula(layout, plain=True)


def _words(text: str) -> str:
    """Words inside a formula."""
    return rf"\text{{{bare(text)}}}"


class Writer:
    """Prints blocks; knows the targets of references. A picture is told in words."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self.targets = targets
        self.depth = 1

    def head(self, document: Document) -> str:
        """The title and what stands before the first section."""
        parts = [f"# {escape(document.title)}"]
        if document.subtitle:
            parts.append(f"*{escape(document.subtitle)}*")
        if document.notation:
            parts.append(f"<!-- gradwright: notation={document.notation} -->")
        if document.badges:
            parts.append("\n".join(f"- ✓ {self.inlines(badge)}" for badge in document.badges))
        return "\n\n".join([*parts, *map(self.block, document.opening)])

    def inlines(self, parts: Inlines) -> str:
        """Running text."""
        return "".join(self.inline(part) for part in parts)

    @singledispatchmethod
    def inline(self, part: object) -> str:
        """One piece of running text."""
        raise NotImplementedError(f"no Markdown for {type(part).__name__} in running text")

    @inline.register
    def _(self, part: str) -> str:
        return escape(part)

    @inline.register
    def _(self, part: Math) -> str:
        return f"${_tex(part.layout)}$"

    @inline.register
    def _(self, part: Emph) -> str:
        return f"*{self.inlines(part.body)}*"

    @inline.register
    def _(self, part: Strong) -> str:
        return f"**{self.inlines(part.body)}**"

    @inline.register
    def _(self, part: Tint) -> str:
        return self.inlines(part.body)

    @inline.register
    def _(self, part: Code) -> str:
        return f"<code>{escape(part.text)}</code>"

    @inline.register
    def _(self, part: CrossRef) -> str:
        return self.targets[part.key].text

    # -------------------------------------------------------------------------------- blocks

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Blocks one after the other."""
        return "\n\n".join(map(self.block, blocks))

    @singledispatchmethod
    def block(self, block: Block) -> str:
        """One block."""
        raise NotImplementedError(f"no Markdown for the block {type(block).__name__}")

    @block.register
    def _(self, block: Section) -> str:
        self.depth += 1
        body = self.blocks(block.blocks)
        self.depth -= 1
        return f"{'#' * (self.depth + 1)} {block.number} {self.inlines(block.title)}\n\n{body}"

    @block.register
    def _(self, block: Paragraph) -> str:
        lead = f"**{self.inlines(block.lead)}** " if block.lead else ""
        return lead + self.inlines(block.body)

    @block.register
    def _(self, block: Display) -> str:
        return _aligned([self.line(line) for line in block.lines])

    def line(self, line: Line) -> str:
        """One line of a derivation."""
        left = "" if line.lhs is None else _tex(line.lhs) + " "
        relation = PLAIN_OPERATOR[line.relation] + " " if line.relation else ""
        made = f"{left}&{relation}{_tex(line.rhs)}"
        why = self.reason(line.why)
        if line.checked:
            why += _words(f" ({line.checked})" if why else line.checked)
        made += f" && {why}" if why else ""
        return made + (rf" \qquad ({line.number})" if line.number else "")

    def reason(self, parts: Inlines) -> str:
        """Running text as part of a formula."""
        made = ""
        for part in parts:
            if isinstance(part, Math):
                made += _tex(part.layout)
            elif isinstance(part, Emph | Strong | Tint):
                made += self.reason(part.body)
            else:
                made += _words(plain_inlines((part,), self.targets))
        return made

    @block.register
    def _(self, block: Equations) -> str:
        rows = []
        for made in block.rows:
            cells = [self.line(Line(e.lhs, e.relation, e.rhs)) for e in made.equations]
            number = rf" \qquad ({made.number})" if made.number else ""
            rows.append(" & ".join(cells) + number)
        return _aligned(rows)

    @block.register
    def _(self, block: Lemma) -> str:
        name = f" ({self.inlines(block.name)})" if block.name else ""
        statement = f"**{block.kind} {block.number}{name}.** {self.inlines(block.statement)}"
        statement = "\n\n".join(filter(None, (statement, self.blocks(block.shown))))
        if not block.proof:
            return statement
        return f"{statement}\n\n*Proof.* {self.blocks(block.proof)}\n\n∎"

    @block.register
    def _(self, block: Result) -> str:
        return f"**{self.inlines(block.title)}**\n\n{self.table(block.columns, block.rows)}"

    @block.register
    def _(self, block: Table) -> str:
        caption = f"\n\n**Table {block.number}.** {self.inlines(block.caption)}"
        return self.table(block.columns, block.rows) + (caption if block.caption else "")

    def table(self, columns: tuple[Inlines, ...], rows: tuple[tuple[Inlines, ...], ...]) -> str:
        """A table; a bar inside a formula would end its cell."""
        lines = [columns, *rows]
        made = ["| " + " | ".join(self.cell(cell) for cell in line) + " |" for line in lines]
        return "\n".join([made[0], "|" + " --- |" * len(columns), *made[1:]])

    def cell(self, inlines: Inlines) -> str:
        """The text of a cell."""
        return self.inlines(inlines).replace(r"\|", r"\Vert ").replace("|", r"\vert ")

    @block.register
    def _(self, block: Figure) -> str:
        caption = f"**Figure {block.number}.** {self.inlines(block.caption)}"
        return f"{self.picture(block)}\n\n{caption}"

    def picture(self, block: Figure) -> str:
        """What stands for the picture."""
        return f"> {escape(block.picture.alt)}"

    @block.register
    def _(self, block: CodeListing) -> str:
        lines = [
            visible(code + remark).rstrip() for code, remark in code_parts(block, self.targets)
        ]
        ticks = max((len(run) for run in re.findall("`+", "\n".join(lines))), default=0)
        fence = "`" * max(3, ticks + 1)
        return f"{fence}python\n" + "\n".join(lines) + f"\n{fence}"

    @block.register
    def _(self, block: Exercise) -> str:
        question = f"**Exercise {block.number}.** {self.blocks(block.question)}"
        if not block.solution:
            return question
        return f"{question}\n\n*Solution.* {self.blocks(block.solution)}"

    @block.register
    def _(self, block: Remark) -> str:
        return f"**{self.inlines(block.title)}.** {self.blocks(block.body)}"

    @block.register
    def _(self, block: Listing) -> str:
        marks = (f"{k}." if block.ordered else "-" for k in range(1, len(block.items) + 1))
        return "\n".join(
            f"{mark} {self.inlines(item)}" for mark, item in zip(marks, block.items, strict=True)
        )


def _aligned(rows: list[str]) -> str:
    body = " \\\\\n".join(rows)
    return f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$"
