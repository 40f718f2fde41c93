r"""LaTeX as somebody wrote it, as a layout: what stands where, right or wrong, read or not.

>>> from codegen.pages.terminal_math import text
>>> text(typeset(r"\delta_j^{(2)} = o_j - y_j"))
'δⱼ⁽²⁾ = oⱼ − yⱼ'
>>> typeset(r"\mystery x") is None
True
"""  # noqa: RUF002

from __future__ import annotations

from collections.abc import Callable, Sequence

from codegen.pages import typeset_signs as signs
from derive.errors import SpecError
from derive.reading.cursor import ACCENTS, STYLES, Cursor
from derive.reading.latex_macros import Macros
from derive.reading.latex_tokens import Token
from derive.reading.layout import prepared
from derive.reading.tree import Span
from derive.reading.words import FRACTIONS
from derive.writing.layout import (
    NAME,
    Accent,
    BigOp,
    Cases,
    Fenced,
    Fraction,
    Function,
    Ident,
    Layout,
    Matrix,
    Number,
    Operator,
    Root,
    Row,
    Script,
    Space,
    Symbol,
    Text,
    Tinted,
    row,
)

WRONG = "backward"  # the tint of a slip


def typeset(
    latex: str, macros: Macros | None = None, span: Span | None = None, wrong: Sequence[Span] = ()
) -> Layout | None:
    """The part of a formula at `span`; the `wrong` places have a tint.

    None where a command is not known: then the source itself must be shown.
    """
    try:
        tokens = prepared((macros or Macros()).expanded(latex))
        start, end = span or (0, len(latex))
        chosen = [t for t in tokens if start <= t.start and t.end <= end]
        return _Typesetter(wrong).row(Cursor(_trimmed(chosen), end))
    except (SpecError, ValueError, RecursionError):
        return None


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Without the ends of rows and the punctuation around a claim."""
    edge = ("\\\\", "&", r"\quad", r"\qquad", ",", ".", ";")
    while tokens and tokens[0].text in edge:
        tokens = tokens[1:]
    while tokens and tokens[-1].text in edge:
        tokens = tokens[:-1]
    return tokens


class _Typesetter:
    """Makes layouts of tokens; raises SpecError or ValueError where it knows no mark."""

    def __init__(self, wrong: Sequence[Span]) -> None:
        self.wrong = [(start, end) for start, end in wrong if end > start]

    def is_wrong(self, start: int, end: int) -> bool:
        return any(a <= start and end <= b for a, b in self.wrong)

    def row(self, c: Cursor) -> Layout:
        """Everything up to the end."""
        items: list[tuple[Layout, bool]] = []
        while not c.done:
            start = c.peek().start
            made = self.scripted(c)
            if made is not None:
                items.append((made, self.is_wrong(start, c.last_end)))
        return _joined(items)

    def scripted(self, c: Cursor) -> Layout | None:
        """One item with its scripts and primes."""
        start = c.peek().start
        base = Symbol("blank") if c.peek().text in ("^", "_", "'") else self.atom(c)
        if base is None or c.peek().text not in ("^", "_", "'"):
            return base
        base_end = c.last_end
        below: list[Layout] = []
        above: list[Layout] = []
        while c.peek().text in ("^", "_", "'"):
            sign = c.next().text
            if sign == "'":
                above.append(Symbol("prime"))
            else:
                (above if sign == "^" else below).append(self.script(c))
        if self.is_wrong(start, base_end) and not self.is_wrong(start, c.last_end):
            base = Tinted(base, WRONG)
        lower, upper = _script(below), _script(above)
        if isinstance(base, BigOp):
            return BigOp(base.name, lower, upper)
        return Script(base, lower, upper)

    def script(self, c: Cursor) -> Layout:
        start = c.peek().start
        inner = self.row(c.argument())
        return Tinted(inner, WRONG) if self.is_wrong(start, c.last_end) else inner

    def argument(self, c: Cursor) -> Layout:
        return self.row(c.argument())

    def atom(self, c: Cursor) -> Layout | None:
        """One item without scripts; None for what leaves no mark."""
        token = c.peek()
        if token.text == "{":
            return self.row(c.group())
        if token.kind == "digit":
            return self.number(c)
        if token.text in signs.OPEN:
            return self.fenced(c)
        if token.text in signs.BARS:
            return self.barred(c)
        if token.text in signs.CLOSE:
            return Fenced("", Row(()), signs.CLOSE[c.next().text])
        c.next()
        if token.kind == "letter":
            return Ident(token.text)
        if token.text in ("&", "\\\\"):
            return None
        return self.command(c, token)

    def number(self, c: Cursor) -> Layout:
        digits = c.next().text
        while c.peek().kind == "digit" or (
            c.peek().text == "." and c.peek(1).kind == "digit" and "." not in digits
        ):
            digits += c.next().text
        return Number(digits)

    # ---------------------------------------------------------------- fences

    def fenced(self, c: Cursor) -> Layout:
        """From a fence to the one that closes it; an open one closes with the formula."""
        left = signs.OPEN[c.next().text]
        inside, closing = _until(c, lambda text: text in signs.CLOSE)
        return Fenced(left, self.row(inside), signs.CLOSE[closing] if closing else "")

    def barred(self, c: Cursor) -> Layout:
        """Between two bars, or a bar that stands alone."""
        bar = signs.BARS[c.next().text]
        ahead = c.fork()
        inside, closing = _until(ahead, lambda text: signs.BARS.get(text) == bar)
        if not closing or inside.done:
            return Operator("mid")
        c.place = ahead.place
        return Fenced(bar, self.row(inside), bar)

    # ---------------------------------------------------------------- commands

    def command(self, c: Cursor, token: Token) -> Layout | None:
        """A command or a sign."""
        text, name = token.text, token.text[1:]
        for table, make in (
            (signs.LETTERS, Ident),
            (signs.BIG, BigOp),
            (signs.FUNCTIONS, Function),
            (signs.OPERATORS, Operator),
            (signs.SYMBOLS, Symbol),
            (signs.SPACES, Space),
        ):
            if text in table:
                return make(table[text])
        if text in FRACTIONS:
            above, below = self.argument(c), self.argument(c)
            return Fraction(above, below, small=text == r"\tfrac")
        if name in ACCENTS:
            return Accent(ACCENTS[name], self.argument(c))
        if name in STYLES:
            return _styled(self.argument(c), STYLES[name])
        if token.raw or name.startswith(("text", "mbox", "operatorname")):
            return _words(token)
        if text == r"\sqrt":
            return self.root(c)
        if text == r"\begin":
            return self.environment(c)
        raise c.wrong("a sign that can be set", token)

    def root(self, c: Cursor) -> Layout:
        degree = None
        if c.take("["):
            inside, closing = _until(c, lambda text: text == "]")
            if not closing:
                raise c.wrong('"]"')
            degree = self.row(inside)
        return Root(self.argument(c), degree)

    def environment(self, c: Cursor) -> Layout:
        """A matrix or cases."""
        name = "".join(t.text for t in c.group().tokens)
        if name == "array" and c.peek().text == "{":
            c.group()
        inside = _environment(c)
        rows = [
            [self.row(Cursor(cell, inside.stop.start)) for cell in _split(line, "&")]
            for line in _split(inside.tokens, "\\\\")
            if line
        ]
        wide = max(map(len, rows), default=0)
        padded = [[*cells, *[Symbol("blank")] * (wide - len(cells))] for cells in rows]
        if name in signs.CASES and wide <= 2:
            return Cases(tuple((r[0], r[1] if wide == 2 else Symbol("blank")) for r in padded))
        left, right = signs.MATRICES.get(name, ("?", "?"))  # ? is refused
        return Matrix(tuple(map(tuple, padded)), "center", left, right)


def _joined(items: list[tuple[Layout, bool]]) -> Layout:
    """Side by side; neighbours that are wrong have one tint together."""
    parts: list[Layout] = []
    run: list[Layout] = []
    for made, wrong in [*items, (Row(()), False)]:
        if wrong:
            run.append(made)
            continue
        if run:
            parts.append(Tinted(row(*run), WRONG))
            run = []
        parts.append(made)
    kept = [part for part in parts if part != Row(())]
    return row(*kept) if kept else Symbol("blank")


def _script(parts: list[Layout]) -> Layout | None:
    return row(*parts) if parts else None


def _styled(inner: Layout, style: str) -> Layout:
    """Letters in a style; a word of several letters is one name."""
    items = inner.items if isinstance(inner, Row) else (inner,)
    if all(isinstance(i, Ident) and not i.greek for i in items):
        return Ident("".join(i.text for i in items if isinstance(i, Ident)), style)
    made = [Ident(i.text, style) if isinstance(i, Ident) else i for i in items]
    return row(*(Ident("1", style) if m == Number("1") and style == "bold" else m for m in made))


def _words(token: Token) -> Layout:
    raw = " ".join(token.raw.split()) if token.text.startswith(r"\operatorname") else token.raw
    if token.text.startswith(r"\operatorname"):
        if raw in signs.BIG_WORDS:
            return BigOp(signs.BIG_WORDS[raw])
        if NAME.fullmatch(raw):
            return Function(raw)
    return Text(raw)


def _until(c: Cursor, ends: Callable[[str], bool]) -> tuple[Cursor, str]:
    """What stands before the closing token at the same depth, which is taken, and its text."""
    start, depth = c.place, 0
    while not c.done:
        text = c.next().text
        if depth == 0 and ends(text):
            return Cursor(c.tokens[start : c.place - 1], c.last_end), text
        if text in signs.OPEN or text in ("{", r"\begin"):
            depth += 1
        elif text in signs.CLOSE or text in ("}", r"\end"):
            depth -= 1
    return Cursor(c.tokens[start:], c.last_end), ""


def _environment(c: Cursor) -> Cursor:
    """The inside of an environment whose name has been taken; its end is taken as well."""
    start, depth = c.place, 1
    while depth:
        if c.done:
            raise c.wrong(r"\end")
        depth += {r"\begin": 1, r"\end": -1}.get(c.next().text, 0)
    inside = Cursor(c.tokens[start : c.place - 1], c.last_end)
    c.group()
    return inside


def _split(tokens: list[Token], sign: str) -> list[list[Token]]:
    """The parts between the signs that stand in no group and no environment."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        if token.text == sign and not depth:
            parts.append([])
            continue
        depth += {"{": 1, "}": -1, r"\begin": 1, r"\end": -1}.get(token.text, 0)
        parts[-1].append(token)
    return parts
