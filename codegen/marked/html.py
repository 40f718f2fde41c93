"""Marked sheets as one HTML page that needs nothing else: the marks beside the typeset formulas.

What cannot be typeset stands as its source.  A verdict is told in words; colours only repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import PurePath

from codegen.marked.words import COUNTED, WORDS, Fact, Tex, facts, one_line, shown_text
from codegen.pages.break_lines import broken
from codegen.pages.html import escape, faces, stacked
from codegen.pages.mathml import mathml
from codegen.pages.typeset import typeset
from codegen.render import Entry, MarkedHtml, render
from derive.marking.verdicts import (
    DEFINITION,
    OUT_OF_SCOPE,
    RIGHT,
    RIGHT_IF,
    RIGHT_UNDER,
    VERDICTS,
    WRONG,
    Mark,
    Marked,
)
from derive.reading.latex_macros import Macros

ROOM = 34.0  # ems, beyond which a formula is broken
_GOOD = (RIGHT, RIGHT_IF, RIGHT_UNDER)
_PLAIN = (DEFINITION, OUT_OF_SCOPE)


def html(sheets: Sequence[tuple[str, Marked]]) -> str:
    """A complete page about sheets, each with its name."""
    names = ", ".join(PurePath(name).name for name, _ in sheets)
    written = [_Sheet(k, name, marked) for k, (name, marked) in enumerate(sheets)]
    page = MarkedHtml(
        language="en",
        title=escape(names if len(names) <= 60 else f"{len(sheets)} sheets"),
        subtitle="A hand derivation, marked" if len(sheets) == 1 else "Hand derivations, marked",
        contents=tuple(entry for sheet in written for entry in sheet.contents()),
        faces=faces(),
        body="\n".join(sheet.section(alone=len(sheets) == 1) for sheet in written),
    )
    return render("marked.html.j2", page)


class _Sheet:
    """Prints one sheet; anchors are numbered through the page."""

    def __init__(self, number: int, name: str, marked: Marked) -> None:
        self.number, self.name, self.marked = number, name, marked

    def anchor(self, claim: int) -> str:
        return f"s{self.number + 1}c{claim + 1}"

    def contents(self) -> Iterator[Entry]:
        """The claims to look at, or where there are none the sheet itself."""
        bad = [k for k, m in enumerate(self.marked.marks) if m.verdict not in _GOOD + _PLAIN]
        if not bad:
            yield Entry(f"s{self.number + 1}", "", escape(self.name))
        for k in bad:
            mark = self.marked.marks[k]
            title = f"line {mark.position[1]}: {WORDS[mark.verdict]}"
            yield Entry(self.anchor(k), "", escape(title))

    def section(self, *, alone: bool) -> str:
        """Heading, summary and all claims."""
        marked = self.marked
        head = "" if alone else f"<h2>{escape(self.name)}</h2>\n"
        against = f"Checked against <code>{escape(marked.spec)}</code>, " if marked.spec else ""
        guessed = "; nobody said which it is, so it was guessed" if marked.guessed else ""
        notation = f"{'notation' if against else 'Notation'} {escape(marked.notation)}{guessed}."
        remarks = "".join(f"<li>{escape(remark)}</li>" for remark in marked.remarks)
        parts = [
            f"<p>{against}{notation}</p>",
            f"<ul>{remarks}</ul>" if remarks else "",
            self.summary(),
            *self.formulas(),
        ]
        inside = "\n".join(filter(None, parts))
        return f'<section id="s{self.number + 1}">\n{head}{inside}\n</section>'

    def summary(self) -> str:
        """How many claims have which verdict, the worst first."""
        if not self.marked.marks:
            return "<p>No claims.</p>"
        rows = "".join(
            f'<tr class="{_class(v)}"><td>{count}</td><td><b>{COUNTED[v]}</b></td></tr>'
            for v in reversed(VERDICTS)
            if (count := self.marked.count(v))
        )
        return f'<table class="sum"><tbody>{rows}</tbody></table>'

    def formulas(self) -> Iterator[str]:
        """The claims, those of a formula together."""
        numbered = enumerate(self.marked.marks)
        for formula, group in groupby(numbered, key=lambda pair: id(pair[1].formula)):
            claims = list(group)
            assert formula == id(claims[0][1].formula)
            written = claims[0][1].formula
            label = f" · {escape(written.label)}" if written.label else ""
            other = "" if written.file == self.name else f"{escape(written.file)}, "
            made = "\n".join(self.claim(k, mark) for k, mark in claims)
            yield (
                f'<div class="formula"><p class="at">{other}line {written.line}{label}</p>\n'
                f"{made}\n</div>"
            )

    def claim(self, k: int, mark: Mark) -> str:
        """A claim with its verdict beside and what there is to say below."""
        kind, anchor = _class(mark.verdict), self.anchor(k)
        said = "".join(self.fact(fact) for fact in facts(mark, self.marked.marks))
        return (
            f'<div class="claim {kind}" id="{anchor}"><div class="verdict"><b>'
            f'{_sign(mark.verdict)} {WORDS[mark.verdict]}</b> <a href="#{anchor}">line '
            f'{mark.position[1]}</a></div><div class="written">{self.written(mark)}</div>'
            + (f'<dl class="facts">{said}</dl>' if said else "")
            + "</div>"
        )

    def written(self, mark: Mark) -> str:
        """The formula as written, its slips in colour and underlined."""
        if mark.formula.language == "latex" and mark.claim is not None:
            wrong = [slip.at for slip in mark.slips]
            layout = typeset(mark.formula.text, self.marked.macros, mark.span, wrong)
            if layout is not None:
                return stacked(broken(layout, ROOM))
        return f"<pre><code>{escape(one_line(shown_text(mark)))}</code></pre>"

    def fact(self, fact: Fact) -> str:
        """A label and what it says."""
        macros = self.marked.macros
        alone = len(fact.parts) == 1  # a formula alone is set as in a display
        made = "".join(
            _tex(p, macros, display=alone) if isinstance(p, Tex) else escape(p) for p in fact.parts
        )
        if fact.claim is not None:
            made = f'<a href="#{self.anchor(fact.claim)}">{made}</a>'
        return f"<div><dt>{escape(fact.label)}</dt><dd>{made}</dd></div>"


def _tex(part: Tex, macros: Macros, *, display: bool) -> str:
    layout = None if part.code else typeset(part.latex, macros)
    if layout is None:
        return f"<code>{escape(one_line(part.latex))}</code>"
    return stacked(broken(layout, ROOM)) if display else mathml(layout)


def _class(verdict: str) -> str:
    if verdict == WRONG:
        return "is-bad"
    if verdict in _GOOD:
        return "is-good"
    return "is-plain" if verdict in _PLAIN else "is-doubt"


def _sign(verdict: str) -> str:
    """A mark beside the word."""
    return {"is-bad": "✗", "is-good": "✓", "is-plain": "·", "is-doubt": "?"}[_class(verdict)]
