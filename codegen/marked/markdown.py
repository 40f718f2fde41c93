"""Marked sheets as Markdown: what is wrong in full, what is right by its lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codegen.marked.words import COUNTED, WORDS, Fact, Tex, facts, one_line, shown_span, summary
from codegen.pages.latex_math import formula
from codegen.pages.markdown import escape
from codegen.pages.typeset import typeset
from derive.marking.verdicts import DEFINITION, OUT_OF_SCOPE, RIGHT, VERDICTS, Mark, Marked
from derive.reading.tree import Span

QUIET = (RIGHT, DEFINITION, OUT_OF_SCOPE)


def markdown(sheets: Sequence[tuple[str, Marked]], level: int = 2) -> str:
    """A section for each sheet, under headings of the given level."""
    return "\n".join(_Sheet(name, marked, level).text() for name, marked in sheets)


class _Sheet:
    """Prints one sheet."""

    def __init__(self, name: str, marked: Marked, level: int) -> None:
        self.name, self.marked, self.level = name, marked, level

    def text(self) -> str:
        """The section."""
        return "\n\n".join(self.blocks()) + "\n"

    def blocks(self) -> Iterator[str]:
        marked = self.marked
        yield f"{'#' * self.level} {escape(self.name)}"
        against = f"Against {escape(marked.spec)}, notation" if marked.spec else "Notation"
        guessed = " (guessed)" if marked.guessed else ""
        yield f"{against} {escape(marked.notation)}{guessed}. {escape(summary(marked))}."
        if marked.remarks:
            yield "\n".join(f"- {escape(remark)}" for remark in marked.remarks)
        for verdict in VERDICTS:
            where = [self.place(m) for m in marked.marks if m.verdict == verdict]
            if verdict in QUIET and where:
                word = COUNTED[verdict]
                yield f"{word[0].upper()}{word[1:]}: {', '.join(where)}."
        for mark in marked.marks:
            if mark.verdict not in QUIET:
                yield from self.claim(mark)

    def place(self, mark: Mark) -> str:
        """How a claim is called: by the label of its formula where it has one."""
        return escape(mark.formula.label or f"line {mark.position[1]}")

    def claim(self, mark: Mark) -> Iterator[str]:
        """A claim with its verdict and what there is to say."""
        wrong = [slip.at for slip in mark.slips]
        yield f"**{self.place(mark)}: {WORDS[mark.verdict]}**"
        code = mark.formula.language != "latex"
        yield self.tex(Tex(mark.formula.text, code), shown_span(mark), wrong)
        said = [self.fact(fact) for fact in facts(mark, self.marked.marks)]
        if said:
            yield "\n".join(said)

    def fact(self, fact: Fact) -> str:
        """A point of the list below a claim."""
        made = "".join(self.tex(p) if isinstance(p, Tex) else escape(p) for p in fact.parts)
        return f"- {escape(fact.label)}: {made}"

    def tex(self, part: Tex, span: Span | None = None, wrong: Sequence[Span] = ()) -> str:
        """A formula, or its source where it is a program's or cannot be typeset."""
        layout = None if part.code else typeset(part.latex, self.marked.macros, span, wrong)
        if layout is not None:
            return f"${formula(layout, plain=True)}$"
        start, end = span or (0, len(part.latex))
        return f"<code>{escape(one_line(part.latex[start:end]))}</code>"
