"""The summands of a side, as tokens."""

from __future__ import annotations

from derive.reading.latex_tokens import Token


def summands(tokens: tuple[Token, ...]) -> list[tuple[str, list[Token]]]:
    """What stands between plus and minus signs outside all fences, each with its sign."""
    made: list[tuple[str, list[Token]]] = [("+", [])]
    depth = 0
    for token in tokens:
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(token.text, 0)
        if depth == 0 and token.text in ("+", "-"):
            made.append((token.text, []))
        else:
            made[-1][1].append(token)
    return [part for part in made if part[1]]
