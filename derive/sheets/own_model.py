r"""The model of a sheet's own equations, where no network of layers is like it.

h = x + W f(U x + b), \hat y = v^\top h and L = (\hat y - y)^2 / 2 are one layer of equations whose
output is the loss.  Everything that the equations do not compute is a parameter, the input aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from string import ascii_lowercase
from typing import Any

from derive.algebra.symbols import Label
from derive.errors import SpecError
from derive.marking.judging import Judge
from derive.profiles import DEFAULT, profile
from derive.reading.latex_tokens import Refused, Unreadable
from derive.reading.own import Bound, Own, symbol
from derive.reading.own import Definition as Worth
from derive.reading.scope import Scope
from derive.reading.tree import Applied, Derivative, Entry, Nabla, Node, Num, rebuilt, walk
from derive.sheets.agreements import quickly_holds
from derive.sheets.door import claims_of
from derive.sheets.environment import Environment, environment
from derive.sheets.findings import Key, Signs
from derive.sheets.hypotheses import Hypothesis
from derive.sheets.own_shapes import Definition, Fitting, fitting
from derive.sheets.sheet import Formula, Heading, Prose, Sheet
from derive.sheets.statements import EQUALS, LOSS_LETTERS
from derive.spec import Network, load
from derive.writing.signs import Sign

_FUNCTIONS = frozenset(("sigma", "phi", "varphi", "f", "g", "psi", "rho", "s"))
_STAND_INS = ("softplus", "sigmoid", "tanh", "relu")  # for a function of which nothing is said
LOGISTIC = re.compile(r"\b(?:sigmoid|logistic)\b", re.IGNORECASE)
MOST_TRIED = 12
OUTPUT, TARGETS = "loss", "free"


@dataclass(frozen=True)
class OwnModel:
    """The network of a sheet's own equations, and how the sheet is read about it."""

    network: Network
    hypothesis: Hypothesis
    computed: tuple[str, ...]  # what the equations say, the loss last
    taken: tuple[str, ...] = ()  # functions that stand for those of which nothing is said


@dataclass(frozen=True)
class _Told:
    """What the sheet writes down: its symbols, functions and equations."""

    keys: Mapping[str, Key]
    functions: Mapping[Key, str]
    definitions: tuple[Definition, ...]
    loss: str


def own_model(sheet: Sheet, signs: Signs) -> OwnModel | None:
    """The model that the equations of a sheet make, if they make one that ends in a loss."""
    if any(name.number for name in signs.names):
        return None  # layers and samples above the signs
    letters = [s for s in _called(signs) if s not in signs.functions]
    best: tuple[int, OwnModel] | None = None
    for chosen in dict.fromkeys(
        tuple((s, _meant(s, stand_in, sheet)) for s in letters) for stand_in in _STAND_INS
    ):
        forms = {**signs.functions, **dict(chosen)}
        made = _with_functions(sheet, signs, {(s, ""): f for s, f in forms.items()})
        if made is None:
            return None
        count = _holding(sheet, made)
        if count is not None and (best is None or count > best[0]):
            taken = tuple(f"{s.letter} = {forms[s]}" for s in letters)
            best = count, replace(made, taken=taken)
    return best and best[1]


def own_environment(sheet: Sheet, made: OwnModel) -> Environment:
    """The environment of a sheet about its own model."""
    return environment(sheet, made.network, None, made.hypothesis, Judge(made.network))


# -------------------------------------------------------------------- what is written


def _called(signs: Signs) -> list[Sign]:
    """Letters of functions before something in parentheses."""
    found: dict[Sign, None] = {}
    for statement in signs.statements:
        for member in statement.members:
            for token, following in pairwise(member):
                letter = token.text.lstrip("\\")
                if letter in _FUNCTIONS and following.text in ("(", "["):
                    found.setdefault(Sign(letter))
    return list(found)


def _meant(sign: Sign, stand_in: str, sheet: Sheet) -> str:
    words = " ".join(p.text for p in sheet.parts if isinstance(p, Prose | Heading))
    return "sigmoid" if LOGISTIC.search(words) and sign.letter in ("sigma", "s") else stand_in


def _with_functions(sheet: Sheet, signs: Signs, functions: Mapping[Key, str]) -> OwnModel | None:
    told = _told(sheet, signs, functions)
    if told is None:
        return None
    names = {s: f"{'q' * (k // 26 + 1)}{ascii_lowercase[k % 26]}" for k, s in enumerate(told.keys)}
    fitted = fitting(list(told.definitions), told.loss, names, _kinds(told.keys))
    if fitted is None:
        return None
    with suppress(SpecError, Refused, RecursionError, KeyError):
        return _made(told, fitted, names)
    return None


