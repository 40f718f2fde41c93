"""Small pieces of English."""

from __future__ import annotations

from collections.abc import Sequence

from codegen.pages.document import Inline, Inlines

_NUMBERS = [
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
]  # fmt: skip


def number(n: int) -> str:
    """A number as a word up to twelve.

    >>> number(3), number(13)
    ('three', '13')
    """
    return _NUMBERS[n] if n < len(_NUMBERS) else f"{n:,}"


def count(n: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> count(1, "weight"), count(2, "bias", "biases")
    ('one weight', 'two biases')
    """
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def capital(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def joined(parts: Sequence[str], last: str = "and") -> str:
    """Parts in a sentence.

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + f" {last} {parts[-1]}"


def series(parts: Sequence[Inlines], last: str = " and ") -> Inlines:
    """Pieces of running text with commas between them, and a word before the last."""
    made: list[Inline] = []
    for k, part in enumerate(parts):
        if k:
            made.append(last if k == len(parts) - 1 else ", ")
        made += part
    return tuple(made)


ACTIVATION_WORDS = {"formula": "custom", "generic": "general"}
LOSS_WORDS = {
    "squared_error": "squared error",
    "half_squared_error": "half the squared error",
    "mean_squared_error": "mean squared error",
    "binary_cross_entropy": "binary cross-entropy",
    "cross_entropy": "cross-entropy",
    "huber": "the Huber loss",
    "generic": "any loss",
    "formula": "a loss of its own",
    "index_formula": "a loss of its own",
}
LIKELIHOOD_WORDS = {
    "gaussian": "a Gaussian likelihood",
    "bernoulli": "a Bernoulli likelihood",
    "categorical": "a categorical likelihood",
}
