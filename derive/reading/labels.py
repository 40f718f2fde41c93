"""Scripts of a symbol: indices below; label, marks, primes, transpose, sample, exponent above."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from derive.algebra.symbols import Label
from derive.reading.cursor import STYLES, Cursor
from derive.reading.latex_tokens import Token
from derive.reading.scope import Scope
from derive.reading.tree import Letter, Minus, Node, Num, Over, Plus, Size, Times
from derive.writing.marks import GREEK

MARKS = {"*": "asterisk", r"\ast": "asterisk", r"\star": "star", r"\dagger": "dagger"}
TRANSPOSES = (r"\top", r"\intercal", r"\mathsf{T}", r"\mathrm{T}", r"\mathbf{T}", "T", r"\trans",
              r"\mathit{T}", r"\text{T}", r"\mathtt{T}")  # fmt: skip

INDICES = frozenset((*GREEK, "ell", "imath", "jmath"))  # commands that are letters of indices
_LAST = re.compile(r"[A-Za-z]_(?:l|ell|L|max|out|last)([+-]\d+)?")  # n_l layers: the last one
_LEFT = frozenset(("{", "(", "[", r"\{", r"\langle"))
_RIGHT = frozenset(("}", ")", "]", r"\}", r"\rangle"))


@dataclass
class Above:
    """What stands above a symbol."""

    marks: list[str] = field(default_factory=list)
    primes: int = 0
    label: Label | None = None
    sample: Node | None = None
    step: int | None = None
    transposes: int = 0
    exponent: Node | None = None
    entrywise: bool = False


class Labels:
    """Reads scripts; `scope` says how layers are named."""

    scope: Scope
    summed: frozenset[str]  # the letters that the large operators around this place bind

    def expression(self, c: Cursor) -> Node:
        """A sum of products."""
        raise NotImplementedError

    def whole(self, c: Cursor) -> Node:
        """An expression that takes everything."""
        made = self.expression(c)
        if not c.done:
            raise c.wrong("an operator or the end of the group")
        return made

    # ---------------------------------------------------------------- labels

    def label(self, c: Cursor, numbers: bool = True) -> Label | None:
        """A layer label that takes everything: 2, l - 1, L, out, l=4; None where it is none."""
        tokens = [
            t for t in c.tokens[c.place :] if t.text not in ("{", "}", r"\mathit", r"\mathrm")
        ]
        if len(tokens) == 1 and tokens[0].raw:
            return self.scope.word_label(tokens[0].raw.strip())
        word = "".join(t.text for t in tokens)
        if tokens and all(t.kind in ("letter", "digit") for t in tokens):
            named = self.scope.word_label(word)
            if named is not None:
                return named
        if word.isdigit() and numbers:
            return Label(int(word))
        base = self.scope.layer_letters.get(
            word.lstrip("\\").split("=")[0].split("+")[0].split("-")[0]
        )
        if base is None and (found := _LAST.fullmatch(word.replace("\\", ""))):
            return Label(int(found[1] or 0), "L")
        if base is None:
            return None
        rest = word.lstrip("\\")[len(_first(word.lstrip("\\"))) :]
        if rest == "":
            return Label(0, base)
        if rest[0] in "+-" and rest[1:].isdigit():
            return Label(int(rest), base)
        return Label(int(rest[1:])) if rest[0] == "=" and rest[1:].isdigit() else None

    # ---------------------------------------------------------------- above

    def above(self, tokens: list[Token], end: int, labelled: bool, into: Above) -> None:
        """Read a superscript; `labelled`: whether the symbol can have a layer label."""
        c = Cursor(tokens, end)
        parts = split(c, ",") if labelled and into.label is None else []
        if len(parts) == 2 and self._label_beside(parts, into):
            return
        while not c.done:
            starred = self._is_starred_power(c) and self._dressed(c, into)
            if starred or self._mark(c, into) or self._fenced(c, labelled, into):
                continue
            if self._dressed(c, into):
                continue
            rest = Cursor(c.tokens[c.place :], end)
            bare = self.scope.profile.labels.form == "bare" or self.scope.own.bare
            if labelled and into.label is None:
                made, taken = self._bare_label(rest, bare)
                if made is not None:
                    into.label = made
                    c.place += taken
                    continue
            into.exponent = self.whole(rest)
            return

    def _mark(self, c: Cursor, into: Above) -> bool:
        token = c.peek()
        if token.text in MARKS:
            into.marks.append(MARKS[c.next().text])
            return True
        if token.text in ("'", r"\prime"):
            c.next()
            into.primes += 1
            return True
        if c.take("^", "{}", ","):
            return True
        if token.text == "-" and self._is_inverse(c, into):
            return True
        if token.text == r"\{":
            raise c.wrong("a layer, a sample or an exponent without braces that are shown")
        alone = len(c.tokens) - c.place == 1 or "T" not in self.scope.layer_letters
        if token.text in TRANSPOSES and (token.text != "T" or alone):
            c.next()
            into.transposes += 1
            return True
        if token.text[1:] in STYLES and c.peek(1).text == "T":
            c.place += 2
            into.transposes += 1
            return True
        if (
            token.text[1:] in STYLES
            and "".join(t.text for t in c.tokens[c.place + 1 : c.place + 4]) == "{T}"
        ):
            c.place += 4
            into.transposes += 1
            return True
        return False

    def _is_inverse(self, c: Cursor, into: Above) -> bool:
        """Take -T, the transpose of the inverse."""
        rest, inner = Cursor(c.tokens[c.place + 1 :], c.stop.start), Above()
        if rest.done or not self._mark(rest, inner) or not (rest.done and inner.transposes):
            return False
        token = c.peek()
        into.exponent = Minus(Num(Fraction(1), span=(token.start, token.end)))
        into.transposes += inner.transposes
        c.place = len(c.tokens)
        return True

    def _fenced(self, c: Cursor, labelled: bool, into: Above) -> bool:
        """A label in parentheses, a sample in brackets, or a group in braces."""
        opening = c.peek().text
        if opening == "{":
            inside = c.group()
            self.above(inside.tokens, inside.stop.start, labelled, into)
            return True
        if opening == "(":
            inside = fenced(c, "(", ")")
            if self._as_sample(inside, labelled and into.label is None, into):
                return True
            made = self.label(inside)
            if made is None and (step := step_of(inside)) is not None:
                into.step, into.sample = step[1], step[0]
                return True
            if made is None:
                raise inside.wrong("the label of a layer")
            if into.label is not None or not labelled:
                raise inside.wrong("one label, on a quantity that has one")
            into.label = made
            return True
        if opening == "[":
            inside = fenced(c, "[", "]")
            made = None
            if labelled and into.label is None and not self._samples_in_brackets:
                made = self.label(inside)
            if made is not None:
                into.label = made
            else:
                into.sample = self._counted(self.place(inside))
            return True
        return False

    def _counted(self, sample: Node) -> Node:
        """The last sample, where the letter of their number stands for one: L^{[n]}."""
        name = sample.name if isinstance(sample, Letter) else ""
        last = name == self.scope.samples and name not in (self.scope.sample, *self.summed)
        return Size(None, span=sample.span) if last else sample

    @property
    def _samples_in_brackets(self) -> bool:
        return self.scope.profile.writing["sample"] == "bracket"

    def _as_sample(self, inside: Cursor, labelled: bool, into: Above) -> bool:
        """A sample in parentheses: x^{(i)}, y^{(i)}, a^{[1](i)}; beside the layer: z^{(l,i)}."""
        parts = split(inside, ",")
        letters = [p.peek() for p in parts if len(p.tokens) == 1 and p.peek().kind == "letter"]
        if len(parts) == 2 and labelled:
            return self._label_beside(parts, into)
        if labelled or len(parts) > 1 or not letters or into.sample is not None:
            return False
        if letters[0].text in ("n", "t", "l", *TRANSPOSES):  # an iteration, or a layer
            return False
        into.sample = Letter(letters[0].text, span=(letters[0].start, letters[0].end))
        return True

    def _label_beside(self, parts: list[Cursor], into: Above) -> bool:
        """The layer and the letter or number of the sample, in either order."""
        for layer, sample in (parts, parts[::-1]):
            label = self.label(strip(layer))
            token = sample.peek()
            alone = len(sample.tokens) == 1 and token.kind in ("letter", "digit")
            if label is not None and alone and self.label(sample, numbers=False) is None:
                into.label, into.sample = label, self.index(sample)
                return True
        return False

    def _dressed(self, c: Cursor, into: Above) -> bool:
        if c.peek().text in (r"\odot", r"\circ", r"\otimes") or self._is_starred_power(c):
            c.next()
            if c.done:
                raise c.wrong("an exponent")
            into.entrywise = True
            into.exponent = self.whole(c)
            return True
        return False

    def _is_starred_power(self, c: Cursor) -> bool:
        """Whether a star before a number is the sign of the entrywise product: s^{* 2}."""
        follows = c.peek(1).kind == "digit" or c.peek(1).text in ("-", "(", "{")
        star = c.peek().text in (r"\ast", "*") and follows
        return star and self.scope.profile.writing["hadamard"] == "ast"

    def _bare_label(self, c: Cursor, numbers: bool) -> tuple[Label | None, int]:
        """The longest label at the start, and how many tokens it takes."""
        for stop in range(min(len(c.tokens), 6), 0, -1):
            made = self.label(Cursor(c.tokens[:stop], c.stop.start), numbers)
            if made is not None:
                return made, stop
        return None, 0

    # ---------------------------------------------------------------- below

    def below(self, c: Cursor) -> list[Node]:
        """The indices of a subscript, side by side or with commas; digits stay single."""
        parts = split(c, ",")
        if len(parts) > 1:
            return [place for part in parts for place in self._places(part)]
        (only,) = parts
        if any(t.text in ("+", "-", "/", "=") for t in top_level(only)):
            return [self.place(only)]
        made: list[Node] = []
        while not only.done:
            made.append(self.index(only))
        return made

    def _places(self, c: Cursor) -> list[Node]:
        """What stands between commas: one index, or plain ones side by side behind the sample."""
        rest = c.tokens[c.place :]
        plain = all(t.kind in ("letter", "digit") for t in rest)
        number = all(t.kind == "digit" for t in rest)
        factor = len(rest) > 1 and rest[0].kind == "digit" and rest[0].text > "1"
        if len(rest) < 2 or not plain or number or factor:
            return [self.place(c)]
        return [self.index(c) for _ in rest]

    def place(self, c: Cursor) -> Node:
        """An index expression: i, 2 p + u - 1, n_l."""
        made: Node | None = None
        while not c.done:
            minus = c.take("-")
            if made is not None and not minus:
                c.expect("+", 'a "+", a "-" or the end of the index')
            elif made is None:
                c.take("+")
            summand = self._index_product(c)
            summand = Minus(summand, span=summand.span) if minus else summand
            made = (
                summand
                if made is None
                else Plus((made, summand), span=(made.span[0], summand.span[1]))
            )
        if made is None:
            raise c.wrong("an index")
        return made

    def _index_product(self, c: Cursor) -> Node:
        made = self.index(c, merge=True)
        while not c.done and c.peek().text not in ("+", "-"):
            if c.take("/"):
                made = Over(made, self.index(c, merge=True), span=made.span)
                continue
            c.take(r"\cdot")
            made = Times((made, self.index(c, merge=True)), ("",), span=made.span)
        return made

    def index(self, c: Cursor, merge: bool = False) -> Node:
        """One index: a letter with its own scripts, a digit (or with `merge` a number)."""
        token = c.peek()
        if token.text == "{":
            return self.place(c.group())
        if token.text == "(":
            return self.place(fenced(c, "(", ")"))
        if token.kind == "digit":
            text = c.next().text
            while merge and c.peek().kind == "digit":
                text += c.next().text
            return Num(Fraction(int(text)), span=(token.start, c.last_end))
        if token.raw:
            c.next()
            return Letter(token.raw.strip(), span=(token.start, token.end))
        if token.text[1:] in STYLES and c.peek(1).text == "{":
            c.next()
            inside = c.group()
            return Letter("".join(t.text for t in inside.tokens), span=(token.start, c.last_end))
        if token.kind == "letter" or token.text[1:] in INDICES:
            return self._index_letter(c)
        raise c.wrong("an index: a letter or a number")

    def _index_letter(self, c: Cursor) -> Node:
        token = c.next()
        name = token.text.lstrip("\\")
        if c.peek().text == "_":
            c.next()
            inside = c.argument()
            if named := self.scope.named_size(name, inside.plain):
                return Size(None, named, span=(token.start, c.last_end))
            label = self.label(strip(inside))
            if name == self.scope.profile.layer_size[0].letter and label is not None:
                return Size(label, span=(token.start, c.last_end))
            name += "_" + "".join(t.text for t in inside.tokens if t.text not in "{}")
        if c.peek().text == "^" and name == self.scope.profile.layer_size[0].letter:
            c.next()
            label = self.label(strip(c.argument()))
            if label is not None:
                return Size(label, span=(token.start, c.last_end))
        if name == self.scope.samples and len(name) == 1 and name.isupper():
            return Size(None, span=(token.start, c.last_end))
        while c.peek().text == "'":
            c.next()
            name += "'"
        while c.peek().text == "^" and all(
            t.text in ("{", "}", r"\prime") for t in c.tokens[c.place + 1 : c.place + 4]
        ):
            c.next()
            name += "'" * sum(t.text == r"\prime" for t in c.argument().tokens)
        return Letter(name, span=(token.start, c.last_end))


def _first(word: str) -> str:
    """The letters at the start of a word."""
    k = 0
    while k < len(word) and word[k].isalpha():
        k += 1
    return word[:k]


def strip(c: Cursor) -> Cursor:
    """Without one pair of parentheses around everything."""
    if not c.done and c.tokens[c.place].text == "(" and c.tokens[-1].text == ")":
        return Cursor(c.tokens[c.place + 1 : -1], c.stop.start)
    return c


def fenced(c: Cursor, left: str, right: str) -> Cursor:
    """What stands between the fences that come next."""
    opening = c.expect(left)
    depth, start = 1, c.place
    while depth:
        if c.done:
            raise c.wrong(f'a "{right}" that closes it', opening)
        token = c.next()
        depth += {left: 1, right: -1}.get(token.text, 0)
    return Cursor(c.tokens[start : c.place - 1], c.tokens[c.place - 1].start)


def top_level(c: Cursor) -> list[Token]:
    """The tokens outside all braces, parentheses and brackets."""
    depth, found = 0, []
    for token in c.tokens[c.place :]:
        depth -= token.text in _RIGHT
        if depth == 0:
            found.append(token)
        depth += token.text in _LEFT
    return found


def split(c: Cursor, *separators: str) -> list[Cursor]:
    """The parts between separators that stand outside all fences; empty parts at the end go."""
    parts: list[list[Token]] = [[]]
    ends: list[int] = []
    depth = 0
    for token in c.tokens[c.place :]:
        depth += (token.text in _LEFT) - (token.text in _RIGHT)
        if token.kind == "command" and token.text == r"\begin":
            depth += 1
        if token.kind == "command" and token.text == r"\end":
            depth -= 1
        if token.text in separators and depth == 0:
            parts.append([])
            ends.append(token.start)
        else:
            parts[-1].append(token)
    ends.append(c.stop.start)
    return [Cursor(part, end) for part, end in zip(parts, ends, strict=True)]


def step_of(c: Cursor) -> tuple[Node | None, int] | None:
    """(n), (n+1), (t), (0): the letter of a sample or iteration, and the number added to it."""
    texts = [t.text for t in c.tokens[c.place :]]
    if not texts or len(texts) > 3:
        return None
    if len(texts) == 1 and texts[0] == "0":
        return None, 0
    if texts[0] not in ("n", "t", r"\tau"):
        return None
    letter = Letter(texts[0].lstrip("\\"), span=(c.tokens[c.place].start, c.tokens[c.place].end))
    if len(texts) == 1:
        return letter, 0
    if len(texts) == 3 and texts[1] in "+-" and texts[2].isdigit():
        return letter, int(texts[1] + texts[2])
    return None