def _told(sheet: Sheet, signs: Signs, functions: Mapping[Key, str]) -> _Told | None:
    """The equations that lead to a loss, each written with the symbols of the others."""
    own = Own(
        signs={
            **{n.key: _as_symbol(n.key) for n in signs.names},
            **{key: Bound("function", None, form) for key, form in functions.items()},
        }
    )
    keys = {symbol(*n.key): n.key for n in signs.names if n.key not in functions}
    scope = Scope(profile(DEFAULT), own=own)
    found: dict[str, Node] = {}
    for formula in _formulas(sheet):
        with suppress(Refused, Unreadable):
            for claim in claims_of(formula, scope, sheet.macros).claims:
                lhs = claim.lhs
                if claim.relation in EQUALS and claim.rhs is not None and _is_symbol(lhs, keys):
                    assert isinstance(lhs, Entry)
                    found.setdefault(lhs.letter, claim.rhs)
    found = {s: rhs for s, rhs in found.items() if _is_plain(rhs, s)}
    found = _shared(found)
    ends = [s for s in found if str(keys[s][0]) in LOSS_LETTERS]
    if len(ends) != 1:
        return None
    order = list(_order(found, ends[0]))
    if set(order) != set(found):
        return None  # something is defined on which the loss does not depend
    used = {e.letter for rhs in found.values() for e in walk(rhs) if isinstance(e, Entry)}
    kept = {s: keys[s] for s in keys if s in used or s in found}
    return _Told(kept, functions, tuple(Definition(s, found[s]) for s in order), ends[0])


def _as_symbol(key: Key) -> Bound:
    """A symbol of the sheet's own; what a loss depends on may stand behind it: L(w)."""
    return Bound("user", letter=symbol(*key), called=str(key[0]) in LOSS_LETTERS)


def _formulas(sheet: Sheet) -> Iterator[Formula]:
    return (p for p in sheet.parts if isinstance(p, Formula) and p.language == "latex")


def _is_symbol(node: Node | None, keys: Mapping[str, Key]) -> bool:
    return (
        isinstance(node, Entry)
        and node.role == "user"
        and not (node.places or node.label or node.sample)
        and node.letter in keys
    )


def _is_plain(rhs: Node, name: str) -> bool:
    """Whether a formula computes something forward: no derivative, and not itself."""
    nodes = list(walk(rhs))
    itself = any(isinstance(n, Entry) and n.letter == name for n in nodes)
    entries = any(isinstance(n, Entry) for n in nodes)
    return entries and not itself and not any(isinstance(n, Derivative | Nabla) for n in nodes)


def _shared(found: dict[str, Node]) -> dict[str, Node]:
    """What one equation computes is its symbol in the others: u = f(a) in h = x + W f(a)."""
    for _ in range(len(found)):
        before = dict(found)
        for name, rhs in before.items():
            if isinstance(rhs, Entry):
                continue
            put = Entry("user", name, None)
            for other in found:
                if other != name:
                    found[other] = _put(found[other], rhs, put)
        if found == before:
            break
    return found


def _put(node: Node, what: Node, by: Node) -> Node:
    if node == what:
        return replace(by, span=node.span)
    return rebuilt(node, lambda part: _put(part, what, by))


def _order(found: Mapping[str, Node], end: str) -> Iterator[str]:
    """What the last equation needs, before what needs it."""
    done: dict[str, bool] = {}

    def visit(name: str) -> Iterator[str]:
        if name not in found or done.get(name):
            return
        if name in done:
            raise RecursionError
        done[name] = False
        for node in walk(found[name]):
            if isinstance(node, Entry):
                yield from visit(node.letter)
        done[name] = True
        yield name

    with suppress(RecursionError):
        yield from visit(end)


def _kinds(keys: Mapping[str, Key]) -> dict[str, str]:
    """What a symbol looks like where it is no number."""

    def kind(sign: Sign) -> str:
        large = sign.letter[:1].isupper()
        if sign.style == "bold" or sign.accent == "vec":
            return "bold matrix" if large else "bold"
        return "matrix" if large else "column"

    return {name: kind(sign) for name, (sign, _) in keys.items()}


# -------------------------------------------------------------------- the network


