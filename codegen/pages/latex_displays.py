"""Displayed formulas for LaTeX, broken so that no line is too wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from codegen.pages.break_lines import INDENT, broken, short_left_side
from codegen.pages.document import Display, Equation, EquationRow, Equations, Inlines, Line
from codegen.pages.latex_math import formula
from codegen.pages.measure import width
from codegen.pages.tex_text import OPERATOR_COMMAND
from derive.writing.layout import Layout, Operator, Row
from derive.writing.marks import RELATIONS

TEXT_WIDTH = 36.5  # ems in a line of 146 mm, less the 4 % that estimates may be too small
TAG = 2.8  # what an equation number takes, with the space before it
RELATION = 1.34
GAP = 2.6  # between a formula and its reason
NARROWEST = 9.0  # the narrowest column of reasons
SMALL = 0.93  # reasons are set in small print
JOINED = "\0"  # before a row that stays on the page of the row above
MARK = 3.3  # the word of a check


@dataclass(frozen=True)
class _Plan:
    """How a display is set: the room of the right sides, the width of the reasons (0: below)."""

    room: float
    reasons: float


def display(
    block: Display, words: Callable[[Inlines], str], measure: Callable[[Inlines], float]
) -> str:
    """A chain of lines with their reasons."""
    lines = tuple(short_left_side(line) for line in block.lines)
    plan = _plan(lines, [_reason_width(line, measure) for line in lines])
    rows = [r for line in lines for r in _line_rows(line, plan, words)]
    if block.qed:
        rows[-1] += r" \qedhere"
    return _aligned(rows, any(line.key for line in lines))


def _reason_width(line: Line, measure: Callable[[Inlines], float]) -> float:
    reason = measure(line.why) * SMALL if line.why else 0.0
    return reason + (MARK if line.checked else 0.0)


def _plan(lines: tuple[Line, ...], reasons: list[float]) -> _Plan:
    """Reasons beside the formulas, wrapped if need be; below them where there is no room."""
    left = max((width(line.lhs) for line in lines), default=0.0) + RELATION
    free = TEXT_WIDTH - left - (TAG if any(line.key for line in lines) else 0.0)
    needed, right = max(reasons), max(width(line.rhs) for line in lines)
    if not needed:
        return _Plan(free, 0.0)
    beside = free - GAP
    if right + needed <= beside:
        return _Plan(beside - needed, needed + 0.5)
    if right + NARROWEST <= beside:
        return _Plan(right, beside - right)
    column = min(needed, NARROWEST)
    room = beside - column
    if all(len(b) <= 3 and _fits(b, room) for b in (broken(line.rhs, room) for line in lines)):
        return _Plan(room, column + 0.5)
    return _Plan(free, 0.0)


def _fits(pieces: tuple[Layout, ...], room: float) -> bool:
    indents = (0.0, *(INDENT for _ in pieces[1:]))
    return all(width(p) + i <= room for p, i in zip(pieces, indents, strict=True))


def _line_rows(line: Line, plan: _Plan, words: Callable[[Inlines], str]) -> Iterator[str]:
    """The rows of one line: its broken right side, and the reason beside or below."""
    label = rf" \label{{{line.key}}}" if line.key else r" \notag"
    reason = _reason(line, plan, words)
    relation = (OPERATOR_COMMAND[line.relation] + " ") if line.relation else ""
    left = "" if line.lhs is None else formula(line.lhs) + " "
    pieces = broken(line.rhs, plan.room)
    for k, piece in enumerate(pieces):
        head = f"{left}&{relation}" if k == 0 else f"&{_indent(piece)}"
        last = k == len(pieces) - 1
        beside = f" && {reason}" if reason and plan.reasons and last else ""
        below = reason and not plan.reasons
        tag = label if last and not below else r" \notag"
        yield f"{JOINED * (k > 0)}{head}{_shrunk(piece, plan.room)}{beside}{tag}"
    if reason and not plan.reasons:
        yield rf"{JOINED}&\quad {reason}{label}"


def _reason(line: Line, plan: _Plan, words: Callable[[Inlines], str]) -> str:
    mark = rf"\checked{{{line.checked}}}" if line.checked else ""
    text = words(line.why)
    if not text and not mark:
        return ""
    gap = r"\enspace " if text and mark else ""
    if plan.reasons:
        return rf"\why{{{plan.reasons:.1f}em}}{{{text}{gap}{mark}}}"
    return rf"\why{{{plan.room - 1:.1f}em}}{{{text}{gap}{mark}}}"


def _indent(piece: Layout) -> str:
    """What stands before a continued line: nothing where it begins with a relation."""
    first = piece.items[0] if isinstance(piece, Row) else piece
    if isinstance(first, Operator) and first.name in RELATIONS:
        return ""
    return r"\qquad "


def _shrunk(piece: Layout, room: float) -> str:
    """The formula, made smaller as a last resort where no sign allows a break."""
    tex = formula(piece)
    if width(piece) <= room + 0.01:
        return tex
    return rf"\shrunk{{{room:.1f}em}}{{{tex}}}"


def _aligned(rows: list[str], numbers: bool) -> str:
    if not numbers:
        rows = [r.replace(r" \notag", "") for r in rows]
    name = "align" if numbers else "align*"
    ends = [r" \\*" if after.startswith(JOINED) else r" \\" for after in rows[1:]]
    lines = (f"  {r.removeprefix(JOINED)}{end}" for r, end in zip(rows, [*ends, ""], strict=True))
    body = "\n".join(lines)
    return f"\\begin{{{name}}}\n{body}\n\\end{{{name}}}"


# ----------------------------------------------------------------------------------- equations


def equations(block: Equations) -> str:
    """Rows of equations under one number each."""
    if len(block.rows) == 1 and (line := _one_line(block.rows[0])):
        return line
    beside = _columns_width(block) <= TEXT_WIDTH - TAG
    rows = [r for made in block.rows for r in _equation_rows(made, beside)]
    return _aligned(rows, any(made.key for made in block.rows))


def _one_line(made: EquationRow) -> str:
    """The equations in the middle of one line, if they fit."""
    gaps = 2.0 * (len(made.equations) - 1)
    if sum(map(_equation_width, made.equations)) + gaps > TEXT_WIDTH - 2 * TAG:
        return ""
    body = r" \qquad ".join(_equation(e, "") for e in made.equations)
    name = "equation" if made.key else "equation*"
    label = rf" \label{{{made.key}}}" if made.key else ""
    return f"\\begin{{{name}}}\n  {body}{label}\n\\end{{{name}}}"


def _columns_width(block: Equations) -> float:
    """What all rows take together, since the first equations stand below one another."""
    columns = zip_longest(*(row.equations for row in block.rows))
    total = -2.0
    for column in columns:
        found = [e for e in column if e is not None]
        right = max(width(e.rhs) + (RELATION if e.relation else 0.0) for e in found)
        total += max(width(e.lhs) for e in found) + right + 2.0
    return total


def _equation_rows(made: EquationRow, beside: bool) -> Iterator[str]:
    label = rf" \label{{{made.key}}}" if made.key else r" \notag"
    room = TEXT_WIDTH - TAG
    total = sum(map(_equation_width, made.equations)) + 2.0 * len(made.equations)
    if total <= room and (beside or len(made.equations) == 1):
        yield " & ".join(map(_equation, made.equations)) + label
        return
    for k, equation in enumerate(made.equations):
        last_equation = k == len(made.equations) - 1
        line = short_left_side(Line(equation.lhs, equation.relation, equation.rhs))
        left = width(line.lhs) + RELATION
        plan = _Plan(room - left, 0.0)
        *rows, last = _line_rows(line, plan, lambda _: "")
        yield from rows
        yield last.removesuffix(r" \notag") + (label if last_equation else r" \notag")


def _equation_width(equation: Equation) -> float:
    sides = width(equation.lhs) + width(equation.rhs)
    return sides + (RELATION if equation.relation else 0.0)


def _equation(equation: Equation, stop: str = "&") -> str:
    left = "" if equation.lhs is None else formula(equation.lhs) + " "
    relation = OPERATOR_COMMAND[equation.relation] + " " if equation.relation else ""
    return f"{left}{stop}{relation}{formula(equation.rhs)}"
