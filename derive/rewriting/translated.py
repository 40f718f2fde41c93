"""The text of a formula in another notation; what stands between its members stays in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from derive.claims.claim import Claim
from derive.errors import shown
from derive.reading.latex_macros import Macros
from derive.reading.latex_tokens import Unreadable
from derive.reading.reader import Reading, read
from derive.reading.tree import (
    Bound,
    Entry,
    Function,
    Kronecker,
    Letter,
    Listed,
    Node,
    Size,
    Span,
    children,
    walk,
)
from derive.rewriting.filled import told
from derive.rewriting.letters import says_which
from derive.rewriting.patching import Patcher
from derive.rewriting.printing import Printer
from derive.rewriting.spelling import by_pattern, usual
from derive.rewriting.translation import Translator


@dataclass(frozen=True)
class Translated:
    """A formula in another notation; `problem` says why it was left as it was."""

    text: str
    problem: Unreadable | None = None


def translated(text: str, translator: Translator, macros: Macros | None = None) -> Translated:
    """The formula in the other notation, or as it is with the reason."""
    reading = read(text, translator.here, macros)
    if reading.problems:
        return Translated(text, reading.problems[0])
    changes = {m.span: (m, new) for m, new in _members(reading, translator)}
    for kept in (True, False):
        made = _written(text, changes, translator, macros, kept)
        again = read(made, translator.there, macros)
        wanted = [new for _, (_, new) in sorted(changes.items())]
        if not again.problems and _sides(again) == [told(w) for w in wanted]:
            return Translated(made)
    return Translated(text, _clash(text, changes, translator, macros))


def _members(reading: Reading, translator: Translator) -> Iterator[tuple[Node, Node]]:
    """Each member of each chain with its translation."""
    chains: dict[int, list[Node]] = {}
    for claim in _claims(reading):
        chain = chains.setdefault(claim.chain, [])
        chain += [s for s in _parts(claim) if all(s is not other for other in chain)]
    beside = tuple(member for chain in chains.values() for member in chain)
    for chain in chains.values():
        yield from zip(chain, translator.chain(tuple(chain), beside), strict=True)


def _parts(claim: Claim) -> Iterator[Node]:
    """The sides; those of a map are its spaces."""
    for side in claim.sides:
        if claim.relation == "maps" and isinstance(side, Listed):
            yield from side.items
        else:
            yield side


def _claims(reading: Reading) -> Iterator[Claim]:
    for claim in reading.claims:
        yield claim
        yield from claim.conditions


def _sides(reading: Reading) -> list[Node]:
    """The members as they stand, from left to right."""
    found = {side.span: side for claim in _claims(reading) for side in _parts(claim)}
    return [side for _, side in sorted(found.items())]


def _written(
    text: str,
    changes: dict[Span, tuple[Node, Node]],
    translator: Translator,
    macros: Macros | None,
    kept: bool,
) -> str:
    """The text with every member written in the other notation; `kept`: layers stay unsaid."""
    spelling = replace(usual(translator.there.profile), **by_pattern(text))
    made, at = "", 0
    printer = Printer(translator.there, spelling, macros)
    for (start, end), (old, new) in sorted(changes.items()):
        meant = new if kept else told(new)
        own = _listed(text, old, meant, printer)
        made += text[at:start]
        made += own or Patcher(text, printer, foreign=True).rewritten(old, meant)
        at = end
    return made + text[at:]


def _listed(text: str, old: Node, new: Node, printer: Printer) -> str:
    """A list of numbers, 1, ..., L, with its letters in place; the last layer is no loss there."""
    if not isinstance(old, Listed) or not says_which(old):
        return ""
    before, after = ([n for n in walk(m) if isinstance(n, Letter | Size)] for m in (old, new))
    made, at = "", old.span[0]
    for one, other in zip(before, after, strict=True):
        kept = one == other and isinstance(one, Letter)
        made += text[at : one.span[0]]
        made += text[one.span[0] : one.span[1]] if kept else printer.text(other)
        at = one.span[1]
    return made + text[at : old.span[1]]


def _clash(
    text: str,
    changes: dict[Span, tuple[Node, Node]],
    translator: Translator,
    macros: Macros | None,
) -> Unreadable:
    """Which member cannot be written in the other notation."""
    printer = Printer(translator.there, usual(translator.there.profile), macros)
    name = translator.there.profile.name
    for _, (_, new) in sorted(changes.items()):
        if not _is_written(printer, new):
            node = _smallest(printer, new)
            start, end = node.span
            other = printer.reading(printer.text(node))
            taken = isinstance(node, Letter) and isinstance(other, Entry)
            wanted = f"a letter that {name} leaves free" if taken else f"what {name} can write"
            if isinstance(other, Entry) and taken:
                wanted += f"; there it is the {other.role.replace('_', ' ')}"
            return Unreadable(start, shown(text[start:end]), wanted)
    return Unreadable(0, "the formula", f"one that reads the same in {name}")


def _is_written(printer: Printer, node: Node) -> bool:
    meant = told(node)
    return printer.is_read(printer.text(meant), meant)


def _smallest(printer: Printer, node: Node) -> Node:
    """The smallest part that cannot be written."""
    for part in children(node):
        inside = not isinstance(part, Bound | Function) and part.span[1] > part.span[0]
        if inside and not isinstance(node, Entry | Kronecker) and not _is_written(printer, part):
            return _smallest(printer, part)
    return node