def _made(told: _Told, fitted: Fitting, names: Mapping[str, str]) -> OwnModel | None:
    shapes = fitted.shapes
    given = [s for s in told.keys if s not in fitted.forms and s not in shapes.lengths]
    arrays = [s for s in given if shapes.of_symbol(s)[0]]
    if not arrays:
        return None
    entering = min(arrays, key=lambda s: (bool(shapes.of_symbol(s)[1]), not s.startswith("x")))
    shapes.names = {**names, entering: "x"}
    forward: list[str] = []
    parameters: dict[str, list[str]] = {}
    for name in given:
        places = [shapes.index(d) for d in shapes.of_symbol(name) if d]
        if name != entering:
            parameters[names[name]] = places
        if name != entering and places and _is_distribution(name, told):
            free, before = f"{TARGETS}{names[name]}", places[:-1]
            parameters[free] = parameters.pop(names[name])
            inner = shapes.index(next(d for d in reversed(shapes.of_symbol(name)) if d))
            here, there = ", ".join(places), ", ".join([*before, inner])
            share = f"exp({free}[{here}])/Sum(exp({free}[{there}]), {inner})"
            forward.append(f"{names[name]}[{here}] = {share}")
    for definition in told.definitions:
        form = fitted.forms[definition.symbol]
        row, column = (shapes.index(d) for d in form.shape)
        if definition.symbol == told.loss:
            shapes.indices["e"] = 0
            forward.append(f"{OUTPUT}[e] = {form.text('', '')}")
        else:
            forward.append(
                f"{shapes.entry(definition.symbol, row, column)} = {form.text(row, column)}"
            )
    sizes = shapes.sizes()
    spec: dict[str, Any] = {
        "name": "own",
        "input": [sizes[shapes.root(d)] for d in shapes.of_symbol(entering) if d],
        "loss": "o",
        "layers": [
            {
                "kind": "equations",
                "indices": {
                    n: sizes[shapes.root(d)] if d else 1 for n, d in shapes.indices.items()
                },
                "parameters": parameters,
                "forward": forward,
            }
        ],
    }
    lengths = {s: sizes[shapes.root(d)] for s, d in shapes.lengths.items()}
    bound = {key: Bound("own", Label(1), letter=names[s]) for s, key in told.keys.items()}
    bound[told.keys[entering]] = Bound("input")
    bound[told.keys[told.loss]] = Bound("loss", called=True)
    bound.update({key: Bound("function", None, form) for key, form in told.functions.items()})
    bound.update({(Sign(s), ""): Bound("user", letter=s) for s in lengths})

    def change(own: Own, signs: Signs, base: Scope) -> Own:
        worth = {s: Worth((), None, Num(Fraction(n))) for s, n in lengths.items()}
        return replace(own, signs=bound, definitions={**own.definitions, **worth})

    hypothesis = Hypothesis(notation="columns", numbered=True, words=False, changes=(change,))
    computed = tuple(d.symbol for d in told.definitions)
    return OwnModel(load(spec), hypothesis, computed)


def _is_distribution(name: str, told: _Told) -> bool:
    """Whether a vector weighs the logarithms of a softmax: its entries sum to 1."""
    softmax = any(
        isinstance(n, Applied) and n.function.name == "softmax"
        for d in told.definitions
        for n in walk(d.rhs)
    )
    loss = next(d.rhs for d in told.definitions if d.symbol == told.loss)
    logarithm = any(isinstance(n, Applied) and n.function.name == "log" for n in walk(loss))
    direct = any(isinstance(n, Entry) and n.letter == name for n in walk(loss))
    return softmax and logarithm and direct


# -------------------------------------------------------------------- whether it is meant


def _holding(sheet: Sheet, made: OwnModel) -> int | None:
    """How many lines hold of the model; None where its own equations do not."""
    count = tried = 0
    try:
        environment = own_environment(sheet, made)
    except (SpecError, Refused, RecursionError):
        return None
    scope, judge = environment.scopes[0], Judge(made.network)
    for formula in _formulas(sheet):
        with suppress(Refused, Unreadable):
            for claim in claims_of(formula, scope, sheet.macros).claims:
                if claim.rhs is None or not claim.complete or claim.relation not in EQUALS:
                    continue
                holds = quickly_holds(judge, claim, scope)
                own = isinstance(claim.lhs, Entry) and claim.lhs.role in ("own", "loss")
                if own and not holds:
                    return None
                tried += 1
                count += holds
                if tried >= MOST_TRIED:
                    return count
    return count
