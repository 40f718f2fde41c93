"""A sheet made ready for marking: the network, and every formula read in its scope."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from derive.claims.claim import Claim
from derive.claims.examples import Examples, is_number
from derive.claims.places import NoValue
from derive.marking.compositions import compositions
from derive.marking.conventions import Conventions
from derive.profiles import load as load_profile
from derive.reading.latex_macros import Macros
from derive.reading.latex_tokens import Refused, Unreadable
from derive.reading.reader import Reading
from derive.reading.scope import Scope
from derive.reading.tree import Entry, Letter, Node, Total, walk
from derive.sheets.described import Described, described, stated
from derive.sheets.door import claims_of
from derive.sheets.environment import Environment, directed, environment
from derive.sheets.findings import signs_of
from derive.sheets.hypotheses import PLAIN
from derive.sheets.likeliest import likeliest
from derive.sheets.sheet import Formula, Sheet
from derive.spec import Network, load

ANY = "n > d generic repeat=L : generic"  # the network of sheets that speak of none
SOFTMAX = "n > d softmax : cross_entropy"  # ... and of softmax, which is of no single unit


@dataclass(frozen=True)
class Item:
    """A formula, the scope in which it is read, and what was read."""

    formula: Formula
    scope: Scope
    reading: Reading


@dataclass(frozen=True)
class Placed:
    """A sheet about a network, in a notation."""

    network: Network
    notation: str
    guessed: bool
    items: tuple[Item, ...]
    macros: Macros
    conventions: Conventions
    remarks: tuple[str, ...] = ()
    about: bool = True  # whether the sheet is held against a network that somebody named
    stated: tuple[tuple[Claim, Scope], ...] = ()  # by a sheet that no network is named for
    aside: tuple[tuple[Claim, Scope], ...] = ()  # numbers that stand in lines of prose

    @property
    def examples(self) -> Examples:
        """The worked example of the sheet."""
        read = [(claim, item.scope) for item in self.items for claim in item.reading.claims]
        return Examples(self.network, (*self.aside, *read))

    @property
    def claims(self) -> Iterator[Claim]:
        """Everything that the sheet states."""
        for item in self.items:
            yield from item.reading.claims


def placed(sheet: Sheet, network: Network | None, notation: str | None) -> Placed:
    """The sheet with everything read."""
    told = network is not None
    found = described(sheet, notation) if network is None else None
    if found is not None:
        network, told = found.network, True
    if network is None and speaks_of_softmax(sheet):
        network = load(SOFTMAX)
    network = network and directed(sheet, network)
    about = load(ANY) if network is None else network
    made = _environment(sheet, network, notation, found)
    items = tuple(
        _item(formula, scope, sheet.macros)
        for formula, scope in zip(sheet.formulas, made.scopes, strict=True)
    )
    if network is None:
        items = _plainly(sheet, items, made.notation)
    items = tuple(_going_on(items))
    return Placed(
        about,
        made.notation,
        made.guessed,
        items,
        sheet.macros,
        made.conventions,
        (*_says(found), *made.remarks),
        told,
        () if told else stated(sheet, made.scopes),
        tuple(_aside(sheet, items)),
    )


def _environment(
    sheet: Sheet, network: Network | None, notation: str | None, found: Described | None
) -> Environment:
    """The environment: that in which the sheet describes its own network, where it does."""
    if found is not None and network is not None and found.hypothesis != PLAIN:
        return environment(sheet, network, notation, found.hypothesis)
    return likeliest(sheet, network, notation)


def _says(found: Described | None) -> Iterator[str]:
    """What the sheet is held against where nobody names a network."""
    if found is not None and found.model is not None:
        computed = ", ".join(found.model.computed)
        taken = f" ({', '.join(found.model.taken)})" if found.model.taken else ""
        yield f"no SPEC: lines are held against the sheet's own equations for {computed}{taken}"
    elif found is not None:
        network = found.line.rpartition(" : ")[0] if found.own_loss else found.line
        loss = ", with a loss of its own" if found.own_loss else ""
        yield f"no SPEC: the sheet's own equations say {network}{loss}"


def speaks_of_softmax(sheet: Sheet) -> bool:
    """Whether a sheet says what softmax is."""
    return any(f.function == "softmax" for f in signs_of(sheet.parts, sheet.macros).forwards)


def _going_on(items: tuple[Item, ...]) -> Iterator[Item]:
    """A display that begins with a sign of equality goes on with the chain of the one before.

    Two displays with labels of their own are two statements.
    """
    first: Node | None = None
    before: Node | None = None
    label = ""
    for item in items:
        claims = item.reading.claims
        opens = claims and claims[0].lhs is None and claims[0].relation == "=" and claims[0].rhs
        apart = bool(label and item.formula.label)
        if opens and first is not None and not apart:
            chain = claims[0].chain
            moved = [replace(c, lhs=first) if c.chain == chain else c for c in claims]
            moved[0] = replace(moved[0], before=before)
            item = replace(item, reading=replace(item.reading, claims=tuple(moved)))
            claims = item.reading.claims
        if claims:
            first, before, label = claims[-1].lhs, claims[-1].rhs, item.formula.label
        yield item


def _aside(sheet: Sheet, items: tuple[Item, ...]) -> Iterator[tuple[Claim, Scope]]:
    """Quantities to which lines of prose give numbers."""
    for part in sheet.parts if items else ():
        if not isinstance(part, Formula) or part.display:
            continue
        if "=" not in part.text or not any(map(str.isdigit, part.text)):
            continue
        with suppress(Refused, Unreadable):
            for claim in claims_of(part, items[0].scope, sheet.macros).claims:
                if claim.rhs is not None and is_number(claim.rhs):
                    yield claim, items[0].scope


def _has_samples(item: Item) -> bool:
    """Whether the sheet's letter for samples counts samples in this formula."""
    letter = item.scope.own.sample
    if item.scope.own.always_sample:
        return True
    for claim in item.reading.claims if letter else ():
        for node in (n for side in claim.sides for n in walk(side)):
            match node:
                case Entry(role="loss" | "objective") if node.sample == Letter(letter):
                    return True
                case Total() if any(b.name == letter for b in node.bounds):
                    return True
    return not letter


def _without_samples(item: Item, macros: Macros) -> Item:
    """The letter of the samples as that of an index, where the formula reads as well so."""
    scope = replace(item.scope, own=replace(item.scope.own, sample=""))
    reading = claims_of(item.formula, scope, macros)
    worse = len(reading.problems) > len(item.reading.problems)
    return item if worse else Item(item.formula, scope, reading)


def _plainly(sheet: Sheet, items: tuple[Item, ...], notation: str) -> tuple[Item, ...]:
    """Functions that are not bound to a network's, where more chain rules hold so."""
    if any(item.formula.language != "latex" for item in items):
        return items
    scope = Scope(load_profile(notation))
    plain = tuple(_item(item.formula, scope, sheet.macros) for item in items)
    return plain if _chain_rules(plain) > _chain_rules(items) else items


def _chain_rules(items: tuple[Item, ...]) -> int:
    claims = [claim for item in items for claim in item.reading.claims]
    chains = compositions(claims)
    count = 0
    for claim in claims:
        with suppress(NoValue, ZeroDivisionError):
            count += chains.holds(claim)
    return count


def _item(formula: Formula, scope: Scope, macros: Macros) -> Item:
    try:
        made = Item(formula, scope, claims_of(formula, scope, macros))
        return made if _has_samples(made) else _without_samples(made, macros)
    except RecursionError:
        problem = Unreadable(0, "a formula nested too deep", "less nesting")
        return Item(formula, scope, Reading((), (problem,)))
