"""A written sign: one letter or word with its style, accent and marks, in a small text form.

    sign   ::= [accent] [style] letter mark*        "z", "bold Delta", "vec a", "cal L", "y star"
             | "text" words                         "text apparent error"
    accent ::= vec | bar | dot | ddot | hat | tilde
    style  ::= bold | roman | cal | sans | blackboard | typewriter
    mark   ::= star | asterisk | dagger             written as a superscript

A profile holds signs, a notation prints them, and a reader looks them up.
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.errors import SpecError, shown
from derive.writing.layout import NAME, Accent, Ident, Layout, Symbol, Text
from derive.writing.marks import ACCENTS

STYLE_WORDS = {
    "bold": "bold",
    "roman": "roman",
    "cal": "calligraphic",
    "sans": "sans",
    "blackboard": "blackboard",
    "typewriter": "typewriter",
}
MARKS = ("star", "asterisk", "dagger")
LONGEST = 60  # characters of a sign


@dataclass(frozen=True)
class Sign:
    """A letter or word as it is drawn, without label and indices."""

    letter: str
    style: str = "italic"
    accent: str = ""
    marks: tuple[str, ...] = ()

    @staticmethod
    def parse(text: str) -> Sign:
        """The sign of its text form.

        >>> Sign.parse("vec bold a"), Sign.parse("y star").marks
        (Sign(letter='a', style='bold', accent='vec', marks=()), ('star',))
        """
        words = text.split() if len(text) <= LONGEST else []
        if len(words) > 1 and words[0] == "text" and all(w.isalnum() for w in words):
            return Sign(" ".join(words[1:]), "text")
        accent = words.pop(0) if len(words) > 1 and words[0] in ACCENTS else ""
        style = STYLE_WORDS[words.pop(0)] if len(words) > 1 and words[0] in STYLE_WORDS else ""
        if not words or not NAME.fullmatch(words[0]) or not set(words[1:]) <= set(MARKS):
            wanted = 'a sign such as "z", "bold Delta", "vec a", "y star" or "text error"'
            raise SpecError(f"found {shown(text)}, expected {wanted}")
        return Sign(words[0], style or "italic", accent, tuple(words[1:]))

    def __str__(self) -> str:
        """The text form."""
        style = {"italic": "", "calligraphic": "cal"}.get(self.style, self.style)
        return " ".join(filter(None, (self.accent, style, self.letter, *self.marks)))

    @property
    def base(self) -> Layout:
        """The letter under its accent, without the marks."""
        body: Layout = Ident(self.letter, self.style) if self.style != "text" else Text(self.letter)
        if self.letter == "ell":
            body = Symbol("ell")
        return Accent(self.accent, body) if self.accent else body

    @property
    def superscripts(self) -> tuple[Layout, ...]:
        """The marks, as parts of a superscript."""
        return tuple(map(Symbol, self.marks))
