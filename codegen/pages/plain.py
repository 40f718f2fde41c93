"""Words of a user without anything that a reader's program would obey."""

from __future__ import annotations

import unicodedata


def visible(words: str) -> str:
    """One line; characters that steer a terminal or the direction of writing are shown by number.

    >>> visible("a\\nb \\x1b[31m")
    'a b [U+001B][31m'
    """
    flat = words.replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    return "".join(
        f"[U+{ord(c):04X}]" if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" else c
        for c in flat
    )


def bare(words: str) -> str:
    """Letters, digits and plain punctuation only: for places where no escape exists."""
    return "".join(c if c.isalnum() or c in " .,;:()/+-='" else " " for c in words)
