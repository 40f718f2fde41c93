"""What the statements of a Python sheet bind, one after the other; names may be bound anew.

dW1 = X.T @ dZ1         an intermediate value, of which nothing is claimed
dW1 /= m                ... and here it is the gradient: X.T @ dZ1 / m
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from derive.python_sheets.names import Named, meaning
from derive.python_sheets.places import PLACES, is_entry, is_number, key_of, named_place, picks
from derive.sheets.python import parsed
from derive.sheets.sheet import Changes, Formula, Part

MOST_VALUE = 3_000  # characters of what a name stands for
UNKNOWN = ""  # what a name stands for after a change that is not understood
_OPPOSITE = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}
#: Calls and operations without which a value is no loss.
_REDUCING = ("sum", "mean", "average", "dot", "norm", "log", "square", "trace", "vdot", "inner")
LARGEST = ("max", "amax")
_UNCERTAIN = ("e", "c", "j", "error", "err")  # a loss, or something else that a sheet calls so


# ------------------------------------------------------------------------- single statements


def pairs(node: ast.stmt) -> list[tuple[ast.expr, ast.expr]]:
    """What a statement assigns: targets with values; tuples and dictionaries taken apart."""
    if isinstance(node, ast.AnnAssign):
        return [(node.target, node.value)] if node.value is not None else []
    if not isinstance(node, ast.Assign) or packs(node):
        return []
    return [pair for target in node.targets for pair in _taken_apart(target, node.value)]


def _bound_within(node: ast.stmt) -> list[tuple[ast.expr, ast.expr]]:
    """What a statement assigns, and what names it binds inside: (d := y_hat - y)."""
    inner = [(n.target, n.value) for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
    return [*inner, *pairs(node)]


def packs(node: ast.stmt) -> bool:
    """Whether a statement puts arrays together or takes them apart: cache = (Z1, A1)."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return False
    target, value = node.targets[0], node.value
    several = isinstance(value, ast.Tuple | ast.List) and all(
        isinstance(each, PLACES) for each in value.elts
    )
    if isinstance(target, ast.Name) and several:
        return True
    taken = isinstance(value, ast.Name) and meaning(value.id) is None
    return isinstance(target, ast.Tuple | ast.List) and taken


def _taken_apart(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple | ast.List):
        count = len(target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == count:
            yield from zip(target.elts, value.elts, strict=True)
            return
        if isinstance(value, ast.Attribute) and value.attr == "shape" and count <= 2:
            for k, each in enumerate(target.elts):
                entry = ast.Subscript(value, ast.Constant(k), ast.Load())
                yield each, _everywhere(entry, value)
            return
    elif isinstance(target, ast.Name) and isinstance(value, ast.Dict):
        for key, each in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                holder = ast.Name(target.id, ast.Load())
                entry = ast.Subscript(holder, ast.Constant(key.value), ast.Store())
                yield _everywhere(entry, key), each
        return
    yield target, value


def _everywhere(made: ast.expr, place: ast.expr) -> ast.expr:
    """Parts that we made, at the place of what they were made from."""
    for part in ast.walk(made):
        if isinstance(part, ast.expr) and not hasattr(part, "lineno"):
            ast.copy_location(part, place)
    return ast.copy_location(made, place)


def own_names(parts: Sequence[Part], *, network: bool = True) -> dict[str, str]:
    """Names that a sheet assigns and nobody else knows, with the text of their first values.

    Where no `network` is spoken of, that is every name.
    """
    found: dict[str, str] = {}
    for formula in _formulas(parts):
        for target, value in _bound_within(statement_of(formula)):
            if not isinstance(target, ast.Name) or target.id in found:
                continue
            named = meaning(target.id)
            inside = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
            if target.id not in inside and (not network or _is_own(target.id, named, value)):
                found[target.id] = ast.unparse(value)
    return found


def _is_own(name: str, named: Named | None, value: ast.expr) -> bool:
    """Whether a name is the writer's own, for all that it looks like one of the network."""
    if named is None or isinstance(value, ast.Lambda):
        return True
    if named.label is not None or named.derived:
        return False
    if named.role != "samples" and _is_size(value):
        return True
    if is_number(value):  # h = 3 units, delta = 1.0 of a loss; x = 0.5 is of an example in numbers
        whole = type(getattr(value, "value", None)) is int
        return named.role == "delta" or (whole and named.role in ("activation", "loss", "output"))
    if named.role not in ("loss", "delta"):
        return False
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub):
        return True  # error = output - target names no loss
    return named.role == "loss" and name in _UNCERTAIN and not _reduces(value)


