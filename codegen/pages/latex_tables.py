"""Tables for LaTeX: columns as wide as the page allows, in pieces that fit on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from codegen.pages.document import Code, CrossRef, Inlines, Math
from codegen.pages.measure import letters, width


def inline_width(inlines: Inlines) -> float:
    """The width of running text in ems."""
    total = 0.0
    for part in inlines:
        if isinstance(part, str):
            total += letters(part)
        elif isinstance(part, Math):
            total += width(part.layout)
        elif isinstance(part, Code):
            total += 0.53 * len(part.text)
        elif isinstance(part, CrossRef):
            total += 4.5
        else:
            total += inline_width(part.body)
    return total


@dataclass(frozen=True)
class Columns:
    """The columns of a table: the widths of the wrapped ones, and whether all fit the page."""

    wrapped: tuple[float | None, ...]
    fits: bool

    @staticmethod
    def of(
        columns: tuple[Inlines, ...], rows: tuple[tuple[Inlines, ...], ...], room: float, gap: float
    ) -> Columns:
        """Wrap the widest columns of words until the table fits."""
        wide = [
            max(inline_width(cells) for cells in column)
            for column in zip(columns, *rows, strict=True)
        ]
        free = room - gap * (len(wide) - 1)
        wrapped: list[float | None] = [None] * len(wide)
        for k in sorted(range(len(wide)), key=lambda k: -wide[k]):
            excess = _total(wide, wrapped) - free
            longest = max((_longest_piece(row[k]) for row in rows), default=0.0)
            if excess > 0 and longest < wide[k] - 0.1:
                wrapped[k] = max(wide[k] - excess, longest + 0.5, 6.0)
        return Columns(tuple(wrapped), _total(wide, wrapped) <= free + 0.1)

    def pieces(
        self, rows: tuple[tuple[Inlines, ...], ...], most: int
    ) -> list[tuple[tuple[Inlines, ...], ...]]:
        """The rows in pieces of at most `most` lines, which then need not break over pages."""
        made: list[list[tuple[Inlines, ...]]] = [[]]
        used = 0
        for cells in rows:
            lines = max(map(self.lines, cells, self.wrapped), default=1)
            if made[-1] and used + lines > most:
                made.append([])
                used = 0
            made[-1].append(cells)
            used += lines
        return [tuple(piece) for piece in made]

    @staticmethod
    def lines(cell: Inlines, wrap: float | None) -> int:
        """How many lines a cell takes; words leave the ends of lines free."""
        return 1 if wrap is None else max(1, math.ceil(1.25 * inline_width(cell) / wrap))


def _total(wide: list[float], wrapped: list[float | None]) -> float:
    return sum(w if f is None else f for w, f in zip(wide, wrapped, strict=True))


def _longest_piece(inlines: Inlines) -> float:
    """The widest part of a cell that cannot be broken."""
    longest = 0.0
    for part in inlines:
        if isinstance(part, str):
            longest = max([longest, *(min(letters(word), 8.0) for word in part.split())])
        elif isinstance(part, Math | Code | CrossRef):
            longest = max(longest, inline_width((part,)))
        else:
            longest = max(longest, _longest_piece(part.body))
    return longest


def tabular(
    inlines: Callable[[Inlines], str],
    columns: tuple[Inlines, ...],
    rows: tuple[tuple[Inlines, ...], ...],
    plan: Columns,
    head: str = "",
    *,
    ruled: bool = False,
) -> str:
    """Cells in columns; at worst all is made smaller."""
    spec = "@{}" + "".join(
        "l" if w is None else rf">{{\raggedright\arraybackslash}}p{{{w:.1f}em}}"
        for w in plan.wrapped
    )
    heading = " & ".join(f"{head} {inlines(c)}".strip() if c else "" for c in columns)
    body = "\n".join(" & ".join(map(inlines, row)) + r" \\" for row in rows)
    top, middle, bottom = (r"\toprule", r"\midrule", r"\bottomrule") if ruled else ("",) * 3
    table = "\n".join(
        part
        for part in (
            rf"\begin{{tabular}}{{{spec}@{{}}}}", top, rf"{heading} \\", middle, body, bottom,
            r"\end{tabular}",
        )
        if part
    )  # fmt: skip
    return table if plan.fits else f"\\resizebox{{\\linewidth}}{{!}}{{%\n{table}}}"
