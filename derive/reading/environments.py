"""Matrices and cases."""

from __future__ import annotations

from dataclasses import replace

from derive.reading.cursor import Cursor
from derive.reading.labels import fenced, split, top_level
from derive.reading.latex_tokens import Token
from derive.reading.structures import Structures
from derive.reading.tree import Branches, Dots, Grid, Node, Words
from derive.reading.words import CASES, MATRICES, OTHERWISE, RELATIONS, conjunction


class Environments(Structures):
    """Reads matrices and cases."""

    def _environment(self, c: Cursor) -> Node:
        start = c.next().start
        name = "".join(t.text for t in c.group().tokens)
        if name in ("array", "matrix*", "pmatrix*", "bmatrix*"):
            if c.peek().text == "[":
                fenced(c, "[", "]")
            elif name == "array":
                c.group()
        body = self._until_end(c, name, start)
        rows = [split(row, "&") for row in split(body, "\\\\")]
        rows = [row for row in rows if any(not cell.done for cell in row)]
        span = (start, c.last_end)
        if name in CASES or (name in MATRICES and _are_cases(rows)):
            return Branches(tuple(self._branch(row) for row in rows), span=span)
        if name in MATRICES:
            return Grid(tuple(tuple(map(self._cell, row)) for row in rows), span=span)
        raise c.wrong("a matrix or cases", Token("command", name, start, start))

    def _cell(self, cell: Cursor) -> Node:
        """An entry; an empty place beside dots is left out like them."""
        return Dots() if cell.done else self.whole(cell)

    def _until_end(self, c: Cursor, name: str, start: int) -> Cursor:
        depth, first = 1, c.place
        while True:
            if c.done:
                raise c.wrong(rf"\end{{{name}}}", Token("command", r"\begin", start, start))
            token = c.next()
            depth += {r"\begin": 1, r"\end": -1}.get(token.text, 0)
            if not depth:
                body = Cursor(c.tokens[first : c.place - 1], token.start)
                closing = "".join(t.text for t in c.group().tokens)
                if closing != name:
                    raise c.wrong(rf"\end{{{name}}}", token)
                return body

    def _branch(self, row: list[Cursor]) -> tuple[Node, Node | None]:
        if len(row) < 2:
            row = _parted(row[0])
        if len(row) == 3 and _is_if(row[1]) == len(row[1].tokens) - row[1].place:
            row = [row[0], row[2]]  # 1 & if & i = j
        value = self.whole(_trimmed(row[0]))
        if len(row) < 2:
            raise row[0].wrong("a condition behind the value")
        when = row[1]
        if when.peek().raw.strip().lower() in ("if", "for", "when", "where"):
            when.next()
        when.place += _is_if(when)
        words = when.tokens[when.place :]
        if when.peek().raw.strip(" .,;").lower() in OTHERWISE:
            return value, None
        if any(t.raw for t in words) and not any(t.text in RELATIONS for t in top_level(when)):
            text = " ".join((t.raw or t.text).strip() for t in words)
            return value, Words(text, span=(words[0].start, words[-1].end))
        condition, start = _trimmed(when), when.peek().start
        made = self.bracket(condition)
        return value, made if any(made.span) else replace(made, span=(start, condition.last_end))


def _is_if(c: Cursor) -> int:
    """How many signs spell a word before the condition: if, for."""
    rest = c.tokens[c.place :]
    if rest and rest[0].raw.strip().lower() in ("if", "for", "when"):
        return 1
    for word in ("if", "for", "when"):
        part = rest[: len(word)]
        if "".join(t.text for t in part) == word and part[-1].end - part[0].start == len(word):
            return len(word)
    return 0


def _parted(row: Cursor) -> list[Cursor]:
    """A value and its condition that no mark of alignment parts: the words part them."""
    for k in range(row.place + 1, len(row.tokens)):
        token = row.tokens[k]
        if token.raw and (conjunction(token) or token.raw.strip(" .,;").lower() in OTHERWISE):
            value = Cursor(row.tokens[row.place : k], token.start)
            return [value, Cursor(row.tokens[k:], row.stop.start)]
    return [row]


def _are_cases(rows: list[list[Cursor]]) -> bool:
    """Whether every row is a value with its condition, as an array behind a brace writes cases."""
    pairs = bool(rows) and all(len(row) == 2 for row in rows)
    return pairs and all(
        row[1].peek().raw or any(t.text in RELATIONS for t in top_level(row[1])) for row in rows
    )


def _trimmed(c: Cursor) -> Cursor:
    """Without a comma at the end."""
    tokens = c.tokens[c.place :]
    while tokens and tokens[-1].text in (",", "."):
        tokens = tokens[:-1]
    return Cursor(tokens, c.stop.start)
