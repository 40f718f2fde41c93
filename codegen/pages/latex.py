r"""Documents as LaTeX: one file, the packages of a plain TeX installation, no warnings.

Displays are broken before they are too wide.  The text between the commands comes from `escape`,
formulas come from layouts, and `assert_safe_latex` reads the page once more before it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import singledispatchmethod

from codegen.pages.break_lines import broken
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
from codegen.pages.latex_displays import SMALL, TEXT_WIDTH, display, equations
from codegen.pages.latex_math import formula
from codegen.pages.latex_safety import assert_safe_latex
from codegen.pages.latex_tables import Columns, inline_width, tabular
from codegen.pages.measure import letters, width
from codegen.pages.tex_text import TINT_COMMAND, escape, pdf_string
from codegen.pages.tikz import tikz
from codegen.render import NotesTex, render_tex

ROWS_TOGETHER = 40  # a longer table is set in pieces, since a piece does not break over pages
STRAYS = 4  # lines of a listing that do not stand alone on a page
CODE_COLUMNS = 84
SHEET = 146.0  # the width of the text in millimetres
_HEADINGS = (r"\section", r"\subsection", r"\subsubsection")


def latex(document: Document) -> str:
    """A complete .tex file of a numbered document."""
    writer = _Writer(document.targets)
    title, header = document.title, _shortened(document.title, 34.0)
    page = NotesTex(
        notation=document.notation,
        pdf_title=pdf_string(title),
        header=escape(header),
        title=r"\\ ".join(map(escape, _two_lines(title))),
        subtitle=escape(document.subtitle),
        badges=tuple(writer.inlines(badge) for badge in document.badges),
        body=writer.blocks((*document.opening, *document.sections)),
    )
    return assert_safe_latex(render_tex(page))


def _shortened(text: str, most: float) -> str:
    """The text, cut off where it is wider than `most` ems."""
    if letters(text) <= most:
        return text
    kept = next(k for k in range(len(text), 0, -1) if letters(text[:k]) < most - 1)
    return text[:kept].rstrip() + "…"


def _two_lines(title: str) -> tuple[str, ...]:
    """A title that is wider than the page, in two lines of like width, best before "with"."""
    places = [k for k, c in enumerate(title) if c == " "]
    if 1.75 * letters(title) < TEXT_WIDTH or not places:
        return (title,)
    middle = len(title) / 2

    def unfit(k: int) -> float:
        joint = title[k + 1 :].startswith(("with ", "and ", "for "))
        return abs(k - middle) - 0.2 * len(title) * joint

    k = min(places, key=unfit)
    return title[:k], title[k + 1 :]


class _Writer:
    """Prints blocks; knows the targets of references and the depth of sections."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self.targets = targets
        self.depth = 0

    # ------------------------------------------------------------------------------- inlines

    def inlines(self, parts: Inlines) -> str:
        """Running text."""
        return "".join(self.inline(part) for part in parts)

    @singledispatchmethod
    def inline(self, part: object) -> str:
        """One piece of running text."""
        raise NotImplementedError(f"no LaTeX for {type(part).__name__} in running text")

    @inline.register
    def _(self, part: str) -> str:
        return escape(part)

    @inline.register
    def _(self, part: Math) -> str:
        widest = max(map(width, broken(part.layout, TEXT_WIDTH / 2)))
        if widest > TEXT_WIDTH - 1:  # TeX could not break it either
            return rf"$\shrunk{{{TEXT_WIDTH - 1:.1f}em}}{{{formula(part.layout)}}}$"
        return f"${formula(part.layout)}$"

    @inline.register
    def _(self, part: Emph) -> str:
        return rf"\emph{{{self.inlines(part.body)}}}"

    @inline.register
    def _(self, part: Strong) -> str:
        return rf"\textbf{{{self.inlines(part.body)}}}"

    @inline.register
    def _(self, part: Tint) -> str:
        return f"{TINT_COMMAND[part.tint]}{{{self.inlines(part.body)}}}"

    @inline.register
    def _(self, part: Code) -> str:
        return rf"\texttt{{{escape(part.text)}}}"

    @inline.register
    def _(self, part: CrossRef) -> str:
        kind = self.targets[part.key].kind
        return rf"\eqref{{{part.key}}}" if kind == "Equation" else rf"{kind}~\ref{{{part.key}}}"

    # -------------------------------------------------------------------------------- blocks

    def blocks(self, blocks: Iterable[Block]) -> str:
        """Blocks one after the other; a display belongs to the paragraph before it."""
        made = ""
        for block in blocks:
            joint = "\n" if isinstance(block, Display | Equations) else "\n\n"
            made += (joint if made else "") + self.block(block)
        return made

    @singledispatchmethod
    def block(self, block: Block) -> str:
        """One block."""
        raise NotImplementedError(f"no LaTeX for the block {type(block).__name__}")

    @block.register
    def _(self, block: Section) -> str:
        title = self.inlines(block.title)
        if any(not isinstance(part, str) for part in block.title):
            words = block.short or " ".join(part for part in block.title if isinstance(part, str))
            title = rf"\texorpdfstring{{{title}}}{{{pdf_string(words)}}}"
        heading = _HEADINGS[min(self.depth, 2)] + f"{{{title}}}{_label(block.key)}"
        self.depth += 1
        parts = [heading, self.blocks(block.blocks), *self.solutions(block)]
        self.depth -= 1
        return "\n\n".join(parts)

    def solutions(self, section: Section) -> Iterator[str]:
        """The solutions of the exercises that stand directly in a section."""
        solved = [b for b in section.blocks if isinstance(b, Exercise) and b.solution]
        if solved:
            yield r"\subsection*{Solutions}"
        for exercise in solved:
            yield rf"\textbf{{{exercise.number}.}} {self.blocks(exercise.solution)}"

    @block.register
    def _(self, block: Paragraph) -> str:
        lead = rf"\textbf{{{self.inlines(block.lead)}}} " if block.lead else ""
        return lead + self.inlines(block.body)

    @block.register
    def _(self, block: Display) -> str:
        return display(block, self.inlines, inline_width)

    @block.register
    def _(self, block: Equations) -> str:
        return equations(block)

    @block.register
    def _(self, block: Lemma) -> str:
        name = f"[{{{self.inlines(block.name)}}}]" if block.name else ""
        kind = block.kind.lower()
        statement = (
            rf"\begin{{{kind}}}{name}{_label(block.key)}"
            "\n"
            rf"{self.inlines(block.statement)}"
            "\n"
            f"{self.upright(block.shown)}"
            "\n"
            rf"\end{{{kind}}}"
        )
        if not block.proof:
            return statement
        proof = self.blocks(block.proof)
        return f"{statement}\n\\begin{{proof}}\n{proof}\n\\end{{proof}}"

    def upright(self, blocks: Iterable[Block]) -> str:
        """Blocks of a statement in italics, whose formulas have upright words as elsewhere."""
        made = ""
        for block in blocks:
            formula = isinstance(block, Display | Equations)
            text = self.block(block)
            made += f"\n{{\\upshape\n{text}}}" if formula else f"\n\n{text}"
        return made.lstrip()

    @block.register
    def _(self, block: Result) -> str:
        title = self.inlines(block.title)
        plan = Columns.of(block.columns, block.rows, TEXT_WIDTH - 4.0, 1.8)
        boxes = []
        for k, rows in enumerate(plan.pieces(block.rows, 18)):
            body = tabular(self.inlines, block.columns, rows, plan, r"\small\color{softcolor}")
            more = r" {\normalfont(continued)}" if k else ""
            boxes.append(f"\\begin{{result}}{{{title}{more}}}\n{body}\n\\end{{result}}")
        return "\n\n".join(boxes)

    @block.register
    def _(self, block: Table) -> str:
        made = []
        plan = Columns.of(block.columns, block.rows, TEXT_WIDTH / SMALL, 1.2)
        for k, rows in enumerate(plan.pieces(block.rows, ROWS_TOGETHER)):
            body = r"\small" + "\n" + tabular(self.inlines, block.columns, rows, plan, ruled=True)
            made.append(self.captioned("table", body, block, again=k > 0))
        return "\n\n".join(made)

    @block.register
    def _(self, block: Figure) -> str:
        body = tikz(block.picture)
        if block.picture.width > SHEET:
            body = f"\\resizebox{{\\linewidth}}{{!}}{{%\n{body}}}"
        return self.captioned("figure", body, block)

    def captioned(self, kind: str, body: str, block: Figure | Table, *, again: bool = False) -> str:
        """Something in the middle of the page, and its caption.

        What has a caption may move to the head of the next page, and the text goes on before it;
        the text refers to it by its number.
        """
        if not block.caption:
            return f"\\begin{{placed}}\n{body}\n\\end{{placed}}"
        words = f"\\caption{{{self.inlines(block.caption)}}}{_label(block.key)}"
        if again:  # a further piece of a long table
            number = rf"~\ref{{{block.key}}}" if block.key else ""
            words = rf"\par\vspace{{.8em}}{kind.capitalize()}{number} (continued)"
        return f"\\begin{{{kind}}}[!ht]\n\\centering\n{body}\n{words}\n\\end{{{kind}}}"

    @block.register
    def _(self, block: CodeListing) -> str:
        parts = code_parts(block, self.targets)
        lines = [made for code, remark in parts for made in _code_lines(code, remark)]
        whole = [*lines[:1], *(_joint(k, len(lines)) + lines[k] for k in range(1, len(lines)))]
        return "\\begin{code}\n" + "\n".join(whole) + "\n\\end{code}"

    @block.register
    def _(self, block: Exercise) -> str:
        body = self.blocks(block.question)
        return f"\\begin{{exercise}}{_label(block.key)}\n{body}\n\\end{{exercise}}"

    @block.register
    def _(self, block: Remark) -> str:
        return rf"\textbf{{{self.inlines(block.title)}.}} {self.blocks(block.body)}"

    @block.register
    def _(self, block: Listing) -> str:
        kind = "enumerate" if block.ordered else "itemize"
        items = "\n".join(rf"\item {self.inlines(item)}" for item in block.items)
        return f"\\begin{{{kind}}}\n{items}\n\\end{{{kind}}}"


def _label(key: str | None) -> str:
    return rf"\label{{{key}}}" if key else ""


def _joint(k: int, many: int) -> str:
    """What stands before line k of a listing: no page begins or ends with a few lines of it."""
    return "\\nopagebreak\n" if k < STRAYS or k > many - STRAYS else ""


def _code_lines(text: str, remark: str) -> Iterator[str]:
    """A line of code, and what does not fit on the next lines, each of them indented alike."""
    indent = " " * min(len(text) - len(text.lstrip()) + 4, 24)
    while len(text) + len(remark) > CODE_COLUMNS:
        whole = text + remark
        cut = whole.rfind(" ", 40, CODE_COLUMNS) + 1 or CODE_COLUMNS
        yield _code_line(whole[: min(cut, len(text))], whole[min(cut, len(text)) : cut])
        if cut < len(text):
            text = indent + text[cut:].lstrip()
        else:
            text, remark = "", indent + whole[cut:]
    yield _code_line(text, remark)


def _code_line(text: str, remark: str) -> str:
    note = rf"\remarked{{{_spaced(remark)}}}" if remark else ""
    return rf"\codeline{{{_spaced(text)}{note}}}"


def _spaced(text: str) -> str:
    return escape(text, breakable=False).replace(" ", r"\ ")
