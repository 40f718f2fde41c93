"""Tokens before they are read: words spelled in letters, and fractions in the style of TeX."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from derive.reading.cursor import ACCENTS, STYLES
from derive.reading.latex_tokens import Token
from derive.reading.words import FRACTIONS, RELATIONS

TAKERS = (*STYLES, *ACCENTS, "overset", "underset", "stackrel", "mathrel", "begin", "end")
PLAIN = ("log", "ln", "exp", "tanh", "sinh", "cosh", "relu", "ReLU", "softmax", "sigmoid",
         "softplus")  # no one means a product of letters by them  # fmt: skip


def spelled(
    given: list[Token], words: Collection[str], called: Collection[str] = ()
) -> list[Token]:
    """Letters that spell a word, side by side without a space, are one name: net_j, out_k.

    Those of `called` outside scripts alone, and where no one takes them for a product of letters
    or parentheses follow: log y, max(0, x).
    """
    functions = {word for word in called if word in PLAIN or _is_called(given, word)}
    functions -= set(words)
    if not words and not functions:
        return given
    made: list[Token] = []
    longest = sorted({*words, *functions}, key=lambda word: (-len(word), word))
    first = {word[0] for word in longest}
    k = 0
    while k < len(given):
        may = given[k].kind == "letter" and given[k].text in first
        word = next((w for w in longest if may and _spells(given, k, w)), "")
        if word and not (word in functions and _is_script(given, k)):
            last = given[k + len(word) - 1]
            made.append(Token("command", r"\text", given[k].start, last.end, word))
            k += len(word)
        else:
            made.append(given[k])
            k += 1
    return made


def _is_script(given: list[Token], k: int) -> bool:
    """Whether a place is in a subscript or a superscript: x_{max}."""
    depth = 0
    for j in range(k - 1, -1, -1):
        text = given[j].text
        depth += {"}": 1, "{": -1}.get(text, 0)
        if text in ("_", "^") and (depth < 0 or j == k - 1):
            return True
        if depth < -1:
            return False
    return False


def _is_called(given: list[Token], word: str) -> bool:
    """Whether the word stands before parentheses somewhere, and nowhere else but in scripts."""
    size = len(word)
    places = [k for k, t in enumerate(given) if t.text == word[0] and _spells(given, k, word)]
    places = [k for k in places if not _is_script(given, k)]
    return bool(places) and all(
        [t.text for t in given[k + size : k + size + 1]] in (["("], ["["]) for k in places
    )


def _spells(given: list[Token], k: int, word: str) -> bool:
    """Whether a word and nothing longer stands at a place."""
    part = given[k : k + len(word)]
    if "".join(t.text for t in part if t.kind == "letter") != word or len(part) < len(word):
        return False
    around = [*given[k - 1 : k], *given[k + len(word) : k + len(word) + 1]]
    if any(
        t.kind == "letter" and (t.end == part[0].start or t.start == part[-1].end) for t in around
    ):
        return False
    return all(a.end == b.start for a, b in pairwise(part))


def upright(given: list[Token]) -> list[Token]:
    r"""The d of derivatives in any dress as a letter: \mathrm{d}, {\rm d}, \text{d}."""
    made: list[Token] = []
    k = 0
    while k < len(given):
        size = _size_of_d(given, k)
        if size and _is_operator(given, k, k + size):
            made.append(Token("letter", "d", given[k].start, given[k + size - 1].end))
            k += size
        else:
            made.append(given[k])
            k += 1
    return made


def _is_operator(given: list[Token], first: int, end: int) -> bool:
    """Whether the sign at a place stands before what it acts on, or alone over a fraction bar."""
    behind = [t.text for t in given[end : end + 2]]
    if behind[:1] == ["^"]:
        return behind[1:] in (["2"], ["n"], ["{"])
    if behind[:1] == ["}"]:
        return first > 1 and given[first - 1].text == "{" and given[first - 2].text in FRACTIONS
    return bool(behind) and (given[end].kind in ("letter", "command") or behind[0] in ("{", "("))


def _size_of_d(given: list[Token], k: int) -> int:
    """How many tokens an upright d takes that begins at a place; 0 where none does."""
    if given[k].raw:
        return int(given[k].raw.strip() == "d")
    texts = [t.text for t in given[k : k + 4]]
    if texts in ([r"\mathrm", "{", "d", "}"], ["{", r"\rm", "d", "}"]):
        return 4
    return 2 if texts[:2] == [r"\mathrm", "d"] else 0


def numbered(given: list[Token]) -> list[Token]:
    """W2 as W_2: a number right behind a letter is no factor, and an index stands below."""
    made: list[Token] = []
    scripts: list[bool] = []  # of the groups that are open
    k = 0
    while k < len(given):
        token = given[k]
        if token.text == "{":
            scripts.append(k > 0 and given[k - 1].text in ("_", "^"))
        elif token.text == "}" and scripts:
            scripts.pop()
        made.append(token)
        k += 1
        end = k
        while token.kind == "letter" and end < len(given) and given[end].kind == "digit":
            end += 1
        if end == k or given[k].start != token.end or any(scripts) or _is_argument(given, k - 1):
            continue
        start, stop = given[k].start, given[end - 1].end
        left = [Token("mark", sign, start, start) for sign in ("_", "{")]
        made += [*left, *given[k:end], Token("mark", "}", stop, stop)]
        k = end
    return made


def _is_argument(given: list[Token], k: int) -> bool:
    """Whether the token at a place is the argument of a command or a script."""
    before = [t.text for t in given[max(k - 2, 0) : k]]
    styles = tuple(f"\\{name}" for name in STYLES)
    takers = (*FRACTIONS, *styles, *(f"\\{name}" for name in (*ACCENTS, "sqrt")), "_", "^")
    word = before[1:] == ["{"] and before[0] in styles  # \mathit{h1}
    return bool(before) and (before[-1] in takers or before[0] in FRACTIONS or word)


_NOT = {"=": r"\ne", r"\in": r"\notin", r"\equiv": r"\ne", r"\neq": r"\ne"}
_STEPS = ("+", "-")  # before a sign of equality: what is added or taken away


def relations(given: list[Token]) -> list[Token]:
    r"""Signs that stand for one together: w -= v, \not=, \arg\min."""
    made: list[Token] = []
    for token in given:
        last = made[-1] if made else token
        script = len(made) > 1 and made[-2].text in ("_", "^")
        if token.text == "=" and made and last.text in _STEPS and not script:
            made[-1] = Token("mark", last.text + "=", last.start, token.end)
        elif last.text == r"\not" and made and token.text in _NOT:
            made[-1] = Token("command", _NOT[token.text], last.start, token.end)
        elif token.text == r"\Pr":
            made.append(Token("letter", "P", token.start, token.end))
        elif last.text == r"\arg" and made and token.text in (r"\min", r"\max"):
            raw = "arg" + token.text[1:]
            made[-1] = Token("command", r"\operatorname", last.start, token.end, raw)
        elif token.text == "}" and [t.text for t in made[-2:-1]] == ["{"] and _is_relation(made):
            made[-2:] = [made[-1]]  # {=}
        else:
            made.append(token)
    return made


def _is_relation(made: list[Token]) -> bool:
    """Whether a relation stands at the end behind a brace that opens no argument."""
    taken = len(made) > 2 and (made[-3].text in ("_", "^") or made[-3].text[1:] in TAKERS)
    return made[-1].text in RELATIONS and not taken


def fractions(given: list[Token]) -> list[Token]:
    r"""{a \over b} as \frac{a}{b}."""
    for k, token in enumerate(given):
        if token.text != r"\over":
            continue
        left, right = _around(given, k)
        first = given[left].start if left >= 0 else given[0].start
        last = given[right].end if right < len(given) else given[-1].end
        frac = [Token("command", r"\frac", first, first), Token("mark", "{", first, first)]
        between = [
            Token("mark", "}", token.start, token.start),
            Token("mark", "{", token.end, token.end),
        ]
        made = [
            *frac,
            *given[left + 1 : k],
            *between,
            *given[k + 1 : right],
            Token("mark", "}", last, last),
        ]
        return fractions([*given[: max(left, 0)], *made, *given[right + 1 :]])
    return given


def _around(given: list[Token], k: int) -> tuple[int, int]:
    """Where the braces around a place stand; beyond the ends where there are none."""
    left, depth = k - 1, 0
    while left >= 0 and (depth or given[left].text != "{"):
        depth += {"}": 1, "{": -1}.get(given[left].text, 0)
        left -= 1
    right = k + 1
    while right < len(given) and (depth or given[right].text != "}"):
        depth += {"{": 1, "}": -1}.get(given[right].text, 0)
        right += 1
    return left, right
