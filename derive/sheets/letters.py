r"""Which letters are indices in a sheet, told by its sums and not by habit.

>>> from derive.reading.latex_macros import Macros
>>> from derive.sheets.sheet import Formula
>>> from derive.sheets.statements import statements
>>> made = statements(Formula("hand.tex", r"z_a = \sum_b U_{ab} x_b + W_d h"), Macros())
>>> sorted(bound_letters(made)), sorted(named_letters(made))
(['a', 'b'], ['d'])
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from derive.reading.own import Behind
from derive.sheets.statements import INDICES, LOSS_LETTERS, Statement, names_in, texts
from derive.writing.signs import Sign

_BOUND = re.compile(r"\\sum(?:\\limits)?_(?:\{([^{}]*)\}|(\\[A-Za-z]+|[A-Za-z]))")
_LETTER = re.compile(r"\\[A-Za-z]+|[A-Za-z]")
_SCRIPT = re.compile(r"(?:\\[A-Za-z]+|[A-Za-z])'*(?:,?(?:\\[A-Za-z]+|[A-Za-z]|\d)'*){0,3}")
_WEIGHTS = frozenset("WwVvUuMAB")
ENOUGH = 4  # signs with the same in fences behind them
MOST_LETTERS = 4  # of a subscript that is no word


def bound_letters(made: Iterable[Statement]) -> frozenset[str]:
    """The letters that sums run over, and those that stand in one subscript with them."""
    scripts: list[set[str]] = []
    found: set[str] = set()
    for text in _sides(made):
        for braced, lone in _BOUND.findall(text):
            for part in (
                re.split(r",", braced.split("=")[0].split(r"\neq")[0]) if braced else [lone]
            ):
                if _LETTER.fullmatch(part.rstrip("'")):
                    found.add(part.rstrip("'").lstrip("\\"))
        scripts += [set(letters) for letters in map(_letters, _below(text)) if letters]
    for _ in range(MOST_LETTERS):  # one sum leads to the letters of the next
        for letters in scripts:
            if letters & found and len(letters) > 1:
                found |= letters
    return frozenset(found)


def named_letters(made: Iterable[Statement]) -> frozenset[str]:
    """Letters below whole matrices, W_d h, which are the names of layers."""
    found: set[str] = set()
    for statement in made:
        for member in statement.members:
            for name in names_in(member):
                lone = re.fullmatch(r"[a-km-z]", name.below)  # l is any layer
                if lone and name.sign.letter in "WUVMA" and name.sign.style in ("italic", "bold"):
                    found.add(name.below)
    return frozenset(found & INDICES)


def letters_of(made: list[Statement]) -> frozenset[str]:
    """The letters of indices as the sheet itself shows them."""
    bound = bound_letters(made)
    return (INDICES | bound) - (named_letters(made) - bound)


def _sides(made: Iterable[Statement]) -> Iterator[str]:
    return (texts(member) for statement in made for member in statement.members)


def _below(text: str) -> list[str]:
    """The subscripts of a formula, those of sums left out."""
    plain = _BOUND.sub("", text)
    pairs = re.findall(r"_(?:\{([^{}]*)\}|(\\[A-Za-z]+|[A-Za-z]))", plain)
    return [braced or lone for braced, lone in pairs]


def _letters(script: str) -> frozenset[str]:
    if not _SCRIPT.fullmatch(script):
        return frozenset()
    return frozenset(found.lstrip("\\") for found in _LETTER.findall(script))


def sample_letters(made: list[Statement], known: str) -> list[tuple[str, str]]:
    """Letters that may count the samples, and where: above, in front of an index, or alone."""
    above: dict[str, set[Sign]] = {}
    front: dict[str, set[Sign]] = {}
    lone: dict[str, set[Sign]] = {}
    weights: set[str] = set()
    losses: set[str] = set()
    for name in (n for s in made for member in s.members for n in names_in(member)):
        weight = name.sign.letter in _WEIGHTS and len(name.below) == 2
        if re.fullmatch(r"[a-z]|\\mu|\\nu", name.above) and not name.primes:
            letter = name.above.lstrip("\\")
            above.setdefault(letter, set()).add(name.sign)
            weights |= {letter} if name.sign.letter in _WEIGHTS else set()
        if weight:
            weights |= set(name.below)
        elif re.fullmatch(r"[a-z],?[a-z]'?", name.below):
            front.setdefault(name.below[0], set()).add(name.sign)
        elif re.fullmatch(r"[a-z]", name.below):
            lone.setdefault(name.below, set()).add(name.sign)
            losses |= {name.below} if name.sign.letter in LOSS_LETTERS else set()
    found = [(k, "above") for k, signs in above.items() if len(signs) > 2 and k not in weights]
    found += [(k, "front") for k, signs in front.items() if len(signs) > 2 and k not in weights]
    inputs = {k for k, signs in lone.items() if any(s.letter in "xX" for s in signs)}
    found += [(k, "alone") for k in sorted(losses & inputs) if k != known]
    return [(k, place) for k, place in found if k not in ("l", "T", "t")]


def fences_behind(made: list[Statement]) -> list[Behind]:
    """What stands in fences behind many signs: a layer, z[l], or the sample, x_i(n)."""
    written = " ".join(_sides(made))
    found = []
    for opening in ("[", "("):
        fence = re.escape(opening)
        letters = r"(?:\\delta|[A-Za-z])" + ("" if opening == "[" else r"(?<=[WbzaV])")
        layers = re.findall(letters + fence + r"(?:l|\\ell)(?:[+-]1)?[\])]", written)
        if len(layers) >= ENOUGH:
            found.append(Behind(opening))
    counts = Counter(re.findall(r"[A-Za-z}]\(([a-z])\)", written))
    letter, count = max(counts.items(), key=lambda pair: pair[1], default=("", 0))
    if count >= ENOUGH and letter not in ("x", "z", "s", "a", "l", "t"):
        found.append(Behind("(", letter))
    return found
