"""The source of the parts of a tree: the writer's own text, and the parentheses around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from derive.reading.layout import KEPT
from derive.reading.tree import Bound, Bracket, Listed, Node, Span, children
from derive.rewriting.filled import unfilled

_SIZE = r"(?:\\(?:left|right|[bB]igg?[lr]?)(?![A-Za-z])\s*)?"
_LEFT = re.compile(rf"{_SIZE}[(\[]\s*")
_RIGHT = re.compile(rf"\s*{_SIZE}[)\]]$")


_WRAPPED = re.compile(r"(?:\\([A-Za-z]+)\s*)?\{")


@dataclass(frozen=True)
class Source:
    """A part as somebody wrote it, and the parentheses that stood around it."""

    text: str
    left: str = ""
    right: str = ""


def written(node: Node, text: str) -> str:
    """The text of a node by its span."""
    return text[node.span[0] : node.span[1]]


def bank(text: str, read: Node, fits: Callable[[str, Node], bool]) -> dict[Node, Source]:
    """The writer's own text of every part of a tree."""
    found: dict[Node, Source] = {}
    for node in _apart(read):
        own, key = written(node, text), unfilled(node)
        if own and key not in found and fits(own, node):
            left, right = fences(node, own)
            found[key] = Source(own[len(left) : len(own) - len(right)], left, right)
    return found


def _apart(node: Node, within: Span | None = None) -> Iterator[Node]:
    """The parts whose places hold nothing else."""
    if node.span != within and not isinstance(node, Bound):
        yield node
    for child in children(node):
        yield from _apart(child, node.span)


def fences(node: Node, own: str) -> tuple[str, str]:
    """The parentheses around the text of a node, with their sizes; empty where there are none."""
    if not is_fenced(own) or isinstance(node, Bracket | Listed):
        return "", ""
    left, right = _LEFT.match(own), _RIGHT.search(own)
    return (left.group(), right.group()) if left and right else ("", "")


def wrapping(text: str) -> str:
    """What opens one group in braces around everything: a brace, or a colour with its brace."""
    found = _WRAPPED.match(text)
    if found is None or (found[1] or "fwd") not in KEPT:
        return ""
    depth = 0
    for k in range(found.end() - 1, len(text)):
        depth += 0 if text[k - 1 : k] == "\\" else {"{": 1, "}": -1}.get(text[k], 0)
        if not depth:
            return found.group() if k == len(text) - 1 else ""
    return ""


def unfenced(text: str) -> str:
    """Without the parentheses around everything."""
    if not is_fenced(text):
        return text
    left, right = _LEFT.match(text), _RIGHT.search(text)
    return text[left.end() : right.start()] if left and right else text


def is_fenced(text: str) -> bool:
    """Whether one pair of parentheses or brackets stands around everything."""
    text = re.sub(r"\\(left|right|[bB]igg?[lr]?)(?![A-Za-z])\s*", "", text.strip())
    if text[:1] not in ("(", "["):
        return False
    depth = 0
    for k, sign in enumerate(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
        if not depth:
            return k == len(text) - 1
    return False
