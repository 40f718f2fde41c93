"""Long lines of emitted Python over several lines: at operators, else inside of brackets."""

from __future__ import annotations

from collections.abc import Iterator

WIDTH = 88
INDENT = "    "
#: Operators from the loosest on; a line is cut before those of the first group that it has.
LEVELS = ((" + ", " - "), (" * ", " / ", " @ "))


def folded(line: str, comment: str = "", width: int = WIDTH) -> list[str]:
    """The statement over as many lines as it takes, the comment behind the last one.

    >>> folded("t = first + second", width=16)
    ['t = (', '    first', '    + second', ')']
    """
    note = f"  # {comment}" if comment else ""
    if len(line) <= width:
        return [line + note]
    start = " " * (len(line) - len(line.lstrip()))
    name, equals, value = line.strip().partition(" = ")
    if not equals or not name.replace(", ", "").isidentifier():
        name, equals, value = "", "", line.strip()
    lines = _value(value, f"{name}{equals}", width - len(start))
    return [*(start + text for text in lines[:-1]), start + lines[-1] + note]


def _value(value: str, before: str, width: int, behind: str = "") -> list[str]:
    """`before value behind`, with the value in lines."""
    if len(before) + len(value) + len(behind) <= width:
        return [before + value + behind]
    for operators in LEVELS:
        parts = _cut(value, operators)
        if len(parts) > 1:
            inner = [line for part in parts for line in _part(part, width)]
            return [f"{before}(", *(INDENT + line for line in inner), f"){behind}"]
    return _bracket(value, before, width, behind)


def _part(part: str, width: int) -> list[str]:
    sign, space, rest = part.partition(" ")
    if space and sign in "+-*/@":
        return _value(rest, f"{sign} ", width - len(INDENT))
    return _value(part, "", width - len(INDENT))


def _bracket(value: str, before: str, width: int, behind: str) -> list[str]:
    """The widest bracket at the top level with each of its parts on a line of its own."""
    groups = list(_groups(value))
    if not groups:
        return [before + value + behind]
    opened, closed = max(groups, key=lambda g: g[1] - g[0])
    parts = _cut(value[opened + 1 : closed], (" for ",))
    if len(parts) > 1:  # a comprehension
        inner = [INDENT + part for part in parts]
        return [before + value[: opened + 1], *inner, value[closed:] + behind]
    parts = _cut(value[opened + 1 : closed], (", ",))
    if parts == [""]:
        return [before + value + behind]
    last = value[opened - 1] if opened else ""
    called = value[opened] == "(" and (last.isalnum() or last in ("_", ")", "]"))
    if len(parts) == 1 and not called:  # a comma would make a tuple of it
        inner = _value(parts[0], "", width - len(INDENT))
        return [
            before + value[: opened + 1],
            *(INDENT + line for line in inner),
            value[closed:] + behind,
        ]
    inside = ", ".join(part.removeprefix(", ") for part in parts)
    if len(inside) <= width - len(INDENT):
        inner = [inside]
    else:
        inner = [
            line
            for part in parts
            for line in _value(part.removeprefix(", "), "", width - len(INDENT), ",")
        ]
    return [
        before + value[: opened + 1],
        *(INDENT + line for line in inner),
        value[closed:] + behind,
    ]


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """(place, depth) of every character outside of quotes."""
    depth, quoted = 0, False
    for k, c in enumerate(text):
        if c == '"':
            quoted = not quoted
        if quoted:
            continue
        if c in ")]}":
            depth -= 1
        yield k, depth
        if c in "([{":
            depth += 1


def _cut(text: str, separators: tuple[str, ...]) -> list[str]:
    """The text cut before every separator outside of brackets; the parts begin with it."""
    places = [
        k
        for k, depth in _depths(text)
        if depth == 0 and k and any(text.startswith(s, k) for s in separators)
    ]
    ends = [*places, len(text)]
    parts = [text[a:b] for a, b in zip([0, *places], ends, strict=True)]
    return [parts[0], *(p if p.startswith(", ") else p[1:] for p in parts[1:])]


def _groups(text: str) -> Iterator[tuple[int, int]]:
    """The brackets at the top level."""
    opened = 0
    for k, depth in _depths(text):
        if depth == 0 and text[k] in "([{":
            opened = k
        elif depth == 0 and text[k] in ")]}":
            yield opened, k
