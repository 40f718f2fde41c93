r"""The door of sheets: a file's text as formulas, prose and headings in order.

>>> made = read_sheet(r"We find \[ \delta_j = e_j \] at once.", "hand.tex", "tex")
>>> [formula.text for formula in made.formulas]
['\\delta_j = e_j']
"""

from __future__ import annotations

from dataclasses import replace

from derive.claims.claim import Claim
from derive.errors import SpecError, listed, shown
from derive.python_sheets.bindings import bound
from derive.python_sheets.reading import python_claims
from derive.reading.latex_macros import Macros
from derive.reading.latex_tokens import Refused, Unreadable
from derive.reading.reader import Reading, read
from derive.reading.scope import Scope
from derive.reading.tree import (
    Derivative,
    Entry,
    Letter,
    Nabla,
    Node,
    Norm,
    Plus,
    Transposed,
    rebuilt,
    walk,
)
from derive.sheets.markdown import MarkdownReader
from derive.sheets.python import python_parts
from derive.sheets.sheet import Formula, Sheet
from derive.sheets.tex import TexReader
from derive.sheets.text import Include, Source

KINDS = ("tex", "md", "py")
_SAME = {"latex": "tex", "ltx": "tex", "markdown": "md", "python": "py", "txt": "md", "mkd": "md"}


def read_sheet(text: str, name: str, kind: str, include: Include | None = None) -> Sheet:
    r"""The sheet of a text; TeX programming, files outside and excess raise `Refused`.

    `kind` is tex, md or py; `include` gives the text of a file that \input names, by its path
    inside the folder.
    """
    plain = _plain(kind)
    if plain not in KINDS:
        raise SpecError(f"{name}: found the kind {shown(kind)}, expected {listed(KINDS)}")
    source = Source(name, text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    if plain == "py":
        return Sheet(name, bound(tuple(python_parts(source))))
    if plain == "md":
        markdown = MarkdownReader()
        return Sheet(name, tuple(markdown.parts(source)), markdown.macros)
    reader = TexReader(include)
    return Sheet(name, tuple(reader.parts(source)), reader.macros)


def is_kind(ending: str) -> bool:
    """Whether files with this ending can be sheets: .tex, .md, .py and the like."""
    return _plain(ending) in KINDS


def _plain(kind: str) -> str:
    plain = kind.lower().lstrip(".")
    return _SAME.get(plain, plain)


def claims_of(formula: Formula, scope: Scope, macros: Macros | None = None) -> Reading:
    """The claims of one formula of a sheet, and what could not be read."""
    if formula.language == "python":
        claims, problems = ([], []) if formula.problem else python_claims(formula, scope)
        made = Reading(tuple(claims), tuple(problems))
    else:
        try:
            made = read(formula.text, scope, macros)
        except Refused as stop:
            where = f"{formula.file}:{formula.line}"
            raise Refused(*(f"{where}: {p}" for p in stop.problems)) from None
    made = replace(made, claims=tuple(_as_number(_update(c), formula.text) for c in made.claims))
    if formula.problem:
        found, _, expected = formula.problem.partition("; ")
        broken = Unreadable(0, found.removeprefix("found "), expected or "a whole formula")
        made = replace(made, problems=(broken, *made.problems))
    return made


def _update(claim: Claim) -> Claim:
    """w = w - rate * gradient is no equation: it says what the new w is; so does an arrow."""
    parameter = isinstance(claim.lhs, Entry) and claim.lhs.role in ("weight", "bias")
    if claim.relation not in ("=", "to") or not parameter or not isinstance(claim.rhs, Plus):
        return claim
    assert claim.lhs is not None
    inside = claim.lhs in claim.rhs.args
    return replace(claim, relation="gets") if inside else claim


def _as_number(claim: Claim, text: str) -> Claim:
    """A claim about functions of x alone, with derivatives by x, is one about a number."""
    nodes = [n for side in claim.sides for n in walk(side)]
    entries = [n for n in nodes if isinstance(n, Entry)]
    by = [b for n in nodes if isinstance(n, Derivative) for b in n.by]
    alone = all(n.role == "input" and not n.places and n.sample is None for n in entries)
    if not by or not alone or any(isinstance(n, Transposed | Norm | Nabla) for n in nodes):
        return claim

    def visit(node: Node) -> Node:
        if isinstance(node, Entry):
            return Letter(text[slice(*node.span)].lstrip("\\"), span=node.span)
        return rebuilt(node, visit)

    lhs, rhs, before = (n and visit(n) for n in (claim.lhs, claim.rhs, claim.before))
    members = tuple(map(visit, claim.members))
    return replace(claim, lhs=lhs, rhs=rhs, before=before, members=members)