def _is_size(value: ast.expr) -> bool:
    """Whether a value is the length of something: X.shape[1], len(y)."""
    if isinstance(value, ast.Subscript):
        return isinstance(value.value, ast.Attribute) and value.value.attr == "shape"
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "len"


def _reduces(value: ast.expr) -> bool:
    for part in ast.walk(value):
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Pow | ast.MatMult):
            return True
        if isinstance(part, ast.Call):
            name = getattr(part.func, "attr", "") or getattr(part.func, "id", "")
            if name.lower() in _REDUCING or "loss" in name.lower() or "entropy" in name.lower():
                return True
    return False


# ---------------------------------------------------------------------------- the whole sheet


@dataclass(frozen=True)
class _Event:
    """A statement that gives a name a value; `old` says that it is made from the one before."""

    at: int  # the number of the statement
    value: ast.expr | None  # None: a change that is not understood
    old: bool = False


@dataclass
class _Known:
    """For every statement: what names stand for in it, and which it leaves unfinished."""

    standing: list[dict[str, str]]
    after: list[dict[str, str]]
    unfinished: list[set[str]]
    own: Mapping[str, str] = field(default_factory=dict)


def bound(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts of a sheet, where each statement knows what names that change stand for in it."""
    formulas = _formulas(parts)
    nodes = [statement_of(formula) for formula in formulas]
    known = _Known(
        [{} for _ in nodes], [{} for _ in nodes], [set() for _ in nodes], own_names(parts)
    )
    events: dict[str, list[_Event]] = {}
    for k, node in enumerate(nodes):
        for key, event in _events(k, node):
            events.setdefault(key, []).append(event)
    for key, own in events.items():
        _follow(key, own, known)
    told = {
        id(formula): replace(
            formula,
            changes=Changes(
                tuple(known.standing[k].items()),
                tuple(known.after[k].items()),
                tuple(sorted(known.unfinished[k])),
            ),
        )
        for k, formula in enumerate(formulas)
    }
    return tuple(told.get(id(part), part) for part in parts)


def _events(k: int, node: ast.stmt) -> Iterator[tuple[str, _Event]]:
    """The names that a statement gives values."""
    if is_shift(node):
        return
    if isinstance(node, ast.AugAssign):
        if isinstance(node.target, PLACES):
            yield from _changed(k, node.target, _with(node.target, node.op, node.value), node)
        return
    for target, value in _bound_within(node):
        if not isinstance(target, PLACES):
            continue
        key = key_of(target)
        if key is None:
            yield from _changed(k, target, value, node)
        elif not _is_parameter(target):
            yield key, _Event(k, value, _mentions(value, key))


def _changed(
    k: int, target: ast.expr, value: ast.expr, node: ast.stmt
) -> Iterator[tuple[str, _Event]]:
    """A change of a value in place: x /= n, x[x <= 0] = 0, x[range(n), y] -= 1."""
    key = key_of(target)
    if key is not None:
        if not _is_parameter(target):
            yield key, _Event(k, value, old=True)
        return
    key = changed_part(target)
    if key is None:
        return
    assert isinstance(target, ast.Subscript)
    whole = ast.Name(key, ast.Load()) if isinstance(target.value, ast.Name) else target.value
    yield key, _Event(k, _masked(whole, target.slice, node), old=True)


def is_shift(node: ast.stmt) -> bool:
    """Whether a statement takes the largest number of an array off it, which no softmax sees."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub):
        whole: ast.expr = node.target
        largest = node.value
    elif (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.BinOp)
        and isinstance(node.value.op, ast.Sub)
        and ast.unparse(node.targets[0]) == ast.unparse(node.value.left)
    ):
        whole, largest = node.value.left, node.value.right
    else:
        return False
    if not isinstance(largest, ast.Call):
        return False
    func = largest.func
    name = func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")
    method = isinstance(func, ast.Attribute) and ast.unparse(func.value) == ast.unparse(whole)
    over = func.value if method else largest.args[0] if largest.args else None  # type: ignore[attr-defined]
    same = isinstance(over, ast.expr) and ast.unparse(over) == ast.unparse(whole)
    return name in LARGEST and same


def changed_part(target: ast.expr) -> str | None:
    """The array of which a statement changes a part, not an entry: x of x[x <= 0] = 0."""
    if not isinstance(target, ast.Subscript) or key_of(target) is not None:
        return None
    if is_entry(target) or _is_parameter(target.value):
        return None
    return key_of(target.value)


