"""Numbers for everything that can be referred to, given once, before any format prints.

A reference to a key that nothing carries is refused here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

from codegen.pages.document import (
    MARKS,
    STATEMENTS,
    Block,
    CodeLine,
    CrossRef,
    Document,
    EquationRow,
    Exercise,
    Figure,
    Lemma,
    Line,
    Section,
    Table,
    Target,
)
from codegen.pages.picture import Picture
from derive.writing.layout import Layout

KEY = re.compile(r"[A-Za-z][A-Za-z0-9:._+-]*")


def numbered(document: Document) -> Document:
    """The document with every number in its place, and with its targets by key."""
    numbers = _Numbering()
    opening = tuple(numbers.visit(block) for block in document.opening)
    sections = tuple(numbers.visit(section) for section in document.sections)
    made = replace(document, opening=opening, sections=sections)
    _check_references(made, numbers.targets)
    return replace(made, targets=MappingProxyType(numbers.targets))


class _Numbering:
    """Counts while it walks; holds what it has found by key."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.targets: dict[str, Target] = {}
        self.path: list[int] = []

    def visit(self, node: Any) -> Any:
        if isinstance(node, Section):
            return self.section(node)
        if isinstance(node, Line | EquationRow):
            return self.give(node, "Equation") if node.key else node
        if isinstance(node, Lemma):
            node = self.give(node, node.kind)
        elif isinstance(node, Table) and not node.caption:
            return node
        elif isinstance(node, Figure | Table | Exercise):
            return self.inside(self.give(node, type(node).__name__))
        return self.inside(node)

    def inside(self, node: Any) -> Any:
        """Number what a block holds: its tuples of blocks, lines or rows."""
        if not is_dataclass(node) or isinstance(node, type):
            return node
        changed: dict[str, Any] = {}
        for f in fields(node):
            value = getattr(node, f.name)
            if (
                isinstance(value, tuple)
                and value
                and isinstance(value[0], Block | Line | EquationRow)
            ):
                changed[f.name] = tuple(map(self.visit, value))
        return replace(node, **changed) if changed else node

    def section(self, node: Section) -> Section:
        depth = len(self.path)
        self.counts[f"section {depth}"] += 1
        self.counts[f"section {depth + 1}"] = 0
        self.path.append(self.counts[f"section {depth}"])
        number = ".".join(map(str, self.path))
        self.register(node.key, Target("Section", number))
        made = replace(node, number=number, blocks=tuple(map(self.visit, node.blocks)))
        self.path.pop()
        return made

    def give(self, node: Any, kind: str) -> Any:
        self.counts[kind] += 1
        number = str(self.counts[kind])
        self.register(node.key, Target(kind, number))
        return replace(node, number=number)

    def register(self, key: str | None, target: Target) -> None:
        if key is None:
            return
        if not KEY.fullmatch(key):
            raise ValueError(f"key {key!r}: letters, digits and : . _ + - only, a letter first")
        if key in self.targets:
            raise ValueError(f"key {key!r} names both {self.targets[key].text} and {target.text}")
        self.targets[key] = target


def nodes(tree: Any) -> Iterator[Any]:
    """Every dataclass of a tree, in reading order, except the inside of formulas and pictures."""
    if isinstance(tree, tuple):
        for part in tree:
            yield from nodes(part)
    elif is_dataclass(tree) and not isinstance(tree, Layout | Picture | type):
        yield tree
        for f in fields(tree):
            yield from nodes(getattr(tree, f.name))


def _check_references(document: Document, targets: Mapping[str, Target]) -> None:
    for node in nodes(document):
        keys = [node.key] if isinstance(node, CrossRef) else []
        keys += node.refs if isinstance(node, CodeLine) else []
        for key in keys:
            if key not in targets:
                known = ", ".join(sorted(targets)) or "none"
                raise ValueError(
                    f"a reference to {key!r}, which nothing carries; there are: {known}"
                )
        if isinstance(node, Line) and node.checked not in MARKS:
            raise ValueError(f"found check mark {node.checked!r}, expected one of {MARKS}")
        if isinstance(node, Lemma) and node.kind not in STATEMENTS:
            raise ValueError(f"found statement {node.kind!r}, expected one of {STATEMENTS}")
