r"""Reading trees written as LaTeX again, and formulas corrected in place.

>>> from dataclasses import replace
>>> from derive.profiles import profile
>>> from derive.reading.reader import read
>>> from derive.reading.tree import Minus
>>> scope = Scope(profile("columns"))
>>> text = r"\vec{a}_{i}^{(l)} + \dot\sigma(z_i^{(l)})"
>>> before = read(text, scope).claims[0].lhs
>>> after = replace(before, args=(before.args[0], Minus(before.args[1])))
>>> corrected(text, before, after, scope)
'\\vec{a}_{i}^{(l)} - \\dot\\sigma(z_i^{(l)})'
"""

from __future__ import annotations

from collections.abc import Iterator

from derive.errors import SpecError
from derive.reading.latex_macros import Macros
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Node, walk
from derive.rewriting.filled import told
from derive.rewriting.patching import Patcher
from derive.rewriting.printing import Printer
from derive.rewriting.sources import bank, written
from derive.rewriting.spelling import Spelling, learned, usual

__all__ = ["Unwritable", "corrected", "latex", "written"]


class Unwritable(SpecError):
    """A tree that no text is read as."""


def latex(node: Node, scope: Scope, macros: Macros | None = None) -> str:
    """The tree as LaTeX under the scope's profile; reading it gives an equal tree.

    Every layer is said, also those that the reader had filled in.
    """
    meant = told(node)
    made = ""
    for printer in _printers(scope, usual(scope.profile), macros):
        made = printer.text(meant)
        if printer.is_read(made, meant):
            return made
    raise Unwritable(f"no text is read as this {type(node).__name__.lower()}: {made[:160]}")


def _printers(scope: Scope, spelling: Spelling, macros: Macros | None) -> Iterator[Printer]:
    """One that takes the likeliest way everywhere, and one that reads every part again."""
    yield Printer(scope, spelling, macros, trusting=True)
    yield Printer(scope, spelling, macros)


def corrected(
    text: str, before: Node, after: Node, scope: Scope, macros: Macros | None = None
) -> str:
    """What stands in `text` for `before`, changed only where `after` differs; it reads as `after`.

    `before` is a tree read from the whole of `text`, so that its spans are places there.  New parts
    are spelled as the writer spells.  Raises `Unwritable` where nothing reads as `after`.
    """
    kept = frozenset(n for n in walk(before) if isinstance(n, Entry) and n.assumed)
    meant = told(after, kept)
    spelling = learned(text, before, usual(scope.profile))
    made = ""
    for printer in _printers(scope, spelling, macros):
        printer.sources.update(bank(text, before, printer.fits))
        made = Patcher(text, printer).rewritten(before, meant)
        if printer.is_read(made, meant):
            return made
    made = printer.text(meant)
    if printer.is_read(made, meant):
        return made
    raise Unwritable(f"no text is read as the correction: {made[:160]}")
