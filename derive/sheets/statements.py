"""Formulas before anything is known of their signs: statements, their sides, and names in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache

from derive.profiles import DEFAULT, profile
from derive.reading.bound import script
from derive.reading.cursor import Cursor
from derive.reading.grammar import Grammar
from derive.reading.latex_macros import Macros
from derive.reading.latex_tokens import Refused, Token, Unreadable
from derive.reading.layout import prepared
from derive.reading.names import Name
from derive.reading.own import PLAIN as NOTHING
from derive.reading.own import Behind
from derive.reading.scope import FUNCTIONS, Scope
from derive.reading.spelling import spelled
from derive.reading.words import RELATIONS, STOPS, conjunction
from derive.sheets.sheet import Formula
from derive.writing.signs import Sign

SPELLED = (
    "target",
    "output",
    "net",
    "out",
    "in",
    "err",
    "loss",
)  # words that are written without braces
EQUALS = ("=", ":=", "equiv")
#: Letters of losses, as signs are written out in words.
LOSS_LETTERS = frozenset("LJEC") | {"ell", "cal L", "cal J", "cal E", "cal C"}
INDICES = frozenset("ijklmnpqrstucdv") | {"ell", "mu", "nu", "alpha", "beta", "tau"}


@cache
def _grammar() -> Grammar:
    return Grammar(Scope(profile(DEFAULT)))


#: By what names are read where a sheet is looked at.
_READER: ContextVar[Grammar | None] = ContextVar("reader", default=None)
#: The letter of the samples before the index of a unit.
_FRONT: ContextVar[str] = ContextVar("front", default="")
#: Whether a number below is part of a name: f_1 and f_2 are two vectors.
_NUMBERED: ContextVar[bool] = ContextVar("numbered", default=False)
#: The letters that are taken for indices where a sheet is looked at.
_INDICES: ContextVar[frozenset[str]] = ContextVar("indices", default=INDICES)
#: Words that are never quantities: functions, operators and the like.
_FUNCTIONS = frozenset(FUNCTIONS) | {"softmax", "argmax", "argmin", "det", "diag", "vec", "rank"}
_OPENING, _CLOSING = ("(", "[", "{", r"\lvert", r"\lVert"), (")", "]", "}", r"\rvert", r"\rVert")


@contextmanager
def names_as(
    letters: frozenset[str], behind: Behind | None = None, front: str = "", numbered: bool = False
) -> Iterator[None]:
    """Names that are found here bear these letters as indices, and what stands behind them.

    `front`: the letter of the samples that goes before the index of a unit, x_{ni}, or alone;
    `numbered`: a number below is part of a name.
    """
    own = replace(NOTHING, behind=behind)
    grammar = _grammar() if behind is None else Grammar(Scope(profile(DEFAULT), own=own))
    tokens = _INDICES.set(letters), _READER.set(grammar)
    others = _FRONT.set(front), _NUMBERED.set(numbered)
    try:
        yield
    finally:
        _INDICES.reset(tokens[0])
        _READER.reset(tokens[1])
        _FRONT.reset(others[0])
        _NUMBERED.reset(others[1])


@dataclass(frozen=True)
class Written:
    """A name as written: its sign, what stands below and above it."""

    sign: Sign
    below: str
    above: str
    primes: int = 0
    letters: frozenset[str] = field(default_factory=_INDICES.get, compare=False, repr=False)
    numbered: bool = field(default_factory=_NUMBERED.get, compare=False, repr=False)

    @property
    def indices(self) -> tuple[str, ...]:
        """The subscript as indices, if that is what it looks like."""
        parts = re.findall(r"\\[A-Za-z]+|[A-Za-z]'*|\d+", self.below)
        known = self.letters
        plain = all(p.lstrip("\\").rstrip("'") in known or p.isdigit() for p in parts)
        return tuple(parts) if plain else ()

    @property
    def key(self) -> tuple[Sign, str]:
        """The sign, with the subscript where that is part of the name."""
        if self.numbered and self.below.isdigit():
            return self.sign, self.below
        own = self.below and not self.indices and not re.search(r"[+,\-]|^\d|[^ho]\d", self.below)
        return self.sign, self.below if own else ""

    @property
    def number(self) -> str:
        """The layer above it, as written: 2, l-1, L; nothing where none stands there."""
        above = re.sub(r"^([(\[{]*)(?:l|\\ell)=", r"\1", self.above)  # l=2
        inside = re.fullmatch(r"[(\[{]*((?:\\?[A-Za-z]+|\d+)\d*(?:[+-]\d)?)[)\]}]*", above)
        fenced = self.above[:1] in ("(", "[") or above != self.above
        if inside is None or (not fenced and inside[1] in ("T", r"\top", r"\prime", "2")):
            return ""
        return inside[1]


@dataclass(frozen=True)
class Statement:
    """Sides of one chain of relations, as tokens."""

    members: tuple[tuple[Token, ...], ...]
    relations: tuple[str, ...]
    formula: Formula


def statements(formula: Formula, macros: Macros) -> list[Statement]:
    """The statements of a formula; none where it cannot be taken apart."""
    try:
        tokens = prepared(spelled(macros.expanded(formula.text), SPELLED))
    except (Unreadable, Refused):
        return []
    return list(_split(tokens, formula))


def _split(tokens: list[Token], formula: Formula) -> Iterator[Statement]:
    members: list[list[Token]] = [[]]
    relations: list[str] = []
    depth = 0
    for k, token in enumerate(tokens):
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        depth += {r"\begin": 1, r"\end": -1}.get(token.text, 0)
        ends = (
            token.text in STOPS
            or token.text in (",", ".", ";")
            or (bool(token.raw) and conjunction(token))
        )
        if depth <= 0 and ends:
            yield from _made(members, relations, formula)
            members, relations = [[]], []
        elif depth <= 0 and RELATIONS.get(token.text) == "to" and _leads_on(tokens[k + 1 :]):
            yield from _made(members, relations, formula)  # x -> z = W x -> a = f(z)
            members, relations = [[]], []
        elif depth <= 0 and token.text in RELATIONS:
            relations.append(RELATIONS[token.text])
            members.append([])
        elif token.text != "&":
            members[-1].append(token)
    yield from _made(members, relations, formula)


def _leads_on(rest: list[Token]) -> bool:
    """Whether an equation follows an arrow: x -> z = W x."""
    for token in rest:
        if token.text in STOPS or token.text in (",", ".", ";"):
            return False
        if token.text == "=":
            return True
    return False


def _made(
    members: list[list[Token]], relations: list[str], formula: Formula
) -> Iterator[Statement]:
    if any(members):
        yield Statement(tuple(map(tuple, members)), tuple(relations), formula)


# -------------------------------------------------------------------- names


def written(name: Name) -> Written:
    """A name that the grammar has read, as written."""
    below = "" if name.below_tokens is None else script(name.below_tokens)
    front = _FRONT.get()
    if front and re.fullmatch(rf"{re.escape(front)},?(?:\\?[A-Za-z]+'*|\d)", below):
        below = below.removeprefix(front).removeprefix(",")
    below = "" if front and below == front else below
    above = "".join(script(Cursor(raised, end)) for raised, end in name.raised)
    return Written(name.sign, below, above, name.primes)


def name_at(c: Cursor) -> Written | None:
    """The name that comes next; functions are none."""
    token = c.peek()
    if token.kind not in ("letter", "command") and token.text != "{":
        return None
    ahead = c.fork()
    try:
        found = (_READER.get() or _grammar()).name(ahead)
    except Unreadable:
        return None
    if found is None or is_function(found.sign):
        return None
    c.place = ahead.place
    return written(found)


def is_function(sign: Sign) -> bool:
    """Whether a sign is a function that everybody knows by its name."""
    return sign.letter in _FUNCTIONS and len(sign.letter) > 1


def only_name(tokens: tuple[Token, ...]) -> Written | None:
    """The name that is everything, if there is one; arguments in parentheses may follow."""
    if not tokens:
        return None
    c = Cursor(list(tokens), tokens[-1].end)
    found = name_at(c)
    if found is None:
        return None
    if c.peek().text == "(" and tokens[-1].text == ")":
        return found
    return found if c.done else None


def unsampled(name: Written, letter: str, bare: bool = False) -> Written:
    """The name without the sample above it, which is no layer: x^{(i)}; `bare`: or x^i."""
    if not letter or name.above not in (f"({letter})", f"[{letter}]", *([letter] if bare else [])):
        return name
    return replace(name, above="")


def labelled(name: Written, below: bool) -> bool:
    """Whether the name says its layer."""
    lone = name.below.isdigit() or name.below in ("l", r"\ell", "l-1", "l+1", "L", "L-1")
    return bool(name.number) or (below and lone)


def number_of(name: Written, below: bool) -> int | None:
    """The number of the layer, where the name says one."""
    text = name.number or (name.below if below else "")
    return int(text) if text.isdigit() else None


def names_in(tokens: tuple[Token, ...]) -> list[Written]:
    """All names, from left to right; those inside scripts are left out."""
    if not tokens:
        return []
    c = Cursor(list(tokens), tokens[-1].end)
    found: list[Written] = []
    while not c.done:
        token = c.peek()
        name = None if token.text == "{" else name_at(c)
        if name is not None:
            found.append(name)
            continue
        c.next()
        if token.text in ("_", "^") and not c.done:
            try:
                c.argument()
            except Unreadable:
                c.next()
        elif token.text in (r"\begin", r"\end") and c.peek().text == "{":
            c.group()
    return found


def texts(tokens: tuple[Token, ...]) -> str:
    """The tokens as one text."""
    return "".join(t.raw if t.raw else t.text for t in tokens)


def all_names(made: Iterable[Statement]) -> list[Written]:
    """Every name of the statements."""
    return [name for s in made for member in s.members for name in names_in(member)]
