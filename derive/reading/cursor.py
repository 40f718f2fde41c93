"""A place in a list of tokens, groups taken as lists of their own."""

from __future__ import annotations

from derive.reading.latex_tokens import Token, Unreadable

ACCENTS = {"vec": "vec", "bar": "bar", "dot": "dot", "ddot": "ddot", "hat": "hat", "tilde": "tilde",
           "overline": "bar", "widehat": "hat", "widetilde": "tilde",
           "overrightarrow": "vec"}  # fmt: skip
STYLES = {
    "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "mathrm": "roman", "mathcal":
    "calligraphic", "mathscr": "calligraphic", "mathsf": "sans", "mathbb": "blackboard", "mathtt":
    "typewriter", "mathit": "italic", "mathnormal": "italic", "pmb": "bold", "bf": "bold",
    "cal": "calligraphic", "rm": "roman", "symbf": "bold", "mathbbm": "blackboard",
    "mathds": "blackboard",
}  # fmt: skip


class Cursor:
    """Reads tokens from the left."""

    def __init__(self, tokens: list[Token], end: int) -> None:
        """`end` is the place behind the last token."""
        self.tokens, self.place = tokens, 0
        self.stop = Token("end", "", end, end)

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or the end."""
        at = self.place + ahead
        return self.tokens[at] if at < len(self.tokens) else self.stop

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.place >= len(self.tokens)

    def next(self) -> Token:
        """Take the next token."""
        token = self.peek()
        self.place += 1
        return token

    def take(self, *texts: str) -> bool:
        """Take the next token if it is one of these."""
        if self.peek().text in texts:
            self.place += 1
            return True
        return False

    def expect(self, text: str, wanted: str = "") -> Token:
        """The next token, which must be this one."""
        if self.peek().text != text:
            raise self.wrong(wanted or f'"{text}"')
        return self.next()

    def wrong(self, expected: str, token: Token | None = None) -> Unreadable:
        """The error at a token, the next one unless told."""
        token = token or self.peek()
        return Unreadable(token.start, token.shown, expected)

    def text(self, span: tuple[int, int]) -> str:
        """The signs of a place, side by side."""
        return "".join(t.text for t in self.tokens if span[0] <= t.start and t.end <= span[1])

    @property
    def plain(self) -> str:
        """The signs side by side, without braces and styles."""
        return "".join(
            t.text for t in self.tokens if t.text not in "{}" and t.text[1:] not in STYLES
        )

    @property
    def last_end(self) -> int:
        """Where the last token that was taken ends."""
        return self.tokens[self.place - 1].end if 0 < self.place <= len(self.tokens) else 0

    def group(self, wanted: str = "a group in braces") -> Cursor:
        """What stands in the braces that come next."""
        opening = self.expect("{", wanted)
        depth, start = 1, self.place
        while depth:
            if self.done:
                raise self.wrong('a "}" that closes the group', opening)
            depth += {"{": 1, "}": -1}.get(self.next().text, 0)
        inside = self.tokens[start : self.place - 1]
        return Cursor(inside, self.tokens[self.place - 1].start)

    def argument(self) -> Cursor:
        """A group, or the single token (with what belongs to it) that stands for one."""
        if self.peek().text == "{":
            return self.group()
        if self.done:
            raise self.wrong("something after it")
        start = self.place
        token = self.next()
        name = token.text[1:]
        if (
            token.kind == "command"
            and (name in STYLES or name in ACCENTS)
            and self.peek().text == "{"
        ):
            self.group()
        elif name in ("frac", "tfrac", "dfrac"):
            self.argument()
            self.argument()
        elif token.text in ("^", "_", "}", "&"):
            raise self.wrong("a script", token)
        return Cursor(self.tokens[start : self.place], self.last_end)

    def fork(self) -> Cursor:
        """A cursor of its own at the same place."""
        made = Cursor(self.tokens, self.stop.start)
        made.place = self.place
        return made
