"""Tokens before they are read: words spelled in letters, and fractions in the style of TeX."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from derive.reading.latex_tokens import Token


def spelled(
    given: list[Token], words: Collection[str], called: Collection[str] = ()
) -> list[Token]:
    """Letters that spell a word, side by side without a space, are one name: net_j, out_k.

    Those of `called` only where parentheses follow: max(0, x).
    """
    words = {*words, *(word for word in called if _is_called(given, word))}
    if not words:
        return given
    made: list[Token] = []
    longest = sorted(words, key=lambda word: (-len(word), word))
    first = {word[0] for word in words}
    k = 0
    while k < len(given):
        may = given[k].text in first
        word = next((w for w in longest if may and _spells(given, k, w)), "")
        if word:
            last = given[k + len(word) - 1]
            made.append(Token("command", r"\text", given[k].start, last.end, word))
            k += len(word)
        else:
            made.append(given[k])
            k += 1
    return made


def _is_called(given: list[Token], word: str) -> bool:
    """Whether the word stands before parentheses somewhere, and nowhere else."""
    size = len(word)
    places = [k for k, t in enumerate(given) if t.text == word[0] and _spells(given, k, word)]
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
