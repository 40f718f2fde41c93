r"""What a quantity depends on, named behind it and meant anyway: e_j(n), y_k(x, w)."""

from __future__ import annotations

from collections.abc import Iterator

from derive.reading.cursor import STYLES
from derive.reading.latex_tokens import Token

_PARAMETERS = ("x", "w", "W", "b", r"\theta", r"\Theta")
_OPEN, _CLOSE, _BETWEEN = "(", ")", (",", ";", "|", r"\mid")
_STEPPED = ("w", "b", "W", "L", "E", "C", "J")  # they bear the iteration by themselves
FEWEST = 2  # other quantities that bear the iteration before it is taken for one


def without_arguments(given: list[Token]) -> list[Token]:
    """Without the iteration behind every quantity, and without inputs and parameters."""
    texts = [t.text for t in given]
    gone: set[int] = set()
    calls = list(_calls(texts))
    iterations = [(a, b) for a, b in calls if texts[a + 1 : b] == ["n"]]
    units = {name for a, _ in iterations if (name := _name(texts, a)) not in _STEPPED}
    if len(units) >= FEWEST and texts.count("n") == len(iterations):
        gone.update(k for a, b in iterations for k in range(a, b + 1))
    for a, b in calls:
        if _are_parameters(texts[a + 1 : b]):
            gone.update(range(a, b + 1))
    return [t for k, t in enumerate(given) if k not in gone] if gone else given


def _name(texts: list[str], at: int) -> str:
    """The letter of the quantity that ends before a place, without its scripts."""
    k, depth = at - 1, 0
    while k > 0:
        depth += {"}": 1, "{": -1}.get(texts[k], 0)
        script = texts[k - 1] in ("_", "^")
        if depth == 0 and not script and texts[k] not in ("_", "^", "'"):
            break
        k -= 1
    return texts[k]


def _calls(texts: list[str]) -> Iterator[tuple[int, int]]:
    """Where parentheses without others inside stand behind a name."""
    for a, text in enumerate(texts):
        named = a > 0 and (texts[a - 1] in ("}", "'") or texts[a - 1][-1:].isalnum())
        if text != _OPEN or not named:
            continue
        b = next((k for k in range(a + 1, len(texts)) if texts[k] in (_OPEN, _CLOSE)), a)
        if texts[b] == _CLOSE:
            yield a, b


def _are_parameters(texts: list[str]) -> bool:
    """Whether the input and parameters stand there, separated, with styles at most."""
    plain = [t for t in texts if t not in ("{", "}") and t[1:] not in STYLES]
    names, between = plain[::2], plain[1::2]
    listed = len(names) > 1 and len(plain) % 2 == 1 and "x" in names
    return listed and set(names) <= set(_PARAMETERS) and set(between) <= set(_BETWEEN)