def _masked(whole: ast.expr, place: ast.expr, node: ast.stmt) -> ast.expr | None:
    """What is left of an array: x where another is positive, x - y for classes by number."""
    value = node.value if isinstance(node, ast.Assign | ast.AugAssign) else None
    if not isinstance(value, ast.Constant):
        return None
    if isinstance(node, ast.Assign):
        compares = isinstance(place, ast.Compare) and len(place.ops) == 1
        if not compares or value.value != 0:
            return None
        assert isinstance(place, ast.Compare)
        turned = _OPPOSITE.get(type(place.ops[0]))
        if turned is None:
            return None
        kept = ast.Compare(place.left, [turned()], place.comparators)
        return ast.BinOp(whole, ast.Mult(), kept)
    if not isinstance(node, ast.AugAssign) or not isinstance(node.op, ast.Sub) or value.value != 1:
        return None
    picked = ast.Subscript(whole, place, ast.Load())
    if not picks(picked):
        return None
    assert isinstance(place, ast.Tuple)
    return ast.BinOp(whole, ast.Sub(), place.elts[1])


def _follow(key: str, events: Sequence[_Event], known: _Known) -> None:
    """Go through the values of one name."""
    named = meaning(key.split("[")[-1].strip("]'\"").split(".")[-1])
    own = named is None or key in known.own
    text: str | None = None  # what the name stands for after the statement before
    for k, event in enumerate(events):
        stop = events[k + 1].at if k + 1 < len(events) else len(known.standing)
        goes_on = k + 1 < len(events) and events[k + 1].old
        before = text
        if event.old and before is None:
            grows = named is not None and (named.derived or named.role == "delta")
            before = "0" if grows and _adds(event.value) else None
        if event.old and before is not None:
            known.standing[event.at][key] = before
        text = _text(event, key, before)
        if event.old and before is not None:
            known.after[event.at][key] = text or UNKNOWN
        if goes_on:
            known.unfinished[event.at].add(key)
        if goes_on or (own and (k or text == UNKNOWN)):
            for each in known.standing[event.at + 1 : stop]:
                each[key] = UNKNOWN if text is None else text


def _adds(value: ast.expr | None) -> bool:
    """Whether a change adds to what there is, which then may begin at zero."""
    return isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub)


def _text(event: _Event, key: str, before: str | None) -> str | None:
    """What the name stands for from here on."""
    if event.value is None or (event.old and before == UNKNOWN):
        return UNKNOWN
    if not event.old:
        return ast.unparse(event.value)
    if before is None:
        return None
    tree = parsed(before).body[0]
    assert isinstance(tree, ast.Expr)
    made = ast.unparse(_Filled(key, tree.value).visit(copy.deepcopy(event.value)))
    return made if len(made) <= MOST_VALUE else UNKNOWN


class _Filled(ast.NodeTransformer):
    """Puts the value of a name in its places."""

    def __init__(self, key: str, value: ast.expr) -> None:
        self.key, self.value = key, value

    def visit(self, node: ast.AST) -> ast.AST:
        """The value at the name, all else as it is."""
        if isinstance(node, PLACES) and ast.unparse(node) == self.key:
            return self.value
        return self.generic_visit(node)


def _with(target: ast.expr, op: ast.operator, value: ast.expr) -> ast.expr:
    return ast.BinOp(_loaded(target), op, value)


def _loaded(target: ast.expr) -> ast.expr:
    made = copy.copy(target)
    if isinstance(made, PLACES):
        made.ctx = ast.Load()
    return made


def _is_parameter(node: ast.expr) -> bool:
    """Whether an assignment to a place is a step of training."""
    named = named_place(node)
    return named is not None and named.role in ("weight", "bias") and not named.derived


def _mentions(value: ast.expr, key: str) -> bool:
    return any(isinstance(n, PLACES) and ast.unparse(n) == key for n in ast.walk(value))


# ------------------------------------------------------------------------------ formulas


def _formulas(parts: Sequence[Part]) -> list[Formula]:
    return [part for part in parts if isinstance(part, Formula) and not part.problem]


def statement_of(formula: Formula) -> ast.stmt:
    """The statement of a formula."""
    try:
        body = parsed(formula.text).body
    except SyntaxError:  # a line of a block, by itself
        return ast.Pass()
    return body[0] if body else ast.Pass()
