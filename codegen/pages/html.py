"""Documents as one HTML page that needs nothing else: fonts, pictures and styles are inside.

No script, nothing to load; formulas are MathML with their LaTeX as annotation.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from functools import singledispatchmethod
from html import escape as escape_marks

from codegen.pages.break_lines import broken, short_left_side
from codegen.pages.code_lines import code_parts
from codegen.pages.document import (
    Block,
    Code,
    CodeListing,
    CrossRef,
    Display,
    Document,
    Emph,
    Equation,
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
from codegen.pages.mathml import mathml
from codegen.pages.plain import visible
from codegen.pages.svg import svg
from codegen.render import FONTS, Entry, Face, NotesHtml, render_html
from derive.writing.layout import Layout, Operator, Row, row
from derive.writing.marks import RELATIONS

ROOM = 30.0  # ems that a formula beside a reason may take before it is broken
WHOLE_ROOM = 40.0  # the same without a reason
_FACES = (
    ("Notes Serif", "400", "normal", "stix-text.woff2"),
    ("Notes Serif", "400", "italic", "stix-text-italic.woff2"),
    ("Notes Serif", "600", "normal", "stix-text-semibold.woff2"),
    ("Notes Math", "400", "normal", "stix-math.woff2"),
)


def html(document: Document) -> str:
    """A complete page of a numbered document."""
    writer = _Writer(document.targets)
    page = NotesHtml(
        language="en",
        plain_title=escape(document.title),
        title=escape(document.title),
        subtitle=escape(document.subtitle),
        badges=tuple(writer.inlines(badge) for badge in document.badges),
        contents=tuple(
            Entry(_anchor(s), s.number, escape(s.short) or writer.inlines(s.title))
            for s in document.sections
        ),
        faces=faces(),
        body="\n".join(map(writer.block, (*document.opening, *document.sections))),
    )
    return render_html(page)


def escape(text: str) -> str:
    """The text as HTML, inert; characters that steer the direction of writing are shown by number.

    >>> escape("<b> & \\u202e")
    '&lt;b&gt; &amp; [U+202E]'
    """
    return escape_marks(visible(text))


def faces() -> tuple[Face, ...]:
    """The fonts of a page."""
    return tuple(_face(*face) for face in _FACES)


def _face(family: str, weight: str, style: str, file: str) -> Face:
    data = base64.b64encode((FONTS / file).read_bytes()).decode("ascii")
    return Face(family, weight, style, data)


def _anchor(section: Section) -> str:
    return section.key or f"s{section.number}"


class _Writer:
    """Prints blocks; knows the targets of references."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self.targets = targets

    def inlines(self, parts: Inlines) -> str:
        """Running text."""
        return "".join(self.inline(part) for part in parts)

    @singledispatchmethod
    def inline(self, part: object) -> str:
        """One piece of running text."""
        raise NotImplementedError(f"no HTML for {type(part).__name__} in running text")

    @inline.register
    def _(self, part: str) -> str:
        return escape(part)

    @inline.register
    def _(self, part: Math) -> str:
        return mathml(part.layout)

    @inline.register
    def _(self, part: Emph) -> str:
        return f"<em>{self.inlines(part.body)}</em>"

    @inline.register
    def _(self, part: Strong) -> str:
        return f"<strong>{self.inlines(part.body)}</strong>"

    @inline.register
    def _(self, part: Tint) -> str:
        return f'<span class="{part.tint}">{self.inlines(part.body)}</span>'

    @inline.register
    def _(self, part: Code) -> str:
        return f"<code>{escape(part.text)}</code>"

    @inline.register
    def _(self, part: CrossRef) -> str:
        return f'<a href="#{part.key}">{self.targets[part.key].text.replace(" ", "&nbsp;")}</a>'

    # -------------------------------------------------------------------------------- blocks

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Blocks one after the other."""
        return "\n".join(map(self.block, blocks))

    @singledispatchmethod
    def block(self, block: Block) -> str:
        """One block."""
        raise NotImplementedError(f"no HTML for the block {type(block).__name__}")

    @block.register
    def _(self, block: Section) -> str:
        level = min(2 + block.number.count("."), 4)
        number = f'<span class="n">{block.number}</span>'
        head = f'<h{level} id="{_anchor(block)}">{number}{self.inlines(block.title)}</h{level}>'
        return f"<section>\n{head}\n{self.blocks(block.blocks)}\n</section>"

    @block.register
    def _(self, block: Paragraph) -> str:
        lead = f"<strong>{self.inlines(block.lead)}</strong> " if block.lead else ""
        return f"<p>{lead}{self.inlines(block.body)}</p>"

    @block.register
    def _(self, block: Display) -> str:
        with_reasons = any(line.why or line.checked for line in block.lines)
        room = ROOM if with_reasons else WHOLE_ROOM
        lines = "\n".join(self.line(short_left_side(line), room) for line in block.lines)
        end = '<div class="qed" title="end of the proof">∎</div>' if block.qed else ""
        kind = "steps" if with_reasons else "steps bare"
        return f'<div class="{kind}">\n{lines}\n{end}</div>'

    def line(self, line: Line, room: float) -> str:
        """One line of a derivation: left side, right side, reason, check, number."""
        left = "" if line.lhs is None else mathml(line.lhs, display=True)
        pieces = [_headed(line, p, k) for k, p in enumerate(broken(line.rhs, room))]
        right = stacked(pieces)
        anchor = f' id="{line.key}"' if line.key else ""
        number = f"({line.number})" if line.number else ""
        return (
            f'<div class="st"{anchor}><div class="l">{left}</div><div class="r">{right}</div>'
            f'<div class="why">{self.inlines(line.why)}</div>{_mark(line)}'
            f'<div class="no">{number}</div></div>'
        )

    @block.register
    def _(self, block: Equations) -> str:
        columns = max(len(made.equations) for made in block.rows)
        rows = []
        for made in block.rows:
            cells = "".join(map(_equation, made.equations))
            cells += '<div class="l"></div><div class="r"></div>' * (columns - len(made.equations))
            anchor = f' id="{made.key}"' if made.key else ""
            number = f"({made.number})" if made.number else ""
            rows.append(
                f'<div class="row"{anchor}><div></div>{cells}<div class="no">{number}</div></div>'
            )
        style = f"grid-template-columns:1fr repeat({columns},auto auto) 1fr"
        return f'<div class="eqs" style="{style}">\n' + "\n".join(rows) + "\n</div>"

    @block.register
    def _(self, block: Lemma) -> str:
        name = f" ({self.inlines(block.name)})" if block.name else ""
        anchor = f' id="{block.key}"' if block.key else ""
        head = f"<strong>{block.kind} {block.number}{name}.</strong>"
        statement = f'<p class="lem"{anchor}>{head} <em>{self.inlines(block.statement)}</em></p>'
        statement += self.blocks(block.shown)
        if not block.proof:
            return statement
        proof = self.blocks(block.proof).replace("<p>", "<p><em>Proof.</em> ", 1)
        return f'{statement}\n<div class="proof">{proof}</div>'

    @block.register
    def _(self, block: Result) -> str:
        table = self.table(block.columns, block.rows, "")
        return f'<div class="box"><h3>{self.inlines(block.title)}</h3>{table}</div>'

    @block.register
    def _(self, block: Table) -> str:
        table = self.table(block.columns, block.rows, "book")
        if not block.caption:
            return table
        return f"<figure{_id(block.key)}>{table}{self.caption(block, 'Table')}</figure>"

    def table(
        self, columns: tuple[Inlines, ...], rows: tuple[tuple[Inlines, ...], ...], kind: str
    ) -> str:
        """A table that scrolls by itself on a narrow page."""
        head = "".join(f"<th>{self.inlines(cell)}</th>" for cell in columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{self.inlines(cell)}</td>" for cell in cells) + "</tr>\n"
            for cells in rows
        )
        return (
            f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead>'
            f"<tbody>\n{body}</tbody></table></div>"
        )

    @block.register
    def _(self, block: Figure) -> str:
        picture = f'<div class="scroll">{svg(block.picture)}</div>'
        return f"<figure{_id(block.key)}>{picture}{self.caption(block, 'Figure')}</figure>"

    def caption(self, block: Figure | Table, kind: str) -> str:
        """What stands below."""
        return (
            f"<figcaption><b>{kind} {block.number}.</b> {self.inlines(block.caption)}</figcaption>"
        )

    @block.register
    def _(self, block: CodeListing) -> str:
        lines = []
        for code, note in code_parts(block, self.targets):
            remark = f'<span class="c">{escape(note)}</span>' if note else ""
            lines.append(escape(code) + remark)
        return "<pre><code>" + "\n".join(lines) + "</code></pre>"

    @block.register
    def _(self, block: Exercise) -> str:
        question = self.blocks(block.question).replace(
            "<p>", f"<p><strong>Exercise {block.number}.</strong> ", 1
        )
        solution = ""
        if block.solution:
            folded = self.blocks(block.solution)
            solution = f"<details><summary>Solution</summary>{folded}</details>"
        return f'<div class="exercise"{_id(block.key)}>{question}{solution}</div>'

    @block.register
    def _(self, block: Remark) -> str:
        title = f"<strong>{self.inlines(block.title)}.</strong> "
        return (
            f'<div class="remark">{self.blocks(block.body).replace("<p>", f"<p>{title}", 1)}</div>'
        )

    @block.register
    def _(self, block: Listing) -> str:
        kind = "ol" if block.ordered else "ul"
        items = "".join(f"<li>{self.inlines(item)}</li>" for item in block.items)
        return f"<{kind}>{items}</{kind}>"


def _id(key: str | None) -> str:
    return f' id="{key}"' if key else ""


def _mark(line: Line) -> str:
    if not line.checked:
        return '<div class="mark"></div>'
    detail = escape(f"{line.checked}: {line.detail}" if line.detail else line.checked)
    kind = line.checked.lower()
    return f'<div class="mark {kind}" title="{detail}">{line.checked}</div>'


def _headed(line: Line, piece: Layout, k: int) -> Layout:
    """The first piece of a right side with its relation in front."""
    if k or not line.relation:
        return piece
    return row(line.relation, piece)


def _piece_class(piece: Layout, k: int) -> str:
    first = piece.items[0] if isinstance(piece, Row) else piece
    relation = isinstance(first, Operator) and first.name in RELATIONS
    return "more" if k and not relation else "first"


def _equation(equation: Equation) -> str:
    line = short_left_side(Line(equation.lhs, equation.relation, equation.rhs))
    left = "" if line.lhs is None else mathml(line.lhs, display=True)
    right = row(line.relation, line.rhs) if line.relation else line.rhs
    return f'<div class="l">{left}</div><div class="r">{stacked(broken(right, WHOLE_ROOM))}</div>'


def stacked(pieces: Iterable[Layout]) -> str:
    """The pieces of a broken formula, one below the other."""
    return "".join(
        f'<div class="{_piece_class(piece, k)}">{mathml(piece, display=True)}</div>'
        for k, piece in enumerate(pieces)
    )
